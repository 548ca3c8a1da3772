//! `lifeboat plan`: shows what a run would change. Sends no mutating request: the wire's guard refuses them.

use super::{
    accounts,
    args::{Common, Format, IntentArgs, PlanArgs},
    cloud::{self, Carries, Surroundings},
    exit::Exit,
    intent, load, lost,
    trouble::Trouble,
};
use crate::{
    drill::trend::{self, Estimate},
    plan::{self, Plan},
    report::{self, Style},
    runbook::{Intent, Runbook, Source},
};
use lifeboat_contract::{Cx, Dependency, SiteId};
use std::{fs, path::Path};

pub(super) fn plan(args: &PlanArgs, common: &Common) -> Result<Exit, Trouble> {
    let source = load::source(&args.path, common)?;
    let store = cloud::store(common)?;
    let without_each = lost::is_asked(&args.intent.impaired)?;
    if without_each && args.out.is_some() {
        return Err(Trouble::usage("`--impaired all` makes many plans, and `--out` saves one"));
    }
    cloud::block_on(cloud::is_virtual(&args.cloud), async {
        let around = Surroundings::open(&args.cloud, &store, common).await?;
        if without_each {
            let exit = lost::table(&source, &args.intent, &around, common).await?;
            around.close()?;
            return Ok(exit);
        }
        let check = PermissionCheck::unless(args.no_permission_check);
        let plan = make(&source, &args.intent, &around, check, common).await?;
        around.close()?;
        if let Some(path) = &args.out {
            save(&plan, path)?;
        }
        let records = trend::read_all(store.root()).map_err(|error| Trouble::caused(Exit::Refused, error))?;
        let estimate = trend::estimate(&records, &plan.runbook.name, plan.from.as_str(), plan.to.as_str());
        print(&plan, estimate.as_ref(), common);
        if common.format == Format::Text && !common.quiet {
            eprintln!("{}", next(args, &plan));
        }
        Ok(if plan.is_refused() { Exit::Refused } else { Exit::Completed })
    })
}

/// Whether a plan asks the providers for the permissions of its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PermissionCheck {
    Asked,
    /// It was asked shortly before, or the operator knows better.
    Left,
}

impl PermissionCheck {
    pub(super) fn unless(left: bool) -> Self {
        if left { Self::Left } else { Self::Asked }
    }
}

/// Checks, resolves, and observes: a plan for what was typed.
pub(super) async fn make(
    source: &Source,
    typed: &IntentArgs,
    around: &Surroundings,
    check: PermissionCheck,
    common: &Common,
) -> Result<Plan, Trouble> {
    let runbook = load::runbook(source, &around.catalog, common)?;
    let sites: Vec<SiteId> = runbook.sites().iter().map(|site| site.id.clone()).collect();
    let intent = intent::of(typed, &sites)?;
    observe(&runbook, &intent, around, check, common).await
}

/// A plan for an intent, from what is observed now.
pub(super) async fn observe(
    runbook: &Runbook,
    intent: &Intent,
    around: &Surroundings,
    check: PermissionCheck,
    common: &Common,
) -> Result<Plan, Trouble> {
    let (mut plan, cx) = planned(runbook, intent, around, common).await?;
    accounts::check_accounts(&cx, runbook.providers().0, &plan).await?;
    if check == PermissionCheck::Asked {
        plan::ask_for_permissions(&mut plan, &cx, accounts::healthy_region).await;
    }
    Ok(plan)
}

/// The same without asking who the caller is: once is enough.
pub(super) async fn observe_unasked(
    runbook: &Runbook,
    intent: &Intent,
    around: &Surroundings,
    common: &Common,
) -> Result<Plan, Trouble> {
    Ok(planned(runbook, intent, around, common).await?.0)
}

async fn planned(
    runbook: &Runbook,
    intent: &Intent,
    around: &Surroundings,
    common: &Common,
) -> Result<(Plan, Cx), Trouble> {
    let source = runbook.source();
    let resolved = runbook.resolve(&around.catalog, intent).map_err(|list| load::findings(source, &list, common))?;
    let secrets = around.credential_secrets(&resolved.providers, &resolved.secrets)?;
    let cx = around.cx(Carries::ReadsOnly, &resolved.providers, None, secrets)?;
    let mut plan = plan::make(&resolved, &cx).await;
    if !plan.impaired.is_empty() {
        plan.warnings = plan::warnings(&dependencies(runbook, around).await, &plan.impaired);
    }
    Ok((plan, cx))
}

/// Which regions a run depends on besides its steps'.
pub(super) async fn dependencies(runbook: &Runbook, around: &Surroundings) -> Vec<Dependency> {
    let used = runbook.sites().into_iter().map(|site| site.provider).collect();
    around.dependencies(runbook.providers().0, &used).await
}

/// The plan, and how long it took in drills.
fn print(plan: &Plan, estimate: Option<&Estimate>, common: &Common) {
    if common.format == Format::Json {
        let mut document = report::plan_json(plan);
        if let Some(estimate) = estimate {
            document["estimate"] = serde_json::json!(estimate);
        }
        println!("{document:#}");
        return;
    }
    print!("{}", report::plan_screen(plan, common.verbose, &Style::stdout()));
    if let Some(estimate) = estimate {
        println!("{}", report::estimate_sentence(estimate));
    }
}

fn save(plan: &Plan, path: &Path) -> Result<(), Trouble> {
    let text = serde_json::to_string_pretty(plan).expect("a plan is plain JSON");
    fs::write(path, text)
        .map_err(|error| Trouble::caused(Exit::Refused, error).hint(format!("the plan goes to {}", path.display())))
}

/// What to type next.
fn next(args: &PlanArgs, plan: &Plan) -> String {
    if plan.is_refused() {
        return "this plan is refused: mend what is named above, then plan again".to_owned();
    }
    match &args.out {
        Some(path) => format!("saved; `lifeboat run {}` executes exactly this plan", path.display()),
        None => {
            "to execute it: the same words with `run` instead of `plan`; to keep exactly this plan: add `--out FILE`"
                .to_owned()
        }
    }
}
