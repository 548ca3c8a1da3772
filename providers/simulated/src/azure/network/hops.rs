//! Where a packet goes: routes, virtual appliances, load balancers, security groups. Does not know what a machine does with it.

use super::{
    Network,
    route_table::NextHop,
    security::{Attempt, End, Protocol},
    virtual_network::network_of,
};
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

/// A packet on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet {
    /// `None`: somebody in the network.
    pub(crate) from: Option<Ipv4Addr>,
    pub(crate) to: Ipv4Addr,
    pub(crate) protocol: Protocol,
    /// `None` for what has no ports.
    pub(crate) port: Option<u16>,
}

/// A part of the packets that reaches an interface.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Delivery {
    /// The part, of 1. What is missing to 1 reaches nobody.
    pub(crate) part: f64,
    pub(crate) interface: String,
    /// The address that the packets are for when they arrive.
    pub(crate) to: Ipv4Addr,
    /// The interface has that address.
    pub(crate) own_address: bool,
    pub(crate) port: Option<u16>,
}

/// A route that is in force for a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EffectiveRoute {
    /// User-defined routes have a name.
    pub(super) name: Option<String>,
    pub(super) prefix: Ipv4Net,
    pub(super) hop: NextHop,
}

/// Private ranges to which every network has a route that drops.
const DROPPED: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

impl Network {
    /// Where packets go that leave an interface in `subnet`. `up` tells whether a region's data plane is there.
    pub(crate) fn deliveries(&self, subnet: &str, packet: Packet, up: &dyn Fn(&str) -> bool) -> Vec<Delivery> {
        let network = network_of(subnet);
        let (next, appliance) = match self.next_hop(subnet, packet.to) {
            Some(NextHop::VnetLocal | NextHop::Peering) => (packet.to, false),
            Some(NextHop::Appliance(address)) => (address, true),
            _ => return Vec::new(),
        };
        if let Some(interface) = self.owner(network, next) {
            let arrived = self.arrive(interface.to_owned(), packet, appliance);
            return arrived.into_iter().collect();
        }
        match self.frontend_at(network, next) {
            Some((balancer, frontend)) => self.balance(&balancer, &frontend, packet, up),
            None => Vec::new(),
        }
    }

    /// The next hop of the route in force: the longest prefix, and of equals the user-defined one.
    fn next_hop(&self, subnet: &str, to: Ipv4Addr) -> Option<NextHop> {
        let routes = self.effective_routes(subnet).into_iter().filter(|route| route.prefix.contains(&to));
        let best = routes.max_by_key(|route| (route.prefix.prefix_len(), route.name.is_some()));
        best.map(|route| route.hop)
    }

    /// Every route of a subnet, the system's before the user-defined ones.
    pub(super) fn effective_routes(&self, subnet: &str) -> Vec<EffectiveRoute> {
        let system = |prefix: Ipv4Net, hop| EffectiveRoute { name: None, prefix, hop };
        let own = network_of(subnet);
        let mut routes = Vec::new();
        for (network, connected) in self.connected(own) {
            let hop = if network == own { NextHop::VnetLocal } else { NextHop::Peering };
            routes.extend(connected.space.iter().map(|prefix| system(*prefix, hop)));
        }
        routes.push(system(Ipv4Net::default(), NextHop::Internet));
        let dropped = DROPPED.iter().filter_map(|range| range.parse::<Ipv4Net>().ok());
        let dropped: Vec<_> = dropped.filter(|range| routes.iter().all(|route| route.prefix != *range)).collect();
        routes.extend(dropped.into_iter().map(|range| system(range, NextHop::Nowhere)));
        let table = self.subnet(subnet).and_then(|subnet| self.tables.get(subnet.table.as_ref()?));
        let user = table.into_iter().flat_map(|kept| &kept.effect.routes);
        routes.extend(user.map(|route| EffectiveRoute {
            name: Some(route.name.clone()),
            prefix: route.prefix,
            hop: route.hop,
        }));
        routes
    }

    /// A packet at an interface. What is not for its own address it takes only with forwarding; security groups have a say.
    pub(super) fn arrive(&self, key: String, packet: Packet, forwarded: bool) -> Option<Delivery> {
        let interface = &self.interfaces.get(&key)?.effect;
        let own_address = interface.owns(packet.to);
        if forwarded && !own_address && !interface.forwarding {
            return None;
        }
        let attempt = Attempt {
            inbound: true,
            protocol: packet.protocol,
            source: packet.from.map_or(End::Somebody, End::Address),
            destination: End::Address(packet.to),
            port: packet.port,
            inside: &[],
        };
        let admitted = self.admits(interface, attempt);
        admitted.then_some(Delivery { part: 1.0, interface: key, to: packet.to, own_address, port: packet.port })
    }

    /// The load balancer and the frontend with this address, in a network or one that it is peered with.
    pub(super) fn frontend_at(&self, network: &str, address: Ipv4Addr) -> Option<(String, String)> {
        let near: Vec<&str> = self.connected(network).map(|(key, _)| key).collect();
        let frontends = self
            .balancers
            .iter()
            .flat_map(|(key, kept)| kept.effect.frontends.iter().map(move |(frontend, own)| (key, frontend, own)));
        let mut found = frontends.filter(|(_, _, own)| {
            own.address == Some(address)
                && own.subnet.as_deref().is_some_and(|subnet| near.contains(&network_of(subnet)))
        });
        found.next().map(|(balancer, frontend, _)| (balancer.clone(), frontend.clone()))
    }
}
