//! What happened over time, in numbers: what the simulated world noted, what probes saw, what steps found out.
//!
//! Every line holds changes alone. Draws nothing.

use super::Beside;
use crate::{
    drill::{Basis, DrillRecord, ProbeRecord},
    journal::{Journaled, Record},
};
use jiff::Timestamp;
use lifeboat_contract::clock::after;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// What the simulated world noted, as it was kept beside the journal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WorldSeries {
    pub incidents: Vec<Occurrence>,
    /// By client: who served its requests. A share holds until the next.
    pub traffic: BTreeMap<String, Vec<Share>>,
    /// By replica. Between two points it is on the straight line.
    pub lag: BTreeMap<String, Vec<Lag>>,
    /// The end of what was noted.
    pub until: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    pub at: Timestamp,
    pub what: String,
}

/// What became of a client's requests from this moment on, in parts of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    pub at: Timestamp,
    pub served: BTreeMap<String, f64>,
    pub failed: f64,
}

/// How far a replica was behind; nothing since it follows nobody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    pub at: Timestamp,
    pub seconds: Option<f64>,
}

/// Everything a report has over time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OverTime {
    pub incidents: Vec<Occurrence>,
    /// Since when all that failed was served again: as the probes tell, else the simulated world.
    pub recovered_at: Option<Timestamp>,
    pub availability: Vec<Availability>,
    /// Of a simulated world alone: nobody sees the traffic of others on a real cloud.
    pub traffic: BTreeMap<String, Vec<Share>>,
    /// The replication lag as a simulated world knows it.
    pub lag: BTreeMap<String, Vec<Lag>>,
    /// The replication lag as steps found it before they changed anything.
    pub lag_found: Vec<LagFound>,
}

/// How much of what was asked was answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Availability {
    pub of: String,
    pub seen_by: SeenBy,
    /// The part that succeeded, from each moment until the next.
    pub changes: Vec<Available>,
    pub until: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenBy {
    Probe,
    SimulatedWorld,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Available {
    pub at: Timestamp,
    pub part: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LagFound {
    pub at: Timestamp,
    pub step: String,
    pub seconds: f64,
    /// How old the figure was when the step found it.
    pub age_s: f64,
}

pub(super) fn over_time(lines: &[Journaled], beside: &Beside) -> OverTime {
    let mut over_time = OverTime { lag_found: lag_found(lines), ..OverTime::default() };
    if let Some(drill) = &beside.drill {
        over_time.recovered_at = green_at(drill, lines);
        over_time.availability.extend(drill.probes.iter().map(|probe| seen(probe, drill.ended_at)));
    }
    if let Some(world) = &beside.series {
        over_time.recovered_at = over_time.recovered_at.or_else(|| recovered_at(&world.traffic));
        let served = world.traffic.iter().map(|(client, line)| Availability {
            of: client.clone(),
            seen_by: SeenBy::SimulatedWorld,
            changes: changes(line.iter().map(|share| (share.at, 1.0 - share.failed))),
            until: world.until,
        });
        over_time.availability.extend(served);
        over_time.incidents.clone_from(&world.incidents);
        over_time.traffic.clone_from(&world.traffic);
        over_time.lag.clone_from(&world.lag);
    }
    if let Some(at) = beside.drill.as_ref().and_then(|drill| drill.incident_at)
        && over_time.incidents.is_empty()
    {
        over_time.incidents.push(Occurrence { at, what: "incident".to_owned() });
    }
    over_time
}

/// Since when the probes are green, where they were not all the time.
fn green_at(drill: &DrillRecord, lines: &[Journaled]) -> Option<Timestamp> {
    let basis = match drill.recovery.counted_from {
        Basis::Incident => drill.incident_at,
        Basis::RunStart => lines.first().map(|line| line.at),
    };
    let took = Duration::try_from_secs_f64(drill.recovery.probes_green_s?).ok()?;
    let failed = drill.probes.iter().any(|probe| probe.samples.iter().any(|sample| !sample.ok));
    basis.filter(|_| failed).map(|from| after(from, took))
}

fn seen(probe: &ProbeRecord, until: Timestamp) -> Availability {
    let parts = probe.samples.iter().map(|sample| (sample.at, if sample.ok { 1.0 } else { 0.0 }));
    Availability { of: probe.name.clone(), seen_by: SeenBy::Probe, changes: changes(parts), until }
}

fn changes(parts: impl Iterator<Item = (Timestamp, f64)>) -> Vec<Available> {
    let mut changes: Vec<Available> = Vec::new();
    for (at, part) in parts {
        #[expect(clippy::float_cmp, reason = "what did not change is the very same number")]
        let is_new = changes.last().is_none_or(|last| last.part != part);
        if is_new {
            changes.push(Available { at, part });
        }
    }
    changes
}

/// The end of the last failure, where all that ever failed is served again.
fn recovered_at(traffic: &BTreeMap<String, Vec<Share>>) -> Option<Timestamp> {
    let mut latest = None;
    for line in traffic.values() {
        let Some(last_failure) = line.iter().rposition(|share| share.failed > 0.0) else { continue };
        latest = latest.max(Some(line.get(last_failure + 1)?.at));
    }
    latest
}

/// What steps captured with their intents.
fn lag_found(lines: &[Journaled]) -> Vec<LagFound> {
    let found = lines.iter().filter_map(|line| {
        let Record::StepStarted { step, facts, .. } = &line.record else { return None };
        let known = facts.get("lag")?.get("known")?;
        let seconds = |name: &str| Some(Duration::from_millis(known.get(name)?.as_u64()?).as_secs_f64());
        Some(LagFound { at: line.at, step: step.to_string(), seconds: seconds("lag_ms")?, age_s: seconds("age_ms")? })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn line(parts: &[(i64, f64)]) -> Vec<Share> {
        parts.iter().map(|&(second, failed)| Share { at: at(second), served: BTreeMap::new(), failed }).collect()
    }

    fn traffic(lines: &[&[(i64, f64)]]) -> BTreeMap<String, Vec<Share>> {
        lines.iter().enumerate().map(|(number, parts)| (number.to_string(), line(parts))).collect()
    }

    #[test]
    fn recovery_is_when_the_last_of_all_is_served_again() {
        let (calm, brief, long) = ([(0, 0.0)], [(0, 0.0), (5, 1.0), (9, 0.0)], [(0, 0.5), (20, 0.2), (30, 0.0)]);
        assert_eq!(recovered_at(&traffic(&[&calm])), None, "nothing to recover from");
        assert_eq!(recovered_at(&traffic(&[&calm, &brief])), Some(at(9)));
        assert_eq!(recovered_at(&traffic(&[&long, &brief])), Some(at(30)));
        assert_eq!(recovered_at(&traffic(&[&brief, &[(0, 0.0), (7, 0.1)]])), None, "one fails still");
    }

    #[test]
    fn samples_become_changes() {
        let parts = [(0, 1.0), (1, 1.0), (2, 0.0), (3, 0.0), (4, 1.0)].map(|(second, part)| (at(second), part));
        let told: Vec<_> = changes(parts.into_iter()).iter().map(|change| (change.at, change.part)).collect();
        assert_eq!(told, [(at(0), 1.0), (at(2), 0.0), (at(4), 1.0)]);
    }
}
