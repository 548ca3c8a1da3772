//! The calls behind `aws.ec2.route`.
//!
//! Each table is read again right before it is written: the service has no compare-and-swap, and this makes the window small.

use super::{
    Facts, InterfaceFacts, Route, RouteFacts, RouteTarget, State,
    standing::route_in,
    write::{Next, Write, first, next},
};
use crate::{
    connection::Aws,
    errors::{CallSite, classify, if_readable},
};
use aws_sdk_ec2::{
    Client,
    types::{AttributeBooleanValue, Filter, Vpc},
};
use ipnet::IpNet;
use lifeboat_contract::{CallError, Direction, Effect, Transition};
use std::collections::{BTreeMap, BTreeSet};

/// Create, replace, and once more each: after that, somebody else is writing the same route.
const TRIES_MAX: usize = 4;

/// The service in one region.
struct Ec2<'a> {
    client: Client,
    region: &'a str,
}

impl Ec2<'_> {
    fn at(&self, operation: &'static str) -> CallSite<'_> {
        CallSite { service: "ec2", operation, region: self.region }
    }
}

pub(super) async fn read(step: &Route, aws: &Aws, region: &str) -> Result<Facts, CallError> {
    let ec2 = Ec2 { client: aws.ec2(region).await, region };
    let destination = destination(step, &ec2)?;
    let (routes, interface) = tokio::join!(routes(&ec2, &step.route_tables, &destination), interface(&ec2, step));
    let (routes, interface) = (routes?, interface?);
    let vpcs: BTreeSet<&str> = routes.values().map(|route| route.vpc.as_str()).filter(|vpc| !vpc.is_empty()).collect();
    let vpcs: Vec<String> = vpcs.into_iter().map(str::to_owned).collect();
    let (interface, vpc_ranges) = tokio::join!(with_instance(&ec2, interface), vpc_ranges(&ec2, &vpcs));
    let (interface, vpc_ranges) = (interface?, vpc_ranges?);
    let inside = vpc_ranges.iter().any(|range| range.contains(&destination));
    let subnet_ranges = if inside { subnet_ranges(&ec2, &vpcs).await? } else { Vec::new() };
    Ok(Facts { routes, interface, vpc_ranges, subnet_ranges })
}

fn destination(step: &Route, ec2: &Ec2<'_>) -> Result<IpNet, CallError> {
    step.destination().ok_or_else(|| {
        ec2.at("DescribeRouteTables")
            .definite("destination.malformed", format!("{:?} is not a range", step.destination))
    })
}

/// The destination in each of `tables`, all of which must exist.
async fn routes(
    ec2: &Ec2<'_>,
    tables: &[String],
    destination: &IpNet,
) -> Result<BTreeMap<String, RouteFacts>, CallError> {
    let at = ec2.at("DescribeRouteTables");
    let call = ec2.client.describe_route_tables().set_route_table_ids(Some(tables.to_vec()));
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    let found = answer.route_tables.unwrap_or_default();
    let read =
        |table: &aws_sdk_ec2::types::RouteTable| Some((table.route_table_id.clone()?, route_in(table, destination)));
    let routes: BTreeMap<String, RouteFacts> = found.iter().filter_map(read).collect();
    match tables.iter().find(|table| !routes.contains_key(*table)) {
        None => Ok(routes),
        Some(missing) => Err(at.definite("InvalidRouteTableID.NotFound", format!("there is no route table {missing}"))),
    }
}

/// The interface, or `None` where there is none: a route may outlive it.
async fn interface(ec2: &Ec2<'_>, step: &Route) -> Result<Option<InterfaceFacts>, CallError> {
    let at = ec2.at("DescribeNetworkInterfaces");
    let call = ec2.client.describe_network_interfaces().network_interface_ids(&step.network_interface);
    let answer = match call.send().await.map_err(|error| classify(&at, error)) {
        Err(error) if error.code == "InvalidNetworkInterfaceID.NotFound" => return Ok(None),
        answer => answer?,
    };
    let Some(found) = answer.network_interfaces.unwrap_or_default().into_iter().next() else { return Ok(None) };
    let attachment = found.attachment;
    Ok(Some(InterfaceFacts {
        status: found.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        availability_zone: found.availability_zone,
        vpc: found.vpc_id,
        source_dest_check: found.source_dest_check.unwrap_or(true),
        attachment: attachment
            .as_ref()
            .and_then(|attachment| attachment.status.as_ref())
            .map(|status| status.as_str().to_owned()),
        instance: attachment.and_then(|attachment| attachment.instance_id),
        instance_state: None,
    }))
}

/// Adds the instance's state, where there is one: in a shared VPC it is another account's.
async fn with_instance(ec2: &Ec2<'_>, interface: Option<InterfaceFacts>) -> Result<Option<InterfaceFacts>, CallError> {
    let Some(mut interface) = interface else { return Ok(None) };
    if let Some(instance) = &interface.instance {
        let at = ec2.at("DescribeInstances");
        let answer = ec2.client.describe_instances().instance_ids(instance).send().await;
        let answer = if_readable(answer.map_err(|error| classify(&at, error)))?;
        let reservations = answer.and_then(|answer| answer.reservations).unwrap_or_default();
        let found = reservations.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default()).next();
        let state = found.and_then(|instance| instance.state).and_then(|state| state.name);
        interface.instance_state = state.map(|name| name.as_str().to_owned());
    }
    Ok(Some(interface))
}

async fn vpc_ranges(ec2: &Ec2<'_>, vpcs: &[String]) -> Result<Vec<IpNet>, CallError> {
    if vpcs.is_empty() {
        return Ok(Vec::new());
    }
    let at = ec2.at("DescribeVpcs");
    let call = ec2.client.describe_vpcs().set_vpc_ids(Some(vpcs.to_vec()));
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    Ok(answer.vpcs.unwrap_or_default().iter().flat_map(ranges_of).collect::<BTreeSet<_>>().into_iter().collect())
}

fn ranges_of(vpc: &Vpc) -> Vec<IpNet> {
    let main = vpc.cidr_block();
    let more = vpc.cidr_block_association_set().iter().filter_map(|association| association.cidr_block());
    let v6 = vpc.ipv6_cidr_block_association_set().iter().filter_map(|association| association.ipv6_cidr_block());
    main.into_iter().chain(more).chain(v6).filter_map(|range| range.parse().ok()).collect()
}

async fn subnet_ranges(ec2: &Ec2<'_>, vpcs: &[String]) -> Result<Vec<IpNet>, CallError> {
    let at = ec2.at("DescribeSubnets");
    let of_vpcs = Filter::builder().name("vpc-id").set_values(Some(vpcs.to_vec())).build();
    let mut pages = ec2.client.describe_subnets().filters(of_vpcs).into_paginator().send();
    let mut ranges = Vec::new();
    while let Some(page) = pages.next().await {
        for subnet in page.map_err(|error| classify(&at, error))?.subnets() {
            let v6 =
                subnet.ipv6_cidr_block_association_set().iter().filter_map(|association| association.ipv6_cidr_block());
            ranges.extend(subnet.cidr_block().into_iter().chain(v6).filter_map(|range| range.parse::<IpNet>().ok()));
        }
    }
    Ok(ranges)
}

pub(super) async fn drive(
    step: &Route,
    aws: &Aws,
    region: &str,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let ec2 = Ec2 { client: aws.ec2(region).await, region };
    let destination = destination(step, &ec2)?;
    let mut wrote = false;
    let driven = async {
        // The interface accepts foreign packets before any is sent to it, and as long as any may be.
        if transition.direction == Direction::Forward {
            source_dest_check(&ec2, transition, &mut wrote).await?;
        }
        for (table, to) in &transition.to.routes {
            let seen = transition.now.state.routes.get(table).and_then(Option::as_ref);
            route(&ec2, table, &destination, seen, to.as_ref(), &mut wrote).await?;
        }
        if transition.direction == Direction::Back {
            source_dest_check(&ec2, transition, &mut wrote).await?;
        }
        Ok(())
    };
    let driven: Result<(), CallError> = driven.await;
    // The call that failed may have had no effect; the ones before it had.
    driven.map_err(|error| if wrote { CallError { effect: Effect::Unknown, ..error } } else { error })
}

async fn source_dest_check(
    ec2: &Ec2<'_>,
    transition: &Transition<State, Facts>,
    wrote: &mut bool,
) -> Result<(), CallError> {
    for (interface, on) in &transition.to.source_dest_check {
        let Some(on) = *on else { continue };
        if transition.now.state.source_dest_check.get(interface) == Some(&Some(on)) {
            continue;
        }
        let at = ec2.at("ModifyNetworkInterfaceAttribute");
        let value = AttributeBooleanValue::builder().value(on).build();
        let call =
            ec2.client.modify_network_interface_attribute().network_interface_id(interface).source_dest_check(value);
        call.send().await.map_err(|error| classify(&at, error))?;
        *wrote = true;
    }
    Ok(())
}

/// Brings one table to `to`, unless it is neither there nor as it was `seen`.
async fn route(
    ec2: &Ec2<'_>,
    table: &str,
    destination: &IpNet,
    seen: Option<&RouteTarget>,
    to: Option<&RouteTarget>,
    wrote: &mut bool,
) -> Result<(), CallError> {
    let now = routes(ec2, &[table.to_owned()], destination).await?;
    let current = now.get(table).and_then(|route| route.target.as_ref());
    if current != seen && current != to {
        let message = format!("{destination} in {table} was changed meanwhile: it leads to {current:?}");
        return Err(ec2.at("DescribeRouteTables").definite("changed_meanwhile", message));
    }
    let mut write = first(current, to);
    for _ in 0..TRIES_MAX {
        let Some(call) = write else { return Ok(()) };
        match send(ec2, table, destination, &call).await {
            Ok(()) => {
                *wrote = true;
                return Ok(());
            }
            Err(error) => match next(&call, &error.code, &error.message) {
                Next::Try(other) => write = Some(other),
                Next::Done => return Ok(()),
                Next::GiveUp => return Err(error),
            },
        }
    }
    Err(ec2
        .at("ReplaceRoute")
        .definite("route.contended", format!("{destination} in {table} comes and goes: somebody else writes it")))
}

/// Sets exactly one target on a call: `CreateRoute` and `ReplaceRoute` name them alike.
macro_rules! with_target {
    ($call:expr, $target:expr, local: $method:ident($value:expr)) => {
        match $target {
            RouteTarget::NetworkInterface(id) => $call.network_interface_id(id),
            RouteTarget::Instance(id) => $call.instance_id(id),
            RouteTarget::Gateway(id) => $call.gateway_id(id),
            RouteTarget::NatGateway(id) => $call.nat_gateway_id(id),
            RouteTarget::EgressOnlyInternetGateway(id) => $call.egress_only_internet_gateway_id(id),
            RouteTarget::TransitGateway(id) => $call.transit_gateway_id(id),
            RouteTarget::VpcPeering(id) => $call.vpc_peering_connection_id(id),
            RouteTarget::VpcEndpoint(id) => $call.vpc_endpoint_id(id),
            RouteTarget::LocalGateway(id) => $call.local_gateway_id(id),
            RouteTarget::CarrierGateway(id) => $call.carrier_gateway_id(id),
            RouteTarget::CoreNetwork(arn) => $call.core_network_arn(arn),
            RouteTarget::OdbNetwork(arn) => $call.odb_network_arn(arn),
            RouteTarget::Local => $call.$method($value),
            // Never written: `first` deletes what hides the one, and `admit` refuses the other.
            RouteTarget::Propagated(_) | RouteTarget::Unidentified => $call,
        }
    };
}

async fn send(ec2: &Ec2<'_>, table: &str, destination: &IpNet, write: &Write<'_>) -> Result<(), CallError> {
    let v4 = matches!(destination, IpNet::V4(_)).then(|| destination.to_string());
    let v6 = matches!(destination, IpNet::V6(_)).then(|| destination.to_string());
    match write {
        Write::Create(target) => {
            let at = ec2.at("CreateRoute");
            let call = ec2.client.create_route().route_table_id(table);
            let call = call.set_destination_cidr_block(v4).set_destination_ipv6_cidr_block(v6);
            // The local route always exists; creating it is refused by the service with a message of its own.
            let call = with_target!(call, *target, local: gateway_id("local"));
            call.send().await.map(drop).map_err(|error| classify(&at, error))
        }
        Write::Replace(target) => {
            let at = ec2.at("ReplaceRoute");
            let call = ec2.client.replace_route().route_table_id(table);
            let call = call.set_destination_cidr_block(v4).set_destination_ipv6_cidr_block(v6);
            let call = with_target!(call, *target, local: local_target(true));
            call.send().await.map(drop).map_err(|error| classify(&at, error))
        }
        Write::Delete => {
            let at = ec2.at("DeleteRoute");
            let call = ec2.client.delete_route().route_table_id(table);
            let call = call.set_destination_cidr_block(v4).set_destination_ipv6_cidr_block(v6);
            call.send().await.map(drop).map_err(|error| classify(&at, error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        recorded::{Recorded, RecordedWire, surroundings},
        route::standing::tests::{step, to_eni},
    };
    use lifeboat_contract::{Change as _, Mode, WireError, WireFailure};
    use std::sync::Arc;

    const INTERFACE: &str = "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item>\
        <networkInterfaceId>eni-b</networkInterfaceId><status>in-use</status><sourceDestCheck>true</sourceDestCheck>\
        <vpcId>vpc-1</vpcId><attachment><instanceId>i-b</instanceId><status>attached</status></attachment>\
        </item></networkInterfaceSet></DescribeNetworkInterfacesResponse>";
    const VPCS: &str = "<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock></item>\
        </vpcSet></DescribeVpcsResponse>";
    const DONE: &str = "<Response><return>true</return></Response>";
    const CREATED: &str = "<CreateRouteResponse><return>true</return></CreateRouteResponse>";

    /// Two tables, the first with a route to `eni-a`, the second without any.
    const TABLES: &str = "<DescribeRouteTablesResponse><routeTableSet>\
        <item><routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId><routeSet><item>\
        <destinationCidrBlock>192.168.99.1/32</destinationCidrBlock><instanceId>i-a</instanceId>\
        <networkInterfaceId>eni-a</networkInterfaceId><state>active</state><origin>CreateRoute</origin></item></routeSet></item>\
        <item><routeTableId>rtb-2</routeTableId><vpcId>vpc-1</vpcId><routeSet/></item>\
        </routeTableSet></DescribeRouteTablesResponse>";

    fn wire(create: Recorded) -> Arc<RecordedWire> {
        RecordedWire::new([
            ("DescribeRouteTables", Ok((200, TABLES))),
            ("DescribeNetworkInterfaces", Ok((200, INTERFACE))),
            ("DescribeVpcs", Ok((200, VPCS))),
            ("ModifyNetworkInterfaceAttribute", Ok((200, DONE))),
            ("ReplaceRoute", Ok((200, DONE))),
            ("CreateRoute", create),
        ])
    }

    async fn drive_over(wire: Arc<RecordedWire>, see: impl FnOnce(&mut State)) -> Result<(), CallError> {
        let (_, cx) = surroundings(wire, Mode::Switchover);
        let step = step(Some(false));
        let mut now = step.observe(&cx).await.unwrap();
        let to = step.target(&now, &cx.run).unwrap();
        see(&mut now.state);
        let (direction, mode) = (Direction::Forward, Mode::Switchover);
        step.drive(&cx, &Transition { now, to, direction, mode, data_loss: None }).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_check_goes_first_and_each_table_gets_the_call_it_needs() {
        let wire = wire(Ok((200, CREATED)));
        drive_over(wire.clone(), |_| ()).await.unwrap();
        let writes = wire.writes();
        let operations: Vec<&str> = writes.iter().map(|(operation, _, _)| operation.as_str()).collect();
        assert_eq!(operations, ["ModifyNetworkInterfaceAttribute", "ReplaceRoute", "CreateRoute"]);
        assert!(writes[0].2.contains("SourceDestCheck.Value=false"), "{}", writes[0].2);
        assert!(
            writes[1].2.contains("NetworkInterfaceId=eni-b") && !writes[1].2.contains("InstanceId"),
            "{}",
            writes[1].2
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_table_that_somebody_else_wrote_is_left_alone() {
        let wire = wire(Ok((200, CREATED)));
        let see = |state: &mut State| {
            state.routes.insert("rtb-1".to_owned(), to_eni("eni-c"));
            state.source_dest_check.insert("eni-b".to_owned(), Some(false));
        };
        let error = drive_over(wire.clone(), see).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.effect), ("changed_meanwhile", Effect::None));
        assert_eq!(wire.writes(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_after_the_first_write_is_of_unknown_effect() {
        let unsent = Err(WireError::unsent(WireFailure::Connect, "unreachable"));
        let error = drive_over(wire(unsent), |_| ()).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.effect), ("wire.unreachable", Effect::Unknown));
    }
}
