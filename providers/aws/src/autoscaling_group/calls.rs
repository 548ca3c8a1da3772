//! The calls behind `aws.autoscaling.group`.
//!
//! One call sets the three numbers together: one by one, the service would refuse some, or move another by itself.

use super::{AutoScalingGroup, Facts, GroupFacts};
use crate::{
    connection::Aws,
    errors::{CallSite, classify},
    launch_failure::{self, Activity, LaunchFailure},
    sizes::{Sizes, from_wire, tally, wire},
};
use aws_sdk_autoscaling::{
    Client,
    types::{AutoScalingGroup as Description, Instance, LifecycleState},
};
use jiff::Timestamp;
use lifeboat_contract::{CallError, Transition};

/// The newest ones come first, and only they matter.
const ACTIVITIES_MAX: i32 = 50;

fn at<'a>(operation: &'static str, region: &'a str) -> CallSite<'a> {
    CallSite { service: "autoscaling", operation, region }
}

pub(super) async fn read(
    step: &AutoScalingGroup,
    aws: &Aws,
    region: &str,
    now: Timestamp,
) -> Result<(Sizes, Facts), CallError> {
    let client = aws.autoscaling(region).await;
    let found = describe(&client, &step.group, region).await?;
    let (sizes, group) = found.ok_or_else(|| {
        let message = format!("there is no Auto Scaling group {} in {region}", step.group);
        at("DescribeAutoScalingGroups", region).definite("group.missing", message)
    })?;
    let missing = group.in_service < sizes.desired;
    let failure = if missing { failure(&client, &step.group, region, now).await? } else { None };
    Ok((sizes, Facts { group, failure }))
}

/// One group, or `None` where there is none: the service answers an unknown name with an empty list.
pub(crate) async fn describe(
    client: &Client,
    name: &str,
    region: &str,
) -> Result<Option<(Sizes, GroupFacts)>, CallError> {
    let at = at("DescribeAutoScalingGroups", region);
    let call = client.describe_auto_scaling_groups().auto_scaling_group_names(name);
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    let named = |group: &Description| group.auto_scaling_group_name() == Some(name);
    Ok(answer.auto_scaling_groups.unwrap_or_default().into_iter().find(named).map(|group| facts(&group)))
}

fn facts(group: &Description) -> (Sizes, GroupFacts) {
    let sizes = Sizes {
        minimum: from_wire(group.min_size),
        maximum: from_wire(group.max_size),
        desired: from_wire(group.desired_capacity),
    };
    let weight = |instance: &Instance| instance.weighted_capacity().and_then(|weight| weight.parse::<u32>().ok());
    let serves = |instance: &&Instance| {
        let healthy = instance.health_status().is_some_and(|health| health.eq_ignore_ascii_case("healthy"));
        healthy && instance.lifecycle_state() == Some(&LifecycleState::InService)
    };
    let states = group.instances().iter().filter_map(|instance| instance.lifecycle_state());
    let suspended = group.suspended_processes().iter().filter_map(|process| process.process_name());
    let behind = [group.target_group_arns().len(), group.load_balancer_names().len(), group.traffic_sources().len()];
    let facts = GroupFacts {
        status: group.status.clone(),
        in_service: group.instances().iter().filter(serves).map(|instance| weight(instance).unwrap_or(1)).sum(),
        weighted: group.instances().iter().any(|instance| weight(instance).is_some()),
        lifecycle: tally(states.map(LifecycleState::as_str)),
        capacity_type: group.desired_capacity_type.clone(),
        suspended: suspended.map(str::to_owned).collect(),
        serves: behind.iter().any(|count| *count > 0),
    };
    (sizes, facts)
}

/// Why instances are missing, where a launch of late failed.
pub(crate) async fn failure(
    client: &Client,
    name: &str,
    region: &str,
    now: Timestamp,
) -> Result<Option<LaunchFailure>, CallError> {
    let at = at("DescribeScalingActivities", region);
    let call = client.describe_scaling_activities().auto_scaling_group_name(name).max_records(ACTIVITIES_MAX);
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    let activity = |activity: aws_sdk_autoscaling::types::Activity| {
        let started = activity.start_time.and_then(|at| at.to_millis().ok());
        Some(Activity {
            started: Timestamp::from_millisecond(started?).ok()?,
            status: activity.status_code.map(|status| status.as_str().to_owned()).unwrap_or_default(),
            description: activity.description.unwrap_or_default(),
            message: activity.status_message.unwrap_or_default(),
        })
    };
    let activities = answer.activities.unwrap_or_default().into_iter().filter_map(activity).collect();
    Ok(launch_failure::newest(activities, now))
}

pub(super) async fn drive(
    step: &AutoScalingGroup,
    aws: &Aws,
    region: &str,
    transition: &Transition<Sizes, Facts>,
) -> Result<(), CallError> {
    let to = transition.to;
    if transition.now.state == to {
        return Ok(());
    }
    let at = at("UpdateAutoScalingGroup", region);
    let call = aws.autoscaling(region).await.update_auto_scaling_group().auto_scaling_group_name(&step.group);
    let call = call.min_size(wire(to.minimum)).max_size(wire(to.maximum)).desired_capacity(wire(to.desired));
    call.send().await.map(drop).map_err(|error| classify(&at, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::{RecordedWire, surroundings};
    use lifeboat_contract::{Change as _, Direction, Effect, Mode, Phase, Retry};
    use serde_json::json;

    const SHORT: &str = "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups><member>\
        <AutoScalingGroupName>web</AutoScalingGroupName><MinSize>1</MinSize><MaxSize>4</MaxSize>\
        <DesiredCapacity>3</DesiredCapacity><TargetGroupARNs><member>tg</member></TargetGroupARNs><Instances>\
        <member><InstanceId>i-1</InstanceId><LifecycleState>InService</LifecycleState><HealthStatus>Healthy</HealthStatus></member>\
        <member><InstanceId>i-2</InstanceId><LifecycleState>InService</LifecycleState><HealthStatus>Unhealthy</HealthStatus></member>\
        <member><InstanceId>i-3</InstanceId><LifecycleState>Pending</LifecycleState><HealthStatus>Healthy</HealthStatus></member>\
        </Instances><SuspendedProcesses><member><ProcessName>AZRebalance</ProcessName></member></SuspendedProcesses>\
        </member></AutoScalingGroups></DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>";
    const ACTIVITIES: &str = "<DescribeScalingActivitiesResponse><DescribeScalingActivitiesResult><Activities><member>\
        <ActivityId>a</ActivityId><AutoScalingGroupName>web</AutoScalingGroupName><Cause>c</Cause>\
        <Description>Launching a new EC2 instance</Description><StartTime>2026-01-01T00:00:00Z</StartTime>\
        <StatusCode>Failed</StatusCode><StatusMessage>We currently do not have sufficient t3.medium capacity</StatusMessage>\
        </member></Activities></DescribeScalingActivitiesResult></DescribeScalingActivitiesResponse>";
    const DONE: &str = "<UpdateAutoScalingGroupResponse/>";

    fn step(desired: u32) -> AutoScalingGroup {
        serde_json::from_value(json!({"group": "web", "minimum": 2, "desired": desired})).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_three_numbers_go_in_one_call() {
        let wire = RecordedWire::new([
            ("DescribeAutoScalingGroups", Ok((200, SHORT))),
            ("DescribeScalingActivities", Ok((200, ACTIVITIES))),
            ("UpdateAutoScalingGroup", Ok((200, DONE))),
        ]);
        let (_, cx) = surroundings(wire.clone(), Mode::Failover);
        let step = step(4);
        let now = step.observe(&cx).await.unwrap();
        assert_eq!((now.facts.group.in_service, now.facts.group.serves, now.phase.clone()), (1, true, Phase::Settled));
        assert!(now.facts.failure.as_ref().unwrap().capacity);
        let to = step.target(&now, &cx.run).unwrap();
        let (direction, mode) = (Direction::Forward, Mode::Failover);
        step.drive(&cx, &Transition { now, to, direction, mode, data_loss: None }).await.unwrap();
        let [(operation, region, body)] = &wire.writes()[..] else { panic!("one write") };
        assert_eq!((operation.as_str(), region.as_str()), ("UpdateAutoScalingGroup", "us-east-1"));
        assert!(body.contains("AutoScalingGroupName=web&MinSize=2&MaxSize=4&DesiredCapacity=4"), "{body}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_group_is_tried_again_and_a_missing_one_is_not() {
        let busy =
            "<ErrorResponse><Error><Code>ResourceContention</Code><Message>busy</Message></Error></ErrorResponse>";
        let wire = RecordedWire::new([
            ("DescribeAutoScalingGroups", Ok((200, SHORT))),
            ("DescribeScalingActivities", Ok((200, ACTIVITIES))),
            ("UpdateAutoScalingGroup", Ok((500, busy))),
        ]);
        let (_, cx) = surroundings(wire, Mode::Failover);
        let step = step(4);
        let now = step.observe(&cx).await.unwrap();
        let to = step.target(&now, &cx.run).unwrap();
        let (direction, mode) = (Direction::Forward, Mode::Failover);
        let error = step.drive(&cx, &Transition { now, to, direction, mode, data_loss: None }).await.unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.effect, error.retry),
            ("ResourceContention", Effect::None, Retry::Backoff)
        );

        let none = "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups/>\
            </DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>";
        let (_, cx) = surroundings(RecordedWire::new([("DescribeAutoScalingGroups", Ok((200, none)))]), Mode::Failover);
        let error = step.observe(&cx).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.retry), ("group.missing", Retry::Never));
    }
}
