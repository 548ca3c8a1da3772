//! Builds a subscription: its resource groups and options, and how its names become ids. Builds no resource.

use super::Builder;
use crate::{
    azure::{Options, ResourceGroup},
    document::{AzureOptionsDocument, ResourceGroupDocument},
};
use lifeboat_contract::{Span, codes};

impl Builder<'_> {
    pub(super) fn azure(&mut self) {
        let Some(document) = &self.document.azure else { return };
        if !is_uuid(&document.subscription) {
            self.error(&["azure", "subscription"], codes::BAD_VALUE, "the id of a subscription is a UUID")
                .hint("subscription: 00000000-0000-0000-0000-000000000001");
        }
        if !document.tenant.is_empty() && !is_uuid(&document.tenant) {
            self.error(&["azure", "tenant"], codes::BAD_VALUE, "the id of a tenant is a UUID");
        }
        self.cloud.azure.subscription.clone_from(&document.subscription);
        self.cloud.azure.tenant.clone_from(&document.tenant);
        self.cloud.azure.options = options(&document.options);
        for (name, group) in &document.resource_groups {
            let at = ["azure", "resource_groups", name];
            self.check_location(&[&at[..], &["location"]].concat(), &group.location);
            let built = ResourceGroup { name: name.clone(), location: group.location.clone() };
            if self.cloud.azure.groups.insert(name.to_ascii_lowercase(), built).is_some() {
                self.error(
                    &at,
                    codes::DUPLICATE_ID,
                    format!("another resource group is called {name} in other letters"),
                );
            }
        }
    }

    /// The region of a resource: its own, or its group's.
    pub(super) fn azure_location(
        &mut self,
        at: &[&str],
        own: Option<&String>,
        group: &ResourceGroupDocument,
    ) -> String {
        if let Some(own) = own {
            self.check_location(&[at, &["location"]].concat(), own);
        }
        own.unwrap_or(&group.location).clone()
    }

    fn check_location(&mut self, at: &[&str], name: &str) {
        if !is_location(name) {
            self.error(at, codes::BAD_VALUE, format!("{name} is not the name of a region of Azure"))
                .hint("write it in one word and small letters: eastus");
        }
    }

    /// Whether the document speaks of a region by this name, in either cloud.
    pub(super) fn is_known_region(&self, name: &str) -> bool {
        let groups = || self.document.azure.iter().flat_map(|azure| azure.resource_groups.values());
        crate::answer::is_region(name)
            || groups().any(|group| group.location == name)
            || self.cloud.azure.network.locations().any(|location| location == name)
            || self.cloud.azure.compute.machines.values().any(|machine| machine.location == name)
    }
}

fn options(document: &AzureOptionsDocument) -> Options {
    let usual = Options::default();
    let given = |span: Option<Span>, usual| span.map_or(usual, Span::get);
    Options {
        network_write: given(document.network_write, usual.network_write),
        busy_is_retryable: document.busy_is_retryable,
        effective_routes: given(document.effective_routes, usual.effective_routes),
        retry_after: given(document.retry_after, usual.retry_after),
        operation_kept: given(document.operation_kept, usual.operation_kept),
    }
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Regions of Azure have names in one word: `eastus`, `westeurope2`.
fn is_location(name: &str) -> bool {
    let letters = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (3..=40).contains(&name.len()) && letters && name.as_bytes()[0].is_ascii_lowercase()
}
