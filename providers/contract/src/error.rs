//! The classes of error that the engine decides on. Providers classify once, at their boundary, by error code.

use crate::wire::{Sent, WireError, WireFailure};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// A call that did not do what was asked, classified.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct CallError {
    pub effect: Effect,
    pub retry: Retry,
    /// The provider's own code, for people.
    pub code: String,
    pub message: String,
    pub service: String,
    pub region: Option<String>,
    pub request_id: Option<String>,
    /// The caller may not do this: `message` names the permission.
    pub denied: bool,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Did anything change?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Certainly nothing.
    None,
    /// Not known: it may have, and it may yet. Answered with an observation, never with a guess.
    Unknown,
}

/// When the same call is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    Never,
    /// With growing pauses and jitter.
    Backoff,
    /// Not before this long.
    After(Duration),
    /// The provider has no capacity now. Has a budget of its own.
    Capacity,
}

impl CallError {
    /// An error that certainly changed nothing and that no repetition mends.
    pub fn definite(service: &str, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Effect::None, Retry::Never, service, code, message)
    }

    pub fn new(
        effect: Effect,
        retry: Retry,
        service: &str,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            effect,
            retry,
            code: code.into(),
            message: message.into(),
            service: service.to_owned(),
            region: None,
            request_id: None,
            denied: false,
            source: None,
        }
    }

    /// Classifies a call that yielded no response at all.
    pub fn from_wire(service: &str, region: Option<&str>, error: WireError) -> Self {
        let effect = match error.sent {
            Sent::No => Effect::None,
            Sent::Maybe => Effect::Unknown,
        };
        let (retry, code) = match error.reason {
            WireFailure::Resolve => (Retry::Backoff, "wire.unresolved"),
            WireFailure::Connect => (Retry::Backoff, "wire.unreachable"),
            WireFailure::Tls => (Retry::Never, "wire.tls"),
            WireFailure::TimedOut => (Retry::Backoff, "wire.timed_out"),
            WireFailure::Broken => (Retry::Backoff, "wire.broken"),
            WireFailure::Refused => (Retry::Never, "wire.refused"),
        };
        Self {
            region: region.map(str::to_owned),
            source: Some(Box::new(error.clone())),
            ..Self::new(effect, retry, service, code, error.message)
        }
    }

    #[must_use]
    pub fn in_region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// What the journal and the reporters keep of it.
    pub fn record(&self) -> CallFailure {
        CallFailure {
            effect: self.effect,
            retry: self.retry,
            code: self.code.clone(),
            message: self.message.clone(),
            service: self.service.clone(),
            region: self.region.clone(),
            request_id: self.request_id.clone(),
        }
    }
}

/// A [`CallError`] without its source chain, as it is journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFailure {
    pub effect: Effect,
    pub retry: Retry,
    pub code: String,
    pub message: String,
    pub service: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.service)?;
        if let Some(region) = &self.region {
            write!(f, " in {region}")?;
        }
        write!(f, " answered {}: {}", self.code, self.message)
    }
}
