//! Route tables and their user-defined routes. Does not decide which route a packet takes.

use super::{
    Network, body,
    kept::{Effect, Kept},
};
use crate::azure::ArmError;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::Ipv4Addr};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RouteTable {
    pub(crate) routes: Vec<Route>,
    /// Routes learned from gateways stay out.
    pub(crate) isolated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) prefix: Ipv4Net,
    pub(crate) hop: NextHop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum NextHop {
    Appliance(Ipv4Addr),
    VnetLocal,
    Peering,
    Gateway,
    Internet,
    Nowhere,
}

impl NextHop {
    /// As the API names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Appliance(_) => "VirtualAppliance",
            Self::VnetLocal => "VnetLocal",
            Self::Peering => "VNetPeering",
            Self::Gateway => "VirtualNetworkGateway",
            Self::Internet => "Internet",
            Self::Nowhere => "None",
        }
    }
}

impl Effect for RouteTable {
    const TYPE: &'static str = "routeTables";
    const CHILDREN: &'static [(&'static str, bool)] = &[("routes", true)];
    const WRITABLE: bool = true;

    fn all(network: &Network) -> &BTreeMap<String, Kept<Self>> {
        &network.tables
    }

    fn all_mut(network: &mut Network) -> &mut BTreeMap<String, Kept<Self>> {
        &mut network.tables
    }

    fn complete(made: &mut Value, _existing: Option<&Kept<Self>>, _network: &Network) -> Result<(), ArmError> {
        let properties = body::properties(made);
        properties.remove("subnets");
        properties.entry("disableBgpRoutePropagation").or_insert(false.into());
        for route in body::list_mut(made, "routes") {
            body::properties(route).entry("hasBgpOverride").or_insert(false.into());
        }
        Ok(())
    }

    fn read(made: &Value) -> Result<Self, ArmError> {
        let routes: Vec<Route> = body::list(made, "routes").map(read_route).collect::<Result<_, _>>()?;
        for (index, route) in routes.iter().enumerate() {
            let twin = routes[..index].iter().find(|other| other.prefix == route.prefix);
            if let Some(twin) = twin {
                let message = format!(
                    "Route {} conflicts with route {}. Routes cannot have the same AddressPrefix.",
                    route.name, twin.name
                );
                return Err(ArmError::bad("RouteConflict", message));
            }
        }
        Ok(Self { routes, isolated: body::flag(made, "disableBgpRoutePropagation") })
    }

    fn in_use(key: &str, kept: &Kept<Self>, network: &Network) -> Option<ArmError> {
        let subnet = network.served_subnets(key).next()?;
        let message = format!(
            "Route table {} is in use and cannot be deleted. It is associated with subnet {subnet}.",
            kept.name()
        );
        Some(ArmError::bad("InUseRouteTableCannotBeDeleted", message))
    }

    fn show(key: &str, shown: &mut Value, network: &Network) {
        let subnets: Vec<Value> = network.served_subnets(key).map(|id| json!({ "id": id })).collect();
        if !subnets.is_empty() {
            body::properties(shown).insert("subnets".to_owned(), subnets.into());
        }
    }
}

impl Network {
    /// The ids of the subnets that a route table serves, as they were created.
    fn served_subnets<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a str> {
        let subnets = self.networks.values().flat_map(|kept| body::list(&kept.body, "subnets"));
        subnets
            .filter(move |subnet| body::reference(subnet, "routeTable").as_deref() == Some(table))
            .filter_map(|subnet| subnet.get("id")?.as_str())
    }
}

fn read_route(route: &Value) -> Result<Route, ArmError> {
    let name = body::name(route).to_owned();
    let prefix = body::text(route, "addressPrefix").unwrap_or_default();
    let prefix = prefix.parse::<Ipv4Net>().ok().filter(|range| range.trunc() == *range).ok_or_else(|| {
        ArmError::bad("InvalidAddressPrefixFormat", format!("Address prefix {prefix} of route {name} is not valid."))
    })?;
    let kind = body::text(route, "nextHopType").unwrap_or_default();
    let address = body::text(route, "nextHopIpAddress").filter(|text| !text.is_empty());
    let appliance = kind.eq_ignore_ascii_case("VirtualAppliance");
    let hop = match kind.to_ascii_lowercase().as_str() {
        "virtualappliance" => {
            let parsed = address.and_then(|text| text.parse().ok());
            NextHop::Appliance(parsed.ok_or_else(|| {
                let message =
                    format!("Next hop IP address of route {name} must be the address of a virtual appliance.");
                ArmError::bad("RouteNextHopIPAddressInvalid", message)
            })?)
        }
        "vnetlocal" => NextHop::VnetLocal,
        "virtualnetworkgateway" => NextHop::Gateway,
        "internet" => NextHop::Internet,
        "none" => NextHop::Nowhere,
        _ => {
            let message = format!("The value '{kind}' is not valid for nextHopType of route {name}.");
            return Err(ArmError::bad("InvalidRequestFormat", message));
        }
    };
    if address.is_some() && !appliance {
        let message = format!("Next hop IP address of route {name} is only allowed with VirtualAppliance.");
        return Err(ArmError::bad("RouteNextHopIPAddressNotAllowed", message));
    }
    Ok(Route { name, prefix, hop })
}
