//! The closing screen of a run: the verdict first, then how it came to it, then what is left to do.

use super::{
    layout::Page, status::title_of_ways, steps, style::Style, verdict::verdict, ways::ways_forward, world::figures,
};
use crate::engine::RunState;
use serde_json::Value;

/// How the run left the engine. `world`: what the simulated world measured, where there is one; `program_args`: what every
/// command to type next must carry.
pub fn summary(state: &RunState, world: Option<&Value>, program_args: &str, style: &Style) -> String {
    let mut page = Page::new(style);
    page.blank();
    let (sentence, tone) = verdict(state, false);
    page.line(0, tone, &sentence);
    page.blank();
    steps::steps(&mut page, state, false);
    if let Some(world) = world {
        figures(&mut page, world);
    }
    steps::overrides(&mut page, state);
    steps::owed(&mut page, state, program_args);
    steps::ways_forward(&mut page, title_of_ways(state), &ways_forward(state, false, program_args));
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::{Record, RunOutcome, UndoOutcome},
        report::sample,
        runbook::OnFailure,
    };
    use lifeboat_contract::Direction;
    use serde_json::json;

    const NARROW: Style = Style { color: false, width: 80 };

    #[test]
    fn a_completed_failover() {
        let world = json!({"recovery_s": 52.0, "unavailable_s": 50.5, "lost_writes": 4, "two_writers_s": 0.0});
        let state = sample::completed().state;
        insta::assert_snapshot!(summary(&state, Some(&world), "", &NARROW), @r#"
        completed: site r2 is active, 1m 11s of 10m allowed; 1 step owed

          standby-ready     passed     4s       3 tries
            200 OK, 12 ms
          promote-database  changed    48s      2 attempts
            writer  arn:aws:rds:us-east-1:111122223333:cluster:orders-r1
                  → arn:aws:rds:us-west-2:111122223333:cluster:orders-r2
          open-standby      changed    12s      1 attempt
            dial  0 → 100
          close-active      unchanged
          drain-active      owed
            needs elasticloadbalancing in us-east-1, declared lost: to be done later
          announce          skipped
            mode == "switchover" does not hold
          traffic-healthy   passed     2s       2 tries
            200 OK, 12 ms

        Measured in the simulated world, since it began
          time to recovery     52s
          unavailable          50s
          lost writes          4
          two writers at once  never

        Owed: drain-active
          once the lost region answers again, run region-failover once more; what stands
          at its target stays unchanged
            lifeboat run runbooks/region-failover/runbook.yaml --to r2 --from r1 --input global_cluster=orders

        To take it back
          lifeboat rollback 20260701-120000-1a2b3c4d --past-no-return
              undoes what began after promote-database; it and what came before stay as
              they are
        "#);
    }

    #[test]
    fn a_run_that_took_everything_back() {
        let back = Record::RollbackStarted {
            reason: "step traffic-healthy failed".to_owned(),
            past_no_return: false,
            by: None,
        };
        let undo = |told: sample::Telling, id: &str, outcome: UndoOutcome| {
            told.then(0, Record::UndoStarted { step: id.into() })
                .sends(id, 1, Direction::Back)
                .answered(id, 1, None)
                .then(20_000, Record::UndoSettled { step: id.into(), outcome })
        };
        let told = sample::last_check_failed(OnFailure::Rollback).then(0, back);
        let told = undo(told, "close-active", UndoOutcome::Restored);
        let told = undo(told, "promote-database", UndoOutcome::NothingToDo);
        let state = told.ends(RunOutcome::RolledBack).state;
        insta::assert_snapshot!(summary(&state, None, "", &NARROW), @r"
        rolled back: 2 steps undone (step traffic-healthy failed), 2m 3s

          standby-ready     passed              1 try
            200 OK, 12 ms
          promote-database  undone              1 attempt
            undone: it stood as before already
            writer  arn:aws:rds:us-east-1:111122223333:cluster:orders-r1
                  → arn:aws:rds:us-west-2:111122223333:cluster:orders-r2
          open-standby      unchanged
          close-active      undone              1 attempt
            undone: what was there is restored
            dial  100 → 0
          settle            passed     30s
          sign-off          passed
            approved by alice on ops1
          traffic-healthy   failed     1s       1 try
            error (check.failed): 503 Service Unavailable, 9 ms
        ");
    }

    #[test]
    fn a_run_over_its_objective_says_by_how_much() {
        let mut state = sample::completed().state;
        state.last_at = sample::at(723_000);
        let screen = summary(&state, None, "", &NARROW);
        let verdict = screen.lines().nth(1).unwrap();
        assert_eq!(verdict, "completed: site r2 is active, 12m 3s, 2m 3s over the RTO of 10m; 1 step owed");
    }
}
