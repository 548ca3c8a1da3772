//! States, cell by cell: what a change does to each, and where three states of a drifted step differ.
//!
//! Does not decide where the world stands: the contract's `Position` does.

use super::layout::shorten;
use crate::journal::ThreeWay;
use lifeboat_contract::cells;
use serde_json::Value;

const LABEL_MAX: usize = 40;

/// A cell's value as a person says it.
pub(super) fn show(value: Option<&Value>) -> String {
    match value {
        None => "absent".to_owned(),
        Some(Value::Null) => "none".to_owned(),
        Some(Value::String(text)) if is_plain(text) => text.clone(),
        Some(Value::Array(list)) => {
            let items: Vec<String> = list.iter().map(nested).collect();
            format!("[{}]", items.join(", "))
        }
        Some(Value::Object(map)) if !map.is_empty() => {
            let items: Vec<String> = map.iter().map(|(key, value)| format!("{key} {}", nested(value))).collect();
            items.join(", ")
        }
        Some(other) => other.to_string(),
    }
}

fn nested(value: &Value) -> String {
    match value {
        Value::Object(map) if map.len() > 1 => format!("{{{}}}", show(Some(value))),
        _ => show(Some(value)),
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// The cells that differ, old → new, in lines of at most `width`.
pub(super) fn changes(before: &Value, target: &Value, width: usize) -> Vec<String> {
    let names = cells(&[before, target]);
    let different: Vec<&String> = names.iter().filter(|cell| before.get(cell) != target.get(cell)).collect();
    let label_width = label_width(different.iter().map(|cell| cell.as_str()));
    let mut lines = Vec::new();
    for cell in different {
        let (old, new) = (show(before.get(cell)), show(target.get(cell)));
        let label = shorten(cell, LABEL_MAX);
        let line = format!("{label:<label_width$}  {old} → {new}");
        if line.chars().count() <= width {
            lines.push(line);
        } else {
            let room = width.saturating_sub(label_width + 2).max(20);
            lines.push(format!("{label:<label_width$}  {}", shorten(&old, room)));
            lines.push(format!("{:>label_width$}→ {}", "", shorten(&new, room)));
        }
    }
    lines
}

/// The same in one line, for logs.
pub(super) fn changes_in_line(before: &Value, target: &Value) -> String {
    let names = cells(&[before, target]);
    let different = names.iter().filter(|cell| before.get(cell) != target.get(cell));
    let list: Vec<String> =
        different.map(|cell| format!("{cell} {} → {}", show(before.get(cell)), show(target.get(cell)))).collect();
    list.join(", ")
}

/// What a state holds, in one line.
pub(super) fn holds(state: &Value) -> String {
    let list: Vec<String> = cells(&[state]).iter().map(|cell| format!("{cell} {}", show(state.get(cell)))).collect();
    list.join(", ")
}

/// Before, target and now of each cell that moved, in lines of at most `width`; says whose work each cell is.
pub fn three_way(states: &ThreeWay, width: usize) -> Vec<String> {
    let ThreeWay { before, target, now } = states;
    let names = cells(&[before, target, now]);
    let moved: Vec<&String> =
        names.iter().filter(|cell| before.get(cell) != target.get(cell) || now.get(cell) != before.get(cell)).collect();
    let label_width = label_width(moved.iter().map(|cell| cell.as_str()));
    let mut lines = Vec::new();
    for cell in moved {
        let [was, asked, is] = [before, target, now].map(|state| show(state.get(cell)));
        let whose = match now.get(cell) {
            is if is == target.get(cell) => "as asked for",
            is if is == before.get(cell) => "as before",
            _ => "neither",
        };
        let label = shorten(cell, LABEL_MAX);
        let line = format!("{label:<label_width$}  before {was}, target {asked}, now {is} ({whose})");
        if line.chars().count() <= width {
            lines.push(line);
            continue;
        }
        let room = width.saturating_sub(label_width + 10).max(20);
        let rows = [("before", was), ("target", asked), ("now", is)];
        for (number, (word, value)) in rows.iter().enumerate() {
            let lead = if number == 0 { &label } else { "" };
            lines.push(format!("{lead:<label_width$}  {word:<6}  {}", shorten(value, room)));
        }
        lines.push(format!("{:label_width$}  which is {whose}", ""));
    }
    lines
}

fn label_width<'c>(labels: impl Iterator<Item = &'c str>) -> usize {
    labels.map(|label| label.chars().count().min(LABEL_MAX)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_as_a_person_says_them() {
        let shown = |value: Value| show(Some(&value));
        assert_eq!(shown(json!("orders-r1")), "orders-r1");
        assert_eq!(shown(json!("two words")), "\"two words\"");
        assert_eq!(shown(json!(null)), "none");
        assert_eq!(shown(json!({"network_interface": "eni-a"})), "network_interface eni-a");
        assert_eq!(shown(json!(["a", {"x": 1, "y": 2}])), "[a, {x 1, y 2}]");
        assert_eq!(show(None), "absent");
    }

    #[test]
    fn only_cells_that_differ_are_shown() {
        let lines = changes(&json!({"dial": 0, "weight:alb": 128}), &json!({"dial": 100, "weight:alb": 128}), 80);
        assert_eq!(lines, ["dial  0 → 100"]);
    }

    #[test]
    fn long_values_stand_below_each_other() {
        let arn = |site: &str| json!({"writer": format!("arn:aws:rds:us-east-1:111122223333:cluster:orders-{site}")});
        insta::assert_snapshot!(changes(&arn("r1"), &arn("r2"), 90).join("\n"), @r"
        writer  arn:aws:rds:us-east-1:111122223333:cluster:orders-r1
              → arn:aws:rds:us-east-1:111122223333:cluster:orders-r2
        ");
    }

    #[test]
    fn a_drift_names_whose_work_each_cell_is() {
        let arn = |n: u32| format!("arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/orders/{n:016x}");
        let states = ThreeWay {
            before: json!({"dial": 0, "group": arn(1), "same": 1, "weight:alb": 128}),
            target: json!({"dial": 100, "group": arn(2), "same": 1, "weight:alb": 0}),
            now: json!({"dial": 50, "group": arn(1), "same": 1, "weight:alb": 0}),
        };
        insta::assert_snapshot!(three_way(&states, 80).join("\n"), @r"
        dial        before 0, target 100, now 50 (neither)
        group       before  arn:aws:elasticload…3333:targetgroup/orders/0000000000000001
                    target  arn:aws:elasticload…3333:targetgroup/orders/0000000000000002
                    now     arn:aws:elasticload…3333:targetgroup/orders/0000000000000001
                    which is as before
        weight:alb  before 128, target 0, now 0 (as asked for)
        ");
    }
}
