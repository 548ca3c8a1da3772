//! The calls behind `azure.compute.power_state`.
//!
//! All of them may be repeated: starting what runs, and stopping what has stopped, succeed and change nothing.

use super::{Facts, MachinePower, Power, State};
use crate::{
    arm::Arm,
    needs::Location,
    operations::{MACHINE_DEALLOCATE, MACHINE_GET, MACHINE_POWER_OFF, MACHINE_START, MACHINE_VIEW},
};
use lifeboat_contract::{CallError, Transition};

pub(super) async fn read(step: &MachinePower, arm: &Arm<'_>) -> Result<Facts, CallError> {
    let id = &step.virtual_machine;
    let found = arm.read_existing(&MACHINE_GET, id).await?;
    let view = arm.read_existing(&MACHINE_VIEW, id).await?;
    let (power, provisioning) = Facts::statuses(&view.body);
    let zones = found.body["zones"].as_array().into_iter().flatten().filter_map(|zone| zone.as_str());
    let local = &found.properties()["storageProfile"]["osDisk"]["diffDiskSettings"]["option"];
    Ok(Facts {
        location: Location::of(arm, id, &found).await?,
        zones: zones.map(str::to_owned).collect(),
        power,
        provisioning,
        ephemeral_os_disk: local.as_str().is_some_and(|option| option.eq_ignore_ascii_case("Local")),
    })
}

pub(super) async fn drive(
    step: &MachinePower,
    arm: &Arm<'_>,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let (from, to) = (transition.now.state.state, transition.to.state);
    let id = &step.virtual_machine;
    let operation = match (from, to) {
        _ if from == to => return Ok(()),
        (_, Power::Running) => &MACHINE_START,
        (Power::Deallocated, Power::Stopped) => {
            let message = format!("{} is deallocated: it would have to run before it could be stopped", id.short());
            return Err(arm.site(&MACHINE_POWER_OFF, id).definite("machine.deallocated", message));
        }
        (_, Power::Stopped) => &MACHINE_POWER_OFF,
        (_, Power::Deallocated) => &MACHINE_DEALLOCATE,
        (_, Power::Unknown) => {
            let message = format!("the power state that {} had was not known", id.short());
            return Err(arm.site(&MACHINE_START, id).definite("machine.unknown", message));
        }
    };
    arm.write(operation, id, None, None).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::{MACHINE, step};
    use super::*;
    use crate::recorded::{Recorded, RecordedWire, answer, ok, surroundings};
    use lifeboat_contract::{Change as _, Direction, Effect, Mode, Retry};
    use serde_json::{Value, json};
    use std::sync::Arc;

    const STATUS: &str = "https://management.azure.com/operations/1";

    fn wire(power: &str, accepted: Recorded, progress: Vec<Recorded>) -> Arc<RecordedWire> {
        let machine = json!({"location": "eastus", "zones": ["2"], "properties": {"provisioningState": "Succeeded",
            "storageProfile": {"osDisk": {"diffDiskSettings": {"option": "Local"}}}}});
        let view =
            json!({"statuses": [{"code": "ProvisioningState/succeeded"}, {"code": format!("PowerState/{power}")}]});
        RecordedWire::new([
            ("VirtualMachines_Get", vec![ok(machine)]),
            ("VirtualMachines_InstanceView", vec![ok(view)]),
            ("VirtualMachines_Start", vec![accepted.clone()]),
            ("VirtualMachines_PowerOff", vec![accepted.clone()]),
            ("VirtualMachines_Deallocate", vec![accepted]),
            ("OperationStatus_Get", progress),
            ("ResourceGroups_Get", vec![ok(json!({"location": "westus"}))]),
        ])
    }

    async fn driven(wire: Arc<RecordedWire>, asked: &str, to: Power) -> Result<Facts, CallError> {
        let (_, cx) = surroundings(wire, Mode::Failover);
        let step = step(asked);
        let now = step.observe(&cx).await?;
        let facts = now.facts.clone();
        let (direction, mode) = (Direction::Forward, Mode::Failover);
        step.drive(&cx, &Transition { now, to: State { state: to }, direction, mode, data_loss: None })
            .await
            .map(|()| facts)
    }

    #[tokio::test(start_paused = true)]
    async fn each_move_has_its_call_and_what_is_there_needs_none() {
        let cases = [
            ("running", Power::Stopped, "powerOff"),
            ("running", Power::Deallocated, "deallocate"),
            ("stopped", Power::Deallocated, "deallocate"),
            ("deallocated", Power::Running, "start"),
            ("unknown", Power::Stopped, "powerOff"),
        ];
        for (from, to, call) in cases {
            let wire = wire(from, answer(202, Value::Null), vec![]);
            let facts = driven(wire.clone(), "stopped", to).await.unwrap();
            assert_eq!((facts.zones, facts.ephemeral_os_disk), (vec!["2".to_owned()], true));
            assert_eq!(
                facts.location,
                Location { region: Some("eastus".to_owned()), group: Some("westus".to_owned()) }
            );
            let [write] = &wire.writes()[..] else { panic!("one write") };
            assert_eq!((&write.path, &write.body), (&format!("{MACHINE}/{call}"), &Value::Null), "{from}");
        }
        let there = wire("stopped", answer(500, Value::Null), vec![]);
        driven(there.clone(), "stopped", Power::Stopped).await.unwrap();
        assert_eq!(there.writes(), []);
        let gone = wire("deallocated", answer(202, Value::Null), vec![]);
        let error = driven(gone.clone(), "deallocated", Power::Stopped).await.unwrap_err();
        assert_eq!((error.code.as_str(), gone.writes()), ("machine.deallocated", vec![]), "it must not run for that");
    }

    #[tokio::test(start_paused = true)]
    async fn no_capacity_waits_whether_the_service_says_so_at_once_or_later() {
        let code = "OverconstrainedAllocationRequest";
        let refused = answer(409, json!({"error": {"code": code, "message": "m"}}));
        let error = driven(wire("deallocated", refused, vec![]), "running", Power::Running).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.retry, error.effect), (code, Retry::Capacity, Effect::None));
        let accepted = answer(202, Value::Null).header("azure-asyncoperation", STATUS);
        let failed = ok(json!({"status": "Failed", "error": {"code": "SkuNotAvailable", "message": "m"}}));
        let error = driven(wire("deallocated", accepted, vec![failed]), "running", Power::Running).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.retry), ("SkuNotAvailable", Retry::Capacity));
    }
}
