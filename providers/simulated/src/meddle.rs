//! What somebody else may do to the world meanwhile: changes that nobody of its clients or callers asked for.
//!
//! They are the kind that an anxious colleague makes by hand, and leave a resource as no plan has it.

use crate::{World, document::PlanesDocument, ec2::InstanceState, incident::Happening, traffic::Process};
use std::fmt;

/// One such change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meddling {
    /// An endpoint group's traffic dial is set to an odd value.
    Dial { accelerator: String, group: String },
    /// A route is deleted.
    RouteDeleted { region: String, table: String, destination: String },
    /// A target is deregistered.
    TargetDeregistered { region: String, group: String, target: String },
    /// A user-defined route of a route table of Azure is deleted.
    UserRouteDeleted { table: String, route: String },
    /// An address is taken out of a backend pool of Azure.
    PoolAddressRemoved { balancer: String, pool: String, address: String },
    /// A machine is stopped, or started if it is not running.
    Power { region: String, instance: String },
}

/// No runbook asks for this one.
const ODD_DIAL: f64 = 37.0;

impl fmt::Display for Meddling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial { group, .. } => write!(f, "the dial of {group} set to {ODD_DIAL}"),
            Self::RouteDeleted { table, destination, .. } => {
                write!(f, "the route to {destination} deleted from {table}")
            }
            Self::TargetDeregistered { group, target, .. } => write!(f, "{target} deregistered from {group}"),
            Self::UserRouteDeleted { table, route } => write!(f, "the route {route} deleted from {table}"),
            Self::PoolAddressRemoved { pool, address, .. } => write!(f, "{address} taken out of {pool}"),
            Self::Power { instance, .. } => write!(f, "{instance} switched on or off"),
        }
    }
}

impl World {
    /// Every change that somebody else could make now, in a fixed order.
    pub fn meddlings(&self) -> Vec<Meddling> {
        let mut offered = Vec::new();
        for (accelerator, state) in &self.cloud.globalaccelerator.accelerators {
            let groups = state.listeners.values().flat_map(|listener| listener.groups.keys());
            offered
                .extend(groups.map(|group| Meddling::Dial { accelerator: accelerator.clone(), group: group.clone() }));
        }
        for (name, region) in &self.cloud.regions {
            for (table, state) in &region.ec2.route_tables {
                // The local route is there as long as the network is.
                let routes = state.routes.iter().filter(|route| route.target.id().is_some());
                offered.extend(routes.map(|route| Meddling::RouteDeleted {
                    region: name.clone(),
                    table: table.clone(),
                    destination: route.destination.clone(),
                }));
            }
            for (group, state) in &region.elb.target_groups {
                offered.extend(state.targets.keys().map(|target| Meddling::TargetDeregistered {
                    region: name.clone(),
                    group: group.clone(),
                    target: target.clone(),
                }));
            }
            let instances = region.ec2.instances.iter();
            let alive = instances
                .filter(|(_, instance)| matches!(instance.state, InstanceState::Running | InstanceState::Stopped));
            offered.extend(alive.map(|(id, _)| Meddling::Power { region: name.clone(), instance: id.clone() }));
        }
        let network = &self.cloud.azure.network;
        for (table, route) in network.user_routes() {
            offered.push(Meddling::UserRouteDeleted { table, route });
        }
        for (balancer, pool, address) in network.pool_addresses() {
            offered.push(Meddling::PoolAddressRemoved { balancer, pool, address });
        }
        let machines = self.cloud.azure.compute.machines.values();
        offered.extend(
            machines
                .map(|machine| Meddling::Power { region: machine.location.clone(), instance: machine.name.clone() }),
        );
        offered
    }

    /// Makes such a change now. What is not there any more is left alone.
    pub fn meddle(&mut self, meddling: &Meddling) {
        let now = self.now;
        match meddling {
            Meddling::Dial { accelerator, group } => {
                let Some(state) = self.cloud.globalaccelerator.accelerators.get_mut(accelerator) else { return };
                for found in state.listeners.values_mut().filter_map(|listener| listener.groups.get_mut(group)) {
                    found.dial = ODD_DIAL;
                }
                state.deploy();
            }
            Meddling::RouteDeleted { region, table, destination } => {
                let region = self.cloud.regions.get_mut(region);
                if let Some(table) = region.and_then(|region| region.ec2.route_tables.get_mut(table)) {
                    table.routes.retain(|route| route.destination != *destination);
                }
            }
            Meddling::TargetDeregistered { region, group, target } => {
                let region = self.cloud.regions.get_mut(region);
                if let Some(group) = region.and_then(|region| region.elb.target_groups.get_mut(group)) {
                    group.targets.remove(target);
                }
            }
            Meddling::UserRouteDeleted { table, route } => self.cloud.azure.network.delete_user_route(table, route),
            Meddling::PoolAddressRemoved { balancer, pool, address } => {
                self.cloud.azure.network.remove_pool_address(balancer, pool, address);
            }
            Meddling::Power { region, instance } => {
                let runs = self.runs(region, instance);
                self.cloud.power(region, instance, !runs, now);
            }
        }
        self.settle();
    }

    /// Loses a region, or one plane of it, now.
    pub fn lose(&mut self, region: &str, planes: PlanesDocument) {
        let what = Happening::RegionLost { region: region.to_owned(), planes };
        what.apply(&mut self.cloud, &mut self.estate, self.now);
        self.settle();
    }

    /// Gives a region back that was lost.
    pub fn restore(&mut self, region: &str) {
        let what = Happening::RegionRestored { region: region.to_owned(), planes: PlanesDocument::Both };
        what.apply(&mut self.cloud, &mut self.estate, self.now);
        self.settle();
    }

    /// Whether a region, or one plane of it, is lost.
    pub fn has_lost(&self, region: &str) -> bool {
        self.cloud.lost.get(region).is_some_and(|lost| lost.control || lost.data)
    }

    /// Whether an incident has taken something away that it could give back: a region, a zone, or a process that hangs.
    pub fn ails(&self) -> bool {
        !self.afflictions().is_empty()
    }

    /// Everything that incidents have taken away comes back now, whatever was to happen later.
    pub fn recover(&mut self) {
        for what in self.afflictions() {
            what.apply(&mut self.cloud, &mut self.estate, self.now);
        }
        self.settle();
    }

    /// What ends each thing that an incident did and that still lasts.
    fn afflictions(&self) -> Vec<Happening> {
        let lost = self.cloud.lost.iter().filter(|(_, lost)| lost.control || lost.data);
        let regions =
            lost.map(|(region, _)| Happening::RegionRestored { region: region.clone(), planes: PlanesDocument::Both });
        let zones = self.cloud.lost_zones.iter().cloned().map(Happening::ZoneRestored);
        let hung = self.estate.engines.iter().flat_map(|(cluster, engine)| {
            let hung = engine.nodes.iter().filter(|(_, node)| node.process == Process::Hung);
            hung.map(|(node, _)| Happening::ProcessResumed { cluster: cluster.clone(), node: node.clone() })
        });
        regions.chain(zones).chain(hung).collect()
    }

    fn runs(&self, region: &str, instance: &str) -> bool {
        let known = self.cloud.regions.get(region).and_then(|region| region.ec2.instances.get(instance));
        let machines = &self.cloud.azure.compute.machines;
        known.is_some_and(|instance| instance.state == InstanceState::Running)
            || machines.values().any(|machine| machine.name == instance && machine.runs())
    }
}
