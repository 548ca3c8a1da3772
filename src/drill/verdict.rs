//! What was asked of a drill, against what was measured. Pure; what is not known is not called zero.

use super::{
    measure::{Green, green, seconds},
    record::{Basis, Measured, Objective, ProbeRecord, Recovery, Verdict},
};
use crate::plan::{Plan, PlannedBody};
use jiff::Timestamp;
use lifeboat_contract::{Mode, clock};
use lifeboat_simulated::Figures;
use std::time::Duration;

/// The moments that figures are counted between.
#[derive(Debug, Clone, Copy)]
pub struct Moments {
    pub incident_at: Option<Timestamp>,
    /// Whether users were harmed then. A region that this program alone has lost harms nobody.
    pub harmed: bool,
    pub run_start: Timestamp,
    /// The end of the run's last step, where the run completed.
    pub last_step: Option<Timestamp>,
    /// Until when the run's success was watched: the start of the way back.
    pub watched_until: Timestamp,
}

impl Moments {
    pub(super) fn counted_from(&self) -> Timestamp {
        self.incident_at.unwrap_or(self.run_start)
    }
}

/// What the simulated world knew before the harm, before the way back, and at the end.
#[derive(Debug, Clone, Copy)]
pub struct WorldMarks<'f> {
    pub first: &'f Figures,
    pub before_back: &'f Figures,
    pub last: &'f Figures,
}

/// The time to recovery, in its parts.
pub fn recovery(moments: &Moments, probes: &[ProbeRecord]) -> Recovery {
    let from = moments.counted_from();
    let seen = green(probes, from, moments.watched_until);
    let failed = match seen {
        Green::Since { failed, .. } | Green::NotAgain { failed } => Some(failed),
        Green::Always | Green::NotMeasured => None,
    };
    Recovery {
        counted_from: if moments.incident_at.is_some() { Basis::Incident } else { Basis::RunStart },
        detection_s: failed.filter(|_| moments.harmed).map(|failed| seconds(from, failed)),
        // Where nobody is harmed, nothing has to be detected.
        decision_s: failed.filter(|_| moments.harmed).map(|failed| seconds(failed, moments.run_start).max(0.0)),
        probes_green_s: match seen {
            Green::Always => Some(0.0),
            Green::Since { green, .. } => Some(seconds(from, green)),
            Green::NotAgain { .. } | Green::NotMeasured => None,
        },
        last_step_s: moments.last_step.map(|end| seconds(from, end)),
    }
}

/// Each objective of the runbook, with its verdict. `recovered` tells whether the run completed.
pub fn objectives(
    plan: &Plan,
    unavailability: Option<Duration>,
    recovery: &Recovery,
    probes: &[ProbeRecord],
    moments: &Moments,
    world: Option<&WorldMarks<'_>>,
) -> Vec<Objective> {
    let mut found = Vec::new();
    if let Some(rto) = plan.rto {
        found.push(rto_objective(rto.get(), recovery, probes, moments));
    }
    if let Some(rpo) = plan.rpo {
        found.push(objective("rpo", rpo.get(), data_lost(plan, moments, world)));
    }
    if let Some(allowed) = unavailability {
        let worst = probes.iter().map(|probe| probe.unavailable_s).reduce(f64::max);
        let source = "the probe that fared worst, over and back".to_owned();
        found.push(objective("unavailability", allowed, worst.map(|seconds| Measured { seconds, source })));
    }
    for probe in probes {
        let Some(allowed_s) = probe.tolerance_s else { continue };
        let verdict = match probe.met {
            None => Verdict::NotMeasured,
            Some(true) => Verdict::Met,
            Some(false) => Verdict::Missed,
        };
        let measured = probe.met.map(|_| {
            let source = format!("longest outage in {} samples", probe.samples.len());
            Measured { seconds: probe.longest_outage_s, source }
        });
        found.push(Objective { name: format!("probe {}", probe.name), allowed_s, measured, verdict });
    }
    found
}

fn rto_objective(rto: Duration, recovery: &Recovery, probes: &[ProbeRecord], moments: &Moments) -> Objective {
    let Some(last_step_s) = recovery.last_step_s else {
        // The run did not get there: whatever probes say, nobody recovered by it.
        return Objective { verdict: Verdict::Missed, ..objective("rto", rto, None) };
    };
    let measured = match (green(probes, moments.counted_from(), moments.watched_until), recovery.probes_green_s) {
        (Green::NotAgain { .. }, _) => {
            return Objective { verdict: Verdict::Missed, ..objective("rto", rto, None) };
        }
        (Green::Always, _) => Some(Measured { seconds: 0.0, source: "probes: never interrupted".to_owned() }),
        (_, Some(seconds)) => Some(Measured { seconds, source: "probes".to_owned() }),
        (_, None) => Some(Measured { seconds: last_step_s, source: "the end of the last step; no probes".to_owned() }),
    };
    objective("rto", rto, measured)
}

fn objective(name: &str, allowed: Duration, measured: Option<Measured>) -> Objective {
    let allowed_s = allowed.as_secs_f64();
    let verdict = match &measured {
        None => Verdict::NotMeasured,
        Some(measured) if measured.seconds > allowed_s => Verdict::Missed,
        Some(_) => Verdict::Met,
    };
    Objective { name: name.to_owned(), allowed_s, measured, verdict }
}

/// How much data was lost, as time: the world's own count where there is one, else the lag seen when the run was planned.
fn data_lost(plan: &Plan, moments: &Moments, world: Option<&WorldMarks<'_>>) -> Option<Measured> {
    if let Some(measured) = world.and_then(lost_in_world) {
        return Some(measured);
    }
    // The cell of a database names its lag alike, whichever cloud it is in.
    let lags = plan.steps.iter().filter_map(|step| match &step.body {
        PlannedBody::Change(change) => {
            let known = change.facts.get("lag")?.get("known")?;
            Some((known.get("lag_ms")?.as_u64()?, known.get("age_ms")?.as_u64()?))
        }
        _ => None,
    });
    let (lag_ms, age_ms) = lags.max()?;
    let age = clock::until(plan.made_at, moments.run_start) + Duration::from_millis(age_ms);
    let what = match plan.mode {
        Mode::Switchover => "replication lag; a switchover waits it out",
        Mode::Failover => "replication lag",
    };
    let source = format!("{what}, {} s old", age.as_secs());
    Some(Measured { seconds: Duration::from_millis(lag_ms).as_secs_f64(), source })
}

/// Lost writes, at the rate at which writes were acknowledged while users were served.
fn lost_in_world(world: &WorldMarks<'_>) -> Option<Measured> {
    let (first, last) = (world.first, world.last);
    let acknowledged = last.acknowledged_writes.checked_sub(first.acknowledged_writes).filter(|count| *count > 0)?;
    let lost = last.lost_writes.saturating_sub(first.lost_writes);
    let served_s = (last.elapsed_s - first.elapsed_s) - (last.unavailable_s - first.unavailable_s);
    #[expect(clippy::cast_precision_loss, reason = "counts of a simulated world are small")]
    let seconds = lost as f64 * served_s.max(0.0) / acknowledged as f64;
    let source = match lost {
        0 => "the simulated world: no write was lost".to_owned(),
        1 => "the simulated world: 1 write was lost".to_owned(),
        _ => format!("the simulated world: {lost} writes were lost"),
    };
    Some(Measured { seconds, source })
}

/// The verdict of all objectives: one that is missed decides, and one that was measured is needed.
pub fn verdict(objectives: &[Objective]) -> Verdict {
    if objectives.iter().any(|objective| objective.verdict == Verdict::Missed) {
        Verdict::Missed
    } else if objectives.iter().any(|objective| objective.verdict == Verdict::Met) {
        Verdict::Met
    } else {
        Verdict::NotMeasured
    }
}
