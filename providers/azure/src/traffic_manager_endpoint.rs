//! `azure.trafficmanager.endpoint`: the status, weight and priority of one endpoint of a Traffic Manager profile.
//!
//! Never moves a client: names are resolved anew when their time to live is over, and the health of an endpoint is the
//! profile's own business.

mod calls;
mod standing;

pub use standing::{EndpointFacts, Facts, State};

use crate::{
    arm::{Arm, GLOBAL, planes},
    arm_id::ArmId,
    needs::{may_read, may_read_group, may_write},
    operations,
};
use lifeboat_contract::{
    CallError, CellKey, Change, Cx, Findings, Foreseen, Observed, Pace, Refusal, ResourceKey, RunContext, Touches,
    Transition, codes,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const PROFILES: &str = "Microsoft.Network/trafficManagerProfiles";
const TYPES: [&str; 3] = ["azureEndpoints", "externalEndpoints", "nestedEndpoints"];

/// Sets the status, the weight or the priority of an endpoint of a Traffic Manager profile.
///
/// Traffic Manager answers name queries and sees no request: clients follow when the answers they hold have expired, and some
/// resolvers hold them for longer. Weights count where the profile routes by weight, priorities where it routes by priority; the
/// lowest enabled and healthy priority answers. Two endpoints of a profile cannot have the same priority, not even for a moment.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficManagerEndpoint {
    /// The id of the endpoint: `/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/trafficManagerProfiles/orders/externalEndpoints/east`.
    endpoint: ArmId,
    /// Whether it is among the endpoints that may be answered.
    #[serde(default)]
    status: Option<Status>,
    /// Its share, 1 to 1000, in proportion to the sum of all.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    weight: Option<u32>,
    /// Its place in the order, 1 to 1000; the lowest comes first.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    priority: Option<u32>,
}

/// Whether an endpoint may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Enabled,
    Disabled,
}

impl TrafficManagerEndpoint {
    /// The profile, once `check` has passed.
    fn profile(&self) -> ArmId {
        self.endpoint.top()
    }
}

impl Change for TrafficManagerEndpoint {
    const KIND: &'static str = "azure.trafficmanager.endpoint";
    const EXAMPLE: &'static str = "\
endpoint: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/orders/providers/Microsoft.Network/trafficManagerProfiles/orders/externalEndpoints/east
status: disabled";
    const REVERSAL: &'static str = "Driving back gives the endpoint the status, weight and priority it had; clients follow \
                                    when the answers they hold have expired.";
    type State = State;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        if !TYPES.iter().any(|kind| self.endpoint.is_a(&format!("{PROFILES}/{kind}"))) {
            let message =
                format!("{:?} names a resource of the type {}", self.endpoint.to_string(), self.endpoint.kind());
            findings
                .error(&["endpoint"], codes::BAD_VALUE, message)
                .because(format!("this field takes one of the types {PROFILES}/{{{}}}", TYPES.join(",")));
        }
        if self.status.is_none() && self.weight.is_none() && self.priority.is_none() {
            findings.error(&[], codes::MISSING_FIELD, "none of `status`, `weight` and `priority` is given");
        }
        for (field, value) in [("weight", self.weight), ("priority", self.priority)] {
            if let Some(value) = value.filter(|value| !(1..=1000).contains(value)) {
                let message = format!("a {field} of {value} is not between 1 and 1000");
                findings.error(&[field], codes::OUT_OF_RANGE, message);
            }
        }
    }

    fn touches(&self, _run: &RunContext, now: Option<&Observed<State, Facts>>) -> Touches {
        let profile = self.profile();
        let asked = [
            ("status", self.status.is_some()),
            ("weight", self.weight.is_some()),
            ("priority", self.priority.is_some()),
        ];
        let group = now.and_then(|now| now.facts.location.group.as_deref());
        let type_name = self.endpoint.kind();
        Touches {
            owns: asked
                .iter()
                .filter(|(_, asked)| *asked)
                .map(|(cell, _)| CellKey::of(self.endpoint.key(), cell))
                .collect(),
            serialise_on: vec![ResourceKey::new(profile.key())],
            // The service has no region; its resources' groups have.
            planes: planes(operations::TRAFFIC_PROFILE_GET.service, Some(GLOBAL), group),
            permissions: vec![
                may_read(&format!("{PROFILES}/read"), &profile),
                may_read(&format!("{type_name}/read"), &self.endpoint),
                may_read_group(&self.endpoint),
                may_write(&format!("{type_name}/write"), &self.endpoint),
            ],
            // A weight or a priority moves clients as well as a status does.
            opens_traffic: self.status != Some(Status::Disabled),
            fences: false,
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
        let facts = calls::read(self, &Arm::of(cx)?).await?;
        Ok(standing::observed(self, facts))
    }

    fn target(&self, now: &Observed<State, Facts>, _run: &RunContext) -> Result<State, Refusal> {
        let target = State::asked(self);
        if now.state != target {
            standing::admit(self, now, &target)?;
        }
        Ok(target)
    }

    fn foresee(&self, facts: &mut Facts, earlier: &Foreseen) {
        facts.foresee(earlier);
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<State, Facts>) -> Result<(), CallError> {
        calls::drive(self, &Arm::of(cx)?, transition).await
    }

    fn pace(&self) -> Pace {
        Pace {
            poll: Duration::from_secs(3),
            settled_polls: 2,
            visible_within: Duration::from_secs(30),
            settle_timeout: Duration::from_mins(3),
            drive_timeout: Duration::from_secs(30),
            // Azure Resource Manager itself gives up on a provider after a minute, and the provider may go on.
            lands_within: Duration::from_mins(1),
        }
    }

    fn note(&self, transition: &Transition<State, Facts>) -> Option<String> {
        standing::note(self, transition)
    }
}
