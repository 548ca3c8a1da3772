//! The edges of a plan.

use lifeboat_contract::StepId;
use std::collections::{BTreeMap, BTreeSet};

/// Every step that must be done before `id`, directly or not.
pub fn ancestors(id: &StepId, needs: &BTreeMap<StepId, Vec<StepId>>) -> BTreeSet<StepId> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&StepId> = needs.get(id).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if found.insert(next.clone()) {
            open.extend(needs.get(next).into_iter().flatten());
        }
    }
    found
}
