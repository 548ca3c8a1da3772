//! How a group gets the size that is desired: spread over its zones when it grows, the youngest instance first when it shrinks.

use super::{
    AutoScaling, Failure, Group,
    activities::Subject,
    lifecycle::Ground,
    state::{ActivityStatus, Joined, Member, Phase},
};
use crate::{
    codec::ApiError,
    ec2::{Launch, insufficient_in},
    ids,
};
use jiff::Timestamp;
use lifeboat_contract::clock::after;
use std::{collections::BTreeSet, time::Duration};

/// The tag that the service gives to every instance it launches. Callers can't give it.
pub(crate) const GROUP_TAG: &str = "aws:autoscaling:groupName";

impl Group {
    /// Launches or terminates what is missing or too much.
    pub(super) fn scale(&mut self, log: &mut AutoScaling, ground: &mut Ground<'_>) {
        if self.retry_at.is_some_and(|at| at <= ground.now) {
            self.retry_at = None;
        }
        if self.runs("Terminate") {
            while self.size() > self.desired {
                let Some(youngest) = self.youngest() else { break };
                let cause = self.shrink_cause(&youngest, ground.now);
                self.take_out(&youngest, cause, log, ground);
            }
        }
        if self.runs("Launch") && self.retry_at.is_none() {
            self.grow(log, ground);
        }
        if self.size() >= self.desired {
            self.retry_at = None;
        }
        if self.size() == self.desired {
            self.request = None;
        }
    }

    /// The instance that goes first: the youngest one that counts.
    fn youngest(&self) -> Option<String> {
        let counting = self.members.iter().filter(|(_, member)| member.phase.counts());
        counting.max_by_key(|(_, member)| member.number).map(|(id, _)| id.clone())
    }

    fn grow(&mut self, log: &mut AutoScaling, ground: &mut Ground<'_>) {
        // A zone that has nothing now has nothing for the next instance either.
        let mut barren: BTreeSet<String> = BTreeSet::new();
        while self.size() < self.desired {
            let Some((subnet, zone)) = self.next_place(&barren) else {
                self.retry_at = Some(after(ground.now, self.retry.get()));
                return;
            };
            let description = "Launching a new EC2 instance".to_owned();
            let subject = Subject { description, cause: self.launch_cause(ground.now), subnet: &subnet, zone: &zone };
            let activity = log.begin(self, &subject, ActivityStatus::PreInService, ground.now);
            match self.launch_in(&subnet, &zone, Some(self.launch.get()), ground) {
                Ok(id) => {
                    if let Some(activity) = log.activities.last_mut() {
                        activity.description = format!("Launching a new EC2 instance: {id}");
                    }
                    self.join(log, &id, Phase::Pending, Some(activity), (subnet, zone));
                }
                Err(error) => {
                    let message = format!("{} Launching EC2 instance failed.", error.message);
                    log.fail(Some(&activity), &message, ground.now);
                    self.failure = Some(Failure { code: error.code, message });
                    barren.insert(zone);
                }
            }
        }
    }

    /// The subnet and zone of the next instance: the zone that has the fewest so far, of equals the first of the group's list.
    fn next_place(&self, barren: &BTreeSet<String>) -> Option<(String, String)> {
        let places = self.subnets.iter().filter(|(_, zone)| !barren.contains(zone));
        let count = |subnet: &str, zone: &str| {
            let here = self.members.values().filter(|member| member.phase.counts() && member.zone == zone);
            let (mut in_zone, mut in_subnet) = (0, 0);
            for member in here {
                in_zone += 1;
                in_subnet += u32::from(member.subnet == subnet);
            }
            (in_zone, in_subnet)
        };
        places.min_by_key(|(subnet, zone)| count(subnet, zone)).cloned()
    }

    fn launch_in(
        &mut self,
        subnet: &str,
        zone: &str,
        takes: Option<Duration>,
        ground: &mut Ground<'_>,
    ) -> Result<String, ApiError> {
        if takes.is_some() && self.available.get(zone) == Some(&0) {
            return Err(insufficient_in(zone, &self.instance_type));
        }
        let id = format!("i-{}", ids::hex(&format!("{}/{}", self.arn, self.launched + 1), 17));
        let mut tags = self.tags.clone();
        tags.insert(GROUP_TAG.to_owned(), self.name.clone());
        let launch = Launch {
            id: &id,
            subnet,
            instance_type: &self.instance_type,
            security_groups: &self.security_groups,
            tags,
            takes,
            pace: ground.pace,
        };
        ground.ec2.launch(&launch, ground.now)?;
        if let Some(available) = self.available.get_mut(zone).filter(|_| takes.is_some()) {
            *available -= 1;
        }
        self.launched += 1;
        Ok(id)
    }

    fn join(
        &mut self,
        log: &mut AutoScaling,
        id: &str,
        phase: Phase,
        activity: Option<String>,
        (subnet, zone): (String, String),
    ) {
        let member = Member { subnet, zone, number: self.launched, phase, healthy: true, activity };
        self.members.insert(id.to_owned(), member);
        log.joined.push(Joined {
            instance: id.to_owned(),
            site: self.site.clone(),
            application: self.application.clone(),
        });
    }
}

impl AutoScaling {
    /// Adds a group whose instances have been in service for long: for the start of a world.
    pub(crate) fn establish(&mut self, mut group: Group, ground: &mut Ground<'_>) -> Result<(), ApiError> {
        let now: Timestamp = ground.now;
        while group.size() < group.desired {
            let Some((subnet, zone)) = group.next_place(&BTreeSet::new()) else { break };
            let id = group.launch_in(&subnet, &zone, None, ground)?;
            for target_group in &group.target_groups {
                ground.elb.enroll(target_group, &id, now);
            }
            group.join(self, &id, Phase::InService, None, (subnet, zone));
        }
        self.groups.insert(group.name.clone(), group);
        Ok(())
    }
}
