//! The account guard: a run by a caller in another account than the runbook says, or on another subscription, is refused.
//!
//! Asks who the caller is, and changes nothing.

use super::{exit::Exit, trouble::Trouble};
use crate::{plan::Plan, runbook::ProviderConfig, wiring};
use lifeboat_contract::{CallError, Cx};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where to ask if no step says in which region it works.
const HOME: &str = "us-west-2";

/// Refuses a caller who is in another account than the runbook says, and steps about another one.
pub(super) async fn check_accounts(
    cx: &Cx,
    providers: &BTreeMap<String, ProviderConfig>,
    plan: &Plan,
) -> Result<(), Trouble> {
    for (name, config) in providers {
        only_declared(name, config, plan)?;
        let region = healthy_region(name, plan);
        for expected in accounts(name, config, plan) {
            match wiring::caller(cx, name, &region, &expected).await {
                None => {}
                Some(Ok(caller)) => same(name, config, &expected, &caller)?,
                Some(Err(error)) => return Err(unknown(name, error)),
            }
        }
    }
    Ok(())
}

/// Refuses a caller who is in another account than one of the runbook's providers declares. Asked in `region`.
pub(super) async fn check_callers(
    cx: &Cx,
    providers: &BTreeMap<String, ProviderConfig>,
    region: Option<&str>,
) -> Result<(), Trouble> {
    for (name, config) in providers {
        let Some(expected) = config.account_or_subscription() else { continue };
        match wiring::caller(cx, name, region.unwrap_or(HOME), expected).await {
            None => {}
            Some(Ok(caller)) => same(name, config, expected, &caller)?,
            Some(Err(error)) => return Err(unknown(name, error)),
        }
    }
    Ok(())
}

/// A region of the plan that was not declared lost.
pub(super) fn healthy_region(provider: &str, plan: &Plan) -> String {
    let places = plan.steps.iter().filter_map(|step| step.place.as_ref()).filter(|place| place.provider == provider);
    let healthy = places.filter_map(|place| place.region.clone()).find(|region| !plan.impaired.contains(region));
    healthy.map_or_else(|| HOME.to_owned(), |region| region.0)
}

/// The accounts to ask for: the declared one; without one but with a tenant, those that the steps are about.
fn accounts(provider: &str, config: &ProviderConfig, plan: &Plan) -> BTreeSet<String> {
    match (config.account_or_subscription(), &config.tenant) {
        (Some(declared), _) => [declared.to_owned()].into(),
        (None, Some(_)) => {
            plan.steps.iter().flat_map(|step| subscriptions_of(provider, &step.kind, &step.with)).collect()
        }
        (None, None) => BTreeSet::new(),
    }
}

fn same(provider: &str, config: &ProviderConfig, expected: &str, caller: &wiring::Caller) -> Result<(), Trouble> {
    if !caller.account.eq_ignore_ascii_case(expected) {
        let message = format!(
            "the runbook is for {provider} account {expected}, and the caller {} is in {}",
            caller.name, caller.account
        );
        return Err(Trouble::new(Exit::Refused, message).hint("use the credentials of the runbook's account"));
    }
    match (&config.tenant, &caller.tenant) {
        (Some(expected), Some(found)) if !found.eq_ignore_ascii_case(expected) => {
            let message = format!(
                "the runbook is for {provider} tenant {expected}, and the subscription {} belongs to {found}",
                caller.account
            );
            Err(Trouble::new(Exit::Refused, message).hint("use the credentials of the runbook's tenant"))
        }
        _ => Ok(()),
    }
}

fn unknown(provider: &str, error: CallError) -> Trouble {
    Trouble::caused(Exit::Refused, error)
        .hint(format!("{provider} did not say who the caller is; check the credentials and the network"))
}

/// Refuses a step about another subscription than its site, or its provider, declares.
fn only_declared(provider: &str, config: &ProviderConfig, plan: &Plan) -> Result<(), Trouble> {
    for step in &plan.steps {
        let of_site = step.place.as_ref().filter(|place| place.provider == provider);
        let declared = of_site.and_then(|place| place.account.as_deref()).or(config.subscription.as_deref());
        let Some(declared) = declared else { continue };
        let others = subscriptions_of(provider, &step.kind, &step.with);
        if let Some(other) = others.into_iter().find(|named| !named.eq_ignore_ascii_case(declared)) {
            let message = format!(
                "the runbook is for the {provider} subscription {declared}, and step {} is about {other}",
                step.id
            );
            return Err(Trouble::new(Exit::Refused, message).hint("name resources of the declared subscription"));
        }
    }
    Ok(())
}

/// The subscriptions that a step's resource ids name.
fn subscriptions_of(provider: &str, kind: &str, with: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if kind.split('.').next() == Some(provider) {
        collect(with, &mut found);
    }
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => found.extend(subscription(text)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            found.extend(subscription(key));
            collect(value, found);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `/subscriptions/S/resourceGroups/…` names S.
fn subscription(text: &str) -> Option<String> {
    let mut segments = text.split('/');
    let starts = segments.next() == Some("") && segments.next()?.eq_ignore_ascii_case("subscriptions");
    let named = segments.next().filter(|name| !name.is_empty())?;
    starts.then(|| named.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_subscriptions_of_a_step_are_found_wherever_its_ids_stand() {
        let with = json!({
            "route_tables": ["/subscriptions/A/resourceGroups/g/providers/Microsoft.Network/routeTables/t"],
            "interfaces": { "/SUBSCRIPTIONS/b/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/n/x": true },
            "destination": "10.0.0.0/8",
        });
        let found: Vec<String> = subscriptions_of("azure", "azure.network.route", &with).into_iter().collect();
        assert_eq!(found, ["a", "b"]);
        assert!(subscriptions_of("azure", "http.request", &with).is_empty(), "a body may say what it likes");
    }

    #[test]
    fn another_account_or_tenant_is_refused() {
        let caller = |account: &str, tenant: Option<&str>| wiring::Caller {
            account: account.to_owned(),
            tenant: tenant.map(str::to_owned),
            name: "ops".to_owned(),
        };
        let config = ProviderConfig { tenant: Some("T".to_owned()), ..ProviderConfig::default() };
        assert!(same("azure", &config, "S", &caller("s", Some("t"))).is_ok(), "ids compare without case");
        assert!(same("azure", &config, "S", &caller("s", Some("u"))).is_err());
        assert!(same("azure", &config, "S", &caller("r", Some("t"))).is_err());
        assert!(same("aws", &ProviderConfig::default(), "1", &caller("1", None)).is_ok());
    }
}
