//! The ways forward: the exact commands that a run's state allows, and what each of them does.
//!
//! Offers nothing that the engine would refuse, and nothing that would come back to the same place.

use crate::{
    engine::{RunState, Stage, Standing, StepPhase},
    journal::{CloudChoice, PauseReason, RunOutcome, StepOutcome},
    plan::{Plan, PlannedBody},
};
use lifeboat_contract::{SiteId, StepId};

/// Commands with what they do, the most likely one first. `alive`: whether a process executes the run; `program_args`: what
/// every command must carry, such as ` --state DIR`.
pub fn ways_forward(state: &RunState, alive: bool, program_args: &str) -> Vec<(String, String)> {
    let mut ways = Ways { state, program_args, list: Vec::new() };
    let back = matches!(state.stage, Stage::Back { .. });
    match &state.standing {
        Standing::Running if alive => {}
        Standing::Running | Standing::Paused(PauseReason::Interrupted) if back => {
            ways.add("resume", "", "goes on with the rollback from where it stands");
        }
        Standing::Running => {
            ways.add("resume", "", "looks where every step stands, and goes on from there");
            ways.overrides_forward();
            ways.rollback();
        }
        Standing::Paused(reason) if back => ways.at_the_barrier(reason),
        Standing::Paused(reason) => {
            ways.paused_forward(reason);
            ways.rollback();
        }
        Standing::Ended(RunOutcome::Stuck) => ways.stuck(),
        Standing::Ended(RunOutcome::RolledBack) => {}
        Standing::Ended(RunOutcome::Failed | RunOutcome::Completed) => ways.rollback(),
    }
    ways.list
}

struct Ways<'s> {
    state: &'s RunState,
    program_args: &'s str,
    list: Vec<(String, String)>,
}

impl Ways<'_> {
    fn add(&mut self, command: &str, rest: &str, does: impl Into<String>) {
        let Self { state, program_args, .. } = self;
        let command = format!("lifeboat {command} {}{rest}{program_args}", state.run);
        self.list.push((command, does.into()));
    }

    fn paused_forward(&mut self, reason: &PauseReason) {
        let failed = self.in_phase(&StepPhase::Failed);
        match reason {
            PauseReason::ApprovalNeeded { step } => {
                self.add("approve", &format!(" {step}"), format!("approves {step} for exactly this plan; then resume"));
                self.add("resume", "", format!("goes on once {step} is approved; on a terminal it asks"));
            }
            _ if failed.is_empty() => self.add("resume", "", "goes on from where it stands"),
            _ if failed.iter().all(|step| self.is_stranded(step)) => {}
            _ => {
                let names: Vec<&str> = failed.iter().map(StepId::as_str).collect();
                self.add("resume", "", format!("tries {} again, from where it stands", names.join(", ")));
            }
        }
        self.overrides_forward();
    }

    /// What an operator can decide over a failed step's head. A step that needs it begins afterwards.
    fn overrides_forward(&mut self) {
        for step in self.in_phase(&StepPhase::Failed) {
            let skip = format!(" --skip {step} --reason \"...\"");
            self.add("resume", &skip, format!("leaves {step} as it is now, and goes on with the steps after it"));
            let done = format!(" --mark-done {step} --reason \"...\"");
            self.add("resume", &done, format!("goes on as if {step} had worked: when you have done it by hand"));
            if self.is_stranded(&step) {
                let again = format!(" --again {step} --reason \"...\"");
                self.add("resume", &again, format!("does {step} once more: when you know that it was not done"));
            }
        }
    }

    /// Whether a step is a task of unknown outcome that must not simply be repeated.
    fn is_stranded(&self, step: &StepId) -> bool {
        let unknown = self.state.steps[step].failure.as_ref().is_some_and(|failure| failure.unknown);
        unknown && matches!(&self.state.planned(step).body, PlannedBody::Task(task) if !task.repeatable)
    }

    /// A rollback that has come to a step that cannot be undone. Resuming would come to it again.
    fn at_the_barrier(&mut self, reason: &PauseReason) {
        if let PauseReason::NoReturn { step, .. } = reason {
            let done = format!(" --mark-done {step} --reason \"...\"");
            self.add("resume", &done, format!("goes on behind {step}: when you have restored by hand what it changed"));
            let skip = format!(" --skip {step} --reason \"...\"");
            self.add("resume", &skip, format!("leaves {step} as it is now, and undoes the steps before it"));
            let does = format!("ends the rollback here: {step} and what came before stay as they are");
            self.add("rollback", " --past-no-return", does);
        } else {
            self.add("resume", "", "goes on with the rollback from where it stands");
        }
    }

    fn stuck(&mut self) {
        for step in self.in_phase(&StepPhase::UndoFailed) {
            self.add("resume", "", format!("tries again to undo {step}, then goes on with the rollback"));
            let done = format!(" --mark-done {step} --reason \"...\"");
            self.add("resume", &done, format!("goes on behind {step}: when you have restored by hand what it changed"));
            let skip = format!(" --skip {step} --reason \"...\"");
            self.add("resume", &skip, format!("leaves {step} as it is now, and undoes the steps before it"));
        }
    }

    fn rollback(&mut self) {
        let Some(last) = self.state.begun.iter().rev().find(|id| self.state.steps[*id].wants_undo()) else {
            if !self.state.is_finished() {
                self.add("rollback", "", "ends the run; nothing was changed that would have to be undone");
            }
            return;
        };
        match self.state.no_return() {
            None if self.state.is_finished() => {
                self.add("rollback", "", "puts back what this run changed, if it still stands as the run left it");
            }
            None => self.add("rollback", "", "puts back what this run changed, the last step first"),
            Some((step, _)) if step == last => {
                if !self.state.is_finished() {
                    let does =
                        format!("ends the run as it stands: {step} cannot be undone, and nothing began after it");
                    self.add("rollback", " --past-no-return", does);
                }
            }
            Some((step, _)) => {
                let does = format!("undoes what began after {step}; it and what came before stay as they are");
                self.add("rollback", " --past-no-return", does);
            }
        }
    }

    /// The steps in a phase, in the plan's order.
    fn in_phase(&self, phase: &StepPhase) -> Vec<StepId> {
        let steps = self.state.plan.steps.iter().map(|step| &step.id);
        steps.filter(|id| self.state.steps[*id].phase == *phase).cloned().collect()
    }
}

/// The command that does later what is owed: the same runbook once more, as a switchover with no region lost. Steps that stand at
/// their target stay unchanged.
pub fn later(state: &RunState, program_args: &str) -> Option<String> {
    if !state.steps.values().any(|step| step.phase == StepPhase::Done(StepOutcome::Owed)) {
        return None;
    }
    Some(run_again(state, &state.plan.to, &state.plan.from, program_args))
}

/// The command that makes the first site active again by the runbook itself, and what it does.
pub fn reverse_way(state: &RunState, program_args: &str) -> (String, String) {
    let Plan { to, from, .. } = &*state.plan;
    let command = run_again(state, from, to, program_args);
    (command, format!("makes site {from} active again, as a run of its own"))
}

/// The same runbook with the same inputs on the same cloud.
fn run_again(state: &RunState, to: &SiteId, from: &SiteId, program_args: &str) -> String {
    let plan = &state.plan;
    let mut command = format!("lifeboat run {} --to {to} --from {from}", quoted(&plan.runbook.path));
    for (name, value) in &plan.inputs {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        command.push_str(" --input ");
        command.push_str(&quoted(&format!("{name}={text}")));
    }
    let cloud = match &state.cloud {
        CloudChoice::Real => String::new(),
        CloudChoice::Socket(url) => format!(" --cloud {}", quoted(url)),
        CloudChoice::World { file, .. } => format!(" --world {}", quoted(file)),
    };
    command + &cloud + program_args
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Command, decide},
        journal::{Failure, OverrideAction, Record},
        report::sample::{self, Telling},
        runbook::OnFailure,
    };
    use lifeboat_contract::Direction;
    use std::collections::BTreeSet;

    fn list(state: &RunState) -> String {
        let ways = ways_forward(state, false, " --state /var/lifeboat");
        let lines: Vec<String> = ways.iter().map(|(command, does)| format!("{command}\n    {does}\n")).collect();
        lines.concat()
    }

    /// Everything that is offered is legal, and leads somewhere else than straight back.
    fn assert_each_leads_on(state: &RunState) {
        for (command, _) in ways_forward(state, false, "") {
            let words: Vec<&str> = command.split(' ').collect();
            let override_of = |action| Record::Overridden {
                step: words[4].into(),
                action,
                by: sample::operator(),
                reason: "by hand".to_owned(),
            };
            let resumed = Record::Resumed { by: sample::operator() };
            let past_no_return = words.last() == Some(&"--past-no-return");
            let rollback = Record::RollbackStarted { reason: "asked".to_owned(), past_no_return, by: None };
            let approved = |step: &str| Record::Approved {
                step: step.into(),
                by: sample::operator(),
                plan: state.plan.digest.clone(),
            };
            let records = match (words[1], words.get(3)) {
                ("resume", Some(&"--skip")) => vec![override_of(OverrideAction::Skip), resumed],
                ("resume", Some(&"--mark-done")) => vec![override_of(OverrideAction::MarkDone), resumed],
                ("resume", Some(&"--again")) => vec![override_of(OverrideAction::Again), resumed],
                ("resume", None) => vec![resumed],
                ("approve", Some(step)) => vec![approved(step), resumed],
                ("rollback", _) => vec![rollback],
                other => panic!("{other:?}"),
            };
            let mut next = state.clone();
            for record in &records {
                next.fold(state.last_at, record).unwrap_or_else(|illegal| panic!("{command}: {illegal}"));
            }
            let commands = decide(&next, &BTreeSet::new(), false);
            let again: Vec<Record> = commands
                .into_iter()
                .filter_map(|decided| match decided {
                    Command::Pause(reason) => Some(Record::Paused { reason }),
                    _ => None,
                })
                .collect();
            assert_eq!(again, [], "{command} pauses at once");
        }
    }

    fn paused_after_failure(then: OnFailure) -> Telling {
        let told = sample::last_check_failed(then);
        let reason = PauseReason::StepFailed { step: "traffic-healthy".into() };
        told.then(0, Record::Paused { reason })
    }

    fn beyond_return() -> Telling {
        Telling::of(sample::failover())
            .passes("standby-ready", 1)
            .changes("promote-database", 10_000)
            .changes("open-standby", 5_000)
    }

    #[test]
    fn a_paused_run() {
        let state = paused_after_failure(OnFailure::Pause).state;
        insta::assert_snapshot!(list(&state), @r#"
        lifeboat resume 20260701-120000-1a2b3c4d --state /var/lifeboat
            tries traffic-healthy again, from where it stands
        lifeboat resume 20260701-120000-1a2b3c4d --skip traffic-healthy --reason "..." --state /var/lifeboat
            leaves traffic-healthy as it is now, and goes on with the steps after it
        lifeboat resume 20260701-120000-1a2b3c4d --mark-done traffic-healthy --reason "..." --state /var/lifeboat
            goes on as if traffic-healthy had worked: when you have done it by hand
        lifeboat rollback 20260701-120000-1a2b3c4d --state /var/lifeboat
            puts back what this run changed, the last step first
        "#);
        assert_each_leads_on(&state);
        assert_eq!(ways_forward(&sample::last_check_failed(OnFailure::Pause).state, true, ""), []);
    }

    #[test]
    fn a_run_that_cannot_go_back_all_the_way() {
        let why = "the old writer is rebuilt".to_owned();
        let told = beyond_return().fails("close-active", sample::drifted(), OnFailure::Rollback);
        let state = told
            .then(0, Record::Paused { reason: PauseReason::NoReturn { step: "promote-database".into(), why } })
            .state;
        insta::assert_snapshot!(list(&state), @r#"
        lifeboat resume 20260701-120000-1a2b3c4d --state /var/lifeboat
            tries close-active again, from where it stands
        lifeboat resume 20260701-120000-1a2b3c4d --skip close-active --reason "..." --state /var/lifeboat
            leaves close-active as it is now, and goes on with the steps after it
        lifeboat resume 20260701-120000-1a2b3c4d --mark-done close-active --reason "..." --state /var/lifeboat
            goes on as if close-active had worked: when you have done it by hand
        lifeboat rollback 20260701-120000-1a2b3c4d --past-no-return --state /var/lifeboat
            undoes what began after promote-database; it and what came before stay as they are
        "#);
        assert_each_leads_on(&state);
    }

    #[test]
    fn a_rollback_at_the_step_that_cannot_be_undone() {
        let back = Record::RollbackStarted { reason: "asked".to_owned(), past_no_return: false, by: None };
        let reason = PauseReason::NoReturn { step: "promote-database".into(), why: "rebuilt".to_owned() };
        let state = Telling::of(sample::failover())
            .passes("standby-ready", 1)
            .changes("promote-database", 10_000)
            .then(0, back)
            .then(0, Record::Paused { reason })
            .state;
        insta::assert_snapshot!(list(&state), @r#"
        lifeboat resume 20260701-120000-1a2b3c4d --mark-done promote-database --reason "..." --state /var/lifeboat
            goes on behind promote-database: when you have restored by hand what it changed
        lifeboat resume 20260701-120000-1a2b3c4d --skip promote-database --reason "..." --state /var/lifeboat
            leaves promote-database as it is now, and undoes the steps before it
        lifeboat rollback 20260701-120000-1a2b3c4d --past-no-return --state /var/lifeboat
            ends the rollback here: promote-database and what came before stay as they are
        "#);
        assert_each_leads_on(&state);
    }

    #[test]
    fn a_stuck_rollback() {
        let back = Record::RollbackStarted {
            reason: "step traffic-healthy failed".to_owned(),
            past_no_return: false,
            by: None,
        };
        let state = sample::last_check_failed(OnFailure::Rollback)
            .then(0, back)
            .then(0, Record::UndoStarted { step: "close-active".into() })
            .then(9_000, Record::UndoFailed { step: "close-active".into(), failure: sample::drifted() })
            .ends(RunOutcome::Stuck)
            .state;
        insta::assert_snapshot!(list(&state), @r#"
        lifeboat resume 20260701-120000-1a2b3c4d --state /var/lifeboat
            tries again to undo close-active, then goes on with the rollback
        lifeboat resume 20260701-120000-1a2b3c4d --mark-done close-active --reason "..." --state /var/lifeboat
            goes on behind close-active: when you have restored by hand what it changed
        lifeboat resume 20260701-120000-1a2b3c4d --skip close-active --reason "..." --state /var/lifeboat
            leaves close-active as it is now, and undoes the steps before it
        "#);
        assert_each_leads_on(&state);
    }

    #[test]
    fn an_interrupted_run_resumes_or_goes_back() {
        let told = Telling::of(sample::switchover()).passes("standby-ready", 1).begins("promote-database");
        let state = told.sends("promote-database", 1, Direction::Forward).state;
        insta::assert_snapshot!(list(&state), @r"
        lifeboat resume 20260701-120000-1a2b3c4d --state /var/lifeboat
            looks where every step stands, and goes on from there
        lifeboat rollback 20260701-120000-1a2b3c4d --state /var/lifeboat
            puts back what this run changed, the last step first
        ");
        assert_each_leads_on(&state);
    }

    #[test]
    fn an_approval_is_given_and_then_resumed() {
        let step: StepId = "sign-off".into();
        let state = Telling::of(sample::switchover())
            .passes("standby-ready", 1)
            .then(0, Record::ApprovalAsked { step: step.clone() })
            .then(0, Record::Paused { reason: PauseReason::ApprovalNeeded { step } })
            .state;
        insta::assert_snapshot!(list(&state), @r"
        lifeboat approve 20260701-120000-1a2b3c4d sign-off --state /var/lifeboat
            approves sign-off for exactly this plan; then resume
        lifeboat resume 20260701-120000-1a2b3c4d --state /var/lifeboat
            goes on once sign-off is approved; on a terminal it asks
        lifeboat rollback 20260701-120000-1a2b3c4d --state /var/lifeboat
            ends the run; nothing was changed that would have to be undone
        ");
        assert_each_leads_on(&state);
    }

    #[test]
    fn what_ended_can_only_go_back() {
        let completed = sample::completed().state;
        insta::assert_snapshot!(list(&completed), @r"
        lifeboat rollback 20260701-120000-1a2b3c4d --past-no-return --state /var/lifeboat
            undoes what began after promote-database; it and what came before stay as they are
        ");
        assert_each_leads_on(&completed);
        let stopped = sample::last_check_failed(OnFailure::Stop).ends(RunOutcome::Failed).state;
        insta::assert_snapshot!(list(&stopped), @r"
        lifeboat rollback 20260701-120000-1a2b3c4d --state /var/lifeboat
            puts back what this run changed, if it still stands as the run left it
        ");
        assert_each_leads_on(&stopped);
        let untouched = Telling::of(sample::switchover())
            .fails("standby-ready", Failure::new("check.failed", "no answer"), OnFailure::Stop)
            .ends(RunOutcome::Failed)
            .state;
        assert_eq!(list(&untouched), "");
    }

    #[test]
    fn what_is_owed_is_done_by_running_again_without_a_lost_region() {
        let mut state = sample::completed().state;
        state.cloud = CloudChoice::Socket("http://127.0.0.1:4566".to_owned());
        let command = later(&state, " --state /s").unwrap();
        insta::assert_snapshot!(command, @"lifeboat run runbooks/region-failover/runbook.yaml --to r2 --from r1 --input global_cluster=orders --cloud http://127.0.0.1:4566 --state /s");
        assert_eq!(later(&sample::last_check_failed(OnFailure::Stop).state, ""), None);
        assert_eq!(quoted("name=it's two"), r"'name=it'\''s two'");
    }
}
