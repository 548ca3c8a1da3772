//! The calls behind `aws.ec2.security_group_fence`.
//!
//! The interfaces are read again right before they are written: the service has no compare-and-swap, and this makes the window
//! small.

use super::{Facts, GroupFacts, InterfaceFacts, SecurityGroupFence, State};
use crate::{
    connection::Aws,
    errors::{CallSite, classify},
};
use aws_sdk_ec2::{
    Client,
    types::{Filter, NetworkInterface},
};
use lifeboat_contract::{CallError, Effect, Transition};
use std::collections::BTreeMap;

fn at<'a>(operation: &'static str, region: &'a str) -> CallSite<'a> {
    CallSite { service: "ec2", operation, region }
}

pub(super) async fn read(step: &SecurityGroupFence, aws: &Aws, region: &str) -> Result<Facts, CallError> {
    let client = aws.ec2(region).await;
    let (interfaces, groups) = tokio::join!(interfaces(&client, step, region), groups(&client, step, region));
    Ok(Facts { interfaces: interfaces?, groups: groups? })
}

/// The interface that the step names, or all those of its instance.
async fn interfaces(
    client: &Client,
    step: &SecurityGroupFence,
    region: &str,
) -> Result<BTreeMap<String, InterfaceFacts>, CallError> {
    let at = at("DescribeNetworkInterfaces", region);
    let call = client.describe_network_interfaces();
    let call = match (&step.network_interface, &step.instance) {
        (Some(interface), _) => call.network_interface_ids(interface),
        (None, instance) => {
            let of_instance =
                Filter::builder().name("attachment.instance-id").set_values(instance.clone().map(|id| vec![id]));
            call.filters(of_instance.build())
        }
    };
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    let found: BTreeMap<_, _> = answer.network_interfaces.unwrap_or_default().into_iter().filter_map(facts).collect();
    if found.is_empty() {
        let what = step.network_interface.as_ref().or(step.instance.as_ref()).map_or("", String::as_str);
        return Err(at.definite("interface.missing", format!("{what} has no network interface in {region}")));
    }
    Ok(found)
}

fn facts(interface: NetworkInterface) -> Option<(String, InterfaceFacts)> {
    let groups = interface.groups.unwrap_or_default().into_iter().filter_map(|group| group.group_id);
    let attachment = interface.attachment.as_ref();
    let facts = InterfaceFacts {
        security_groups: groups.collect(),
        vpc: interface.vpc_id,
        instance: attachment.and_then(|attachment| attachment.instance_id.clone()),
        device_index: attachment.and_then(|attachment| attachment.device_index),
    };
    Some((interface.network_interface_id?, facts))
}

/// Every group that the step names. All of them must exist.
async fn groups(
    client: &Client,
    step: &SecurityGroupFence,
    region: &str,
) -> Result<BTreeMap<String, GroupFacts>, CallError> {
    let at = at("DescribeSecurityGroups", region);
    let wanted: Vec<String> = std::iter::once(&step.security_group).chain(&step.security_groups).cloned().collect();
    let call = client.describe_security_groups().set_group_ids(Some(wanted.clone()));
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    let facts = |group: aws_sdk_ec2::types::SecurityGroup| {
        let (ingress, egress) = (group.ip_permissions().len(), group.ip_permissions_egress().len());
        Some((group.group_id?, GroupFacts { vpc: group.vpc_id, ingress, egress }))
    };
    let found: BTreeMap<_, _> = answer.security_groups.unwrap_or_default().into_iter().filter_map(facts).collect();
    match wanted.iter().find(|id| !found.contains_key(*id)) {
        None => Ok(found),
        Some(missing) => Err(at.definite("InvalidGroup.NotFound", format!("there is no security group {missing}"))),
    }
}

pub(super) async fn drive(
    step: &SecurityGroupFence,
    aws: &Aws,
    region: &str,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let client = aws.ec2(region).await;
    let current = interfaces(&client, step, region).await?;
    let at = at("ModifyNetworkInterfaceAttribute", region);
    let mut due = Vec::new();
    for (interface, to) in &transition.to.0 {
        let has = current.get(interface).map(|facts| &facts.security_groups);
        if has != Some(to) && has != transition.now.state.0.get(interface) {
            return Err(at.definite("changed_meanwhile", format!("{interface} was changed meanwhile: it has {has:?}")));
        }
        if has != Some(to) {
            due.push((interface, to));
        }
    }
    for (index, (interface, to)) in due.into_iter().enumerate() {
        let call = client.modify_network_interface_attribute().network_interface_id(interface);
        let call = call.set_groups(Some(to.iter().cloned().collect()));
        // The call that failed may have had no effect; the ones before it had.
        let effect = |error: CallError| if index > 0 { CallError { effect: Effect::Unknown, ..error } } else { error };
        call.send().await.map_err(|error| effect(classify(&at, error)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::step;
    use super::*;
    use crate::recorded::{RecordedWire, surroundings};
    use lifeboat_contract::{Change as _, Direction, Mode, Observed};
    use serde_json::json;
    use std::{collections::BTreeSet, sync::Arc};

    const INTERFACES: &str = "<DescribeNetworkInterfacesResponse><networkInterfaceSet>\
        <item><networkInterfaceId>eni-1</networkInterfaceId><vpcId>vpc-1</vpcId><groupSet><item><groupId>sg-2</groupId></item>\
        <item><groupId>sg-1</groupId></item></groupSet><attachment><instanceId>i-1</instanceId><deviceIndex>0</deviceIndex>\
        </attachment></item>\
        <item><networkInterfaceId>eni-2</networkInterfaceId><vpcId>vpc-1</vpcId><groupSet><item><groupId>sg-0</groupId></item>\
        </groupSet></item></networkInterfaceSet></DescribeNetworkInterfacesResponse>";
    const GROUPS: &str = "<DescribeSecurityGroupsResponse><securityGroupInfo><item><groupId>sg-0</groupId><vpcId>vpc-1</vpcId>\
        <ipPermissions/><ipPermissionsEgress/></item></securityGroupInfo></DescribeSecurityGroupsResponse>";

    fn wire() -> Arc<RecordedWire> {
        RecordedWire::new([
            ("DescribeNetworkInterfaces", Ok((200, INTERFACES))),
            ("DescribeSecurityGroups", Ok((200, GROUPS))),
            ("ModifyNetworkInterfaceAttribute", Ok((200, "<Response><return>true</return></Response>"))),
        ])
    }

    async fn drive(
        wire: &Arc<RecordedWire>,
        change: impl FnOnce(&mut Observed<State, Facts>, &mut State),
    ) -> Result<(), CallError> {
        let (_, cx) = surroundings(wire.clone(), Mode::Failover);
        let step = step(json!({"instance": "i-1"}));
        let mut now = step.observe(&cx).await.unwrap();
        let mut to = step.target(&now, &cx.run).unwrap();
        change(&mut now, &mut to);
        let (direction, mode) = (Direction::Forward, Mode::Failover);
        step.drive(&cx, &Transition { now, to, direction, mode, data_loss: None }).await
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_interface_that_is_not_fenced_is_written() {
        let wire = wire();
        drive(&wire, |_, _| ()).await.unwrap();
        let [(operation, region, body)] = &wire.writes()[..] else { panic!("one write") };
        assert_eq!((operation.as_str(), region.as_str()), ("ModifyNetworkInterfaceAttribute", "us-east-1"));
        assert!(body.contains("NetworkInterfaceId=eni-1") && body.contains("SecurityGroupId.1=sg-0"), "{body}");
        assert!(!body.contains("SecurityGroupId.2"), "{body}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_way_back_names_every_group() {
        let wire = wire();
        let groups: BTreeSet<String> = ["sg-1", "sg-2", "sg-3"].map(str::to_owned).into();
        drive(&wire, |_, to| *to.0.get_mut("eni-2").unwrap() = groups).await.unwrap();
        let bodies: Vec<String> = wire.writes().into_iter().map(|(_, _, body)| body).collect();
        let [_, second] = &bodies[..] else { panic!("two writes") };
        assert!(second.contains("SecurityGroupId.1=sg-1&SecurityGroupId.2=sg-2&SecurityGroupId.3=sg-3"), "{second}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_else_changed_is_left_alone() {
        let wire = wire();
        let seen = |now: &mut Observed<State, Facts>, _: &mut State| {
            now.state.0.insert("eni-1".to_owned(), BTreeSet::from(["sg-9".to_owned()]));
        };
        let error = drive(&wire, seen).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.effect), ("changed_meanwhile", Effect::None));
        assert_eq!(wire.writes(), []);
    }
}
