//! Where a destination stands in its route tables: what was read, and whether it will stay so. Pure.
//!
//! A route that was broken before this step came is no fault of it: moving it is what the step is for.

use super::Route;
use aws_sdk_ec2::types::{Route as Description, RouteOrigin, RouteState, RouteTable};
use ipnet::IpNet;
use lifeboat_contract::{Observed, Phase};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The target of the destination in each table, and whether the interface checks source and destination where that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>", into = "BTreeMap<String, Value>")]
pub struct State {
    /// By table. `None` where there is no route.
    pub routes: BTreeMap<String, Option<RouteTarget>>,
    /// By interface. `None` where there is no such interface.
    pub source_dest_check: BTreeMap<String, Option<bool>>,
}

/// Where a route leads: exactly one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTarget {
    NetworkInterface(String),
    /// An instance that the answer names without its interface.
    Instance(String),
    /// An internet or virtual private gateway.
    Gateway(String),
    NatGateway(String),
    EgressOnlyInternetGateway(String),
    TransitGateway(String),
    VpcPeering(String),
    /// A gateway load balancer endpoint.
    VpcEndpoint(String),
    LocalGateway(String),
    CarrierGateway(String),
    CoreNetwork(String),
    OdbNetwork(String),
    /// The VPC's own route.
    Local,
    /// A route that nobody created and that comes by itself, from this gateway. It is hidden by a created one and shows again
    /// when that is deleted.
    Propagated(String),
    /// A target of a kind that this build does not know.
    Unidentified,
}

/// What must be known besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub routes: BTreeMap<String, RouteFacts>,
    /// The interface that the step asks for.
    pub interface: Option<InterfaceFacts>,
    /// The ranges of the tables' VPCs.
    #[serde(with = "ranges")]
    pub vpc_ranges: Vec<IpNet>,
    /// The ranges of their subnets, read only where the destination lies inside a VPC's range.
    #[serde(with = "ranges")]
    pub subnet_ranges: Vec<IpNet>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteFacts {
    pub vpc: String,
    pub target: Option<RouteTarget>,
    /// `active`, `blackhole` or `filtered`.
    pub state: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceFacts {
    /// `in-use`, `available`, `attaching`, `detaching`, `associated`.
    pub status: String,
    pub availability_zone: Option<String>,
    pub vpc: Option<String>,
    pub source_dest_check: bool,
    /// `attached`, `attaching`, `detaching`, `detached`.
    pub attachment: Option<String>,
    pub instance: Option<String>,
    /// The instance's state, where it could be read: `running`.
    pub instance_state: Option<String>,
}

/// Ranges as they are written.
mod ranges {
    use ipnet::IpNet;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(ranges: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(ranges.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

const CHECK: &str = "source_dest_check:";

pub(crate) fn check_cell(interface: &str) -> String {
    format!("{CHECK}{interface}")
}

impl State {
    /// What the step asks for.
    pub(crate) fn asked(step: &Route) -> Self {
        let target = RouteTarget::NetworkInterface(step.network_interface.clone());
        let check = step.source_dest_check.map(|check| (step.network_interface.clone(), Some(check)));
        Self {
            routes: step.route_tables.iter().map(|table| (table.clone(), Some(target.clone()))).collect(),
            source_dest_check: check.into_iter().collect(),
        }
    }

    fn seen(step: &Route, facts: &Facts) -> Self {
        let target = |table: &String| facts.routes.get(table).and_then(|route| route.target.clone());
        let check = facts.interface.as_ref().map(|interface| interface.source_dest_check);
        Self {
            routes: step.route_tables.iter().map(|table| (table.clone(), target(table))).collect(),
            source_dest_check: step
                .source_dest_check
                .map(|_| (step.network_interface.clone(), check))
                .into_iter()
                .collect(),
        }
    }
}

impl From<State> for BTreeMap<String, Value> {
    fn from(state: State) -> Self {
        let json = |target| serde_json::to_value(target).expect("an enum of strings is JSON");
        let routes = state.routes.into_iter().map(|(table, target)| (table, json(target)));
        let checks =
            state.source_dest_check.into_iter().map(|(interface, on)| (check_cell(&interface), Value::from(on)));
        routes.chain(checks).collect()
    }
}

impl TryFrom<BTreeMap<String, Value>> for State {
    type Error = serde_json::Error;

    fn try_from(cells: BTreeMap<String, Value>) -> Result<Self, Self::Error> {
        let mut state = Self::default();
        for (cell, value) in cells {
            match cell.strip_prefix(CHECK) {
                Some(interface) => {
                    state.source_dest_check.insert(interface.to_owned(), serde_json::from_value(value)?);
                }
                None => {
                    state.routes.insert(cell, serde_json::from_value(value)?);
                }
            }
        }
        Ok(state)
    }
}

/// Reads `destination` in one table. A created route hides a propagated one of the same destination.
pub(crate) fn route_in(table: &RouteTable, destination: &IpNet) -> RouteFacts {
    let parses_to = |text: Option<&str>| text.and_then(|text| text.parse::<IpNet>().ok()).as_ref() == Some(destination);
    let serves = |route: &&Description| {
        parses_to(route.destination_cidr_block()) || parses_to(route.destination_ipv6_cidr_block())
    };
    let found = table.routes().iter().filter(serves).min_by_key(|route| is_propagated(route));
    RouteFacts {
        vpc: table.vpc_id.clone().unwrap_or_default(),
        target: found.map(target),
        state: found.and_then(|route| route.state.as_ref()).map(|state| state.as_str().to_owned()),
    }
}

fn is_propagated(route: &Description) -> bool {
    matches!(route.origin, Some(RouteOrigin::EnableVgwRoutePropagation | RouteOrigin::Advertisement))
}

/// The one target of a route. An interface is told together with its instance; the interface is what can be restored.
fn target(route: &Description) -> RouteTarget {
    type Named = fn(String) -> RouteTarget;
    let gateway = route.gateway_id.as_deref();
    if is_propagated(route) {
        return RouteTarget::Propagated(gateway.or(route.network_interface_id()).unwrap_or_default().to_owned());
    }
    if gateway == Some("local") {
        return RouteTarget::Local;
    }
    let gateway_kind: Named =
        if gateway.is_some_and(|id| id.starts_with("vpce-")) { RouteTarget::VpcEndpoint } else { RouteTarget::Gateway };
    let candidates: [(Option<&str>, Named); 11] = [
        (route.network_interface_id(), RouteTarget::NetworkInterface),
        (route.instance_id(), RouteTarget::Instance),
        (route.nat_gateway_id(), RouteTarget::NatGateway),
        (route.transit_gateway_id(), RouteTarget::TransitGateway),
        (route.vpc_peering_connection_id(), RouteTarget::VpcPeering),
        (route.egress_only_internet_gateway_id(), RouteTarget::EgressOnlyInternetGateway),
        (route.local_gateway_id(), RouteTarget::LocalGateway),
        (route.carrier_gateway_id(), RouteTarget::CarrierGateway),
        (route.core_network_arn(), RouteTarget::CoreNetwork),
        (route.odb_network_arn(), RouteTarget::OdbNetwork),
        (gateway, gateway_kind),
    ];
    let named =
        candidates.into_iter().find_map(|(id, kind)| id.filter(|id| !id.is_empty()).map(|id| kind(id.to_owned())));
    named.unwrap_or(RouteTarget::Unidentified)
}

/// Puts what was read together.
pub(crate) fn observed(step: &Route, facts: Facts) -> Observed<State, Facts> {
    let state = State::seen(step, &facts);
    let phase = phase(step, &facts);
    Observed { state, facts, phase }
}

/// A route of ours that leads nowhere: for good if its interface or server is gone, else until the service notices.
fn phase(step: &Route, facts: &Facts) -> Phase {
    let ours = RouteTarget::NetworkInterface(step.network_interface.clone());
    let blackhole = RouteState::Blackhole.as_str();
    let dead = |(_, route): &(&String, &RouteFacts)| {
        route.target.as_ref() == Some(&ours) && route.state.as_deref() == Some(blackhole)
    };
    let Some((table, _)) = facts.routes.iter().find(dead) else { return Phase::Settled };
    match unfit(step, facts.interface.as_ref()) {
        Some((_, why)) => Phase::Faulted {
            code: "route.blackhole".to_owned(),
            message: format!("{} in {table} leads nowhere: {why}", step.destination),
        },
        None => Phase::Moving { toward: None, status: blackhole.to_owned() },
    }
}

/// Why the interface cannot receive anything, with a stable code.
pub(crate) fn unfit(step: &Route, interface: Option<&InterfaceFacts>) -> Option<(&'static str, String)> {
    let id = &step.network_interface;
    let Some(interface) = interface else {
        return Some(("interface.missing", format!("there is no interface {id}")));
    };
    if interface.attachment.as_deref() != Some("attached") && interface.status != "in-use" {
        return Some(("interface.not_attached", format!("interface {id} is {}, not attached", interface.status)));
    }
    match (&interface.instance, interface.instance_state.as_deref()) {
        (Some(instance), Some(state)) if state != "running" => {
            Some(("interface.instance_not_running", format!("instance {instance} behind interface {id} is {state}")))
        }
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) fn step(source_dest_check: Option<bool>) -> Route {
        Route {
            route_tables: vec!["rtb-1".to_owned(), "rtb-2".to_owned()],
            destination: "192.168.99.1/32".to_owned(),
            network_interface: "eni-b".to_owned(),
            source_dest_check,
            vpc_cidr: Vec::new(),
        }
    }

    pub(crate) fn interface() -> InterfaceFacts {
        InterfaceFacts {
            status: "in-use".to_owned(),
            availability_zone: Some("us-east-1b".to_owned()),
            vpc: Some("vpc-1".to_owned()),
            source_dest_check: false,
            attachment: Some("attached".to_owned()),
            instance: Some("i-b".to_owned()),
            instance_state: Some("running".to_owned()),
        }
    }

    pub(crate) fn facts(target: Option<RouteTarget>, state: &str) -> Facts {
        let route = RouteFacts { vpc: "vpc-1".to_owned(), target, state: Some(state.to_owned()) };
        Facts {
            routes: BTreeMap::from([("rtb-1".to_owned(), route.clone()), ("rtb-2".to_owned(), route)]),
            interface: Some(interface()),
            vpc_ranges: vec!["10.0.0.0/16".parse().unwrap()],
            subnet_ranges: Vec::new(),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "a route that is absent has no target")]
    pub(crate) fn to_eni(id: &str) -> Option<RouteTarget> {
        Some(RouteTarget::NetworkInterface(id.to_owned()))
    }

    fn table(routes: Vec<Description>) -> RouteTable {
        RouteTable::builder().route_table_id("rtb-1").vpc_id("vpc-1").set_routes(Some(routes)).build()
    }

    #[test]
    fn the_interface_is_preferred_to_its_instance() {
        let route = Description::builder().destination_cidr_block("192.168.99.1/32").instance_id("i-a");
        let route =
            route.network_interface_id("eni-a").origin(RouteOrigin::CreateRoute).state(RouteState::Active).build();
        let other = Description::builder().destination_cidr_block("10.0.0.0/16").gateway_id("local").build();
        let table = table(vec![other, route]);
        let found = route_in(&table, &"192.168.99.1/32".parse().unwrap());
        assert_eq!((found.target, found.state.as_deref()), (to_eni("eni-a"), Some("active")));
        assert_eq!(route_in(&table, &"10.0.0.0/16".parse().unwrap()).target, Some(RouteTarget::Local));
        assert_eq!(route_in(&table, &"192.168.99.2/32".parse().unwrap()).target, None);
    }

    #[test]
    fn gateways_and_propagated_routes_are_told_apart() {
        let route = |gateway: &str, origin| {
            Description::builder().destination_cidr_block("172.16.0.0/12").gateway_id(gateway).origin(origin).build()
        };
        let destination = "172.16.0.0/12".parse().unwrap();
        let read = |routes| route_in(&table(routes), &destination).target;
        let created = || route("vpce-1", RouteOrigin::CreateRoute);
        let propagated = || route("vgw-1", RouteOrigin::EnableVgwRoutePropagation);
        assert_eq!(read(vec![created()]), Some(RouteTarget::VpcEndpoint("vpce-1".to_owned())));
        assert_eq!(read(vec![propagated()]), Some(RouteTarget::Propagated("vgw-1".to_owned())));
        assert_eq!(read(vec![propagated(), created()]), read(vec![created()]), "the created one hides the other");
    }

    #[test]
    fn an_absent_route_is_a_cell_too() {
        let seen = observed(&step(Some(false)), Facts { interface: None, ..facts(None, "active") });
        let json = serde_json::to_value(&seen.state).unwrap();
        assert_eq!(json, json!({"rtb-1": null, "rtb-2": null, "source_dest_check:eni-b": null}));
        assert_eq!(serde_json::from_value::<State>(json).unwrap(), seen.state);
        let asked = serde_json::to_value(State::asked(&step(Some(false)))).unwrap();
        let eni = json!({"network_interface": "eni-b"});
        assert_eq!(asked, json!({"rtb-1": eni, "rtb-2": eni, "source_dest_check:eni-b": false}));
        assert_eq!(serde_json::from_value::<State>(asked).unwrap(), State::asked(&step(Some(false))));
    }

    #[test]
    fn a_blackhole_is_our_fault_only_where_we_lead() {
        let phase = |facts: Facts| observed(&step(None), facts).phase;
        assert_eq!(
            phase(facts(to_eni("eni-a"), "blackhole")),
            Phase::Settled,
            "the dead server is what we move away from"
        );
        assert_eq!(phase(facts(to_eni("eni-b"), "active")), Phase::Settled);
        assert!(matches!(phase(facts(to_eni("eni-b"), "blackhole")), Phase::Moving { toward: None, .. }));
        let gone = Facts { interface: None, ..facts(to_eni("eni-b"), "blackhole") };
        assert!(matches!(phase(gone), Phase::Faulted { code, .. } if code == "route.blackhole"));
        let stopped = InterfaceFacts { instance_state: Some("stopped".to_owned()), ..interface() };
        let stopped = Facts { interface: Some(stopped), ..facts(to_eni("eni-b"), "blackhole") };
        assert!(matches!(phase(stopped), Phase::Faulted { message, .. } if message.contains("stopped")));
    }
}
