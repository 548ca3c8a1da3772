//! `aws.elbv2.load_balancer`: where a load balancer listens, and by which rules it sends what it hears where.
//!
//! Does not look at targets: a standby may have none until a run registers them.

use super::tags::{self, RequiredTags};
use crate::{
    connection::Aws,
    errors::{CallSite, classify},
    place::region,
};
use aws_sdk_elasticloadbalancingv2::{
    Client,
    types::{
        Action, ActionTypeEnum, HostHeaderConditionConfig, HttpHeaderConditionConfig, HttpRequestMethodConditionConfig,
        Listener, LoadBalancer as Found, LoadBalancerState, LoadBalancerStateEnum, PathPatternConditionConfig,
        ProtocolEnum, QueryStringConditionConfig, QueryStringKeyValuePair, RedirectActionStatusCodeEnum, Rule,
        RuleCondition, SourceIpConditionConfig, Tag, TagDescription, TargetGroup,
    },
};
use lifeboat_contract::{Aspect, CallError, Comparable, Cx, Findings, Snapshot, codes};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Compares a load balancer: its kind, its zones, its listeners with their rules and TLS policies.
///
/// A target group is told by its protocol, port and health check, so that two with other names are equal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancer {
    /// Its name: `orders-r1`.
    pub load_balancer: String,
    /// Tags that it must have, for audit; `*` stands for any value.
    #[serde(default)]
    pub required_tags: RequiredTags,
}

impl Comparable for LoadBalancer {
    const KIND: &'static str = "aws.elbv2.load_balancer";
    const EXAMPLE: &'static str = "load_balancer: \"orders-${{ site.id }}\"";
    const PERMISSIONS: &'static [&'static str] = &[
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroups",
    ];

    fn check(&self, findings: &mut Findings) {
        if self.load_balancer.is_empty() || self.load_balancer.contains([':', '/']) {
            findings
                .error(&["load_balancer"], codes::BAD_VALUE, format!("{:?} is not a name", self.load_balancer))
                .hint("write the load balancer's name, and not its ARN or address");
        }
    }

    async fn read(&self, cx: &Cx) -> Result<Snapshot, CallError> {
        let region = region(cx, "elasticloadbalancing")?;
        let client = Aws::of(cx)?.elb(region).await;
        let found = self.find(&client, region).await?;
        let arn = found.load_balancer_arn().unwrap_or_default();
        let mut snapshot = Snapshot::new();
        add_balancer(&mut snapshot, &found);
        if !self.required_tags.is_empty() {
            tags::add(&mut snapshot, "", &self.required_tags, &tags_of(&client, arn, region).await?);
        }
        let groups = groups(&client, arn, region).await?;
        let pages = client.describe_listeners().load_balancer_arn(arn).into_paginator().items().send();
        let listeners: Result<Vec<Listener>, _> = pages.collect().await;
        for listener in listeners.map_err(|error| classify(&at("DescribeListeners", region), error))? {
            let pages = client.describe_rules().listener_arn(listener.listener_arn().unwrap_or_default());
            let rules: Result<Vec<Rule>, _> = pages.into_paginator().items().send().collect().await;
            let rules = rules.map_err(|error| classify(&at("DescribeRules", region), error))?;
            add_listener(&mut snapshot, &listener, &rules, &groups);
        }
        Ok(snapshot)
    }
}

impl LoadBalancer {
    async fn find(&self, client: &Client, region: &str) -> Result<Found, CallError> {
        let at = at("DescribeLoadBalancers", region);
        let answer = client.describe_load_balancers().names(&self.load_balancer).send().await;
        let found = answer.map_err(|error| classify(&at, error))?.load_balancers.unwrap_or_default().into_iter().next();
        let message = format!("there is no load balancer {}", self.load_balancer);
        found.ok_or_else(|| at.definite("LoadBalancerNotFound", message))
    }
}

fn at<'a>(operation: &'static str, region: &'a str) -> CallSite<'a> {
    CallSite { service: "elasticloadbalancing", operation, region }
}

async fn tags_of(client: &Client, arn: &str, region: &str) -> Result<BTreeMap<String, String>, CallError> {
    let answer = client.describe_tags().resource_arns(arn).send().await;
    let answer = answer.map_err(|error| classify(&at("DescribeTags", region), error))?;
    let tags = answer.tag_descriptions().iter().flat_map(TagDescription::tags);
    let pair = |tag: &Tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    Ok(tags.filter_map(pair).collect())
}

/// The target groups of a load balancer by ARN, as they are compared.
async fn groups(client: &Client, arn: &str, region: &str) -> Result<BTreeMap<String, String>, CallError> {
    let pages = client.describe_target_groups().load_balancer_arn(arn).into_paginator().items().send();
    let found: Result<Vec<TargetGroup>, _> = pages.collect().await;
    let found = found.map_err(|error| classify(&at("DescribeTargetGroups", region), error))?;
    Ok(found.iter().filter_map(|group| Some((group.target_group_arn()?.to_owned(), described(group)))).collect())
}

/// `HTTP 80, health /healthz`.
fn described(group: &TargetGroup) -> String {
    let protocol = group.protocol().map(ProtocolEnum::as_str).unwrap_or_default();
    let port = group.port().unwrap_or_default();
    let health = group.health_check_path().or(group.health_check_protocol().map(ProtocolEnum::as_str));
    format!("{protocol} {port}, health {}", health.unwrap_or("none"))
}

fn add_balancer(snapshot: &mut Snapshot, found: &Found) {
    let kind = found.r#type().map(|kind| kind.as_str().to_owned());
    let scheme = found.scheme().map(|scheme| scheme.as_str().to_owned());
    let addresses = found.ip_address_type().map(|kind| kind.as_str().to_owned());
    let state = found.state().and_then(LoadBalancerState::code).map(LoadBalancerStateEnum::as_str).unwrap_or_default();
    snapshot.insert("type".to_owned(), Aspect::stops(kind));
    snapshot.insert("scheme".to_owned(), Aspect::stops(scheme));
    snapshot.insert("addresses".to_owned(), Aspect::degrades(addresses));
    snapshot.insert("zones".to_owned(), Aspect::degrades(found.availability_zones().len()));
    snapshot.insert("security groups".to_owned(), Aspect::degrades(found.security_groups().len()));
    snapshot.insert("state".to_owned(), Aspect::stops(state).sound_if(state == "active"));
}

fn add_listener(snapshot: &mut Snapshot, found: &Listener, rules: &[Rule], groups: &BTreeMap<String, String>) {
    let path = format!("listeners/{}", found.port().unwrap_or_default());
    let protocol = found.protocol().map(|protocol| protocol.as_str().to_owned());
    if let Some(policy) = found.ssl_policy() {
        snapshot.insert(format!("{path}/TLS policy"), Aspect::degrades(policy));
    }
    snapshot.insert(path.clone(), Aspect::stops(protocol));
    for rule in rules {
        let rule_path = format!("{path}/rules/{}", rule.priority().unwrap_or_default());
        let mut conditions: Vec<String> = rule.conditions().iter().map(condition).collect();
        conditions.sort();
        let actions: Vec<String> = rule.actions().iter().map(|found| action(found, groups)).collect();
        let conditions = if conditions.is_empty() { String::new() } else { format!("{}: ", conditions.join(" and ")) };
        snapshot.insert(rule_path, Aspect::stops(format!("{conditions}{}", actions.join(", then "))));
    }
}

fn condition(found: &RuleCondition) -> String {
    let field = found.field().unwrap_or_default();
    let of = |values: Option<&[String]>| values.unwrap_or_default().join(" or ");
    let values = match field {
        "host-header" => of(found.host_header_config().map(HostHeaderConditionConfig::values)),
        "path-pattern" => of(found.path_pattern_config().map(PathPatternConditionConfig::values)),
        "source-ip" => of(found.source_ip_config().map(SourceIpConditionConfig::values)),
        "http-request-method" => of(found.http_request_method_config().map(HttpRequestMethodConditionConfig::values)),
        "http-header" => {
            let config = found.http_header_config();
            let name = config.and_then(HttpHeaderConditionConfig::http_header_name).unwrap_or_default();
            format!("{name} {}", of(config.map(HttpHeaderConditionConfig::values)))
        }
        "query-string" => {
            let pairs = found.query_string_config().map(QueryStringConditionConfig::values).unwrap_or_default();
            let pair = |pair: &QueryStringKeyValuePair| {
                format!("{}={}", pair.key().unwrap_or("*"), pair.value().unwrap_or_default())
            };
            pairs.iter().map(pair).collect::<Vec<_>>().join(" or ")
        }
        _ => found.values().join(" or "),
    };
    format!("{field} {values}")
}

/// What a rule does, with target groups as they are compared. Shares stand beside them where there is more than one.
fn action(found: &Action, groups: &BTreeMap<String, String>) -> String {
    let kind = found.r#type().map(ActionTypeEnum::as_str).unwrap_or_default();
    let group = |arn: &str| groups.get(arn).map_or("a target group", String::as_str).to_owned();
    match (found.forward_config(), found.redirect_config(), found.fixed_response_config()) {
        (Some(config), ..) if config.target_groups().len() > 1 => {
            let mut shares: Vec<String> = config
                .target_groups()
                .iter()
                .map(|share| {
                    format!("{} × {}", share.weight().unwrap_or(1), group(share.target_group_arn().unwrap_or_default()))
                })
                .collect();
            shares.sort();
            format!("{kind} to {}", shares.join(" and "))
        }
        (Some(config), ..) => {
            let only = config.target_groups().first().and_then(|share| share.target_group_arn());
            format!("{kind} to {}", group(only.or(found.target_group_arn()).unwrap_or_default()))
        }
        (None, Some(config), _) => {
            let code = config.status_code().map(RedirectActionStatusCodeEnum::as_str).unwrap_or_default();
            let part = |value: Option<&str>| value.unwrap_or_default().to_owned();
            format!("{kind} {code} to {}:{}{}", part(config.protocol()), part(config.port()), part(config.path()))
        }
        (None, None, Some(config)) => format!("{kind} {}", config.status_code().unwrap_or_default()),
        (None, None, None) => {
            found.target_group_arn().map_or_else(|| kind.to_owned(), |arn| format!("{kind} to {}", group(arn)))
        }
    }
}
