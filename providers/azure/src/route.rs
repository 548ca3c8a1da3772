//! `azure.network.route`: the next hop of one prefix in one or more route tables: how an overlay address moves between servers.
//!
//! Writes single routes, never a whole table: what else stands in a table is not touched, and cannot be lost.

mod admission;
mod calls;
mod effective;
mod standing;

pub use standing::{Effective, Facts, InterfaceFacts, NextHop, RouteFacts, State, TableFacts};

use crate::{
    arm::{Arm, planes},
    arm_id::ArmId,
    needs::{may_join, may_read, may_read_group, may_write},
    resource::region,
};
use ipnet::IpNet;
use lifeboat_contract::{
    CallError, CellKey, Change, ControlPlane, Cx, Findings, Observed, Pace, Permission, Refusal, ResourceKey,
    RunContext, Touches, Transition,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    time::Duration,
};

const NETWORK: &str = "Microsoft.Network";
const TABLES: &str = "Microsoft.Network/routeTables";
const INTERFACES: &str = "Microsoft.Network/networkInterfaces";

/// Points one prefix at one virtual appliance, in every route table that serves it.
///
/// This is how an overlay address (a virtual address outside the virtual network's own ranges) moves from one server to another.
/// All tables are written at the same time; until the last has taken it, clients of different subnets reach different servers.
/// Going back gives each table exactly the next hop that it had, whatever its type, or removes the route where there was none.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the fields are named as operators write them")]
pub struct Route {
    /// The ids of the route tables. Name every table whose subnets have clients.
    #[schemars(length(min = 1))]
    route_tables: Vec<ArmId>,
    /// The prefix as a CIDR: `192.168.10.10/32`.
    destination: String,
    /// The IPv4 address to send it to: a network interface's own, or an internal load balancer's.
    next_hop: String,
    /// The name of the route where there is none for this prefix yet. One that is there keeps its name.
    #[serde(default)]
    route_name: Option<String>,
    /// The id of the network interface behind the next hop, where it is one: `check` and `plan` then see whether it forwards.
    #[serde(default)]
    network_interface: Option<ArmId>,
    /// `true` makes it part of this change that the interface forwards packets for addresses that are not its own: without it
    /// they are dropped. Left alone when not given.
    #[serde(default)]
    ip_forwarding: Option<bool>,
    /// The ids of network interfaces whose effective routes must show the new next hop before the step counts as done: one of a
    /// running machine in each subnet with clients. Asking takes Azure several seconds each time.
    #[serde(default)]
    effective_on: Vec<ArmId>,
}

impl Change for Route {
    const KIND: &'static str = "azure.network.route";
    const EXAMPLE: &'static str = "\
route_tables:
  - /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/engine/providers/Microsoft.Network/routeTables/clients
destination: 192.168.10.10/32
next_hop: 10.1.2.10
network_interface: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/engine/providers/Microsoft.Network/networkInterfaces/b
ip_forwarding: true";
    const REVERSAL: &'static str = "Driving back gives each table exactly the next hop it had, whatever its type, or removes the \
                                    route where there was none, and gives the interface's forwarding flag back.";
    type State = State;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        admission::check(self, findings);
    }

    fn touches(&self, run: &RunContext, now: Option<&Observed<State, Facts>>) -> Touches {
        let destination = self.destination().map_or_else(|| self.destination.clone(), |prefix| prefix.to_string());
        let tables = || self.route_tables.iter();
        let mut owns: Vec<_> =
            tables().map(|table| CellKey::of(format!("{}/{destination}", table.key()), table.key())).collect();
        let mut serialise_on: Vec<_> = tables().map(|table| ResourceKey::new(table.key())).collect();
        if let Some(interface) = self.switched_interface() {
            owns.push(CellKey::of(interface.key(), standing::forwarding_cell(&interface.key())));
            serialise_on.push(ResourceKey::new(interface.key()));
        }
        let planes = self.planes(run, now.map(|now| &now.facts));
        let permissions = self.permissions(now.map(|now| &now.facts));
        Touches { owns, serialise_on, planes, permissions, opens_traffic: true, fences: false }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
        let facts = calls::read(self, &Arm::of(cx)?).await?;
        Ok(standing::observed(self, facts))
    }

    fn target(&self, now: &Observed<State, Facts>, _run: &RunContext) -> Result<State, Refusal> {
        let target = State::asked(self);
        if now.state != target {
            admission::admit(self, &now.facts)?;
        }
        Ok(target)
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<State, Facts>) -> Result<(), CallError> {
        calls::drive(self, &Arm::of(cx)?, transition).await
    }

    fn pace(&self) -> Pace {
        Pace {
            poll: Duration::from_secs(2),
            settled_polls: 2,
            visible_within: Duration::from_secs(30),
            // Routes are reported to take between seconds and twenty minutes; the runbook's own timeout is the tighter one.
            settle_timeout: Duration::from_mins(20),
            drive_timeout: Duration::from_mins(3),
            // Azure Resource Manager itself gives up on a provider after a minute, and the provider may go on.
            lands_within: Duration::from_mins(1),
        }
    }

    fn note(&self, transition: &Transition<State, Facts>) -> Option<String> {
        let now = &transition.now;
        let changed =
            transition.to.routes.iter().filter(|(table, to)| now.state.routes.get(*table) != Some(*to)).count();
        let finer: BTreeSet<&String> = now.facts.tables.values().flat_map(|table| &table.more_specific).collect();
        let mut notes = Vec::new();
        if changed > 1 {
            notes.push(format!(
                "{changed} route tables change at the same time: until the last has, subnets disagree on the way"
            ));
        }
        if !finer.is_empty() {
            let names: Vec<&str> = finer.into_iter().map(String::as_str).collect();
            notes.push(format!("a part of {} keeps its own way, by the routes {}", self.destination, names.join(", ")));
        }
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}

impl Route {
    /// The prefix, once `check` has passed.
    fn destination(&self) -> Option<IpNet> {
        self.destination.parse().ok()
    }

    /// The address, once `check` has passed.
    fn next_hop(&self) -> Option<Ipv4Addr> {
        self.next_hop.parse().ok()
    }

    /// The name of a route that has to be created.
    fn new_name(&self) -> String {
        self.route_name.clone().unwrap_or_else(|| {
            let prefix = self.destination.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            format!("lifeboat-{prefix}")
        })
    }

    /// The interface whose forwarding flag is a part of the state.
    fn switched_interface(&self) -> Option<&ArmId> {
        self.network_interface.as_ref().filter(|_| self.ip_forwarding.is_some())
    }

    fn planes(&self, run: &RunContext, facts: Option<&Facts>) -> Vec<ControlPlane> {
        let home = run.region().map(region);
        let groups = facts.map(|facts| facts.groups.clone()).unwrap_or_default();
        let of = |id: &ArmId, location: Option<&String>| {
            let group = groups.get(&id.group_scope().key()).and_then(Option::as_deref);
            planes(NETWORK, location.or(home.as_ref()).map(String::as_str), group)
        };
        let tables = self.route_tables.iter().flat_map(|table| {
            let seen = facts.and_then(|facts| facts.tables.get(&table.key()));
            of(table, seen.and_then(|seen| seen.location.as_ref()))
        });
        let interface = self.switched_interface().into_iter().flat_map(|interface| {
            let seen = facts.and_then(|facts| facts.interface.as_ref());
            of(interface, seen.and_then(|seen| seen.location.as_ref()))
        });
        tables.chain(interface).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn permissions(&self, facts: Option<&Facts>) -> Vec<Permission> {
        let mut permissions = Vec::new();
        let mut groups = BTreeMap::new();
        for table in &self.route_tables {
            permissions.push(may_read(&format!("{TABLES}/read"), table));
            permissions.push(may_write(&format!("{TABLES}/routes/write"), table));
            // The way back needs the other one.
            permissions.push(may_write(&format!("{TABLES}/routes/delete"), table));
            groups.insert(table.group_scope().key(), table);
        }
        if let Some(interface) = &self.network_interface {
            permissions.push(may_read(&format!("{INTERFACES}/read"), interface));
        }
        if let Some(interface) = self.switched_interface() {
            permissions.push(may_write(&format!("{INTERFACES}/write"), interface));
            let seen = facts.and_then(|facts| facts.interface.as_ref());
            permissions.extend(may_join(seen.map(|interface| &interface.references)));
            groups.insert(interface.group_scope().key(), interface);
        }
        permissions.extend(groups.into_values().map(may_read_group));
        for interface in &self.effective_on {
            permissions.push(may_read(&format!("{INTERFACES}/effectiveRouteTable/action"), interface));
        }
        permissions
    }
}
