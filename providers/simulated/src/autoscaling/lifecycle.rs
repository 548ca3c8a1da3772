//! What becomes of a group's instances: pending ones come into service, lost ones are replaced, drained ones are terminated.
//!
//! Does not decide how many there are: see `scaling`.

use super::{
    AutoScaling, Failure, Group,
    activities::{Subject, health_cause},
    state::{ActivityStatus, Phase},
};
use crate::{
    ec2::{Ec2, InstanceState},
    elbv2::Elb,
    pace::Pace,
};
use jiff::Timestamp;
use lifeboat_contract::clock::after;

/// What a region's groups stand on, at one moment.
#[derive(Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) ec2: &'a mut Ec2,
    pub(crate) elb: &'a mut Elb,
    pub(crate) now: Timestamp,
    /// What faults do to the transitions that begin now.
    pub(crate) pace: Pace,
}

impl AutoScaling {
    /// When something of a group's own is due: a draining ends, or a launch is tried again. Instances are EC2's own events.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        let draining = self.groups.values().flat_map(|group| group.members.values()).filter_map(|m| match m.phase {
            Phase::Draining { until } => Some(until),
            _ => None,
        });
        draining.chain(self.groups.values().filter_map(|group| group.retry_at)).min()
    }

    /// Lets every group take note of its instances, and launch and terminate until it has as many as desired.
    ///
    /// EC2 must have completed what is due. The load balancers must be advanced after it.
    pub(crate) fn advance(&mut self, ground: &mut Ground<'_>) {
        loop {
            // The log is written while a group changes.
            let mut groups = std::mem::take(&mut self.groups);
            for group in groups.values_mut() {
                group.take_note(self, ground);
                group.scale(self, ground);
            }
            self.groups = groups;
            // A launch that takes no time is over at once.
            if ground.ec2.next_event().is_none_or(|next| next > ground.now) {
                return;
            }
            ground.ec2.advance(ground.now);
        }
    }
}

impl Group {
    fn take_note(&mut self, log: &mut AutoScaling, ground: &mut Ground<'_>) {
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let Some(phase) = self.members.get(&id).map(|member| member.phase) else { continue };
            let state = ground.ec2.instances.get(&id).map_or(InstanceState::Terminated, |instance| instance.state);
            match (phase, state) {
                (Phase::Pending, InstanceState::Running) => self.come_into_service(&id, log, ground),
                (Phase::Pending, InstanceState::ShuttingDown | InstanceState::Terminated) => {
                    self.give_up(&id, log, ground);
                }
                (Phase::InService, InstanceState::Pending | InstanceState::Running)
                | (Phase::Pending, InstanceState::Pending) => {}
                (Phase::InService | Phase::Pending, _) => self.lose(&id, log, ground),
                (Phase::Draining { until }, _) if until <= ground.now => self.terminate(&id, log, ground),
                (Phase::Terminating, InstanceState::Terminated) => self.forget(&id, log, ground.now),
                (Phase::Draining { .. } | Phase::Terminating, _) => {}
            }
        }
    }

    fn come_into_service(&mut self, id: &str, log: &mut AutoScaling, ground: &mut Ground<'_>) {
        if self.runs("AddToLoadBalancer") {
            for group in &self.target_groups {
                ground.elb.enroll(group, id, ground.now);
            }
        }
        self.failure = None;
        let Some(member) = self.members.get_mut(id) else { return };
        member.phase = Phase::InService;
        log.end(member.activity.take().as_ref(), ActivityStatus::Successful, ground.now);
    }

    /// A launch that was accepted came to nothing.
    fn give_up(&mut self, id: &str, log: &mut AutoScaling, ground: &Ground<'_>) {
        let Some(member) = self.members.remove(id) else { return };
        let reason = ground.ec2.instances.get(id).and_then(|instance| instance.state_reason.clone());
        let (code, message) = reason.unwrap_or_else(|| {
            let code = "Client.UserInitiatedShutdown".to_owned();
            (code.clone(), format!("{code}: User initiated shutdown"))
        });
        let message = format!("Instance failed to complete its launch: {message}");
        log.fail(member.activity.as_ref(), &message, ground.now);
        log.left.push(id.to_owned());
        self.give_back(&member.zone);
        self.failure = Some(Failure { code: code.trim_start_matches("Server.").to_owned(), message });
        self.retry_at = Some(after(ground.now, self.retry.get()));
    }

    /// An instance does not run any more: another takes its place, unless that is suspended.
    fn lose(&mut self, id: &str, log: &mut AutoScaling, ground: &mut Ground<'_>) {
        if !self.runs("HealthCheck") {
            return;
        }
        if let Some(member) = self.members.get_mut(id) {
            member.healthy = false;
        }
        if self.runs("ReplaceUnhealthy") && self.runs("Terminate") {
            let cause = health_cause(ground.now);
            self.take_out(id, cause, log, ground);
        }
    }

    /// Takes an instance out of service: its target groups let it finish, then it is terminated.
    pub(super) fn take_out(&mut self, id: &str, cause: String, log: &mut AutoScaling, ground: &mut Ground<'_>) {
        let drained = self.target_groups.iter().filter_map(|group| ground.elb.dismiss(group, id, ground.now)).max();
        let Some(member) = self.members.get(id) else { return };
        if let Some(launch) = &member.activity {
            log.end(Some(launch), ActivityStatus::Cancelled, ground.now);
        }
        let description = format!("Terminating EC2 instance: {id}");
        let subject = Subject { description, cause, subnet: &member.subnet, zone: &member.zone };
        let status = ActivityStatus::WaitingForELBConnectionDraining;
        let activity = log.begin(self, &subject, status, ground.now);
        let until = drained.unwrap_or(ground.now);
        if let Some(member) = self.members.get_mut(id) {
            member.activity = Some(activity);
            member.phase = Phase::Draining { until };
        }
        if until <= ground.now {
            self.terminate(id, log, ground);
        }
    }

    fn terminate(&mut self, id: &str, log: &mut AutoScaling, ground: &mut Ground<'_>) {
        ground.ec2.terminate(id, ground.pace, ground.now);
        let Some(member) = self.members.get_mut(id) else { return };
        member.phase = Phase::Terminating;
        log.go_on(member.activity.as_ref(), ActivityStatus::InProgress);
        let gone = ground.ec2.instances.get(id).is_none_or(|instance| instance.state == InstanceState::Terminated);
        if gone {
            self.forget(id, log, ground.now);
        }
    }

    fn forget(&mut self, id: &str, log: &mut AutoScaling, now: Timestamp) {
        let Some(member) = self.members.remove(id) else { return };
        log.end(member.activity.as_ref(), ActivityStatus::Successful, now);
        log.left.push(id.to_owned());
        self.give_back(&member.zone);
    }

    /// A zone has an instance more for this group.
    fn give_back(&mut self, zone: &str) {
        if let Some(available) = self.available.get_mut(zone) {
            *available += 1;
        }
    }
}
