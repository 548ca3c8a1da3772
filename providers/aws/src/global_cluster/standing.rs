//! Where a global cluster stands: what was read of it, and whether it will stay so. Pure.
//!
//! Statuses are open sets of words: one that is not known here is a move under way, never an error.

use crate::replication_lag::Lag;
use lifeboat_contract::{Observed, Phase};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The one cell: who writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The ARN of the writer's cluster. `None` while nobody is, or more than one claims to be.
    pub writer: Option<String>,
}

/// What must be known besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub engine: String,
    pub engine_version: String,
    /// The global cluster's own word: `available`.
    pub status: String,
    pub failover: Option<FailoverState>,
    pub members: Vec<Member>,
    /// The cluster that shall write, where it could be read.
    pub target: Option<ClusterFacts>,
    /// Why it could not.
    pub target_unread: Option<String>,
    /// The cluster that writes now, where it is another and could be read.
    pub writer: Option<ClusterFacts>,
    pub lag: Lag,
}

/// A switchover or failover under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailoverState {
    /// `pending`, `switching-over`, `failing-over`, `cancelling`, or a word of tomorrow.
    pub status: String,
    pub from: Option<String>,
    pub to: Option<String>,
    pub data_loss_allowed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub arn: String,
    pub region: String,
    pub is_writer: bool,
    /// `connected` or `pending-resync`.
    pub synchronization: Option<String>,
}

/// One member cluster, read in its own region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFacts {
    pub status: String,
    /// How many instances it has. A headless cluster has none and cannot be promoted.
    pub instances: usize,
    /// The status of its writing instance, where it has one that could be read.
    pub writer_instance: Option<String>,
}

/// Statuses of a cluster that writes and is not about to change.
const AT_REST: [&str; 2] = ["available", "backing-up"];
/// Statuses that no waiting mends.
const BROKEN: [&str; 3] = ["inaccessible-encryption-credentials", "migration-failed", "cloning-failed"];

impl Facts {
    /// Whether a switchover or failover to `cluster` is under way.
    pub(crate) fn moves_to(&self, cluster: &str) -> bool {
        self.failover.as_ref().is_some_and(|failover| failover.leads_to() == Some(cluster))
    }

    /// The cluster that is promoted at the moment.
    pub(crate) fn is_transitional(&self) -> bool {
        self.failover.is_some() || self.status != "available"
    }

    pub(crate) fn writers(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.is_writer)
    }

    fn sole_writer(&self) -> Option<&str> {
        let mut writers = self.writers();
        match (writers.next(), writers.next()) {
            (Some(writer), None) => Some(&writer.arn),
            _ => None,
        }
    }
}

impl FailoverState {
    /// The writer once it is over. A cancelled move leads back.
    fn leads_to(&self) -> Option<&str> {
        if self.status == "cancelling" { self.from.as_deref() } else { self.to.as_deref() }
    }
}

/// Puts what was read together. `target` is the cluster that the step asks for.
pub(crate) fn observed(facts: Facts, target: &str) -> Observed<State, Facts> {
    let state = State { writer: facts.sole_writer().map(str::to_owned) };
    let phase = phase(&facts, state.writer.as_deref(), target);
    Observed { state, facts, phase }
}

fn phase(facts: &Facts, writer: Option<&str>, target: &str) -> Phase {
    let moving = |status: String| Phase::Moving { toward: None, status };
    if let Some(failover) = &facts.failover {
        let toward = failover.leads_to().map(|writer| json!({ "writer": writer }));
        return Phase::Moving { toward, status: failover.status.clone() };
    }
    if facts.status != "available" {
        return moving(facts.status.clone());
    }
    let Some(writer) = writer else {
        return moving(format!("{} writers", facts.writers().count()));
    };
    let cluster = if writer == target { facts.target.as_ref() } else { facts.writer.as_ref() };
    match cluster {
        None if writer == target => {
            moving(format!("the writer could not be read: {}", facts.target_unread.as_deref().unwrap_or("no answer")))
        }
        // Another cluster writes, and its region does not answer: that is what a failover is for.
        None => Phase::Settled,
        Some(cluster) if BROKEN.contains(&cluster.status.as_str()) => Phase::Faulted {
            code: cluster.status.clone(),
            message: format!("the writer {writer} is {}", cluster.status),
        },
        Some(cluster) if !AT_REST.contains(&cluster.status.as_str()) => moving(format!("writer {}", cluster.status)),
        Some(cluster) => match cluster.writer_instance.as_deref() {
            Some(instance) if !AT_REST.contains(&instance) => moving(format!("writer instance {instance}")),
            _ => Phase::Settled,
        },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const R1: &str = "arn:aws:rds:us-east-1:111122223333:cluster:orders-r1";
    pub(crate) const R2: &str = "arn:aws:rds:us-west-2:111122223333:cluster:orders-r2";

    pub(crate) fn facts(writer: &str) -> Facts {
        let member = |arn: &str| Member {
            arn: arn.to_owned(),
            region: crate::arn::region_of(arn).to_owned(),
            is_writer: arn == writer,
            synchronization: Some("connected".to_owned()),
        };
        Facts {
            engine: "aurora-postgresql".to_owned(),
            engine_version: "16.4".to_owned(),
            status: "available".to_owned(),
            failover: None,
            members: vec![member(R1), member(R2)],
            target: Some(available()),
            target_unread: None,
            writer: None,
            lag: Lag::Known { lag_ms: 80, age_ms: 30_000 },
        }
    }

    fn available() -> ClusterFacts {
        ClusterFacts { status: "available".to_owned(), instances: 1, writer_instance: None }
    }

    fn status(observed: &Observed<State, Facts>) -> &str {
        match &observed.phase {
            Phase::Settled => "settled",
            Phase::Moving { status, .. } => status,
            Phase::Faulted { code, .. } => code,
        }
    }

    #[test]
    fn a_move_leads_to_its_target_and_a_cancelled_one_back() {
        for (word, leads_to) in [("pending", R2), ("switching-over", R2), ("some-new-word", R2), ("cancelling", R1)] {
            let failover = FailoverState {
                status: word.to_owned(),
                from: Some(R1.to_owned()),
                to: Some(R2.to_owned()),
                data_loss_allowed: false,
            };
            let seen = observed(Facts { failover: Some(failover), ..facts(R1) }, R2);
            let toward = Some(json!({ "writer": leads_to }));
            assert_eq!(seen.phase, Phase::Moving { toward, status: word.to_owned() });
        }
    }

    #[test]
    fn settled_needs_one_writer_an_available_cluster_and_its_instance() {
        assert_eq!(status(&observed(facts(R2), R2)), "settled");
        let none = observed(facts("arn:nobody"), R2);
        assert_eq!((none.state.writer.as_deref(), status(&none)), (None, "0 writers"));
        let modifying = ClusterFacts { status: "modifying".to_owned(), ..available() };
        assert_eq!(status(&observed(Facts { target: Some(modifying), ..facts(R2) }, R2)), "writer modifying");
        let rebooting = ClusterFacts { writer_instance: Some("rebooting".to_owned()), ..available() };
        assert_eq!(status(&observed(Facts { target: Some(rebooting), ..facts(R2) }, R2)), "writer instance rebooting");
    }

    #[test]
    fn a_writer_that_does_not_answer_does_not_keep_us_from_leaving_it() {
        assert_eq!(status(&observed(facts(R1), R2)), "settled");
    }

    #[test]
    fn a_writer_without_its_key_is_no_writer() {
        let broken = ClusterFacts { status: BROKEN[0].to_owned(), ..available() };
        assert_eq!(status(&observed(Facts { target: Some(broken), ..facts(R2) }, R2)), BROKEN[0]);
    }

    #[test]
    fn the_state_is_one_cell() {
        let state = observed(facts(R1), R2).state;
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!(json, json!({ "writer": R1 }));
        assert_eq!(serde_json::from_value::<State>(json).unwrap(), state);
    }
}
