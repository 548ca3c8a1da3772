//! Builds the networks of Azure: virtual networks, route tables, security groups and interfaces.
//!
//! Every resource is built as the JSON that a client would have sent, and read as any other.

use super::Builder;
use crate::{
    azure::network::{Effect, Kept, network_id},
    document::{
        AzureRouteTableDocument, AzureSecurityGroupDocument, AzureSubnetDocument, NetworkInterfaceDocument,
        NextHopTypeDocument, ResourceGroupDocument, RuleAccessDocument, RuleDirectionDocument, VirtualNetworkDocument,
    },
};
use ipnet::Ipv4Net;
use lifeboat_contract::codes;
use serde_json::{Value, json};

/// A resource group of the document, by name.
type Group<'a> = (&'a str, &'a ResourceGroupDocument);

impl Builder<'_> {
    /// Everything of the network, in the order in which one thing names another.
    pub(super) fn azure_networks(&mut self) {
        let Some(azure) = &self.document.azure else { return };
        for (group, contents) in &azure.resource_groups {
            for (name, document) in &contents.route_tables {
                self.azure_route_table((group, contents), name, document);
            }
            for (name, document) in &contents.security_groups {
                self.azure_security_group((group, contents), name, document);
            }
            for (name, document) in &contents.virtual_networks {
                self.virtual_network((group, contents), name, document);
            }
        }
        for (group, contents) in &azure.resource_groups {
            for (name, document) in &contents.network_interfaces {
                self.network_interface((group, contents), name, document);
            }
            self.azure_load_balancers((group, contents));
        }
    }

    fn azure_route_table(&mut self, group: Group<'_>, name: &str, document: &AzureRouteTableDocument) {
        let at = ["azure", "resource_groups", group.0, "route_tables", name];
        let location = self.azure_location(&at, document.location.as_ref(), group.1);
        let mut routes = Vec::new();
        for (route, contents) in &document.routes {
            let path = [&at[..], &["routes", route]].concat();
            let appliance = contents.next_hop_type == NextHopTypeDocument::VirtualAppliance;
            if appliance && contents.next_hop.is_none() {
                self.error(&path, codes::MISSING_FIELD, "a route to a virtual appliance has next_hop");
            } else if !appliance && contents.next_hop.is_some() {
                let message = "only a route to a virtual appliance has next_hop";
                self.error(&[&path[..], &["next_hop"]].concat(), codes::CONFLICTING_FIELDS, message);
            }
            self.range(&[&path[..], &["prefix"]].concat(), &contents.prefix);
            let kind = match contents.next_hop_type {
                NextHopTypeDocument::VirtualAppliance => "VirtualAppliance",
                NextHopTypeDocument::VnetLocal => "VnetLocal",
                NextHopTypeDocument::VirtualNetworkGateway => "VirtualNetworkGateway",
                NextHopTypeDocument::Internet => "Internet",
                NextHopTypeDocument::None => "None",
            };
            let mut properties = json!({ "addressPrefix": contents.prefix, "nextHopType": kind });
            if let Some(address) = contents.next_hop {
                properties["nextHopIpAddress"] = json!(address);
            }
            routes.push(json!({ "name": route, "properties": properties }));
        }
        self.keep::<crate::azure::network::RouteTable>(&at, group.0, &location, &json!({ "routes": routes }));
    }

    fn azure_security_group(&mut self, group: Group<'_>, name: &str, document: &AzureSecurityGroupDocument) {
        let at = ["azure", "resource_groups", group.0, "security_groups", name];
        let location = self.azure_location(&at, document.location.as_ref(), group.1);
        let mut rules = Vec::new();
        for (rule, contents) in &document.rules {
            let path = [&at[..], &["rules", rule]].concat();
            if !(100..=4096).contains(&contents.priority) {
                let message = "a priority is from 100 to 4096";
                self.error(&[&path[..], &["priority"]].concat(), codes::OUT_OF_RANGE, message);
            }
            let Some(protocol) = protocol_name(&contents.protocol) else {
                let message = format!("{} is not tcp, udp, icmp or *", contents.protocol);
                self.error(&[&path[..], &["protocol"]].concat(), codes::BAD_VALUE, message);
                continue;
            };
            let direction = match contents.direction {
                RuleDirectionDocument::Inbound => "Inbound",
                RuleDirectionDocument::Outbound => "Outbound",
            };
            let access = match contents.access {
                RuleAccessDocument::Allow => "Allow",
                RuleAccessDocument::Deny => "Deny",
            };
            let mut properties = json!({
                "priority": contents.priority,
                "direction": direction,
                "access": access,
                "protocol": protocol,
                "sourcePortRange": "*",
                "sourceAddressPrefix": contents.source,
                "destinationAddressPrefix": contents.destination,
            });
            match &contents.ports[..] {
                [one] => properties["destinationPortRange"] = json!(one),
                several => properties["destinationPortRanges"] = json!(several),
            }
            rules.push(json!({ "name": rule, "properties": properties }));
        }
        self.keep::<crate::azure::network::SecurityGroup>(&at, group.0, &location, &json!({ "securityRules": rules }));
    }

    fn virtual_network(&mut self, group: Group<'_>, name: &str, document: &VirtualNetworkDocument) {
        let at = ["azure", "resource_groups", group.0, "virtual_networks", name];
        let location = self.azure_location(&at, document.location.as_ref(), group.1);
        let space: Vec<Ipv4Net> = document
            .address_space
            .iter()
            .filter_map(|text| self.range(&[&at[..], &["address_space"]].concat(), text))
            .collect();
        if document.address_space.is_empty() {
            let path = [&at[..], &["address_space"]].concat();
            self.error(&path, codes::MISSING_FIELD, "a network has at least one range");
        }
        let mut ranges: Vec<(&String, Ipv4Net)> = Vec::new();
        let mut subnets = Vec::new();
        for (subnet, contents) in &document.subnets {
            let path = [&at[..], &["subnets", subnet]].concat();
            let prefix = [&path[..], &["prefix"]].concat();
            let Some(range) = self.range(&prefix, &contents.prefix) else { continue };
            if !space.iter().any(|own| own.contains(&range)) {
                let message = format!("{range} is not inside the network's address space");
                self.error(&prefix, codes::BAD_ADDRESS, message);
            }
            let twin = ranges.iter().find(|(_, other)| other.contains(&range) || range.contains(other));
            if let Some((other, with)) = twin {
                let message = format!("{range} overlaps with {with} of {other}");
                self.error(&prefix, codes::BAD_ADDRESS, message);
            }
            ranges.push((subnet, range));
            subnets.push(self.azure_subnet(&path, group, subnet, contents));
        }
        let peerings = self.peerings(&at, group, name, document);
        let properties = json!({
            "addressSpace": { "addressPrefixes": document.address_space },
            "subnets": subnets,
            "virtualNetworkPeerings": peerings,
        });
        self.keep::<crate::azure::network::VirtualNetwork>(&at, group.0, &location, &properties);
    }

    fn azure_subnet(&mut self, at: &[&str], group: Group<'_>, name: &str, document: &AzureSubnetDocument) -> Value {
        let mut properties = json!({ "addressPrefix": document.prefix });
        if let Some(table) = &document.route_table {
            match self.network_reference(group, "routeTables", group.1.route_tables.keys(), table) {
                Some(id) => properties["routeTable"] = json!({ "id": id }),
                None => self.unknown(&[at, &["route_table"]].concat(), "route table in the resource group", table),
            }
        }
        if let Some(guard) = &document.security_group {
            match self.network_reference(group, "networkSecurityGroups", group.1.security_groups.keys(), guard) {
                Some(id) => properties["networkSecurityGroup"] = json!({ "id": id }),
                None => {
                    self.unknown(&[at, &["security_group"]].concat(), "security group in the resource group", guard);
                }
            }
        }
        json!({ "name": name, "properties": properties })
    }

    /// A peering is mutual, whichever side names it.
    fn peerings(&mut self, at: &[&str], group: Group<'_>, name: &str, document: &VirtualNetworkDocument) -> Vec<Value> {
        let path = [at, &["peerings"]].concat();
        let own = format!("{}/{name}", group.0);
        let mut peers: Vec<String> = Vec::new();
        for peer in &document.peerings {
            let named = if peer.contains('/') { peer.clone() } else { format!("{}/{peer}", group.0) };
            if self.azure_network_named(&named).is_none() || named == own {
                self.unknown(&path, "other virtual network", peer);
            } else {
                peers.push(named);
            }
        }
        let azure = self.document.azure.iter().flat_map(|azure| &azure.resource_groups);
        for (other_group, contents) in azure {
            for (other, network) in &contents.virtual_networks {
                let names_us = |peer: &String| *peer == own || (other_group == group.0 && peer == name);
                if network.peerings.iter().any(names_us) {
                    peers.push(format!("{other_group}/{other}"));
                }
            }
        }
        peers.sort();
        peers.dedup();
        let subscription = &self.cloud.azure.subscription;
        let peering = |peer: &String| {
            let (group, network) = peer.split_once('/').unwrap_or_default();
            json!({ "name": peer.replace('/', "-"), "properties": {
                "remoteVirtualNetwork": { "id": network_id(subscription, group, "virtualNetworks", network) },
                "allowVirtualNetworkAccess": true,
                "allowForwardedTraffic": true,
                "peeringState": "Connected",
            } })
        };
        peers.iter().map(peering).collect()
    }

    fn azure_network_named(&self, named: &str) -> Option<&VirtualNetworkDocument> {
        let (group, network) = named.split_once('/')?;
        self.document.azure.as_ref()?.resource_groups.get(group)?.virtual_networks.get(network)
    }

    fn network_interface(&mut self, group: Group<'_>, name: &str, document: &NetworkInterfaceDocument) {
        let at = ["azure", "resource_groups", group.0, "network_interfaces", name];
        let location = self.azure_location(&at, document.location.as_ref(), group.1);
        let mut configs = Vec::new();
        for (config, contents) in &document.ip_configurations {
            let path = [&at[..], &["ip_configurations", config]].concat();
            let Some(subnet) = self.azure_subnet_id(&[&path[..], &["subnet"]].concat(), group, &contents.subnet) else {
                continue;
            };
            let mut properties = json!({
                "privateIPAddress": contents.private_ip,
                "privateIPAllocationMethod": "Static",
                "subnet": { "id": subnet },
                "primary": contents.primary,
            });
            let pools = self.pools_of(group, name, config);
            if !pools.is_empty() {
                properties["loadBalancerBackendAddressPools"] = pools.into();
            }
            configs.push(json!({ "name": config, "properties": properties }));
        }
        if configs.len() < document.ip_configurations.len() {
            return;
        }
        let mut properties = json!({
            "enableIPForwarding": document.ip_forwarding,
            "ipConfigurations": configs,
        });
        if let Some(guard) = &document.security_group {
            match self.network_reference(group, "networkSecurityGroups", group.1.security_groups.keys(), guard) {
                Some(id) => properties["networkSecurityGroup"] = json!({ "id": id }),
                None => self.unknown(
                    &[&at[..], &["security_group"]].concat(),
                    "security group in the resource group",
                    guard,
                ),
            }
        }
        if let Some(machine) = holder(group.1, name) {
            let id = format!(
                "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/virtualMachines/{machine}",
                self.cloud.azure.subscription, group.0
            );
            properties["virtualMachine"] = json!({ "id": id });
        }
        self.keep::<crate::azure::network::Interface>(&at, group.0, &location, &properties);
    }

    /// The id of a subnet that is written as `NET/SUBNET` of a resource group.
    pub(super) fn azure_subnet_id(&mut self, at: &[&str], group: Group<'_>, named: &str) -> Option<String> {
        let (network, subnet) = named.split_once('/').unwrap_or((named, ""));
        let found = group.1.virtual_networks.get(network).filter(|found| found.subnets.contains_key(subnet));
        if found.is_none() {
            self.unknown(at, "subnet in the resource group", named);
            return None;
        }
        let network = network_id(&self.cloud.azure.subscription, group.0, "virtualNetworks", network);
        Some(format!("{network}/subnets/{subnet}"))
    }

    /// The id of a resource of the same group.
    pub(super) fn network_reference<'k>(
        &self,
        group: Group<'_>,
        kind: &str,
        mut known: impl Iterator<Item = &'k String>,
        name: &str,
    ) -> Option<String> {
        let own = known.find(|known| known.eq_ignore_ascii_case(name))?;
        Some(network_id(&self.cloud.azure.subscription, group.0, kind, own))
    }

    /// Keeps a resource as it is at the world's start. What the service itself would refuse is a finding at `at`.
    pub(super) fn keep<T: Effect>(&mut self, at: &[&str], group: &str, location: &str, properties: &Value) {
        let name = at.last().copied().unwrap_or_default();
        let id = network_id(&self.cloud.azure.subscription, group, T::TYPE, name);
        let network = &mut self.cloud.azure.network;
        if T::all(network).contains_key(&id.to_ascii_lowercase()) {
            self.error(at, codes::DUPLICATE_ID, format!("another resource is called {name} in other letters"));
            return;
        }
        if let Err(error) = Kept::<T>::found(&id, location, properties, network) {
            self.error(at, codes::BAD_VALUE, error.message);
        }
    }
}

/// The machine of a resource group that has an interface.
fn holder<'a>(group: &'a ResourceGroupDocument, interface: &str) -> Option<&'a String> {
    let mut machines = group.virtual_machines.iter();
    let has = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case(interface));
    machines.find(|(_, machine)| has(&machine.interfaces)).map(|(name, _)| name)
}

fn protocol_name(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "*" => Some("*"),
        "tcp" => Some("Tcp"),
        "udp" => Some("Udp"),
        "icmp" => Some("Icmp"),
        _ => None,
    }
}
