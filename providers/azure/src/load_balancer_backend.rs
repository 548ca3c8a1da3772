//! `azure.network.load_balancer_backend`: which backends of a load balancer's pool get new connections.
//!
//! Leaves every backend that it does not name alone, and never writes the load balancer itself.

mod admission;
mod calls;
mod pool;
mod state;

pub use admission::{Backend, Facts};
pub use pool::{AdminState, Basis, Member};
pub use state::State;

use crate::{
    arm::Arm,
    arm_id::{ArmId, expect},
    ip_configurations as ip,
    needs::{Location, may_join, may_read, may_read_group, may_write, may_write_some, planes_at},
    operations,
};
use lifeboat_contract::{
    CallError, CellKey, Change, Cx, Findings, Foreseen, Observed, Pace, Permission, Refusal, ResourceKey, RunContext,
    Touches, Transition, codes,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    time::Duration,
};

const LOAD_BALANCERS: &str = "Microsoft.Network/loadBalancers";
const NETWORKS: &str = "Microsoft.Network/virtualNetworks";
const POOLS: &str = "Microsoft.Network/loadBalancers/backendAddressPools";
const INTERFACES: &str = "Microsoft.Network/networkInterfaces";

/// Puts backends of a load balancer's pool in or out: by their administrative state, or by taking them into the pool and out of it.
///
/// The administrative state is the better way: it is reversible, leaves the pool as it is, and holds against the probe, so that a
/// server that hangs and comes back gets nothing. A pool by addresses (IP-based) has its members in itself; of a pool by network
/// interfaces (NIC-based) each interface says that it belongs to it. Which of the two a pool is, is seen when it is read.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancerBackend {
    /// The id of the pool: `/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/loadBalancers/front/backendAddressPools/engines`.
    pool: ArmId,
    /// The administrative states, by the name of the backend address in the pool. Others keep theirs.
    #[serde(default)]
    admin_states: Option<BTreeMap<String, AdminState>>,
    /// Members of an IP-based pool, by name: their address, or `null` for one that shall not be in it. Others stay as they are.
    #[serde(default)]
    members: Option<BTreeMap<String, Option<Ipv4Addr>>>,
    /// Members of a NIC-based pool: the id of a network interface, `/`, and the name of its IP configuration; `true` for one that
    /// shall be in the pool. Others stay as they are.
    #[serde(default)]
    interfaces: Option<BTreeMap<String, bool>>,
    /// Whether the last backend that gets connections may be taken out, after which nobody is served.
    #[serde(default)]
    allow_empty: bool,
}

impl LoadBalancerBackend {
    fn load_balancer(&self) -> ArmId {
        self.pool.top()
    }

    /// The IP configurations that are named, by interface, in order. What is no id is a finding.
    fn configurations(&self) -> BTreeMap<ArmId, BTreeMap<String, bool>> {
        let mut named: BTreeMap<ArmId, BTreeMap<String, bool>> = BTreeMap::new();
        for (text, member) in self.interfaces.iter().flatten() {
            if let Some((interface, name)) = ip::parse(text) {
                named.entry(interface).or_default().insert(name, *member);
            }
        }
        named
    }

    fn check_entries(&self, findings: &mut Findings) {
        let names = [
            ("admin_states", self.admin_states.as_ref().map(|map| map.keys().collect::<Vec<_>>())),
            ("members", self.members.as_ref().map(|map| map.keys().collect())),
            ("interfaces", self.interfaces.as_ref().map(|map| map.keys().collect())),
        ];
        for (field, names) in names {
            if names.as_ref().is_some_and(Vec::is_empty) {
                findings.error(&[field], codes::BAD_VALUE, "no backend is named");
            }
            for name in names.iter().flatten().filter(|name| name.is_empty() || name.contains(['#', ' '])) {
                findings.error(&[field, name], codes::BAD_VALUE, format!("{name:?} is not the name of a backend"));
            }
        }
        let mut seen = BTreeSet::new();
        for text in self.interfaces.iter().flatten().map(|(text, _)| text) {
            let path = ["interfaces", text.as_str()];
            match ip::parse(text) {
                None => {
                    findings
                        .error(&path, codes::BAD_VALUE, format!("{text:?} names no IP configuration"))
                        .hint("write the id of the network interface, `/`, and the configuration's name");
                }
                Some((interface, name)) if !seen.insert(ip::key(&interface, &name)) => {
                    findings.error(&path, codes::BAD_VALUE, format!("{text} is named twice"));
                }
                Some(_) => {}
            }
        }
    }

    fn permissions(&self, facts: Option<&Facts>) -> Vec<Permission> {
        let (pool, balancer) = (&self.pool, self.load_balancer());
        let mut permissions = vec![
            may_read(&format!("{LOAD_BALANCERS}/read"), &balancer),
            may_read(&format!("{POOLS}/read"), pool),
            may_read_group(pool),
        ];
        if self.interfaces.is_none() {
            permissions.push(may_write(&format!("{POOLS}/write"), pool));
            // The pool is written whole, and its members by address are somewhere in a network.
            match facts {
                None => permissions.push(may_write_some(&format!("{NETWORKS}/joinLoadBalancer/action"))),
                Some(facts) => permissions.extend(facts.networks.iter().filter_map(|id| may_join_balancer(id))),
            }
            return permissions;
        }
        for interface in self.configurations().keys() {
            permissions.push(may_read(&format!("{INTERFACES}/read"), interface));
            permissions.push(may_read_group(interface));
            permissions.push(may_write(&format!("{INTERFACES}/write"), interface));
        }
        let own = pool.to_string();
        let others = facts.map(|facts| facts.references.iter().filter(|id| !id.eq_ignore_ascii_case(&own)));
        permissions.extend(may_join(others));
        permissions.extend(may_join(Some([&own])));
        permissions
    }
}

/// A network takes load balancers in as a whole, a subnet as it takes in anything else.
fn may_join_balancer(network: &str) -> Option<Permission> {
    let id: ArmId = network.parse().ok()?;
    let verb = if id.is_a(NETWORKS) { "joinLoadBalancer" } else { "join" };
    Some(may_write(&format!("{}/{verb}/action", id.kind()), &id))
}

impl Change for LoadBalancerBackend {
    const KIND: &'static str = "azure.network.load_balancer_backend";
    const EXAMPLE: &'static str = "\
pool: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/engine/providers/Microsoft.Network/loadBalancers/engine/backendAddressPools/engines
admin_states: { a: down, b: none }";
    const REVERSAL: &'static str = "Driving back gives every named backend the administrative state it had, or takes it into the \
                                    pool again as it was.";
    type State = State;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        expect(findings, &["pool"], &self.pool, POOLS);
        let given = [self.admin_states.is_some(), self.members.is_some(), self.interfaces.is_some()];
        match given.into_iter().filter(|given| *given).count() {
            0 => {
                findings
                    .error(&[], codes::MISSING_FIELD, "none of `admin_states`, `members` and `interfaces` is given")
                    .hint("`admin_states` is the one to take where the pool's rules have a probe");
            }
            1 => {}
            _ => {
                findings.error(
                    &[],
                    codes::CONFLICTING_FIELDS,
                    "only one of `admin_states`, `members` and `interfaces` can be given",
                );
            }
        }
        self.check_entries(findings);
    }

    fn touches(&self, run: &RunContext, now: Option<&Observed<State, Facts>>) -> Touches {
        let facts = now.map(|now| &now.facts);
        let seen: Vec<&Location> =
            facts.iter().flat_map(|facts| std::iter::once(&facts.location).chain(&facts.interfaces)).collect();
        let balancer = std::iter::once(self.load_balancer().key());
        let interfaces = self.configurations().into_keys().map(|interface| interface.key());
        let puts_in = self.admin_states.iter().flatten().any(|(_, state)| *state != AdminState::Down)
            || self.members.iter().flatten().any(|(_, address)| address.is_some())
            || self.interfaces.iter().flatten().any(|(_, member)| *member);
        Touches {
            owns: State::cells(self).into_iter().map(|cell| CellKey::of(self.pool.key(), cell)).collect(),
            serialise_on: balancer.chain(interfaces).map(ResourceKey::new).collect(),
            planes: planes_at(operations::POOL_GET.service, run, seen),
            permissions: self.permissions(facts),
            opens_traffic: puts_in,
            fences: false,
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
        calls::read(self, &Arm::of(cx)?).await
    }

    fn target(&self, now: &Observed<State, Facts>, _run: &RunContext) -> Result<State, Refusal> {
        let target = now.state.asked(self, &now.facts);
        if now.state != target {
            admission::admit(self, now, &target)?;
        }
        Ok(target)
    }

    fn foresee(&self, facts: &mut Facts, earlier: &Foreseen) {
        facts.foresee(&self.pool, earlier);
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
            drive_timeout: Duration::from_mins(2),
            // Azure Resource Manager itself gives up on a provider after a minute, and the provider may go on.
            lands_within: Duration::from_mins(1),
        }
    }

    fn note(&self, transition: &Transition<State, Facts>) -> Option<String> {
        admission::note(self, transition)
    }
}
