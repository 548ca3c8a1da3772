//! Where the world stands between two states: computed once, here, cell by cell.
//!
//! A state is a JSON object; each of its members is a cell that stands for itself. This module never looks into a cell.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// Where an observed state stands between the state before a change and its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Every cell is as captured before the change.
    Before,
    /// Every cell is as asked for.
    Target,
    /// Every cell is one or the other: our own half-done work.
    Between,
    /// Some cell is neither: somebody else was here.
    Foreign,
}

impl Position {
    /// Compares cell by cell. A state that is both before and target (nothing to do) is at `Target`.
    pub fn of(now: &Value, before: &Value, target: &Value) -> Self {
        let mut all_before = true;
        let mut all_target = true;
        for cell in cells(&[now, before, target]) {
            let value = now.get(&cell);
            let is_before = value == before.get(&cell);
            let is_target = value == target.get(&cell);
            if !is_before && !is_target {
                return Self::Foreign;
            }
            all_before &= is_before;
            all_target &= is_target;
        }
        match (all_target, all_before) {
            (true, _) => Self::Target,
            (false, true) => Self::Before,
            (false, false) => Self::Between,
        }
    }
}

/// The names of all cells of the given states, in order.
pub fn cells(states: &[&Value]) -> BTreeSet<String> {
    states.iter().filter_map(|state| state.as_object()).flat_map(|map| map.keys().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_position() {
        let before = json!({"a": 1, "b": 1});
        let target = json!({"a": 2, "b": 2});
        let at = |now: Value| Position::of(&now, &before, &target);
        assert_eq!(at(json!({"a": 1, "b": 1})), Position::Before);
        assert_eq!(at(json!({"a": 2, "b": 2})), Position::Target);
        assert_eq!(at(json!({"a": 2, "b": 1})), Position::Between);
        assert_eq!(at(json!({"a": 3, "b": 1})), Position::Foreign);
        assert_eq!(at(json!({"a": 1})), Position::Foreign, "a cell that vanished is somebody else's work");
        assert_eq!(at(json!({"a": 1, "b": 1, "c": 1})), Position::Foreign, "so is a cell that appeared");
    }

    #[test]
    fn a_cell_that_the_target_removes() {
        let before = json!({"a": 1, "b": 1});
        let target = json!({"a": 1});
        assert_eq!(Position::of(&json!({"a": 1}), &before, &target), Position::Target);
        assert_eq!(Position::of(&before, &before, &target), Position::Before);
    }

    #[test]
    fn nothing_to_do_is_target() {
        let same = json!({"a": 1});
        assert_eq!(Position::of(&same, &same, &same), Position::Target);
    }
}
