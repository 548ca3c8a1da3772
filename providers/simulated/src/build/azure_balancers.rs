//! Builds the load balancers of Azure. Their frontends are internal.

use super::Builder;
use crate::{
    azure::network::{Balancer, network_id},
    document::{
        AdminStateDocument, AzureLoadBalancerDocument, BackendPoolDocument, LoadBalancerProbeDocument,
        LoadBalancingRuleDocument, ProbeProtocolDocument, ResourceGroupDocument, RuleProtocolDocument,
    },
};
use lifeboat_contract::codes;
use serde_json::{Value, json};

type Group<'a> = (&'a str, &'a ResourceGroupDocument);

impl Builder<'_> {
    pub(super) fn azure_load_balancers(&mut self, group: Group<'_>) {
        for (name, document) in &group.1.load_balancers {
            self.azure_load_balancer(group, name, document);
        }
    }

    fn azure_load_balancer(&mut self, group: Group<'_>, name: &str, document: &AzureLoadBalancerDocument) {
        let at = ["azure", "resource_groups", group.0, "load_balancers", name];
        let location = self.azure_location(&at, document.location.as_ref(), group.1);
        let id = network_id(&self.cloud.azure.subscription, group.0, "loadBalancers", name);
        let found_before = self.findings.as_slice().len();
        if document.frontends.is_empty() {
            let path = [&at[..], &["frontends"]].concat();
            self.error(&path, codes::MISSING_FIELD, "a load balancer has at least one frontend");
        }
        let mut frontends = Vec::new();
        let mut network = None;
        for (frontend, contents) in &document.frontends {
            let path = [&at[..], &["frontends", frontend, "subnet"]].concat();
            let Some(subnet) = self.azure_subnet_id(&path, group, &contents.subnet) else { return };
            network = subnet.split("/subnets/").next().map(str::to_owned);
            frontends.push(json!({ "name": frontend, "properties": {
                "privateIPAddress": contents.private_ip,
                "privateIPAllocationMethod": "Static",
                "subnet": { "id": subnet },
            } }));
        }
        let network = network.unwrap_or_default();
        let pools: Vec<Value> =
            document.pools.iter().map(|(pool, contents)| self.pool(&at, group, &network, pool, contents)).collect();
        let probes: Vec<Value> =
            document.probes.iter().map(|(probe, contents)| self.probe(&at, probe, contents)).collect();
        let rules: Vec<Value> = document
            .rules
            .iter()
            .map(|(rule, contents)| self.balancing_rule(&at, &id, document, rule, contents))
            .collect();
        if self.findings.as_slice().len() > found_before {
            return;
        }
        let properties = json!({
            "frontendIPConfigurations": frontends,
            "backendAddressPools": pools,
            "probes": probes,
            "loadBalancingRules": rules,
        });
        self.keep::<Balancer>(&at, group.0, &location, &properties);
    }

    fn pool(
        &mut self,
        at: &[&str],
        group: Group<'_>,
        network: &str,
        name: &str,
        document: &BackendPoolDocument,
    ) -> Value {
        let path = [at, &["pools", name]].concat();
        if !document.addresses.is_empty() && !document.interfaces.is_empty() {
            self.error(&path, codes::CONFLICTING_FIELDS, "a pool is either of addresses or of interfaces");
        }
        for member in &document.interfaces {
            let (interface, config) = member.split_once('/').unwrap_or((member, ""));
            let known = group.1.network_interfaces.get(interface);
            if known.is_none_or(|known| !known.ip_configurations.contains_key(config)) {
                let what = "interface and IP configuration in the resource group";
                self.unknown(&[&path[..], &["interfaces"]].concat(), what, member);
            }
        }
        let addresses = document.addresses.iter().map(|(address, contents)| {
            let mut properties = json!({ "ipAddress": contents.ip, "virtualNetwork": { "id": network } });
            match contents.admin_state {
                AdminStateDocument::None => {}
                AdminStateDocument::Up => properties["adminState"] = "Up".into(),
                AdminStateDocument::Down => properties["adminState"] = "Down".into(),
            }
            json!({ "name": address, "properties": properties })
        });
        json!({ "name": name, "properties": { "loadBalancerBackendAddresses": addresses.collect::<Vec<_>>() } })
    }

    fn probe(&mut self, at: &[&str], name: &str, document: &LoadBalancerProbeDocument) -> Value {
        let path = [at, &["probes", name]].concat();
        let seconds = document.interval.get().as_secs();
        if seconds == 0 || document.threshold == 0 || document.port == 0 {
            let message = "an interval is at least 1s, a threshold at least 1, and a port at least 1";
            self.error(&path, codes::OUT_OF_RANGE, message);
        }
        let protocol = match document.protocol {
            ProbeProtocolDocument::Tcp => "Tcp",
            ProbeProtocolDocument::Http => "Http",
            ProbeProtocolDocument::Https => "Https",
        };
        let mut properties = json!({
            "protocol": protocol,
            "port": document.port,
            "intervalInSeconds": seconds,
            "probeThreshold": document.threshold,
        });
        match (&document.path, document.protocol) {
            (None, ProbeProtocolDocument::Tcp) => {}
            (Some(asked), ProbeProtocolDocument::Http | ProbeProtocolDocument::Https) => {
                properties["requestPath"] = json!(asked);
            }
            (None, _) => {
                self.error(&path, codes::MISSING_FIELD, "an HTTP probe has a path");
            }
            (Some(_), ProbeProtocolDocument::Tcp) => {
                let message = "a TCP probe has no path";
                self.error(&[&path[..], &["path"]].concat(), codes::CONFLICTING_FIELDS, message);
            }
        }
        json!({ "name": name, "properties": properties })
    }

    fn balancing_rule(
        &mut self,
        at: &[&str],
        id: &str,
        balancer: &AzureLoadBalancerDocument,
        name: &str,
        document: &LoadBalancingRuleDocument,
    ) -> Value {
        let path = [at, &["rules", name]].concat();
        if !balancer.frontends.contains_key(&document.frontend) {
            self.unknown(&[&path[..], &["frontend"]].concat(), "frontend of the load balancer", &document.frontend);
        }
        if !balancer.pools.contains_key(&document.pool) {
            self.unknown(&[&path[..], &["pool"]].concat(), "pool of the load balancer", &document.pool);
        }
        if let Some(probe) = document.probe.as_ref().filter(|probe| !balancer.probes.contains_key(*probe)) {
            self.unknown(&[&path[..], &["probe"]].concat(), "probe of the load balancer", probe);
        }
        let backend_port = document.backend_port.unwrap_or(document.port);
        let all = document.protocol == RuleProtocolDocument::All;
        if all != (document.port == 0) || all != (backend_port == 0) {
            let message = "a rule for every port has protocol all and port 0, and no other has";
            self.error(&path, codes::CONFLICTING_FIELDS, message);
        }
        let protocol = match document.protocol {
            RuleProtocolDocument::Tcp => "Tcp",
            RuleProtocolDocument::Udp => "Udp",
            RuleProtocolDocument::All => "All",
        };
        let pool = json!({ "id": format!("{id}/backendAddressPools/{}", document.pool) });
        let mut properties = json!({
            "frontendIPConfiguration": { "id": format!("{id}/frontendIPConfigurations/{}", document.frontend) },
            "backendAddressPool": pool,
            "backendAddressPools": [pool],
            "protocol": protocol,
            "frontendPort": document.port,
            "backendPort": backend_port,
            "enableFloatingIP": document.floating_ip,
            "idleTimeoutInMinutes": 4,
        });
        if let Some(probe) = &document.probe {
            properties["probe"] = json!({ "id": format!("{id}/probes/{probe}") });
        }
        json!({ "name": name, "properties": properties })
    }

    /// The pools of the resource group's load balancers that have an interface's address as a member.
    pub(super) fn pools_of(&self, group: Group<'_>, interface: &str, config: &str) -> Vec<Value> {
        let member = format!("{interface}/{config}");
        let mut pools = Vec::new();
        for (balancer, document) in &group.1.load_balancers {
            let id = network_id(&self.cloud.azure.subscription, group.0, "loadBalancers", balancer);
            let own = document.pools.iter().filter(|(_, pool)| pool.interfaces.contains(&member));
            pools.extend(own.map(|(pool, _)| json!({ "id": format!("{id}/backendAddressPools/{pool}") })));
        }
        pools
    }

    /// The id of a frontend that is written as `GROUP/LB/FRONTEND`, in lower case.
    pub(super) fn azure_frontend(&self, named: &str) -> Option<String> {
        let [group, balancer, frontend] = named.split('/').collect::<Vec<_>>()[..] else { return None };
        let document = self.document.azure.as_ref()?.resource_groups.get(group)?.load_balancers.get(balancer)?;
        document.frontends.get(frontend)?;
        let id = network_id(&self.cloud.azure.subscription, group, "loadBalancers", balancer);
        Some(format!("{id}/frontendIPConfigurations/{frontend}").to_ascii_lowercase())
    }

    /// The id of a subnet that is written as `GROUP/NET/SUBNET`, in lower case.
    pub(super) fn azure_vantage(&self, named: &str) -> Option<(String, String)> {
        let [group, network, subnet] = named.split('/').collect::<Vec<_>>()[..] else { return None };
        let contents = self.document.azure.as_ref()?.resource_groups.get(group)?;
        let document = contents.virtual_networks.get(network)?;
        document.subnets.get(subnet)?;
        let location = document.location.as_ref().unwrap_or(&contents.location).clone();
        let id = network_id(&self.document.azure.as_ref()?.subscription, group, "virtualNetworks", network);
        Some((location, format!("{id}/subnets/{subnet}").to_ascii_lowercase()))
    }
}
