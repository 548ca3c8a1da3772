//! Whether an instance runs, what it is on its way to, and why a start came to nothing. Pure.
//!
//! The reason that an instance gives stays with it until its next start: an old one says nothing of a start of ours.

use super::{InstanceState, PowerState};
use jiff::{SignedDuration, Timestamp};
use lifeboat_contract::{Observed, Phase, Refusal, Transition};
use serde::{Deserialize, Serialize};
use serde_json::json;

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
    Terminated,
}

/// What must be known besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The service's own word: `pending`, `running`, `stopping`, `stopped`, `shutting-down`, `terminated`.
    pub status: String,
    /// Why it is as it is, until its next start.
    pub reason: Option<Reason>,
    /// When it was started last.
    pub launched: Option<Timestamp>,
    /// Since when it is stopping, where it is and that is told.
    pub stopping_since: Option<Timestamp>,
    pub availability_zone: Option<String>,
    /// `ebs` or `instance-store`.
    pub root_device: Option<String>,
    /// `spot`, `scheduled` or `capacity-block`; nothing for an ordinary instance.
    pub lifecycle: Option<String>,
    /// The Auto Scaling group that it belongs to.
    pub autoscaling_group: Option<String>,
    /// A public address that is no Elastic IP, and that a stop gives up.
    pub passing_address: Option<String>,
    /// Whether the service refuses to stop it. Not known where that may not be read.
    pub stop_protection: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// `Server.InsufficientInstanceCapacity`, `Client.UserInitiatedShutdown`, …
    pub code: String,
    pub message: String,
}

/// Why an instance stops that somebody wanted to stop.
const WANTED: [&str; 3] =
    ["Client.UserInitiatedShutdown", "Client.InstanceInitiatedShutdown", "Client.UserInitiatedHibernate"];
/// A start that came to nothing longer ago than this was not ours.
const RECENT: SignedDuration = SignedDuration::from_mins(5);
/// A system that has not shut down after this long does not react: where force is allowed, it is used again.
const HANGS_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// How long after a start without capacity the next one is worth a try.
const CAPACITY_PAUSE: SignedDuration = SignedDuration::from_secs(45);

impl State {
    pub(crate) fn asked(step: &InstanceState) -> Self {
        let state = match step.state {
            PowerState::Running => Power::Running,
            PowerState::Stopped => Power::Stopped,
        };
        Self { state }
    }
}

impl Facts {
    /// The state that it is in or leaves, and the one that it is on its way to.
    fn power(&self) -> (Power, Option<Power>) {
        match self.status.as_str() {
            "running" => (Power::Running, None),
            "pending" => (Power::Stopped, Some(Power::Running)),
            "stopping" => (Power::Running, Some(Power::Stopped)),
            "shutting-down" => (Power::Running, Some(Power::Terminated)),
            "terminated" => (Power::Terminated, None),
            _ => (Power::Stopped, None),
        }
    }

    /// Why the last start came to nothing, where it did and is not long ago.
    fn fallen_back(&self, now: Timestamp) -> Option<&Reason> {
        let recent = self.launched.is_none_or(|launched| now.duration_since(launched) <= RECENT);
        let reason = self.reason.as_ref().filter(|reason| !WANTED.contains(&reason.code.as_str()))?;
        (self.status == "stopped" && recent && !reason.code.is_empty()).then_some(reason)
    }

    fn hangs(&self, now: Timestamp) -> bool {
        let since = self.stopping_since.filter(|_| self.status == "stopping");
        since.is_some_and(|since| now.duration_since(since) > HANGS_AFTER)
    }

    /// Why another start would come to nothing just now: there was no capacity a moment ago.
    pub(crate) fn out_of_capacity(&self, now: Timestamp) -> Option<&Reason> {
        let just_now = self.launched.is_some_and(|launched| now.duration_since(launched) < CAPACITY_PAUSE);
        self.fallen_back(now).filter(|reason| just_now && reason.is_capacity())
    }
}

impl Reason {
    fn is_capacity(&self) -> bool {
        self.code.contains("Insufficient") && self.code.contains("Capacity")
    }
}

/// Puts what was read together.
pub(crate) fn observed(step: &InstanceState, facts: Facts, now: Timestamp) -> Observed<State, Facts> {
    let (state, toward) = facts.power();
    let phase = match toward {
        // Not waited for any longer: the next drive forces it.
        Some(Power::Stopped) if step.force && facts.hangs(now) => Phase::Settled,
        Some(toward) => Phase::Moving { toward: Some(json!(State { state: toward })), status: facts.status.clone() },
        None => at_rest(step, &facts, now),
    };
    Observed { state: State { state }, facts, phase }
}

/// A start that came to nothing is a fault, unless only capacity was missing: then it is worth another try.
fn at_rest(step: &InstanceState, facts: &Facts, now: Timestamp) -> Phase {
    match facts.fallen_back(now) {
        Some(reason) if step.state == PowerState::Running && !reason.is_capacity() => Phase::Faulted {
            code: reason.code.clone(),
            message: format!("{} was started and stopped again: {}", step.instance, reason.message),
        },
        _ => Phase::Settled,
    }
}

/// Refuses what the service would refuse, or what could not be undone.
pub(crate) fn admit(step: &InstanceState, now: Power, facts: &Facts) -> Result<(), Refusal> {
    let id = &step.instance;
    if now == Power::Terminated || facts.status == "shutting-down" {
        return Err(Refusal::new("instance.terminated", format!("{id} is {}, and gone for good", facts.status))
            .with_hint("name the instance that took its place"));
    }
    if facts.lifecycle.as_deref() == Some("spot") {
        return Err(Refusal::new("instance.spot", format!("{id} is a spot instance"))
            .with_hint("the service starts and stops it as its request and the spot market have it; use another one"));
    }
    if facts.root_device.as_deref() == Some("instance-store") {
        return Err(Refusal::new(
            "instance.instance_store_root",
            format!("{id} has its root on an instance store, and cannot be stopped without being lost"),
        )
        .with_hint("cut it off with `aws.ec2.security_group_fence` instead"));
    }
    if let (PowerState::Stopped, Some(group)) = (step.state, &facts.autoscaling_group) {
        return Err(Refusal::new(
            "instance.autoscaled",
            format!("{id} belongs to the Auto Scaling group {group}, which terminates a member that does not run"),
        )
        .with_hint("take it out of the group first, or change the group's size with `aws.autoscaling.group`"));
    }
    if step.state == PowerState::Stopped && facts.stop_protection == Some(true) {
        return Err(Refusal::new("instance.stop_protection", format!("{id} is protected from being stopped"))
            .with_hint("switch its attribute disableApiStop off, or fence it with `aws.ec2.security_group_fence`"));
    }
    Ok(())
}

/// What the operator must know of this start or stop.
pub(crate) fn note(transition: &Transition<State, Facts>) -> Option<String> {
    let facts = &transition.now.facts;
    let mut notes = Vec::new();
    match transition.to.state {
        Power::Stopped => {
            notes.push("what is in memory or on instance-store volumes is lost; private addresses stay".to_owned());
            let address = facts.passing_address.as_ref();
            notes.extend(address.map(|address| format!("its public address {address} is given up")));
        }
        Power::Running => {
            let zone = facts.availability_zone.as_deref().unwrap_or("its zone");
            notes.push(format!("starting needs capacity in {zone}, which only a reservation guarantees"));
            if facts.stop_protection == Some(true) {
                notes
                    .push("it is protected from being stopped: going back will be refused while that is on".to_owned());
            }
        }
        Power::Terminated => {}
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use lifeboat_contract::{Change as _, Direction, Mode, RunContext, SiteId};
    use serde_json::Value;
    use std::collections::BTreeSet;

    pub(crate) fn step(state: &str) -> InstanceState {
        serde_json::from_value(json!({"instance": "i-1", "state": state})).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn facts(status: &str, reason: Option<&str>) -> Facts {
        let reason = reason.map(|code| Reason { code: code.to_owned(), message: format!("{code}: so it was") });
        Facts {
            status: status.to_owned(),
            reason,
            launched: Some(at(1000)),
            stopping_since: None,
            availability_zone: Some("us-east-1a".to_owned()),
            root_device: Some("ebs".to_owned()),
            lifecycle: None,
            autoscaling_group: None,
            passing_address: None,
            stop_protection: Some(false),
        }
    }

    fn phase(asked: &str, facts: Facts, now: i64) -> Phase {
        observed(&step(asked), facts, at(now)).phase
    }

    #[test]
    fn a_move_says_where_it_leads() {
        let toward = |status| match observed(&step("stopped"), facts(status, None), at(1001)) {
            Observed { state, phase: Phase::Moving { toward: Some(toward), .. }, .. } => (json!(state), toward),
            other => panic!("{other:?}"),
        };
        let state = |word: &str| -> Value { json!({"state": word}) };
        assert_eq!(toward("pending"), (state("stopped"), state("running")));
        assert_eq!(toward("stopping"), (state("running"), state("stopped")));
        assert_eq!(toward("shutting-down"), (state("running"), state("terminated")));
    }

    #[test]
    fn a_stop_that_hangs_is_driven_again_where_force_is_allowed() {
        let hanging = || Facts { stopping_since: Some(at(1000)), ..facts("stopping", None) };
        let forced = InstanceState { force: true, ..step("stopped") };
        let seen = |step: &InstanceState, now: i64| observed(step, hanging(), at(now));
        assert!(matches!(seen(&forced, 1100).phase, Phase::Moving { .. }), "it has its time");
        assert_eq!((seen(&forced, 1121).phase, seen(&forced, 1121).state.state), (Phase::Settled, Power::Running));
        assert!(matches!(seen(&step("stopped"), 9000).phase, Phase::Moving { .. }));
    }

    #[test]
    fn a_start_that_falls_back_is_a_fault_and_one_without_capacity_is_tried_again() {
        let broken = || facts("stopped", Some("Client.InternalError"));
        assert!(
            matches!(phase("running", broken(), 1030), Phase::Faulted { code, .. } if code == "Client.InternalError")
        );
        assert_eq!(phase("running", broken(), 2000), Phase::Settled, "an old failure is not ours");
        assert_eq!(phase("stopped", broken(), 1030), Phase::Settled, "stopped is what was asked for");
        assert_eq!(phase("running", facts("stopped", Some("Client.UserInitiatedShutdown")), 1030), Phase::Settled);
        let scarce = facts("stopped", Some("Server.InsufficientInstanceCapacity"));
        assert!(scarce.out_of_capacity(at(1030)).is_some());
        assert_eq!(scarce.out_of_capacity(at(1060)), None, "then it is worth a try");
        assert_eq!(phase("running", scarce, 1030), Phase::Settled);
    }

    #[test]
    fn what_cannot_be_stopped_or_started_is_refused() {
        let run = RunContext {
            mode: Mode::Failover,
            accepted_loss: None,
            rpo: None,
            impaired: BTreeSet::new(),
            to: SiteId::from("b"),
            from: SiteId::from("a"),
            place: None,
        };
        let code = |asked: &str, change: fn(&mut Facts)| {
            let (step, mut facts) = (step(asked), facts(if asked == "stopped" { "running" } else { "stopped" }, None));
            change(&mut facts);
            step.target(&observed(&step, facts, at(1001)), &run)
                .map_or_else(|refusal| refusal.code, |_| "go".to_owned())
        };
        assert_eq!(code("stopped", |_| ()), "go");
        assert_eq!(code("stopped", |facts| facts.stop_protection = Some(true)), "instance.stop_protection");
        assert_eq!(code("running", |facts| facts.stop_protection = Some(true)), "go");
        assert_eq!(
            code("stopped", |facts| facts.root_device = Some("instance-store".into())),
            "instance.instance_store_root"
        );
        assert_eq!(code("stopped", |facts| facts.lifecycle = Some("spot".into())), "instance.spot");
        assert_eq!(code("stopped", |facts| facts.autoscaling_group = Some("web".into())), "instance.autoscaled");
        assert_eq!(code("running", |facts| facts.status = "terminated".into()), "instance.terminated");
        let protected_and_stopped = |facts: &mut Facts| {
            facts.stop_protection = Some(true);
            facts.status = "stopped".into();
        };
        assert_eq!(code("stopped", protected_and_stopped), "go", "a fixed point");
    }

    #[test]
    fn a_stop_says_what_it_gives_up() {
        let (step, address) = (step("stopped"), Some("203.0.113.7".to_owned()));
        let now = observed(&step, Facts { passing_address: address, ..facts("running", None) }, at(1001));
        let to = State { state: Power::Stopped };
        let transition = Transition { now, to, direction: Direction::Forward, mode: Mode::Failover, data_loss: None };
        assert!(step.note(&transition).unwrap().contains("203.0.113.7"));
    }
}
