//! What a request needs to be allowed: IAM's name of its action, and the ARNs that it is about. `*` stands for an action that
//! IAM knows no narrower resource of.
//!
//! Looks at the request, and at the cloud for what the request means: who the writer of a global cluster is.

use crate::{
    answer::{ApiCall, form},
    cloud::Cloud,
    cloudwatch,
    codec::{Params, RestRequest},
};
use bytes::Bytes;
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) action: String,
    pub(crate) resources: Vec<String>,
}

/// Where a call goes, as ARNs name it.
struct Place<'a> {
    region: &'a str,
    account: &'a str,
}

/// The resources of EC2 by how their ids begin.
const EC2_RESOURCES: &[(&str, &str)] = &[
    ("acl-", "network-acl"),
    ("eni-", "network-interface"),
    ("i-", "instance"),
    ("igw-", "internet-gateway"),
    ("rtb-", "route-table"),
    ("sg-", "security-group"),
    ("subnet-", "subnet"),
    ("vpc-", "vpc"),
];

/// What may be named by an ARN in a call of Global Accelerator, the narrowest first.
const ACCELERATOR_ARNS: &[&str] = &["EndpointGroupArn", "ListenerArn", "AcceleratorArn"];

impl Need {
    /// `None` for a call that needs no permission: everybody may ask who they are.
    pub(crate) fn of(call: &ApiCall<'_>, cloud: &Cloud, account: &str) -> Option<Self> {
        let at = Place { region: &call.scope.region, account };
        let operation = call.operation.as_str();
        let params = || Params::parse(&form(call.request));
        let service = call.scope.service.as_str();
        let mut resources = match service {
            "ec2" => ec2(operation, &params(), &at),
            "elasticloadbalancing" => load_balancing(operation, &params()),
            "autoscaling" => auto_scaling(operation, &params(), cloud, &at),
            "rds" => rds(operation, &params(), cloud, &at),
            "eks" => eks(&RestRequest::read(call.request), cloud, &at),
            "elasticfilesystem" => file_systems(&RestRequest::read(call.request), &at),
            "globalaccelerator" => accelerators(call.request.body()),
            "iam" => params().given("PolicySourceArn").map(str::to_owned).into_iter().collect(),
            "sts" if matches!(operation, "GetCallerIdentity" | "GetSessionToken") => return None,
            "sts" => params().given("RoleArn").map(str::to_owned).into_iter().collect(),
            _ => Vec::new(),
        };
        if resources.is_empty() {
            resources.push("*".to_owned());
        }
        // Metrics are signed for by another name than IAM gives them.
        let service = if service == "monitoring" { "cloudwatch" } else { service };
        Some(Self { action: format!("{service}:{operation}"), resources })
    }
}

impl Place<'_> {
    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }
}

fn is_list(operation: &str) -> bool {
    ["Describe", "Get", "List"].iter().any(|verb| operation.starts_with(verb))
}

fn ec2(operation: &str, params: &Params, at: &Place<'_>) -> Vec<String> {
    if is_list(operation) {
        return Vec::new();
    }
    // A route is its table's: where it leads needs no permission.
    let is_route = operation.ends_with("Route");
    let named = params.names().filter(|name| !is_route || *name == "RouteTableId");
    // One id, or a list of them.
    let ids = named.flat_map(|name| params.strings(name).into_iter().chain(params.get(name).map(str::to_owned)));
    let ids: BTreeSet<String> = ids.collect();
    let arn = |id: &str| {
        let (_, kind) = EC2_RESOURCES.iter().find(|(prefix, _)| id.starts_with(prefix))?;
        Some(at.arn("ec2", &format!("{kind}/{id}")))
    };
    ids.iter().filter_map(|id| arn(id)).collect()
}

fn load_balancing(operation: &str, params: &Params) -> Vec<String> {
    if is_list(operation) {
        return Vec::new();
    }
    let own = ["RuleArn", "ListenerArn", "TargetGroupArn", "LoadBalancerArn"];
    let named = own.into_iter().find_map(|name| params.given(name)).map(str::to_owned);
    let rules = params.list("RulePriorities").into_iter().filter_map(|rule| rule.given("RuleArn").map(str::to_owned));
    named.into_iter().chain(rules).collect()
}

fn auto_scaling(operation: &str, params: &Params, cloud: &Cloud, at: &Place<'_>) -> Vec<String> {
    let Some(name) = params.given("AutoScalingGroupName").filter(|_| !is_list(operation)) else { return Vec::new() };
    let known = cloud.regions.get(at.region).and_then(|region| region.autoscaling.groups.get(name));
    let unknown = || at.arn("autoscaling", &format!("autoScalingGroup:*:autoScalingGroupName/{name}"));
    vec![known.map_or_else(unknown, |group| group.arn.clone())]
}

fn rds(operation: &str, params: &Params, cloud: &Cloud, at: &Place<'_>) -> Vec<String> {
    let named = |field: &str, kind: &str| {
        let name = params.given(field).unwrap_or("*");
        if name.starts_with("arn:") { name.to_owned() } else { at.arn("rds", &format!("{kind}:{name}")) }
    };
    let name = params.given("GlobalClusterIdentifier").unwrap_or("*");
    let global = format!("arn:aws:rds::{}:global-cluster:{name}", at.account);
    match operation {
        "DescribeGlobalClusters" => vec![global],
        "SwitchoverGlobalCluster" | "FailoverGlobalCluster" => {
            let writer = cloud.rds.globals.get(name).and_then(|global| global.writer());
            let target = named("TargetDbClusterIdentifier", "cluster");
            let writer = writer.map(|writer| writer.cluster.clone()).filter(|writer| *writer != target);
            [global, target].into_iter().chain(writer).collect()
        }
        "RemoveFromGlobalCluster" => vec![global, named("DbClusterIdentifier", "cluster")],
        "DescribeDBInstances" => vec![named("DBInstanceIdentifier", "db")],
        _ if params.has("DBInstanceIdentifier") => vec![named("DBInstanceIdentifier", "db")],
        _ if params.has("GlobalClusterIdentifier") => vec![global],
        _ if operation.contains("DBCluster") => vec![named("DBClusterIdentifier", "cluster")],
        _ => Vec::new(),
    }
}

fn eks(request: &RestRequest<'_>, cloud: &Cloud, at: &Place<'_>) -> Vec<String> {
    match request.segments()[..] {
        ["clusters", cluster, "node-groups", nodegroup, ..] => {
            let clusters = cloud.regions.get(at.region).map(|region| &region.eks.clusters);
            let known = clusters.and_then(|clusters| clusters.get(cluster)?.nodegroups.get(nodegroup));
            let unknown = || at.arn("eks", &format!("nodegroup/{cluster}/{nodegroup}/*"));
            vec![known.map_or_else(unknown, |nodegroup| nodegroup.arn.clone())]
        }
        ["clusters", cluster, ..] => vec![at.arn("eks", &format!("cluster/{cluster}"))],
        _ => Vec::new(),
    }
}

fn file_systems(request: &RestRequest<'_>, at: &Place<'_>) -> Vec<String> {
    let segments = request.segments();
    let in_path = segments.iter().find(|segment| segment.starts_with("fs-")).copied();
    let named = in_path.or_else(|| request.given("FileSystemId"));
    named.map(|id| at.arn("elasticfilesystem", &format!("file-system/{id}"))).into_iter().collect()
}

fn accelerators(body: &Bytes) -> Vec<String> {
    let Ok(input) = cloudwatch::read_json(body) else { return Vec::new() };
    let named = ACCELERATOR_ARNS.iter().find_map(|field| input.get(field).and_then(Value::as_str));
    named.map(str::to_owned).into_iter().collect()
}
