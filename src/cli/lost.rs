//! `lifeboat plan … --impaired all`: what the loss of each region leaves of a run. Makes one plan for each, and executes none.

use super::{
    args::{Common, Format, IntentArgs},
    cloud::Surroundings,
    exit::Exit,
    intent, load,
    plan::{PermissionCheck, dependencies, observe, observe_unasked},
    trouble::Trouble,
};
use crate::{
    plan::{LostRegion, LostRegions, Plan, hold, regions_of},
    report::{self, Style},
    runbook::{Intent, Runbook, Source},
};
use lifeboat_contract::{DependsOn, Mode, Region, SiteId};

/// What stands for every region.
pub(super) const ALL: &str = "all";

/// Whether the table is asked for, instead of one plan.
pub(super) fn is_asked(typed: &[String]) -> Result<bool, Trouble> {
    match typed {
        [only] if only == ALL => Ok(true),
        regions if regions.iter().any(|region| region == ALL) => {
            Err(Trouble::usage("`--impaired all` stands alone").hint("it looks at the loss of each region by itself"))
        }
        _ => Ok(false),
    }
}

/// Plans without each region in turn, and prints the table.
pub(super) async fn table(
    source: &Source,
    typed: &IntentArgs,
    around: &Surroundings,
    common: &Common,
) -> Result<Exit, Trouble> {
    let runbook = load::runbook(source, &around.catalog, common)?;
    let sites: Vec<SiteId> = runbook.sites().iter().map(|site| site.id.clone()).collect();
    let intent = intent::of(&IntentArgs { impaired: Vec::new(), ..typed.clone() }, &sites)?;
    let healthy = observe(&runbook, &intent, around, PermissionCheck::Left, common).await?;
    let table = look(&runbook, &intent, &healthy, around, common).await?;
    if common.format == Format::Json {
        println!("{:#}", report::lost_regions_json(&table));
    } else {
        print!("{}", report::lost_regions_screen(&table, &Style::stdout()));
    }
    Ok(if holds(&runbook, &table) { Exit::Completed } else { Exit::Refused })
}

async fn look(
    runbook: &Runbook,
    intent: &Intent,
    healthy: &Plan,
    around: &Surroundings,
    common: &Common,
) -> Result<LostRegions, Trouble> {
    let mut in_question = regions_of(&sites(runbook), healthy);
    for dependency in dependencies(runbook, around).await {
        let what = match dependency.on {
            DependsOn::Credentials => "credentials",
            DependsOn::Executor => "this program",
        };
        hold(&mut in_question, &dependency.region, what.to_owned());
    }
    let mut regions = Vec::new();
    for (region, holds) in in_question {
        let without = Intent { impaired: [region.clone()].into(), ..intent.clone() };
        // What reads from a lost region without saying so must show.
        around.impair(without.impaired.clone());
        let plan = observe_unasked(runbook, &without, around, common).await;
        around.restore();
        regions.push(LostRegion::of(&region, holds, &plan?));
    }
    Ok(LostRegions {
        runbook: runbook.name().to_owned(),
        to: healthy.to.clone(),
        from: healthy.from.clone(),
        mode: healthy.mode,
        refused_anyway: healthy.refusals().map(|(step, refusal)| (step.id.clone(), refusal.clone())).collect(),
        regions,
    })
}

fn sites(runbook: &Runbook) -> Vec<(SiteId, Option<Region>)> {
    runbook.sites().into_iter().map(|site| (site.id, site.region.map(Region::new))).collect()
}

/// Whether the run would begin with every region there, and a failover also without the region that it goes away from.
fn holds(runbook: &Runbook, table: &LostRegions) -> bool {
    let sites = sites(runbook);
    let region_of = |site: &SiteId| sites.iter().find(|(id, _)| id == site).and_then(|(_, region)| region.clone());
    let (to, from) = (region_of(&table.to), region_of(&table.from));
    let evacuates = table.mode == Mode::Failover && to != from;
    let left = table.regions.iter().find(|lost| evacuates && Some(&lost.region) == from.as_ref());
    table.refused_anyway.is_empty() && left.is_none_or(|lost| lost.completes)
}
