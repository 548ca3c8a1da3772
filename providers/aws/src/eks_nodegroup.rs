//! `aws.eks.nodegroup`: how many nodes a managed node group of an EKS cluster has.
//!
//! Talks to EKS, never to the cluster's own API: whether pods run on the nodes is for a check to prove.

mod calls;
mod standing;

pub use standing::{Facts, Issue};

use crate::{
    connection::Aws,
    place,
    sizes::{self, Asked, Sizes},
};
use lifeboat_contract::{
    CallError, CellKey, Change, Cx, Findings, Observed, Pace, Permission, Refusal, ResourceKey, RunContext, Touches,
    Transition, codes,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Sets the minimum, the maximum and the desired size of an EKS node group.
///
/// Done is when the node group is active again and, where the Auto Scaling group behind it may be read, has as many instances in
/// service as are desired. A node group that is degraded for want of capacity is waited for until the step's time is over; one that
/// is degraded for another reason fails the step. A Cluster Autoscaler changes `desired` as it sees fit: that reads as somebody
/// else's change, so raise `minimum` where one runs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nodegroup {
    /// The name of the cluster: `orders`.
    pub cluster: String,
    /// The name of the node group: `web`.
    pub nodegroup: String,
    /// The fewest nodes that an autoscaler may leave. Left alone when not given.
    #[serde(default)]
    pub minimum: Option<u32>,
    /// The most nodes that an autoscaler may reach, at least 1. Left alone when not given.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub maximum: Option<u32>,
    /// How many nodes there shall be. When not given, it moves only as far as the other two push it.
    #[serde(default)]
    pub desired: Option<u32>,
}

impl Nodegroup {
    fn asked(&self) -> Asked {
        Asked { minimum: self.minimum, maximum: self.maximum, desired: self.desired }
    }

    fn name(&self) -> String {
        format!("{}/{}", self.cluster, self.nodegroup)
    }
}

impl Change for Nodegroup {
    const KIND: &'static str = "aws.eks.nodegroup";
    const EXAMPLE: &'static str = "\
cluster: orders
nodegroup: web
minimum: 4
maximum: 12
desired: 6";
    const REVERSAL: &'static str = "Driving back restores the three numbers. Shrinking drains and terminates nodes, which of them \
                                    is the group's choice, and growing again launches others.";
    type State = Sizes;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        for (field, name) in [("cluster", &self.cluster), ("nodegroup", &self.nodegroup)] {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            if name.is_empty() || !name.bytes().all(is_name) {
                findings
                    .error(&[field], codes::BAD_VALUE, format!("{name:?} is not the name of a {field}"))
                    .hint("write the name alone; the site gives region and account");
            }
        }
        if self.maximum == Some(0) {
            findings.error(&["maximum"], codes::OUT_OF_RANGE, "the maximum of a node group is at least 1");
        }
        self.asked().check(findings);
    }

    fn touches(&self, run: &RunContext, _now: Option<&Observed<Sizes, Facts>>) -> Touches {
        let arn = place::arn(run, "eks", &format!("nodegroup/{}/*", self.name()));
        let resource = format!("{}/{}", run.region().unwrap_or_default(), self.name());
        Touches {
            owns: sizes::CELLS.iter().map(|cell| CellKey::of(&resource, cell)).collect(),
            serialise_on: vec![ResourceKey::new(resource)],
            planes: vec![place::plane(run, "eks")],
            permissions: vec![
                Permission { resource: arn.clone(), ..place::may_read("eks:DescribeNodegroup") },
                place::may_read("autoscaling:DescribeAutoScalingGroups"),
                place::may_write("eks:UpdateNodegroupConfig", arn),
            ],
            opens_traffic: false,
            fences: false,
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<Sizes, Facts>, CallError> {
        let (state, facts) = calls::read(self, Aws::of(cx)?, place::region(cx, "eks")?).await?;
        Ok(standing::observed(self.asked(), state, facts))
    }

    fn target(&self, now: &Observed<Sizes, Facts>, _run: &RunContext) -> Result<Sizes, Refusal> {
        let target = self.asked().over(now.state)?;
        if now.state != target {
            standing::admit(&self.name(), now.state, target, &now.facts)?;
        }
        Ok(target)
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<Sizes, Facts>) -> Result<(), CallError> {
        calls::drive(self, Aws::of(cx)?, place::region(cx, "eks")?, transition).await
    }

    fn pace(&self) -> Pace {
        Pace {
            poll: Duration::from_secs(5),
            settled_polls: 2,
            visible_within: Duration::from_secs(30),
            // Launch, boot and joining; and when shrinking, draining.
            settle_timeout: Duration::from_mins(20),
            drive_timeout: Duration::from_secs(30),
            lands_within: Duration::from_mins(1),
        }
    }

    fn note(&self, transition: &Transition<Sizes, Facts>) -> Option<String> {
        standing::note(transition)
    }
}
