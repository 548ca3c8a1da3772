//! Whether a cluster may become the writer now. Pure.
//!
//! Decides nothing about how it becomes one.

use super::{Facts, GlobalCluster, Lag};
use lifeboat_contract::{AcceptedLoss, Mode, Refusal, RunContext, Span};
use std::time::Duration;

/// Refuses what the service would refuse later, and what would lose more than was accepted.
pub(crate) fn admit(step: &GlobalCluster, facts: &Facts, run: &RunContext) -> Result<(), Refusal> {
    let cluster = &step.writer;
    if facts.is_transitional() {
        let status = facts.failover.as_ref().map_or(&facts.status, |failover| &failover.status);
        return Err(Refusal::new("global_cluster.busy", format!("global cluster {} is {status}", step.global_cluster))
            .with_hint("wait until it is `available`, then plan again"));
    }
    let Some(member) = facts.members.iter().find(|member| member.arn == *cluster) else {
        return Err(Refusal::new("writer.not_member", format!("{cluster} is no member of {}", step.global_cluster)));
    };
    if facts.writers().count() > 1 {
        return Err(Refusal::new(
            "global_cluster.two_writers",
            format!("{} has more than one writer", step.global_cluster),
        ));
    }
    if member.synchronization.as_deref() == Some("pending-resync") {
        return Err(Refusal::new("writer.resyncing", format!("{cluster} is being rebuilt (pending-resync)"))
            .with_hint("wait until it is `connected`"));
    }
    let Some(target) = &facts.target else {
        let why = facts.target_unread.as_deref().unwrap_or("no answer");
        return Err(Refusal::new("writer.unread", format!("{cluster} could not be read: {why}")));
    };
    if target.instances == 0 {
        return Err(Refusal::new("writer.headless", format!("{cluster} has no instance"))
            .with_hint("add an instance to it: a cluster without instances cannot be promoted"));
    }
    if target.status != "available" {
        return Err(Refusal::new("writer.unavailable", format!("{cluster} is {}", target.status)));
    }
    match run.mode {
        Mode::Switchover => lag(step, facts, [step.max_lag.map(Span::get), run.rpo], step.max_lag.is_some()),
        Mode::Failover => match run.accepted_loss {
            None => Err(Refusal::new(
                "data_loss.not_accepted",
                "a failover loses what is not replicated, and no loss was accepted",
            )
            .with_hint("give the largest loss that is acceptable: `--accept-data-loss 30s`")),
            Some(AcceptedLoss::UpTo(loss)) => {
                let limits = [step.max_lag.map(Span::get), run.rpo].into_iter().flatten().chain([loss]).min();
                lag(step, facts, [limits, None], true)
            }
            Some(AcceptedLoss::Unbounded) => Ok(()),
        },
    }
}

/// Refuses a lag over the smallest limit, and one that is not known where it must be.
///
/// A switchover loses nothing whatever the lag: there it only tells how long nobody can write, and unknown passes unless
/// the step itself sets a limit.
fn lag(step: &GlobalCluster, facts: &Facts, limits: [Option<Duration>; 2], must_be_known: bool) -> Result<(), Refusal> {
    let Some(limit) = limits.into_iter().flatten().min() else { return Ok(()) };
    match &facts.lag {
        Lag::Known { lag_ms, .. } if Duration::from_millis(*lag_ms) > limit => Err(Refusal::new(
            "lag.too_large",
            format!("{} lags {} behind, more than {}", step.writer, Span(Duration::from_millis(*lag_ms)), Span(limit)),
        )
        .with_hint("wait until it has caught up, or accept a larger loss")),
        Lag::Unknown { why } if must_be_known => Err(unknown_lag(step, why)),
        Lag::NotAsked if must_be_known => Err(unknown_lag(step, "it was not read")),
        Lag::Known { .. } | Lag::Unknown { .. } | Lag::NotAsked => Ok(()),
    }
}

fn unknown_lag(step: &GlobalCluster, why: &str) -> Refusal {
    Refusal::new("lag.unknown", format!("the lag of {} is not known: {why}", step.writer))
        .with_hint("if the site is lost and any loss is acceptable: `--mode failover --accept-data-loss unbounded`")
}

#[cfg(test)]
mod tests {
    use super::super::standing::{
        ClusterFacts, State,
        tests::{R1, R2, facts},
    };
    use super::*;
    use lifeboat_contract::{Change as _, Direction, Observed, Phase, Reversal, SiteId, Transition};
    use std::collections::BTreeSet;

    fn step(max_lag: Option<u64>) -> GlobalCluster {
        GlobalCluster { global_cluster: "orders".to_owned(), writer: R2.to_owned(), max_lag: max_lag.map(Span::secs) }
    }

    fn run(mode: Mode, accepted_loss: Option<AcceptedLoss>, rpo: Option<u64>) -> RunContext {
        RunContext {
            mode,
            accepted_loss,
            rpo: rpo.map(Duration::from_secs),
            impaired: BTreeSet::new(),
            to: SiteId::from("r2"),
            from: SiteId::from("r1"),
            place: None,
        }
    }

    fn verdict(max_lag: Option<u64>, lag: Lag, run: &RunContext) -> String {
        admit(&step(max_lag), &Facts { lag, ..facts(R1) }, run)
            .map_or_else(|refusal| refusal.code, |()| "go".to_owned())
    }

    fn known(ms: u64) -> Lag {
        Lag::Known { lag_ms: ms, age_ms: 0 }
    }

    fn unknown() -> Lag {
        Lag::Unknown { why: "no sample".to_owned() }
    }

    #[test]
    fn the_smallest_limit_holds() {
        let up_to = |secs| Some(AcceptedLoss::UpTo(Duration::from_secs(secs)));
        for (max_lag, mode, accepted, rpo, lag_ms, expected) in [
            (None, Mode::Switchover, None, None, 999_999, "go"),
            (None, Mode::Switchover, None, Some(1), 1_001, "lag.too_large"),
            (Some(5), Mode::Switchover, None, Some(30), 5_000, "go"),
            (Some(5), Mode::Switchover, None, Some(30), 5_001, "lag.too_large"),
            (None, Mode::Failover, None, None, 0, "data_loss.not_accepted"),
            (Some(60), Mode::Failover, up_to(30), Some(10), 10_001, "lag.too_large"),
            (Some(60), Mode::Failover, up_to(5), Some(10), 5_001, "lag.too_large"),
            (Some(60), Mode::Failover, up_to(30), Some(10), 10_000, "go"),
            (Some(1), Mode::Failover, Some(AcceptedLoss::Unbounded), Some(1), 999_999, "go"),
        ] {
            let verdict = verdict(max_lag, known(lag_ms), &run(mode, accepted, rpo));
            assert_eq!(verdict, expected, "{max_lag:?} {mode} {accepted:?} {rpo:?} {lag_ms}");
        }
    }

    #[test]
    fn unknown_lag_never_passes_as_zero() {
        let switchover = run(Mode::Switchover, None, Some(30));
        assert_eq!(verdict(Some(5), unknown(), &switchover), "lag.unknown");
        assert_eq!(verdict(None, unknown(), &switchover), "go", "a switchover loses nothing");
        let failover = |loss| run(Mode::Failover, Some(loss), None);
        assert_eq!(verdict(None, unknown(), &failover(AcceptedLoss::UpTo(Duration::from_secs(9)))), "lag.unknown");
        assert_eq!(verdict(None, unknown(), &failover(AcceptedLoss::Unbounded)), "go");
    }

    #[test]
    fn what_the_service_would_refuse_is_refused_before() {
        let plain = run(Mode::Switchover, None, None);
        let code = |facts: Facts| admit(&step(None), &facts, &plain).unwrap_err().code;
        let target = |status: &str, instances| {
            Some(ClusterFacts { status: status.to_owned(), instances, writer_instance: None })
        };
        assert_eq!(code(Facts { target: target("available", 0), ..facts(R1) }), "writer.headless");
        assert_eq!(code(Facts { target: target("modifying", 1), ..facts(R1) }), "writer.unavailable");
        assert_eq!(code(Facts { target: None, ..facts(R1) }), "writer.unread");
        assert_eq!(code(Facts { status: "upgrading".to_owned(), ..facts(R1) }), "global_cluster.busy");
        let mut alone = facts(R1);
        alone.members.retain(|member| member.arn == R1);
        assert_eq!(code(alone), "writer.not_member");
        let mut resyncing = facts(R1);
        resyncing.members[1].synchronization = Some("pending-resync".to_owned());
        assert_eq!(code(resyncing), "writer.resyncing");
    }

    #[test]
    fn the_target_is_a_fixed_point() {
        let there = Observed {
            state: State { writer: Some(R2.to_owned()) },
            facts: Facts { target: None, lag: unknown(), ..facts(R2) },
            phase: Phase::Settled,
        };
        for run in [run(Mode::Switchover, None, None), run(Mode::Failover, None, None)] {
            assert_eq!(step(Some(1)).target(&there, &run).unwrap(), there.state);
        }
    }

    #[test]
    fn only_a_failover_cannot_go_back() {
        let transition = |mode, data_loss| Transition {
            now: Observed { state: State { writer: Some(R1.to_owned()) }, facts: facts(R1), phase: Phase::Settled },
            to: State { writer: Some(R2.to_owned()) },
            direction: Direction::Forward,
            mode,
            data_loss,
        };
        assert_eq!(step(None).reversal(&transition(Mode::Switchover, None)), Reversal::Restores);
        let failover = step(None).reversal(&transition(Mode::Failover, Some(AcceptedLoss::Unbounded)));
        assert!(matches!(failover, Reversal::ForwardOnly(why) if why.contains(R1) && why.contains("--to")));
    }

    #[test]
    fn a_switchover_needs_the_writers_region_and_a_failover_does_not() {
        let now = Observed { state: State { writer: Some(R1.to_owned()) }, facts: facts(R1), phase: Phase::Settled };
        let regions = |mode| {
            let touches = step(None).touches(&run(mode, None, None), Some(&now));
            let regions = touches.planes.into_iter().filter_map(|plane| plane.region);
            regions.map(|region| region.0).collect::<BTreeSet<_>>()
        };
        assert!(regions(Mode::Switchover).contains("us-east-1"));
        assert!(!regions(Mode::Failover).contains("us-east-1"));
    }
}
