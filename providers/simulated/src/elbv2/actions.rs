//! Actions of listeners and rules: read, checked and described. Whom they reach is in `serving`.

use super::{
    Action, ActionKind, Elb, Weighted, authentication,
    groups::no_group,
    input::{flag, invalid, number, required},
    state::{SignIn, Stickiness},
};
use crate::{
    codec::{ApiError, Params},
    shape::Shape,
};
use std::collections::BTreeSet;

impl Action {
    /// The groups that this action sends to.
    pub(crate) fn groups(&self) -> &[Weighted] {
        match &self.kind {
            ActionKind::Forward { groups, .. } => groups,
            _ => &[],
        }
    }

    fn sign_in(&self) -> Option<&SignIn> {
        match &self.kind {
            ActionKind::SignIn(sign_in) => Some(sign_in),
            _ => None,
        }
    }
}

fn balancer_is_web(arn: &str) -> bool {
    !arn.contains(":loadbalancer/net/")
}

impl Elb {
    /// Reads the actions that stand at `name`, for a listener of `balancer`, in their order. The last one ends the request.
    pub(super) fn actions(&self, params: &Params, name: &str, balancer: &str) -> Result<Vec<Action>, ApiError> {
        let present = self.listeners.values().map(|listener| &listener.actions);
        let present = present.chain(self.rules.values().map(|rule| &rule.actions)).flatten();
        let signing_in: Vec<&SignIn> = present.filter_map(Action::sign_in).collect();
        let mut actions: Vec<Action> =
            params.list(name).iter().map(|action| read(action, &signing_in)).collect::<Result<_, _>>()?;
        if actions.len() > 1 && actions.iter().any(|action| action.order.is_none()) {
            return Err(invalid("An action order must be specified for every action when there are several"));
        }
        actions.sort_by_key(|action| action.order);
        match actions.iter().filter(|action| action.sign_in().is_none()).count() {
            0 if actions.is_empty() => return Err(invalid("At least one action must be specified")),
            1 if actions.last().is_some_and(|last| last.sign_in().is_none()) => {}
            0 | 1 => {
                let message = "The last action must be a forward, redirect or fixed-response action";
                return Err(ApiError::bad("InvalidLoadBalancerAction", message));
            }
            _ => {
                return Err(ApiError::bad(
                    "TooManyActions",
                    "Exactly one forward, redirect or fixed-response action is allowed",
                ));
            }
        }
        if !balancer_is_web(balancer) && actions.len() > 1 {
            let message = "A network load balancer only forwards";
            return Err(ApiError::bad("InvalidLoadBalancerAction", message));
        }
        for weighted in actions.iter().flat_map(Action::groups) {
            let group = self.target_groups.get(&weighted.group).ok_or_else(|| no_group(&weighted.group))?;
            if self.users(&group.arn).iter().any(|user| *user != balancer) {
                let message = format!(
                    "The following target groups cannot be associated with more than one load balancer: {}",
                    group.arn
                );
                return Err(ApiError::bad("TargetGroupAssociationLimit", message));
            }
            let web = self.find_load_balancer(balancer)?.kind == "application";
            if web != group.protocol.starts_with("HTTP") {
                let message = format!("The protocol of target group '{}' does not fit the load balancer", group.arn);
                return Err(ApiError::bad("IncompatibleProtocols", message));
            }
        }
        Ok(actions)
    }
}

fn read(params: &Params, signing_in: &[&SignIn]) -> Result<Action, ApiError> {
    let order = number(params, "Order", 1..=50_000)?;
    let kind = match required(params, "Type")? {
        "forward" => forward(params)?,
        "fixed-response" => {
            let config = params.below("FixedResponseConfig");
            let status = number(&config, "StatusCode", 200..=599)?.and_then(|status| u16::try_from(status).ok());
            ActionKind::FixedResponse {
                status: status.ok_or_else(|| invalid("A fixed response needs a StatusCode"))?,
                content_type: config.given("ContentType").map(str::to_owned),
                body: config.given("MessageBody").map(str::to_owned),
            }
        }
        "redirect" => {
            let config = params.below("RedirectConfig");
            let part = |name: &str, otherwise: &str| config.get(name).unwrap_or(otherwise).to_owned();
            ActionKind::Redirect {
                protocol: part("Protocol", "#{protocol}"),
                port: part("Port", "#{port}"),
                host: part("Host", "#{host}"),
                path: part("Path", "/#{path}"),
                query: part("Query", "#{query}"),
                status: match required(&config, "StatusCode")? {
                    "HTTP_301" => 301,
                    "HTTP_302" => 302,
                    other => return Err(invalid(format!("'{other}' is not a status of a redirect"))),
                },
            }
        }
        other => {
            if let Some(sign_in) = authentication::read(other, params, signing_in)? {
                return Ok(Action { order, kind: ActionKind::SignIn(sign_in) });
            }
            let message = format!("actions of type '{other}' are not simulated");
            return Err(ApiError::bad("InvalidLoadBalancerAction", message));
        }
    };
    Ok(Action { order, kind })
}

fn forward(params: &Params) -> Result<ActionKind, ApiError> {
    let config = params.below("ForwardConfig");
    let mut groups = Vec::new();
    for element in config.list("TargetGroups") {
        let group = required(&element, "TargetGroupArn")?.to_owned();
        groups.push(Weighted { group, weight: number(&element, "Weight", 0..=999)?.unwrap_or(1) });
    }
    match (params.given("TargetGroupArn"), &groups[..]) {
        (Some(group), []) => groups.push(Weighted { group: group.to_owned(), weight: 1 }),
        (Some(group), [one]) if one.group == group => {}
        (Some(_), _) => {
            return Err(invalid("You cannot specify both a target group ARN and a forward configuration that differs"));
        }
        (None, []) => return Err(invalid("A forward action needs a target group")),
        (None, _) => {}
    }
    if groups.len() > 5 {
        let message = "A forward action can have at most 5 target groups";
        return Err(ApiError::bad("TooManyUniqueTargetGroupsPerLoadBalancer", message));
    }
    let distinct: BTreeSet<&str> = groups.iter().map(|weighted| weighted.group.as_str()).collect();
    if distinct.len() != groups.len() {
        return Err(invalid("A target group can be named only once in an action"));
    }
    let sticky = config.below("TargetGroupStickinessConfig");
    let duration = number(&sticky, "DurationSeconds", 1..=604_800)?;
    let enabled = flag(&sticky, "Enabled")? == Some(true);
    if enabled && duration.is_none() {
        return Err(invalid("Stickiness needs DurationSeconds"));
    }
    let stickiness = duration.map(|seconds| Stickiness { enabled, seconds });
    Ok(ActionKind::Forward { groups, stickiness })
}

pub(super) fn describe(actions: &[Action]) -> Shape {
    Shape::List("member", actions.iter().map(describe_one).collect())
}

fn describe_one(action: &Action) -> Shape {
    let order = action.order.map_or(Shape::Absent, |order| Shape::Integer(order.into()));
    let (kind, configured) = match &action.kind {
        ActionKind::SignIn(sign_in) => {
            let (kind, name, config) = authentication::describe(sign_in);
            (kind, vec![(name, config)])
        }
        ActionKind::Forward { groups, stickiness } => {
            let group = |weighted: &Weighted| {
                let weight = Shape::Integer(weighted.weight.into());
                Shape::Struct(vec![("TargetGroupArn", (&weighted.group).into()), ("Weight", weight)])
            };
            let sticky = Shape::Struct(vec![
                ("Enabled", stickiness.is_some_and(|sticky| sticky.enabled).into()),
                ("DurationSeconds", stickiness.map_or(Shape::Absent, |sticky| Shape::Integer(sticky.seconds.into()))),
            ]);
            let config = Shape::Struct(vec![
                ("TargetGroups", Shape::List("member", groups.iter().map(group).collect())),
                ("TargetGroupStickinessConfig", sticky),
            ]);
            // One group alone is named in the old place as well.
            let single = if let [only] = &groups[..] { (&only.group).into() } else { Shape::Absent };
            ("forward", vec![("TargetGroupArn", single), ("ForwardConfig", config)])
        }
        ActionKind::FixedResponse { status, content_type, body } => {
            let config = Shape::Struct(vec![
                ("MessageBody", body.as_ref().into()),
                ("StatusCode", status.to_string().into()),
                ("ContentType", content_type.as_ref().into()),
            ]);
            ("fixed-response", vec![("FixedResponseConfig", config)])
        }
        ActionKind::Redirect { protocol, port, host, path, query, status } => {
            let config = Shape::Struct(vec![
                ("Protocol", protocol.into()),
                ("Port", port.into()),
                ("Host", host.into()),
                ("Path", path.into()),
                ("Query", query.into()),
                ("StatusCode", format!("HTTP_{status}").into()),
            ]);
            ("redirect", vec![("RedirectConfig", config)])
        }
    };
    let mut fields = vec![("Type", kind.into()), ("Order", order)];
    fields.extend(configured);
    Shape::Struct(fields)
}
