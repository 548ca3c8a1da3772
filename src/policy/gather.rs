//! Asks every step, in every direction and mode in question, what it needs.
//!
//! What is known only once a resource was observed is declared by the kinds as a pattern.

use crate::runbook::{Body, Intent, ProviderConfig, ResolvedRunbook, Runbook};
use lifeboat_contract::{Catalog, Finding, Mode, Permission, SiteId};
use std::collections::{BTreeMap, BTreeSet};

/// What the permissions are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Planning: reads alone.
    Plan,
    /// A run, which plans first, and its way back.
    Run,
}

/// The directions and modes that the permissions shall be enough for, and the inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The site to make active; any, without it.
    pub to: Option<SiteId>,
    /// The site that is active now; any other, without it.
    pub from: Option<SiteId>,
    /// Both, without it.
    pub mode: Option<Mode>,
    pub inputs: BTreeMap<String, String>,
}

/// The permissions by provider.
pub fn gather(
    runbook: &Runbook,
    catalog: &Catalog,
    scope: &Scope,
    purpose: Purpose,
) -> Result<BTreeMap<String, BTreeSet<Permission>>, Vec<Finding>> {
    let mut found: BTreeMap<String, BTreeSet<Permission>> = BTreeMap::new();
    for intent in intents(runbook, scope) {
        let resolved = runbook.resolve(catalog, &intent)?;
        for (provider, permissions) in of(&resolved, purpose) {
            found.entry(provider).or_default().extend(permissions);
        }
    }
    Ok(found)
}

fn intents(runbook: &Runbook, scope: &Scope) -> Vec<Intent> {
    let sites: Vec<SiteId> = runbook.sites().into_iter().map(|site| site.id).collect();
    // A site that the runbook does not have is the resolver's to refuse.
    let asked = |named: &Option<SiteId>| named.clone().map_or_else(|| sites.clone(), |site| vec![site]);
    let modes = scope.mode.map_or_else(|| vec![Mode::Switchover, Mode::Failover], |mode| vec![mode]);
    let mut intents = Vec::new();
    for to in asked(&scope.to) {
        for from in asked(&scope.from).into_iter().filter(|from| *from != to) {
            intents.extend(modes.iter().map(|mode| Intent {
                to: to.clone(),
                from: Some(from.clone()),
                mode: *mode,
                accepted_loss: None,
                impaired: BTreeSet::new(),
                inputs: scope.inputs.clone(),
            }));
        }
    }
    intents
}

fn of(resolved: &ResolvedRunbook, purpose: Purpose) -> BTreeMap<String, BTreeSet<Permission>> {
    let mut found: BTreeMap<String, BTreeSet<Permission>> = BTreeMap::new();
    for step in resolved.steps.iter().filter(|step| step.skipped_by.is_none()) {
        let observed = matches!(step.body, Body::Change(_));
        if purpose == Purpose::Plan && !observed {
            // A check is asked, and a task done, in a run alone.
            continue;
        }
        let permissions = step.body.touches(&resolved.context(step.place.as_ref())).permissions;
        let needed = permissions.into_iter().filter(|permission| permission.reads || purpose == Purpose::Run);
        let provider = step.kind.split('.').next().unwrap_or_default().to_owned();
        found.entry(provider).or_default().extend(needed);
    }
    found.retain(|_, permissions| !permissions.is_empty());
    for (name, permissions) in &mut found {
        let account = resolved.providers.get(name).and_then(ProviderConfig::account_or_subscription);
        permissions.extend(crate::wiring::caller_permissions(name, account));
    }
    found
}
