//! `aws.elbv2.listener_weights`: how a listener, or one of its rules, shares its requests among target groups.
//!
//! Never adds a target group to an action or takes one out, and leaves every other part of the actions as it is.

mod actions;
mod calls;
mod standing;

pub use standing::{Facts, State};

use crate::{
    arn::{self, Arn, region_of},
    connection::Aws,
};
use lifeboat_contract::{
    CallError, CellKey, Change, ControlPlane, Cx, Findings, Observed, Pace, Permission, Refusal, Region, ResourceKey,
    RunContext, Touches, Transition, codes,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeSet, time::Duration};

/// Sets the weights of target groups in the forward action of a load balancer's listener, or of one of its rules.
///
/// The service replaces the whole list of actions, so the whole list is kept and written, and put back exactly on the way back.
/// Weights are shares of new requests: a group with stickiness keeps the clients it has for a while. A group whose weight is above
/// zero gets its share even when none of its targets is healthy, so prove its health before.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerWeights {
    /// The ARN of the listener, for its default action:
    /// `arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/web/0123456789abcdef/0123456789abcdef`.
    #[serde(default)]
    pub listener: Option<String>,
    /// The ARN of one rule instead:
    /// `arn:aws:elasticloadbalancing:us-east-1:111122223333:listener-rule/app/web/0123456789abcdef/0123456789abcdef/0123456789abcdef`.
    #[serde(default)]
    pub rule: Option<String>,
    /// The weights, by target group. Groups that are not named keep theirs.
    #[schemars(length(min = 1))]
    pub weights: Vec<Weight>,
}

/// The weight of one target group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weight {
    /// The ARN of a target group of the action:
    /// `arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web/0123456789abcdef`.
    pub target_group: String,
    /// Its share, 0 to 999, in proportion to the sum of all.
    #[schemars(range(max = 999))]
    pub weight: u16,
}

/// The largest weight that the service takes.
const WEIGHT_MAX: u16 = 999;

impl ListenerWeights {
    /// The ARN of the listener or the rule; empty where there is none, which `check` has reported.
    fn arn(&self) -> &str {
        self.rule.as_deref().or(self.listener.as_deref()).unwrap_or_default()
    }
}

impl Change for ListenerWeights {
    const KIND: &'static str = "aws.elbv2.listener_weights";
    const EXAMPLE: &'static str = "\
listener: arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/web/0123456789abcdef/0123456789abcdef
weights:
  - { target_group: arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web-a/0123456789abcdef, weight: 0 }
  - { target_group: arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web-b/fedcba9876543210, weight: 100 }";
    const REVERSAL: &'static str = "Driving back gives every target group of the action the weight it had; clients that \
                                    stickiness holds stay where they are for its duration.";
    type State = State;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        match (&self.listener, &self.rule) {
            (Some(listener), None) => {
                arn::expect(findings, &["listener"], listener, "elasticloadbalancing", "listener/");
            }
            (None, Some(rule)) => arn::expect(findings, &["rule"], rule, "elasticloadbalancing", "listener-rule/"),
            (Some(_), Some(_)) => {
                findings.error(&[], codes::CONFLICTING_FIELDS, "both `listener` and `rule` are given");
            }
            (None, None) => {
                findings.error(&[], codes::MISSING_FIELD, "neither `listener` nor `rule` is given");
            }
        }
        if self.weights.is_empty() {
            findings.error(&["weights"], codes::BAD_VALUE, "no weight is given");
        }
        let mut seen = BTreeSet::new();
        for (index, weight) in self.weights.iter().enumerate() {
            let index = index.to_string();
            let path = ["weights", index.as_str(), "target_group"];
            arn::expect(findings, &path, &weight.target_group, "elasticloadbalancing", "targetgroup/");
            if !seen.insert(&weight.target_group) {
                findings.error(&path, codes::BAD_VALUE, format!("{} is named twice", weight.target_group));
            }
            if weight.weight > WEIGHT_MAX {
                let message = format!("a weight of {} is not between 0 and {WEIGHT_MAX}", weight.weight);
                findings.error(&["weights", &index, "weight"], codes::OUT_OF_RANGE, message);
            }
        }
    }

    fn touches(&self, _run: &RunContext, now: Option<&Observed<State, Facts>>) -> Touches {
        let arn = self.arn();
        let named = self.weights.iter().map(|weight| &weight.target_group);
        // The whole list is written, so every group of it is ours as soon as it is known.
        let groups: BTreeSet<&String> = now.iter().flat_map(|now| now.state.weights.keys()).chain(named).collect();
        let weights = groups.into_iter().map(|group| CellKey::of(arn, standing::weight_cell(group)));
        let permission = |action: &str, resource: &str, reads| Permission {
            action: format!("elasticloadbalancing:{action}"),
            resource: resource.to_owned(),
            reads,
        };
        let (read, write) =
            if self.rule.is_some() { ("DescribeRules", "ModifyRule") } else { ("DescribeListeners", "ModifyListener") };
        Touches {
            owns: std::iter::once(CellKey::of(arn, standing::ACTIONS)).chain(weights).collect(),
            serialise_on: vec![ResourceKey::new(arn)],
            planes: vec![ControlPlane {
                service: "elasticloadbalancing".to_owned(),
                region: Arn::parse(arn).map(|arn| Region::from(arn.region)),
            }],
            permissions: vec![permission(read, "*", true), permission(write, arn, false)],
            opens_traffic: self.weights.iter().any(|weight| weight.weight > 0),
            fences: false,
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
        calls::read(self, Aws::of(cx)?, region_of(self.arn())).await
    }

    fn target(&self, now: &Observed<State, Facts>, _run: &RunContext) -> Result<State, Refusal> {
        let target = now.state.asked(self);
        if now.state != target {
            standing::admit(self, &now.state, &target, &now.facts)?;
        }
        Ok(target)
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<State, Facts>) -> Result<(), CallError> {
        calls::drive(self, Aws::of(cx)?, region_of(self.arn()), transition).await
    }

    fn pace(&self) -> Pace {
        Pace {
            poll: Duration::from_secs(2),
            settled_polls: 2,
            visible_within: Duration::from_secs(30),
            settle_timeout: Duration::from_mins(3),
            drive_timeout: Duration::from_secs(30),
            lands_within: Duration::from_mins(1),
        }
    }

    fn note(&self, transition: &Transition<State, Facts>) -> Option<String> {
        standing::note(transition)
    }
}
