//! The calls behind `azure.network.network_interface`.
//!
//! Each interface is written whole, as it was read right before, with its etag. It is taken away first, because no two interfaces
//! may have one address; and put back where the second half fails, because an address that is nowhere serves nobody.

use super::{Configuration, Facts, InterfaceFacts, NetworkInterface, State, configuration::set};
use crate::{
    arm::Arm,
    arm_id::ArmId,
    ip_configurations::{configurations, references, subnet},
    needs::Location,
    operations::{INTERFACE_GET, INTERFACE_PUT},
    resource::Resource,
};
use lifeboat_contract::{CallError, Effect, Observed, Phase, Transition};
use serde_json::json;

pub(super) async fn read(step: &NetworkInterface, arm: &Arm<'_>) -> Result<Observed<State, Facts>, CallError> {
    let (mut state, mut facts, mut phase) = (State::default(), Facts::default(), Phase::Settled);
    for id in step.interfaces() {
        let found = arm.read_existing(&INTERFACE_GET, id).await?;
        state.0.insert(id.key(), Configuration::holding(&found.body, step.address));
        facts.interfaces.insert(id.key(), interface(arm, id, &found).await?);
        // What is under way on one of them goes before what failed on the other: it may mend it.
        phase = match (phase, found.provisioning()) {
            (moving @ Phase::Moving { .. }, _) | (_, moving @ Phase::Moving { .. }) => moving,
            (Phase::Settled, other) => other,
            (faulted, _) => faulted,
        };
    }
    Ok(Observed { state, facts, phase })
}

async fn interface(arm: &Arm<'_>, id: &ArmId, found: &Resource) -> Result<InterfaceFacts, CallError> {
    let names = configurations(&found.body).iter().filter_map(|configuration| configuration["name"].as_str());
    Ok(InterfaceFacts {
        location: Location::of(arm, id, found).await?,
        subnet: subnet(&found.body),
        names: names.map(str::to_owned).collect(),
        references: references(&found.body),
        machine: found.properties()["virtualMachine"]["id"].as_str().map(str::to_owned),
    })
}

/// One interface that is to be written.
struct Due<'s> {
    id: &'s ArmId,
    to: Option<&'s Configuration>,
    current: Option<Configuration>,
}

pub(super) async fn drive(
    step: &NetworkInterface,
    arm: &Arm<'_>,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let mut due = Vec::new();
    for id in step.interfaces() {
        let found = arm.read_existing(&INTERFACE_GET, id).await?;
        let current = Configuration::holding(&found.body, step.address);
        let (seen, to) = (transition.now.state.of(&id.key()), transition.to.of(&id.key()));
        if current.as_ref() == to {
            continue;
        }
        if current.as_ref() != seen {
            let message = format!("{} on {} was changed meanwhile: it is {}", step.address, id.short(), json!(current));
            return Err(arm.site(&INTERFACE_PUT, id).definite("changed_meanwhile", message));
        }
        due.push(Due { id, to, current });
    }
    // Whoever loses it, loses it before anybody gets it.
    due.sort_by_key(|due| due.to.is_some());
    let mut taken: Option<(&ArmId, Configuration)> = None;
    for Due { id, to, current } in due {
        match (write(step, arm, id, to, current.as_ref()).await, &taken) {
            (Ok(()), _) => taken = current.map(|current| (id, current)),
            (Err(error), None) => return Err(error),
            (Err(error), Some((giver, had))) => return Err(put_back(step, arm, error, giver, had, id).await),
        }
    }
    Ok(())
}

/// Writes one interface whole, and waits until that has ended. Refuses where it is not as `expected`.
async fn write(
    step: &NetworkInterface,
    arm: &Arm<'_>,
    id: &ArmId,
    to: Option<&Configuration>,
    expected: Option<&Configuration>,
) -> Result<(), CallError> {
    let mut found = arm.read_existing(&INTERFACE_GET, id).await?;
    let current = Configuration::holding(&found.body, step.address);
    if current.as_ref() == to {
        return Ok(());
    }
    let site = || arm.site(&INTERFACE_PUT, id);
    if current.as_ref() != expected {
        return Err(site().definite("changed_meanwhile", format!("{} was changed meanwhile", id.short())));
    }
    if !set(&mut found.body, step.address, to) {
        let message = format!("{} has a configuration {} already", id.short(), to.map_or("", |to| to.name.as_str()));
        return Err(site().definite("configuration.name_taken", message));
    }
    arm.write(&INTERFACE_PUT, id, Some(found.body), found.etag.as_deref()).await.map(drop)
}

/// The second half failed: gives the address back to whom it was taken from, and says what became of it.
///
/// A write of unknown outcome may still land; then the one that lands last is turned down, because the address is in use.
async fn put_back(
    step: &NetworkInterface,
    arm: &Arm<'_>,
    error: CallError,
    giver: &ArmId,
    had: &Configuration,
    taker: &ArmId,
) -> CallError {
    let (address, giver_name, taker_name) = (step.address, giver.short(), taker.short());
    if error.effect == Effect::Unknown && !is_without(step, arm, taker).await {
        let message =
            format!("{}; {address} was taken from {giver_name}, and {taker_name} may have it or get it", error.message);
        return CallError { message, ..error };
    }
    match write(step, arm, giver, Some(had), None).await {
        Ok(()) => {
            let message = format!("{}; {address} was taken from {giver_name} and put back there", error.message);
            CallError { message, ..error }
        }
        Err(second) => {
            let message = format!(
                "{}; {address} was taken from {giver_name}, and putting it back failed: {second}; it may be on neither interface",
                error.message
            );
            CallError { message, effect: Effect::Unknown, ..error }
        }
    }
}

/// Whether an interface surely has not got the address, and nothing is under way there.
async fn is_without(step: &NetworkInterface, arm: &Arm<'_>, id: &ArmId) -> bool {
    arm.read(&INTERFACE_GET, id).await.ok().flatten().is_some_and(|found| {
        Configuration::holding(&found.body, step.address).is_none()
            && !matches!(found.provisioning(), Phase::Moving { .. })
    })
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::{nic, step};
    use super::*;
    use crate::recorded::{Recorded, RecordedWire, Written, answer, ok, surroundings};
    use lifeboat_contract::{Change as _, Direction, Mode, Retry, WireError, WireFailure};
    use serde_json::Value;
    use std::sync::Arc;

    const NET: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/one";

    fn vip(name: &str) -> Value {
        json!({"name": name, "etag": "W/\"c\"", "properties": {"provisioningState": "Succeeded", "privateIPAddress": "10.1.1.20",
            "privateIPAllocationMethod": "Static", "privateIPAddressVersion": "IPv4", "primary": false, "subnet": {"id": NET},
            "loadBalancerBackendAddressPools": [{"id": "pool"}], "unheardOf": 1}})
    }

    fn interface(name: &str, vip: Option<Value>) -> Recorded {
        let primary = json!({"name": "primary", "properties": {"primary": true, "privateIPAddress": "10.1.1.10",
            "subnet": {"id": NET}}});
        let all: Vec<Value> = std::iter::once(primary).chain(vip).collect();
        ok(json!({"location": "eastus", "etag": format!("W/\"{name}\""), "unheardOf": [],
            "properties": {"provisioningState": "Succeeded", "enableAcceleratedNetworking": true, "ipConfigurations": all,
                "virtualMachine": {"id": "x/vm"}}}))
    }

    /// Interface `A` as it is read each time, and the answers to the writes of `A` and of `b`.
    fn wire(reads: Vec<Recorded>, taken: Vec<Recorded>, given: Vec<Recorded>) -> Arc<RecordedWire> {
        RecordedWire::new([
            ("NetworkInterfaces_Get A", reads),
            ("NetworkInterfaces_Get b", vec![interface("b", None)]),
            ("NetworkInterfaces_CreateOrUpdate A", taken),
            ("NetworkInterfaces_CreateOrUpdate b", given),
            ("ResourceGroups_Get", vec![ok(json!({"location": "westus"}))]),
        ])
    }

    /// Observed, looked at before the drive, and read for the first write; from then on it is gone.
    fn taken_after_three() -> Vec<Recorded> {
        let there = || interface("A", Some(vip("vip")));
        vec![there(), there(), there(), interface("A", None)]
    }

    fn done() -> Vec<Recorded> {
        vec![ok(json!({"properties": {"provisioningState": "Succeeded"}}))]
    }

    async fn driven(wire: Arc<RecordedWire>) -> Result<(), CallError> {
        let (_, cx) = surroundings(wire, Mode::Switchover);
        let step = step();
        let now = step.observe(&cx).await?;
        assert_eq!(now.phase, Phase::Settled);
        let touches = step.touches(&cx.run, Some(&now));
        assert!(touches.permissions.iter().any(|permission| permission.action.ends_with("subnets/join/action")));
        let to = step.target(&now, &cx.run).unwrap();
        step.drive(&cx, &Transition { now, to, direction: Direction::Forward, mode: Mode::Switchover, data_loss: None })
            .await
    }

    fn names(write: &Written) -> Vec<&str> {
        configurations(&write.body).iter().map(|configuration| configuration["name"].as_str().unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_taken_before_it_is_given_and_nothing_else_changes() {
        let wire = wire(taken_after_three(), done(), done());
        driven(wire.clone()).await.unwrap();
        let [taken, given] = &wire.writes()[..] else { panic!("two writes") };
        assert_eq!((&taken.path, names(taken)), (&nic("A"), vec!["primary"]));
        assert_eq!((&given.path, names(given)), (&nic("b"), vec!["primary", "vip"]));
        assert_eq!((taken.if_match.as_deref(), given.if_match.as_deref()), (Some("W/\"A\""), Some("W/\"b\"")));
        assert_eq!(
            (&taken.body["unheardOf"], &given.body["properties"]["enableAcceleratedNetworking"]),
            (&json!([]), &json!(true))
        );
        let carried = &configurations(&given.body)[1]["properties"];
        assert_eq!(
            (&carried["unheardOf"], &carried["loadBalancerBackendAddressPools"]),
            (&json!(1), &json!([{"id": "pool"}]))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_put_back_where_it_cannot_be_given() {
        let refusal = answer(400, json!({"error": {"code": "PrivateIPAddressNotInSubnet", "message": "no"}}));
        let wire = wire(taken_after_three(), done(), vec![refusal]);
        let error = driven(wire.clone()).await.unwrap_err();
        assert_eq!((error.effect, error.retry), (Effect::None, Retry::Never));
        assert!(error.message.contains("put back there"), "{}", error.message);
        let writes = wire.writes();
        let sent: Vec<_> = writes.iter().map(|write| (write.path.clone(), names(write))).collect();
        assert_eq!(
            sent,
            [(nic("A"), vec!["primary"]), (nic("b"), vec!["primary", "vip"]), (nic("A"), vec!["primary", "vip"])]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn where_that_fails_too_nobody_claims_to_know() {
        let refusal =
            || answer(400, json!({"error": {"code": "PrivateIPAddressInUse", "message": "taken by another"}}));
        let wire = wire(taken_after_three(), vec![done().remove(0), refusal()], vec![refusal()]);
        let error = driven(wire.clone()).await.unwrap_err();
        assert_eq!(error.effect, Effect::Unknown);
        assert!(error.message.contains("may be on neither"), "{}", error.message);
    }

    #[tokio::test(start_paused = true)]
    async fn a_gift_of_unknown_outcome_is_looked_at_before_anything_is_put_back() {
        let cut = || Recorded::cut(WireError::maybe_sent(WireFailure::TimedOut, "no answer"));
        let without = wire(taken_after_three(), done(), vec![cut()]);
        let error = driven(without.clone()).await.unwrap_err();
        assert_eq!((error.effect, without.writes().len()), (Effect::Unknown, 3), "put back, and still unknown");
        let reads = |last: Recorded| vec![interface("b", None), interface("b", None), interface("b", None), last];
        let landed = RecordedWire::new([
            ("NetworkInterfaces_Get A", taken_after_three()),
            ("NetworkInterfaces_Get b", reads(interface("b", Some(vip("vip"))))),
            ("NetworkInterfaces_CreateOrUpdate A", done()),
            ("NetworkInterfaces_CreateOrUpdate b", vec![cut()]),
            ("ResourceGroups_Get", vec![ok(json!({}))]),
        ]);
        let error = driven(landed.clone()).await.unwrap_err();
        assert_eq!((error.effect, landed.writes().len()), (Effect::Unknown, 2), "it may be there: the engine observes");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_changed_meanwhile_is_left_alone() {
        let mut other = vip("vip");
        other["properties"]["publicIPAddress"] = json!({"id": "pip"});
        let wire = wire(vec![interface("A", Some(vip("vip"))), interface("A", Some(other))], done(), done());
        let error = driven(wire.clone()).await.unwrap_err();
        assert_eq!((error.code.as_str(), wire.writes()), ("changed_meanwhile", vec![]));
    }
}
