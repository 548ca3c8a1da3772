//! `lifeboat rehearse`: runs a runbook in a simulated world with everything going wrong that can, and judges the world.

use super::{
    args::{Common, Format, IntentArgs, ModeArg, RehearseArgs},
    exit::Exit,
    intent, load,
    trouble::Trouble,
    world,
};
use crate::{
    rehearse::{self, BadScript, Budget, Explored, Extent, NoScenario, Progress, Scenario, Script},
    runbook::ResolvedRunbook,
    wiring,
};
use indicatif::{ProgressBar, ProgressStyle};
use lifeboat_contract::{Clock as _, SiteId, SystemClock, clock};
use lifeboat_simulated::World;
use std::{io::IsTerminal as _, thread, time::Duration};

/// How many pairs are tried where nobody says otherwise, and how many single faults in a hurry.
const PAIRS: usize = 2000;
const QUICK: usize = 200;

pub(super) fn rehearse(args: &RehearseArgs, common: &Common) -> Result<Exit, Trouble> {
    let catalog = wiring::catalog();
    let source = load::source(&args.path, common)?;
    let runbook = load::runbook(&source, &catalog, common)?;
    let sites: Vec<SiteId> = runbook.sites().iter().map(|site| site.id.clone()).collect();
    let resolve = |typed: &IntentArgs| -> Result<ResolvedRunbook, Trouble> {
        let intent = intent::of(typed, &sites)?;
        runbook.resolve(&catalog, &intent).map_err(|list| load::findings(&source, &list, common))
    };
    let resolved = resolve(&args.intent)?;
    let (source_of_world, document) = load::world(&args.world, common)?;
    let mut world = World::build(&document).map_err(|list| load::findings(&source_of_world, &list, common))?;
    if let Some(site) = &args.starting_at {
        let there = resolve(&towards(&args.intent, site))?;
        let scenario = Scenario::plan(&there, wiring::catalog(), world, common.allow_commands).map_err(no_scenario)?;
        world = rehearse::world_after(&scenario).map_err(no_scenario)?;
    }
    begin(&mut world, args)?;
    let scenario = Scenario::plan(&resolved, wiring::catalog(), world, common.allow_commands).map_err(no_scenario)?;
    let scripts: Result<Vec<Script>, _> = args.replay.iter().map(|text| text.parse()).collect();
    let scripts = scripts.map_err(|error: BadScript| Trouble::caused(Exit::Usage, error))?;
    let only = (!scripts.is_empty()).then_some(scripts);
    let bar = progress(common);
    let began = SystemClock.now();
    let explored = rehearse::explore(&scenario, &extent(args, only), &|progress| show(&bar, progress));
    bar.finish_and_clear();
    let explored = explored.map_err(no_scenario)?;
    match common.format {
        Format::Json => println!("{:#}", rehearse::json(&explored, &scenario)),
        Format::Junit => {
            let document = rehearse::junit(&explored, &scenario, &command(args));
            println!("{}", document.map_err(|error| Trouble::caused(Exit::Bug, error))?);
        }
        Format::Markdown => print!("{}", rehearse::markdown(&explored, &scenario, &command(args))),
        _ => print!("{}", rehearse::text(&explored, &scenario, &command(args))),
    }
    if !common.quiet {
        // What depends on the machine is no part of the result.
        eprintln!("{}", effort(&explored, clock::until(began, SystemClock.now())));
    }
    Ok(if explored.violations() > 0 { Exit::Violated } else { Exit::Completed })
}

fn extent(args: &RehearseArgs, only: Option<Vec<Script>>) -> Extent {
    let pairs = match args.budget {
        _ if only.is_some() => Budget::None,
        Some(budget) => budget,
        None if args.depth > 1 => Budget::Count(PAIRS),
        None => Budget::None,
    };
    let jobs = args.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, std::num::NonZero::get));
    Extent { only, singles_max: args.quick.then_some(QUICK), pairs, jobs }
}

/// How much was done, how fast, and with how much memory.
fn effort(explored: &Explored, took: Duration) -> String {
    let (simulated, real) = (explored.performed.as_secs_f64(), took.as_secs_f64().max(0.001));
    let memory = peak_memory().map_or_else(String::new, |mib| format!(", at most {mib} MiB of memory"));
    format!("{simulated:.0} simulated seconds in {real:.1} s: {:.0} in each{memory}", simulated / real)
}

/// The most memory that this process has had, in MiB, where the system tells it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok().map(|kib| kib / 1024)
}

/// The switchover to another site, with the same inputs.
fn towards(typed: &IntentArgs, site: &str) -> IntentArgs {
    IntentArgs {
        to: Some(site.to_owned()),
        from: typed.to.clone(),
        mode: ModeArg::Switchover,
        accept_data_loss: None,
        impaired: Vec::new(),
        inputs: typed.inputs.clone(),
    }
}

/// Lets happen what was asked for before every rehearsal.
fn begin(world: &mut World, args: &RehearseArgs) -> Result<(), Trouble> {
    if let Some(name) = &args.incident
        && !world.begin_incident(name)
    {
        return Err(world::unknown_incident(name, world));
    }
    if let Some(after) = args.after {
        world.advance(clock::after(world.now(), after.get()));
    }
    Ok(())
}

fn no_scenario(error: NoScenario) -> Trouble {
    let hint = match &error {
        NoScenario::Never(_) => "mend `never` in the world's file: it speaks of cluster, database, client and figures",
        _ => "`lifeboat plan` with the same words shows the whole plan",
    };
    Trouble::caused(Exit::Refused, error).hint(hint)
}

pub(super) fn progress(common: &Common) -> ProgressBar {
    if common.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    ProgressBar::new(0)
}

/// What is left is reckoned from what the rehearsals so far took. A budget of time knows it exactly.
fn show(bar: &ProgressBar, progress: Progress) {
    let (template, done, all) = match progress {
        Progress::Singles { done, all } => {
            ("{bar:40} {pos} of {len} rehearsals, about {eta} left", done as u64, all as u64)
        }
        Progress::Pairs { done, budget: Budget::Time(all), spent } => {
            bar.set_message(format!("{done} pairs"));
            ("{bar:40} {msg}, {pos} of {len} s", spent.as_secs(), all.as_secs())
        }
        Progress::Pairs { done, budget: Budget::Count(all), .. } => {
            ("{bar:40} {pos} of {len} pairs, about {eta} left", done as u64, all as u64)
        }
        Progress::Pairs { budget: Budget::None, .. } => return,
    };
    if bar.length() != Some(all) {
        bar.reset();
        bar.set_length(all);
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    }
    bar.set_position(done);
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
    if typed.mode == ModeArg::Failover {
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
    if let Some(site) = &args.starting_at {
        add("--starting-at", site);
    }
    if let Some(incident) = &args.incident {
        add("--incident", incident);
    }
    if let Some(after) = args.after {
        add("--after", &after.to_string());
    }
    words
}
