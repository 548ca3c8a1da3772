//! Storage accounts and file shares as the API shows them. Changes none.

use super::{FileShare, StorageAccount};
use crate::{azure::ArmCx, ids};
use serde_json::{Value, json};

impl StorageAccount {
    fn id(&self, cx: &ArmCx<'_>) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Storage/storageAccounts/{}",
            cx.subscription, self.group, self.name
        )
    }

    /// `Premium_ZRS` is of tier `Premium`; a premium account with file shares has a kind of its own.
    fn tier(&self) -> &str {
        self.sku.split('_').next().unwrap_or_default()
    }

    pub(super) fn body(&self, cx: &ArmCx<'_>) -> Value {
        let mut body = json!({
            "id": self.id(cx),
            "name": self.name,
            "type": "Microsoft.Storage/storageAccounts",
            "location": self.location,
            "kind": if self.tier() == "Premium" { "FileStorage" } else { "StorageV2" },
            "sku": { "name": self.sku, "tier": self.tier() },
            "tags": {},
            "properties": {
                "provisioningState": "Succeeded",
                "creationTime": self.created.to_string(),
                "primaryLocation": self.location,
                "statusOfPrimary": if self.lost { "unavailable" } else { "available" },
                "primaryEndpoints": { "file": format!("https://{}.file.core.windows.net/", self.name) },
                // NFS is spoken without TLS.
                "supportsHttpsTrafficOnly": self.shares.values().all(|share| share.protocol == "SMB"),
            },
        });
        if let Some(zone) = &self.zone {
            body["zones"] = json!([zone]);
        }
        body
    }

    pub(super) fn file_service(&self, cx: &ArmCx<'_>) -> Value {
        json!({
            "id": format!("{}/fileServices/default", self.id(cx)),
            "name": "default",
            "type": "Microsoft.Storage/storageAccounts/fileServices",
            "sku": { "name": self.sku, "tier": self.tier() },
            "properties": { "shareDeleteRetentionPolicy": { "enabled": true, "days": 7 } },
        })
    }

    pub(super) fn list_shares(&self, cx: &ArmCx<'_>) -> Value {
        let listed: Vec<Value> = self.shares.values().map(|share| self.share_body(share, cx)).collect();
        json!({ "value": listed })
    }

    pub(super) fn share_body(&self, share: &FileShare, cx: &ArmCx<'_>) -> Value {
        let etag = ids::hex(&format!("share/{}/{}/{}", self.group, self.name, share.name), 15).to_ascii_uppercase();
        let mut body = json!({
            "id": format!("{}/fileServices/default/shares/{}", self.id(cx), share.name),
            "name": share.name,
            "type": "Microsoft.Storage/storageAccounts/fileServices/shares",
            "etag": format!("\"0x{etag}\""),
            "properties": {
                "shareQuota": share.quota_gib,
                "enabledProtocols": share.protocol,
                "leaseState": "Available",
                "leaseStatus": "Unlocked",
                "lastModifiedTime": self.created.to_string(),
                "accessTier": if self.tier() == "Premium" { "Premium" } else { "TransactionOptimized" },
            },
        });
        if share.protocol == "NFS" {
            body["properties"]["rootSquash"] = "NoRootSquash".into();
        }
        body
    }

    pub(super) fn contents(&self) -> Value {
        json!({
            "location": self.location,
            "sku": self.sku,
            "zone": self.zone,
            "shares": self.shares,
        })
    }
}
