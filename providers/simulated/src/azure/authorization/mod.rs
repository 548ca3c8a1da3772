//! What the principals of a subscription may do, by roles that are assigned to them. A world without it asks nobody.
//!
//! Roles allow and never deny: what one leaves out (`NotActions`), another may allow.

mod need;

pub(crate) use need::Need;

use super::{ArmError, ArmReply, ArmRequest};
use crate::{ids, wildcard};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Whose a token is that nobody has.
const OPERATOR: &str = "operator";

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Authorization {
    /// By name.
    pub(crate) roles: BTreeMap<String, Role>,
    /// Assignments by principal.
    pub(crate) principals: BTreeMap<String, Vec<Assignment>>,
    /// Principals by token.
    pub(crate) tokens: BTreeMap<String, String>,
}

/// Actions as patterns, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) actions: Vec<String>,
    pub(crate) not_actions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Assignment {
    pub(crate) role: String,
    pub(crate) scope: String,
}

impl Role {
    fn allows(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let named = |patterns: &[String]| patterns.iter().any(|pattern| wildcard::matches(pattern, &action));
        named(&self.actions) && !named(&self.not_actions)
    }
}

impl Authorization {
    fn principal(&self, request: &ArmRequest<'_>) -> &str {
        let token = request.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
        token.and_then(|token| self.tokens.get(token)).map_or(OPERATOR, String::as_str)
    }

    /// The roles that a principal has at a scope: those assigned there, or at a scope that it is in.
    fn roles_at<'a>(&'a self, principal: &str, scope: &'a str) -> impl Iterator<Item = &'a Role> {
        let assigned = self.principals.get(principal).into_iter().flatten();
        assigned.filter(move |one| is_within(scope, &one.scope)).filter_map(|one| self.roles.get(&one.role))
    }

    /// Refuses a request unless one role of its principal allows its action, and one each action on what it links to.
    fn authorize(&self, request: &ArmRequest<'_>) -> Result<(), ArmError> {
        let principal = self.principal(request);
        let client = || format!("client '{principal}' with object id '{}'", object_id(principal));
        let may = |need: &Need| self.roles_at(principal, &need.scope).any(|role| role.allows(&need.action));
        let own = Need::of(request);
        if !may(&own) {
            let message = format!(
                "The {} does not have authorization to perform action '{}' over scope '{}' or the scope is invalid. If \
                 access was recently granted, please refresh your credentials.",
                client(),
                own.action,
                own.scope
            );
            return Err(ArmError::new(403, "AuthorizationFailed", message));
        }
        let missing: Vec<Need> = Need::linked(request).into_iter().filter(|need| !may(need)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let listed = |field: fn(&Need) -> &str| missing.iter().map(field).collect::<Vec<_>>().join(",");
        let message = format!(
            "The {} has permission to perform action '{}' on scope '{}'; however, it does not have permission to perform \
             action(s) '{}' on the linked scope(s) '{}' (respectively) or the linked scope(s) are invalid.",
            client(),
            own.action,
            own.scope,
            listed(|need| &need.action),
            listed(|need| &need.scope),
        );
        Err(ArmError::new(403, "LinkedAuthorizationFailed", message))
    }
}

/// Refuses what the principal of a request may not do.
pub(super) fn authorize(authorization: Option<&Authorization>, request: &ArmRequest<'_>) -> Result<(), ArmError> {
    authorization.map_or(Ok(()), |authorization| authorization.authorize(request))
}

/// Answers for `Microsoft.Authorization`: all that the caller may do at a scope.
pub(super) fn answer(authorization: Option<&Authorization>, request: &ArmRequest<'_>) -> Result<ArmReply, ArmError> {
    let path = &request.path;
    match (path.shape().as_str(), &request.method) {
        ("permissions", &Method::GET) => {}
        ("permissions", method) => return Err(ArmError::method_not_allowed(method)),
        _ => return Err(ArmError::unknown_type(path)),
    }
    let entry = |actions: &[String], not: &[String]| json!({ "actions": actions, "notActions": not, "dataActions": [], "notDataActions": [] });
    let entries: Vec<Value> = match authorization {
        None => vec![entry(&["*".to_owned()], &[])],
        Some(known) => {
            let scope = path.scope();
            let roles = known.roles_at(known.principal(request), &scope);
            roles.map(|role| entry(&role.actions, &role.not_actions)).collect()
        }
    };
    Ok(ArmReply::Json(200, json!({ "value": entries })))
}

/// A principal's id in its tenant.
fn object_id(principal: &str) -> String {
    ids::uuid(&format!("principal/{principal}"))
}

/// Whether a scope is another one or lies in it.
pub(crate) fn is_within(scope: &str, wide: &str) -> bool {
    let (scope, wide) = (scope.to_ascii_lowercase(), wide.trim_end_matches('/').to_ascii_lowercase());
    scope.strip_prefix(&wide).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
