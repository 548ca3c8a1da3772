//! The runbook language: text becomes a spanned document, a document a runbook, a runbook and an intent a resolved runbook.
//!
//! Checking reports every problem at once. Nothing here observes a cloud or executes a step.

pub mod calendar;
mod check;
mod condition;
pub mod diagnostics;
pub mod document;
mod drill_schema;
pub mod explain;
mod expression;
mod fields;
pub mod gates;
mod graph;
mod nearest;
mod outline;
pub mod parity;
mod problems;
mod provider;
mod read;
mod read_drill;
mod read_steps;
mod regions;
mod resolve;
pub mod resolved;
pub mod schema;
mod scope;
mod template;
#[cfg(test)]
mod tests;
mod trial;

pub use calendar::Calendar;
pub use check::{Checked, check, check_without};
pub use condition::{BadCondition, Condition};
pub use document::{Node, Source};
pub use explain::explain;
pub use nearest::nearest;
pub use parity::{Ignore, ParityItem, Side};
pub use provider::{CloudChoice, CredentialChoice, ProviderConfig};
pub use regions::{Lost, Needs, StepNeeds};
pub use resolve::{Runbook, SiteView};
pub use resolved::{
    Body, Intent, OnFailure, OnImpaired, ResolvedProbe, ResolvedRunbook, ResolvedStep, RetryPolicy, SecretSource,
    decode_planned, decode_step,
};
pub use schema::schema;
