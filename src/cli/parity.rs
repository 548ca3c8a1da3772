//! `lifeboat parity`: whether two sites are the same, as far as the runbook says that they must be. Reads only.

use super::{
    accounts,
    args::{Common, Format, ParityArgs},
    cloud::{self, Carries, Surroundings},
    exit::Exit,
    intent, load, rehearse,
    trouble::Trouble,
};
use crate::{
    parity::{self, Comparison},
    report::{self, ParityHeading, Style},
    runbook::{Intent, ParityItem, Runbook, SiteView},
};
use indicatif::ProgressStyle;
use jiff::tz::TimeZone;
use lifeboat_contract::SiteId;
use std::collections::BTreeMap;

pub(super) fn parity(args: &ParityArgs, common: &Common) -> Result<Exit, Trouble> {
    let source = load::source(&args.path, common)?;
    let store = cloud::store(common)?;
    cloud::block_on(cloud::is_virtual(&args.cloud), async {
        let around = Surroundings::open(&args.cloud, &store, common).await?;
        let runbook = load::runbook(&source, &around.catalog, common)?;
        if !runbook.declares_parity() {
            return Err(nothing_declared());
        }
        let inputs = intent::inputs(&args.inputs)?;
        let sites = sites(&args.sites, &runbook)?;
        let survey = survey(&runbook, [&sites[0], &sites[1]], &inputs, &around, common).await?;
        around.close()?;
        survey.print(&runbook, common);
        Ok(if survey.found.holds() { Exit::Completed } else { Exit::Refused })
    })
}

/// Refuses what is about to begin unless parity holds between the sites of `intent`. Prints the differences otherwise.
pub(super) async fn require(
    runbook: &Runbook,
    intent: &Intent,
    around: &Surroundings,
    common: &Common,
) -> Result<(), Trouble> {
    if !runbook.declares_parity() {
        return Err(nothing_declared());
    }
    let others = || runbook.sites().into_iter().map(|site| site.id).filter(|site| *site != intent.to);
    let from = match &intent.from {
        Some(from) => from.clone(),
        None => match &others().collect::<Vec<_>>()[..] {
            [only] => only.clone(),
            _ => {
                return Err(
                    Trouble::usage("with more than two sites, the active one must be named").hint("add `--from SITE`")
                );
            }
        },
    };
    let survey = survey(runbook, [&from, &intent.to], &intent.inputs, around, common).await?;
    if survey.found.holds() {
        return Ok(());
    }
    eprint!("{}", report::parity_screen(&survey.heading(runbook, &runbook.sites()), &survey.found, &Style::stderr()));
    Err(Trouble::new(
        Exit::Refused,
        format!("parity does not hold between {from} and {}: nothing was changed", intent.to),
    )
    .hint("mend what is named above, or run without `--require-parity`"))
}

/// Two sites, read and compared.
struct Survey {
    sites: [SiteId; 2],
    resources: usize,
    found: Comparison,
}

/// Reads what the runbook declares at two of its sites, and compares it.
async fn survey(
    runbook: &Runbook,
    sites: [&SiteId; 2],
    inputs: &BTreeMap<String, String>,
    around: &Surroundings,
    common: &Common,
) -> Result<Survey, Trouble> {
    let items = runbook
        .parity(&around.catalog, sites, inputs)
        .map_err(|list| load::findings(runbook.source(), &list, common))?;
    let (providers, secrets) = runbook.providers();
    let secrets = around.credential_secrets(providers, secrets)?;
    let cx = around.cx(Carries::ReadsOnly, providers, None, secrets)?;
    accounts::check_callers(&cx, providers, region(&items, 0)).await?;
    let bar = rehearse::progress(common);
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} reads");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let reads = parity::read(&items, &cx, |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    })
    .await;
    bar.finish_and_clear();
    let today = around.clock.now().to_zoned(TimeZone::UTC).date();
    Ok(Survey { sites: sites.map(Clone::clone), resources: items.len(), found: parity::compare(&items, reads, today) })
}

impl Survey {
    fn heading<'a>(&'a self, runbook: &'a Runbook, views: &'a [SiteView]) -> ParityHeading<'a> {
        let region = |site: &SiteId| views.iter().find(|view| view.id == *site)?.region.as_deref();
        ParityHeading {
            runbook: runbook.name(),
            sites: [0, 1].map(|side| (self.sites[side].as_str(), region(&self.sites[side]))),
            resources: self.resources,
        }
    }

    fn print(&self, runbook: &Runbook, common: &Common) {
        let views = runbook.sites();
        let heading = self.heading(runbook, &views);
        match common.format {
            Format::Json => println!("{:#}", report::parity_json(&heading, &self.found)),
            _ => {
                print!("{}", report::parity_screen(&heading, &self.found, &Style::stdout()));
            }
        }
    }
}

fn nothing_declared() -> Trouble {
    Trouble::usage("the runbook does not say what must be equal at its sites")
        .hint("add a list `parity:`; `lifeboat kinds` lists the kinds of resource that it compares")
}

/// The sites to compare: those that were named, or the only two.
fn sites(named: &[String], runbook: &Runbook) -> Result<[SiteId; 2], Trouble> {
    let known: Vec<SiteId> = runbook.sites().into_iter().map(|site| site.id).collect();
    let chosen: Vec<SiteId> =
        if named.is_empty() { known.clone() } else { named.iter().map(|name| SiteId::new(name.as_str())).collect() };
    let names: Vec<&str> = known.iter().map(SiteId::as_str).collect();
    let [left, right] = <[SiteId; 2]>::try_from(chosen).map_err(|_| {
        Trouble::usage("with more than two sites, the two to compare must be named")
            .hint(format!("add `--sites SITE SITE`: two of {}", names.join(", ")))
    })?;
    if left == right {
        return Err(Trouble::usage(format!("{left} cannot be compared with itself"))
            .hint(format!("name two of {}", names.join(", "))));
    }
    Ok([left, right])
}

fn region(items: &[ParityItem], side: usize) -> Option<&str> {
    items.iter().find_map(|item| item.sides[side].place.region.as_ref()).map(lifeboat_contract::Region::as_str)
}
