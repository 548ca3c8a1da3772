//! Whether a machine runs, what it is on its way to, and why an operation on it came to nothing. Pure.
//!
//! A failure that is told of a machine says nothing of its power: an extension that could not be installed is one too.

use super::{MachinePower, PowerState};
use crate::needs::Location;
use lifeboat_contract::{Observed, Phase, Refusal, Reversal, Transition};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub state: Power,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    Running,
    Stopped,
    Deallocated,
    /// The platform does not know, or does not tell: its host may be lost.
    Unknown,
}

/// What must be known besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub location: Location,
    pub zones: Vec<String>,
    /// The service's own word: `running`, `starting`, `stopping`, `stopped`, `deallocating`, `deallocated`, `unknown`.
    pub power: Option<String>,
    pub provisioning: Provisioning,
    /// Its system disk lives on the host, and cannot outlast it.
    pub ephemeral_os_disk: bool,
}

/// What became of the last operation on the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provisioning {
    /// `succeeded`, `updating`, `failed`, …
    pub state: String,
    /// `AllocationFailed`, where it failed and says why.
    pub code: Option<String>,
    pub message: Option<String>,
}

/// Failures of a start that another try may mend.
const CAPACITY: [&str; 6] = [
    "AllocationFailed",
    "ZonalAllocationFailed",
    "OverconstrainedAllocationRequest",
    "OverconstrainedZonalAllocationRequest",
    "SkuNotAvailable",
    "VMAllocationFailed",
];

impl Facts {
    /// Reads the statuses of an instance view: `PowerState/running`, `ProvisioningState/failed/AllocationFailed`.
    pub(super) fn statuses(view: &Value) -> (Option<String>, Provisioning) {
        let all = view["statuses"].as_array().map(Vec::as_slice).unwrap_or_default();
        let (mut power, mut provisioning) = (None, Provisioning::default());
        for status in all {
            let mut parts = status["code"].as_str().unwrap_or_default().splitn(3, '/');
            let (family, word, rest) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
            if family.eq_ignore_ascii_case("PowerState") {
                power = word.map(str::to_ascii_lowercase);
            } else if family.eq_ignore_ascii_case("ProvisioningState") {
                provisioning = Provisioning {
                    state: word.unwrap_or_default().to_ascii_lowercase(),
                    code: rest.map(str::to_owned),
                    message: status["message"].as_str().map(str::to_owned),
                };
            }
        }
        (power, provisioning)
    }

    /// The state that it is in or leaves, and the one that it is on its way to.
    fn power(&self) -> (Power, Option<Power>) {
        match self.power.as_deref() {
            Some("running") => (Power::Running, None),
            Some("stopped") => (Power::Stopped, None),
            Some("deallocated") => (Power::Deallocated, None),
            // Where it comes from is not told.
            Some("starting") => (Power::Deallocated, Some(Power::Running)),
            Some("stopping") => (Power::Running, Some(Power::Stopped)),
            Some("deallocating") => (Power::Running, Some(Power::Deallocated)),
            _ => (Power::Unknown, None),
        }
    }
}

impl Provisioning {
    fn has_failed(&self) -> bool {
        matches!(self.state.as_str(), "failed" | "canceled" | "cancelled")
    }

    fn is_under_way(&self) -> bool {
        !self.has_failed() && !matches!(self.state.as_str(), "" | "succeeded")
    }

    fn is_capacity(&self) -> bool {
        self.code.as_deref().is_some_and(|code| CAPACITY.iter().any(|known| known.eq_ignore_ascii_case(code)))
    }
}

impl State {
    /// What the step asks for. A deallocated machine has stopped, and more than that.
    pub(super) fn asked(self, step: &MachinePower) -> Self {
        let state = match step.state {
            PowerState::Running => Power::Running,
            PowerState::Stopped if self.state == Power::Deallocated => Power::Deallocated,
            PowerState::Stopped => Power::Stopped,
            PowerState::Deallocated => Power::Deallocated,
        };
        Self { state }
    }
}

/// Puts what was read together.
pub(super) fn observed(step: &MachinePower, facts: Facts) -> Observed<State, Facts> {
    let (power, toward) = facts.power();
    let state = State { state: power };
    let phase = match toward {
        Some(toward) => {
            let status = facts.power.clone().unwrap_or_default();
            Phase::Moving { toward: Some(json!(State { state: toward })), status }
        }
        // Whatever else is being done to it, or was and failed: its power is as asked for.
        None if state.asked(step) == state => Phase::Settled,
        // An operation that has begun, and does not show in the power yet.
        None if facts.provisioning.is_under_way() => {
            Phase::Moving { toward: None, status: facts.provisioning.state.clone() }
        }
        None => failed(step, &facts.provisioning).unwrap_or(Phase::Settled),
    };
    Observed { state, facts, phase }
}

/// A start that failed is a fault, unless only capacity was missing: then it is worth another try.
///
/// A machine that is to stop is stopped whatever failed on it before; and a stop that fails says so by itself.
fn failed(step: &MachinePower, provisioning: &Provisioning) -> Option<Phase> {
    let start = step.state == PowerState::Running;
    let fault = start && provisioning.has_failed() && !provisioning.is_capacity();
    fault.then(|| Phase::Faulted {
        code: provisioning.code.clone().unwrap_or_else(|| format!("provisioning.{}", provisioning.state)),
        message: format!(
            "the last operation on {} failed: {}",
            step.virtual_machine.short(),
            provisioning.message.as_deref().unwrap_or("no reason is given")
        ),
    })
}

/// Refuses what the service would refuse.
pub(super) fn admit(step: &MachinePower, facts: &Facts) -> Result<(), Refusal> {
    if step.state == PowerState::Deallocated && facts.ephemeral_os_disk {
        let message =
            format!("{} has its system on an ephemeral disk, and cannot be deallocated", step.virtual_machine.short());
        return Err(Refusal::new("machine.ephemeral_os_disk", message)
            .with_hint("stop it instead: `state: stopped` fences it as well"));
    }
    Ok(())
}

pub(super) fn reversal(transition: &Transition<State, Facts>) -> Reversal {
    let (from, to) = (transition.now.state.state, transition.to.state);
    match from {
        _ if from == to => Reversal::Restores,
        Power::Unknown => {
            Reversal::ForwardOnly("its power state is not known, so there is none to go back to".to_owned())
        }
        Power::Stopped if to == Power::Deallocated => Reversal::ForwardOnly(
            "a deallocated machine can only become a stopped one by running in between; start it instead".to_owned(),
        ),
        _ => Reversal::Restores,
    }
}

/// What a stop or a start gives up.
pub(super) fn note(transition: &Transition<State, Facts>) -> Option<String> {
    let facts = &transition.now.facts;
    let place = facts.zones.first().map_or_else(|| "its region".to_owned(), |zone| format!("zone {zone}"));
    match (transition.now.state.state, transition.to.state) {
        (_, Power::Deallocated) => Some(format!(
            "the temporary disk is lost on deallocation, with what is in memory; starting it back needs capacity in {place}, \
             which nobody keeps"
        )),
        (_, Power::Stopped) => Some(
            "what is in memory is lost; it stays allocated, and billed (only a deallocation gives that up, and loses the \
             temporary disk)"
                .to_owned(),
        ),
        (Power::Deallocated, Power::Running) => {
            Some(format!("the start needs capacity in {place}, and no plan can tell whether there is any"))
        }
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lifeboat_contract::{Change as _, Code, Direction, Findings, Mode, RunContext, SiteId, codes};
    use std::collections::BTreeSet;

    pub(in super::super) const MACHINE: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm-a";

    pub(in super::super) fn step(state: &str) -> MachinePower {
        serde_json::from_value(json!({"virtual_machine": MACHINE, "state": state})).unwrap()
    }

    fn facts(power: &str, provisioning: &str) -> Facts {
        let view = json!({"statuses": [
            {"code": format!("ProvisioningState/{provisioning}"), "message": "told"}, {"code": format!("PowerState/{power}")}]});
        let (power, provisioning) = Facts::statuses(&view);
        Facts { power, provisioning, zones: vec!["1".to_owned()], ..Facts::default() }
    }

    fn seen(asked: &str, power: &str, provisioning: &str) -> (Power, Phase) {
        let observed = observed(&step(asked), facts(power, provisioning));
        (observed.state.state, observed.phase)
    }

    fn moving(toward: Option<&str>, status: &str) -> Phase {
        Phase::Moving { toward: toward.map(|toward| json!({ "state": toward })), status: status.to_owned() }
    }

    #[test]
    fn what_is_on_its_way_says_where_to() {
        assert_eq!(seen("running", "starting", "updating").1, moving(Some("running"), "starting"));
        assert_eq!(seen("running", "stopping", "updating"), (Power::Running, moving(Some("stopped"), "stopping")));
        assert_eq!(seen("stopped", "deallocating", "updating").1, moving(Some("deallocated"), "deallocating"));
        assert_eq!(seen("stopped", "running", "updating"), (Power::Running, moving(None, "updating")));
        assert_eq!(seen("running", "running", "updating").1, Phase::Settled, "an extension is no concern of ours");
    }

    #[test]
    fn a_failure_counts_only_where_the_power_is_not_as_asked_for() {
        let code = |phase: Phase| match phase {
            Phase::Faulted { code, .. } => code,
            other => format!("{other:?}"),
        };
        assert_eq!(code(seen("running", "deallocated", "failed/OSProvisioningTimedOut").1), "OSProvisioningTimedOut");
        assert_eq!(code(seen("running", "deallocated", "canceled").1), "provisioning.canceled");
        assert_eq!(seen("running", "running", "failed/VMExtensionProvisioningError").1, Phase::Settled);
        assert_eq!(seen("stopped", "running", "failed/VMExtensionProvisioningError").1, Phase::Settled);
        for capacity in CAPACITY {
            assert_eq!(seen("running", "deallocated", &format!("failed/{capacity}")).1, Phase::Settled, "{capacity}");
        }
    }

    fn run() -> RunContext {
        RunContext {
            mode: Mode::Failover,
            accepted_loss: None,
            rpo: None,
            impaired: BTreeSet::new(),
            to: SiteId::from("b"),
            from: SiteId::from("a"),
            place: None,
        }
    }

    fn transition(from: &str, asked: &str) -> Transition<State, Facts> {
        let step = step(asked);
        let now = observed(&step, facts(from, "succeeded"));
        let to = step.target(&now, &run()).unwrap();
        Transition { now, to, direction: Direction::Forward, mode: Mode::Failover, data_loss: None }
    }

    #[test]
    fn a_deallocated_machine_has_stopped() {
        let nothing = transition("deallocated", "stopped");
        assert_eq!(nothing.to.state, Power::Deallocated);
        assert_eq!(nothing.to, nothing.now.state);
        assert_eq!(transition("unknown", "stopped").to.state, Power::Stopped);
        assert_eq!(transition("stopped", "deallocated").to.state, Power::Deallocated);
    }

    #[test]
    fn what_cannot_be_gone_back_on_says_so() {
        let of = |from, asked| reversal(&transition(from, asked));
        assert_eq!(of("running", "stopped"), Reversal::Restores);
        assert_eq!(of("running", "deallocated"), Reversal::Restores);
        assert_eq!(of("stopped", "running"), Reversal::Restores);
        assert!(matches!(of("stopped", "deallocated"), Reversal::ForwardOnly(_)));
        assert!(matches!(of("unknown", "stopped"), Reversal::ForwardOnly(_)));
        assert!(note(&transition("running", "deallocated")).unwrap().contains("temporary disk is lost"));
        assert!(note(&transition("deallocated", "running")).unwrap().contains("zone 1"));
    }

    #[test]
    fn an_ephemeral_disk_does_not_outlast_its_host() {
        let code = |asked: &str| {
            let step = step(asked);
            let now = observed(&step, Facts { ephemeral_os_disk: true, ..facts("running", "succeeded") });
            step.target(&now, &run()).map_or_else(|refusal| refusal.code, |_| "go".to_owned())
        };
        assert_eq!((code("deallocated").as_str(), code("stopped").as_str()), ("machine.ephemeral_os_disk", "go"));
    }

    #[test]
    fn only_a_stop_is_a_fence() {
        let fences = |state: &str| step(state).touches(&run(), None).fences;
        assert_eq!([fences("stopped"), fences("deallocated"), fences("running")], [true, true, false]);
        let other = MachinePower {
            virtual_machine: MACHINE.replace("vm-a", "vm-a/extensions/x").parse().unwrap(),
            ..step("running")
        };
        let mut findings = Findings::default();
        other.check(&mut findings);
        let found: Vec<Code> = findings.as_slice().iter().map(|finding| finding.code).collect();
        assert_eq!(found, [codes::BAD_VALUE]);
    }
}
