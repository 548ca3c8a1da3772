//! HTML: one file that needs no network and no script.
//!
//! Everything from a journal is untrusted text: maud escapes it, and nothing but charts and the style sheet is put in as it is.

mod chart;
mod drill;
mod over_time;
mod plot;
mod tables;
mod time;

use super::Document;
use crate::{
    drill::Verdict,
    report::{
        duration::{moment, words},
        style::Tone,
    },
};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::{io, time::Duration};
use time::Times;

const STYLE: &str = include_str!("style.css");

/// The document as a page.
pub(super) fn page(document: &Document) -> io::Result<String> {
    let name = format!("{}: {} to {}", document.runbook.name, document.from, document.to);
    let what = if document.drill.is_some() { "Drill report" } else { "Run report" };
    let times = Times::of(document);
    let timeline = time::line(&times)?;
    let over_time = over_time::charts(document, &times)?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(document.made_by);
                title { (name) " – " (what.to_lowercase()) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p class="soft what" { (what) }
                    h1 { (name) }
                    (verdict_banner(document))
                    p { (document.runbook.summary) }
                    (facts(document))
                    (contents(document))
                }
                main {
                    (objectives(document))
                    (timeline)
                    (over_time)
                    @if let Some(drill) = &document.drill { (drill::measured(document, drill)) }
                    (tables::steps(document))
                    (tables::decisions(document))
                    (tables::owed(document))
                    (tables::world(document))
                    (tables::provenance(document))
                    (tables::events(document))
                    (tables::calls(document))
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

/// A time of day, in UTC; with its date where that is not the run's.
fn clock(document: &Document, at: Timestamp) -> Markup {
    clock_as(document, at, "%H:%M:%S")
}

/// A time of day to the millisecond.
fn exact(document: &Document, at: Timestamp) -> Markup {
    clock_as(document, at, "%H:%M:%S%.3f")
}

fn clock_as(document: &Document, at: Timestamp, form: &str) -> Markup {
    let date = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let day = if date(at) == date(document.started_at) { String::new() } else { date(at) + " " };
    html! { time datetime=(at) { (day) (at.strftime(form).to_string()) } }
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Warning => "warn",
        Tone::Faint => "soft",
        Tone::Plain | Tone::Strong => "plain",
    }
}

/// What a colour says, for those who do not see it.
fn mark(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✓ ",
        Tone::Bad => "✗ ",
        _ => "! ",
    }
}

fn verdict_banner(document: &Document) -> Markup {
    let (sentence, tone) = document.headline();
    html! {
        div id="verdict" class={ "verdict " (class(tone)) } {
            p { strong { (mark(tone)) (sentence) } }
            @if document.drill.is_some() { p { "Its run: " (document.verdict) "." } }
        }
    }
}

fn facts(document: &Document) -> Markup {
    let places: Vec<String> =
        document.environment.places.iter().filter_map(|place| place.region.as_ref().map(ToString::to_string)).collect();
    html! {
        dl class="facts" {
            div { dt { "Mode" } dd { (document.mode) } }
            @if !document.impaired.is_empty() { div { dt { "Declared lost" } dd { (document.impaired.join(", ")) } } }
            div { dt { "Cloud" } dd { (document.environment.cloud) } }
            @if !places.is_empty() { div { dt { "Regions" } dd { (places.join(", ")) } } }
            div { dt { "Begun by" } dd { (document.by.name) " on " (document.by.host) } }
            div { dt { "Began" } dd { time datetime=(document.started_at) { (moment(document.started_at)) } } }
            div { dt { "Took" } dd { (took(document.duration_s)) } }
        }
    }
}

/// The way through a long page, by keyboard too.
fn contents(document: &Document) -> Markup {
    let over_time = &document.over_time;
    let sections = [
        ("objectives", "Objectives", !document.objectives.is_empty()),
        ("timeline", "Timeline", true),
        ("availability", "Availability", !over_time.availability.is_empty()),
        ("traffic", "Traffic", over_time.traffic.values().flatten().any(|share| !share.served.is_empty())),
        ("lag", "Lag", !over_time.lag.is_empty() || !over_time.lag_found.is_empty()),
        ("drill", "Drill", document.drill.is_some()),
        ("plan", "Plan and result", true),
        ("decisions", "Approvals and overrides", true),
        ("owed", "Owed", document.owed.is_some()),
        ("provenance", "Provenance", true),
        ("events", "Events", true),
        ("calls", "API calls", true),
    ];
    html! {
        nav aria-label="Contents" {
            @for (id, title, _) in sections.into_iter().filter(|(.., there)| *there) { a href={ "#" (id) } { (title) } " " }
        }
    }
}

fn objectives(document: &Document) -> Markup {
    html! {
        @if !document.objectives.is_empty() {
            h2 id="objectives" { "Objectives" }
            table {
                thead { tr { th { "Objective" } th { "Verdict" } th { "Measured" } th { "Allowed" } th { "Source" } } }
                tbody {
                    @for objective in &document.objectives {
                        tr data-objective=(objective.name) {
                            td data-label="Objective" { strong { (spoken_name(&objective.name)) } }
                            td data-label="Verdict" { (verdict(objective.verdict)) }
                            @match &objective.measured {
                                Some(measured) => { td data-label="Measured" { (took(measured.seconds)) } }
                                None => { td data-label="Measured" { "–" } }
                            }
                            td data-label="Allowed" { (took(objective.allowed_s)) }
                            td data-label="Source" {
                                @if let Some(measured) = &objective.measured { (measured.source) }
                                @if let Some(why) = document.why_not_measured(objective) { (why) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn spoken_name(name: &str) -> String {
    if matches!(name, "rto" | "rpo") { name.to_uppercase() } else { name.to_owned() }
}

fn verdict(verdict: Verdict) -> Markup {
    match verdict {
        Verdict::Met => html! { span class="good" { "✓ met" } },
        Verdict::Missed => html! { span class="bad" { "✗ missed" } },
        Verdict::NotMeasured => html! { span class="soft" { "not measured" } },
    }
}
