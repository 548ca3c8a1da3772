//! Route tables: their description, and which subnets each one serves. Does not change single routes.

use super::{
    Association, Ec2, Origin, Route, RouteTable, RouteTarget,
    listing::Listing,
    operations::done,
    refused::{ASSOCIATION, ROUTE_TABLE, invalid, missing_parameter},
    vpcs::local_route,
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    shape::Shape,
};
use std::collections::BTreeMap;

const LISTING: Listing = Listing {
    ids: "RouteTableId",
    id: &["routeTableId"],
    kind: ROUTE_TABLE,
    set: "routeTableSet",
    filters: &[
        ("association.gateway-id", &["associationSet", "gatewayId"]),
        ("association.main", &["associationSet", "main"]),
        ("association.route-table-association-id", &["associationSet", "routeTableAssociationId"]),
        ("association.route-table-id", &["associationSet", "routeTableId"]),
        ("association.subnet-id", &["associationSet", "subnetId"]),
        ("owner-id", &["ownerId"]),
        ("route-table-id", &["routeTableId"]),
        ("route.destination-cidr-block", &["routeSet", "destinationCidrBlock"]),
        ("route.destination-ipv6-cidr-block", &["routeSet", "destinationIpv6CidrBlock"]),
        ("route.destination-prefix-list-id", &["routeSet", "destinationPrefixListId"]),
        ("route.egress-only-internet-gateway-id", &["routeSet", "egressOnlyInternetGatewayId"]),
        ("route.gateway-id", &["routeSet", "gatewayId"]),
        ("route.instance-id", &["routeSet", "instanceId"]),
        ("route.nat-gateway-id", &["routeSet", "natGatewayId"]),
        ("route.transit-gateway-id", &["routeSet", "transitGatewayId"]),
        ("route.origin", &["routeSet", "origin"]),
        ("route.state", &["routeSet", "state"]),
        ("route.vpc-peering-connection-id", &["routeSet", "vpcPeeringConnectionId"]),
        ("vpc-id", &["vpcId"]),
    ],
    page: 100,
};

impl RouteTable {
    /// The routes that count: a propagated one is hidden behind a static one of the same destination.
    pub(crate) fn effective(&self) -> impl Iterator<Item = &Route> {
        let fixed = |route: &Route| {
            self.routes.iter().any(|other| other.destination == route.destination && other.origin != Origin::Propagated)
        };
        self.routes.iter().filter(move |route| route.origin != Origin::Propagated || !fixed(route))
    }

    fn describe(&self, ec2: &Ec2, cx: &ServiceCx<'_>) -> Shape {
        let associations = self.associations.iter().map(|(id, association)| {
            let (subnet, gateway) = match association {
                Association::Main => (None, None),
                Association::Subnet(subnet) => (Some(subnet), None),
                Association::Gateway(gateway) => (None, Some(gateway)),
            };
            Shape::Struct(vec![
                ("routeTableAssociationId", id.into()),
                ("routeTableId", (&self.id).into()),
                ("subnetId", subnet.into()),
                ("gatewayId", gateway.into()),
                ("main", (*association == Association::Main).into()),
                ("associationState", associated()),
            ])
        });
        let mut propagating: Vec<&str> = Vec::new();
        for route in self.routes.iter().filter(|route| route.origin == Origin::Propagated) {
            if let RouteTarget::Gateway(gateway) = &route.target
                && !propagating.contains(&gateway.as_str())
            {
                propagating.push(gateway);
            }
        }
        let propagating = propagating.into_iter().map(|id| Shape::Struct(vec![("gatewayId", id.into())])).collect();
        Shape::Struct(vec![
            ("routeTableId", (&self.id).into()),
            ("vpcId", (&self.vpc).into()),
            ("ownerId", cx.account.into()),
            ("routeSet", Shape::List("item", self.effective().map(|route| ec2.describe_route(route, cx)).collect())),
            ("associationSet", Shape::List("item", associations.collect())),
            ("propagatingVgwSet", Shape::List("item", propagating)),
            ("tagSet", ec2.tag_set(&self.id)),
        ])
    }
}

impl Ec2 {
    pub(super) fn find_table(&self, id: &str) -> Result<&RouteTable, ApiError> {
        self.route_tables.get(id).ok_or_else(|| ROUTE_TABLE.missing(id))
    }

    pub(super) fn find_table_mut(&mut self, id: &str) -> Result<&mut RouteTable, ApiError> {
        self.route_tables.get_mut(id).ok_or_else(|| ROUTE_TABLE.missing(id))
    }

    pub(super) fn describe_route_tables(&self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        LISTING.answer(params, self.route_tables.values().map(|table| table.describe(self, cx)).collect())
    }

    fn describe_route(&self, route: &Route, cx: &ServiceCx<'_>) -> Shape {
        let destination = match () {
            () if route.destination.starts_with("pl-") => "destinationPrefixListId",
            () if route.destination.contains(':') => "destinationIpv6CidrBlock",
            () => "destinationCidrBlock",
        };
        let (field, target) = match &route.target {
            RouteTarget::Local => ("gatewayId", "local"),
            RouteTarget::Interface(id) => ("networkInterfaceId", id.as_str()),
            RouteTarget::Gateway(id) => ("gatewayId", id.as_str()),
            RouteTarget::NatGateway(id) => ("natGatewayId", id.as_str()),
            RouteTarget::TransitGateway(id) => ("transitGatewayId", id.as_str()),
            RouteTarget::Peering(id) => ("vpcPeeringConnectionId", id.as_str()),
            RouteTarget::EgressOnlyGateway(id) => ("egressOnlyInternetGatewayId", id.as_str()),
            RouteTarget::LocalGateway(id) => ("localGatewayId", id.as_str()),
            RouteTarget::CarrierGateway(id) => ("carrierGatewayId", id.as_str()),
            RouteTarget::CoreNetwork(arn) => ("coreNetworkArn", arn.as_str()),
        };
        // A route to an attached interface names the instance as well.
        let instance = match &route.target {
            RouteTarget::Interface(id) => self.interfaces.get(id).and_then(|interface| interface.attachment.as_ref()),
            _ => None,
        };
        Shape::Struct(vec![
            (destination, (&route.destination).into()),
            (field, target.into()),
            ("instanceId", instance.map(|attachment| &attachment.instance).into()),
            ("instanceOwnerId", instance.map(|_| cx.account).into()),
            (
                "origin",
                match route.origin {
                    Origin::Table => "CreateRouteTable",
                    Origin::Call => "CreateRoute",
                    Origin::Propagated => "EnableVgwRoutePropagation",
                }
                .into(),
            ),
            ("state", if self.blackhole(&route.target) { "blackhole" } else { "active" }.into()),
        ])
    }

    pub(super) fn create_route_table(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let vpc = self.find_vpc(params.required("VpcId")?)?;
        let (vpc, cidr) = (vpc.id.clone(), vpc.cidr.clone());
        let token = params.given("ClientToken").map(|token| format!("CreateRouteTable {token}"));
        let repeated = token.as_ref().and_then(|token| self.tokens.get(token)).and_then(|ids| ids.first()).cloned();
        let id = if let Some(id) = repeated.filter(|id| self.route_tables.contains_key(id)) {
            id
        } else {
            let id = self.fresh("rtb-", cx);
            let routes = vec![local_route(cidr)];
            let table = RouteTable { id: id.clone(), vpc, associations: BTreeMap::new(), routes };
            self.route_tables.insert(id.clone(), table);
            self.tag_new(params, &ROUTE_TABLE, &id)?;
            self.tokens.extend(token.map(|token| (token, vec![id.clone()])));
            id
        };
        let table = self.find_table(&id)?.describe(self, cx);
        Ok(Shape::Struct(vec![("routeTable", table), ("clientToken", params.given("ClientToken").into())]))
    }

    pub(super) fn delete_route_table(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let id = params.required("RouteTableId")?;
        if !self.find_table(id)?.associations.is_empty() {
            return Err(ROUTE_TABLE.depended_on(id));
        }
        self.route_tables.remove(id);
        self.tags.remove(id);
        Ok(done())
    }

    pub(super) fn associate_route_table(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let table = self.find_table(params.required("RouteTableId")?)?;
        let wanted = match (params.given("SubnetId"), params.given("GatewayId")) {
            (Some(subnet), None) => {
                if self.find_subnet(subnet)?.vpc != table.vpc {
                    return Err(invalid(format!(
                        "route table {} and subnet {subnet} belong to different networks",
                        table.id
                    )));
                }
                Association::Subnet(subnet.to_owned())
            }
            (None, Some(gateway)) => {
                self.known_gateway(gateway, &table.vpc)?;
                Association::Gateway(gateway.to_owned())
            }
            _ => return Err(missing_parameter("subnetId or gatewayId")),
        };
        let id = table.id.clone();
        let taken = self.route_tables.values().find_map(|table| {
            table
                .associations
                .iter()
                .find(|(_, present)| **present == wanted)
                .map(|(association, _)| (table, association))
        });
        let association = match taken {
            Some((table, association)) if table.id == id => association.clone(),
            Some(_) => {
                let message =
                    format!("the specified association for route table {id} conflicts with an existing association");
                return Err(ApiError::bad("Resource.AlreadyAssociated", message));
            }
            None => {
                let association = self.fresh("rtbassoc-", cx);
                self.find_table_mut(&id)?.associations.insert(association.clone(), wanted);
                association
            }
        };
        Ok(Shape::Struct(vec![("associationId", association.into()), ("associationState", associated())]))
    }

    pub(super) fn disassociate_route_table(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let association = params.required("AssociationId")?;
        let table = self.associated_table(association)?;
        if self.find_table(&table)?.associations.get(association) == Some(&Association::Main) {
            return Err(invalid(format!("cannot disassociate the main route table association {association}")));
        }
        self.find_table_mut(&table)?.associations.remove(association);
        Ok(done())
    }

    pub(super) fn replace_route_table_association(
        &mut self,
        params: &Params,
        cx: &ServiceCx<'_>,
    ) -> Result<Shape, ApiError> {
        let association = params.required("AssociationId")?;
        let old = self.associated_table(association)?;
        let new = self.find_table(params.required("RouteTableId")?)?;
        let from = self.find_table(&old)?;
        if new.vpc != from.vpc {
            return Err(invalid(format!(
                "route table {} and route table {} belong to different networks",
                new.id, from.id
            )));
        }
        let new = new.id.clone();
        let fresh = self.fresh("rtbassoc-", cx);
        let moved = self
            .find_table_mut(&old)?
            .associations
            .remove(association)
            .ok_or_else(|| ASSOCIATION.missing(association))?;
        self.find_table_mut(&new)?.associations.insert(fresh.clone(), moved);
        Ok(Shape::Struct(vec![("newAssociationId", fresh.into()), ("associationState", associated())]))
    }

    fn associated_table(&self, association: &str) -> Result<String, ApiError> {
        let table = self.route_tables.values().find(|table| table.associations.contains_key(association));
        table.map(|table| table.id.clone()).ok_or_else(|| {
            let message = format!("The association ID '{association}' does not exist");
            ApiError::bad("InvalidAssociationID.NotFound", message)
        })
    }
}

fn associated() -> Shape {
    Shape::Struct(vec![("state", "associated".into())])
}
