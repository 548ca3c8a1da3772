//! Profiles and endpoints as the API shows them. Changes none.

use super::{Endpoint, EndpointKind, Profile, TrafficManager};
use crate::azure::ArmCx;
use serde_json::{Value, json};

const PROFILES: &str = "Microsoft.Network/trafficManagerProfiles";

impl TrafficManager {
    pub(super) fn body(&self, profile: &Profile, cx: &ArmCx<'_>) -> Value {
        let endpoints: Vec<Value> =
            profile.endpoints.iter().map(|endpoint| self.endpoint_body(profile, endpoint, cx)).collect();
        let monitor = &profile.monitor;
        let mut config = json!({
            "profileMonitorStatus": self.profile_status(profile),
            "protocol": monitor.protocol.name(),
            "port": monitor.port,
            "path": monitor.path,
            "intervalInSeconds": monitor.interval_s,
            "timeoutInSeconds": monitor.timeout_s,
            "toleratedNumberOfFailures": monitor.tolerated_failures,
        });
        if !monitor.expected.is_empty() {
            let ranges: Vec<Value> =
                monitor.expected.iter().map(|(min, max)| json!({ "min": min, "max": max })).collect();
            config["expectedStatusCodeRanges"] = ranges.into();
        }
        if let Some(headers) = &monitor.custom_headers {
            config["customHeaders"] = headers.clone();
        }
        json!({
            "id": profile.id(cx),
            "name": profile.name,
            "type": PROFILES,
            "location": "global",
            "tags": profile.tags,
            "properties": {
                "profileStatus": status(profile.enabled),
                "trafficRoutingMethod": profile.method.name(),
                "dnsConfig": { "relativeName": profile.relative_name, "fqdn": profile.fqdn(), "ttl": profile.ttl_s },
                "monitorConfig": config,
                "endpoints": endpoints,
                "trafficViewEnrollmentStatus": "Disabled",
                "maxReturn": null,
            },
        })
    }

    pub(super) fn endpoint_body(&self, profile: &Profile, endpoint: &Endpoint, cx: &ArmCx<'_>) -> Value {
        let segment = endpoint.kind.segment();
        let mut properties = serde_json::Map::from_iter(endpoint.others.clone());
        let mut set = |field: &str, value: Value| properties.insert(field.to_owned(), value);
        set("endpointStatus", status(endpoint.enabled).into());
        set("endpointMonitorStatus", self.monitor_status(profile, endpoint, 0).into());
        set("weight", endpoint.weight.into());
        set("priority", endpoint.priority.into());
        set("alwaysServe", status(endpoint.always_serve).into());
        let texts = [
            ("target", &endpoint.target),
            ("targetResourceId", &endpoint.target_resource),
            ("endpointLocation", &endpoint.location),
        ];
        for (field, value) in texts {
            if let Some(value) = value {
                set(field, value.clone().into());
            }
        }
        if endpoint.kind == EndpointKind::Nested {
            set("minChildEndpoints", endpoint.min_child_endpoints.unwrap_or(1).into());
        }
        json!({
            "id": format!("{}/{segment}/{}", profile.id(cx), endpoint.name),
            "name": endpoint.name,
            "type": format!("{PROFILES}/{segment}"),
            "properties": properties,
        })
    }
}

impl Profile {
    fn id(&self, cx: &ArmCx<'_>) -> String {
        format!("/subscriptions/{}/resourceGroups/{}/providers/{PROFILES}/{}", cx.subscription, self.group, self.name)
    }

    /// What was asked for, without what is believed or answered.
    pub(super) fn contents(&self) -> Value {
        let endpoints: serde_json::Map<String, Value> = self
            .endpoints
            .iter()
            .map(|endpoint| (format!("{}/{}", endpoint.kind.segment(), endpoint.name), endpoint.contents()))
            .collect();
        json!({
            "enabled": self.enabled,
            "method": self.method,
            "relative_name": self.relative_name,
            "ttl_s": self.ttl_s,
            "monitor": self.monitor,
            "tags": self.tags,
            "endpoints": endpoints,
        })
    }
}

impl Endpoint {
    fn contents(&self) -> Value {
        json!({
            "enabled": self.enabled,
            "always_serve": self.always_serve,
            "weight": self.weight,
            "priority": self.priority,
            "target": self.target,
            "target_resource": self.target_resource,
            "location": self.location,
            "min_child_endpoints": self.min_child_endpoints,
            "others": self.others,
        })
    }
}

const fn status(enabled: bool) -> &'static str {
    if enabled { "Enabled" } else { "Disabled" }
}
