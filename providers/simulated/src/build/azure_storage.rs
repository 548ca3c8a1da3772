//! Builds storage accounts and their file shares.

use super::{Builder, azure_compute::is_zone};
use crate::{
    azure::{FileShare, StorageAccount, account_key},
    document::{FileShareDocument, ShareProtocolDocument, StorageAccountDocument},
};
use lifeboat_contract::codes;
use std::collections::BTreeMap;

/// The ways in which an account keeps its data.
const SKUS: &[&str] = &[
    "Premium_LRS",
    "Premium_ZRS",
    "PremiumV2_LRS",
    "PremiumV2_ZRS",
    "Standard_GRS",
    "Standard_GZRS",
    "Standard_LRS",
    "Standard_RAGRS",
    "Standard_RAGZRS",
    "Standard_ZRS",
    "StandardV2_GRS",
    "StandardV2_GZRS",
    "StandardV2_LRS",
    "StandardV2_ZRS",
];

impl Builder<'_> {
    pub(super) fn azure_storage_accounts(&mut self) {
        let Some(azure) = &self.document.azure else { return };
        let mut owners: BTreeMap<String, &str> = BTreeMap::new();
        for (group, contents) in &azure.resource_groups {
            for (name, document) in &contents.storage_accounts {
                let at = ["azure", "resource_groups", group, "storage_accounts", name];
                if let Some(other) = owners.insert(name.to_ascii_lowercase(), group) {
                    self.error(&at, codes::DUPLICATE_ID, format!("the group {other} already has an account {name}"));
                }
                let location = self.azure_location(&at, document.location.as_ref(), contents);
                self.storage_account(&at, location, document);
            }
        }
    }

    fn storage_account(&mut self, at: &[&str; 5], location: String, document: &StorageAccountDocument) {
        let [_, _, group, _, name] = *at;
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !(3..=24).contains(&name.len()) || !name.bytes().all(lower) {
            self.error(at, codes::BAD_VALUE, "an account's name has 3 to 24 small letters and digits");
        }
        if !SKUS.contains(&document.sku.as_str()) {
            let message = format!("{} is no sku of a storage account", document.sku);
            self.error(&[&at[..], &["sku"]].concat(), codes::BAD_VALUE, message).hint(SKUS.join(", "));
        }
        if let Some(zone) = &document.zone {
            let path = [&at[..], &["zone"]].concat();
            if !is_zone(zone) {
                self.error(&path, codes::BAD_VALUE, "a zone of Azure is a number").hint("zone: \"1\"");
            }
            if !document.sku.ends_with("_LRS") {
                let message = format!(
                    "{} is kept in several zones: only an account of an LRS sku is pinned to one",
                    document.sku
                );
                self.error(&path, codes::CONFLICTING_FIELDS, message);
            }
        }
        let shares = document.file_shares.iter();
        let shares: Vec<_> = shares.map(|(share, contents)| self.file_share(at, share, contents, document)).collect();
        let account = StorageAccount {
            group: group.to_owned(),
            name: name.to_owned(),
            location,
            sku: document.sku.clone(),
            zone: document.zone.clone(),
            shares: shares.into_iter().map(|share| (share.name.to_ascii_lowercase(), share)).collect(),
            created: self.start,
            lost: false,
        };
        self.cloud.azure.storage.accounts.insert(account_key(group, name), account);
    }

    fn file_share(
        &mut self,
        at: &[&str; 5],
        name: &str,
        document: &FileShareDocument,
        account: &StorageAccountDocument,
    ) -> FileShare {
        let path = [&at[..], &["file_shares", name]].concat();
        if !(1..=102_400).contains(&document.quota_gib) {
            let message = "a share has 1 to 102400 GiB";
            self.error(&[&path[..], &["quota_gib"]].concat(), codes::OUT_OF_RANGE, message);
        }
        if document.protocol == ShareProtocolDocument::Nfs && !account.sku.starts_with("Premium") {
            let message = format!("NFS needs a premium account, not {}", account.sku);
            self.error(&[&path[..], &["protocol"]].concat(), codes::CONFLICTING_FIELDS, message);
        }
        let protocol = match document.protocol {
            ShareProtocolDocument::Nfs => "NFS",
            ShareProtocolDocument::Smb => "SMB",
        };
        FileShare { name: name.to_owned(), quota_gib: document.quota_gib, protocol: protocol.to_owned() }
    }
}
