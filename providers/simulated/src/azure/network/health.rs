//! What load balancers believe of their backends. Probes are not simulated one by one.
//!
//! While a backend answers otherwise than it is believed to, a verdict is pending, which falls after as many intervals as the
//! threshold asks for; if the answer changes back before, it is dropped.

use super::{Balancer, Network, balancer::Member};
use jiff::Timestamp;
use lifeboat_contract::clock::after;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

/// Beliefs, by the ids of probe and backend.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Health {
    beliefs: BTreeMap<String, Belief>,
}

/// A backend that was never probed counts as down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Belief {
    up: bool,
    verdict: Option<Verdict>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Verdict {
    up: bool,
    at: Timestamp,
}

/// A probe of one backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    key: String,
    /// The region of the load balancer.
    pub(crate) location: String,
    /// The id of a subnet of the backend's network.
    pub(crate) interface: Option<String>,
    pub(crate) port: u16,
    pub(crate) path: Option<String>,
    /// How long the backend must answer otherwise before it is believed.
    patience: Duration,
}

impl Health {
    /// When the next verdict falls.
    pub(super) fn next_event(&self) -> Option<Timestamp> {
        self.beliefs.values().filter_map(|belief| belief.verdict).map(|verdict| verdict.at).min()
    }

    /// Lets due verdicts fall, and takes note of what backends answer from now on.
    ///
    /// Must be called whenever an answer or the configuration changes: between two calls, everything is taken to be as it was
    /// at the first.
    pub(crate) fn advance(&mut self, now: Timestamp, probes: &[Probe], answers: &dyn Fn(&Probe) -> bool) {
        self.beliefs.retain(|key, _| probes.iter().any(|probe| probe.key == *key));
        for probe in probes {
            let belief = self.beliefs.entry(probe.key.clone()).or_default();
            if let Some(verdict) = belief.verdict.take_if(|verdict| verdict.at <= now) {
                belief.up = verdict.up;
            }
            let up = answers(probe);
            if belief.up == up {
                belief.verdict = None;
            } else if belief.verdict.is_none_or(|verdict| verdict.up != up) {
                belief.verdict = Some(Verdict { up, at: after(now, probe.patience) });
            }
        }
    }

    /// Lets every backend be as if it had been probed for long: for the start of a world.
    pub(crate) fn begin(&mut self, probes: &[Probe], answers: &dyn Fn(&Probe) -> bool) {
        self.beliefs.clear();
        for probe in probes {
            self.beliefs.insert(probe.key.clone(), Belief { up: answers(probe), verdict: None });
        }
    }

    pub(super) fn up(&self, probe: &str, member: &Member) -> bool {
        self.beliefs.get(&belief_key(probe, &member.key)).is_some_and(|belief| belief.up)
    }
}

impl Network {
    /// Every probe that a load balancer makes: one per rule's probe and backend.
    pub(crate) fn probes(&self) -> Vec<Probe> {
        let mut probes: BTreeMap<String, Probe> = BTreeMap::new();
        for (balancer, kept) in &self.balancers {
            for (check_key, check, pool) in checks(&kept.effect) {
                for member in self.members(&kept.effect, pool) {
                    let key = belief_key(check_key, &member.key);
                    let seconds = check.interval_s.saturating_mul(u64::from(check.threshold));
                    let probe = Probe {
                        location: kept.location.clone(),
                        interface: self.backend_interface(balancer, &member.key, member.address),
                        port: check.port,
                        path: check.path.clone(),
                        patience: Duration::from_secs(seconds),
                        key: key.clone(),
                    };
                    probes.insert(key, probe);
                }
            }
        }
        probes.into_values().collect()
    }

    /// The interface behind a member of a pool: its own, or the one that has its address in the load balancer's network.
    pub(super) fn backend_interface(&self, balancer: &str, member: &str, address: Ipv4Addr) -> Option<String> {
        if let Some((interface, _)) = member.split_once("/ipconfigurations/") {
            return Some(interface.to_owned());
        }
        let frontends = self.balancers.get(balancer)?.effect.frontends.values();
        let networks =
            frontends.filter_map(|frontend| frontend.subnet.as_deref()).map(super::virtual_network::network_of);
        let mut owners = networks.filter_map(|network| self.owner(network, address));
        owners.next().map(str::to_owned)
    }
}

fn checks(balancer: &Balancer) -> impl Iterator<Item = (&String, &super::balancer::ProbeCheck, &String)> {
    let probed = balancer.rules.iter().filter_map(|rule| Some((rule, rule.probe.as_ref()?)));
    probed.flat_map(move |(rule, probe)| {
        rule.pools.iter().filter_map(move |pool| Some((probe, balancer.probes.get(probe)?, pool)))
    })
}

fn belief_key(probe: &str, member: &str) -> String {
    format!("{probe} {member}")
}
