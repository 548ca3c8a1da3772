//! What the simulated world measured, in plain words.
//!
//! The figures are the world's own. One that is not known here is shown under its own name rather than dropped.

use super::{cells, duration::words, layout::Page, style::Tone};
use serde_json::{Map, Value};
use std::time::Duration;

/// The figures that have words of their own, or that others are told with.
const KNOWN: [&str; 23] = [
    "acknowledged_writes",
    "clients",
    "elapsed_s",
    "engines",
    "failed_requests",
    "interrupted",
    "longest_gap_s",
    "longest_outage_s",
    "lost_packets",
    "lost_writes",
    "messages_acknowledged",
    "messages_duplicated",
    "messages_lost",
    "messages_out_of_order",
    "messages_processed",
    "messages_sent",
    "pings",
    "recovery_s",
    "sent_packets",
    "two_actives_s",
    "two_writers_s",
    "unavailable_s",
    "watched",
];

/// A figure's name, its value in words, and whether that is well.
pub(super) struct Row(pub(super) String, pub(super) String, pub(super) Tone);

/// The figures, in the order in which operators ask for them.
pub(super) fn rows(world: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    let Some(map) = world.as_object() else { return rows };
    if map.get("clients") != Some(&Value::Object(Map::new())) {
        rows.extend(requests(map));
    }
    rows.extend(counted(map, "lost writes", "lost_writes", "acknowledged_writes"));
    // Where nothing is written, and nobody sends messages, there is nothing of which there could be two.
    let nobody_writes = map.get("acknowledged_writes").is_some_and(is_none);
    rows.extend(at_once(map, "two writers at once", "two_writers_s").filter(|_| !nobody_writes));
    rows.extend(counted(map, "lost packets", "lost_packets", "sent_packets"));
    if map.get("messages_sent").is_some_and(|sent| !is_none(sent)) {
        rows.extend(messages(map));
    }
    for (key, value) in map.iter().filter(|(key, value)| !KNOWN.contains(&key.as_str()) && !value.is_null()) {
        let label = key.strip_suffix("_s").unwrap_or(key).replace('_', " ");
        let text = if key.ends_with("_s") { time(value) } else { cells::show(Some(value)) };
        rows.push(Row(label, text, Tone::Plain));
    }
    rows
}

/// The figures on a screen.
pub(super) fn figures(page: &mut Page<'_>, world: &Value) {
    let rows = rows(world);
    if rows.is_empty() {
        return;
    }
    page.blank();
    page.line(0, Tone::Strong, "Measured in the simulated world, since it began");
    let width = rows.iter().map(|Row(label, ..)| label.chars().count()).max().unwrap_or(0) + 2;
    for Row(label, text, tone) in rows {
        page.labelled(2, &label, width, tone, &text);
    }
}

/// How clients fared. Without a time to recovery, either nothing ever failed or something still does.
fn requests(map: &Map<String, Value>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |label: &str, text: String, tone| rows.push(Row(label.to_owned(), text, tone));
    match map.get("recovery_s") {
        None => {}
        Some(Value::Null) if map.get("interrupted") == Some(&Value::Bool(true)) => {
            add("time to recovery", "not recovered: requests still fail".to_owned(), Tone::Bad);
        }
        Some(Value::Null) => add("time to recovery", "none needed: no request failed".to_owned(), Tone::Good),
        Some(value) => add("time to recovery", time(value), Tone::Plain),
    }
    for (label, key) in [("unavailable", "unavailable_s"), ("longest outage", "longest_outage_s")] {
        if let Some(value) = map.get(key) {
            add(label, time(value), if is_none(value) { Tone::Good } else { Tone::Warning });
        }
    }
    if let Some(value) = map.get("failed_requests") {
        add("failed requests", value.to_string(), if is_none(value) { Tone::Good } else { Tone::Warning });
    }
    rows
}

fn at_once(map: &Map<String, Value>, label: &str, key: &str) -> Option<Row> {
    let value = map.get(key)?;
    Some(Row(label.to_owned(), time(value), if is_none(value) { Tone::Good } else { Tone::Bad }))
}

/// What became of the messages that senders had for the clusters of an integration engine.
fn messages(map: &Map<String, Value>) -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(counted(map, "messages lost", "messages_lost", "messages_acknowledged"));
    for (label, key) in [("processed twice", "messages_duplicated"), ("out of order", "messages_out_of_order")] {
        rows.extend(counted(map, label, key, "messages_processed"));
    }
    if let Some(gap) = map.get("longest_gap_s") {
        rows.push(Row("longest wait for an acknowledgement".to_owned(), time(gap), Tone::Plain));
    }
    rows.extend(at_once(map, "two actives at once", "two_actives_s"));
    let engines = map.get("engines").and_then(Value::as_object).into_iter().flatten();
    for (cluster, engine) in engines {
        let actives = engine["actives"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let actives: Vec<&str> = actives.collect();
        let (text, tone) = match actives.as_slice() {
            [] => ("no active".to_owned(), Tone::Bad),
            [only] => (format!("{only} is active"), Tone::Good),
            several => (format!("{} are active", several.join(" and ")), Tone::Bad),
        };
        rows.push(Row(cluster.clone(), text, tone));
    }
    rows
}

/// `4 of 1200`. Nothing, where there was nothing that could be lost.
fn counted(map: &Map<String, Value>, label: &str, lost: &str, of: &str) -> Option<Row> {
    let lost = map.get(lost)?;
    let tone = if is_none(lost) { Tone::Good } else { Tone::Warning };
    match map.get(of) {
        Some(all) if is_none(all) => None,
        Some(all) => Some(Row(label.to_owned(), format!("{lost} of {all}"), tone)),
        None => Some(Row(label.to_owned(), lost.to_string(), tone)),
    }
}

fn is_none(value: &Value) -> bool {
    value.as_f64() == Some(0.0)
}

fn time(value: &Value) -> String {
    let duration = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match duration {
        Some(Duration::ZERO) => "never".to_owned(),
        Some(duration) => words(duration),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Style;
    use serde_json::json;

    fn shown(world: &Value) -> String {
        let mut page = Page::new(&Style { color: false, width: 80 });
        figures(&mut page, world);
        page.finish()
    }

    #[test]
    fn each_figure_in_words() {
        let world = json!({
            "elapsed_s": 200.0, "recovery_s": 63.2, "interrupted": false, "unavailable_s": 41.04,
            "longest_outage_s": 40.0, "acknowledged_writes": 1200, "lost_writes": 3, "two_writers_s": 0.0,
            "lost_packets": 0, "sent_packets": 29, "served": {"r1": 700, "r2": 500}, "failed_requests": 41,
            "clients": {"orders": {}}, "pings": {}, "degraded_s": 2.5,
        });
        insta::assert_snapshot!(shown(&world), @r"
        Measured in the simulated world, since it began
          time to recovery     1m 3s
          unavailable          41s
          longest outage       40s
          failed requests      41
          lost writes          3 of 1200
          two writers at once  never
          lost packets         0 of 29
          degraded             2.5s
          served               r1 700, r2 500
        ");
    }

    #[test]
    fn engines_in_words() {
        let engine = |actives: Value| json!({ "actives": actives, "messages_lost": 0 });
        let world = json!({
            "acknowledged_writes": 0, "two_writers_s": 0.0, "clients": {}, "messages_sent": 300,
            "messages_acknowledged": 290, "messages_processed": 280, "messages_lost": 0, "messages_duplicated": 10,
            "messages_out_of_order": 9, "longest_gap_s": 11.0, "two_actives_s": 31.5,
            "engines": {"wk1": engine(json!(["a", "b"])), "wk2": engine(json!(["b"])), "wk3": engine(json!([]))},
        });
        insta::assert_snapshot!(shown(&world), @r"
        Measured in the simulated world, since it began
          messages lost                        0 of 290
          processed twice                      10 of 280
          out of order                         9 of 280
          longest wait for an acknowledgement  11s
          two actives at once                  31s
          wk1                                  a and b are active
          wk2                                  b is active
          wk3                                  no active
        ");
    }

    #[test]
    fn no_time_to_recovery_means_one_of_two_things() {
        insta::assert_snapshot!(shown(&json!({"recovery_s": null, "interrupted": true, "two_writers_s": 1.5})), @r"
        Measured in the simulated world, since it began
          time to recovery     not recovered: requests still fail
          two writers at once  1.5s
        ");
        insta::assert_snapshot!(shown(&json!({"recovery_s": null, "interrupted": false, "unavailable_s": 0.0})), @r"
        Measured in the simulated world, since it began
          time to recovery  none needed: no request failed
          unavailable       never
        ");
    }

    #[test]
    fn what_nobody_could_lose_is_not_told() {
        let world = json!({
            "recovery_s": null, "clients": {}, "acknowledged_writes": 0, "lost_writes": 0, "lost_packets": 0, "sent_packets": 29,
        });
        insta::assert_snapshot!(shown(&world), @r"
        Measured in the simulated world, since it began
          lost packets  0 of 29
        ");
        assert_eq!(shown(&json!({})), "");
    }
}
