//! RDS: Aurora clusters and global clusters, who takes the writes, and how that changes hands.
//!
//! Does not count writes: it says at which moments roles change, and how far the new writer had followed.

mod clusters;
mod describe;
mod global;
mod operations;
mod transition;

pub(crate) use operations::{READS, RdsCx};

use jiff::Timestamp;
use lifeboat_contract::Span;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// All databases of the account, in all regions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rds {
    /// By ARN.
    pub(crate) clusters: BTreeMap<String, DbCluster>,
    /// By identifier.
    pub(crate) globals: BTreeMap<String, GlobalCluster>,
    pub(crate) events: Vec<Event>,
    pub(crate) created: u64,
    /// Role changes that nobody has taken note of yet.
    pub(crate) promotions: Vec<Promotion>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DbCluster {
    pub(crate) arn: String,
    pub(crate) id: String,
    pub(crate) resource_id: String,
    pub(crate) region: String,
    pub(crate) engine: String,
    pub(crate) engine_version: String,
    pub(crate) status: String,
    /// When a cluster that is being created becomes available.
    pub(crate) ready_at: Option<Timestamp>,
    pub(crate) port: u16,
    pub(crate) master_username: String,
    pub(crate) database_name: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) deletion_protection: bool,
    pub(crate) instances: Vec<DbInstance>,
    /// The database refuses no writes. Whether clients reach it is another matter.
    pub(crate) accepts_writes: bool,
    /// The global cluster whose data it holds, kept after it was taken out of it: two clusters of one family that take writes
    /// are a split brain, whatever the service calls them.
    pub(crate) family: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DbInstance {
    pub(crate) id: String,
    pub(crate) class: String,
    pub(crate) zone: String,
    pub(crate) status: String,
    pub(crate) ready_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GlobalCluster {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) resource_id: String,
    pub(crate) engine: String,
    pub(crate) engine_version: String,
    pub(crate) database_name: Option<String>,
    pub(crate) storage_encrypted: bool,
    pub(crate) deletion_protection: bool,
    pub(crate) endpoint: String,
    pub(crate) members: Vec<Member>,
    pub(crate) transition: Option<Transition>,
    pub(crate) durations: Durations,
    pub(crate) tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) cluster: String,
    pub(crate) region: String,
    pub(crate) writer: bool,
    /// How far it is behind while it follows.
    pub(crate) lag: Span,
    /// Since when it hears nothing from the writer.
    pub(crate) cut_off: Option<Timestamp>,
    /// It lost its place and has to follow anew.
    pub(crate) pending_resync: bool,
    pub(crate) resynced_at: Option<Timestamp>,
    /// It was the writer, and nobody could tell it to stop.
    pub(crate) unfenced: bool,
    pub(crate) fenced_at: Option<Timestamp>,
}

/// A switchover or failover under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Transition {
    pub(crate) kind: TransitionKind,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) stage: Stage,
    pub(crate) until: Timestamp,
    /// The service will call it off.
    pub(crate) cancel: bool,
    /// How much longer a failover's promotion takes than usual; `None` for ever.
    pub(crate) slow: Option<Span>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TransitionKind {
    Switchover,
    Failover,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    Pending,
    Moving,
    Settling,
    Cancelling,
}

/// How long the stages take in this world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Durations {
    pub(crate) switchover: [Span; 3],
    pub(crate) failover: [Span; 3],
    pub(crate) resync: Span,
    pub(crate) fencing_times_out: bool,
    pub(crate) split: Span,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            switchover: [Span::secs(10), Span::secs(20), Span::secs(5)],
            failover: [Span::secs(5), Span::secs(60), Span::secs(5)],
            resync: Span::secs(300),
            fencing_times_out: false,
            split: Span::secs(60),
        }
    }
}

/// A change of roles: which writes the new writer never received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Promotion {
    pub(crate) family: String,
    pub(crate) old: String,
    /// What was acknowledged after this moment is lost; `None` when nothing is.
    pub(crate) lost_since: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) at: Timestamp,
    pub(crate) region: String,
    pub(crate) source: String,
    pub(crate) source_arn: String,
    pub(crate) source_type: String,
    pub(crate) categories: Vec<String>,
    pub(crate) message: String,
}

impl Rds {
    /// The clusters of a family that take writes in regions that can be reached.
    pub(crate) fn writers<'a>(
        &'a self,
        family: &'a str,
        data_up: &'a dyn Fn(&str) -> bool,
    ) -> impl Iterator<Item = &'a DbCluster> {
        self.clusters.values().filter(move |cluster| {
            cluster.family.as_deref() == Some(family)
                && cluster.accepts_writes
                && cluster.runs()
                && data_up(&cluster.region)
        })
    }

    pub(crate) fn member(&self, cluster: &str) -> Option<&Member> {
        self.globals.values().flat_map(|global| &global.members).find(|member| member.cluster == cluster)
    }

    /// The global cluster that a cluster belongs to.
    pub(crate) fn global_of(&self, cluster: &str) -> Option<&GlobalCluster> {
        self.globals.values().find(|global| global.members.iter().any(|member| member.cluster == cluster))
    }

    /// The configuration alone.
    pub(crate) fn contents(&self) -> Value {
        let globals: BTreeMap<_, _> = self.globals.iter().map(|(id, global)| (id, global.contents())).collect();
        let clusters: BTreeMap<_, _> = self
            .clusters
            .iter()
            .map(|(arn, cluster)| {
                let instances: Vec<_> =
                    cluster.instances.iter().map(|i| json!({"id": i.id, "class": i.class})).collect();
                let value = json!({
                    "engine": cluster.engine,
                    "engine_version": cluster.engine_version,
                    "status": cluster.status,
                    "accepts_writes": cluster.accepts_writes,
                    "instances": instances,
                    "tags": cluster.tags,
                });
                (arn, value)
            })
            .collect();
        json!({ "global_clusters": globals, "clusters": clusters })
    }
}

impl DbCluster {
    /// Whether it has an instance that serves.
    pub(crate) fn runs(&self) -> bool {
        self.instances.iter().any(|instance| instance.status == "available")
    }

    pub(crate) fn host(&self) -> String {
        format!("{}.cluster-{}.{}.rds.amazonaws.com", self.id, crate::ids::short(&self.arn, 12), self.region)
    }

    pub(crate) fn reader_host(&self) -> String {
        format!("{}.cluster-ro-{}.{}.rds.amazonaws.com", self.id, crate::ids::short(&self.arn, 12), self.region)
    }
}

impl GlobalCluster {
    pub(crate) fn writer(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.writer)
    }

    pub(crate) fn status(&self) -> &'static str {
        match self.transition.as_ref().map(|transition| (transition.stage, transition.kind)) {
            None => "available",
            Some((Stage::Cancelling, _)) => "cancelling",
            Some((_, TransitionKind::Switchover)) => "switching-over",
            Some((_, TransitionKind::Failover)) => "failing-over",
        }
    }

    fn contents(&self) -> Value {
        let members: Vec<_> = self
            .members
            .iter()
            .map(|m| json!({"cluster": m.cluster, "writer": m.writer, "pending_resync": m.pending_resync}))
            .collect();
        json!({
            "status": self.status(),
            "members": members,
            "engine": self.engine,
            "engine_version": self.engine_version,
            "deletion_protection": self.deletion_protection,
            "tags": self.tags,
        })
    }
}
