//! A resolved runbook: one run's intent applied to a runbook, with every template replaced and every step decoded.
//!
//! These are the values that a plan is built of. Nothing here reads YAML, and nothing here observes a cloud.

use super::{gates, provider::ProviderConfig};
use lifeboat_contract::{
    AcceptedLoss, Catalog, DecodeError, DynChange, DynCheck, DynTask, Mode, Place, Region, RunContext, SiteId, Step,
    StepId, Touches,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

/// What an operator asks a runbook to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The site to make active.
    pub to: SiteId,
    /// The site that is active now; the only other one, unless given.
    pub from: Option<SiteId>,
    pub mode: Mode,
    pub accepted_loss: Option<AcceptedLoss>,
    /// The regions that the operator declares lost.
    pub impaired: BTreeSet<Region>,
    /// Inputs by name, as text; each is read as its declared type.
    pub inputs: BTreeMap<String, String>,
}

/// A runbook for one intent. Its steps stand in an order that respects every edge and is otherwise the document's.
#[derive(Debug)]
pub struct ResolvedRunbook {
    pub name: String,
    pub summary: String,
    /// Where it was read.
    pub path: String,
    /// The source, as it was read.
    pub text: String,
    /// The key that keeps two runs apart.
    pub lock: String,
    pub rto: Option<Duration>,
    pub rpo: Option<Duration>,
    pub unavailability: Option<Duration>,
    pub probes: Vec<ResolvedProbe>,
    pub inputs: BTreeMap<String, Value>,
    pub secrets: BTreeMap<String, SecretSource>,
    pub providers: BTreeMap<String, ProviderConfig>,
    pub to: SiteId,
    pub from: SiteId,
    pub mode: Mode,
    pub accepted_loss: Option<AcceptedLoss>,
    pub impaired: BTreeSet<Region>,
    pub on_failure: OnFailure,
    pub steps: Vec<ResolvedStep>,
}

impl ResolvedRunbook {
    /// The run, as a step at `place` may know it.
    pub fn context(&self, place: Option<&Place>) -> RunContext {
        RunContext {
            mode: self.mode,
            accepted_loss: self.accepted_loss,
            rpo: self.rpo,
            impaired: self.impaired.clone(),
            to: self.to.clone(),
            from: self.from.clone(),
            place: place.cloned(),
        }
    }
}

/// A step whose templates are replaced and whose kind has read them.
#[derive(Debug)]
pub struct ResolvedStep {
    pub id: StepId,
    pub name: Option<String>,
    pub kind: String,
    /// What the kind was given, for the plan's digest and for decoding it again.
    pub with: Value,
    /// What the kind was given for the way back, where the runbook declares one.
    pub undo: Option<Value>,
    pub body: Body,
    pub place: Option<Place>,
    pub needs: Vec<StepId>,
    /// The `if` that was false, as written.
    pub skipped_by: Option<String>,
    pub timeout: Option<Duration>,
    pub retry: RetryPolicy,
    pub on_failure: OnFailure,
    pub on_impaired: Option<OnImpaired>,
}

/// A question that a drill keeps asking while the run goes over and back.
#[derive(Debug)]
pub struct ResolvedProbe {
    pub name: String,
    pub kind: String,
    pub check: Box<dyn DynCheck>,
    /// What the check was given.
    pub with: Value,
    pub interval: Duration,
    /// How long it may fail in one piece.
    pub tolerance: Option<Duration>,
}

/// What a step does.
#[derive(Debug)]
pub enum Body {
    Change(Box<dyn DynChange>),
    Check(Box<dyn DynCheck>),
    /// Opaque work, and its way back where the runbook declares one.
    Task {
        task: Box<dyn DynTask>,
        undo: Option<Box<dyn DynTask>>,
    },
    /// Waits; the engine's own gate.
    Wait(Duration),
    /// Asks a person; the engine's own gate.
    Approval {
        message: Option<String>,
    },
}

impl Body {
    /// What the step owns and needs, as far as it can tell without an observation.
    pub fn touches(&self, run: &RunContext) -> Touches {
        match self {
            Self::Change(change) => change.touches(run, None),
            Self::Check(check) => check.touches(run),
            Self::Task { task, .. } => task.touches(run),
            Self::Wait(_) | Self::Approval { .. } => Touches::default(),
        }
    }

    /// How long the step may take where the runbook does not say. Only a person's approval has no bound.
    pub fn default_timeout(&self) -> Option<Duration> {
        match self {
            Self::Change(change) => Some(change.pace().settle_timeout),
            Self::Check(check) => Some(check.cadence().timeout),
            Self::Task { task, .. } => Some(task.pace().timeout),
            Self::Wait(duration) => Some(*duration),
            Self::Approval { .. } => None,
        }
    }

    /// The same body with a way back. Only a task takes one.
    #[must_use]
    pub fn with_undo(self, way_back: Self) -> Self {
        match (self, way_back) {
            (Self::Task { task, .. }, Self::Task { task: undo, .. }) => Self::Task { task, undo: Some(undo) },
            (body, _) => body,
        }
    }
}

/// What a run does when a step has failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Puts everything back.
    #[default]
    Rollback,
    /// Waits for an operator.
    Pause,
    /// Ends the run where it stands.
    Stop,
}

/// What becomes of a step whose control plane is in a lost region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnImpaired {
    /// Left out, and owed: the report says how to do it later.
    Skip,
    /// The run is refused.
    Refuse,
}

/// How often a failed drive is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts altogether, the first included.
    pub attempts_max: u32,
    /// The pause after the first failed attempt; it doubles with each further one.
    pub backoff: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts_max: 4, backoff: Duration::from_secs(2) }
    }
}

/// Where a secret's value comes from, just before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// The name of an environment variable.
    Env(String),
    /// A file whose whole text, without its last line break, is the value.
    File(PathBuf),
}

/// Reads a resolved `with` as its kind does: the catalog's kinds and the engine's gates alike.
///
/// Used when a runbook is resolved, and again when a journaled plan is resumed.
pub fn decode_step(catalog: &Catalog, kind: &str, with: &Value) -> Result<Body, DecodeError> {
    if let Some(gate) = gates::decode(kind, with) {
        return gate;
    }
    let entry = catalog
        .get(kind)
        .ok_or_else(|| DecodeError { path: Vec::new(), message: format!("this build knows no kind {kind:?}") })?;
    Ok(match entry.decode(with.clone())? {
        Step::Change(change) => Body::Change(change),
        Step::Check(check) => Body::Check(check),
        Step::Task(task) => Body::Task { task, undo: None },
    })
}

/// Reads a planned step again, way back included.
pub fn decode_planned(catalog: &Catalog, kind: &str, with: &Value, undo: Option<&Value>) -> Result<Body, DecodeError> {
    let body = decode_step(catalog, kind, with)?;
    match undo {
        Some(undo) => Ok(body.with_undo(decode_step(catalog, kind, undo)?)),
        None => Ok(body),
    }
}
