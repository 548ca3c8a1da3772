//! Where a prefix stands in its route tables: what was read, and whether it will stay so. Pure.
//!
//! A route that leads to a dead machine is no fault of it: moving it is what the step is for.

use super::{Route, effective};
use crate::{
    ip_configurations::references,
    resource::{Resource, phase, region},
};
use ipnet::IpNet;
use lifeboat_contract::{Observed, Phase};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

pub(super) const APPLIANCE: &str = "VirtualAppliance";

/// The next hop of the prefix in each table, and whether the interface forwards where that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>", into = "BTreeMap<String, Value>")]
pub struct State {
    /// By table, in lower case. `None` where there is no route.
    pub routes: BTreeMap<String, Option<NextHop>>,
    /// By interface, in lower case. `None` where there is no such interface.
    pub ip_forwarding: BTreeMap<String, Option<bool>>,
}

/// Where a route leads: `VirtualAppliance 10.1.1.10`, `VnetLocal`, `Internet`, `VirtualNetworkGateway`, `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct NextHop {
    pub kind: String,
    /// Only an appliance has one.
    pub address: Option<String>,
}

/// What must be known besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// By table, in lower case.
    pub tables: BTreeMap<String, TableFacts>,
    /// The interface behind the next hop: the one that is named, or else the one that was found.
    pub interface: Option<InterfaceFacts>,
    /// What the interfaces that prove the change see, by interface. Asked only once every table stands as asked.
    pub effective: BTreeMap<String, Effective>,
    /// The region of each resource group's own record, where it could be read.
    pub groups: BTreeMap<String, Option<String>>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFacts {
    pub location: Option<String>,
    pub etag: Option<String>,
    pub route: Option<RouteFacts>,
    /// The prefix of another route that has the name a new one would get.
    pub name_taken_by: Option<String>,
    /// The names of routes for parts of the prefix: they go before it.
    pub more_specific: Vec<String>,
    /// Whether the table, or the route, is being changed.
    pub phase: Phase,
}

/// The route that holds the prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteFacts {
    pub name: String,
    pub etag: Option<String>,
    pub next_hop: NextHop,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceFacts {
    pub id: String,
    pub location: Option<String>,
    pub etag: Option<String>,
    pub forwards: bool,
    pub addresses: Vec<String>,
    /// The machine that it is attached to.
    pub machine: Option<String>,
    /// What it refers to, by id: whoever writes it must be allowed to join each.
    #[serde(default)]
    pub references: BTreeSet<String>,
    pub phase: Phase,
}

/// What one interface's effective routes show of the prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effective {
    /// The active route leads here; nothing where there is none.
    Leads(Option<NextHop>),
    /// Could not be read; `for_good` where asking again does not help.
    Unreadable { code: String, message: String, for_good: bool },
}

impl NextHop {
    pub(super) fn appliance(address: &str) -> Self {
        Self { kind: APPLIANCE.to_owned(), address: Some(address.to_owned()) }
    }

    /// Reads the properties of a route.
    pub(super) fn of(properties: &Value) -> Self {
        let text = |field: &str| properties[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        Self { kind: text("nextHopType").unwrap_or_default(), address: text("nextHopIpAddress") }
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Some(address) => write!(f, "{} {address}", self.kind),
            None => f.write_str(&self.kind),
        }
    }
}

impl From<NextHop> for String {
    fn from(hop: NextHop) -> Self {
        hop.to_string()
    }
}

impl From<String> for NextHop {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&str> for NextHop {
    fn from(text: &str) -> Self {
        let (kind, address) =
            text.split_once(' ').map_or((text, None), |(kind, address)| (kind, Some(address.to_owned())));
        Self { kind: kind.to_owned(), address }
    }
}

const FORWARDING: &str = "ip_forwarding:";

pub(super) fn forwarding_cell(interface: &str) -> String {
    format!("{FORWARDING}{interface}")
}

impl State {
    /// What the step asks for.
    pub(super) fn asked(step: &Route) -> Self {
        let hop = NextHop::appliance(&step.next_hop);
        let forwarding = step.switched_interface().map(|interface| (interface.key(), step.ip_forwarding));
        Self {
            routes: step.route_tables.iter().map(|table| (table.key(), Some(hop.clone()))).collect(),
            ip_forwarding: forwarding.into_iter().collect(),
        }
    }

    pub(super) fn seen(step: &Route, facts: &Facts) -> Self {
        let hop = |table: &str| Some(facts.tables.get(table)?.route.as_ref()?.next_hop.clone());
        let forwards = facts.interface.as_ref().map(|interface| interface.forwards);
        Self {
            routes: step.route_tables.iter().map(|table| (table.key(), hop(&table.key()))).collect(),
            ip_forwarding: step.switched_interface().map(|interface| (interface.key(), forwards)).into_iter().collect(),
        }
    }
}

impl From<State> for BTreeMap<String, Value> {
    fn from(state: State) -> Self {
        let routes =
            state.routes.into_iter().map(|(table, hop)| (table, hop.map_or(Value::Null, |hop| hop.to_string().into())));
        let forwarding =
            state.ip_forwarding.into_iter().map(|(interface, on)| (forwarding_cell(&interface), Value::from(on)));
        routes.chain(forwarding).collect()
    }
}

impl TryFrom<BTreeMap<String, Value>> for State {
    type Error = serde_json::Error;

    fn try_from(cells: BTreeMap<String, Value>) -> Result<Self, Self::Error> {
        let mut state = Self::default();
        for (cell, value) in cells {
            match cell.strip_prefix(FORWARDING) {
                Some(interface) => {
                    state.ip_forwarding.insert(interface.to_owned(), serde_json::from_value(value)?);
                }
                None => {
                    state.routes.insert(cell, serde_json::from_value(value)?);
                }
            }
        }
        Ok(state)
    }
}

/// The routes of a table as the service shows them.
fn routes(table: &Resource) -> &[Value] {
    table.properties()["routes"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn prefix(route: &Value) -> Option<IpNet> {
    // A service tag is a prefix too, and none of ours.
    route["properties"]["addressPrefix"].as_str()?.parse().ok()
}

/// The route of `destination`, whatever its name.
pub(super) fn route_in<'t>(table: &'t Resource, destination: &IpNet) -> Option<&'t Value> {
    routes(table).iter().find(|route| prefix(route).as_ref() == Some(destination))
}

/// Reads one table. `name` is the one that a new route would get.
pub(super) fn table_facts(table: &Resource, destination: &IpNet, name: &str) -> TableFacts {
    let found = route_in(table, destination);
    let named = |route: &&Value| route["name"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name));
    let finer =
        |route: &&Value| prefix(route).is_some_and(|prefix| prefix != *destination && destination.contains(&prefix));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let other = routes(table).iter().find(named).filter(|_| found.is_none());
    TableFacts {
        location: table.location(),
        etag: table.etag.clone(),
        route: found.map(|route| RouteFacts {
            name: text(&route["name"]).unwrap_or_default(),
            etag: text(&route["etag"]),
            next_hop: NextHop::of(&route["properties"]),
        }),
        name_taken_by: other.and_then(|route| text(&route["properties"]["addressPrefix"])),
        more_specific: routes(table).iter().filter(finer).filter_map(|route| text(&route["name"])).collect(),
        phase: match found.map(phase) {
            None | Some(Phase::Settled) => table.provisioning(),
            Some(own) => own,
        },
    }
}

/// Reads one interface.
pub(super) fn interface_facts(body: &Value) -> InterfaceFacts {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let properties = &body["properties"];
    let configurations = properties["ipConfigurations"].as_array().map(Vec::as_slice).unwrap_or_default();
    InterfaceFacts {
        id: text(&body["id"]).unwrap_or_default(),
        location: body["location"].as_str().map(region),
        etag: text(&body["etag"]),
        forwards: properties["enableIPForwarding"].as_bool().unwrap_or(false),
        addresses: configurations.iter().filter_map(|one| text(&one["properties"]["privateIPAddress"])).collect(),
        machine: text(&properties["virtualMachine"]["id"]),
        references: references(body),
        phase: phase(body),
    }
}

/// Puts what was read together.
pub(super) fn observed(step: &Route, facts: Facts) -> Observed<State, Facts> {
    let state = State::seen(step, &facts);
    let phase = overall(step, &facts);
    Observed { state, facts, phase }
}

/// A failed part is told before one that moves: waiting for the other does not mend it.
fn overall(step: &Route, facts: &Facts) -> Phase {
    let interface = facts.interface.as_ref().filter(|_| step.switched_interface().is_some());
    let parts: Vec<&Phase> =
        facts.tables.values().map(|table| &table.phase).chain(interface.map(|interface| &interface.phase)).collect();
    let faulted = parts.iter().find(|phase| matches!(phase, Phase::Faulted { .. }));
    let moving = parts.iter().find(|phase| matches!(phase, Phase::Moving { .. }));
    match faulted.or(moving) {
        Some(phase) => (*phase).clone(),
        None => effective::phase(step, facts),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lifeboat_contract::Phase;
    use serde_json::json;

    const NETWORK: &str = "/subscriptions/s/resourceGroups/engine/providers/Microsoft.Network";

    pub(crate) fn table_id(name: &str) -> String {
        format!("{NETWORK}/routeTables/{name}")
    }

    pub(crate) fn interface_id(name: &str) -> String {
        format!("{NETWORK}/networkInterfaces/{name}")
    }

    /// Two tables, from whatever is there to interface `b`, with what `more` adds.
    #[expect(clippy::needless_pass_by_value, reason = "a test hands over what it has just written")]
    pub(crate) fn step(more: Value) -> Route {
        let mut with = json!({
            "route_tables": [table_id("one"), table_id("two")],
            "destination": "192.168.10.10/32",
            "next_hop": "10.1.1.11",
            "network_interface": interface_id("b"),
        });
        with.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(with).unwrap()
    }

    pub(crate) fn table(name: &str, routes: &Value) -> Value {
        json!({
            "name": name, "id": table_id(name), "location": "East US", "etag": "W/\"table\"",
            "properties": { "provisioningState": "Succeeded", "routes": routes },
        })
    }

    pub(crate) fn overlay(address: &str) -> Value {
        json!({ "name": "Overlay", "etag": "W/\"route\"", "properties": {
            "addressPrefix": "192.168.10.10/32", "nextHopType": APPLIANCE, "nextHopIpAddress": address,
            "provisioningState": "Succeeded", "hasBgpOverride": false } })
    }

    pub(crate) fn interface(forwards: bool) -> Value {
        json!({ "name": "b", "id": interface_id("b"), "location": "eastus", "etag": "W/\"nic\"", "properties": {
            "provisioningState": "Succeeded", "enableIPForwarding": forwards, "unheardOf": [],
            "virtualMachine": { "id": "/subscriptions/s/resourceGroups/engine/providers/Microsoft.Compute/virtualMachines/b" },
            "ipConfigurations": [{ "name": "primary", "properties": { "privateIPAddress": "10.1.1.11" } }] } })
    }

    pub(crate) fn facts_of(body: &Value) -> TableFacts {
        let resource = Resource::new(body.clone(), &http::HeaderMap::new());
        table_facts(&resource, &"192.168.10.10/32".parse().unwrap(), "overlay")
    }

    pub(crate) fn facts(routes: &Value) -> Facts {
        let facts = facts_of(&table("one", routes));
        let keys = [table_id("one"), table_id("two")].map(|id| (id.to_lowercase(), facts.clone()));
        Facts { tables: keys.into(), interface: Some(interface_facts(&interface(true))), ..Facts::default() }
    }

    #[test]
    fn a_route_is_found_by_its_prefix_and_not_by_its_name() {
        let found = facts_of(&table("one", &json!([overlay("10.1.1.10")])));
        let route = found.route.unwrap();
        assert_eq!(
            (route.name.as_str(), route.next_hop.to_string().as_str()),
            ("Overlay", "VirtualAppliance 10.1.1.10")
        );
        assert_eq!((found.name_taken_by, found.location.as_deref()), (None, Some("eastus")));
    }

    #[test]
    fn a_name_that_another_prefix_has_is_taken_and_finer_routes_are_named() {
        let other =
            json!({ "name": "OVERLAY", "properties": { "addressPrefix": "10.9.0.0/16", "nextHopType": "Internet" } });
        let tag = json!({ "name": "tag", "properties": { "addressPrefix": "Storage", "nextHopType": "Internet" } });
        let found = facts_of(&table("one", &json!([other, tag])));
        assert_eq!((found.route, found.name_taken_by.as_deref()), (None, Some("10.9.0.0/16")));
        let resource = Resource::new(table("one", &json!([overlay("10.1.1.10")])), &http::HeaderMap::new());
        let wider = table_facts(&resource, &"192.168.10.0/24".parse().unwrap(), "x");
        assert_eq!((wider.route, wider.more_specific), (None, vec!["Overlay".to_owned()]));
    }

    #[test]
    fn an_absent_route_is_a_cell_too() {
        let step = step(json!({ "ip_forwarding": true }));
        let seen = observed(&step, Facts { interface: None, ..facts(&json!([])) });
        let json = serde_json::to_value(&seen.state).unwrap();
        let (one, two, nic) =
            (table_id("one").to_lowercase(), table_id("two").to_lowercase(), interface_id("b").to_lowercase());
        assert_eq!(json, json!({ &one: null, &two: null, format!("ip_forwarding:{nic}"): null }));
        assert_eq!(serde_json::from_value::<State>(json).unwrap(), seen.state);
        let asked = serde_json::to_value(State::asked(&step)).unwrap();
        let hop = "VirtualAppliance 10.1.1.11";
        assert_eq!(asked, json!({ &one: hop, &two: hop, format!("ip_forwarding:{nic}"): true }));
        assert_eq!(serde_json::from_value::<State>(asked).unwrap(), State::asked(&step));
    }

    #[test]
    fn a_next_hop_of_any_type_survives_as_text() {
        for text in ["VirtualAppliance 10.1.1.10", "VnetLocal", "None", "VirtualNetworkGateway"] {
            let hop = NextHop::from(text);
            assert_eq!(hop.to_string(), text);
        }
    }

    #[test]
    fn a_table_that_is_being_changed_moves_and_a_failed_one_is_told_first() {
        let with = |state: &str| {
            let mut body = table("one", &json!([overlay("10.1.1.11")]));
            body["properties"]["provisioningState"] = json!(state);
            facts_of(&body)
        };
        let phase = |states: [&str; 2]| {
            let [one, two] = states.map(with);
            let tables =
                [(table_id("one").to_lowercase(), one), (table_id("two").to_lowercase(), two)].into_iter().collect();
            observed(&step(json!({})), Facts { tables, ..Facts::default() }).phase
        };
        assert_eq!(phase(["Succeeded", "Succeeded"]), Phase::Settled);
        assert!(matches!(phase(["Updating", "Succeeded"]), Phase::Moving { toward: None, .. }));
        assert!(matches!(phase(["Updating", "Failed"]), Phase::Faulted { .. }));
    }
}
