//! `status`: where a run stands, and what to type next.

use super::{
    duration::moment,
    layout::Page,
    steps,
    style::{Style, Tone},
    verdict::verdict,
    ways::ways_forward,
};
use crate::engine::{RunState, Standing};

/// The run, its verdict, its steps, and the ways forward. `alive`: whether a process executes it.
pub fn status_screen(state: &RunState, alive: bool, program_args: &str, style: &Style) -> String {
    let mut page = Page::new(style);
    let plan = &state.plan;
    let title = format!("Run {}: {} to {}, from {}, {}", state.run, plan.runbook.name, plan.to, plan.from, plan.mode);
    page.line(0, Tone::Strong, &title);
    let (sentence, tone) = verdict(state, alive);
    page.line(0, tone, &sentence);
    let digest: String = plan.digest.chars().take(12).collect();
    let began = format!("began {} by {} on {}, plan {digest}", moment(state.opened_at), state.by.name, state.by.host);
    page.line(0, Tone::Faint, &began);
    page.blank();
    steps::steps(&mut page, state, alive && state.standing == Standing::Running);
    steps::overrides(&mut page, state);
    steps::owed(&mut page, state, program_args);
    let ways = ways_forward(state, alive, program_args);
    steps::ways_forward(&mut page, title_of_ways(state), &ways);
    page.finish()
}

/// A run that has ended needs nothing; one that has not needs a decision.
pub(super) fn title_of_ways(state: &RunState) -> &'static str {
    if state.is_finished() { "To take it back" } else { "Ways forward" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::{OverrideAction, PauseReason, Record, RunOutcome, UndoOutcome},
        report::sample::{self, Telling},
        runbook::OnFailure,
    };
    use lifeboat_contract::Direction;

    const NARROW: Style = Style { color: false, width: 80 };

    #[test]
    fn a_run_under_way() {
        let told = Telling::of(sample::switchover()).passes("standby-ready", 1).begins("promote-database");
        let state = told.sends("promote-database", 1, Direction::Forward).state;
        insta::assert_snapshot!(status_screen(&state, true, "", &NARROW), @r"
        Run 20260701-120000-1a2b3c4d: region-failover to r2, from r1, switchover
        running: 1 of 7 steps done, 2.1s so far
        began 2026-07-01 12:00:00 UTC by alice on ops1, plan 3f2a9c81d0b2

          standby-ready     passed            1 try
            200 OK, 12 ms
          promote-database  running           1 attempt
            writer  arn:aws:rds:us-east-1:111122223333:cluster:orders-r1
                  → arn:aws:rds:us-west-2:111122223333:cluster:orders-r2
          open-standby      pending
          close-active      pending
          settle            pending
          sign-off          pending
          traffic-healthy   pending
        ");
    }

    #[test]
    fn a_paused_run_with_a_drift_and_an_override() {
        let reason = PauseReason::StepFailed { step: "close-active".into() };
        let overridden = Record::Overridden {
            step: "sign-off".into(),
            action: OverrideAction::MarkDone,
            by: sample::operator(),
            reason: "the board agreed by phone".to_owned(),
        };
        let state = Telling::of(sample::switchover())
            .passes("standby-ready", 1)
            .then(0, overridden)
            .changes("promote-database", 40_000)
            .begins("close-active")
            .sends("close-active", 1, Direction::Forward)
            .fails("close-active", sample::drifted(), OnFailure::Pause)
            .then(0, Record::Paused { reason })
            .state;
        insta::assert_snapshot!(status_screen(&state, false, " --state /s", &NARROW), @r#"
        Run 20260701-120000-1a2b3c4d: region-failover to r2, from r1, switchover
        paused: step close-active failed (drifted)
        began 2026-07-01 12:00:00 UTC by alice on ops1, plan 3f2a9c81d0b2

          standby-ready     passed            1 try
            200 OK, 12 ms
          promote-database  changed  40s      1 attempt
            writer  arn:aws:rds:us-east-1:111122223333:cluster:orders-r1
                  → arn:aws:rds:us-west-2:111122223333:cluster:orders-r2
          open-standby      pending
          close-active      failed   1s       1 attempt
            dial  100 → 0
            error (drifted): the world is neither as before nor as asked for: somebody
            else changed it
            dial  before 100, target 0, now 50 (neither)
          settle            pending
          sign-off          adopted
          traffic-healthy   pending

        Overrides
          sign-off marked as done by alice on ops1, 2s after the start
            reason: the board agreed by phone

        Ways forward
          lifeboat resume 20260701-120000-1a2b3c4d --state /s
              tries close-active again, from where it stands
          lifeboat resume 20260701-120000-1a2b3c4d --skip close-active --reason "..." --state /s
              leaves close-active as it is now, and goes on with the steps after it
          lifeboat resume 20260701-120000-1a2b3c4d --mark-done close-active --reason "..." --state /s
              goes on as if close-active had worked: when you have done it by hand
          lifeboat rollback 20260701-120000-1a2b3c4d --state /s
              puts back what this run changed, the last step first
        "#);
    }

    #[test]
    fn a_stuck_run() {
        let back = Record::RollbackStarted {
            reason: "step traffic-healthy failed".to_owned(),
            past_no_return: false,
            by: None,
        };
        let state = sample::last_check_failed(OnFailure::Rollback)
            .then(0, back)
            .then(0, Record::UndoStarted { step: "close-active".into() })
            .sends("close-active", 1, Direction::Back)
            .answered("close-active", 1, None)
            .then(9_000, Record::UndoSettled { step: "close-active".into(), outcome: UndoOutcome::Restored })
            .then(0, Record::UndoStarted { step: "promote-database".into() })
            .then(9_000, Record::UndoFailed { step: "promote-database".into(), failure: sample::drifted() })
            .ends(RunOutcome::Stuck)
            .state;
        insta::assert_snapshot!(status_screen(&state, false, "", &Style { color: false, width: 100 }), @r#"
        Run 20260701-120000-1a2b3c4d: region-failover to r2, from r1, switchover
        stuck: the rollback is incomplete; step promote-database could not be undone, 1 step left to undo
        began 2026-07-01 12:00:00 UTC by alice on ops1, plan 3f2a9c81d0b2

          standby-ready     passed                1 try
            200 OK, 12 ms
          promote-database  undo failed           1 attempt
            to be restored by hand:
            dial    50 → absent
            writer  absent → arn:aws:rds:us-east-1:111122223333:cluster:orders-r1
            error (drifted): the world is neither as before nor as asked for: somebody else changed it
            dial  before 100, target 0, now 50 (neither)
          open-standby      unchanged
          close-active      undone                1 attempt
            undone: what was there is restored
            dial  100 → 0
          settle            passed       30s
          sign-off          passed
            approved by alice on ops1
          traffic-healthy   failed       1s       1 try
            error (check.failed): 503 Service Unavailable, 9 ms

        Ways forward
          lifeboat resume 20260701-120000-1a2b3c4d
              tries again to undo promote-database, then goes on with the rollback
          lifeboat resume 20260701-120000-1a2b3c4d --mark-done promote-database --reason "..."
              goes on behind promote-database: when you have restored by hand what it changed
          lifeboat resume 20260701-120000-1a2b3c4d --skip promote-database --reason "..."
              leaves promote-database as it is now, and undoes the steps before it
        "#);
    }
}
