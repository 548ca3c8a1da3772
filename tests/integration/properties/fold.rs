//! `fold` over any records whatever: it accepts what can follow, refuses the rest by name, and never panics.

use super::{
    cases,
    plans::{id, opened, plan, policy},
};
use crate::toy::{Memory, me};
use jiff::Timestamp;
use lifeboat::{
    engine::{RunState, StepState, decide},
    journal::{
        self, CheckTried, Failure, Journal, OverrideAction, PauseReason, Record, RunOutcome, StepOutcome, UndoOutcome,
    },
    plan::Plan,
    runbook::OnFailure,
};
use lifeboat_contract::{CallFailure, Direction, Effect, Retry, Reversal, StepId};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A record in the rough: what it needs of the state (attempts are numbered) is filled in when it is used.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    what: u8,
    step: usize,
    /// Chooses among what else the record may hold.
    choice: u8,
    then: OnFailure,
    /// Whether an attempt has the number that follows.
    follows: bool,
}

pub(super) fn drafts() -> impl Strategy<Value = Vec<Draft>> {
    let draft = (0..21_u8, 0..7_usize, any::<u8>(), policy(), prop::bool::weighted(0.9))
        .prop_map(|(what, step, choice, then, follows)| Draft { what, step, choice, then, follows });
    prop::collection::vec(draft, 0..120)
}

impl Draft {
    pub(super) fn record(&self, state: &RunState) -> Record {
        let step = id(self.step);
        let known = state.steps.get(&step);
        let choice = self.choice;
        match self.what {
            0 => opened(&state.plan),
            1..=2 => started(step, state, choice),
            3..=4 => self.sent(step, known),
            5..=6 => ended(step, known, choice),
            7 => Record::StepSettled { step, outcome: StepOutcome::Changed, evidence: None },
            8 => Record::StepUnchanged { step, state: Value::Null },
            9 => Record::StepSkipped { step, outcome: StepOutcome::Skipped, reason: "so".to_owned() },
            10 => Record::StepFailed { step, failure: failure(choice), then: self.then },
            11 => Record::CheckTried(CheckTried { step, passed: choice > 99, streak: 1, evidence: "seen".to_owned() }),
            12 => Record::WaitStarted { step, until: at(u32::from(choice)) },
            13 if choice < 128 => Record::ApprovalAsked { step },
            13 => Record::Approved {
                step,
                by: me(),
                plan: if choice < 200 { state.plan.digest.clone() } else { "another".to_owned() },
            },
            14 => overridden(step, choice),
            15 => Record::Paused { reason: PauseReason::Interrupted },
            16 => Record::Resumed { by: me() },
            17 if choice < 100 => {
                Record::RollbackStarted { reason: "so".to_owned(), past_no_return: choice < 30, by: None }
            }
            17 | 18 => Record::UndoStarted { step },
            19 if choice < 128 => Record::UndoSettled { step, outcome: UndoOutcome::Restored },
            19 => Record::UndoFailed { step, failure: failure(choice) },
            _ => Record::RunEnded { outcome: outcome(choice) },
        }
    }

    fn sent(&self, step: StepId, known: Option<&StepState>) -> Record {
        let direction = if self.choice < 160 { Direction::Forward } else { Direction::Back };
        let before = known.and_then(|step| step.intent.as_ref()).map_or(0, |intent| intent.attempts(direction));
        Record::AttemptSent {
            step,
            attempt: before + if self.follows { 1 } else { u32::from(self.choice) },
            direction,
            deadline_at: at(1),
            lands_by: at(2),
        }
    }
}

fn started(step: StepId, state: &RunState, choice: u8) -> Record {
    let declared = state.plan.step(&step).and_then(|planned| planned.reversal()).cloned();
    Record::StepStarted {
        step,
        before: json!({"cell": 0}),
        target: json!({"cell": 1}),
        facts: Value::Null,
        reversal: declared.filter(|_| choice < 200).unwrap_or(Reversal::Irreversible("it is gone".to_owned())),
    }
}

fn ended(step: StepId, known: Option<&StepState>, choice: u8) -> Record {
    let last = known.and_then(|step| step.intent.as_ref()).and_then(|intent| intent.last.as_ref());
    let failure = (choice < 128).then(|| call_failure(choice < 64));
    Record::AttemptEnded { step, attempt: last.map_or(1, |last| last.number), visible_by: at(3), failure }
}

pub(super) fn call_failure(unknown: bool) -> CallFailure {
    CallFailure {
        effect: if unknown { Effect::Unknown } else { Effect::None },
        retry: Retry::Never,
        code: "Refused".to_owned(),
        message: "no".to_owned(),
        service: "toy".to_owned(),
        region: None,
        request_id: None,
    }
}

fn failure(choice: u8) -> Failure {
    Failure {
        untouched: choice.is_multiple_of(2),
        unknown: choice.is_multiple_of(3),
        ..Failure::new("failed", "it did not")
    }
}

fn overridden(step: StepId, choice: u8) -> Record {
    let action = [OverrideAction::Skip, OverrideAction::MarkDone, OverrideAction::Again][usize::from(choice % 3)];
    Record::Overridden { step, action, by: me(), reason: "so".to_owned() }
}

fn outcome(choice: u8) -> RunOutcome {
    [RunOutcome::Completed, RunOutcome::Failed, RunOutcome::RolledBack, RunOutcome::Stuck][usize::from(choice % 4)]
}

pub(super) fn at(second: u32) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + i64::from(second)).unwrap()
}

fn tag(record: &Record) -> String {
    serde_json::to_value(record).unwrap()["record"].as_str().unwrap().to_owned()
}

/// The state after a plan's first record and all drafts that can follow it, and those records.
fn folded(plan: &Plan, drafts: &[Draft]) -> (RunState, Vec<Record>) {
    let mut records = vec![opened(plan)];
    let mut state = RunState::open(at(0), &records[0]).unwrap();
    for draft in drafts {
        let record = draft.record(&state);
        if state.fold(at(u32::try_from(records.len()).unwrap()), &record).is_ok() {
            records.push(record);
        }
    }
    (state, records)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_record_that_cannot_follow_is_named_and_changes_nothing(plan in plan(), drafts in drafts()) {
        let mut state = RunState::open(at(0), &opened(&plan)).unwrap();
        for (moment, draft) in (1..).zip(&drafts) {
            let record = draft.record(&state);
            let before = state.clone();
            if let Err(illegal) = state.fold(at(moment), &record) {
                prop_assert_eq!(&state, &before);
                prop_assert_eq!(&illegal.record, &tag(&record));
                prop_assert!(!illegal.why.is_empty());
            }
        }
    }

    #[test]
    fn nothing_is_sent_before_an_intent(plan in plan(), drafts in drafts()) {
        let (_, records) = folded(&plan, &drafts);
        for (position, record) in records.iter().enumerate() {
            if let Record::AttemptSent { step, .. } = record {
                let started = |earlier: &Record| matches!(earlier, Record::StepStarted { step: begun, .. } if begun == step);
                prop_assert!(records[..position].iter().any(started), "{step} was sent without an intent");
            }
        }
    }

    #[test]
    fn a_journal_read_back_and_gone_on_with_is_the_whole(
        plan in plan(),
        drafts in drafts(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (whole, records) = folded(&plan, &drafts);
        let memory = Memory::default();
        let mut journal = Journal::new(memory.clone(), "test".to_owned());
        let mut expected = RunState::open(at(0), &records[0]).unwrap();
        for (moment, record) in (0..).zip(&records) {
            journal.append(at(moment), record).unwrap();
        }
        let bytes = memory.bytes.lock().unwrap().clone();
        let reading = journal::read(&bytes[..=cut.index(bytes.len() - 1)]).expect("a cut journal is a torn one");
        let kept = reading.lines.len();
        prop_assert!(reading.lines.iter().map(|line| &line.record).eq(&records[..kept]));
        if kept == 0 {
            return Ok(());
        }
        let (before, after) = records.split_at(kept);
        for (moment, record) in (1..).zip(&before[1..]) {
            expected.fold(at(moment), record).unwrap();
        }
        let mut resumed = RunState::replay(&reading.lines).unwrap();
        prop_assert_eq!(&resumed, &expected);
        prop_assert_eq!(next(&resumed), next(&expected), "a resumed fold decides as the uninterrupted one");
        for (moment, record) in (u32::try_from(kept).unwrap()..).zip(after) {
            resumed.fold(at(moment), record).unwrap();
        }
        prop_assert_eq!(&resumed, &whole);
    }

    #[test]
    fn whatever_was_folded_can_be_decided_on(plan in plan(), drafts in drafts(), busy in any::<u8>(), interrupted in any::<bool>()) {
        let mut state = RunState::open(at(0), &opened(&plan)).unwrap();
        let busy: BTreeSet<StepId> = (0..plan.steps.len()).filter(|step| busy >> step & 1 == 1).map(id).collect();
        for (moment, draft) in (1..).zip(&drafts) {
            for busy in [&BTreeSet::new(), &busy] {
                let commands = decide(&state, busy, interrupted);
                prop_assert_eq!(&commands, &decide(&state, busy, interrupted), "the same state, two decisions");
            }
            let record = draft.record(&state);
            let _ = state.fold(at(moment), &record);
        }
    }
}

fn next(state: &RunState) -> Vec<lifeboat::engine::Command> {
    decide(state, &BTreeSet::new(), false)
}
