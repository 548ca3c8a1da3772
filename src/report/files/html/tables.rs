//! What is told in tables: steps, decisions, figures, events, calls, and where all of it comes from.

use super::{class, exact, mark, took};
use crate::report::{
    Document,
    document::{ApiCall, Difference, StepReport, seconds},
    duration::moment,
    plan_time::count,
    style::Tone,
    word::{self, spoken},
    world::{Row, rows},
};
use maud::{Markup, PreEscaped, html};
use std::collections::BTreeMap;

pub(super) fn steps(document: &Document) -> Markup {
    html! {
        h2 id="plan" { "Plan and result" }
        table id="steps" {
            thead { tr { th { "Step" } th { "Outcome" } th { "Began" } th { "Took" } th { "Attempts" } th { "Planned" } th { "Done" } } }
            tbody { @for step in &document.steps { (step_row(document, step)) } }
        }
    }
}

fn step_row(document: &Document, step: &StepReport) -> Markup {
    let tone = word::tone(step.outcome);
    let began = step.started_at.map(|at| seconds(document.started_at, at));
    let attempts = step.attempts.len() + step.tries.len();
    html! {
        tr data-step=(step.id) data-duration=[step.duration_s] {
            td data-label="Step" { strong { (step.id) } br; span class="soft" { (breakable(&step.kind)) } }
            td data-label="Outcome" class=(class(tone)) { @if matches!(tone, Tone::Good | Tone::Bad) { (mark(tone)) } (spoken(step.outcome)) }
            td data-label="Began" class="figure" { @if let Some(began) = began { "+" (took(began)) } }
            td data-label="Took" class="figure" { @if let Some(seconds) = step.duration_s { (took(seconds)) } }
            td data-label="Attempts" { @if attempts > 0 { (attempts) } }
            td data-label="Planned" class="long" { @for one in &step.planned { (difference(one)) } }
            td data-label="Done" class="long" {
                @if step.differences == step.planned && !step.planned.is_empty() { div { "as planned" } }
                @else { @for one in &step.differences { (difference(one)) } }
                @if let Some(failure) = &step.failure { div class="bad" { "✗ " (failure.code) ": " (failure.message) } }
                @if let Some(note) = &step.note { div { (note) } }
                @for (numbers, error) in failed_attempts(step) { div class="warn" { (numbers) ": " (error) } }
                @if let Some(undo) = &step.undo {
                    div { "way back " (exact(document, undo.from)) @if let Some(to) = undo.to { " – " (exact(document, to)) } }
                }
            }
        }
    }
}

/// The attempts that failed; those that failed alike one after the other, together.
fn failed_attempts(step: &StepReport) -> Vec<(String, &str)> {
    let failed = step.attempts.iter().filter_map(|attempt| Some((attempt, attempt.error.as_deref()?)));
    let mut groups: Vec<(Vec<String>, &str, bool)> = Vec::new();
    for (attempt, error) in failed {
        let number = attempt.number.to_string();
        match groups.last_mut().filter(|(_, last, unknown)| *last == error && *unknown == attempt.unknown) {
            Some((numbers, ..)) => numbers.push(number),
            None => groups.push((vec![number], error, attempt.unknown)),
        }
    }
    let told = groups.into_iter().map(|(numbers, error, unknown)| {
        let outcome = if unknown { ", outcome unknown" } else { "" };
        let word = if numbers.len() == 1 { "attempt" } else { "attempts" };
        (format!("{word} {}{outcome}", numbers.join(", ")), error)
    });
    told.collect()
}

fn difference(one: &Difference) -> Markup {
    html! { div { (one.cell) ": " (one.before) " → " (one.target) } }
}

/// A kind's name may be broken after its dots.
fn breakable(kind: &str) -> Markup {
    let pieces = kind.split_inclusive('.');
    html! { @for piece in pieces { (piece) (PreEscaped("<wbr>")) } }
}

pub(super) fn decisions(document: &Document) -> Markup {
    html! {
        h2 id="decisions" { "Approvals and overrides" }
        @if document.approvals.is_empty() && document.overrides.is_empty() { p class="soft" { "None were given." } }
        ul {
            @for given in &document.approvals {
                li data-approval { strong { (given.step) } " approved by " strong { (given.by.name) } " on " (given.by.host) ", " (moment(given.at)) }
            }
            @for made in &document.overrides {
                li data-override { strong { (made.step) } " " span class="warn" { (made.action.words()) } " by " strong { (made.by.name) } " on "
                    (made.by.host) ", " (moment(made.at)) ": " (made.reason) }
            }
        }
    }
}

pub(super) fn owed(document: &Document) -> Markup {
    html! {
        @if let Some(owed) = &document.owed {
            h2 id="owed" { "Owed" }
            p { "To be done once the lost region answers again: "
                (owed.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>().join(", ")) "." }
            pre tabindex="0" { code { (owed.command) } }
        }
    }
}

pub(super) fn world(document: &Document) -> Markup {
    let rows = document.world.as_ref().map(rows).unwrap_or_default();
    html! {
        @if !rows.is_empty() {
            h2 { "Measured in the simulated world" }
            p class="soft" { "Since that world began; it may have been there before the run." }
            dl class="facts" { @for Row(label, text, tone) in rows { div { dt { (label) } dd class=(class(tone)) { (text) } } } }
        }
    }
}

pub(super) fn provenance(document: &Document) -> Markup {
    html! {
        h2 id="provenance" { "Provenance" }
        dl class="rows" {
            dt { "Run" } dd { code { (document.run) } }
            dt { "Runbook" } dd { (document.runbook.path) br; "SHA-256 " code { (document.runbook.digest) } }
            dt { "Plan" } dd { "SHA-256 " code { (document.plan.strip_prefix("sha256:").unwrap_or(&document.plan)) } }
            dt { "Journal" } dd {
                (count(document.journal.records, "record")) ", hash of the whole chain " code { (document.journal.hash) }
                @if document.journal.torn_bytes > 0 { br; span class="warn" { (document.journal.torn_bytes) " bytes at its end were not written whole" } }
            }
            @if let Some(source) = &document.environment.source { dt { "Simulated world" } dd { (source) } }
            @for place in &document.environment.places {
                dt { (place.provider) }
                dd {
                    @if let Some(account) = &place.account { "account " (account) ", " }
                    (place.region.as_ref().map(ToString::to_string).unwrap_or_default())
                }
            }
            @if let Some(drill) = &document.drill { dt { "Drill" } dd { code { (drill.id) } } }
            dt { "Report by" } dd { (document.made_by) }
        }
        p class="soft" { code { "lifeboat verify " (document.run) } " checks the chain and prints its last sum: the journal is whole if it is this hash." }
    }
}

pub(super) fn events(document: &Document) -> Markup {
    html! {
        h2 id="events" { "Events" }
        p class="soft" { "The journal in words. Times are UTC, " (document.started_at.strftime("%Y-%m-%d").to_string()) "." }
        table class="log" {
            thead { tr { th { "Time" } th { "Step" } th { "Event" } } }
            tbody { @for event in &document.events {
                tr data-event {
                    td class="figure" { (exact(document, event.at)) }
                    td class="step" { (event.step.as_deref().unwrap_or_default()) }
                    td class="long" { (event.text) }
                }
            } }
        }
    }
}

pub(super) fn calls(document: &Document) -> Markup {
    html! {
        h2 id="calls" { "API calls" }
        @if document.calls_unreadable > 0 {
            p class="warn" { (count(document.calls_unreadable, "line")) " of the audit trail could not be read." }
        }
        @if document.calls.is_empty() {
            p class="soft" { "No call was noted beside the journal." }
        } @else {
            (operations(document))
            h3 { "Every call" }
            p class="soft" { "Times are UTC, " (document.started_at.strftime("%Y-%m-%d").to_string()) ". What may change something stands in bold." }
            table class="log calls" {
                thead { tr { th { "Time" } th { "Step" } th { "Call" } th { "Region" } th { "Answer" } th { "Latency" } } }
                tbody { @for call in &document.calls { (call_row(document, call)) } }
            }
        }
    }
}

/// The calls by operation: how many, how many failed, how long they took.
fn operations(document: &Document) -> Markup {
    let mut operations: BTreeMap<(&str, &str), Vec<&ApiCall>> = BTreeMap::new();
    for call in &document.calls {
        operations.entry((&call.service, &call.operation)).or_default().push(call);
    }
    html! {
        table {
            thead { tr { th { "Operation" } th { "Calls" } th { "Failed" } th { "Median" } th { "Slowest" } } }
            tbody { @for ((service, operation), calls) in &operations {
                @let mut latencies: Vec<u64> = calls.iter().map(|call| call.latency_ms).collect();
                @let () = latencies.sort_unstable();
                @let failed = calls.iter().filter(|call| call.failed()).count();
                tr data-operation=(operation) {
                    td data-label="Operation" { (service) " " @if calls[0].access == "write" { strong { (operation) } } @else { (operation) } }
                    td data-label="Calls" { (calls.len()) }
                    td data-label="Failed" class=[(failed > 0).then_some("bad")] { (failed) }
                    td data-label="Median" { (latencies[latencies.len() / 2]) " ms" }
                    td data-label="Slowest" { (latencies[latencies.len() - 1]) " ms" }
                }
            } }
        }
    }
}

fn call_row(document: &Document, call: &ApiCall) -> Markup {
    let answer = call.status.map_or_else(|| call.error.clone().unwrap_or_default(), |status| status.to_string());
    html! {
        tr data-call data-latency=(call.latency_ms) {
            td class="figure" { (exact(document, call.at)) }
            td class="step" { (call.step.as_deref().unwrap_or_default()) }
            td class="long" { (call.service) " " @if call.access == "write" { strong { (call.operation) } } @else { (call.operation) } }
            td class="figure" { (call.region.as_deref().unwrap_or_default()) }
            td class={ "answer" @if call.failed() { " bad" } } { (answer) }
            td class="figure" { (call.latency_ms) " ms" }
        }
    }
}
