//! `aws.elasticache.replication_group`: a cache's engine, nodes and shards, and the global datastore it belongs to.

use crate::{
    connection::Aws,
    errors::{CallSite, classify},
    place::region,
};
use aws_sdk_elasticache::types::{CacheCluster, GlobalReplicationGroupInfo, ReplicationGroup};
use lifeboat_contract::{Aspect, CallError, Comparable, Cx, Findings, Snapshot, codes};
use schemars::JsonSchema;
use serde::Deserialize;

/// Compares a replication group of a cache: engine and version, node type, shards and replicas, failover, encryption.
///
/// Which of two members of a global datastore takes the writes is not compared: it differs by nature.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplicationGroupOf {
    /// Its identifier: `orders-r1`.
    pub replication_group: String,
}

impl Comparable for ReplicationGroupOf {
    const KIND: &'static str = "aws.elasticache.replication_group";
    const EXAMPLE: &'static str = "replication_group: \"orders-${{ site.id }}\"";
    const PERMISSIONS: &'static [&'static str] =
        &["elasticache:DescribeCacheClusters", "elasticache:DescribeReplicationGroups"];

    fn check(&self, findings: &mut Findings) {
        if self.replication_group.is_empty() {
            findings.error(&["replication_group"], codes::BAD_VALUE, "no replication group is named");
        }
    }

    async fn read(&self, cx: &Cx) -> Result<Snapshot, CallError> {
        let region = region(cx, "elasticache")?;
        let client = Aws::of(cx)?.elasticache(region).await;
        let at = CallSite { service: "elasticache", operation: "DescribeReplicationGroups", region };
        let answer = client.describe_replication_groups().replication_group_id(&self.replication_group).send().await;
        let found = answer.map_err(|error| classify(&at, error))?.replication_groups.unwrap_or_default();
        let message = format!("there is no replication group {}", self.replication_group);
        let missing = || at.definite("ReplicationGroupNotFoundFault", message);
        let group = found.into_iter().next().ok_or_else(missing)?;
        let at = CallSite { operation: "DescribeCacheClusters", ..at };
        let mut cluster = None;
        if let Some(member) = group.member_clusters().first() {
            let answer = client.describe_cache_clusters().cache_cluster_id(member).send().await;
            let answer = answer.map_err(|error| classify(&at, error))?;
            cluster = answer.cache_clusters.unwrap_or_default().into_iter().next();
        }
        Ok(snapshot(&group, cluster.as_ref()))
    }
}

fn snapshot(group: &ReplicationGroup, member: Option<&CacheCluster>) -> Snapshot {
    let status = group.status().unwrap_or_default();
    let usable = ["available", "modifying", "snapshotting"].contains(&status);
    let standing = if usable { "usable" } else { status };
    let failover = group.automatic_failover().map(|status| status.as_str().to_owned());
    let zones = group.multi_az().map(|status| status.as_str().to_owned());
    let replicas = group.node_groups().iter().map(|shard| shard.node_group_members().len()).min().unwrap_or_default();
    let global =
        group.global_replication_group_info().and_then(GlobalReplicationGroupInfo::global_replication_group_id);
    let aspects = [
        ("status", Aspect::stops(standing).sound_if(usable)),
        ("engine", Aspect::stops(member.and_then(CacheCluster::engine))),
        ("engine version", Aspect::stops(member.and_then(CacheCluster::engine_version))),
        ("node type", Aspect::degrades(group.cache_node_type())),
        ("shards", Aspect::degrades(group.node_groups().len())),
        ("nodes per shard", Aspect::degrades(replicas)),
        ("automatic failover", Aspect::degrades(failover)),
        ("several zones", Aspect::degrades(zones)),
        ("encryption/in transit", Aspect::stops(group.transit_encryption_enabled())),
        ("encryption/at rest", Aspect::audit(group.at_rest_encryption_enabled())),
        ("global datastore", Aspect::stops(global.unwrap_or("none"))),
    ];
    aspects.into_iter().map(|(path, aspect)| (path.to_owned(), aspect)).collect()
}
