//! Why a group could not launch an instance, told by the words of the service. Pure.
//!
//! The services have no code for it: a message is all there is. What it means for the step is decided by the kinds.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A launch that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchFailure {
    /// `InsufficientInstanceCapacity`, `VcpuLimitExceeded`, or `LaunchFailed` where the message names none.
    pub code: String,
    pub message: String,
    /// Whether only capacity is missing: the group goes on trying by itself, and may have luck.
    pub capacity: bool,
    /// Whether it is of now: nothing newer is under way, and it is minutes old at most.
    pub fresh: bool,
}

/// One scaling activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Activity {
    pub(crate) started: Timestamp,
    /// `Successful`, `Failed`, `Cancelled`, or a word for one that is under way.
    pub(crate) status: String,
    pub(crate) description: String,
    pub(crate) message: String,
}

/// An older failure says nothing of the launches that are due now.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(1);
const FRESH: SignedDuration = SignedDuration::from_mins(3);
const CAPACITY: &str = "InsufficientInstanceCapacity";

/// The newest launch that failed and that no later one made good.
pub(crate) fn newest(mut activities: Vec<Activity>, now: Timestamp) -> Option<LaunchFailure> {
    activities.retain(|activity| !activity.description.starts_with("Terminating"));
    let is = |activity: &Activity, words: &[&str]| words.contains(&activity.status.as_str());
    let failed = activities.iter().filter(|activity| is(activity, &["Failed", "Cancelled"]));
    let failed = failed.max_by_key(|activity| activity.started)?;
    let newer = |activity: &&Activity| activity.started > failed.started;
    let made_good = activities.iter().filter(newer).any(|activity| is(activity, &["Successful"]));
    let age = now.duration_since(failed.started);
    if made_good || age > FORGOTTEN_AFTER {
        return None;
    }
    let ended = |activity: &Activity| is(activity, &["Failed", "Cancelled", "Successful"]);
    let under_way = activities.iter().filter(newer).any(|activity| !ended(activity));
    let fresh = !under_way && age <= FRESH && failed.status == "Failed";
    Some(LaunchFailure { fresh, ..judge(&failed.message) })
}

/// Reads a message like `Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more …`.
pub(crate) fn judge(message: &str) -> LaunchFailure {
    let named =
        message.split(" - ").next().filter(|head| *head != message).and_then(|head| head.split(' ').next_back());
    let is_code = |word: &&str| {
        word.len() > 3
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    };
    let named = named.filter(is_code);
    let words = message.to_ascii_lowercase();
    let says = [
        "do not have sufficient",
        "insufficient instance capacity",
        "insufficientinstancecapacity",
        "not enough capacity",
    ];
    let capacity = named.map_or_else(|| says.iter().any(|words_of| words.contains(words_of)), |code| code == CAPACITY);
    let code = if capacity { CAPACITY } else { named.unwrap_or("LaunchFailed") };
    LaunchFailure { code: code.to_owned(), message: message.to_owned(), capacity, fresh: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(started: i64, status: &str, message: &str) -> Activity {
        Activity {
            started: Timestamp::from_second(started).unwrap(),
            status: status.to_owned(),
            description: "Launching a new EC2 instance".to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn capacity_is_told_from_what_waiting_does_not_mend() {
        for (message, code, capacity) in [
            (
                "We currently do not have sufficient m5.large capacity in the Availability Zone you requested (us-east-1a). \
                 Launching EC2 instance failed.",
                CAPACITY,
                true,
            ),
            (
                "Could not launch On-Demand Instances. InsufficientInstanceCapacity - There is no capacity.",
                CAPACITY,
                true,
            ),
            ("There was insufficient instance capacity to satisfy the request", CAPACITY, true),
            (
                "Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your \
                 current vCPU limit of 32 allows.",
                "VcpuLimitExceeded",
                false,
            ),
            ("The image id '[ami-0]' does not exist. Launching EC2 instance failed.", "LaunchFailed", false),
        ] {
            let failure = judge(message);
            assert_eq!((failure.code.as_str(), failure.capacity), (code, capacity), "{message}");
        }
    }

    #[test]
    fn only_a_failure_of_now_counts() {
        let now = Timestamp::from_second(10_000).unwrap();
        let newest =
            |activities: Vec<Activity>| newest(activities, now).map(|failure| (failure.message, failure.fresh));
        let failed = |at: i64| activity(at, "Failed", "no");
        assert_eq!(newest(vec![failed(9_990), activity(9_000, "Successful", "")]), Some(("no".to_owned(), true)));
        assert_eq!(newest(vec![activity(9_995, "Successful", ""), failed(9_990)]), None, "made good");
        assert_eq!(newest(vec![activity(9_995, "InProgress", ""), failed(9_990)]), Some(("no".to_owned(), false)));
        assert_eq!(newest(vec![failed(9_000)]), Some(("no".to_owned(), false)));
        assert_eq!(newest(vec![failed(5_000)]), None, "forgotten");
        assert_eq!(newest(vec![activity(9_990, "Cancelled", "no")]), Some(("no".to_owned(), false)));
        let leaving = Activity { description: "Terminating EC2 instance: i-1".to_owned(), ..failed(9_990) };
        assert_eq!(newest(vec![leaving]), None);
    }
}
