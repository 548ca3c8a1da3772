//! Which backends a load balancer sends a packet to. Decides nobody's health.

use super::{
    AdminState, Network,
    balancer::{BalancingRule, Member},
    hops::{Delivery, Packet},
    security::Protocol,
};
use std::net::Ipv4Addr;

impl Network {
    /// Where a frontend sends packets: the backends that are up share the new connections. If none is, nobody gets them.
    pub(crate) fn balance(
        &self,
        balancer: &str,
        frontend: &str,
        packet: Packet,
        up: &dyn Fn(&str) -> bool,
    ) -> Vec<Delivery> {
        let Some(kept) = self.balancers.get(balancer).filter(|kept| up(&kept.location)) else { return Vec::new() };
        let Some(own) = kept.effect.frontends.get(frontend) else { return Vec::new() };
        // A rule for one port is more specific than one for all of them.
        let rules = kept.effect.rules.iter().filter(|rule| rule.frontend == frontend && rule.takes(&packet));
        let Some(rule) = rules.max_by_key(|rule| rule.port) else { return Vec::new() };
        let members: Vec<Member> = rule.pools.iter().flat_map(|pool| self.members(&kept.effect, pool)).collect();
        let receivers: Vec<&Member> = members.iter().filter(|member| self.receives(rule, member)).collect();
        // A pool has at most a few thousand members.
        let part = 1.0 / f64::from(u32::try_from(receivers.len()).unwrap_or(u32::MAX));
        let sent = receivers.into_iter().filter_map(|member| {
            let arriving = rule.rewritten(packet, own.address, member.address);
            let interface = self.backend_interface(balancer, &member.key, member.address)?;
            // A floating address needs no forwarding; somebody else's address does.
            let forwarded = own.address != Some(packet.to);
            Some(Delivery { part, ..self.arrive(interface, arriving, forwarded)? })
        });
        sent.collect()
    }

    fn receives(&self, rule: &BalancingRule, member: &Member) -> bool {
        match member.admin {
            AdminState::Up => true,
            AdminState::Down => false,
            AdminState::None => rule.probe.as_ref().is_none_or(|probe| self.health.up(probe, member)),
        }
    }
}

impl BalancingRule {
    fn takes(&self, packet: &Packet) -> bool {
        let protocol = self.protocol.is_none_or(|own| own == packet.protocol);
        // What has no ports is only taken by a rule for everything.
        protocol && (self.port == 0 || packet.port == Some(self.port)) && self.spoken(packet.protocol)
    }

    fn spoken(&self, protocol: Protocol) -> bool {
        self.port == 0 || protocol != Protocol::Icmp
    }

    /// A packet as the backend gets it.
    fn rewritten(&self, packet: Packet, frontend: Option<Ipv4Addr>, backend: Ipv4Addr) -> Packet {
        let keeps = self.floating || frontend != Some(packet.to);
        let port = if self.backend_port == 0 || self.floating { packet.port } else { Some(self.backend_port) };
        Packet { to: if keeps { packet.to } else { backend }, port, ..packet }
    }
}
