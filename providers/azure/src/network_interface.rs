//! `azure.network.network_interface`: a secondary address, moved from one network interface to another of the same subnet.
//!
//! Two writes that are never one: between them the address is nowhere. Does not tell the systems on the machines: see the note.

mod calls;
mod configuration;
mod standing;

pub use configuration::Configuration;
pub use standing::{Facts, InterfaceFacts, State};

use crate::{
    arm::Arm,
    arm_id::{ArmId, expect},
    needs::{may_join, may_read, may_read_group, may_write, planes_at},
    operations,
};
use lifeboat_contract::{
    CallError, CellKey, Change, Cx, Findings, Observed, Pace, Refusal, ResourceKey, RunContext, Touches, Transition,
    codes,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

const INTERFACES: &str = "Microsoft.Network/networkInterfaces";

/// Moves a secondary private address from one network interface to another, with all that belongs to it.
///
/// Its public address, load balancer pools and application security groups go with it. The interfaces must be of one subnet. The
/// address is taken away first and given after that, and answers nowhere in between, for tens of seconds. If it cannot be given, it
/// is put back before the step fails. One that neither interface has is given as a new one.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkInterface {
    /// The address: `10.1.1.20`.
    address: Ipv4Addr,
    /// The id of the network interface that gives it away.
    from: ArmId,
    /// The id of the network interface that gets it.
    to: ArmId,
}

impl NetworkInterface {
    fn cell(&self, interface: &ArmId) -> CellKey {
        CellKey::of(format!("{}/{}", interface.key(), self.address), interface.key())
    }

    fn interfaces(&self) -> [&ArmId; 2] {
        [&self.from, &self.to]
    }
}

impl Change for NetworkInterface {
    const KIND: &'static str = "azure.network.network_interface";
    const EXAMPLE: &'static str = "\
address: 10.1.1.20
from: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/engine/providers/Microsoft.Network/networkInterfaces/a
to: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/engine/providers/Microsoft.Network/networkInterfaces/b";
    const REVERSAL: &'static str = "Driving back gives the address to the interface that had it, with all that belonged to it; \
                                    it answers nowhere in between.";
    type State = State;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        expect(findings, &["from"], &self.from, INTERFACES);
        expect(findings, &["to"], &self.to, INTERFACES);
        if self.from == self.to {
            findings.error(&["to"], codes::CONFLICTING_FIELDS, "`from` and `to` name the same interface");
        }
    }

    fn touches(&self, run: &RunContext, now: Option<&Observed<State, Facts>>) -> Touches {
        let seen: Vec<&InterfaceFacts> = now.iter().flat_map(|now| now.facts.interfaces.values()).collect();
        let references = now.map(|_| seen.iter().flat_map(|interface| &interface.references).collect::<BTreeSet<_>>());
        let mut permissions = Vec::new();
        for interface in self.interfaces() {
            permissions.push(may_read(&format!("{INTERFACES}/read"), interface));
            permissions.push(may_read_group(interface));
            permissions.push(may_write(&format!("{INTERFACES}/write"), interface));
        }
        permissions.extend(may_join(references));
        Touches {
            owns: self.interfaces().map(|interface| self.cell(interface)).into(),
            serialise_on: self.interfaces().map(|interface| ResourceKey::new(interface.key())).into(),
            planes: planes_at(operations::INTERFACE_GET.service, run, seen.iter().map(|interface| &interface.location)),
            permissions,
            opens_traffic: true,
            fences: false,
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
        calls::read(self, &Arm::of(cx)?).await
    }

    fn target(&self, now: &Observed<State, Facts>, _run: &RunContext) -> Result<State, Refusal> {
        let target = standing::asked(self, now);
        if now.state != target {
            standing::admit(self, now)?;
        }
        Ok(target)
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<State, Facts>) -> Result<(), CallError> {
        calls::drive(self, &Arm::of(cx)?, transition).await
    }

    fn pace(&self) -> Pace {
        Pace {
            poll: Duration::from_secs(3),
            settled_polls: 2,
            visible_within: Duration::from_secs(30),
            settle_timeout: Duration::from_mins(10),
            // Three writes at most: taken away, not given, and put back.
            drive_timeout: Duration::from_mins(4),
            // Azure Resource Manager itself gives up on a provider after a minute, and the provider may go on.
            lands_within: Duration::from_mins(1),
        }
    }

    fn note(&self, transition: &Transition<State, Facts>) -> Option<String> {
        Some(standing::note(self, transition))
    }
}
