//! The engine's own two gates, `wait` and `approval`: how their `with` is read and described.
//!
//! They are no kinds of the contract: they touch no cloud. What they do is the engine's business.

use super::resolved::Body;
use lifeboat_contract::{DecodeError, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

pub const WAIT: &str = "wait";
pub const APPROVAL: &str = "approval";

/// The names of all gates, in order.
pub const GATES: [&str; 2] = [APPROVAL, WAIT];

/// Waits for a while: for caches to run out, or for clients to move over.
///
/// A resumed run goes on waiting until the same moment; it does not start anew.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// How long.
    pub duration: Span,
}

/// Asks a person before the run goes on.
///
/// The approval is bound to the plan's digest. On a terminal the run asks; elsewhere it pauses until `lifeboat approve`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// What the person is asked.
    #[serde(default)]
    pub message: Option<String>,
}

/// Reads `with` where `kind` is a gate.
pub(super) fn decode(kind: &str, with: &Value) -> Option<Result<Body, DecodeError>> {
    match kind {
        WAIT => Some(read::<Wait>(with).map(|wait| Body::Wait(wait.duration.get()))),
        APPROVAL => Some(read::<Approval>(with).map(|approval| Body::Approval { message: approval.message })),
        _ => None,
    }
}

/// The schema of a gate's `with`.
pub fn schema(kind: &str) -> Option<Schema> {
    let generator = &mut SchemaGenerator::default();
    match kind {
        WAIT => Some(generator.root_schema_for::<Wait>()),
        APPROVAL => Some(generator.root_schema_for::<Approval>()),
        _ => None,
    }
}

fn read<T: DeserializeOwned>(with: &Value) -> Result<T, DecodeError> {
    serde_path_to_error::deserialize(with).map_err(|error| DecodeError {
        path: super::document::decode::segments(error.path()),
        message: error.inner().to_string(),
    })
}
