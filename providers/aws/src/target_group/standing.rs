//! Where the named targets stand: registered or not, and how well. Pure.
//!
//! Health is no part of the state: it cannot be driven, only waited for.

use super::{Target, TargetGroup};
use lifeboat_contract::{Observed, Phase, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A cell for each named target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(pub BTreeMap<String, Membership>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    Registered,
    /// Never registered, deregistered, or draining.
    Absent,
}

/// What must be known besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The group's own port.
    pub port: Option<u16>,
    /// The load balancers that use the group.
    pub load_balancers: Vec<String>,
    /// Every target that the group knows, the ones that are not named included.
    pub targets: Vec<TargetFacts>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetFacts {
    pub id: String,
    pub port: Option<u16>,
    pub availability_zone: Option<String>,
    /// `initial`, `healthy`, `unhealthy`, `unused`, `draining`, `unhealthy.draining`, `unavailable`, or a word of tomorrow.
    pub state: String,
    /// `Elb.RegistrationInProgress`, `Target.NotInUse`, …
    pub reason: Option<String>,
}

/// Reasons that no waiting mends.
const HOPELESS: [(&str, &str); 3] = [
    ("Target.NotInUse", "no load balancer uses the group, or not in this target's availability zone"),
    ("Target.InvalidState", "the instance is stopped, terminated or otherwise not running"),
    ("Target.IpUnusable", "the IP address belongs to a load balancer"),
];

impl State {
    pub(crate) fn asked(step: &TargetGroup) -> Self {
        let membership = if step.registered { Membership::Registered } else { Membership::Absent };
        Self(step.targets.iter().map(|target| (target.cell(), membership)).collect())
    }

    fn seen(step: &TargetGroup, facts: &Facts) -> Self {
        let membership = |target: &Target| facts.of(target).map_or(Membership::Absent, TargetFacts::membership);
        Self(step.targets.iter().map(|target| (target.cell(), membership(target))).collect())
    }
}

impl Facts {
    /// What is known of a named target. Without a port, the group's own is meant.
    fn of(&self, target: &Target) -> Option<&TargetFacts> {
        let port = target.port.or(self.port);
        let same = |known: &&TargetFacts| known.id == target.id && (known.port == port || known.port.is_none());
        self.targets.iter().find(same)
    }
}

impl TargetFacts {
    fn membership(&self) -> Membership {
        let gone = self.is_draining() || self.reason.as_deref() == Some("Target.NotRegistered");
        if gone { Membership::Absent } else { Membership::Registered }
    }

    fn is_draining(&self) -> bool {
        self.state == "draining" || self.state == "unhealthy.draining"
    }

    /// Whether it takes traffic, as far as that can be known.
    fn serves(&self) -> bool {
        self.state == "healthy" || self.reason.as_deref() == Some("Target.HealthCheckDisabled")
    }

    fn status(&self, cell: &str) -> String {
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{cell} {}{reason}", self.state)
    }
}

/// Puts what was read together.
pub(crate) fn observed(step: &TargetGroup, facts: Facts) -> Observed<State, Facts> {
    let state = State::seen(step, &facts);
    let phase = phase(step, &state, &facts);
    Observed { state, facts, phase }
}

/// Health matters once everything is as asked for, and not before: an unwell target must not keep the others from being
/// registered, nor a draining one from being registered again.
fn phase(step: &TargetGroup, state: &State, facts: &Facts) -> Phase {
    if *state != State::asked(step) {
        return Phase::Settled;
    }
    let known = step.targets.iter().filter_map(|target| Some((target.cell(), facts.of(target)?)));
    let unsettled: Vec<_> =
        known.filter(|(_, target)| if step.registered { !target.serves() } else { target.is_draining() }).collect();
    for (cell, target) in &unsettled {
        let hopeless = HOPELESS.iter().find(|(reason, _)| target.reason.as_deref() == Some(*reason));
        if let Some((reason, why)) = hopeless {
            return Phase::Faulted {
                code: (*reason).to_owned(),
                message: format!("{cell} can never become healthy: {why}"),
            };
        }
    }
    match unsettled.first() {
        None => Phase::Settled,
        Some((cell, target)) => {
            let toward: Value = serde_json::to_value(state).expect("a map of words is JSON");
            Phase::Moving { toward: Some(toward), status: target.status(cell) }
        }
    }
}

/// Refuses what could not work, or could not be undone.
pub(crate) fn admit(step: &TargetGroup, facts: &Facts) -> Result<(), Refusal> {
    if step.registered && facts.load_balancers.is_empty() {
        return Err(Refusal::new("target_group.not_in_use", format!("no load balancer uses {}", step.arn))
            .with_hint("attach it to a listener first: its targets can never become healthy (Target.NotInUse)"));
    }
    let all_zones = |target: &&Target| {
        let known = facts.of(target).and_then(|known| known.availability_zone.as_deref());
        known == Some("all") && target.availability_zone.is_none()
    };
    match step.targets.iter().find(all_zones) {
        Some(target) if !step.registered => Err(Refusal::new(
            "target.availability_zone",
            format!(
                "{} is registered for all availability zones, and could not be registered again without saying so",
                target.id
            ),
        )
        .with_hint("write `availability_zone: all`")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_contract::{Change as _, Mode, RunContext, SiteId};
    use serde_json::json;
    use std::collections::BTreeSet;

    fn step(registered: bool) -> TargetGroup {
        serde_json::from_value(json!({
            "arn": "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web/1",
            "targets": [{"id": "i-1"}, {"id": "i-2", "port": 8080}],
            "registered": registered,
        }))
        .unwrap()
    }

    fn known(id: &str, port: u16, state: &str, reason: Option<&str>) -> TargetFacts {
        TargetFacts {
            id: id.to_owned(),
            port: Some(port),
            availability_zone: None,
            state: state.to_owned(),
            reason: reason.map(str::to_owned),
        }
    }

    fn facts(targets: Vec<TargetFacts>) -> Facts {
        Facts { port: Some(80), load_balancers: vec!["alb".to_owned()], targets }
    }

    fn phase_of(registered: bool, targets: Vec<TargetFacts>) -> String {
        match observed(&step(registered), facts(targets)).phase {
            Phase::Settled => "settled".to_owned(),
            Phase::Moving { status, .. } => status,
            Phase::Faulted { code, .. } => code,
        }
    }

    #[test]
    fn a_target_is_told_by_its_port() {
        let state =
            observed(&step(true), facts(vec![known("i-1", 80, "healthy", None), known("i-2", 80, "healthy", None)]))
                .state;
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!(json, json!({"i-1": "registered", "i-2:8080": "absent"}));
        assert_eq!(serde_json::from_value::<State>(json).unwrap(), state);
    }

    #[test]
    fn registered_is_done_when_every_named_target_is_healthy() {
        let second = || known("i-2", 8080, "healthy", None);
        let first = |state, reason| vec![known("i-1", 80, state, reason), second()];
        assert_eq!(phase_of(true, first("healthy", None)), "settled");
        let starting = first("initial", Some("Elb.RegistrationInProgress"));
        assert_eq!(phase_of(true, starting), "i-1 initial: Elb.RegistrationInProgress");
        assert_eq!(phase_of(true, first("unhealthy", Some("Target.Timeout"))), "i-1 unhealthy: Target.Timeout");
        assert_eq!(phase_of(true, first("unused", Some("Target.NotInUse"))), "Target.NotInUse");
        assert_eq!(phase_of(true, first("unused", Some("Target.InvalidState"))), "Target.InvalidState");
        let mut with_another = first("healthy", None);
        with_another.push(known("i-9", 80, "unhealthy", Some("Target.Timeout")));
        assert_eq!(phase_of(true, with_another), "settled", "a target that is not named does not block");
    }

    #[test]
    fn half_of_it_is_driven_on_and_not_waited_for() {
        assert_eq!(phase_of(true, vec![known("i-1", 80, "unhealthy", Some("Target.Timeout"))]), "settled");
        let draining = vec![known("i-1", 80, "draining", None), known("i-2", 8080, "healthy", None)];
        assert_eq!(phase_of(true, draining), "settled", "a draining target can be registered again at once");
    }

    #[test]
    fn deregistered_is_done_when_every_one_has_drained() {
        let draining = || known("i-1", 80, "draining", Some("Target.DeregistrationInProgress"));
        assert_eq!(phase_of(false, vec![draining()]), "i-1 draining: Target.DeregistrationInProgress");
        assert_eq!(phase_of(false, vec![]), "settled");
        let unwell = vec![known("i-1", 80, "unhealthy", None), known("i-2", 8080, "healthy", None)];
        assert_eq!(phase_of(false, unwell), "settled", "health does not matter to one that is to leave");
    }

    #[test]
    fn what_can_never_work_or_never_be_undone_is_refused() {
        let run = RunContext {
            mode: Mode::Switchover,
            accepted_loss: None,
            rpo: None,
            impaired: BTreeSet::new(),
            to: SiteId::from("b"),
            from: SiteId::from("a"),
            place: None,
        };
        let code = |step: &TargetGroup, facts: Facts| {
            step.target(&observed(step, facts), &run).map_or_else(|refusal| refusal.code, |_| "go".to_owned())
        };
        assert_eq!(code(&step(true), facts(vec![])), "go");
        let unused = || Facts { load_balancers: Vec::new(), ..facts(vec![]) };
        assert_eq!(code(&step(true), unused()), "target_group.not_in_use");
        assert_eq!(code(&step(false), unused()), "go", "a fixed point");
        let everywhere = TargetFacts { availability_zone: Some("all".to_owned()), ..known("i-1", 80, "healthy", None) };
        assert_eq!(code(&step(false), facts(vec![everywhere])), "target.availability_zone");
    }
}
