//! EC2 as callers see it: routes, black holes, visibility, dry runs, instances. Reads answers, not fields, where it can.

use super::{Ec2, Hop, InstanceState, Origin, Route, RouteTarget, filters::texts};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    pace::Pace,
    shape::Shape,
};
use jiff::Timestamp;
use lifeboat_contract::{Span, clock::after};
use std::{net::Ipv4Addr, time::Duration};

const OVERLAY: &str = "192.168.10.10/32";

/// A network with a subnet in each of two zones, and a running instance in each.
struct Fixture {
    ec2: Ec2,
    now: Timestamp,
    pace: Pace,
    vpc: String,
    table: String,
    subnets: [String; 2],
    instances: [String; 2],
    interfaces: [String; 2],
}

impl Fixture {
    fn new() -> Self {
        let empty = || [String::new(), String::new()];
        let mut fixture = Self {
            ec2: Ec2::default(),
            now: Timestamp::UNIX_EPOCH,
            pace: Pace::default(),
            vpc: String::new(),
            table: String::new(),
            subnets: empty(),
            instances: empty(),
            interfaces: empty(),
        };
        fixture.vpc = fixture.id("CreateVpc", "CidrBlock=10.0.0.0/16", &["vpc", "vpcId"]);
        fixture.table = fixture.id("DescribeRouteTables", "", &["routeTableSet", "routeTableId"]);
        for (place, zone) in ["a", "b"].into_iter().enumerate() {
            let subnet =
                format!("VpcId={}&CidrBlock=10.0.{}.0/24&AvailabilityZone=us-east-1{zone}", fixture.vpc, place + 1);
            fixture.subnets[place] = fixture.id("CreateSubnet", &subnet, &["subnet", "subnetId"]);
            let run = format!("ImageId=ami-1&MinCount=1&MaxCount=1&SubnetId={}", fixture.subnets[place]);
            let reservation = fixture.call("RunInstances", &run).expect("instances can be made");
            fixture.instances[place] = texts(&reservation, &["instancesSet", "instanceId"]).concat();
            fixture.interfaces[place] =
                texts(&reservation, &["instancesSet", "networkInterfaceSet", "networkInterfaceId"]).concat();
        }
        fixture.wait(30);
        fixture
    }

    fn call(&mut self, operation: &str, form: &str) -> Result<Shape, ApiError> {
        let cx = ServiceCx { now: self.now, account: "111122223333", region: "us-east-1", seed: 7, pace: self.pace };
        self.ec2.answer(operation, &Params::parse(form.as_bytes()), &cx)
    }

    fn id(&mut self, operation: &str, form: &str, path: &[&str]) -> String {
        texts(&self.call(operation, form).expect("the call succeeds"), path).remove(0)
    }

    fn code(&mut self, operation: &str, form: &str) -> String {
        self.call(operation, form).map_or_else(|error| error.code, |_| "ok".to_owned())
    }

    fn wait(&mut self, seconds: u64) {
        self.now = after(self.now, Duration::from_secs(seconds));
        self.ec2.advance(self.now);
    }

    /// A call about the route to the overlay address.
    fn route(&mut self, operation: &str, target: &str) -> String {
        let form = format!("RouteTableId={}&DestinationCidrBlock={OVERLAY}&{target}", self.table);
        self.code(operation, &form)
    }

    /// Interface, instance and state of the route to the overlay address, as described.
    fn shown(&mut self) -> Option<[String; 3]> {
        let tables =
            self.call("DescribeRouteTables", &format!("RouteTableId.1={}", self.table)).expect("the table is there");
        let Some(Shape::List(_, routes)) = super::filters::field(&first(&tables, "routeTableSet"), "routeSet").cloned()
        else {
            return None;
        };
        let route = routes.iter().find(|route| texts(route, &["destinationCidrBlock"]) == [OVERLAY])?;
        Some(["networkInterfaceId", "instanceId", "state"].map(|field| texts(route, &[field]).concat()))
    }

    fn propagate(&mut self) {
        let target = RouteTarget::Gateway("vgw-1".to_owned());
        let route = Route { destination: OVERLAY.to_owned(), target, origin: Origin::Propagated };
        self.ec2.route_tables.get_mut(&self.table).expect("the table is there").routes.push(route);
    }

    fn eni(&self, place: usize) -> String {
        format!("NetworkInterfaceId={}", self.interfaces[place])
    }
}

fn first(answer: &Shape, set: &str) -> Shape {
    match super::filters::field(answer, set) {
        Some(Shape::List(_, items)) => items.first().cloned().unwrap_or(Shape::Absent),
        _ => Shape::Absent,
    }
}

#[test]
fn a_static_route() {
    let mut f = Fixture::new();
    let (a, b) = (f.eni(0), f.eni(1));
    assert_eq!(f.route("ReplaceRoute", &a), "InvalidParameterValue", "there is none yet");
    let error =
        f.call("ReplaceRoute", &format!("RouteTableId={}&DestinationCidrBlock={OVERLAY}&{a}", f.table)).unwrap_err();
    assert!(error.message.starts_with("There is no route defined for '192.168.10.10/32'"), "{error}");
    assert_eq!(f.route("DeleteRoute", ""), "InvalidRoute.NotFound");
    assert_eq!(f.route("CreateRoute", &a), "ok");
    assert_eq!(f.route("CreateRoute", &a), "ok", "the same target again");
    assert_eq!(f.route("CreateRoute", &b), "RouteAlreadyExists");
    assert_eq!(f.shown(), Some([f.interfaces[0].clone(), f.instances[0].clone(), "active".to_owned()]));
    assert_eq!(f.route("ReplaceRoute", &b), "ok");
    assert_eq!(
        f.shown(),
        Some([f.interfaces[1].clone(), f.instances[1].clone(), "active".to_owned()]),
        "one target, no rest"
    );
    assert_eq!(f.route("DeleteRoute", ""), "ok");
    assert_eq!(f.shown(), None);
}

#[test]
fn a_propagated_route() {
    let mut f = Fixture::new();
    f.propagate();
    let a = f.eni(0);
    assert_eq!(f.route("ReplaceRoute", &a), "InvalidParameterValue");
    assert_eq!(f.route("CreateRoute", &a), "ok", "a static route is put over it");
    assert_eq!(f.shown().map(|shown| shown[0].clone()), Some(f.interfaces[0].clone()), "and wins");
    assert_eq!(f.route("DeleteRoute", ""), "ok");
    assert_eq!(
        f.shown().map(|shown| shown[0].clone()),
        Some(String::new()),
        "the propagated one was there all the time"
    );
}

#[test]
fn routes_that_are_refused() {
    let mut f = Fixture::new();
    let (table, a) = (f.table.clone(), f.eni(0));
    for (destination, target, code) in [
        ("10.0.1.7/32", a.as_str(), "InvalidParameterValue"),
        ("10.0.1.0/24", a.as_str(), "ok"),
        ("10.0.0.0/16", a.as_str(), "RouteAlreadyExists"),
        ("169.254.168.1/32", a.as_str(), "InvalidParameterValue"),
        ("nonsense", a.as_str(), "InvalidParameterValue"),
        ("192.168.1.0/24", "", "MissingParameter"),
        ("192.168.1.0/24", "GatewayId=igw-1&NatGatewayId=nat-1", "InvalidParameterCombination"),
        ("192.168.1.0/24", "NatGatewayId=nat-1", "InvalidNatGatewayID.NotFound"),
        ("192.168.1.0/24", "NetworkInterfaceId=eni-none", "InvalidNetworkInterfaceID.NotFound"),
        ("192.168.1.0/24", "NetworkInterfaceId=none", "InvalidNetworkInterfaceId.Malformed"),
        ("192.168.1.0/24", "InstanceId=i-none", "InvalidInstanceID.NotFound"),
    ] {
        let form = format!("RouteTableId={table}&DestinationCidrBlock={destination}&{target}");
        assert_eq!(f.code("CreateRoute", &form), code, "{destination} {target}");
    }
    assert_eq!(
        f.code("CreateRoute", &format!("RouteTableId=rtb-none&DestinationCidrBlock={OVERLAY}&{a}")),
        "InvalidRouteTableID.NotFound"
    );
    assert_eq!(
        f.code("DeleteRoute", &format!("RouteTableId={table}&DestinationCidrBlock=10.0.0.0/16")),
        "InvalidParameterValue"
    );
    f.call("CreateRoute", &format!("RouteTableId={table}&DestinationCidrBlock=192.168.7.9/24&{a}"))
        .expect("bits are cleared");
    assert!(f.ec2.route_tables[&table].routes.iter().any(|route| route.destination == "192.168.7.0/24"));
}

#[test]
fn a_target_can_be_restored_after_it_was_replaced() {
    let mut f = Fixture::new();
    let table = f.ec2.route_tables.get_mut(&f.table).expect("the table is there");
    let target = RouteTarget::NatGateway("nat-1".to_owned());
    table.routes.push(Route { destination: OVERLAY.to_owned(), target, origin: Origin::Call });
    let before = f.ec2.contents();
    let a = f.eni(0);
    assert_eq!(f.route("ReplaceRoute", &a), "ok");
    assert_ne!(f.ec2.contents(), before);
    assert_eq!(f.route("ReplaceRoute", "NatGatewayId=nat-1"), "ok");
    assert_eq!(f.ec2.contents(), before);
    let local = format!("RouteTableId={}&DestinationCidrBlock=10.0.0.0/16&", f.table);
    assert_eq!(f.code("ReplaceRoute", &format!("{local}{a}")), "ok");
    assert_eq!(f.code("ReplaceRoute", &format!("{local}LocalTarget=true")), "ok");
    assert_eq!(f.ec2.contents(), before);
}

#[test]
fn an_instance_with_two_interfaces_is_no_target() {
    let mut f = Fixture::new();
    let instance = format!("InstanceId={}", f.instances[0]);
    assert_eq!(f.route("CreateRoute", &instance), "ok");
    assert_eq!(f.shown().map(|shown| shown[0].clone()), Some(f.interfaces[0].clone()));
    let second = f.id(
        "CreateNetworkInterface",
        &format!("SubnetId={}", f.subnets[0]),
        &["networkInterface", "networkInterfaceId"],
    );
    let attach = format!("NetworkInterfaceId={second}&{instance}&DeviceIndex=1");
    assert_eq!(f.code("AttachNetworkInterface", &attach), "ok");
    assert_eq!(f.code("AttachNetworkInterface", &attach), "InvalidNetworkInterface.InUse");
    assert_eq!(f.route("ReplaceRoute", &instance), "InvalidInstanceID");
    assert_eq!(
        f.code("ModifyInstanceAttribute", &format!("{instance}&SourceDestCheck.Value=false")),
        "InvalidInstanceID"
    );
}

#[test]
fn black_holes() {
    let mut f = Fixture::new();
    let second = f.id(
        "CreateNetworkInterface",
        &format!("SubnetId={}", f.subnets[0]),
        &["networkInterface", "networkInterfaceId"],
    );
    assert_eq!(f.route("CreateRoute", &format!("NetworkInterfaceId={second}")), "ok");
    let state = |f: &mut Fixture| f.shown().map(|shown| shown[2].clone()).expect("the route is there");
    assert_eq!(state(&mut f), "blackhole", "nothing has the interface");
    let attach = format!("NetworkInterfaceId={second}&InstanceId={}&DeviceIndex=1", f.instances[0]);
    let attachment = f.id("AttachNetworkInterface", &attach, &["attachmentId"]);
    f.wait(2);
    assert_eq!(state(&mut f), "active");
    f.call("DetachNetworkInterface", &format!("AttachmentId={attachment}")).expect("it is not the primary one");
    f.wait(2);
    assert_eq!(state(&mut f), "blackhole");
    let a = f.eni(0);
    f.route("ReplaceRoute", &a);
    f.call("StopInstances", &format!("InstanceId.1={}", f.instances[0])).expect("it runs");
    f.wait(31);
    assert_eq!(state(&mut f), "blackhole", "by default, that of a stopped instance is one");
    f.ec2.options.stopped_instance_route_blackhole = false;
    assert_eq!(state(&mut f), "active");
    f.call("TerminateInstances", &format!("InstanceId.1={}", f.instances[0])).expect("it is not protected");
    f.wait(30);
    assert_eq!(
        f.shown(),
        Some([f.interfaces[0].clone(), String::new(), "blackhole".to_owned()]),
        "the interface went with it"
    );
}

#[test]
fn packets_follow_routes_and_checks() {
    let mut f = Fixture::new();
    let to = Ipv4Addr::new(192, 168, 10, 10);
    let a = f.eni(0);
    assert!(matches!(f.ec2.next_hop(&f.subnets[1], to), Hop::Dropped(_)), "no route");
    f.route("CreateRoute", &a);
    assert!(matches!(f.ec2.next_hop(&f.subnets[1], to), Hop::Dropped(_)), "the interface checks destinations");
    f.call("ModifyNetworkInterfaceAttribute", &format!("{a}&SourceDestCheck.Value=false"))
        .expect("the interface is there");
    let arrives =
        |f: &Fixture| matches!(f.ec2.next_hop(&f.subnets[1], to), Hop::Interface(i) if i.id == f.interfaces[0]);
    assert!(arrives(&f));
    f.call("StopInstances", &format!("InstanceId.1={}", f.instances[0])).expect("it runs");
    assert!(!arrives(&f), "it is stopping");
    let own = f.ec2.interfaces[&f.interfaces[1]].private_ips[0];
    assert!(matches!(f.ec2.next_hop(&f.subnets[0], own), Hop::Interface(_)), "the local route");
}

#[test]
fn a_dry_run_changes_nothing() {
    let mut f = Fixture::new();
    let before = f.ec2.clone();
    let (a, i) = (f.eni(0), f.instances[0].clone());
    let route = format!("RouteTableId={}&DestinationCidrBlock={OVERLAY}&{a}", f.table);
    for (operation, form) in [
        ("CreateRoute", route.clone()),
        ("ReplaceRoute", route.clone()),
        ("DeleteRoute", route),
        ("StopInstances", format!("InstanceId.1={i}")),
        ("ModifyNetworkInterfaceAttribute", format!("{a}&SourceDestCheck.Value=false")),
        ("CreateVpc", "CidrBlock=10.1.0.0/16".to_owned()),
        ("DescribeRouteTables", String::new()),
    ] {
        let error = f.call(operation, &format!("{form}&DryRun=true")).unwrap_err();
        assert_eq!((error.code.as_str(), error.status), ("DryRunOperation", 412), "{operation}");
    }
    assert_eq!(f.ec2, before);
}

#[test]
fn a_refused_call_changes_nothing() {
    let mut f = Fixture::new();
    let before = f.ec2.clone();
    let batch = format!("InstanceId.1={}&InstanceId.2=i-none", f.instances[0]);
    assert_eq!(f.code("StopInstances", &batch), "InvalidInstanceID.NotFound");
    let run = format!("ImageId=ami-1&MinCount=1&MaxCount=1&SubnetId={}&SecurityGroupId.1=sg-none", f.subnets[0]);
    assert_eq!(f.code("RunInstances", &run), "InvalidGroup.NotFound");
    assert_eq!(f.code("NoSuchThing", ""), "InvalidAction");
    assert_eq!(f.ec2, before);
}

#[test]
fn descriptions_lag_behind_and_the_network_does_not() {
    let mut f = Fixture::new();
    f.ec2.options.visible_after = Span::secs(5);
    let (a, b) = (f.eni(0), f.eni(1));
    f.call("ModifyNetworkInterfaceAttribute", &format!("{a}&SourceDestCheck.Value=false"))
        .expect("the interface is there");
    f.route("CreateRoute", &a);
    assert_eq!(f.shown(), None, "not yet");
    let to = Ipv4Addr::new(192, 168, 10, 10);
    assert!(matches!(f.ec2.next_hop(&f.subnets[1], to), Hop::Interface(_)), "packets go there already");
    f.wait(3);
    f.route("ReplaceRoute", &b);
    assert_eq!(f.shown(), None, "both changes are hidden");
    f.wait(2);
    assert_eq!(
        f.shown().map(|shown| shown[0].clone()),
        Some(f.interfaces[0].clone()),
        "the first change, not the second"
    );
    f.wait(3);
    assert_eq!(f.shown().map(|shown| shown[0].clone()), Some(f.interfaces[1].clone()));
    let stop = format!("InstanceId.1={}", f.instances[0]);
    f.call("StopInstances", &stop).expect("it runs");
    let state = |f: &mut Fixture| {
        let path = ["reservationSet", "instancesSet", "instanceState", "name"];
        texts(&f.call("DescribeInstances", &stop).expect("it is there"), &path).concat()
    };
    assert_eq!(state(&mut f), "running");
    f.wait(6);
    assert_eq!(state(&mut f), "stopping");
}

#[test]
fn the_life_of_an_instance() {
    let mut f = Fixture::new();
    let one = format!("InstanceId.1={}", f.instances[0]);
    let state = |f: &Fixture| f.ec2.instances.get(&f.instances[0]).map(|instance| instance.state);
    let health = |f: &mut Fixture| {
        let status = f.call("DescribeInstanceStatus", &one).expect("it is there");
        texts(&status, &["instanceStatusSet", "instanceStatus", "status"]).concat()
    };
    assert_eq!(health(&mut f), "initializing");
    f.wait(60);
    assert_eq!(health(&mut f), "ok");
    assert_eq!(f.code("StartInstances", &one), "ok", "it runs already");
    assert_eq!(state(&f), Some(InstanceState::Running));
    f.call("StopInstances", &one).expect("it runs");
    assert_eq!(f.code("StartInstances", &one), "IncorrectInstanceState", "it is stopping");
    assert_eq!(f.ec2.next_event(), Some(after(f.now, Duration::from_secs(30))));
    f.wait(30);
    assert_eq!((state(&f), f.ec2.next_event()), (Some(InstanceState::Stopped), None));
    f.pace.cancel = true;
    f.call("StartInstances", &one).expect("the start is accepted");
    assert_eq!(state(&f), Some(InstanceState::Pending));
    f.wait(20);
    assert_eq!(state(&f), Some(InstanceState::Stopped), "it fell back");
    let reason = f.ec2.instances[&f.instances[0]].state_reason.clone().map(|(code, _)| code);
    assert_eq!(reason.as_deref(), Some("Server.InsufficientInstanceCapacity"));
    f.pace = Pace { stuck: true, ..Pace::default() };
    f.call("StartInstances", &one).expect("the start is accepted");
    f.wait(1_000_000);
    assert_eq!((state(&f), f.ec2.next_event()), (Some(InstanceState::Pending), None), "for ever");
    f.pace = Pace::default();
    f.call("TerminateInstances", &one).expect("it is not protected");
    f.wait(20);
    assert_eq!(f.code("StartInstances", &one), "IncorrectInstanceState");
    f.wait(3600);
    assert_eq!(f.code("DescribeInstances", &one), "InvalidInstanceID.NotFound");
}

#[test]
fn filters_and_pages() {
    let mut f = Fixture::new();
    let tag = format!("ResourceId.1={}&Tag.1.Key=Name&Tag.1.Value=web-1", f.instances[0]);
    f.call("CreateTags", &tag).expect("the instance is there");
    let found = |f: &mut Fixture, form: &str| {
        texts(
            &f.call("DescribeInstances", form).expect("the filter is known"),
            &["reservationSet", "instancesSet", "instanceId"],
        )
    };
    assert_eq!(found(&mut f, "Filter.1.Name=tag:Name&Filter.1.Value.1=web-*"), [f.instances[0].clone()]);
    assert_eq!(found(&mut f, "Filter.1.Name=tag-key&Filter.1.Value.1=Other").len(), 0);
    let both = "Filter.1.Name=instance-state-name&Filter.1.Value.1=running&Filter.2.Name=availability-zone&Filter.2.Value.1=us-east-1b";
    assert_eq!(found(&mut f, both), [f.instances[1].clone()]);
    assert_eq!(f.code("DescribeInstances", "Filter.1.Name=nonsense&Filter.1.Value.1=x"), "InvalidParameterValue");
    let main = "Filter.1.Name=association.main&Filter.1.Value.1=true&Filter.2.Name=route.state&Filter.2.Value.1=active";
    assert_eq!(f.id("DescribeRouteTables", main, &["routeTableSet", "routeTableId"]), f.table);
    for number in 0..6 {
        f.call("CreateVpc", &format!("CidrBlock=10.{}.0.0/16", number + 10)).expect("the range is free");
    }
    let page = f.call("DescribeVpcs", "MaxResults=5").expect("there are seven");
    assert_eq!(texts(&page, &["vpcSet", "vpcId"]).len(), 5);
    let token = texts(&page, &["nextToken"]).concat();
    let rest = f.call("DescribeVpcs", &format!("MaxResults=5&NextToken={token}")).expect("the token is ours");
    assert_eq!((texts(&rest, &["vpcSet", "vpcId"]).len(), texts(&rest, &["nextToken"]).len()), (2, 0));
    assert_eq!(f.code("DescribeVpcs", "NextToken=nonsense"), "InvalidNextToken");
    assert_eq!(f.code("DescribeVpcs", "MaxResults=1"), "InvalidParameterValue");
}

#[test]
fn subnets_without_a_table_of_their_own_follow_the_main_one() {
    let mut f = Fixture::new();
    let vpc = format!("VpcId={}", f.vpc);
    let other = f.id("CreateRouteTable", &vpc, &["routeTable", "routeTableId"]);
    let serving = |f: &Fixture, place: usize| f.ec2.route_table_of(&f.subnets[place]).map(|table| table.id.clone());
    assert_eq!(serving(&f, 0), Some(f.table.clone()));
    let associate = format!("RouteTableId={other}&SubnetId={}", f.subnets[0]);
    let association = f.id("AssociateRouteTable", &associate, &["associationId"]);
    assert_eq!((serving(&f, 0), serving(&f, 1)), (Some(other.clone()), Some(f.table.clone())));
    assert_eq!(f.code("DeleteRouteTable", &format!("RouteTableId={other}")), "DependencyViolation");
    let main = f.id(
        "DescribeRouteTables",
        &format!("RouteTableId.1={}", f.table),
        &["routeTableSet", "associationSet", "routeTableAssociationId"],
    );
    assert_eq!(f.code("DisassociateRouteTable", &format!("AssociationId={main}")), "InvalidParameterValue");
    assert_eq!(f.code("DisassociateRouteTable", &format!("AssociationId={association}")), "ok");
    assert_eq!(f.code("ReplaceRouteTableAssociation", &format!("AssociationId={main}&RouteTableId={other}")), "ok");
    assert_eq!((serving(&f, 0), serving(&f, 1)), (Some(other.clone()), Some(other)), "the main table was changed");
}

#[test]
fn a_region_survives_a_round_trip() {
    let f = Fixture::new();
    let text = serde_json::to_string(&f.ec2).expect("a region is plain data");
    assert_eq!(serde_json::from_str::<Ec2>(&text).expect("it reads back"), f.ec2);
}

#[test]
fn garbage_is_answered() {
    let mut f = Fixture::new();
    let ugly = [
        "Filter.1.Name=&Filter.1.Value.1=",
        "Filter.1.Name=tag:&Filter.9999999999.Name=x",
        "MaxResults=-1&NextToken=from-99999999999999999999",
        "InstanceId.1=&InstanceId.2=%00%ff&RouteTableId=%f0%9f&DestinationCidrBlock=0.0.0.0/33",
        "VpcId=vpc-&CidrBlock=::/0&SubnetId=%22&GroupId=sg-&IpPermissions.1.IpProtocol=&IpPermissions.1.FromPort=9e9",
        "TagSpecification.1.Tag.1.Key=&ResourceId.1=x&Tag.1.Key=aws:x&DryRun=perhaps",
        "ImageId=ami-1&MinCount=4294967295&MaxCount=4294967295&SecondaryPrivateIpAddressCount=18446744073709551615",
    ];
    for operation in [
        "DescribeInstances",
        "DescribeVpcs",
        "DescribeRouteTables",
        "DescribeTags",
        "DescribeInstanceTypes",
        "CreateRoute",
        "ReplaceRoute",
        "CreateSubnet",
        "CreateVpc",
        "RunInstances",
        "StopInstances",
        "CreateTags",
        "CreateNetworkInterface",
        "AuthorizeSecurityGroupIngress",
        "DescribeAvailabilityZones",
        "\u{0}",
    ] {
        for form in ugly {
            // Whatever it says: it is an answer or a refusal, and can be written.
            let text = f.call(operation, form).map_or_else(|error| error.to_string(), |answer| answer.to_xml());
            assert!(text.len() < 100_000, "{operation} {form}");
        }
    }
}
