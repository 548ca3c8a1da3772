//! Where a packet goes next, by the routes of the subnet it leaves. Does not know what an operating system does with it.

use super::{Association, Ec2, InstanceState, NetworkInterface, Origin, Route, RouteTable, RouteTarget};
use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr};

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Hop<'a> {
    /// It reaches this interface of a running instance.
    Interface(&'a NetworkInterface),
    /// It leaves the simulated network through this gateway.
    Outside(&'a RouteTarget),
    /// Nobody receives it.
    Dropped(&'static str),
}

impl Ec2 {
    /// Where a packet to `to` goes that leaves an interface in `subnet`. Follows the truth, not what descriptions still show.
    pub(crate) fn next_hop(&self, subnet: &str, to: Ipv4Addr) -> Hop<'_> {
        let Some(table) = self.route_table_of(subnet) else { return Hop::Dropped("the subnet has no route table") };
        let Some(route) = table.lookup(to) else { return Hop::Dropped("no route leads to the address") };
        if self.blackhole(&route.target) {
            return Hop::Dropped("the route is a black hole");
        }
        match &route.target {
            RouteTarget::Local => match self.owner(&table.vpc, to) {
                Some(interface) => self.receive(interface, to),
                None => Hop::Dropped("no interface has the address"),
            },
            RouteTarget::Interface(id) => match self.interfaces.get(id) {
                Some(interface) => self.receive(interface, to),
                None => Hop::Dropped("the route is a black hole"),
            },
            elsewhere => Hop::Outside(elsewhere),
        }
    }

    /// The route table that serves a subnet: its own, or else the network's main one.
    pub(crate) fn route_table_of(&self, subnet: &str) -> Option<&RouteTable> {
        let vpc = &self.subnets.get(subnet)?.vpc;
        let serves = |wanted: &Association| {
            let mut tables = self.route_tables.values().filter(|table| table.vpc == *vpc);
            tables.find(|table| table.associations.values().any(|association| association == wanted))
        };
        serves(&Association::Subnet(subnet.to_owned())).or_else(|| serves(&Association::Main))
    }

    /// The interface of a network that has this private address.
    pub(crate) fn owner(&self, vpc: &str, address: Ipv4Addr) -> Option<&NetworkInterface> {
        self.interfaces.values().find(|interface| {
            interface.private_ips.contains(&address)
                && self.subnets.get(&interface.subnet).is_some_and(|subnet| subnet.vpc == vpc)
        })
    }

    fn receive<'a>(&'a self, interface: &'a NetworkInterface, to: Ipv4Addr) -> Hop<'a> {
        if interface.source_dest_check && !interface.private_ips.contains(&to) {
            return Hop::Dropped("the interface checks destinations, and the address is not its own");
        }
        let instance = interface.attachment.as_ref().and_then(|attachment| self.instances.get(&attachment.instance));
        match instance.map(|instance| instance.state) {
            Some(InstanceState::Running) => Hop::Interface(interface),
            _ => Hop::Dropped("no running instance is behind the interface"),
        }
    }
}

impl RouteTable {
    /// The most specific route to an address.
    fn lookup(&self, to: Ipv4Addr) -> Option<&Route> {
        self.effective()
            .filter_map(|route| Some((prefix_length(&route.destination, to.into())?, route)))
            .max_by_key(|(length, route)| (*length, route.origin != Origin::Propagated))
            .map(|(_, route)| route)
    }
}

fn prefix_length(destination: &str, to: IpAddr) -> Option<u8> {
    match to {
        IpAddr::V4(to) => {
            destination.parse::<Ipv4Net>().ok().filter(|range| range.contains(&to)).map(|r| r.prefix_len())
        }
        IpAddr::V6(to) => {
            destination.parse::<Ipv6Net>().ok().filter(|range| range.contains(&to)).map(|r| r.prefix_len())
        }
    }
}
