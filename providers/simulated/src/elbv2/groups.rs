//! Target groups: created, described, modified, deleted. Their targets are in `targets`.

use super::{
    Elb, HealthCheck, TargetGroup,
    input::{flag, invalid, listed, name, number, page, port, required},
    names::target_group_arn,
    operations::done,
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    ec2::Ec2,
    shape::Shape,
};
use lifeboat_contract::Span;
use std::collections::{BTreeMap, BTreeSet};

const PROTOCOLS: &[&str] = &["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP"];

impl Elb {
    pub(super) fn find_group(&self, arn: &str) -> Result<&TargetGroup, ApiError> {
        self.target_groups.get(arn).ok_or_else(|| no_group(arn))
    }

    pub(super) fn find_group_mut(&mut self, arn: &str) -> Result<&mut TargetGroup, ApiError> {
        self.target_groups.get_mut(arn).ok_or_else(|| no_group(arn))
    }

    /// The load balancers whose listeners or rules send something to a group, even with weight 0.
    pub(super) fn users(&self, group: &str) -> BTreeSet<&str> {
        let default = self.listeners.values().map(|listener| (listener, &listener.actions));
        let ruled = self.rules.values().filter_map(|rule| Some((self.listeners.get(&rule.listener)?, &rule.actions)));
        let using = default.chain(ruled).filter(|(_, actions)| {
            actions.iter().any(|action| action.groups().iter().any(|weighted| weighted.group == group))
        });
        using.map(|(listener, _)| listener.load_balancer.as_str()).collect()
    }

    pub(super) fn describe_target_groups(&self, params: &Params) -> Result<Shape, ApiError> {
        let (arns, names) = (params.strings("TargetGroupArns"), params.strings("Names"));
        let balancer = params.given("LoadBalancerArn");
        if let Some(arn) = balancer {
            self.find_load_balancer(arn)?;
        }
        let unknown_arn = arns.iter().any(|arn| !self.target_groups.contains_key(arn));
        let unknown_name = names.iter().any(|name| !self.target_groups.values().any(|group| group.name == *name));
        if unknown_arn || unknown_name {
            return Err(ApiError::bad("TargetGroupNotFound", "One or more target groups not found"));
        }
        let shown = self.target_groups.values().filter(|group| {
            ((arns.is_empty() && names.is_empty()) || arns.contains(&group.arn) || names.contains(&group.name))
                && balancer.is_none_or(|arn| self.users(&group.arn).contains(arn))
        });
        page(params, "TargetGroups", shown.map(|group| self.describe_group(group)).collect())
    }

    fn describe_group(&self, group: &TargetGroup) -> Shape {
        let check = &group.health_check;
        let seconds = |span: Span| Shape::Integer(i64::try_from(span.get().as_secs()).unwrap_or(i64::MAX));
        let matcher =
            check.matcher.as_ref().map_or(Shape::Absent, |codes| Shape::Struct(vec![("HttpCode", codes.into())]));
        let users = self.users(&group.arn).into_iter().map(Shape::from).collect();
        Shape::Struct(vec![
            ("TargetGroupArn", (&group.arn).into()),
            ("TargetGroupName", (&group.name).into()),
            ("Protocol", (&group.protocol).into()),
            ("Port", Shape::Integer(group.port.into())),
            ("VpcId", (&group.vpc).into()),
            ("HealthCheckProtocol", (&check.protocol).into()),
            ("HealthCheckPort", (&check.port).into()),
            ("HealthCheckEnabled", check.enabled.into()),
            ("HealthCheckIntervalSeconds", seconds(check.interval)),
            ("HealthCheckTimeoutSeconds", seconds(check.timeout)),
            ("HealthyThresholdCount", Shape::Integer(check.healthy_threshold.into())),
            ("UnhealthyThresholdCount", Shape::Integer(check.unhealthy_threshold.into())),
            ("HealthCheckPath", check.path.as_ref().into()),
            ("Matcher", matcher),
            ("LoadBalancerArns", Shape::List("member", users)),
            ("TargetType", (&group.target_type).into()),
            ("ProtocolVersion", group.protocol_version.as_ref().into()),
            ("IpAddressType", "ipv4".into()),
        ])
    }

    pub(super) fn create_target_group(
        &mut self,
        params: &Params,
        cx: &ServiceCx<'_>,
        ec2: &Ec2,
    ) -> Result<Shape, ApiError> {
        let name = name(params)?.to_owned();
        let target_type = params.given("TargetType").unwrap_or("instance").to_owned();
        if !["instance", "ip"].contains(&target_type.as_str()) {
            return Err(invalid(format!("targets of type '{target_type}' are not simulated")));
        }
        let protocol = required(params, "Protocol")?.to_owned();
        if !PROTOCOLS.contains(&protocol.as_str()) {
            return Err(invalid(format!("the protocol '{protocol}' is not valid")));
        }
        let port = port(params, "Port")?.ok_or_else(|| invalid("A port must be specified"))?;
        let vpc = params.given("VpcId").ok_or_else(|| invalid("A VPC ID must be specified"))?.to_owned();
        if !ec2.vpcs.contains_key(&vpc) {
            return Err(invalid(format!("The VPC ID '{vpc}' is not found")));
        }
        let web = protocol.starts_with("HTTP");
        let mut health_check = match params.given("HealthCheckProtocol") {
            Some(given) if given.starts_with("HTTP") => {
                HealthCheck { protocol: given.to_owned(), ..HealthCheck::default() }
            }
            None if web => HealthCheck::default(),
            _ => HealthCheck {
                protocol: "TCP".to_owned(),
                path: None,
                matcher: None,
                timeout: Span::secs(10),
                ..HealthCheck::default()
            },
        };
        health_check.update(params)?;
        let version = params.given("ProtocolVersion").unwrap_or("HTTP1").to_owned();
        let group = TargetGroup {
            arn: String::new(),
            name,
            protocol,
            protocol_version: web.then_some(version),
            port,
            vpc,
            target_type,
            health_check,
            attributes: BTreeMap::new(),
            targets: BTreeMap::new(),
        };
        if let Some(present) = self.target_groups.values().find(|present| present.name == group.name) {
            let bare = TargetGroup {
                arn: String::new(),
                attributes: BTreeMap::new(),
                targets: BTreeMap::new(),
                ..present.clone()
            };
            if bare == group {
                return Ok(listed("TargetGroups", vec![self.describe_group(present)]));
            }
            let message =
                format!("A target group with the same name '{}' exists, but with different settings", group.name);
            return Err(ApiError::bad("DuplicateTargetGroupName", message));
        }
        let arn = target_group_arn(cx.account, cx.region, &group.name, &self.fresh("targetgroup", cx));
        self.tag_new(params, &arn)?;
        let group = TargetGroup { arn: arn.clone(), ..group };
        let described = self.describe_group(&group);
        self.target_groups.insert(arn, group);
        Ok(listed("TargetGroups", vec![described]))
    }

    pub(super) fn modify_target_group(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let arn = required(params, "TargetGroupArn")?;
        self.find_group_mut(arn)?.health_check.update(params)?;
        Ok(listed("TargetGroups", vec![self.describe_group(self.find_group(arn)?)]))
    }

    /// Deletes a group that nothing sends to. One that is gone already is deleted with success.
    pub(super) fn delete_target_group(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let arn = required(params, "TargetGroupArn")?;
        if !self.users(arn).is_empty() {
            let message = format!("Target group '{arn}' is currently in use by a listener or a rule");
            return Err(ApiError::bad("ResourceInUse", message));
        }
        self.target_groups.remove(arn);
        self.tags.remove(arn);
        Ok(done())
    }
}

impl HealthCheck {
    /// Takes over what a call gives.
    fn update(&mut self, params: &Params) -> Result<(), ApiError> {
        if let Some(protocol) = params.given("HealthCheckProtocol") {
            if !["HTTP", "HTTPS", "TCP"].contains(&protocol) {
                return Err(invalid(format!("Health check protocol '{protocol}' is not supported")));
            }
            protocol.clone_into(&mut self.protocol);
        }
        let web = self.protocol.starts_with("HTTP");
        if let Some(port) = params.given("HealthCheckPort") {
            if port != "traffic-port" && !port.parse::<u16>().is_ok_and(|port| port > 0) {
                return Err(invalid(format!("Health check port '{port}' must be 'traffic-port' or a port")));
            }
            port.clone_into(&mut self.port);
        }
        if let Some(path) = params.given("HealthCheckPath") {
            if !web || !path.starts_with('/') {
                return Err(invalid(format!("Health check path '{path}' is not valid for this target group")));
            }
            self.path = Some(path.to_owned());
        }
        if let Some(codes) = params.given("Matcher.HttpCode") {
            if !web || !is_matcher(codes) {
                return Err(invalid(format!("Health check matcher HTTP code '{codes}' is not valid")));
            }
            self.matcher = Some(codes.to_owned());
        }
        self.enabled = flag(params, "HealthCheckEnabled")?.unwrap_or(self.enabled);
        let seconds =
            |given: Option<u32>, otherwise: Span| given.map_or(otherwise, |seconds| Span::secs(seconds.into()));
        self.interval = seconds(number(params, "HealthCheckIntervalSeconds", 5..=300)?, self.interval);
        self.timeout = seconds(number(params, "HealthCheckTimeoutSeconds", 2..=120)?, self.timeout);
        self.healthy_threshold = number(params, "HealthyThresholdCount", 2..=10)?.unwrap_or(self.healthy_threshold);
        self.unhealthy_threshold =
            number(params, "UnhealthyThresholdCount", 2..=10)?.unwrap_or(self.unhealthy_threshold);
        if web && self.timeout >= self.interval {
            return Err(invalid("Health check interval must be greater than the timeout"));
        }
        Ok(())
    }

    /// Whether a status code counts as success.
    pub(crate) fn accepts(&self, status: u16) -> bool {
        let Some(matcher) = &self.matcher else { return true };
        matcher.split(',').any(|part| match part.trim().split_once('-') {
            Some((from, to)) => {
                from.parse().is_ok_and(|from: u16| from <= status) && to.parse().is_ok_and(|to: u16| status <= to)
            }
            None => part.trim().parse() == Ok(status),
        })
    }
}

fn is_matcher(codes: &str) -> bool {
    let code = |text: &str| text.trim().parse::<u16>().is_ok_and(|code| (200..=499).contains(&code));
    codes.split(',').all(|part| part.split_once('-').map_or_else(|| code(part), |(from, to)| code(from) && code(to)))
}

pub(super) fn no_group(arn: &str) -> ApiError {
    ApiError::bad("TargetGroupNotFound", format!("Target groups '{arn}' not found"))
}
