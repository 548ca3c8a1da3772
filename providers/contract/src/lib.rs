//! What a step kind promises the engine, and what the engine promises a step kind.
//!
//! A change is a move between two observed states: a kind declares the slice of the world it owns, how to observe it, which
//! state the runbook asks for, and how to drive the world from one state to another. The engine does the rest, once.
//!
//! This crate depends on no other crate of ours, and names no cloud.

pub mod catalog;
pub mod chance;
pub mod change;
pub mod check;
pub mod clock;
pub mod conformance;
pub mod cx;
pub mod dependency;
pub mod error;
pub mod fields;
pub mod findings;
pub mod ids;
pub mod parity;
pub mod position;
pub mod run_context;
pub mod task;
pub mod wire;

pub use catalog::{
    Catalog, ComparableEntry, DecodeError, DynChange, DynCheck, DynTask, KindEntry, ObservedValue, Shape, Step,
    TransitionValue,
};
pub use chance::Chance;
pub use change::{
    Change, ControlPlane, Direction, Foreseen, Grants, Observed, Pace, Permission, Phase, Refusal, Reversal, Touches,
    Transition,
};
pub use check::{Answer, Cadence, Check};
pub use clock::{Clock, SharedClock, SystemClock, TokioClock};
pub use cx::{CommandsAllowed, Cx, Secrets};
pub use dependency::{Dependency, DependsOn};
pub use error::{CallError, CallFailure, Effect, Retry};
pub use fields::{Secret, Span};
pub use findings::{Code, DocumentPath, Finding, Findings, Severity, codes};
pub use ids::{CellKey, Region, ResourceKey, RunId, SiteId, StepId};
pub use parity::{Aspect, Comparable, DynComparable, Snapshot, Weight};
pub use position::{Position, cells};
pub use run_context::{AcceptedLoss, Mode, Place, RunContext};
pub use task::{Performed, Task, TaskPace};
pub use wire::{Access, Call, CallLabel, CallScope, Duplex, Sent, SharedWire, Wire, WireError, WireFailure};
