//! Who may do what on Azure, as an operator writes it: role definitions in Azure's own words, and to whom they are assigned.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Roles and principals. Without it, everybody may do everything.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureAuthorizationDocument {
    /// Role definitions, as `az role definition create` takes them. There is no built-in role.
    #[serde(default)]
    pub role_definitions: Vec<RoleDefinitionDocument>,
    /// Principals, by name.
    #[serde(default)]
    pub principals: BTreeMap<String, AzurePrincipalDocument>,
}

/// A user, a group's member or a service principal.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzurePrincipalDocument {
    /// The tokens that are the principal's. A token that nobody has is the principal `operator`'s.
    #[serde(default)]
    pub tokens: Vec<String>,
    #[serde(default)]
    pub role_assignments: Vec<RoleAssignmentDocument>,
}

/// A role that a principal has at a scope, and at all that is in it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleAssignmentDocument {
    /// The name of a role definition.
    pub role: String,
    /// The id of a subscription, a resource group or a resource. One of the role's `AssignableScopes`, or within one.
    pub scope: String,
}

/// A custom role.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct RoleDefinitionDocument {
    pub name: String,
    #[serde(default)]
    pub is_custom: Option<bool>,
    #[serde(default)]
    pub description: Option<String>,
    /// `Microsoft.Network/routeTables/routes/write`, with `*`.
    #[serde(default)]
    pub actions: Vec<String>,
    /// What the actions do not hold. Another role may.
    #[serde(default)]
    pub not_actions: Vec<String>,
    /// Not simulated.
    #[serde(default)]
    pub data_actions: Vec<String>,
    /// Not simulated.
    #[serde(default)]
    pub not_data_actions: Vec<String>,
    /// The ids of subscriptions and resource groups.
    pub assignable_scopes: Vec<String>,
}
