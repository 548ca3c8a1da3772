//! `aws.ec2.route`: the target of one destination in one or more route tables: how an overlay address moves between servers.
//!
//! Never deletes a route that is to exist afterwards: there is no moment without one.

mod admission;
mod calls;
mod standing;
mod write;

pub use standing::{Facts, InterfaceFacts, RouteFacts, RouteTarget, State};

use crate::connection::Aws;
use ipnet::IpNet;
use lifeboat_contract::{
    CallError, CellKey, Change, ControlPlane, Cx, Findings, Observed, Pace, Permission, Refusal, Region, ResourceKey,
    RunContext, Touches, Transition,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Points one destination at one network interface, in every route table that serves it.
///
/// This is how an overlay address (a virtual address outside the VPC's own ranges) moves from one server to another. The tables
/// are written one after the other; between the first and the last, clients of different subnets reach different servers.
/// Going back restores exactly the target that each table had, whatever its kind, or removes the route where there was none.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The ids of the route tables, all of one VPC: `rtb-0123456789abcdef0`. Name every table whose subnets have clients.
    #[schemars(length(min = 1))]
    pub route_tables: Vec<String>,
    /// The destination as an IPv4 or IPv6 CIDR, outside the VPC's own ranges: `192.168.99.1/32`.
    pub destination: String,
    /// The id of the network interface to send it to: `eni-0123456789abcdef0`. Its system must own the address.
    pub network_interface: String,
    /// `false` makes it part of this change that the interface does not check source and destination, without which it drops
    /// packets for an address that is not its own. Left alone when not given.
    #[serde(default)]
    pub source_dest_check: Option<bool>,
    /// The VPC's own ranges, where they are known: `["10.0.0.0/16"]`. `check` then finds a destination inside them before
    /// anything is read; against live state it is checked in any case.
    #[serde(default)]
    pub vpc_cidr: Vec<String>,
}

impl Change for Route {
    const KIND: &'static str = "aws.ec2.route";
    const EXAMPLE: &'static str = "\
route_tables: [rtb-0123456789abcdef0, rtb-0123456789abcdef1]
destination: 192.168.10.10/32
network_interface: eni-0123456789abcdef0
source_dest_check: false";
    const REVERSAL: &'static str = "Driving back gives each table exactly the target it had, whatever its kind, or removes the \
                                    route where there was none.";
    type State = State;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        admission::check(self, findings);
    }

    fn touches(&self, run: &RunContext, _now: Option<&Observed<State, Facts>>) -> Touches {
        let region = run.region().unwrap_or_default();
        let account = run.place.as_ref().and_then(|place| place.account.as_deref()).unwrap_or("*");
        let tables = self.route_tables.iter();
        let destination = self.destination().map_or_else(|| self.destination.clone(), |network| network.to_string());
        let mut owns: Vec<_> =
            tables.clone().map(|table| CellKey::of(format!("{table}/{destination}"), table)).collect();
        let mut serialise_on: Vec<_> = tables.clone().map(|table| ResourceKey::new(table.clone())).collect();
        let resource = |kind: &str, id: &str| format!("arn:aws:ec2:{region}:{account}:{kind}/{id}");
        let permission =
            |action: &str, resource: String, reads| Permission { action: format!("ec2:{action}"), resource, reads };
        let reads = [
            "DescribeRouteTables",
            "DescribeNetworkInterfaces",
            "DescribeInstances",
            "DescribeVpcs",
            "DescribeSubnets",
        ];
        let mut permissions: Vec<_> = reads.map(|action| permission(action, "*".to_owned(), true)).into();
        for action in ["ReplaceRoute", "CreateRoute", "DeleteRoute"] {
            permissions.extend(tables.clone().map(|table| permission(action, resource("route-table", table), false)));
        }
        if self.source_dest_check.is_some() {
            owns.push(CellKey::of(&self.network_interface, standing::check_cell(&self.network_interface)));
            serialise_on.push(ResourceKey::new(self.network_interface.clone()));
            let interface = resource("network-interface", &self.network_interface);
            permissions.push(permission("ModifyNetworkInterfaceAttribute", interface, false));
        }
        let planes = vec![ControlPlane { service: "ec2".to_owned(), region: run.region().map(Region::from) }];
        Touches { owns, serialise_on, planes, permissions, opens_traffic: true, fences: false }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
        let facts = calls::read(self, Aws::of(cx)?, region(cx)?).await?;
        Ok(standing::observed(self, facts))
    }

    fn target(&self, now: &Observed<State, Facts>, _run: &RunContext) -> Result<State, Refusal> {
        let target = State::asked(self);
        if now.state != target {
            admission::admit(self, &now.state, &now.facts)?;
        }
        Ok(target)
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<State, Facts>) -> Result<(), CallError> {
        calls::drive(self, Aws::of(cx)?, region(cx)?, transition).await
    }

    fn pace(&self) -> Pace {
        Pace {
            poll: Duration::from_secs(1),
            settled_polls: 2,
            visible_within: Duration::from_secs(30),
            settle_timeout: Duration::from_mins(5),
            // Two calls for each table, one after the other.
            drive_timeout: Duration::from_mins(1),
            lands_within: Duration::from_secs(30),
        }
    }

    fn note(&self, transition: &Transition<State, Facts>) -> Option<String> {
        let changed =
            transition.to.routes.iter().filter(|(table, to)| transition.now.state.routes.get(*table) != Some(*to));
        let count = changed.count();
        (count > 1)
            .then(|| format!("{count} route tables change one after the other: meanwhile subnets disagree on the way"))
    }
}

impl Route {
    /// The destination, once `check` has passed.
    fn destination(&self) -> Option<IpNet> {
        self.destination.parse().ok()
    }
}

fn region(cx: &Cx) -> Result<&str, CallError> {
    cx.run.region().ok_or_else(|| {
        CallError::definite("ec2", "region.missing", "the step's site has no region, and a route table's id tells none")
    })
}
