//! The calls behind `aws.globalaccelerator.endpoint_group`.
//!
//! A dial alone is sent alone; with weights, the endpoints are sent as they were read just before, because the service replaces
//! the whole list.

use super::{
    CONTROL_REGION, Dial, EndpointFacts, EndpointGroup, Facts, GroupFacts, State, accelerator_of, listener_of,
};
use crate::{
    arn::Arn,
    connection::Aws,
    errors::{CallSite, classify},
};
use aws_sdk_globalaccelerator::{
    Client,
    types::{Accelerator, EndpointConfiguration, EndpointGroup as Description},
};
use lifeboat_contract::{CallError, Transition};
use std::collections::BTreeMap;

/// A listener has at most one group for each region; this many pages are more than there can be.
const PAGES_MAX: usize = 20;

fn at(operation: &'static str) -> CallSite<'static> {
    CallSite { service: "globalaccelerator", operation, region: CONTROL_REGION }
}

pub(super) async fn read(step: &EndpointGroup, aws: &Aws) -> Result<Facts, CallError> {
    let client = aws.globalaccelerator(CONTROL_REGION).await;
    let (group, accelerator, siblings) =
        tokio::join!(describe(&client, &step.arn), accelerator(&client, &step.arn), siblings(&client, &step.arn));
    let (group, accelerator, siblings) = (group?, accelerator?, siblings?);
    Ok(Facts {
        accelerator_status: accelerator.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        accelerator_enabled: accelerator.enabled.unwrap_or_default(),
        last_modified: accelerator.last_modified_time.map(|at| at.to_string()),
        group,
        siblings,
    })
}

async fn describe(client: &Client, arn: &str) -> Result<GroupFacts, CallError> {
    let at = at("DescribeEndpointGroup");
    let call = client.describe_endpoint_group().endpoint_group_arn(arn);
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    let group = answer.endpoint_group;
    group
        .map(facts)
        .ok_or_else(|| at.definite("EndpointGroupNotFoundException", format!("there is no endpoint group {arn}")))
}

async fn accelerator(client: &Client, arn: &str) -> Result<Accelerator, CallError> {
    let at = at("DescribeAccelerator");
    let call = client.describe_accelerator().accelerator_arn(accelerator_of(arn));
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    answer
        .accelerator
        .ok_or_else(|| at.definite("AcceleratorNotFoundException", format!("there is no accelerator of {arn}")))
}

async fn siblings(client: &Client, arn: &str) -> Result<BTreeMap<String, GroupFacts>, CallError> {
    let at = at("ListEndpointGroups");
    let listener = listener_of(arn).ok_or_else(|| at.definite("arn.malformed", format!("{arn} names no listener")))?;
    let mut groups = BTreeMap::new();
    let mut token = None;
    for _ in 0..PAGES_MAX {
        let call = client.list_endpoint_groups().listener_arn(listener).set_next_token(token);
        let page = call.send().await.map_err(|error| classify(&at, error))?;
        for group in page.endpoint_groups.unwrap_or_default() {
            match group.endpoint_group_arn.clone() {
                Some(sibling) if sibling != arn => groups.insert(sibling, facts(group)),
                _ => None,
            };
        }
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    Ok(groups)
}

fn facts(group: Description) -> GroupFacts {
    let endpoint = |endpoint: aws_sdk_globalaccelerator::types::EndpointDescription| EndpointFacts {
        id: endpoint.endpoint_id.unwrap_or_default(),
        // The service's own default.
        weight: endpoint.weight.and_then(|weight| u8::try_from(weight).ok()).unwrap_or(128),
        health: endpoint.health_state.map(|state| state.as_str().to_owned()),
        client_ip_preservation: endpoint.client_ip_preservation_enabled,
    };
    GroupFacts {
        region: group.endpoint_group_region.unwrap_or_default(),
        dial: Dial::from_service(group.traffic_dial_percentage.unwrap_or(100.0)),
        endpoints: group.endpoint_descriptions.map(|endpoints| endpoints.into_iter().map(endpoint).collect()),
    }
}

pub(super) async fn drive(
    step: &EndpointGroup,
    aws: &Aws,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let client = aws.globalaccelerator(CONTROL_REGION).await;
    let at = at("UpdateEndpointGroup");
    let group = describe(&client, &step.arn).await?;
    let current = State::of(step, &group);
    unchanged_meanwhile(&at, &current, transition)?;
    let to = &transition.to;
    if current == *to {
        return Ok(());
    }
    let mut call = client.update_endpoint_group().endpoint_group_arn(&step.arn);
    if let Some(dial) = to.dial {
        call = call.traffic_dial_percentage(dial.to_service());
    }
    if current.weights != to.weights {
        call = call.set_endpoint_configurations(Some(configurations(&client, step, &group.after(to)).await?));
    }
    call.send().await.map_err(|error| classify(&at, error))?;
    Ok(())
}

/// Every cell must be as it was observed or as it is asked for: anything else is somebody else's work, written since.
fn unchanged_meanwhile(
    at: &CallSite<'_>,
    current: &State,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let (seen, to) = (&transition.now.state, &transition.to);
    let dial = current.dial == seen.dial || current.dial == to.dial;
    let kept = |(endpoint, weight): (&String, &Option<u8>)| {
        [seen, to].iter().any(|state| state.weights.get(endpoint) == Some(weight))
    };
    if dial && current.weights.iter().all(kept) {
        return Ok(());
    }
    Err(at.definite("changed_meanwhile", format!("the endpoint group was changed meanwhile: {current:?}")))
}

/// All endpoints of the group: one that is left out would be removed, and a weight that is left out would become 128.
async fn configurations(
    client: &Client,
    step: &EndpointGroup,
    group: &GroupFacts,
) -> Result<Vec<EndpointConfiguration>, CallError> {
    let mut configurations = Vec::new();
    for endpoint in group.endpoints.iter().flatten() {
        let configuration = EndpointConfiguration::builder()
            .endpoint_id(&endpoint.id)
            .weight(i32::from(endpoint.weight))
            .set_client_ip_preservation_enabled(endpoint.client_ip_preservation)
            .set_attachment_arn(attachment(client, step, &endpoint.id).await?);
        configurations.push(configuration.build());
    }
    Ok(configurations)
}

/// The attachment that lets an accelerator use another account's endpoint. A group's description leaves it out.
async fn attachment(client: &Client, step: &EndpointGroup, endpoint: &str) -> Result<Option<String>, CallError> {
    let own = Arn::parse(&step.arn).map(|arn| arn.account);
    let Some(owner) = Arn::parse(endpoint).map(|arn| arn.account).filter(|owner| Some(*owner) != own) else {
        return Ok(None);
    };
    let at = at("ListCrossAccountResources");
    let call = client.list_cross_account_resources().accelerator_arn(accelerator_of(&step.arn));
    let answer = call.resource_owner_aws_account_id(owner).send().await.map_err(|error| classify(&at, error))?;
    let resources = answer.cross_account_resources.unwrap_or_default();
    let found = resources.into_iter().find(|resource| resource.endpoint_id() == Some(endpoint));
    found.and_then(|resource| resource.attachment_arn).map(Some).ok_or_else(|| {
        let message = format!(
            "the attachment of {endpoint}, which account {owner} owns, was not found; without it, it would be lost"
        );
        at.definite("attachment.not_found", message)
    })
}

#[cfg(test)]
mod tests {
    use crate::{
        endpoint_group::EndpointGroup,
        recorded::{RecordedWire, surroundings},
    };
    use lifeboat_contract::{Change as _, Direction, Mode, Phase, Transition};
    use serde_json::{Value, json};
    use std::sync::Arc;

    const ARN: &str = "arn:aws:globalaccelerator::111122223333:accelerator/a/listener/l/endpoint-group/r1";
    const GROUP: &str = r#"{"EndpointGroup": {
        "EndpointGroupArn": "arn:aws:globalaccelerator::111122223333:accelerator/a/listener/l/endpoint-group/r1",
        "EndpointGroupRegion": "us-east-1", "TrafficDialPercentage": 100.0,
        "EndpointDescriptions": [
            {"EndpointId": "eipalloc-1", "Weight": 128, "HealthState": "HEALTHY", "ClientIPPreservationEnabled": false},
            {"EndpointId": "eipalloc-2", "Weight": 0}]}}"#;
    const SIBLINGS: &str = r#"{"EndpointGroups": [
        {"EndpointGroupArn": "arn:aws:globalaccelerator::111122223333:accelerator/a/listener/l/endpoint-group/r2",
         "EndpointGroupRegion": "us-west-2", "TrafficDialPercentage": 33.3}]}"#;

    fn wire(status: &'static str) -> Arc<RecordedWire> {
        RecordedWire::new([
            ("DescribeEndpointGroup", Ok((200, GROUP))),
            ("DescribeAccelerator", Ok((200, status))),
            ("ListEndpointGroups", Ok((200, SIBLINGS))),
            ("UpdateEndpointGroup", Ok((200, "{}"))),
        ])
    }

    /// Observes, drives to what `with` asks for, and returns what was written.
    async fn written(with: Value) -> Vec<Value> {
        let wire =
            wire(r#"{"Accelerator": {"Status": "DEPLOYED", "Enabled": true, "LastModifiedTime": 1767225600.5}}"#);
        let (_, cx) = surroundings(wire.clone(), Mode::Switchover);
        let mut with = with;
        with["arn"] = json!(ARN);
        let step: EndpointGroup = serde_json::from_value(with).unwrap();
        let now = step.observe(&cx).await.unwrap();
        assert_eq!(now.phase, Phase::Settled);
        assert_eq!(now.facts.siblings.values().next().unwrap().dial.to_string(), "33.3");
        let to = step.target(&now, &cx.run).unwrap();
        let (direction, mode) = (Direction::Forward, Mode::Switchover);
        step.drive(&cx, &Transition { now, to, direction, mode, data_loss: None }).await.unwrap();
        assert!(wire.calls().iter().all(|(_, region)| region == "us-west-2"));
        wire.writes().iter().map(|(_, _, body)| serde_json::from_str(body).unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_dial_alone_leaves_the_endpoints_alone_and_sends_its_zero() {
        assert_eq!(written(json!({"dial": 0})).await, [json!({"EndpointGroupArn": ARN, "TrafficDialPercentage": 0.0})]);
        assert_eq!(written(json!({"dial": 100})).await, [] as [Value; 0], "nothing to do");
    }

    #[tokio::test(start_paused = true)]
    async fn a_weight_is_sent_with_every_endpoint_and_every_zero() {
        let sent = written(json!({"weights": {"eipalloc-1": 0}})).await;
        let endpoints = json!([
            {"EndpointId": "eipalloc-1", "Weight": 0, "ClientIPPreservationEnabled": false},
            {"EndpointId": "eipalloc-2", "Weight": 0}]);
        assert_eq!(sent, [json!({"EndpointGroupArn": ARN, "EndpointConfigurations": endpoints})]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deployment_under_way_is_moving() {
        let wire = wire(r#"{"Accelerator": {"Status": "IN_PROGRESS", "Enabled": true}}"#);
        let (_, cx) = surroundings(wire, Mode::Switchover);
        let step: EndpointGroup = serde_json::from_value(json!({"arn": ARN, "dial": 0})).unwrap();
        let phase = step.observe(&cx).await.unwrap().phase;
        assert_eq!(phase, Phase::Moving { toward: None, status: "IN_PROGRESS".to_owned() });
    }
}
