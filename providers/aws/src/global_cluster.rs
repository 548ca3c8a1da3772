//! `aws.rds.global_cluster`: which member of an Aurora global database is the writer.
//!
//! Chooses the call and the region it is made in. Never removes a member, and never turns a switchover into a failover.

mod calls;
mod gate;
mod standing;

pub use crate::replication_lag::Lag;
pub use standing::{ClusterFacts, Facts, FailoverState, Member, State};

use crate::{
    arn::{self, Arn, region_of},
    connection::Aws,
};
use lifeboat_contract::{
    CallError, CellKey, Change, ControlPlane, Cx, Direction, Findings, Mode, Observed, Pace, Permission, Refusal,
    Region, ResourceKey, Reversal, RunContext, Span, Touches, Transition, codes,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeSet, time::Duration};

/// Makes one member of an Aurora global database the writer.
///
/// In switchover mode this is a switchover: no data is lost, and it can be undone. In failover mode it is a failover that allows
/// data loss, called in the target's region, and only with `--accept-data-loss`: it cannot be undone. Nothing escalates by itself.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalCluster {
    /// The identifier of the global cluster: `orders`.
    pub global_cluster: String,
    /// The ARN of the member cluster that shall be the writer: `arn:aws:rds:us-west-2:111122223333:cluster:orders-r2`.
    pub writer: String,
    /// The largest replication lag at which to go ahead: `30s`. The smallest of this, the accepted data loss and the runbook's
    /// RPO holds. With it, a lag that is not known refuses a switchover too; a failover refuses it in any case, unless
    /// any loss was accepted.
    #[serde(default)]
    pub max_lag: Option<Span>,
}

impl Change for GlobalCluster {
    const KIND: &'static str = "aws.rds.global_cluster";
    const EXAMPLE: &'static str = "\
global_cluster: orders
writer: arn:aws:rds:eu-west-1:111122223333:cluster:orders-r2
max_lag: 30s";
    const REVERSAL: &'static str = "A switchover is undone by a switchover back. A failover that allowed data loss cannot be \
                                    undone: wait until the old primary is connected again, then switch over to it.";
    type State = State;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        if self.global_cluster.is_empty() || self.global_cluster.contains([':', '/']) {
            findings
                .error(&["global_cluster"], codes::BAD_VALUE, format!("{:?} is not an identifier", self.global_cluster))
                .hint("write the identifier alone, not its ARN");
        }
        arn::expect(findings, &["writer"], &self.writer, "rds", "cluster:");
    }

    fn touches(&self, run: &RunContext, now: Option<&Observed<State, Facts>>) -> Touches {
        let target_region = region_of(&self.writer);
        let writer = now.and_then(|now| now.state.writer.as_deref());
        let at_target = writer == Some(self.writer.as_str());
        // A switchover is called where the writer is, a failover where it shall be.
        let call_region = match (run.mode, writer) {
            (Mode::Switchover, Some(writer)) => region_of(writer),
            _ => target_region,
        };
        let mut planes = vec![plane("rds", target_region)];
        if call_region != target_region {
            planes.push(plane("rds", call_region));
        }
        if !at_target {
            planes.push(plane("cloudwatch", target_region));
        }
        let global = self.arn();
        Touches {
            owns: vec![CellKey::of(&global, "writer")],
            serialise_on: vec![ResourceKey::new(global.clone())],
            planes,
            permissions: self.permissions(run, &global, writer),
            ..Touches::default()
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
        calls::observe(self, Aws::of(cx)?, cx).await
    }

    fn target(&self, now: &Observed<State, Facts>, run: &RunContext) -> Result<State, Refusal> {
        let target = State { writer: Some(self.writer.clone()) };
        // A world that stands there, or moves there by itself, needs no permission to.
        if now.state != target && !now.facts.moves_to(&self.writer) {
            gate::admit(self, &now.facts, run)?;
        }
        Ok(target)
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<State, Facts>) -> Result<(), CallError> {
        calls::drive(self, Aws::of(cx)?, cx, transition).await
    }

    fn reversal(&self, transition: &Transition<State, Facts>) -> Reversal {
        let fails_over = transition.mode == Mode::Failover || transition.data_loss.is_some();
        if !fails_over || transition.direction == Direction::Back || transition.now.state == transition.to {
            return Reversal::Restores;
        }
        let old = transition.now.state.writer.as_deref().unwrap_or("the old writer");
        Reversal::ForwardOnly(format!(
            "a failover with data loss is not undone: {old} rejoins on a new volume, and what was not replicated stays only in the \
             snapshot rds:unplanned-global-failover-…, which expires; to go back later, wait until {old} is `connected` again, \
             then run a switchover with `--to` its site"
        ))
    }

    fn pace(&self) -> Pace {
        Pace {
            poll: Duration::from_secs(5),
            settled_polls: 2,
            visible_within: Duration::from_mins(1),
            settle_timeout: Duration::from_mins(30),
            drive_timeout: Duration::from_secs(30),
            // AWS rejects a request that was signed more than five minutes ago; until then it can land, and a second writer
            // is the worst that can happen.
            lands_within: Duration::from_mins(5),
        }
    }

    fn note(&self, transition: &Transition<State, Facts>) -> Option<String> {
        let lag = match &transition.now.facts.lag {
            Lag::NotAsked => return None,
            Lag::Known { lag_ms, age_ms } => {
                format!("the target lags {lag_ms} ms behind, seen {} s ago", age_ms / 1000)
            }
            Lag::Unknown { why } => format!("the target's lag is not known: {why}"),
        };
        let loses = transition.mode == Mode::Failover;
        Some(if loses { format!("{lag}; what is not replicated by then is lost") } else { lag })
    }
}

impl GlobalCluster {
    /// The global cluster's own name. It has no region.
    fn arn(&self) -> String {
        let (partition, account) = Arn::parse(&self.writer).map_or(("aws", ""), |arn| (arn.partition, arn.account));
        format!("arn:{partition}:rds::{account}:global-cluster:{}", self.global_cluster)
    }

    fn permissions(&self, run: &RunContext, global: &str, writer: Option<&str>) -> Vec<Permission> {
        let action = match run.mode {
            Mode::Switchover => "rds:SwitchoverGlobalCluster",
            Mode::Failover => "rds:FailoverGlobalCluster",
        };
        // All three: the global cluster and both members. Which one writes now is known once it was looked at.
        let (partition, account) = Arn::parse(&self.writer).map_or(("aws", "*"), |arn| (arn.partition, arn.account));
        let any = format!("arn:{partition}:rds:*:{account}:cluster:*");
        let other = writer.unwrap_or(&any);
        let on: BTreeSet<&str> = [global, &self.writer, other].into();
        let writes = on.into_iter().map(|resource| permission(action, resource, false));
        let reads = [
            "rds:DescribeGlobalClusters",
            "rds:DescribeDBClusters",
            "rds:DescribeDBInstances",
            "cloudwatch:ListMetrics",
            "cloudwatch:GetMetricData",
        ];
        reads.into_iter().map(|action| permission(action, "*", true)).chain(writes).collect()
    }
}

fn permission(action: &str, resource: &str, reads: bool) -> Permission {
    Permission { action: action.to_owned(), resource: resource.to_owned(), reads }
}

fn plane(service: &str, region: &str) -> ControlPlane {
    ControlPlane { service: service.to_owned(), region: Some(Region::from(region)) }
}
