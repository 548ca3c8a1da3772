//! The table of what differs between two sites, and the same as JSON. Judges nothing.

use super::{
    layout::{Column, Page, shorten},
    style::{Style, Tone},
};
use crate::parity::{Comparison, Difference, Excuse};
use lifeboat_contract::Weight;
use serde_json::{Value, json};

const WEIGHTS: [(Weight, &str, Tone); 3] = [
    (Weight::StopsFailover, "Stops a failover", Tone::Bad),
    (Weight::Degrades, "Degrades", Tone::Warning),
    (Weight::Audit, "Audit", Tone::Plain),
];
const RESOURCE_WIDTH: usize = 16;
const VALUE_WIDTH: usize = 18;

/// The heading of a side: its site and its region.
pub struct ParityHeading<'a> {
    pub runbook: &'a str,
    pub sites: [(&'a str, Option<&'a str>); 2],
    pub resources: usize,
}

pub fn parity_screen(heading: &ParityHeading<'_>, found: &Comparison, style: &Style) -> String {
    let mut page = Page::new(style);
    let [left, right] = heading.sites.map(|(site, region)| match region {
        Some(region) => format!("{site} ({region})"),
        None => site.to_owned(),
    });
    page.line(0, Tone::Strong, &format!("{}: {left} and {right}", heading.runbook));
    if !found.unread.is_empty() {
        page.blank();
        page.line(0, Tone::Bad, "Could not be read");
        for unread in &found.unread {
            let text = format!("at {}: {}", unread.site, unread.failure);
            page.labelled(2, &unread.resource, RESOURCE_WIDTH + 2, Tone::Plain, &text);
        }
    }
    for (weight, title, tone) in WEIGHTS {
        let group =
            found.differences.iter().filter(|difference| difference.weight == weight && !difference.is_ignored());
        table(&mut page, title, tone, heading, group.collect());
    }
    table(
        &mut page,
        "Ignored",
        Tone::Faint,
        heading,
        found.differences.iter().filter(|difference| difference.is_ignored()).collect(),
    );
    if !found.idle.is_empty() {
        page.blank();
        page.line(0, Tone::Plain, "No longer needed under `ignore`");
        for idle in &found.idle {
            page.labelled(2, &idle.resource, RESOURCE_WIDTH + 2, Tone::Faint, &idle.aspect);
        }
    }
    page.blank();
    let (tone, verdict) = verdict(heading, found);
    page.line(0, tone, &verdict);
    page.finish()
}

fn table(page: &mut Page<'_>, title: &str, tone: Tone, heading: &ParityHeading<'_>, group: Vec<&Difference>) {
    if group.is_empty() {
        return;
    }
    let aspect_width = page.room(2).saturating_sub(RESOURCE_WIDTH + 2 * VALUE_WIDTH + 6);
    page.blank();
    let [left, right] = heading.sites.map(|(site, _)| site);
    let columns = [
        Column(title, RESOURCE_WIDTH + 4 + aspect_width, tone),
        Column(left, VALUE_WIDTH, Tone::Strong),
        Column(right, VALUE_WIDTH, Tone::Strong),
    ];
    page.row(0, &columns);
    let mut last = "";
    for difference in group {
        let resource = if difference.resource == last { "" } else { &difference.resource };
        last = &difference.resource;
        let (left, right) = (shown(&difference.left), shown(&difference.right));
        let fits = |text: &str, width: usize| text.chars().count() <= width;
        let resource = shorten(resource, RESOURCE_WIDTH);
        if fits(&difference.aspect, aspect_width) && fits(&left, VALUE_WIDTH) && fits(&right, VALUE_WIDTH) {
            let columns = [
                Column(&resource, RESOURCE_WIDTH, Tone::Plain),
                Column(&difference.aspect, aspect_width, Tone::Plain),
                Column(&left, VALUE_WIDTH, Tone::Plain),
                Column(&right, VALUE_WIDTH, Tone::Plain),
            ];
            page.row(2, &columns);
        } else {
            // What does not fit side by side stands one below the other, and whole.
            page.labelled(2, &resource, RESOURCE_WIDTH + 2, Tone::Plain, &difference.aspect);
            for ((site, _), value) in heading.sites.iter().zip([&left, &right]) {
                page.labelled(RESOURCE_WIDTH + 6, &format!("{site}  "), site.chars().count() + 2, Tone::Plain, value);
            }
        }
        if let Some(excuse) = &difference.excuse {
            page.line(RESOURCE_WIDTH + 6, Tone::Faint, &because(excuse));
        }
    }
}

fn because(excuse: &Excuse) -> String {
    let when = if excuse.expired { "was ignored until" } else { "ignored until" };
    format!("{when} {}: {}", excuse.until, excuse.reason)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
        value => value.to_string(),
    }
}

fn verdict(heading: &ParityHeading<'_>, found: &Comparison) -> (Tone, String) {
    let compared = format!("{} aspects of {} resources compared", found.aspects, heading.resources);
    let count = |weight: Weight| found.differences.iter().filter(|d| d.weight == weight && !d.is_ignored()).count();
    let ignored = found.differences.iter().filter(|difference| difference.is_ignored()).count();
    let mut parts = Vec::new();
    for (number, what) in [
        (found.unread.len(), "not read"),
        (count(Weight::StopsFailover), "would stop a failover"),
        (count(Weight::Degrades), "would degrade it"),
        (count(Weight::Audit), "for audit"),
        (ignored, "ignored"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    match (found.holds(), parts.is_empty()) {
        (true, true) => (Tone::Good, format!("Parity holds: {compared}, none differs.")),
        (true, false) => (Tone::Good, format!("Parity holds: {compared}; {}.", parts.join(", "))),
        (false, _) => (Tone::Bad, format!("Parity does not hold: {compared}; {}.", parts.join(", "))),
    }
}

pub fn parity_json(heading: &ParityHeading<'_>, found: &Comparison) -> Value {
    let sites = heading.sites.map(|(site, region)| json!({ "site": site, "region": region }));
    let differences = found.differences.iter().map(|difference| {
        json!({
            "resource": difference.resource,
            "kind": difference.kind,
            "aspect": difference.aspect,
            "weight": difference.weight,
            "left": difference.left,
            "right": difference.right,
            "ignored": difference.excuse.as_ref().map(|excuse| {
                json!({ "reason": excuse.reason, "until": excuse.until.to_string(), "expired": excuse.expired })
            }),
        })
    });
    let unread = found.unread.iter().map(|unread| {
        json!({ "resource": unread.resource, "kind": unread.kind, "site": unread.site, "failure": unread.failure })
    });
    let idle = found.idle.iter().map(|idle| json!({ "resource": idle.resource, "aspect": idle.aspect }));
    json!({
        "runbook": heading.runbook,
        "left": sites[0],
        "right": sites[1],
        "holds": found.holds(),
        "resources": heading.resources,
        "aspects": found.aspects,
        "differences": differences.collect::<Vec<_>>(),
        "unread": unread.collect::<Vec<_>>(),
        "idle_ignores": idle.collect::<Vec<_>>(),
    })
}
