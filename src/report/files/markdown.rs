//! Markdown: the verdict first, then tables. Fits the step summary of a CI system and reads well as plain text.

use super::Document;
use crate::{
    drill::{DrillRecord, Verdict},
    report::{
        document::StepReport,
        drill_screen::phase,
        duration::{moment, words},
        plan_time::count,
        style::Tone,
        world::{self, Row},
    },
};
use std::{fmt::Write as _, time::Duration};

/// The document as Markdown.
pub(super) fn markdown(document: &Document) -> String {
    let mut page = String::new();
    heading(&mut page, document);
    objectives(&mut page, document);
    steps(&mut page, document);
    if let Some(drill) = &document.drill {
        measured(&mut page, drill);
    }
    decisions(&mut page, document);
    if let Some(owed) = &document.owed {
        let names: Vec<String> = owed.steps.iter().map(|step| cell(&step.id)).collect();
        section(&mut page, &format!("Owed: {}", names.join(", ")));
        line(&mut page, "Once the lost region answers again:");
        line(&mut page, &format!("\n    {}", owed.command.replace(['\n', '\r'], " ")));
    }
    figures(&mut page, document);
    calls(&mut page, document);
    provenance(&mut page, document);
    page
}

fn heading(page: &mut String, document: &Document) {
    let (sentence, tone) = document.headline();
    let mark = match tone {
        Tone::Good => "✅",
        Tone::Bad => "❌",
        _ => "⚠️",
    };
    line(
        page,
        &format!("# {mark} {}: {} to {}", cell(&document.runbook.name), cell(&document.from), cell(&document.to)),
    );
    line(page, &format!("\n**{}**", cell(&sentence)));
    if document.drill.is_some() {
        line(page, &format!("\nIts run: {}.", cell(&document.verdict)));
    }
    // That of a drill is its way back.
    if let Some(reason) = document.rollback.as_ref().filter(|_| document.drill.is_none()) {
        line(page, &format!("\nRolled back: {}.", cell(reason)));
    }
    let lost = document.impaired.join(", ");
    let lost = if lost.is_empty() { String::new() } else { format!(", {} declared lost", cell(&lost)) };
    line(
        page,
        &format!(
            "\n{}{lost}, on a {} cloud; begun by {} on {} at {}, {} long.",
            document.mode,
            document.environment.cloud,
            cell(&document.by.name),
            cell(&document.by.host),
            moment(document.started_at),
            time(document.duration_s)
        ),
    );
}

fn objectives(page: &mut String, document: &Document) {
    if document.objectives.is_empty() {
        return;
    }
    section(page, "Objectives");
    line(page, "| Objective | Verdict | Measured | Allowed | Source |\n|---|---|---|---|---|");
    for objective in &document.objectives {
        let (seconds, source) = match &objective.measured {
            Some(measured) => (time(measured.seconds), cell(&measured.source)),
            None => {
                let why = document.why_not_measured(objective).map_or_else(|| "–".to_owned(), |why| cell(&why));
                ("–".to_owned(), why)
            }
        };
        let name = cell(&objective.name);
        line(
            page,
            &format!(
                "| {name} | {} | {seconds} | {} | {source} |",
                verdict(objective.verdict),
                time(objective.allowed_s)
            ),
        );
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "✅ met",
        Verdict::Missed => "❌ missed",
        Verdict::NotMeasured => "not measured",
    }
}

fn steps(page: &mut String, document: &Document) {
    section(page, "Steps");
    line(page, "| Step | Kind | Outcome | Began | Took | Attempts | What |\n|---|---|---|---|---|---|---|");
    for step in &document.steps {
        let began = step.started_at.map_or_else(
            || "–".to_owned(),
            |at| format!("+{}", time(crate::report::document::seconds(document.started_at, at))),
        );
        let took = step.duration_s.map_or_else(|| "–".to_owned(), time);
        let attempts = step.attempts.len() + step.tries.len();
        let attempts = if attempts == 0 { "–".to_owned() } else { attempts.to_string() };
        let row = [cell(&step.id), cell(&step.kind), step.outcome.replace('_', " "), began, took, attempts, what(step)];
        line(page, &format!("| {} |", row.join(" | ")));
    }
}

fn what(step: &StepReport) -> String {
    let changes = step.differences.iter().map(|one| format!("{} {} → {}", one.cell, one.before, one.target));
    let failure = step.failure.as_ref().map(|failure| format!("{}: {}", failure.code, failure.message));
    let pieces: Vec<String> = failure.into_iter().chain(step.note.clone()).chain(changes).collect();
    cell(&pieces.join("; "))
}

fn measured(page: &mut String, drill: &DrillRecord) {
    section(page, "Drill");
    line(page, "| Leg | Took | Outcome |\n|---|---|---|");
    for leg in &drill.legs {
        let mark = if leg.ok { "✅" } else { "❌" };
        let took = time(crate::report::document::seconds(leg.started_at, leg.ended_at));
        line(page, &format!("| {} | {took} | {mark} {} |", phase(leg.phase), cell(&leg.outcome)));
    }
    if !drill.probes.is_empty() {
        line(
            page,
            "\n| Probe | Samples | Failed | Unavailable | Longest outage | Tolerance |\n|---|---|---|---|---|---|",
        );
    }
    for probe in &drill.probes {
        let failed = probe.samples.iter().filter(|sample| !sample.ok).count();
        let tolerance = probe.tolerance_s.map_or_else(|| "–".to_owned(), time);
        let row = [time(probe.unavailable_s), time(probe.longest_outage_s), tolerance].join(" | ");
        line(page, &format!("| {} | {} | {failed} | {row} |", cell(&probe.name), probe.samples.len()));
    }
    let slower: Vec<String> = drill.trend.iter().filter(|trend| trend.slower).map(|trend| cell(&trend.step)).collect();
    if !slower.is_empty() {
        line(page, &format!("\nSlower than in 95 of 100 earlier drills: {}.", slower.join(", ")));
    }
}

fn decisions(page: &mut String, document: &Document) {
    if document.approvals.is_empty() && document.overrides.is_empty() {
        return;
    }
    section(page, "Approvals and overrides");
    for given in &document.approvals {
        let who = format!("{} on {}", given.by.name, given.by.host);
        line(page, &format!("* {} approved by {} at {}", cell(&given.step), cell(&who), moment(given.at)));
    }
    for made in &document.overrides {
        let who = format!("{} on {}", made.by.name, made.by.host);
        let action = made.action.words();
        let (step, reason) = (cell(&made.step), cell(&made.reason));
        line(page, &format!("* {step} {action} by {} at {}: {reason}", cell(&who), moment(made.at)));
    }
}

fn figures(page: &mut String, document: &Document) {
    let rows = document.world.as_ref().map(world::rows).unwrap_or_default();
    if rows.is_empty() {
        return;
    }
    section(page, "Measured in the simulated world, since it began");
    line(page, "| Figure | Value |\n|---|---|");
    for Row(label, text, _) in rows {
        line(page, &format!("| {} | {} |", cell(&label), cell(&text)));
    }
}

fn calls(page: &mut String, document: &Document) {
    if document.calls.is_empty() {
        return;
    }
    section(page, "API calls");
    let failed = document.calls.iter().filter(|call| call.failed()).count();
    let writes = document.calls.iter().filter(|call| call.access == "write").count();
    let mut told =
        format!("{}, of which {writes} may change something and {failed} failed", count(document.calls.len(), "call"));
    if let Some(slowest) = document.calls.iter().max_by_key(|call| call.latency_ms) {
        let _ =
            write!(told, "; the slowest was {} {} with {} ms", slowest.service, slowest.operation, slowest.latency_ms);
    }
    line(page, &format!("{}.", cell(&told)));
    if document.calls_unreadable > 0 {
        line(page, &format!("{} of the audit trail could not be read.", count(document.calls_unreadable, "line")));
    }
}

fn provenance(page: &mut String, document: &Document) {
    section(page, "Provenance");
    line(page, "| | |\n|---|---|");
    let places = document.environment.places.iter().map(|place| {
        let region = place.region.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{} {} {region}", place.provider, place.account.clone().unwrap_or_default())
    });
    let places: Vec<String> = places.collect();
    let rows = [
        ("Run", document.run.clone()),
        ("Runbook", format!("{} (sha256 {})", document.runbook.path, document.runbook.digest)),
        ("Plan", document.plan.clone()),
        ("Journal", format!("{}, hash {}", count(document.journal.records, "record"), document.journal.hash)),
        ("Places", places.join(", ")),
        ("Report by", document.made_by.clone()),
    ];
    for (label, value) in rows {
        line(page, &format!("| {label} | {} |", cell(&value)));
    }
}

fn section(page: &mut String, title: &str) {
    line(page, &format!("\n## {title}\n"));
}

fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push('\n');
}

fn time(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or_else(|_| seconds.to_string(), words)
}

/// Untrusted text, so that it starts no row, no markup and no HTML.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => safe.push(' '),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '|' | '*' | '`' | '[' | ']' | '\\' | '!' | '~' | '#' => {
                safe.push('\\');
                safe.push(c);
            }
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
