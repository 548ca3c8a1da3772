//! What one region of EKS holds. Says nothing of how it changes.

use jiff::Timestamp;
use lifeboat_contract::Span;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One region: its clusters by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Eks {
    pub(crate) clusters: BTreeMap<String, Cluster>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) version: String,
    pub(crate) created: Timestamp,
    pub(crate) vpc: String,
    pub(crate) subnets: Vec<String>,
    /// By name.
    pub(crate) nodegroups: BTreeMap<String, Nodegroup>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Nodegroup {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) subnets: Vec<String>,
    pub(crate) instance_type: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// The group of Auto Scaling that has its sizes and its machines.
    pub(crate) group: String,
    /// How long an update takes. The machines take their own time.
    pub(crate) update: Span,
    /// The oldest first.
    pub(crate) updates: Vec<Update>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Update {
    pub(crate) id: String,
    /// What the caller named it, so that a repeated call begins nothing twice.
    pub(crate) token: Option<String>,
    /// Types and values of what it changes.
    pub(crate) changes: Vec<(String, String)>,
    pub(crate) created: Timestamp,
    pub(crate) status: UpdateStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum UpdateStatus {
    InProgress {
        until: Timestamp,
        /// The service will call it off.
        called_off: bool,
    },
    Successful,
    Cancelled,
}

impl UpdateStatus {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::InProgress { .. } => "InProgress",
            Self::Successful => "Successful",
            Self::Cancelled => "Cancelled",
        }
    }
}

impl Nodegroup {
    pub(super) fn is_updating(&self) -> bool {
        self.updates.iter().any(|update| matches!(update.status, UpdateStatus::InProgress { .. }))
    }
}

impl Eks {
    /// The configuration alone. The sizes of node groups are those of their groups of Auto Scaling.
    pub(crate) fn contents(&self) -> Value {
        let clusters = self.clusters.iter().map(|(name, cluster)| {
            let nodegroups = cluster.nodegroups.iter().map(|(name, nodegroup)| {
                let value = json!({
                    "subnets": nodegroup.subnets,
                    "instance_type": nodegroup.instance_type,
                    "labels": nodegroup.labels,
                    "group": nodegroup.group,
                });
                (name, value)
            });
            let value = json!({
                "version": cluster.version,
                "vpc": cluster.vpc,
                "subnets": cluster.subnets,
                "nodegroups": nodegroups.collect::<BTreeMap<_, _>>(),
            });
            (name, value)
        });
        json!({ "clusters": clusters.collect::<BTreeMap<_, _>>() })
    }
}
