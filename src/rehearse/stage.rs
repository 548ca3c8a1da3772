//! One rehearsal: the run, its deaths and its lives after them, in virtual time.

use super::{
    fault::{Fault, Policy, Script},
    memory::{Death, Disk, Memory},
    scenario::{NoScenario, Scenario, surroundings},
    witness::{Sent, Witness},
};
use crate::{
    engine::{Approver, Cancel, Declined, Engine, Notice, Reporter, RunState, Setting, Standing},
    journal::{self, CloudChoice, Identity, Journal, Journaled, PauseReason, Record, RunOutcome},
};
use lifeboat_contract::{Chance, RunId, SharedClock, SharedWire, StepId, TokioClock, wire::BoxFuture};
use lifeboat_simulated::{SimulatedCloud, World};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// How often a run is gone on with before it is left as it stands.
const LIVES_MAX: u32 = 4;
/// Whatever was still in the air has landed by then.
const AFTERWARDS: Duration = Duration::from_mins(5);

/// How a rehearsal ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The process died before the run had a journal.
    NotBegun,
    Completed,
    /// Ended as the runbook declares for a failed step.
    Failed,
    RolledBack,
    Paused(String),
    Stuck(String),
    /// The program itself broke.
    Broke(String),
}

/// What a rehearsal left behind.
#[derive(Debug)]
pub struct Performance {
    pub ending: Ending,
    pub records: Vec<Journaled>,
    pub sent: Vec<Sent>,
    /// The journal's bytes.
    pub journal: Vec<u8>,
    /// The world a while after the end.
    pub world: World,
    /// How long the run took, deaths included, in the world's seconds.
    pub took: Duration,
}

/// Runs a future in virtual time, on a runtime of its own.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without threads can be built").block_on(future)
}

/// Performs one script.
pub(super) fn perform(scenario: &Scenario, script: &Script) -> Result<Performance, NoScenario> {
    block_on(Stage::new(scenario, script).perform())
}

struct Stage<'a> {
    scenario: &'a Scenario,
    script: &'a Script,
    cloud: Arc<SimulatedCloud>,
    clock: SharedClock,
    disk: Disk,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl<'a> Stage<'a> {
    fn new(scenario: &'a Scenario, script: &'a Script) -> Self {
        let mut world = scenario.world.clone();
        for fault in &script.faults {
            if let Fault::Request(place, injected) = fault {
                world.inject(scenario.world.requests() + place + 1, *injected);
            }
        }
        let clock: SharedClock = Arc::new(TokioClock::starting_at(world.now(), 1));
        let cloud = Arc::new(SimulatedCloud::new(world, clock.clone(), 1, None));
        Self { scenario, script, cloud, clock, disk: Disk::default(), sent: Arc::default() }
    }

    async fn perform(self) -> Result<Performance, NoScenario> {
        let began = self.clock.now();
        let mut ending = self.live(&[], true).await?;
        let mut lives = 1;
        while lives < LIVES_MAX {
            let Some(first) = self.next_life(ending.as_deref(), lives) else { break };
            ending = self.live(&first, false).await?;
            lives += 1;
        }
        let ending = self.judge_end(ending);
        let took = lifeboat_contract::clock::until(began, self.clock.now());
        tokio::time::sleep(AFTERWARDS).await;
        let journal = self.bytes();
        let records = journal::read(&journal).map(|reading| reading.lines).unwrap_or_default();
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Performance { ending, records, sent, journal, world: self.cloud.world(), took })
    }

    /// One life of the process: until the run leaves the engine, or death. Returns what broke, if anything did.
    async fn live(&self, first: &[Record], with_faults: bool) -> Result<Option<String>, NoScenario> {
        let death = Arc::new(Death::default());
        let faults: &[Fault] = if with_faults { &self.script.faults } else { &[] };
        let of = |pick: fn(&Fault) -> Option<u64>| faults.iter().find_map(pick);
        let witness = Witness {
            cloud: self.cloud.clone(),
            death: death.clone(),
            disk: self.disk.clone(),
            sent: self.sent.clone(),
            dies_before: of(|fault| if let Fault::KilledBeforeRequest(n) = fault { Some(*n) } else { None }),
            dies_after: of(|fault| if let Fault::KilledAfterRequest(n) = fault { Some(*n) } else { None }),
        };
        let (interrupts, cancel) = watch::channel(0);
        let storage = Memory {
            disk: self.disk.clone(),
            death: death.clone(),
            dies_after: of(|fault| if let Fault::KilledAfterRecord(n) = fault { Some(*n) } else { None }),
            dies_before: of(|fault| if let Fault::KilledBeforeRecord(n) = fault { Some(*n) } else { None }),
            full_from: of(|fault| if let Fault::JournalFull(n) = fault { Some(*n) } else { None }),
            interrupts_at: of(|fault| if let Fault::Interrupted(n) = fault { Some(*n) } else { None }),
            interrupts,
        };
        let wire: SharedWire = Arc::new(witness);
        let cx = surroundings(wire, self.clock.clone(), self.scenario.commands_allowed)?;
        let (journal, state) = match self.open(storage) {
            Ok(opened) => opened,
            Err(why) => return Ok(Some(why)),
        };
        let setting = Setting {
            catalog: &self.scenario.catalog,
            cx,
            chance: Chance::seeded(self.scenario.world.seed()),
            cancel: Cancel::new(cancel),
            approver: &Anybody,
            mutation: self.scenario.mutation,
        };
        let mut silent = Silent;
        let engine = match Engine::new(journal, state, &mut silent, setting) {
            Ok(engine) => engine,
            Err(error) => return Ok(Some(error.to_string())),
        };
        for record in first {
            if let Err(error) = engine.note(record) {
                return Ok(Some(error.to_string()));
            }
        }
        tokio::select! {
            biased;
            () = death.comes() => {}
            // A journal that could not be written ends the process as a death does: what it holds is looked at next.
            _ = engine.run() => {}
        }
        Ok(None)
    }

    fn open(&self, storage: Memory) -> Result<(Journal<Memory>, RunState), String> {
        let bytes = self.bytes();
        let writer = "rehearsal".to_owned();
        if bytes.is_empty() {
            let plan = Box::new(self.scenario.plan.clone());
            let record =
                Record::RunOpened { run: RunId::new("rehearsal"), plan, by: nobody(), cloud: CloudChoice::Real };
            let at = self.clock.now();
            let mut journal = Journal::new(storage, writer);
            journal.append(at, &record).map_err(|error| error.to_string())?;
            let state = RunState::open(at, &record).map_err(|error| error.to_string())?;
            return Ok((journal, state));
        }
        let reading = journal::read(&bytes).map_err(|error| error.to_string())?;
        let state = RunState::replay(&reading.lines).map_err(|error| error.to_string())?;
        Ok((Journal::after(storage, writer, &reading), state))
    }

    /// What the operator types next. Nothing where nothing is left to do, or the same would come again.
    fn next_life(&self, broke: Option<&str>, lives: u32) -> Option<Vec<Record>> {
        let state = self.state().filter(|_| broke.is_none())?;
        let by = nobody();
        match (&state.standing, self.script.policy) {
            (Standing::Ended(RunOutcome::Stuck), _) if lives < 3 => Some(vec![Record::Resumed { by }]),
            (Standing::Ended(_), _) => None,
            // It goes backwards by itself already, or cannot.
            (_, Policy::Rollback) if state.no_return().is_none() && lives == 1 => {
                let reason = "asked for in the rehearsal".to_owned();
                Some(vec![Record::RollbackStarted { reason, past_no_return: false, by: Some(by) }])
            }
            (Standing::Paused(PauseReason::ApprovalNeeded { step }), _) => {
                let plan = state.plan.digest.clone();
                Some(vec![Record::Approved { step: step.clone(), by: by.clone(), plan }, Record::Resumed { by }])
            }
            _ => Some(vec![Record::Resumed { by }]),
        }
    }

    fn judge_end(&self, broke: Option<String>) -> Ending {
        if let Some(why) = broke {
            // A journal that cannot take its first record is a run that never began.
            return if self.bytes().is_empty() { Ending::NotBegun } else { Ending::Broke(why) };
        }
        let Some(state) = self.state() else { return Ending::NotBegun };
        let failure = || {
            let steps =
                state.plan.steps.iter().filter_map(|step| Some((&step.id, state.steps[&step.id].failure.as_ref()?)));
            let list: Vec<String> = steps.map(|(step, failure)| format!("{step} ({})", failure.code)).collect();
            list.join(", ")
        };
        match &state.standing {
            Standing::Ended(RunOutcome::Completed) => Ending::Completed,
            Standing::Ended(RunOutcome::Failed) => Ending::Failed,
            Standing::Ended(RunOutcome::RolledBack) => Ending::RolledBack,
            Standing::Ended(RunOutcome::Stuck) => Ending::Stuck(failure()),
            Standing::Paused(reason) => match reason {
                PauseReason::StepFailed { .. } | PauseReason::NoReturn { .. } => Ending::Paused(failure()),
                PauseReason::Interrupted => Ending::Paused("interrupted".to_owned()),
                PauseReason::ApprovalNeeded { step } => Ending::Paused(format!("{step} awaits an approval")),
            },
            Standing::Running => Ending::Broke("the run has neither ended nor paused".to_owned()),
        }
    }

    fn state(&self) -> Option<RunState> {
        let reading = journal::read(&self.bytes()).ok()?;
        RunState::replay(&reading.lines).ok()
    }

    fn bytes(&self) -> Vec<u8> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn nobody() -> Identity {
    Identity { name: "rehearsal".to_owned(), host: "rehearsal".to_owned() }
}

struct Silent;

impl Reporter for Silent {
    fn notice(&mut self, _: &Notice<'_>) -> std::io::Result<()> {
        Ok(())
    }
}

/// Approves everything: what a person judges is not rehearsed.
struct Anybody;

impl Approver for Anybody {
    fn ask<'a>(&'a self, _: &'a StepId, _: Option<&'a str>) -> BoxFuture<'a, Option<Result<Identity, Declined>>> {
        Box::pin(async { Some(Ok(nobody())) })
    }
}
