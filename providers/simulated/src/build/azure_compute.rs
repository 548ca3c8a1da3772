//! Builds the virtual machines of Azure, and what runs on them.

use super::Builder;
use crate::{
    azure::{ComputeTimes, Power, Room, VirtualMachine, machine_key},
    document::{PowerStateDocument, ResourceGroupDocument, VirtualMachineDocument},
    traffic::Software,
};
use lifeboat_contract::{Span, clock::after, codes};
use std::collections::BTreeMap;

impl Builder<'_> {
    pub(super) fn azure_virtual_machines(&mut self) {
        let Some(azure) = &self.document.azure else { return };
        let options = &azure.options;
        let default = ComputeTimes::default();
        self.cloud.azure.compute.times = ComputeTimes {
            start: options.vm_start.map_or(default.start, Span::get),
            restart: options.vm_restart.map_or(default.restart, Span::get),
            power_off: options.vm_power_off.map_or(default.power_off, Span::get),
            deallocate: options.vm_deallocate.map_or(default.deallocate, Span::get),
            refuse: options.vm_refuse.map_or(default.refuse, Span::get),
        };
        // Which machine has an interface, in lower case.
        let mut holders = BTreeMap::new();
        for (group, contents) in &azure.resource_groups {
            for (name, document) in &contents.virtual_machines {
                self.virtual_machine(&azure.subscription, (group, contents), name, document, &mut holders);
            }
        }
    }

    fn virtual_machine(
        &mut self,
        subscription: &str,
        (group, contents): (&str, &ResourceGroupDocument),
        name: &str,
        document: &VirtualMachineDocument,
        holders: &mut BTreeMap<String, String>,
    ) {
        let at = ["azure", "resource_groups", group, "virtual_machines", name];
        if self.estate.software.keys().any(|other| other.eq_ignore_ascii_case(name)) {
            self.error(&at, codes::DUPLICATE_ID, format!("the world already has a machine {name}"));
        }
        let location = self.azure_location(&at, document.location.as_ref(), contents);
        let interfaces = self.machine_interfaces(&at, subscription, (group, contents), document, holders);
        if let Some(application) =
            document.application.as_ref().filter(|name| !self.document.applications.contains_key(*name))
        {
            self.unknown(&[&at[..], &["application"]].concat(), "application", application);
        }
        if document.zone.as_ref().is_some_and(|zone| !is_zone(zone)) {
            self.error(&[&at[..], &["zone"]].concat(), codes::BAD_VALUE, "a zone of Azure is a number")
                .hint("zone: \"1\"");
        }
        let software = Software {
            region: location.clone(),
            site: document.site.clone().unwrap_or_else(|| location.clone()),
            application: document.application.clone(),
            addresses: document.addresses.clone(),
        };
        self.estate.software.insert(name.to_owned(), software);
        let power = match document.state {
            PowerStateDocument::Running => Power::Running,
            PowerStateDocument::Stopped => Power::Stopped,
            PowerStateDocument::Deallocated => Power::Deallocated,
        };
        let machine = VirtualMachine {
            group: group.to_owned(),
            name: name.to_owned(),
            location,
            zone: document.zone.clone(),
            size: document.size.clone(),
            interfaces,
            power,
            since: self.start,
            change: None,
            failed: false,
            generation: 1,
            created: self.start,
            room: Room {
                left: document.available,
                again_from: document.available_again.map(|span| after(self.start, span.get())),
                zone_lost: false,
            },
        };
        self.cloud.azure.compute.machines.insert(machine_key(group, name), machine);
    }

    /// The ids of a machine's interfaces. Each is there, and no other machine has it.
    fn machine_interfaces(
        &mut self,
        at: &[&str],
        subscription: &str,
        (group, contents): (&str, &ResourceGroupDocument),
        document: &VirtualMachineDocument,
        holders: &mut BTreeMap<String, String>,
    ) -> Vec<String> {
        let path = [at, &["interfaces"]].concat();
        if document.interfaces.is_empty() {
            self.error(&path, codes::MISSING_FIELD, "a virtual machine has at least one interface");
        }
        let mut ids = Vec::new();
        for interface in &document.interfaces {
            let known = contents.network_interfaces.keys().find(|known| known.eq_ignore_ascii_case(interface));
            let Some(known) = known else {
                self.unknown(&path, "network interface", interface);
                continue;
            };
            let machine = at.last().copied().unwrap_or_default().to_owned();
            if let Some(other) = holders.insert(format!("{group}/{known}").to_ascii_lowercase(), machine) {
                self.error(&path, codes::DUPLICATE_ID, format!("{other} already has the interface {interface}"));
            }
            ids.push(format!(
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces/{known}"
            ));
        }
        ids
    }
}

/// Whether this is the name of a zone, as Azure writes it.
pub(super) fn is_zone(name: &str) -> bool {
    matches!(name.as_bytes(), [b'1'..=b'9'])
}
