//! The state of a run: a pure fold over its records, shared by `resume`, `status`, the reporters and the tests.
//!
//! An illegal record is a typed error. Nothing here decides what to do next.

use super::intent::Intent;
use crate::{
    journal::{
        CloudChoice, Failure, Identity, Journaled, OverrideAction, PauseReason, Record, RunOutcome, StepOutcome,
        UndoOutcome,
    },
    plan::{Plan, PlannedBody, PlannedStep},
    runbook::OnFailure,
};
use jiff::Timestamp;
use lifeboat_contract::{Direction, Reversal, RunId, StepId};
use std::{collections::BTreeMap, sync::Arc};

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RunState {
    pub run: RunId,
    pub plan: Arc<Plan>,
    pub by: Identity,
    pub cloud: CloudChoice,
    pub opened_at: Timestamp,
    pub last_at: Timestamp,
    pub stage: Stage,
    pub standing: Standing,
    pub steps: BTreeMap<StepId, StepState>,
    /// Changes in the order in which they began. A rollback goes through them backwards.
    pub begun: Vec<StepId>,
    pub overrides: Vec<Override>,
    /// Failed steps in the order in which they failed: the first one's policy is the run's.
    pub failed: Vec<(StepId, OnFailure)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    Forward,
    Back { reason: String, past_no_return: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Running,
    Paused(PauseReason),
    Ended(RunOutcome),
}

#[derive(Debug, Clone, PartialEq)]
pub struct StepState {
    pub phase: StepPhase,
    /// A change's intent, once it has begun.
    pub intent: Option<Intent>,
    pub began_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub failure: Option<Failure>,
    /// The last try of a check.
    pub evidence: Option<String>,
    pub tries: u32,
    pub approved_by: Option<Identity>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum StepPhase {
    Pending,
    /// A change's intent is recorded, and nothing yet says that it settled.
    Begun,
    WaitingUntil(Timestamp),
    AwaitingApproval,
    Done(StepOutcome),
    Failed,
    Undoing,
    Undone(UndoOutcome),
    UndoFailed,
}

/// What an operator decided over the engine's head. Stands in the final report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub step: StepId,
    pub action: OverrideAction,
    pub by: Identity,
    pub reason: String,
    pub at: Timestamp,
}

/// A record that cannot follow the records before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record {record} cannot follow: {why}")]
pub struct Illegal {
    pub record: String,
    pub why: String,
}

impl StepState {
    fn new() -> Self {
        Self {
            phase: StepPhase::Pending,
            intent: None,
            began_at: None,
            ended_at: None,
            failure: None,
            evidence: None,
            tries: 0,
            approved_by: None,
        }
    }

    pub fn is_done(&self) -> bool {
        matches!(self.phase, StepPhase::Done(_))
    }

    /// Whether it is on its way there, or still to come.
    fn is_open(&self) -> bool {
        use StepPhase::{AwaitingApproval, Begun, Pending, WaitingUntil};
        matches!(self.phase, Pending | Begun | WaitingUntil(_) | AwaitingApproval)
    }

    /// Whether a rollback has to look at this step: it began, a call may have changed the world, and it is not undone yet.
    pub fn wants_undo(&self) -> bool {
        let open = matches!(
            self.phase,
            StepPhase::Begun | StepPhase::Failed | StepPhase::Undoing | StepPhase::UndoFailed | StepPhase::Done(_)
        );
        open && self.intent.as_ref().is_some_and(|intent| intent.may_have_effect)
    }

    pub fn attempts(&self) -> u32 {
        self.intent.as_ref().map_or(self.tries, |intent| intent.forward_attempts)
    }
}

impl RunState {
    /// The state after the first record.
    pub fn open(at: Timestamp, record: &Record) -> Result<Self, Illegal> {
        let Record::RunOpened { run, plan, by, cloud } = record else {
            return Err(illegal(record, "a journal begins with run_opened"));
        };
        for (index, step) in plan.steps.iter().enumerate() {
            let before = &plan.steps[..index];
            let comes_before = |id: &StepId| before.iter().any(|earlier| earlier.id == *id);
            legal(record, !comes_before(&step.id), "two steps of its plan have the same id")?;
            legal(
                record,
                step.needs.iter().all(comes_before),
                "a step of its plan needs one that does not come before it",
            )?;
        }
        Ok(Self {
            run: run.clone(),
            plan: Arc::new((**plan).clone()),
            by: by.clone(),
            cloud: cloud.clone(),
            opened_at: at,
            last_at: at,
            stage: Stage::Forward,
            standing: Standing::Running,
            steps: plan.steps.iter().map(|step| (step.id.clone(), StepState::new())).collect(),
            begun: Vec::new(),
            overrides: Vec::new(),
            failed: Vec::new(),
        })
    }

    /// The state after all of a journal's lines.
    pub fn replay(lines: &[Journaled]) -> Result<Self, Illegal> {
        let Some((first, rest)) = lines.split_first() else {
            return Err(Illegal { record: "none".to_owned(), why: "the journal is empty".to_owned() });
        };
        let mut state = Self::open(first.at, &first.record)?;
        for line in rest {
            state.fold(line.at, &line.record)?;
        }
        Ok(state)
    }

    /// Folds one more record in. On an error the state is as it was.
    pub fn fold(&mut self, at: Timestamp, record: &Record) -> Result<(), Illegal> {
        if let Some(step) = record.step() {
            let mut next = self.steps.get(step).ok_or_else(|| illegal(record, "the plan has no such step"))?.clone();
            self.require_running(record)?;
            legal(record, is_about(record, &self.planned(step).body), "the step is of another kind")?;
            self.fold_step(&mut next, at, record)?;
            self.note_step(step, &next, at, record);
            self.steps.insert(step.clone(), next);
        } else {
            self.fold_run(record)?;
        }
        self.last_at = at.max(self.last_at);
        Ok(())
    }

    /// Approvals and overrides are given to a run that is paused; everything else happens while it runs.
    fn require_running(&self, record: &Record) -> Result<(), Illegal> {
        let given_from_outside = matches!(record, Record::Approved { .. } | Record::Overridden { .. });
        match &self.standing {
            Standing::Running => Ok(()),
            Standing::Paused(_) | Standing::Ended(RunOutcome::Stuck) if given_from_outside => Ok(()),
            Standing::Paused(_) => Err(illegal(record, "the run is paused")),
            Standing::Ended(_) => Err(illegal(record, "the run has ended")),
        }
    }

    fn fold_step(&self, step: &mut StepState, at: Timestamp, record: &Record) -> Result<(), Illegal> {
        match record {
            Record::StepStarted { .. } | Record::AttemptSent { .. } | Record::AttemptEnded { .. } => {
                self.fold_intent(step, at, record)
            }
            Record::StepSettled { .. }
            | Record::StepUnchanged { .. }
            | Record::StepSkipped { .. }
            | Record::StepFailed { .. } => {
                legal(record, self.stage == Stage::Forward, "the run goes backwards")?;
                fold_end(step, at, record)
            }
            Record::UndoStarted { .. } | Record::UndoSettled { .. } | Record::UndoFailed { .. } => {
                self.fold_undo(step, at, record)
            }
            _ => self.fold_gate(step, at, record),
        }
    }

    /// What is captured, sent and answered.
    fn fold_intent(&self, step: &mut StepState, at: Timestamp, record: &Record) -> Result<(), Illegal> {
        match record {
            Record::StepStarted { before, target, reversal, .. } => {
                legal(
                    record,
                    self.stage == Stage::Forward && step.phase == StepPhase::Pending && step.intent.is_none(),
                    "the step has begun already",
                )?;
                step.phase = StepPhase::Begun;
                step.began_at = Some(step.began_at.unwrap_or(at));
                step.intent = Some(Intent::new(before.clone(), target.clone(), reversal.clone()));
            }
            Record::AttemptSent { attempt, direction, lands_by, .. } => {
                legal(record, self.pursues(step, *direction), "no intent stands for an attempt in this direction")?;
                let intent = step.intent.as_mut().ok_or_else(|| illegal(record, "the step has no intent"))?;
                legal(record, *attempt == intent.attempts(*direction) + 1, "the attempt's number does not follow")?;
                intent.send(*attempt, *direction, *lands_by);
            }
            Record::AttemptEnded { attempt, failure, visible_by, .. } => {
                let intent = step.intent.as_ref().ok_or_else(|| illegal(record, "the step has no intent"))?;
                let open = intent.last.as_ref().filter(|last| last.number == *attempt && last.end.is_none());
                let direction = open.map(|last| last.direction);
                legal(
                    record,
                    direction.is_some_and(|direction| self.pursues(step, direction)),
                    "no such attempt is open",
                )?;
                let intent = step.intent.as_mut().ok_or_else(|| illegal(record, "the step has no intent"))?;
                intent.end(at, *visible_by, failure.clone());
            }
            _ => return Err(illegal(record, "it is not about an intent")),
        }
        Ok(())
    }

    /// Whether the step is being driven in this direction.
    fn pursues(&self, step: &StepState, direction: Direction) -> bool {
        match direction {
            Direction::Forward => self.stage == Stage::Forward && step.phase == StepPhase::Begun,
            Direction::Back => step.phase == StepPhase::Undoing,
        }
    }

    /// Tries, waits, approvals and overrides.
    fn fold_gate(&self, step: &mut StepState, at: Timestamp, record: &Record) -> Result<(), Illegal> {
        let pending = step.phase == StepPhase::Pending && self.stage == Stage::Forward;
        match record {
            Record::CheckTried(tried) => {
                legal(record, pending, "the check is not open")?;
                step.began_at = Some(step.began_at.unwrap_or(at));
                step.tries += 1;
                step.evidence = Some(tried.evidence.clone());
            }
            Record::WaitStarted { until, .. } => {
                legal(record, pending, "the wait has begun already")?;
                step.began_at = Some(at);
                step.phase = StepPhase::WaitingUntil(*until);
            }
            Record::ApprovalAsked { .. } => {
                legal(record, pending, "the approval has been asked already")?;
                step.began_at = Some(at);
                step.phase = StepPhase::AwaitingApproval;
            }
            Record::Approved { by, plan, .. } => {
                legal(record, *plan == self.plan.digest, "the approval is for another plan")?;
                legal(
                    record,
                    matches!(step.phase, StepPhase::Pending | StepPhase::AwaitingApproval),
                    "the step awaits no approval",
                )?;
                step.approved_by = Some(by.clone());
            }
            Record::Overridden { action, .. } => self.fold_override(step, *action, at, record)?,
            _ => return Err(illegal(record, "it is about the run and not about a step")),
        }
        Ok(())
    }

    fn fold_undo(&self, step: &mut StepState, at: Timestamp, record: &Record) -> Result<(), Illegal> {
        match record {
            Record::UndoStarted { .. } => {
                legal(record, self.stage != Stage::Forward && step.wants_undo(), "the step has nothing to undo")?;
                step.phase = StepPhase::Undoing;
            }
            Record::UndoSettled { outcome, .. } => {
                legal(record, step.phase == StepPhase::Undoing, "no undo is under way")?;
                step.finish(at, StepPhase::Undone(*outcome));
            }
            Record::UndoFailed { failure, .. } => {
                legal(record, step.phase == StepPhase::Undoing, "no undo is under way")?;
                step.finish(at, StepPhase::UndoFailed);
                step.failure = Some(failure.clone());
            }
            _ => return Err(illegal(record, "it is not about an undo")),
        }
        Ok(())
    }

    fn fold_override(
        &self,
        step: &mut StepState,
        action: OverrideAction,
        at: Timestamp,
        record: &Record,
    ) -> Result<(), Illegal> {
        match (&self.stage, action) {
            (Stage::Forward, _) if step.is_done() => return Err(illegal(record, "the step is done")),
            (Stage::Forward, OverrideAction::Again) => {
                let intent = step.intent.as_mut().filter(|_| step.phase == StepPhase::Failed);
                let intent = intent.ok_or_else(|| illegal(record, "the step has not been tried and failed"))?;
                intent.forward_lands_by = intent.lands_by();
                intent.last = None;
            }
            (Stage::Forward, OverrideAction::Skip) => step.finish(at, StepPhase::Done(StepOutcome::Skipped)),
            (Stage::Forward, OverrideAction::MarkDone) => step.finish(at, StepPhase::Done(StepOutcome::Adopted)),
            (Stage::Back { .. }, OverrideAction::Again) => {
                return Err(illegal(record, "the run goes backwards"));
            }
            (Stage::Back { .. }, _) if step.wants_undo() => step.finish(at, StepPhase::Undone(UndoOutcome::MarkedDone)),
            (Stage::Back { .. }, _) => return Err(illegal(record, "the step has nothing to undo")),
        }
        Ok(())
    }

    fn note_step(&mut self, id: &StepId, next: &StepState, at: Timestamp, record: &Record) {
        match record {
            Record::StepStarted { .. } => self.begun.push(id.clone()),
            Record::StepFailed { then, .. } => self.failed.push((id.clone(), *then)),
            Record::Overridden { action, by, reason, .. } => self.overrides.push(Override {
                step: id.clone(),
                action: *action,
                by: by.clone(),
                reason: reason.clone(),
                at,
            }),
            _ => {}
        }
        if next.phase != StepPhase::Failed {
            self.failed.retain(|(failed, _)| failed != id);
        }
    }

    fn fold_run(&mut self, record: &Record) -> Result<(), Illegal> {
        match (record, &self.standing) {
            (Record::Paused { reason }, Standing::Running) => self.standing = Standing::Paused(reason.clone()),
            (Record::Resumed { .. }, Standing::Running | Standing::Paused(_) | Standing::Ended(RunOutcome::Stuck)) => {
                self.standing = Standing::Running;
                self.reopen();
            }
            (Record::RollbackStarted { reason, past_no_return, .. }, standing)
                if *standing != Standing::Ended(RunOutcome::RolledBack) =>
            {
                self.standing = Standing::Running;
                self.stage = Stage::Back { reason: reason.clone(), past_no_return: *past_no_return };
            }
            (Record::RunEnded { outcome }, Standing::Running) => self.standing = Standing::Ended(*outcome),
            _ => return Err(illegal(record, "the run does not stand so that this could happen")),
        }
        Ok(())
    }

    /// A resumed run tries again what had failed: from its intent where there is one, else from the start.
    fn reopen(&mut self) {
        for step in self.steps.values_mut() {
            match step.phase {
                StepPhase::Failed => {
                    step.phase = if step.intent.is_some() { StepPhase::Begun } else { StepPhase::Pending };
                }
                StepPhase::UndoFailed => step.phase = StepPhase::Undoing,
                StepPhase::AwaitingApproval => step.phase = StepPhase::Pending,
                _ => continue,
            }
            step.ended_at = None;
        }
        self.failed.clear();
    }

    /// The planned step of an id.
    pub fn planned(&self, id: &StepId) -> &PlannedStep {
        self.plan.step(id).expect("a run's steps are its plan's steps")
    }

    /// Until when a call of another step that owns one of the same cells may still take effect, on top of what this step does.
    pub fn others_land_by(&self, id: &StepId) -> Option<Timestamp> {
        let others = self.steps.iter().filter(|(other, _)| *other != id && self.share(id, other));
        others.filter_map(|(_, other)| other.intent.as_ref()?.all_land_by()).max()
    }

    /// Whether a step that began later has set one of the same cells since, and is not undone: what stands there is its work.
    pub fn is_built_upon(&self, id: &StepId) -> bool {
        let mut later = self.begun.iter().skip_while(|begun| *begun != id).skip(1);
        later.any(|later| self.steps[later].wants_undo() && self.share(id, later))
    }

    fn share(&self, one: &StepId, other: &StepId) -> bool {
        let owns = &self.planned(one).touches.owns;
        self.planned(other).touches.owns.iter().any(|cell| owns.contains(cell))
    }

    /// Whether nothing will happen any more, and the lock is free.
    pub fn is_finished(&self) -> bool {
        matches!(self.standing, Standing::Ended(RunOutcome::Completed | RunOutcome::Failed | RunOutcome::RolledBack))
    }

    /// The last step begun whose effect cannot be taken back, if there is one.
    pub fn no_return(&self) -> Option<(&StepId, &Reversal)> {
        self.begun.iter().rev().find_map(|id| {
            let step = &self.steps[id];
            let intent = step.intent.as_ref()?;
            (intent.reversal != Reversal::Restores && step.wants_undo()).then_some((id, &intent.reversal))
        })
    }
}

impl StepState {
    fn finish(&mut self, at: Timestamp, phase: StepPhase) {
        self.phase = phase;
        self.began_at = Some(self.began_at.unwrap_or(at));
        self.ended_at = Some(at);
        // Why a step failed is worth telling after it was undone, too.
        if self.is_done() {
            self.failure = None;
        }
    }
}

/// Whether a step of this body can have such a record.
fn is_about(record: &Record, body: &PlannedBody) -> bool {
    match record {
        Record::StepStarted { .. }
        | Record::AttemptSent { .. }
        | Record::AttemptEnded { .. }
        | Record::UndoStarted { .. }
        | Record::UndoSettled { .. }
        | Record::UndoFailed { .. } => matches!(body, PlannedBody::Change(_) | PlannedBody::Task(_)),
        Record::StepUnchanged { .. } => matches!(body, PlannedBody::Change(_)),
        Record::CheckTried(_) => matches!(body, PlannedBody::Check { .. }),
        Record::WaitStarted { .. } => matches!(body, PlannedBody::Wait { .. }),
        Record::ApprovalAsked { .. } | Record::Approved { .. } => matches!(body, PlannedBody::Approval { .. }),
        _ => true,
    }
}

/// How a step ended on the way forward.
fn fold_end(step: &mut StepState, at: Timestamp, record: &Record) -> Result<(), Illegal> {
    let pending = step.phase == StepPhase::Pending;
    match record {
        Record::StepSettled { outcome, evidence, .. } => {
            legal(record, step.is_open(), "the step is not open")?;
            step.finish(at, StepPhase::Done(*outcome));
            if let Some(intent) = step.intent.as_mut() {
                intent.forward_visible_by = None;
            }
            step.evidence = evidence.clone().or(step.evidence.take());
        }
        Record::StepUnchanged { .. } => {
            legal(record, pending && step.intent.is_none(), "the step has begun already")?;
            step.finish(at, StepPhase::Done(StepOutcome::Unchanged));
        }
        Record::StepSkipped { outcome, .. } => {
            legal(record, pending, "the step has begun already")?;
            step.finish(at, StepPhase::Done(*outcome));
        }
        Record::StepFailed { failure, .. } => {
            legal(record, step.is_open(), "the step is not open")?;
            step.finish(at, StepPhase::Failed);
            step.failure = Some(failure.clone());
            if let Some(intent) = step.intent.as_mut().filter(|_| failure.untouched) {
                intent.may_have_effect = false;
            }
        }
        _ => return Err(illegal(record, "it does not end a step")),
    }
    Ok(())
}

fn legal(record: &Record, holds: bool, why: &str) -> Result<(), Illegal> {
    if holds { Ok(()) } else { Err(illegal(record, why)) }
}

fn illegal(record: &Record, why: &str) -> Illegal {
    let name = serde_json::to_value(record).ok().and_then(|record| record["record"].as_str().map(str::to_owned));
    Illegal { record: name.unwrap_or_default(), why: why.to_owned() }
}
