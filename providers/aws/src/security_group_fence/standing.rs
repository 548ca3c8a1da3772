//! Which security groups the interfaces have, and whether the isolating one isolates. Pure.
//!
//! The groups of an interface are a set: the service promises no order of them, and their order means nothing.

use super::SecurityGroupFence;
use lifeboat_contract::{Observed, Phase, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A cell for each interface: its groups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(pub BTreeMap<String, BTreeSet<String>>);

/// What must be known besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// By interface.
    pub interfaces: BTreeMap<String, InterfaceFacts>,
    /// The groups that the step names, by id.
    pub groups: BTreeMap<String, GroupFacts>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceFacts {
    pub security_groups: BTreeSet<String>,
    pub vpc: Option<String>,
    /// The instance that it is attached to, and where; 0 is its primary interface.
    pub instance: Option<String>,
    pub device_index: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFacts {
    pub vpc: Option<String>,
    /// How many rules let something in, and out.
    pub ingress: usize,
    pub egress: usize,
}

impl State {
    /// What the step asks for. One that is not fenced is left alone where no fence is asked for.
    pub(crate) fn asked(&self, step: &SecurityGroupFence) -> Self {
        let fence = || BTreeSet::from([step.security_group.clone()]);
        let asked = |groups: &BTreeSet<String>| match step.fenced {
            true => fence(),
            false if groups.contains(&step.security_group) => step.security_groups.clone(),
            false => groups.clone(),
        };
        Self(self.0.iter().map(|(interface, groups)| (interface.clone(), asked(groups))).collect())
    }
}

/// Puts what was read together. A change of groups is done when it is accepted.
pub(crate) fn observed(facts: Facts) -> Observed<State, Facts> {
    let groups = |(id, interface): (&String, &InterfaceFacts)| (id.clone(), interface.security_groups.clone());
    let state = State(facts.interfaces.iter().map(groups).collect());
    Observed { state, facts, phase: Phase::Settled }
}

/// Refuses a fence that lets something through, and groups that the interfaces could not have.
pub(crate) fn admit(step: &SecurityGroupFence, facts: &Facts) -> Result<(), Refusal> {
    let wanted = if step.fenced { BTreeSet::from([step.security_group.clone()]) } else { step.security_groups.clone() };
    for (id, group) in facts.groups.iter().filter(|(id, _)| wanted.contains(*id)) {
        let foreign = |(_, interface): &(&String, &InterfaceFacts)| interface.vpc != group.vpc;
        if let Some((interface, _)) = facts.interfaces.iter().find(foreign) {
            return Err(Refusal::new(
                "security_group.other_vpc",
                format!("{id} is of {}, and {interface} is not", group.vpc.as_deref().unwrap_or("no VPC")),
            )
            .with_hint("a security group serves the interfaces of its own VPC only; make one there"));
        }
    }
    let Some(isolating) = facts.groups.get(&step.security_group).filter(|_| step.fenced) else { return Ok(()) };
    let open = [("in", isolating.ingress), ("out", isolating.egress)];
    let open: Vec<_> = open.iter().filter(|(_, rules)| *rules > 0).map(|(way, _)| *way).collect();
    if open.is_empty() {
        return Ok(());
    }
    let message =
        format!("{} has rules that let traffic {}, and isolates nothing", step.security_group, open.join(" and "));
    Err(Refusal::new("security_group.admits", message)
        .with_hint("remove every rule of it; a new group has one that lets everything out"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use lifeboat_contract::{Change as _, Code, Findings, Mode, RunContext, SiteId, codes};
    use serde_json::{Value, json};

    pub(crate) fn step(with: Value) -> SecurityGroupFence {
        let mut with = with;
        with["security_group"] = json!("sg-0");
        serde_json::from_value(with).unwrap()
    }

    fn set(groups: &[&str]) -> BTreeSet<String> {
        groups.iter().map(ToString::to_string).collect()
    }

    fn facts(first: &[&str], second: &[&str], isolating: (usize, usize)) -> Facts {
        let interface = |groups: &[&str], device_index| InterfaceFacts {
            security_groups: set(groups),
            vpc: Some("vpc-1".to_owned()),
            instance: Some("i-1".to_owned()),
            device_index: Some(device_index),
        };
        let group = |(ingress, egress)| GroupFacts { vpc: Some("vpc-1".to_owned()), ingress, egress };
        Facts {
            interfaces: BTreeMap::from([
                ("eni-1".to_owned(), interface(first, 0)),
                ("eni-2".to_owned(), interface(second, 1)),
            ]),
            groups: BTreeMap::from([("sg-0".to_owned(), group(isolating)), ("sg-1".to_owned(), group((1, 1)))]),
        }
    }

    fn run() -> RunContext {
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

    fn target(with: Value, facts: Facts) -> Result<Value, String> {
        let target = step(with).target(&observed(facts), &run());
        target.map(|state| json!(state)).map_err(|refusal| refusal.code)
    }

    #[test]
    fn every_interface_of_the_instance_is_fenced() {
        let fenced = target(json!({"instance": "i-1"}), facts(&["sg-2", "sg-1"], &["sg-1"], (0, 0)));
        assert_eq!(fenced, Ok(json!({"eni-1": ["sg-0"], "eni-2": ["sg-0"]})));
        let state = observed(facts(&["sg-2", "sg-1"], &[], (0, 0))).state;
        assert_eq!(json!(state), json!({"eni-1": ["sg-1", "sg-2"], "eni-2": []}), "a set has one order");
        assert_eq!(serde_json::from_value::<State>(json!(state)).unwrap(), state);
    }

    #[test]
    fn a_group_that_admits_anything_is_no_fence() {
        let with = || json!({"instance": "i-1"});
        for isolating in [(1, 0), (0, 1)] {
            assert_eq!(target(with(), facts(&["sg-1"], &[], isolating)), Err("security_group.admits".to_owned()));
        }
        let fenced = target(with(), facts(&["sg-0"], &["sg-0"], (0, 1)));
        assert!(fenced.is_ok(), "a fixed point");
        let mut elsewhere = facts(&["sg-1"], &[], (0, 0));
        elsewhere.groups.get_mut("sg-0").unwrap().vpc = Some("vpc-2".to_owned());
        assert_eq!(target(with(), elsewhere), Err("security_group.other_vpc".to_owned()));
    }

    #[test]
    fn without_a_fence_only_the_fenced_get_the_named_groups() {
        let with = json!({"instance": "i-1", "fenced": false, "security_groups": ["sg-1"]});
        let opened = target(with, facts(&["sg-0"], &["sg-7"], (0, 0)));
        assert_eq!(opened, Ok(json!({"eni-1": ["sg-1"], "eni-2": ["sg-7"]})));
    }

    #[test]
    fn findings() {
        let found = |with: Value| -> Vec<Code> {
            let mut findings = Findings::default();
            step(with).check(&mut findings);
            findings.as_slice().iter().map(|finding| finding.code).collect()
        };
        assert_eq!(found(json!({"instance": "i-1"})), []);
        assert_eq!(found(json!({})), [codes::MISSING_FIELD]);
        assert_eq!(found(json!({"instance": "i-1", "network_interface": "eni-1"})), [codes::CONFLICTING_FIELDS]);
        assert_eq!(found(json!({"instance": "i-1", "fenced": false})), [codes::MISSING_FIELD]);
        assert_eq!(
            found(json!({"network_interface": "i-1", "fenced": false, "security_groups": ["sg-0"]})),
            [codes::BAD_VALUE, codes::BAD_VALUE]
        );
    }

    #[test]
    fn the_cells_are_known_once_the_instance_was_looked_at() {
        let by_instance = step(json!({"instance": "i-1"}));
        let keys = |now: Option<&Observed<State, Facts>>| -> Vec<String> {
            by_instance.touches(&run(), now).owns.iter().map(ToString::to_string).collect()
        };
        assert_eq!(keys(None), ["i-1#security_groups"]);
        let now = observed(facts(&["sg-1"], &[], (0, 0)));
        assert_eq!(keys(Some(&now)), ["i-1#security_groups", "eni-1#eni-1", "eni-2#eni-2"]);
    }
}
