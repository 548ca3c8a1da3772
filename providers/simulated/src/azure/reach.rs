//! What the rest of the world asks of Azure: who runs, who is reached, what a fence lets through. Answers no calls.

use super::{
    Azure,
    network::{Attempt, Delivery, End as Peer, Packet, Probe, Protocol},
};
use crate::{
    cloud::Cloud,
    machine::{Flow, Machine},
    traffic::{End, Estate, Way},
};
use jiff::Timestamp;
use std::net::Ipv4Addr;

impl Azure {
    /// A virtual machine, by its name.
    pub(crate) fn machine(&self, vm: &str) -> Option<Machine> {
        let found = self.compute.named(vm)?;
        Some(Machine {
            region: found.location.clone(),
            zone: found.zone.clone().unwrap_or_default(),
            running: found.runs(),
        })
    }

    /// The primary private address of a machine.
    pub(crate) fn machine_address(&self, vm: &str) -> Option<Ipv4Addr> {
        self.interface_of(vm, None)?.primary().map(|own| own.address)
    }

    /// Whether a machine has an interface of this name or id.
    pub(crate) fn has_interface(&self, vm: &str, interface: &str) -> bool {
        self.interface_of(vm, Some(interface)).is_some()
    }

    /// Whether security groups let a TCP connection through at an interface of a machine: by name or id, or the primary one.
    ///
    /// Its other end is somebody in the network: a rule for a range decides only when it covers the whole network.
    pub(crate) fn admits(&self, vm: &str, interface: Option<&str>, flow: Flow) -> bool {
        let Some(own) = self.interface_of(vm, interface) else { return false };
        let Some(address) = own.primary().map(|config| config.address) else { return false };
        let (inbound, port) = match flow {
            Flow::In(port) => (true, port),
            Flow::Out(port) => (false, port),
        };
        let (source, destination) =
            if inbound { (Peer::Somebody, Peer::Address(address)) } else { (Peer::Address(address), Peer::Somebody) };
        let attempt = Attempt { inbound, protocol: Protocol::Tcp, source, destination, port: Some(port), inside: &[] };
        self.network.admits(own, attempt)
    }

    fn interface_of(&self, vm: &str, wanted: Option<&str>) -> Option<&super::network::Interface> {
        let mut ids = self.compute.named(vm)?.interfaces.iter();
        let named = |id: &&String| {
            wanted.is_none_or(|wanted| {
                id.eq_ignore_ascii_case(wanted) || id.rsplit('/').next().is_some_and(|n| n.eq_ignore_ascii_case(wanted))
            })
        };
        let id = ids.find(named)?;
        self.network.interfaces.get(&id.to_ascii_lowercase()).map(|kept| &kept.effect)
    }

    /// The subnet of a machine's primary interface: its id in lower case.
    pub(crate) fn machine_subnet(&self, vm: &str) -> Option<String> {
        Some(self.interface_of(vm, None)?.primary()?.subnet.clone())
    }

    /// Whether a machine's own security groups let its pings out.
    fn lets_ping_out(&self, vm: &str, to: Ipv4Addr) -> bool {
        let Some(own) = self.interface_of(vm, None) else { return false };
        let Some(address) = own.primary().map(|config| config.address) else { return false };
        let attempt = Attempt {
            inbound: false,
            protocol: Protocol::Icmp,
            source: Peer::Address(address),
            destination: Peer::Address(to),
            port: None,
            inside: &[],
        };
        self.network.admits(own, attempt)
    }

    /// Whether security groups let a load balancer's probe in.
    fn admits_probe(&self, interface: &str, port: u16) -> bool {
        let Some(own) = self.network.interfaces.get(interface).map(|kept| &kept.effect) else { return false };
        let Some(address) = own.primary().map(|config| config.address) else { return false };
        let attempt = Attempt {
            inbound: true,
            protocol: Protocol::Tcp,
            source: Peer::Probe,
            destination: Peer::Address(address),
            port: Some(port),
            inside: &[],
        };
        self.network.admits(own, attempt)
    }

    /// An address of a subnet that stands for an operator who asks from there.
    fn somewhere_in(&self, subnet: &str) -> Option<Ipv4Addr> {
        self.network.subnet(subnet)?.prefix.hosts().next_back()
    }

    /// The private address of a frontend, by its id in lower case.
    pub(crate) fn frontend_address(&self, frontend: &str) -> Option<Ipv4Addr> {
        let (balancer, _) = frontend.split_once("/frontendipconfigurations/")?;
        self.network.balancers.get(balancer)?.effect.frontends.get(frontend)?.address
    }
}

/// Whether a subnet is one of Azure: those have ids that are paths.
pub(crate) fn is_azure_subnet(subnet: &str) -> bool {
    subnet.starts_with('/')
}

impl Cloud {
    /// Lets load balancers take note of what their backends answer now.
    pub(crate) fn watch_backends(&mut self, estate: &Estate, now: Timestamp) {
        let mut health = std::mem::take(&mut self.azure.network.health);
        let probes = self.azure.network.probes();
        health.advance(now, &probes, &|probe| estate.passes_probe(self, probe));
        self.azure.network.health = health;
    }

    /// Lets load balancers be as if they had probed for long: for the start of a world.
    pub(crate) fn believe_backends(&mut self, estate: &Estate) {
        let mut health = std::mem::take(&mut self.azure.network.health);
        let probes = self.azure.network.probes();
        health.begin(&probes, &|probe| estate.passes_probe(self, probe));
        self.azure.network.health = health;
    }
}

impl Estate {
    /// Whether a backend passes a probe right now: a connection that opens, or an answer of 200.
    fn passes_probe(&self, cloud: &Cloud, probe: &Probe) -> bool {
        let machine = probe.interface.as_ref().and_then(|id| Some((id, cloud.azure.compute.holder(id)?)));
        let Some((interface, machine)) = machine else { return false };
        if !cloud.data_up(&probe.location) || !cloud.azure.admits_probe(interface, probe.port) {
            return false;
        }
        match &probe.path {
            Some(path) => self.serve(cloud, &machine.name, probe.port, path).is_some_and(|served| served.status == 200),
            None => self.listens(cloud, &machine.name, probe.port),
        }
    }

    /// Where TCP connections from a subnet to an address end.
    pub(crate) fn azure_ways(&self, cloud: &Cloud, subnet: &str, address: Ipv4Addr, port: u16) -> Vec<Way> {
        let from = cloud.azure.somewhere_in(subnet);
        let packet = Packet { from, to: address, protocol: Protocol::Tcp, port: Some(port) };
        let up = |region: &str| cloud.data_up(region);
        self.delivered(cloud, cloud.azure.network.deliveries(subnet, packet, &up), port)
    }

    /// Where TCP connections to a frontend end.
    pub(crate) fn frontend_ways(&self, cloud: &Cloud, frontend: &str, port: u16) -> Vec<Way> {
        let address = cloud.azure.frontend_address(frontend);
        let balancer = frontend.split_once("/frontendipconfigurations/").map(|(balancer, _)| balancer);
        let (Some(to), Some(balancer)) = (address, balancer) else {
            return vec![Way { part: 1.0, end: End::Nobody }];
        };
        let packet = Packet { from: None, to, protocol: Protocol::Tcp, port: Some(port) };
        let up = |region: &str| cloud.data_up(region);
        self.delivered(cloud, cloud.azure.network.balance(balancer, frontend, packet, &up), port)
    }

    fn delivered(&self, cloud: &Cloud, deliveries: Vec<Delivery>, port: u16) -> Vec<Way> {
        let mut ways: Vec<Way> = deliveries
            .into_iter()
            .filter_map(|delivery| {
                let id = self.taken_by(cloud, &delivery)?;
                let end = self.arrived(cloud, id, delivery.port.unwrap_or(port));
                Some(Way { part: delivery.part, end })
            })
            .collect();
        let left = 1.0 - ways.iter().map(|way| way.part).sum::<f64>();
        if left > 1e-9 {
            ways.push(Way { part: left, end: End::Nobody });
        }
        ways
    }

    /// The machine that takes what arrived: its interface has the address, or its operating system does.
    fn taken_by(&self, cloud: &Cloud, delivery: &Delivery) -> Option<String> {
        let machine = cloud.azure.compute.holder(&delivery.interface)?;
        let owned = self.software.get(&machine.name).is_some_and(|software| software.addresses.contains(&delivery.to));
        (delivery.own_address || owned).then(|| machine.name.clone())
    }

    /// The machine that a machine's pings reach: the first of several, as one flow keeps its backend.
    pub(crate) fn azure_ping(&self, cloud: &Cloud, from: &str, subnet: &str, to: Ipv4Addr) -> Option<String> {
        let sender = cloud.azure.machine_address(from);
        if !cloud.azure.lets_ping_out(from, to) {
            return None;
        }
        let packet = Packet { from: sender, to, protocol: Protocol::Icmp, port: None };
        let up = |region: &str| cloud.data_up(region);
        let first = cloud.azure.network.deliveries(subnet, packet, &up).into_iter().next()?;
        let id = self.taken_by(cloud, &first)?;
        cloud.machine_up(&id).then_some(id)
    }
}
