//! `aws.ec2.vpc`: a network's plan of addresses, its subnets zone by zone, and where their routes lead.
//!
//! Does not look at what stands in the subnets.

use super::{
    ranges::{self, Ranges},
    tags::{self, RequiredTags},
};
use crate::{
    connection::Aws,
    errors::{CallSite, classify},
    place::{expect_id, region},
};
use aws_sdk_ec2::{
    Client,
    types::{AttributeBooleanValue, Filter, Route, RouteTable, Subnet, Tag, VpcAttributeName},
};
use lifeboat_contract::{Aspect, CallError, Comparable, Cx, Findings, Snapshot};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Compares a VPC: the sizes of its ranges, its subnets by zone and place, their route tables, DNS.
///
/// Zones are told by their order and ranges by their place in the network, so that two regions with the same plan are equal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vpc {
    /// The id of the network: `vpc-0a1b2c3d4e5f60718`.
    pub vpc: String,
    /// Ranges that differ from site to site by nature, by the name that stands for them in the table: the other site's own.
    #[serde(default)]
    pub ranges: BTreeMap<String, String>,
    /// Tags that the network must have, for audit; `*` stands for any value.
    #[serde(default)]
    pub required_tags: RequiredTags,
}

impl Comparable for Vpc {
    const KIND: &'static str = "aws.ec2.vpc";
    const EXAMPLE: &'static str = "\
vpc: ${{ site.vpc }}
ranges: { other-site: \"${{ site.other_range }}\" }
required_tags: { owner: payments, cost-center: \"*\" }";
    const PERMISSIONS: &'static [&'static str] =
        &["ec2:DescribeRouteTables", "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcs"];

    fn check(&self, findings: &mut Findings) {
        expect_id(findings, &["vpc"], &self.vpc, "vpc-", "a network");
        ranges::check(findings, &self.ranges);
    }

    async fn read(&self, cx: &Cx) -> Result<Snapshot, CallError> {
        let region = region(cx, "ec2")?;
        let client = Aws::of(cx)?.ec2(region).await;
        let (vpc, subnets, tables) = tokio::try_join!(
            network(&client, &self.vpc, region),
            subnets(&client, &self.vpc, region),
            tables(&client, &self.vpc, region)
        )?;
        let (support, hostnames) = tokio::try_join!(
            attribute(&client, &self.vpc, VpcAttributeName::EnableDnsSupport, region),
            attribute(&client, &self.vpc, VpcAttributeName::EnableDnsHostnames, region),
        )?;
        let mut snapshot = Snapshot::new();
        let own = own_ranges(&vpc);
        let sizes: Vec<String> =
            own.iter().filter_map(|range| Some(format!("/{}", range.split_once('/')?.1))).collect();
        snapshot.insert("range".to_owned(), Aspect::degrades(sizes.join(", ")));
        snapshot.insert("dns/support".to_owned(), Aspect::stops(support));
        snapshot.insert("dns/hostnames".to_owned(), Aspect::degrades(hostnames));
        let ranges = Ranges::new(&own, &self.ranges);
        add_subnets(&mut snapshot, &subnets, &tables, &ranges);
        tags::add(&mut snapshot, "", &self.required_tags, &tag_map(vpc.tags()));
        Ok(snapshot)
    }
}

fn at<'a>(operation: &'static str, region: &'a str) -> CallSite<'a> {
    CallSite { service: "ec2", operation, region }
}

async fn network(client: &Client, id: &str, region: &str) -> Result<aws_sdk_ec2::types::Vpc, CallError> {
    let at = at("DescribeVpcs", region);
    let answer = client.describe_vpcs().vpc_ids(id).send().await.map_err(|error| classify(&at, error))?;
    let found = answer.vpcs.unwrap_or_default().into_iter().next();
    found.ok_or_else(|| at.definite("InvalidVpcID.NotFound", format!("there is no network {id}")))
}

async fn subnets(client: &Client, vpc: &str, region: &str) -> Result<Vec<Subnet>, CallError> {
    let pages = client.describe_subnets().filters(of_vpc(vpc)).into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(|error| classify(&at("DescribeSubnets", region), error))
}

async fn tables(client: &Client, vpc: &str, region: &str) -> Result<Vec<RouteTable>, CallError> {
    let pages = client.describe_route_tables().filters(of_vpc(vpc)).into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(|error| classify(&at("DescribeRouteTables", region), error))
}

async fn attribute(client: &Client, vpc: &str, name: VpcAttributeName, region: &str) -> Result<bool, CallError> {
    let call = client.describe_vpc_attribute().vpc_id(vpc).attribute(name);
    let answer = call.send().await.map_err(|error| classify(&at("DescribeVpcAttribute", region), error))?;
    let value = answer.enable_dns_support.or(answer.enable_dns_hostnames);
    Ok(value.as_ref().and_then(AttributeBooleanValue::value).unwrap_or_default())
}

pub(super) fn of_vpc(vpc: &str) -> Filter {
    Filter::builder().name("vpc-id").values(vpc).build()
}

pub(super) fn own_ranges(vpc: &aws_sdk_ec2::types::Vpc) -> Vec<String> {
    let blocks = vpc.cidr_block_association_set().iter().filter_map(|block| block.cidr_block());
    blocks.chain(vpc.cidr_block()).collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}

pub(super) fn tag_map(tags: &[Tag]) -> BTreeMap<String, String> {
    let tag = |tag: &Tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    tags.iter().filter_map(tag).collect()
}

fn add_subnets(snapshot: &mut Snapshot, subnets: &[Subnet], tables: &[RouteTable], ranges: &Ranges<'_>) {
    let zones: BTreeSet<&str> = subnets.iter().filter_map(Subnet::availability_zone).collect();
    snapshot.insert("zones".to_owned(), Aspect::degrades(zones.len()));
    for subnet in subnets {
        let zone = zones.iter().position(|zone| subnet.availability_zone() == Some(zone)).map_or(0, |place| place + 1);
        let path = format!("subnets/zone {zone}/{}", ranges.normalised(subnet.cidr_block().unwrap_or_default()));
        snapshot.insert(path.clone(), Aspect::stops("present"));
        snapshot.insert(
            format!("{path}/public addresses"),
            Aspect::degrades(subnet.map_public_ip_on_launch().unwrap_or_default()),
        );
        let Some(table) = table_of(subnet, tables) else { continue };
        for route in table.routes() {
            let Some(destination) = destination(route) else { continue };
            let path = format!("{path}/routes/{}", ranges.normalised(destination));
            snapshot.insert(path, Aspect::stops(leads_to(route)));
        }
    }
}

/// The table that serves a subnet: its own, or the network's main one.
fn table_of<'t>(subnet: &Subnet, tables: &'t [RouteTable]) -> Option<&'t RouteTable> {
    let own = tables.iter().find(|table| {
        table
            .associations()
            .iter()
            .any(|association| association.subnet_id().is_some() && association.subnet_id() == subnet.subnet_id())
    });
    let main = || tables.iter().find(|table| table.associations().iter().any(|a| a.main().unwrap_or_default()));
    own.or_else(main)
}

fn destination(route: &Route) -> Option<&str> {
    let prefix_list = route.destination_prefix_list_id().map(|_| "prefix list");
    route.destination_cidr_block().or_else(|| route.destination_ipv6_cidr_block()).or(prefix_list)
}

/// What kind of thing a route leads to. A black hole is none: traffic ends there.
fn leads_to(route: &Route) -> &'static str {
    if route.state().is_some_and(|state| state.as_str() == "blackhole") {
        return "black hole";
    }
    match route.gateway_id() {
        Some("local") => return "local",
        Some(id) if id.starts_with("igw-") => return "internet gateway",
        Some(id) if id.starts_with("vgw-") => return "virtual private gateway",
        Some(id) if id.starts_with("vpce-") => return "VPC endpoint",
        _ => {}
    }
    let others = [
        (route.nat_gateway_id(), "NAT gateway"),
        (route.transit_gateway_id(), "transit gateway"),
        (route.vpc_peering_connection_id(), "VPC peering"),
        (route.egress_only_internet_gateway_id(), "egress-only internet gateway"),
        (route.local_gateway_id(), "local gateway"),
        (route.carrier_gateway_id(), "carrier gateway"),
        (route.core_network_arn(), "core network"),
        (route.network_interface_id(), "network interface"),
    ];
    others.iter().find(|(id, _)| id.is_some()).map_or("something else", |(_, what)| what)
}
