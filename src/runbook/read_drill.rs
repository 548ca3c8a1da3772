//! Reads what drills are measured by, and when they may take place: `objectives` and `drill`.
//!
//! It asks no probe and knows no clock.

use super::{
    calendar::{Blackout, Calendar, DAYS, Window},
    document::{Node, NodeValue},
    fields::{Fields, check_name, text, wrong_type},
    nearest::nearest,
    outline::{Outline, Probe},
    problems::{Problems, quoted},
    read_steps::kind,
    template::{Reading, Tree, forbid},
};
use jiff::{
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use lifeboat_contract::{Catalog, DocumentPath, Shape, codes};
use std::time::Duration;

/// How often a probe asks where the runbook does not say.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_secs(1);
const PROBE_INTERVAL_MIN: Duration = Duration::from_millis(100);
const PROBES_MAX: usize = 20;
const PER_DAY_MAX: u64 = 1000;

pub(super) fn objectives(
    fields: &Fields<'_>,
    outline: &mut Outline,
    reading: &Reading<'_>,
    catalog: &Catalog,
    problems: &mut Problems,
) {
    let Some((node, path)) = fields.get("objectives") else { return };
    for entry in node.entries().iter().filter(|entry| entry.key != "probes") {
        forbid(&entry.value, &path.join(&entry.key), "this place", problems);
    }
    let Some(objectives) = Fields::open(node, path, &["rto", "rpo", "unavailability", "probes"], problems) else {
        return;
    };
    outline.rto = objectives.duration("rto", problems);
    outline.rpo = objectives.duration("rpo", problems);
    outline.unavailability = objectives.duration("unavailability", problems);
    let items = items(&objectives, "probes", problems);
    if items.len() > PROBES_MAX {
        let message = format!("{} probes are more than {PROBES_MAX}", items.len());
        problems.error(objectives.path.join("probes"), codes::OUT_OF_RANGE, message);
    }
    let checks: Vec<&str> =
        catalog.iter().filter(|entry| entry.shape == Shape::Check).map(|entry| entry.kind).collect();
    for (item, at) in items.into_iter().take(PROBES_MAX) {
        let Some(read) = probe(item, at.clone(), reading, catalog, &checks, problems) else { continue };
        if outline.probes.iter().any(|earlier| earlier.name == read.name) {
            let message = format!("the name {} is that of an earlier probe already", quoted(&read.name));
            problems
                .error(at.join("name"), codes::DUPLICATE_ID, message)
                .because("a drill reports its probes by their names");
        }
        outline.probes.push(read);
    }
}

/// Keeps its place in the list even where something is wrong with it, unless it is no mapping at all.
fn probe(
    node: &Node,
    path: DocumentPath,
    reading: &Reading<'_>,
    catalog: &Catalog,
    checks: &[&str],
    problems: &mut Problems,
) -> Option<Probe> {
    let probe = Fields::open(node, path, &["name", "uses", "with", "interval", "tolerance"], problems)?;
    for name in ["name", "uses", "interval", "tolerance"] {
        if let Some((value, at)) = probe.get(name) {
            forbid(value, &at, &format!("a probe's `{name}`"), problems);
        }
    }
    let name = probe.required_text("name", problems).unwrap_or_default();
    if !name.is_empty() {
        check_name(name, "a probe", &probe.path.join("name"), problems);
    }
    let with = match probe.get("with") {
        Some((node, at)) if matches!(node.value, NodeValue::Mapping(_)) => reading.tree(node, &at, problems),
        Some((node, at)) => {
            wrong_type(node, at, "a mapping", problems);
            Tree::Map(Vec::new())
        }
        None => Tree::Map(Vec::new()),
    };
    let interval = probe.duration("interval", problems).unwrap_or(PROBE_INTERVAL);
    if interval < PROBE_INTERVAL_MIN {
        problems
            .error(probe.path.join("interval"), codes::OUT_OF_RANGE, "a probe asks at most ten times a second")
            .because("more would be load, and not a measurement");
    }
    Some(Probe {
        name: name.to_owned(),
        kind: asking(&probe, catalog, checks, problems),
        with,
        interval: interval.max(PROBE_INTERVAL_MIN),
        tolerance: probe.duration("tolerance", problems),
    })
}

/// The kind of a probe. One that changes something is known, and no probe.
fn asking(probe: &Fields<'_>, catalog: &Catalog, checks: &[&str], problems: &mut Problems) -> Option<String> {
    if let Some(NodeValue::Text(text)) = probe.get("uses").map(|(node, _)| &node.value)
        && catalog.get(text).is_some_and(|entry| entry.shape != Shape::Check)
    {
        problems
            .error(probe.path.join("uses"), codes::UNKNOWN_KIND, format!("`{text}` is no check"))
            .because("a probe asks again and again, and changes nothing")
            .hint(format!("one of {}", checks.join(", ")));
        return None;
    }
    kind(probe, checks, problems)
}

pub(super) fn calendar(fields: &Fields<'_>, outline: &mut Outline, problems: &mut Problems) {
    let Some((node, path)) = fields.get("drill") else { return };
    let Some(drill) = Fields::open(node, path, &["windows", "blackouts", "max_per_day"], problems) else { return };
    let windows = items(&drill, "windows", problems);
    let windows = windows.into_iter().filter_map(|(node, at)| window(node, at, problems)).collect();
    let blackouts = items(&drill, "blackouts", problems);
    let blackouts = blackouts.into_iter().filter_map(|(node, at)| blackout(node, at, problems)).collect();
    outline.calendar = Calendar { windows, blackouts, max_per_day: max_per_day(&drill, problems) };
}

fn window(node: &Node, path: DocumentPath, problems: &mut Problems) -> Option<Window> {
    let window = Fields::open(node, path, &["days", "from", "to", "timezone"], problems)?;
    let days = days(&window, problems);
    let from = parsed::<Time>(&window, "from", &TIME, problems);
    let to = parsed::<Time>(&window, "to", &TIME, problems);
    let timezone = match window.text("timezone", problems) {
        None => Some(TimeZone::UTC),
        Some(name) => TimeZone::get(name).ok().or_else(|| {
            let message = format!("no time zone is called {}", quoted(name));
            problems
                .error(window.path.join("timezone"), codes::BAD_VALUE, message)
                .hint("write it as the IANA time zone database does: Europe/Berlin, America/New_York, UTC");
            None
        }),
    };
    let (from, to) = (from?, to?);
    if from == to {
        problems
            .error(window.path.join("to"), codes::OUT_OF_RANGE, "the window ends when it begins")
            .because("a drill could never begin in it")
            .hint("a window that ends earlier in the day than it begins goes on over midnight, from 22:00 to 04:00");
        return None;
    }
    Some(Window { days, from, to, timezone: timezone? })
}

/// The days of a window; all of them, unless given.
fn days(window: &Fields<'_>, problems: &mut Problems) -> Vec<Weekday> {
    let items = items(window, "days", problems);
    if window.get("days").is_none() {
        return DAYS.iter().map(|(_, day)| *day).collect();
    }
    let mut found = Vec::new();
    for (item, at) in items {
        let Some(word) = text(item, at.clone(), problems) else { continue };
        if let Some((_, day)) = DAYS.iter().find(|(name, _)| *name == word) {
            found.push(*day);
        } else {
            let known = DAYS.map(|(name, _)| name);
            let message = format!("{} is not one of {}", quoted(word), known.join(", "));
            problems.error(at, codes::BAD_VALUE, message).hint =
                nearest(word, known).map(|near| format!("did you mean `{near}`?"));
        }
    }
    found
}

fn blackout(node: &Node, path: DocumentPath, problems: &mut Problems) -> Option<Blackout> {
    let blackout = Fields::open(node, path, &["from", "to", "reason"], problems)?;
    let reason = blackout.required_text("reason", problems).map(str::to_owned);
    let from = parsed::<Date>(&blackout, "from", &DATE, problems);
    let to = parsed::<Date>(&blackout, "to", &DATE, problems);
    let (from, to) = (from?, to?);
    if from > to {
        let message = "the blackout ends before it begins";
        let hint = "both days belong to it: one of a single day has the same date twice";
        problems.error(blackout.path.join("to"), codes::OUT_OF_RANGE, message).hint(hint);
        return None;
    }
    Some(Blackout { from, to, reason: reason? })
}

fn max_per_day(drill: &Fields<'_>, problems: &mut Problems) -> Option<u32> {
    let (node, path) = drill.get("max_per_day")?;
    let NodeValue::Number(number) = &node.value else {
        wrong_type(node, path, "a number", problems);
        return None;
    };
    let count = number.as_u64().filter(|count| (1..=PER_DAY_MAX).contains(count));
    if count.is_none() {
        let message = format!("`{number}` drills a day are not between 1 and {PER_DAY_MAX}");
        let hint = "without `max_per_day` there is no limit; a blackout closes a day altogether";
        problems.error(path, codes::OUT_OF_RANGE, message).hint(hint);
    }
    count.and_then(|count| u32::try_from(count).ok())
}

/// How a text must be written.
struct Shaped {
    what: &'static str,
    hint: &'static str,
}

const TIME: Shaped = Shaped { what: "a time of day", hint: "write it with two digits each, 00:00 to 23:59: \"09:00\"" };
const DATE: Shaped = Shaped { what: "a date", hint: "write it as year, month and day: 2026-12-20" };

/// A text that must be there and mean something.
fn parsed<T: std::str::FromStr>(fields: &Fields<'_>, name: &str, shape: &Shaped, problems: &mut Problems) -> Option<T> {
    let text = fields.required_text(name, problems)?;
    let found = text.parse().ok();
    if found.is_none() {
        let message = format!("{} is not {}", quoted(text), shape.what);
        problems.error(fields.path.join(name), codes::BAD_VALUE, message).hint(shape.hint);
    }
    found
}

fn items<'n>(fields: &Fields<'n>, name: &str, problems: &mut Problems) -> Vec<(&'n Node, DocumentPath)> {
    let Some((node, path)) = fields.get(name) else { return Vec::new() };
    if !matches!(node.value, NodeValue::Sequence(_)) {
        wrong_type(node, path, "a list", problems);
        return Vec::new();
    }
    node.items().iter().enumerate().map(|(index, item)| (item, path.join(index))).collect()
}
