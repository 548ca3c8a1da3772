//! Single routes: create, replace, delete, and when a route is a black hole. Does not follow them: see `hops`.

use super::{
    AttachmentStatus, Ec2, InstanceState, Origin, Route, RouteTarget,
    operations::done,
    refused::{INSTANCE, INTERFACE, combination, invalid, missing_parameter, several_interfaces},
    vpcs::cidr,
};
use crate::{
    codec::{ApiError, Params},
    shape::Shape,
};
use ipnet::{Ipv4Net, Ipv6Net};

/// Routes made by calls that one table may hold.
const ROUTES_MAX: usize = 50;

/// Ranges that no route may lead to: the network keeps them for itself.
const RESERVED: (&str, &str) = ("169.254.168.0/22", "fd00:ec2::/32");

/// The parameters that name a route's target.
const TARGETS: &[&str] = &[
    "GatewayId",
    "InstanceId",
    "NetworkInterfaceId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "VpcEndpointId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
];

impl Ec2 {
    pub(super) fn create_route(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let table = self.find_table(params.required("RouteTableId")?)?.id.clone();
        let destination = destination(params)?;
        let target = self.target(params, &table)?.ok_or_else(no_target)?;
        let present = self.fixed_route(&table, &destination)?.cloned();
        match present {
            Some(route) if route.target == target && route.origin == Origin::Call => return Ok(done()),
            Some(_) => {
                return Err(ApiError::bad(
                    "RouteAlreadyExists",
                    format!("The route identified by {destination} already exists."),
                ));
            }
            None => {}
        }
        self.check_destination(&table, &destination, &target)?;
        let routes = &mut self.find_table_mut(&table)?.routes;
        if routes.iter().filter(|route| route.origin == Origin::Call).count() >= ROUTES_MAX {
            return Err(ApiError::bad("RouteLimitExceeded", "The maximum number of routes has been reached."));
        }
        // A propagated route to the same place stays behind the new one, which wins.
        routes.push(Route { destination, target, origin: Origin::Call });
        Ok(done())
    }

    pub(super) fn replace_route(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let table = self.find_table(params.required("RouteTableId")?)?.id.clone();
        let destination = destination(params)?;
        let local = params.flag("LocalTarget")? == Some(true);
        let target = match (self.target(params, &table)?, local) {
            (Some(target), false) => target,
            (None, true) => RouteTarget::Local,
            (None, false) => return Err(no_target()),
            (Some(_), true) => return Err(several_targets()),
        };
        let Some(present) = self.fixed_route(&table, &destination)?.cloned() else {
            // A propagated route is not a route that can be replaced: a static one has to be created over it.
            let message =
                format!("There is no route defined for '{destination}' in the route table. Use CreateRoute instead.");
            return Err(invalid(message));
        };
        if local && present.origin != Origin::Table {
            return Err(invalid(format!("the route {destination} has no local target to restore")));
        }
        if !local {
            self.check_destination(&table, &destination, &target)?;
        }
        self.keep_target(&present.target);
        for route in &mut self.find_table_mut(&table)?.routes {
            if route.destination == destination && route.origin == present.origin {
                route.target = target.clone();
            }
        }
        Ok(done())
    }

    pub(super) fn delete_route(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let table = self.find_table(params.required("RouteTableId")?)?.id.clone();
        let destination = destination(params)?;
        let Some(route) = self.fixed_route(&table, &destination)?.cloned() else {
            if self.find_table(&table)?.routes.iter().any(|route| route.destination == destination) {
                return Err(invalid(format!("cannot remove propagated route {destination} in route table {table}")));
            }
            let message = format!("no route with destination-cidr-block {destination} in route table {table}");
            return Err(ApiError::bad("InvalidRoute.NotFound", message));
        };
        if route.origin == Origin::Table {
            return Err(invalid(format!("cannot remove local route {destination} in route table {table}")));
        }
        self.keep_target(&route.target);
        self.find_table_mut(&table)?.routes.retain(|present| *present != route);
        Ok(done())
    }

    /// The route of a table to this destination that was not propagated.
    fn fixed_route(&self, table: &str, destination: &str) -> Result<Option<&Route>, ApiError> {
        let routes = &self.find_table(table)?.routes;
        Ok(routes.iter().find(|route| route.destination == destination && route.origin != Origin::Propagated))
    }

    /// Refuses what may not stand in a table at all: reserved ranges, and wrong targets inside the network's own range.
    fn check_destination(&self, table: &str, destination: &str, target: &RouteTarget) -> Result<(), ApiError> {
        let (reserved4, reserved6) = RESERVED;
        let inside4 = |range: &str| {
            let outer: Option<Ipv4Net> = range.parse().ok();
            outer.zip(destination.parse::<Ipv4Net>().ok()).is_some_and(|(outer, inner)| outer.contains(&inner))
        };
        let outer6: Option<Ipv6Net> = reserved6.parse().ok();
        let inside6 =
            outer6.zip(destination.parse::<Ipv6Net>().ok()).is_some_and(|(outer, inner)| outer.contains(&inner));
        if inside4(reserved4) || inside6 {
            return Err(invalid(format!("the destination CIDR block {destination} is reserved")));
        }
        let vpc = self.find_vpc(&self.find_table(table)?.vpc)?;
        if !inside4(&vpc.cidr) {
            return Ok(());
        }
        let whole = destination == vpc.cidr || self.subnets.values().any(|s| s.vpc == vpc.id && s.cidr == destination);
        if !whole {
            return Err(invalid(format!(
                "The destination CIDR block {destination} is more specific than this VPC's CIDR block {}, and is not the CIDR block of a subnet.",
                vpc.cidr
            )));
        }
        match target {
            RouteTarget::Interface(_) | RouteTarget::NatGateway(_) => Ok(()),
            RouteTarget::Gateway(id) if id.starts_with("vpce-") => Ok(()),
            _ => {
                Err(invalid("Route target is not supported. This route only supports interface and instance targets."))
            }
        }
    }

    /// The one target that a call names, if it names any.
    fn target(&self, params: &Params, table: &str) -> Result<Option<RouteTarget>, ApiError> {
        let given: Vec<(&str, &str)> = TARGETS.iter().filter_map(|name| Some((*name, params.given(name)?))).collect();
        let (name, id) = match given[..] {
            [] => return Ok(None),
            [one] => one,
            _ => return Err(several_targets()),
        };
        let table = self.find_table(table)?;
        let own = id.to_owned();
        Ok(Some(match name {
            "NetworkInterfaceId" => RouteTarget::Interface(self.interface_in(id, &table.vpc, &table.id)?),
            "InstanceId" => {
                let interface = self.only_interface(id)?;
                RouteTarget::Interface(self.interface_in(&interface, &table.vpc, &table.id)?)
            }
            "GatewayId" => {
                self.known_gateway(id, &table.vpc)?;
                RouteTarget::Gateway(own)
            }
            "VpcEndpointId" => self.outside(id, "vpce-", "InvalidVpcEndpointId.NotFound", RouteTarget::Gateway(own))?,
            "NatGatewayId" => self.outside(id, "nat-", "InvalidNatGatewayID.NotFound", RouteTarget::NatGateway(own))?,
            "TransitGatewayId" => {
                self.outside(id, "tgw-", "InvalidTransitGatewayID.NotFound", RouteTarget::TransitGateway(own))?
            }
            "VpcPeeringConnectionId" => {
                self.outside(id, "pcx-", "InvalidVpcPeeringConnectionID.NotFound", RouteTarget::Peering(own))?
            }
            "EgressOnlyInternetGatewayId" => {
                self.outside(id, "eigw-", "InvalidGatewayID.NotFound", RouteTarget::EgressOnlyGateway(own))?
            }
            "LocalGatewayId" => {
                self.outside(id, "lgw-", "InvalidLocalGatewayID.NotFound", RouteTarget::LocalGateway(own))?
            }
            "CarrierGatewayId" => {
                self.outside(id, "cagw-", "InvalidCarrierGatewayID.NotFound", RouteTarget::CarrierGateway(own))?
            }
            _ => self.outside(id, "arn:", "InvalidCoreNetworkArn.NotFound", RouteTarget::CoreNetwork(own))?,
        }))
    }

    /// An internet gateway must be attached to the network; other gateways are known by having been a target before.
    pub(super) fn known_gateway(&self, id: &str, vpc: &str) -> Result<(), ApiError> {
        match self.internet_gateways.get(id) {
            Some(gateway) if gateway.vpc.as_deref() == Some(vpc) => Ok(()),
            Some(_) => Err(invalid(format!("route table and network gateway {id} belong to different networks"))),
            None => self.outside(id, "", "InvalidGatewayID.NotFound", RouteTarget::Gateway(id.to_owned())).map(drop),
        }
    }

    /// A target that the simulation holds no resource for: it exists if the world has named it.
    fn outside(&self, id: &str, prefix: &str, code: &str, target: RouteTarget) -> Result<RouteTarget, ApiError> {
        let in_use = self.route_tables.values().flat_map(|table| &table.routes).any(|route| route.target == target);
        if id.starts_with(prefix) && (in_use || self.elsewhere.contains(id)) {
            Ok(target)
        } else {
            Err(ApiError::bad(code, format!("The gateway ID '{id}' does not exist")))
        }
    }

    fn keep_target(&mut self, target: &RouteTarget) {
        if let RouteTarget::Local | RouteTarget::Interface(_) = target {
            return;
        }
        // Internet gateways are resources here: one that was deleted does not come back by being a target once.
        self.elsewhere.extend(target.id().filter(|id| !id.starts_with("igw-")).map(str::to_owned));
    }

    fn interface_in(&self, id: &str, vpc: &str, table: &str) -> Result<String, ApiError> {
        let interface = self.interfaces.get(id).ok_or_else(|| INTERFACE.missing(id))?;
        if self.vpc_of(interface) != Some(vpc) {
            return Err(invalid(format!("route table {table} and interface {id} belong to different networks")));
        }
        Ok(id.to_owned())
    }

    /// The interface of an instance that has exactly one.
    pub(super) fn only_interface(&self, instance: &str) -> Result<String, ApiError> {
        if !self.instances.contains_key(instance) {
            return Err(INSTANCE.missing(instance));
        }
        match self.interfaces_of(instance)[..] {
            [only] => Ok(only.id.clone()),
            [] => {
                Err(ApiError::bad("InvalidInstanceID", format!("The instance '{instance}' has no network interface")))
            }
            _ => Err(several_interfaces(instance)),
        }
    }

    /// Whether a route to this target leads nowhere.
    pub(crate) fn blackhole(&self, target: &RouteTarget) -> bool {
        match target {
            RouteTarget::Interface(id) => {
                let attachment = self.interfaces.get(id).and_then(|interface| interface.attachment.as_ref());
                let Some(attachment) = attachment else { return true };
                if matches!(attachment.status, AttachmentStatus::Attaching { .. }) {
                    return true;
                }
                match self.instances.get(&attachment.instance).map(|instance| instance.state) {
                    None | Some(InstanceState::ShuttingDown | InstanceState::Terminated) => true,
                    Some(InstanceState::Stopped) => self.options.stopped_instance_route_blackhole,
                    Some(_) => false,
                }
            }
            RouteTarget::Gateway(id) if id.starts_with("igw-") => {
                // An internet gateway that only a route names stands outside the simulation.
                match self.internet_gateways.get(id) {
                    Some(gateway) => gateway.vpc.is_none(),
                    None => !self.elsewhere.contains(id),
                }
            }
            _ => false,
        }
    }
}

impl RouteTarget {
    /// The target's id; nothing for the local one.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Local => None,
            Self::Interface(id)
            | Self::Gateway(id)
            | Self::NatGateway(id)
            | Self::TransitGateway(id)
            | Self::Peering(id)
            | Self::EgressOnlyGateway(id)
            | Self::LocalGateway(id)
            | Self::CarrierGateway(id)
            | Self::CoreNetwork(id) => Some(id),
        }
    }

    /// The target that an id stands for, by how it begins.
    pub(crate) fn of(id: &str) -> Option<Self> {
        let own = id.to_owned();
        let prefix = id.split_once('-').map_or(id, |(prefix, _)| prefix);
        Some(match prefix {
            "local" => Self::Local,
            "eni" => Self::Interface(own),
            "igw" | "vgw" | "vpce" => Self::Gateway(own),
            "nat" => Self::NatGateway(own),
            "tgw" => Self::TransitGateway(own),
            "pcx" => Self::Peering(own),
            "eigw" => Self::EgressOnlyGateway(own),
            "lgw" => Self::LocalGateway(own),
            "cagw" => Self::CarrierGateway(own),
            _ if id.starts_with("arn:") && id.contains(":core-network/") => Self::CoreNetwork(own),
            _ => return None,
        })
    }
}

/// The one destination that a call names, in canonical form.
fn destination(params: &Params) -> Result<String, ApiError> {
    let names = ["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"];
    let given: Vec<(&str, &str)> = names.into_iter().filter_map(|name| Some((name, params.given(name)?))).collect();
    let (name, text) = match given[..] {
        [one] => one,
        [] => return Err(missing_parameter("destinationCidrBlock")),
        _ => return Err(combination("The request must contain exactly one destination")),
    };
    let wrong = |parameter: &str| {
        invalid(format!("Value ({text}) for parameter {parameter} is invalid. This is not a valid CIDR block."))
    };
    match name {
        "DestinationCidrBlock" => cidr(text, "destinationCidrBlock").map(|range| range.to_string()),
        "DestinationIpv6CidrBlock" => {
            let range = text.parse::<Ipv6Net>().map_err(|_| wrong("destinationIpv6CidrBlock"))?;
            Ok(range.trunc().to_string())
        }
        _ if text.starts_with("pl-") => Ok(text.to_owned()),
        _ => Err(ApiError::bad("InvalidPrefixListID.NotFound", format!("The prefix list ID '{text}' does not exist"))),
    }
}

fn no_target() -> ApiError {
    missing_parameter("gatewayId, instanceId, networkInterfaceId, or another route target")
}

fn several_targets() -> ApiError {
    combination("The request must contain exactly one route target")
}
