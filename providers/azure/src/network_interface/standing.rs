//! Which of two interfaces holds the address, and which moves must not be asked for. Pure.
//!
//! On neither is half a move: ours, or somebody's who gave up.

use super::{Configuration, NetworkInterface};
use crate::needs::Location;
use lifeboat_contract::{Observed, Refusal, Transition};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A cell for each interface, by id in lower case: the configuration that holds the address, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(pub BTreeMap<String, Option<Configuration>>);

/// What must be known besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// By id in lower case.
    pub interfaces: BTreeMap<String, InterfaceFacts>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceFacts {
    pub location: Location,
    /// The subnet of its primary configuration.
    pub subnet: Option<String>,
    /// The names of its configurations.
    pub names: Vec<String>,
    /// Everything it refers to, by id: whoever writes it must be allowed to join each.
    pub references: BTreeSet<String>,
    /// The machine that it is attached to.
    pub machine: Option<String>,
}

impl State {
    pub(super) fn of(&self, interface: &str) -> Option<&Configuration> {
        self.0.get(interface).and_then(Option::as_ref)
    }
}

/// What the step asks for: nothing on the one, and on the other what the one has, or what it has itself already.
pub(super) fn asked(step: &NetworkInterface, now: &Observed<State, Facts>) -> State {
    let (from, to) = (step.from.key(), step.to.key());
    let taker = now.facts.interfaces.get(&to);
    let moved = now.state.of(&to).cloned().unwrap_or_else(|| {
        let subnet = taker.and_then(|taker| taker.subnet.as_deref());
        let carried = now.state.of(&from).cloned().unwrap_or_else(|| Configuration::new(step.address, subnet));
        carried.among(taker.map(|taker| &taker.names[..]).unwrap_or_default(), step.address)
    });
    State(BTreeMap::from([(from, None), (to, Some(moved))]))
}

/// Refuses a move that the service would refuse half-way, or that could not be undone.
pub(super) fn admit(step: &NetworkInterface, now: &Observed<State, Facts>) -> Result<(), Refusal> {
    let Some(held) = now.state.of(&step.from.key()) else { return Ok(()) };
    let (address, from, to) = (step.address, step.from.short(), step.to.short());
    if held.is_primary() {
        return Err(Refusal::new(
            "address.primary",
            format!("{address} is the primary address of {from}, and cannot leave it"),
        )
        .with_hint("move a secondary address; add one that clients use instead of the primary"));
    }
    if !held.is_static() {
        let message = format!("{address} is allocated dynamically, and may be another's before it is given to {to}");
        return Err(Refusal::new("address.dynamic", message)
            .with_hint(format!("make the allocation of the configuration {} of {from} static first", held.name)));
    }
    let subnet = now.facts.interfaces.get(&step.to.key()).and_then(|taker| taker.subnet.as_deref());
    let one = held.subnet().zip(subnet).is_some_and(|(own, other)| own.eq_ignore_ascii_case(other));
    if !one {
        let message = format!("{from} has {address} in {}, and {to} is in {}", named(held.subnet()), named(subnet));
        return Err(Refusal::new("address.other_subnet", message)
            .with_hint("an address moves within one subnet only; across subnets use a route (`azure.network.route`) or a load balancer"));
    }
    Ok(())
}

fn named(subnet: Option<&str>) -> String {
    subnet
        .and_then(|id| id.rsplit('/').next())
        .map_or_else(|| "no known subnet".to_owned(), |name| format!("the subnet {name}"))
}

pub(super) fn note(step: &NetworkInterface, transition: &Transition<State, Facts>) -> String {
    let system = transition
        .now
        .facts
        .interfaces
        .get(&step.to.key())
        .and_then(|taker| taker.machine.as_deref()?.rsplit('/').next().map(str::to_owned))
        .map_or_else(|| "the system behind it".to_owned(), |machine| format!("the system of {machine}"));
    format!(
        "{} answers nowhere between the two halves, for tens of seconds; {system} must have the address configured",
        step.address
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lifeboat_contract::{Change as _, Code, Findings, Mode, Phase, Position, RunContext, SiteId, codes};
    use serde_json::{Value, json};

    pub(in super::super) fn nic(name: &str) -> String {
        format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/{name}")
    }

    pub(in super::super) fn step() -> NetworkInterface {
        serde_json::from_value(json!({"address": "10.1.1.20", "from": nic("A"), "to": nic("b")})).unwrap()
    }

    fn run() -> RunContext {
        RunContext {
            mode: Mode::Switchover,
            accepted_loss: None,
            rpo: None,
            impaired: BTreeSet::new(),
            to: SiteId::from("b"),
            from: SiteId::from("a"),
            place: None,
        }
    }

    fn held(more: &Value) -> Value {
        let mut properties = json!({"privateIPAddress": "10.1.1.20", "privateIPAllocationMethod": "Static",
            "subnet": {"id": "net/one"}, "publicIPAddress": {"id": "pip"}});
        for (name, value) in more.as_object().into_iter().flatten() {
            properties[name] = value.clone();
        }
        json!({"name": "vip", "properties": properties})
    }

    fn now(from: Option<Value>, to: Option<Value>) -> Observed<State, Facts> {
        let cell = |value: Option<Value>| value.map(|value| serde_json::from_value(value).unwrap());
        let interface = |names: &[&str]| InterfaceFacts {
            subnet: Some("NET/one".to_owned()),
            names: names.iter().map(ToString::to_string).collect(),
            ..InterfaceFacts::default()
        };
        let keys = [nic("a").to_lowercase(), nic("b").to_lowercase()];
        let interfaces = keys.clone().into_iter().zip([interface(&["primary"]), interface(&["primary", "VIP"])]);
        let state = State(keys.into_iter().zip([cell(from), cell(to)]).collect());
        Observed { state, facts: Facts { interfaces: interfaces.collect() }, phase: Phase::Settled }
    }

    #[test]
    fn the_address_takes_everything_with_it() {
        let now = now(Some(held(&json!({}))), None);
        let target = step().target(&now, &run()).unwrap();
        let moved = target.of(&nic("b").to_lowercase()).unwrap();
        assert_eq!(moved.name, "vip-10-1-1-20", "the other name is taken");
        assert_eq!(moved.properties["publicIPAddress"], json!({"id": "pip"}));
        let (before, target) = (json!(now.state), json!(target));
        let neither = json!({nic("a").to_lowercase(): null, nic("b").to_lowercase(): null});
        assert_eq!(Position::of(&neither, &before, &target), Position::Between);
    }

    #[test]
    fn what_has_moved_stays_and_what_is_nowhere_is_given_anew() {
        let moved = now(None, Some(held(&json!({}))));
        assert_eq!(step().target(&moved, &run()).unwrap(), moved.state, "a fixed point");
        let target = step().target(&now(None, None), &run()).unwrap();
        let new = target.of(&nic("b").to_lowercase()).unwrap();
        assert_eq!((new.name.as_str(), new.subnet(), new.is_static()), ("address-10-1-1-20", Some("NET/one"), true));
    }

    #[test]
    fn what_cannot_move_is_refused() {
        let code = |more: Value| {
            step()
                .target(&now(Some(held(&more)), None), &run())
                .map_or_else(|refusal| refusal.code, |_| "go".to_owned())
        };
        assert_eq!(code(json!({})), "go");
        assert_eq!(code(json!({"primary": true})), "address.primary");
        assert_eq!(code(json!({"privateIPAllocationMethod": "Dynamic"})), "address.dynamic");
        assert_eq!(code(json!({"subnet": {"id": "net/two"}})), "address.other_subnet");
    }

    #[test]
    fn the_cells_are_those_that_are_owned() {
        let owns = step().touches(&run(), None).owns;
        let cells: BTreeSet<&str> = owns.iter().map(lifeboat_contract::CellKey::cell).collect();
        let state = now(None, None).state;
        assert_eq!(cells, state.0.keys().map(String::as_str).collect());
        let mut findings = Findings::default();
        NetworkInterface { to: step().from, ..step() }.check(&mut findings);
        let found: Vec<Code> = findings.as_slice().iter().map(|finding| finding.code).collect();
        assert_eq!(found, [codes::CONFLICTING_FIELDS]);
    }
}
