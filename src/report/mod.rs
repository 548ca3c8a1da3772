//! What operators and machines read: screens, JSON documents, and the progress of a run as it happens.
//!
//! Values become text here, and nothing else: no module here opens a journal, asks a cloud or knows an exit code.

mod bars;
mod cells;
mod document;
mod drill_screen;
mod duration;
mod error;
mod event;
mod files;
mod kinds;
mod layout;
mod lines;
mod lost_regions;
mod needs;
mod parity;
mod plan_json;
mod plan_screen;
mod plan_time;
mod run_json;
mod runs;
#[cfg(test)]
mod sample;
mod status;
mod steps;
mod style;
mod summary;
mod verdict;
mod ways;
mod word;
mod world;

pub use bars::{Bars, Screen};
pub use cells::three_way;
pub use document::{
    ApiCall, Approval, Attempt, Availability, Available, Beside, Difference, Document, Environment, EventLine,
    JournalFacts, Lag, LagFound, Occurrence, OverTime, OverrideLine, Owed, OwedStep, RunbookFacts, SeenBy, Share,
    StepReport, Stretch, Try, WorldSeries,
};
pub use drill_screen::drill_screen;
pub use duration::words as duration_words;
pub use error::render_error;
pub use files::{Form, ReportPath, Unusable, Unwritten, render, write_reports};
pub use kinds::{first_sentence, kind_page};
pub use lines::{Lines, Quiet};
pub use lost_regions::{lost_regions_json, lost_regions_screen};
pub use needs::needs_screen;
pub use parity::{ParityHeading, parity_json, parity_screen};
pub use plan_json::plan_json;
pub use plan_screen::plan_screen;
pub use plan_time::estimate_sentence;
pub use run_json::{run_json, runs_json};
pub use runs::runs_table;
pub use status::status_screen;
pub use style::Style;
pub use summary::summary;
pub use ways::{later, reverse_way, ways_forward};
