//! Clients and what becomes of their requests: the way to an application, its answer, and what is measured of both.

mod application;
mod client;
mod engine;
mod figures;
mod load;
mod misled;
mod path;
mod ping;
mod series;
mod watch;
mod writes;

pub(crate) use application::{Application, ApplicationPath, Served, Software};
pub(crate) use client::{Client, ClientMeasures, Fortune};
pub use engine::Peer;
pub(crate) use engine::{Asked, Engine, Node, Process, Queue, Sender, Spoken, Storage, Taker};
pub use figures::{ClientFigures, EngineFigures, Figures, PingFigures, WatchedFigures};
pub(crate) use load::Load;
pub use misled::Misled;
pub(crate) use misled::Serving;
pub(crate) use path::{End, HostTarget, Way};
pub(crate) use ping::{Fate, Ping};
pub use series::{Lag, Occurrence, Series, Share};
pub(crate) use watch::Watch;
pub(crate) use writes::Families;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What leads from a host name to an application, apart from the cloud itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Estate {
    pub(crate) hosts: BTreeMap<String, HostTarget>,
    pub(crate) applications: BTreeMap<String, Application>,
    /// What stands on the instances, by instance id.
    pub(crate) software: BTreeMap<String, Software>,
    /// Clusters of an integration engine.
    pub(crate) engines: BTreeMap<String, Engine>,
    /// The region and subnet from which an operator's own requests come.
    pub(crate) vantage_region: String,
    pub(crate) vantage_subnet: Option<(String, String)>,
}

/// The clients of a world, and what was measured so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Traffic {
    pub(crate) clients: BTreeMap<String, Client>,
    pub(crate) pings: BTreeMap<String, Ping>,
    pub(crate) senders: BTreeMap<String, Sender>,
    pub(crate) families: Families,
    pub(crate) misled: Vec<Misled>,
    /// What happened over time, where somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) series: Option<Series>,
}

impl Traffic {
    /// From now on, interruptions are told apart from all that came before.
    pub(crate) fn watch(&mut self, now: Timestamp) {
        let watch = Some(Watch::since(millis(now)));
        self.clients.values_mut().for_each(|client| client.measures.watch = watch);
        self.senders.values_mut().for_each(|sender| sender.watch = watch);
        self.pings.values_mut().for_each(|ping| ping.watch = watch);
    }
}

/// A whole, in the parts that shares of traffic are counted in.
const WHOLE: u64 = 1_000_000;

/// A share of traffic in millionths.
fn millionths(part: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the part is held between 0 and 1")]
    let millionths = (part.clamp(0.0, 1.0) * 1_000_000.0).round() as u64;
    millionths
}

/// Milliseconds since the epoch: intervals between these add up exactly.
fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// The milliseconds from one moment to a later one.
fn millis_between(from: Timestamp, until: Timestamp) -> u64 {
    u64::try_from(millis(until) - millis(from)).unwrap_or(0)
}
