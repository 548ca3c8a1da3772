//! Executes what `decide` says: one loop, and one future for each step under way.
//!
//! Never drops a future in flight but on the operator's second interrupt. Holds no policy of its own.

use super::{
    Mutation, Reporter,
    decide::{Command, decide, skip_reason},
    ledger::{Halt, Ledger},
    state::{RunState, StepPhase},
};
use crate::{
    journal::{Identity, Journal, JournalError, PauseReason, Record, StepOutcome, Storage},
    plan::Skip,
    runbook::{Body, decode_planned},
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use lifeboat_contract::{Catalog, Chance, Cx, StepId, clock, wire::BoxFuture};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    pin::Pin,
    time::Duration,
};
use tokio::sync::watch;

/// The operator's interrupts: one asks to pause, two ask to stop waiting.
#[derive(Debug, Clone)]
pub struct Cancel(watch::Receiver<u32>);

impl Cancel {
    pub fn new(interrupts: watch::Receiver<u32>) -> Self {
        Self(interrupts)
    }

    /// Never interrupted.
    pub fn never() -> Self {
        Self(watch::channel(0).1)
    }

    pub fn requested(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Returns at the `count`th interrupt; never, when nobody can interrupt any more.
    pub async fn at_least(&self, count: u32) {
        let mut interrupts = self.0.clone();
        if interrupts.wait_for(|seen| *seen >= count).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Asks the operator for an approval, where there is one to ask.
pub trait Approver {
    /// `None`: nobody can be asked now, the run pauses. Otherwise who approved, or that it was declined.
    fn ask<'a>(
        &'a self,
        step: &'a StepId,
        message: Option<&'a str>,
    ) -> BoxFuture<'a, Option<Result<Identity, Declined>>>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declined;

/// What an engine works with.
pub struct Setting<'a> {
    pub catalog: &'a Catalog,
    pub cx: Cx,
    pub chance: Chance,
    pub cancel: Cancel,
    pub approver: &'a dyn Approver,
    /// A bug for a test to find. Nothing else sets it.
    pub mutation: Option<Mutation>,
}

/// Executes one run.
pub struct Engine<'a, S> {
    pub(super) ledger: Ledger<'a, S>,
    pub(super) bodies: BTreeMap<StepId, Body>,
    pub(super) cx: Cx,
    pub(super) chance: Chance,
    pub(super) cancel: Cancel,
    pub(super) approver: &'a dyn Approver,
    mutation: Option<Mutation>,
}

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("step {step} of the journaled plan cannot be read by this program: {why}")]
    Undecodable { step: StepId, why: String },
    #[error(transparent)]
    Journal(JournalError),
}

/// How a run left the engine.
#[derive(Debug)]
pub struct Left {
    pub state: RunState,
    /// Why the reports ended early, if they did.
    pub reporter_error: Option<io::Error>,
}

type Work<'f> = Pin<Box<dyn Future<Output = (StepId, Result<(), Halt>)> + 'f>>;

impl<'a, S: Storage> Engine<'a, S> {
    pub fn new(
        journal: Journal<S>,
        state: RunState,
        reporter: &'a mut dyn Reporter,
        setting: Setting<'a>,
    ) -> Result<Self, EngineError> {
        let mut bodies = BTreeMap::new();
        for step in &state.plan.steps {
            let body = decode_planned(setting.catalog, &step.kind, &step.with, step.undo.as_ref())
                .map_err(|error| EngineError::Undecodable { step: step.id.clone(), why: error.to_string() })?;
            bodies.insert(step.id.clone(), body);
        }
        let ledger = Ledger::new(journal, state, reporter, setting.cx.clock.clone());
        Ok(Self {
            ledger,
            bodies,
            cx: setting.cx,
            chance: setting.chance,
            cancel: setting.cancel,
            approver: setting.approver,
            mutation: setting.mutation,
        })
    }

    pub(super) fn has(&self, mutation: Mutation) -> bool {
        mutation.is(self.mutation)
    }

    /// Journals a fact that comes from outside: a resume, an approval, an override, the order to roll back.
    pub fn note(&self, record: &Record) -> Result<(), EngineError> {
        self.ledger.record(record).map_err(|Halt(error)| EngineError::Journal(error))
    }

    /// Goes on until the run is completed, rolled back, paused or stuck.
    pub async fn run(self) -> Result<Left, EngineError> {
        let result = self.drive_on().await;
        let (state, reporter_error) = self.ledger.into_state();
        result.map(|()| Left { state, reporter_error }).map_err(|Halt(error)| EngineError::Journal(error))
    }

    async fn drive_on(&self) -> Result<(), Halt> {
        let mut busy = BTreeSet::new();
        let mut under_way: FuturesUnordered<Work<'_>> = FuturesUnordered::new();
        loop {
            let commands = decide(&self.ledger.state(), &busy, self.cancel.requested());
            let mut decided_again = false;
            for command in commands {
                match command {
                    Command::Work(step) => {
                        busy.insert(step.clone());
                        under_way.push(Box::pin(async move { (step.clone(), self.work(&step).await) }));
                    }
                    Command::Undo(step) => {
                        busy.insert(step.clone());
                        under_way.push(Box::pin(async move { (step.clone(), self.undo(&step).await) }));
                    }
                    Command::Skip(step) => {
                        self.ledger.record(&self.skipped(step))?;
                        decided_again = true;
                    }
                    Command::StartRollback(reason) => {
                        self.ledger.record(&Record::RollbackStarted { reason, past_no_return: false, by: None })?;
                        decided_again = true;
                    }
                    Command::Pause(reason) => return self.ledger.record(&Record::Paused { reason }),
                    Command::End(outcome) => return self.ledger.record(&Record::RunEnded { outcome }),
                }
            }
            if decided_again {
                continue;
            }
            let ended = tokio::select! {
                biased;
                () = self.cancel.at_least(2) => {
                    // What is in flight stays of unknown outcome: its attempt has no recorded end.
                    return self.ledger.record(&Record::Paused { reason: PauseReason::Interrupted });
                }
                ended = under_way.next() => ended,
            };
            let (step, result) = ended.expect("a running run without work under way always gets a command");
            busy.remove(&step);
            if let Err(halt) = result {
                // Siblings stop at their next record; what they have in flight is waited for.
                while under_way.next().await.is_some() {}
                return Err(halt);
            }
        }
    }

    async fn work(&self, id: &StepId) -> Result<(), Halt> {
        match &self.bodies[id] {
            Body::Change(change) => self.change(id, change.as_ref()).await,
            Body::Check(check) => self.check(id, check.as_ref()).await,
            Body::Task { task, .. } => self.task(id, task.as_ref()).await,
            Body::Wait(duration) => self.wait(id, *duration).await,
            Body::Approval { message } => self.approval(id, message.as_deref()).await,
        }
    }

    fn skipped(&self, step: StepId) -> Record {
        let state = self.ledger.state();
        let skip = state.planned(&step).skip.clone().expect("only a step with a reason to is skipped");
        let outcome = match skip {
            Skip::Condition(_) => StepOutcome::Skipped,
            Skip::Impaired(_) => StepOutcome::Owed,
        };
        Record::StepSkipped { reason: skip_reason(&skip), step, outcome }
    }

    /// Waits, but not past an interrupt.
    pub(super) async fn pause(&self, pause: Duration) {
        tokio::select! {
            biased;
            () = self.cancel.at_least(1) => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    pub(super) async fn pause_until(&self, at: jiff::Timestamp) {
        self.pause(clock::until(self.cx.clock.now(), at)).await;
    }

    pub(super) fn phase(&self, id: &StepId) -> StepPhase {
        self.ledger.state().steps[id].phase.clone()
    }

    /// The surroundings of one step.
    pub(super) fn cx_of(&self, id: &StepId) -> Cx {
        let state = self.ledger.state();
        let run = state.planned(id).run_context(&state.plan);
        self.cx.for_run(std::sync::Arc::new(run))
    }
}
