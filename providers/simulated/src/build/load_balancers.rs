//! Builds load balancers, listeners and target groups.

use super::{Builder, place};
use crate::{
    acm::Certificate,
    document::{
        CertificateDocument, HealthCheckDocument, ListenerDocument, LoadBalancerDocument, LoadBalancerKindDocument,
        TargetDocument, TargetGroupDocument, thirteen_months,
    },
    elbv2::{
        Action, ActionKind, Health, HealthCheck, Listener, LoadBalancer, Target, TargetGroup, Weighted, listener_arn,
        load_balancer_arn, load_balancer_dns, target_group_arn,
    },
    ids,
};
use lifeboat_contract::{clock, codes};
use std::collections::BTreeMap;

/// The protocols of application and of network load balancers.
const WEB: &[&str] = &["HTTP", "HTTPS"];
const TRANSPORT: &[&str] = &["TCP", "TLS", "UDP", "TCP_UDP"];

impl Builder<'_> {
    pub(super) fn load_balancers(&mut self) {
        for (region, contents) in &self.document.aws.regions {
            for (name, document) in &contents.target_groups {
                let built = self.target_group(region, name, document);
                self.region(region).elb.target_groups.insert(built.arn.clone(), built);
            }
            for (name, document) in &contents.load_balancers {
                self.load_balancer(region, name, document);
            }
        }
    }

    fn target_group(&mut self, region: &str, name: &str, document: &TargetGroupDocument) -> TargetGroup {
        let at = ["aws", "regions", region, "target_groups", name];
        if !self.region(region).ec2.vpcs.contains_key(&document.vpc) {
            self.unknown(&[&at[..], &["vpc"]].concat(), &format!("network in {region}"), &document.vpc);
        }
        let known = [WEB, TRANSPORT].concat();
        self.check_protocol(&[&at[..], &["protocol"]].concat(), &document.protocol, &known);
        self.check_id(&[&at[..], &["id"]].concat(), document.id.as_deref());
        let mut targets = BTreeMap::new();
        for (index, target) in document.targets.iter().enumerate() {
            let number = place(index);
            let path = [&at[..], &["targets", &number]].concat();
            let Some(id) = self.target_id(region, target, &path) else { continue };
            let built = Target {
                id,
                port: target.port.unwrap_or(document.port),
                zone: None,
                health: Health::Initial { checked_from: self.start },
                verdict: None,
            };
            targets.insert(built.key(), built);
        }
        let by_address = document.targets.iter().any(|target| target.address.is_some());
        if by_address && document.targets.iter().any(|target| target.instance.is_some()) {
            let message = "a group has instances or addresses, not both";
            self.error(&[&at[..], &["targets"]].concat(), codes::CONFLICTING_FIELDS, message);
        }
        let check = &document.health_check;
        if check.interval.get().as_secs() == 0 || check.healthy_threshold == 0 || check.unhealthy_threshold == 0 {
            let message = "an interval is at least 1s, and a threshold at least 1";
            self.error(&[&at[..], &["health_check"]].concat(), codes::OUT_OF_RANGE, message);
        }
        if let Some(protocol) = &check.protocol {
            let path = [&at[..], &["health_check", "protocol"]].concat();
            self.check_protocol(&path, protocol, &["HTTP", "HTTPS", "TCP"]);
        }
        let delay = document.deregistration_delay.get().as_secs();
        if delay > 3600 {
            self.error(
                &[&at[..], &["deregistration_delay"]].concat(),
                codes::OUT_OF_RANGE,
                "a target drains for an hour at most",
            );
        }
        let id = document.id.clone().unwrap_or_else(|| ids::hex(&format!("{region}/{name}"), 16));
        TargetGroup {
            arn: target_group_arn(&self.document.account, region, name, &id),
            name: name.to_owned(),
            protocol: document.protocol.clone(),
            protocol_version: is_web(&document.protocol).then(|| "HTTP1".to_owned()),
            port: document.port,
            vpc: document.vpc.clone(),
            target_type: if by_address { "ip" } else { "instance" }.to_owned(),
            health_check: health_check(check, &document.protocol),
            attributes: BTreeMap::from([("deregistration_delay.timeout_seconds".to_owned(), delay.to_string())]),
            targets,
        }
    }

    fn target_id(&mut self, region: &str, document: &TargetDocument, at: &[&str]) -> Option<String> {
        match (&document.instance, document.address) {
            (Some(instance), None) => {
                if !self.document.aws.regions[region].instances.contains_key(instance) {
                    self.unknown(&[at, &["instance"]].concat(), &format!("instance in {region}"), instance);
                }
                Some(instance.clone())
            }
            (None, Some(address)) => Some(address.to_string()),
            _ => {
                self.error(at, codes::CONFLICTING_FIELDS, "a target is exactly one of instance and address");
                None
            }
        }
    }

    fn load_balancer(&mut self, region: &str, name: &str, document: &LoadBalancerDocument) {
        let at = ["aws", "regions", region, "load_balancers", name];
        self.check_id(&[&at[..], &["id"]].concat(), document.id.as_deref());
        let Some(arn) = self.load_balancer_arn(region, name) else { return };
        let mut zones = BTreeMap::new();
        let mut vpc = String::new();
        for (index, subnet) in document.subnets.iter().enumerate() {
            let Some(found) = self.region(region).ec2.subnets.get(subnet).cloned() else {
                self.unknown(&[&at[..], &["subnets", &place(index)]].concat(), &format!("subnet in {region}"), subnet);
                continue;
            };
            vpc = found.vpc;
            if zones.insert(found.zone.clone(), subnet.clone()).is_some() {
                let message = format!("another subnet is already in {}", found.zone);
                self.error(&[&at[..], &["subnets", &place(index)]].concat(), codes::DUPLICATE_ID, message);
            }
        }
        if document.subnets.is_empty() {
            self.error(
                &[&at[..], &["subnets"]].concat(),
                codes::MISSING_FIELD,
                "a load balancer stands in at least one subnet",
            );
        }
        for (index, listener) in document.listeners.iter().enumerate() {
            let number = place(index);
            let path = [&at[..], &["listeners", &number]].concat();
            if document.listeners[..index].iter().any(|other| other.port == listener.port) {
                let message = format!("another listener already has port {}", listener.port);
                self.error(&[&path[..], &["port"]].concat(), codes::DUPLICATE_ID, message);
            }
            let built = self.listener(region, &arn, document.kind, listener, &path);
            self.region(region).elb.listeners.insert(built.arn.clone(), built);
        }
        let derived = || load_balancer_dns(&arn, region, name, document.kind.name(), document.internal);
        let built = LoadBalancer {
            dns_name: document.dns_name.clone().unwrap_or_else(derived),
            name: name.to_owned(),
            kind: document.kind.name().to_owned(),
            internal: document.internal,
            vpc,
            zones,
            security_groups: document.security_groups.clone(),
            created: self.start,
            active_at: self.start,
            attributes: BTreeMap::new(),
            arn: arn.clone(),
        };
        self.region(region).elb.load_balancers.insert(arn, built);
    }

    fn listener(
        &mut self,
        region: &str,
        balancer: &str,
        kind: LoadBalancerKindDocument,
        document: &ListenerDocument,
        at: &[&str],
    ) -> Listener {
        let network = kind == LoadBalancerKindDocument::Network;
        self.check_id(&[at, &["id"]].concat(), document.id.as_deref());
        let id = document.id.clone().unwrap_or_else(|| ids::hex(&format!("{balancer}/{}", document.port), 16));
        let mut groups = Vec::new();
        for (index, forward) in document.forward.iter().enumerate() {
            let number = place(index);
            let path = [at, &["forward", &number]].concat();
            if let Some(group) = self.target_group_arn(region, &forward.target_group) {
                if self
                    .region(region)
                    .elb
                    .target_groups
                    .get(&group)
                    .is_some_and(|group| is_web(&group.protocol) == network)
                {
                    let message = format!("the protocol of {} does not fit the load balancer", forward.target_group);
                    self.error(&[&path[..], &["target_group"]].concat(), codes::CONFLICTING_FIELDS, message);
                }
                groups.push(Weighted { group, weight: forward.weight });
            } else {
                let what = format!("target group in {region}");
                self.unknown(&[&path[..], &["target_group"]].concat(), &what, &forward.target_group);
            }
            if forward.weight > 999 {
                self.error(&[&path[..], &["weight"]].concat(), codes::OUT_OF_RANGE, "a weight is from 0 to 999");
            }
        }
        if document.forward.is_empty() {
            self.error(
                &[at, &["forward"]].concat(),
                codes::MISSING_FIELD,
                "a listener forwards to at least one target group",
            );
        }
        let usual = match document.port {
            _ if network => "TCP",
            443 => "HTTPS",
            _ => "HTTP",
        };
        let protocol = document.protocol.clone().unwrap_or_else(|| usual.to_owned());
        self.check_protocol(&[at, &["protocol"]].concat(), &protocol, if network { TRANSPORT } else { WEB });
        let secure = ["HTTPS", "TLS"].contains(&protocol.as_str());
        let certificate = secure.then(|| self.certificate(region, balancer, document.certificate.as_ref()));
        Listener {
            arn: listener_arn(balancer, &id),
            load_balancer: balancer.to_owned(),
            port: document.port,
            ssl_policy: secure.then(|| "ELBSecurityPolicy-2016-08".to_owned()),
            certificates: certificate.into_iter().collect(),
            protocol,
            actions: vec![Action { order: None, kind: ActionKind::Forward { groups, stickiness: None } }],
        }
    }

    /// Issues what a listener presents; returns its ARN.
    fn certificate(&mut self, region: &str, balancer: &str, document: Option<&CertificateDocument>) -> String {
        let domain = document.map_or_else(
            || format!("{}.example", balancer.split('/').nth(2).unwrap_or("any")),
            |document| document.domain.clone(),
        );
        let arn = format!(
            "arn:aws:acm:{region}:{}:certificate/{}",
            self.document.account,
            ids::uuid(&format!("{balancer}/{domain}"))
        );
        let valid_for = document.map_or_else(thirteen_months, |document| document.valid_for);
        let built = Certificate {
            domain,
            names: document.map(|document| document.names.clone()).unwrap_or_default(),
            not_before: self.start,
            not_after: clock::after(self.start, valid_for.get()),
        };
        self.region(region).acm.certificates.insert(arn.clone(), built);
        arn
    }

    pub(super) fn target_group_arn(&self, region: &str, name: &str) -> Option<String> {
        let groups = &self.cloud.regions.get(region)?.elb.target_groups;
        groups.values().find(|group| group.name == name).map(|group| group.arn.clone())
    }

    /// The ARN of a load balancer of the document.
    pub(super) fn load_balancer_arn(&self, region: &str, name: &str) -> Option<String> {
        let document = self.document.aws.regions.get(region)?.load_balancers.get(name)?;
        let id = document.id.clone().unwrap_or_else(|| ids::hex(&format!("{region}/{name}"), 16));
        Some(load_balancer_arn(&self.document.account, region, document.kind.name(), name, &id))
    }

    fn check_protocol(&mut self, at: &[&str], protocol: &str, known: &[&str]) {
        if !known.contains(&protocol) {
            self.error(at, codes::BAD_VALUE, format!("{protocol} is none of {}", known.join(", ")));
        }
    }

    fn check_id(&mut self, at: &[&str], id: Option<&str>) {
        let right = |id: &str| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if id.is_some_and(|id| !right(id)) {
            self.error(at, codes::BAD_VALUE, "an id has 16 hexadecimal digits");
        }
    }
}

fn is_web(protocol: &str) -> bool {
    WEB.contains(&protocol)
}

/// How a group of this protocol probes its targets, where the document does not say.
fn health_check(document: &HealthCheckDocument, protocol: &str) -> HealthCheck {
    let usual = match &document.path {
        _ if is_web(protocol) => protocol,
        Some(_) => "HTTP",
        None => "TCP",
    };
    let protocol = document.protocol.clone().unwrap_or_else(|| usual.to_owned());
    let web = is_web(&protocol);
    let text = |given: &Option<String>, usual: &str| web.then(|| given.clone().unwrap_or_else(|| usual.to_owned()));
    HealthCheck {
        path: text(&document.path, "/"),
        matcher: text(&document.matcher, "200"),
        port: document.port.map_or_else(|| "traffic-port".to_owned(), |port| port.to_string()),
        interval: document.interval,
        healthy_threshold: document.healthy_threshold,
        unhealthy_threshold: document.unhealthy_threshold,
        protocol,
        ..HealthCheck::default()
    }
}
