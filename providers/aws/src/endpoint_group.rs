//! `aws.globalaccelerator.endpoint_group`: how much traffic an endpoint group takes, and how its endpoints share it.
//!
//! Never adds or removes an endpoint, and touches the endpoints at all only where weights are asked for.

mod calls;
mod dial;
mod standing;

pub use dial::Dial;
pub use standing::{EndpointFacts, Facts, GroupFacts, State};

use crate::{
    arn::{self, Arn},
    connection::Aws,
};
use lifeboat_contract::{
    CallError, CellKey, Change, ControlPlane, Cx, Findings, Foreseen, Observed, Pace, Permission, Phase, Refusal,
    Region, ResourceKey, RunContext, Touches, Transition, codes,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

/// The one region that has Global Accelerator's control plane.
pub(crate) const CONTROL_REGION: &str = "us-west-2";

/// Sets the traffic dial of a Global Accelerator endpoint group, its endpoints' weights, or both.
///
/// The dial is the share of the traffic that would reach this group, not of all traffic. It holds for new connections only.
/// A dial of 0 does not keep traffic away when every other group is unhealthy; a weight of 0 does.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointGroup {
    /// The ARN of the endpoint group: `arn:aws:globalaccelerator::111122223333:accelerator/ID/listener/ID/endpoint-group/ID`.
    pub arn: String,
    /// The traffic dial in percent, 0 to 100 with at most two decimals: `100`, `0`, `12.5`. Left alone when not given.
    #[serde(default)]
    pub dial: Option<Dial>,
    /// The weights, 0 to 255, of endpoints of the group, by endpoint id (a load balancer's ARN, an allocation id, an instance
    /// id). Endpoints that are not named keep theirs. Naming one makes the service look up every endpoint of the group, which
    /// may fail while an endpoint's region is lost; a dial alone does not.
    #[serde(default)]
    pub weights: BTreeMap<String, u8>,
}

impl Change for EndpointGroup {
    const KIND: &'static str = "aws.globalaccelerator.endpoint_group";
    const EXAMPLE: &'static str = "\
arn: arn:aws:globalaccelerator::111122223333:accelerator/a/listener/l/endpoint-group/r2
dial: 100";
    type State = State;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        arn::expect(findings, &["arn"], &self.arn, "globalaccelerator", "accelerator/");
        if Arn::parse(&self.arn).is_some() && listener_of(&self.arn).is_none() {
            findings
                .error(&["arn"], codes::BAD_ARN, format!("{:?} is not the ARN of an endpoint group", self.arn))
                .hint("it ends in /listener/ID/endpoint-group/ID");
        }
        if self.dial.is_none() && self.weights.is_empty() {
            findings
                .error(&[], codes::MISSING_FIELD, "neither `dial` nor `weights` is given")
                .because("the step would own nothing");
        }
        if let Some(dial) = self.dial
            && !dial.is_percentage()
        {
            findings.error(&["dial"], codes::OUT_OF_RANGE, format!("a dial of {dial} is not between 0 and 100"));
        }
    }

    fn touches(&self, _run: &RunContext, _now: Option<&Observed<State, Facts>>) -> Touches {
        let weights = self.weights.keys().map(|endpoint| CellKey::of(&self.arn, standing::weight_cell(endpoint)));
        let dial = self.dial.iter().map(|_| CellKey::of(&self.arn, "dial"));
        let permission = |action: &str, reads| Permission {
            action: format!("globalaccelerator:{action}"),
            resource: self.arn.clone(),
            reads,
        };
        let accelerator = accelerator_of(&self.arn);
        Touches {
            owns: dial.chain(weights).collect(),
            serialise_on: vec![ResourceKey::new(accelerator)],
            planes: vec![ControlPlane {
                service: "globalaccelerator".to_owned(),
                region: Some(Region::from(CONTROL_REGION)),
            }],
            permissions: vec![
                permission("DescribeEndpointGroup", true),
                Permission { resource: accelerator.to_owned(), ..permission("DescribeAccelerator", true) },
                Permission {
                    resource: listener_of(&self.arn).unwrap_or("*").to_owned(),
                    ..permission("ListEndpointGroups", true)
                },
                permission("UpdateEndpointGroup", false),
            ],
            opens_traffic: self.dial.is_some_and(Dial::is_open) || self.weights.values().any(|weight| *weight > 0),
            fences: false,
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
        let facts = calls::read(self, Aws::of(cx)?).await?;
        let state = State::of(self, &facts.group);
        let phase = if facts.accelerator_status == "DEPLOYED" {
            Phase::Settled
        } else {
            Phase::Moving { toward: None, status: facts.accelerator_status.clone() }
        };
        Ok(Observed { state, facts, phase })
    }

    fn target(&self, now: &Observed<State, Facts>, _run: &RunContext) -> Result<State, Refusal> {
        let target = State {
            dial: self.dial,
            weights: self.weights.iter().map(|(endpoint, weight)| (endpoint.clone(), Some(*weight))).collect(),
        };
        if now.state != target {
            standing::admit(self, &target, &now.facts)?;
        }
        Ok(target)
    }

    fn foresee(&self, facts: &mut Facts, earlier: &Foreseen) {
        facts.foresee(earlier);
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<State, Facts>) -> Result<(), CallError> {
        calls::drive(self, Aws::of(cx)?, transition).await
    }

    fn pace(&self) -> Pace {
        Pace {
            poll: Duration::from_secs(2),
            // Right after a write the accelerator may still read DEPLOYED.
            settled_polls: 3,
            visible_within: Duration::from_secs(30),
            settle_timeout: Duration::from_mins(15),
            drive_timeout: Duration::from_secs(30),
            lands_within: Duration::from_mins(1),
        }
    }

    fn note(&self, transition: &Transition<State, Facts>) -> Option<String> {
        let was_open = transition.now.state.dial.is_none_or(Dial::is_open);
        let closes = transition.to.dial == Some(Dial::CLOSED) && was_open;
        let shut = standing::opens(transition.now.facts.group.after(&transition.to).endpoints.as_deref());
        (closes && shut).then(|| {
            "dial 0 does not stop health failover into this group; weight 0 does. Established connections stay until they are \
             idle for 340 s"
                .to_owned()
        })
    }
}

/// The accelerator's ARN, which is how the endpoint group's begins.
fn accelerator_of(arn: &str) -> &str {
    arn.split_once("/listener/").map_or(arn, |(accelerator, _)| accelerator)
}

fn listener_of(arn: &str) -> Option<&str> {
    let (listener, _) = arn.split_once("/endpoint-group/")?;
    listener.contains("/listener/").then_some(listener)
}
