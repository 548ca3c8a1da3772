//! `decide` against a world that answers anything: the driver played by a few lines, its steps by whatever can follow.
//!
//! Plays no cloud: what a step finds is drawn, not simulated.

use super::{
    cases,
    fold::{at, call_failure},
    plans::{opened, plan},
};
use crate::toy::me;
use lifeboat::{
    engine::{Command, RunState, Stage, Standing, StepPhase, decide},
    journal::{
        CheckTried, Failure, Journaled, OverrideAction, PauseReason, Record, RunOutcome, StepOutcome, UndoOutcome,
    },
    plan::{Plan, PlannedBody},
    runbook::OnFailure,
};
use lifeboat_contract::{Direction, Effect, Reversal, StepId};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is drawn, until it is used up. From then on everything goes well.
struct Draws(std::vec::IntoIter<u8>);

impl Draws {
    /// A number below `sides`; 0 is what goes well.
    fn throw(&mut self, sides: u8) -> u8 {
        self.0.next().map_or(0, |draw| draw % sides)
    }

    fn one_in(&mut self, sides: u8) -> bool {
        self.throw(sides) == sides - 1
    }

    fn is_over(&self) -> bool {
        self.0.len() == 0
    }
}

/// One run: its state, its journal, and the steps that are being worked on in this life of the process.
struct Run {
    state: RunState,
    lines: Vec<Journaled>,
    busy: BTreeSet<StepId>,
    /// The attempts of this life that were not answered yet.
    in_flight: BTreeSet<StepId>,
    interrupted: bool,
    draws: Draws,
}

impl Run {
    fn open(plan: &Plan, draws: Vec<u8>) -> Self {
        let record = opened(plan);
        let state = RunState::open(at(0), &record).unwrap();
        let lines = vec![Journaled { seq: 0, at: at(0), writer: "test".to_owned(), record }];
        Self {
            state,
            lines,
            busy: BTreeSet::new(),
            in_flight: BTreeSet::new(),
            interrupted: false,
            draws: Draws(draws.into_iter()),
        }
    }

    fn write(&mut self, record: Record) {
        let moment = u32::try_from(self.lines.len()).unwrap();
        self.state
            .fold(at(moment), &record)
            .unwrap_or_else(|illegal| panic!("{illegal}: {record:?} after {:?}", self.lines));
        self.lines.push(Journaled { seq: moment.into(), at: at(moment), writer: "test".to_owned(), record });
    }

    /// Goes on until nothing is left to do, and nobody is left who would.
    fn play(&mut self) {
        let bound = 20 * (self.draws.0.len() + self.state.steps.len()) + 100;
        for _ in 0..bound {
            if self.state.standing != Standing::Running && !self.operator_goes_on() {
                return;
            }
            let commands = decide(&self.state, &self.busy, self.interrupted);
            assert_eq!(commands, decide(&self.state, &self.busy, self.interrupted), "the same state, two decisions");
            self.judge(&commands);
            let decided_again = self.obey(commands);
            if self.state.standing == Standing::Running && !decided_again {
                self.happen();
            }
        }
        panic!("{bound} turns and no end: {:?}", self.state);
    }

    /// What no decision may ever ask for.
    fn judge(&self, commands: &[Command]) {
        assert!(!commands.is_empty() || !self.busy.is_empty(), "nothing under way, and nothing to do");
        let mut lanes: Vec<_> = self.busy.iter().flat_map(|id| &self.state.planned(id).touches.serialise_on).collect();
        for command in commands {
            match command {
                Command::Work(id) | Command::Skip(id) => {
                    assert_eq!(self.state.stage, Stage::Forward);
                    assert!(!self.busy.contains(id), "{id} is being worked on");
                    let step = &self.state.steps[id];
                    assert!(!step.is_done(), "{id} is done, and asked for again");
                    let planned = self.state.planned(id);
                    assert!(planned.needs.iter().all(|need| self.state.steps[need].is_done()), "{id} comes too early");
                    assert!(self.state.failed.is_empty(), "{id} begins after a failure");
                    if matches!(command, Command::Work(_)) {
                        for lane in &planned.touches.serialise_on {
                            assert!(!lanes.contains(&lane), "{id} runs beside another on {lane:?}");
                            lanes.push(lane);
                        }
                    }
                }
                Command::Undo(id) => self.judge_undo(id, commands),
                Command::StartRollback(_) | Command::Pause(_) | Command::End(_) => {
                    assert_eq!(commands.len(), 1, "an end, and something beside it: {commands:?}");
                    assert!(self.busy.is_empty(), "an end while steps are under way");
                }
            }
            if let Command::End(RunOutcome::RolledBack) = command {
                assert!(!self.state.steps.values().any(lifeboat::engine::StepState::wants_undo));
            }
        }
    }

    fn judge_undo(&self, id: &StepId, commands: &[Command]) {
        assert!(matches!(self.state.stage, Stage::Back { .. }));
        assert!(commands.len() == 1 && self.busy.is_empty(), "undos are made one at a time");
        let step = &self.state.steps[id];
        assert_eq!(step.intent.as_ref().unwrap().reversal, Reversal::Restores, "{id} can't be undone");
        let begun = &self.state.begun;
        let own = begun.iter().position(|begun| begun == id).unwrap();
        for later in &begun[own + 1..] {
            assert!(!self.state.steps[later].wants_undo(), "{id} is undone before {later}, which began after it");
        }
        for dependent in self.state.plan.steps.iter().filter(|step| step.needs.contains(id)) {
            assert!(!self.state.steps[&dependent.id].wants_undo(), "{id} is undone before {}", dependent.id);
        }
    }

    fn obey(&mut self, commands: Vec<Command>) -> bool {
        let mut decided_again = false;
        for command in commands {
            match command {
                Command::Work(step) | Command::Undo(step) => drop(self.busy.insert(step)),
                Command::Skip(step) => {
                    decided_again = true;
                    self.write(Record::StepSkipped { step, outcome: StepOutcome::Skipped, reason: "so".to_owned() });
                }
                Command::StartRollback(reason) => {
                    decided_again = true;
                    self.write(Record::RollbackStarted { reason, past_no_return: false, by: None });
                }
                Command::Pause(reason) => self.write(Record::Paused { reason }),
                Command::End(outcome) => self.write(Record::RunEnded { outcome }),
            }
        }
        decided_again
    }

    /// One thing happens: a step under way gets on, the process dies, or the operator interrupts.
    fn happen(&mut self) {
        if self.draws.one_in(16) {
            self.die();
        } else if self.draws.one_in(24) {
            self.interrupted = true;
        } else {
            let which = usize::from(self.draws.throw(8)) % self.busy.len();
            let step = self.busy.iter().nth(which).unwrap().clone();
            let goes_on = match self.state.stage {
                Stage::Forward => self.advance(&step),
                Stage::Back { .. } => self.retreat(&step),
            };
            if !goes_on {
                self.busy.remove(&step);
            }
        }
    }

    /// The process dies, and another one replays what it left: it finds the same state, and decides the same.
    fn die(&mut self) {
        let replayed = RunState::replay(&self.lines).unwrap();
        assert_eq!(replayed, self.state);
        self.busy.clear();
        self.in_flight.clear();
        self.interrupted = false;
        assert_eq!(decide(&replayed, &self.busy, false), decide(&self.state, &self.busy, false));
        self.answer_in_person();
    }

    /// Somebody resumes or rolls back.
    fn answer_in_person(&mut self) {
        let record = match self.draws.throw(4) {
            choice @ (2 | 3) if self.state.standing != Standing::Ended(RunOutcome::RolledBack) => {
                Record::RollbackStarted { reason: "asked".to_owned(), past_no_return: choice == 3, by: Some(me()) }
            }
            _ => Record::Resumed { by: me() },
        };
        self.write(record);
    }

    /// A run that came to rest is gone on with as long as something is drawn.
    fn operator_goes_on(&mut self) -> bool {
        self.interrupted = false;
        if self.state.is_finished() || self.draws.is_over() {
            return false;
        }
        if let Standing::Paused(PauseReason::ApprovalNeeded { step }) = &self.state.standing {
            let approved = Record::Approved { step: step.clone(), by: me(), plan: self.state.plan.digest.clone() };
            self.write(approved);
        } else if self.draws.one_in(3) {
            self.override_one();
        }
        self.answer_in_person();
        true
    }

    fn override_one(&mut self) {
        let troubled = |phase: &StepPhase| matches!(phase, StepPhase::Failed | StepPhase::UndoFailed);
        let found = self.state.steps.iter().find(|(_, step)| troubled(&step.phase)).map(|(id, _)| id.clone());
        let Some(step) = found else { return };
        let begun = self.state.steps[&step].intent.is_some() && self.state.stage == Stage::Forward;
        let action = match self.draws.throw(3) {
            0 => OverrideAction::MarkDone,
            1 if begun => OverrideAction::Again,
            _ => OverrideAction::Skip,
        };
        let record = Record::Overridden { step, action, by: me(), reason: "so".to_owned() };
        // A way back that has nothing to undo takes no override.
        if self.state.clone().fold(at(0), &record).is_ok() {
            self.write(record);
        }
    }

    /// The next record of a step on its way there. Returns whether the step is still being worked on.
    fn advance(&mut self, id: &StepId) -> bool {
        if self.interrupted && !self.in_flight.contains(id) {
            return false;
        }
        let pending = self.state.steps[id].phase == StepPhase::Pending;
        match self.state.planned(id).body.clone() {
            PlannedBody::Change(change) if pending => self.begin(id, change.reversal, true),
            PlannedBody::Task(task) if pending => self.begin(id, task.reversal, false),
            PlannedBody::Change(_) | PlannedBody::Task(_) => self.pursue(id, Direction::Forward),
            PlannedBody::Check { .. } => {
                let passed = self.draws.throw(3) == 0;
                let tried = CheckTried { step: id.clone(), passed, streak: 1, evidence: "seen".to_owned() };
                self.write(Record::CheckTried(tried));
                match self.draws.throw(3) {
                    0 if passed => self.settle(id),
                    1 => self.fail(id, false),
                    _ => true,
                }
            }
            PlannedBody::Wait { .. } if pending => {
                self.write(Record::WaitStarted { step: id.clone(), until: at(9) });
                true
            }
            PlannedBody::Wait { .. } => self.settle(id),
            PlannedBody::Approval { .. } if self.state.steps[id].approved_by.is_some() => self.settle(id),
            PlannedBody::Approval { .. } => self.ask(id),
        }
    }

    fn begin(&mut self, id: &StepId, reversal: Reversal, may_be_nothing: bool) -> bool {
        match self.draws.throw(5) {
            3 if may_be_nothing => {
                self.write(Record::StepUnchanged { step: id.clone(), state: Value::Null });
                false
            }
            4 => self.fail(id, true),
            _ => {
                let (before, target, facts) = (json!({"cell": 0}), json!({"cell": 1}), Value::Null);
                self.write(Record::StepStarted { step: id.clone(), before, target, facts, reversal });
                true
            }
        }
    }

    fn ask(&mut self, id: &StepId) -> bool {
        match self.draws.throw(3) {
            0 => {
                let plan = self.state.plan.digest.clone();
                self.write(Record::Approved { step: id.clone(), by: me(), plan });
                self.settle(id)
            }
            1 => {
                self.write(Record::ApprovalAsked { step: id.clone() });
                false
            }
            _ => {
                let failure = Failure::new("approval.declined", "no");
                self.write(Record::StepFailed { step: id.clone(), failure, then: OnFailure::Pause });
                false
            }
        }
    }

    /// Attempts and their answers, in either direction, until the step is where it should be or is given up.
    fn pursue(&mut self, id: &StepId, direction: Direction) -> bool {
        let intent = self.state.steps[id].intent.clone().expect("what is pursued has an intent");
        let number = intent.attempts(direction);
        if self.in_flight.remove(id) {
            let failure = [None, None, Some(call_failure(true)), Some(call_failure(false))]
                [usize::from(self.draws.throw(4))]
            .clone();
            self.write(Record::AttemptEnded { step: id.clone(), attempt: number, visible_by: at(3), failure });
            return true;
        }
        let answered =
            intent.last.as_ref().filter(|last| last.direction == direction).and_then(|last| last.end.as_ref());
        match self.draws.throw(4) {
            0 | 1 if answered.is_some_and(|end| end.failure.is_none()) => self.arrive(id, direction),
            2 if number > 0 => self.arrive(id, direction),
            3 => {
                let untouched = answered
                    .is_some_and(|end| end.failure.as_ref().is_some_and(|failure| failure.effect == Effect::None));
                self.give_up(id, direction, untouched)
            }
            _ => {
                let (deadline_at, lands_by) = (at(1), at(2));
                self.write(Record::AttemptSent {
                    step: id.clone(),
                    attempt: number + 1,
                    direction,
                    deadline_at,
                    lands_by,
                });
                self.in_flight.insert(id.clone());
                true
            }
        }
    }

    fn retreat(&mut self, id: &StepId) -> bool {
        if self.state.steps[id].phase != StepPhase::Undoing {
            self.write(Record::UndoStarted { step: id.clone() });
            return true;
        }
        if self.interrupted && !self.in_flight.contains(id) {
            return false;
        }
        self.pursue(id, Direction::Back)
    }

    fn arrive(&mut self, id: &StepId, direction: Direction) -> bool {
        match direction {
            Direction::Forward => self.settle(id),
            Direction::Back => {
                self.write(Record::UndoSettled { step: id.clone(), outcome: UndoOutcome::Restored });
                false
            }
        }
    }

    fn give_up(&mut self, id: &StepId, direction: Direction, untouched: bool) -> bool {
        match direction {
            Direction::Forward => self.fail(id, untouched),
            Direction::Back => {
                self.write(Record::UndoFailed { step: id.clone(), failure: Failure::new("failed", "it did not") });
                false
            }
        }
    }

    fn settle(&mut self, id: &StepId) -> bool {
        self.write(Record::StepSettled { step: id.clone(), outcome: StepOutcome::Changed, evidence: None });
        false
    }

    fn fail(&mut self, id: &StepId, untouched: bool) -> bool {
        let then = self.state.planned(id).on_failure;
        let failure = Failure { untouched, ..Failure::new("failed", "it did not") };
        self.write(Record::StepFailed { step: id.clone(), failure, then });
        false
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn whatever_is_answered_a_run_ends_and_nothing_is_asked_that_must_not_be(
        plan in plan(),
        draws in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut run = Run::open(&plan, draws);
        run.play();
        let replayed = RunState::replay(&run.lines).unwrap();
        prop_assert_eq!(&replayed, &run.state);
        if run.state.standing == Standing::Ended(RunOutcome::Completed) {
            prop_assert!(run.state.steps.values().all(lifeboat::engine::StepState::is_done));
        }
    }

    #[test]
    fn when_all_goes_well_every_step_is_done_once(plan in plan()) {
        let mut run = Run::open(&plan, Vec::new());
        run.play();
        prop_assert_eq!(&run.state.standing, &Standing::Ended(RunOutcome::Completed));
        let begun: BTreeSet<_> = run.state.begun.iter().collect();
        prop_assert_eq!(begun.len(), run.state.begun.len(), "a step began twice");
    }
}
