//! The cells of a step on a backend pool: one for each backend that it names. Pure.
//!
//! Reads no answer of the service by itself: see `pool`.

use super::{AdminState, Facts, LoadBalancerBackend, Member};
use crate::ip_configurations as ip;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One of the three maps is filled: that of the field the step has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>", into = "BTreeMap<String, Value>")]
pub struct State {
    /// By name; `None` for an address that the pool does not have.
    pub admin_states: BTreeMap<String, Option<AdminState>>,
    /// By name; `None` for one that is not a member.
    pub members: BTreeMap<String, Option<Member>>,
    /// By IP configuration, in lower case; `None` where there is no such configuration.
    pub interfaces: BTreeMap<String, Option<bool>>,
}

const ADMIN_STATE: &str = "admin_state:";
const MEMBER: &str = "member:";
const INTERFACE: &str = "interface:";

impl State {
    /// The names of the step's cells.
    pub(super) fn cells(step: &LoadBalancerBackend) -> Vec<String> {
        let admin_states = step.admin_states.iter().flatten().map(|(name, _)| format!("{ADMIN_STATE}{name}"));
        let members = step.members.iter().flatten().map(|(name, _)| format!("{MEMBER}{name}"));
        let interfaces = step.configurations().into_iter().flat_map(|(interface, names)| {
            names.into_keys().map(move |name| format!("{INTERFACE}{}", ip::key(&interface, &name)))
        });
        admin_states.chain(members).chain(interfaces).collect()
    }

    /// What the step asks for. A member that is there already keeps all but its address.
    pub(super) fn asked(&self, step: &LoadBalancerBackend, facts: &Facts) -> Self {
        let admin_states = step.admin_states.iter().flatten().map(|(name, state)| (name.clone(), Some(*state)));
        let members = step.members.iter().flatten().map(|(name, address)| {
            let there = self.members.get(name).cloned().flatten();
            let new = || facts.network.clone().unwrap_or_else(|| Member(BTreeMap::new()));
            let member = address.map(|address| match there {
                Some(member) if member.address() == Some(address) => member,
                member => member.unwrap_or_else(new).at(address),
            });
            (name.clone(), member)
        });
        let interfaces = step.configurations().into_iter().flat_map(|(interface, names)| {
            names.into_iter().map(move |(name, member)| (ip::key(&interface, &name), Some(member)))
        });
        Self { admin_states: admin_states.collect(), members: members.collect(), interfaces: interfaces.collect() }
    }
}

impl From<State> for BTreeMap<String, Value> {
    fn from(state: State) -> Self {
        fn cells<V: Serialize>(prefix: &str, map: BTreeMap<String, V>) -> BTreeMap<String, Value> {
            let json = |value: V| serde_json::to_value(value).expect("words, flags and objects are JSON");
            map.into_iter().map(|(name, value)| (format!("{prefix}{name}"), json(value))).collect()
        }
        let mut all = cells(ADMIN_STATE, state.admin_states);
        all.extend(cells(MEMBER, state.members));
        all.extend(cells(INTERFACE, state.interfaces));
        all
    }
}

impl TryFrom<BTreeMap<String, Value>> for State {
    type Error = String;

    fn try_from(cells: BTreeMap<String, Value>) -> Result<Self, String> {
        let mut state = Self::default();
        let wrong = |error: serde_json::Error| error.to_string();
        for (cell, value) in cells {
            if let Some(name) = cell.strip_prefix(ADMIN_STATE) {
                state.admin_states.insert(name.to_owned(), serde_json::from_value(value).map_err(wrong)?);
            } else if let Some(name) = cell.strip_prefix(MEMBER) {
                state.members.insert(name.to_owned(), serde_json::from_value(value).map_err(wrong)?);
            } else if let Some(key) = cell.strip_prefix(INTERFACE) {
                state.interfaces.insert(key.to_owned(), serde_json::from_value(value).map_err(wrong)?);
            } else {
                return Err(format!("a backend pool has no cell {cell:?}"));
            }
        }
        Ok(state)
    }
}
