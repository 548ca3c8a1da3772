//! `lifeboat policy`: the narrowest IAM policy and Azure role that a runbook needs. Calls no cloud.

use super::{
    args::{Common, Format, ModeArg, PolicyArgs, PurposeArg},
    exit::Exit,
    intent, load,
    trouble::Trouble,
};
use crate::{
    policy::{Purpose, Scope, gather},
    wiring,
};
use lifeboat_contract::{Mode, Permission, SiteId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn policy(args: &PolicyArgs, common: &Common) -> Result<Exit, Trouble> {
    let catalog = wiring::catalog();
    let source = load::source(&args.path, common)?;
    let runbook = load::runbook(&source, &catalog, common)?;
    let purpose = match args.purpose {
        PurposeArg::Plan => Purpose::Plan,
        PurposeArg::Run => Purpose::Run,
    };
    let mut needed =
        gather(&runbook, &catalog, &scope(args)?, purpose).map_err(|list| load::findings(&source, &list, common))?;
    if let Some(provider) = &args.provider {
        let Some(permissions) = needed.remove(provider) else {
            let has: Vec<&str> = needed.keys().map(String::as_str).collect();
            return Err(Trouble::usage(format!("{} needs no permission of {provider}", runbook.name())).hint(format!(
                "it needs permissions of: {}",
                if has.is_empty() { "nobody".to_owned() } else { has.join(", ") }
            )));
        };
        needed = [(provider.clone(), permissions)].into();
    }
    let name = format!("lifeboat-{}-{}", runbook.name(), args.purpose.word());
    let documents: BTreeMap<&String, Value> = needed
        .iter()
        .filter_map(|(provider, permissions)| Some((provider, wiring::grant(provider, &name, permissions)?)))
        .collect();
    let notes: Vec<String> =
        needed.iter().flat_map(|(provider, permissions)| notes(provider, permissions, &documents)).collect();
    match common.format {
        Format::Json => {
            println!(
                "{:#}",
                json!({ "runbook": runbook.name(), "for": args.purpose.word(), "documents": documents, "notes": notes })
            );
        }
        _ => print(&documents, &notes, common)?,
    }
    Ok(Exit::Completed)
}

/// One document on stdout, and nothing else there: it goes to the provider's own tool as it is.
fn print(documents: &BTreeMap<&String, Value>, notes: &[String], common: &Common) -> Result<(), Trouble> {
    let names: Vec<&str> = documents.keys().map(|name| name.as_str()).collect();
    match documents.values().collect::<Vec<_>>()[..] {
        [] if !common.quiet => eprintln!("no step of this runbook needs a permission of a cloud"),
        [] => {}
        [document] => println!("{document:#}"),
        _ => {
            return Err(Trouble::usage(format!("the runbook needs permissions of {}", names.join(" and ")))
                .hint("add `--provider NAME` for one document, or `--format json` for all"));
        }
    }
    if !common.quiet {
        for note in notes {
            eprintln!("note: {note}");
        }
    }
    Ok(())
}

fn scope(args: &PolicyArgs) -> Result<Scope, Trouble> {
    Ok(Scope {
        to: args.to.as_deref().map(SiteId::new),
        from: args.from.as_deref().map(SiteId::new),
        mode: args.mode.map(|mode| match mode {
            ModeArg::Switchover => Mode::Switchover,
            ModeArg::Failover => Mode::Failover,
        }),
        inputs: intent::inputs(&args.inputs)?,
    })
}

/// Why a document is not narrower, and whether it can be used as it is.
fn notes(provider: &str, permissions: &BTreeSet<Permission>, documents: &BTreeMap<&String, Value>) -> Vec<String> {
    let listed = |chosen: &dyn Fn(&Permission) -> bool| {
        let actions: BTreeSet<&str> = permissions
            .iter()
            .filter(|permission| chosen(permission))
            .map(|permission| permission.action.as_str())
            .collect();
        actions.into_iter().collect::<Vec<_>>().join(", ")
    };
    let everything = listed(&|permission| permission.resource == "*" && permission.reads);
    let pattern =
        listed(&|permission| permission.resource.contains('*') && !(permission.resource == "*" && permission.reads));
    let mut notes = Vec::new();
    if !everything.is_empty() {
        notes.push(format!("on everything, as the kinds declare these reads: {everything}"));
    }
    if !pattern.is_empty() {
        notes.push(format!("on a pattern, for the resource's full name is known only once it was observed: {pattern}"));
    }
    let document = documents.iter().find(|(name, _)| name.as_str() == provider).map(|(_, document)| document);
    notes.extend(document.and_then(|document| wiring::too_long(provider, document)));
    notes
}
