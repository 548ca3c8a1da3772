//! What one region of EFS holds, and whether a zone can reach it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::Ipv4Addr};

/// One region: its file systems by id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Efs {
    pub(crate) file_systems: BTreeMap<String, FileSystem>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileSystem {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) name: Option<String>,
    /// Of a file system in one zone alone.
    pub(crate) zone: Option<String>,
    pub(crate) created: Timestamp,
    /// The service's own word: `available`, `creating`, ….
    pub(crate) state: String,
    /// By id.
    pub(crate) mount_targets: BTreeMap<String, MountTarget>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MountTarget {
    pub(crate) id: String,
    pub(crate) subnet: String,
    pub(crate) vpc: String,
    pub(crate) zone: String,
    pub(crate) ip: Ipv4Addr,
    pub(crate) interface: String,
    pub(crate) security_groups: Vec<String>,
    /// The service's own word.
    pub(crate) state: String,
}

impl Efs {
    /// Whether a file system is there, and has a mount target in a zone that is there too.
    pub(crate) fn is_available_in(&self, file_system: &str, zone: &str) -> bool {
        self.file_systems.get(file_system).is_some_and(|found| {
            let mut targets = found.mount_targets.values();
            found.state == "available" && targets.any(|target| target.zone == zone && target.state == "available")
        })
    }

    /// The configuration alone.
    pub(crate) fn contents(&self) -> Value {
        let systems = self.file_systems.iter().map(|(id, found)| {
            (id, json!({ "name": found.name, "zone": found.zone, "mount_targets": found.mount_targets }))
        });
        json!({ "file_systems": systems.collect::<BTreeMap<_, _>>() })
    }
}
