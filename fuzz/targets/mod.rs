//! What is done with bytes from outside, one function for each thing that reads them: none may panic, hang, or refuse without a
//! reason.
//!
//! Two drivers share this folder: libFuzzer in `fuzz/`, and `tests/integration/hostile_bytes.rs` on every build. Neither names a
//! target that is not in [`TARGETS`].

mod documents;
mod messages;
mod records;
mod requests;

pub use documents::{condition, runbook, world};
pub use messages::mllp;
pub use records::{journal, plan, records};
pub use requests::{aws, azure};

/// A target's name, which is also its corpus's folder, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 9] = [
    ("runbook", runbook),
    ("world", world),
    ("condition", condition),
    ("journal", journal),
    ("records", records),
    ("plan", plan),
    ("aws", aws),
    ("azure", azure),
    ("mllp", mllp),
];
