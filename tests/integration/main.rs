//! The one integration binary: linking is slow, so every test outside the crates lives in a module here.

mod engine_crash;
mod engine_promises;
mod journal_bytes;
mod toy;
