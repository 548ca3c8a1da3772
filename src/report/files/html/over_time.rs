//! Availability, traffic by site and replication lag over time.

use super::{
    chart::{Bar, Paint, Row, Width},
    plot::{Line, Plot},
    time::{Times, both, legend},
};
use crate::report::{
    Document,
    document::{Availability, Available, SeenBy, Share, seconds},
};
use jiff::Timestamp;
use maud::{Markup, html};
use std::{collections::BTreeSet, io};

/// All of it that there is.
pub(super) fn charts(document: &Document, times: &Times<'_>) -> io::Result<Markup> {
    Ok(html! {
        (availability(document, times)?)
        (traffic(document, times)?)
        (lag(document, times)?)
    })
}

/// From each change to the next, and the last to the end.
fn stretches<T>(
    changes: &[T],
    at: fn(&T) -> Timestamp,
    until: Timestamp,
) -> impl Iterator<Item = (Timestamp, Timestamp, &T)> {
    let ends = changes.iter().skip(1).map(at).chain([until]).collect::<Vec<_>>();
    changes.iter().zip(ends).map(move |(change, end)| (at(change), end, change))
}

fn availability(document: &Document, times: &Times<'_>) -> io::Result<Markup> {
    let lines = &document.over_time.availability;
    if lines.is_empty() {
        return Ok(html! {});
    }
    let rows = || lines.iter().map(|line| available_row(times, line)).collect();
    let chart = times.rows("availability", "Availability over time; the table below has the same figures", rows)?;
    Ok(html! {
        h2 id="availability" { "Availability" }
        figure {
            (chart)
            (legend([(Paint::Good, "served"), (Paint::Bad, "failed")]))
        }
        table {
            thead { tr { th { "Who asked" } th { "Seen by" } th { "Unavailable" } th { "Failed" } } }
            tbody { @for line in lines {
                tr data-availability=(line.of) data-changes=(line.changes.len()) {
                    td data-label="Who asked" { (line.of) }
                    td data-label="Seen by" { (seen_by(line.seen_by)) }
                    td data-label="Unavailable" { (super::took(unavailable(line))) }
                    td data-label="Failed" {
                        @for (from, to, change) in stretches(&line.changes, |one| one.at, line.until).filter(|(.., change)| change.part < 1.0) {
                            div { (super::clock(document, from)) " – " (super::clock(document, to))
                                @if change.part > 0.0 { ", " (percent(1.0 - change.part)) " of requests" } }
                        }
                        @if line.changes.iter().all(|change| change.part >= 1.0) { span class="good" { "never" } }
                    }
                }
            } }
        }
    })
}

fn seen_by(seen_by: SeenBy) -> &'static str {
    match seen_by {
        SeenBy::Probe => "probe",
        SeenBy::SimulatedWorld => "simulated world",
    }
}

/// The time in which requests failed, weighed by how many of them did.
fn unavailable(line: &Availability) -> f64 {
    stretches(&line.changes, |one| one.at, line.until)
        .map(|(from, to, change)| (1.0 - change.part) * seconds(from, to))
        .sum()
}

fn available_row(times: &Times<'_>, line: &Availability) -> Row {
    let bars = stretches(&line.changes, |one| one.at, line.until).flat_map(|(from, to, Available { part, .. })| {
        let bar = |low, high, paint| Bar { from: times.since(from), to: times.since(to), low, high, paint };
        [bar(0.0, *part, Paint::Good), bar(*part, 1.0, Paint::Bad)].into_iter().filter(|bar| bar.high > bar.low)
    });
    let lost = unavailable(line);
    let told = if lost > 0.0 { format!("down {}", super::took(lost)) } else { "never down".to_owned() };
    let label = match line.seen_by {
        SeenBy::Probe => format!("probe {}", line.of),
        SeenBy::SimulatedWorld => line.of.clone(),
    };
    Row { label, told, bars: bars.collect() }
}

fn traffic(document: &Document, times: &Times<'_>) -> io::Result<Markup> {
    let traffic = &document.over_time.traffic;
    let sites: BTreeSet<&str> =
        traffic.values().flatten().flat_map(|share| share.served.keys()).map(String::as_str).collect();
    if sites.is_empty() {
        return Ok(html! {});
    }
    let sites: Vec<(Paint, &str)> =
        sites.into_iter().enumerate().map(|(number, site)| (Paint::Nth(number), site)).collect();
    let until = |client: &str| {
        let line = document
            .over_time
            .availability
            .iter()
            .find(|line| line.of == client && line.seen_by == SeenBy::SimulatedWorld);
        line.map_or(document.ended_at, |line| line.until)
    };
    let rows = || -> Vec<Row> {
        let rows = traffic.iter().map(|(client, shares)| Row {
            label: client.clone(),
            told: shares.last().map(takers).unwrap_or_default(),
            bars: stretches(shares, |share| share.at, until(client))
                .flat_map(|(from, to, share)| site_bars(times.since(from), times.since(to), share, &sites))
                .collect(),
        });
        rows.collect()
    };
    let chart =
        times.rows("traffic", "Which site served each client over time; the table below has the same figures", rows)?;
    let failed = (Paint::Bad, "nobody");
    Ok(html! {
        h2 id="traffic" { "Traffic by site" }
        figure {
            (chart)
            (legend(sites.iter().copied().chain([failed])))
            figcaption { "As the simulated world knows it." }
        }
        table {
            thead { tr { th { "Client" } th { "Served by" } } }
            tbody { @for (client, shares) in traffic {
                tr data-traffic=(client) data-changes=(shares.len()) {
                    td data-label="Client" { (client) }
                    td data-label="Served by" {
                        @for share in shares { div { "from " (super::clock(document, share.at)) ": " (served_by(share)) } }
                    }
                }
            } }
        }
    })
}

fn served_by(share: &Share) -> String {
    let whole = share.served.len() == 1 && share.failed <= 0.0;
    let sites =
        share.served.iter().map(|(site, part)| if whole { site.clone() } else { format!("{site} {}", percent(*part)) });
    let nobody = (share.failed > 0.0).then(|| {
        if share.served.is_empty() { "nobody".to_owned() } else { format!("nobody {}", percent(share.failed)) }
    });
    let told: Vec<String> = sites.chain(nobody).collect();
    if told.is_empty() { "nothing was sent".to_owned() } else { told.join(", ") }
}

/// Who serves, in a word.
fn takers(share: &Share) -> String {
    let nobody = (share.failed > 0.0).then_some("nobody");
    let names: Vec<&str> = share.served.keys().map(String::as_str).chain(nobody).collect();
    names.join(", ")
}

/// Stacked: who served, then what failed.
fn site_bars(from: f64, to: f64, share: &Share, sites: &[(Paint, &str)]) -> Vec<Bar> {
    let mut low = 0.0;
    let mut bars = Vec::new();
    for (paint, site) in sites {
        let Some(part) = share.served.get(*site) else { continue };
        bars.push(Bar { from, to, low, high: low + part, paint: *paint });
        low += part;
    }
    if share.failed > 0.0 {
        bars.push(Bar { from, to, low, high: 1.0, paint: Paint::Bad });
    }
    bars
}

fn lag(document: &Document, times: &Times<'_>) -> io::Result<Markup> {
    let over_time = &document.over_time;
    if over_time.lag.is_empty() && over_time.lag_found.is_empty() {
        return Ok(html! {});
    }
    let mut lines = Vec::new();
    for (number, replica) in over_time.lag.values().enumerate() {
        for piece in replica.split(|point| point.seconds.is_none()).filter(|piece| !piece.is_empty()) {
            let points = piece.iter().filter_map(|point| Some((times.since(point.at), point.seconds?)));
            lines.push(Line { points: points.collect(), paint: Paint::Nth(number) });
        }
    }
    let allowed =
        document.objectives.iter().find(|objective| objective.name == "rpo").map(|objective| objective.allowed_s);
    let plot = Plot {
        title: "Replication lag over time, in seconds; the table below has the same figures".to_owned(),
        lines,
        dots: over_time.lag_found.iter().map(|found| (times.since(found.at), found.seconds)).collect(),
        limit: allowed,
        moments: &times.moments,
        span: times.span,
    };
    let chart = both("lag", &plot.svg(Width::Wide)?, &plot.svg(Width::Narrow)?);
    let replicas = over_time.lag.keys().enumerate().map(|(number, replica)| (Paint::Nth(number), replica.as_str()));
    let found = (!over_time.lag_found.is_empty()).then_some((Paint::Ink, "as a step found it"));
    let limit = allowed.map(|_| (Paint::Soft, "allowed (dashed)"));
    Ok(html! {
        h2 id="lag" { "Replication lag" }
        figure {
            (chart)
            (legend(replicas.chain(found).chain(limit)))
            @if !over_time.lag.is_empty() {
                figcaption { "A replica that hears nothing from its writer falls behind by a second each second; its line ends where it follows nobody any more." }
            }
        }
        table {
            thead { tr { th { "Replica" } th { "At" } th { "Lag" } } }
            tbody {
                @for (replica, points) in &over_time.lag {
                    tr data-lag=(replica) data-changes=(points.len()) {
                        td data-label="Replica" { (replica) }
                        td data-label="At" { @for point in points { div { (super::clock(document, point.at)) } } }
                        td data-label="Lag" { @for point in points { div { (point.seconds.map_or_else(|| "follows nobody".to_owned(), super::took)) } } }
                    }
                }
                @for found in &over_time.lag_found {
                    tr data-lag-found=(found.step) {
                        td data-label="Replica" { "found by " (found.step) }
                        td data-label="At" { (super::clock(document, found.at)) }
                        td data-label="Lag" { (super::took(found.seconds)) ", " (super::took(found.age_s)) " old" }
                    }
                }
            }
        }
    })
}

fn percent(part: f64) -> String {
    let tenths = (part * 1000.0).round() / 10.0;
    format!("{tenths} %")
}
