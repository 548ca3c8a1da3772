//! Network interfaces and their addresses. Attaches none to a machine.

use super::{
    Network, body,
    kept::{Effect, Kept},
    virtual_network::network_of,
};
use crate::azure::ArmError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::Ipv4Addr};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interface {
    pub(crate) forwarding: bool,
    pub(crate) group: Option<String>,
    pub(crate) configs: Vec<IpConfig>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IpConfig {
    /// As the API shows it.
    pub(crate) id: String,
    pub(crate) subnet: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) primary: bool,
    /// The backend pools that it is a member of.
    pub(crate) pools: Vec<String>,
}

impl Interface {
    pub(crate) fn primary(&self) -> Option<&IpConfig> {
        self.configs.iter().find(|own| own.primary).or(self.configs.first())
    }

    pub(crate) fn owns(&self, address: Ipv4Addr) -> bool {
        self.configs.iter().any(|own| own.address == address)
    }
}

impl Effect for Interface {
    const TYPE: &'static str = "networkInterfaces";
    const CHILDREN: &'static [(&'static str, bool)] = &[("ipConfigurations", false)];
    const WRITABLE: bool = true;

    fn all(network: &Network) -> &BTreeMap<String, Kept<Self>> {
        &network.interfaces
    }

    fn all_mut(network: &mut Network) -> &mut BTreeMap<String, Kept<Self>> {
        &mut network.interfaces
    }

    fn complete(made: &mut Value, existing: Option<&Kept<Self>>, network: &Network) -> Result<(), ArmError> {
        let properties = body::properties(made);
        // Who it is attached to, the machine decides.
        let attached = existing.and_then(|kept| kept.body.pointer("/properties/virtualMachine"));
        properties.remove("virtualMachine");
        if let Some(machine) = attached {
            properties.insert("virtualMachine".to_owned(), machine.clone());
        }
        for (field, usual) in [("enableIPForwarding", json!(false)), ("enableAcceleratedNetworking", json!(false))] {
            properties.entry(field).or_insert(usual);
        }
        let configs = body::list_mut(made, "ipConfigurations");
        if configs.is_empty() {
            return Err(ArmError::bad(
                "NetworkInterfaceMustHaveAtLeastOneIpConfiguration",
                "A network interface must have at least one IP configuration.",
            ));
        }
        let primaries = configs.iter().filter(|own| body::flag(own, "primary")).count();
        if primaries > 1 {
            let message = "A network interface must have exactly one primary IP configuration.";
            return Err(ArmError::bad("NetworkInterfaceMustHaveOnePrimaryIpConfiguration", message));
        }
        for (place, config) in configs.iter_mut().enumerate() {
            let primary = if primaries == 0 { place == 0 } else { body::flag(config, "primary") };
            complete_config(config, primary, existing, network)?;
        }
        Ok(())
    }

    fn read(made: &Value) -> Result<Self, ArmError> {
        let configs: Vec<IpConfig> = body::list(made, "ipConfigurations").map(read_config).collect::<Result<_, _>>()?;
        Ok(Self {
            forwarding: body::flag(made, "enableIPForwarding"),
            group: body::reference(made, "networkSecurityGroup"),
            configs,
        })
    }

    fn check(&self, key: &str, network: &Network) -> Result<(), ArmError> {
        for (place, own) in self.configs.iter().enumerate() {
            let Some(subnet) = network.subnet(&own.subnet) else {
                return Err(ArmError::invalid_reference(&own.subnet, &own.id));
            };
            if !subnet.prefix.contains(&own.address) {
                let message = format!(
                    "Private static IP address {} does not belong to the range of subnet prefix {}.",
                    own.address, subnet.prefix
                );
                return Err(ArmError::bad("PrivateIPAddressNotInSubnet", message));
            }
            let twin = self.configs[..place].iter().find(|other| other.address == own.address);
            let holder = twin.map(|twin| twin.id.clone());
            let holder = holder.or_else(|| network.holder(network_of(&own.subnet), own.address, key));
            if let Some(holder) = holder {
                let message = format!(
                    "IP configuration {} is using the private IP address {} which is already allocated to resource {holder}.",
                    own.id, own.address
                );
                return Err(ArmError::bad("PrivateIPAddressIsAllocated", message));
            }
        }
        Ok(())
    }

    fn in_use(_key: &str, kept: &Kept<Self>, _network: &Network) -> Option<ArmError> {
        let machine = kept.body.pointer("/properties/virtualMachine/id")?.as_str()?;
        let message = format!(
            "Network Interface {} is used by existing resource {machine}. In order to delete the network interface, it must \
             be dissociated from the resource.",
            kept.id
        );
        Some(ArmError::bad("NicInUse", message))
    }
}

impl Network {
    /// Who else holds an address of a network: the goal of a write counts as much as what is in effect.
    fn holder(&self, network: &str, address: Ipv4Addr, except: &str) -> Option<String> {
        let same = |own: &&IpConfig| own.address == address && network_of(&own.subnet) == network;
        for (_, kept) in self.interfaces.iter().filter(|(key, _)| *key != except) {
            let goal = Interface::read(&kept.body).unwrap_or_default();
            let found = kept.effect.configs.iter().chain(&goal.configs).find(same);
            if let Some(found) = found {
                return Some(found.id.clone());
            }
        }
        let frontends = self.balancers.values().flat_map(|kept| kept.effect.frontends.values());
        let taken = frontends
            .filter(|own| own.address == Some(address) && own.subnet.as_deref().map(network_of) == Some(network));
        taken.map(|own| own.id.clone()).next()
    }

    /// The first address of a subnet that nobody holds. Azure keeps the first four for itself.
    pub(super) fn free_address(&self, subnet: &str) -> Option<Ipv4Addr> {
        let prefix = self.subnet(subnet)?.prefix;
        prefix.hosts().skip(3).find(|address| self.holder(network_of(subnet), *address, "").is_none())
    }
}

fn complete_config(
    config: &mut Value,
    primary: bool,
    existing: Option<&Kept<Interface>>,
    network: &Network,
) -> Result<(), ArmError> {
    let name = body::name(config).to_owned();
    if name.is_empty() {
        return Err(ArmError::bad("InvalidRequestFormat", "An IP configuration has a name."));
    }
    let method = body::text(config, "privateIPAllocationMethod").unwrap_or("Dynamic").to_owned();
    let subnet = body::reference(config, "subnet").unwrap_or_default();
    let given = body::text(config, "privateIPAddress").filter(|text| !text.is_empty()).map(str::to_owned);
    let before = existing.and_then(|kept| body::child(&kept.body, "ipConfigurations", &name));
    let kept = before.filter(|before| body::reference(before, "subnet").as_deref() == Some(&subnet));
    let address = if method.eq_ignore_ascii_case("Static") {
        given.ok_or_else(|| {
            let message = format!(
                "Private IP address is required when privateIPAllocationMethod is Static in IP configuration {name}."
            );
            ArmError::bad("PrivateIPAddressMissing", message)
        })?
    } else {
        let before = kept.and_then(|before| body::text(before, "privateIPAddress")).map(str::to_owned);
        let free = || network.free_address(&subnet).map(|address| address.to_string());
        before.or(given).or_else(free).ok_or_else(|| {
            ArmError::bad("SubnetIsFull", format!("Subnet {subnet} does not have enough capacity for 1 IP addresses."))
        })?
    };
    let properties = body::properties(config);
    properties.insert("primary".to_owned(), primary.into());
    properties.insert("privateIPAddress".to_owned(), address.into());
    properties.insert("privateIPAllocationMethod".to_owned(), method.into());
    properties.entry("privateIPAddressVersion").or_insert("IPv4".into());
    Ok(())
}

fn read_config(config: &Value) -> Result<IpConfig, ArmError> {
    let text = body::text(config, "privateIPAddress").unwrap_or_default();
    let address = text.parse().map_err(|_| {
        ArmError::bad("InvalidIPAddressFormat", format!("The value '{text}' is not a valid IP address."))
    })?;
    let subnet = body::reference(config, "subnet").ok_or_else(|| {
        let message = format!("Subnet reference of IP configuration {} is required.", body::name(config));
        ArmError::bad("SubnetIsRequired", message)
    })?;
    Ok(IpConfig {
        id: config.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        subnet,
        address,
        primary: body::flag(config, "primary"),
        pools: body::list(config, "loadBalancerBackendAddressPools").filter_map(body::id_of).collect(),
    })
}
