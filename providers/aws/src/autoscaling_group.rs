//! `aws.autoscaling.group`: how many instances an Auto Scaling group has, so that a standby can carry the load before it comes.
//!
//! Changes the three numbers alone: launch template, mixed instances, warm pool and scaling policies stay as they are.

pub(crate) mod calls;
mod standing;

pub(crate) use standing::waiting;
pub use standing::{Facts, GroupFacts};

use crate::{
    connection::Aws,
    place,
    sizes::{self, Asked, Sizes},
};
use lifeboat_contract::{
    CallError, CellKey, Change, Cx, Findings, Observed, Pace, Refusal, ResourceKey, RunContext, Touches, Transition,
    codes,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Sets the minimum, the maximum and the desired capacity of an Auto Scaling group.
///
/// Done is when as many instances as are desired are in service and healthy. A launch that fails for want of capacity is tried
/// again by the group itself, and waited for until the step's time is over; one that fails for another reason fails the step. A
/// scaling policy or a scheduled action that changes the numbers later reads as somebody else's change, and going back then stops.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AutoScalingGroup {
    /// The name of the group: `orders-web`.
    pub group: String,
    /// The fewest instances that scaling policies may leave. Left alone when not given.
    #[serde(default)]
    pub minimum: Option<u32>,
    /// The most instances that scaling policies may reach. Left alone when not given.
    #[serde(default)]
    pub maximum: Option<u32>,
    /// How many instances there shall be. When not given, it moves only as far as the other two push it.
    #[serde(default)]
    pub desired: Option<u32>,
}

impl AutoScalingGroup {
    fn asked(&self) -> Asked {
        Asked { minimum: self.minimum, maximum: self.maximum, desired: self.desired }
    }
}

impl Change for AutoScalingGroup {
    const KIND: &'static str = "aws.autoscaling.group";
    const EXAMPLE: &'static str = "\
group: orders-web
minimum: 4
maximum: 12
desired: 6";
    const REVERSAL: &'static str = "Driving back restores the three numbers. Shrinking terminates instances, which of them is the \
                                    group's choice, and growing again launches others.";
    type State = Sizes;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        if self.group.is_empty() || self.group.contains([':', '#']) {
            findings
                .error(&["group"], codes::BAD_VALUE, format!("{:?} is not the name of a group", self.group))
                .hint("write the name alone, like orders-web; the site gives region and account");
        }
        self.asked().check(findings);
    }

    fn touches(&self, run: &RunContext, _now: Option<&Observed<Sizes, Facts>>) -> Touches {
        let arn = place::arn(run, "autoscaling", &format!("autoScalingGroup:*:autoScalingGroupName/{}", self.group));
        let region = run.region().unwrap_or_default();
        // A group's name says nothing of its region, and two sites may well have groups of one name.
        let resource = format!("{region}/{}", self.group);
        Touches {
            owns: sizes::CELLS.iter().map(|cell| CellKey::of(&resource, cell)).collect(),
            serialise_on: vec![ResourceKey::new(resource)],
            planes: vec![place::plane(run, "autoscaling")],
            permissions: vec![
                place::may_read("autoscaling:DescribeAutoScalingGroups"),
                place::may_read("autoscaling:DescribeScalingActivities"),
                place::may_write("autoscaling:UpdateAutoScalingGroup", arn),
            ],
            opens_traffic: false,
            fences: false,
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<Sizes, Facts>, CallError> {
        let region = place::region(cx, "autoscaling")?;
        let (state, facts) = calls::read(self, Aws::of(cx)?, region, cx.clock.now()).await?;
        Ok(standing::observed(self.asked(), state, facts))
    }

    fn target(&self, now: &Observed<Sizes, Facts>, _run: &RunContext) -> Result<Sizes, Refusal> {
        let target = self.asked().over(now.state)?;
        if now.state != target {
            standing::admit(&self.group, now.state, target, &now.facts.group)?;
        }
        Ok(target)
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<Sizes, Facts>) -> Result<(), CallError> {
        calls::drive(self, Aws::of(cx)?, place::region(cx, "autoscaling")?, transition).await
    }

    fn pace(&self) -> Pace {
        Pace {
            poll: Duration::from_secs(5),
            settled_polls: 2,
            visible_within: Duration::from_secs(30),
            // Launch, boot, and the grace period of the health check.
            settle_timeout: Duration::from_mins(15),
            drive_timeout: Duration::from_secs(30),
            lands_within: Duration::from_mins(1),
        }
    }

    fn note(&self, transition: &Transition<Sizes, Facts>) -> Option<String> {
        standing::note(transition)
    }
}
