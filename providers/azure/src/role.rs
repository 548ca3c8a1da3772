//! Permissions as a custom role, ready for `az role definition create`. Asks nobody whether it was assigned.

use lifeboat_contract::Permission;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The narrowest role that grants `permissions`. It can be assigned in the resource groups that they are about, and in the whole
/// subscription where one is about that.
///
/// A role grants its actions wherever it is assigned: Azure has no actions on single resources of a scope.
pub fn role(name: &str, permissions: &BTreeSet<Permission>) -> Value {
    let actions: BTreeSet<&str> = permissions.iter().map(|permission| permission.action.as_str()).collect();
    let scopes: BTreeSet<String> = permissions.iter().filter_map(|permission| scope(&permission.resource)).collect();
    let within = |scope: &String| {
        scopes.iter().any(|wide| wide != scope && scope.strip_prefix(wide.as_str()).is_some_and(|r| r.starts_with('/')))
    };
    let assignable: Vec<&String> = scopes.iter().filter(|scope| !within(scope)).collect();
    json!({
        "Name": name,
        "IsCustom": true,
        "Description": format!("What Lifeboat needs for {name}"),
        "Actions": actions,
        "NotActions": [],
        "DataActions": [],
        "NotDataActions": [],
        "AssignableScopes": assignable,
    })
}

/// The resource group, or the subscription, of an ARM id.
fn scope(id: &str) -> Option<String> {
    let segments: Vec<&str> = id.split('/').collect();
    let length = match segments[..] {
        ["", subscriptions, _, groups, _, ..]
            if subscriptions.eq_ignore_ascii_case("subscriptions") && groups.eq_ignore_ascii_case("resourceGroups") =>
        {
            5
        }
        ["", subscriptions, _, ..] if subscriptions.eq_ignore_ascii_case("subscriptions") => 3,
        _ => return None,
    };
    Some(segments[..length].join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_assignable_where_its_resources_are() {
        let permission = |action: &str, resource: &str| Permission {
            action: action.to_owned(),
            resource: resource.to_owned(),
            reads: true,
        };
        let group = "/subscriptions/s/resourceGroups/g";
        let resource = format!("{group}/providers/Microsoft.Network/routeTables/t");
        let read = permission("Microsoft.Network/routeTables/read", &resource);
        let scopes = |more: &[Permission]| {
            let all: BTreeSet<Permission> = [read.clone()].into_iter().chain(more.iter().cloned()).collect();
            role("r", &all)["AssignableScopes"].clone()
        };
        assert_eq!(scopes(&[permission("x", "*")]), json!([group]));
        assert_eq!(scopes(&[permission("x", "/subscriptions/s")]), json!(["/subscriptions/s"]));
        assert_eq!(scopes(&[permission("x", "/subscriptions/sx")]), json!([group, "/subscriptions/sx"]));
    }
}
