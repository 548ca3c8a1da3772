//! The world: a plain value that moves forward in time. Has no tasks, timers or IO, and reads no clock.

use crate::{
    cloud::Cloud,
    document::LatencyDocument,
    fault::Fault,
    incident::Incident,
    machine::Zone,
    traffic::{Estate, Figures, Load, Series, Serving, Taker, Traffic},
};
use jiff::Timestamp;
use lifeboat_contract::clock;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, net::IpAddr, time::Duration};

/// A simulated world: clouds, what runs in them, who uses it, and what goes wrong.
///
/// Two worlds that are equal go on equally when they are asked the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct World {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) seed: u64,
    pub(crate) start: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) latency: Latency,
    pub(crate) cloud: Cloud,
    pub(crate) estate: Estate,
    pub(crate) traffic: Traffic,
    /// What has not happened yet, the next first.
    pub(crate) incidents: Vec<Incident>,
    /// What happens when it is asked for, counted from the world's start.
    pub(crate) named_incidents: BTreeMap<String, Vec<Incident>>,
    pub(crate) faults: Vec<Fault>,
    /// Conditions that must never hold. Nothing in the world looks at them.
    pub(crate) never: Vec<String>,
    /// Calls that will take effect although nobody waits for them any more.
    pub(crate) late: Vec<LateCall>,
    /// The cloud as it was before the last write to a service, where a fault makes reads stale.
    pub(crate) before_write: BTreeMap<String, Snapshot>,
    pub(crate) remembers_writes: bool,
    /// How many requests were answered: chance and request ids come from it.
    pub(crate) requests: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) api: Duration,
    pub(crate) data: Duration,
}

impl From<&LatencyDocument> for Latency {
    fn from(document: &LatencyDocument) -> Self {
        Self { api: document.api.get(), data: document.data.get() }
    }
}

/// A request that lands later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LateCall {
    pub(crate) at: Timestamp,
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) at: Timestamp,
    pub(crate) cloud: Cloud,
}

impl World {
    /// The moment that this world has reached.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The moment at which this world began.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The AWS account that owns everything in this world.
    pub fn account(&self) -> &str {
        &self.account
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The regions that the world's document names.
    pub fn regions(&self) -> Vec<String> {
        self.cloud.regions.keys().cloned().collect()
    }

    /// The host names that the world's document gives.
    pub fn hosts(&self) -> Vec<String> {
        self.estate.hosts.keys().cloned().collect()
    }

    /// The addresses of a host name. None for a name that nobody knows.
    pub fn resolve(&self, host: &str) -> Vec<IpAddr> {
        self.estate.addresses(&self.cloud, host)
    }

    /// What the clients went through so far.
    pub fn figures(&self) -> Figures {
        self.traffic.figures(&self.cloud, &self.estate, self.start, self.now)
    }

    /// From now on, [`Figures::watched`] tells what is interrupted, whatever was interrupted before.
    pub fn watch(&mut self) {
        self.traffic.watch(self.now);
    }

    /// Notes from now on what happens over time. Goes on with what was noted already.
    pub fn note_series(&mut self) {
        self.traffic.series.get_or_insert_default();
    }

    /// What happened over time, where it was noted.
    pub fn series(&self) -> Option<&Series> {
        self.traffic.series.as_ref()
    }

    /// The incidents that can be asked for.
    pub fn incident_names(&self) -> Vec<String> {
        self.named_incidents.keys().cloned().collect()
    }

    /// How long after a named incident begins its first event happens.
    pub fn incident_strikes_after(&self, name: &str) -> Option<Duration> {
        let first = self.named_incidents.get(name)?.iter().map(|incident| incident.at).min()?;
        Some(clock::until(self.start, first))
    }

    /// Lets a named incident begin now. Tells whether there is one of this name.
    pub fn begin_incident(&mut self, name: &str) -> bool {
        let Some(incidents) = self.named_incidents.get(name) else { return false };
        let passed = clock::until(self.start, self.now);
        let now =
            incidents.iter().map(|incident| Incident { at: clock::after(incident.at, passed), ..incident.clone() });
        self.incidents.extend(now);
        self.incidents.sort_by_key(|incident| incident.at);
        self.settle();
        true
    }

    /// The configuration alone: no clocks, counters, measurements or request ids.
    ///
    /// Two worlds with equal contents are in the same configuration.
    pub fn contents(&self) -> Value {
        self.cloud.contents()
    }

    /// Goes forward to `to`: what is due in between happens in order of time. Does nothing when `to` has passed.
    pub fn advance(&mut self, to: Timestamp) {
        while self.now < to {
            let next = self.next_event().filter(|next| *next <= to).unwrap_or(to);
            self.measure(next);
            self.now = next;
            self.settle();
        }
    }

    /// When the next thing happens by itself, after now.
    pub fn next_event(&self) -> Option<Timestamp> {
        let cloud = &self.cloud;
        let services = [cloud.rds.next_event(), cloud.globalaccelerator.next_event(), cloud.azure.next_event()];
        let regions = cloud.regions.values().flat_map(|region| {
            let scaled = [region.autoscaling.next_event(), region.eks.next_event()];
            [region.ec2.next_event(), region.elb.next_event()].into_iter().chain(scaled)
        });
        let incident = self.incidents.first().map(|incident| incident.at);
        let late = self.late.iter().map(|call| call.at);
        let beats = self.estate.engines.values().map(|engine| engine.next_beat);
        // What was due at this moment has been done: an event that stays due would stop the world.
        services
            .into_iter()
            .chain(regions)
            .flatten()
            .chain(incident)
            .chain(late)
            .chain(beats)
            .filter(|at| *at > self.now && *at < Timestamp::MAX)
            .min()
    }

    /// Does what is due now, and lets everything take note of everything else.
    pub(crate) fn settle(&mut self) {
        while self.incidents.first().is_some_and(|incident| incident.at <= self.now) {
            let incident = self.incidents.remove(0);
            if let Some(series) = &mut self.traffic.series {
                series.note_incident(incident.at, &incident.what);
            }
            incident.what.apply(&mut self.cloud, &mut self.estate, self.now);
        }
        while let Some(place) = self.late.iter().position(|call| call.at <= self.now) {
            let call = self.late.remove(place);
            self.land(&call);
        }
        self.cloud.scale(&mut self.estate, self.now);
        self.advance_engines();
        self.cloud.settle(&self.estate, self.now);
        for promotion in std::mem::take(&mut self.cloud.rds.promotions) {
            self.traffic.families.promote(&promotion);
        }
    }

    /// Adds the time from now until `until`, in which nothing changes, to all measurements.
    fn measure(&mut self, until: Timestamp) {
        let (cloud, estate, from) = (&self.cloud, &self.estate, self.now);
        let load = Load::of(self.traffic.clients.values(), cloud, estate, from);
        let fortunes: Vec<_> =
            self.traffic.clients.values().map(|client| client.fortune(cloud, estate, &load, from)).collect();
        for ((name, client), fortune) in self.traffic.clients.iter_mut().zip(&fortunes) {
            client.measure(fortune, from, until);
            if let Some(series) = &mut self.traffic.series {
                series.note_client(name, fortune, from);
            }
        }
        self.traffic.families.measure(cloud, self.traffic.clients.values().zip(&fortunes), from, until);
        let pings = self.traffic.pings.values().map(|ping| ping.fate(cloud, estate));
        let senders = self.traffic.senders.values().map(|sender| estate.taker(cloud, sender, from));
        let served = fortunes.into_iter().map(|fortune| fortune.served.into_keys().collect()).collect();
        let now = Serving { clients: served, pings: pings.collect(), senders: senders.collect() };
        self.traffic.note_serving(cloud, estate, from, &now);
        for ((name, ping), fate) in self.traffic.pings.iter_mut().zip(now.pings) {
            if let Some(series) = &mut self.traffic.series {
                series.note_ping(name, &fate, from);
            }
            ping.measure(fate, from, until);
        }
        if let Some(series) = &mut self.traffic.series {
            series.note_lag(cloud, from, until);
        }
        self.measure_engines(now.senders, from, until);
        self.cloud.publish_lag(from, until);
    }

    /// Lets engines take note of their machines, and look at their storage when it is time.
    fn advance_engines(&mut self) {
        let Self { cloud, estate, traffic, now, .. } = self;
        for (cluster, engine) in &mut estate.engines {
            let senders = || traffic.senders.values().filter(|sender| sender.engine == *cluster);
            let since = |at: Timestamp| senders().map(|sender| sender.acknowledged_since(at)).sum();
            engine.advance(cloud, *now, &since);
        }
    }

    /// Messages go where the network leads them, and are worked on.
    fn measure_engines(&mut self, takers: Vec<Option<Taker>>, from: Timestamp, until: Timestamp) {
        for ((name, sender), taker) in self.traffic.senders.iter_mut().zip(takers) {
            if let Some(series) = &mut self.traffic.series {
                series.note_sender(name, taker.as_ref().map(|taker| taker.node.as_str()), from);
            }
            let acknowledged = sender.measure(taker.as_ref().map(|taker| taker.takes_ms), from, until);
            if let Some(engine) = taker.and_then(|taker| self.estate.engines.get_mut(&taker.cluster)) {
                engine.queue.accept(acknowledged);
            }
        }
        for engine in self.estate.engines.values_mut() {
            engine.measure(&self.cloud, from, until);
        }
    }
}

impl Cloud {
    /// Completes what is due at `now` in every service, causes before effects.
    fn settle(&mut self, estate: &Estate, now: Timestamp) {
        let lost = self.lost.clone();
        let up = |region: &str| !lost.get(region).is_some_and(|lost| lost.data);
        self.rds.advance(now, &up);
        self.settle_regions(estate, now);
        let healthy: BTreeMap<String, bool> = self.load_balancer_health();
        self.globalaccelerator.advance(now, &|endpoint| healthy.get(endpoint).copied().unwrap_or(false));
        self.azure.advance(now);
        let lost_zones = self.lost_zones.clone();
        let zone_up =
            |region: &str, zone: &str| !lost_zones.contains(&Zone { region: region.to_owned(), name: zone.to_owned() });
        self.azure.storage.notice(&up, &zone_up);
        self.azure.compute.notice(&zone_up);
        self.watch_backends(estate, now);
        self.watch_traffic_managers(estate, now);
    }
}
