//! File systems, as an operator writes them. Says nothing of what is stored in them.

use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, net::Ipv4Addr};

/// An EFS file system.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSystemDocument {
    /// Its name, in a tag.
    #[serde(default)]
    pub name: Option<String>,
    /// The zone of a file system that stands in one alone. Default: it stands in the whole region.
    #[serde(default)]
    pub zone: Option<String>,
    /// Default `available`.
    #[serde(default)]
    pub state: LifeCycleStateDocument,
    /// Where it can be mounted, by id (`fsmt-…`); at most one in a zone.
    #[serde(default)]
    pub mount_targets: BTreeMap<String, MountTargetDocument>,
}

/// Where a file system can be mounted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MountTargetDocument {
    /// The subnet whose zone it serves.
    pub subnet: String,
    /// Its address, inside the subnet.
    pub ip: Ipv4Addr,
    /// Default `available`.
    #[serde(default)]
    pub state: LifeCycleStateDocument,
    /// Default: the network's default group.
    #[serde(default)]
    pub security_groups: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LifeCycleStateDocument {
    Creating,
    #[default]
    Available,
    Updating,
    Deleting,
    Deleted,
    Error,
}

impl LifeCycleStateDocument {
    /// The service's own word.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Available => "available",
            Self::Updating => "updating",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Error => "error",
        }
    }
}
