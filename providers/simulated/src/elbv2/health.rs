//! How the health of targets changes: by checks that pass or fail, by instances that stop, by groups that come into use.
//!
//! Checks are not simulated one by one. While a target answers otherwise than it is believed to, a verdict is pending, which
//! falls after as many intervals as the threshold asks for; if the target's answer changes back before, it is dropped.

use super::{Elb, Health, HealthCheck, Target, TargetGroup, Unused, Verdict};
use crate::ec2::{Ec2, InstanceState};
use jiff::Timestamp;
use lifeboat_contract::clock::after;

/// What a health check asks of a target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe<'a> {
    /// An instance's id, or an address.
    pub(crate) target: &'a str,
    pub(crate) port: u16,
    pub(crate) check: &'a HealthCheck,
}

impl Elb {
    /// When the next verdict falls or the next draining ends. Nothing for what never ends.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        let targets = self.target_groups.values().flat_map(|group| group.targets.values());
        let moments = targets.filter_map(|target| match target.health {
            Health::Draining { until } => Some(until),
            _ => target.verdict.map(|verdict| verdict.at),
        });
        moments.filter(|at| *at < Timestamp::MAX).min()
    }

    /// Completes what is due at `now`, and takes note of what targets answer from now on.
    ///
    /// Must be called whenever an answer, an instance's state or the configuration changes: between two calls, everything is
    /// taken to be as it was at the first. `answers` says whether a target passes a check right now.
    pub(crate) fn advance(&mut self, now: Timestamp, ec2: &Ec2, answers: &dyn Fn(&Probe<'_>) -> bool) {
        for group in self.target_groups.values_mut() {
            group.targets.retain(|_, target| !matches!(target.health, Health::Draining { until } if until <= now));
            for target in group.targets.values_mut() {
                if let Some(verdict) = target.verdict.take_if(|verdict| verdict.at <= now) {
                    target.health = if verdict.healthy { Health::Healthy } else { Health::Unhealthy };
                }
            }
        }
        self.admit(now, ec2);
        for group in self.target_groups.values_mut() {
            let check = group.health_check.clone();
            for target in group.targets.values_mut() {
                let probe = Probe { target: &target.id, port: check.port_of(target), check: &check };
                let passes = answers(&probe);
                target.notice(passes, &check, now);
            }
        }
    }

    /// Lets every target be as if it had been checked for long: for the start of a world.
    pub(crate) fn begin(&mut self, now: Timestamp, ec2: &Ec2, answers: &dyn Fn(&Probe<'_>) -> bool) {
        self.admit(now, ec2);
        for group in self.target_groups.values_mut() {
            let check = group.health_check.clone();
            for target in group.targets.values_mut() {
                if let Health::Initial { .. } | Health::Healthy | Health::Unhealthy = target.health {
                    let probe = Probe { target: &target.id, port: check.port_of(target), check: &check };
                    target.health = if answers(&probe) { Health::Healthy } else { Health::Unhealthy };
                    target.verdict = None;
                }
            }
        }
    }

    /// Decides which targets are checked at all. Those that begin to be are `initial`; those that cease to be, `unused`.
    pub(super) fn admit(&mut self, now: Timestamp, ec2: &Ec2) {
        let mut decided = Vec::new();
        for (arn, group) in &self.target_groups {
            for (key, target) in &group.targets {
                decided.push((arn.clone(), key.clone(), self.unused(group, target, ec2)));
            }
        }
        for (arn, key, unused) in decided {
            let Some(target) = self.target_groups.get_mut(&arn).and_then(|group| group.targets.get_mut(&key)) else {
                continue;
            };
            match (target.health, unused) {
                (Health::Draining { .. }, _) => {}
                (_, Some(reason)) => {
                    target.health = Health::Unused(reason);
                    target.verdict = None;
                }
                (Health::Unused(_), None) => target.health = Health::Initial { checked_from: now },
                (_, None) => {}
            }
        }
    }

    fn unused(&self, group: &TargetGroup, target: &Target, ec2: &Ec2) -> Option<Unused> {
        let balancers = self.users(&group.arn);
        if balancers.is_empty() {
            return Some(Unused::GroupNotInUse);
        }
        if group.target_type != "instance" {
            return None;
        }
        let Some(instance) = ec2.instances.get(&target.id) else { return Some(Unused::Terminated) };
        match instance.state {
            InstanceState::Running => {}
            InstanceState::ShuttingDown | InstanceState::Terminated => return Some(Unused::Terminated),
            _ => return Some(Unused::NotRunning),
        }
        let zone = ec2.subnets.get(&instance.subnet).map(|subnet| subnet.zone.as_str()).unwrap_or_default();
        let mut balancers = balancers.into_iter().filter_map(|arn| self.load_balancers.get(arn));
        let enabled = balancers.any(|balancer| balancer.zones.contains_key(zone));
        (!enabled).then_some(Unused::ZoneNotEnabled)
    }
}

impl HealthCheck {
    /// The port on which a target is checked.
    pub(super) fn port_of(&self, target: &Target) -> u16 {
        self.port.parse().unwrap_or(target.port)
    }
}

impl Target {
    fn notice(&mut self, passes: bool, check: &HealthCheck, now: Timestamp) {
        let believed = match self.health {
            Health::Healthy => Some(true),
            Health::Unhealthy => Some(false),
            Health::Initial { .. } => None,
            Health::Draining { .. } | Health::Unused(_) => return,
        };
        if believed == Some(passes) {
            self.verdict = None;
        } else if self.verdict.is_none_or(|verdict| verdict.healthy != passes) {
            let threshold = if passes { check.healthy_threshold } else { check.unhealthy_threshold };
            let from = if let Health::Initial { checked_from } = self.health { checked_from.max(now) } else { now };
            self.verdict =
                Some(Verdict { healthy: passes, at: after(from, check.interval.get().saturating_mul(threshold)) });
        }
    }
}
