//! One rehearsal: the run, its deaths and its lives after them, in virtual time.

use super::{
    fault::{Fault, Policy, Script},
    fork::{Fork, Key, Seen},
    life::{Left, Life, Surroundings},
    log::{Log, leaves},
    memory::Memory,
    scenario::{CANARY, NoScenario, Scenario, surroundings},
    witness::{Sent, Witness},
};
use crate::{
    engine::{Approver, Cancel, Declined, Engine, Notice, Reporter, RunState, Setting, Standing},
    journal::{self, CloudChoice, Identity, Journal, Journaled, PauseReason, Reading, Record, RunOutcome},
    plan::{Plan, PlannedBody, PlannedStep},
};
use jiff::Timestamp;
use lifeboat_contract::{
    Chance, Reversal, RunId, Secrets, SharedClock, SharedWire, StepId, TokioClock, clock, wire::BoxFuture,
};
use lifeboat_simulated::{SimulatedCloud, World};
use std::{sync::Arc, time::Duration};

/// How often a run is gone on with before it is left as it stands.
const LIVES_MAX: u32 = 7;
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
    /// How much of the world's time was performed here, and not taken over from a fork.
    pub(super) performed: Duration,
    pub(super) log: Log,
    /// The states in which it was gone on with.
    pub(super) keys: Vec<Key>,
    pub(super) forks: Vec<Fork>,
}

/// How a script came out.
#[derive(Debug)]
pub(super) enum Performed {
    Whole(Box<Performance>),
    /// It came to a state from which somebody else has gone on already, having visited these before.
    Known {
        key: Key,
        before: Vec<Key>,
        performed: Duration,
    },
}

/// What one script is performed with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ways<'a> {
    /// Where it begins: at the beginning, unless told otherwise.
    pub(super) from: Option<&'a Fork>,
    /// Whether forks are kept for others.
    pub(super) keeps_forks: bool,
    /// What is known already of states in which a run is gone on with.
    pub(super) seen: Option<&'a Seen>,
}

/// Runs a future in virtual time, on a runtime of its own.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without threads can be built").block_on(future)
}

/// Performs one script, whatever is known of it.
pub(super) fn perform(scenario: &Scenario, script: &Script, ways: Ways<'_>) -> Result<Performed, NoScenario> {
    block_on(async { Stage::new(scenario, script, ways).perform().await })
}

struct Stage<'a> {
    scenario: &'a Scenario,
    policy: Policy,
    ways: Ways<'a>,
    around: Surroundings,
    clock: SharedClock,
    began: Timestamp,
    /// What the journal says, as the last life left it. Nothing before the first record.
    found: Option<Found>,
    forks: Vec<Fork>,
    keys: Vec<Key>,
}

/// A journal that was read, and what it folds to.
struct Found {
    reading: Reading,
    state: RunState,
}

impl<'a> Stage<'a> {
    fn new(scenario: &'a Scenario, script: &Script, ways: Ways<'a>) -> Self {
        let world = ways.from.map_or_else(|| scenario.world.clone(), |fork| fork.world.clone());
        let mut world = world;
        if script.faults.iter().any(Fault::is_stale) {
            world.remember_writes();
        }
        let clock: SharedClock = Arc::new(TokioClock::starting_at(world.now(), 1));
        let cloud = Arc::new(SimulatedCloud::new(world, clock.clone(), 1, None));
        let log = || {
            let log = Log::new(scenario.never.clone(), scenario.world.meddlings().into(), lasting(&scenario.plan));
            // What the undisturbed runs touch is theirs to touch.
            if script.faults.is_empty() { log.survey(leaves(&scenario.world.contents())) } else { log }
        };
        let left = ways.from.map_or_else(|| Left { log: log(), ..Left::default() }, |fork| fork.left.clone());
        let around = Surroundings::new(cloud, left, &script.faults);
        let began = scenario.world.now();
        Self {
            scenario,
            policy: script.policy,
            ways,
            around,
            clock,
            began,
            found: None,
            forks: Vec::new(),
            keys: Vec::new(),
        }
    }

    async fn perform(mut self) -> Result<Performed, NoScenario> {
        let started = self.clock.now();
        let (mut lives, mut first) = self.ways.from.map_or((0, Vec::new()), |fork| (fork.lives, fork.first.clone()));
        let mut broke = self.find();
        let ending = loop {
            if broke.is_none() {
                broke = self.live(&first, lives).await?.or_else(|| self.find());
            }
            lives += 1;
            if lives >= LIVES_MAX {
                break broke;
            }
            let Some(next) = self.next_life(broke.as_deref(), lives) else { break broke };
            first = next;
            let fork = self.fork(lives, &first);
            if let Some(seen) = self.ways.seen {
                let key = Key::of(&fork, self.policy, &self.around.pending());
                if seen.knows(&key) {
                    let performed = clock::until(started, self.clock.now());
                    return Ok(Performed::Known { key, before: self.keys, performed });
                }
                self.keys.push(key);
            }
            if self.ways.keeps_forks {
                self.forks.push(fork);
            }
        };
        let ending = self.judge_end(ending);
        let took = clock::until(self.began, self.clock.now());
        tokio::time::sleep(AFTERWARDS).await;
        let journal = self.around.disk().clone();
        let records = self.found.map(|found| found.reading.lines).unwrap_or_default();
        let sent = self.around.sent().clone();
        let log = self.around.log().clone();
        let performed = clock::until(started, self.clock.now());
        let world = self.around.cloud.world();
        let (keys, forks) = (self.keys, self.forks);
        Ok(Performed::Whole(Box::new(Performance {
            ending,
            records,
            sent,
            journal,
            world,
            took,
            performed,
            log,
            keys,
            forks,
        })))
    }

    /// Everything that the rest of the rehearsal depends on. Nothing may be under way.
    fn fork(&self, lives: u32, first: &[Record]) -> Fork {
        let around = &self.around;
        Fork {
            lives,
            first: first.to_vec(),
            left: Left {
                disk: around.disk().clone(),
                sent: around.sent().clone(),
                log: around.log().clone().unsurveyed(),
                struck: around.struck(),
            },
            world: around.cloud.world(),
        }
    }

    /// One life of the process: until the run leaves the engine, or death. Returns what broke, if anything did.
    async fn live(&mut self, first: &[Record], lives: u32) -> Result<Option<String>, NoScenario> {
        let life = Arc::new(Life::new(self.around.clone()));
        let wire: SharedWire = Arc::new(Witness(life.clone()));
        let cx = surroundings(wire, self.clock.clone(), self.scenario.commands_allowed, self.secrets())?;
        let found = self.found.take();
        let (journal, state) = match self.open(Memory(life.clone()), found) {
            Ok(opened) => opened,
            Err(why) => return Ok(Some(why)),
        };
        let chance = Chance::seeded(self.seed());
        let setting = Setting {
            catalog: &self.scenario.catalog,
            cx,
            chance: chance.clone(),
            cancel: Cancel::new(life.interrupts()),
            approver: &Anybody,
            mutation: self.scenario.mutation,
        };
        let mut scribe = Scribe { stage: self, life: &life, lives, chance, forks: Vec::new() };
        let engine = match Engine::new(journal, state, &mut scribe, setting) {
            Ok(engine) => engine,
            Err(error) => return Ok(Some(error.to_string())),
        };
        for record in first {
            match engine.note(record) {
                Ok(()) => {}
                // The command fails, and nothing has happened; the next one may do better.
                Err(_) if life.has_full_disk() => return Ok(None),
                Err(error) => return Ok(Some(error.to_string())),
            }
        }
        tokio::select! {
            biased;
            () = life.ends() => {}
            // A journal that could not be written ends the process as a death does: what it holds is looked at next.
            _ = engine.run() => {}
        }
        let forks = scribe.forks;
        self.forks.extend(forks);
        Ok(None)
    }

    /// Where chance begins at a moment at which nothing is under way: at the same one, always with the same.
    fn seed(&self) -> u64 {
        self.scenario.world.seed().wrapping_add(self.around.records())
    }

    fn secrets(&self) -> Secrets {
        Secrets::new(self.scenario.plan.secrets.keys().map(|name| (name.clone(), CANARY.to_owned())).collect())
    }

    fn open(&self, storage: Memory, found: Option<Found>) -> Result<(Journal<Memory>, RunState), String> {
        let writer = "rehearsal".to_owned();
        if let Some(Found { reading, state }) = found {
            return Ok((Journal::after(storage, writer, &reading), state));
        }
        let plan = Box::new(self.scenario.plan.clone());
        let record = Record::RunOpened { run: RunId::new("rehearsal"), plan, by: nobody(), cloud: CloudChoice::Real };
        let at = self.clock.now();
        let mut journal = Journal::new(storage, writer);
        journal.append(at, &record).map_err(|error| error.to_string())?;
        let state = RunState::open(at, &record).map_err(|error| error.to_string())?;
        Ok((journal, state))
    }

    /// Reads the journal as a next process would. Returns what is wrong with it, if anything is.
    fn find(&mut self) -> Option<String> {
        let read = || -> Result<Option<Found>, String> {
            let disk = self.around.disk();
            if disk.is_empty() {
                return Ok(None);
            }
            let reading = journal::read(&disk).map_err(|error| error.to_string())?;
            let state = RunState::replay(&reading.lines).map_err(|error| error.to_string())?;
            Ok(Some(Found { reading, state }))
        };
        match read() {
            Ok(found) => {
                self.found = found;
                None
            }
            Err(why) => Some(why),
        }
    }

    fn state(&self) -> Option<&RunState> {
        self.found.as_ref().map(|found| &found.state)
    }

    /// Others have seen to what keeps the run from going on: a lost region is back, and what was refused for good is allowed.
    fn mend(&self) {
        let struck = self.around.struck();
        let lost = struck.iter().filter_map(|fault| match fault {
            Fault::RegionLost(_, region, _) if !self.scenario.world.has_lost(region) => Some(region),
            _ => None,
        });
        self.around.cloud.disturb(|world| {
            world.relent();
            lost.for_each(|region| world.restore(region));
        });
    }

    /// What the operator types next. Nothing where nothing is left to do, or the same would come again.
    fn next_life(&self, broke: Option<&str>, lives: u32) -> Option<Vec<Record>> {
        let state = self.state().filter(|_| broke.is_none())?;
        let by = nobody();
        let back = || {
            let reason = "asked for in the rehearsal".to_owned();
            Some(vec![Record::RollbackStarted { reason, past_no_return: false, by: Some(nobody()) }])
        };
        let is_forward = state.stage == crate::engine::Stage::Forward;
        match (&state.standing, self.policy) {
            // Once more, after what keeps it was mended: what stays stuck then is for people.
            (Standing::Ended(RunOutcome::Stuck), _) if lives < 3 => {
                self.mend();
                Some(vec![Record::Resumed { by }])
            }
            (Standing::Ended(RunOutcome::Completed), Policy::Return) if state.no_return().is_none() => back(),
            (Standing::Ended(_), _) => None,
            // It goes backwards by itself already, or cannot.
            (_, Policy::Rollback) if state.no_return().is_none() && is_forward => back(),
            (Standing::Paused(PauseReason::ApprovalNeeded { step }), _) => {
                let plan = state.plan.digest.clone();
                Some(vec![Record::Approved { step: step.clone(), by: by.clone(), plan }, Record::Resumed { by }])
            }
            // The same would be refused again and again: twice is enough.
            (Standing::Paused(PauseReason::StepFailed { .. } | PauseReason::NoReturn { .. }), _) => {
                self.mend();
                (lives < 4).then(|| vec![Record::Resumed { by }])
            }
            _ => Some(vec![Record::Resumed { by }]),
        }
    }

    fn judge_end(&self, broke: Option<String>) -> Ending {
        if let Some(why) = broke {
            // A journal that cannot take its first record is a run that never began.
            return if self.around.disk().is_empty() { Ending::NotBegun } else { Ending::Broke(why) };
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
}

/// The steps whose effect cannot be undone.
fn lasting(plan: &Plan) -> Vec<StepId> {
    let lasts = |step: &&PlannedStep| match &step.body {
        PlannedBody::Change(change) => change.reversal != Reversal::Restores,
        _ => false,
    };
    plan.steps.iter().filter(lasts).map(|step| step.id.clone()).collect()
}

fn nobody() -> Identity {
    Identity { name: "rehearsal".to_owned(), host: "rehearsal".to_owned() }
}

/// Looks at the world at each record, and takes a fork where nothing is under way.
struct Scribe<'s, 'a> {
    stage: &'s Stage<'a>,
    life: &'s Life,
    lives: u32,
    chance: Chance,
    forks: Vec<Fork>,
}

impl Reporter for Scribe<'_, '_> {
    fn notice(&mut self, notice: &Notice<'_>) -> std::io::Result<()> {
        let Notice::Recorded { record, state, .. } = notice else { return Ok(()) };
        // A dead process sees nothing.
        if self.life.is_over() {
            return Ok(());
        }
        let around = &self.stage.around;
        around.log().look(&around.cloud, state);
        if !self.life.is_interrupted() && super::fork::is_at_rest(record, state) {
            self.chance.restart(self.stage.seed());
            if self.stage.ways.keeps_forks {
                self.forks.push(self.stage.fork(self.lives, &[]));
            }
        }
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

#[cfg(all(test, feature = "aws"))]
mod tests {
    use super::*;
    use crate::{
        runbook::{Intent, Source, check, document},
        wiring,
    };
    use lifeboat_contract::Mode;
    use std::collections::{BTreeMap, BTreeSet};

    fn scenario() -> Scenario {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks/overlay-vip");
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let catalog = wiring::catalog();
        let runbook = check(&Source::new("runbook.yaml", read("runbook.yaml")), &catalog).runbook.unwrap();
        let intent = Intent {
            to: "b".into(),
            from: None,
            mode: Mode::Switchover,
            accepted_loss: None,
            impaired: BTreeSet::new(),
            inputs: BTreeMap::new(),
        };
        let resolved = runbook.resolve(&catalog, &intent).unwrap();
        let node = document::parse(&Source::new("world.yaml", read("world.yaml"))).unwrap();
        let world: lifeboat_simulated::WorldDocument = document::decode(&node).unwrap();
        Scenario::plan(&resolved, catalog, World::build(&world).unwrap(), false).unwrap()
    }

    fn whole(scenario: &Scenario, script: &Script, ways: Ways<'_>) -> Performance {
        match perform(scenario, script, ways).unwrap() {
            Performed::Whole(performance) => *performance,
            Performed::Known { .. } => panic!("nothing is known"),
        }
    }

    /// What comes out does not depend on where it was taken up: with and without a fault after it.
    #[test]
    fn what_goes_on_from_a_fork_ends_as_what_was_never_interrupted() {
        let scenario = scenario();
        let keeps = Ways { keeps_forks: true, ..Ways::default() };
        let calm = Script { faults: Vec::new(), policy: Policy::Return };
        let there = whole(&scenario, &calm, keeps);
        assert!(there.forks.len() > 4, "{} forks", there.forks.len());
        let late = Fault::KilledAfterRecord(there.records.len() as u64 - 2);
        let killed = Script { faults: vec![late], policy: Policy::Return };
        for script in [calm, killed] {
            let from_scratch = whole(&scenario, &script, Ways::default());
            let before = there.forks.iter().filter(|fork| script.faults.iter().all(|fault| fork.precedes(fault)));
            for fork in before {
                let taken_up = whole(&scenario, &script, Ways { from: Some(fork), ..Ways::default() });
                assert!(taken_up.journal == from_scratch.journal, "from record {}", fork.records());
                assert!(taken_up.world == from_scratch.world, "from record {}", fork.records());
                assert_eq!((&taken_up.sent, taken_up.took), (&from_scratch.sent, from_scratch.took));
            }
        }
    }
}
