//! What the rest of the world asks of EC2 and load balancing: who runs, who is reached, what is healthy. Answers no calls.

use crate::{
    cloud::Cloud,
    codec::{ApiError, Params, ServiceCx},
    ec2::{Ec2, Hop, Instance, InstanceState},
    elbv2::{Elb, Probe, Share},
    shape::Shape,
    traffic::Estate,
};
use jiff::Timestamp;
use std::{collections::BTreeMap, net::Ipv4Addr};

/// The interface that a packet reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) instance: String,
    /// The packet is for one of the interface's own addresses.
    pub(crate) own_address: bool,
}

impl Cloud {
    pub(crate) fn instance_runs(&self, region: &str, id: &str) -> bool {
        self.instance(region, id).is_some_and(|instance| instance.state == InstanceState::Running)
            || self.azure.compute.named(id).is_some_and(|machine| machine.runs() && machine.location == region)
    }

    fn instance(&self, region: &str, id: &str) -> Option<&Instance> {
        self.regions.get(region)?.ec2.instances.get(id)
    }

    /// The primary private address of an instance.
    pub(crate) fn instance_address(&self, region: &str, id: &str) -> Option<Ipv4Addr> {
        if let Some(address) = self.azure.machine_address(id) {
            return Some(address);
        }
        let interfaces = self.regions.get(region)?.ec2.interfaces.values();
        let attached = interfaces.filter_map(|interface| interface.attachment.as_ref().map(|held| (held, interface)));
        let primary = attached.filter(|(held, _)| held.instance == id).min_by_key(|(held, _)| held.device_index);
        primary.and_then(|(_, interface)| interface.private_ips.first().copied())
    }

    pub(crate) fn primary_subnet(&self, region: &str, id: &str) -> Option<String> {
        self.instance(region, id).map(|instance| instance.subnet.clone()).or_else(|| self.azure.machine_subnet(id))
    }

    /// Where a packet from a subnet arrives, by the subnet's routes and the interface's own check.
    pub(crate) fn route(&self, region: &str, subnet: &str, address: Ipv4Addr) -> Option<Arrival> {
        match self.regions.get(region)?.ec2.next_hop(subnet, address) {
            Hop::Interface(interface) => Some(Arrival {
                instance: interface.attachment.as_ref()?.instance.clone(),
                own_address: interface.private_ips.contains(&address),
            }),
            Hop::Outside(_) | Hop::Dropped(_) => None,
        }
    }

    /// Stops or starts an instance at once.
    pub(crate) fn power(&mut self, region: &str, instance: &str, on: bool, now: Timestamp) {
        self.azure.compute.set_power(instance, on, now);
        if let Some(region) = self.regions.get_mut(region) {
            region.ec2.set_power(instance, on, now);
        }
    }

    /// The load balancer with this host name.
    pub(crate) fn load_balancer_named(&self, host: &str) -> Option<String> {
        self.regions.values().find_map(|region| region.elb.named(host)).map(str::to_owned)
    }

    /// Where a load balancer sends a request. `None` when nobody listens on the port.
    pub(crate) fn balance(&self, balancer: &str, at: &Request<'_>) -> Option<Vec<Share>> {
        let region = balancer.split(':').nth(3)?;
        self.regions.get(region)?.elb.serving_targets(balancer, at.port, at.host, at.path, at.now)
    }

    /// Every load balancer, and whether an accelerator finds it healthy. One whose region is lost is not.
    pub(crate) fn load_balancer_health(&self) -> BTreeMap<String, bool> {
        let regions = self.regions.iter();
        regions
            .flat_map(|(name, region)| {
                let up = self.data_up(name);
                region.elb.load_balancers.keys().map(move |arn| (arn.clone(), up && region.elb.healthy(arn)))
            })
            .collect()
    }

    pub(crate) fn answer_load_balancing(
        &mut self,
        operation: &str,
        params: &Params,
        cx: &ServiceCx<'_>,
    ) -> Result<Shape, ApiError> {
        let region = self.regions.entry(cx.region.to_owned()).or_default();
        region.elb.answer(operation, params, cx, &region.ec2)
    }

    /// Lets every region's services complete what is due, and take note of what targets answer.
    pub(crate) fn settle_regions(&mut self, estate: &Estate, now: Timestamp) {
        for region in self.regions.values_mut() {
            region.ec2.advance(now);
        }
        self.check_targets(estate, |elb, ec2, answers| elb.advance(now, ec2, answers));
    }

    /// Lets health be as if everything had been as it is for long.
    pub(crate) fn begin(&mut self, estate: &Estate, now: Timestamp) {
        self.check_targets(estate, |elb, ec2, answers| elb.begin(now, ec2, answers));
        let healthy = self.load_balancer_health();
        for accelerator in self.globalaccelerator.accelerators.values_mut() {
            accelerator.believe(&healthy);
        }
        self.believe_backends(estate);
        self.believe_traffic_managers(estate, now);
    }

    fn check_targets(&mut self, estate: &Estate, mut check: impl FnMut(&mut Elb, &Ec2, &dyn Fn(&Probe<'_>) -> bool)) {
        // Targets are asked while the load balancers that ask them are taken out: an answer never depends on those.
        let mut balancers: Vec<Elb> = self.regions.values_mut().map(|region| std::mem::take(&mut region.elb)).collect();
        for (region, elb) in self.regions.values().zip(&mut balancers) {
            check(elb, &region.ec2, &|probe| estate.passes(self, &region.ec2, probe));
        }
        for (region, elb) in self.regions.values_mut().zip(balancers) {
            region.elb = elb;
        }
    }
}

/// What a load balancer looks at in a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) path: &'a str,
    pub(crate) now: Timestamp,
}

impl Estate {
    /// Whether a target passes a health check right now.
    fn passes(&self, cloud: &Cloud, ec2: &Ec2, probe: &Probe<'_>) -> bool {
        let instance = probe.target.parse::<Ipv4Addr>().map_or(Some(probe.target), |address| {
            let owners = ec2.interfaces.values().filter(|interface| interface.private_ips.contains(&address));
            owners.filter_map(|interface| interface.attachment.as_ref()).map(|held| held.instance.as_str()).next()
        });
        let Some(instance) = instance.filter(|instance| self.lets_in(cloud, instance, probe.port)) else {
            return false;
        };
        match &probe.check.path {
            Some(path) => {
                self.serve(cloud, instance, probe.port, path).is_some_and(|served| probe.check.accepts(served.status))
            }
            None => self.listens(cloud, instance, probe.port),
        }
    }
}
