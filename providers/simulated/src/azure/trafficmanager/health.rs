//! How the health of endpoints changes, and what of it is told.
//!
//! Probes are not simulated one by one. While an endpoint answers otherwise than it is believed to, a verdict is pending: one
//! interval away for the better, as many as there are tolerated failures and one more for the worse. If its answer changes
//! back before, the verdict is dropped.

use super::{Endpoint, EndpointKind, MonitorProtocol, Profile, TrafficManager};
use jiff::Timestamp;
use lifeboat_contract::clock::after;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// How deep profiles may be nested.
pub(super) const DEPTH_MAX: u8 = 10;

/// What is believed of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Health {
    pub(crate) believed: Believed,
    pub(crate) verdict: Option<Verdict>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Believed {
    /// Nothing is known yet: the endpoint is answered with meanwhile.
    #[default]
    Checking,
    Online,
    Degraded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) online: bool,
    pub(crate) at: Timestamp,
}

/// What is asked of an endpoint's target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MonitorProbe {
    pub(crate) host: String,
    pub(crate) protocol: MonitorProtocol,
    pub(crate) port: u16,
    pub(crate) path: String,
    pub(crate) expected: Vec<(u16, u16)>,
}

/// Who passes right now, by the key of the profile and the place of the endpoint in it.
pub(crate) type Probed = BTreeMap<(String, usize), bool>;

impl MonitorProbe {
    /// Whether a status passes.
    pub(crate) fn accepts(&self, status: u16) -> bool {
        if self.expected.is_empty() {
            return status == 200;
        }
        self.expected.iter().any(|&(first, last)| (first..=last).contains(&status))
    }
}

impl TrafficManager {
    /// What is asked of whom at present.
    pub(crate) fn probes(&self) -> Vec<(String, usize, MonitorProbe)> {
        let mut probes = Vec::new();
        for (key, profile) in &self.profiles {
            let monitor = &profile.monitor;
            for (place, endpoint) in profile.endpoints.iter().enumerate().filter(|(_, it)| profile.probes(it)) {
                let probe = MonitorProbe {
                    host: endpoint.target.clone().unwrap_or_default(),
                    protocol: monitor.protocol,
                    port: monitor.port,
                    path: monitor.path.clone().unwrap_or_else(|| "/".to_owned()),
                    expected: monitor.expected.clone(),
                };
                probes.push((key.clone(), place, probe));
            }
        }
        probes
    }

    /// Takes note of what endpoints answer from now on, and of what follows for clients.
    ///
    /// Must be called whenever an answer or the configuration changes: between two calls, everything is taken to be as it was
    /// at the first.
    pub(crate) fn notice(&mut self, probed: &Probed, now: Timestamp) {
        for (key, profile) in &mut self.profiles {
            profile.decide(now);
            let interval = Duration::from_secs(profile.monitor.interval_s.into());
            let tolerated = profile.monitor.tolerated_failures;
            for place in 0..profile.endpoints.len() {
                let watched = profile.probes(&profile.endpoints[place]);
                let health = &mut profile.endpoints[place].health;
                if watched {
                    let passes = probed.get(&(key.clone(), place)).copied().unwrap_or(false);
                    health.notice(passes, interval, tolerated, now);
                } else {
                    *health = Health::default();
                }
            }
        }
        self.publish(now);
    }

    /// Takes everything to be as if it had been probed for long: for the start of a world.
    pub(crate) fn believe(&mut self, probed: &Probed, now: Timestamp) {
        for ((key, place), passes) in probed {
            let endpoint = self.profiles.get_mut(key).and_then(|profile| profile.endpoints.get_mut(*place));
            if let Some(endpoint) = endpoint {
                let believed = if *passes { Believed::Online } else { Believed::Degraded };
                endpoint.health = Health { believed, verdict: None };
            }
        }
        self.publish(now);
    }

    /// An endpoint's `endpointMonitorStatus`.
    pub(super) fn monitor_status(&self, profile: &Profile, endpoint: &Endpoint, depth: u8) -> &'static str {
        if !endpoint.enabled {
            return "Disabled";
        }
        if !profile.enabled {
            return "Inactive";
        }
        if endpoint.always_serve {
            return "Unmonitored";
        }
        if endpoint.kind == EndpointKind::Nested {
            return self.nested_status(endpoint, depth);
        }
        match endpoint.health.believed {
            Believed::Checking => "CheckingEndpoint",
            Believed::Online => "Online",
            Believed::Degraded => "Degraded",
        }
    }

    /// A nested endpoint is as well as the profile behind it: it needs so many healthy endpoints there.
    fn nested_status(&self, endpoint: &Endpoint, depth: u8) -> &'static str {
        let child = self.child_key(endpoint).and_then(|key| self.profiles.get(&key));
        let Some(child) = child.filter(|child| child.enabled && depth < DEPTH_MAX) else { return "Stopped" };
        let enabled = child.endpoints.iter().filter(|endpoint| endpoint.enabled);
        let statuses: Vec<&str> = enabled.map(|inner| self.monitor_status(child, inner, depth + 1)).collect();
        if statuses.is_empty() {
            return "Stopped";
        }
        let count = |wanted: &[&str]| statuses.iter().filter(|status| wanted.contains(status)).count();
        let needed = usize::try_from(endpoint.min_child_endpoints.unwrap_or(1)).unwrap_or(usize::MAX);
        match () {
            () if count(&["Online", "Unmonitored"]) >= needed => "Online",
            () if count(&["Online", "Unmonitored", "CheckingEndpoint"]) >= needed => "CheckingEndpoint",
            () => "Degraded",
        }
    }

    /// A profile's `profileMonitorStatus`.
    pub(super) fn profile_status(&self, profile: &Profile) -> &'static str {
        if !profile.enabled {
            return "Disabled";
        }
        let enabled = profile.endpoints.iter().filter(|endpoint| endpoint.enabled);
        let statuses: Vec<&str> = enabled.map(|endpoint| self.monitor_status(profile, endpoint, 0)).collect();
        match () {
            () if statuses.contains(&"Degraded") => "Degraded",
            () if statuses.contains(&"Online") || statuses.contains(&"Unmonitored") => "Online",
            () if statuses.contains(&"CheckingEndpoint") => "CheckingEndpoints",
            () => "Inactive",
        }
    }
}

impl Profile {
    /// Whether an endpoint is probed itself.
    fn probes(&self, endpoint: &Endpoint) -> bool {
        self.enabled && endpoint.enabled && !endpoint.always_serve && endpoint.kind != EndpointKind::Nested
    }

    pub(super) fn next_verdict(&self) -> Option<Timestamp> {
        self.endpoints.iter().filter_map(|endpoint| endpoint.health.verdict).map(|verdict| verdict.at).min()
    }

    /// Lets the verdicts fall that are due.
    pub(super) fn decide(&mut self, now: Timestamp) {
        for endpoint in &mut self.endpoints {
            if let Some(verdict) = endpoint.health.verdict.take_if(|verdict| verdict.at <= now) {
                endpoint.health.believed = if verdict.online { Believed::Online } else { Believed::Degraded };
            }
        }
    }
}

impl Health {
    fn notice(&mut self, passes: bool, interval: Duration, tolerated: u32, now: Timestamp) {
        let believed = match self.believed {
            Believed::Online => Some(true),
            Believed::Degraded => Some(false),
            Believed::Checking => None,
        };
        if believed == Some(passes) {
            self.verdict = None;
        } else if self.verdict.is_none_or(|verdict| verdict.online != passes) {
            let probes = if passes { 1 } else { tolerated + 1 };
            self.verdict = Some(Verdict { online: passes, at: after(now, interval.saturating_mul(probes)) });
        }
    }
}
