//! Asks the providers, before anything is changed, whether the caller may do what the plan will do.
//!
//! What is missing for certain is a reason to refuse; what could not be found out is a warning: an emergency waits for no nicety.

use super::value::{Plan, PlannedBody, PlannedStep, Warning};
use crate::wiring;
use lifeboat_contract::{CallError, CallScope, Cx, Grants, Permission, Refusal, RunContext, clock};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// How long all the questions to one provider may take together.
const PATIENCE: Duration = Duration::from_secs(8);

/// Adds a refusal for each permission that is missing, and a warning for what could not be told. `region` is one that answers.
pub async fn ask(plan: &mut Plan, cx: &Cx, region: impl Fn(&str, &Plan) -> String) {
    let run = RunContext { impaired: plan.impaired.clone(), ..(*cx.run).clone() };
    let cx = cx.for_run(Arc::new(run));
    for (provider, permissions) in needed(plan) {
        let scope = CallScope { step: None, attempt: 0, deadline: Some(clock::after(cx.clock.now(), PATIENCE)) };
        let home = region(&provider, plan);
        match scope.enclose(wiring::grants(&cx, &provider, &home, &permissions)).await {
            None => {}
            Some(Ok(grants)) => take(plan, &provider, &grants),
            Some(Err(error)) => plan.warnings.push(unasked(&provider, &error)),
        }
    }
}

/// What the steps that do something need, by provider. What planning has read is proven.
fn needed(plan: &Plan) -> BTreeMap<String, BTreeSet<Permission>> {
    let mut found: BTreeMap<String, BTreeSet<Permission>> = BTreeMap::new();
    let proven: BTreeSet<&Permission> = plan.steps.iter().filter(|step| was_observed(step)).flat_map(reads).collect();
    for step in plan.steps.iter().filter(|step| acts(step)) {
        let provider = step.kind.split('.').next().unwrap_or_default().to_owned();
        let open = step.touches.permissions.iter().filter(|permission| !proven.contains(permission));
        found.entry(provider).or_default().extend(open.cloned());
    }
    found.retain(|_, permissions| !permissions.is_empty());
    found
}

fn reads(step: &PlannedStep) -> impl Iterator<Item = &Permission> {
    step.touches.permissions.iter().filter(|permission| permission.reads)
}

fn was_observed(step: &PlannedStep) -> bool {
    matches!(&step.body, PlannedBody::Change(change) if change.before.is_some())
}

fn acts(step: &PlannedStep) -> bool {
    step.skip.is_none() && (step.changes() || matches!(step.body, PlannedBody::Check { .. }))
}

fn take(plan: &mut Plan, provider: &str, grants: &Grants) {
    for step in plan.steps.iter_mut().filter(|step| acts(step)) {
        for permission in &step.touches.permissions {
            let Some(why) = grants.denied.get(permission) else { continue };
            let Permission { action, resource, .. } = permission;
            let message = format!("{} lacks {action} on {resource}: {why}", grants.principal);
            step.refusals.push(Refusal::new("permission.missing", message).with_hint(
                "`lifeboat policy` prints every permission that the runbook needs; if the provider is wrong, \
                 `--no-permission-check` goes on without asking it",
            ));
        }
    }
    let unknown: BTreeSet<&str> = grants.unknown.iter().map(|permission| permission.action.as_str()).collect();
    if !unknown.is_empty() {
        let list = unknown.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("whether {} may do this, {provider} did not tell: {list}", grants.principal);
        plan.warnings.push(warning("permission.unknown", message));
    }
}

fn unasked(provider: &str, error: &CallError) -> Warning {
    let message = format!("whether the permissions for this run are granted could not be asked of {provider}: {error}");
    warning("permission.unasked", message)
}

fn warning(code: &str, message: String) -> Warning {
    let hint = "the run goes on without it; a permission that is missing shows when its step is turned down";
    Warning { code: code.to_owned(), message, hint: hint.to_owned() }
}
