//! `Microsoft.Storage`: accounts and their file shares, as far as somebody looks at them. Changes none, and holds no data.

mod describe;

#[cfg(test)]
mod tests;

use super::{ArmCx, ArmError, ArmPath, ArmReply, ArmRequest, Azure};
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Every storage account of a subscription, by group and name in lower case.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Storage {
    pub(crate) accounts: BTreeMap<String, StorageAccount>,
}

/// A storage account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StorageAccount {
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) location: String,
    /// `Premium_ZRS`.
    pub(crate) sku: String,
    /// The zone that it is pinned to.
    pub(crate) zone: Option<String>,
    /// By name in lower case.
    pub(crate) shares: BTreeMap<String, FileShare>,
    pub(crate) created: Timestamp,
    /// Its data can't be reached: its region is lost, or the zone that it is pinned to.
    pub(crate) lost: bool,
}

/// A file share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileShare {
    pub(crate) name: String,
    pub(crate) quota_gib: u32,
    /// `NFS` or `SMB`.
    pub(crate) protocol: String,
}

impl Storage {
    pub(crate) fn answer(&mut self, request: &ArmRequest<'_>, cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        let path = &request.path;
        let last = path.last();
        let types: Vec<String> = path.types.iter().map(|(kind, _)| kind.to_ascii_lowercase()).collect();
        let types: Vec<&str> = types.iter().map(String::as_str).collect();
        let known = matches!(
            (types.as_slice(), last.as_deref()),
            ([], Some("storageaccounts"))
                | (["storageaccounts"], None | Some("fileservices"))
                | (["storageaccounts", "fileservices"], None | Some("shares"))
                | (["storageaccounts", "fileservices", "shares"], None)
        );
        if !known {
            return Err(ArmError::unknown_type(path));
        }
        if request.method != Method::GET {
            return Err(ArmError::method_not_allowed(&request.method));
        }
        let body = match types.as_slice() {
            [] => self.list(path, cx),
            [_] if last.is_none() => self.account(request)?.body(cx),
            [_] => json!({ "value": [self.account(request)?.file_service(cx)] }),
            [_, _] => {
                let account = self.account(request)?;
                if !path.name_at(1).eq_ignore_ascii_case("default") {
                    return Err(ArmError::resource_not_found(path));
                }
                if last.is_none() { account.file_service(cx) } else { account.list_shares(cx) }
            }
            _ => {
                let account = self.account(request)?;
                let share = account.shares.get(&path.name().to_ascii_lowercase());
                let missing = || ArmError::new(404, "ShareNotFound", "The specified share does not exist.");
                account.share_body(share.ok_or_else(missing)?, cx)
            }
        };
        Ok(ArmReply::Json(200, body))
    }

    fn account(&self, request: &ArmRequest<'_>) -> Result<&StorageAccount, ArmError> {
        let path = &request.path;
        let key = account_key(path.group.as_deref().unwrap_or_default(), path.name_at(0));
        let missing = || match path.types.len() {
            1 => ArmError::resource_not_found(path),
            _ => ArmError::parent_not_found(request),
        };
        self.accounts.get(&key).ok_or_else(missing)
    }

    fn list(&self, path: &ArmPath, cx: &ArmCx<'_>) -> Value {
        let inside = |account: &&StorageAccount| {
            path.group.as_ref().is_none_or(|group| group.eq_ignore_ascii_case(&account.group))
        };
        let listed: Vec<Value> = self.accounts.values().filter(inside).map(|account| account.body(cx)).collect();
        json!({ "value": listed })
    }

    /// Takes note of which regions and zones are there.
    pub(crate) fn notice(&mut self, region_up: &dyn Fn(&str) -> bool, zone_up: &dyn Fn(&str, &str) -> bool) {
        for account in self.accounts.values_mut() {
            let zone_lost = account.zone.as_ref().is_some_and(|zone| !zone_up(&account.location, zone));
            account.lost = !region_up(&account.location) || zone_lost;
        }
    }

    /// The configuration alone.
    pub(crate) fn contents(&self) -> Value {
        self.accounts.iter().map(|(key, account)| (key.clone(), account.contents())).collect::<Map<_, _>>().into()
    }
}

impl Azure {
    /// Whether there is a share, as `GROUP/ACCOUNT/SHARE`.
    pub(crate) fn has_share(&self, share: &str) -> bool {
        let named = share.rsplit_once('/').and_then(|(account, name)| {
            self.storage.accounts.get(&account.to_ascii_lowercase())?.shares.get(&name.to_ascii_lowercase())
        });
        named.is_some()
    }

    /// Whether a share, as `GROUP/ACCOUNT/SHARE`, can be used from a zone of its account's region.
    ///
    /// An account pinned to a zone is reached from the others as well, for as long as its own is there. Whether the zone
    /// that asks is there itself, the caller knows.
    pub(crate) fn share_available(&self, share: &str, zone: &str) -> bool {
        let Some((account, name)) = share.rsplit_once('/') else { return false };
        let account = self.storage.accounts.get(&account.to_ascii_lowercase());
        // A zone is named with its region, or by its number alone.
        let near = |account: &StorageAccount| zone.split_once('/').is_none_or(|(region, _)| region == account.location);
        account.is_some_and(|account| {
            !account.lost && near(account) && account.shares.contains_key(&name.to_ascii_lowercase())
        })
    }
}

/// What accounts are kept by.
pub(crate) fn account_key(group: &str, name: &str) -> String {
    format!("{group}/{name}").to_ascii_lowercase()
}
