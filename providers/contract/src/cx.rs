//! What a step is given to work with.

use crate::{clock::SharedClock, error::CallError, fields::Secret, run_context::RunContext, wire::SharedWire};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// The surroundings of one step: the wire, the clock, the run, and what the provider keeps for all its steps.
///
/// Cheap to clone. Knows nothing of whether the cloud is real.
#[derive(Debug, Clone)]
pub struct Cx {
    pub wire: SharedWire,
    pub clock: SharedClock,
    pub run: Arc<RunContext>,
    /// What a provider keeps for all its steps (clients, by account and region), by type.
    pub providers: Arc<http::Extensions>,
    pub secrets: Arc<Secrets>,
}

impl Cx {
    /// The same surroundings, seen from another step.
    #[must_use]
    pub fn for_run(&self, run: Arc<RunContext>) -> Self {
        Self { run, ..self.clone() }
    }

    /// Whether the operator allowed commands of the runbook to be run on this machine.
    pub fn commands_allowed(&self) -> bool {
        self.providers.get::<CommandsAllowed>().is_some()
    }
}

/// Stands in [`Cx::providers`] where the operator allowed commands of the runbook to be run on this machine.
#[derive(Debug, Clone, Copy)]
pub struct CommandsAllowed;

/// The values of the runbook's secrets. Never serialised, never printed.
#[derive(Default)]
pub struct Secrets(BTreeMap<String, String>);

impl Secrets {
    pub fn new(values: BTreeMap<String, String>) -> Self {
        Self(values)
    }

    /// The value behind a reference, just before it is sent.
    pub fn reveal(&self, secret: &Secret) -> Result<&str, CallError> {
        self.0.get(&secret.secret).map(String::as_str).ok_or_else(|| {
            CallError::definite("secrets", "secret.missing", format!("the secret {} has no value", secret.secret))
        })
    }

    /// `text` without any secret's value in it: the last line of defence before text leaves the program.
    pub fn redact(&self, text: &str) -> String {
        self.0
            .values()
            .filter(|value| !value.is_empty())
            .fold(text.to_owned(), |text, value| text.replace(value.as_str(), "[secret]"))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
