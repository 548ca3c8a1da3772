//! IAM's own API, as far as it is asked here: what a principal's policies would say to a call. Changes nothing.

use super::{
    Iam,
    policy::{Decision, decide},
};
use crate::{
    codec::{ApiError, Params},
    shape::Shape,
};

pub(crate) const READS: &[&str] = &["Get", "List", "Simulate"];

const REGION: &str = "aws:RequestedRegion";

/// IAM's control plane is in one region.
pub(crate) fn is_served_in(region: &str) -> bool {
    region == "us-east-1"
}

pub(crate) fn answer(iam: Option<&Iam>, operation: &str, params: &Params) -> Result<Shape, ApiError> {
    match operation {
        "SimulatePrincipalPolicy" => simulate(iam, params),
        _ => {
            let message = format!("Could not find operation {operation} for version 2010-05-08");
            Err(ApiError::new("InvalidAction", 400, message))
        }
    }
}

/// One result for each action on each resource.
fn simulate(iam: Option<&Iam>, params: &Params) -> Result<Shape, ApiError> {
    let required = |name: &str| {
        let missing = || ApiError::new("ValidationError", 400, format!("{name} is required"));
        params.given(name).ok_or_else(missing)
    };
    let principal = required("PolicySourceArn")?;
    let policies = match iam {
        Some(iam) => Some(iam.source(principal)?),
        None => None,
    };
    let actions = params.strings("ActionNames");
    if actions.is_empty() {
        return Err(ApiError::new("ValidationError", 400, "ActionNames is required"));
    }
    let resources = params.strings("ResourceArns");
    let resources = if resources.is_empty() { vec!["*".to_owned()] } else { resources };
    let context = params.list("ContextEntries");
    let region = context.iter().find(|entry| entry.get("ContextKeyName").is_some_and(|key| key == REGION));
    let region = region.and_then(|entry| entry.strings("ContextKeyValues").into_iter().next());
    let evaluate = |action: &String, resource: &String| {
        let conditional = policies.is_some_and(|policies| policies.iter().any(super::Policy::is_conditional));
        let missing = conditional && region.is_none();
        let decision = policies.map_or(Decision::Allowed, |policies| {
            decide(policies, action, resource, region.as_deref().unwrap_or_default())
        });
        let word = match decision {
            Decision::Allowed => "allowed",
            Decision::NotAllowed => "implicitDeny",
            Decision::Denied => "explicitDeny",
        };
        let keys = if missing { vec![REGION.into()] } else { Vec::new() };
        Shape::Struct(vec![
            ("EvalActionName", action.into()),
            ("EvalResourceName", resource.into()),
            ("EvalDecision", word.into()),
            ("MatchedStatements", Shape::List("member", Vec::new())),
            ("MissingContextValues", Shape::List("member", keys)),
        ])
    };
    let pairs = actions.iter().flat_map(|action| resources.iter().map(move |resource| (action, resource)));
    let results = pairs.map(|(action, resource)| evaluate(action, resource)).collect();
    Ok(Shape::Struct(vec![("IsTruncated", false.into()), ("EvaluationResults", Shape::List("member", results))]))
}

impl Iam {
    /// The policies of a user or a role by its own ARN. A session of a role is none.
    fn source(&self, arn: &str) -> Result<&[super::Policy], ApiError> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, "iam", "", _, name] = parts[..] else {
            return Err(ApiError::new("InvalidInput", 400, format!("Invalid Entity Arn: {arn}")));
        };
        let (kind, found) = match name.split('/').collect::<Vec<_>>()[..] {
            ["user", user] => ("user", self.users.get(user)),
            ["role", role] => ("role", self.roles.get(role)),
            _ => return Err(ApiError::new("InvalidInput", 400, format!("Invalid Entity Arn: {arn}"))),
        };
        let absent = || {
            let name = name.rsplit('/').next().unwrap_or_default();
            ApiError::new("NoSuchEntity", 404, format!("The {kind} with name {name} cannot be found."))
        };
        found.map(Vec::as_slice).ok_or_else(absent)
    }
}
