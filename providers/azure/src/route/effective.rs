//! The proof: what an interface's effective routes show, which is what Azure really forwards by. Pure.
//!
//! Asks nothing, and judges only the prefix itself.

use super::{
    Route,
    standing::{Effective, Facts, NextHop, State},
};
use ipnet::IpNet;
use lifeboat_contract::Phase;
use serde_json::Value;

/// Where the active route of `destination` leads. A user's route goes before all others of the same prefix.
pub(super) fn leads(table: &Value, destination: &IpNet) -> Option<NextHop> {
    let routes = table["value"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is = |route: &Value, field: &str, word: &str| {
        route[field].as_str().is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    let serves = |route: &&Value| {
        let prefixes = route["addressPrefix"].as_array().map(Vec::as_slice).unwrap_or_default();
        prefixes
            .iter()
            .any(|text| text.as_str().and_then(|text| text.parse::<IpNet>().ok()).as_ref() == Some(destination))
    };
    let active = routes.iter().filter(|route| is(route, "state", "Active")).filter(serves);
    active.max_by_key(|route| is(route, "source", "User")).map(|route| NextHop {
        kind: route["nextHopType"].as_str().unwrap_or_default().to_owned(),
        address: route["nextHopIpAddress"][0].as_str().map(str::to_owned),
    })
}

/// Not settled before every interface that is to prove it shows the new next hop.
pub(super) fn phase(step: &Route, facts: &Facts) -> Phase {
    let asked = NextHop::appliance(&step.next_hop);
    let mut waits_for = None;
    for (interface, found) in &facts.effective {
        let status = match found {
            Effective::Leads(Some(hop)) if *hop == asked => continue,
            Effective::Leads(Some(hop)) => format!("not effective yet on {interface}: it still leads to {hop}"),
            Effective::Leads(None) => format!("not effective yet on {interface}: no active route"),
            Effective::Unreadable { code, message, for_good: true } => {
                let message = format!("the effective routes of {interface} cannot be read: {code}: {message}");
                return Phase::Faulted { code: "route.unproven".to_owned(), message };
            }
            Effective::Unreadable { code, .. } => format!("the effective routes of {interface} are not told: {code}"),
        };
        waits_for.get_or_insert(status);
    }
    match waits_for {
        None => Phase::Settled,
        Some(status) => {
            let toward = serde_json::to_value(State::asked(step)).expect("a map of texts and flags is JSON");
            Phase::Moving { toward: Some(toward), status }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::{facts, overlay, step};
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn route(state: &str, source: &str, address: &str) -> Value {
        json!({ "state": state, "source": source, "addressPrefix": ["192.168.10.10/32"],
                "nextHopType": "VirtualAppliance", "nextHopIpAddress": [address] })
    }

    #[test]
    fn the_active_user_route_of_exactly_the_prefix_counts() {
        let destination = "192.168.10.10/32".parse().unwrap();
        let leads = |routes: Value| leads(&json!({ "value": routes }), &destination).map(|hop| hop.to_string());
        let wide = json!({ "state": "Active", "source": "Default", "addressPrefix": ["192.168.0.0/16"],
                           "nextHopType": "None", "nextHopIpAddress": [] });
        assert_eq!(leads(json!([wide.clone()])), None);
        assert_eq!(leads(json!([route("Invalid", "User", "10.1.1.10"), wide])), None);
        let both = json!([route("Active", "User", "10.1.1.11"), route("Active", "VirtualNetworkGateway", "10.1.1.9")]);
        assert_eq!(leads(both).as_deref(), Some("VirtualAppliance 10.1.1.11"));
    }

    #[test]
    fn until_it_is_effective_the_change_moves_toward_its_target() {
        let step = step(json!({}));
        let phase = |found: Effective| {
            let effective = BTreeMap::from([("engine/c".to_owned(), found)]);
            phase(&step, &Facts { effective, ..facts(&json!([overlay("10.1.1.11")])) })
        };
        assert_eq!(phase(Effective::Leads(Some(NextHop::appliance("10.1.1.11")))), Phase::Settled);
        let Phase::Moving { toward, status } = phase(Effective::Leads(Some(NextHop::appliance("10.1.1.10")))) else {
            panic!("it is not effective yet");
        };
        assert_eq!(toward, serde_json::to_value(State::asked(&step)).ok());
        assert!(status.contains("still leads to VirtualAppliance 10.1.1.10"), "{status}");
        let unreadable = |for_good| {
            let (code, message) = ("AuthorizationFailed".to_owned(), "m".to_owned());
            phase(Effective::Unreadable { code, message, for_good })
        };
        assert!(matches!(unreadable(false), Phase::Moving { .. }));
        assert!(matches!(unreadable(true), Phase::Faulted { code, .. } if code == "route.unproven"));
    }
}
