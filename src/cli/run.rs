//! `lifeboat run`: shows the plan, asks, executes.

use super::{
    args::{Common, Format, RunArgs},
    cloud::{self, Surroundings},
    execute::Session,
    exit::Exit,
    intent, load, operator, parity,
    plan::{self as plan_command, PermissionCheck},
    report as report_command,
    trouble::Trouble,
};
use crate::{
    plan::{Plan, differences},
    report::{self, Style},
    runbook::Source,
};
use std::path::Path;

pub(super) fn run(args: &RunArgs, common: &Common) -> Result<Exit, Trouble> {
    let reports = report_command::checked(&args.files)?;
    let store = cloud::store(common)?;
    let saved = saved_plan(&args.path)?;
    cloud::block_on(cloud::is_virtual(&args.cloud), async {
        let around = Surroundings::open(&args.cloud, &store, common).await?;
        if args.require_parity {
            require_parity(saved.as_ref(), args, &around, common).await?;
        }
        let plan = match saved {
            Some(plan) => approved(plan, args, &around, common).await?,
            None => fresh(args, &around, common).await?,
        };
        if plan.is_refused() {
            if common.format != Format::Text {
                eprint!("{}", report::plan_screen(&plan, false, &Style::stderr()));
            }
            around.close()?;
            return Err(Trouble::new(Exit::Refused, "the plan is refused: nothing was changed")
                .hint("the reasons stand above, each with its step"));
        }
        let session = Session::new(&store, &around, common)?;
        Ok(session.tell(&session.begin(plan).await?, &reports, false))
    })
}

/// Refuses the run unless its two sites are the same, as far as the runbook says that they must be.
async fn require_parity(
    saved: Option<&Plan>,
    args: &RunArgs,
    around: &Surroundings,
    common: &Common,
) -> Result<(), Trouble> {
    let source = match saved {
        Some(plan) => plan_source(plan, args),
        None => load::source(&args.path, common)?,
    };
    let quiet = Common { quiet: true, ..common.clone() };
    let runbook = load::runbook(&source, &around.catalog, &quiet)?;
    let sites: Vec<_> = runbook.sites().into_iter().map(|site| site.id).collect();
    let intent = match saved {
        Some(plan) => intent::of_plan(plan),
        None => intent::of(&args.intent, &sites)?,
    };
    parity::require(&runbook, &intent, around, common).await
}

fn plan_source(plan: &Plan, args: &RunArgs) -> Source {
    Source::new(format!("{} (its runbook)", args.path.display()), plan.runbook.text.clone())
}

/// A plan of what is now, shown and confirmed.
async fn fresh(args: &RunArgs, around: &Surroundings, common: &Common) -> Result<Plan, Trouble> {
    let source = load::source(&args.path, common)?;
    let plan =
        plan_command::make(&source, &args.intent, around, PermissionCheck::unless(args.no_permission_check), common)
            .await?;
    if common.format == Format::Text && !common.quiet {
        eprint!("{}", report::plan_screen(&plan, common.verbose, &Style::stderr()));
    }
    // A simulated world needs no consent where there is nobody to give it.
    if plan.is_refused() || args.yes || around.is_virtual() && !operator::is_there() {
        return Ok(plan);
    }
    confirm(&plan)?;
    // The world may have moved while the question stood.
    let quiet = Common { quiet: true, ..common.clone() };
    let runbook = load::runbook(&source, &around.catalog, &quiet)?;
    let again = plan_command::observe(&runbook, &intent::of_plan(&plan), around, PermissionCheck::Left, common).await?;
    as_approved(plan, &again)
}

/// A saved plan, unless the world has moved since.
async fn approved(plan: Plan, args: &RunArgs, around: &Surroundings, common: &Common) -> Result<Plan, Trouble> {
    if intent::was_typed(&args.intent) {
        return Err(Trouble::usage("a saved plan has its own sites, mode and inputs")
            .hint("leave them out, or run the runbook instead of the plan"));
    }
    if common.format == Format::Text && !common.quiet {
        eprint!("{}", report::plan_screen(&plan, common.verbose, &Style::stderr()));
    }
    if !args.yes && !plan.is_refused() {
        confirm(&plan)?;
    }
    let source = plan_source(&plan, args);
    let quiet = Common { quiet: true, ..common.clone() };
    let runbook = load::runbook(&source, &around.catalog, &quiet)?;
    let check = PermissionCheck::unless(args.no_permission_check);
    let again = plan_command::observe(&runbook, &intent::of_plan(&plan), around, check, common).await?;
    as_approved(plan, &again)
}

fn as_approved(plan: Plan, again: &Plan) -> Result<Plan, Trouble> {
    let differences = differences(&plan, again);
    if differences.is_empty() {
        return Ok(plan);
    }
    let list: Vec<String> = differences
        .iter()
        .map(|difference| {
            format!("  {}: planned {}, observed {}", difference.step, difference.planned, difference.observed)
        })
        .collect();
    Err(Trouble::new(Exit::Refused, format!("the world is not as it was planned for:\n{}", list.join("\n")))
        .hint("nothing was changed; plan again and look at what is different"))
}

/// The operator types the name of the site to make active: a `y` is typed too easily at three in the morning.
pub(super) fn confirm(plan: &Plan) -> Result<(), Trouble> {
    if !operator::is_there() {
        return Err(Trouble::usage("there is nobody to ask, and `--yes` was not given")
            .hint("add `--yes` to run it without a question"));
    }
    let irreversible = plan.point_of_no_return().map(|step| {
        let place = step.place.as_ref().map(|place| {
            let region = place.region.as_ref().map_or(String::new(), ToString::to_string);
            let account = place.account.clone().unwrap_or_default();
            format!(" in {region}, account {account}")
        });
        format!("step {} ({}){} cannot be taken back\n", step.id, step.kind, place.unwrap_or_default())
    });
    let question = format!("{}type {} to make it the active site: ", irreversible.unwrap_or_default(), plan.to);
    let answer = operator::ask(&question).map_err(|error| Trouble::caused(Exit::Declined, error))?;
    if answer == plan.to.as_str() {
        Ok(())
    } else {
        Err(Trouble::new(Exit::Declined, format!("declined: {answer:?} is not {}", plan.to))
            .hint("nothing was changed"))
    }
}

/// The plan in a file, where the file is one. A runbook is never mistaken for a plan: a plan is JSON.
fn saved_plan(path: &Path) -> Result<Option<Plan>, Trouble> {
    if path.extension().is_none_or(|extension| extension != "json") {
        return Ok(None);
    }
    let text = std::fs::read(path).map_err(|error| {
        Trouble::caused(Exit::Usage, error).hint(format!("{} was taken for a saved plan", path.display()))
    })?;
    let plan: Plan = serde_json::from_slice(&text).map_err(|error| {
        Trouble::caused(Exit::Usage, error)
            .hint(format!("{} is not a plan saved by `lifeboat plan --out`", path.display()))
    })?;
    if !plan.digest_holds() {
        return Err(Trouble::new(Exit::Refused, format!("{} was altered after it was planned", path.display()))
            .hint("plan again; a plan is executed exactly as it was approved, or not at all"));
    }
    Ok(Some(plan))
}
