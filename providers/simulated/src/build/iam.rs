//! Builds users, roles and their policies.

use super::{Builder, place};
use crate::{
    document::{EffectDocument, PolicyDocument, StatementDocument, TextsDocument},
    iam::{Condition, Iam, Policy, Statement},
};
use lifeboat_contract::codes;
use std::collections::BTreeMap;

impl Builder<'_> {
    pub(super) fn iam(&mut self) {
        let Some(document) = &self.document.aws.iam else { return };
        let mut iam = Iam::default();
        for (name, user) in &document.users {
            let at = ["aws", "iam", "users", name];
            let policies = self.policies(&user.policies, &at);
            iam.users.insert(name.clone(), policies);
            for key in &user.access_keys {
                if iam.access_keys.insert(key.clone(), name.clone()).is_some() {
                    let message = format!("the access key {key} is another user's");
                    self.error(&[&at[..], &["access_keys"]].concat(), codes::DUPLICATE_ID, message);
                }
            }
        }
        for (name, role) in &document.roles {
            let policies = self.policies(&role.policies, &["aws", "iam", "roles", name]);
            iam.roles.insert(name.clone(), policies);
        }
        self.cloud.iam = Some(iam);
    }

    fn policies(&mut self, documents: &[PolicyDocument], at: &[&str]) -> Vec<Policy> {
        let mut policies = Vec::with_capacity(documents.len());
        for (index, document) in documents.iter().enumerate() {
            let mut statements = Vec::with_capacity(document.statement.len());
            for (nth, statement) in document.statement.iter().enumerate() {
                let (index, nth) = (place(index), place(nth));
                statements.push(self.statement(statement, &[at, &["policies", &index, "Statement", &nth]].concat()));
            }
            policies.push(Policy { statements });
        }
        policies
    }

    fn statement(&mut self, document: &StatementDocument, at: &[&str]) -> Statement {
        let conditions = document.condition.iter();
        Statement {
            allows: document.effect == EffectDocument::Allow,
            actions: document.action.clone(),
            resources: document.resource.clone(),
            conditions: conditions.flat_map(|(operator, keys)| self.conditions(operator, keys, at)).collect(),
        }
    }

    fn conditions(&mut self, operator: &str, keys: &BTreeMap<String, TextsDocument>, at: &[&str]) -> Vec<Condition> {
        let like = match operator {
            "StringEquals" => Some(false),
            "StringLike" => Some(true),
            _ => None,
        };
        let mut conditions = Vec::with_capacity(keys.len());
        for (key, texts) in keys {
            match like {
                Some(like) if key.eq_ignore_ascii_case("aws:RequestedRegion") => {
                    conditions.push(Condition { like, regions: texts.0.clone() });
                }
                _ => {
                    let path = [at, &["Condition", operator, key]].concat();
                    self.error(&path, codes::BAD_VALUE, format!("the condition {operator} of {key} is not simulated"))
                        .hint("write StringEquals or StringLike of aws:RequestedRegion");
                }
            }
        }
        conditions
    }
}
