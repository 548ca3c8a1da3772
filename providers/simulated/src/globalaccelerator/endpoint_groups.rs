//! Global Accelerator's operations on endpoint groups and their endpoints. Does not decide where traffic goes.

use super::{
    Accelerator, Endpoint, EndpointGroup, GlobalAccelerator,
    input::{self, Input, invalid},
    operations::{GaCx, missing},
};
use crate::codec::ApiError;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NOT_FOUND: &str = "EndpointGroupNotFoundException";

impl GlobalAccelerator {
    pub(super) fn create_endpoint_group(&mut self, input: &Input, cx: &GaCx<'_>) -> Result<Value, ApiError> {
        if let Some(arn) = self.tokens.get(input::text(input, "IdempotencyToken")?.unwrap_or_default()) {
            let (accelerator, group) = self.find_group(arn)?;
            return Ok(json!({ "EndpointGroup": accelerator.describe_group(group) }));
        }
        let listener_arn = input::required(input, "ListenerArn")?;
        let region = input::required(input, "EndpointGroupRegion")?;
        let (_, listener) = self.find_listener(listener_arn)?;
        if listener.groups.values().any(|group| group.region == region) {
            return Err(ApiError::new(
                "EndpointGroupAlreadyExistsException",
                400,
                format!("the listener already has an endpoint group in {region}"),
            ));
        }
        let ports = listener.ports.clone();
        let endpoints = input::endpoints(input)?.unwrap_or_default();
        resolve(&endpoints, cx)?;
        let mut health_check = default_health_check(ports.first().map_or(80, |(first, _)| *first));
        input::health_check(input, &mut health_check)?;
        let dial = input::dial(input)?.unwrap_or(100.0);
        let port_overrides = input::list(input, "PortOverrides")?.cloned().unwrap_or_default();
        let arn = format!("{listener_arn}/endpoint-group/{}", self.next_hex("endpoint-group", 12));
        let group = EndpointGroup {
            arn: arn.clone(),
            region: region.to_owned(),
            dial,
            endpoints,
            health_check,
            port_overrides,
        };
        self.remember(input, &arn);
        let accelerator = self.owner_mut(listener_arn, "ListenerNotFoundException")?;
        let answer = json!({ "EndpointGroup": accelerator.describe_group(&group) });
        if let Some(listener) = accelerator.listeners.get_mut(listener_arn) {
            listener.groups.insert(arn, group);
        }
        accelerator.changed(cx.now, cx.pace);
        Ok(answer)
    }

    /// Endpoints that are given replace all there were; those that are not given stay as they are.
    pub(super) fn update_endpoint_group(&mut self, input: &Input, cx: &GaCx<'_>) -> Result<Value, ApiError> {
        let arn = input::required(input, "EndpointGroupArn")?;
        let endpoints = input::endpoints(input)?;
        let dial = input::dial(input)?;
        let port_overrides = input::list(input, "PortOverrides")?.cloned();
        self.find_group(arn)?;
        resolve(endpoints.as_deref().unwrap_or_default(), cx)?;
        let accelerator = self.owner_mut(arn, NOT_FOUND)?;
        let group = accelerator.group_mut(arn).ok_or_else(|| missing(NOT_FOUND, arn))?;
        input::health_check(input, &mut group.health_check)?;
        if let Some(endpoints) = endpoints {
            group.endpoints = endpoints;
        }
        if let Some(dial) = dial {
            group.dial = dial;
        }
        if let Some(port_overrides) = port_overrides {
            group.port_overrides = port_overrides;
        }
        let group = group.clone();
        accelerator.changed(cx.now, cx.pace);
        Ok(json!({ "EndpointGroup": accelerator.describe_group(&group) }))
    }

    pub(super) fn delete_endpoint_group(&mut self, input: &Input, cx: &GaCx<'_>) -> Result<Value, ApiError> {
        let arn = input::required(input, "EndpointGroupArn")?;
        self.find_group(arn)?;
        let accelerator = self.owner_mut(arn, NOT_FOUND)?;
        for listener in accelerator.listeners.values_mut() {
            listener.groups.remove(arn);
        }
        accelerator.changed(cx.now, cx.pace);
        self.tags.remove(arn);
        Ok(json!({}))
    }

    pub(super) fn add_endpoints(&mut self, input: &Input, cx: &GaCx<'_>) -> Result<Value, ApiError> {
        let arn = input::required(input, "EndpointGroupArn")?;
        let added = input::endpoints(input)?.ok_or_else(|| invalid("EndpointConfigurations is required"))?;
        self.find_group(arn)?;
        resolve(&added, cx)?;
        let accelerator = self.owner_mut(arn, NOT_FOUND)?;
        let group = accelerator.group_mut(arn).ok_or_else(|| missing(NOT_FOUND, arn))?;
        for endpoint in added {
            group.endpoints.retain(|present| present.id != endpoint.id);
            group.endpoints.push(endpoint);
        }
        let group = group.clone();
        accelerator.changed(cx.now, cx.pace);
        Ok(json!({ "EndpointDescriptions": accelerator.describe_endpoints(&group), "EndpointGroupArn": arn }))
    }

    pub(super) fn remove_endpoints(&mut self, input: &Input, cx: &GaCx<'_>) -> Result<Value, ApiError> {
        let arn = input::required(input, "EndpointGroupArn")?;
        let ids: Vec<_> = input::list(input, "EndpointIdentifiers")?
            .into_iter()
            .flatten()
            .filter_map(|endpoint| endpoint.get("EndpointId").and_then(Value::as_str))
            .collect();
        self.find_group(arn)?;
        let accelerator = self.owner_mut(arn, NOT_FOUND)?;
        let group = accelerator.group_mut(arn).ok_or_else(|| missing(NOT_FOUND, arn))?;
        group.endpoints.retain(|endpoint| !ids.contains(&endpoint.id.as_str()));
        accelerator.changed(cx.now, cx.pace);
        Ok(json!({}))
    }

    pub(super) fn find_group(&self, arn: &str) -> Result<(&Accelerator, &EndpointGroup), ApiError> {
        self.accelerators
            .values()
            .flat_map(|accelerator| accelerator.listeners.values().map(move |listener| (accelerator, listener)))
            .find_map(|(accelerator, listener)| listener.groups.get(arn).map(|group| (accelerator, group)))
            .ok_or_else(|| missing(NOT_FOUND, arn))
    }
}

impl Accelerator {
    fn group_mut(&mut self, arn: &str) -> Option<&mut EndpointGroup> {
        self.listeners.values_mut().find_map(|listener| listener.groups.get_mut(arn))
    }
}

/// The service looks every given endpoint up, in the endpoint's own region.
fn resolve(endpoints: &[Endpoint], cx: &GaCx<'_>) -> Result<(), ApiError> {
    for endpoint in endpoints {
        match (cx.endpoint_exists)(&endpoint.id) {
            Some(true) => {}
            Some(false) => return Err(invalid(format!("{} does not exist", endpoint.id))),
            None => {
                return Err(ApiError::new(
                    "InternalServiceErrorException",
                    500,
                    format!("{} can't be looked up", endpoint.id),
                ));
            }
        }
    }
    Ok(())
}

pub(crate) fn default_health_check(port: u16) -> BTreeMap<String, Value> {
    [
        ("HealthCheckPort", json!(port)),
        ("HealthCheckProtocol", json!("TCP")),
        ("HealthCheckIntervalSeconds", json!(30)),
        ("ThresholdCount", json!(3)),
    ]
    .map(|(field, value)| (field.to_owned(), value))
    .into()
}
