//! The legs of a drill, one after the other: over, dwell, back, verify. Judges no figure.

use super::{
    args::{BackArg, DrillArgs},
    drill::{dwell, way_back as which_way_back},
    drill_ready::{self, Ready},
    execute::{self, Ran, Session},
    exit::Exit,
    plan::{self as plan_command, PermissionCheck},
    rollback,
    trouble::Trouble,
};
use crate::{
    drill::{Leg, Phase, Way, measure, snapshot, verdict::Moments},
    engine::{RunState, Standing, StepPhase},
    journal::{PauseReason, RunOutcome, StepOutcome},
    plan::Plan,
    report,
};
use jiff::Timestamp;
use lifeboat_contract::CellKey;
use lifeboat_simulated::Figures;
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// After the way back, probes look this long at most whether users are served.
const WATCH_MAX: Duration = Duration::from_mins(1);

/// How the legs ended.
pub(super) struct Legs {
    pub(super) list: Vec<Leg>,
    pub(super) moments: Moments,
    pub(super) incident_at: Option<Timestamp>,
    /// The run over, as it left the engine the first time.
    pub(super) ran: Option<RunState>,
    pub(super) notes: Vec<String>,
    /// Steps of the way over that are left to do.
    pub(super) owed: Vec<String>,
    /// The operator interrupted it.
    pub(super) interrupted: bool,
    /// How to end what was left half-way.
    pub(super) ways: Vec<Way>,
    /// The end of a run that did not end well; it wins over the verdict.
    pub(super) exit: Option<Exit>,
    /// The world's figures before the harm, and before the way back.
    pub(super) first: Option<Figures>,
    pub(super) before_back: Option<Figures>,
}

/// One drill under way.
pub(super) struct Course<'a> {
    pub(super) ready: &'a Ready<'a>,
    pub(super) args: &'a DrillArgs,
    pub(super) session: &'a Session<'a>,
}

impl Course<'_> {
    /// Goes as far as it gets. What went wrong is told, not raised: a drill's record is kept whatever happens.
    pub(super) async fn perform(&self) -> Legs {
        let now = self.now();
        self.session.around.watch();
        let mut legs = Legs {
            list: vec![self.ready.leg.clone()],
            moments: Moments { incident_at: None, harmed: false, run_start: now, last_step: None, watched_until: now },
            incident_at: None,
            ran: None,
            notes: Vec::new(),
            owed: Vec::new(),
            interrupted: false,
            ways: Vec::new(),
            exit: None,
            first: self.session.around.figures(),
            before_back: None,
        };
        let went = self.go(&mut legs).await;
        self.session.around.restore();
        legs.moments.watched_until = self.now();
        let back = match went {
            Ok(state) => {
                self.dwell(&mut legs).await;
                self.back(&mut legs, &state).await
            }
            Err(reached_end) => reached_end,
        };
        legs.before_back.get_or_insert_with(|| self.session.around.figures().unwrap_or_default());
        if let Some(targets) = back {
            self.verify(&mut legs, &targets).await;
        }
        self.tell_owed(&mut legs);
        legs
    }

    /// What the way over left out matters for as long as its site stays active.
    fn tell_owed(&self, legs: &mut Legs) {
        if legs.owed.is_empty() {
            return;
        }
        let list = legs.owed.join(", ");
        let went_back = legs.list.iter().any(|leg| leg.phase == Phase::Back && leg.ok);
        if went_back {
            let told = "left out on the way over, for their region was lost; the way back left nothing owed";
            legs.notes.push(format!("{list}: {told}"));
            return;
        }
        legs.notes.push(format!("{list}: left out and owed, for their region was lost"));
        let arguments = execute::state_argument(self.session.store, self.session.common);
        if let Some(command) = legs.ran.as_ref().and_then(|ran| report::later(ran, &arguments)) {
            let does = "does what is owed, once the region answers again".to_owned();
            legs.ways.push(Way { command, does });
        }
    }

    fn now(&self) -> Timestamp {
        self.session.around.clock.now()
    }

    /// The run. `Err` where there is no way back to go; it tells whether the world can be compared with the first snapshot.
    async fn go(&self, legs: &mut Legs) -> Result<RunState, Option<BTreeMap<CellKey, Value>>> {
        let started_at = self.now();
        let plan = match self.strike(legs).await {
            Ok(plan) => plan,
            Err(trouble) => {
                self.failed(legs, Phase::Go, started_at, &trouble);
                return Err(None);
            }
        };
        legs.moments.run_start = self.now();
        if self.session.cancel.requested() {
            self.interrupted(legs, Phase::Go, started_at, "interrupted before the run: nothing was changed");
            return Err(None);
        }
        legs.moments.incident_at = legs.incident_at;
        drill_ready::cut_off(self.args, self.session);
        match self.session.begin(plan).await {
            Ok(ran) => self.went(legs, ran),
            Err(trouble) => {
                self.failed(legs, Phase::Go, legs.moments.run_start, &trouble);
                Err(None)
            }
        }
    }

    /// Lets the incident begin, and plans what is then to be done.
    async fn strike(&self, legs: &mut Legs) -> Result<Plan, Trouble> {
        let around = self.session.around;
        if let Some(name) = &self.args.cloud.incident {
            legs.incident_at = Some(around.begin_incident(name)?);
            legs.moments.harmed = true;
        }
        if let Some(after) = self.args.cloud.after {
            tokio::time::sleep(after.get()).await;
        }
        if !self.args.impair.is_empty() {
            legs.incident_at.get_or_insert(self.now());
        }
        let (runbook, intent) = (self.ready.runbook, &self.ready.intent);
        drill_ready::planned(runbook, intent, self.args, self.session, PermissionCheck::Left).await
    }

    /// The other site stays active, under probes.
    async fn dwell(&self, legs: &mut Legs) {
        let started_at = self.now();
        let duration = dwell(self.args, self.ready);
        let interrupted = tokio::select! {
            biased;
            () = self.session.cancel.at_least(1) => true,
            () = tokio::time::sleep(duration) => false,
        };
        let ended_at = self.now();
        if interrupted {
            self.interrupted(legs, Phase::Dwell, started_at, "interrupted");
        } else {
            let outcome = "watched to its end".to_owned();
            legs.list.push(Leg { phase: Phase::Dwell, run: None, started_at, ended_at, outcome, ok: true });
        }
        legs.moments.watched_until = ended_at;
        legs.before_back = self.session.around.figures();
    }

    /// The way back. Yields the targets of the run that went it, where the state can be verified.
    async fn back(&self, legs: &mut Legs, over: &RunState) -> Option<BTreeMap<CellKey, Value>> {
        if self.session.cancel.requested() {
            self.stays(legs, over);
            return None;
        }
        let started_at = self.now();
        let (gone, targets) = match which_way_back(self.args, &over.plan) {
            BackArg::None => {
                legs.notes.push(format!("no way back was asked for: site {} stays active", over.plan.to));
                return None;
            }
            BackArg::Rollback => (rollback::take_back(self.session, &over.run).await, BTreeMap::new()),
            BackArg::Reverse => match self.plan_back(over).await {
                // A run that begins now would pause before its first step.
                Ok(_) if self.session.cancel.requested() => {
                    self.interrupted(legs, Phase::Back, started_at, "interrupted before its first step");
                    self.stays(legs, over);
                    return None;
                }
                Ok(plan) => {
                    let targets = snapshot::targets(&plan);
                    (self.session.begin(plan).await, targets)
                }
                Err(trouble) => (Err(trouble), BTreeMap::new()),
            },
        };
        match gone {
            Ok(ran) => self.came_back(legs, &ran.state, started_at).then_some(targets),
            Err(trouble) => {
                self.failed(legs, Phase::Back, started_at, &trouble);
                self.stays(legs, over);
                None
            }
        }
    }

    async fn plan_back(&self, over: &RunState) -> Result<Plan, Trouble> {
        let intent = drill_ready::way_back(&self.ready.intent, &over.plan.from);
        let plan = plan_command::observe(
            self.ready.runbook,
            &intent,
            self.session.around,
            PermissionCheck::Left,
            self.session.common,
        )
        .await?;
        drill_ready::unrefused(&plan)?;
        Ok(plan)
    }

    /// Watches whether users are served again, and compares every state with the first snapshot.
    async fn verify(&self, legs: &mut Legs, targets: &BTreeMap<CellKey, Value>) {
        let started_at = self.now();
        tokio::select! {
            biased;
            () = self.session.cancel.at_least(1) => {
                legs.interrupted = true;
                legs.exit.get_or_insert(Exit::Paused);
                legs.notes.push("interrupted while probes watched whether users are served again".to_owned());
            }
            () = tokio::time::sleep(self.watch_back()) => {}
        }
        let (outcome, ok) = match drill_ready::take(&self.ready.resolved, self.session).await {
            Ok(now) => {
                let differing = self.ready.first.differing(&now, targets);
                legs.notes.extend(differing.iter().map(ToString::to_string));
                let strange = differing.iter().filter(|cell| !cell.expected).count();
                let outcome = match (differing.len(), strange) {
                    (0, _) => "the state equals the first snapshot".to_owned(),
                    (all, 0) => format!(
                        "the state is as the runbook leaves it; cells that differ from the first snapshot: {all}"
                    ),
                    (_, strange) => {
                        format!("the state does not equal the first snapshot; cells that differ: {strange}")
                    }
                };
                (outcome, strange == 0)
            }
            Err(error) => (format!("the state is not known: {error}"), false),
        };
        legs.list.push(Leg { phase: Phase::Verify, run: None, started_at, ended_at: self.now(), outcome, ok });
    }

    fn watch_back(&self) -> Duration {
        dwell(self.args, self.ready).min(WATCH_MAX.max(measure::dwell_min(&self.ready.resolved.probes)))
    }

    /// A leg that has no run of its own and ended by the operator's interrupt.
    fn interrupted(&self, legs: &mut Legs, phase: Phase, started_at: Timestamp, outcome: &str) {
        legs.interrupted = true;
        legs.exit = Some(Exit::Paused);
        let outcome = outcome.to_owned();
        legs.list.push(Leg { phase, run: None, started_at, ended_at: self.now(), outcome, ok: false });
    }

    /// Notes that nobody went back, and who could how.
    fn stays(&self, legs: &mut Legs, over: &RunState) {
        legs.notes.push(format!("site {} is active still: nobody went back", over.plan.to));
        let arguments = execute::state_argument(self.session.store, self.session.common);
        let reverse = report::reverse_way(over, &arguments);
        let rollback = report::ways_forward(over, false, &arguments);
        let list = match over.no_return() {
            None => rollback.into_iter().chain([reverse]).collect(),
            // What a rollback leaves there is neither the one site nor the other.
            Some(_) => vec![reverse],
        };
        add_ways(legs, list);
    }

    /// Notes how a run that did not get to its end is ended.
    fn half_way(&self, legs: &mut Legs, state: &RunState) {
        legs.interrupted |= matches!(state.standing, Standing::Paused(PauseReason::Interrupted));
        let arguments = execute::state_argument(self.session.store, self.session.common);
        add_ways(legs, report::ways_forward(state, false, &arguments));
    }

    /// Notes how the run over ended. `Err` as in [`Self::go`].
    fn went(&self, legs: &mut Legs, ran: Ran) -> Result<RunState, Option<BTreeMap<CellKey, Value>>> {
        let state = ran.state;
        let completed = state.standing == Standing::Ended(RunOutcome::Completed);
        let ended = state.steps.values().filter_map(|step| step.ended_at).max();
        legs.moments.last_step = ended.filter(|_| completed);
        legs.list.push(leg(Phase::Go, &state, legs.moments.run_start, completed));
        legs.owed = owed(&state);
        legs.ran = Some(state.clone());
        if completed {
            return Ok(state);
        }
        legs.exit = Some(Exit::of(&state, false));
        Err(if state.standing == Standing::Ended(RunOutcome::RolledBack) {
            legs.notes.push("the run took itself back; there was no other way back to go".to_owned());
            let arguments = execute::state_argument(self.session.store, self.session.common);
            let shows = "shows each step, and why it failed".to_owned();
            add_ways(legs, vec![(format!("lifeboat status {}{arguments}", state.run), shows)]);
            Some(BTreeMap::new())
        } else {
            self.half_way(legs, &state);
            None
        })
    }

    /// Notes how the way back ended. Tells whether it got there.
    fn came_back(&self, legs: &mut Legs, state: &RunState, started_at: Timestamp) -> bool {
        let is_back = matches!(state.standing, Standing::Ended(RunOutcome::Completed | RunOutcome::RolledBack));
        let rolled_back = legs.ran.as_ref().is_none_or(|over| over.run == state.run);
        let exit = Exit::of(state, rolled_back);
        legs.list.push(leg(Phase::Back, state, started_at, is_back && exit == Exit::Completed));
        if exit != Exit::Completed {
            legs.exit = Some(exit);
            self.half_way(legs, state);
        }
        is_back
    }

    fn failed(&self, legs: &mut Legs, phase: Phase, started_at: Timestamp, trouble: &Trouble) {
        legs.exit = Some(trouble.exit);
        let outcome = trouble.to_string();
        legs.list.push(Leg { phase, run: None, started_at, ended_at: self.now(), outcome, ok: false });
    }
}

fn owed(state: &RunState) -> Vec<String> {
    let owed = state.plan.steps.iter().filter(|step| state.steps[&step.id].phase == StepPhase::Done(StepOutcome::Owed));
    owed.map(|step| step.id.to_string()).collect()
}

fn add_ways(legs: &mut Legs, list: Vec<(String, String)>) {
    legs.ways.extend(list.into_iter().map(|(command, does)| Way { command, does }));
}

fn leg(phase: Phase, state: &RunState, started_at: Timestamp, ok: bool) -> Leg {
    let outcome = match &state.standing {
        Standing::Running | Standing::Paused(PauseReason::Interrupted) => "interrupted, and paused".to_owned(),
        Standing::Paused(_) => "paused".to_owned(),
        Standing::Ended(RunOutcome::Completed) => "completed".to_owned(),
        Standing::Ended(RunOutcome::RolledBack) => "rolled back".to_owned(),
        Standing::Ended(RunOutcome::Failed) => "failed".to_owned(),
        Standing::Ended(RunOutcome::Stuck) => "stuck: the rollback is incomplete".to_owned(),
    };
    let failure = state.plan.steps.iter().find_map(|step| {
        let failure = state.steps[&step.id].failure.as_ref()?;
        Some(format!(": step {} ({}): {}", step.id, failure.code, failure.message))
    });
    let outcome = if ok { outcome } else { outcome + &failure.unwrap_or_default() };
    Leg { phase, run: Some(state.run.to_string()), started_at, ended_at: state.last_at, outcome, ok }
}
