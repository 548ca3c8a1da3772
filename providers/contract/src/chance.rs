//! Chance: jitter and ids come from one seeded source that is passed in, so that a simulated run repeats byte for byte.

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A shared source of chance. Cheap to clone; clones draw from the same sequence.
#[derive(Clone)]
pub struct Chance(Arc<Mutex<StdRng>>);

impl Chance {
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// A source that nobody can predict, from the operating system.
    pub fn from_system() -> Self {
        let rng = StdRng::try_from_rng(&mut rand::rngs::SysRng).expect("the operating system yields random bytes");
        Self(Arc::new(Mutex::new(rng)))
    }

    /// Begins anew with another seed, for all that draw from it.
    pub fn restart(&self, seed: u64) {
        *self.lock() = StdRng::seed_from_u64(seed);
    }

    /// A pause between half of `ceiling` and all of it.
    pub fn jitter(&self, ceiling: Duration) -> Duration {
        let fraction: f64 = self.lock().random_range(0.5..=1.0);
        ceiling.mul_f64(fraction)
    }

    /// An id that sorts by `now`.
    pub fn uuid(&self, now: Timestamp) -> uuid::Uuid {
        let bytes: [u8; 10] = self.lock().random();
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    pub fn u64(&self) -> u64 {
        self.lock().random()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, StdRng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance")
    }
}
