//! Builds Traffic Manager profiles, and finds the one that a host names.

use super::{Builder, place};
use crate::{
    azure::{Endpoint, EndpointKind, Monitor, MonitorProtocol, Profile, RoutingMethod, profile_key},
    document::{
        EnabledDocument, EndpointKindDocument, MonitorDocument, MonitorProtocolDocument, RoutingMethodDocument,
        TrafficManagerEndpointDocument, TrafficManagerProfileDocument,
    },
};
use lifeboat_contract::codes;
use std::{collections::BTreeMap, net::Ipv4Addr};

impl Builder<'_> {
    pub(super) fn azure_traffic_managers(&mut self) {
        let Some(azure) = &self.document.azure else { return };
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for (group, contents) in &azure.resource_groups {
            for (name, document) in &contents.traffic_manager_profiles {
                let at = ["azure", "resource_groups", group, "traffic_manager_profiles", name];
                let profile = self.profile(&at, document);
                let dns = profile.relative_name.to_ascii_lowercase();
                if let Some(other) = names.insert(dns, format!("{group}/{name}")) {
                    let message = format!("the profile {other} already has the name {}", profile.fqdn());
                    self.error(&[&at[..], &["dns_name"]].concat(), codes::DUPLICATE_ID, message);
                }
                self.cloud.azure.trafficmanager.profiles.insert(profile_key(group, name), profile);
            }
        }
    }

    fn profile(&mut self, at: &[&str; 5], document: &TrafficManagerProfileDocument) -> Profile {
        let [_, _, group, _, name] = *at;
        let mut profile = Profile::new(group, name);
        profile.relative_name = document.dns_name.clone().unwrap_or_else(|| name.to_owned());
        profile.enabled = document.status == EnabledDocument::Enabled;
        profile.method = match document.method {
            RoutingMethodDocument::Weighted => RoutingMethod::Weighted,
            RoutingMethodDocument::Priority => RoutingMethod::Priority,
            _ => {
                let message = "the simulated Traffic Manager routes by priority and by weight alone";
                self.error(&[&at[..], &["method"]].concat(), codes::BAD_VALUE, message).hint("method: priority");
                RoutingMethod::Priority
            }
        };
        match u32::try_from(document.ttl.get().as_secs()) {
            Ok(seconds) if seconds <= i32::MAX.unsigned_abs() && document.ttl.get().subsec_nanos() == 0 => {
                profile.ttl_s = seconds;
            }
            _ => {
                self.error(&[&at[..], &["ttl"]].concat(), codes::OUT_OF_RANGE, "a TTL is in whole seconds");
            }
        }
        profile.monitor = self.monitor(at, &document.monitor);
        // Those that name no priority get the least ones that the others leave.
        let mut given: Vec<u32> = document.endpoints.values().filter_map(|endpoint| endpoint.priority).collect();
        for (endpoint, contents) in &document.endpoints {
            let path = [&at[..], &["endpoints", endpoint]].concat();
            let priority = contents.priority.unwrap_or_else(|| {
                let free = (1..=1000).find(|priority| !given.contains(priority)).unwrap_or(1000);
                given.push(free);
                free
            });
            if profile.endpoints.iter().any(|other| other.priority == priority) {
                let message = format!("another endpoint has the priority {priority}");
                self.error(&[&path[..], &["priority"]].concat(), codes::DUPLICATE_ID, message);
            }
            let built = self.traffic_manager_endpoint(&path, group, endpoint, priority, contents);
            profile.endpoints.push(built);
        }
        profile
    }

    fn monitor(&mut self, at: &[&str; 5], document: &MonitorDocument) -> Monitor {
        let at = [&at[..], &["monitor"]].concat();
        let protocol = match document.protocol {
            MonitorProtocolDocument::Http => MonitorProtocol::Http,
            MonitorProtocolDocument::Https => MonitorProtocol::Https,
            MonitorProtocolDocument::Tcp => MonitorProtocol::Tcp,
        };
        let default_path = (protocol != MonitorProtocol::Tcp).then(|| "/".to_owned());
        let mut expected = Vec::new();
        for (index, range) in document.expected_statuses.iter().enumerate() {
            match status_range(range) {
                Some(range) => expected.push(range),
                None => {
                    let message = format!("{range} is neither a status nor a range of them");
                    self.error(&[&at[..], &["expected_statuses", &place(index)]].concat(), codes::BAD_VALUE, message)
                        .hint("200-299");
                }
            }
        }
        let seconds = |span: lifeboat_contract::Span| u32::try_from(span.get().as_secs()).unwrap_or(u32::MAX);
        let interval_s = seconds(document.interval);
        let monitor = Monitor {
            protocol,
            port: document.port,
            path: document.path.clone().or(default_path),
            interval_s,
            timeout_s: document.timeout.map_or(if interval_s == 10 { 9 } else { 10 }, seconds),
            tolerated_failures: document.tolerated_failures,
            expected,
            custom_headers: None,
        };
        if document.tolerated_failures > 9 {
            let message = "from 0 to 9 failures are tolerated";
            self.error(&[&at[..], &["tolerated_failures"]].concat(), codes::OUT_OF_RANGE, message);
        }
        if let Err(refused) = monitor.check() {
            let message = refused.message.trim_end_matches('.');
            let mut letters = message.chars();
            let first = letters.next().map(|first| first.to_ascii_lowercase()).unwrap_or_default();
            self.error(&at, codes::BAD_VALUE, format!("{first}{}", letters.as_str()));
        }
        monitor
    }

    fn traffic_manager_endpoint(
        &mut self,
        at: &[&str],
        group: &str,
        name: &str,
        priority: u32,
        document: &TrafficManagerEndpointDocument,
    ) -> Endpoint {
        let kind = match document.kind {
            EndpointKindDocument::Azure => EndpointKind::Azure,
            EndpointKindDocument::External => EndpointKind::External,
            EndpointKindDocument::Nested => EndpointKind::Nested,
        };
        for (field, value) in [("weight", document.weight), ("priority", document.priority)] {
            if value.is_some_and(|value| !(1..=1000).contains(&value)) {
                let message = format!("a {field} is from 1 to 1000");
                self.error(&[at, &[field]].concat(), codes::OUT_OF_RANGE, message);
            }
        }
        if document.min_child_endpoints.is_some() && kind != EndpointKind::Nested {
            let path = [at, &["min_child_endpoints"]].concat();
            self.error(&path, codes::CONFLICTING_FIELDS, "only a nested endpoint has child endpoints");
        }
        let mut endpoint = Endpoint::new(name, kind, priority);
        endpoint.enabled = document.status == EnabledDocument::Enabled;
        endpoint.always_serve = document.always_serve;
        endpoint.weight = document.weight.unwrap_or(1);
        endpoint.location.clone_from(&document.location);
        endpoint.min_child_endpoints = document.min_child_endpoints;
        if kind == EndpointKind::Nested {
            endpoint.target_resource = self.nested_profile(at, group, &document.target);
        } else {
            let host = document.target.to_ascii_lowercase();
            if !self.document.hosts.keys().any(|known| known.eq_ignore_ascii_case(&host)) && !is_dns_name(&host) {
                self.unknown(&[at, &["target"]].concat(), "host", &document.target);
            }
            endpoint.target = Some(document.target.clone());
            endpoint.target_resource.clone_from(&document.target_resource_id);
        }
        endpoint
    }

    /// The id of the profile that a nested endpoint names: of its own group, unless it names another.
    fn nested_profile(&mut self, at: &[&str], group: &str, target: &str) -> Option<String> {
        let named = if target.contains('/') { target.to_owned() } else { format!("{group}/{target}") };
        let own = at.get(2..5).is_some_and(|own| format!("{}/{}", own[0], own[2]).eq_ignore_ascii_case(&named));
        let Some((group, name)) = self.traffic_manager(&named).filter(|_| !own) else {
            self.unknown(&[at, &["target"]].concat(), "other Traffic Manager profile", target);
            return None;
        };
        let subscription = self.document.azure.as_ref().map(|azure| azure.subscription.as_str()).unwrap_or_default();
        Some(format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/trafficManagerProfiles/{name}"
        ))
    }

    /// The group and name of the document's profile that is meant by `NAME` or `GROUP/NAME`.
    fn traffic_manager(&self, named: &str) -> Option<(String, String)> {
        let groups = self.document.azure.as_ref()?.resource_groups.iter();
        let mut all = groups.flat_map(|(group, contents)| {
            contents.traffic_manager_profiles.keys().map(move |name| (group.clone(), name.clone()))
        });
        let (group, name) = named.split_once('/').map_or((None, named), |(group, name)| (Some(group), name));
        all.find(|(own_group, own_name)| {
            own_name.eq_ignore_ascii_case(name) && group.is_none_or(|group| own_group.eq_ignore_ascii_case(group))
        })
    }

    /// The key of the profile that a host leads to.
    pub(super) fn traffic_manager_key(&self, named: &str) -> Option<String> {
        self.traffic_manager(named).map(|(group, name)| profile_key(&group, &name))
    }
}

/// `200` or `200-299`.
fn status_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last && (100..=999).contains(&first) && last <= 999).then_some((first, last))
}

/// An address, or a name that the cloud itself gives and that the document can't hold as a host.
fn is_dns_name(host: &str) -> bool {
    host.parse::<Ipv4Addr>().is_ok()
        || [".trafficmanager.net", ".elb.amazonaws.com", ".awsglobalaccelerator.com"]
            .iter()
            .any(|suffix| host.ends_with(suffix))
}
