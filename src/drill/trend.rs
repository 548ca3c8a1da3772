//! How long steps took in earlier drills of the same runbook in the same direction. Pure but for reading the records.

use super::record::{DrillRecord, Phase, StepTrend};
use crate::engine::RunState;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// With fewer earlier drills than this, nothing is called slower than usual.
const EARLIER_MIN: usize = 5;
const SUFFIX: &str = ".drill.json";

/// A drill's record could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {path}")]
pub struct RecordError {
    path: String,
    #[source]
    source: io::Error,
}

/// Where the record of a drill is kept: beside the journals of its runs.
pub fn path(root: &Path, id: &str) -> PathBuf {
    root.join("runs").join(format!("{id}{SUFFIX}"))
}

/// Writes a record whole: beside its file, and then renamed.
pub fn write(root: &Path, record: &DrillRecord) -> Result<PathBuf, RecordError> {
    let path = path(root, &record.id);
    let failed = |source| RecordError { path: path.display().to_string(), source };
    let text = serde_json::to_string_pretty(record).map_err(io::Error::other).map_err(failed)?;
    fs::create_dir_all(root.join("runs")).map_err(failed)?;
    let beside = path.with_extension("json.new");
    fs::write(&beside, text + "\n").and_then(|()| fs::rename(&beside, &path)).map_err(failed)?;
    Ok(path)
}

/// The records of all drills, oldest first.
pub fn read_all(root: &Path) -> Result<Vec<DrillRecord>, RecordError> {
    let folder = root.join("runs");
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| RecordError { path, source }
    };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(&folder)(error)),
    };
    let mut records = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed(&folder))?.path();
        if path.to_string_lossy().ends_with(SUFFIX) {
            let text = fs::read(&path).map_err(failed(&path))?;
            let record: DrillRecord = serde_json::from_slice(&text).map_err(io::Error::other).map_err(failed(&path))?;
            records.push(record);
        }
    }
    records.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(records)
}

/// Whether a record is of a drill of this runbook in this direction.
pub fn is_alike(record: &DrillRecord, runbook: &str, from: &str, to: &str) -> bool {
    record.runbook == runbook && record.from == from && record.to == to
}

/// The time of each step of the run against the same step's in earlier drills.
pub fn trend(state: &RunState, earlier: &[&DrillRecord]) -> Vec<StepTrend> {
    let took = state.plan.steps.iter().filter_map(|step| {
        let state = &state.steps[&step.id];
        Some((step.id.to_string(), super::measure::seconds(state.began_at?, state.ended_at?)))
    });
    took.map(|(step, this_s)| {
        let times = times_of(&step, earlier);
        let (p50_s, p95_s) = (percentile(&times, 50), percentile(&times, 95));
        let slower = times.len() >= EARLIER_MIN && p95_s.is_some_and(|p95| this_s > p95);
        StepTrend { step, this_s, p50_s, p95_s, earlier: times.len(), slower }
    })
    .collect()
}

/// How long a run takes, by the drills before.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Estimate {
    pub p50_s: f64,
    pub p95_s: f64,
    /// How many drills it comes from.
    pub drills: usize,
}

/// The estimate for a run of this runbook in this direction. Nothing before the first drill that completed.
pub fn estimate(records: &[DrillRecord], runbook: &str, from: &str, to: &str) -> Option<Estimate> {
    let alike = records.iter().filter(|record| is_alike(record, runbook, from, to));
    let went = alike.flat_map(|record| record.legs.iter().filter(|leg| leg.phase == Phase::Go && leg.ok));
    let mut times: Vec<f64> = went.map(|leg| super::measure::seconds(leg.started_at, leg.ended_at)).collect();
    times.sort_by(f64::total_cmp);
    Some(Estimate { p50_s: percentile(&times, 50)?, p95_s: percentile(&times, 95)?, drills: times.len() })
}

/// How long a step took in each of the records that know it, shortest first.
pub fn times_of(step: &str, records: &[&DrillRecord]) -> Vec<f64> {
    let of = |record: &&DrillRecord| record.trend.iter().find(|trend| trend.step == step).map(|trend| trend.this_s);
    let mut times: Vec<f64> = records.iter().filter_map(of).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// By nearest rank: the smallest value that at least so many of a hundred do not exceed.
pub fn percentile(sorted: &[f64], of_hundred: usize) -> Option<f64> {
    let rank = (sorted.len() * of_hundred).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 95)), (Some(10.0), Some(19.0)));
        assert_eq!((percentile(&values[..1], 50), percentile(&values[..1], 95)), (Some(1.0), Some(1.0)));
        assert_eq!(percentile(&[], 95), None);
    }
}
