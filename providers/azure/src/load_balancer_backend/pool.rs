//! A backend pool as raw JSON: which backends it has, and the edits of it. Pure.
//!
//! What this build does not know of survives every edit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

/// Whether a backend gets new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AdminState {
    /// It gets them, whatever its probe says.
    Up,
    /// It gets none, whatever its probe says.
    Down,
    /// Its probe decides.
    None,
}

/// How a pool knows its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// By their addresses, which stand in the pool.
    Addresses,
    /// By network interfaces, which refer to the pool.
    Interfaces,
    /// It has none, and does not tell.
    Empty,
}

/// A member of an IP-based pool: its properties, without what the service only shows and what goes without saying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Member(pub BTreeMap<String, Value>);

/// What the service adds by itself.
const SHOWN: [&str; 3] = [INTERFACE_CONFIGURATION, "inboundNatRulesPortMapping", "provisioningState"];
const INTERFACE_CONFIGURATION: &str = "networkInterfaceIPConfiguration";
const ADMIN_STATE: &str = "adminState";
const ADDRESS: &str = "ipAddress";
const NETWORK: &str = "virtualNetwork";
const SUBNET: &str = "subnet";

impl AdminState {
    pub(super) fn of(address: &Value) -> Self {
        Self::read(&address["properties"][ADMIN_STATE])
    }

    fn read(word: &Value) -> Self {
        match word.as_str() {
            Some(word) if word.eq_ignore_ascii_case("Up") => Self::Up,
            Some(word) if word.eq_ignore_ascii_case("Down") => Self::Down,
            _ => Self::None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Up => "Up",
            Self::Down => "Down",
            Self::None => "None",
        }
    }
}

impl Member {
    fn of(pool: &Value, address: &Value) -> Self {
        let network = pool["properties"][NETWORK]["id"].as_str();
        let goes_without_saying = |name: &str, value: &Value| match name {
            ADMIN_STATE => AdminState::read(value) == AdminState::None,
            NETWORK => {
                let same = |own: &str| network.is_some_and(|network| network.eq_ignore_ascii_case(own));
                value["id"].as_str().is_none_or(same)
            }
            _ => value.is_null() || value.as_array().is_some_and(Vec::is_empty),
        };
        let properties = address["properties"].as_object().into_iter().flatten();
        let kept =
            properties.filter(|(name, value)| !SHOWN.contains(&name.as_str()) && !goes_without_saying(name, value));
        Self(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    pub(super) fn address(&self) -> Option<Ipv4Addr> {
        self.0.get(ADDRESS)?.as_str()?.parse().ok()
    }

    /// The same member at another address.
    pub(super) fn at(mut self, address: Ipv4Addr) -> Self {
        self.0.insert(ADDRESS.to_owned(), json!(address));
        self
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.get(ADMIN_STATE).is_none_or(|word| AdminState::read(word) != AdminState::Down)
    }

    /// What says in which network a member is: all that a new one has in common with it.
    fn network(&self) -> Self {
        let kept = self.0.iter().filter(|(name, _)| [NETWORK, SUBNET].contains(&name.as_str()));
        Self(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

pub(super) fn addresses(pool: &Value) -> &[Value] {
    pool["properties"]["loadBalancerBackendAddresses"].as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn name(address: &Value) -> &str {
    address["name"].as_str().unwrap_or_default()
}

pub(super) fn member(pool: &Value, wanted: &str) -> Option<Member> {
    addresses(pool).iter().find(|address| name(address) == wanted).map(|address| Member::of(pool, address))
}

pub(super) fn admin_state(pool: &Value, wanted: &str) -> Option<AdminState> {
    addresses(pool).iter().find(|address| name(address) == wanted).map(AdminState::of)
}

/// The key of the IP configuration behind a backend address, where it is an interface's.
pub(super) fn configuration(address: &Value) -> Option<String> {
    let id = address["properties"][INTERFACE_CONFIGURATION]["id"].as_str()?;
    crate::ip_configurations::parse(id).map(|(interface, name)| crate::ip_configurations::key(&interface, &name))
}

/// The keys of the IP configurations that say that they belong to the pool.
pub(super) fn configurations(pool: &Value) -> impl Iterator<Item = String> {
    let all = pool["properties"]["backendIPConfigurations"].as_array().into_iter().flatten();
    let parsed = all.filter_map(|configuration| crate::ip_configurations::parse(configuration["id"].as_str()?));
    parsed.map(|(interface, name)| crate::ip_configurations::key(&interface, &name))
}

/// A backend that says in which network it is, or has an address and no interface, stands in the pool itself. Azure shows the
/// interface behind such an address too, where there is one; and some answers show the address of a member by interface.
pub(super) fn basis(pool: &Value) -> Basis {
    let all = addresses(pool);
    let has = |address: &Value, field: &str| !address["properties"][field].is_null();
    let by_interface = |address: &Value| has(address, INTERFACE_CONFIGURATION) && !has(address, ADDRESS);
    let by_address = |address: &Value| {
        let placed = has(address, NETWORK) || has(address, SUBNET);
        placed || has(address, ADDRESS) && !has(address, INTERFACE_CONFIGURATION)
    };
    if all.iter().any(by_interface) {
        Basis::Interfaces
    } else if all.iter().any(by_address) || pool["properties"][NETWORK]["id"].is_string() {
        Basis::Addresses
    } else if !all.is_empty() || configurations(pool).next().is_some() {
        Basis::Interfaces
    } else {
        Basis::Empty
    }
}

/// What a new member of the pool has to say of its network; nothing where neither the pool nor a member tells.
pub(super) fn network(pool: &Value) -> Option<Member> {
    if pool["properties"][NETWORK]["id"].is_string() {
        return Some(Member(BTreeMap::new()));
    }
    let known = addresses(pool).iter().map(|address| Member::of(pool, address).network());
    known.into_iter().find(|network| !network.0.is_empty())
}

/// Every network and subnet that the pool or a member names, by id.
pub(super) fn networks(pool: &Value) -> BTreeSet<String> {
    let members = addresses(pool).iter().map(|address| &address["properties"]);
    let named = std::iter::once(&pool["properties"]).chain(members);
    let ids = named.flat_map(|properties| [NETWORK, SUBNET].map(|field| properties[field]["id"].as_str()));
    ids.flatten().map(str::to_owned).collect()
}

fn addresses_mut(pool: &mut Value) -> Option<&mut Vec<Value>> {
    let properties = pool["properties"].as_object_mut()?;
    properties.entry("loadBalancerBackendAddresses").or_insert_with(|| json!([])).as_array_mut()
}

pub(super) fn set_admin_state(pool: &mut Value, wanted: &str, state: AdminState) {
    let found = addresses_mut(pool).into_iter().flatten().find(|address| name(address) == wanted);
    if let Some(address) = found {
        address["properties"][ADMIN_STATE] = json!(state.word());
    }
}

/// Takes a member in, changes it, or takes it out. The list stays there when it is empty: without it, nothing would be said.
pub(super) fn set_member(pool: &mut Value, wanted: &str, member: Option<&Member>) {
    let Some(all) = addresses_mut(pool) else { return };
    match (all.iter_mut().find(|address| name(address) == wanted), member) {
        (_, None) => all.retain(|address| name(address) != wanted),
        (Some(address), Some(member)) => address["properties"] = json!(member),
        (None, Some(member)) => all.push(json!({ "name": wanted, "properties": member })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NIC: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/a/ipConfigurations/primary";

    fn pool(properties: &Value) -> Value {
        json!({ "name": "engines", "properties": properties })
    }

    fn of(addresses: &Value) -> Value {
        pool(&json!({ "loadBalancerBackendAddresses": addresses }))
    }

    #[test]
    fn the_two_sorts_of_pools_are_told_apart() {
        let by_address = json!({"name": "a", "properties": {"ipAddress": "10.1.1.10",
            "virtualNetwork": {"id": "net"}, "networkInterfaceIPConfiguration": {"id": NIC}}});
        let both = json!({"name": "x", "properties": {"ipAddress": "10.1.1.10", "networkInterfaceIPConfiguration": {"id": NIC}}});
        let by_interface = json!({"name": "x", "properties": {"networkInterfaceIPConfiguration": {"id": NIC}}});
        assert_eq!(basis(&of(&json!([by_address]))), Basis::Addresses);
        assert_eq!(basis(&of(&json!([by_interface]))), Basis::Interfaces);
        assert_eq!(basis(&of(&json!([both]))), Basis::Interfaces);
        assert_eq!(basis(&of(&json!([{"name": "a", "properties": {"ipAddress": "10.1.1.10"}}]))), Basis::Addresses);
        assert_eq!(basis(&pool(&json!({"backendIPConfigurations": [{"id": NIC}]}))), Basis::Interfaces);
        assert_eq!(basis(&pool(&json!({"virtualNetwork": {"id": "net"}}))), Basis::Addresses);
        assert_eq!(basis(&pool(&json!({}))), Basis::Empty);
        assert!(configuration(&by_interface).unwrap().ends_with("/networkinterfaces/a/primary"));
    }

    #[test]
    fn a_pool_can_be_emptied_and_filled_again() {
        let first =
            of(&json!([{"name": "a", "unheardOf": 1, "properties": {"ipAddress": "10.1.1.10", "adminState": "Down",
            "virtualNetwork": {"id": "net"}, "networkInterfaceIPConfiguration": {"id": NIC}, "later": true}}]));
        let had = member(&first, "a").unwrap();
        assert_eq!(
            json!(had),
            json!({"ipAddress": "10.1.1.10", "adminState": "Down", "virtualNetwork": {"id": "net"}, "later": true})
        );
        let mut empty = first.clone();
        set_member(&mut empty, "a", None);
        assert_eq!(empty["properties"]["loadBalancerBackendAddresses"], json!([]), "the list is sent, and empty");
        set_member(&mut empty, "a", Some(&had));
        assert_eq!(member(&empty, "a"), Some(had));
    }

    #[test]
    fn what_goes_without_saying_is_no_difference() {
        let with = |properties: Value| {
            let mut pool = pool(&json!({"virtualNetwork": {"id": "NET"}}));
            pool["properties"]["loadBalancerBackendAddresses"] = json!([{"name": "a", "properties": properties}]);
            member(&pool, "a").unwrap()
        };
        let short = with(json!({"ipAddress": "10.1.1.10"}));
        assert_eq!(
            with(json!({"ipAddress": "10.1.1.10", "adminState": "None", "virtualNetwork": {"id": "net"}})),
            short
        );
        assert_ne!(with(json!({"ipAddress": "10.1.1.10", "adminState": "Up"})), short);
    }

    #[test]
    fn an_admin_state_is_all_that_changes() {
        let mut pool =
            of(&json!([{"name": "a", "etag": "e", "properties": {"ipAddress": "10.1.1.10", "later": true}}]));
        set_admin_state(&mut pool, "a", AdminState::Down);
        set_admin_state(&mut pool, "b", AdminState::Up);
        let expected = json!([{"name": "a", "etag": "e", "properties": {"ipAddress": "10.1.1.10", "later": true, "adminState": "Down"}}]);
        assert_eq!(pool["properties"]["loadBalancerBackendAddresses"], expected);
        assert_eq!((admin_state(&pool, "a"), admin_state(&pool, "b")), (Some(AdminState::Down), None));
    }
}
