//! What every step observes, before a drill and after it, and where the two differ. Sends reads only.

use crate::{
    plan::{Plan, PlannedBody},
    runbook::{Body, ResolvedRunbook},
};
use futures_util::future::join_all;
use lifeboat_contract::{CallError, CallScope, CellKey, Cx, StepId};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// The state of each change that the runbook makes in this direction.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot(BTreeMap<StepId, Sight>);

#[derive(Debug, Clone, PartialEq)]
struct Sight {
    state: Value,
    owns: Vec<CellKey>,
}

/// A step that could not be observed.
#[derive(Debug, thiserror::Error)]
#[error("step {step} cannot be observed: {error}")]
pub struct Unobserved {
    pub step: StepId,
    #[source]
    pub error: CallError,
}

/// A cell that is not what it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Differing {
    pub step: StepId,
    pub cell: String,
    pub before: Value,
    pub after: Value,
    /// The runbook, executed towards the first site, leaves this cell so.
    pub expected: bool,
}

/// Observes every change whose `if` holds. The first that cannot be observed is the result.
pub async fn take(runbook: &ResolvedRunbook, cx: &Cx) -> Result<Snapshot, Unobserved> {
    let changes = runbook.steps.iter().filter(|step| step.skipped_by.is_none());
    let observations = changes.filter_map(|step| {
        let Body::Change(change) = &step.body else { return None };
        let cx = cx.for_run(Arc::new(runbook.context(step.place.as_ref())));
        let scope = CallScope { step: Some(step.id.clone()), attempt: 0, deadline: None };
        Some(async move {
            match scope.enclose(change.observe(&cx)).await {
                Ok(seen) => {
                    let owns = change.touches(&cx.run, Some(&seen)).owns;
                    Ok((step.id.clone(), Sight { state: seen.state, owns }))
                }
                Err(error) => Err(Unobserved { step: step.id.clone(), error }),
            }
        })
    });
    join_all(observations).await.into_iter().collect::<Result<_, _>>().map(Snapshot)
}

impl Snapshot {
    /// Cell by cell. `targets` are the states that a run towards the first site leaves, where there was one.
    pub fn differing(&self, after: &Self, targets: &BTreeMap<CellKey, Value>) -> Vec<Differing> {
        let mut found = Vec::new();
        for (step, sight) in &self.0 {
            let (before, now) =
                (cells(&sight.state), after.0.get(step).map(|now| cells(&now.state)).unwrap_or_default());
            let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
            for name in names {
                let one = before.get(name).cloned().unwrap_or(Value::Null);
                let other = now.get(name).cloned().unwrap_or(Value::Null);
                if one != other {
                    let mut keys = sight.owns.iter().filter(|key| key.cell() == name);
                    let expected = keys.any(|key| targets.get(key) == Some(&other));
                    let (step, cell) = (step.clone(), name.clone());
                    found.push(Differing { step, cell, before: one, after: other, expected });
                }
            }
        }
        found
    }
}

/// The cells that a plan leaves behind, as it was made.
pub fn targets(plan: &Plan) -> BTreeMap<CellKey, Value> {
    let steps = plan.steps.iter().filter(|step| step.skip.is_none());
    steps
        .filter_map(|step| match &step.body {
            PlannedBody::Change(change) => Some((step, change.target.as_ref()?)),
            _ => None,
        })
        .flat_map(|(step, target)| {
            let owns = step.touches.owns.iter();
            owns.filter_map(|key| Some((key.clone(), target.get(key.cell())?.clone())))
        })
        .collect()
}

/// The cells of a state. One that is no object is a single cell.
fn cells(state: &Value) -> BTreeMap<String, Value> {
    match state {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        Value::Null => BTreeMap::new(),
        other => [("state".to_owned(), other.clone())].into(),
    }
}

impl fmt::Display for Differing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, cell, before, after, expected } = self;
        write!(f, "{step}: {cell} was {before} and is {after}")?;
        if *expected { f.write_str(", as the runbook leaves it") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(state: Value) -> Snapshot {
        Snapshot([(StepId::new("open"), Sight { state, owns: vec![CellKey::of("r2", "dial")] })].into())
    }

    #[test]
    fn what_differs_is_told_by_cell() {
        let first = of(json!({ "dial": 0, "weight": 5 }));
        assert_eq!(first.differing(&first, &BTreeMap::new()), []);
        let after = of(json!({ "dial": 100, "weight": 5 }));
        let found = first.differing(&after, &BTreeMap::new());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "open: dial was 0 and is 100");
        let targets = [(CellKey::of("r2", "dial"), json!(100))].into();
        let elsewhere = [(CellKey::of("r1", "dial"), json!(100))].into();
        assert!(!first.differing(&after, &elsewhere)[0].expected, "that is another cell");
        let expected = &first.differing(&after, &targets)[0];
        assert_eq!(expected.to_string(), "open: dial was 0 and is 100, as the runbook leaves it");
        assert_eq!(
            first.differing(&of(json!({ "dial": 0 })), &BTreeMap::new())[0].to_string(),
            "open: weight was 5 and is null"
        );
    }
}
