//! Builds role definitions, principals and their assignments.

use super::{Builder, place};
use crate::{
    azure::{Assignment, Authorization, Role, is_within},
    document::{AzureAuthorizationDocument, RoleAssignmentDocument},
};
use lifeboat_contract::codes;

impl Builder<'_> {
    pub(super) fn azure_authorization(&mut self) {
        let document = self.document.azure.as_ref().and_then(|azure| azure.authorization.as_ref());
        let Some(document) = document else { return };
        let mut authorization = Authorization::default();
        let lower = |patterns: &[String]| patterns.iter().map(|pattern| pattern.to_ascii_lowercase()).collect();
        for (index, role) in document.role_definitions.iter().enumerate() {
            let built = Role { actions: lower(&role.actions), not_actions: lower(&role.not_actions) };
            if authorization.roles.insert(role.name.clone(), built).is_some() {
                let at = ["azure", "authorization", "role_definitions", &place(index), "Name"];
                self.error(&at, codes::DUPLICATE_ID, format!("another role is called {}", role.name));
            }
        }
        for (name, principal) in &document.principals {
            let at = ["azure", "authorization", "principals", name];
            for token in &principal.tokens {
                if authorization.tokens.insert(token.clone(), name.clone()).is_some() {
                    let message = "one of these tokens is another principal's";
                    self.error(&[&at[..], &["tokens"]].concat(), codes::DUPLICATE_ID, message);
                }
            }
            for (index, assignment) in principal.role_assignments.iter().enumerate() {
                let index = place(index);
                let at = [&at[..], &["role_assignments", &index]].concat();
                self.check_assignment(&at, document, assignment);
            }
            let assigned = principal.role_assignments.iter();
            let assigned = assigned.map(|one| Assignment { role: one.role.clone(), scope: one.scope.clone() });
            authorization.principals.insert(name.clone(), assigned.collect());
        }
        self.cloud.azure.authorization = Some(authorization);
    }

    fn check_assignment(
        &mut self,
        at: &[&str],
        document: &AzureAuthorizationDocument,
        assignment: &RoleAssignmentDocument,
    ) {
        let Some(role) = document.role_definitions.iter().find(|role| role.name == assignment.role) else {
            self.unknown(&[at, &["role"]].concat(), "role definition", &assignment.role);
            return;
        };
        if !role.assignable_scopes.iter().any(|scope| is_within(&assignment.scope, scope)) {
            let message = format!("the role {} can't be assigned at {}", role.name, assignment.scope);
            self.error(&[at, &["scope"]].concat(), codes::BAD_VALUE, message)
                .hint(format!("its AssignableScopes are {}", role.assignable_scopes.join(", ")));
        }
    }
}
