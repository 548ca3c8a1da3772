//! Opens and continues runs: lock, journal, engine, closing screen.

use super::{
    args::{Common, Format},
    cloud::{self, Carries, Surroundings},
    exit::Exit,
    operator, report as report_command,
    trouble::Trouble,
};
use crate::{
    engine::{Cancel, Engine, Reporter, RunState, Setting, Standing},
    journal::{FileStorage, Holder, Identity, Journal, Mortal, Record, RunFiles, RunLock, StateDirectory},
    plan::Plan,
    report::{self, ReportPath, Style},
};
use jiff::Timestamp;
use lifeboat_contract::{CellKey, RunId};
use std::{
    collections::BTreeSet,
    io::{self, IsTerminal as _},
};

/// What runs are executed with: all that a command begins has the same.
pub(super) struct Session<'a> {
    pub(super) store: &'a StateDirectory,
    pub(super) around: &'a Surroundings,
    pub(super) common: &'a Common,
    pub(super) cancel: Cancel,
}

/// A run as it left the engine, and what the simulated world measured, where there is one.
pub(super) struct Ran {
    pub(super) state: RunState,
    pub(super) world: Option<serde_json::Value>,
}

/// A run as its journal tells.
pub(super) struct Found {
    pub(super) files: RunFiles,
    pub(super) state: RunState,
    pub(super) reading: crate::journal::Reading,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        store: &'a StateDirectory,
        around: &'a Surroundings,
        common: &'a Common,
    ) -> Result<Self, Trouble> {
        let cancel = operator::interrupts(around.is_virtual(), common.quiet)
            .map_err(|error| Trouble::caused(Exit::Refused, error))?;
        Ok(Self { store, around, common, cancel })
    }

    /// For what looks and changes nothing: an interrupt ends the program, as the system does it.
    pub(super) fn without_interrupts(store: &'a StateDirectory, around: &'a Surroundings, common: &'a Common) -> Self {
        Self { store, around, common, cancel: Cancel::never() }
    }

    /// Begins a run and goes on until it leaves the engine.
    pub(super) async fn begin(&self, plan: Plan) -> Result<Ran, Trouble> {
        let Self { store, around, .. } = self;
        let by = operator::identity();
        let files = store.new_run(around.clock.now(), &around.chance);
        let lock = take_lock(store, &plan, &files.run, &by, around)?;
        let (journal, state) = {
            let _gate = store.gate()?;
            refuse_shared_cells(store, &plan)?;
            files.create()?;
            let storage =
                FileStorage::create(&files.journal()).map_err(|error| Trouble::caused(Exit::Refused, error))?;
            let mut journal = Journal::new(Mortal::new(storage), writer(&by));
            let at = around.clock.now();
            let record =
                Record::RunOpened { run: files.run.clone(), plan: Box::new(plan), by, cloud: around.choice.clone() };
            journal.append(at, &record).map_err(crate::engine::EngineError::Journal)?;
            (journal, RunState::open(at, &record)?)
        };
        self.go(&files, journal, state, &[], lock).await
    }

    /// Goes on with a run after noting what the operator decided.
    pub(super) async fn go_on(&self, found: Found, first: &[Record]) -> Result<Ran, Trouble> {
        let by = operator::identity();
        let lock = take_lock(self.store, &found.state.plan, &found.files.run, &by, self.around)?;
        let storage = FileStorage::reopen(&found.files.journal(), found.reading.valid_bytes).map_err(|error| {
            Trouble::caused(Exit::LockHeld, error).hint("`lifeboat status` shows the run without taking it over")
        })?;
        let journal = Journal::after(Mortal::new(storage), writer(&by), &found.reading);
        self.go(&found.files, journal, found.state, first, lock).await
    }

    async fn go(
        &self,
        files: &RunFiles,
        journal: Journal<Mortal>,
        state: RunState,
        first: &[Record],
        lock: RunLock,
    ) -> Result<Ran, Trouble> {
        let Self { around, common, .. } = self;
        let secrets = cloud::secrets(&state.plan.secrets)?;
        let cx = around.cx(Carries::Everything, &state.plan.providers, Some(&files.audit()), secrets)?;
        let (mut reporter, screen) = reporter(common, around);
        let terminal = operator::Terminal { screen };
        let cancel = self.cancel.clone();
        let setting = Setting {
            catalog: &around.catalog,
            cx,
            chance: around.chance.clone(),
            cancel,
            approver: &terminal,
            mutation: None,
        };
        let engine = Engine::new(journal, state, reporter.as_mut(), setting)?;
        for record in first {
            engine.note(record)?;
        }
        let left = engine.run().await?;
        drop(reporter);
        if let Some(error) = left.reporter_error {
            eprintln!("note: the progress could not be shown to its end: {error}");
        }
        let world = around.close()?;
        keep_figures(files, world.as_ref());
        keep_series(files, around, left.state.opened_at);
        if left.state.is_finished() {
            lock.release().map_err(|error| Trouble::caused(Exit::Refused, error))?;
        }
        Ok(Ran { state: left.state, world })
    }

    /// Whether a run of this plan could begin now.
    pub(super) fn check_free(&self, plan: &Plan) -> Result<(), Trouble> {
        let nobody = RunId::new("drill");
        let lock = take_lock(self.store, plan, &nobody, &operator::identity(), self.around)?;
        lock.release().map_err(|error| Trouble::caused(Exit::Refused, error))?;
        let _gate = self.store.gate()?;
        refuse_shared_cells(self.store, plan)
    }

    /// Prints how a run left the engine, and writes its reports.
    pub(super) fn tell(&self, ran: &Ran, reports: &[ReportPath], rolls_back: bool) -> Exit {
        show(&ran.state, ran.world.as_ref(), self.store, self.common);
        report_command::after_run(reports, &self.store.files(ran.state.run.clone()));
        Exit::of(&ran.state, rolls_back)
    }
}

/// Finds a run and folds its journal.
pub(super) fn find(store: &StateDirectory, wanted: &str) -> Result<Found, Trouble> {
    let files = store.find(wanted)?;
    let reading = files.read()?;
    let state = RunState::replay(&reading.lines)?;
    if let Some(torn) = reading.torn {
        eprintln!("note: the last {} bytes of the journal were not written to their end, and are dropped", torn.bytes);
    }
    Ok(Found { files, state, reading })
}

/// For later reports. They are evidence: without them a report says less, and the run is as it is.
fn keep_figures(files: &RunFiles, world: Option<&serde_json::Value>) {
    if let Some(world) = world
        && let Err(error) = std::fs::write(files.figures(), world.to_string())
    {
        eprintln!("note: what the world measured could not be kept for later reports: {error}");
    }
}

/// For later reports, as the figures are.
pub(super) fn keep_series(files: &RunFiles, around: &Surroundings, from: Timestamp) {
    if let Some(series) = around.series(from)
        && let Err(error) = std::fs::write(files.series(), series.to_string())
    {
        eprintln!("note: what the world noted over time could not be kept for later reports: {error}");
    }
}

fn show(state: &RunState, world: Option<&serde_json::Value>, store: &StateDirectory, common: &Common) {
    match common.format {
        Format::Json => println!("{:#}", report::run_json(state, world)),
        Format::Lines => {
            eprint!("{}", report::summary(state, world, &state_argument(store, common), &Style::stderr()));
        }
        _ => print!("{}", report::summary(state, world, &state_argument(store, common), &Style::stdout())),
    }
}

/// What a command to type next must carry to find the same runs.
pub(super) fn state_argument(store: &StateDirectory, common: &Common) -> String {
    if common.state.is_some() { format!(" --state {}", store.root().display()) } else { String::new() }
}

/// Bars on a terminal, lines elsewhere. The bars' screen can be taken away while a question is asked.
fn reporter(common: &Common, around: &Surroundings) -> (Box<dyn Reporter>, Option<report::Screen>) {
    if common.format == Format::Lines {
        return (Box::new(report::Lines::new(io::stdout(), Style::stdout())), None);
    }
    if common.quiet {
        return (Box::new(report::Quiet), None);
    }
    let style = Style::stderr();
    if !io::stderr().is_terminal() || common.format != Format::Text {
        return (Box::new(report::Lines::new(io::stderr(), style)), None);
    }
    let bars = report::Bars::new(style);
    let bars = if around.is_virtual() { bars } else { bars.ticking(around.clock.clone()) };
    let screen = bars.screen();
    (Box::new(bars), Some(screen))
}

fn writer(by: &Identity) -> String {
    format!("{}@{}:{}", by.name, by.host, std::process::id())
}

fn take_lock(
    store: &StateDirectory,
    plan: &Plan,
    run: &RunId,
    by: &Identity,
    around: &Surroundings,
) -> Result<RunLock, Trouble> {
    let holder = Holder {
        key: plan.lock.clone(),
        run: run.clone(),
        pid: std::process::id(),
        name: by.name.clone(),
        host: by.host.clone(),
        since: around.clock.now(),
    };
    Ok(RunLock::acquire(&store.locks(), &holder, &|run| is_open(store, run))?)
}

/// Whether a run may still change the world. One whose journal can't be read may.
fn is_open(store: &StateDirectory, run: &RunId) -> bool {
    let files = store.files(run.clone());
    if !files.journal().exists() {
        return false;
    }
    match files.read() {
        Ok(reading) if reading.lines.is_empty() => false,
        Ok(reading) => RunState::replay(&reading.lines).map_or(true, |state| !state.is_finished()),
        Err(_) => true,
    }
}

/// Two runs with different lock keys must not own the same cell.
fn refuse_shared_cells(store: &StateDirectory, plan: &Plan) -> Result<(), Trouble> {
    let own: BTreeSet<&CellKey> = plan.steps.iter().flat_map(|step| &step.touches.owns).collect();
    for files in store.runs()? {
        let reading = files.read()?;
        if reading.lines.is_empty() {
            continue;
        }
        let other = RunState::replay(&reading.lines)?;
        if other.is_finished() {
            continue;
        }
        let shared = other.plan.steps.iter().flat_map(|step| &step.touches.owns).find(|cell| own.contains(cell));
        if let Some(cell) = shared {
            let standing = match other.standing {
                Standing::Running => "is under way or was interrupted",
                Standing::Paused(_) => "is paused",
                Standing::Ended(_) => "is stuck",
            };
            return Err(Trouble::new(
                Exit::LockHeld,
                format!(
                    "run {} of {} {standing} and owns {cell}, which this run would change too",
                    other.run, other.plan.runbook.name
                ),
            )
            .hint(format!("`lifeboat status {}` shows how to end it", other.run)));
        }
    }
    Ok(())
}
