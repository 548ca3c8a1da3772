//! Which endpoints a client's new connections reach. Does not know whether they answer.

use super::{Accelerator, EndpointGroup, HealthState};

/// A part of a client's traffic that goes to one endpoint.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Share {
    pub(crate) endpoint: String,
    /// The part, of 1.
    pub(crate) part: f64,
}

/// Groups that take over from one without a healthy endpoint: the closest few, as the service documents it.
const FAILOVER_GROUPS: usize = 3;

impl Accelerator {
    /// Where new connections from `region` to `port` go. What the parts lack to 1 reaches nobody.
    ///
    /// A dial is the share that a group takes of the traffic attracted to it; the rest goes on to the next closest group. A
    /// group without a healthy endpoint hands its share to the closest group that has one, whatever that one's dial.
    pub(crate) fn shares(&self, port: u16, region: &str) -> Vec<Share> {
        if !self.deployed_enabled {
            return Vec::new();
        }
        let listener = self.deployed.values().find(|listener| {
            listener.protocol == "TCP" && listener.ports.iter().any(|&(first, last)| (first..=last).contains(&port))
        });
        let Some(listener) = listener else { return Vec::new() };
        let mut groups: Vec<&EndpointGroup> = listener.groups.values().collect();
        groups.sort_by_key(|group| (distance(region, &group.region), group.region.clone(), group.arn.clone()));
        let any_healthy = groups.iter().any(|group| self.has_healthy(group));
        if !any_healthy {
            // Fail open: the closest group gets it all, healthy or not.
            return groups.first().map(|group| self.spread(group, 1.0, false)).unwrap_or_default();
        }
        let mut shares = Vec::new();
        let mut left = 1.0;
        for (place, group) in groups.iter().enumerate() {
            let taken = left * (group.dial / 100.0).clamp(0.0, 1.0);
            left -= taken;
            let server = if self.has_healthy(group) { Some(*group) } else { self.failover(&groups, place) };
            match server {
                Some(server) if taken > 0.0 => shares.extend(self.spread(server, taken, true)),
                _ => {}
            }
        }
        shares
    }

    fn failover<'a>(&self, groups: &[&'a EndpointGroup], from: usize) -> Option<&'a EndpointGroup> {
        let others = groups.iter().enumerate().filter(|&(place, _)| place != from).map(|(_, group)| *group);
        others.take(FAILOVER_GROUPS).find(|group| self.has_healthy(group))
    }

    fn has_healthy(&self, group: &EndpointGroup) -> bool {
        group.endpoints.iter().any(|endpoint| endpoint.weight > 0 && self.is_healthy(&endpoint.id))
    }

    fn is_healthy(&self, endpoint: &str) -> bool {
        self.health.get(endpoint).is_some_and(|health| health.state == HealthState::Healthy)
    }

    fn spread(&self, group: &EndpointGroup, part: f64, healthy_only: bool) -> Vec<Share> {
        let chosen: Vec<_> = group
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.weight > 0 && (!healthy_only || self.is_healthy(&endpoint.id)))
            .collect();
        let total: f64 = chosen.iter().map(|endpoint| f64::from(endpoint.weight)).sum();
        chosen
            .iter()
            .map(|endpoint| Share { endpoint: endpoint.id.clone(), part: part * f64::from(endpoint.weight) / total })
            .collect()
    }
}

/// How far apart two regions are: the same, the same part of the world, or not.
fn distance(from: &str, to: &str) -> u8 {
    let area = |region: &str| region.split('-').next().unwrap_or_default().to_owned();
    match () {
        () if from == to => 0,
        () if area(from) == area(to) => 1,
        () => 2,
    }
}
