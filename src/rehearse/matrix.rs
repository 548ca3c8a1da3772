//! What a rehearsal found, as a screen and as a document. Decides nothing.

use super::{
    explore::{Explored, Rehearsal},
    scenario::Scenario,
    stage::Ending,
};
use lifeboat_contract::Span;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

/// The columns, in the order in which they are shown.
const CLASSES: [&str; 7] = ["killed", "journal full", "interrupted", "refused", "timed out", "stale", "slow or stuck"];
/// How many violations are told in full.
const TOLD_MAX: usize = 5;

/// The screen. `again` is the command that replays a script, up to the script.
pub fn text(explored: &Explored, scenario: &Scenario, again: &str) -> String {
    let mut page = String::new();
    let mut line = |text: &str| {
        page.push_str(text.trim_end());
        page.push('\n');
    };
    let plan = &scenario.plan;
    line(&format!(
        "Rehearsal of {}: make {} active, from {}, as a {}",
        plan.runbook.name,
        plan.to,
        plan.from,
        mode(scenario)
    ));
    line(&format!(
        "{} rehearsals: {} records and {} requests of the undisturbed run, every single fault",
        explored.rehearsals.len(),
        explored.records,
        explored.requests,
    ));
    line("");
    for row in table(explored, scenario) {
        line(&row);
    }
    line("  c completed  r rolled back  p paused  s stuck  f failed  n not begun  ! violation");
    line("");
    for (label, value) in distribution(explored) {
        line(&format!("  {label:<26}{value}"));
    }
    let violations: Vec<&Rehearsal> = explored.violated().collect();
    line("");
    if violations.is_empty() {
        line("no violation was found");
        return page;
    }
    line(&format!("{} of the rehearsals violated an invariant:", violations.len()));
    // The shortest timeline tells most.
    let mut shortest = violations.clone();
    shortest.sort_by_key(|one| one.timeline.len());
    for one in shortest.iter().take(TOLD_MAX) {
        line("");
        for violation in &one.violations {
            line(&format!("  {}: {}", violation.invariant, violation.what));
        }
        let faults: Vec<String> = one.script.faults.iter().map(|fault| fault.describe()).collect();
        let faults = if faults.is_empty() { "nothing went wrong".to_owned() } else { faults.join(", ") };
        line(&format!("  after: {faults}; then {}", ending(&one.ending)));
        for moment in &one.timeline {
            line(&format!("    {moment}"));
        }
        line(&format!("  again: {again} --replay {}", one.script));
    }
    if violations.len() > TOLD_MAX {
        line("");
        line(&format!("  and {} more; `--format json` lists them all", violations.len() - TOLD_MAX));
    }
    page
}

fn mode(scenario: &Scenario) -> String {
    serde_json::to_value(scenario.plan.mode).ok().and_then(|mode| mode.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Steps down, classes of faults across, and in each cell how many rehearsals ended how.
fn table(explored: &Explored, scenario: &Scenario) -> Vec<String> {
    let mut cells: BTreeMap<(String, &str), Vec<&Rehearsal>> = BTreeMap::new();
    for one in &explored.rehearsals {
        let row = one.step.as_ref().map_or_else(|| RUN.to_owned(), ToString::to_string);
        let class = one.script.faults.first().map_or("killed", |fault| fault.class());
        cells.entry((row, class)).or_default().push(one);
    }
    let steps = scenario.plan.steps.iter().map(|step| step.id.to_string()).chain([RUN.to_owned()]);
    let rows: Vec<String> =
        steps.filter(|row| CLASSES.iter().any(|class| cells.contains_key(&(row.clone(), *class)))).collect();
    let used: Vec<&str> = CLASSES.into_iter().filter(|class| cells.keys().any(|(_, other)| other == class)).collect();
    let width = rows.iter().map(|row| row.chars().count()).max().unwrap_or(0) + 2;
    let shown = |row: &str, class: &'static str| {
        cells.get(&(row.to_owned(), class)).map_or_else(|| "·".to_owned(), |list| tally(list))
    };
    let widths: Vec<usize> = used
        .iter()
        .map(|class| rows.iter().map(|row| shown(row, class).len()).chain([class.len()]).max().unwrap_or(0) + 2)
        .collect();
    let mut lines = Vec::new();
    let row = |name: &str, texts: Vec<String>| {
        let mut text = format!("  {name:<width$}");
        for (cell, width) in texts.iter().zip(&widths) {
            write!(text, "{cell:<width$}").expect("writing to a string does not fail");
        }
        text
    };
    lines.push(row("", used.iter().map(|class| (*class).to_owned()).collect()));
    for name in &rows {
        lines.push(row(name, used.iter().map(|class| shown(name, class)).collect()));
    }
    lines
}

const RUN: &str = "(the run)";

/// `31c 12r`.
fn tally(list: &[&Rehearsal]) -> String {
    let mut counts: BTreeMap<(u8, char), usize> = BTreeMap::new();
    for one in list {
        let letter = if one.violations.is_empty() { letter(&one.ending) } else { (0, '!') };
        *counts.entry(letter).or_default() += 1;
    }
    let parts: Vec<String> = counts.into_iter().map(|((_, letter), count)| format!("{count}{letter}")).collect();
    parts.join(" ")
}

fn letter(ending: &Ending) -> (u8, char) {
    match ending {
        Ending::Broke(_) => (0, '!'),
        Ending::Completed => (1, 'c'),
        Ending::RolledBack => (2, 'r'),
        Ending::Paused(_) => (3, 'p'),
        Ending::Stuck(_) => (4, 's'),
        Ending::Failed => (5, 'f'),
        Ending::NotBegun => (6, 'n'),
    }
}

fn ending(ending: &Ending) -> String {
    match ending {
        Ending::NotBegun => "nothing was begun".to_owned(),
        Ending::Completed => "it completed".to_owned(),
        Ending::Failed => "it failed, and stopped as declared".to_owned(),
        Ending::RolledBack => "it was rolled back".to_owned(),
        Ending::Paused(why) => format!("it paused: {why}"),
        Ending::Stuck(why) => format!("it was stuck: {why}"),
        Ending::Broke(why) => format!("the program broke: {why}"),
    }
}

/// How long it took, how long clients were without service and what was lost: over all faults, not one number.
fn distribution(explored: &Explored) -> Vec<(&'static str, String)> {
    let all = &explored.rehearsals;
    let seconds =
        |span: f64| Span(Duration::try_from_secs_f64((span * 10.0).round() / 10.0).unwrap_or_default()).to_string();
    let spread = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let at = |part: usize| values.get(values.len().saturating_sub(1) * part / 100).copied().unwrap_or_default();
        format!("median {}, 95 of 100 within {}, worst {}", seconds(at(50)), seconds(at(95)), seconds(at(100)))
    };
    let calm = &explored.undisturbed;
    vec![
        ("undisturbed", format!("{}, unavailable {}", seconds(calm.took.as_secs_f64()), seconds(calm.unavailable_s))),
        ("time to the end", spread(all.iter().map(|one| one.took.as_secs_f64()).collect())),
        ("unavailable", spread(all.iter().map(|one| one.unavailable_s).collect())),
        ("most lost writes", all.iter().map(|one| one.lost_writes).max().unwrap_or(0).to_string()),
    ]
}

/// All rehearsals, for machines.
pub fn json(explored: &Explored, scenario: &Scenario) -> Value {
    let one = |one: &Rehearsal| {
        let (_, letter) = letter(&one.ending);
        let violations: Vec<Value> =
            one.violations.iter().map(|v| json!({ "invariant": v.invariant, "what": v.what })).collect();
        json!({
            "script": one.script.to_string(),
            "step": one.step,
            "ending": ENDINGS.iter().find(|(known, _)| *known == letter).map_or("broke", |(_, word)| *word),
            "why": match &one.ending {
                Ending::Paused(why) | Ending::Stuck(why) | Ending::Broke(why) => Some(why),
                _ => None,
            },
            "took_s": one.took.as_secs_f64(),
            "unavailable_s": one.unavailable_s,
            "lost_writes": one.lost_writes,
            "violations": violations,
            "timeline": one.timeline,
        })
    };
    json!({
        "runbook": scenario.plan.runbook.name,
        "plan": scenario.plan.digest,
        "to": scenario.plan.to,
        "from": scenario.plan.from,
        "mode": scenario.plan.mode,
        "records": explored.records,
        "requests": explored.requests,
        "simulated_s": explored.simulated.as_secs_f64(),
        "violations": explored.violated().count(),
        "undisturbed": one(&explored.undisturbed),
        "rehearsals": explored.rehearsals.iter().map(one).collect::<Vec<_>>(),
    })
}

const ENDINGS: [(char, &str); 6] =
    [('c', "completed"), ('r', "rolled_back"), ('p', "paused"), ('s', "stuck"), ('f', "failed"), ('n', "not_begun")];
