//! `lifeboat rehearse`: runs a runbook in a simulated world with everything going wrong that can, and judges the world.

use super::{
    args::{Common, Format, RehearseArgs},
    exit::Exit,
    intent, load,
    trouble::Trouble,
    world,
};
use crate::{
    rehearse::{self, NoScenario, Scenario, Script},
    wiring,
};
use indicatif::{ProgressBar, ProgressStyle};
use lifeboat_contract::{SiteId, clock};
use lifeboat_simulated::World;
use std::{io::IsTerminal as _, thread};

pub(super) fn rehearse(args: &RehearseArgs, common: &Common) -> Result<Exit, Trouble> {
    let catalog = wiring::catalog();
    let source = load::source(&args.path, common)?;
    let runbook = load::runbook(&source, &catalog, common)?;
    let sites: Vec<SiteId> = runbook.sites().iter().map(|site| site.id.clone()).collect();
    let intent = intent::of(&args.intent, &sites)?;
    let resolved = runbook.resolve(&catalog, &intent).map_err(|list| load::findings(&source, &list, common))?;
    let world = begin(args, common)?;
    let scenario = Scenario::plan(&resolved, catalog, world, common.allow_commands).map_err(no_scenario)?;
    let only = match &args.replay {
        Some(text) => Some(vec![text.parse::<Script>().map_err(|error| Trouble::caused(Exit::Usage, error))?]),
        None => None,
    };
    let jobs = args.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, std::num::NonZero::get));
    let bar = progress(common);
    let explored = rehearse::explore(&scenario, only.as_deref(), jobs, &|done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let explored = explored.map_err(no_scenario)?;
    match common.format {
        Format::Json => println!("{:#}", rehearse::json(&explored, &scenario)),
        Format::Text | Format::Lines | Format::Github => {
            print!("{}", rehearse::text(&explored, &scenario, &command(args)));
        }
    }
    Ok(if explored.violated().next().is_some() { Exit::Violated } else { Exit::Completed })
}

/// The world in which every rehearsal begins: anew from its document, with the incident that was asked for.
fn begin(args: &RehearseArgs, common: &Common) -> Result<World, Trouble> {
    let (source, document) = load::world(&args.world, common)?;
    let mut world = World::build(&document).map_err(|list| load::findings(&source, &list, common))?;
    if let Some(name) = &args.incident
        && !world.begin_incident(name)
    {
        return Err(world::unknown_incident(name, &world));
    }
    if let Some(after) = args.after {
        world.advance(clock::after(world.now(), after.get()));
    }
    Ok(world)
}

fn no_scenario(error: NoScenario) -> Trouble {
    Trouble::caused(Exit::Refused, error).hint("`lifeboat plan` with the same words shows the whole plan")
}

fn progress(common: &Common) -> ProgressBar {
    if common.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} rehearsals, about {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The words that were typed, without a replay.
fn command(args: &RehearseArgs) -> String {
    let mut words = format!("lifeboat rehearse {} --world {}", args.path.display(), args.world.display());
    let mut add = |word: &str, value: &str| {
        words.extend([" ", word, " ", value]);
    };
    let typed = &args.intent;
    if let Some(to) = &typed.to {
        add("--to", to);
    }
    if let Some(from) = &typed.from {
        add("--from", from);
    }
    if typed.mode == super::args::ModeArg::Failover {
        add("--mode", "failover");
    }
    if let Some(loss) = &typed.accept_data_loss {
        add("--accept-data-loss", loss);
    }
    for region in &typed.impaired {
        add("--impaired", region);
    }
    for input in &typed.inputs {
        add("--input", input);
    }
    if let Some(incident) = &args.incident {
        add("--incident", incident);
    }
    if let Some(after) = args.after {
        add("--after", &after.to_string());
    }
    words
}
