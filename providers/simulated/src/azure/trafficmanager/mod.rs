//! Traffic Manager: profiles, their endpoints' health, and what clients are told. Sends nothing itself.

mod answers;
mod describe;
mod endpoints;
mod health;
mod input;
mod profiles;
mod watch;

#[cfg(test)]
mod tests;

use super::{ArmCx, ArmError, ArmPath, ArmReply, ArmRequest};
use answers::Leads;
use health::{MonitorProbe, Probed};
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, time::Duration};

/// Every profile of a subscription, by group and name in lower case.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrafficManager {
    pub(crate) profiles: BTreeMap<String, Profile>,
}

/// A profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) tags: Map<String, Value>,
    pub(crate) enabled: bool,
    pub(crate) method: RoutingMethod,
    /// The first label of its name.
    pub(crate) relative_name: String,
    /// How long clients keep an answer, in seconds.
    pub(crate) ttl_s: u32,
    pub(crate) monitor: Monitor,
    /// In the order in which they were given.
    pub(crate) endpoints: Vec<Endpoint>,
    /// What was answered, the oldest that a client may still go by first.
    pub(crate) answers: Vec<answers::DnsAnswer>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RoutingMethod {
    #[default]
    Priority,
    Weighted,
}

/// What a profile asks its endpoints, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Monitor {
    pub(crate) protocol: MonitorProtocol,
    pub(crate) port: u16,
    /// None for TCP.
    pub(crate) path: Option<String>,
    pub(crate) interval_s: u32,
    pub(crate) timeout_s: u32,
    pub(crate) tolerated_failures: u32,
    /// The first and last status of each range that passes. Empty: 200 alone.
    pub(crate) expected: Vec<(u16, u16)>,
    /// Told again as it was given: probes carry it, and nothing here looks at it.
    pub(crate) custom_headers: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MonitorProtocol {
    Http,
    Https,
    Tcp,
}

/// One endpoint of a profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) kind: EndpointKind,
    /// Its host name.
    pub(crate) target: Option<String>,
    /// The id of what stands behind it: for a nested endpoint, of the other profile.
    pub(crate) target_resource: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) enabled: bool,
    pub(crate) always_serve: bool,
    pub(crate) weight: u32,
    pub(crate) priority: u32,
    pub(crate) min_child_endpoints: Option<u32>,
    /// Fields that are told again as they were given.
    pub(crate) others: Map<String, Value>,
    pub(crate) health: health::Health,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EndpointKind {
    Azure,
    External,
    Nested,
}

impl TrafficManager {
    pub(crate) fn answer(&mut self, request: &ArmRequest<'_>, cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        let path = &request.path;
        let last = path.last();
        match (path.types.as_slice(), last.as_deref()) {
            ([], Some("trafficmanagerprofiles")) if request.method == Method::GET => {
                Ok(ArmReply::Json(200, self.list(path, cx)))
            }
            ([], Some("trafficmanagerprofiles")) => Err(ArmError::method_not_allowed(&request.method)),
            ([_], None) => self.answer_profile(request, cx),
            ([_, (kind, _)], None) => match EndpointKind::of(kind) {
                Some(kind) => self.answer_endpoint(kind, request, cx),
                None => Err(ArmError::unknown_type(path)),
            },
            _ => Err(ArmError::unknown_type(path)),
        }
    }

    fn answer_profile(&mut self, request: &ArmRequest<'_>, cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        let path = &request.path;
        let key = key(path);
        match request.method {
            Method::GET => {
                let profile = self.profiles.get(&key).ok_or_else(|| ArmError::resource_not_found(path))?;
                Ok(ArmReply::Json(200, self.body(profile, cx)))
            }
            Method::PUT => self.put_profile(request, cx),
            Method::PATCH => self.patch_profile(request, cx),
            Method::DELETE => Ok(match self.profiles.remove(&key) {
                Some(_) => ArmReply::Json(200, serde_json::json!({ "operationResult": true })),
                None => ArmReply::Empty(204),
            }),
            _ => Err(ArmError::method_not_allowed(&request.method)),
        }
    }

    fn list(&self, path: &ArmPath, cx: &ArmCx<'_>) -> Value {
        let inside =
            |profile: &&Profile| path.group.as_ref().is_none_or(|group| group.eq_ignore_ascii_case(&profile.group));
        let listed: Vec<Value> = self.profiles.values().filter(inside).map(|profile| self.body(profile, cx)).collect();
        serde_json::json!({ "value": listed })
    }

    /// The key of the profile with this host name.
    pub(crate) fn named(&self, host: &str) -> Option<&str> {
        let found = self.profiles.iter().find(|(_, profile)| profile.fqdn().eq_ignore_ascii_case(host));
        found.map(|(key, _)| key.as_str())
    }

    /// The key of the profile behind a nested endpoint: named by its id, or by its host name.
    fn child_key(&self, endpoint: &Endpoint) -> Option<String> {
        let by_id = endpoint.target_resource.as_deref().and_then(key_of_id);
        by_id.or_else(|| self.named(endpoint.target.as_deref()?).map(str::to_owned))
    }

    /// When the next verdict falls, or clients go over to the next answer.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        let profiles = self.profiles.values();
        profiles.flat_map(|profile| profile.next_verdict().into_iter().chain(profile.next_turn())).min()
    }

    /// Completes what is due at `now`.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        for profile in self.profiles.values_mut() {
            profile.decide(now);
            profile.turn(now);
        }
    }

    /// The configuration alone.
    pub(crate) fn contents(&self) -> Value {
        self.profiles.iter().map(|(key, profile)| (key.clone(), profile.contents())).collect::<Map<_, _>>().into()
    }
}

impl Profile {
    pub(crate) fn fqdn(&self) -> String {
        format!("{}.trafficmanager.net", self.relative_name)
    }

    fn endpoint(&self, kind: EndpointKind, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.kind == kind && endpoint.name.eq_ignore_ascii_case(name))
    }

    /// How long clients keep an answer.
    fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl_s.into())
    }

    /// The least priority that no endpoint has.
    pub(crate) fn free_priority(&self) -> u32 {
        let taken = |priority: &u32| self.endpoints.iter().any(|endpoint| endpoint.priority == *priority);
        (1..=1000).find(|priority| !taken(priority)).unwrap_or(1000)
    }
}

/// What profiles are kept by.
pub(crate) fn profile_key(group: &str, name: &str) -> String {
    format!("{group}/{name}").to_ascii_lowercase()
}

/// The key of the profile that a resource id names.
fn key_of_id(id: &str) -> Option<String> {
    let path = ArmPath::parse(id)?;
    let right = path.kind() == "trafficmanagerprofiles";
    right.then(|| key(&path))
}

fn key(path: &ArmPath) -> String {
    profile_key(path.group.as_deref().unwrap_or_default(), path.name_at(0))
}

impl EndpointKind {
    /// The kind of a path's segment, or of a type's last part, whatever its case.
    pub(super) fn of(segment: &str) -> Option<Self> {
        match segment.to_ascii_lowercase().as_str() {
            "azureendpoints" => Some(Self::Azure),
            "externalendpoints" => Some(Self::External),
            "nestedendpoints" => Some(Self::Nested),
            _ => None,
        }
    }

    const fn segment(self) -> &'static str {
        match self {
            Self::Azure => "azureEndpoints",
            Self::External => "externalEndpoints",
            Self::Nested => "nestedEndpoints",
        }
    }
}
