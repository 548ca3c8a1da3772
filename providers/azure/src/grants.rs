//! Asks Azure what the caller may do where a run works, before any of it is done.
//!
//! The Resource Manager lists the roles' actions; whether one of them holds an action is found out here. It does not list deny
//! assignments, locks and policies.

use crate::{
    arm::Arm,
    arm_id::ArmId,
    claims,
    connection::Azure,
    errors::is_absence,
    operations::{PERMISSIONS_OF_GROUP, PERMISSIONS_OF_RESOURCE},
};
use futures_util::{StreamExt as _, stream};
use lifeboat_contract::{CallError, Cx, Grants, Permission};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How many scopes are asked about at the same time.
const AT_ONCE: usize = 8;
const MISSING: &str = "no role assignment allows it";

/// What asking for permissions needs.
pub fn permissions_permission(subscription: Option<&str>) -> Permission {
    Permission {
        action: "Microsoft.Authorization/permissions/read".to_owned(),
        resource: subscription.map_or_else(|| "*".to_owned(), |subscription| format!("/subscriptions/{subscription}")),
        reads: true,
    }
}

/// One role, as far as it holds at a scope. In lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Role {
    actions: Vec<String>,
    not_actions: Vec<String>,
}

impl Azure {
    /// What the caller's roles say to `permissions`, each asked about where it is needed.
    pub async fn grants(&self, cx: &Cx, permissions: &BTreeSet<Permission>) -> Result<Grants, CallError> {
        let arm = Arm::over(self, cx);
        let mut grants = Grants { principal: claims::principal(&self.token().await?), ..Grants::default() };
        let mut asked: BTreeMap<ArmId, Vec<&Permission>> = BTreeMap::new();
        for permission in permissions {
            match scope(&permission.resource) {
                // A part of a resource may not be there yet: the resource itself is.
                Some(scope) => asked.entry(scope.top()).or_default().push(permission),
                None => {
                    grants.unknown.insert(permission.clone());
                }
            }
        }
        let mut parts: BTreeMap<ArmId, Vec<&Permission>> = BTreeMap::new();
        for (whole, roles, needed) in all_roles(arm, asked).await {
            let roles = roles?;
            for permission in needed.into_iter().filter(|one| !is_allowed(&roles, one)) {
                let part = scope(&permission.resource).filter(|part| *part != whole);
                match part {
                    Some(part) => parts.entry(part).or_default().push(permission),
                    None => drop(grants.denied.insert(permission.clone(), MISSING.to_owned())),
                }
            }
        }
        // A role may be assigned at the part alone. At one that is not there, none can be.
        for (_, roles, needed) in all_roles(arm, parts).await {
            let roles = match roles {
                Err(error) if is_absence(&error) => Vec::new(),
                roles => roles?,
            };
            for permission in needed.into_iter().filter(|one| !is_allowed(&roles, one)) {
                grants.denied.insert(permission.clone(), MISSING.to_owned());
            }
        }
        Ok(grants)
    }
}

/// Where a permission is needed: a resource, a part of one, or a group. `None` where that is not known.
fn scope(id: &str) -> Option<ArmId> {
    id.parse().ok().or_else(|| ArmId::group_of(id))
}

fn is_allowed(roles: &[Role], permission: &Permission) -> bool {
    roles.iter().any(|role| role.allows(&permission.action))
}

/// A scope, what is known of the caller's roles there, and what was asked about it.
type Answered<'p> = (ArmId, Result<Vec<Role>, CallError>, Vec<&'p Permission>);

async fn all_roles<'p>(arm: Arm<'_>, asked: BTreeMap<ArmId, Vec<&'p Permission>>) -> Vec<Answered<'p>> {
    let each = asked.into_iter().map(|(scope, needed)| async move {
        let roles = roles(arm, &scope).await;
        (scope, roles, needed)
    });
    stream::iter(each).buffered(AT_ONCE).collect().await
}

async fn roles(arm: Arm<'_>, scope: &ArmId) -> Result<Vec<Role>, CallError> {
    let operation = if scope.kind().is_empty() { &PERMISSIONS_OF_GROUP } else { &PERMISSIONS_OF_RESOURCE };
    Ok(arm.list(operation, scope).await?.iter().map(Role::of).collect())
}

impl Role {
    fn of(entry: &Value) -> Self {
        let list = |field: &str| {
            let items = entry[field].as_array().into_iter().flatten().filter_map(Value::as_str);
            items.map(str::to_ascii_lowercase).collect()
        };
        Self { actions: list("actions"), not_actions: list("notActions") }
    }

    fn allows(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let named = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, &action));
        named(&self.actions) && !named(&self.not_actions)
    }
}

/// Whether `action` is what `pattern` describes: `*` stands for any text.
fn matches(pattern: &str, action: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = action.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::{RecordedWire, answer, ok, surroundings};
    use lifeboat_contract::Mode;
    use serde_json::json;

    const TABLE: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/routeTables/t";

    fn write(action: &str, resource: &str) -> Permission {
        Permission { action: action.to_owned(), resource: resource.to_owned(), reads: false }
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, action) in
            [("*", "a/b"), ("a/*", "a/b/c"), ("*/read", "a/b/read"), ("a/*/c/*", "a/b/c/d"), ("a", "a")]
        {
            assert!(matches(pattern, action), "{pattern} {action}");
        }
        for (pattern, action) in [("a", "a/b"), ("a/*", "b/a/"), ("*/read", "a/write"), ("a*a", "a"), ("", "a")] {
            assert!(!matches(pattern, action), "{pattern} {action}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_role_must_hold_the_action_and_another_cannot_take_it_away() {
        let roles = json!({ "value": [
            { "actions": ["Microsoft.Network/routeTables/*"], "notActions": ["Microsoft.Network/routeTables/routes/delete"] },
            { "actions": ["*/read"], "notActions": ["Microsoft.Network/routeTables/routes/*"] },
        ] });
        let wire = RecordedWire::new([("Permissions_ListForResource", vec![ok(roles.clone()), ok(roles)])]);
        let (azure, cx) = surroundings(wire.clone(), Mode::Switchover);
        let route = format!("{TABLE}/routes/r");
        let asked = BTreeSet::from([
            write("microsoft.network/routetables/routes/write", &route),
            write("Microsoft.Network/routeTables/routes/delete", &route),
            write("Microsoft.Network/virtualNetworks/subnets/join/action", "*"),
        ]);
        let grants = azure.grants(&cx, &asked).await.unwrap();
        let denied: Vec<&str> = grants.denied.keys().map(|one| one.action.as_str()).collect();
        assert_eq!(denied, ["Microsoft.Network/routeTables/routes/delete"]);
        let unknown: Vec<&str> = grants.unknown.iter().map(|one| one.resource.as_str()).collect();
        assert_eq!(unknown, ["*"]);
        let url = format!("https://management.azure.com{TABLE}/providers/Microsoft.Authorization/permissions");
        let part = format!("https://management.azure.com{route}/providers/Microsoft.Authorization/permissions");
        let asked = [url, part].map(|url| format!("{url}?api-version=2022-04-01"));
        assert_eq!(wire.urls("Permissions_ListForResource"), asked, "a part where its whole is not enough");
        assert_eq!(wire.writes().len(), 0, "asking changes nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_is_asked_about_as_such_and_a_refusal_is_an_error() {
        let group = "/subscriptions/s/resourceGroups/g";
        let refusal = json!({ "error": { "code": "AuthorizationFailed", "message": "The client 'x' …" } });
        let wire = RecordedWire::new([("Permissions_ListForResourceGroup", vec![answer(403, refusal)])]);
        let (azure, cx) = surroundings(wire, Mode::Switchover);
        let asked = BTreeSet::from([write("Microsoft.Resources/subscriptions/resourceGroups/read", group)]);
        assert!(azure.grants(&cx, &asked).await.unwrap_err().denied);
    }
}
