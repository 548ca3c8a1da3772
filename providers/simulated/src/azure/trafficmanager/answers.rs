//! What clients are told of a profile, and when they follow. Does not look at endpoints: it goes by what is believed of them.

use super::{Endpoint, EndpointKind, Profile, RoutingMethod, TrafficManager};
use jiff::Timestamp;
use lifeboat_contract::clock::after;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What was answered from a moment on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DnsAnswer {
    /// How long clients that have this answer keep it.
    pub(super) ttl: Duration,
    /// When the last client that had an earlier answer has asked again.
    pub(super) followed_from: Timestamp,
    /// Nothing, where there is no answer.
    pub(super) shares: Vec<Share>,
}

/// A part of all clients, and where it goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Share {
    /// The part, of 1.
    pub(crate) part: f64,
    pub(crate) to: Leads,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Leads {
    /// A host name.
    Host(String),
    /// The key of another profile.
    Profile(String),
}

impl TrafficManager {
    /// Where clients of a profile go now: by the answers that they still keep.
    pub(crate) fn followed(&self, key: &str) -> &[Share] {
        let answers = self.profiles.get(key).map(|profile| profile.answers.as_slice()).unwrap_or_default();
        answers.first().map(|answer| answer.shares.as_slice()).unwrap_or_default()
    }

    /// Answers from now on by what is believed now. Clients follow when what they know has run out.
    pub(super) fn publish(&mut self, now: Timestamp) {
        let current: Vec<(String, Vec<Share>)> =
            self.profiles.iter().map(|(key, profile)| (key.clone(), self.shares(profile))).collect();
        for (key, shares) in current {
            let Some(profile) = self.profiles.get_mut(&key) else { continue };
            let ttl = profile.ttl();
            let followed_from = match profile.answers.last() {
                Some(last) if last.shares == shares && last.ttl == ttl => continue,
                // Nobody asks again before the answer that he has runs out, also if it was given just now.
                Some(last) => after(now, last.ttl).max(last.followed_from),
                None => now,
            };
            profile.answers.push(DnsAnswer { ttl, followed_from, shares });
            profile.turn(now);
        }
    }

    /// What a query is answered with now.
    fn shares(&self, profile: &Profile) -> Vec<Share> {
        if !profile.enabled {
            return Vec::new();
        }
        let enabled: Vec<&Endpoint> =
            profile.endpoints.iter().filter(|endpoint| endpoint.enabled && self.leads(endpoint).is_some()).collect();
        let status = |endpoint: &Endpoint| self.monitor_status(profile, endpoint, 0);
        let well = |endpoint: &&Endpoint| matches!(status(endpoint), "Online" | "CheckingEndpoint" | "Unmonitored");
        let mut eligible: Vec<&Endpoint> = enabled.iter().copied().filter(well).collect();
        if eligible.is_empty() {
            // All are degraded: the service answers as if all were well. A stopped profile has no answer to give.
            eligible = enabled.into_iter().filter(|endpoint| status(endpoint) != "Stopped").collect();
        }
        if profile.method == RoutingMethod::Priority {
            eligible = eligible.into_iter().min_by_key(|endpoint| endpoint.priority).into_iter().collect();
        }
        let weight = |endpoint: &Endpoint| match profile.method {
            RoutingMethod::Priority => 1.0,
            RoutingMethod::Weighted => f64::from(endpoint.weight),
        };
        let total: f64 = eligible.iter().map(|endpoint| weight(endpoint)).sum();
        eligible
            .into_iter()
            .filter_map(|endpoint| Some(Share { part: weight(endpoint) / total, to: self.leads(endpoint)? }))
            .collect()
    }

    fn leads(&self, endpoint: &Endpoint) -> Option<Leads> {
        match endpoint.kind {
            EndpointKind::Nested => self.child_key(endpoint).map(Leads::Profile),
            EndpointKind::Azure | EndpointKind::External => endpoint.target.clone().map(Leads::Host),
        }
    }
}

impl Profile {
    /// When clients go over to the next answer.
    pub(super) fn next_turn(&self) -> Option<Timestamp> {
        self.answers.get(1).map(|answer| answer.followed_from)
    }

    /// Forgets the answers that no client goes by any more.
    pub(super) fn turn(&mut self, now: Timestamp) {
        let followed = self.answers.iter().rposition(|answer| answer.followed_from <= now).unwrap_or(0);
        self.answers.drain(..followed);
    }
}
