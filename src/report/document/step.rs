//! A step in a report: how it ended, when, by which attempts and waits.

use super::{Difference, differences};
use crate::{
    engine::{RunState, Standing, StepPhase},
    journal::{CheckTried, Failure, Journaled, Record, StepOutcome},
    plan::{PlannedBody, PlannedStep, Skip},
    report::word::{step_word, undo_words},
};
use jiff::Timestamp;
use lifeboat_contract::{Direction, Effect, Reversal};
use serde::Serialize;

/// One step of the plan, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepReport {
    pub id: String,
    pub name: Option<String>,
    pub kind: String,
    pub region: Option<String>,
    pub outcome: &'static str,
    /// When its work began and ended on the way forward.
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub duration_s: Option<f64>,
    pub attempts: Vec<Attempt>,
    pub waits: Vec<Stretch>,
    pub tries: Vec<Try>,
    /// The way back, where it was gone.
    pub undo: Option<Stretch>,
    /// What the plan foresaw.
    pub planned: Vec<Difference>,
    /// What was captured with the intent and asked for.
    pub differences: Vec<Difference>,
    /// Why it was skipped, how it was undone, what a check saw last.
    pub note: Option<String>,
    pub reversal: Option<&'static str>,
    pub failure: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attempt {
    pub number: u32,
    pub direction: Direction,
    pub from: Timestamp,
    /// Nothing where the process died before an answer.
    pub to: Option<Timestamp>,
    pub error: Option<String>,
    /// Whether nobody knows what it did.
    pub unknown: bool,
}

/// A stretch of time; open where it has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stretch {
    pub from: Timestamp,
    pub to: Option<Timestamp>,
}

/// One try of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Try {
    pub at: Timestamp,
    pub passed: bool,
    pub evidence: String,
}

pub(super) fn report(state: &RunState, planned: &PlannedStep, lines: &[Journaled], alive: bool) -> StepReport {
    let step = &state.steps[&planned.id];
    let times = Times::of(planned, lines);
    let foreseen = match &planned.body {
        PlannedBody::Change(change) => change.before.as_ref().zip(change.target.as_ref()),
        _ => None,
    };
    let reversal = step.intent.as_ref().map(|intent| &intent.reversal).or_else(|| planned.reversal());
    StepReport {
        id: planned.id.to_string(),
        name: planned.name.clone(),
        kind: planned.kind.clone(),
        region: planned.place.as_ref().and_then(|place| place.region.as_ref()).map(ToString::to_string),
        outcome: step_word(step, alive && state.standing == Standing::Running),
        started_at: times.began,
        ended_at: times.ended,
        duration_s: times.began.zip(times.ended).map(|(from, to)| super::seconds(from, to)),
        attempts: times.attempts,
        waits: times.waits,
        tries: times.tries,
        undo: times.undo,
        planned: foreseen.map_or_else(Vec::new, |(before, target)| differences(before, target)),
        differences: step.intent.as_ref().map_or_else(Vec::new, |intent| differences(&intent.before, &intent.target)),
        note: note(planned, &step.phase).or_else(|| step.evidence.clone()),
        reversal: reversal.map(|reversal| match reversal {
            Reversal::Restores => "restores",
            Reversal::ForwardOnly(_) => "forward_only",
            Reversal::Irreversible(_) => "irreversible",
        }),
        failure: step.failure.clone(),
    }
}

fn note(planned: &PlannedStep, phase: &StepPhase) -> Option<String> {
    match (phase, &planned.skip) {
        (StepPhase::Done(StepOutcome::Owed), Some(Skip::Impaired(regions))) => {
            Some(format!("needs {}, declared lost: to be done later", planned.touches.words_in(regions)))
        }
        (StepPhase::Done(StepOutcome::Skipped), Some(Skip::Condition(condition))) => {
            Some(format!("{condition} does not hold"))
        }
        (StepPhase::Undone(outcome), _) => Some(undo_words(*outcome).to_owned()),
        _ => None,
    }
}

/// What the folded state forgets: every moment.
#[derive(Default)]
struct Times {
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
    attempts: Vec<Attempt>,
    waits: Vec<Stretch>,
    tries: Vec<Try>,
    undo: Option<Stretch>,
}

impl Times {
    fn of(planned: &PlannedStep, lines: &[Journaled]) -> Self {
        let mut times = Self::default();
        for line in lines.iter().filter(|line| line.record.step() == Some(&planned.id)) {
            times.note(line.at, &line.record);
        }
        times
    }

    fn note(&mut self, at: Timestamp, record: &Record) {
        if !matches!(record, Record::AttemptEnded { .. } | Record::Approved { .. } | Record::CheckTried(_)) {
            self.end_wait(at);
        }
        match record {
            Record::StepStarted { .. } => self.begin(at),
            Record::AttemptSent { attempt, direction, .. } => self.attempts.push(Attempt {
                number: *attempt,
                direction: *direction,
                from: at,
                to: None,
                error: None,
                unknown: false,
            }),
            Record::AttemptEnded { failure, .. } => {
                if let Some(last) = self.attempts.last_mut() {
                    last.to = Some(at);
                    last.error = failure.as_ref().map(ToString::to_string);
                    last.unknown = failure.as_ref().is_some_and(|failure| failure.effect == Effect::Unknown);
                }
                self.waits.push(Stretch { from: at, to: None });
            }
            Record::CheckTried(CheckTried { passed, evidence, .. }) => {
                self.begin(at);
                self.tries.push(Try { at, passed: *passed, evidence: evidence.clone() });
            }
            Record::WaitStarted { .. } | Record::ApprovalAsked { .. } => {
                self.begin(at);
                self.waits.push(Stretch { from: at, to: None });
            }
            Record::StepSettled { .. }
            | Record::StepUnchanged { .. }
            | Record::StepSkipped { .. }
            | Record::StepFailed { .. } => {
                self.begin(at);
                self.ended = Some(at);
            }
            Record::UndoStarted { .. } => self.undo = Some(Stretch { from: at, to: None }),
            Record::UndoSettled { .. } | Record::UndoFailed { .. } => {
                if let Some(undo) = &mut self.undo {
                    undo.to = Some(at);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, at: Timestamp) {
        self.began.get_or_insert(at);
    }

    fn end_wait(&mut self, at: Timestamp) {
        if let Some(last) = self.waits.last_mut().filter(|last| last.to.is_none()) {
            last.to = Some(at);
        }
    }
}
