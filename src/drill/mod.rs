//! Drills: a run, its verification, the way back, its verification, and figures that an auditor accepts.
//!
//! Makes no run itself: the command line does, with what every run is made with.

pub mod agreement;
pub mod measure;
pub mod probes;
mod record;
pub mod snapshot;
pub mod trend;
pub mod verdict;

pub use record::{
    Agreement, Basis, DrillRecord, Leg, Measured, Objective, Phase, ProbeRecord, Recovery, Sample, StepTrend, Verdict,
    Way,
};
