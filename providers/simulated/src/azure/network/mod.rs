//! `Microsoft.Network`: networks, route tables, interfaces, security groups and load balancers, and the way of packets
//! through them. Knows nothing of what runs on machines.

mod balancer;
mod body;
mod child;
mod contents;
mod effective_routes;
mod forwarding;
mod health;
mod hops;
mod interface;
mod kept;
mod portal;
mod references;
mod route_table;
mod security;
mod serve;
mod virtual_network;

pub(crate) use balancer::{AdminState, Balancer};
pub(crate) use health::{Health, Probe};
pub(crate) use hops::{Delivery, Packet};
pub(crate) use interface::Interface;
pub(crate) use kept::{Effect, Kept};
pub(crate) use route_table::RouteTable;
pub(crate) use security::{Attempt, End, Protocol, SecurityGroup};
pub(crate) use serve::network_id;
pub(crate) use virtual_network::VirtualNetwork;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All networking of a subscription. Everything is kept by its id in lower case.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Network {
    pub(crate) networks: BTreeMap<String, Kept<VirtualNetwork>>,
    pub(crate) tables: BTreeMap<String, Kept<RouteTable>>,
    pub(crate) interfaces: BTreeMap<String, Kept<Interface>>,
    pub(crate) groups: BTreeMap<String, Kept<SecurityGroup>>,
    pub(crate) balancers: BTreeMap<String, Kept<Balancer>>,
    /// What load balancers believe of their backends.
    pub(crate) health: Health,
}

impl Network {
    /// Completes what is due at `now`: the new state takes effect.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        fn complete<T: Effect>(kept: &mut BTreeMap<String, Kept<T>>, now: Timestamp) {
            kept.retain(|_, resource| resource.complete(now));
        }
        complete(&mut self.tables, now);
        complete(&mut self.interfaces, now);
        complete(&mut self.groups, now);
        complete(&mut self.balancers, now);
    }

    /// When the next write is provisioned, or the next verdict of a probe falls.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        fn due<T>(kept: &BTreeMap<String, Kept<T>>) -> Option<Timestamp> {
            kept.values().filter_map(|resource| resource.pending.as_ref()).map(|pending| pending.at).min()
        }
        let writes = [due(&self.tables), due(&self.interfaces), due(&self.groups), due(&self.balancers)];
        writes.into_iter().flatten().chain(self.health.next_event()).filter(|at| *at < Timestamp::MAX).min()
    }

    /// The regions of everything here, as often as they occur.
    pub(crate) fn locations(&self) -> impl Iterator<Item = &String> {
        let networks = self.networks.values().map(|kept| &kept.location);
        let interfaces = self.interfaces.values().map(|kept| &kept.location);
        let tables = self.tables.values().map(|kept| &kept.location);
        networks.chain(interfaces).chain(tables).chain(self.balancers.values().map(|kept| &kept.location))
    }

    /// The region of a resource, by its id in lower case.
    pub(crate) fn location(&self, key: &str) -> Option<&str> {
        let networks = self.networks.get(key).map(|kept| &kept.location);
        let tables = || self.tables.get(key).map(|kept| &kept.location);
        let interfaces = || self.interfaces.get(key).map(|kept| &kept.location);
        let groups = || self.groups.get(key).map(|kept| &kept.location);
        let balancers = || self.balancers.get(key).map(|kept| &kept.location);
        networks.or_else(tables).or_else(interfaces).or_else(groups).or_else(balancers).map(String::as_str)
    }
}
