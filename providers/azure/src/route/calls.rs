//! The calls of this kind: reading tables and interfaces, and writing single routes.
//!
//! Decides nothing about what a route should be; it brings each table from what is there to what it was given.

use super::{
    Effective, Facts, NextHop, Route, State, effective,
    standing::{interface_facts, route_in, table_facts},
};
use crate::{
    arm::Arm,
    arm_id::ArmId,
    operations::{
        EFFECTIVE_ROUTES, INTERFACE_GET, INTERFACE_LIST, INTERFACE_PUT, ROUTE_DELETE, ROUTE_PUT, ROUTE_TABLE_GET,
    },
    resource::Resource,
};
use futures_util::future::join_all;
use ipnet::IpNet;
use lifeboat_contract::{CallError, Direction, Effect, Retry, Transition};
use serde_json::{Value, json};
use std::collections::btree_map::Entry;

/// Reads everything the step must know. Never changes anything.
pub(super) async fn read(step: &Route, arm: &Arm<'_>) -> Result<Facts, CallError> {
    let destination = destination(step)?;
    let mut facts = Facts::default();
    for table in &step.route_tables {
        let found = arm.read_existing(&ROUTE_TABLE_GET, table).await?;
        facts.tables.insert(table.key(), table_facts(&found, &destination, &step.new_name()));
    }
    let there = State::asked(step).routes == State::seen(step, &facts).routes;
    facts.interface = match &step.network_interface {
        Some(id) => arm.read(&INTERFACE_GET, id).await?.map(|found| interface_facts(&found.body)),
        None if there => None,
        None => find_interface(step, arm).await,
    };
    if there {
        for interface in &step.effective_on {
            facts.effective.insert(interface.short(), effective_on(arm, interface, &destination).await);
        }
    }
    for id in step.route_tables.iter().chain(step.switched_interface()) {
        if let Entry::Vacant(group) = facts.groups.entry(id.group_scope().key()) {
            group.insert(arm.group_location(id).await?);
        }
    }
    Ok(facts)
}

fn destination(step: &Route) -> Result<IpNet, CallError> {
    step.destination().ok_or_else(|| {
        CallError::definite(
            ROUTE_TABLE_GET.service,
            "destination.malformed",
            format!("{:?} is not a range", step.destination),
        )
    })
}

/// The interface that has the next hop's address, looked for in the first table's group: it may be elsewhere, or a load
/// balancer's, so finding none says nothing.
async fn find_interface(step: &Route, arm: &Arm<'_>) -> Option<super::InterfaceFacts> {
    let scope = step.route_tables.first()?.group_scope();
    let found = arm.list(&INTERFACE_LIST, &scope).await.ok()?;
    found.iter().map(interface_facts).find(|interface| interface.addresses.contains(&step.next_hop))
}

/// What one interface sees. That it cannot be asked is an answer too: the route itself stands.
async fn effective_on(arm: &Arm<'_>, interface: &ArmId, destination: &IpNet) -> Effective {
    match arm.read_existing(&EFFECTIVE_ROUTES, interface).await {
        Ok(table) => Effective::Leads(effective::leads(&table.body, destination)),
        Err(error) => {
            Effective::Unreadable { for_good: error.retry == Retry::Never, code: error.code, message: error.message }
        }
    }
}

/// What became of one resource.
struct Outcome {
    wrote: bool,
    result: Result<(), CallError>,
}

impl Outcome {
    fn unchanged() -> Self {
        Self { wrote: false, result: Ok(()) }
    }

    fn failed(error: CallError) -> Self {
        Self { wrote: false, result: Err(error) }
    }

    fn wrote(result: Result<Value, CallError>) -> Self {
        Self { wrote: result.is_ok(), result: result.map(drop) }
    }
}

/// Drives every table at the same time; they are independent of each other, and waiting for one after the other is downtime.
pub(super) async fn drive(step: &Route, arm: &Arm<'_>, transition: &Transition<State, Facts>) -> Result<(), CallError> {
    let destination = destination(step)?;
    let mut outcomes = Vec::new();
    // The interface forwards before any packet is sent to it, and as long as any may be.
    if transition.direction == Direction::Forward {
        outcomes.push(forwarding(step, arm, transition).await);
    }
    if outcomes.iter().all(|outcome| outcome.result.is_ok()) {
        let tables = step.route_tables.iter().map(|table| route(step, arm, table, &destination, transition));
        outcomes.extend(join_all(tables).await);
    }
    if transition.direction == Direction::Back && outcomes.iter().all(|outcome| outcome.result.is_ok()) {
        outcomes.push(forwarding(step, arm, transition).await);
    }
    let wrote = outcomes.iter().any(|outcome| outcome.wrote);
    match outcomes.into_iter().find_map(|outcome| outcome.result.err()) {
        None => Ok(()),
        // The call that failed may have had no effect; the others had.
        Some(error) if wrote => Err(CallError { effect: Effect::Unknown, ..error }),
        Some(error) => Err(error),
    }
}

/// Sets the interface's flag, in the whole of the interface as it stands: it has no smaller part that could be written.
async fn forwarding(step: &Route, arm: &Arm<'_>, transition: &Transition<State, Facts>) -> Outcome {
    let Some(id) = step.switched_interface() else { return Outcome::unchanged() };
    let Some(Some(to)) = transition.to.ip_forwarding.get(&id.key()).copied() else { return Outcome::unchanged() };
    let mut found = match arm.read_existing(&INTERFACE_GET, id).await {
        Ok(found) => found,
        Err(error) => return Outcome::failed(error),
    };
    let current = interface_facts(&found.body).forwards;
    if current == to {
        return Outcome::unchanged();
    }
    found.body["properties"]["enableIPForwarding"] = json!(to);
    Outcome::wrote(arm.write(&INTERFACE_PUT, id, Some(found.body), found.etag.as_deref()).await)
}

/// Brings one table to its goal, unless it is neither there nor as it was seen.
async fn route(
    step: &Route,
    arm: &Arm<'_>,
    table: &ArmId,
    destination: &IpNet,
    transition: &Transition<State, Facts>,
) -> Outcome {
    let key = table.key();
    let Some(to) = transition.to.routes.get(&key) else { return Outcome::unchanged() };
    let found = match arm.read_existing(&ROUTE_TABLE_GET, table).await {
        Ok(found) => found,
        Err(error) => return Outcome::failed(error),
    };
    let existing = route_in(&found, destination);
    let current = existing.map(|route| NextHop::of(&route["properties"]));
    // A route whose last write was called off reads as it was asked for, and is not in force so: it is written again.
    let in_force = !matches!(transition.now.phase, lifeboat_contract::Phase::Faulted { .. });
    if current == *to && in_force {
        return Outcome::unchanged();
    }
    let seen = transition.now.state.routes.get(&key).cloned().flatten();
    if current != seen {
        let leads = current.map_or_else(|| "nowhere".to_owned(), |hop| hop.to_string());
        let message = format!("{destination} in {} was changed meanwhile: it leads to {leads}", table.short());
        return Outcome::failed(arm.site(&ROUTE_TABLE_GET, table).definite("changed_meanwhile", message));
    }
    Outcome::wrote(write(step, arm, table, &found, existing, to.as_ref()).await)
}

async fn write(
    step: &Route,
    arm: &Arm<'_>,
    table: &ArmId,
    found: &Resource,
    existing: Option<&Value>,
    to: Option<&NextHop>,
) -> Result<Value, CallError> {
    let etag = existing.and_then(|route| route["etag"].as_str());
    let name = existing.and_then(|route| route["name"].as_str()).map_or_else(|| step.new_name(), str::to_owned);
    let id = table.child("routes", &name);
    match (existing, to) {
        (Some(route), Some(hop)) => arm.write(&ROUTE_PUT, &id, Some(leading(route, hop)), etag).await,
        (Some(_), None) => arm.write(&ROUTE_DELETE, &id, None, etag).await,
        (None, Some(hop)) => {
            let taken = table_facts(found, &destination(step)?, &name).name_taken_by;
            if let Some(prefix) = taken {
                let message = format!("{} has a route {name} already, for {prefix}", table.short());
                return Err(arm.site(&ROUTE_PUT, &id).definite("route.name_taken", message));
            }
            let new = json!({ "properties": { "addressPrefix": step.destination } });
            arm.create(&ROUTE_PUT, &id, leading(&new, hop)).await
        }
        (None, None) => Ok(Value::Null),
    }
}

/// The route with another next hop, and everything else in it as it was.
fn leading(route: &Value, hop: &NextHop) -> Value {
    let mut route = route.clone();
    let properties = &mut route["properties"];
    properties["nextHopType"] = json!(hop.kind);
    match (&hop.address, properties.as_object_mut()) {
        (Some(address), Some(properties)) => {
            properties.insert("nextHopIpAddress".to_owned(), json!(address));
        }
        (None, Some(properties)) => {
            properties.remove("nextHopIpAddress");
        }
        (_, None) => {}
    }
    route
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::{interface, interface_id, overlay, step, table, table_id};
    use super::*;
    use crate::recorded::{Recorded, RecordedWire, answer, ok, surroundings};
    use lifeboat_contract::{Change as _, ControlPlane, Mode, Phase, Region};
    use std::sync::Arc;

    /// Table `one` leads to `first`, table `two` has no route; interface `b` does not forward.
    fn wire(first: &Value, put: Vec<Recorded>) -> Arc<RecordedWire> {
        RecordedWire::new([
            ("RouteTables_Get one", vec![ok(table("one", &json!([first])))]),
            ("RouteTables_Get two", vec![ok(table("two", &json!([])))]),
            ("NetworkInterfaces_Get", vec![ok(interface(false))]),
            ("NetworkInterfaces_CreateOrUpdate", vec![ok(interface(true))]),
            ("ResourceGroups_Get", vec![ok(json!({ "name": "engine", "location": "West US" }))]),
            ("Routes_CreateOrUpdate", put),
            ("Routes_Delete", vec![answer(204, Value::Null)]),
        ])
    }

    fn local() -> Value {
        json!({ "name": "Overlay", "etag": "W/\"route\"", "properties": {
            "addressPrefix": "192.168.10.10/32", "nextHopType": "VnetLocal", "unheardOf": 1 } })
    }

    async fn drive_over(
        wire: Arc<RecordedWire>,
        direction: Direction,
        see: impl FnOnce(&mut State, &mut State),
    ) -> Result<(), CallError> {
        let (_, cx) = surroundings(wire, Mode::Switchover);
        let step = step(json!({ "ip_forwarding": true }));
        let mut now = step.observe(&cx).await.unwrap();
        let mut to = step.target(&now, &cx.run).unwrap();
        see(&mut now.state, &mut to);
        step.drive(&cx, &Transition { now, to, direction, mode: Mode::Switchover, data_loss: None }).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_interface_goes_first_and_each_table_gets_the_call_it_needs() {
        let wire = wire(&overlay("10.1.1.10"), vec![ok(json!({}))]);
        drive_over(wire.clone(), Direction::Forward, |_, _| ()).await.unwrap();
        let writes = wire.writes();
        let sent: Vec<_> = writes.iter().map(|write| (write.operation.as_str(), write.path.clone())).collect();
        let put = "Routes_CreateOrUpdate";
        assert_eq!(
            sent,
            [
                ("NetworkInterfaces_CreateOrUpdate", interface_id("b")),
                (put, format!("{}/routes/Overlay", table_id("one"))),
                (put, format!("{}/routes/lifeboat-192-168-10-10-32", table_id("two"))),
            ]
        );
        let [nic, changed, created] = &writes[..] else { panic!("three writes") };
        assert_eq!((nic.if_match.as_deref(), &nic.body["properties"]["unheardOf"]), (Some("W/\"nic\""), &json!([])));
        assert_eq!(nic.body["properties"]["enableIPForwarding"], true);
        assert_eq!(changed.if_match.as_deref(), Some("W/\"route\""), "the route's own, not the table's");
        assert_eq!(changed.body["properties"]["nextHopIpAddress"], "10.1.1.11");
        assert_eq!((created.if_match.as_deref(), created.if_none_match.as_deref()), (None, Some("*")));
        assert_eq!(created.body["properties"]["addressPrefix"], "192.168.10.10/32");
    }

    #[tokio::test(start_paused = true)]
    async fn the_way_back_restores_another_type_deletes_what_was_not_there_and_leaves_the_interface_for_last() {
        let wire = RecordedWire::new([
            ("RouteTables_Get", vec![ok(table("any", &json!([overlay("10.1.1.11")])))]),
            ("NetworkInterfaces_Get", vec![ok(interface(true))]),
            ("NetworkInterfaces_CreateOrUpdate", vec![ok(interface(false))]),
            ("ResourceGroups_Get", vec![answer(404, Value::Null)]),
            ("Routes_CreateOrUpdate", vec![ok(json!({}))]),
            ("Routes_Delete", vec![answer(204, Value::Null)]),
        ]);
        let back = |_: &mut State, to: &mut State| {
            to.routes.insert(table_id("one").to_lowercase(), Some(NextHop::from("VnetLocal")));
            to.routes.insert(table_id("two").to_lowercase(), None);
            to.ip_forwarding.insert(interface_id("b").to_lowercase(), Some(false));
        };
        drive_over(wire.clone(), Direction::Back, back).await.unwrap();
        let writes = wire.writes();
        let operations: Vec<&str> = writes.iter().map(|write| write.operation.as_str()).collect();
        assert_eq!(operations, ["Routes_CreateOrUpdate", "Routes_Delete", "NetworkInterfaces_CreateOrUpdate"]);
        assert_eq!(writes[0].body["properties"]["nextHopType"], "VnetLocal");
        assert_eq!(writes[0].body["properties"].get("nextHopIpAddress"), None);
        assert_eq!(writes[1].if_match.as_deref(), Some("W/\"route\""));
    }

    #[tokio::test(start_paused = true)]
    async fn what_this_build_does_not_know_of_a_route_stays_in_it() {
        let wire = wire(&local(), vec![ok(json!({}))]);
        drive_over(wire.clone(), Direction::Forward, |_, _| ()).await.unwrap();
        let changed = &wire.writes()[1].body["properties"];
        assert_eq!((&changed["unheardOf"], &changed["nextHopType"]), (&json!(1), &json!("VirtualAppliance")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_table_that_somebody_else_wrote_is_left_alone() {
        let wire = wire(&overlay("10.1.1.10"), vec![ok(json!({}))]);
        let see = |now: &mut State, to: &mut State| {
            now.routes.insert(table_id("one").to_lowercase(), Some(NextHop::appliance("10.1.1.99")));
            to.routes.insert(table_id("two").to_lowercase(), None);
            to.ip_forwarding.clear();
        };
        let error = drive_over(wire.clone(), Direction::Forward, see).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.effect), ("changed_meanwhile", Effect::None));
        assert_eq!(wire.writes(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stale_etag_is_no_effect_unless_another_table_was_written() {
        let stale = answer(412, json!({ "error": { "code": "PreconditionFailedEtagMismatch", "message": "m" } }));
        let alone = |_: &mut State, to: &mut State| {
            to.routes.insert(table_id("two").to_lowercase(), None);
            to.ip_forwarding.clear();
        };
        let error = drive_over(wire(&overlay("10.1.1.10"), vec![stale.clone()]), Direction::Forward, alone).await;
        assert_eq!(error.unwrap_err().effect, Effect::None);
        let error = drive_over(wire(&overlay("10.1.1.10"), vec![stale]), Direction::Forward, |_, _| ()).await;
        assert_eq!(error.unwrap_err().effect, Effect::Unknown, "the interface was written");
    }

    #[tokio::test(start_paused = true)]
    async fn effective_routes_are_asked_only_once_the_tables_stand() {
        let step = step(json!({ "effective_on": [interface_id("c")] }));
        let shown = json!({ "value": [{ "state": "Active", "source": "User", "addressPrefix": ["192.168.10.10/32"],
            "nextHopType": "VirtualAppliance", "nextHopIpAddress": ["10.1.1.10"] }] });
        let ask = |address: &'static str| {
            let wire = RecordedWire::new([
                ("RouteTables_Get", vec![ok(table("any", &json!([overlay(address)])))]),
                ("NetworkInterfaces_Get", vec![ok(interface(true))]),
                ("ResourceGroups_Get", vec![ok(json!({ "location": "West US" }))]),
                ("NetworkInterfaces_GetEffectiveRouteTable", vec![ok(shown.clone())]),
            ]);
            let step = step.clone();
            async move {
                let (_, cx) = surroundings(wire.clone(), Mode::Switchover);
                (step.observe(&cx).await.unwrap(), wire.urls("NetworkInterfaces_GetEffectiveRouteTable").len())
            }
        };
        let (before, asked) = ask("10.1.1.10").await;
        assert_eq!((before.phase, asked), (Phase::Settled, 0));
        let (after, asked) = ask("10.1.1.11").await;
        assert!(matches!(after.phase, Phase::Moving { toward: Some(_), .. }), "{:?}", after.phase);
        assert_eq!(asked, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_plan_knows_the_groups_own_region_and_reads_it_once() {
        let wire = wire(&overlay("10.1.1.10"), vec![]);
        let (_, cx) = surroundings(wire.clone(), Mode::Switchover);
        let step = step(json!({}));
        step.observe(&cx).await.unwrap();
        let now = step.observe(&cx).await.unwrap();
        assert_eq!(wire.urls("ResourceGroups_Get").len(), 1);
        let plane =
            |service: &str, region| ControlPlane { service: service.to_owned(), region: Some(Region::from(region)) };
        let planes = step.touches(&cx.run, Some(&now)).planes;
        assert_eq!(planes, [plane("Microsoft.Network", "eastus"), plane("Microsoft.Resources", "westus")]);
    }
}
