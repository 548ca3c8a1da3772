//! What a step needs of Azure, in the words of `touches`: control planes with their regions, and permissions.
//!
//! Asks nobody whether a permission was granted.

use crate::{
    arm::{Arm, planes},
    arm_id::ArmId,
    resource::{Resource, region},
};
use lifeboat_contract::{ControlPlane, Permission, RunContext};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where a resource is, and where its group's own record is, without which nothing in the group can be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    /// `global` for a resource without a region; `None` where it is not told.
    pub region: Option<String>,
    /// `None` where it may not be read.
    pub group: Option<String>,
}

impl Location {
    pub(crate) async fn of(arm: &Arm<'_>, id: &ArmId, resource: &Resource) -> Self {
        Self { region: resource.location(), group: arm.group_location(id).await }
    }
}

/// The control planes of `service` and of the groups at `seen`; what was not seen is taken to be at the step's site.
pub(crate) fn planes_at<'l>(
    service: &str,
    run: &RunContext,
    seen: impl IntoIterator<Item = &'l Location>,
) -> Vec<ControlPlane> {
    let home = run.region().map(region);
    let at = |location: &Location| {
        planes(service, location.region.as_deref().or(home.as_deref()), location.group.as_deref())
    };
    let found: BTreeSet<ControlPlane> = seen.into_iter().flat_map(at).collect();
    if found.is_empty() { planes(service, home.as_deref(), None) } else { found.into_iter().collect() }
}

/// `action` with its namespace: `Microsoft.Network/routeTables/read`.
pub(crate) fn may_read(action: &str, id: &ArmId) -> Permission {
    Permission { action: action.to_owned(), resource: id.to_string(), reads: true }
}

pub(crate) fn may_write(action: &str, id: &ArmId) -> Permission {
    Permission { action: action.to_owned(), resource: id.to_string(), reads: false }
}

/// Reading where the group's record is.
pub(crate) fn may_read_group(id: &ArmId) -> Permission {
    may_read("Microsoft.Resources/subscriptions/resourceGroups/read", &id.group_scope())
}

/// Whoever writes a resource that refers to others must be allowed to join each of them: their ids, as the resource shows them.
pub(crate) fn may_join<'r>(references: impl IntoIterator<Item = &'r String>) -> Vec<Permission> {
    let join = |id: ArmId| may_write(&format!("{}/join/action", id.kind()), &id);
    references.into_iter().filter_map(|id| id.parse().ok()).map(join).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_joined_by_its_own_type() {
        let subnet =
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n".to_owned();
        let [join] = &may_join([&subnet])[..] else { panic!("one permission") };
        assert_eq!(join.action, "Microsoft.Network/virtualNetworks/subnets/join/action");
        assert_eq!((join.resource.as_str(), join.reads), (subnet.as_str(), false));
    }
}
