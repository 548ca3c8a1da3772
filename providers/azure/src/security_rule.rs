//! `azure.network.security_rule`: one rule of a network security group, present or absent. A deny rule is a fence.
//!
//! Writes the one rule, never the whole group, and does not cut connections that are open already: see the note of the plan.

mod calls;
mod ports;
mod rule;
mod standing;

pub use ports::PortRange;
pub use rule::Rule;
pub use standing::{Facts, RuleFacts, State};

use crate::{
    arm::Arm,
    arm_id::{ArmId, expect},
    needs::{may_read, may_read_group, may_write, planes_at},
    operations,
};
use lifeboat_contract::{
    CallError, CellKey, Change, Cx, Findings, Foreseen, Observed, Pace, Refusal, ResourceKey, RunContext, Touches,
    Transition, codes,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const GROUPS: &str = "Microsoft.Network/networkSecurityGroups";

/// Makes a rule of a network security group present, with exactly the given properties, or absent.
///
/// A deny rule with a small priority cuts off a machine that cannot be stopped; one for each direction. Stopping the machine
/// (`azure.compute.power_state`) is the stronger fence: a new rule holds for new connections, and those that are open and known
/// to the platform, a mounted file share among them, may go on. A rule of that name that is there with other properties is
/// replaced, and put back exactly as it was on the way back.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityRule {
    /// The id of the security group: `/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/networkSecurityGroups/engine-a`.
    security_group: ArmId,
    /// The name of the rule.
    rule: String,
    /// Whether it shall be there. The properties below are for a rule that shall.
    #[serde(default = "yes")]
    present: bool,
    /// Its place in the order, 100 to 4096; the lowest comes first. No two rules of one direction share one.
    #[serde(default)]
    #[schemars(range(min = 100, max = 4096))]
    priority: Option<u16>,
    /// Which packets it is about: `inbound` or `outbound`, seen from the machine.
    #[serde(default)]
    direction: Option<Direction>,
    /// What becomes of them: `deny` or `allow`.
    #[serde(default)]
    access: Access,
    /// Their protocol, or `*` for all.
    #[serde(default)]
    protocol: Protocol,
    /// An address, a CIDR, a service tag, or `*`.
    #[serde(default = "anything")]
    source: String,
    /// An address, a CIDR, a service tag, or `*`.
    #[serde(default = "anything")]
    destination: String,
    /// The destination's ports: `*`, `443`, `8000-8100`.
    #[serde(default = "any_port")]
    ports: Vec<PortRange>,
}

/// Which way the packets go, seen from the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Inbound,
    Outbound,
}

/// Whether a rule lets packets through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    Allow,
    #[default]
    Deny,
}

/// The protocols that a rule can tell apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    #[default]
    #[serde(rename = "*")]
    Any,
    Tcp,
    Udp,
    Icmp,
    Esp,
    Ah,
}

fn yes() -> bool {
    true
}

fn anything() -> String {
    "*".to_owned()
}

fn any_port() -> Vec<PortRange> {
    vec![PortRange::any()]
}

impl SecurityRule {
    fn id(&self) -> ArmId {
        self.security_group.child("securityRules", &self.rule)
    }

    fn is_fence(&self) -> bool {
        self.present && self.access == Access::Deny
    }

    fn check_properties(&self, findings: &mut Findings) {
        if self.present && (self.priority.is_none() || self.direction.is_none()) {
            findings
                .error(&[], codes::MISSING_FIELD, "a rule that shall be there needs `priority` and `direction`")
                .hint("write them, or `present: false`");
        }
        if let Some(priority) = self.priority.filter(|priority| !(100..=4096).contains(priority)) {
            let message = format!("a priority of {priority} is not between 100 and 4096");
            findings.error(&["priority"], codes::OUT_OF_RANGE, message);
        }
        for (field, text) in [("source", &self.source), ("destination", &self.destination)] {
            if text.is_empty() || text.contains([' ', ',']) {
                findings
                    .error(&[field], codes::BAD_ADDRESS, format!("{text:?} is no address, CIDR or service tag"))
                    .hint("write one, or `*`");
            }
        }
        if self.ports.is_empty() {
            findings.error(&["ports"], codes::BAD_VALUE, "no port is named").hint("write `[\"*\"]` for all of them");
        }
        for (index, range) in self.ports.iter().enumerate() {
            let path = ["ports", &index.to_string()];
            if !range.is_sound() {
                findings
                    .error(&path, codes::BAD_VALUE, format!("{:?} is no range of ports", range.as_str()))
                    .hint("write it like 443, 8000-8100 or *");
            } else if range.is_any() && self.ports.len() > 1 {
                findings.error(&path, codes::CONFLICTING_FIELDS, "`*` stands for every port, and stands alone");
            }
        }
    }
}

impl Change for SecurityRule {
    const KIND: &'static str = "azure.network.security_rule";
    const EXAMPLE: &'static str = "\
security_group: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/engine/providers/Microsoft.Network/networkSecurityGroups/engine-a
rule: isolate-in
priority: 100
direction: inbound
access: deny";
    const REVERSAL: &'static str = "Driving back removes the rule, or restores the one of that name exactly as it was.";
    type State = State;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        expect(findings, &["security_group"], &self.security_group, GROUPS);
        if !rule::is_name(&self.rule) {
            findings
                .error(&["rule"], codes::BAD_VALUE, format!("{:?} cannot be the name of a rule", self.rule))
                .hint("use up to 80 letters, digits, `.`, `-` and `_`, and start with a letter or a digit");
        }
        self.check_properties(findings);
    }

    fn touches(&self, run: &RunContext, now: Option<&Observed<State, Facts>>) -> Touches {
        let (group, rule) = (&self.security_group, self.id());
        let there = now.and_then(|now| now.state.rule.as_ref());
        Touches {
            owns: vec![CellKey::of(rule.key(), standing::CELL)],
            serialise_on: vec![ResourceKey::new(group.key())],
            planes: planes_at(operations::SECURITY_GROUP_GET.service, run, now.map(|now| &now.facts.location)),
            permissions: vec![
                may_read(&format!("{GROUPS}/read"), group),
                // Read by itself right before it is written, and not before.
                may_write(&format!("{GROUPS}/securityRules/read"), &rule),
                may_read_group(group),
                // The way back needs the other one.
                may_write(&format!("{GROUPS}/securityRules/write"), &rule),
                may_write(&format!("{GROUPS}/securityRules/delete"), &rule),
            ],
            // What a rule that is to go does now is not known before it was looked at.
            opens_traffic: if self.present {
                self.access == Access::Allow
            } else {
                there.is_none_or(|rule| !rule.allows())
            },
            fences: self.is_fence(),
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
        calls::read(self, &Arm::of(cx)?).await
    }

    fn target(&self, now: &Observed<State, Facts>, _run: &RunContext) -> Result<State, Refusal> {
        let target = now.state.asked(self);
        if now.state != target {
            standing::admit(self, &now.facts)?;
        }
        Ok(target)
    }

    fn foresee(&self, facts: &mut Facts, earlier: &Foreseen) {
        facts.foresee(&self.security_group, earlier);
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<State, Facts>) -> Result<(), CallError> {
        calls::drive(self, &Arm::of(cx)?, transition).await
    }

    fn pace(&self) -> Pace {
        Pace {
            poll: Duration::from_secs(3),
            settled_polls: 2,
            visible_within: Duration::from_secs(30),
            settle_timeout: Duration::from_mins(5),
            drive_timeout: Duration::from_secs(90),
            // Azure Resource Manager itself gives up on a provider after a minute, and the provider may go on.
            lands_within: Duration::from_mins(1),
        }
    }

    fn note(&self, transition: &Transition<State, Facts>) -> Option<String> {
        self.is_fence().then(|| standing::note(self, &transition.now.facts))
    }
}
