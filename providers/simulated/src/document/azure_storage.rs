//! Storage accounts with file shares, as an operator writes them. Says nothing of what is in a share.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A storage account with file shares.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StorageAccountDocument {
    /// Its region. Default: the resource group's.
    #[serde(default)]
    pub location: Option<String>,
    /// How its data is kept: `Premium_LRS`, `Premium_ZRS`, `Standard_LRS`, `Standard_ZRS`, … Default `Premium_ZRS`.
    #[serde(default = "default_sku")]
    pub sku: String,
    /// The zone that an account of sku `Premium_LRS` is pinned to: its shares are lost with that zone. Default: none.
    #[serde(default)]
    pub zone: Option<String>,
    /// Its file shares, by name.
    #[serde(default)]
    pub file_shares: BTreeMap<String, FileShareDocument>,
}

/// A file share.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileShareDocument {
    /// Its size in GiB, 1 to 102400. Default 100.
    #[serde(default = "default_quota")]
    pub quota_gib: u32,
    /// Default `NFS`.
    #[serde(default)]
    pub protocol: ShareProtocolDocument,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ShareProtocolDocument {
    #[default]
    #[serde(rename = "NFS")]
    Nfs,
    #[serde(rename = "SMB")]
    Smb,
}

fn default_sku() -> String {
    "Premium_ZRS".to_owned()
}

fn default_quota() -> u32 {
    100
}
