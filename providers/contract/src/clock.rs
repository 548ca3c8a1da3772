//! Time. Everything waits through `tokio::time`; wall-clock time comes from [`Clock`].
//!
//! This is the only file that may read the machine's own clock. It does not decide how long anything waits.

use jiff::{SignedDuration, Timestamp};
use std::{fmt::Debug, sync::Arc, time::Duration};

/// Tells the wall-clock time. Safety decisions use durations; wall-clock time is for records and for people.
pub trait Clock: Debug + Send + Sync {
    fn now(&self) -> Timestamp;
}

pub type SharedClock = Arc<dyn Clock>;

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
        Timestamp::now()
    }
}

/// A clock that starts at a given moment and follows `tokio::time`, paused or not, at `speed` times its pace.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    start: Timestamp,
    origin: tokio::time::Instant,
    speed: u32,
}

impl TokioClock {
    /// Starts the clock. Must be called inside a tokio runtime whose clock it shall follow.
    pub fn starting_at(start: Timestamp, speed: u32) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the runtime's clock")]
        let origin = tokio::time::Instant::now();
        Self { start, origin, speed: speed.max(1) }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.origin.elapsed() * self.speed).unwrap_or(SignedDuration::MAX);
        self.start.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

/// Waits until `at` on `clock`. Returns at once when that moment has passed.
pub async fn sleep_until(clock: &dyn Clock, at: Timestamp) {
    loop {
        let left = until(clock.now(), at);
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
    }
}

/// The time from `now` until `at`, zero when `at` has passed.
pub fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// `at` plus `duration`, held at the end of time.
pub fn after(at: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration).ok().and_then(|d| at.checked_add(d).ok()).unwrap_or(Timestamp::MAX)
}
