//! Whether the rule is there, what stands beside it in its group, and which rules must not be asked for. Pure.
//!
//! Does not work out which packets a group lets through: a check after the step proves that.

use super::{Access, Rule, SecurityRule};
use crate::{arm_id::ArmId, needs::Location};
use lifeboat_contract::{Foreseen, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const CELL: &str = "rule";
const PRIORITY_MAX: u16 = 4096;

/// The one cell: the rule as it is, or nothing where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub rule: Option<Rule>,
}

/// What must be known besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub location: Location,
    /// The other rules of the group, by name in lower case.
    pub others: BTreeMap<String, RuleFacts>,
    /// How many interfaces and subnets have the group.
    pub attached: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFacts {
    pub name: String,
    pub rule: Rule,
}

impl State {
    /// What the step asks for. A rule that does just that stays as it is written.
    pub(super) fn asked(&self, step: &SecurityRule) -> Self {
        if !step.present {
            return Self { rule: None };
        }
        let asked = Rule::asked(step);
        let kept = self.rule.clone().filter(|rule| rule.does_as(&asked));
        Self { rule: Some(kept.unwrap_or(asked)) }
    }
}

impl Facts {
    /// Puts in what earlier steps will have done to the other rules of the group.
    pub(super) fn foresee(&mut self, group: &ArmId, earlier: &Foreseen) {
        let rules = format!("{}/securityrules/", group.key());
        for (key, value) in earlier {
            let name = key.as_str().strip_prefix(&rules).and_then(|rest| rest.strip_suffix(&format!("#{CELL}")));
            let Some(name) = name else { continue };
            match Option::<Rule>::deserialize(value) {
                Ok(Some(rule)) => {
                    let known = self.others.get(name).map_or_else(|| name.to_owned(), |other| other.name.clone());
                    self.others.insert(name.to_owned(), RuleFacts { name: known, rule });
                }
                Ok(None) => {
                    self.others.remove(name);
                }
                Err(_) => {}
            }
        }
        // Its own cell is the engine's to foresee.
    }
}

/// Refuses a priority that another rule of the same direction has.
pub(super) fn admit(step: &SecurityRule, facts: &Facts) -> Result<(), Refusal> {
    let (Some(priority), Some(direction), true) = (step.priority, step.direction, step.present) else { return Ok(()) };
    let own = step.rule.to_ascii_lowercase();
    let rivals = || {
        facts.others.iter().filter(|(name, other)| **name != own && other.rule.is(direction)).map(|(_, other)| other)
    };
    let Some(rival) = rivals().find(|other| other.rule.priority() == Some(priority)) else { return Ok(()) };
    let taken: BTreeSet<u16> = rivals().filter_map(|other| other.rule.priority()).collect();
    let free = (priority..=PRIORITY_MAX).find(|priority| !taken.contains(priority));
    let hint = free.map_or_else(
        || "remove the other rule in an earlier step".to_owned(),
        |free| format!("use another priority ({free} is free), or remove {} in an earlier step", rival.name),
    );
    let message = format!("the rule {} of {} has priority {priority} already", rival.name, step.security_group.short());
    Err(Refusal::new("rule.priority_taken", message).with_hint(hint))
}

/// What a fence of this sort does not do.
pub(super) fn note(step: &SecurityRule, facts: &Facts) -> String {
    let mut notes = vec![
        "connections that are open may go on, a mounted file share among them: a new rule holds for new ones; stopping the \
         machine cuts them"
            .to_owned(),
    ];
    let before = |other: &&RuleFacts| {
        let first = other.rule.priority().is_some_and(|priority| step.priority.is_some_and(|own| priority < own));
        first && other.rule.allows() && step.direction.is_some_and(|direction| other.rule.is(direction))
    };
    let before: Vec<&str> = facts.others.values().filter(before).map(|other| other.name.as_str()).collect();
    if step.access == Access::Deny && !before.is_empty() {
        notes.push(format!("what the rules {} allow comes before it, and stays allowed", before.join(", ")));
    }
    if facts.attached == 0 {
        notes.push("no interface and no subnet is known to have this security group".to_owned());
    }
    notes.join("; ")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lifeboat_contract::{CellKey, Change as _, Code, Findings, Mode, Observed, Phase, RunContext, SiteId, codes};
    use serde_json::{Value, json};

    pub(in super::super) const GROUP: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/Fence";

    pub(in super::super) fn step(with: Value) -> SecurityRule {
        let mut with = with;
        with["security_group"] = json!(GROUP);
        with["rule"] = json!("isolate-in");
        serde_json::from_value(with).unwrap()
    }

    pub(in super::super) fn run() -> RunContext {
        RunContext {
            mode: Mode::Failover,
            accepted_loss: None,
            rpo: None,
            impaired: BTreeSet::new(),
            to: SiteId::from("b"),
            from: SiteId::from("a"),
            place: None,
        }
    }

    fn rule(access: &str, priority: u16, direction: &str) -> Rule {
        Rule::of(&json!({"properties": {"access": access, "priority": priority, "direction": direction}}))
    }

    fn now(other: Rule) -> Observed<State, Facts> {
        let other = RuleFacts { name: "Other".to_owned(), rule: other };
        let facts = Facts { others: BTreeMap::from([("other".to_owned(), other)]), attached: 1, ..Facts::default() };
        Observed { state: State { rule: None }, facts, phase: Phase::Settled }
    }

    fn fence() -> SecurityRule {
        step(json!({"priority": 100, "direction": "inbound"}))
    }

    #[test]
    fn a_priority_belongs_to_one_rule_of_a_direction() {
        let asked = |now: &Observed<State, Facts>| fence().target(now, &run());
        let refusal = asked(&now(rule("Allow", 100, "Inbound"))).unwrap_err();
        assert_eq!(refusal.code, "rule.priority_taken");
        assert!(refusal.hint.unwrap().contains("101 is free"));
        assert!(asked(&now(rule("Allow", 100, "Outbound"))).is_ok());
        let mut later = now(rule("Allow", 100, "Inbound"));
        let other = CellKey::of(format!("{}/securityrules/other", GROUP.to_lowercase()), "rule");
        fence().foresee(&mut later.facts, &Foreseen::from([(other.clone(), Value::Null)]));
        assert!(asked(&later).is_ok(), "an earlier step removes it");
        let moved = json!(rule("Allow", 200, "Inbound"));
        let mut earlier = now(rule("Allow", 100, "Inbound"));
        fence().foresee(&mut earlier.facts, &Foreseen::from([(other, moved)]));
        assert!(asked(&earlier).is_ok(), "or gives it another priority");
    }

    #[test]
    fn another_rule_of_that_name_is_a_part_of_the_state() {
        let mut now = now(rule("Allow", 200, "Inbound"));
        now.state.rule = Some(rule("Allow", 300, "Inbound"));
        let target = fence().target(&now, &run()).unwrap();
        assert!(target.rule.as_ref().is_some_and(|rule| !rule.allows()));
        now.state = target.clone();
        assert_eq!(fence().target(&now, &run()).unwrap(), target, "a fixed point");
        assert_eq!(serde_json::from_value::<State>(json!(target)).unwrap(), target);
        assert_eq!(json!(step(json!({"present": false})).target(&now, &run()).unwrap()), json!({"rule": null}));
    }

    #[test]
    fn what_goes_before_a_fence_is_noted() {
        let note = |rule| super::note(&fence(), &now(rule).facts);
        let fence = step(json!({"priority": 300, "direction": "inbound"}));
        assert!(super::note(&fence, &now(rule("Allow", 200, "Inbound")).facts).contains("rules Other allow"));
        assert!(!note(rule("Allow", 200, "Inbound")).contains("Other"));
        assert!(note(rule("Deny", 200, "Inbound")).contains("connections that are open"));
    }

    #[test]
    fn findings() {
        let found = |with: Value| -> Vec<Code> {
            let mut findings = Findings::default();
            step(with).check(&mut findings);
            findings.as_slice().iter().map(|finding| finding.code).collect()
        };
        assert_eq!(found(json!({"priority": 100, "direction": "outbound", "ports": [2049]})), []);
        assert_eq!(found(json!({"present": false})), []);
        assert_eq!(found(json!({"priority": 100})), [codes::MISSING_FIELD]);
        assert_eq!(found(json!({"priority": 99, "direction": "inbound"})), [codes::OUT_OF_RANGE]);
        let odd = json!({"priority": 100, "direction": "inbound", "source": "a b", "ports": ["*", "90-80"]});
        assert_eq!(found(odd), [codes::BAD_ADDRESS, codes::CONFLICTING_FIELDS, codes::BAD_VALUE]);
    }

    #[test]
    fn a_deny_rule_is_a_fence_and_removing_one_opens() {
        let touches = |step: SecurityRule| {
            let touches = step.touches(&run(), None);
            (touches.fences, touches.opens_traffic)
        };
        assert_eq!(touches(fence()), (true, false));
        assert_eq!(touches(step(json!({"present": false}))), (false, true));
        assert_eq!(touches(step(json!({"access": "allow"}))), (false, true));
    }
}
