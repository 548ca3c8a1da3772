//! `aws.eks.cluster`: the version of a cluster, and its managed node groups with the size they can grow to.
//!
//! Does not compare how many nodes there are now: a standby is small until a run lets it grow.

use super::tags::{self, RequiredTags};
use crate::{
    connection::Aws,
    errors::{CallSite, classify},
    place::region,
};
use aws_sdk_eks::{
    Client,
    types::{Nodegroup, NodegroupScalingConfig},
};
use lifeboat_contract::{Aspect, CallError, Comparable, Cx, Findings, Snapshot, codes};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Compares an EKS cluster: its version, and each managed node group's version, instance types, labels, taints and maximum.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// The name of the cluster: `orders`.
    pub cluster: String,
    /// Tags that the cluster must have, for audit; `*` stands for any value.
    #[serde(default)]
    pub required_tags: RequiredTags,
}

impl Comparable for Cluster {
    const KIND: &'static str = "aws.eks.cluster";
    const EXAMPLE: &'static str = "cluster: orders";
    const PERMISSIONS: &'static [&'static str] =
        &["eks:DescribeCluster", "eks:DescribeNodegroup", "eks:ListNodegroups"];

    fn check(&self, findings: &mut Findings) {
        if self.cluster.is_empty() {
            findings.error(&["cluster"], codes::BAD_VALUE, "no cluster is named");
        }
    }

    async fn read(&self, cx: &Cx) -> Result<Snapshot, CallError> {
        let region = region(cx, "eks")?;
        let client = Aws::of(cx)?.eks(region).await;
        let at = at("DescribeCluster", region);
        let answer = client.describe_cluster().name(&self.cluster).send().await;
        let found = answer.map_err(|error| classify(&at, error))?.cluster;
        let missing = || at.definite("ResourceNotFoundException", format!("there is no cluster {}", self.cluster));
        let found = found.ok_or_else(missing)?;
        let mut snapshot = Snapshot::new();
        snapshot.insert("version".to_owned(), Aspect::stops(found.version().unwrap_or_default()));
        let status = found.status().map(|status| status.as_str().to_owned()).unwrap_or_default();
        let sound = ["ACTIVE", "UPDATING"].contains(&status.as_str());
        snapshot.insert(
            "status".to_owned(),
            Aspect::stops(if sound { "usable".to_owned() } else { status }).sound_if(sound),
        );
        if let Some(network) = found.resources_vpc_config() {
            let public = network.endpoint_public_access();
            snapshot.insert("endpoint/public".to_owned(), Aspect::degrades(public));
            snapshot.insert("endpoint/private".to_owned(), Aspect::degrades(network.endpoint_private_access()));
        }
        let found_tags = found.tags().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone()));
        tags::add(&mut snapshot, "", &self.required_tags, &found_tags.collect::<BTreeMap<_, _>>());
        for name in nodegroups(&client, &self.cluster, region).await? {
            add(&mut snapshot, &name, &nodegroup(&client, &self.cluster, &name, region).await?);
        }
        Ok(snapshot)
    }
}

fn at<'a>(operation: &'static str, region: &'a str) -> CallSite<'a> {
    CallSite { service: "eks", operation, region }
}

async fn nodegroups(client: &Client, cluster: &str, region: &str) -> Result<Vec<String>, CallError> {
    let pages = client.list_nodegroups().cluster_name(cluster).into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(|error| classify(&at("ListNodegroups", region), error))
}

async fn nodegroup(client: &Client, cluster: &str, name: &str, region: &str) -> Result<Nodegroup, CallError> {
    let at = at("DescribeNodegroup", region);
    let call = client.describe_nodegroup().cluster_name(cluster).nodegroup_name(name);
    let found = call.send().await.map_err(|error| classify(&at, error))?.nodegroup;
    found.ok_or_else(|| at.definite("ResourceNotFoundException", format!("there is no node group {cluster}/{name}")))
}

fn add(snapshot: &mut Snapshot, name: &str, found: &Nodegroup) {
    let path = format!("node groups/{name}");
    let mut insert = |aspect: &str, value: Aspect| snapshot.insert(format!("{path}/{aspect}"), value);
    insert("version", Aspect::stops(found.version().unwrap_or_default()));
    let maximum = found.scaling_config().and_then(NodegroupScalingConfig::max_size);
    insert("maximum", Aspect::stops(maximum.unwrap_or_default()));
    let mut types = found.instance_types().to_vec();
    types.sort();
    insert("instance types", Aspect::degrades(types.join(", ")));
    insert("capacity", Aspect::degrades(found.capacity_type().map(|kind| kind.as_str().to_owned())));
    insert("image", Aspect::degrades(found.ami_type().map(|kind| kind.as_str().to_owned())));
    insert("disk", Aspect::degrades(found.disk_size()));
    insert("subnets", Aspect::degrades(found.subnets().len()));
    for (key, value) in found.labels().into_iter().flatten() {
        insert(&format!("labels/{key}"), Aspect::stops(value.as_str()));
    }
    for taint in found.taints() {
        let effect = taint.effect().map(|effect| effect.as_str().to_owned()).unwrap_or_default();
        let value = format!("{} {effect}", taint.value().unwrap_or_default());
        insert(&format!("taints/{}", taint.key().unwrap_or_default()), Aspect::stops(value));
    }
    snapshot.insert(path, Aspect::stops("present"));
}
