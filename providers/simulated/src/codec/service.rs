//! What a service knows of a call besides its parameters. Reads no clock: the moment is passed in.

use crate::{ids, pace::Pace};
use jiff::Timestamp;

/// The circumstances of one call to one region of a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServiceCx<'a> {
    pub(crate) now: Timestamp,
    /// The twelve digits of the account that calls, and that owns everything.
    pub(crate) account: &'a str,
    /// The region that is called.
    pub(crate) region: &'a str,
    /// The world's seed: ids of new resources derive from it.
    pub(crate) seed: u64,
    /// What faults do to the transition that the call begins.
    pub(crate) pace: Pace,
}

impl ServiceCx<'_> {
    /// `length` hexadecimal digits for the `counter`-th resource of this region, of the kind `kind`.
    pub(crate) fn digits(&self, kind: &str, counter: u64, length: usize) -> String {
        ids::hex(&format!("{}/{}/{}/{kind}/{counter}", self.seed, self.account, self.region), length)
    }
}
