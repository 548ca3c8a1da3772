//! Reporters for pipes, logs and nobody: one line for each event, or none at all.
//!
//! Time is the notices' own: a simulated run's lines carry its virtual time.

use super::{
    duration::between,
    event::{Event, event},
    layout::clean,
    style::{Style, Tone},
};
use crate::{
    engine::{Notice, Reporter, RunState},
    journal::{CheckTried, Record},
    plan::{Plan, PlannedBody},
};
use jiff::Timestamp;
use lifeboat_contract::StepId;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

/// One line for each event: time since the run began, step, what happened. What a step waits for is told when it changes.
#[derive(Debug)]
pub struct Lines<W> {
    out: W,
    style: Style,
    story: Story,
    /// What each step was last said to do.
    last: BTreeMap<StepId, String>,
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

/// What a reporter knows of the run so far.
#[derive(Debug, Default)]
pub(super) struct Story {
    opened_at: Option<Timestamp>,
    id_width: usize,
    /// Checks and waits: each try, and the wait itself, is an event.
    told_by_records: BTreeSet<StepId>,
}

impl Reporter for Quiet {
    fn notice(&mut self, _: &Notice<'_>) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Lines<W> {
    pub fn new(out: W, style: Style) -> Self {
        Self { out, style, story: Story::default(), last: BTreeMap::new() }
    }

    fn put(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }
}

impl<W: Write> Reporter for Lines<W> {
    fn notice(&mut self, notice: &Notice<'_>) -> io::Result<()> {
        match *notice {
            Notice::Recorded { at, record, state } => {
                self.story.learn(state);
                let event = event(at, record, state);
                // A check that keeps giving the same answer is told once.
                if let Record::CheckTried(CheckTried { step, .. }) | Record::WaitStarted { step, .. } = record
                    && self.last.insert(step.clone(), event.text.clone()).as_ref() == Some(&event.text)
                {
                    return Ok(());
                }
                let line = self.story.line(at, record.step(), &event, &self.style);
                self.put(&line)
            }
            Notice::Waiting { at, step, what } => {
                let last = self.last.get(step);
                if last.is_some_and(|last| last == what || self.story.is_told_by_records(step)) {
                    return Ok(());
                }
                self.last.insert(step.clone(), what.to_owned());
                let text = format!("… {}", clean(&what.replace('\n', " ")));
                let event = Event { text, tone: Tone::Faint, stays: false };
                let line = self.story.line(at, Some(step), &event, &self.style);
                self.put(&line)
            }
        }
    }
}

impl Story {
    /// Takes in what every state of the run tells alike.
    pub(super) fn learn(&mut self, state: &RunState) {
        if self.id_width == 0 {
            self.opened_at = Some(state.opened_at);
            self.id_width = id_width(&state.plan);
            let told = |body: &PlannedBody| matches!(body, PlannedBody::Check { .. } | PlannedBody::Wait { .. });
            let steps = state.plan.steps.iter().filter(|step| told(&step.body));
            self.told_by_records = steps.map(|step| step.id.clone()).collect();
        }
    }

    pub(super) fn id_width(&self) -> usize {
        self.id_width
    }

    /// Whether the records of a step say already what it waits for.
    pub(super) fn is_told_by_records(&self, step: &StepId) -> bool {
        self.told_by_records.contains(step)
    }

    /// The time since the run began; since the first notice, where that is not known yet.
    pub(super) fn elapsed(&mut self, at: Timestamp) -> String {
        between(*self.opened_at.get_or_insert(at), at)
    }

    /// An event with its time and its step; `run` stands for the run itself.
    pub(super) fn line(&mut self, at: Timestamp, step: Option<&StepId>, event: &Event, style: &Style) -> String {
        let elapsed = self.elapsed(at);
        let subject = step.map_or("run", StepId::as_str);
        let text = style.paint(event.tone, &event.text);
        format!("{elapsed:>7}  {subject:<width$}  {text}", width = self.id_width)
    }
}

fn id_width(plan: &Plan) -> usize {
    plan.steps.iter().map(|step| step.id.as_str().len()).max().unwrap_or(0).max("run".len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::{PauseReason, RunOutcome, UndoOutcome},
        report::sample::{self, Telling},
        runbook::OnFailure,
    };
    use lifeboat_contract::Direction;

    const PLAIN: Style = Style { color: false, width: 80 };

    fn replay(told: &Telling) -> String {
        let mut lines = Lines::new(Vec::new(), PLAIN);
        for (at, record, state) in &told.told {
            lines.notice(&Notice::Recorded { at: *at, record, state }).unwrap();
        }
        String::from_utf8(lines.out).unwrap()
    }

    #[test]
    fn a_completed_run_line_by_line() {
        insta::assert_snapshot!(replay(&sample::completed()), @r#"
            2s  standby-ready     passed, 1 in a row: 200 OK, 12 ms
            4s  standby-ready     passed, 2 in a row: 200 OK, 12 ms
            6s  standby-ready     passed, 3 in a row: 200 OK, 12 ms
            6s  standby-ready     passed after 4s: 200 OK, 12 ms
          6.1s  promote-database  begins: writer arn:aws:rds:us-east-1:111122223333:cluster:orders-r1 → arn:aws:rds:us-west-2:111122223333:cluster:orders-r2
          6.1s  promote-database  attempt 1
          6.4s  promote-database  attempt 1 failed: rds in us-west-2 answered ThrottlingException: Rate exceeded
          6.4s  promote-database  attempt 2
          6.7s  promote-database  attempt 2 was accepted
           54s  promote-database  changed after 48s
           54s  open-standby      begins: dial 0 → 100
           54s  open-standby      attempt 1
           55s  open-standby      attempt 1 was accepted
         1m 7s  open-standby      changed after 12s
         1m 7s  close-active      unchanged: dial 0
         1m 7s  drain-active      owed: it needs us-east-1, declared lost
         1m 7s  announce          skipped: its condition does not hold: mode == "switchover"
         1m 9s  traffic-healthy   passed, 1 in a row: 200 OK, 12 ms
        1m 11s  traffic-healthy   passed, 2 in a row: 200 OK, 12 ms
        1m 11s  traffic-healthy   passed after 2s: 200 OK, 12 ms
        1m 11s  run               completed
        "#);
    }

    #[test]
    fn a_rollback_that_gets_stuck_line_by_line() {
        let back = Record::RollbackStarted {
            reason: "step traffic-healthy failed".to_owned(),
            past_no_return: false,
            by: None,
        };
        let told = sample::last_check_failed(OnFailure::Rollback)
            .then(0, back)
            .then(0, Record::UndoStarted { step: "close-active".into() })
            .sends("close-active", 1, Direction::Back)
            .answered("close-active", 1, None)
            .then(9_000, Record::UndoSettled { step: "close-active".into(), outcome: UndoOutcome::Restored })
            .then(0, Record::UndoStarted { step: "promote-database".into() })
            .then(9_000, Record::UndoFailed { step: "promote-database".into(), failure: sample::drifted() })
            .ends(RunOutcome::Stuck);
        insta::assert_snapshot!(replay(&told), @r"
            2s  standby-ready     passed, 1 in a row: 200 OK, 12 ms
            2s  standby-ready     passed: 200 OK, 12 ms
            2s  sign-off          approved by alice on ops1
            2s  sign-off          passed
          2.1s  promote-database  begins: writer arn:aws:rds:us-east-1:111122223333:cluster:orders-r1 → arn:aws:rds:us-west-2:111122223333:cluster:orders-r2
          2.1s  promote-database  attempt 1
          2.4s  promote-database  attempt 1 was accepted
           42s  promote-database  changed after 40s
           42s  open-standby      unchanged: dial 100
           42s  close-active      begins: dial 100 → 0
           42s  close-active      attempt 1
           42s  close-active      attempt 1 was accepted
           51s  close-active      changed after 9.3s
           51s  settle            waits 38s
        1m 21s  settle            passed after 30s
        1m 21s  traffic-healthy   not passed: 503 Service Unavailable, 9 ms
        1m 22s  traffic-healthy   failed (check.failed): 503 Service Unavailable, 9 ms
        1m 22s  run               rolls back: step traffic-healthy failed
        1m 22s  close-active      undo begins
        1m 22s  close-active      undo, attempt 1
        1m 23s  close-active      attempt 1 was accepted
        1m 32s  close-active      undone: what was there is restored
        1m 32s  promote-database  undo begins
        1m 41s  promote-database  undo failed (drifted): the world is neither as before nor as asked for: somebody else changed it
        1m 41s  run               stuck
        ");
    }

    #[test]
    fn a_pause_says_why() {
        let why = "the old writer is rebuilt".to_owned();
        let told = Telling::of(sample::switchover())
            .then(0, Record::Paused { reason: PauseReason::NoReturn { step: "promote-database".into(), why } })
            .then(5_000, Record::Resumed { by: sample::operator() });
        insta::assert_snapshot!(replay(&told), @r"
        0s  run               paused: going back would cross step promote-database, which cannot be undone: the old writer is rebuilt
        5s  run               resumed by alice on ops1
        ");
    }

    #[test]
    fn waiting_is_told_when_it_changes_and_a_check_by_its_tries_alone() {
        let told = Telling::of(sample::switchover()).passes("standby-ready", 1).begins("promote-database");
        let mut lines = Lines::new(Vec::new(), PLAIN);
        let (at, record, state) = &told.told[0];
        lines.notice(&Notice::Recorded { at: *at, record, state }).unwrap();
        lines.out.clear();
        let (database, check) = ("promote-database".into(), "standby-ready".into());
        let tried =
            CheckTried { step: "standby-ready".into(), passed: false, streak: 0, evidence: "503\u{1b}[2J".to_owned() };
        for ms in [4_000, 5_000, 6_000] {
            let at = sample::at(ms);
            lines.notice(&Notice::Waiting { at, step: &database, what: "switching-over" }).unwrap();
            lines.notice(&Notice::Recorded { at, record: &Record::CheckTried(tried.clone()), state }).unwrap();
            lines.notice(&Notice::Waiting { at, step: &check, what: "0 of 3 passes in a row: 503" }).unwrap();
        }
        lines.notice(&Notice::Waiting { at: sample::at(72_000), step: &database, what: "writer modifying" }).unwrap();
        let settle = "settle".into();
        let started = Record::WaitStarted { step: "settle".into(), until: sample::at(103_000) };
        lines.notice(&Notice::Recorded { at: sample::at(73_000), record: &started, state }).unwrap();
        lines.notice(&Notice::Waiting { at: sample::at(73_000), step: &settle, what: "waits" }).unwrap();
        insta::assert_snapshot!(String::from_utf8(lines.out).unwrap(), @r"
            4s  promote-database  … switching-over
            4s  standby-ready     not passed: 503\u{1b}[2J
        1m 12s  promote-database  … writer modifying
        1m 13s  settle            waits 30s
        ");
    }
}
