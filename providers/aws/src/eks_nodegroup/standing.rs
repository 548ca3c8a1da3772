//! Whether a node group has the nodes that it should, and what its health says. Pure.
//!
//! A node group that was unwell before this step came is no fault of it, until it is as asked for and still unwell.

use crate::{
    autoscaling_group::waiting,
    launch_failure::{self, LaunchFailure},
    sizes::{Asked, Sizes},
};
use lifeboat_contract::{Observed, Phase, Refusal, Transition};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What must be known besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// `ACTIVE`, `UPDATING`, `DEGRADED`, `CREATING`, `DELETING`, …
    pub status: String,
    pub issues: Vec<Issue>,
    /// The Auto Scaling groups behind it.
    pub groups: Vec<String>,
    /// The instances of those that are in service and healthy, where that may be read.
    pub in_service: Option<u32>,
}

/// Something that is wrong with a node group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// `AsgInstanceLaunchFailures`, `InsufficientFreeAddresses`, `InstanceLimitExceeded`, …
    pub code: String,
    pub message: String,
}

impl Issue {
    /// Whether only capacity is missing. The group behind it goes on trying.
    fn is_capacity(&self) -> bool {
        self.code == "AsgInstanceLaunchFailures" && launch_failure::judge(&self.message).capacity
    }

    fn failure(&self) -> LaunchFailure {
        LaunchFailure { code: self.code.clone(), ..launch_failure::judge(&self.message) }
    }
}

impl Facts {
    /// What is wrong and will not mend by itself.
    fn ailment(&self) -> Option<Issue> {
        let unknown = || Issue { code: self.status.clone(), message: "the node group tells no reason".to_owned() };
        match self.issues.iter().find(|issue| !issue.is_capacity()) {
            _ if self.status != "DEGRADED" => None,
            Some(issue) => Some(issue.clone()),
            None => self.issues.is_empty().then(unknown),
        }
    }
}

/// Puts what was read together.
pub(crate) fn observed(asked: Asked, state: Sizes, facts: Facts) -> Observed<Sizes, Facts> {
    let phase = phase(asked, state, &facts);
    Observed { state, facts, phase }
}

fn phase(asked: Asked, state: Sizes, facts: &Facts) -> Phase {
    // No other change is accepted meanwhile, whoever began this one.
    if ["UPDATING", "CREATING"].contains(&facts.status.as_str()) {
        return Phase::Moving { toward: None, status: facts.status.clone() };
    }
    if !asked.reached(state) {
        return Phase::Settled;
    }
    if let Some(issue) = facts.ailment() {
        return Phase::Faulted { code: issue.code, message: issue.message };
    }
    let scarce = facts.issues.iter().find(|issue| issue.is_capacity() && facts.status == "DEGRADED");
    match (facts.in_service, scarce) {
        (None, None) => Phase::Settled,
        // An issue outlives its cause for a while.
        (Some(in_service), _) if in_service == state.desired => Phase::Settled,
        (Some(in_service), scarce) => waiting(state, in_service, scarce.map(Issue::failure).as_ref()),
        (None, Some(Issue { code, message })) => {
            Phase::Moving { toward: Some(json!(state)), status: format!("{}; {code}: {message}", facts.status) }
        }
    }
}

/// Refuses what the service would refuse, and to grow what cannot grow.
pub(crate) fn admit(name: &str, now: Sizes, target: Sizes, facts: &Facts) -> Result<(), Refusal> {
    if !["ACTIVE", "UPDATING", "DEGRADED", "CREATING"].contains(&facts.status.as_str()) {
        return Err(Refusal::new("nodegroup.status", format!("the node group {name} is {}", facts.status)));
    }
    match facts.ailment() {
        Some(issue) if target.desired > now.desired => Err(Refusal::new(
            "nodegroup.degraded",
            format!("the node group {name} is degraded and would not grow: {}: {}", issue.code, issue.message),
        )
        .with_hint("mend that first; the service looks at it again by itself")),
        _ => Ok(()),
    }
}

pub(crate) fn note(transition: &Transition<Sizes, Facts>) -> Option<String> {
    let (now, to) = (transition.now.state, transition.to);
    if to.desired == now.desired {
        return None;
    }
    let way = if to.desired < now.desired {
        "nodes are drained and terminated, and going back launches others"
    } else {
        "only a capacity reservation guarantees the launches; going back terminates nodes"
    };
    Some(format!("{way}; a Cluster Autoscaler may change the desired size again at once"))
}

#[cfg(test)]
mod tests {
    use super::super::Nodegroup;
    use super::*;
    use lifeboat_contract::{Change as _, Mode, RunContext, SiteId};
    use std::collections::BTreeSet;

    fn step(desired: u32) -> Nodegroup {
        let with = json!({"cluster": "c", "nodegroup": "n", "minimum": 1, "maximum": 9, "desired": desired});
        serde_json::from_value(with).unwrap()
    }

    fn seen(asked: u32, now: u32, facts: Facts) -> Observed<Sizes, Facts> {
        observed(step(asked).asked(), Sizes { minimum: 1, maximum: 9, desired: now }, facts)
    }

    fn facts(status: &str, issues: &[(&str, &str)], in_service: Option<u32>) -> Facts {
        let issue = |(code, message): &(&str, &str)| Issue { code: (*code).to_owned(), message: (*message).to_owned() };
        let issues = issues.iter().map(issue).collect();
        Facts { status: status.to_owned(), issues, groups: Vec::new(), in_service }
    }

    fn status(asked: u32, now: u32, facts: Facts) -> String {
        match seen(asked, now, facts).phase {
            Phase::Settled => "settled".to_owned(),
            Phase::Moving { status, .. } => status,
            Phase::Faulted { code, .. } => format!("faulted: {code}"),
        }
    }

    const SCARCE: (&str, &str) =
        ("AsgInstanceLaunchFailures", "Could not launch On-Demand Instances. InsufficientInstanceCapacity - none left");

    #[test]
    fn active_is_not_enough_where_the_instances_can_be_counted() {
        assert_eq!(status(5, 1, facts("ACTIVE", &[], Some(1))), "settled", "not as asked for yet: to be driven");
        assert_eq!(status(5, 5, facts("UPDATING", &[], Some(5))), "UPDATING");
        assert_eq!(status(5, 5, facts("ACTIVE", &[], Some(3))), "3 of 5 in service");
        assert_eq!(status(5, 5, facts("ACTIVE", &[], Some(5))), "settled");
        assert_eq!(status(5, 5, facts("ACTIVE", &[], None)), "settled");
    }

    #[test]
    fn capacity_is_waited_for_and_any_other_issue_is_a_fault() {
        let waits = status(5, 5, facts("DEGRADED", &[SCARCE], None));
        assert!(waits.starts_with("DEGRADED; AsgInstanceLaunchFailures: Could not"), "{waits}");
        assert!(status(5, 5, facts("DEGRADED", &[SCARCE], Some(3))).starts_with("3 of 5 in service; Asg"));
        assert_eq!(status(5, 5, facts("DEGRADED", &[SCARCE], Some(5))), "settled", "an issue outlives its cause");
        let addresses = ("InsufficientFreeAddresses", "subnet-1 has none");
        assert_eq!(status(5, 5, facts("DEGRADED", &[SCARCE, addresses], None)), "faulted: InsufficientFreeAddresses");
        let quota = ("AsgInstanceLaunchFailures", "Could not launch. VcpuLimitExceeded - too many");
        assert_eq!(status(5, 5, facts("DEGRADED", &[quota], None)), "faulted: AsgInstanceLaunchFailures");
        assert_eq!(status(5, 5, facts("DEGRADED", &[], None)), "faulted: DEGRADED");
        assert_eq!(status(5, 1, facts("DEGRADED", &[addresses], None)), "settled", "it was so before we came");
    }

    #[test]
    fn what_would_not_grow_is_refused() {
        let run = RunContext {
            mode: Mode::Failover,
            accepted_loss: None,
            rpo: None,
            impaired: BTreeSet::new(),
            to: SiteId::from("b"),
            from: SiteId::from("a"),
            place: None,
        };
        let code = |asked: u32, now: u32, facts: Facts| {
            let target = step(asked).target(&seen(asked, now, facts), &run);
            target.map_or_else(|refusal| refusal.code, |_| "go".to_owned())
        };
        let sick = || facts("DEGRADED", &[("InstanceLimitExceeded", "quota")], None);
        assert_eq!(code(5, 1, sick()), "nodegroup.degraded");
        assert_eq!(code(1, 5, sick()), "go", "shrinking works all the same");
        assert_eq!(code(5, 1, facts("DEGRADED", &[SCARCE], None)), "go");
        assert_eq!(code(5, 1, facts("DELETING", &[], None)), "nodegroup.status");
        assert_eq!(code(5, 5, facts("DELETING", &[], None)), "go", "a fixed point");
    }
}
