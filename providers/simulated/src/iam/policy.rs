//! Policies, and what they say to one action on one resource. Knows no service.

use crate::wildcard::matches;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub(crate) statements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Statement {
    pub(crate) allows: bool,
    pub(crate) actions: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) conditions: Vec<Condition>,
}

/// A condition on the region that is called: one of these must be it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Condition {
    /// Whether `*` and `?` are wildcards.
    pub(crate) like: bool,
    pub(crate) regions: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allowed,
    /// Nothing allows it.
    NotAllowed,
    /// A statement denies it, whatever others allow.
    Denied,
}

pub(crate) fn decide(policies: &[Policy], action: &str, resource: &str, region: &str) -> Decision {
    let mut decision = Decision::NotAllowed;
    for statement in policies.iter().flat_map(|policy| &policy.statements) {
        if statement.concerns(action, resource, region) {
            if !statement.allows {
                return Decision::Denied;
            }
            decision = Decision::Allowed;
        }
    }
    decision
}

impl Policy {
    /// Whether it has a condition on the region that is called.
    pub(crate) fn is_conditional(&self) -> bool {
        self.statements.iter().any(|statement| !statement.conditions.is_empty())
    }
}

impl Statement {
    fn concerns(&self, action: &str, resource: &str, region: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.actions.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
            && self.resources.iter().any(|pattern| matches(pattern, resource))
            && self.conditions.iter().all(|condition| condition.holds(region))
    }
}

impl Condition {
    fn holds(&self, region: &str) -> bool {
        self.regions.iter().any(|asked| if self.like { matches(asked, region) } else { asked == region })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(allows: bool, action: &str, resource: &str) -> Statement {
        Statement { allows, actions: vec![action.into()], resources: vec![resource.into()], conditions: Vec::new() }
    }

    #[test]
    fn a_denial_outweighs_every_permission() {
        let policy = |statements: &[Statement]| [Policy { statements: statements.to_vec() }];
        let decided =
            |statements: &[Statement]| decide(&policy(statements), "ec2:ReplaceRoute", "arn:rtb-1", "us-east-1");
        let allow = statement(true, "EC2:replace*", "arn:rtb-*");
        assert_eq!(decided(&[]), Decision::NotAllowed);
        assert_eq!(decided(std::slice::from_ref(&allow)), Decision::Allowed, "actions compare without case");
        assert_eq!(decided(&[allow.clone(), statement(false, "*", "arn:rtb-1")]), Decision::Denied);
        assert_eq!(decided(&[statement(true, "ec2:ReplaceRoute", "arn:rtb-2")]), Decision::NotAllowed);
        let there = Condition { like: false, regions: vec!["eu-west-1".into()] };
        assert_eq!(decided(&[Statement { conditions: vec![there], ..allow.clone() }]), Decision::NotAllowed);
        let like = Condition { like: true, regions: vec!["us-*".into()] };
        assert_eq!(decided(&[Statement { conditions: vec![like], ..allow }]), Decision::Allowed);
    }
}
