//! Parity: whether two sites are the same, as far as the runbook says that they must be.
//!
//! [`read`] asks the clouds, [`compare`] is pure. Nothing here changes anything, or prints.

mod compare;
mod survey;

pub use compare::{Comparison, Difference, Excuse, IdleIgnore, Unread, compare};
pub use survey::{Read, read};
