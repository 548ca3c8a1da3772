//! `aws.elbv2.target_group`: whether given targets are registered with a target group.
//!
//! Leaves every target that it does not name alone, however unwell it is.

mod calls;
mod standing;

pub use standing::{Facts, Membership, State, TargetFacts};

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

/// Registers targets with a load balancer's target group, or deregisters them.
///
/// Registered is done when every named target is healthy; deregistered, when every one has drained. A group that no load
/// balancer uses never becomes healthy, and is reported at once.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetGroup {
    /// The ARN of the target group: `arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web/0123456789abcdef`.
    pub arn: String,
    /// The targets. Others that are registered are left alone.
    #[schemars(length(min = 1))]
    pub targets: Vec<Target>,
    /// Whether they shall be registered.
    #[serde(default = "yes")]
    pub registered: bool,
}

/// One target of a target group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// An instance id, an IP address, or the ARN of a Lambda function or a load balancer, as the group's target type wants:
    /// `i-0123456789abcdef0`.
    pub id: String,
    /// The port that receives traffic, 1 to 65535: `8080`. The group's own port when not given.
    #[serde(default)]
    pub port: Option<u16>,
    /// The availability zone of an IP address, or `all` for one outside the VPC. Needed there to register it again on the way
    /// back.
    #[serde(default)]
    pub availability_zone: Option<String>,
}

fn yes() -> bool {
    true
}

impl Target {
    /// The target's cell in the state.
    pub(crate) fn cell(&self) -> String {
        self.port.map_or_else(|| self.id.clone(), |port| format!("{}:{port}", self.id))
    }
}

impl Change for TargetGroup {
    const KIND: &'static str = "aws.elbv2.target_group";
    const EXAMPLE: &'static str = "\
arn: arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web/0123456789abcdef
targets: [{ id: i-0123456789abcdef0 }]";
    type State = State;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        arn::expect(findings, &["arn"], &self.arn, "elasticloadbalancing", "targetgroup/");
        if self.targets.is_empty() {
            findings.error(&["targets"], codes::BAD_VALUE, "no target is named");
        }
        let mut seen = BTreeSet::new();
        for (index, target) in self.targets.iter().enumerate() {
            let index = index.to_string();
            if target.id.is_empty() || target.id.contains(['#', ' ']) {
                findings.error(
                    &["targets", &index, "id"],
                    codes::BAD_VALUE,
                    format!("{:?} is not a target", target.id),
                );
            }
            if target.port == Some(0) {
                findings.error(&["targets", &index, "port"], codes::OUT_OF_RANGE, "port 0 receives no traffic");
            }
            if !seen.insert(target.cell()) {
                findings.error(&["targets", &index], codes::BAD_VALUE, format!("{} is named twice", target.cell()));
            }
        }
    }

    fn touches(&self, _run: &RunContext, _now: Option<&Observed<State, Facts>>) -> Touches {
        let region = Arn::parse(&self.arn).map(|arn| Region::from(arn.region));
        let permission = |action: &str, resource: &str, reads| Permission {
            action: format!("elasticloadbalancing:{action}"),
            resource: resource.to_owned(),
            reads,
        };
        Touches {
            owns: self.targets.iter().map(|target| CellKey::of(&self.arn, target.cell())).collect(),
            serialise_on: vec![ResourceKey::new(self.arn.clone())],
            planes: vec![ControlPlane { service: "elasticloadbalancing".to_owned(), region }],
            permissions: vec![
                permission("DescribeTargetGroups", "*", true),
                permission("DescribeTargetHealth", "*", true),
                // The way back needs the other one.
                permission("RegisterTargets", &self.arn, false),
                permission("DeregisterTargets", &self.arn, false),
            ],
            // A load balancer sends nothing to a target that its own checks have not found healthy.
            ..Touches::default()
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
        let facts = calls::read(self, Aws::of(cx)?, region_of(&self.arn)).await?;
        Ok(standing::observed(self, facts))
    }

    fn target(&self, now: &Observed<State, Facts>, _run: &RunContext) -> Result<State, Refusal> {
        let target = State::asked(self);
        if now.state != target {
            standing::admit(self, &now.facts)?;
        }
        Ok(target)
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<State, Facts>) -> Result<(), CallError> {
        calls::drive(self, Aws::of(cx)?, region_of(&self.arn), transition).await
    }

    fn pace(&self) -> Pace {
        Pace {
            poll: Duration::from_secs(3),
            settled_polls: 2,
            visible_within: Duration::from_secs(30),
            // Draining takes five minutes unless the group says otherwise, at most an hour.
            settle_timeout: Duration::from_mins(10),
            drive_timeout: Duration::from_secs(30),
            lands_within: Duration::from_mins(1),
        }
    }
}
