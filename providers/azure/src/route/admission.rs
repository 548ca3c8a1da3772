//! Which routes may be asked for: what the fields show alone, and what live state shows. Pure.
//!
//! Says nothing of how a route is written.

use super::{Facts, Route};
use crate::arm_id::{ArmId, expect};
use ipnet::IpNet;
use lifeboat_contract::{Findings, Refusal, codes};
use std::{collections::BTreeSet, net::IpAddr};

const TABLE: &str = "Microsoft.Network/routeTables";
const INTERFACE: &str = "Microsoft.Network/networkInterfaces";
/// What Azure's platform answers at in every virtual network: metadata, and name resolution and health probes.
const RESERVED: [&str; 2] = ["169.254.0.0/16", "168.63.129.16/32"];

pub(super) fn check(step: &Route, findings: &mut Findings) {
    check_ids(step, findings);
    let destination = prefix(findings, &step.destination);
    match step.next_hop.parse::<std::net::Ipv4Addr>() {
        Err(_) => {
            findings
                .error(&["next_hop"], codes::BAD_ADDRESS, format!("{:?} is not an IPv4 address", step.next_hop))
                .hint("write the private address of the network interface or of the internal load balancer");
        }
        Ok(hop) if destination == Some(IpNet::from(IpAddr::V4(hop))) => {
            findings
                .error(&["next_hop"], codes::CONFLICTING_FIELDS, format!("{hop} is its own next hop"))
                .because("a packet for the address would be sent to that address, and never arrive");
        }
        Ok(_) => {}
    }
    let Some(destination) = destination else { return };
    let reserved = RESERVED.iter().find(|range| range.parse::<IpNet>().is_ok_and(|range| range.contains(&destination)));
    if let Some(range) = reserved {
        findings
            .error(&["destination"], codes::FORBIDDEN_ADDRESS, format!("{destination} lies inside {range}"))
            .because("Azure's own platform answers there");
    }
}

fn check_ids(step: &Route, findings: &mut Findings) {
    if step.route_tables.is_empty() {
        findings.error(&["route_tables"], codes::BAD_VALUE, "no route table is named");
    }
    let mut seen = BTreeSet::new();
    for (index, table) in step.route_tables.iter().enumerate() {
        let path = ["route_tables", &index.to_string()];
        expect(findings, &path, table, TABLE);
        if !seen.insert(table) {
            findings.error(&path, codes::BAD_VALUE, format!("{table} is named twice"));
        }
    }
    if let Some(interface) = &step.network_interface {
        expect(findings, &["network_interface"], interface, INTERFACE);
    }
    for (index, interface) in step.effective_on.iter().enumerate() {
        expect(findings, &["effective_on", &index.to_string()], interface, INTERFACE);
    }
    match (step.ip_forwarding, &step.network_interface) {
        (Some(false), _) => {
            findings
                .error(&["ip_forwarding"], codes::BAD_VALUE, "an interface that does not forward cannot serve")
                .because("Azure drops packets for an address that is not its own")
                .hint("write `ip_forwarding: true`, or leave it out if it is on already");
        }
        (Some(true), None) => {
            findings
                .error(&["ip_forwarding"], codes::MISSING_FIELD, "nothing says which interface is to forward")
                .hint("add `network_interface: …`, the id of the interface that has the next hop's address");
        }
        (Some(true) | None, _) => {}
    }
    if let Some(name) = &step.route_name
        && !is_name(name)
    {
        findings
            .error(&["route_name"], codes::BAD_VALUE, format!("{name:?} cannot be the name of a route"))
            .hint("use up to 80 letters, digits, `.`, `-` and `_`, and start with a letter or a digit");
    }
}

fn is_name(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=80).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(inside)
}

/// Parses the prefix and refuses one whose host bits are set.
fn prefix(findings: &mut Findings, text: &str) -> Option<IpNet> {
    let path = ["destination"];
    let Ok(prefix) = text.parse::<IpNet>() else {
        let finding = findings.error(&path, codes::BAD_ADDRESS, format!("{text:?} is not a range in CIDR notation"));
        if let Ok(address) = text.parse::<IpAddr>() {
            finding.hint(format!("write {}", IpNet::from(address)));
        }
        return None;
    };
    if prefix == prefix.trunc() {
        return Some(prefix);
    }
    findings.error(&path, codes::BAD_ADDRESS, format!("{text} has bits set beyond its prefix")).hint(format!(
        "write {} or {}",
        IpNet::from(prefix.addr()),
        prefix.trunc()
    ));
    None
}

/// Refuses a route that could not carry a packet, and one that would overwrite another.
pub(super) fn admit(step: &Route, facts: &Facts) -> Result<(), Refusal> {
    for (table, found) in &facts.tables {
        if let Some(prefix) = &found.name_taken_by {
            let message = format!("{table} has a route {} already, for {prefix}", step.new_name());
            return Err(Refusal::new("route.name_taken", message)
                .with_hint("give the new route another name with `route_name: …`"));
        }
    }
    let Some(interface) = &facts.interface else {
        return match &step.network_interface {
            Some(id) => Err(Refusal::new("interface.missing", format!("there is no network interface {id}"))),
            // The next hop may be a load balancer's address, or a machine's in another group.
            None => Ok(()),
        };
    };
    let name = interface.id.parse().map_or_else(|_| interface.id.clone(), |id: ArmId| id.short());
    if !interface
        .addresses
        .iter()
        .any(|address| Some(address.as_str()) == step.next_hop().map(|hop| hop.to_string()).as_deref())
    {
        let has = interface.addresses.join(", ");
        let message = format!("the network interface {name} has the addresses {has}, and not {}", step.next_hop);
        return Err(Refusal::new("interface.other_address", message));
    }
    if interface.machine.is_none() {
        let message = format!("the network interface {name} is attached to no machine");
        return Err(Refusal::new("interface.not_attached", message));
    }
    if !interface.forwards && step.ip_forwarding.is_none() {
        let hint = match &step.network_interface {
            Some(_) => "write `ip_forwarding: true` to switch that on as a part of this step".to_owned(),
            None => format!(
                "write `network_interface: {}` and `ip_forwarding: true` to switch that on as a part of this step",
                interface.id
            ),
        };
        let message = format!("the network interface {name} does not forward packets for {}", step.destination);
        return Err(Refusal::new("interface.ip_forwarding", message).with_hint(hint));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::standing::{
        interface_facts, observed,
        tests::{facts, interface, interface_id, overlay, step, table_id},
    };
    use super::*;
    use lifeboat_contract::{Change as _, Code, Mode, RunContext, SiteId};
    use serde_json::{Value, json};

    fn found(more: Value) -> Vec<Code> {
        let mut findings = Findings::default();
        check(&step(more), &mut findings);
        findings.as_slice().iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn what_the_fields_show_alone() {
        assert_eq!(found(json!({})), []);
        assert_eq!(found(json!({ "ip_forwarding": true, "route_name": "overlay_1" })), []);
        assert_eq!(found(json!({ "destination": "192.168.10.10" })), [codes::BAD_ADDRESS]);
        assert_eq!(found(json!({ "destination": "192.168.10.10/24" })), [codes::BAD_ADDRESS]);
        assert_eq!(found(json!({ "destination": "169.254.169.254/32" })), [codes::FORBIDDEN_ADDRESS]);
        assert_eq!(found(json!({ "destination": "10.1.1.11/32" })), [codes::CONFLICTING_FIELDS]);
        assert_eq!(found(json!({ "next_hop": "b" })), [codes::BAD_ADDRESS]);
        assert_eq!(found(json!({ "route_tables": [] })), [codes::BAD_VALUE]);
        assert_eq!(found(json!({ "route_tables": [table_id("a"), table_id("A")] })), [codes::BAD_VALUE]);
        assert_eq!(found(json!({ "network_interface": table_id("a") })), [codes::BAD_VALUE]);
        assert_eq!(found(json!({ "effective_on": [table_id("a")] })), [codes::BAD_VALUE]);
        assert_eq!(found(json!({ "ip_forwarding": false })), [codes::BAD_VALUE]);
        assert_eq!(found(json!({ "ip_forwarding": true, "network_interface": null })), [codes::MISSING_FIELD]);
        assert_eq!(found(json!({ "route_name": "a/b" })), [codes::BAD_VALUE]);
    }

    fn code(step: &Route, facts: Facts) -> String {
        let run = RunContext {
            mode: Mode::Switchover,
            accepted_loss: None,
            rpo: None,
            impaired: BTreeSet::new(),
            to: SiteId::from("b"),
            from: SiteId::from("a"),
            place: None,
        };
        step.target(&observed(step, facts), &run).map_or_else(|refusal| refusal.code, |_| "go".to_owned())
    }

    #[test]
    fn what_live_state_shows() {
        let routes = json!([overlay("10.1.1.10")]);
        let with = |body: Option<Value>| Facts { interface: body.as_ref().map(interface_facts), ..facts(&routes) };
        let plain = step(json!({}));
        assert_eq!(code(&plain, with(Some(interface(true)))), "go");
        assert_eq!(code(&plain, with(None)), "interface.missing");
        assert_eq!(code(&step(json!({ "network_interface": null })), with(None)), "go", "it may be a load balancer's");
        assert_eq!(code(&plain, with(Some(interface(false)))), "interface.ip_forwarding");
        assert_eq!(code(&step(json!({ "ip_forwarding": true })), with(Some(interface(false)))), "go");
        assert_eq!(
            code(&step(json!({ "next_hop": "10.1.1.12" })), with(Some(interface(true)))),
            "interface.other_address"
        );
        let mut loose = interface(true);
        loose["properties"]["virtualMachine"] = Value::Null;
        assert_eq!(code(&plain, with(Some(loose))), "interface.not_attached");
        let standing = Facts { interface: None, ..facts(&json!([overlay("10.1.1.11")])) };
        assert_eq!(code(&plain, standing), "go", "a fixed point");
        let taken =
            json!([{ "name": "overlay", "properties": { "addressPrefix": "10.9.0.0/16", "nextHopType": "None" } }]);
        assert_eq!(code(&plain, facts(&taken)), "route.name_taken");
        assert!(interface_id("b").parse::<ArmId>().is_ok());
    }
}
