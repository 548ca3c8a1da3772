//! The calls behind `aws.elbv2.target_group`.
//!
//! Both of them may be repeated: registering what is registered, and deregistering what is not, succeed.

use super::{Facts, Membership, State, Target, TargetFacts, TargetGroup};
use crate::{
    connection::Aws,
    errors::{CallSite, classify},
};
use aws_sdk_elasticloadbalancingv2::{Client, types::TargetDescription};
use lifeboat_contract::{CallError, Effect, Transition};

fn at<'a>(operation: &'static str, region: &'a str) -> CallSite<'a> {
    CallSite { service: "elasticloadbalancing", operation, region }
}

pub(super) async fn read(step: &TargetGroup, aws: &Aws, region: &str) -> Result<Facts, CallError> {
    let client = aws.elb(region).await;
    let (group, targets) = tokio::join!(group(&client, step, region), targets(&client, step, region));
    let (port, load_balancers) = group?;
    Ok(Facts { port, load_balancers, targets: targets? })
}

async fn group(client: &Client, step: &TargetGroup, region: &str) -> Result<(Option<u16>, Vec<String>), CallError> {
    let at = at("DescribeTargetGroups", region);
    let call = client.describe_target_groups().target_group_arns(&step.arn);
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    let group = answer.target_groups.unwrap_or_default().into_iter().next();
    let group =
        group.ok_or_else(|| at.definite("TargetGroupNotFound", format!("there is no target group {}", step.arn)))?;
    Ok((port(group.port), group.load_balancer_arns.unwrap_or_default()))
}

async fn targets(client: &Client, step: &TargetGroup, region: &str) -> Result<Vec<TargetFacts>, CallError> {
    let at = at("DescribeTargetHealth", region);
    let call = client.describe_target_health().target_group_arn(&step.arn);
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    let facts = |found: aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription| {
        let (target, health) = (found.target?, found.target_health);
        let (state, reason) = health.map(|health| (health.state, health.reason)).unwrap_or_default();
        Some(TargetFacts {
            id: target.id?,
            port: port(target.port),
            availability_zone: target.availability_zone,
            state: state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
            reason: reason.map(|reason| reason.as_str().to_owned()),
        })
    };
    Ok(answer.target_health_descriptions.unwrap_or_default().into_iter().filter_map(facts).collect())
}

fn port(port: Option<i32>) -> Option<u16> {
    port.and_then(|port| u16::try_from(port).ok())
}

pub(super) async fn drive(
    step: &TargetGroup,
    aws: &Aws,
    region: &str,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let client = aws.elb(region).await;
    let join = moved(step, transition, Membership::Registered);
    let leave = moved(step, transition, Membership::Absent);
    // Whoever comes, comes before anybody leaves.
    let joined = !join.is_empty();
    if joined {
        let at = at("RegisterTargets", region);
        let call = client.register_targets().target_group_arn(&step.arn).set_targets(Some(join));
        call.send().await.map_err(|error| classify(&at, error))?;
    }
    if !leave.is_empty() {
        let at = at("DeregisterTargets", region);
        let call = client.deregister_targets().target_group_arn(&step.arn).set_targets(Some(leave));
        let effect = |error: CallError| if joined { CallError { effect: Effect::Unknown, ..error } } else { error };
        call.send().await.map_err(|error| effect(classify(&at, error)))?;
    }
    Ok(())
}

/// The targets that are to become `membership` and are not.
fn moved(step: &TargetGroup, transition: &Transition<State, Facts>, membership: Membership) -> Vec<TargetDescription> {
    let becomes = |target: &&Target| {
        let cell = target.cell();
        transition.to.0.get(&cell) == Some(&membership) && transition.now.state.0.get(&cell) != Some(&membership)
    };
    step.targets.iter().filter(becomes).map(description).collect()
}

fn description(target: &Target) -> TargetDescription {
    TargetDescription::builder()
        .id(&target.id)
        .set_port(target.port.map(i32::from))
        .set_availability_zone(target.availability_zone.clone())
        .build()
}

#[cfg(test)]
mod tests {
    use crate::{
        recorded::{RecordedWire, surroundings},
        target_group::TargetGroup,
    };
    use lifeboat_contract::{Change as _, Direction, Mode, Transition};
    use serde_json::json;

    const GROUPS: &str = "<DescribeTargetGroupsResponse><DescribeTargetGroupsResult><TargetGroups><member><Port>80</Port>\
        <LoadBalancerArns><member>alb</member></LoadBalancerArns></member></TargetGroups></DescribeTargetGroupsResult>\
        </DescribeTargetGroupsResponse>";
    const HEALTH: &str = "<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions><member>\
        <Target><Id>i-1</Id><Port>80</Port></Target><TargetHealth><State>healthy</State></TargetHealth></member>\
        </TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>";
    const DONE: &str = "<RegisterTargetsResponse><RegisterTargetsResult/></RegisterTargetsResponse>";

    #[tokio::test(start_paused = true)]
    async fn only_what_is_missing_is_registered() {
        let wire = RecordedWire::new([
            ("DescribeTargetGroups", Ok((200, GROUPS))),
            ("DescribeTargetHealth", Ok((200, HEALTH))),
            ("RegisterTargets", Ok((200, DONE))),
        ]);
        let (_, cx) = surroundings(wire.clone(), Mode::Switchover);
        let step: TargetGroup = serde_json::from_value(json!({
            "arn": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/web/1",
            "targets": [{"id": "i-1"}, {"id": "i-2", "port": 8080}],
        }))
        .unwrap();
        let now = step.observe(&cx).await.unwrap();
        let to = step.target(&now, &cx.run).unwrap();
        let (direction, mode) = (Direction::Forward, Mode::Switchover);
        step.drive(&cx, &Transition { now, to, direction, mode, data_loss: None }).await.unwrap();
        let [(operation, region, body)] = &wire.writes()[..] else { panic!("one write") };
        assert_eq!((operation.as_str(), region.as_str()), ("RegisterTargets", "eu-west-1"));
        assert!(body.contains("Targets.member.1.Id=i-2&Targets.member.1.Port=8080") && !body.contains("i-1"), "{body}");
    }
}
