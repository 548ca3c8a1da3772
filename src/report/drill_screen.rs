//! A drill on one screen: the verdict first, then what it rests on.

use super::{
    duration::{between, moment, words},
    layout::{Column, Page},
    steps,
    style::{Style, Tone},
};
use crate::drill::{Agreement, Basis, DrillRecord, Leg, Objective, Phase, ProbeRecord, StepTrend, Verdict};
use std::time::Duration;

/// Everything an auditor asks and a tired operator needs. `files`: what was written.
pub fn drill_screen(record: &DrillRecord, files: &[String], style: &Style) -> String {
    let mut page = Page::new(style);
    page.blank();
    let (sentence, tone) = verdict(record);
    page.line(0, tone, &sentence);
    page.line(
        0,
        Tone::Faint,
        &format!(
            "drill {}, {} to {}, {}",
            record.id,
            moment(record.started_at),
            moment(record.ended_at),
            between(record.started_at, record.ended_at)
        ),
    );
    let ways: Vec<(String, String)> = record.ways.iter().map(|way| (way.command.clone(), way.does.clone())).collect();
    steps::ways_forward(&mut page, "Ways forward", &ways);
    legs(&mut page, &record.legs);
    recovery(&mut page, record);
    objectives(&mut page, &record.objectives);
    probes(&mut page, &record.probes);
    agreement(&mut page, &record.agreement);
    trend(&mut page, &record.trend);
    list(&mut page, "Notes", &record.notes);
    list(&mut page, "Written", files);
    page.finish()
}

/// How a drill ended, in one sentence.
pub(super) fn verdict(record: &DrillRecord) -> (String, Tone) {
    let way = format!("{} from {} to {}", record.runbook, record.from, record.to);
    let missed: Vec<String> = record.objectives.iter().filter_map(missed_by).collect();
    let broken = record.legs.iter().find(|leg| !leg.ok);
    match (record.verdict, broken) {
        (_, leg) if record.interrupted => (interrupted(record, &way, leg), Tone::Warning),
        (_, Some(leg)) => (format!("missed: {way}: {}: {}", stretch(leg.phase), leg.outcome), Tone::Bad),
        (Verdict::Missed, None) => (format!("missed: {way}: {}", missed.join("; ")), Tone::Bad),
        (Verdict::Met, None) => (format!("met: {way}: every objective that was measured was met"), Tone::Good),
        (Verdict::NotMeasured, None) => {
            (format!("not measured: {way} went over, but no objective of the runbook was measured"), Tone::Warning)
        }
    }
}

/// Where the operator interrupted it, and what that leaves.
fn interrupted(record: &DrillRecord, way: &str, leg: Option<&Leg>) -> String {
    let half_way = "some steps are done and some are not";
    match leg.map(|leg| (leg.phase, &leg.run)) {
        Some((Phase::Preconditions | Phase::Go, None)) => {
            format!("interrupted before the run: {way}: nothing was changed")
        }
        Some((Phase::Preconditions | Phase::Go, Some(_))) => format!("interrupted on the way over: {way}: {half_way}"),
        Some((Phase::Back, Some(_))) => format!("interrupted on the way back: {way}: {half_way}"),
        Some((Phase::Dwell | Phase::Back, _)) => {
            format!("interrupted before the way back: {way}: site {} is active still", record.to)
        }
        Some((Phase::Verify, _)) | None => {
            format!("interrupted at the end: {way} and back: users were not watched to the end")
        }
    }
}

/// What missed, by how much.
fn missed_by(objective: &Objective) -> Option<String> {
    if objective.verdict != Verdict::Missed {
        return None;
    }
    let name = name(&objective.name);
    Some(match &objective.measured {
        Some(measured) if measured.seconds > objective.allowed_s => {
            format!("{name} by {}", time(measured.seconds - objective.allowed_s))
        }
        Some(_) => format!("{name}: failed still at the end"),
        None => format!("{name}: not reached"),
    })
}

/// `rto` as it is said.
fn name(name: &str) -> String {
    match name {
        "rto" | "rpo" => name.to_uppercase(),
        other => other.to_owned(),
    }
}

pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Preconditions => "preconditions",
        Phase::Go => "go",
        Phase::Dwell => "dwell",
        Phase::Back => "back",
        Phase::Verify => "verify",
    }
}

/// A leg in a sentence.
fn stretch(of: Phase) -> &'static str {
    match of {
        Phase::Preconditions => "before it began",
        Phase::Go => "the way over",
        Phase::Dwell => "while the other site was active",
        Phase::Back => "the way back",
        Phase::Verify => "after the way back",
    }
}

fn legs(page: &mut Page<'_>, legs: &[Leg]) {
    page.blank();
    page.line(0, Tone::Strong, "Legs");
    for leg in legs {
        let took = between(leg.started_at, leg.ended_at);
        let run = leg.run.as_ref().map_or(String::new(), |run| format!(" (run {run})"));
        let label = format!("{:<13}  {took:<8}  ", phase(leg.phase));
        let width = label.chars().count();
        // What a failure says may be long.
        let (mark, tone) = if leg.ok {
            ("", Tone::Plain)
        } else if leg.outcome.starts_with("interrupted") {
            ("", Tone::Warning)
        } else {
            ("failed: ", Tone::Bad)
        };
        page.labelled(2, &label, width, tone, &format!("{mark}{}{run}", leg.outcome));
    }
}

fn recovery(page: &mut Page<'_>, record: &DrillRecord) {
    let recovery = &record.recovery;
    let from = match recovery.counted_from {
        // Whoever does no harm has no incident.
        Basis::Incident if !record.impaired.is_empty() && recovery.detection_s.is_none() => {
            format!("the moment {} was cut off", record.impaired.join(", "))
        }
        Basis::Incident => "the incident".to_owned(),
        Basis::RunStart => "the start of the run".to_owned(),
    };
    page.blank();
    page.line(0, Tone::Strong, &format!("Time to recovery, counted from {from}"));
    let never = recovery.probes_green_s == Some(0.0);
    let rows = [
        (
            "users served again",
            recovery.probes_green_s,
            if never { "never interrupted" } else { "3 good samples in a row of each probe" },
        ),
        ("last step done", recovery.last_step_s, ""),
        ("until detected", recovery.detection_s, "the first failed sample"),
        ("until decided", recovery.decision_s, "from there to the start of the run"),
    ];
    for (label, value, besides) in rows {
        // Detection and decision mean something after an incident alone.
        if value.is_none() && label.starts_with("until") {
            continue;
        }
        let value = value.map_or("not known".to_owned(), time);
        page.row(2, &[Column(label, 18, Tone::Plain), Column(&value, 9, Tone::Plain), Column(besides, 0, Tone::Faint)]);
    }
}

fn objectives(page: &mut Page<'_>, objectives: &[Objective]) {
    if objectives.is_empty() {
        return;
    }
    page.blank();
    let width = objectives.iter().map(|objective| name(&objective.name).len()).max().unwrap_or(0).max(9);
    let head = |text| Column(text, 9, Tone::Faint);
    page.row(
        0,
        &[
            Column("Objectives", width + 2, Tone::Strong),
            head("allowed"),
            head("measured"),
            Column("verdict", 12, Tone::Faint),
            Column("source", 0, Tone::Faint),
        ],
    );
    for objective in objectives {
        let (word, tone) = match objective.verdict {
            Verdict::Met => ("met", Tone::Good),
            Verdict::Missed => ("missed", Tone::Bad),
            Verdict::NotMeasured => ("not measured", Tone::Warning),
        };
        let measured = objective.measured.as_ref();
        page.row(
            2,
            &[
                Column(&name(&objective.name), width, Tone::Plain),
                Column(&time(objective.allowed_s), 9, Tone::Plain),
                Column(&measured.map_or("-".to_owned(), |measured| time(measured.seconds)), 9, Tone::Plain),
                Column(word, 12, tone),
                Column(measured.map_or("", |measured| &measured.source), 0, Tone::Faint),
            ],
        );
    }
}

fn probes(page: &mut Page<'_>, probes: &[ProbeRecord]) {
    page.blank();
    if probes.is_empty() {
        page.line(0, Tone::Warning, "No probes: the runbook declares none, and nobody knows what users saw");
        return;
    }
    page.line(0, Tone::Strong, "Probes, over and back");
    let width = probes.iter().map(|probe| probe.name.len()).max().unwrap_or(0);
    for probe in probes {
        let failed = probe.samples.iter().filter(|sample| !sample.ok).count();
        let told = match failed {
            0 => format!("{} samples, none failed", probe.samples.len()),
            _ => format!(
                "{} samples, {failed} failed; unavailable {}, longest outage {}",
                probe.samples.len(),
                time(probe.unavailable_s),
                time(probe.longest_outage_s)
            ),
        };
        page.row(
            2,
            &[
                Column(&probe.name, width, Tone::Plain),
                Column(&probe.kind, 4, Tone::Faint),
                Column(&format!("every {}", time(probe.interval_s)), 9, Tone::Faint),
                Column(&told, 0, Tone::Plain),
            ],
        );
        if let Some(error) = probe.samples.iter().find_map(|sample| sample.error.as_ref()) {
            page.line(4, Tone::Faint, &format!("the first failure: {error}"));
        }
    }
}

fn agreement(page: &mut Page<'_>, agreement: &[Agreement]) {
    if agreement.is_empty() {
        return;
    }
    page.blank();
    page.line(0, Tone::Strong, "Probes beside the simulated world");
    for figure in agreement {
        let value = |value: Option<f64>| value.map_or("not recovered".to_owned(), time);
        let all = match figure.world_all_s {
            None => String::new(),
            Some(0.0) => " (never all requests at once)".to_owned(),
            Some(all) => format!(" (all requests for {})", time(all)),
        };
        let told = format!(
            "probes {}, world {}{all}, {} the sampling interval of {}",
            value(figure.probes_s),
            value(figure.world_s),
            if figure.agrees { "within" } else { "NOT within" },
            time(figure.within_s)
        );
        page.labelled(2, &figure.figure, 28, if figure.agrees { Tone::Good } else { Tone::Bad }, &told);
    }
}

fn trend(page: &mut Page<'_>, trend: &[StepTrend]) {
    if trend.iter().all(|step| step.earlier == 0) {
        return;
    }
    page.blank();
    let width = trend.iter().map(|step| step.step.len()).max().unwrap_or(0).max(5);
    let head = |text| Column(text, 8, Tone::Faint);
    page.row(0, &[Column("Trend", width + 2, Tone::Strong), head("this"), head("p50"), head("p95"), head("earlier")]);
    for step in trend {
        let value = |value: Option<f64>| value.map_or("-".to_owned(), time);
        page.row(
            2,
            &[
                Column(&step.step, width, Tone::Plain),
                Column(&time(step.this_s), 8, Tone::Plain),
                Column(&value(step.p50_s), 8, Tone::Plain),
                Column(&value(step.p95_s), 8, Tone::Plain),
                Column(&step.earlier.to_string(), 8, Tone::Plain),
                Column(if step.slower { "slower than usual" } else { "" }, 0, Tone::Warning),
            ],
        );
    }
}

fn list(page: &mut Page<'_>, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    page.blank();
    page.line(0, Tone::Strong, title);
    for line in lines {
        page.line(2, Tone::Plain, line);
    }
}

/// Seconds in words.
fn time(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or_else(|_| format!("{seconds} s"), words)
}

#[cfg(test)]
mod tests;
