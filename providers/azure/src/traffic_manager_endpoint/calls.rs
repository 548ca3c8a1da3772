//! The calls behind `azure.trafficmanager.endpoint`.
//!
//! The service has no etags: the endpoint is read again right before it is written, which makes the window small.

use super::{Facts, State, TrafficManagerEndpoint, standing::EndpointFacts};
use crate::{
    arm::Arm,
    arm_id::ArmId,
    needs::Location,
    operations::{TRAFFIC_ENDPOINT_GET, TRAFFIC_ENDPOINT_PATCH, TRAFFIC_PROFILE_GET},
};
use lifeboat_contract::{CallError, Transition};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(super) async fn read(step: &TrafficManagerEndpoint, arm: &Arm<'_>) -> Result<Facts, CallError> {
    let profile = step.profile();
    let found = arm.read_existing(&TRAFFIC_PROFILE_GET, &profile).await?;
    let location = Location::of(arm, &profile, &found).await?;
    let properties = found.properties();
    let all = properties["endpoints"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut siblings: BTreeMap<String, EndpointFacts> =
        all.iter().map(|endpoint| (key(&profile, endpoint), EndpointFacts::of(endpoint))).collect();
    let Some(own) = siblings.remove(&step.endpoint.key()) else {
        let message = format!("{} has no endpoint {}", profile.short(), step.endpoint.name());
        return Err(arm.site(&TRAFFIC_PROFILE_GET, &profile).definite("ResourceNotFound", message));
    };
    Ok(Facts {
        location,
        profile_enabled: !properties["profileStatus"]
            .as_str()
            .is_some_and(|text| text.eq_ignore_ascii_case("Disabled")),
        routing_method: properties["trafficRoutingMethod"].as_str().unwrap_or_default().to_owned(),
        ttl_s: properties["dnsConfig"]["ttl"].as_u64(),
        own,
        siblings,
    })
}

/// An endpoint by its id, or by its type and name where the profile shows it without one.
fn key(profile: &ArmId, endpoint: &Value) -> String {
    let own = endpoint["id"].as_str().and_then(|id| id.parse::<ArmId>().ok());
    own.map_or_else(
        || {
            let kind = endpoint["type"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default();
            profile.child(kind, endpoint["name"].as_str().unwrap_or_default()).key()
        },
        |id| id.key(),
    )
}

pub(super) async fn drive(
    step: &TrafficManagerEndpoint,
    arm: &Arm<'_>,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let found = arm.read_existing(&TRAFFIC_ENDPOINT_GET, &step.endpoint).await?;
    let current = State::seen(step, &EndpointFacts::of(&found.body));
    let (seen, to) = (&transition.now.state, &transition.to);
    let foreign = (current.status != seen.status && current.status != to.status)
        || (current.weight != seen.weight && current.weight != to.weight)
        || (current.priority != seen.priority && current.priority != to.priority);
    if foreign {
        let message = format!("{} was changed meanwhile: it is {}", step.endpoint.short(), json!(current));
        return Err(arm.site(&TRAFFIC_ENDPOINT_PATCH, &step.endpoint).definite("changed_meanwhile", message));
    }
    let due = due(&current, to);
    if due.is_empty() {
        return Ok(());
    }
    let body = json!({ "properties": due });
    arm.write(&TRAFFIC_ENDPOINT_PATCH, &step.endpoint, Some(body), found.etag.as_deref()).await.map(drop)
}

/// What has to be sent, and nothing else.
fn due(current: &State, to: &State) -> Map<String, Value> {
    let mut due = Map::new();
    if let Some(status) = to.status.filter(|_| to.status != current.status) {
        let word = match status {
            super::Status::Enabled => "Enabled",
            super::Status::Disabled => "Disabled",
        };
        due.insert("endpointStatus".to_owned(), json!(word));
    }
    for (field, to, current) in [("weight", to.weight, current.weight), ("priority", to.priority, current.priority)] {
        if let Some(number) = to.filter(|_| to != current) {
            due.insert(field.to_owned(), json!(number));
        }
    }
    due
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::{PROFILE, step};
    use super::*;
    use crate::recorded::{RecordedWire, ok, surroundings};
    use lifeboat_contract::{Change as _, Direction, Mode, Phase};
    use std::sync::Arc;

    fn endpoint(name: &str, status: &str, priority: u32) -> Value {
        json!({"id": format!("{PROFILE}/externalEndpoints/{name}"), "name": name,
            "type": "Microsoft.Network/trafficManagerProfiles/externalEndpoints",
            "properties": {"endpointStatus": status, "weight": 1, "priority": priority, "endpointMonitorStatus": "Online"}})
    }

    fn wire(read: &Value, again: Value) -> Arc<RecordedWire> {
        let profile = json!({"location": "global", "properties": {"profileStatus": "Enabled", "trafficRoutingMethod": "Priority",
            "dnsConfig": {"ttl": 30}, "endpoints": [read, endpoint("west", "Enabled", 2)]}});
        RecordedWire::new([
            ("Profiles_Get", vec![ok(profile)]),
            ("Endpoints_Get", vec![ok(again)]),
            ("Endpoints_Update", vec![ok(json!({}))]),
            ("ResourceGroups_Get", vec![ok(json!({"location": "westus"}))]),
        ])
    }

    async fn driven(wire: Arc<RecordedWire>, with: Value) -> Result<(), CallError> {
        let (_, cx) = surroundings(wire, Mode::Switchover);
        let step = step(with);
        let now = step.observe(&cx).await?;
        assert_eq!(now.phase, Phase::Settled);
        let planes = step.touches(&cx.run, Some(&now)).planes;
        let regions: Vec<_> = planes.into_iter().filter_map(|plane| plane.region).collect();
        assert_eq!(regions, ["global".into(), "westus".into()], "no region of its own, and that of its group");
        let to = step.target(&now, &cx.run).unwrap();
        step.drive(&cx, &Transition { now, to, direction: Direction::Forward, mode: Mode::Switchover, data_loss: None })
            .await
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_changes_is_sent() {
        let as_read = || endpoint("east", "Enabled", 1);
        let wire = wire(&as_read(), as_read());
        driven(wire.clone(), json!({"status": "disabled", "weight": 1, "priority": 3})).await.unwrap();
        let [write] = &wire.writes()[..] else { panic!("one write") };
        assert_eq!(write.operation, "Endpoints_Update");
        assert_eq!(write.path, format!("{PROFILE}/externalEndpoints/east"));
        assert_eq!(write.body, json!({"properties": {"endpointStatus": "Disabled", "priority": 3}}));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_changed_meanwhile_is_not_overwritten_and_what_is_done_is_not_done_again() {
        let meanwhile = wire(&endpoint("east", "Enabled", 1), endpoint("east", "Enabled", 7));
        let error = driven(meanwhile.clone(), json!({"priority": 3})).await.unwrap_err();
        assert_eq!((error.code.as_str(), meanwhile.writes()), ("changed_meanwhile", vec![]));
        let landed = wire(&endpoint("east", "Enabled", 1), endpoint("east", "Enabled", 3));
        driven(landed.clone(), json!({"priority": 3})).await.unwrap();
        assert_eq!(landed.writes(), []);
    }
}
