//! What a step needs of Azure, in the words of `touches`: control planes with their regions, and permissions.
//!
//! Asks nobody whether a permission was granted.

use crate::{
    arm::{Arm, planes},
    arm_id::ArmId,
    resource::{Resource, region},
};
use lifeboat_contract::{CallError, ControlPlane, Permission, RunContext};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const SUBNETS: &str = "Microsoft.Network/virtualNetworks/subnets";
const APPLICATION_GROUPS: &str = "Microsoft.Network/applicationSecurityGroups";

/// Where a resource is, and where its group's own record is, without which nothing in the group can be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    /// `global` for a resource without a region; `None` where it is not told.
    pub region: Option<String>,
    /// `None` where it can't be told.
    pub group: Option<String>,
}

impl Location {
    pub(crate) async fn of(arm: &Arm<'_>, id: &ArmId, resource: &Resource) -> Result<Self, CallError> {
        Ok(Self { region: resource.location(), group: arm.group_location(id).await? })
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

/// What is needed of a resource whose id is known only once another one was read.
pub(crate) fn may_write_some(action: &str) -> Permission {
    Permission { action: action.to_owned(), resource: "*".to_owned(), reads: false }
}

/// Whoever writes an interface must be allowed to join everything that it refers to: the ids, as the interface shows them.
///
/// Before it was read its subnet alone is sure to be among them.
pub(crate) fn may_join<'r>(references: Option<impl IntoIterator<Item = &'r String>>) -> Vec<Permission> {
    let Some(references) = references else { return vec![may_write_some(&format!("{SUBNETS}/join/action"))] };
    let join = |id: ArmId| {
        let verb = if id.is_a(APPLICATION_GROUPS) { "joinIpConfiguration" } else { "join" };
        may_write(&format!("{}/{verb}/action", id.kind()), &id)
    };
    references.into_iter().filter_map(|id| id.parse().ok()).map(join).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_joined_by_its_own_type() {
        let subnet =
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n".to_owned();
        let [join] = &may_join(Some([&subnet]))[..] else { panic!("one permission") };
        assert_eq!(join.action, "Microsoft.Network/virtualNetworks/subnets/join/action");
        assert_eq!((join.resource.as_str(), join.reads), (subnet.as_str(), false));
        let [unseen] = &may_join(None::<[&String; 0]>)[..] else { panic!("one permission") };
        assert_eq!((unseen.action.as_str(), unseen.resource.as_str()), (join.action.as_str(), "*"));
        let group =
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationSecurityGroups/a".to_owned();
        let action = &may_join(Some([&group]))[0].action;
        assert_eq!(action, "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action");
    }
}
