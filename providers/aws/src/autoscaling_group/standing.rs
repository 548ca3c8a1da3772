//! Whether an Auto Scaling group has the instances that it should, and why not. Pure.
//!
//! The numbers are the state; the instances behind them cannot be driven, only waited for.

use crate::{
    launch_failure::LaunchFailure,
    sizes::{Asked, Sizes},
};
use lifeboat_contract::{Observed, Phase, Refusal, Transition};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What must be known besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub group: GroupFacts,
    /// Read only while instances are missing.
    pub failure: Option<LaunchFailure>,
}

/// A group, but for its sizes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFacts {
    /// `Delete in progress`; nothing otherwise.
    pub status: Option<String>,
    /// The capacity of the instances that are in service and healthy: their number, unless they have weights.
    pub in_service: u32,
    /// Whether instances count by weights.
    pub weighted: bool,
    /// How many instances there are of each lifecycle state: `InService`, `Pending`, `Terminating`, …
    pub lifecycle: BTreeMap<String, u32>,
    /// `units`, `vcpu` or `memory-mib`, where it is told.
    pub capacity_type: Option<String>,
    /// `Launch`, `Terminate`, `AddToLoadBalancer`, …
    pub suspended: BTreeSet<String>,
    /// Whether its instances are to serve behind a load balancer.
    pub serves: bool,
}

impl GroupFacts {
    /// Whether as much is in service as is desired. Weighted instances seldom add up exactly.
    pub(crate) fn fits(&self, desired: u32) -> bool {
        if self.weighted { self.in_service >= desired } else { self.in_service == desired }
    }
}

/// Puts what was read together.
pub(crate) fn observed(asked: Asked, state: Sizes, facts: Facts) -> Observed<Sizes, Facts> {
    let phase = phase(asked, state, &facts);
    Observed { state, facts, phase }
}

/// The instances matter once the numbers are as asked for, and not before: they must not keep the numbers from being set.
fn phase(asked: Asked, state: Sizes, facts: &Facts) -> Phase {
    if !asked.reached(state) || facts.group.fits(state.desired) {
        return Phase::Settled;
    }
    match &facts.failure {
        Some(failure) if !failure.capacity && failure.fresh && facts.group.in_service < state.desired => {
            Phase::Faulted { code: failure.code.clone(), message: failure.message.clone() }
        }
        failure => waiting(state, facts.group.in_service, failure.as_ref()),
    }
}

/// Still waiting for instances; says for what, and what keeps them.
pub(crate) fn waiting(state: Sizes, in_service: u32, failure: Option<&LaunchFailure>) -> Phase {
    let kept = failure.filter(|_| in_service < state.desired);
    let kept = kept.map(|failure| format!("; {}: {}", failure.code, failure.message)).unwrap_or_default();
    let status = format!("{in_service} of {} in service{kept}", state.desired);
    Phase::Moving { toward: Some(json!(state)), status }
}

/// Refuses what the group would not do by itself.
pub(crate) fn admit(name: &str, now: Sizes, target: Sizes, group: &GroupFacts) -> Result<(), Refusal> {
    if let Some(status) = &group.status {
        return Err(Refusal::new("group.being_deleted", format!("the group {name} is being deleted: {status}")));
    }
    if let Some(unit) = group.capacity_type.as_deref().filter(|unit| *unit != "units") {
        return Err(Refusal::new(
            "group.capacity_type",
            format!("the capacity of {name} is counted in {unit}, and instances in service would not add up to it"),
        )
        .with_hint("use a group whose capacity is counted in instances"));
    }
    let (grows, shrinks) = (target.desired > now.desired, target.desired < now.desired);
    let processes = [("Launch", grows), ("AddToLoadBalancer", grows && group.serves), ("Terminate", shrinks)];
    let suspended = |(process, needed): &&(&str, bool)| *needed && group.suspended.contains(*process);
    match processes.iter().find(suspended) {
        Some((process, _)) => Err(Refusal::new(
            "group.process_suspended",
            format!("the process {process} of {name} is suspended, and the new size would stay a number"),
        )
        .with_hint(format!("resume {process} first, or find out why somebody suspended it"))),
        None => Ok(()),
    }
}

pub(crate) fn note(transition: &Transition<Sizes, Facts>) -> Option<String> {
    let (now, to) = (transition.now.state.desired, transition.to.desired);
    match to.cmp(&now) {
        std::cmp::Ordering::Less => {
            let count = now - to;
            Some(format!("capacity {count} less: the group terminates instances, and going back launches others"))
        }
        std::cmp::Ordering::Greater => {
            Some("only a capacity reservation guarantees the launches; going back terminates instances".to_owned())
        }
        std::cmp::Ordering::Equal => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::AutoScalingGroup;
    use super::*;
    use crate::launch_failure::judge;
    use lifeboat_contract::{Change as _, Mode, RunContext, SiteId};

    fn step(desired: u32) -> AutoScalingGroup {
        serde_json::from_value(json!({"group": "web", "minimum": 1, "maximum": 9, "desired": desired})).unwrap()
    }

    fn sizes(desired: u32) -> Sizes {
        Sizes { minimum: 1, maximum: 9, desired }
    }

    fn seen(asked: u32, now: u32, in_service: u32, failure: Option<LaunchFailure>) -> Observed<Sizes, Facts> {
        let group = GroupFacts { in_service, serves: true, ..GroupFacts::default() };
        observed(step(asked).asked(), sizes(now), Facts { group, failure })
    }

    fn status(seen: Observed<Sizes, Facts>) -> String {
        match seen.phase {
            Phase::Settled => "settled".to_owned(),
            Phase::Moving { status, .. } => status,
            Phase::Faulted { code, .. } => format!("faulted: {code}"),
        }
    }

    #[test]
    fn the_numbers_are_set_at_once_and_the_instances_waited_for() {
        assert_eq!(status(seen(5, 1, 0, None)), "settled", "not as asked for yet: to be driven");
        assert_eq!(status(seen(5, 5, 3, None)), "3 of 5 in service");
        assert_eq!(status(seen(5, 5, 5, None)), "settled");
        assert_eq!(status(seen(1, 1, 3, None)), "3 of 1 in service", "shrinking takes its time too");
    }

    #[test]
    fn weights_need_not_add_up() {
        let group = GroupFacts { in_service: 6, weighted: true, ..GroupFacts::default() };
        assert!(group.fits(5) && !group.fits(7));
    }

    #[test]
    fn capacity_is_waited_for_and_anything_else_is_a_fault() {
        let scarce = judge("We currently do not have sufficient m5.large capacity");
        assert!(status(seen(5, 5, 3, Some(scarce))).starts_with("3 of 5 in service; InsufficientInstanceCapacity: We"));
        let quota = judge("Could not launch. VcpuLimitExceeded - too many");
        assert_eq!(status(seen(5, 5, 3, Some(quota.clone()))), "faulted: VcpuLimitExceeded");
        let old = LaunchFailure { fresh: false, ..quota };
        assert_eq!(
            status(seen(5, 5, 3, Some(old))),
            "3 of 5 in service; VcpuLimitExceeded: Could not launch. VcpuLimitExceeded - too many"
        );
    }

    #[test]
    fn a_suspended_process_is_refused_where_it_is_needed() {
        let run = RunContext {
            mode: Mode::Failover,
            accepted_loss: None,
            rpo: None,
            impaired: BTreeSet::new(),
            to: SiteId::from("b"),
            from: SiteId::from("a"),
            place: None,
        };
        let code = |asked: u32, now: u32, process: &str| {
            let mut seen = seen(asked, now, now, None);
            seen.facts.group.suspended.insert(process.to_owned());
            step(asked).target(&seen, &run).map_or_else(|refusal| refusal.code, |_| "go".to_owned())
        };
        assert_eq!(code(5, 1, "Launch"), "group.process_suspended");
        assert_eq!(code(5, 1, "AddToLoadBalancer"), "group.process_suspended");
        assert_eq!(code(5, 1, "AZRebalance"), "go");
        assert_eq!(code(1, 5, "Launch"), "go");
        assert_eq!(code(1, 5, "Terminate"), "group.process_suspended");
        assert_eq!(code(5, 5, "Launch"), "go", "a fixed point");
    }
}
