//! `ElastiCache` in one region: replication groups and their nodes. Only described; no cache runs on them.

use crate::{
    codec::{ApiError, Params, ServiceCx},
    shape::Shape,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One region: its replication groups by identifier.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ElastiCache {
    pub(crate) groups: BTreeMap<String, ReplicationGroup>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReplicationGroup {
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) engine: String,
    pub(crate) engine_version: String,
    pub(crate) node_type: String,
    pub(crate) shards: u32,
    /// Nodes of each shard, the primary included.
    pub(crate) nodes: u32,
    pub(crate) encrypted: bool,
    /// The global datastore it belongs to, and its role there: `PRIMARY`, `SECONDARY`.
    pub(crate) global: Option<(String, String)>,
}

impl ElastiCache {
    /// Answers one call. Nothing here changes anything.
    pub(crate) fn answer(&self, operation: &str, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        match operation {
            "DescribeReplicationGroups" => {
                let id = params.given("ReplicationGroupId");
                let shown: Vec<_> = self.groups.values().filter(|group| id.is_none_or(|id| id == group.id)).collect();
                if let Some(id) = id.filter(|_| shown.is_empty()) {
                    let message = format!("ReplicationGroup {id} not found.");
                    return Err(ApiError::new("ReplicationGroupNotFoundFault", 404, message));
                }
                let described = shown.iter().map(|group| group.describe(cx)).collect();
                Ok(Shape::Struct(vec![("ReplicationGroups", Shape::List("ReplicationGroup", described))]))
            }
            "DescribeCacheClusters" => {
                let id = params.given("CacheClusterId");
                let nodes =
                    self.groups.values().flat_map(|group| group.members().into_iter().map(move |node| (group, node)));
                let shown: Vec<_> = nodes.filter(|(_, node)| id.is_none_or(|id| id == node)).collect();
                if let Some(id) = id.filter(|_| shown.is_empty()) {
                    let message = format!("CacheCluster not found: {id}");
                    return Err(ApiError::new("CacheClusterNotFound", 404, message));
                }
                let described = shown.iter().map(|(group, node)| group.describe_node(node)).collect();
                Ok(Shape::Struct(vec![("CacheClusters", Shape::List("CacheCluster", described))]))
            }
            _ => Err(ApiError::bad("InvalidAction", format!("Could not find operation {operation}"))),
        }
    }
}

impl ReplicationGroup {
    /// The names of its nodes: `orders-0001-001`.
    fn members(&self) -> Vec<String> {
        (1..=self.shards)
            .flat_map(|shard| (1..=self.nodes).map(move |node| (shard, node)))
            .map(|(shard, node)| format!("{}-{shard:04}-{node:03}", self.id))
            .collect()
    }

    fn describe(&self, cx: &ServiceCx<'_>) -> Shape {
        let several = self.nodes > 1;
        let members = self.members();
        let node = |id: &String| Shape::Struct(vec![("CacheClusterId", id.into()), ("CacheNodeId", "0001".into())]);
        let shard = |number: u32| {
            let id = format!("{number:04}");
            let prefix = format!("{}-{id}-", self.id);
            let nodes = members.iter().filter(|member| member.starts_with(&prefix)).map(node).collect();
            Shape::Struct(vec![
                ("NodeGroupId", id.into()),
                ("Status", "available".into()),
                ("NodeGroupMembers", Shape::List("NodeGroupMember", nodes)),
            ])
        };
        let global = self.global.as_ref().map_or(Shape::Absent, |(id, role)| {
            Shape::Struct(vec![
                ("GlobalReplicationGroupId", id.into()),
                ("GlobalReplicationGroupMemberRole", role.into()),
            ])
        });
        let enabled = if several { "enabled" } else { "disabled" };
        Shape::Struct(vec![
            ("ReplicationGroupId", (&self.id).into()),
            ("Description", (&self.id).into()),
            ("GlobalReplicationGroupInfo", global),
            ("Status", "available".into()),
            ("MemberClusters", Shape::List("ClusterId", members.iter().map(Into::into).collect())),
            ("NodeGroups", Shape::List("NodeGroup", (1..=self.shards).map(shard).collect())),
            ("AutomaticFailover", enabled.into()),
            ("MultiAZ", enabled.into()),
            ("ClusterEnabled", (self.shards > 1).into()),
            ("CacheNodeType", (&self.node_type).into()),
            ("TransitEncryptionEnabled", self.encrypted.into()),
            ("AtRestEncryptionEnabled", self.encrypted.into()),
            ("ARN", format!("arn:aws:elasticache:{}:{}:replicationgroup:{}", cx.region, cx.account, self.id).into()),
            ("ReplicationGroupCreateTime", self.created.into()),
            ("Engine", (&self.engine).into()),
        ])
    }

    fn describe_node(&self, id: &str) -> Shape {
        Shape::Struct(vec![
            ("CacheClusterId", id.into()),
            ("CacheNodeType", (&self.node_type).into()),
            ("Engine", (&self.engine).into()),
            ("EngineVersion", (&self.engine_version).into()),
            ("CacheClusterStatus", "available".into()),
            ("NumCacheNodes", Shape::Integer(1)),
            ("ReplicationGroupId", (&self.id).into()),
            ("TransitEncryptionEnabled", self.encrypted.into()),
            ("AtRestEncryptionEnabled", self.encrypted.into()),
        ])
    }
}
