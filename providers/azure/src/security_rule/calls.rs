//! The calls behind `azure.network.security_rule`.
//!
//! Each write holds for the rule as it was read right before it: with its etag, or for no rule of that name at all.

use super::{Facts, Rule, RuleFacts, SecurityRule, State, rule};
use crate::{
    arm::Arm,
    needs::Location,
    operations::{SECURITY_GROUP_GET, SECURITY_RULE_DELETE, SECURITY_RULE_GET, SECURITY_RULE_PUT},
    resource::phase,
};
use lifeboat_contract::{CallError, Observed, Phase, Transition};
use serde_json::{Value, json};

pub(super) async fn read(step: &SecurityRule, arm: &Arm<'_>) -> Result<Observed<State, Facts>, CallError> {
    let group = &step.security_group;
    let found = arm.read_existing(&SECURITY_GROUP_GET, group).await?;
    let location = Location::of(arm, group, &found).await?;
    let list = |field: &str| found.properties()[field].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_own = |rule: &&Value| rule["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(&step.rule));
    let own = list("securityRules").iter().find(is_own);
    let others = list("securityRules").iter().filter(|rule| !is_own(rule)).map(|rule| {
        let name = rule["name"].as_str().unwrap_or_default();
        (name.to_ascii_lowercase(), RuleFacts { name: name.to_owned(), rule: Rule::of(rule) })
    });
    let facts =
        Facts { location, others: others.collect(), attached: list("networkInterfaces").len() + list("subnets").len() };
    // The rule's own phase says whether it holds; the group's, whether anything else is under way.
    let phase = match own.map_or(Phase::Settled, phase) {
        Phase::Settled => found.provisioning(),
        unsettled => unsettled,
    };
    Ok(Observed { state: State { rule: own.map(Rule::of) }, facts, phase })
}

pub(super) async fn drive(
    step: &SecurityRule,
    arm: &Arm<'_>,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let id = step.id();
    let found = arm.read(&SECURITY_RULE_GET, &id).await?;
    let current = found.as_ref().map(|found| Rule::of(&found.body));
    // A rule whose last write was called off reads as it was asked for, and is not in force so: it is written again.
    let in_force = !matches!(transition.now.phase, Phase::Faulted { .. });
    if current == transition.to.rule && in_force {
        return Ok(());
    }
    if current != transition.now.state.rule {
        let message = format!("{} was changed meanwhile: it is {}", id.short(), json!(current));
        return Err(arm.site(&SECURITY_RULE_PUT, &id).definite("changed_meanwhile", message));
    }
    let etag = found.as_ref().and_then(|found| found.etag.as_deref());
    let body = |rule: &rule::Rule| json!({ "properties": rule });
    let written = match &transition.to.rule {
        None => arm.write(&SECURITY_RULE_DELETE, &id, None, etag).await,
        Some(rule) if found.is_some() => arm.write(&SECURITY_RULE_PUT, &id, Some(body(rule)), etag).await,
        Some(rule) => arm.create(&SECURITY_RULE_PUT, &id, body(rule)).await,
    };
    written.map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::{GROUP, step};
    use super::*;
    use crate::recorded::{Recorded, RecordedWire, answer, ok, surroundings};
    use lifeboat_contract::{Change as _, Direction, Mode};
    use std::sync::Arc;

    fn shown(access: &str) -> Value {
        json!({"name": "Isolate-In", "etag": "W/\"rule\"", "properties": {"provisioningState": "Succeeded", "access": access,
            "protocol": "Tcp", "priority": 200, "direction": "Inbound", "sourceAddressPrefix": "10.0.0.0/8",
            "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "22", "unheardOf": true}})
    }

    fn wire(rules: &[Value], now: Recorded) -> Arc<RecordedWire> {
        let group = json!({"location": "East US", "etag": "W/\"group\"", "properties": {"provisioningState": "Succeeded",
            "securityRules": rules, "subnets": [{"id": "x"}]}});
        RecordedWire::new([
            ("NetworkSecurityGroups_Get", vec![ok(group)]),
            ("SecurityRules_Get", vec![now]),
            ("SecurityRules_CreateOrUpdate", vec![ok(json!({}))]),
            ("SecurityRules_Delete", vec![answer(204, Value::Null)]),
            ("ResourceGroups_Get", vec![ok(json!({"location": "westus"}))]),
        ])
    }

    fn absent() -> Recorded {
        answer(404, json!({"error": {"code": "NotFound", "message": "m"}}))
    }

    fn fence() -> SecurityRule {
        step(json!({"priority": 100, "direction": "inbound"}))
    }

    async fn driven(step: SecurityRule, wire: Arc<RecordedWire>, to: Option<State>) -> Result<(), CallError> {
        let (_, cx) = surroundings(wire, Mode::Failover);
        let now = step.observe(&cx).await?;
        assert_eq!(now.phase, Phase::Settled);
        let regions: Vec<_> =
            step.touches(&cx.run, Some(&now)).planes.into_iter().filter_map(|plane| plane.region).collect();
        assert_eq!(regions, ["eastus".into(), "westus".into()]);
        let to = to.unwrap_or_else(|| step.target(&now, &cx.run).unwrap());
        step.drive(&cx, &Transition { now, to, direction: Direction::Forward, mode: Mode::Failover, data_loss: None })
            .await
    }

    #[tokio::test(start_paused = true)]
    async fn a_rule_is_created_only_where_there_is_none() {
        let wire = wire(&[], absent());
        driven(fence(), wire.clone(), None).await.unwrap();
        let [write] = &wire.writes()[..] else { panic!("one write") };
        assert_eq!((write.if_match.as_deref(), write.if_none_match.as_deref()), (None, Some("*")));
        assert_eq!(write.path, format!("{GROUP}/securityRules/isolate-in"));
        assert_eq!(
            write.body,
            json!({"properties": {"access": "Deny", "priority": 100, "direction": "Inbound", "protocol": "*",
                "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*"}})
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_there_is_replaced_and_put_back_exactly() {
        let there = wire(&[shown("Allow")], ok(shown("Allow")));
        driven(fence(), there.clone(), None).await.unwrap();
        assert_eq!(there.writes()[0].if_match.as_deref(), Some("W/\"rule\""));

        let before = Rule::of(&shown("Allow"));
        let gone = wire(&[], absent());
        driven(fence(), gone.clone(), Some(State { rule: Some(before) })).await.unwrap();
        let mut properties = shown("Allow")["properties"].clone();
        properties.as_object_mut().unwrap().remove("provisioningState");
        assert_eq!(gone.writes()[0].body, json!({ "properties": properties }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rule_is_deleted_only_as_it_was_read() {
        let there = wire(&[shown("Deny")], ok(shown("Deny")));
        driven(step(json!({"present": false})), there.clone(), None).await.unwrap();
        let [write] = &there.writes()[..] else { panic!("one write") };
        assert_eq!((write.operation.as_str(), write.if_match.as_deref()), ("SecurityRules_Delete", Some("W/\"rule\"")));

        let changed = wire(&[shown("Deny")], ok(shown("Allow")));
        let error = driven(step(json!({"present": false})), changed.clone(), None).await.unwrap_err();
        assert_eq!((error.code.as_str(), changed.writes()), ("changed_meanwhile", vec![]));
        let gone = wire(&[shown("Deny")], absent());
        driven(step(json!({"present": false})), gone.clone(), None).await.unwrap();
        assert_eq!(gone.writes(), []);
    }
}
