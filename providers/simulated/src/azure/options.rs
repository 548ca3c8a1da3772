//! How Azure behaves in a world, where real ones differ. Holds no state.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Durations of transitions, and what clients are told of waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Options {
    /// How long a write to a resource of `Microsoft.Network` takes to be provisioned.
    pub(crate) network_write: Duration,
    /// A write to a resource that is being written is refused with 429 `RetryableError`, not with 409
    /// `AnotherOperationInProgress`. The real service is seen to do either.
    pub(crate) busy_is_retryable: bool,
    /// How long effective routes take to be told.
    pub(crate) effective_routes: Duration,
    /// What `Retry-After` says of operations.
    pub(crate) retry_after: Duration,
    /// How long an operation can be asked about after its end.
    pub(crate) operation_kept: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            network_write: Duration::from_secs(5),
            busy_is_retryable: false,
            effective_routes: Duration::from_secs(10),
            retry_after: Duration::from_secs(5),
            operation_kept: Duration::from_hours(24),
        }
    }
}
