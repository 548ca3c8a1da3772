//! What all charts share: one span of time, and the moments that stand in it. And the steps' own chart.

use super::chart::{Bar, Chart, Moment, Paint, Row, Width};
use crate::report::{
    Document,
    document::{StepReport, seconds},
    duration::words,
    word::spoken,
};
use jiff::Timestamp;
use lifeboat_contract::Direction;
use maud::{Markup, PreEscaped, html};
use std::{io, time::Duration};

/// More incidents than these would hide what happened.
const INCIDENTS_MAX: usize = 4;

/// The time that every chart of a page shows, so that they can be read one below the other.
pub(super) struct Times<'d> {
    document: &'d Document,
    pub(super) moments: Vec<Moment>,
    /// In seconds since the run began.
    pub(super) span: (f64, f64),
}

impl<'d> Times<'d> {
    pub(super) fn of(document: &'d Document) -> Self {
        let over_time = &document.over_time;
        let mut moments: Vec<Moment> = over_time
            .incidents
            .iter()
            .take(INCIDENTS_MAX)
            .map(|one| Moment { at: since(document, one.at), label: one.what.clone(), paint: Paint::Bad })
            .collect();
        moments.extend(over_time.recovered_at.map(|at| Moment {
            at: since(document, at),
            label: "recovered".to_owned(),
            paint: Paint::Good,
        }));
        let noted = over_time.availability.iter().filter_map(|line| Some([line.changes.first()?.at, line.until]));
        let drill = document.drill.iter().map(|drill| [drill.started_at, drill.ended_at]);
        let run = [document.started_at, document.ended_at];
        let ends = noted.chain(drill).flatten().chain(run).map(|at| since(document, at));
        let ends: Vec<f64> = ends.chain(moments.iter().map(|moment| moment.at)).collect();
        let span = (ends.iter().copied().fold(0.0, f64::min), ends.iter().copied().fold(0.0, f64::max));
        Self { document, moments, span }
    }

    pub(super) fn since(&self, at: Timestamp) -> f64 {
        since(self.document, at)
    }

    /// Rows of bars, in both widths; the style sheet shows one.
    pub(super) fn rows(&self, id: &str, title: &str, rows: impl Fn() -> Vec<Row>) -> io::Result<Markup> {
        let chart = Chart { title: title.to_owned(), rows: rows(), moments: &self.moments, span: self.span };
        Ok(both(id, &chart.svg(Width::Wide)?, &chart.svg(Width::Narrow)?))
    }
}

pub(super) fn both(id: &str, wide: &str, narrow: &str) -> Markup {
    html! {
        div class="wide" data-chart=(id) { (PreEscaped(wide)) }
        div class="narrow" { (PreEscaped(narrow)) }
    }
}

/// What the colours of a chart stand for.
pub(super) fn legend<'l>(names: impl IntoIterator<Item = (Paint, &'l str)>) -> Markup {
    html! {
        ul class="legend" {
            @for (paint, words) in names {
                li { span style=(format!("background: var(--{})", paint.variable())) {} (words) }
            }
        }
    }
}

/// What happened before the run began is negative.
fn since(document: &Document, at: Timestamp) -> f64 {
    if at < document.started_at { -seconds(at, document.started_at) } else { seconds(document.started_at, at) }
}

/// The steps' work, one row each.
pub(super) fn line(times: &Times<'_>) -> io::Result<Markup> {
    let document = times.document;
    let rows = || -> Vec<Row> {
        let begun = document.steps.iter().filter(|step| step.started_at.is_some());
        begun.map(|step| Row { label: step.id.clone(), told: told(step), bars: bars(times, step) }).collect()
    };
    let title = "Each step over time, with its attempts and waits; the table of steps has the same figures";
    let chart = times.rows("steps", title, rows)?;
    let unmarked = document.over_time.incidents.len().saturating_sub(INCIDENTS_MAX);
    let untouched = document.steps.iter().filter(|step| step.started_at.is_none()).count();
    Ok(html! {
        h2 id="timeline" { "Timeline" }
        figure {
            (chart)
            (legend([
                (Paint::Step, "step"),
                (Paint::Attempt, "attempt"),
                (Paint::Wait, "waiting for its effect"),
                (Paint::Undo, "way back"),
                (Paint::Good, "check passed"),
                (Paint::Bad, "failed"),
            ]))
            figcaption {
                "Time counts from the start of the run, " (super::clock(document, document.started_at)) " UTC."
                @if untouched > 0 { " " (crate::report::plan_time::count(untouched, "step")) " did not begin." }
                @if unmarked > 0 { " " (crate::report::plan_time::count(unmarked, "more incident")) " happened and is not marked; the JSON report has all." }
            }
        }
    })
}

fn told(step: &StepReport) -> String {
    let took = step.duration_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match took.filter(|took| !took.is_zero()) {
        Some(took) => format!("{} {}", spoken(step.outcome), words(took)),
        None => spoken(step.outcome),
    }
}

fn bars(times: &Times<'_>, step: &StepReport) -> Vec<Bar> {
    let end = times.document.ended_at;
    let bar = |from, to: Option<Timestamp>, paint| Bar {
        from: times.since(from),
        to: times.since(to.unwrap_or(end)),
        low: 0.0,
        high: 1.0,
        paint,
    };
    let mut bars = Vec::new();
    // Attempts and tries lie on what contains them.
    bars.extend(step.started_at.map(|from| bar(from, step.ended_at, Paint::Step)));
    let forward = step.waits.iter().filter(|wait| step.undo.as_ref().is_none_or(|undo| wait.from < undo.from));
    bars.extend(forward.map(|wait| bar(wait.from, wait.to, Paint::Wait)));
    bars.extend(step.undo.iter().map(|undo| bar(undo.from, undo.to, Paint::Undo)));
    bars.extend(step.attempts.iter().map(|attempt| {
        let paint = if attempt.error.is_some() { Paint::Bad } else { Paint::Attempt };
        let height = if attempt.direction == Direction::Back { 0.6 } else { 1.0 };
        Bar { high: height, ..bar(attempt.from, attempt.to, paint) }
    }));
    bars.extend(step.tries.iter().map(|tried| {
        let paint = if tried.passed { Paint::Good } else { Paint::Bad };
        bar(tried.at, Some(tried.at), paint)
    }));
    bars
}
