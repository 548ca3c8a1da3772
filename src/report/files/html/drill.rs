//! What a drill adds to the report of its run.

use crate::{
    drill::{Basis, DrillRecord, StepTrend},
    report::{Document, document::seconds, drill_screen::phase},
};
use maud::{Markup, html};

pub(super) fn measured(document: &Document, drill: &DrillRecord) -> Markup {
    let from = match drill.recovery.counted_from {
        Basis::Incident => "the incident",
        Basis::RunStart => "the start of the run",
    };
    let recovery = &drill.recovery;
    // Detection and decision mean something after an incident alone.
    let known = [("Until detected", recovery.detection_s), ("From there to the start of the run", recovery.decision_s)];
    let parts = [("Users served again", recovery.probes_green_s), ("Last step done", recovery.last_step_s)];
    let parts = parts.into_iter().chain(known.into_iter().filter(|(_, seconds)| seconds.is_some()));
    html! {
        h2 id="drill" { "Drill" }
        table {
            thead { tr { th { "Leg" } th { "Began" } th { "Took" } th { "Outcome" } } }
            tbody { @for leg in &drill.legs {
                tr data-leg {
                    td data-label="Leg" { strong { (phase(leg.phase)) } }
                    td data-label="Began" { (super::clock(document, leg.started_at)) }
                    td data-label="Took" { (super::took(seconds(leg.started_at, leg.ended_at))) }
                    td data-label="Outcome" {
                        @if leg.ok { span class="good" { "✓ " } } @else { span class="bad" { "✗ failed: " } }
                        (leg.outcome)
                        @if let Some(run) = leg.run.as_ref().filter(|run| **run != document.run) { ", run " code { (run) } }
                    }
                }
            } }
        }
        h3 { "Time to recovery, counted from " (from) }
        dl class="facts" { @for (label, seconds) in parts { div { dt { (label) } dd { (seconds.map_or_else(|| "not known".to_owned(), super::took)) } } } }
        (probes(drill))
        (agreement(drill))
        (trend(&drill.trend))
        @if !drill.notes.is_empty() {
            h3 { "Notes" }
            ul { @for note in &drill.notes { li { (note) } } }
        }
    }
}

fn probes(drill: &DrillRecord) -> Markup {
    html! {
        @if !drill.probes.is_empty() {
            h3 { "Probes, over and back" }
            table {
                thead { tr { th { "Probe" } th { "Samples" } th { "Failed" } th { "Unavailable" } th { "Longest outage" } th { "Tolerance" } } }
                tbody { @for probe in &drill.probes {
                    tr data-probe=(probe.name) data-samples=(probe.samples.len()) {
                        td data-label="Probe" { strong { (probe.name) } " " span class="soft" { (probe.kind) ", every " (super::took(probe.interval_s)) } }
                        td data-label="Samples" { (probe.samples.len()) }
                        td data-label="Failed" { (probe.samples.iter().filter(|sample| !sample.ok).count()) }
                        td data-label="Unavailable" { (super::took(probe.unavailable_s)) }
                        td data-label="Longest outage" { (super::took(probe.longest_outage_s)) }
                        td data-label="Tolerance" { (probe.tolerance_s.map_or_else(|| "–".to_owned(), super::took)) }
                    }
                } }
            }
        }
    }
}

fn agreement(drill: &DrillRecord) -> Markup {
    let told = |seconds: Option<f64>| seconds.map_or_else(|| "–".to_owned(), super::took);
    html! {
        @if !drill.agreement.is_empty() {
            h3 { "Probes beside the simulated world" }
            table {
                thead { tr { th { "Figure" } th { "Probes" } th { "World" } th { "Agree" } } }
                tbody { @for figure in &drill.agreement {
                    tr {
                        td data-label="Figure" { (figure.figure) }
                        td data-label="Probes" { (told(figure.probes_s)) }
                        td data-label="World" { (told(figure.world_s)) }
                        td data-label="Agree" {
                            @if figure.agrees { span class="good" { "✓ within " } } @else { span class="bad" { "✗ not within " } }
                            "the sampling interval of " (super::took(figure.within_s))
                        }
                    }
                } }
            }
        }
    }
}

fn trend(trend: &[StepTrend]) -> Markup {
    html! {
        @if !trend.is_empty() {
            h3 { "Steps against earlier drills" }
            @if trend.iter().all(|step| step.earlier == 0) {
                p class="soft" { "There was no earlier drill of this runbook in this direction." }
            } @else {
                table {
                    thead { tr { th { "Step" } th { "This time" } th { "Median" } th { "95th percentile" } th { "Earlier drills" } } }
                    tbody { @for step in trend {
                        tr {
                            td data-label="Step" { strong { (step.step) } @if step.slower { " " span class="warn" { "! slower than usual" } } }
                            td data-label="This time" { (super::took(step.this_s)) }
                            td data-label="Median" { (step.p50_s.map_or_else(|| "–".to_owned(), super::took)) }
                            td data-label="95th percentile" { (step.p95_s.map_or_else(|| "–".to_owned(), super::took)) }
                            td data-label="Earlier drills" { (step.earlier) }
                        }
                    } }
                }
            }
        }
    }
}
