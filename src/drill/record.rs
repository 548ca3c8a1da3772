//! What a drill measured: kept beside the journals of its runs, printed as a verdict, drawn in reports.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Everything a drill found out, from its start to its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrillRecord {
    /// Of this record's form.
    pub v: u32,
    /// The drill's own id, made like a run's.
    #[serde(default)]
    pub id: String,
    pub runbook: String,
    pub runbook_digest: String,
    pub from: String,
    pub to: String,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// When the harm was done: by the world's incident, or by `--impair`. Without one a drill counts from the start of its run.
    pub incident_at: Option<Timestamp>,
    /// The regions that `--impair` cut this program off from; that alone harms nobody.
    #[serde(default)]
    pub impaired: Vec<String>,
    pub legs: Vec<Leg>,
    pub probes: Vec<ProbeRecord>,
    pub recovery: Recovery,
    pub objectives: Vec<Objective>,
    pub trend: Vec<StepTrend>,
    /// The simulated world's own figures at the end; nothing on a real cloud.
    pub world: Option<serde_json::Value>,
    /// What probes measured beside what the simulated world knows.
    #[serde(default)]
    pub agreement: Vec<Agreement>,
    /// What an auditor and an operator must know besides: what differs, what is owed.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The operator interrupted it: it says nothing of the runbook.
    #[serde(default)]
    pub interrupted: bool,
    /// The commands that end what the drill left half-way.
    #[serde(default)]
    pub ways: Vec<Way>,
    pub verdict: Verdict,
}

/// A command to type next, as it is, and what it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    pub command: String,
    pub does: String,
}

/// One figure, measured twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// `time to recovery, from the first failure`.
    pub figure: String,
    pub probes_s: Option<f64>,
    pub world_s: Option<f64>,
    /// The part of it in which all requests failed, where in the rest only some did: there a probe may see either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub world_all_s: Option<f64>,
    /// The sampling interval: no probe can be exacter.
    pub within_s: f64,
    /// Whether the two are as close as that. Where they are not, one of the two is wrong.
    pub agrees: bool,
}

/// One stretch of a drill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    pub phase: Phase,
    /// The run that did it; a dwell has none.
    pub run: Option<String>,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// How it ended, in words: `completed`, `rolled back`, `the state equals the first snapshot`.
    pub outcome: String,
    pub ok: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Preconditions,
    Go,
    Dwell,
    Back,
    Verify,
}

/// A continuous probe, with all its samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeRecord {
    pub name: String,
    /// `http`, `tcp`, `mllp`.
    pub kind: String,
    /// What it asks: `http://vip.example/`, `mllp.engine.example:2575`.
    #[serde(default)]
    pub asks: String,
    pub interval_s: f64,
    /// How long it may fail in one piece.
    pub tolerance_s: Option<f64>,
    pub samples: Vec<Sample>,
    /// The time between a failed sample and the next good one, summed.
    pub unavailable_s: f64,
    pub longest_outage_s: f64,
    pub met: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub at: Timestamp,
    pub ok: bool,
    pub latency_ms: u64,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// The time to recovery, in its parts. `None` is not known, never zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    pub counted_from: Basis,
    /// From the incident to the first failed sample.
    pub detection_s: Option<f64>,
    /// From the first failed sample to the start of the run.
    pub decision_s: Option<f64>,
    /// From `counted_from` until all probes were green for N samples in a row, at the first of these.
    pub probes_green_s: Option<f64>,
    /// From `counted_from` to the end of the run's last step.
    pub last_step_s: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    Incident,
    RunStart,
}

/// One thing that was asked of the drill, and what was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// `rto`, `rpo`, `unavailability`, or `probe NAME`.
    pub name: String,
    pub allowed_s: f64,
    pub measured: Option<Measured>,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub seconds: f64,
    /// Where the figure comes from: `probes`, `replication lag, 4 s old`, `the simulated world`.
    pub source: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Met,
    Missed,
    NotMeasured,
}

/// A step's time against earlier drills of the same runbook in the same direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepTrend {
    pub step: String,
    pub this_s: f64,
    pub p50_s: Option<f64>,
    pub p95_s: Option<f64>,
    /// How many earlier drills these come from.
    pub earlier: usize,
    pub slower: bool,
}
