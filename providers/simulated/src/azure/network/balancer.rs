//! Load balancers: frontends, pools, probes and rules. Does not probe, and sends nothing.

use super::{
    Network, body,
    kept::{Effect, Kept},
    security::Protocol,
    virtual_network::network_of,
};
use crate::azure::ArmError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::Ipv4Addr};

/// Everything by id in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Balancer {
    pub(crate) frontends: BTreeMap<String, Frontend>,
    pub(crate) pools: BTreeMap<String, Vec<PoolAddress>>,
    pub(crate) probes: BTreeMap<String, ProbeCheck>,
    pub(crate) rules: Vec<BalancingRule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Frontend {
    pub(crate) id: String,
    /// A public frontend has none.
    pub(crate) address: Option<Ipv4Addr>,
    pub(crate) subnet: Option<String>,
}

/// An entry of a pool's `loadBalancerBackendAddresses`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PoolAddress {
    pub(crate) name: String,
    pub(crate) address: Option<Ipv4Addr>,
    /// The member of a pool of interfaces that it speaks of.
    pub(crate) config: Option<String>,
    pub(crate) admin: AdminState,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AdminState {
    /// The probe decides.
    #[default]
    None,
    Up,
    Down,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProbeCheck {
    pub(crate) port: u16,
    /// `None` for a probe that only opens a connection.
    pub(crate) path: Option<String>,
    pub(crate) interval_s: u64,
    pub(crate) threshold: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BalancingRule {
    pub(crate) frontend: String,
    pub(crate) pools: Vec<String>,
    pub(crate) probe: Option<String>,
    /// `None`: all of them.
    pub(crate) protocol: Option<Protocol>,
    /// 0: every port.
    pub(crate) port: u16,
    pub(crate) backend_port: u16,
    pub(crate) floating: bool,
}

/// A member of a pool, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// What it is known by: the id of an address or of an IP configuration, in lower case.
    pub(super) key: String,
    pub(super) address: Ipv4Addr,
    pub(super) admin: AdminState,
}

impl Effect for Balancer {
    const TYPE: &'static str = "loadBalancers";
    const CHILDREN: &'static [(&'static str, bool)] = &[
        ("frontendIPConfigurations", false),
        ("backendAddressPools", true),
        ("probes", false),
        ("loadBalancingRules", false),
        ("inboundNatRules", false),
        ("outboundRules", false),
    ];
    const WRITABLE: bool = true;

    fn all(network: &Network) -> &BTreeMap<String, Kept<Self>> {
        &network.balancers
    }

    fn all_mut(network: &mut Network) -> &mut BTreeMap<String, Kept<Self>> {
        &mut network.balancers
    }

    fn complete(made: &mut Value, _existing: Option<&Kept<Self>>, network: &Network) -> Result<(), ArmError> {
        if made.get("sku").is_none() {
            made["sku"] = json!({ "name": "Standard", "tier": "Regional" });
        }
        for pool in body::list_mut(made, "backendAddressPools") {
            let properties = body::properties(pool);
            for shown_only in ["backendIPConfigurations", "loadBalancingRules", "outboundRules", "inboundNatRules"] {
                properties.remove(shown_only);
            }
            complete_pool(pool)?;
        }
        for frontend in body::list_mut(made, "frontendIPConfigurations") {
            let properties = body::properties(frontend);
            for shown_only in ["loadBalancingRules", "outboundRules", "inboundNatRules"] {
                properties.remove(shown_only);
            }
            let missing = properties.get("privateIPAddress").is_none();
            if let Some(subnet) = body::reference(frontend, "subnet").filter(|_| missing) {
                let free = network
                    .free_address(&subnet)
                    .ok_or_else(|| ArmError::bad("SubnetIsFull", format!("Subnet {subnet} has no address left.")))?;
                body::properties(frontend).insert("privateIPAddress".to_owned(), free.to_string().into());
            }
        }
        for probe in body::list_mut(made, "probes") {
            let properties = body::properties(probe);
            properties.remove("loadBalancingRules");
            properties.entry("numberOfProbes").or_insert(1.into());
            properties.entry("probeThreshold").or_insert(1.into());
        }
        Ok(())
    }

    fn read(made: &Value) -> Result<Self, ArmError> {
        let keyed = |value: &Value| body::id_of(value).unwrap_or_default();
        let mut read = Self::default();
        for frontend in body::list(made, "frontendIPConfigurations") {
            let built = Frontend {
                id: frontend.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
                address: body::text(frontend, "privateIPAddress").and_then(|text| text.parse().ok()),
                subnet: body::reference(frontend, "subnet"),
            };
            read.frontends.insert(keyed(frontend), built);
        }
        for pool in body::list(made, "backendAddressPools") {
            let addresses = body::list(pool, "loadBalancerBackendAddresses").map(read_address);
            read.pools.insert(keyed(pool), addresses.collect::<Result<_, _>>()?);
        }
        for probe in body::list(made, "probes") {
            read.probes.insert(keyed(probe), read_probe(probe)?);
        }
        for rule in body::list(made, "loadBalancingRules") {
            read.rules.push(read_rule(rule, &read)?);
        }
        Ok(read)
    }

    fn check(&self, key: &str, network: &Network) -> Result<(), ArmError> {
        for frontend in self.frontends.values() {
            let (Some(address), Some(subnet)) = (frontend.address, &frontend.subnet) else { continue };
            let inside = network.subnet(subnet).is_some_and(|subnet| subnet.prefix.contains(&address));
            if !inside {
                let message =
                    format!("Private static IP address {address} does not belong to the range of its subnet {subnet}.");
                return Err(ArmError::bad("PrivateIPAddressNotInSubnet", message));
            }
            if let Some(holder) = network.owner(network_of(subnet), address) {
                let message = format!(
                    "IP configuration {} is using the private IP address {address} which is already allocated to resource {holder}.",
                    frontend.id
                );
                return Err(ArmError::bad("PrivateIPAddressIsAllocated", message));
            }
        }
        for (pool, addresses) in &self.pools {
            let members = network.interface_members(pool);
            let mixed = addresses.iter().any(|own| own.address.is_some() && own.config.is_none());
            if mixed && !members.is_empty() {
                let message = format!(
                    "Backend address pool {pool} of load balancer {key} has members by network interface. It cannot have \
                     members by IP address besides."
                );
                return Err(ArmError::bad("MixedNicAndIpBackendPoolNotAllowed", message));
            }
        }
        Ok(())
    }

    fn in_use(key: &str, kept: &Kept<Self>, network: &Network) -> Option<ArmError> {
        let pool = kept.effect.pools.keys().find(|pool| !network.interface_members(pool).is_empty())?;
        let message = format!("Load balancer {key} cannot be deleted because pool {pool} is in use by interfaces.");
        Some(ArmError::bad("InUseLoadBalancerCannotBeDeleted", message))
    }

    fn show(_key: &str, shown: &mut Value, network: &Network) {
        for pool in body::list_mut(shown, "backendAddressPools") {
            let Some(key) = body::id_of(pool) else { continue };
            let members = network.interface_members(&key);
            if members.is_empty() {
                continue;
            }
            // Members by interface are shown as addresses too; only their admin state is the pool's own.
            let kept: Vec<Value> = body::list(pool, "loadBalancerBackendAddresses").cloned().collect();
            let ties: Vec<Value> = members.iter().map(|(id, _)| json!({ "id": id })).collect();
            let addresses: Vec<Value> = members.iter().map(|(id, address)| member_shown(id, *address, &kept)).collect();
            body::properties(pool).insert("backendIPConfigurations".to_owned(), ties.into());
            body::properties(pool).insert("loadBalancerBackendAddresses".to_owned(), addresses.into());
        }
    }
}

impl Network {
    /// The IP configurations whose interfaces name a pool: their ids and addresses.
    pub(super) fn interface_members(&self, pool: &str) -> Vec<(String, Ipv4Addr)> {
        let configs = self.interfaces.values().flat_map(|kept| &kept.effect.configs);
        let members = configs.filter(|own| own.pools.iter().any(|named| named == pool));
        members.map(|own| (own.id.clone(), own.address)).collect()
    }

    /// Everybody in a pool, whichever way they came into it.
    pub(super) fn members(&self, balancer: &Balancer, pool: &str) -> Vec<Member> {
        let entries = balancer.pools.get(pool).map(Vec::as_slice).unwrap_or_default();
        let by_interface = self.interface_members(pool);
        if !by_interface.is_empty() {
            let member = |(id, address): (String, Ipv4Addr)| {
                let key = id.to_ascii_lowercase();
                let own = entries.iter().find(|entry| entry.config.as_deref() == Some(&key));
                Member { admin: own.map(|entry| entry.admin).unwrap_or_default(), address, key }
            };
            return by_interface.into_iter().map(member).collect();
        }
        let member = |entry: &PoolAddress| {
            let key = format!("{pool}/{}", entry.name.to_ascii_lowercase());
            Some(Member { key, address: entry.address?, admin: entry.admin })
        };
        entries.iter().filter(|entry| entry.config.is_none()).filter_map(member).collect()
    }
}

/// What an API shows of a member by interface, with the admin state that the pool has for it.
fn member_shown(id: &str, address: Ipv4Addr, kept: &[Value]) -> Value {
    let own = kept.iter().find(|entry| {
        body::reference(entry, "networkInterfaceIPConfiguration").as_deref() == Some(&id.to_ascii_lowercase())
    });
    let mut parts = id.rsplit('/');
    let (config, interface) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    let name = own.map_or_else(|| format!("{interface}_{config}"), |entry| body::name(entry).to_owned());
    let mut shown = json!({ "name": name, "properties": {
        "ipAddress": address, "networkInterfaceIPConfiguration": { "id": id },
    } });
    if let Some(state) = own.and_then(|entry| body::text(entry, "adminState")) {
        shown["properties"]["adminState"] = state.into();
    }
    shown
}

/// Addresses of a pool have no ids, etags or states of their own; what speaks of an interface says only its admin state.
fn complete_pool(pool: &mut Value) -> Result<(), ArmError> {
    let mut seen: Vec<String> = Vec::new();
    for entry in body::list_mut(pool, "loadBalancerBackendAddresses") {
        let name = body::name(entry).to_ascii_lowercase();
        if name.is_empty() || seen.contains(&name) {
            let message = format!("The name '{name}' of a backend address is missing, or not unique in its pool.");
            return Err(ArmError::bad("InvalidRequestFormat", message));
        }
        seen.push(name);
        body::properties(entry).remove("inboundNatRulesPortMapping");
        if body::reference(entry, "networkInterfaceIPConfiguration").is_some() {
            body::properties(entry).remove("ipAddress");
        }
    }
    Ok(())
}

fn read_address(entry: &Value) -> Result<PoolAddress, ArmError> {
    let name = body::name(entry).to_owned();
    let admin = match body::text(entry, "adminState").unwrap_or("None").to_ascii_lowercase().as_str() {
        "none" => AdminState::None,
        "up" => AdminState::Up,
        "down" => AdminState::Down,
        other => {
            let message = format!("The value '{other}' is not valid for adminState of backend address {name}.");
            return Err(ArmError::bad("InvalidRequestFormat", message));
        }
    };
    let config = body::reference(entry, "networkInterfaceIPConfiguration");
    let given = body::text(entry, "ipAddress");
    let address: Option<Ipv4Addr> = given.and_then(|text| text.parse().ok());
    if config.is_none() && address.is_none() {
        let message = format!("Backend address {name} must have a valid ipAddress.");
        return Err(ArmError::bad("LoadBalancerBackendAddressIpAddressInvalid", message));
    }
    Ok(PoolAddress { name, address, config, admin })
}

fn read_probe(probe: &Value) -> Result<ProbeCheck, ArmError> {
    let name = body::name(probe);
    let invalid = |field: &str| {
        ArmError::bad("InvalidRequestFormat", format!("The value of {field} of probe {name} is missing or not valid."))
    };
    let port = body::number(probe, "port").and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    let path = match body::text(probe, "protocol").unwrap_or_default().to_ascii_lowercase().as_str() {
        "tcp" => None,
        "http" | "https" => Some(body::text(probe, "requestPath").ok_or_else(|| invalid("requestPath"))?.to_owned()),
        _ => return Err(invalid("protocol")),
    };
    let interval_s = body::number(probe, "intervalInSeconds").unwrap_or(15).max(1);
    let threshold = body::number(probe, "probeThreshold").unwrap_or(1).clamp(1, 100);
    Ok(ProbeCheck {
        port: port.ok_or_else(|| invalid("port"))?,
        path,
        interval_s,
        threshold: u32::try_from(threshold).unwrap_or(1),
    })
}

fn read_rule(rule: &Value, balancer: &Balancer) -> Result<BalancingRule, ArmError> {
    let name = body::name(rule);
    let missing = |what: &str, id: Option<&str>| {
        let message = format!("{what} {} of load balancing rule {name} was not found.", id.unwrap_or("(none)"));
        ArmError::bad("InvalidResourceReference", message)
    };
    let frontend = body::reference(rule, "frontendIPConfiguration");
    let frontend = frontend
        .filter(|id| balancer.frontends.contains_key(id))
        .ok_or_else(|| missing("frontendIPConfiguration", None))?;
    let several = body::list(rule, "backendAddressPools").filter_map(body::id_of);
    let mut pools: Vec<String> = body::reference(rule, "backendAddressPool").into_iter().chain(several).collect();
    pools.dedup();
    if let Some(pool) = pools.iter().find(|pool| !balancer.pools.contains_key(*pool)) {
        return Err(missing("backendAddressPool", Some(pool)));
    }
    let probe = body::reference(rule, "probe");
    if let Some(probe) = probe.as_ref().filter(|probe| !balancer.probes.contains_key(*probe)) {
        return Err(missing("probe", Some(probe)));
    }
    let protocol = match body::text(rule, "protocol").unwrap_or_default().to_ascii_lowercase().as_str() {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        "all" => None,
        other => {
            let message = format!("The value '{other}' is not valid for protocol of load balancing rule {name}.");
            return Err(ArmError::bad("InvalidRequestFormat", message));
        }
    };
    let port = |field: &str| body::number(rule, field).and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
    Ok(BalancingRule {
        frontend,
        pools,
        probe,
        protocol,
        port: port("frontendPort"),
        backend_port: port("backendPort"),
        floating: body::flag(rule, "enableFloatingIP"),
    })
}
