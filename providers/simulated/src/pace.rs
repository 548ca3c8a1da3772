//! How long a transition takes in a world with faults. Does not decide which call meets which fault.

use jiff::Timestamp;
use lifeboat_contract::clock::after;
use std::time::Duration;

/// What faults do to the transition that a call begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    /// It takes this much longer.
    pub(crate) slow: Duration,
    /// It never ends.
    pub(crate) stuck: bool,
    /// The service calls it off.
    pub(crate) cancel: bool,
}

impl Pace {
    /// When a transition that begins at `now` and usually takes `duration` ends.
    pub(crate) fn end(self, now: Timestamp, duration: Duration) -> Timestamp {
        if self.stuck { Timestamp::MAX } else { after(now, duration.saturating_add(self.slow)) }
    }
}
