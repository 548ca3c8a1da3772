//! A task: opaque work whose effect cannot be observed. A command, or an HTTP request to something that is no cloud.
//!
//! The engine cannot compare states here, so a task says what observation says elsewhere: whether doing it twice equals doing it
//! once. Its way back is another task of the same kind, which the runbook declares.

use crate::{
    change::{Refusal, Touches},
    cx::Cx,
    error::CallError,
    findings::Findings,
    run_context::RunContext,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{fmt::Debug, time::Duration};

/// A step kind whose effect is undetermined. The struct is the schema, the documentation and the parser of `with` and of `undo`.
pub trait Task: DeserializeOwned + JsonSchema + Debug + Send + Sync + 'static {
    /// The name in `uses`: `http.request`.
    const KIND: &'static str;

    /// A `with` as an operator writes it, in YAML, for the kind's page.
    const EXAMPLE: &'static str = "";

    /// Adds what is wrong with the fields. Pure.
    fn check(&self, _findings: &mut Findings) {}

    /// What the task needs. It owns nothing that could be observed. Pure.
    fn touches(&self, _run: &RunContext) -> Touches {
        Touches::default()
    }

    /// Whether it may be done in these surroundings, or why not. Sends nothing. Asked at planning and again before it is done.
    fn admit(&self, _cx: &Cx) -> Result<(), Refusal> {
        Ok(())
    }

    /// Does the work once, within the deadline of the call's scope.
    ///
    /// An error of unknown effect is never repeated unless the task is repeatable.
    fn perform(&self, cx: &Cx) -> impl Future<Output = Result<Performed, CallError>> + Send;

    /// Whether doing it twice equals doing it once.
    fn repeatable(&self) -> bool;

    /// The work in a few words, for the plan: `POST https://…/owner`. Never holds a secret.
    fn describe(&self) -> String;

    fn pace(&self) -> TaskPace {
        TaskPace::default()
    }
}

/// What came of a task that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Performed {
    /// What was answered or printed, in one line, for the report. Never holds a secret.
    pub evidence: String,
}

/// How long a task takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskPace {
    /// How long one try may take.
    pub try_timeout: Duration,
    /// How long the whole task may take, tries and pauses included, unless the runbook says otherwise.
    pub timeout: Duration,
    /// How long after its deadline work of unknown outcome may still take effect.
    pub lands_within: Duration,
}

impl Default for TaskPace {
    fn default() -> Self {
        Self {
            try_timeout: Duration::from_secs(10),
            timeout: Duration::from_mins(1),
            lands_within: Duration::from_secs(30),
        }
    }
}
