//! Network security groups: which connections they let through. Knows no interface.

use super::{
    Network, body,
    kept::{Effect, Kept},
    virtual_network::network_of,
};
use crate::azure::ArmError;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::Ipv4Addr};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SecurityGroup {
    /// In order of priority.
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rule {
    name: String,
    priority: u64,
    inbound: bool,
    allows: bool,
    /// `None`: any.
    protocol: Option<Protocol>,
    sources: Vec<Match>,
    destinations: Vec<Match>,
    source_ports: Vec<(u16, u16)>,
    ports: Vec<(u16, u16)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
    Icmp,
}

/// What an address of a rule stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Match {
    Any,
    Range(Ipv4Net),
    VirtualNetwork,
    AzureLoadBalancer,
    Internet,
    /// A tag or a group that is no part of the simulation: matches nothing.
    Unknown(String),
}

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Address(Ipv4Addr),
    /// Where load balancers' probes come from.
    Probe,
    /// Somebody in the network who is not known more closely.
    Somebody,
}

/// A connection, as a security group sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) inbound: bool,
    pub(crate) protocol: Protocol,
    pub(crate) source: End,
    pub(crate) destination: End,
    /// `None` for what has no ports.
    pub(crate) port: Option<u16>,
    /// The ranges that the tag `VirtualNetwork` stands for.
    pub(crate) inside: &'a [Ipv4Net],
}

/// Azure's own rules, which come after all others: name, priority, inbound, allows, source, destination.
const DEFAULTS: [(&str, u64, bool, bool, &str, &str); 6] = [
    ("AllowVnetInBound", 65000, true, true, "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", 65001, true, true, "AzureLoadBalancer", "*"),
    ("DenyAllInBound", 65500, true, false, "*", "*"),
    ("AllowVnetOutBound", 65000, false, true, "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", 65001, false, true, "*", "Internet"),
    ("DenyAllOutBound", 65500, false, false, "*", "*"),
];

impl SecurityGroup {
    /// Whether the rules let a connection through: of those that match, the first one decides.
    pub(super) fn admits(&self, attempt: &Attempt<'_>) -> bool {
        self.rules.iter().find(|rule| rule.matches(attempt)).is_some_and(|rule| rule.allows)
    }
}

impl Rule {
    fn matches(&self, attempt: &Attempt<'_>) -> bool {
        let within = |ranges: &[(u16, u16)], port: Option<u16>| match port {
            Some(port) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&port)),
            None => true,
        };
        self.inbound == attempt.inbound
            && self.protocol.is_none_or(|own| own == attempt.protocol)
            && self.sources.iter().any(|own| own.covers(attempt.source, attempt.inside))
            && self.destinations.iter().any(|own| own.covers(attempt.destination, attempt.inside))
            && within(&self.ports, attempt.port)
            // Clients open connections from any high port: a rule for one source port is never met by all of them.
            && self.source_ports.iter().any(|(from, to)| *from <= 49152 && *to == u16::MAX)
    }
}

impl Match {
    fn of(text: &str) -> Self {
        let plain = text.trim();
        if let Some(range) = range(plain) {
            return Self::Range(range);
        }
        match plain.to_ascii_lowercase().as_str() {
            "*" | "any" => Self::Any,
            "virtualnetwork" => Self::VirtualNetwork,
            "azureloadbalancer" => Self::AzureLoadBalancer,
            "internet" => Self::Internet,
            _ => Self::Unknown(plain.to_owned()),
        }
    }

    fn covers(&self, end: End, inside: &[Ipv4Net]) -> bool {
        let is_inside = |address: Ipv4Addr| inside.iter().any(|range| range.contains(&address));
        match (self, end) {
            (Self::Any, _) | (Self::AzureLoadBalancer, End::Probe) | (Self::VirtualNetwork, End::Somebody) => true,
            (Self::Range(range), End::Address(address)) => range.contains(&address),
            // A range is only sure to cover somebody when it covers the whole network.
            (Self::Range(range), End::Somebody) => !inside.is_empty() && inside.iter().all(|own| range.contains(own)),
            (Self::VirtualNetwork, End::Address(address)) => is_inside(address),
            (Self::Internet, End::Address(address)) => !is_inside(address) && !address.is_private(),
            _ => false,
        }
    }
}

impl Effect for SecurityGroup {
    const TYPE: &'static str = "networkSecurityGroups";
    const CHILDREN: &'static [(&'static str, bool)] = &[("securityRules", true), ("defaultSecurityRules", false)];
    const WRITABLE: bool = true;

    fn all(network: &Network) -> &BTreeMap<String, Kept<Self>> {
        &network.groups
    }

    fn all_mut(network: &mut Network) -> &mut BTreeMap<String, Kept<Self>> {
        &mut network.groups
    }

    fn complete(made: &mut Value, existing: Option<&Kept<Self>>, _network: &Network) -> Result<(), ArmError> {
        let properties = body::properties(made);
        properties.remove("subnets");
        properties.remove("networkInterfaces");
        // Nobody can change the default rules, whatever is sent.
        let kept = existing.and_then(|group| group.body.pointer("/properties/defaultSecurityRules").cloned());
        let rules = kept.unwrap_or_else(|| DEFAULTS.iter().map(default_rule).collect());
        properties.insert("defaultSecurityRules".to_owned(), rules);
        for rule in body::list_mut(made, "securityRules") {
            let properties = body::properties(rule);
            properties.entry("sourcePortRange").or_insert("*".into());
            for field in
                ["sourcePortRanges", "destinationPortRanges", "sourceAddressPrefixes", "destinationAddressPrefixes"]
            {
                properties.entry(field).or_insert(json!([]));
            }
        }
        Ok(())
    }

    fn read(made: &Value) -> Result<Self, ArmError> {
        let own: Vec<Rule> = body::list(made, "securityRules").map(read_rule).collect::<Result<_, _>>()?;
        for (index, rule) in own.iter().enumerate() {
            if !(100..=4096).contains(&rule.priority) {
                let message = format!(
                    "Security rule has invalid Priority. Value provided: {} Allowed range 100-4096. Rule: {}",
                    rule.priority, rule.name
                );
                return Err(ArmError::bad("SecurityRuleInvalidPriority", message));
            }
            let twin = own[..index].iter().find(|o| o.priority == rule.priority && o.inbound == rule.inbound);
            if let Some(twin) = twin {
                let message = format!(
                    "Security rule {} conflicts with rule {}. Rules cannot have the same Priority and Direction.",
                    rule.name, twin.name
                );
                return Err(ArmError::bad("SecurityRuleConflict", message));
            }
        }
        let defaults = DEFAULTS.iter().map(|rule| read_rule(&default_rule(rule))).collect::<Result<Vec<_>, _>>()?;
        let mut rules: Vec<Rule> = own.into_iter().chain(defaults).collect();
        rules.sort_by_key(|rule| rule.priority);
        Ok(Self { rules })
    }

    fn in_use(key: &str, kept: &Kept<Self>, network: &Network) -> Option<ArmError> {
        let user = network.guarded(key).into_iter().next()?;
        let message =
            format!("Network security group {} cannot be deleted because it is in use by {}.", kept.id, user.1);
        Some(ArmError::bad("InUseNetworkSecurityGroupCannotBeDeleted", message))
    }

    fn show(key: &str, shown: &mut Value, network: &Network) {
        for (field, id) in network.guarded(key) {
            body::list_mut(shown, field).push(json!({ "id": id }));
        }
    }
}

impl Network {
    /// What a security group guards: the field that shows it, and its id.
    fn guarded(&self, group: &str) -> Vec<(&'static str, String)> {
        let named = |value: &Value| body::reference(value, "networkSecurityGroup").as_deref() == Some(group);
        let id = |value: &Value| value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let interfaces = self.interfaces.values().filter(|kept| named(&kept.body));
        let interfaces = interfaces.map(|kept| ("networkInterfaces", kept.id.clone()));
        let subnets = self.networks.values().flat_map(|kept| body::list(&kept.body, "subnets"));
        let subnets = subnets.filter(|subnet| named(subnet)).map(|subnet| ("subnets", id(subnet)));
        interfaces.chain(subnets).collect()
    }

    /// Whether the security groups of an interface and of its subnet both let a connection through.
    pub(crate) fn admits(&self, interface: &super::Interface, attempt: Attempt<'_>) -> bool {
        let Some(subnet) = interface.primary().map(|own| own.subnet.as_str()) else { return false };
        let inside = self.inside(network_of(subnet));
        let attempt = Attempt { inside: &inside, ..attempt };
        let of_subnet = self.subnet(subnet).and_then(|subnet| subnet.group.as_ref());
        let mut groups = of_subnet.into_iter().chain(&interface.group);
        groups.all(|group| self.groups.get(group).is_none_or(|kept| kept.effect.admits(&attempt)))
    }

    /// What the tag `VirtualNetwork` stands for: the network, its peers, and the ranges of its user-defined routes.
    fn inside(&self, network: &str) -> Vec<Ipv4Net> {
        let spaces = self.connected(network).flat_map(|(_, own)| own.space.iter().copied());
        let subnets = self.networks.get(network).into_iter().flat_map(|kept| kept.effect.subnets.values());
        let tables = subnets.filter_map(|subnet| self.tables.get(subnet.table.as_ref()?));
        let routed = tables.flat_map(|kept| kept.effect.routes.iter().map(|route| route.prefix));
        spaces.chain(routed.filter(|prefix| prefix.prefix_len() > 0)).collect()
    }
}

fn default_rule((name, priority, inbound, allows, source, destination): &(&str, u64, bool, bool, &str, &str)) -> Value {
    json!({
        "name": name,
        "properties": {
            "priority": priority,
            "direction": if *inbound { "Inbound" } else { "Outbound" },
            "access": if *allows { "Allow" } else { "Deny" },
            "protocol": "*",
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "sourceAddressPrefix": source,
            "destinationAddressPrefix": destination,
        },
    })
}

fn read_rule(rule: &Value) -> Result<Rule, ArmError> {
    let name = body::name(rule).to_owned();
    let invalid = |field: &str| {
        let value = rule.pointer(&format!("/properties/{field}")).cloned().unwrap_or_default();
        ArmError::bad(
            "InvalidRequestFormat",
            format!("The value {value} is not valid for {field} of security rule {name}."),
        )
    };
    let word = |field: &str| body::text(rule, field).unwrap_or_default().to_ascii_lowercase();
    let inbound = match word("direction").as_str() {
        "inbound" => true,
        "outbound" => false,
        _ => return Err(invalid("direction")),
    };
    let allows = match word("access").as_str() {
        "allow" => true,
        "deny" => false,
        _ => return Err(invalid("access")),
    };
    let protocol = match word("protocol").as_str() {
        "*" => None,
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        "icmp" => Some(Protocol::Icmp),
        // Protocols that nothing in the simulation speaks would match nothing, and that silently.
        _ => return Err(invalid("protocol")),
    };
    let addresses = |single: &str, several: &str| -> Vec<Match> {
        both(rule, single, several).into_iter().map(|text| Match::of(&text)).collect()
    };
    let ports = |single: &str, several: &str| -> Result<Vec<(u16, u16)>, ArmError> {
        both(rule, single, several).iter().map(|text| port_range(text).ok_or_else(|| invalid(single))).collect()
    };
    let read = Rule {
        priority: body::number(rule, "priority").ok_or_else(|| invalid("priority"))?,
        inbound,
        allows,
        protocol,
        sources: addresses("sourceAddressPrefix", "sourceAddressPrefixes"),
        destinations: addresses("destinationAddressPrefix", "destinationAddressPrefixes"),
        source_ports: ports("sourcePortRange", "sourcePortRanges")?,
        ports: ports("destinationPortRange", "destinationPortRanges")?,
        name: name.clone(),
    };
    let empty = [
        (read.sources.is_empty(), "sourceAddressPrefix"),
        (read.destinations.is_empty(), "destinationAddressPrefix"),
        (read.ports.is_empty(), "destinationPortRange"),
    ];
    match empty.into_iter().find(|(empty, _)| *empty) {
        Some((_, field)) => Err(invalid(field)),
        None => Ok(read),
    }
}

/// A field and its plural form, taken together.
fn both(rule: &Value, single: &str, several: &str) -> Vec<String> {
    let one = body::text(rule, single).filter(|text| !text.is_empty()).map(str::to_owned);
    one.into_iter().chain(body::list(rule, several).filter_map(|text| text.as_str().map(str::to_owned))).collect()
}

fn range(text: &str) -> Option<Ipv4Net> {
    text.parse().ok().or_else(|| text.parse::<Ipv4Addr>().ok().map(Ipv4Net::from))
}

fn port_range(text: &str) -> Option<(u16, u16)> {
    let text = text.trim();
    if text == "*" {
        return Some((0, u16::MAX));
    }
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (from <= to).then_some((from, to))
}
