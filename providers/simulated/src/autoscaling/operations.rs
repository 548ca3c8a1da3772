//! Auto Scaling's operations: which call is which, and that a refused call changes nothing.

use super::{
    AutoScaling, Sizes,
    input::{flag, invalid, number, required},
    lifecycle::Ground,
};
use crate::{
    codec::{ApiError, Params},
    ec2::Ec2,
    shape::Shape,
};
use jiff::Timestamp;

/// What a call answers; `None` when the service has no such operation.
type Answer = Option<Result<Shape, ApiError>>;

/// The processes of a group that can be suspended.
pub(crate) const PROCESSES: &[&str] = &[
    "AZRebalance",
    "AddToLoadBalancer",
    "AlarmNotification",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
];

/// What an update may give here. The rest of the service's own list is not simulated.
const UPDATABLE: &[&str] = &[
    "Action",
    "Version",
    "AutoScalingGroupName",
    "MinSize",
    "MaxSize",
    "DesiredCapacity",
    "DefaultCooldown",
    "HealthCheckType",
    "HealthCheckGracePeriod",
];

impl AutoScaling {
    /// Answers one call. An error changes nothing.
    pub(crate) fn answer(
        &mut self,
        operation: &str,
        params: &Params,
        ground: &mut Ground<'_>,
    ) -> Result<Shape, ApiError> {
        let unknown =
            || ApiError::bad("InvalidAction", format!("Could not find operation {operation} for version 2011-01-01"));
        if operation.starts_with("Describe") {
            return self.look(operation, params, ground.ec2).ok_or_else(unknown)?;
        }
        let mut changed = self.clone();
        let answer = changed.change(operation, params, ground.now).ok_or_else(unknown)??;
        *self = changed;
        // Here, and not when the world takes note: what faults do to this call's transitions is known here alone.
        self.advance(ground);
        Ok(answer)
    }

    fn look(&self, operation: &str, params: &Params, ec2: &Ec2) -> Answer {
        Some(match operation {
            "DescribeAutoScalingGroups" => self.describe_groups(params, ec2),
            "DescribeAutoScalingInstances" => self.describe_instances(params, ec2),
            "DescribeScalingActivities" => self.describe_activities(params),
            _ => return None,
        })
    }

    fn change(&mut self, operation: &str, params: &Params, now: Timestamp) -> Answer {
        let answer = match operation {
            "UpdateAutoScalingGroup" => self.update_group(params, now),
            "SetDesiredCapacity" => self.set_desired_capacity(params, now),
            "SuspendProcesses" => self.suspend(params, true),
            "ResumeProcesses" => self.suspend(params, false),
            _ => return None,
        };
        Some(answer.map(|()| Shape::Struct(Vec::new())))
    }

    fn update_group(&mut self, params: &Params, now: Timestamp) -> Result<(), ApiError> {
        let group = self.group_mut(required(params, "AutoScalingGroupName")?)?;
        if let Some(name) = params.names().find(|name| !UPDATABLE.contains(name)) {
            return Err(invalid(format!("{name} can't be updated in a simulated world")));
        }
        let cooldown = number(params, "DefaultCooldown")?;
        let grace_period = number(params, "HealthCheckGracePeriod")?;
        let health_check = params.given("HealthCheckType");
        if health_check.is_some_and(|kinds| kinds.split(',').any(|kind| !["EC2", "ELB"].contains(&kind))) {
            return Err(invalid("Valid types of health checks are EC2 and ELB in a simulated world"));
        }
        let sizes = Sizes {
            minimum: number(params, "MinSize")?,
            maximum: number(params, "MaxSize")?,
            desired: number(params, "DesiredCapacity")?,
        };
        group.resize(sizes, now)?;
        group.cooldown = cooldown.unwrap_or(group.cooldown);
        group.grace_period = grace_period.unwrap_or(group.grace_period);
        if let Some(kinds) = health_check {
            kinds.clone_into(&mut group.health_check_type);
        }
        Ok(())
    }

    /// A call that honours the cooldown is refused while the group still scales; the usual one is not.
    fn set_desired_capacity(&mut self, params: &Params, now: Timestamp) -> Result<(), ApiError> {
        let name = required(params, "AutoScalingGroupName")?;
        required(params, "DesiredCapacity")?;
        let desired = number(params, "DesiredCapacity")?.unwrap_or_default();
        let busy = self.activities.iter().find(|activity| activity.group == name && activity.end.is_none());
        let busy = busy.map(|activity| activity.id.clone());
        let group = self.group_mut(name)?;
        if let Some(id) = busy.filter(|_| matches!(flag(params, "HonorCooldown"), Ok(Some(true)))) {
            let message = format!("Scaling activity {id} is in progress and blocking this action");
            return Err(ApiError::bad("ScalingActivityInProgress", message));
        }
        group.set_desired(desired, now)
    }

    fn suspend(&mut self, params: &Params, suspend: bool) -> Result<(), ApiError> {
        let group = self.group_mut(required(params, "AutoScalingGroupName")?)?;
        let named = params.strings("ScalingProcesses");
        if let Some(unknown) = named.iter().find(|name| !PROCESSES.contains(&name.as_str())) {
            return Err(invalid(format!("{unknown} is not a valid Scaling Process")));
        }
        let all = PROCESSES.iter().map(|name| (*name).to_owned());
        let meant: Vec<String> = if named.is_empty() { all.collect() } else { named };
        for process in meant {
            if suspend {
                group.suspended.insert(process);
            } else {
                group.suspended.remove(&process);
            }
        }
        Ok(())
    }
}
