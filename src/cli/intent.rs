//! Turns what was typed into what a runbook is asked to do.

use super::{
    args::{IntentArgs, ModeArg},
    lost::ALL,
    trouble::Trouble,
};
use crate::{plan::Plan, runbook::Intent};
use lifeboat_contract::{Mode, Region, SiteId};
use std::collections::BTreeMap;

/// The intent that was typed. `sites` are the runbook's, for the hint.
pub(super) fn of(args: &IntentArgs, sites: &[SiteId]) -> Result<Intent, Trouble> {
    let names: Vec<&str> = sites.iter().map(SiteId::as_str).collect();
    let to = args.to.as_deref().ok_or_else(|| {
        Trouble::usage("no site was named to make active")
            .hint(format!("add `--to SITE`; this runbook has {}", names.join(", ")))
    })?;
    let accepted_loss = args.accepted_loss().map_err(Trouble::usage)?;
    let mode = match args.mode {
        ModeArg::Switchover => Mode::Switchover,
        ModeArg::Failover => Mode::Failover,
    };
    if accepted_loss.is_some() && mode == Mode::Switchover {
        return Err(Trouble::usage("a switchover never loses data, so there is none to accept")
            .hint("where the active site is lost, add `--mode failover`"));
    }
    let inputs = inputs(&args.inputs)?;
    if args.impaired.iter().any(|region| region == ALL) {
        return Err(Trouble::usage("`--impaired all` is for `lifeboat plan` and `lifeboat check` alone")
            .hint("name the region that is lost; nothing can be done without any region"));
    }
    Ok(Intent {
        to: SiteId::new(to),
        from: args.from.as_deref().map(SiteId::new),
        mode,
        accepted_loss,
        impaired: args.impaired.iter().map(Region::new).collect(),
        inputs,
    })
}

/// The inputs that were typed.
pub(super) fn inputs(typed: &[String]) -> Result<BTreeMap<String, String>, Trouble> {
    let mut inputs = BTreeMap::new();
    for input in typed {
        let (name, value) = input
            .split_once('=')
            .ok_or_else(|| Trouble::usage(format!("--input takes NAME=VALUE, and not {input:?}")))?;
        inputs.insert(name.to_owned(), value.to_owned());
    }
    Ok(inputs)
}

/// The intent of an approved plan.
pub(super) fn of_plan(plan: &Plan) -> Intent {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Intent {
        to: plan.to.clone(),
        from: Some(plan.from.clone()),
        mode: plan.mode,
        accepted_loss: plan.accepted_loss,
        impaired: plan.impaired.clone(),
        inputs: plan.inputs.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
    }
}

/// Whether anything of an intent was typed: a saved plan has its own.
pub(super) fn was_typed(args: &IntentArgs) -> bool {
    args.to.is_some()
        || args.from.is_some()
        || args.mode == ModeArg::Failover
        || args.accept_data_loss.is_some()
        || !args.impaired.is_empty()
        || !args.inputs.is_empty()
}
