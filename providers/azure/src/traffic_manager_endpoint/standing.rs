//! Where an endpoint and its siblings stand, and which states must not be asked for. Pure.
//!
//! What the profile's monitor thinks of an endpoint is a fact, and no part of the state: it cannot be driven.

use super::{Status, TrafficManagerEndpoint};
use crate::needs::Location;
use lifeboat_contract::{CellKey, Foreseen, Observed, Phase, Refusal, Transition};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What the step asks for; what it does not ask for is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
}

/// What must be known besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub location: Location,
    /// Whether the profile answers at all.
    pub profile_enabled: bool,
    /// `Performance`, `Weighted`, `Priority`, `Geographic`, `MultiValue`, `Subnet`.
    pub routing_method: String,
    /// How long an answer may be held.
    pub ttl_s: Option<u64>,
    pub own: EndpointFacts,
    /// The other endpoints of the profile, by id in lower case.
    pub siblings: BTreeMap<String, EndpointFacts>,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointFacts {
    pub name: String,
    pub status: Status,
    pub weight: Option<u32>,
    pub priority: Option<u32>,
    /// `Online`, `Degraded`, `CheckingEndpoint`, `Disabled`, `Inactive`, `Stopped`, or a word of tomorrow.
    pub monitor_status: Option<String>,
}

impl EndpointFacts {
    /// Reads an endpoint as the service shows it. Without a status it is enabled, as the service has it by default.
    pub(super) fn of(endpoint: &Value) -> Self {
        let properties = &endpoint["properties"];
        let number = |field: &str| properties[field].as_u64().and_then(|number| u32::try_from(number).ok());
        let disabled = properties["endpointStatus"].as_str().is_some_and(|text| text.eq_ignore_ascii_case("Disabled"));
        Self {
            name: endpoint["name"].as_str().unwrap_or_default().to_owned(),
            status: if disabled { Status::Disabled } else { Status::Enabled },
            weight: number("weight"),
            priority: number("priority"),
            monitor_status: properties["endpointMonitorStatus"].as_str().map(str::to_owned),
        }
    }
}

impl State {
    pub(super) fn asked(step: &TrafficManagerEndpoint) -> Self {
        Self { status: step.status, weight: step.weight, priority: step.priority }
    }

    /// The cells of `step`, as they are in `endpoint`.
    pub(super) fn seen(step: &TrafficManagerEndpoint, endpoint: &EndpointFacts) -> Self {
        Self {
            status: step.status.map(|_| endpoint.status),
            weight: step.weight.and(endpoint.weight),
            priority: step.priority.and(endpoint.priority),
        }
    }
}

impl Facts {
    /// Puts in what earlier steps will have set.
    pub(super) fn foresee(&mut self, earlier: &Foreseen) {
        for (id, endpoint) in &mut self.siblings {
            let cell = |name: &str| earlier.get(&CellKey::of(id, name));
            let number = |name: &str| cell(name).and_then(|value| u32::deserialize(value).ok());
            if let Some(status) = cell("status").and_then(|status| Status::deserialize(status).ok()) {
                endpoint.status = status;
            }
            endpoint.weight = number("weight").or(endpoint.weight);
            endpoint.priority = number("priority").or(endpoint.priority);
        }
    }
}

/// Puts what was read together. The service answers when it is done: nothing of this is ever under way.
pub(super) fn observed(step: &TrafficManagerEndpoint, facts: Facts) -> Observed<State, Facts> {
    Observed { state: State::seen(step, &facts.own), facts, phase: Phase::Settled }
}

/// Refuses to close the last endpoint of a profile, and a priority that another endpoint has.
pub(super) fn admit(
    step: &TrafficManagerEndpoint,
    now: &Observed<State, Facts>,
    target: &State,
) -> Result<(), Refusal> {
    let facts = &now.facts;
    let closes = now.state.status == Some(Status::Enabled) && target.status == Some(Status::Disabled);
    if closes && !facts.siblings.values().any(|sibling| sibling.status == Status::Enabled) {
        let message =
            format!("{} is the last enabled endpoint of its profile, which would answer nobody", step.endpoint.short());
        return Err(Refusal::new("endpoint.last_enabled", message)
            .with_hint("enable another endpoint of the profile in an earlier step"));
    }
    let asked = target.priority.filter(|_| target.priority != now.state.priority);
    let holder = facts.siblings.values().find(|sibling| asked.is_some() && sibling.priority == asked);
    if let (Some(priority), Some(holder)) = (asked, holder) {
        let message = format!("the endpoint {} has priority {priority} already", holder.name);
        return Err(Refusal::new("endpoint.priority_taken", message).with_hint(format!(
            "give {} another priority in an earlier step; two endpoints change places by way of a third value",
            holder.name
        )));
    }
    Ok(())
}

pub(super) fn note(step: &TrafficManagerEndpoint, transition: &Transition<State, Facts>) -> Option<String> {
    let facts = &transition.now.facts;
    let mut notes = Vec::new();
    if !facts.profile_enabled {
        notes.push("the profile is disabled and answers nobody".to_owned());
    }
    for (field, asked, method) in [("weight", step.weight, "Weighted"), ("priority", step.priority, "Priority")] {
        if asked.is_some() && !facts.routing_method.eq_ignore_ascii_case(method) {
            notes.push(format!("the profile routes by {}, where no {field} counts", facts.routing_method));
        }
    }
    if let Some(ttl) = facts.ttl_s {
        notes.push(format!("clients hold the old answer for up to {ttl} s, and behind some resolvers for longer"));
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lifeboat_contract::{Change as _, Code, Findings, Mode, RunContext, SiteId, codes};
    use serde_json::json;
    use std::collections::BTreeSet;

    pub(in super::super) const PROFILE: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/trafficManagerProfiles/orders";

    pub(in super::super) fn step(with: Value) -> TrafficManagerEndpoint {
        let mut with = with;
        with["endpoint"] = json!(format!("{PROFILE}/externalEndpoints/east"));
        serde_json::from_value(with).unwrap()
    }

    fn west() -> String {
        format!("{PROFILE}/externalEndpoints/west").to_lowercase()
    }

    fn endpoint(status: Status, priority: u32) -> EndpointFacts {
        let (weight, priority) = (Some(1), Some(priority));
        EndpointFacts { name: "west".to_owned(), status, weight, priority, monitor_status: None }
    }

    fn now(step: &TrafficManagerEndpoint, own: EndpointFacts, sibling: EndpointFacts) -> Observed<State, Facts> {
        let facts = Facts {
            location: Location::default(),
            profile_enabled: true,
            routing_method: "Priority".to_owned(),
            ttl_s: Some(30),
            own,
            siblings: BTreeMap::from([(west(), sibling)]),
        };
        observed(step, facts)
    }

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

    fn code(step: &TrafficManagerEndpoint, now: &Observed<State, Facts>) -> String {
        step.target(now, &run()).map_or_else(|refusal| refusal.code, |_| "go".to_owned())
    }

    use Status::{Disabled, Enabled};

    #[test]
    fn the_last_enabled_endpoint_stays() {
        let close = step(json!({"status": "disabled"}));
        assert_eq!(code(&close, &now(&close, endpoint(Enabled, 1), endpoint(Disabled, 2))), "endpoint.last_enabled");
        assert_eq!(code(&close, &now(&close, endpoint(Enabled, 1), endpoint(Enabled, 2))), "go");
        assert_eq!(code(&close, &now(&close, endpoint(Disabled, 1), endpoint(Disabled, 2))), "go", "a fixed point");
        let mut now = now(&close, endpoint(Enabled, 1), endpoint(Disabled, 2));
        close.foresee(&mut now.facts, &Foreseen::from([(CellKey::of(west(), "status"), json!("enabled"))]));
        assert_eq!(code(&close, &now), "go", "an earlier step enables another");
    }

    #[test]
    fn two_endpoints_do_not_share_a_priority() {
        let first = step(json!({"priority": 1}));
        assert_eq!(code(&first, &now(&first, endpoint(Enabled, 2), endpoint(Enabled, 1))), "endpoint.priority_taken");
        assert_eq!(code(&first, &now(&first, endpoint(Enabled, 1), endpoint(Enabled, 2))), "go");
        let mut now = now(&first, endpoint(Enabled, 2), endpoint(Enabled, 1));
        first.foresee(&mut now.facts, &Foreseen::from([(CellKey::of(west(), "priority"), json!(10))]));
        assert_eq!(code(&first, &now), "go", "an earlier step makes room");
    }

    #[test]
    fn only_what_is_asked_for_is_a_cell() {
        let both = step(json!({"status": "enabled", "weight": 5}));
        let state = now(&both, endpoint(Disabled, 1), endpoint(Enabled, 2)).state;
        assert_eq!(json!(state), json!({"status": "disabled", "weight": 1}));
        assert_eq!(serde_json::from_value::<State>(json!(state)).unwrap(), state);
        let cells: Vec<String> = both.touches(&run(), None).owns.iter().map(|key| key.cell().to_owned()).collect();
        assert_eq!(cells, ["status", "weight"]);
    }

    #[test]
    fn findings() {
        let found = |step: &TrafficManagerEndpoint| -> Vec<Code> {
            let mut findings = Findings::default();
            step.check(&mut findings);
            findings.as_slice().iter().map(|finding| finding.code).collect()
        };
        assert_eq!(found(&step(json!({"status": "enabled"}))), []);
        assert_eq!(found(&step(json!({}))), [codes::MISSING_FIELD]);
        assert_eq!(found(&step(json!({"weight": 0, "priority": 1001}))), [codes::OUT_OF_RANGE, codes::OUT_OF_RANGE]);
        let profile = TrafficManagerEndpoint { endpoint: PROFILE.parse().unwrap(), ..step(json!({"weight": 1})) };
        assert_eq!(found(&profile), [codes::BAD_VALUE]);
    }
}
