//! What a run is about, as a step may know it: the sites, the mode, the loss that was accepted, the regions that are lost.

use crate::ids::{Region, SiteId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, time::Duration};

/// A run's intent, seen from one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunContext {
    pub mode: Mode,
    /// The data loss that the operator accepted. Present in failover mode only.
    pub accepted_loss: Option<AcceptedLoss>,
    /// The runbook's recovery point objective.
    pub rpo: Option<Duration>,
    /// The regions that the operator declared lost.
    pub impaired: BTreeSet<Region>,
    /// The site to make active.
    pub to: SiteId,
    pub from: SiteId,
    /// Where the step works, where the runbook says so.
    pub place: Option<Place>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Both sites are healthy; no data may be lost.
    #[default]
    Switchover,
    /// The active site is lost.
    Failover,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Switchover => "switchover",
            Self::Failover => "failover",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AcceptedLoss {
    UpTo(Duration),
    /// Whatever is lost is lost, known or not.
    Unbounded,
}

/// Where a step works: a site's provider, region and account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub provider: String,
    pub region: Option<Region>,
    pub account: Option<String>,
}

impl RunContext {
    pub fn is_impaired(&self, region: &str) -> bool {
        self.impaired.iter().any(|lost| lost.as_str() == region)
    }

    /// The region of the step's own site.
    pub fn region(&self) -> Option<&str> {
        self.place.as_ref()?.region.as_ref().map(Region::as_str)
    }
}
