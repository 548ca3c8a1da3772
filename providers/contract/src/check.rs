//! A check: asks a question, and never changes anything. The engine repeats it until it has passed N times in a row.

use crate::{change::Touches, cx::Cx, error::CallError, findings::Findings, run_context::RunContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{fmt::Debug, time::Duration};

pub trait Check: DeserializeOwned + JsonSchema + Debug + Send + Sync + 'static {
    /// The name in `uses`: `http.check`.
    const KIND: &'static str;

    /// A `with` as an operator writes it, in YAML, for the kind's page.
    const EXAMPLE: &'static str = "";

    /// Adds what is wrong with the fields. Pure.
    fn check(&self, _findings: &mut Findings) {}

    /// What the check needs. It owns nothing. Pure.
    fn touches(&self, _run: &RunContext) -> Touches {
        Touches::default()
    }

    /// Asks once. An error counts as a failed try; `Retry::Never` fails the step at once.
    fn ask(&self, cx: &Cx) -> impl Future<Output = Result<Answer, CallError>> + Send;

    fn cadence(&self) -> Cadence {
        Cadence::default()
    }

    /// The question in a few words, for the plan: `GET https://… answers 200`.
    fn question(&self) -> String;
}

/// What a check was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub passed: bool,
    /// What was seen, in one line, for the report: `503 Service Unavailable, 12 ms`. Never holds a secret.
    pub evidence: String,
}

/// How often a check is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cadence {
    /// Passes in a row before the check has passed.
    pub healthy_threshold: u32,
    pub interval: Duration,
    /// How long one try may take.
    pub try_timeout: Duration,
    /// How long the whole check may take, unless the runbook says otherwise.
    pub timeout: Duration,
}

impl Default for Cadence {
    fn default() -> Self {
        Self {
            healthy_threshold: 1,
            interval: Duration::from_secs(2),
            try_timeout: Duration::from_secs(5),
            timeout: Duration::from_mins(1),
        }
    }
}
