//! What is asked of profiles as a whole. Health and answers follow by themselves.

use super::{Endpoint, EndpointKind, Monitor, Profile, RoutingMethod, TrafficManager, health::Health, input::bad, key};
use crate::azure::{ArmCx, ArmError, ArmReply, ArmRequest};
use serde_json::Map;

impl Profile {
    /// A profile with the service's defaults.
    pub(crate) fn new(group: &str, name: &str) -> Self {
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            tags: Map::new(),
            enabled: true,
            method: RoutingMethod::default(),
            relative_name: String::new(),
            ttl_s: 60,
            monitor: Monitor::default(),
            endpoints: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Keeps what is known of endpoints that are the same as before.
    pub(super) fn inherit_health(&mut self, before: &Self) {
        for endpoint in &mut self.endpoints {
            let same = before.endpoint(endpoint.kind, &endpoint.name);
            endpoint.inherit_health(same);
        }
    }
}

impl Endpoint {
    /// Keeps what is known of it, unless it leads elsewhere now or was out of use.
    pub(super) fn inherit_health(&mut self, before: Option<&Self>) {
        let same = before.filter(|before| before.target == self.target && before.enabled);
        self.health = same.map_or_else(Health::default, |before| before.health.clone());
    }
}

impl TrafficManager {
    /// Replaces a profile, or creates it.
    pub(super) fn put_profile(&mut self, request: &ArmRequest<'_>, cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        let (path, body) = (&request.path, request.resource_body()?);
        let key = key(path);
        let before = self.profiles.get(&key).cloned();
        let (group, name) = match &before {
            Some(before) => (before.group.clone(), before.name.clone()),
            None => (path.group.clone().unwrap_or_default(), path.name().to_owned()),
        };
        let mut profile = Profile::new(&group, &name);
        profile.apply(body)?;
        if profile.relative_name.is_empty() {
            return Err(bad("The property 'dnsConfig.relativeName' is required."));
        }
        profile.endpoints = Profile::read_endpoints(body)?.unwrap_or_default();
        if let Some(before) = &before {
            profile.inherit_health(before);
            profile.answers.clone_from(&before.answers);
        }
        self.keep(key, profile, if before.is_some() { 200 } else { 201 }, cx)
    }

    /// Changes what is given of a profile. Endpoints that are given replace all there were.
    pub(super) fn patch_profile(&mut self, request: &ArmRequest<'_>, cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        let (path, body) = (&request.path, request.resource_body()?);
        let key = key(path);
        let before = self.profiles.get(&key).ok_or_else(|| ArmError::resource_not_found(path))?;
        let mut profile = before.clone();
        profile.apply(body)?;
        if let Some(endpoints) = Profile::read_endpoints(body)? {
            profile.endpoints = endpoints;
            profile.inherit_health(before);
        }
        self.keep(key, profile, 200, cx)
    }

    /// Keeps a changed profile if it is right.
    fn keep(&mut self, key: String, profile: Profile, status: u16, cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        profile.check_endpoints()?;
        let fqdn = profile.fqdn();
        if self.named(&fqdn).is_some_and(|other| other != key) {
            return Err(bad(format!("Domain name {fqdn} already exists. Please choose a different DNS prefix.")));
        }
        for endpoint in &profile.endpoints {
            self.check_nesting(endpoint, &key)?;
        }
        let body = self.body(&profile, cx);
        self.profiles.insert(key, profile);
        Ok(ArmReply::Json(status, body))
    }

    /// A nested endpoint leads to another profile that exists.
    pub(super) fn check_nesting(&self, endpoint: &Endpoint, inside: &str) -> Result<(), ArmError> {
        if endpoint.kind != EndpointKind::Nested {
            return Ok(());
        }
        let known = self.child_key(endpoint).is_some_and(|child| child != inside && self.profiles.contains_key(&child));
        let message = || format!("The target of nested endpoint '{}' is no other profile.", endpoint.name);
        if known { Ok(()) } else { Err(bad(message())) }
    }
}
