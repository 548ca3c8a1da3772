//! Which routes may be asked for: what the fields show alone, and what live state shows. Pure.
//!
//! Says nothing of how a route is written.

use super::{Facts, Route, RouteTarget, State, standing};
use ipnet::IpNet;
use lifeboat_contract::{Findings, Refusal, codes};
use std::{collections::BTreeSet, net::IpAddr};

/// Ranges that a VPC keeps for its own services; a route to them is refused.
const RESERVED: [&str; 2] = ["169.254.168.0/22", "fd00:ec2::/32"];

pub(crate) fn check(step: &Route, findings: &mut Findings) {
    check_ids(step, findings);
    let destination = network(findings, &["destination"], &step.destination);
    let mut ranges = Vec::new();
    for (index, range) in step.vpc_cidr.iter().enumerate() {
        ranges.extend(network(findings, &["vpc_cidr", &index.to_string()], range));
    }
    let Some(destination) = destination else { return };
    if let Some(range) = ranges.iter().find(|range| range.contains(&destination)) {
        findings
            .error(
                &["destination"],
                codes::OVERLAY_INSIDE_VPC,
                format!("{destination} lies inside the VPC's own range {range}"),
            )
            .because("the VPC's local route takes precedence there, or the service refuses the route")
            .hint("use an address outside every range of the VPC, like 192.168.99.1/32");
    }
    if let Some(range) =
        RESERVED.iter().find(|range| range.parse::<IpNet>().is_ok_and(|range| range.contains(&destination)))
    {
        findings
            .error(&["destination"], codes::FORBIDDEN_ADDRESS, format!("{destination} lies inside {range}"))
            .because("a VPC keeps this range for its own services");
    }
}

fn check_ids(step: &Route, findings: &mut Findings) {
    if step.route_tables.is_empty() {
        findings.error(&["route_tables"], codes::BAD_VALUE, "no route table is named");
    }
    let mut seen = BTreeSet::new();
    for (index, table) in step.route_tables.iter().enumerate() {
        let path = ["route_tables", &index.to_string()];
        if !is_id(table, "rtb-") {
            findings
                .error(&path, codes::BAD_VALUE, format!("{table:?} is not the id of a route table"))
                .hint("write it like rtb-0123456789abcdef0");
        }
        if !seen.insert(table) {
            findings.error(&path, codes::BAD_VALUE, format!("{table} is named twice"));
        }
    }
    if !is_id(&step.network_interface, "eni-") {
        findings
            .error(
                &["network_interface"],
                codes::BAD_VALUE,
                format!("{:?} is not the id of a network interface", step.network_interface),
            )
            .because("an instance's id is ambiguous as soon as it has a second interface")
            .hint("write it like eni-0123456789abcdef0");
    }
    if step.source_dest_check == Some(true) {
        findings
            .error(
                &["source_dest_check"],
                codes::BAD_VALUE,
                "an interface that checks source and destination cannot serve",
            )
            .because("it drops packets for an address that is not its own")
            .hint("write `source_dest_check: false`, or leave it out if it is off already");
    }
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Parses a range and refuses one whose host bits are set: the service would silently clear them.
fn network(findings: &mut Findings, path: &[&str], text: &str) -> Option<IpNet> {
    let Ok(network) = text.parse::<IpNet>() else {
        let finding = findings.error(path, codes::BAD_ADDRESS, format!("{text:?} is not a range in CIDR notation"));
        if let Ok(address) = text.parse::<IpAddr>() {
            finding.hint(format!("write {}", IpNet::from(address)));
        }
        return None;
    };
    if network != network.trunc() {
        findings.error(path, codes::BAD_ADDRESS, format!("{text} has bits set beyond its prefix")).hint(format!(
            "write {} or {}",
            IpNet::from(network.addr()),
            network.trunc()
        ));
        return None;
    }
    Some(network)
}

/// Refuses a route that could not carry a packet, and one whose way back is not known.
pub(crate) fn admit(step: &Route, state: &State, facts: &Facts) -> Result<(), Refusal> {
    inside_the_vpc(step, facts)?;
    if let Some((table, _)) = state.routes.iter().find(|(_, target)| **target == Some(RouteTarget::Unidentified)) {
        return Err(Refusal::new(
            "route.unidentified",
            format!("{} in {table} has a target of a kind that cannot be restored", step.destination),
        ));
    }
    let id = &step.network_interface;
    if let Some((code, why)) = standing::unfit(step, facts.interface.as_ref()) {
        return Err(Refusal::new(code, why));
    }
    let Some(interface) = &facts.interface else { return Ok(()) };
    if interface.source_dest_check && step.source_dest_check.is_none() {
        return Err(Refusal::new(
            "interface.source_dest_check",
            format!("interface {id} checks source and destination"),
        )
        .with_hint("write `source_dest_check: false` to switch that off as a part of this step"));
    }
    let foreign = facts.routes.iter().find(|(_, route)| interface.vpc.as_ref().is_some_and(|vpc| *vpc != route.vpc));
    if let Some((table, route)) = foreign {
        return Err(Refusal::new(
            "interface.other_vpc",
            format!("{table} is of {}, and interface {id} is not", route.vpc),
        ));
    }
    Ok(())
}

/// Inside a VPC's own range, only a whole subnet's range may be routed elsewhere.
fn inside_the_vpc(step: &Route, facts: &Facts) -> Result<(), Refusal> {
    let Some(destination) = step.destination() else {
        return Err(Refusal::new("destination.malformed", format!("{:?} is not a range", step.destination)));
    };
    match facts.vpc_ranges.iter().find(|range| range.contains(&destination)) {
        Some(range) if !facts.subnet_ranges.contains(&destination) => Err(Refusal::new(
            "destination.inside_vpc",
            format!("{destination} lies inside the VPC's own range {range}, and is not a whole subnet's"),
        )
        .with_hint("use an address outside every range of the VPC")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::standing::{
        InterfaceFacts, observed,
        tests::{facts, interface, step, to_eni},
    };
    use super::*;
    use lifeboat_contract::{Change as _, Code, Mode, RunContext, SiteId};

    fn run() -> RunContext {
        RunContext {
            mode: Mode::Switchover,
            accepted_loss: None,
            rpo: None,
            impaired: BTreeSet::new(),
            to: SiteId::from("b"),
            from: SiteId::from("a"),
            place: None,
        }
    }

    fn found(change: impl FnOnce(&mut Route)) -> Vec<Code> {
        let mut step = step(None);
        change(&mut step);
        let mut findings = Findings::default();
        check(&step, &mut findings);
        findings.as_slice().iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn what_the_fields_show_alone() {
        let inside = |destination: &'static str, range: &'static str| {
            move |step: &mut Route| {
                step.destination = destination.to_owned();
                step.vpc_cidr = vec![range.to_owned()];
            }
        };
        assert_eq!(found(|_| ()), []);
        assert_eq!(found(inside("10.0.5.1/32", "10.0.0.0/16")), [codes::OVERLAY_INSIDE_VPC]);
        assert_eq!(found(inside("0.0.0.0/0", "10.0.0.0/16")), [], "wider than the VPC is outside");
        assert_eq!(found(inside("192.168.99.1", "10.0.0.0/16")), [codes::BAD_ADDRESS]);
        assert_eq!(found(inside("192.168.99.1/24", "10.0.0.1/16")), [codes::BAD_ADDRESS, codes::BAD_ADDRESS]);
        assert_eq!(found(inside("169.254.169.254/32", "10.0.0.0/16")), [codes::FORBIDDEN_ADDRESS]);
        assert_eq!(found(inside("fd00:ec2::254/128", "10.0.0.0/16")), [codes::FORBIDDEN_ADDRESS]);
        assert_eq!(found(|step| step.network_interface = "i-1".to_owned()), [codes::BAD_VALUE]);
        assert_eq!(found(|step| step.route_tables = Vec::new()), [codes::BAD_VALUE]);
        assert_eq!(found(|step| step.route_tables[1] = "rtb-1".to_owned()), [codes::BAD_VALUE]);
        assert_eq!(found(|step| step.source_dest_check = Some(true)), [codes::BAD_VALUE]);
    }

    #[test]
    fn what_live_state_shows() {
        let code = |step: &Route, facts: Facts| {
            step.target(&observed(step, facts), &run()).map_or_else(|refusal| refusal.code, |_| "go".to_owned())
        };
        let plain = step(None);
        let with = |interface| Facts { interface, ..facts(None, "active") };
        assert_eq!(code(&plain, with(Some(interface()))), "go");
        assert_eq!(code(&plain, with(None)), "interface.missing");
        let stopped = InterfaceFacts { instance_state: Some("stopped".to_owned()), ..interface() };
        assert_eq!(code(&plain, with(Some(stopped))), "interface.instance_not_running");
        let loose = InterfaceFacts { status: "available".to_owned(), attachment: None, instance: None, ..interface() };
        assert_eq!(code(&plain, with(Some(loose))), "interface.not_attached");
        let checking = || Some(InterfaceFacts { source_dest_check: true, ..interface() });
        assert_eq!(code(&plain, with(checking())), "interface.source_dest_check");
        assert_eq!(code(&step(Some(false)), with(checking())), "go");
        let elsewhere = InterfaceFacts { vpc: Some("vpc-2".to_owned()), ..interface() };
        assert_eq!(code(&plain, with(Some(elsewhere))), "interface.other_vpc");
        assert_eq!(code(&plain, facts(Some(RouteTarget::Unidentified), "active")), "route.unidentified");
        assert_eq!(code(&plain, Facts { interface: None, ..facts(to_eni("eni-b"), "active") }), "go", "a fixed point");
    }

    #[test]
    fn inside_the_vpc_only_a_whole_subnet_may_be_routed() {
        let mut inside = step(None);
        inside.destination = "10.0.5.0/24".to_owned();
        let mut facts = facts(None, "active");
        assert_eq!(inside_the_vpc(&inside, &facts).unwrap_err().code, "destination.inside_vpc");
        facts.subnet_ranges = vec!["10.0.5.0/24".parse().unwrap()];
        assert!(inside_the_vpc(&inside, &facts).is_ok());
    }
}
