//! IAM: what the principals of an AWS account may do. A world without users and roles asks nobody.

mod need;
mod policy;
mod simulate;

pub(crate) use need::Need;
pub(crate) use policy::{Condition, Decision, Policy, Statement};
pub(crate) use simulate::{READS, answer, is_served_in};

use crate::codec::{ApiError, Protocol};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whose an access key is that nobody has.
pub(crate) const OPERATOR: &str = "operator";

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Iam {
    /// Policies by user.
    pub(crate) users: BTreeMap<String, Vec<Policy>>,
    /// Policies by role.
    pub(crate) roles: BTreeMap<String, Vec<Policy>>,
    /// Users by access key.
    pub(crate) access_keys: BTreeMap<String, String>,
}

impl Iam {
    /// The user of an access key that is no session's.
    pub(crate) fn user(&self, access_key: &str) -> &str {
        self.access_keys.get(access_key).map_or(OPERATOR, String::as_str)
    }

    /// The policies of a principal: a user, or a session of a role.
    fn policies(&self, principal: &str) -> &[Policy] {
        let name = principal.splitn(6, ':').nth(5).unwrap_or_default();
        let found = match name.split('/').collect::<Vec<_>>()[..] {
            ["user", user] => self.users.get(user),
            ["assumed-role", role, _] => self.roles.get(role),
            _ => None,
        };
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// Refuses a request unless the principal's policies allow its action on every one of its resources.
    pub(crate) fn authorize(
        &self,
        principal: &str,
        need: &Need,
        region: &str,
        protocol: Protocol,
    ) -> Result<(), ApiError> {
        let policies = self.policies(principal);
        for resource in &need.resources {
            let decision = policy::decide(policies, &need.action, resource, region);
            let action = &need.action;
            let why = match decision {
                Decision::Allowed => continue,
                Decision::NotAllowed => format!("because no identity-based policy allows the {action} action"),
                Decision::Denied => "with an explicit deny in an identity-based policy".to_owned(),
            };
            let said =
                format!("User: {principal} is not authorized to perform: {action} on resource: {resource} {why}");
            return Err(denied(protocol, &need.action, said));
        }
        Ok(())
    }
}

/// The refusal in the words of the service's own protocol.
fn denied(protocol: Protocol, action: &str, said: String) -> ApiError {
    match protocol {
        Protocol::Ec2 => {
            let message = format!("You are not authorized to perform this operation. {said}");
            ApiError::new("UnauthorizedOperation", 403, message)
        }
        Protocol::RestJson(_) => ApiError::new("AccessDeniedException", 403, said),
        // Metrics kept the code that they had before they spoke JSON.
        Protocol::Json10 | Protocol::Json11 | Protocol::Cbor if !action.starts_with("cloudwatch:") => {
            ApiError::bad("AccessDeniedException", said)
        }
        Protocol::Query(_) | Protocol::Json10 | Protocol::Json11 | Protocol::Cbor => {
            ApiError::new("AccessDenied", 403, said)
        }
    }
}
