//! The log of scaling activities: what was done, why, and what came of it. Does nothing itself.

use super::{
    AutoScaling, Group,
    sizes::whole_seconds,
    state::{Activity, ActivityStatus},
};
use crate::ids;
use jiff::Timestamp;
use serde_json::json;

/// How many activities a region remembers.
const ACTIVITIES_MAX: usize = 500;

/// What an activity is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject<'a> {
    pub(super) description: String,
    pub(super) cause: String,
    pub(super) subnet: &'a str,
    pub(super) zone: &'a str,
}

impl AutoScaling {
    /// Begins an activity; returns its id.
    pub(super) fn begin(
        &mut self,
        group: &Group,
        subject: &Subject<'_>,
        status: ActivityStatus,
        now: Timestamp,
    ) -> String {
        self.begun += 1;
        let id = ids::uuid(&format!("{}/activity/{}", group.arn, self.begun));
        self.activities.push(Activity {
            id: id.clone(),
            group: group.name.clone(),
            description: subject.description.clone(),
            cause: subject.cause.clone(),
            start: now,
            end: None,
            status,
            message: None,
            details: json!({ "Subnet ID": subject.subnet, "Availability Zone": subject.zone }).to_string(),
        });
        if self.activities.len() > ACTIVITIES_MAX {
            self.activities.remove(0);
        }
        id
    }

    pub(super) fn go_on(&mut self, id: Option<&String>, status: ActivityStatus) {
        if let Some(activity) = self.under_way(id) {
            activity.status = status;
        }
    }

    pub(super) fn end(&mut self, id: Option<&String>, status: ActivityStatus, now: Timestamp) {
        if let Some(activity) = self.under_way(id) {
            activity.status = status;
            activity.end = Some(now);
        }
    }

    /// Ends a launch that came to nothing.
    pub(super) fn fail(&mut self, id: Option<&String>, message: &str, now: Timestamp) {
        if let Some(activity) = self.under_way(id) {
            activity.status = ActivityStatus::Failed;
            activity.end = Some(now);
            activity.description = format!("Launching a new EC2 instance.  Status Reason: {message}");
            activity.message = Some(message.to_owned());
        }
    }

    fn under_way(&mut self, id: Option<&String>) -> Option<&mut Activity> {
        self.activities.iter_mut().rev().find(|activity| Some(&activity.id) == id && activity.end.is_none())
    }
}

impl Group {
    /// The cause of a launch that makes the group one larger.
    pub(super) fn launch_cause(&self, now: Timestamp) -> String {
        let size = self.size();
        format!(
            "{}At {} an instance was started in response to a difference between desired and actual capacity, increasing the capacity from {size} to {}.",
            self.request.as_deref().unwrap_or_default(),
            whole_seconds(now),
            size + 1
        )
    }

    /// The cause of a termination that makes the group one smaller.
    pub(super) fn shrink_cause(&self, instance: &str, now: Timestamp) -> String {
        let (size, at) = (self.size(), whole_seconds(now));
        format!(
            "{}At {at} an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from {size} to {}.  At {at} instance {instance} was selected for termination.",
            self.request.as_deref().unwrap_or_default(),
            size.saturating_sub(1)
        )
    }
}

/// The cause of taking away an instance that does not run any more.
pub(super) fn health_cause(now: Timestamp) -> String {
    format!(
        "At {} an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped.",
        whole_seconds(now)
    )
}
