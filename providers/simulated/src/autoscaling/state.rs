//! What one region of Auto Scaling holds. Says nothing of how it changes.

use jiff::Timestamp;
use lifeboat_contract::Span;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One region.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AutoScaling {
    /// By name.
    pub(crate) groups: BTreeMap<String, Group>,
    /// The oldest first.
    pub(crate) activities: Vec<Activity>,
    /// How many activities there ever were.
    pub(crate) begun: u64,
    /// Instances that the world has not taken note of yet.
    pub(crate) joined: Vec<Joined>,
    /// Instances that are gone, and that the world has not forgotten yet.
    pub(crate) left: Vec<String>,
}

/// A new instance, and what runs on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Joined {
    pub(crate) instance: String,
    pub(crate) site: Option<String>,
    pub(crate) application: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) created: Timestamp,
    pub(crate) minimum: u32,
    pub(crate) maximum: u32,
    pub(crate) desired: u32,
    /// Each with its zone; instances are spread over the zones.
    pub(crate) subnets: Vec<(String, String)>,
    /// ARNs.
    pub(crate) target_groups: Vec<String>,
    pub(crate) security_groups: Vec<String>,
    pub(crate) instance_type: String,
    pub(crate) site: Option<String>,
    pub(crate) application: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// `EC2`, `ELB` or both. A load balancer's opinion of an instance is not followed.
    pub(crate) health_check_type: String,
    pub(crate) grace_period: u32,
    pub(crate) cooldown: u32,
    /// Processes that do nothing now: `Launch`, `Terminate`, `AddToLoadBalancer`, ….
    pub(crate) suspended: BTreeSet<String>,
    /// From `Pending` to `InService`.
    pub(crate) launch: Span,
    /// How long after a launch failed in all zones the next one is tried.
    pub(crate) retry: Span,
    /// How many more instances each zone still has for this group, by zone. A zone that is not there has enough.
    pub(crate) available: BTreeMap<String, u32>,
    /// By instance.
    pub(crate) members: BTreeMap<String, Member>,
    /// How many instances it ever launched.
    pub(crate) launched: u64,
    /// What somebody asked for, in the words of an activity's cause, until it is done.
    pub(crate) request: Option<String>,
    /// When the next launch is tried, after one failed.
    pub(crate) retry_at: Option<Timestamp>,
    /// Why the last launch failed. Stands until one succeeds.
    pub(crate) failure: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// EC2's code.
    pub(crate) code: String,
    pub(crate) message: String,
}

/// An instance of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) subnet: String,
    pub(crate) zone: String,
    /// The later it was launched, the higher.
    pub(crate) number: u64,
    pub(crate) phase: Phase,
    pub(crate) healthy: bool,
    /// The activity that is under way.
    pub(crate) activity: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    Pending,
    InService,
    /// It is on its way out, and its target groups let it finish until then.
    Draining {
        until: Timestamp,
    },
    Terminating,
}

impl Phase {
    /// Whether the instance counts toward the group's size.
    pub(super) const fn counts(self) -> bool {
        matches!(self, Self::Pending | Self::InService)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InService => "InService",
            Self::Draining { .. } | Self::Terminating => "Terminating",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Activity {
    pub(crate) id: String,
    pub(crate) group: String,
    pub(crate) description: String,
    pub(crate) cause: String,
    pub(crate) start: Timestamp,
    pub(crate) end: Option<Timestamp>,
    pub(crate) status: ActivityStatus,
    pub(crate) message: Option<String>,
    /// JSON.
    pub(crate) details: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ActivityStatus {
    PreInService,
    WaitingForELBConnectionDraining,
    InProgress,
    Successful,
    Failed,
    Cancelled,
}

impl ActivityStatus {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::PreInService => "PreInService",
            Self::WaitingForELBConnectionDraining => "WaitingForELBConnectionDraining",
            Self::InProgress => "InProgress",
            Self::Successful => "Successful",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
        }
    }

    pub(super) const fn progress(self) -> i64 {
        match self {
            Self::PreInService => 30,
            Self::WaitingForELBConnectionDraining | Self::InProgress => 50,
            Self::Successful | Self::Failed | Self::Cancelled => 100,
        }
    }
}

impl Group {
    /// How many instances count toward the group's size.
    pub(super) fn size(&self) -> u32 {
        let count = self.members.values().filter(|member| member.phase.counts()).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    pub(super) fn runs(&self, process: &str) -> bool {
        !self.suspended.contains(process)
    }
}
