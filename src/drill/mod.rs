//! Drills: a run, its verification, the way back, its verification, and figures that an auditor accepts.

mod record;

pub use record::{
    Basis, DrillRecord, Leg, Measured, Objective, Phase, ProbeRecord, Recovery, Sample, StepTrend, Verdict,
};
