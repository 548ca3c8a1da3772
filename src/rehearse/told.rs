//! What a rehearsal found, as a screen, a page of Markdown and a document. Decides nothing.

use super::{
    explore::{Explored, Rehearsal},
    scenario::Scenario,
    stage::Ending,
    tally::{Cells, Distribution, ENDINGS, RUN, place, short, words},
};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// How many violations are told in full.
const TOLD_MAX: usize = 5;

/// The screen. `again` is the command that replays a script, up to the script.
pub fn text(explored: &Explored, scenario: &Scenario, again: &str) -> String {
    let mut page = String::new();
    let mut line = |text: &str| {
        page.push_str(text.trim_end());
        page.push('\n');
    };
    line(&title(scenario));
    line(&coverage(explored));
    for (heading, cells) in tables(explored) {
        line("");
        line(heading);
        for row in grid(&cells, scenario) {
            line(&row);
        }
    }
    line("");
    let legend: Vec<String> = ENDINGS.iter().map(|(letter, word, _)| format!("{letter} {word}")).collect();
    line(&format!("  {}", legend.join("  ")));
    line("");
    for (label, value) in figures(explored) {
        line(&format!("  {label:<26}{value}"));
    }
    line("");
    let count = explored.violations();
    if count == 0 {
        line("no violation was found");
        return page;
    }
    line(&format!("{count} of the rehearsals violated an invariant"));
    for one in shortest(explored) {
        line("");
        for violation in &one.outcome.violations {
            line(&format!("  {}: {}", violation.invariant, violation.what));
        }
        line(&format!("  after: {}; then {}", faults(one), ending(&one.outcome.ending)));
        for moment in &one.outcome.timeline {
            line(&format!("    {moment}"));
        }
        line(&format!("  again: {again} --replay {}", one.script));
    }
    if count > TOLD_MAX {
        line("");
        line(&format!("  and {} more; `--format json` lists them", count - TOLD_MAX));
    }
    page
}

/// The page for a summary: the verdict first.
pub fn markdown(explored: &Explored, scenario: &Scenario, again: &str) -> String {
    let mut page = String::new();
    let count = explored.violations();
    let verdict =
        if count == 0 { "no violation was found".to_owned() } else { format!("**{count} violations were found**") };
    let mut line = |text: &str| {
        page.push_str(text);
        page.push('\n');
    };
    line(&format!("## {}", title(scenario)));
    line("");
    line(&format!("{verdict}. {}.", coverage(explored)));
    for (heading, cells) in tables(explored) {
        line("");
        line(&format!("### {heading}"));
        line("");
        let classes = cells.classes();
        line(&format!("| | {} |", classes.join(" | ")));
        line(&format!("|---|{}", "---|".repeat(classes.len())));
        for row in rows(&cells, scenario) {
            let texts: Vec<String> = classes.iter().map(|class| cell(&cells, &row, class)).collect();
            line(&format!("| {row} | {} |", texts.join(" | ")));
        }
    }
    line("");
    let legend: Vec<String> = ENDINGS.iter().map(|(letter, word, _)| format!("`{letter}` {word}")).collect();
    line(&legend.join(", "));
    line("");
    line("| | |");
    line("|---|---|");
    for (label, value) in figures(explored) {
        line(&format!("| {label} | {value} |"));
    }
    for one in shortest(explored) {
        line("");
        for violation in &one.outcome.violations {
            line(&format!("* **{}**: {}", violation.invariant, violation.what));
        }
        line("");
        line(&format!("After: {}; then {}.", faults(one), ending(&one.outcome.ending)));
        line("");
        line("```");
        for moment in &one.outcome.timeline {
            line(moment);
        }
        line(&format!("{again} --replay {}", one.script));
        line("```");
    }
    page
}

/// All single faults, all that violated something, and the sums, for machines.
pub fn json(explored: &Explored, scenario: &Scenario) -> Value {
    let distribution = |distribution: &Distribution| {
        let [median, p95, worst] = distribution.marks();
        json!({ "median_s": median, "p95_s": p95, "worst_s": worst })
    };
    let tally = |cells: &Cells| -> Value {
        let word = |place: usize| if place == 0 { "violated" } else { ENDINGS[place].2 };
        cells.total().iter().enumerate().map(|(place, count)| (word(place).to_owned(), json!(count))).collect()
    };
    let (took, unavailable) = distributions(explored);
    let pairs = &explored.pairs;
    json!({
        "runbook": scenario.plan.runbook.name,
        "plan": scenario.plan.digest,
        "to": scenario.plan.to,
        "from": scenario.plan.from,
        "mode": scenario.plan.mode,
        "coverage": {
            "depth": depth(explored),
            "records": explored.records.0,
            "requests": explored.requests.0,
            "records_back": explored.records.1,
            "requests_back": explored.requests.1,
            "points": explored.points,
            "rehearsals": explored.rehearsals.len(),
            "pairs": pairs.tried,
            "states": explored.states,
        },
        "violations": explored.violations(),
        "undisturbed": one(&explored.undisturbed),
        "endings": tally(&Cells::of(&explored.rehearsals)),
        "time_to_the_end": distribution(&took),
        "unavailable": distribution(&unavailable),
        "rehearsals": explored.rehearsals.iter().map(one).collect::<Vec<_>>(),
        "pairs": {
            "tried": pairs.tried,
            "first_faults": pairs.firsts,
            "endings": tally(&pairs.cells),
            "time_to_the_end": distribution(&pairs.took),
            "unavailable": distribution(&pairs.unavailable),
            "most_lost_writes": pairs.lost_writes_max,
            "violated": pairs.violated.iter().map(one).collect::<Vec<_>>(),
        },
    })
}

fn one(one: &Rehearsal) -> Value {
    let outcome = &one.outcome;
    let violations: Vec<Value> =
        outcome.violations.iter().map(|v| json!({ "invariant": v.invariant, "what": v.what })).collect();
    json!({
        "script": one.script.to_string(),
        "step": one.step,
        "ending": ENDINGS[place(&outcome.ending)].2,
        "why": match &outcome.ending {
            Ending::Paused(why) | Ending::Stuck(why) | Ending::Broke(why) => Some(why),
            _ => None,
        },
        "took_s": outcome.took.as_secs_f64(),
        "unavailable_s": outcome.unavailable_s,
        "lost_writes": outcome.lost_writes,
        "violations": violations,
        "timeline": outcome.timeline,
    })
}

fn title(scenario: &Scenario) -> String {
    let plan = &scenario.plan;
    let mode = serde_json::to_value(plan.mode).ok().and_then(|mode| mode.as_str().map(str::to_owned));
    let mode = mode.unwrap_or_default();
    format!("Rehearsal of {}: make {} active, from {}, as a {mode}", plan.runbook.name, plan.to, plan.from)
}

fn depth(explored: &Explored) -> u8 {
    if explored.pairs.tried > 0 { 2 } else { 1 }
}

fn coverage(explored: &Explored) -> String {
    let (there, back) = (explored.records.0, explored.records.1);
    let run = format!("{} records and {} requests of the undisturbed run", there, explored.requests.0);
    let way_back =
        if back > 0 { format!(", {back} and {} of its way back", explored.requests.1) } else { String::new() };
    let singles = format!("{} rehearsals of {} single faults", explored.rehearsals.len(), explored.points);
    let pairs = if explored.pairs.tried > 0 { format!(", {} of pairs", explored.pairs.tried) } else { String::new() };
    format!("{singles}{pairs}; {run}{way_back}; {} states gone on from", explored.states)
}

fn tables(explored: &Explored) -> Vec<(&'static str, Cells)> {
    let singles = ("One fault", Cells::of(&explored.rehearsals));
    let pairs = ("Two faults, by the first", explored.pairs.cells.clone());
    [singles, pairs].into_iter().filter(|(_, cells)| !cells.is_empty()).collect()
}

/// The steps that something struck, in the plan's order.
fn rows(cells: &Cells, scenario: &Scenario) -> Vec<String> {
    let steps = scenario.plan.steps.iter().map(|step| step.id.to_string()).chain([RUN.to_owned()]);
    let classes = cells.classes();
    steps.filter(|row| classes.iter().any(|class| cells.at(row, class).is_some())).collect()
}

fn cell(cells: &Cells, row: &str, class: &'static str) -> String {
    cells.at(row, class).map_or_else(|| "·".to_owned(), short)
}

/// Steps down, classes of faults across, and in each cell how many rehearsals ended how. More than fits stands below.
fn grid(cells: &Cells, scenario: &Scenario) -> Vec<String> {
    const COLUMNS_MAX: usize = 100;
    let rows = rows(cells, scenario);
    let width = rows.iter().map(|row| row.chars().count()).max().unwrap_or(0) + 2;
    let mut columns: Vec<(&'static str, Vec<String>, usize)> = Vec::new();
    for class in cells.classes() {
        let texts: Vec<String> = rows.iter().map(|row| cell(cells, row, class)).collect();
        let widest = texts.iter().map(|text| text.chars().count()).chain([class.len()]).max().unwrap_or(0) + 2;
        columns.push((class, texts, widest));
    }
    let mut lines = Vec::new();
    let mut left = columns.as_slice();
    while !left.is_empty() {
        let mut room = COLUMNS_MAX.saturating_sub(width + 2);
        let fits = left.iter().take_while(|(_, _, wide)| {
            let fits = *wide <= room;
            room = room.saturating_sub(*wide);
            fits
        });
        let (now, later) = left.split_at(fits.count().max(1));
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let mut line = |name: &str, texts: Vec<&str>| {
            let mut text = format!("  {name:<width$}");
            for (cell, (_, _, wide)) in texts.iter().zip(now) {
                write!(text, "{cell:<wide$}").expect("writing to a string does not fail");
            }
            lines.push(text);
        };
        line("", now.iter().map(|(class, ..)| *class).collect());
        for (at, name) in rows.iter().enumerate() {
            line(name, now.iter().map(|(_, texts, _)| texts[at].as_str()).collect());
        }
        left = later;
    }
    lines
}

fn distributions(explored: &Explored) -> (Distribution, Distribution) {
    let outcomes = || explored.rehearsals.iter().map(|one| &one.outcome);
    let took = outcomes().map(|outcome| outcome.took.as_secs_f64()).collect();
    (took, outcomes().map(|outcome| outcome.unavailable_s).collect())
}

/// How long it took, how long clients were without service and what was lost.
fn figures(explored: &Explored) -> Vec<(&'static str, String)> {
    let calm = &explored.undisturbed.outcome;
    let (took, unavailable) = distributions(explored);
    let lost = explored.rehearsals.iter().map(|one| one.outcome.lost_writes).max().unwrap_or(0);
    let undisturbed = format!("{}, unavailable {}", words(calm.took.as_secs_f64()), words(calm.unavailable_s));
    let mut all = vec![
        ("undisturbed", undisturbed),
        ("time to the end", took.words()),
        ("unavailable", unavailable.words()),
        ("most lost writes", lost.to_string()),
    ];
    let pairs = &explored.pairs;
    if pairs.tried > 0 {
        all.push(("pairs: time to the end", pairs.took.words()));
        all.push(("pairs: unavailable", pairs.unavailable.words()));
        all.push(("pairs: most lost writes", pairs.lost_writes_max.to_string()));
    }
    all
}

/// The violations that are told in full: the shortest timeline tells most.
fn shortest(explored: &Explored) -> Vec<&Rehearsal> {
    let mut violated: Vec<&Rehearsal> = explored.violated().collect();
    violated.sort_by_key(|one| (one.script.faults.len(), one.outcome.timeline.len()));
    violated.truncate(TOLD_MAX);
    violated
}

fn faults(one: &Rehearsal) -> String {
    let faults: Vec<String> = one.script.faults.iter().map(super::Fault::describe).collect();
    if faults.is_empty() { "nothing went wrong".to_owned() } else { faults.join(", ") }
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
