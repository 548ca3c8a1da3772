//! A list of actions, as the state keeps it: all of it as JSON, with the weights apart. Pure.
//!
//! Nothing is written from that JSON: what is written is the service's own answer, with other weights in it.

use super::{Facts, State};
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, AuthenticateCognitoActionConfig, ForwardActionConfig, JwtValidationActionConfig,
    TargetGroupTuple,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The weight of a group whose weight is not told.
const WEIGHT_DEFAULT: u16 = 1;

/// Takes a list of actions apart.
pub(crate) fn state(actions: &[Action]) -> State {
    let weights = actions.iter().flat_map(groups).collect();
    State { actions: actions.iter().map(without_weights).collect(), weights }
}

pub(crate) fn facts(actions: &[Action], is_default_rule: bool) -> Facts {
    let sticky = actions.iter().filter_map(|action| action.forward_config()?.target_group_stickiness_config());
    let on = sticky.filter(|sticky| sticky.enabled() == Some(true));
    Facts {
        types: actions.iter().map(|action| kind(action).to_owned()).collect(),
        stickiness_s: on.filter_map(|sticky| u32::try_from(sticky.duration_seconds()?).ok()).max(),
        is_default_rule,
        unwritable: actions.iter().find_map(unwritable),
    }
}

/// The same list with the weights of `to`.
pub(crate) fn with_weights(actions: Vec<Action>, to: &BTreeMap<String, u16>) -> Vec<Action> {
    actions.into_iter().map(|action| weighted(action, to)).collect()
}

fn kind(action: &Action) -> &str {
    action.r#type().map_or("", ActionTypeEnum::as_str)
}

/// The groups that an action forwards to, with their weights.
fn groups(action: &Action) -> Vec<(String, u16)> {
    let weight = |tuple: &TargetGroupTuple| tuple.weight().and_then(|weight| u16::try_from(weight).ok());
    let tuple = |tuple: &TargetGroupTuple| {
        Some((tuple.target_group_arn()?.to_owned(), weight(tuple).unwrap_or(WEIGHT_DEFAULT)))
    };
    let listed: Vec<_> =
        action.forward_config().iter().flat_map(|config| config.target_groups()).filter_map(tuple).collect();
    // A network load balancer names its one group in the old place alone.
    let single = action.target_group_arn().filter(|_| listed.is_empty());
    listed.into_iter().chain(single.map(|group| (group.to_owned(), WEIGHT_DEFAULT))).collect()
}

fn weighted(action: Action, to: &BTreeMap<String, u16>) -> Action {
    let tuple = |(group, weight): (Option<&str>, Option<i32>)| {
        let asked = group.and_then(|group| to.get(group)).copied();
        // What is not told stays so, unless something else than the default is asked for.
        let kept = asked.is_none() || weight.is_none() && asked == Some(WEIGHT_DEFAULT);
        let weight = if kept { weight } else { asked.map(i32::from) };
        TargetGroupTuple::builder().set_target_group_arn(group.map(str::to_owned)).set_weight(weight).build()
    };
    let config = action.forward_config();
    let listed = config.map(ForwardActionConfig::target_groups).unwrap_or_default();
    let mut tuples: Vec<TargetGroupTuple> =
        listed.iter().map(|known| tuple((known.target_group_arn(), known.weight))).collect();
    if listed.is_empty() {
        let single = action.target_group_arn().map(|group| tuple((Some(group), None)));
        tuples.extend(single.filter(|tuple| tuple.weight.is_some()));
    }
    if tuples.is_empty() {
        return action;
    }
    let sticky = config.and_then(|config| config.target_group_stickiness_config.clone());
    let config = ForwardActionConfig::builder().set_target_groups(Some(tuples));
    let config = config.set_target_group_stickiness_config(sticky).build();
    let mut action = action;
    action.forward_config = Some(config);
    action
}

/// What of an action could not be written as it was read.
fn unwritable(action: &Action) -> Option<String> {
    use ActionTypeEnum::{AuthenticateCognito, AuthenticateOidc, FixedResponse, Forward, JwtValidation, Redirect};
    let known = [AuthenticateCognito, AuthenticateOidc, FixedResponse, Forward, JwtValidation, Redirect];
    match action.r#type() {
        Some(kind) if known.contains(kind) => None,
        _ => Some(format!("an action of the type {:?}", kind(action))),
    }
}

/// Everything that an action holds but the weights. The order of the groups means nothing.
fn without_weights(action: &Action) -> Value {
    let mut names: Vec<String> = groups(action).into_iter().map(|(group, _)| group).collect();
    names.sort();
    let sticky = action.forward_config().and_then(|config| config.target_group_stickiness_config());
    let whole = json!({
        "type": kind(action),
        "order": action.order,
        "target_groups": (!names.is_empty()).then_some(names),
        "stickiness": sticky.map(|sticky| json!({"enabled": sticky.enabled, "duration_s": sticky.duration_seconds})),
        "redirect": action.redirect_config().map(|to| json!({
            "protocol": to.protocol, "port": to.port, "host": to.host, "path": to.path, "query": to.query,
            "status": to.status_code().map(aws_sdk_elasticloadbalancingv2::types::RedirectActionStatusCodeEnum::as_str),
        })),
        "fixed_response": action.fixed_response_config().map(|fixed| json!({
            "status": fixed.status_code, "content_type": fixed.content_type, "body": fixed.message_body,
        })),
        "authenticate_cognito": action.authenticate_cognito_config().map(cognito),
        // Its secret is not told, which is why a list with it is never written.
        "authenticate_oidc": action.authenticate_oidc_config().map(|oidc| json!({
            "issuer": oidc.issuer, "client_id": oidc.client_id,
        })),
        "jwt_validation": action.jwt_validation_config().map(jwt),
    });
    compact(whole)
}

fn cognito(config: &AuthenticateCognitoActionConfig) -> Value {
    // A map with an order of its own.
    let extra: Option<BTreeMap<_, _>> =
        config.authentication_request_extra_params().map(|extra| extra.iter().collect());
    compact(json!({
        "user_pool": config.user_pool_arn, "client_id": config.user_pool_client_id, "domain": config.user_pool_domain,
        "cookie": config.session_cookie_name, "scope": config.scope, "timeout_s": config.session_timeout, "extra": extra,
        "on_unauthenticated": config.on_unauthenticated_request().map(
            aws_sdk_elasticloadbalancingv2::types::AuthenticateCognitoActionConditionalBehaviorEnum::as_str),
    }))
}

fn jwt(config: &JwtValidationActionConfig) -> Value {
    let claim = |claim: &aws_sdk_elasticloadbalancingv2::types::JwtValidationActionAdditionalClaim| {
        let format = claim
            .format()
            .map(aws_sdk_elasticloadbalancingv2::types::JwtValidationActionAdditionalClaimFormatEnum::as_str);
        json!({"name": claim.name, "format": format, "values": claim.values})
    };
    let claims: Vec<Value> = config.additional_claims().iter().map(claim).collect();
    json!({"issuer": config.issuer, "jwks": config.jwks_endpoint, "claims": claims})
}

/// Without the fields that say nothing.
fn compact(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other => other,
    }
}
