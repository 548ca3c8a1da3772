//! Load balancers: created, described, moved and deleted. Where they send requests is in `serving`.

use super::{
    Elb, LoadBalancer,
    input::{invalid, listed, name, page, required, texts},
    names::{load_balancer_arn, load_balancer_dns},
    operations::done,
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    ec2::Ec2,
    shape::Shape,
};
use std::{collections::BTreeMap, time::Duration};

/// From `provisioning` to `active`.
const PROVISION: Duration = Duration::from_mins(2);

impl Elb {
    pub(super) fn find_load_balancer(&self, arn: &str) -> Result<&LoadBalancer, ApiError> {
        self.load_balancers
            .get(arn)
            .ok_or_else(|| ApiError::bad("LoadBalancerNotFound", format!("Load balancer '{arn}' not found")))
    }

    fn find_load_balancer_mut(&mut self, arn: &str) -> Result<&mut LoadBalancer, ApiError> {
        let missing = || ApiError::bad("LoadBalancerNotFound", format!("Load balancer '{arn}' not found"));
        self.load_balancers.get_mut(arn).ok_or_else(missing)
    }

    pub(super) fn describe_load_balancers(&self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let (arns, names) = (params.strings("LoadBalancerArns"), params.strings("Names"));
        if let Some(missing) = arns.iter().find(|arn| !self.load_balancers.contains_key(*arn)) {
            return Err(ApiError::bad("LoadBalancerNotFound", format!("Load balancers '[{missing}]' not found")));
        }
        if let Some(missing) = names.iter().find(|name| !self.load_balancers.values().any(|lb| lb.name == **name)) {
            return Err(ApiError::bad("LoadBalancerNotFound", format!("Load balancers '[{missing}]' not found")));
        }
        let shown = self
            .load_balancers
            .values()
            .filter(|lb| (arns.is_empty() && names.is_empty()) || arns.contains(&lb.arn) || names.contains(&lb.name));
        page(params, "LoadBalancers", shown.map(|lb| lb.describe(cx)).collect())
    }

    pub(super) fn create_load_balancer(
        &mut self,
        params: &Params,
        cx: &ServiceCx<'_>,
        ec2: &Ec2,
    ) -> Result<Shape, ApiError> {
        let name = name(params)?.to_owned();
        let kind = match params.given("Type").unwrap_or("application") {
            kind @ ("application" | "network") => kind.to_owned(),
            other => return Err(invalid(format!("load balancers of type '{other}' are not simulated"))),
        };
        let internal = match params.given("Scheme").unwrap_or("internet-facing") {
            "internal" => true,
            "internet-facing" => false,
            other => return Err(ApiError::bad("InvalidScheme", format!("The scheme '{other}' is not valid"))),
        };
        let (vpc, zones) = zones(params, ec2, &kind)?;
        let attached = ec2.internet_gateways.values().any(|gateway| gateway.vpc.as_deref() == Some(&vpc));
        if !internal && !attached {
            return Err(ApiError::bad("InvalidSubnet", format!("VPC {vpc} has no internet gateway")));
        }
        let security_groups = security_groups(params, ec2, &vpc, &kind)?;
        if let Some(present) = self.load_balancers.values().find(|lb| lb.name == name) {
            let same = present.kind == kind
                && present.internal == internal
                && present.zones == zones
                && present.security_groups == security_groups;
            if same {
                return Ok(listed("LoadBalancers", vec![present.describe(cx)]));
            }
            let message = format!("A load balancer with the same name '{name}' exists, but with different settings");
            return Err(ApiError::bad("DuplicateLoadBalancerName", message));
        }
        let arn = load_balancer_arn(cx.account, cx.region, &kind, &name, &self.fresh("loadbalancer", cx));
        let balancer = LoadBalancer {
            dns_name: load_balancer_dns(&arn, cx.region, &name, &kind, internal),
            arn: arn.clone(),
            name,
            kind,
            internal,
            vpc,
            zones,
            security_groups,
            created: cx.now,
            active_at: cx.pace.end(cx.now, PROVISION),
            attributes: BTreeMap::new(),
        };
        self.tag_new(params, &arn)?;
        let described = balancer.describe(cx);
        self.load_balancers.insert(arn, balancer);
        Ok(listed("LoadBalancers", vec![described]))
    }

    /// Deletes a load balancer with its listeners and rules. One that is gone already is deleted with success.
    pub(super) fn delete_load_balancer(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let arn = required(params, "LoadBalancerArn")?;
        let Some(balancer) = self.load_balancers.get(arn) else { return Ok(done()) };
        if balancer.attributes.get("deletion_protection.enabled").is_some_and(|value| value == "true") {
            let message = format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled");
            return Err(ApiError::bad("OperationNotPermitted", message));
        }
        let listeners: Vec<String> =
            self.listeners.values().filter(|listener| listener.load_balancer == arn).map(|l| l.arn.clone()).collect();
        for listener in listeners {
            self.remove_listener(&listener);
        }
        self.load_balancers.remove(arn);
        self.tags.remove(arn);
        Ok(done())
    }

    pub(super) fn set_security_groups(&mut self, params: &Params, ec2: &Ec2) -> Result<Shape, ApiError> {
        let balancer = self.find_load_balancer_mut(required(params, "LoadBalancerArn")?)?;
        if balancer.kind != "application" && balancer.security_groups.is_empty() {
            let message = "You cannot set security groups for a load balancer that was created without them";
            return Err(ApiError::bad("InvalidConfigurationRequest", message));
        }
        balancer.security_groups = security_groups(params, ec2, &balancer.vpc, &balancer.kind)?;
        Ok(Shape::Struct(vec![("SecurityGroupIds", texts(&balancer.security_groups))]))
    }

    pub(super) fn set_subnets(&mut self, params: &Params, ec2: &Ec2) -> Result<Shape, ApiError> {
        let balancer = self.find_load_balancer_mut(required(params, "LoadBalancerArn")?)?;
        let (vpc, zones) = zones(params, ec2, &balancer.kind)?;
        if vpc != balancer.vpc {
            let message = "All subnets must belong to the network of the load balancer";
            return Err(ApiError::bad("InvalidConfigurationRequest", message));
        }
        balancer.zones = zones;
        Ok(Shape::Struct(vec![("AvailabilityZones", balancer.describe_zones()), ("IpAddressType", "ipv4".into())]))
    }

    pub(super) fn describe_capacity_reservation(&self, params: &Params) -> Result<Shape, ApiError> {
        self.find_load_balancer(required(params, "LoadBalancerArn")?)?;
        Ok(Shape::Struct(vec![("CapacityReservationState", Shape::List("member", Vec::new()))]))
    }
}

impl LoadBalancer {
    fn describe(&self, cx: &ServiceCx<'_>) -> Shape {
        let state = if cx.now < self.active_at { "provisioning" } else { "active" };
        Shape::Struct(vec![
            ("LoadBalancerArn", (&self.arn).into()),
            ("DNSName", (&self.dns_name).into()),
            ("CanonicalHostedZoneId", "Z35SXDOTRQ7X7K".into()),
            ("CreatedTime", self.created.into()),
            ("LoadBalancerName", (&self.name).into()),
            ("Scheme", if self.internal { "internal" } else { "internet-facing" }.into()),
            ("VpcId", (&self.vpc).into()),
            ("State", Shape::Struct(vec![("Code", state.into())])),
            ("Type", (&self.kind).into()),
            ("AvailabilityZones", self.describe_zones()),
            ("SecurityGroups", texts(&self.security_groups)),
            ("IpAddressType", "ipv4".into()),
        ])
    }

    fn describe_zones(&self) -> Shape {
        let zone = |(zone, subnet): (&String, &String)| {
            let addresses = Shape::List("member", Vec::new());
            Shape::Struct(vec![
                ("ZoneName", zone.into()),
                ("SubnetId", subnet.into()),
                ("LoadBalancerAddresses", addresses),
            ])
        };
        Shape::List("member", self.zones.iter().map(zone).collect())
    }
}

/// The network and, by zone, the subnets that a call names.
fn zones(params: &Params, ec2: &Ec2, kind: &str) -> Result<(String, BTreeMap<String, String>), ApiError> {
    let mut named = params.strings("Subnets");
    named.extend(
        params.list("SubnetMappings").iter().filter_map(|mapping| mapping.given("SubnetId")).map(str::to_owned),
    );
    let (mut zones, mut vpc) = (BTreeMap::new(), None);
    let wrong = |message: String| ApiError::bad("InvalidConfigurationRequest", message);
    for id in named {
        let subnet = ec2.subnets.get(&id);
        let subnet =
            subnet.ok_or_else(|| ApiError::bad("SubnetNotFound", format!("The subnet ID '{id}' does not exist")))?;
        if *vpc.get_or_insert_with(|| subnet.vpc.clone()) != subnet.vpc {
            return Err(wrong("All subnets must belong to the same network".to_owned()));
        }
        if zones.insert(subnet.zone.clone(), id).is_some() {
            let message = "A load balancer cannot be attached to multiple subnets in the same Availability Zone";
            return Err(wrong(message.to_owned()));
        }
    }
    let least = if kind == "application" { 2 } else { 1 };
    match vpc {
        Some(vpc) if zones.len() >= least => Ok((vpc, zones)),
        None => Err(invalid("You must specify either subnets or subnet mappings")),
        Some(_) => Err(invalid("At least two subnets in two different Availability Zones must be specified")),
    }
}

/// The security groups that a call names; the network's default group for an application load balancer without any.
fn security_groups(params: &Params, ec2: &Ec2, vpc: &str, kind: &str) -> Result<Vec<String>, ApiError> {
    let named = params.strings("SecurityGroups");
    let known = |id: &&String| ec2.security_groups.get(*id).is_some_and(|group| group.vpc == vpc);
    if let Some(unknown) = named.iter().find(|id| !known(id)) {
        return Err(ApiError::bad(
            "InvalidSecurityGroup",
            format!("One or more security groups are invalid: {unknown}"),
        ));
    }
    if named.is_empty() && kind == "application" {
        let default = ec2.security_groups.values().find(|group| group.vpc == vpc && group.name == "default");
        return Ok(default.map(|group| group.id.clone()).into_iter().collect());
    }
    Ok(named)
}
