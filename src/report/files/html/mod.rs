//! HTML: one file that needs no network and no script.
//!
//! Everything from a journal is untrusted text: maud escapes it, and nothing but charts and the style sheet is put in as it is.

mod chart;
mod time;

use super::Document;
use crate::{
    drill::{DrillRecord, Verdict},
    report::{
        document::{ApiCall, StepReport},
        duration::{moment, words},
        plan_time::count,
        word::spoken,
    },
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::{io, time::Duration};

const STYLE: &str = include_str!("style.css");

/// The document as a page.
pub(super) fn page(document: &Document) -> io::Result<String> {
    let name = format!("{}: {} to {}", document.runbook.name, document.from, document.to);
    let timeline = time::line(document)?;
    let availability = match &document.drill {
        Some(drill) => Some(time::availability(document, drill)?),
        None => None,
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(document.made_by);
                title { (name) " – " (spoken(document.outcome)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (name) }
                    p class=(if document.ok { "verdict good" } else { "verdict bad" }) id="verdict" {
                        strong { (if document.ok { "✓ " } else { "✗ " }) (document.verdict) }
                    }
                    p { (document.runbook.summary) }
                }
                main {
                    (facts(document))
                    (objectives(document))
                    (timeline)
                    @if let Some(drill) = &document.drill { (measured(drill)) }
                    @if let Some(charts) = availability { (charts) }
                    (steps(document))
                    (decisions(document))
                    @if let Some(owed) = &document.owed {
                        h2 { "Owed" }
                        p { "To be done once the lost region answers again: "
                            (owed.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>().join(", ")) "." }
                        pre { code { (owed.command) } }
                    }
                    (world(document))
                    (events(document))
                    (calls(document))
                    (provenance(document))
                }
            }
        }
    };
    Ok(page.into_string() + "\n")
}

/// Text as it may stand in an attribute of a chart.
fn escaped(text: &str) -> String {
    html! { (text) }.into_string()
}

fn took(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or_else(|_| seconds.to_string(), words)
}

fn facts(document: &Document) -> Markup {
    html! {
        dl {
            dt { "Mode" } dd { (document.mode)
                @if !document.impaired.is_empty() { ", declared lost: " (document.impaired.join(", ")) } }
            dt { "Cloud" } dd { (document.environment.cloud) }
            dt { "Begun by" } dd { (document.by.name) " on " (document.by.host) }
            dt { "Began" } dd { (moment(document.started_at)) }
            dt { "Took" } dd { (took(document.duration_s)) }
            @if let Some(reason) = &document.rollback { dt { "Rolled back" } dd { (reason) } }
        }
    }
}

fn objectives(document: &Document) -> Markup {
    html! {
        @if !document.objectives.is_empty() {
            h2 { "Objectives" }
            table {
                thead { tr { th { "Objective" } th { "Verdict" } th { "Measured" } th { "Allowed" } th { "Source" } } }
                tbody {
                    @for objective in &document.objectives {
                        tr data-objective=(objective.name) {
                            td data-label="Objective" { (objective.name) }
                            td data-label="Verdict" { (verdict(objective.verdict)) }
                            @match &objective.measured {
                                Some(measured) => { td data-label="Measured" { (took(measured.seconds)) } }
                                None => { td data-label="Measured" { "–" } }
                            }
                            td data-label="Allowed" { (took(objective.allowed_s)) }
                            td data-label="Source" { @if let Some(measured) = &objective.measured { (measured.source) } }
                        }
                    }
                }
            }
        }
    }
}

fn verdict(verdict: Verdict) -> Markup {
    match verdict {
        Verdict::Met => html! { span class="good" { "✓ met" } },
        Verdict::Missed => html! { span class="bad" { "✗ missed" } },
        Verdict::NotMeasured => html! { span class="soft" { "not measured" } },
    }
}

fn measured(drill: &DrillRecord) -> Markup {
    let parts = [
        ("Detection", drill.recovery.detection_s),
        ("Decision", drill.recovery.decision_s),
        ("Probes green", drill.recovery.probes_green_s),
        ("Last step", drill.recovery.last_step_s),
    ];
    html! {
        h2 { "Drill" }
        table {
            thead { tr { th { "Leg" } th { "Began" } th { "Took" } th { "Outcome" } } }
            tbody { @for leg in &drill.legs {
                tr data-leg {
                    td data-label="Leg" { (format!("{:?}", leg.phase).to_lowercase()) }
                    td data-label="Began" { (moment(leg.started_at)) }
                    td data-label="Took" { (took(crate::report::document::seconds(leg.started_at, leg.ended_at))) }
                    td data-label="Outcome" class=(if leg.ok { "good" } else { "bad" }) { (if leg.ok { "✓ " } else { "✗ " }) (leg.outcome) }
                }
            } }
        }
        dl { @for (label, seconds) in parts { dt { (label) } dd { (seconds.map_or_else(|| "not known".to_owned(), took)) } } }
        @if !drill.trend.is_empty() {
            table {
                thead { tr { th { "Step" } th { "This time" } th { "Median" } th { "95th percentile" } th { "Earlier drills" } } }
                tbody { @for step in &drill.trend {
                    tr {
                        td data-label="Step" { (step.step) @if step.slower { " " span class="warn" { "slower than usual" } } }
                        td data-label="This time" { (took(step.this_s)) }
                        td data-label="Median" { (step.p50_s.map_or_else(|| "–".to_owned(), took)) }
                        td data-label="95th percentile" { (step.p95_s.map_or_else(|| "–".to_owned(), took)) }
                        td data-label="Earlier drills" { (step.earlier) }
                    }
                } }
            }
        }
    }
}

fn steps(document: &Document) -> Markup {
    html! {
        h2 { "Steps: planned and done" }
        table id="steps" {
            thead { tr { th { "Step" } th { "Outcome" } th { "Began" } th { "Took" } th { "Attempts" } th { "Planned" } th { "Done" } } }
            tbody { @for step in &document.steps { (step_row(document, step)) } }
        }
    }
}

fn step_row(document: &Document, step: &StepReport) -> Markup {
    let class = match step.outcome {
        "changed" | "adopted" | "passed" => "good",
        "failed" | "undo_failed" | "unknown" => "bad",
        "owed" | "undone" | "undoing" => "warn",
        _ => "soft",
    };
    let began = step.started_at.map(|at| crate::report::document::seconds(document.started_at, at));
    let attempts = step.attempts.len() + step.tries.len();
    html! {
        tr data-step=(step.id) data-duration=[step.duration_s] {
            td data-label="Step" { strong { (step.id) } br; span class="soft" { (step.kind) } }
            td data-label="Outcome" class=(class) { (spoken(step.outcome)) }
            td data-label="Began" { @if let Some(began) = began { "+" (took(began)) } }
            td data-label="Took" { @if let Some(seconds) = step.duration_s { (took(seconds)) } }
            td data-label="Attempts" { @if attempts > 0 { (attempts) } }
            td data-label="Planned" { @for one in &step.planned { div { (one.cell) ": " (one.before) " → " (one.target) } } }
            td data-label="Done" {
                @for one in &step.differences { div { (one.cell) ": " (one.before) " → " (one.target) } }
                @if let Some(failure) = &step.failure { div class="bad" { (failure.code) ": " (failure.message) } }
                @if let Some(note) = &step.note { div { (note) } }
                @for attempt in step.attempts.iter().filter(|attempt| attempt.error.is_some()) {
                    div class="warn" { "attempt " (attempt.number) ": " (attempt.error.as_deref().unwrap_or_default()) }
                }
            }
        }
    }
}

fn decisions(document: &Document) -> Markup {
    html! {
        h2 { "Approvals and overrides" }
        @if document.approvals.is_empty() && document.overrides.is_empty() { p class="soft" { "None were given." } }
        ul {
            @for given in &document.approvals {
                li { (given.step) " approved by " (given.by.name) " on " (given.by.host) ", " (moment(given.at)) }
            }
            @for made in &document.overrides {
                li class="warn" { (made.step) " " (made.action.words()) " by " (made.by.name) " on " (made.by.host) ", "
                    (moment(made.at)) ": " (made.reason) }
            }
        }
    }
}

fn world(document: &Document) -> Markup {
    let figures = document.world.as_ref().and_then(serde_json::Value::as_object);
    html! {
        @if let Some(figures) = figures {
            h2 { "Measured in the simulated world, since it began" }
            dl { @for (name, value) in figures.iter().filter(|(_, value)| !value.is_object() && !value.is_array()) {
                dt { (name.strip_suffix("_s").unwrap_or(name).replace('_', " ")) }
                dd { @match value.as_f64().filter(|_| name.ends_with("_s")) {
                    Some(seconds) => (took(seconds)),
                    None => (value.to_string()),
                } }
            } }
        }
    }
}

fn events(document: &Document) -> Markup {
    html! {
        h2 { "Events" }
        table id="events" {
            thead { tr { th { "Time" } th { "Step" } th { "Event" } } }
            tbody { @for event in &document.events {
                tr data-event { td data-label="Time" { (moment(event.at)) } td data-label="Step" { (event.step.as_deref().unwrap_or_default()) }
                    td data-label="Event" { (event.text) } }
            } }
        }
    }
}

fn calls(document: &Document) -> Markup {
    html! {
        h2 { "API calls" }
        @if document.calls_unreadable > 0 {
            p class="warn" { (count(document.calls_unreadable, "line")) " of the audit trail could not be read." }
        }
        details open {
            summary { (count(document.calls.len(), "call")) }
            table id="calls" {
                thead { tr { th { "Time" } th { "Step" } th { "Call" } th { "Region" } th { "Answer" } th { "Latency" } } }
                tbody { @for call in &document.calls { (call_row(call)) } }
            }
        }
    }
}

fn call_row(call: &ApiCall) -> Markup {
    let answer = call.status.map_or_else(|| call.error.clone().unwrap_or_default(), |status| status.to_string());
    html! {
        tr data-call data-latency=(call.latency_ms) {
            td data-label="Time" { (moment(call.at)) }
            td data-label="Step" { (call.step.as_deref().unwrap_or_default()) }
            td data-label="Call" { (call.service) " " @if call.access == "write" { strong { (call.operation) } } @else { (call.operation) } }
            td data-label="Region" { (call.region.as_deref().unwrap_or_default()) }
            td data-label="Answer" class=[call.failed().then_some("bad")] { (answer) }
            td data-label="Latency" { (call.latency_ms) " ms" }
        }
    }
}

fn provenance(document: &Document) -> Markup {
    html! {
        h2 { "Provenance" }
        dl {
            dt { "Run" } dd { code { (document.run) } }
            dt { "Runbook" } dd { (document.runbook.path) br; code { "sha256 " (document.runbook.digest) } }
            dt { "Plan" } dd { code { (document.plan) } }
            dt { "Journal" } dd { (count(document.journal.records, "record")) br; code { "hash " (document.journal.hash) } }
            @if let Some(source) = &document.environment.source { dt { "Simulated" } dd { (source) } }
            @for place in &document.environment.places {
                dt { (place.provider) }
                dd { (place.account.as_deref().unwrap_or_default()) " " (place.region.as_ref().map(ToString::to_string).unwrap_or_default()) }
            }
            dt { "Report by" } dd { (document.made_by) }
        }
    }
}
