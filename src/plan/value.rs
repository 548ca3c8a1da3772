//! The plan as a value, and the questions that can be answered from it alone.

use crate::runbook::{OnFailure, OnImpaired, ProviderConfig, RetryPolicy, SecretSource};
use jiff::Timestamp;
use lifeboat_contract::{
    AcceptedLoss, Mode, Place, Refusal, Region, Reversal, RunContext, SiteId, Span, StepId, Touches,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A frozen, self-contained list of decoded steps, edges and predicted changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this format.
    pub v: u32,
    pub runbook: RunbookText,
    pub lock: String,
    pub to: SiteId,
    pub from: SiteId,
    pub mode: Mode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_loss: Option<AcceptedLoss>,
    pub impaired: BTreeSet<Region>,
    pub inputs: BTreeMap<String, Value>,
    pub secrets: BTreeMap<String, SecretSource>,
    pub providers: BTreeMap<String, ProviderConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo: Option<Span>,
    pub on_failure: OnFailure,
    /// In an order that respects every edge.
    pub steps: Vec<PlannedStep>,
    /// What else the operator must know. Not part of the digest: it depends on where the plan is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// When the world was observed. Not part of the digest.
    pub made_at: Timestamp,
    /// SHA-256 over the canonical JSON of what was decided (not of lag, times or facts).
    pub digest: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunbookText {
    pub name: String,
    pub summary: String,
    /// Where it was read, for the commands that are printed. Not part of the digest.
    #[serde(default)]
    pub path: String,
    pub text: String,
    /// SHA-256 of the text.
    pub digest: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    pub id: StepId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub kind: String,
    pub with: Value,
    /// What the kind was given for the way back, where the runbook declares one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    pub needs: Vec<StepId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    pub retry: RetryPolicy,
    pub on_failure: OnFailure,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_impaired: Option<OnImpaired>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<Skip>,
    pub body: PlannedBody,
    pub touches: Touches,
    /// Why the step must not be done now. A plan with refusals is not executed.
    pub refusals: Vec<Refusal>,
    /// What the operator must know of this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Something about the plan as a whole that keeps nobody from executing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// A stable name: `region.credentials`.
    pub code: String,
    pub message: String,
    /// What to do instead.
    pub hint: String,
}

/// Why a step is not executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// Its `if` does not hold; holds the condition.
    Condition(String),
    /// It needs a lost region: it is owed, and the report says so.
    Impaired(BTreeSet<Region>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedBody {
    Change(PlannedChange),
    Check {
        question: String,
    },
    Task(PlannedTask),
    Wait {
        duration: Span,
    },
    Approval {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// What was observed, or what an earlier step will have left. `None` where it could not be observed.
    pub before: Option<Value>,
    pub target: Option<Value>,
    /// Whether `before` is an earlier step's target and not an observation.
    pub predicted: bool,
    pub reversal: Reversal,
    /// What the kind knew besides: shown, never compared.
    pub facts: Value,
}

/// Opaque work: what it changes cannot be observed, so neither can it be foreseen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedTask {
    pub work: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// Whether an attempt of unknown outcome may be repeated.
    pub repeatable: bool,
    pub reversal: Reversal,
}

impl PlannedChange {
    /// Whether the world stands at the target already.
    pub fn is_nothing(&self) -> bool {
        self.before.is_some() && self.before == self.target
    }
}

impl PlannedStep {
    /// Whether a run would change anything through this step.
    pub fn changes(&self) -> bool {
        self.skip.is_none()
            && match &self.body {
                PlannedBody::Change(change) => !change.is_nothing(),
                PlannedBody::Task(_) => true,
                PlannedBody::Check { .. } | PlannedBody::Wait { .. } | PlannedBody::Approval { .. } => false,
            }
    }

    /// Whether the step can be undone; nothing for one that changes nothing by its nature.
    pub fn reversal(&self) -> Option<&Reversal> {
        match &self.body {
            PlannedBody::Change(change) => Some(&change.reversal),
            PlannedBody::Task(task) => Some(&task.reversal),
            PlannedBody::Check { .. } | PlannedBody::Wait { .. } | PlannedBody::Approval { .. } => None,
        }
    }

    /// The step as a step kind sees the run.
    pub fn run_context(&self, plan: &Plan) -> RunContext {
        RunContext {
            mode: plan.mode,
            accepted_loss: plan.accepted_loss,
            rpo: plan.rpo.map(Span::get),
            impaired: plan.impaired.clone(),
            to: plan.to.clone(),
            from: plan.from.clone(),
            place: self.place.clone(),
        }
    }
}

impl Plan {
    /// The first step after which the run cannot be taken back automatically.
    pub fn point_of_no_return(&self) -> Option<&PlannedStep> {
        self.steps
            .iter()
            .find(|step| step.changes() && step.reversal().is_some_and(|reversal| *reversal != Reversal::Restores))
    }

    pub fn refusals(&self) -> impl Iterator<Item = (&PlannedStep, &Refusal)> {
        self.steps.iter().flat_map(|step| step.refusals.iter().map(move |refusal| (step, refusal)))
    }

    pub fn is_refused(&self) -> bool {
        self.refusals().next().is_some()
    }

    /// Whether the plan is the one its digest was made of.
    pub fn digest_holds(&self) -> bool {
        super::digest::digest(self) == self.digest
    }

    pub fn step(&self, id: &StepId) -> Option<&PlannedStep> {
        self.steps.iter().find(|step| step.id == *id)
    }
}
