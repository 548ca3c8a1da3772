//! `aws.ec2.security_groups`: what named groups of a network let in and out, rule by rule.

use super::{
    ranges::{self, Ranges},
    tags::{self, RequiredTags},
    vpc::{of_vpc, own_ranges, tag_map},
};
use crate::{
    connection::Aws,
    errors::{CallSite, classify},
    place::{expect_id, region},
};
use aws_sdk_ec2::types::{IpPermission, SecurityGroup};
use lifeboat_contract::{Aspect, CallError, Comparable, Cx, Findings, Snapshot, codes};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Compares security groups of a VPC, by their names: each rule by direction, protocol, ports and who is at the other end.
///
/// A group at the other end is told by its name, a range of the network's own by its place in it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroups {
    /// The id of the network: `vpc-0a1b2c3d4e5f60718`.
    pub vpc: String,
    /// The names of the groups. Every group of the network, when not given.
    #[serde(default)]
    pub groups: Option<BTreeSet<String>>,
    /// Ranges that differ from site to site by nature, by the name that stands for them in the table: the other site's own.
    #[serde(default)]
    pub ranges: BTreeMap<String, String>,
    /// Tags that each group must have, for audit; `*` stands for any value.
    #[serde(default)]
    pub required_tags: RequiredTags,
}

impl Comparable for SecurityGroups {
    const KIND: &'static str = "aws.ec2.security_groups";
    const EXAMPLE: &'static str = "\
vpc: ${{ site.vpc }}
groups: [web, database]";
    const PERMISSIONS: &'static [&'static str] = &["ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"];

    fn check(&self, findings: &mut Findings) {
        expect_id(findings, &["vpc"], &self.vpc, "vpc-", "a network");
        ranges::check(findings, &self.ranges);
        if self.groups.as_ref().is_some_and(BTreeSet::is_empty) {
            findings
                .error(&["groups"], codes::MISSING_FIELD, "no group is named")
                .hint("name the groups to compare, or leave `groups` out to compare all of them");
        }
    }

    async fn read(&self, cx: &Cx) -> Result<Snapshot, CallError> {
        let region = region(cx, "ec2")?;
        let client = Aws::of(cx)?.ec2(region).await;
        let at = CallSite { service: "ec2", operation: "DescribeVpcs", region };
        let answer = client.describe_vpcs().vpc_ids(&self.vpc).send().await.map_err(|error| classify(&at, error))?;
        let vpc = answer.vpcs.unwrap_or_default().into_iter().next();
        let missing = || at.definite("InvalidVpcID.NotFound", format!("there is no network {}", self.vpc));
        let ranges = Ranges::new(&own_ranges(&vpc.ok_or_else(missing)?), &self.ranges);
        let at = CallSite { service: "ec2", operation: "DescribeSecurityGroups", region };
        let pages = client.describe_security_groups().filters(of_vpc(&self.vpc)).into_paginator().items().send();
        let all: Vec<SecurityGroup> = pages.collect::<Result<_, _>>().await.map_err(|error| classify(&at, error))?;
        let names: BTreeMap<&str, &str> =
            all.iter().filter_map(|group| Some((group.group_id()?, group.group_name()?))).collect();
        let mut snapshot = Snapshot::new();
        for group in &all {
            let Some(name) = group.group_name().filter(|name| self.compares(name)) else { continue };
            snapshot.insert(name.to_owned(), Aspect::stops("present"));
            let description = group.description().unwrap_or_default();
            snapshot.insert(format!("{name}/description"), Aspect::audit(description));
            let peers = Peers { ranges: &ranges, names: &names };
            add_rules(&mut snapshot, &format!("{name}/in"), group.ip_permissions(), &peers);
            add_rules(&mut snapshot, &format!("{name}/out"), group.ip_permissions_egress(), &peers);
            tags::add(&mut snapshot, &format!("{name}/"), &self.required_tags, &tag_map(group.tags()));
        }
        for name in self.groups.iter().flatten() {
            let missing = Aspect::stops("missing").sound_if(false);
            snapshot.entry(name.clone()).or_insert(missing);
        }
        Ok(snapshot)
    }
}

impl SecurityGroups {
    fn compares(&self, name: &str) -> bool {
        self.groups.as_ref().is_none_or(|groups| groups.contains(name))
    }
}

/// Who is at the other end of a rule.
struct Peers<'a> {
    ranges: &'a Ranges<'a>,
    /// The names of the network's groups, by id.
    names: &'a BTreeMap<&'a str, &'a str>,
}

fn add_rules(snapshot: &mut Snapshot, path: &str, permissions: &[IpPermission], peers: &Peers<'_>) {
    for permission in permissions {
        let ports = ports(permission);
        for peer in peers.of(permission) {
            snapshot.insert(format!("{path}/{ports}/{peer}"), Aspect::stops("allowed"));
        }
    }
}

/// `tcp 443`, `tcp 8000-8080`, `all`.
fn ports(permission: &IpPermission) -> String {
    let protocol = permission.ip_protocol().unwrap_or("-1");
    match (protocol, permission.from_port(), permission.to_port()) {
        ("-1", ..) => "all".to_owned(),
        (_, Some(from), Some(to)) if from == to => format!("{protocol} {from}"),
        (_, Some(from), Some(to)) => format!("{protocol} {from}-{to}"),
        _ => protocol.to_owned(),
    }
}

impl Peers<'_> {
    fn of(&self, permission: &IpPermission) -> Vec<String> {
        let v4 = permission.ip_ranges().iter().filter_map(|range| range.cidr_ip());
        let v6 = permission.ipv6_ranges().iter().filter_map(|range| range.cidr_ipv6());
        let ranges = v4.chain(v6).map(|range| self.ranges.normalised(range));
        let groups = permission.user_id_group_pairs().iter().filter_map(|pair| pair.group_id()).map(|id| {
            let name = self.names.get(id);
            name.map_or_else(|| "a group of another network".to_owned(), |name| format!("group {name}"))
        });
        let lists = permission.prefix_list_ids().iter().map(|_| "prefix list".to_owned());
        ranges.chain(groups).chain(lists).collect()
    }
}
