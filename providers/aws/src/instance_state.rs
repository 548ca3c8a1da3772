//! `aws.ec2.instance_state`: whether an instance runs. Stopping one is the strongest fence there is.
//!
//! Never terminates an instance, and does not wait for what runs on it: a check after the step proves that.

mod calls;
mod standing;

pub use standing::{Facts, Power, Reason, State};

use crate::{connection::Aws, place};
use lifeboat_contract::{
    CallError, CellKey, Change, Cx, Findings, Observed, Pace, Refusal, ResourceKey, RunContext, Touches, Transition,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Starts an EC2 instance, or stops it.
///
/// Stopped means that it has stopped: nothing on it writes any more, which is why this is the stronger fence. Running means that
/// it has booted far enough to be called so; that its system and application answer is for a check to prove. Volumes and private
/// addresses stay through a stop. What was in memory or on instance-store volumes is lost, and a public address that is no
/// Elastic IP is another after the next start. An instance without capacity in its zone is tried again until the step's time is
/// over.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceState {
    /// The id of the instance: `i-0123456789abcdef0`.
    pub instance: String,
    /// What it shall be.
    pub state: PowerState,
    /// Stops an instance whose system does not react: after a graceful try, the power is cut without writing back what its
    /// caches hold, and again if it still hangs. Check its file systems before they are used again.
    #[serde(default)]
    pub force: bool,
}

/// Whether an instance runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PowerState {
    Running,
    Stopped,
}

impl Change for InstanceState {
    const KIND: &'static str = "aws.ec2.instance_state";
    const EXAMPLE: &'static str = "\
instance: i-0123456789abcdef0
state: stopped";
    const REVERSAL: &'static str = "Driving back starts or stops it again. What was in memory or on instance-store volumes is \
                                    gone, a public address that is no Elastic IP is another, and a start needs capacity in \
                                    the zone.";
    type State = State;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        place::expect_id(findings, &["instance"], &self.instance, "i-", "an instance");
    }

    fn touches(&self, run: &RunContext, _now: Option<&Observed<State, Facts>>) -> Touches {
        let arn = place::arn(run, "ec2", &format!("instance/{}", self.instance));
        Touches {
            owns: vec![CellKey::of(&self.instance, "state")],
            serialise_on: vec![ResourceKey::new(self.instance.clone())],
            planes: vec![place::plane(run, "ec2")],
            permissions: vec![
                place::may_read("ec2:DescribeInstances"),
                place::may_read("ec2:DescribeInstanceAttribute"),
                // The way back needs the other one.
                place::may_write("ec2:StartInstances", arn.clone()),
                place::may_write("ec2:StopInstances", arn),
            ],
            opens_traffic: false,
            fences: self.state == PowerState::Stopped,
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
        let facts = calls::read(self, Aws::of(cx)?, place::region(cx, "ec2")?).await?;
        Ok(standing::observed(self, facts, cx.clock.now()))
    }

    fn target(&self, now: &Observed<State, Facts>, _run: &RunContext) -> Result<State, Refusal> {
        let target = State::asked(self);
        if now.state != target {
            standing::admit(self, now.state.state, &now.facts)?;
        }
        Ok(target)
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<State, Facts>) -> Result<(), CallError> {
        calls::drive(self, Aws::of(cx)?, place::region(cx, "ec2")?, transition, cx.clock.now()).await
    }

    fn pace(&self) -> Pace {
        Pace {
            poll: Duration::from_secs(3),
            settled_polls: 2,
            visible_within: Duration::from_secs(30),
            // A system that shuts down slowly takes minutes.
            settle_timeout: Duration::from_mins(10),
            drive_timeout: Duration::from_secs(30),
            lands_within: Duration::from_mins(1),
        }
    }

    fn note(&self, transition: &Transition<State, Facts>) -> Option<String> {
        standing::note(transition)
    }
}
