//! The calls behind `azure.network.load_balancer_backend`.
//!
//! The pool, or each interface, is written whole as it was read right before, with its etag. Emptying a pool is a list without
//! entries, which is sent as such.

use super::{Backend, Facts, LoadBalancerBackend, State, pool};
use crate::{
    arm::Arm,
    arm_id::ArmId,
    ip_configurations::{self as ip, configurations, configurations_mut, is_named, references},
    needs::Location,
    operations::{INTERFACE_GET, INTERFACE_PUT, LOAD_BALANCER_GET, POOL_GET, POOL_PUT},
    resource::Resource,
};
use lifeboat_contract::{CallError, Effect, Observed, Phase, Transition};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const MEMBERSHIPS: &str = "loadBalancerBackendAddressPools";

pub(super) async fn read(step: &LoadBalancerBackend, arm: &Arm<'_>) -> Result<Observed<State, Facts>, CallError> {
    let balancer = step.load_balancer();
    let whole = arm.read_existing(&LOAD_BALANCER_GET, &balancer).await?;
    let found = arm.read_existing(&POOL_GET, &step.pool).await?;
    let mut facts = facts(step, &whole, &found);
    facts.location = Location::of(arm, &balancer, &whole).await?;
    let mut phase = settling(found.provisioning(), &whole);
    let mut state = seen_in_pool(step, &found.body);
    for (id, names) in step.configurations() {
        let interface = arm.read_existing(&INTERFACE_GET, &id).await?;
        for name in names.keys() {
            state.interfaces.insert(ip::key(&id, name), membership(&interface.body, name, &step.pool));
        }
        facts.interfaces.push(Location::of(arm, &id, &interface).await?);
        facts.references.extend(references(&interface.body));
        if !matches!(phase, Phase::Moving { .. }) && interface.provisioning() != Phase::Settled {
            phase = interface.provisioning();
        }
    }
    Ok(Observed { state, facts, phase })
}

/// The pool's own phase; another change of the load balancer that is under way keeps it from settling, one that failed does not.
fn settling(own: Phase, whole: &Resource) -> Phase {
    match (own, whole.provisioning()) {
        (Phase::Settled, moving @ Phase::Moving { .. }) => moving,
        (own, _) => own,
    }
}

fn facts(step: &LoadBalancerBackend, whole: &Resource, found: &Resource) -> Facts {
    let backends = pool::addresses(&found.body).iter().map(|address| {
        let (admin_state, configuration) = (pool::AdminState::of(address), pool::configuration(address));
        (pool::name(address).to_owned(), Backend { admin_state, configuration })
    });
    let rules = whole.properties()["loadBalancingRules"].as_array().into_iter().flatten();
    let unprobed = rules.filter(|rule| sends_to(rule, &step.pool) && !rule["properties"]["probe"]["id"].is_string());
    Facts {
        location: Location::default(),
        basis: pool::basis(&found.body),
        backends: backends.collect(),
        configurations: pool::configurations(&found.body).collect(),
        network: pool::network(&found.body),
        networks: pool::networks(&found.body),
        unprobed_rules: unprobed.filter_map(|rule| rule["name"].as_str()).map(str::to_owned).collect(),
        interfaces: Vec::new(),
        references: BTreeSet::new(),
    }
}

/// Whether a rule has the pool, as its only one or among several.
fn sends_to(rule: &Value, pool: &ArmId) -> bool {
    let properties = &rule["properties"];
    let several = properties["backendAddressPools"].as_array().into_iter().flatten();
    std::iter::once(&properties["backendAddressPool"]).chain(several).any(|reference| refers(reference, pool))
}

fn refers(reference: &Value, to: &ArmId) -> bool {
    reference["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(&to.to_string()))
}

/// The cells that stand in the pool itself.
fn seen_in_pool(step: &LoadBalancerBackend, body: &Value) -> State {
    let admin_states =
        step.admin_states.iter().flatten().map(|(name, _)| (name.clone(), pool::admin_state(body, name)));
    let members = step.members.iter().flatten().map(|(name, _)| (name.clone(), pool::member(body, name)));
    State { admin_states: admin_states.collect(), members: members.collect(), interfaces: BTreeMap::new() }
}

/// Whether an IP configuration belongs to the pool; `None` where the interface has none of that name.
fn membership(interface: &Value, name: &str, pool: &ArmId) -> Option<bool> {
    let configuration = configurations(interface).iter().find(|configuration| is_named(configuration, name))?;
    let pools = configuration["properties"][MEMBERSHIPS].as_array().into_iter().flatten();
    Some(pools.into_iter().any(|reference| refers(reference, pool)))
}

pub(super) async fn drive(
    step: &LoadBalancerBackend,
    arm: &Arm<'_>,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    match step.interfaces {
        Some(_) => drive_interfaces(step, arm, transition).await,
        None => drive_pool(step, arm, transition).await,
    }
}

/// All backends that the step names, in one write.
async fn drive_pool(
    step: &LoadBalancerBackend,
    arm: &Arm<'_>,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let mut found = arm.read_existing(&POOL_GET, &step.pool).await?;
    let (current, seen, to) = (seen_in_pool(step, &found.body), &transition.now.state, &transition.to);
    // A pool whose last write was called off reads as it was asked for, and is not in force so: it is written again.
    let in_force = !matches!(transition.now.phase, Phase::Faulted { .. });
    if current == *to && in_force {
        return Ok(());
    }
    let foreign = differs(&current.admin_states, &seen.admin_states, &to.admin_states)
        .or_else(|| differs(&current.members, &seen.members, &to.members));
    if let Some(name) = foreign {
        let message = format!("the backend {name} of {} was changed meanwhile", step.pool.short());
        return Err(arm.site(&POOL_PUT, &step.pool).definite("changed_meanwhile", message));
    }
    for (name, state) in &to.admin_states {
        if let Some(state) = state.filter(|_| current.admin_states.get(name) != to.admin_states.get(name)) {
            pool::set_admin_state(&mut found.body, name, state);
        }
    }
    for (name, member) in &to.members {
        if current.members.get(name) != Some(member) {
            pool::set_member(&mut found.body, name, member.as_ref());
        }
    }
    arm.write(&POOL_PUT, &step.pool, Some(found.body), found.etag.as_deref()).await.map(drop)
}

/// The first cell that is neither as it was seen nor as it shall be.
fn differs<'c, V: PartialEq>(
    current: &'c BTreeMap<String, V>,
    seen: &BTreeMap<String, V>,
    to: &BTreeMap<String, V>,
) -> Option<&'c String> {
    let foreign = |(name, value): &(&String, &V)| seen.get(*name) != Some(*value) && to.get(*name) != Some(*value);
    current.iter().find(foreign).map(|(name, _)| name)
}

/// One interface after the other: each write of one is a write of its load balancer too.
async fn drive_interfaces(
    step: &LoadBalancerBackend,
    arm: &Arm<'_>,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let mut due: Vec<_> = step.configurations().into_iter().collect();
    // Whoever comes, comes before anybody leaves.
    let comes = |id: &ArmId, name: &String| transition.to.interfaces.get(&ip::key(id, name)) == Some(&Some(true));
    due.sort_by_key(|(id, names)| !names.keys().any(|name| comes(id, name)));
    let mut wrote = false;
    for (id, names) in due {
        match write_interface(step, arm, &id, &names, transition).await {
            Ok(written) => wrote |= written,
            // The call that failed may have had no effect; the ones before it had.
            Err(error) if wrote => return Err(CallError { effect: Effect::Unknown, ..error }),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes one interface, unless it is as it shall be. Returns whether it was written.
async fn write_interface(
    step: &LoadBalancerBackend,
    arm: &Arm<'_>,
    id: &ArmId,
    names: &BTreeMap<String, bool>,
    transition: &Transition<State, Facts>,
) -> Result<bool, CallError> {
    let mut found = arm.read_existing(&INTERFACE_GET, id).await?;
    let mut edited = false;
    for name in names.keys() {
        let key = ip::key(id, name);
        let current = membership(&found.body, name, &step.pool);
        let cell = |state: &State| state.interfaces.get(&key).copied().flatten();
        if current == cell(&transition.to) {
            continue;
        }
        if current != cell(&transition.now.state) {
            let message = format!("{name} of {} was changed meanwhile", id.short());
            return Err(arm.site(&INTERFACE_PUT, id).definite("changed_meanwhile", message));
        }
        set_membership(&mut found.body, name, &step.pool, cell(&transition.to) == Some(true));
        edited = true;
    }
    if edited {
        arm.write(&INTERFACE_PUT, id, Some(found.body), found.etag.as_deref()).await?;
    }
    Ok(edited)
}

fn set_membership(interface: &mut Value, name: &str, pool: &ArmId, member: bool) {
    let all = configurations_mut(interface).into_iter().flatten();
    for configuration in all.filter(|configuration| is_named(configuration, name)) {
        let Some(properties) = configuration["properties"].as_object_mut() else { continue };
        let pools = properties.entry(MEMBERSHIPS).or_insert_with(|| json!([]));
        if !pools.is_array() {
            *pools = json!([]);
        }
        if let Some(pools) = pools.as_array_mut() {
            pools.retain(|reference| !refers(reference, pool));
            if member {
                pools.push(json!({ "id": pool }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::admission::tests::{NIC, POOL, step};
    use super::*;
    use crate::recorded::{Recorded, RecordedWire, ok, surroundings};
    use lifeboat_contract::{Change as _, Direction, Mode};
    use std::sync::Arc;

    fn whole(state: &str) -> Recorded {
        let rule = |name: &str, probe: Value| {
            json!({"name": name, "properties": {
            "backendAddressPool": {"id": POOL.to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions")}, "probe": probe}})
        };
        ok(json!({"location": "eastus", "properties": {"provisioningState": state,
            "loadBalancingRules": [rule("mllp", json!({"id": "probe"}))]}}))
    }

    fn by_address(a: &str, b: &str) -> Value {
        let address = |name: &str, ip: &str, state: &str| {
            json!({"name": name, "etag": "kept", "properties": {
            "ipAddress": ip, "adminState": state, "virtualNetwork": {"id": "net"}, "unheardOf": [1]}})
        };
        json!({"name": "engines", "etag": "W/\"pool\"", "later": {}, "properties": {"provisioningState": "Succeeded",
            "drainPeriodInSeconds": 30, "loadBalancerBackendAddresses":
            [address("a", "10.1.1.10", a), address("b", "10.1.1.11", b)]}})
    }

    fn nic(pools: &Value) -> Recorded {
        ok(
            json!({"location": "eastus", "etag": "W/\"nic\"", "later": 1, "properties": {"provisioningState": "Succeeded",
            "ipConfigurations": [{"name": "primary", "properties": {"primary": true, "subnet": {"id": "net"}, MEMBERSHIPS: pools}},
                {"name": "other", "properties": {}}]}}),
        )
    }

    fn wire(pool: Vec<Value>, nics: Vec<(&'static str, Recorded)>) -> Arc<RecordedWire> {
        let common = [
            ("LoadBalancers_Get", vec![whole("Succeeded")]),
            ("LoadBalancerBackendAddressPools_Get", pool.into_iter().map(ok).collect()),
            ("LoadBalancerBackendAddressPools_CreateOrUpdate", vec![ok(json!({}))]),
            ("NetworkInterfaces_CreateOrUpdate", vec![ok(json!({}))]),
            ("ResourceGroups_Get", vec![ok(json!({"location": "westus"}))]),
        ];
        RecordedWire::new(common.into_iter().chain(nics.into_iter().map(|(key, answer)| (key, vec![answer]))))
    }

    async fn driven(wire: Arc<RecordedWire>, with: Value) -> Result<(), CallError> {
        let (_, cx) = surroundings(wire, Mode::Switchover);
        let step = step(with);
        let now = step.observe(&cx).await?;
        assert_eq!(now.phase, Phase::Settled);
        let regions: Vec<_> =
            step.touches(&cx.run, Some(&now)).planes.into_iter().filter_map(|plane| plane.region).collect();
        assert_eq!(regions, ["eastus".into(), "westus".into()]);
        let to = step.target(&now, &cx.run).unwrap();
        step.drive(&cx, &Transition { now, to, direction: Direction::Forward, mode: Mode::Switchover, data_loss: None })
            .await
    }

    #[tokio::test(start_paused = true)]
    async fn admin_states_change_in_one_write_and_nothing_else_does() {
        let wire = wire(vec![by_address("None", "Down")], vec![]);
        driven(wire.clone(), json!({"admin_states": {"a": "down", "b": "none"}})).await.unwrap();
        let [write] = &wire.writes()[..] else { panic!("one write") };
        assert_eq!((write.path.as_str(), write.if_match.as_deref()), (POOL, Some("W/\"pool\"")));
        assert_eq!(write.body, by_address("Down", "None"), "all the rest is as it was read");
    }

    #[tokio::test(start_paused = true)]
    async fn an_emptied_pool_is_an_empty_list() {
        let wire = wire(vec![by_address("None", "None")], vec![]);
        driven(wire.clone(), json!({"members": {"a": null, "b": null}, "allow_empty": true})).await.unwrap();
        let [write] = &wire.writes()[..] else { panic!("one write") };
        assert_eq!(write.body["properties"]["loadBalancerBackendAddresses"], json!([]));
        assert_eq!(write.body["later"], json!({}));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_member_is_in_the_network_of_the_others() {
        let wire = wire(vec![by_address("None", "None")], vec![]);
        driven(wire.clone(), json!({"members": {"b": "10.1.1.21", "c": "10.1.1.12"}})).await.unwrap();
        let body = &wire.writes()[0].body;
        let all = pool::addresses(body);
        assert_eq!(all.len(), 3);
        assert_eq!(
            all[1]["properties"],
            json!({"ipAddress": "10.1.1.21", "virtualNetwork": {"id": "net"}, "unheardOf": [1]})
        );
        assert_eq!(
            all[2],
            json!({"name": "c", "properties": {"ipAddress": "10.1.1.12", "virtualNetwork": {"id": "net"}}})
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_changed_meanwhile_is_left_alone_and_what_is_done_is_not_done_again() {
        let changed = wire(vec![by_address("None", "Down"), by_address("Up", "Down")], vec![]);
        let error = driven(changed.clone(), json!({"admin_states": {"a": "down", "b": "none"}})).await.unwrap_err();
        assert_eq!((error.code.as_str(), changed.writes()), ("changed_meanwhile", vec![]));
        let landed = wire(vec![by_address("None", "Down"), by_address("Down", "None")], vec![]);
        driven(landed.clone(), json!({"admin_states": {"a": "down", "b": "none"}})).await.unwrap();
        assert_eq!(landed.writes(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn an_interface_joins_before_another_leaves() {
        let there = json!([{"id": "another"}, {"id": POOL.to_lowercase()}]);
        let by_interface = json!({"name": "engines", "properties": {"provisioningState": "Succeeded",
            "backendIPConfigurations": [{"id": format!("{NIC}/ipConfigurations/primary")}]}});
        let nics = vec![("NetworkInterfaces_Get A", nic(&there)), ("NetworkInterfaces_Get b", nic(&Value::Null))];
        let wire = wire(vec![by_interface], nics);
        let other = NIC.replace("/A", "/b");
        let with = json!({"interfaces": {format!("{NIC}/primary"): false, format!("{other}/primary"): true}});
        driven(wire.clone(), with).await.unwrap();
        let [joins, leaves] = &wire.writes()[..] else { panic!("two writes") };
        assert_eq!((&joins.path, joins.if_match.as_deref()), (&other, Some("W/\"nic\"")));
        assert_eq!(leaves.path, NIC);
        let pools = |body: &Value| configurations(body)[0]["properties"][MEMBERSHIPS].clone();
        assert_eq!(pools(&joins.body), json!([{"id": POOL}]));
        assert_eq!(pools(&leaves.body), json!([{"id": "another"}]));
        assert_eq!((&joins.body["later"], configurations(&joins.body).len()), (&json!(1), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_balancer_that_is_being_changed_is_waited_for() {
        let wire = RecordedWire::new([
            ("LoadBalancers_Get", vec![whole("Updating")]),
            ("LoadBalancerBackendAddressPools_Get", vec![ok(by_address("None", "None"))]),
            ("ResourceGroups_Get", vec![ok(json!({}))]),
        ]);
        let (_, cx) = surroundings(wire, Mode::Switchover);
        let phase = step(json!({"admin_states": {"a": "down"}})).observe(&cx).await.unwrap().phase;
        assert_eq!(phase, Phase::Moving { toward: None, status: "Updating".to_owned() });
    }
}
