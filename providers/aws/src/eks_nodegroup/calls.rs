//! The calls behind `aws.eks.nodegroup`.
//!
//! Each update has an idempotency token of its own: the same sizes may be asked for again after they were taken back.

use super::{Facts, Issue, Nodegroup};
use crate::{
    autoscaling_group,
    connection::Aws,
    errors::{CallSite, classify},
    sizes::{Sizes, from_wire, wire},
};
use aws_sdk_eks::types::{Nodegroup as Description, NodegroupHealth, NodegroupResources, NodegroupScalingConfig};
use lifeboat_contract::{CallError, Retry, Transition};

fn at<'a>(operation: &'static str, region: &'a str) -> CallSite<'a> {
    CallSite { service: "eks", operation, region }
}

pub(super) async fn read(step: &Nodegroup, aws: &Aws, region: &str) -> Result<(Sizes, Facts), CallError> {
    let at = at("DescribeNodegroup", region);
    let call = aws.eks(region).await.describe_nodegroup().cluster_name(&step.cluster).nodegroup_name(&step.nodegroup);
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    let found = answer
        .nodegroup
        .ok_or_else(|| at.definite("ResourceNotFoundException", format!("there is no node group {}", step.name())))?;
    let (sizes, mut facts) = facts(&found);
    facts.in_service = in_service(aws, region, &facts.groups).await?;
    Ok((sizes, facts))
}

fn facts(nodegroup: &Description) -> (Sizes, Facts) {
    let scaling = nodegroup.scaling_config();
    let sizes = Sizes {
        minimum: from_wire(scaling.and_then(|scaling| scaling.min_size)),
        maximum: from_wire(scaling.and_then(|scaling| scaling.max_size)),
        desired: from_wire(scaling.and_then(|scaling| scaling.desired_size)),
    };
    let issues = nodegroup.health().into_iter().flat_map(NodegroupHealth::issues).map(|issue| Issue {
        code: issue.code().map(|code| code.as_str().to_owned()).unwrap_or_default(),
        message: issue.message().unwrap_or_default().to_owned(),
    });
    let groups = nodegroup.resources().into_iter().flat_map(NodegroupResources::auto_scaling_groups);
    let facts = Facts {
        status: nodegroup.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        issues: issues.collect(),
        groups: groups.filter_map(|group| group.name()).map(str::to_owned).collect(),
        in_service: None,
    };
    (sizes, facts)
}

/// The instances in service behind a node group, or `None` where there is nothing to count, or that cannot be read.
async fn in_service(aws: &Aws, region: &str, groups: &[String]) -> Result<Option<u32>, CallError> {
    let mut sum = None;
    for name in groups {
        match autoscaling_group::calls::describe(&aws.autoscaling(region).await, name, region).await {
            Ok(Some((_, group))) => sum = Some(sum.unwrap_or(0) + group.in_service),
            Ok(None) => return Ok(None),
            Err(error) if error.retry == Retry::Never && !error.denied => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(sum)
}

pub(super) async fn drive(
    step: &Nodegroup,
    aws: &Aws,
    region: &str,
    transition: &Transition<Sizes, Facts>,
) -> Result<(), CallError> {
    let to = transition.to;
    if transition.now.state == to {
        return Ok(());
    }
    let at = at("UpdateNodegroupConfig", region);
    let scaling = NodegroupScalingConfig::builder();
    let scaling = scaling.min_size(wire(to.minimum)).max_size(wire(to.maximum)).desired_size(wire(to.desired)).build();
    let call = aws.eks(region).await.update_nodegroup_config();
    let call = call.cluster_name(&step.cluster).nodegroup_name(&step.nodegroup).scaling_config(scaling);
    let call = call.client_request_token(aws.token());
    call.send().await.map(drop).map_err(|error| classify(&at, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::{RecordedWire, surroundings};
    use lifeboat_contract::{Change as _, Direction, Effect, Mode, Phase};
    use serde_json::{Value, json};

    const NODEGROUP: &str = r#"{"nodegroup": {"nodegroupName": "web", "clusterName": "orders", "status": "DEGRADED",
        "scalingConfig": {"minSize": 1, "maxSize": 4, "desiredSize": 2},
        "health": {"issues": [{"code": "AsgInstanceLaunchFailures",
            "message": "Could not launch On-Demand Instances. InsufficientInstanceCapacity - none", "resourceIds": ["eks-web"]}]},
        "resources": {"autoScalingGroups": [{"name": "eks-web"}]}}}"#;
    const GROUP: &str = "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups><member>\
        <AutoScalingGroupName>eks-web</AutoScalingGroupName><Instances><member><InstanceId>i-1</InstanceId>\
        <LifecycleState>InService</LifecycleState><HealthStatus>Healthy</HealthStatus></member></Instances>\
        </member></AutoScalingGroups></DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>";
    const UPDATE: &str = r#"{"update": {"id": "u-1", "status": "InProgress", "type": "ConfigUpdate"}}"#;
    const BUSY: &str = r#"{"__type": "ResourceInUseException", "message": "an update is under way"}"#;

    fn step(desired: u32) -> Nodegroup {
        serde_json::from_value(json!({"cluster": "orders", "nodegroup": "web", "desired": desired})).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_sizes_go_in_one_call_with_a_token_of_its_own() {
        let wire = RecordedWire::new([
            ("DescribeNodegroup", Ok((200, NODEGROUP))),
            ("DescribeAutoScalingGroups", Ok((200, GROUP))),
            ("UpdateNodegroupConfig", Ok((200, UPDATE))),
        ]);
        let (_, cx) = surroundings(wire.clone(), Mode::Failover);
        let reached = step(2).observe(&cx).await.unwrap();
        assert!(matches!(reached.phase, Phase::Moving { status, .. } if status.starts_with("1 of 2 in service; Asg")));
        let step = step(4);
        for _ in 0..2 {
            let now = step.observe(&cx).await.unwrap();
            let to = step.target(&now, &cx.run).unwrap();
            let (direction, mode) = (Direction::Forward, Mode::Failover);
            step.drive(&cx, &Transition { now, to, direction, mode, data_loss: None }).await.unwrap();
        }
        let bodies: Vec<Value> = wire.writes().iter().map(|(_, _, body)| serde_json::from_str(body).unwrap()).collect();
        let [first, second] = &bodies[..] else { panic!("two writes") };
        assert_eq!(first["scalingConfig"], json!({"minSize": 1, "maxSize": 4, "desiredSize": 4}));
        assert!(first["clientRequestToken"].is_string());
        assert_ne!(first["clientRequestToken"], second["clientRequestToken"]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_the_group_behind_it_the_nodes_are_not_counted_and_a_busy_one_is_tried_again() {
        let unread = "<ErrorResponse><Error><Code>ValidationError</Code><Message>no</Message></Error></ErrorResponse>";
        let wire = RecordedWire::new([
            ("DescribeNodegroup", Ok((200, NODEGROUP))),
            ("DescribeAutoScalingGroups", Ok((400, unread))),
            ("UpdateNodegroupConfig", Ok((409, BUSY))),
        ]);
        let (_, cx) = surroundings(wire, Mode::Failover);
        let step = step(4);
        let now = step.observe(&cx).await.unwrap();
        assert_eq!(now.facts.in_service, None);
        let to = step.target(&now, &cx.run).unwrap();
        let (direction, mode) = (Direction::Forward, Mode::Failover);
        let error = step.drive(&cx, &Transition { now, to, direction, mode, data_loss: None }).await.unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.effect, error.retry),
            ("ResourceInUseException", Effect::None, Retry::Backoff)
        );
    }
}
