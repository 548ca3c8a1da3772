//! The calls behind `aws.elbv2.listener_weights`.
//!
//! The list is read again right before it is written, and written as it was read with other weights in it: the service replaces
//! the whole of it.

use super::{Facts, ListenerWeights, State, actions};
use crate::{
    connection::Aws,
    errors::{CallSite, classify},
};
use aws_sdk_elasticloadbalancingv2::{Client, types::Action};
use lifeboat_contract::{CallError, Observed, Phase, Transition};

fn at<'a>(operation: &'static str, region: &'a str) -> CallSite<'a> {
    CallSite { service: "elasticloadbalancing", operation, region }
}

pub(super) async fn read(step: &ListenerWeights, aws: &Aws, region: &str) -> Result<Observed<State, Facts>, CallError> {
    let (list, is_default_rule) = list(&aws.elb(region).await, step, region).await?;
    let (state, facts) = (actions::state(&list), actions::facts(&list, is_default_rule));
    Ok(Observed { state, facts, phase: Phase::Settled })
}

/// The actions, and whether they are those of a default rule.
async fn list(client: &Client, step: &ListenerWeights, region: &str) -> Result<(Vec<Action>, bool), CallError> {
    let Some(rule) = &step.rule else {
        let at = at("DescribeListeners", region);
        let call = client.describe_listeners().listener_arns(step.arn());
        let answer = call.send().await.map_err(|error| classify(&at, error))?;
        let found = answer.listeners.unwrap_or_default().into_iter().next();
        let found = found.ok_or_else(|| at.definite("ListenerNotFound", format!("there is no {}", step.arn())))?;
        return Ok((found.default_actions.unwrap_or_default(), false));
    };
    let at = at("DescribeRules", region);
    let call = client.describe_rules().rule_arns(rule);
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    let found = answer.rules.unwrap_or_default().into_iter().next();
    let found = found.ok_or_else(|| at.definite("RuleNotFound", format!("there is no {rule}")))?;
    Ok((found.actions.unwrap_or_default(), found.is_default.unwrap_or_default()))
}

pub(super) async fn drive(
    step: &ListenerWeights,
    aws: &Aws,
    region: &str,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let client = aws.elb(region).await;
    let (list, _) = list(&client, step, region).await?;
    let current = actions::state(&list);
    let at = at(if step.rule.is_some() { "ModifyRule" } else { "ModifyListener" }, region);
    unchanged_meanwhile(&at, &current, transition)?;
    if current == transition.to {
        return Ok(());
    }
    let list = actions::with_weights(list, &transition.to.weights);
    match &step.rule {
        Some(rule) => {
            let call = client.modify_rule().rule_arn(rule).set_actions(Some(list));
            call.send().await.map(drop).map_err(|error| classify(&at, error))
        }
        None => {
            let call = client.modify_listener().listener_arn(step.arn()).set_default_actions(Some(list));
            call.send().await.map(drop).map_err(|error| classify(&at, error))
        }
    }
}

/// Every weight must be as it was observed or as it is asked for, and the rest of the list as it is asked for: it is written as it
/// was read.
fn unchanged_meanwhile(
    at: &CallSite<'_>,
    current: &State,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let (seen, to) = (&transition.now.state, &transition.to);
    let kept =
        |(group, weight): (&String, &u16)| [seen, to].iter().any(|state| state.weights.get(group) == Some(weight));
    let same_groups = current.weights.keys().eq(to.weights.keys());
    if current.actions == to.actions && same_groups && current.weights.iter().all(kept) {
        return Ok(());
    }
    Err(at.definite("changed_meanwhile", format!("the actions were changed meanwhile: {:?}", current.weights)))
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::{LISTENER, group, step};
    use super::*;
    use crate::recorded::{RecordedWire, surroundings};
    use lifeboat_contract::{Change as _, Direction, Mode};
    use serde_json::json;
    use std::sync::Arc;

    const LISTENERS: &str = "<DescribeListenersResponse><DescribeListenersResult><Listeners><member><DefaultActions>\
        <member><Type>authenticate-cognito</Type><Order>1</Order><AuthenticateCognitoConfig><UserPoolArn>pool</UserPoolArn>\
        <UserPoolClientId>client</UserPoolClientId><UserPoolDomain>domain</UserPoolDomain>\
        </AuthenticateCognitoConfig></member>\
        <member><Type>forward</Type><Order>2</Order><ForwardConfig><TargetGroups>\
        <member><TargetGroupArn>arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/b/1</TargetGroupArn>\
        <Weight>0</Weight></member>\
        <member><TargetGroupArn>arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/a/1</TargetGroupArn>\
        <Weight>100</Weight></member></TargetGroups><TargetGroupStickinessConfig><Enabled>true</Enabled>\
        <DurationSeconds>600</DurationSeconds></TargetGroupStickinessConfig></ForwardConfig></member></DefaultActions>\
        </member></Listeners></DescribeListenersResult></DescribeListenersResponse>";
    const DONE: &str = "<ModifyListenerResponse><ModifyListenerResult/></ModifyListenerResponse>";

    fn wire() -> Arc<RecordedWire> {
        RecordedWire::new([("DescribeListeners", Ok((200, LISTENERS))), ("ModifyListener", Ok((200, DONE)))])
    }

    async fn drive(wire: &Arc<RecordedWire>, change: impl FnOnce(&mut State)) -> Result<(), CallError> {
        let (_, cx) = surroundings(wire.clone(), Mode::Switchover);
        let step = step(&[("a", 0), ("b", 100)]);
        let mut now = step.observe(&cx).await.unwrap();
        assert_eq!((now.facts.stickiness_s, now.facts.types.len()), (Some(600), 2));
        let to = step.target(&now, &cx.run).unwrap();
        change(&mut now.state);
        let (direction, mode) = (Direction::Forward, Mode::Switchover);
        step.drive(&cx, &Transition { now, to, direction, mode, data_loss: None }).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_whole_list_is_written_with_the_weights_alone_changed() {
        let wire = wire();
        drive(&wire, |_| ()).await.unwrap();
        let [(operation, region, body)] = &wire.writes()[..] else { panic!("one write") };
        assert_eq!((operation.as_str(), region.as_str()), ("ModifyListener", "eu-west-1"));
        let fields: std::collections::BTreeMap<&str, &str> =
            body.split('&').filter_map(|field| field.split_once('=')).collect();
        let forward = |name: &str| fields[format!("DefaultActions.member.2.ForwardConfig.{name}").as_str()];
        assert!(forward("TargetGroups.member.1.TargetGroupArn").ends_with("targetgroup%2Fb%2F1"), "{body}");
        assert_eq!((forward("TargetGroups.member.1.Weight"), forward("TargetGroups.member.2.Weight")), ("100", "0"));
        assert_eq!(forward("TargetGroupStickinessConfig.DurationSeconds"), "600");
        assert_eq!(fields["DefaultActions.member.1.AuthenticateCognitoConfig.UserPoolClientId"], "client");
        assert_eq!(fields["DefaultActions.member.1.Order"], "1");
        assert!(fields["ListenerArn"].contains("listener%2Fapp%2Fweb") && !fields.contains_key("Port"), "{body}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_somebody_else_wrote_is_left_alone() {
        let wire = wire();
        let error = drive(&wire, |seen| *seen.weights.get_mut(&group("a")).unwrap() = 50).await.unwrap_err();
        assert_eq!(error.code, "changed_meanwhile");
        assert_eq!(wire.writes(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rule_is_read_and_written_as_one() {
        let rules: &str = "<DescribeRulesResponse><DescribeRulesResult><Rules><member><IsDefault>false</IsDefault><Actions>\
            <member><Type>forward</Type><ForwardConfig><TargetGroups>\
            <member><TargetGroupArn>arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/a/1</TargetGroupArn>\
            <Weight>1</Weight></member>\
            <member><TargetGroupArn>arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/b/1</TargetGroupArn>\
            <Weight>1</Weight></member></TargetGroups></ForwardConfig></member></Actions></member></Rules>\
            </DescribeRulesResult></DescribeRulesResponse>";
        let done = "<ModifyRuleResponse><ModifyRuleResult/></ModifyRuleResponse>";
        let wire = RecordedWire::new([("DescribeRules", Ok((200, rules))), ("ModifyRule", Ok((200, done)))]);
        let (_, cx) = surroundings(wire.clone(), Mode::Switchover);
        let rule = LISTENER.replace("listener/", "listener-rule/") + "/3";
        let step: ListenerWeights =
            serde_json::from_value(json!({"rule": rule, "weights": [{"target_group": group("a"), "weight": 0}]}))
                .unwrap();
        let now = step.observe(&cx).await.unwrap();
        let to = step.target(&now, &cx.run).unwrap();
        let (direction, mode) = (Direction::Forward, Mode::Switchover);
        step.drive(&cx, &Transition { now, to, direction, mode, data_loss: None }).await.unwrap();
        let [(operation, _, body)] = &wire.writes()[..] else { panic!("one write") };
        assert!(operation == "ModifyRule" && body.contains("TargetGroups.member.1.Weight=0"), "{body}");
        assert!(!body.contains("Conditions"), "{body}");
    }
}
