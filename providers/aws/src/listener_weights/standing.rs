//! Which weights the target groups of an action have, and what else the actions hold. Pure.
//!
//! Health is not looked at: a weight is a share, whether its group can serve or not.

use super::ListenerWeights;
use lifeboat_contract::{Refusal, Transition};
use serde::{Deserialize, Serialize, de::Error as _};
use serde_json::Value;
use std::collections::BTreeMap;

/// The cell that holds all of the actions but their weights.
pub(crate) const ACTIONS: &str = "actions";
const WEIGHT: &str = "weight:";

/// A cell for the weight of each target group of the action, and one for everything else in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>", into = "BTreeMap<String, Value>")]
pub struct State {
    /// The actions without the weights. Compared; what is written comes from the service's own answer.
    pub actions: Value,
    /// By target group. One whose weight is not told has the service's default.
    pub weights: BTreeMap<String, u16>,
}

/// What must be known besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The types of the actions, in order: `authenticate-cognito`, `forward`.
    pub types: Vec<String>,
    /// How long stickiness keeps a client on its target group, in seconds, where it is on.
    pub stickiness_s: Option<u32>,
    /// Whether it is the rule behind a listener's default action.
    pub is_default_rule: bool,
    /// A part of the actions that this build could not write back as it is.
    pub unwritable: Option<String>,
}

pub(crate) fn weight_cell(group: &str) -> String {
    format!("{WEIGHT}{group}")
}

impl From<State> for BTreeMap<String, Value> {
    fn from(state: State) -> Self {
        let weights = state.weights.into_iter().map(|(group, weight)| (weight_cell(&group), Value::from(weight)));
        weights.chain([(ACTIONS.to_owned(), state.actions)]).collect()
    }
}

impl TryFrom<BTreeMap<String, Value>> for State {
    type Error = serde_json::Error;

    fn try_from(cells: BTreeMap<String, Value>) -> Result<Self, Self::Error> {
        let mut state = Self { actions: Value::Null, weights: BTreeMap::new() };
        for (cell, value) in cells {
            match cell.strip_prefix(WEIGHT) {
                Some(group) => {
                    state.weights.insert(group.to_owned(), serde_json::from_value(value)?);
                }
                None if cell == ACTIONS => state.actions = value,
                None => return Err(serde_json::Error::custom(format!("a list of actions has no cell {cell:?}"))),
            }
        }
        Ok(state)
    }
}

impl State {
    /// What the step asks for: its weights, and all others as they are. A group that is not in the list has no cell.
    pub(crate) fn asked(&self, step: &ListenerWeights) -> Self {
        let mut asked = self.clone();
        for weight in &step.weights {
            asked.weights.insert(weight.target_group.clone(), weight.weight);
        }
        asked
    }

    /// Whether anybody gets a request.
    fn is_open(&self) -> bool {
        self.weights.values().any(|weight| *weight > 0)
    }
}

/// Refuses what the service would not do, what could not be restored, and a list that sends nobody anything.
pub(crate) fn admit(step: &ListenerWeights, now: &State, target: &State, facts: &Facts) -> Result<(), Refusal> {
    let arn = step.arn();
    if facts.types.iter().any(|kind| kind == "authenticate-oidc") {
        return Err(Refusal::new(
            "actions.client_secret",
            format!("the actions of {arn} authenticate with OIDC, and hold a client secret that cannot be read"),
        )
        .with_hint(
            "the service replaces the whole list of actions, so the secret would be lost; move the weights to a rule \
             without such an action, or shift traffic by `aws.elbv2.target_group`",
        ));
    }
    if let Some(part) = &facts.unwritable {
        return Err(Refusal::new(
            "actions.unknown",
            format!("the actions of {arn} hold {part}, which this build does not know and could not write back"),
        ));
    }
    if facts.is_default_rule {
        return Err(Refusal::new("rule.is_default", format!("{arn} is the default rule of its listener"))
            .with_hint("name the listener instead: its default rule is its default action"));
    }
    if let Some(group) = target.weights.keys().find(|group| !now.weights.contains_key(*group)) {
        return Err(Refusal::new("weights.no_target_group", format!("no action of {arn} forwards to {group}"))
            .with_hint(
                "add it to the forward action with weight 0 first; a run never changes which groups there are",
            ));
    }
    if !target.is_open() {
        return Err(Refusal::new("weights.all_zero", format!("every target group of {arn} would have weight 0"))
            .with_hint("give the group that is to serve a weight above 0 in the same step"));
    }
    Ok(())
}

/// What stickiness does to this shift, where it is on.
pub(crate) fn note(transition: &Transition<State, Facts>) -> Option<String> {
    let (now, to) = (&transition.now.state.weights, &transition.to.weights);
    let closes = now.iter().any(|(group, weight)| *weight > 0 && to.get(group) == Some(&0));
    let seconds = transition.now.facts.stickiness_s.filter(|_| closes)?;
    Some(format!("stickiness keeps clients on the target group they have for up to {seconds} s, whatever its weight"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use lifeboat_contract::{Change as _, Code, Direction, Findings, Mode, Observed, Phase, RunContext, SiteId, codes};
    use serde_json::json;
    use std::collections::BTreeSet;

    pub(crate) const LISTENER: &str = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/web/1/2";

    pub(crate) fn group(name: &str) -> String {
        format!("arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/{name}/1")
    }

    pub(crate) fn step(weights: &[(&str, u16)]) -> ListenerWeights {
        let weight = |(name, weight): &(&str, u16)| json!({"target_group": group(name), "weight": weight});
        let weights: Vec<Value> = weights.iter().map(weight).collect();
        serde_json::from_value(json!({"listener": LISTENER, "weights": weights})).unwrap()
    }

    fn seen(weights: &[(&str, u16)], facts: Facts) -> Observed<State, Facts> {
        let weights = weights.iter().map(|(name, weight)| (group(name), *weight)).collect();
        Observed { state: State { actions: json!([{"type": "forward"}]), weights }, facts, phase: Phase::Settled }
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

    fn code(step: &ListenerWeights, now: &Observed<State, Facts>) -> String {
        step.target(now, &run()).map_or_else(|refusal| refusal.code, |_| "go".to_owned())
    }

    #[test]
    fn what_is_not_named_keeps_its_weight() {
        let now = seen(&[("a", 100), ("b", 0), ("c", 7)], Facts::default());
        let target = json!(step(&[("a", 0), ("b", 50)]).target(&now, &run()).unwrap());
        let cell = |name: &str| target[weight_cell(&group(name))].clone();
        assert_eq!((cell("a"), cell("b"), cell("c")), (json!(0), json!(50), json!(7)));
        assert_eq!(target[ACTIONS], json!([{"type": "forward"}]));
        assert_eq!(json!(serde_json::from_value::<State>(target.clone()).unwrap()), target);
    }

    #[test]
    fn a_list_is_never_closed_and_never_grows() {
        let now = || seen(&[("a", 100), ("b", 0)], Facts::default());
        assert_eq!(code(&step(&[("a", 0), ("b", 1)]), &now()), "go");
        assert_eq!(code(&step(&[("a", 0)]), &now()), "weights.all_zero");
        assert_eq!(code(&step(&[("c", 1)]), &now()), "weights.no_target_group");
        let closed = seen(&[("a", 0), ("b", 0)], Facts::default());
        assert_eq!(code(&step(&[("a", 0)]), &closed), "go", "a fixed point");
    }

    #[test]
    fn a_list_that_could_not_be_written_back_is_refused() {
        let refused = |facts: Facts| code(&step(&[("a", 0), ("b", 1)]), &seen(&[("a", 100), ("b", 0)], facts));
        let types = vec!["authenticate-oidc".to_owned(), "forward".to_owned()];
        assert_eq!(refused(Facts { types, ..Facts::default() }), "actions.client_secret");
        assert_eq!(refused(Facts { unwritable: Some("x".to_owned()), ..Facts::default() }), "actions.unknown");
        assert_eq!(refused(Facts { is_default_rule: true, ..Facts::default() }), "rule.is_default");
    }

    #[test]
    fn stickiness_is_noted_where_a_group_is_closed() {
        let note = |weights: &[(&str, u16)]| {
            let step = step(weights);
            let now = seen(&[("a", 100), ("b", 1)], Facts { stickiness_s: Some(3600), ..Facts::default() });
            let to = step.target(&now, &run()).unwrap();
            let (direction, mode) = (Direction::Forward, Mode::Switchover);
            step.note(&Transition { now, to, direction, mode, data_loss: None })
        };
        assert!(note(&[("a", 0)]).unwrap().contains("3600 s"));
        assert_eq!(note(&[("a", 1)]), None);
    }

    #[test]
    fn the_whole_list_is_owned_once_it_is_known() {
        let step = step(&[("a", 0)]);
        let cells = |now: Option<&Observed<State, Facts>>| step.touches(&run(), now).owns.len();
        assert_eq!((cells(None), cells(Some(&seen(&[("a", 1), ("b", 1)], Facts::default())))), (2, 3));
    }

    #[test]
    fn findings() {
        let found = |step: &ListenerWeights| -> Vec<Code> {
            let mut findings = Findings::default();
            step.check(&mut findings);
            findings.as_slice().iter().map(|finding| finding.code).collect()
        };
        assert_eq!(found(&step(&[("a", 999), ("b", 0)])), []);
        assert_eq!(found(&step(&[("a", 1000), ("a", 0)])), [codes::OUT_OF_RANGE, codes::BAD_VALUE]);
        let both = ListenerWeights { rule: Some(LISTENER.to_owned()), ..step(&[]) };
        assert_eq!(found(&both), [codes::CONFLICTING_FIELDS, codes::BAD_VALUE]);
        let rule = ListenerWeights { listener: None, ..both };
        assert_eq!(found(&rule), [codes::BAD_ARN, codes::BAD_VALUE], "a listener is no rule");
    }
}
