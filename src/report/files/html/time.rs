//! What is drawn over time: the steps, and what probes saw.

use super::chart::{Chart, Moment, Paint, Row};
use crate::{
    drill::{Basis, DrillRecord},
    report::{
        Document,
        document::{StepReport, seconds},
    },
};
use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};
use std::io;

const WIDE: u32 = 940;
const NARROW: u32 = 340;

/// Both widths of a chart; the style sheet shows one.
fn both(chart: &Chart<'_>) -> io::Result<Markup> {
    let (wide, narrow) = (chart.svg(WIDE)?, chart.svg(NARROW)?);
    Ok(html! {
        div class="wide" { (PreEscaped(wide)) }
        div class="narrow" { (PreEscaped(narrow)) }
    })
}

/// Seconds since the run began; what happened before is negative.
fn since(document: &Document, at: Timestamp) -> f64 {
    if at < document.started_at { -seconds(at, document.started_at) } else { seconds(document.started_at, at) }
}

fn moments(document: &Document) -> Vec<Moment> {
    let Some(drill) = &document.drill else { return Vec::new() };
    let incident = drill.incident_at.map(|at| since(document, at));
    let basis = match drill.recovery.counted_from {
        Basis::Incident => incident,
        Basis::RunStart => Some(0.0),
    };
    let green = basis.zip(drill.recovery.probes_green_s).map(|(from, took)| from + took);
    let incident = incident.map(|at| Moment { at, label: "incident", paint: Paint::Bad });
    let green = green.map(|at| Moment { at, label: "recovered", paint: Paint::Good });
    incident.into_iter().chain(green).collect()
}

/// The steps' work, one row each.
pub(super) fn line(document: &Document) -> io::Result<Markup> {
    let begun = document.steps.iter().filter(|step| step.started_at.is_some());
    let rows = begun.map(|step| Row { label: label(step), bars: bars(document, step) }).collect();
    let moments = moments(document);
    let from = moments.iter().map(|moment| moment.at).fold(0.0, f64::min);
    let to = moments.iter().map(|moment| moment.at).fold(document.duration_s, f64::max);
    let chart = Chart {
        title: "Each step over time, with its attempts and waits; the table of steps holds the same figures",
        rows,
        moments,
        span: (from, to),
    };
    let charts = both(&chart)?;
    let legend = [
        ("step", "step"),
        ("attempt", "attempt"),
        ("wait", "wait"),
        ("undo", "undo"),
        ("good", "try passed"),
        ("bad", "failed"),
    ];
    Ok(html! {
        h2 { "Timeline" }
        (charts)
        ul class="legend" {
            @for (name, words) in legend { li { span style=(format!("background: var(--{name})")) {} (words) } }
        }
    })
}

fn label(step: &StepReport) -> String {
    let took = step.duration_s.map(super::took).unwrap_or_default();
    format!("{}  {} {took}", step.id, step.outcome.replace('_', " "))
}

fn bars(document: &Document, step: &StepReport) -> Vec<(f64, f64, Paint)> {
    let end = document.ended_at;
    let bar = |from, to: Option<Timestamp>, paint| (since(document, from), since(document, to.unwrap_or(end)), paint);
    let mut bars = Vec::new();
    bars.extend(step.started_at.map(|from| bar(from, step.ended_at, Paint::Step)));
    bars.extend(step.undo.iter().map(|undo| bar(undo.from, undo.to, Paint::Undo)));
    bars.extend(step.waits.iter().map(|wait| bar(wait.from, wait.to, Paint::Wait)));
    bars.extend(step.attempts.iter().map(|attempt| {
        let paint = if attempt.error.is_some() { Paint::Bad } else { Paint::Attempt };
        bar(attempt.from, attempt.to, paint)
    }));
    bars.extend(step.tries.iter().map(|tried| {
        let paint = if tried.passed { Paint::Good } else { Paint::Bad };
        bar(tried.at, Some(tried.at), paint)
    }));
    bars
}

/// What the probes saw, one row each: a sample holds until the next.
pub(super) fn availability(document: &Document, drill: &DrillRecord) -> io::Result<Markup> {
    if drill.probes.is_empty() {
        return Ok(html! {});
    }
    let rows = drill.probes.iter().map(|probe| {
        let ends = probe.samples.iter().skip(1).map(|next| next.at).chain([drill.ended_at]);
        let bars = probe.samples.iter().zip(ends).map(|(sample, end)| {
            let paint = if sample.ok { Paint::Good } else { Paint::Bad };
            (since(document, sample.at), since(document, end), paint)
        });
        Row { label: format!("{}  unavailable {}", probe.name, super::took(probe.unavailable_s)), bars: bars.collect() }
    });
    let chart = Chart {
        title: "What each probe saw over time; the table below holds the figures",
        rows: rows.collect(),
        moments: moments(document),
        span: (since(document, drill.started_at), since(document, drill.ended_at)),
    };
    let charts = both(&chart)?;
    Ok(html! {
        h2 { "Availability as the probes saw it" }
        (charts)
        table {
            thead { tr { th { "Probe" } th { "Samples" } th { "Failed" } th { "Unavailable" } th { "Longest outage" } th { "Tolerance" } } }
            tbody { @for probe in &drill.probes {
                tr data-probe=(probe.name) {
                    td data-label="Probe" { (probe.name) " (" (probe.kind) ")" }
                    td data-label="Samples" { (probe.samples.len()) }
                    td data-label="Failed" { (probe.samples.iter().filter(|sample| !sample.ok).count()) }
                    td data-label="Unavailable" { (super::took(probe.unavailable_s)) }
                    td data-label="Longest outage" { (super::took(probe.longest_outage_s)) }
                    td data-label="Tolerance" { (probe.tolerance_s.map_or_else(|| "–".to_owned(), super::took)) }
                }
            } }
        }
    })
}
