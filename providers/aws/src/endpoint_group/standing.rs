//! Where an endpoint group and its siblings stand, and which states must not be asked for. Pure.
//!
//! Knows nothing of health: whether a standby can serve is asked by checks before its dial is opened.

use super::{Dial, EndpointGroup};
use lifeboat_contract::{CellKey, Foreseen, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The dial and the weights that the step asks for; what it does not ask for is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>", into = "BTreeMap<String, Value>")]
pub struct State {
    pub dial: Option<Dial>,
    /// `None` for an endpoint that the group does not have.
    pub weights: BTreeMap<String, Option<u8>>,
}

/// What must be known besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub accelerator_status: String,
    pub accelerator_enabled: bool,
    /// In RFC 3339, as the service tells.
    pub last_modified: Option<String>,
    pub group: GroupFacts,
    /// The other groups of the same listener, by ARN.
    pub siblings: BTreeMap<String, GroupFacts>,
}

/// One endpoint group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFacts {
    pub region: String,
    pub dial: Dial,
    /// `None` where the answer leaves them out.
    pub endpoints: Option<Vec<EndpointFacts>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointFacts {
    pub id: String,
    pub weight: u8,
    /// `INITIAL`, `HEALTHY` or `UNHEALTHY`.
    pub health: Option<String>,
    pub client_ip_preservation: Option<bool>,
}

const WEIGHT: &str = "weight:";

pub(crate) fn weight_cell(endpoint: &str) -> String {
    format!("{WEIGHT}{endpoint}")
}

impl State {
    /// The cells of `step`, as they are in `group`.
    pub(crate) fn of(step: &EndpointGroup, group: &GroupFacts) -> Self {
        let weight = |endpoint: &String| (endpoint.clone(), group.weight(endpoint));
        Self { dial: step.dial.map(|_| group.dial), weights: step.weights.keys().map(weight).collect() }
    }
}

impl From<State> for BTreeMap<String, Value> {
    fn from(state: State) -> Self {
        let value = |dial: Dial| serde_json::to_value(dial).expect("a number is JSON");
        let weights = state.weights.into_iter().map(|(endpoint, weight)| (weight_cell(&endpoint), Value::from(weight)));
        state.dial.map(|dial| ("dial".to_owned(), value(dial))).into_iter().chain(weights).collect()
    }
}

impl TryFrom<BTreeMap<String, Value>> for State {
    type Error = String;

    fn try_from(cells: BTreeMap<String, Value>) -> Result<Self, String> {
        let mut state = Self::default();
        for (cell, value) in cells {
            if cell == "dial" {
                state.dial = serde_json::from_value(value).map_err(|error| error.to_string())?;
            } else if let Some(endpoint) = cell.strip_prefix(WEIGHT) {
                let weight = serde_json::from_value(value).map_err(|error| error.to_string())?;
                state.weights.insert(endpoint.to_owned(), weight);
            } else {
                return Err(format!("an endpoint group has no cell {cell:?}"));
            }
        }
        Ok(state)
    }
}

impl Facts {
    /// Puts in what earlier steps will have set.
    pub(crate) fn foresee(&mut self, earlier: &Foreseen) {
        for (arn, group) in &mut self.siblings {
            if let Some(dial) = earlier.get(&CellKey::of(arn, "dial")).and_then(|dial| Dial::deserialize(dial).ok()) {
                group.dial = dial;
            }
            for endpoint in group.endpoints.iter_mut().flatten() {
                let weight = earlier.get(&CellKey::of(arn, weight_cell(&endpoint.id)));
                if let Some(weight) = weight.and_then(|weight| u8::deserialize(weight).ok()) {
                    endpoint.weight = weight;
                }
            }
        }
    }
}

impl GroupFacts {
    fn weight(&self, endpoint: &str) -> Option<u8> {
        self.endpoints.iter().flatten().find(|known| known.id == endpoint).map(|known| known.weight)
    }

    /// The group once `state` is reached.
    pub(crate) fn after(&self, state: &State) -> Self {
        let mut group = self.clone();
        group.dial = state.dial.unwrap_or(group.dial);
        for endpoint in group.endpoints.iter_mut().flatten() {
            endpoint.weight = state.weights.get(&endpoint.id).copied().flatten().unwrap_or(endpoint.weight);
        }
        group
    }

    /// Whether it takes traffic by itself.
    fn is_open(&self) -> bool {
        self.dial.is_open() && opens(self.endpoints.as_deref())
    }
}

/// Whether any endpoint takes traffic. Endpoints that are not told count.
pub(crate) fn opens(endpoints: Option<&[EndpointFacts]>) -> bool {
    endpoints.is_none_or(|endpoints| endpoints.iter().any(|endpoint| endpoint.weight > 0))
}

/// Refuses weights of endpoints that the group does not have, and to close the last open group of a listener.
pub(crate) fn admit(step: &EndpointGroup, target: &State, facts: &Facts) -> Result<(), Refusal> {
    if let Some(endpoint) = target.weights.keys().find(|endpoint| facts.group.weight(endpoint).is_none()) {
        return Err(Refusal::new("weight.no_endpoint", format!("{} has no endpoint {endpoint}", step.arn)));
    }
    let closes = facts.group.is_open() && !facts.group.after(target).is_open();
    if closes && !facts.siblings.values().any(GroupFacts::is_open) {
        return Err(Refusal::new(
            "dial.last_open_group",
            format!("{} is the last open group of its listener, and nobody would take its traffic", step.arn),
        )
        .with_hint("open the other site's group in an earlier step"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_contract::{Change as _, Direction, Mode, Observed, Phase, RunContext, SiteId, Transition};
    use serde_json::json;
    use std::collections::BTreeSet;

    const R1: &str = "arn:aws:globalaccelerator::111122223333:accelerator/a/listener/l/endpoint-group/r1";
    const R2: &str = "arn:aws:globalaccelerator::111122223333:accelerator/a/listener/l/endpoint-group/r2";

    fn step(with: Value) -> EndpointGroup {
        let mut with = with;
        with["arn"] = json!(R1);
        serde_json::from_value(with).unwrap()
    }

    fn dial(percentage: u8) -> Dial {
        Dial::from_service(f32::from(percentage))
    }

    fn group(percentage: u8, weight: u8) -> GroupFacts {
        let endpoint = EndpointFacts { id: "alb".to_owned(), weight, health: None, client_ip_preservation: Some(true) };
        GroupFacts { region: "us-east-1".to_owned(), dial: dial(percentage), endpoints: Some(vec![endpoint]) }
    }

    fn now(step: &EndpointGroup, own: GroupFacts, sibling: GroupFacts) -> Observed<State, Facts> {
        let state = State::of(step, &own);
        let facts = Facts {
            accelerator_status: "DEPLOYED".to_owned(),
            accelerator_enabled: true,
            last_modified: None,
            group: own,
            siblings: BTreeMap::from([(R2.to_owned(), sibling)]),
        };
        Observed { state, facts, phase: Phase::Settled }
    }

    fn run() -> RunContext {
        RunContext {
            mode: Mode::Switchover,
            accepted_loss: None,
            rpo: None,
            impaired: BTreeSet::new(),
            to: SiteId::from("r2"),
            from: SiteId::from("r1"),
            place: None,
        }
    }

    fn code(step: &EndpointGroup, now: &Observed<State, Facts>) -> String {
        step.target(now, &run()).map_or_else(|refusal| refusal.code, |_| "go".to_owned())
    }

    #[test]
    fn the_last_open_group_is_not_closed() {
        let close = step(json!({"dial": 0}));
        assert_eq!(code(&close, &now(&close, group(100, 128), group(0, 128))), "dial.last_open_group");
        assert_eq!(
            code(&close, &now(&close, group(100, 128), group(100, 0))),
            "dial.last_open_group",
            "weight 0 is closed"
        );
        assert_eq!(code(&close, &now(&close, group(100, 128), group(1, 1))), "go");
        assert_eq!(code(&close, &now(&close, group(0, 128), group(0, 128))), "go", "a fixed point");
        let weightless = step(json!({"weights": {"alb": 0}}));
        assert_eq!(code(&weightless, &now(&weightless, group(100, 128), group(0, 128))), "dial.last_open_group");
    }

    #[test]
    fn an_earlier_step_that_opens_the_sibling_is_foreseen() {
        let close = step(json!({"dial": 0}));
        let mut now = now(&close, group(100, 128), group(0, 128));
        close.foresee(&mut now.facts, &BTreeMap::from([(CellKey::of(R2, "dial"), json!(100))]));
        assert_eq!(code(&close, &now), "go");
    }

    #[test]
    fn only_what_is_asked_for_is_a_cell() {
        let both = step(json!({"dial": 12.5, "weights": {"alb": 0, "gone": 1}}));
        let state = State::of(&both, &group(100, 128));
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!(json, json!({"dial": 100, "weight:alb": 128, "weight:gone": null}));
        assert_eq!(serde_json::from_value::<State>(json).unwrap(), state);
        let cells: Vec<String> = both.touches(&run(), None).owns.iter().map(|key| key.cell().to_owned()).collect();
        assert_eq!(cells, ["dial", "weight:alb", "weight:gone"]);
        assert_eq!(code(&both, &now(&both, group(100, 128), group(100, 1))), "weight.no_endpoint");
    }

    #[test]
    fn closing_by_the_dial_alone_is_noted() {
        let note = |with: Value, own: GroupFacts| {
            let step = step(with);
            let now = now(&step, own, group(100, 1));
            let to = step.target(&now, &run()).unwrap();
            let mode = Mode::Switchover;
            step.note(&Transition { now, to, direction: Direction::Forward, mode, data_loss: None })
        };
        assert!(note(json!({"dial": 0}), group(100, 128)).unwrap().contains("weight 0"));
        assert_eq!(note(json!({"dial": 0, "weights": {"alb": 0}}), group(100, 128)), None);
        assert_eq!(note(json!({"dial": 100}), group(0, 128)), None);
    }
}
