//! Machines, whoever provides them: where they stand, whether they run, and what the network lets through to them.
//!
//! Does not know what runs on them.

use crate::{
    cloud::Cloud,
    ec2::{Ec2, NetworkInterface, SecurityRule},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where a machine stands, and whether its provider says that it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) region: String,
    /// The provider's own name of the zone: `us-east-1a`, `1`.
    pub(crate) zone: String,
    pub(crate) running: bool,
}

/// What is to pass a machine's network interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// To this port of the machine.
    In(u16),
    /// From the machine to this port of another.
    Out(u16),
}

/// An availability zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Zone {
    pub(crate) region: String,
    pub(crate) name: String,
}

impl Cloud {
    /// An EC2 instance by its id, or an Azure virtual machine by its name.
    pub(crate) fn machine(&self, id: &str) -> Option<Machine> {
        self.ec2_machine(id).or_else(|| self.azure.machine(id))
    }

    fn ec2_machine(&self, id: &str) -> Option<Machine> {
        self.regions.iter().find_map(|(name, region)| {
            let instance = region.ec2.instances.get(id)?;
            let zone = region.ec2.subnets.get(&instance.subnet).map(|subnet| subnet.zone.clone()).unwrap_or_default();
            Some(Machine { region: name.clone(), zone, running: self.instance_runs(name, id) })
        })
    }

    pub(crate) fn zone_up(&self, region: &str, zone: &str) -> bool {
        !self.lost_zones.contains(&Zone { region: region.to_owned(), name: zone.to_owned() })
    }

    /// Whether a machine runs, in a region and a zone that are there.
    pub(crate) fn machine_up(&self, id: &str) -> bool {
        self.machine(id).is_some_and(|machine| {
            machine.running && self.data_up(&machine.region) && self.zone_up(&machine.region, &machine.zone)
        })
    }

    /// Whether the security groups of a machine's interface let a flow pass; of its primary one where none is named.
    ///
    /// Established connections are not modelled: every flow is a new one.
    pub(crate) fn admits(&self, machine: &str, interface: Option<&str>, flow: Flow) -> bool {
        self.azure.admits(machine, interface, flow)
            || self.regions.values().any(|region| {
                region.ec2.interface_of(machine, interface).is_some_and(|found| region.ec2.admits(found, flow))
            })
    }

    /// Whether a machine has an interface of this name.
    pub(crate) fn has_interface(&self, machine: &str, interface: &str) -> bool {
        self.azure.has_interface(machine, interface)
            || self.regions.values().any(|region| region.ec2.interface_of(machine, Some(interface)).is_some())
    }
}

impl Ec2 {
    fn interface_of(&self, machine: &str, interface: Option<&str>) -> Option<&NetworkInterface> {
        let attached = self.interfaces.values().filter_map(|found| {
            let held = found.attachment.as_ref().filter(|held| held.instance == machine)?;
            Some((held.device_index, found))
        });
        match interface {
            Some(id) => attached.map(|(_, found)| found).find(|found| found.id == id),
            None => attached.min_by_key(|(index, _)| *index).map(|(_, found)| found),
        }
    }

    /// Groups are a union: a flow passes if a rule of any of them lets it. Who is at the other end is not looked at.
    fn admits(&self, interface: &NetworkInterface, flow: Flow) -> bool {
        let groups: BTreeSet<&String> = interface.groups.iter().collect();
        let rules = groups.into_iter().filter_map(|id| self.security_groups.get(id)).flat_map(|g| g.rules.values());
        rules.into_iter().any(|rule| rule.lets(flow))
    }
}

impl SecurityRule {
    fn lets(&self, flow: Flow) -> bool {
        let (egress, port) = match flow {
            Flow::In(port) => (false, port),
            Flow::Out(port) => (true, port),
        };
        let covers = match (self.from_port, self.to_port) {
            (Some(from), Some(to)) => (from..=to).contains(&i64::from(port)),
            _ => true,
        };
        self.egress == egress && ["-1", "tcp"].contains(&self.protocol.as_str()) && covers
    }
}
