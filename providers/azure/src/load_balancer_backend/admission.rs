//! What is known of a pool besides the cells, and which states must not be asked for. Pure.
//!
//! Knows nothing of health: whether a backend can serve is asked by checks before it is put in.

use super::{AdminState, Basis, LoadBalancerBackend, Member, State};
use crate::{arm_id::ArmId, needs::Location};
use lifeboat_contract::{Foreseen, Observed, Refusal, Transition};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What must be known besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub location: Location,
    pub basis: Basis,
    /// Every backend address of the pool, by name.
    pub backends: BTreeMap<String, Backend>,
    /// The IP configurations that belong to the pool, in lower case.
    pub configurations: BTreeSet<String>,
    /// What a new member has to say of its network; nothing where that is not known.
    pub network: Option<Member>,
    /// The networks that the pool and its members name, by id: whoever writes the pool must be allowed to join each.
    #[serde(default)]
    pub networks: BTreeSet<String>,
    /// The rules that send to the pool and have no probe.
    pub unprobed_rules: Vec<String>,
    /// Where the named interfaces are.
    pub interfaces: Vec<Location>,
    /// What the named interfaces refer to, by id: whoever writes them must be allowed to join each.
    pub references: BTreeSet<String>,
}

/// One backend address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    pub admin_state: AdminState,
    /// The IP configuration behind it, in lower case, where it is an interface's.
    pub configuration: Option<String>,
}

impl Facts {
    /// Puts in what earlier steps will have done to other backends of the pool.
    pub(super) fn foresee(&mut self, pool: &ArmId, earlier: &Foreseen) {
        let own = format!("{}#", pool.key());
        for (key, value) in earlier {
            let Some(cell) = key.as_str().strip_prefix(&own) else { continue };
            let cells = BTreeMap::from([(cell.to_owned(), value.clone())]);
            if let Ok(state) = State::try_from(cells) {
                self.reach(&state);
            }
        }
    }

    /// Makes the facts what they are once `state` is reached.
    fn reach(&mut self, state: &State) {
        for (name, admin_state) in &state.admin_states {
            if let (Some(backend), Some(admin_state)) = (self.backends.get_mut(name), admin_state) {
                backend.admin_state = *admin_state;
            }
        }
        for (name, member) in &state.members {
            match member {
                None => {
                    self.backends.remove(name);
                }
                Some(member) => {
                    let admin_state = if member.is_open() { AdminState::None } else { AdminState::Down };
                    self.backends.insert(name.clone(), Backend { admin_state, configuration: None });
                }
            }
        }
        for (key, member) in &state.interfaces {
            if *member == Some(true) {
                self.configurations.insert(key.clone());
            } else {
                self.configurations.remove(key);
                self.backends.retain(|_, backend| backend.configuration.as_ref() != Some(key));
            }
        }
    }

    /// Whether any backend gets connections once `state` is reached.
    fn serves_at(&self, state: &State) -> bool {
        let mut facts = self.clone();
        facts.reach(state);
        let listed: BTreeSet<&String> =
            facts.backends.values().filter_map(|backend| backend.configuration.as_ref()).collect();
        facts.backends.values().any(|backend| backend.admin_state != AdminState::Down)
            || facts.configurations.iter().any(|configuration| !listed.contains(configuration))
    }
}

/// Refuses what the pool cannot do, and to leave nobody who serves.
pub(super) fn admit(step: &LoadBalancerBackend, now: &Observed<State, Facts>, target: &State) -> Result<(), Refusal> {
    let facts = &now.facts;
    expressible(step, facts)?;
    named(step, &now.state, facts)?;
    if step.members.is_some() && facts.network.is_none() && target.members.values().any(Option::is_some) {
        let message = format!("neither {} nor a member of it tells its virtual network", step.pool.short());
        return Err(Refusal::new("pool.network_unknown", message)
            .with_hint("set the pool's virtual network first; an address means nothing without one"));
    }
    let puts_out = target.admin_states.values().any(|state| *state == Some(AdminState::Down));
    if puts_out && !facts.unprobed_rules.is_empty() {
        let message = format!(
            "the rules {} have no probe, and go on sending to backends that are down",
            facts.unprobed_rules.join(", ")
        );
        return Err(Refusal::new("admin_state.no_probe", message)
            .with_hint("give each rule of the pool a probe, or take the backend out of the pool instead"));
    }
    if !step.allow_empty && facts.serves_at(&now.state) && !facts.serves_at(target) {
        let message = format!("no backend of {} would get connections any more", step.pool.short());
        return Err(Refusal::new("pool.last_backend", message)
            .with_hint("put another backend in with the same step or an earlier one, or say `allow_empty: true`"));
    }
    Ok(())
}

/// Whether the pool has its members where the step looks for them.
fn expressible(step: &LoadBalancerBackend, facts: &Facts) -> Result<(), Refusal> {
    let pool = step.pool.short();
    match facts.basis {
        Basis::Interfaces if step.members.is_some() => Err(Refusal::new(
            "pool.by_interfaces",
            format!("{pool} has network interfaces as its members, and no addresses of its own"),
        )
        .with_hint("name them in `interfaces`, or better: put them out by `admin_states`")),
        Basis::Addresses if step.interfaces.is_some() => Err(Refusal::new(
            "pool.by_addresses",
            format!("{pool} has addresses as its members, and no interface can join it"),
        )
        .with_hint("name them in `members`, or better: put them out by `admin_states`")),
        _ => Ok(()),
    }
}

/// Whether what the step names is there.
fn named(step: &LoadBalancerBackend, now: &State, facts: &Facts) -> Result<(), Refusal> {
    if let Some((name, _)) = now.admin_states.iter().find(|(_, state)| state.is_none()) {
        let known: Vec<&str> = facts.backends.keys().map(String::as_str).collect();
        let hint = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
        let message = format!("{} has no backend address {name}", step.pool.short());
        return Err(Refusal::new("backend.missing", message).with_hint(hint));
    }
    match now.interfaces.iter().find(|(_, member)| member.is_none()) {
        Some((key, _)) => Err(Refusal::new("configuration.missing", format!("there is no IP configuration {key}"))),
        None => Ok(()),
    }
}

pub(super) fn note(step: &LoadBalancerBackend, transition: &Transition<State, Facts>) -> Option<String> {
    let (now, to) = (&transition.now.state, &transition.to);
    let becomes = |state: AdminState| {
        to.admin_states.iter().any(|(name, to)| *to == Some(state) && now.admin_states.get(name) != Some(to))
    };
    let mut notes = Vec::new();
    if becomes(AdminState::Down) {
        notes.push("connections that are open may go on until they are closed");
    }
    if becomes(AdminState::Up) {
        notes.push("a backend that is up gets connections whatever its probe says");
    }
    if step.allow_empty && !transition.now.facts.serves_at(to) {
        notes.push("no backend of the pool gets connections any more");
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lifeboat_contract::{CellKey, Change as _, Code, Findings, Mode, Phase, RunContext, SiteId, codes};
    use serde_json::{Value, json};

    pub(in super::super) const POOL: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/loadBalancers/Front/backendAddressPools/engines";
    pub(in super::super) const NIC: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/A";

    pub(in super::super) fn step(with: Value) -> LoadBalancerBackend {
        let mut with = with;
        with["pool"] = json!(POOL);
        serde_json::from_value(with).unwrap()
    }

    pub(in super::super) fn run() -> RunContext {
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

    fn member(address: &str) -> Member {
        serde_json::from_value(json!({"ipAddress": address, "virtualNetwork": {"id": "net"}})).unwrap()
    }

    fn facts(basis: Basis, backends: &[(&str, AdminState)]) -> Facts {
        let backend = |(name, admin_state): &(&str, AdminState)| {
            (name.to_string(), Backend { admin_state: *admin_state, configuration: None })
        };
        Facts {
            location: Location::default(),
            basis,
            backends: backends.iter().map(backend).collect(),
            configurations: BTreeSet::new(),
            network: Some(serde_json::from_value(json!({"virtualNetwork": {"id": "net"}})).unwrap()),
            networks: BTreeSet::from(["net".to_owned()]),
            unprobed_rules: Vec::new(),
            interfaces: Vec::new(),
            references: BTreeSet::new(),
        }
    }

    /// What `step` sees of a pool with the given backends.
    fn now(step: &LoadBalancerBackend, facts: Facts) -> Observed<State, Facts> {
        let admin_state = |name: &String| facts.backends.get(name).map(|backend| backend.admin_state);
        let members = |name: &String| facts.backends.contains_key(name).then(|| member("10.1.1.10"));
        let state = State {
            admin_states: step
                .admin_states
                .iter()
                .flatten()
                .map(|(name, _)| (name.clone(), admin_state(name)))
                .collect(),
            members: step.members.iter().flatten().map(|(name, _)| (name.clone(), members(name))).collect(),
            interfaces: BTreeMap::new(),
        };
        Observed { state, facts, phase: Phase::Settled }
    }

    fn code(step: &LoadBalancerBackend, now: &Observed<State, Facts>) -> String {
        step.target(now, &run()).map_or_else(|refusal| refusal.code, |_| "go".to_owned())
    }

    use AdminState::{Down, None as Probed, Up};

    #[test]
    fn the_last_backend_stays_unless_that_is_asked_for() {
        let out = |allow_empty| step(json!({"admin_states": {"a": "down"}, "allow_empty": allow_empty}));
        let last =
            |step: &LoadBalancerBackend| code(step, &now(step, facts(Basis::Addresses, &[("a", Up), ("b", Down)])));
        assert_eq!((last(&out(false)).as_str(), last(&out(true)).as_str()), ("pool.last_backend", "go"));
        let other = facts(Basis::Addresses, &[("a", Probed), ("b", Probed)]);
        assert_eq!(code(&out(false), &now(&out(false), other)), "go");
        let swap = step(json!({"admin_states": {"a": "down", "b": "none"}}));
        assert_eq!(
            code(&swap, &now(&swap, facts(Basis::Addresses, &[("a", Probed), ("b", Down)]))),
            "go",
            "another comes"
        );
        let closed = facts(Basis::Addresses, &[("a", Down), ("b", Down)]);
        assert_eq!(code(&out(false), &now(&out(false), closed)), "go", "a fixed point");
        let empty = step(json!({"members": {"a": null}}));
        assert_eq!(code(&empty, &now(&empty, facts(Basis::Addresses, &[("a", Probed)]))), "pool.last_backend");
    }

    #[test]
    fn an_earlier_step_that_puts_another_in_is_foreseen() {
        let out = step(json!({"admin_states": {"a": "down"}}));
        for (cell, value) in [("admin_state:b", json!("none")), ("member:c", json!(member("10.1.1.12")))] {
            let mut now = now(&out, facts(Basis::Addresses, &[("a", Probed), ("b", Down)]));
            out.foresee(&mut now.facts, &Foreseen::from([(CellKey::of(POOL.to_lowercase(), cell), value)]));
            assert_eq!(code(&out, &now), "go", "{cell}");
        }
    }

    #[test]
    fn members_are_looked_for_where_the_pool_has_them() {
        let by_address = step(json!({"members": {"c": "10.1.1.12"}}));
        let pool = |basis| facts(basis, &[("a", Probed)]);
        assert_eq!(code(&by_address, &now(&by_address, pool(Basis::Interfaces))), "pool.by_interfaces");
        assert_eq!(code(&by_address, &now(&by_address, pool(Basis::Empty))), "go");
        let by_interface = step(json!({"interfaces": {format!("{NIC}/primary"): true}}));
        assert_eq!(code(&by_interface, &now(&by_interface, pool(Basis::Addresses))), "pool.by_addresses");
        let nowhere = Facts { network: None, ..pool(Basis::Addresses) };
        assert_eq!(code(&by_address, &now(&by_address, nowhere)), "pool.network_unknown");
        let new = by_address.target(&now(&by_address, pool(Basis::Addresses)), &run()).unwrap();
        assert_eq!(json!(new), json!({"member:c": {"ipAddress": "10.1.1.12", "virtualNetwork": {"id": "net"}}}));
        assert_eq!(serde_json::from_value::<State>(json!(new)).unwrap(), new);
    }

    #[test]
    fn an_admin_state_needs_a_probe_to_hold_and_a_backend_to_have_it() {
        let out = step(json!({"admin_states": {"a": "down"}}));
        let unprobed =
            Facts { unprobed_rules: vec!["mllp".to_owned()], ..facts(Basis::Addresses, &[("a", Up), ("b", Up)]) };
        assert_eq!(code(&out, &now(&out, unprobed)), "admin_state.no_probe");
        assert_eq!(code(&out, &now(&out, facts(Basis::Addresses, &[("b", Up)]))), "backend.missing");
    }

    #[test]
    fn findings() {
        let found = |with: Value| -> Vec<Code> {
            let mut findings = Findings::default();
            step(with).check(&mut findings);
            findings.as_slice().iter().map(|finding| finding.code).collect()
        };
        let nic = format!("{NIC}/primary");
        assert_eq!(found(json!({"interfaces": {nic.clone(): false}})), []);
        assert_eq!(found(json!({})), [codes::MISSING_FIELD]);
        assert_eq!(found(json!({"admin_states": {"a": "up"}, "members": {"a": null}})), [codes::CONFLICTING_FIELDS]);
        assert_eq!(found(json!({"members": {}})), [codes::BAD_VALUE]);
        assert_eq!(found(json!({"interfaces": {"primary": true}})), [codes::BAD_VALUE]);
        let twice = nic.replace("/A/", "/a/ipConfigurations/");
        assert_eq!(found(json!({"interfaces": {nic: false, twice: true}})), [codes::BAD_VALUE]);
    }

    #[test]
    fn the_cells_are_those_that_are_owned() {
        for with in [
            json!({"admin_states": {"a": "up"}}),
            json!({"members": {"a": "10.1.1.10"}}),
            json!({"interfaces": {format!("{NIC}/Primary"): true}}),
        ] {
            let step = step(with);
            let owns: BTreeSet<String> =
                step.touches(&run(), None).owns.iter().map(|key| key.cell().to_owned()).collect();
            let target = json!(State::default().asked(&step, &facts(Basis::Empty, &[])));
            assert_eq!(owns, target.as_object().unwrap().keys().cloned().collect());
        }
    }
}
