//! How long a call may still take. Pure: waits for nothing.

use lifeboat_contract::{CallScope, SharedClock, WireError, WireFailure, clock};
use std::time::Duration;

/// The time that is left for a call of `scope`, at most `at_most`. An error once the deadline has passed.
pub(super) fn time_left(clock: &SharedClock, scope: &CallScope, at_most: Duration) -> Result<Duration, WireError> {
    let left = scope.deadline.map_or(at_most, |deadline| clock::until(clock.now(), deadline).min(at_most));
    if left.is_zero() {
        Err(WireError::unsent(WireFailure::TimedOut, "the deadline had passed before the call was sent"))
    } else {
        Ok(left)
    }
}

/// `2.5 s`: a time-out as an error message tells it.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
