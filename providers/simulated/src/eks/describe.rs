//! Clusters, node groups and updates as descriptions show them. Changes nothing.

use super::{Cluster, Nodegroup, state::Update};
use crate::{
    autoscaling::{AutoScaling, Failure},
    codec::ServiceCx,
    ids,
    shape::seconds,
};
use serde_json::{Value, json};

impl Cluster {
    pub(super) fn describe(&self, cx: &ServiceCx<'_>) -> Value {
        let id = ids::hex(&self.arn, 32).to_ascii_uppercase();
        json!({
            "name": self.name,
            "arn": self.arn,
            "createdAt": seconds(self.created),
            "version": self.version,
            "endpoint": format!("https://{id}.gr7.{}.eks.amazonaws.com", cx.region),
            "roleArn": format!("arn:aws:iam::{}:role/{}-cluster", cx.account, self.name),
            "resourcesVpcConfig": {
                "subnetIds": self.subnets,
                "securityGroupIds": [],
                "vpcId": self.vpc,
                "endpointPublicAccess": true,
                "endpointPrivateAccess": false,
                "publicAccessCidrs": ["0.0.0.0/0"],
            },
            "kubernetesNetworkConfig": { "serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4" },
            "identity": { "oidc": { "issuer": format!("https://oidc.eks.{}.amazonaws.com/id/{id}", cx.region) } },
            "status": "ACTIVE",
            "platformVersion": "eks.1",
            "tags": {},
            "health": { "issues": [] },
        })
    }
}

impl Nodegroup {
    pub(super) fn describe(&self, cluster: &Cluster, groups: &AutoScaling, cx: &ServiceCx<'_>) -> Value {
        let group = groups.groups.get(&self.group);
        let failure = group.and_then(|group| group.failure.as_ref());
        let scaling = group
            .map(|group| json!({ "minSize": group.minimum, "maxSize": group.maximum, "desiredSize": group.desired }));
        // A launch that failed is held against the group until one succeeds, even when it wants no more instances.
        let status = match failure {
            _ if self.is_updating() => "UPDATING",
            Some(_) => "DEGRADED",
            None => "ACTIVE",
        };
        let issues: Vec<Value> = failure.map(|failure| self.issue(failure)).into_iter().collect();
        json!({
            "nodegroupName": self.name,
            "nodegroupArn": self.arn,
            "clusterName": cluster.name,
            "version": cluster.version,
            "releaseVersion": format!("{}.0-20251209", cluster.version),
            "createdAt": seconds(self.created),
            "modifiedAt": seconds(self.modified),
            "status": status,
            "capacityType": "ON_DEMAND",
            "scalingConfig": scaling,
            "instanceTypes": [self.instance_type],
            "subnets": self.subnets,
            "amiType": "AL2023_x86_64_STANDARD",
            "nodeRole": format!("arn:aws:iam::{}:role/{}-node", cx.account, cluster.name),
            "labels": self.labels,
            "resources": { "autoScalingGroups": [{ "name": self.group }] },
            "diskSize": 20,
            "health": { "issues": issues },
            "updateConfig": { "maxUnavailable": 1 },
            "tags": {},
        })
    }

    fn issue(&self, failure: &Failure) -> Value {
        let code = match failure.code.as_str() {
            "InsufficientFreeAddressesInSubnet" => "InsufficientFreeAddresses",
            "VcpuLimitExceeded" | "InstanceLimitExceeded" => "InstanceLimitExceeded",
            _ => "AsgInstanceLaunchFailures",
        };
        let message = format!("Could not launch On-Demand Instances. {} - {}", failure.code, failure.message);
        json!({ "code": code, "message": message, "resourceIds": [self.group] })
    }
}

impl Update {
    pub(super) fn describe(&self) -> Value {
        let change = |(kind, value): &(String, String)| json!({ "type": kind, "value": value });
        json!({
            "id": self.id,
            "status": self.status.name(),
            "type": "ConfigUpdate",
            "params": self.changes.iter().map(change).collect::<Vec<_>>(),
            "createdAt": seconds(self.created),
            "errors": [],
        })
    }
}
