//! Registration of targets, and their health as descriptions show it. How health changes is in `health`.

use super::{
    Elb, Health, Target, TargetGroup, Unused,
    input::{invalid, port, required},
    operations::done,
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    ec2::{Ec2, InstanceState},
    shape::Shape,
};
use jiff::Timestamp;
use lifeboat_contract::clock::after;
use std::{net::IpAddr, time::Duration};

/// How long a new target is `Elb.RegistrationInProgress`.
const REGISTRATION: Duration = Duration::from_secs(1);

/// Targets that one group may have.
const TARGETS_MAX: usize = 1000;

impl Elb {
    pub(super) fn register_targets(
        &mut self,
        params: &Params,
        cx: &ServiceCx<'_>,
        ec2: &Ec2,
    ) -> Result<Shape, ApiError> {
        let group = self.find_group_mut(required(params, "TargetGroupArn")?)?;
        let checked_from = cx.pace.end(cx.now, REGISTRATION);
        for target in named(params, group)? {
            group.check(&target, ec2)?;
            let key = target.key();
            match group.targets.get_mut(&key) {
                // A target that is already there stays as it is; one that drains comes back.
                Some(present) if !matches!(present.health, Health::Draining { .. }) => present.zone = target.zone,
                _ => {
                    group.targets.insert(key, Target { health: Health::Initial { checked_from }, ..target });
                }
            }
        }
        if group.targets.len() > TARGETS_MAX {
            return Err(ApiError::bad("TooManyTargets", "The number of targets exceeds the limit of the target group"));
        }
        Ok(done())
    }

    /// Takes targets out. One that is not registered is taken out with success.
    pub(super) fn deregister_targets(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let arn = required(params, "TargetGroupArn")?;
        let in_use = !self.users(arn).is_empty();
        let group = self.find_group_mut(arn)?;
        let delay = group.drain();
        for target in named(params, group)? {
            group.take_out(&target.key(), in_use, cx.pace.end(cx.now, delay), cx.now);
        }
        Ok(done())
    }

    /// Registers an instance that another service launched, on the group's own port. Says nothing where the group is gone.
    pub(crate) fn enroll(&mut self, group: &str, instance: &str, now: Timestamp) {
        let Some(group) = self.target_groups.get_mut(group) else { return };
        let target = Target::new(instance, group.port);
        let health = Health::Initial { checked_from: after(now, REGISTRATION) };
        group.targets.entry(target.key()).or_insert(Target { health, ..target });
    }

    /// Takes an instance that another service terminates out of a group; returns until when it drains.
    pub(crate) fn dismiss(&mut self, group: &str, instance: &str, now: Timestamp) -> Option<Timestamp> {
        let in_use = !self.users(group).is_empty();
        let group = self.target_groups.get_mut(group)?;
        let until = after(now, group.drain());
        let keys = group.targets.values().filter(|target| target.id == instance).map(Target::key).collect::<Vec<_>>();
        keys.iter().filter_map(|key| group.take_out(key, in_use, until, now)).max()
    }

    pub(super) fn describe_target_health(
        &self,
        params: &Params,
        cx: &ServiceCx<'_>,
        ec2: &Ec2,
    ) -> Result<Shape, ApiError> {
        let group = self.find_group(required(params, "TargetGroupArn")?)?;
        let wanted = named_or_none(params, group)?;
        let describe = |target: &Target, registered: bool| {
            let health = if registered { describe_health(target, group, cx, ec2) } else { not_registered() };
            Shape::Struct(vec![
                (
                    "Target",
                    Shape::Struct(vec![
                        ("Id", (&target.id).into()),
                        ("Port", Shape::Integer(target.port.into())),
                        ("AvailabilityZone", target.zone.as_ref().into()),
                    ]),
                ),
                ("HealthCheckPort", group.health_check.port_of(target).to_string().into()),
                ("TargetHealth", health),
            ])
        };
        let all: Vec<Shape> = if wanted.is_empty() {
            group.targets.values().map(|target| describe(target, true)).collect()
        } else {
            let found = |target: &Target| group.targets.get(&target.key()).cloned();
            wanted
                .iter()
                .map(|target| found(target).map_or_else(|| describe(target, false), |t| describe(&t, true)))
                .collect()
        };
        Ok(Shape::Struct(vec![("TargetHealthDescriptions", Shape::List("member", all))]))
    }
}

impl Target {
    /// A target as it is before anything is known of it.
    pub(crate) fn new(id: impl Into<String>, port: u16) -> Self {
        Self { id: id.into(), port, zone: None, health: Health::Unused(Unused::GroupNotInUse), verdict: None }
    }

    pub(crate) fn key(&self) -> String {
        format!("{}:{}", self.id, self.port)
    }
}

impl TargetGroup {
    /// Takes a target out; returns until when it drains, where it does.
    fn take_out(&mut self, key: &str, in_use: bool, until: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let present = self.targets.get_mut(key)?;
        match present.health {
            Health::Draining { until } => Some(until),
            // Nothing is under way to a target that was not used.
            Health::Unused(_) => {
                self.targets.remove(key);
                None
            }
            _ if !in_use || until <= now => {
                self.targets.remove(key);
                None
            }
            _ => {
                present.health = Health::Draining { until };
                present.verdict = None;
                Some(until)
            }
        }
    }

    /// Refuses a target that can't be registered here.
    fn check(&self, target: &Target, ec2: &Ec2) -> Result<(), ApiError> {
        let id = &target.id;
        let refused = |message: String| Err(ApiError::bad("InvalidTarget", message));
        if self.target_type == "ip" {
            let Ok(address) = id.parse::<IpAddr>() else {
                return Err(invalid(format!("The IP address '{id}' is not a valid IPv4 address")));
            };
            let range = ec2.vpcs.get(&self.vpc).and_then(crate::ec2::Vpc::range);
            let inside = matches!((address, range), (IpAddr::V4(address), Some(range)) if range.contains(&address));
            if !inside && target.zone.as_deref() != Some("all") {
                return refused(format!(
                    "The IP address '{id}' is not within the network: its availability zone must be 'all'"
                ));
            }
            return Ok(());
        }
        let Some(instance) = ec2.instances.get(id) else {
            return refused(format!("The following targets are not valid instances: '{id}'"));
        };
        if instance.state != InstanceState::Running {
            return refused(format!(
                "The following targets are not in a running state and cannot be registered: '{id}'"
            ));
        }
        if ec2.subnets.get(&instance.subnet).is_none_or(|subnet| subnet.vpc != self.vpc) {
            return refused(format!("The following targets are not in the target group VPC '{}': '{id}'", self.vpc));
        }
        Ok(())
    }
}

/// The targets that a call names. Without a port, the group's own is meant.
fn named(params: &Params, group: &TargetGroup) -> Result<Vec<Target>, ApiError> {
    let targets = named_or_none(params, group)?;
    if targets.is_empty() {
        return Err(invalid("At least one target must be specified"));
    }
    Ok(targets)
}

fn named_or_none(params: &Params, group: &TargetGroup) -> Result<Vec<Target>, ApiError> {
    let target = |element: &Params| {
        let mut target = Target::new(required(element, "Id")?, port(element, "Port")?.unwrap_or(group.port));
        target.zone = element.given("AvailabilityZone").map(str::to_owned);
        Ok(target)
    };
    params.list("Targets").iter().map(target).collect()
}

fn describe_health(target: &Target, group: &TargetGroup, cx: &ServiceCx<'_>, ec2: &Ec2) -> Shape {
    let state_name = |id: &str| ec2.instances.get(id).map_or("terminated", |instance| instance.state.name());
    let (state, reason, description) = match target.health {
        _ if !group.health_check.enabled && !matches!(target.health, Health::Draining { .. } | Health::Unused(_)) => {
            ("unavailable", "Target.HealthCheckDisabled", "Health checks are not enabled".to_owned())
        }
        Health::Healthy => return Shape::Struct(vec![("State", "healthy".into())]),
        Health::Initial { checked_from } if cx.now < checked_from => {
            ("initial", "Elb.RegistrationInProgress", "Target registration is in progress".to_owned())
        }
        Health::Initial { .. } => {
            ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress".to_owned())
        }
        Health::Unhealthy => ("unhealthy", "Target.FailedHealthChecks", "Health checks failed".to_owned()),
        Health::Draining { .. } => {
            ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress".to_owned())
        }
        Health::Unused(Unused::GroupNotInUse) => {
            let description = "Target group is not configured to receive traffic from the load balancer";
            ("unused", "Target.NotInUse", description.to_owned())
        }
        Health::Unused(Unused::ZoneNotEnabled) => {
            let description = "Target is in an Availability Zone that is not enabled for the load balancer";
            ("unused", "Target.NotInUse", description.to_owned())
        }
        Health::Unused(Unused::NotRunning | Unused::Terminated) => {
            ("unused", "Target.InvalidState", format!("Target is in the {} state", state_name(&target.id)))
        }
    };
    Shape::Struct(vec![("State", state.into()), ("Reason", reason.into()), ("Description", description.into())])
}

fn not_registered() -> Shape {
    Shape::Struct(vec![
        ("State", "unused".into()),
        ("Reason", "Target.NotRegistered".into()),
        ("Description", "Target is not registered to the target group".into()),
    ])
}
