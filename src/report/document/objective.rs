//! What the runbook asked of a run, and what its journal says about that.
//!
//! A drill measures more; its objectives replace these.

use super::seconds;
use crate::{
    drill::{Measured, Objective, Verdict},
    engine::{RunState, Stage, Standing},
    journal::{Journaled, Record, RunOutcome},
};
use lifeboat_contract::Span;
use std::time::Duration;

/// The objectives that the plan carries.
pub(super) fn objectives(state: &RunState, lines: &[Journaled]) -> Vec<Objective> {
    let rto = state.plan.rto.map(|allowed| judged("rto", allowed, time(state, lines)));
    let rpo = state.plan.rpo.map(|allowed| judged("rpo", allowed, lag(lines, allowed)));
    rto.into_iter().chain(rpo).collect()
}

fn judged(name: &str, allowed: Span, measured: Option<Measured>) -> Objective {
    let allowed_s = allowed.get().as_secs_f64();
    let verdict = match &measured {
        None => Verdict::NotMeasured,
        Some(measured) if measured.seconds <= allowed_s => Verdict::Met,
        Some(_) => Verdict::Missed,
    };
    Objective { name: name.to_owned(), allowed_s, measured, verdict }
}

/// The time of a run that arrived; of one that did not, no time to recovery is known. A rollback that came later does not count.
fn time(state: &RunState, lines: &[Journaled]) -> Option<Measured> {
    let forward = state.stage == Stage::Forward && state.standing == Standing::Ended(RunOutcome::Completed);
    let end = lines.iter().find(|line| matches!(line.record, Record::RunEnded { outcome: RunOutcome::Completed }))?;
    let source = if forward {
        "the run, from its start to its last step"
    } else {
        "the run, from its start to its last step; it was rolled back later"
    };
    Some(Measured { seconds: seconds(state.opened_at, end.at), source: source.to_owned() })
}

/// The largest replication lag that a step captured with its intent. A small lag that was seen too long ago proves nothing: what
/// was written since may be lost as well, and an objective is not called met on it.
fn lag(lines: &[Journaled], allowed: Span) -> Option<Measured> {
    let captured = lines.iter().filter_map(|line| match &line.record {
        Record::StepStarted { facts, .. } => {
            let known = facts.get("lag")?.get("known")?;
            Some((known.get("lag_ms")?.as_u64()?, known.get("age_ms")?.as_u64()?))
        }
        _ => None,
    });
    let (lag_ms, age_ms) = captured.max()?;
    let lag = Duration::from_millis(lag_ms);
    let is_stale = lag.saturating_add(Duration::from_millis(age_ms)) > allowed.get();
    if lag <= allowed.get() && is_stale {
        return None;
    }
    Some(Measured {
        seconds: lag.as_secs_f64(),
        source: format!("replication lag before the step, {} s old", age_ms / 1_000),
    })
}
