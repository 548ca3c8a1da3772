//! The way of a request from a host name to an instance. Does not know what is answered there.

use crate::{azure::is_azure_subnet, cloud::Cloud, elbv2::Destination, reach::Request, traffic::Estate};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

/// What a host name of the world leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HostTarget {
    /// The ARN of an accelerator.
    Accelerator(String),
    /// The ARN of a load balancer.
    LoadBalancer(String),
    Instance(String),
    Address(Ipv4Addr),
    /// The id of a frontend of Azure.
    Frontend(String),
    /// The key of a Traffic Manager profile.
    TrafficManager(String),
}

/// Where a part of a host's requests ends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Way {
    /// The part, of 1. All ways of a host add up to 1.
    pub(crate) part: f64,
    pub(crate) end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// An instance's port; `behind` says that a load balancer passed the request on, and answers when the instance does not.
    Instance { id: String, port: u16, behind: bool },
    /// A load balancer that has nowhere to send it: it answers with this status.
    Turned(u16),
    /// A machine answers, and nobody listens on the port.
    Refused,
    /// Nothing answers.
    Nobody,
}

impl Estate {
    /// What a name leads to: a host of the world, or a name that the cloud itself gave.
    pub(crate) fn target(&self, cloud: &Cloud, host: &str) -> Option<HostTarget> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if let Some(target) = self.hosts.get(&host) {
            return Some(target.clone());
        }
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            let owner = cloud.globalaccelerator.accelerators.values().find(|a| a.addresses.contains(&address));
            return Some(
                owner.map_or(HostTarget::Address(address), |owner| HostTarget::Accelerator(owner.arn.clone())),
            );
        }
        let accelerators = &cloud.globalaccelerator.accelerators;
        if let Some(accelerator) =
            accelerators.values().find(|accelerator| accelerator.dns_name.eq_ignore_ascii_case(&host))
        {
            return Some(HostTarget::Accelerator(accelerator.arn.clone()));
        }
        if let Some(key) = cloud.azure.trafficmanager.named(&host) {
            return Some(HostTarget::TrafficManager(key.to_owned()));
        }
        cloud.load_balancer_named(&host).map(HostTarget::LoadBalancer)
    }

    pub(crate) fn addresses(&self, cloud: &Cloud, host: &str) -> Vec<IpAddr> {
        self.addresses_of(cloud, self.target(cloud, host), 0)
    }

    /// The addresses of a target; `depth` counts the names that were followed to it.
    pub(crate) fn addresses_of(&self, cloud: &Cloud, target: Option<HostTarget>, depth: u8) -> Vec<IpAddr> {
        match target {
            None => Vec::new(),
            Some(HostTarget::Address(address)) => vec![address.into()],
            Some(HostTarget::Accelerator(arn)) => {
                let accelerator = cloud.globalaccelerator.accelerators.get(&arn);
                accelerator.map(|found| found.addresses.iter().copied().map(IpAddr::from).collect()).unwrap_or_default()
            }
            Some(HostTarget::Instance(id)) => {
                let region = self.software.get(&id).map(|software| software.region.as_str()).unwrap_or_default();
                cloud.instance_address(region, &id).map(IpAddr::from).into_iter().collect()
            }
            // The addresses of a load balancer are the provider's own business: one from the range for documentation.
            Some(HostTarget::LoadBalancer(arn)) => {
                let last = u8::try_from(crate::ids::mix(&arn, 0) % 254).unwrap_or(0) + 1;
                vec![IpAddr::from([203, 0, 113, last])]
            }
            Some(HostTarget::Frontend(id)) => cloud.azure.frontend_address(&id).map(IpAddr::from).into_iter().collect(),
            Some(HostTarget::TrafficManager(key)) => self.profile_addresses(cloud, &key, depth),
        }
    }

    /// Where such requests of a client near `region` end.
    pub(crate) fn ways(&self, cloud: &Cloud, request: &Request<'_>, region: &str) -> Vec<Way> {
        self.ways_to(cloud, self.target(cloud, request.host), request, region, 0)
    }

    /// Where such requests end once a name has led to `target`; `depth` counts the names that were followed to it.
    pub(crate) fn ways_to(
        &self,
        cloud: &Cloud,
        target: Option<HostTarget>,
        request: &Request<'_>,
        region: &str,
        depth: u8,
    ) -> Vec<Way> {
        let whole = |end| vec![Way { part: 1.0, end }];
        match target {
            None => whole(End::Nobody),
            Some(HostTarget::Accelerator(arn)) => self.accelerator_ways(cloud, &arn, request, region),
            Some(HostTarget::LoadBalancer(arn)) => self.load_balancer_ways(cloud, &arn, request),
            Some(HostTarget::Instance(id)) => whole(self.direct(cloud, id, request.port)),
            Some(HostTarget::Address(address)) => match &self.vantage_subnet {
                Some((_, subnet)) if is_azure_subnet(subnet) => self.azure_ways(cloud, subnet, address, request.port),
                _ => whole(self.address_end(cloud, address, request.port)),
            },
            Some(HostTarget::Frontend(id)) => self.frontend_ways(cloud, &id, request.port),
            Some(HostTarget::TrafficManager(key)) => self.profile_ways(cloud, &key, request, region, depth),
        }
    }

    fn accelerator_ways(&self, cloud: &Cloud, arn: &str, request: &Request<'_>, region: &str) -> Vec<Way> {
        let Some(accelerator) = cloud.globalaccelerator.accelerators.get(arn) else {
            return vec![Way { part: 1.0, end: End::Nobody }];
        };
        let mut ways = Vec::new();
        for share in accelerator.shares(request.port, region) {
            let further = self.load_balancer_ways(cloud, &share.endpoint, request).into_iter();
            ways.extend(further.map(|way| Way { part: way.part * share.part, ..way }));
        }
        let left = 1.0 - ways.iter().map(|way| way.part).sum::<f64>();
        if left > 1e-9 {
            ways.push(Way { part: left, end: End::Nobody });
        }
        ways
    }

    /// An address, by the routes of the operator's subnet.
    fn address_end(&self, cloud: &Cloud, address: Ipv4Addr, port: u16) -> End {
        let Some((region, subnet)) = &self.vantage_subnet else { return End::Nobody };
        self.deliver(cloud, region, subnet, address).map_or(End::Nobody, |id| self.direct(cloud, id, port))
    }

    pub(crate) fn direct(&self, cloud: &Cloud, id: String, port: u16) -> End {
        if self.lets_in(cloud, &id, port) { self.arrived(cloud, id, port) } else { End::Nobody }
    }

    /// Where a connection ends that the network has let through to a machine.
    pub(crate) fn arrived(&self, cloud: &Cloud, id: String, port: u16) -> End {
        if self.listens(cloud, &id, port) {
            End::Instance { id, port, behind: false }
        } else if !cloud.machine_up(&id) || self.engine_hangs(&id, port) {
            End::Nobody
        } else {
            End::Refused
        }
    }

    /// The instance that a packet from `subnet` to `address` reaches.
    ///
    /// The subnet's route must lead to an interface of a running instance, the interface must let the packet in, and the
    /// instance's operating system must own the address.
    pub(crate) fn deliver(&self, cloud: &Cloud, region: &str, subnet: &str, address: Ipv4Addr) -> Option<String> {
        let arrival = cloud.route(region, subnet, address)?;
        let owned = self.software.get(&arrival.instance).is_some_and(|software| software.addresses.contains(&address));
        (cloud.machine_up(&arrival.instance) && (arrival.own_address || owned)).then_some(arrival.instance)
    }

    fn load_balancer_ways(&self, cloud: &Cloud, arn: &str, request: &Request<'_>) -> Vec<Way> {
        let up = arn.split(':').nth(3).is_some_and(|region| cloud.data_up(region));
        let Some(shares) = cloud.balance(arn, request).filter(|_| up) else {
            return vec![Way { part: 1.0, end: End::Nobody }];
        };
        // A network load balancer passes connections on: whoever is behind it answers, or nobody does.
        let passes_on = arn.contains(":loadbalancer/net/");
        let reach = |id: String, port: u16| match () {
            () if passes_on => self.direct(cloud, id, port),
            () if self.lets_in(cloud, &id, port) => End::Instance { id, port, behind: true },
            () => End::Turned(504),
        };
        let end = |to: Destination| match to {
            Destination::Status(_) if passes_on => End::Nobody,
            Destination::Status(status) => End::Turned(status),
            Destination::Target { id, port } => match id.parse::<Ipv4Addr>() {
                Err(_) => reach(id, port),
                Ok(address) => match self.owner(cloud, arn, address) {
                    Some(id) => reach(id, port),
                    None if passes_on => End::Nobody,
                    None => End::Turned(504),
                },
            },
        };
        shares.into_iter().map(|share| Way { part: share.part, end: end(share.to) }).collect()
    }

    /// The instance that has an address in a load balancer's own network.
    fn owner(&self, cloud: &Cloud, balancer: &str, address: Ipv4Addr) -> Option<String> {
        let region = cloud.regions.get(balancer.split(':').nth(3)?)?;
        let vpc = &region.elb.load_balancers.get(balancer)?.vpc;
        let interface = region.ec2.owner(vpc, address)?;
        interface.attachment.as_ref().map(|held| held.instance.clone()).filter(|id| self.software.contains_key(id))
    }
}
