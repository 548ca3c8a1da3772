//! A run as one value for reports: what its journal tells, and the evidence that was kept beside it.
//!
//! Every report file is made from this value alone, so that they cannot disagree. Opens no file.

mod call;
mod objective;
mod over_time;
mod step;

pub use call::ApiCall;
pub use over_time::{Availability, Available, Lag, LagFound, Occurrence, OverTime, SeenBy, Share, WorldSeries};
pub use step::{Attempt, StepReport, Stretch, Try};

use super::{cells, drill_screen, duration::words, event::event, style::Tone, verdict::verdict, ways, word::run_word};
use crate::{
    drill::{DrillRecord, Objective},
    engine::{Illegal, RunState, Stage, Standing, StepPhase},
    journal::{CloudChoice, Identity, Journaled, OverrideAction, Reading, Record, RunOutcome, StepOutcome},
    plan::Skip,
};
use jiff::Timestamp;
use lifeboat_contract::{Place, clock::until};
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};

/// Everything a report says of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    /// Of this document's form.
    pub v: u32,
    /// The program that made the report.
    pub made_by: String,
    pub run: String,
    pub runbook: RunbookFacts,
    /// The plan's digest: what was approved.
    pub plan: String,
    pub journal: JournalFacts,
    pub environment: Environment,
    pub from: String,
    pub to: String,
    pub mode: String,
    pub impaired: Vec<String>,
    pub by: Identity,
    pub started_at: Timestamp,
    /// The time of the last record, whether the run has ended or not.
    pub ended_at: Timestamp,
    pub duration_s: f64,
    /// `running`, `paused`, `completed`, `failed`, `rolled_back` or `stuck`.
    pub outcome: &'static str,
    /// Whether it ended as was asked for: completed, or rolled back because an operator wanted it.
    pub ok: bool,
    /// How it stands, in one sentence.
    pub verdict: String,
    /// Why it went backwards, where it did.
    pub rollback: Option<String>,
    pub objectives: Vec<Objective>,
    pub steps: Vec<StepReport>,
    pub events: Vec<EventLine>,
    pub approvals: Vec<Approval>,
    pub overrides: Vec<OverrideLine>,
    pub owed: Option<Owed>,
    pub calls: Vec<ApiCall>,
    /// Lines of the audit trail that could not be read.
    pub calls_unreadable: usize,
    /// What the simulated world measured when the run last left the engine.
    pub world: Option<Value>,
    pub drill: Option<DrillRecord>,
    pub over_time: OverTime,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunbookFacts {
    pub name: String,
    pub summary: String,
    pub path: String,
    pub digest: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournalFacts {
    pub records: usize,
    /// The last line's sum: the hash of the whole journal.
    pub hash: String,
    /// Bytes at the end that were not written whole.
    pub torn_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// `real` or `simulated`.
    pub cloud: &'static str,
    /// The world's file, or the address of the simulated cloud.
    pub source: Option<String>,
    pub places: Vec<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventLine {
    pub seq: u64,
    pub at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The record's name in the journal.
    pub event: String,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    pub step: String,
    pub by: Identity,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OverrideLine {
    pub step: String,
    pub action: OverrideAction,
    pub by: Identity,
    pub reason: String,
    pub at: Timestamp,
}

/// What must be done later, and the command that does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Owed {
    pub steps: Vec<OwedStep>,
    pub command: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwedStep {
    pub id: String,
    /// The lost regions it needs.
    pub needs: Vec<String>,
}

/// What was kept beside a journal.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// The audit trail's bytes.
    pub audit: Option<Vec<u8>>,
    pub world: Option<Value>,
    pub series: Option<WorldSeries>,
    pub drill: Option<DrillRecord>,
    /// Whether a process executes the run now.
    pub alive: bool,
}

impl Document {
    /// The document of a journal as it was read.
    pub fn of(reading: &Reading, beside: Beside) -> Result<Self, Illegal> {
        let state = RunState::replay(&reading.lines)?;
        let events = events(&reading.lines)?;
        let (calls, calls_unreadable) = call::calls(beside.audit.as_deref().unwrap_or_default());
        let plan = &state.plan;
        let steps = plan.steps.iter().map(|planned| step::report(&state, planned, &reading.lines, beside.alive));
        let objectives = match &beside.drill {
            Some(drill) => drill.objectives.clone(),
            None => objective::objectives(&state, &reading.lines),
        };
        let over_time = over_time::over_time(&reading.lines, &beside);
        Ok(Self {
            v: 1,
            made_by: concat!("lifeboat ", env!("CARGO_PKG_VERSION")).to_owned(),
            run: state.run.to_string(),
            runbook: RunbookFacts {
                name: plan.runbook.name.clone(),
                summary: plan.runbook.summary.clone(),
                path: plan.runbook.path.clone(),
                digest: plan.runbook.digest.clone(),
            },
            plan: plan.digest.clone(),
            journal: JournalFacts {
                records: reading.lines.len(),
                hash: reading.last_sum().to_owned(),
                torn_bytes: reading.torn.map_or(0, |torn| torn.bytes),
            },
            environment: environment(&state),
            from: plan.from.to_string(),
            to: plan.to.to_string(),
            mode: plan.mode.to_string(),
            impaired: plan.impaired.iter().map(ToString::to_string).collect(),
            by: state.by.clone(),
            started_at: state.opened_at,
            ended_at: state.last_at,
            duration_s: seconds(state.opened_at, state.last_at),
            outcome: run_word(&state),
            ok: is_ok(&state),
            verdict: verdict(&state, beside.alive).0,
            rollback: match &state.stage {
                Stage::Forward => None,
                Stage::Back { reason, .. } => Some(reason.clone()),
            },
            objectives,
            steps: steps.collect(),
            events,
            approvals: approvals(&reading.lines),
            overrides: overrides(&state),
            owed: owed(&state),
            calls,
            calls_unreadable,
            world: beside.world,
            drill: beside.drill,
            over_time,
        })
    }
}

impl Document {
    /// How it ended, in one sentence, and whether that is well: of the drill, where one made the run.
    pub(super) fn headline(&self) -> (String, Tone) {
        match &self.drill {
            Some(drill) => {
                let (sentence, tone) = drill_screen::verdict(drill);
                (format!("drill {sentence}"), tone)
            }
            None => (self.verdict.clone(), self.tone()),
        }
    }

    fn tone(&self) -> Tone {
        match self.outcome {
            _ if self.ok => Tone::Good,
            "running" | "paused" => Tone::Warning,
            _ => Tone::Bad,
        }
    }

    /// Why an objective was not measured, where that is known.
    pub(super) fn why_not_measured(&self, objective: &Objective) -> Option<String> {
        if objective.measured.is_some() {
            return None;
        }
        match objective.name.as_str() {
            "rto" if self.outcome != "completed" => Some("the run did not arrive".to_owned()),
            "rpo" => {
                let found = &self.over_time.lag_found;
                let last = found.iter().max_by(|one, other| one.seconds.total_cmp(&other.seconds))?;
                let words = |seconds| Duration::try_from_secs_f64(seconds).map_or_else(|_| seconds.to_string(), words);
                Some(format!(
                    "{} of lag were known, from {} before the step: too old to prove it",
                    words(last.seconds),
                    words(last.age_s)
                ))
            }
            _ => None,
        }
    }
}

/// Seconds to the millisecond.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    until(from, to).as_secs_f64()
}

fn is_ok(state: &RunState) -> bool {
    match state.standing {
        Standing::Ended(RunOutcome::Completed) => true,
        Standing::Ended(RunOutcome::RolledBack) => state.steps.values().all(|step| step.failure.is_none()),
        _ => false,
    }
}

fn environment(state: &RunState) -> Environment {
    let (cloud, source) = match &state.cloud {
        CloudChoice::Real => ("real", None),
        CloudChoice::Socket(url) => ("simulated", Some(url.clone())),
        CloudChoice::World { file, .. } => ("simulated", Some(file.clone())),
    };
    let mut seen = BTreeSet::new();
    let places = state.plan.steps.iter().filter_map(|step| step.place.clone());
    let places = places.filter(|place| {
        let region = place.region.as_ref().map(ToString::to_string);
        seen.insert((place.provider.clone(), place.account.clone(), region))
    });
    Environment { cloud, source, places: places.collect() }
}

/// The journal's records in words, each told by the state as it was then.
fn events(lines: &[Journaled]) -> Result<Vec<EventLine>, Illegal> {
    let Some((first, rest)) = lines.split_first() else { return Ok(Vec::new()) };
    let mut state = RunState::open(first.at, &first.record)?;
    let mut list = vec![event_line(first, &state)];
    for line in rest {
        state.fold(line.at, &line.record)?;
        list.push(event_line(line, &state));
    }
    Ok(list)
}

fn event_line(line: &Journaled, state: &RunState) -> EventLine {
    let record = serde_json::to_value(&line.record).expect("a record is plain JSON");
    EventLine {
        seq: line.seq,
        at: line.at,
        step: line.record.step().map(ToString::to_string),
        event: record["record"].as_str().unwrap_or_default().to_owned(),
        text: event(line.at, &line.record, state).text,
    }
}

fn approvals(lines: &[Journaled]) -> Vec<Approval> {
    let given = lines.iter().filter_map(|line| match &line.record {
        Record::Approved { step, by, .. } => Some(Approval { step: step.to_string(), by: by.clone(), at: line.at }),
        _ => None,
    });
    given.collect()
}

fn overrides(state: &RunState) -> Vec<OverrideLine> {
    let made = state.overrides.iter().map(|made| OverrideLine {
        step: made.step.to_string(),
        action: made.action,
        by: made.by.clone(),
        reason: made.reason.clone(),
        at: made.at,
    });
    made.collect()
}

fn owed(state: &RunState) -> Option<Owed> {
    let command = ways::later(state, "")?;
    let steps = state.plan.steps.iter();
    let steps = steps.filter(|step| state.steps[&step.id].phase == StepPhase::Done(StepOutcome::Owed));
    let steps = steps.map(|step| OwedStep {
        id: step.id.to_string(),
        needs: match &step.skip {
            Some(Skip::Impaired(regions)) => regions.iter().map(ToString::to_string).collect(),
            Some(Skip::Condition(_)) | None => Vec::new(),
        },
    });
    Some(Owed { steps: steps.collect(), command })
}

/// A state's cells that differ, in words.
fn differences(before: &Value, target: &Value) -> Vec<Difference> {
    let names = lifeboat_contract::cells(&[before, target]);
    let different = names.iter().filter(|cell| before.get(cell) != target.get(cell));
    let different = different.map(|cell| Difference {
        cell: cell.clone(),
        before: cells::show(before.get(cell)),
        target: cells::show(target.get(cell)),
    });
    different.collect()
}

/// What a step changes in one cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub cell: String,
    pub before: String,
    pub target: String,
}
