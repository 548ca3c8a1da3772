//! Builds virtual networks: subnets, route tables, gateways and security groups. Instances come after them.

use super::{Builder, place};
use crate::{
    document::{CapacityDocument, Ec2OptionsDocument, RouteDocument, SecurityRuleDocument, VpcDocument},
    ec2::{
        Association, Capacity, InternetGateway, Options, Origin, Route, RouteTable, RouteTarget, SecurityGroup,
        SecurityRule, Subnet, Vpc,
    },
    ids,
};
use ipnet::Ipv4Net;
use lifeboat_contract::codes;
use std::collections::{BTreeMap, BTreeSet};

impl Builder<'_> {
    pub(super) fn networks(&mut self) {
        for (region, contents) in &self.document.aws.regions {
            for (vpc, document) in &contents.vpcs {
                let Some(range) = self.range(&["aws", "regions", region, "vpcs", vpc, "cidr"], &document.cidr) else {
                    continue;
                };
                self.vpc(region, vpc, document, range);
            }
            self.check_ranges(region);
            self.region(region).ec2.options = options(&contents.ec2);
            self.capacity(region, &contents.ec2.capacity);
        }
    }

    fn vpc(&mut self, region: &str, id: &str, document: &VpcDocument, range: Ipv4Net) {
        let at = ["aws", "regions", region, "vpcs", id];
        let cidr = range.to_string();
        for (subnet, contents) in &document.subnets {
            let path = [&at[..], &["subnets", subnet, "cidr"]].concat();
            let Some(inner) = self.range(&path, &contents.cidr) else { continue };
            if !range.contains(&inner) {
                self.error(&path, codes::BAD_ADDRESS, format!("{inner} is not inside the network's {range}"));
            }
            if !contents.zone.starts_with(region) {
                let message = format!("{} is not a zone of {region}", contents.zone);
                self.error(&[&at[..], &["subnets", subnet, "zone"]].concat(), codes::BAD_VALUE, message);
            }
            let built = Subnet {
                id: subnet.clone(),
                vpc: id.to_owned(),
                cidr: inner.to_string(),
                zone: contents.zone.clone(),
                map_public_ip: false,
            };
            self.region(region).ec2.subnets.insert(subnet.clone(), built);
        }
        let built = Vpc {
            id: id.to_owned(),
            cidr: cidr.clone(),
            tenancy: "default".to_owned(),
            dns_support: true,
            dns_hostnames: false,
            address_usage_metrics: false,
        };
        let names = ["rtb", "rtbassoc", "sg"].map(|kind| format!("{kind}-{}", ids::hex(id, 17)));
        let ec2 = &mut self.region(region).ec2;
        ec2.vpcs.insert(id.to_owned(), built);
        if !document.tags.is_empty() {
            ec2.tags.insert(id.to_owned(), document.tags.clone());
        }
        ec2.furnish_vpc(id, &names[0], &names[1], &names[2]);
        if !document.route_tables.is_empty() {
            ec2.route_tables.remove(&names[0]);
            self.route_tables(region, id, document, &cidr);
        }
        self.groups(region, id, document);
        if let Some(gateway) = &document.internet_gateway {
            let built = InternetGateway { id: gateway.clone(), vpc: Some(id.to_owned()) };
            self.region(region).ec2.internet_gateways.insert(gateway.clone(), built);
        }
    }

    fn route_tables(&mut self, region: &str, vpc: &str, document: &VpcDocument, cidr: &str) {
        let at = ["aws", "regions", region, "vpcs", vpc, "route_tables"];
        let tables = &document.route_tables;
        let main: Vec<&String> = tables.iter().filter(|(_, table)| table.main).map(|(id, _)| id).collect();
        if let [_, second, ..] = main[..] {
            self.error(
                &[&at[..], &[second, "main"]].concat(),
                codes::CONFLICTING_FIELDS,
                "a network has one main route table",
            );
        }
        let main = main.first().copied().or_else(|| tables.keys().next()).cloned();
        let mut served: BTreeSet<&String> = BTreeSet::new();
        for (id, table) in tables {
            let mut associations = BTreeMap::new();
            if main.as_ref() == Some(id) {
                associations.insert(format!("rtbassoc-{}", ids::hex(id, 17)), Association::Main);
            }
            for (index, subnet) in table.subnets.iter().enumerate() {
                let number = place(index);
                let path = [&at[..], &[id, "subnets", &number]].concat();
                if !document.subnets.contains_key(subnet) {
                    self.unknown(&path, &format!("subnet in {vpc}"), subnet);
                } else if !served.insert(subnet) {
                    self.error(&path, codes::DUPLICATE_ID, format!("{subnet} already has a route table"));
                }
                let association = format!("rtbassoc-{}", ids::hex(&format!("{id}/{subnet}"), 17));
                associations.insert(association, Association::Subnet(subnet.clone()));
            }
            let mut routes =
                vec![Route { destination: cidr.to_owned(), target: RouteTarget::Local, origin: Origin::Table }];
            for (index, route) in table.routes.iter().enumerate() {
                let number = place(index);
                let path = [&at[..], &[id, "routes", &number]].concat();
                routes.extend(self.route(region, vpc, &path, route));
            }
            let built = RouteTable { id: id.clone(), vpc: vpc.to_owned(), associations, routes };
            self.region(region).ec2.route_tables.insert(id.clone(), built);
        }
    }

    fn route(&mut self, region: &str, vpc: &str, at: &[&str], document: &RouteDocument) -> Option<Route> {
        let destination = self.range(&[at, &["destination"]].concat(), &document.destination)?;
        let contents = self.document.aws.regions.get(region)?;
        let id = document.target.clone();
        let target_path = [at, &["target"]].concat();
        let Some(target) = RouteTarget::of(&id) else {
            let message = format!("{id} is not the id of something a route can lead to");
            self.error(&target_path, codes::BAD_VALUE, message)
                .hint("write the id of an interface or a gateway: eni-…, igw-…, vgw-…, nat-…, tgw-…, pcx-…, vpce-…");
            return None;
        };
        match &target {
            RouteTarget::Interface(id) if !contents.instances.values().any(|i| i.interfaces.contains_key(id)) => {
                self.unknown(&target_path, &format!("interface in {region}"), id);
            }
            RouteTarget::Gateway(id) if id.starts_with("igw-") => {
                if contents.vpcs.get(vpc).is_none_or(|vpc| vpc.internet_gateway.as_ref() != Some(id)) {
                    self.unknown(&target_path, &format!("internet gateway of {vpc}"), id);
                }
            }
            RouteTarget::Local | RouteTarget::Interface(_) => {}
            // What else a route leads to is no part of the simulation, and is taken to exist.
            _ => {
                self.region(region).ec2.elsewhere.insert(id);
            }
        }
        let origin = if document.propagated { Origin::Propagated } else { Origin::Call };
        Some(Route { destination: destination.to_string(), target, origin })
    }

    fn capacity(&mut self, region: &str, document: &[CapacityDocument]) {
        for (index, limit) in document.iter().enumerate() {
            if let Some(zone) = limit.zone.as_ref().filter(|zone| !zone.starts_with(region)) {
                let path = ["aws", "regions", region, "ec2", "capacity", &place(index), "zone"];
                self.error(&path, codes::BAD_VALUE, format!("{zone} is not a zone of {region}"));
            }
        }
        let built = document.iter().map(|limit| Capacity {
            zone: limit.zone.clone(),
            instance_type: limit.instance_type.clone(),
            available: limit.available,
            falls_back: limit.falls_back,
        });
        self.region(region).ec2.capacity = built.collect();
    }

    /// The world's own groups let everything through, unless they say what they do.
    fn groups(&mut self, region: &str, vpc: &str, document: &VpcDocument) {
        for (id, group) in &document.security_groups {
            let mut rules = security_rules(id, false, group.ingress.as_deref());
            rules.extend(security_rules(id, true, group.egress.as_deref()));
            for rule in group.ingress.iter().chain(&group.egress).flatten() {
                let at = ["aws", "regions", region, "vpcs", vpc, "security_groups", id];
                self.range(&at, &rule.cidr);
            }
            let built = SecurityGroup {
                id: id.clone(),
                vpc: vpc.to_owned(),
                name: group.name.clone(),
                description: group.description.clone(),
                rules,
            };
            let ec2 = &mut self.region(region).ec2;
            ec2.security_groups.insert(id.clone(), built);
            if !group.tags.is_empty() {
                ec2.tags.insert(id.clone(), group.tags.clone());
            }
        }
    }

    /// Two subnets of a network never share addresses.
    fn check_ranges(&mut self, region: &str) {
        let subnets: Vec<_> = self.region(region).ec2.subnets.values().cloned().collect();
        for (index, subnet) in subnets.iter().enumerate() {
            let Ok(range) = subnet.cidr.parse::<Ipv4Net>() else { continue };
            for other in subnets[..index].iter().filter(|other| other.vpc == subnet.vpc) {
                let overlap = other.cidr.parse::<Ipv4Net>().is_ok_and(|o| o.contains(&range) || range.contains(&o));
                if overlap {
                    let path = ["aws", "regions", region, "vpcs", &subnet.vpc, "subnets", &subnet.id, "cidr"];
                    self.error(
                        &path,
                        codes::BAD_ADDRESS,
                        format!("{range} overlaps with {} of {}", other.cidr, other.id),
                    );
                }
            }
        }
    }

    /// A range in canonical form.
    pub(super) fn range(&mut self, at: &[&str], text: &str) -> Option<Ipv4Net> {
        let Ok(range) = text.parse::<Ipv4Net>() else {
            self.error(at, codes::BAD_ADDRESS, format!("{text} is not a range of addresses"))
                .hint("write it like 10.0.0.0/16");
            return None;
        };
        if range.trunc() != range {
            self.error(at, codes::BAD_ADDRESS, format!("{text} has bits set behind its prefix"))
                .hint(format!("write {}", range.trunc()));
            return None;
        }
        Some(range)
    }
}

/// A group's rules in one direction, by id.
fn security_rules(
    group: &str,
    egress: bool,
    documents: Option<&[SecurityRuleDocument]>,
) -> BTreeMap<String, SecurityRule> {
    let rule = |protocol: &str, port: Option<u16>, peer: &str| SecurityRule {
        egress,
        protocol: protocol.to_owned(),
        from_port: port.map(i64::from),
        to_port: port.map(i64::from),
        peer: peer.to_owned(),
        description: None,
    };
    let rules = match documents {
        None => vec![rule("-1", None, "0.0.0.0/0")],
        Some(documents) => {
            let each = |document: &SecurityRuleDocument| {
                document.ports.iter().map(|port| rule("tcp", Some(*port), &document.cidr)).collect::<Vec<_>>()
            };
            documents.iter().flat_map(each).collect()
        }
    };
    let id = |place: usize| match place {
        0 => format!("sgr-{}", ids::hex(&format!("{group}/{egress}"), 17)),
        _ => format!("sgr-{}", ids::hex(&format!("{group}/{egress}/{place}"), 17)),
    };
    rules.into_iter().enumerate().map(|(place, rule)| (id(place), rule)).collect()
}

fn options(document: &Ec2OptionsDocument) -> Options {
    let usual = Options::default();
    Options {
        visible_after: document.visible_after.unwrap_or(usual.visible_after),
        stopped_instance_route_blackhole: document
            .stopped_instance_route_blackhole
            .unwrap_or(usual.stopped_instance_route_blackhole),
        not_offered: document.not_offered.clone(),
        start: document.start.unwrap_or(usual.start),
        stop: document.stop.unwrap_or(usual.stop),
        checks: document.checks.unwrap_or(usual.checks),
        ..usual
    }
}
