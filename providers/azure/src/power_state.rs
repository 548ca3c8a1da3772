//! `azure.compute.power_state`: whether a virtual machine runs. Stopping one is the strongest fence there is.
//!
//! Never deletes or resizes a machine, and does not wait for what runs on it: a check after the step proves that.

mod calls;
mod standing;

pub use standing::{Facts, Power, Provisioning, State};

use crate::{
    arm::Arm,
    arm_id::{ArmId, expect},
    needs::{may_read, may_read_group, may_write, planes_at},
    operations,
};
use lifeboat_contract::{
    CallError, CellKey, Change, Cx, Findings, Observed, Pace, Permission, Refusal, ResourceKey, Reversal, RunContext,
    Touches, Transition,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

const MACHINES: &str = "Microsoft.Compute/virtualMachines";

/// Starts a virtual machine, stops it, or deallocates it.
///
/// Stopped means that it has stopped and keeps its place on the host, and its price; deallocated gives both up. Either way nothing
/// on it writes any more, so a deallocated machine is left as it is where a stopped one is asked for. Running means that the
/// platform runs it; that its system and application answer is for a check to prove. Its disks and private addresses stay. What
/// was in memory is lost, and so is the temporary disk of a machine that is deallocated. A start without capacity in its zone is
/// tried again until the step's time is over.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MachinePower {
    /// The id of the machine: `/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/engine-a`.
    virtual_machine: ArmId,
    /// What it shall be.
    state: PowerState,
}

/// Whether a machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PowerState {
    Running,
    Stopped,
    Deallocated,
}

impl MachinePower {
    fn permissions(&self) -> Vec<Permission> {
        // The way back needs another one than the way there: a machine that is started was stopped, or deallocated.
        let actions: &[&str] = match self.state {
            PowerState::Running => &["start", "powerOff", "deallocate"],
            PowerState::Stopped => &["powerOff", "start"],
            PowerState::Deallocated => &["deallocate", "start"],
        };
        let id = &self.virtual_machine;
        let reads = ["read", "instanceView/read"].map(|action| may_read(&format!("{MACHINES}/{action}"), id));
        let writes = actions.iter().map(|action| may_write(&format!("{MACHINES}/{action}/action"), id));
        reads.into_iter().chain([may_read_group(id)]).chain(writes).collect()
    }
}

impl Change for MachinePower {
    const KIND: &'static str = "azure.compute.power_state";
    const EXAMPLE: &'static str = "\
virtual_machine: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/engine/providers/Microsoft.Compute/virtualMachines/engine-a
state: stopped";
    const REVERSAL: &'static str = "Driving back starts, stops or deallocates it again. What was in memory is gone, the temporary \
                                    disk of a machine that was deallocated too, and starting one back may fail for lack of \
                                    capacity. A stopped machine that was deallocated is not made a stopped one again.";
    type State = State;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        expect(findings, &["virtual_machine"], &self.virtual_machine, MACHINES);
    }

    fn touches(&self, run: &RunContext, now: Option<&Observed<State, Facts>>) -> Touches {
        let id = &self.virtual_machine;
        Touches {
            owns: vec![CellKey::of(id.key(), "state")],
            serialise_on: vec![ResourceKey::new(id.key())],
            planes: planes_at(operations::MACHINE_GET.service, run, now.map(|now| &now.facts.location)),
            permissions: self.permissions(),
            opens_traffic: false,
            fences: self.state != PowerState::Running,
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
        let facts = calls::read(self, &Arm::of(cx)?).await?;
        Ok(standing::observed(self, facts))
    }

    fn target(&self, now: &Observed<State, Facts>, _run: &RunContext) -> Result<State, Refusal> {
        let target = now.state.asked(self);
        if now.state != target {
            standing::admit(self, &now.facts)?;
        }
        Ok(target)
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<State, Facts>) -> Result<(), CallError> {
        calls::drive(self, &Arm::of(cx)?, transition).await
    }

    fn reversal(&self, transition: &Transition<State, Facts>) -> Reversal {
        standing::reversal(transition)
    }

    fn pace(&self) -> Pace {
        Pace {
            // The service counts looks at a machine, and lets few of them through.
            poll: Duration::from_secs(5),
            settled_polls: 2,
            visible_within: Duration::from_secs(30),
            // A system that shuts down slowly takes minutes.
            settle_timeout: Duration::from_mins(15),
            drive_timeout: Duration::from_mins(3),
            // Azure Resource Manager itself gives up on a provider after a minute, and the provider may go on.
            lands_within: Duration::from_mins(1),
        }
    }

    fn note(&self, transition: &Transition<State, Facts>) -> Option<String> {
        standing::note(transition)
    }
}
