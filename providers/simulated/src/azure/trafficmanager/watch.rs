//! What endpoints answer, and the way through a profile. Decides neither health nor answers.

use super::{Leads, MonitorProbe, MonitorProtocol, Probed, TrafficManager, health::DEPTH_MAX};
use crate::{
    cloud::Cloud,
    reach::Request,
    traffic::{End, Estate, HostTarget, Way},
};
use jiff::Timestamp;
use std::net::IpAddr;

impl Cloud {
    /// Lets every profile take note of what its endpoints answer now.
    pub(crate) fn watch_traffic_managers(&mut self, estate: &Estate, now: Timestamp) {
        let probed = self.probed(estate, now);
        self.azure.trafficmanager.notice(&probed, now);
    }

    /// Lets every profile be as if it had watched for long: for the start of a world.
    pub(crate) fn believe_traffic_managers(&mut self, estate: &Estate, now: Timestamp) {
        let probed = self.probed(estate, now);
        self.azure.trafficmanager.believe(&probed, now);
    }

    fn probed(&self, estate: &Estate, now: Timestamp) -> Probed {
        let probes = self.azure.trafficmanager.probes().into_iter();
        probes.map(|(key, place, probe)| ((key, place), estate.passes_monitor(self, &probe, now))).collect()
    }
}

impl TrafficManager {
    /// Where clients of a profile go now, as host targets and parts.
    fn destinations(&self, estate: &Estate, cloud: &Cloud, key: &str) -> Vec<(f64, Option<HostTarget>)> {
        let target = |to: &Leads| match to {
            Leads::Host(host) => estate.target(cloud, host),
            Leads::Profile(key) => Some(HostTarget::TrafficManager(key.clone())),
        };
        self.followed(key).iter().map(|share| (share.part, target(&share.to))).collect()
    }
}

impl Estate {
    /// Where the requests of a profile's clients end. Profiles that lead to each other lead to nobody.
    pub(crate) fn profile_ways(
        &self,
        cloud: &Cloud,
        key: &str,
        request: &Request<'_>,
        region: &str,
        depth: u8,
    ) -> Vec<Way> {
        let mut ways = Vec::new();
        if depth < DEPTH_MAX {
            for (part, target) in cloud.azure.trafficmanager.destinations(self, cloud, key) {
                let further = self.ways_to(cloud, target, request, region, depth + 1).into_iter();
                ways.extend(further.map(|way| Way { part: way.part * part, ..way }));
            }
        }
        if ways.is_empty() {
            ways.push(Way { part: 1.0, end: End::Nobody });
        }
        ways
    }

    /// The addresses that clients of a profile are told.
    pub(crate) fn profile_addresses(&self, cloud: &Cloud, key: &str, depth: u8) -> Vec<IpAddr> {
        if depth >= DEPTH_MAX {
            return Vec::new();
        }
        let destinations = cloud.azure.trafficmanager.destinations(self, cloud, key);
        destinations.into_iter().flat_map(|(_, target)| self.addresses_of(cloud, target, depth + 1)).collect()
    }

    /// Whether an endpoint's target passes a probe from the internet right now.
    ///
    /// Where a target spreads requests, the probe goes by what most of them meet.
    fn passes_monitor(&self, cloud: &Cloud, probe: &MonitorProbe, now: Timestamp) -> bool {
        let private =
            matches!(self.target(cloud, &probe.host), Some(HostTarget::Address(address)) if address.is_private());
        if private {
            return false;
        }
        let request = Request { host: &probe.host, port: probe.port, path: &probe.path, now };
        let ways = self.ways(cloud, &request, &self.vantage_region);
        let passing = ways.iter().filter(|way| self.end_passes(cloud, &way.end, probe));
        passing.map(|way| way.part).sum::<f64>() >= 0.5
    }

    fn end_passes(&self, cloud: &Cloud, end: &End, probe: &MonitorProbe) -> bool {
        match end {
            End::Nobody | End::Refused => false,
            End::Turned(status) => probe.protocol == MonitorProtocol::Tcp || probe.accepts(*status),
            End::Instance { id, port, behind } => match probe.protocol {
                MonitorProtocol::Tcp => *behind || self.listener(cloud, id, *port).is_some(),
                MonitorProtocol::Http | MonitorProtocol::Https => {
                    self.serve(cloud, id, *port, &probe.path).is_some_and(|served| probe.accepts(served.status))
                }
            },
        }
    }
}
