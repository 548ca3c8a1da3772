//! The calls behind `aws.rds.global_cluster`: which operation, and in which region.
//!
//! Judges nothing: what was read is judged in `standing` and `gate`.

use super::{ClusterFacts, Facts, FailoverState, GlobalCluster, Lag, Member, State, standing};
use crate::{
    arn::region_of,
    connection::Aws,
    errors::{CallSite, classify, if_readable},
    replication_lag,
};
use aws_sdk_rds::types::{DbCluster, Filter, GlobalCluster as Description};
use lifeboat_contract::{CallError, Cx, Direction, Mode, Observed, Retry, RunContext, Transition};

pub(super) async fn observe(step: &GlobalCluster, aws: &Aws, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
    let region = asked_region(step, &cx.run);
    let (global, target) = tokio::join!(describe(step, aws, region), cluster(aws, &step.writer));
    let mut facts = facts(global?);
    match target {
        Ok(target) => facts.target = Some(target),
        Err(error) if error.denied => return Err(error),
        Err(error) => facts.target_unread = Some(error.to_string()),
    }
    let writer = facts.writers().map(|member| member.arn.clone()).find(|writer| *writer != step.writer);
    if let Some(writer) = writer {
        // In a failover the old writer is lost: asking it would only cost the time that nobody has.
        let ask = cx.run.mode == Mode::Switchover && !cx.run.is_impaired(region_of(&writer));
        let read_writer = async { if ask { if_readable(cluster(aws, &writer).await) } else { Ok(None) } };
        let (lag, writer) = tokio::join!(replication_lag::read(aws, &step.writer, cx.clock.now()), read_writer);
        (facts.lag, facts.writer) = (lag, writer?);
    }
    Ok(standing::observed(facts, &step.writer))
}

/// Any member's region knows the whole; one that was not declared lost is asked.
fn asked_region<'a>(step: &'a GlobalCluster, run: &'a RunContext) -> &'a str {
    let target = region_of(&step.writer);
    let usable = |region: &&str| !region.is_empty() && !run.is_impaired(region);
    [Some(target), run.region()].into_iter().flatten().find(usable).unwrap_or(target)
}

async fn describe(step: &GlobalCluster, aws: &Aws, region: &str) -> Result<Description, CallError> {
    let at = CallSite { service: "rds", operation: "DescribeGlobalClusters", region };
    let client = aws.rds(region).await;
    let call = client.describe_global_clusters().global_cluster_identifier(&step.global_cluster);
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    answer.global_clusters.unwrap_or_default().into_iter().next().ok_or_else(|| {
        at.definite(
            "GlobalClusterNotFoundFault",
            format!("there is no global cluster {} in {region}", step.global_cluster),
        )
    })
}

fn facts(global: Description) -> Facts {
    let members = global.global_cluster_members.unwrap_or_default();
    let member = |member: aws_sdk_rds::types::GlobalClusterMember| {
        let arn = member.db_cluster_arn.unwrap_or_default();
        Member {
            region: region_of(&arn).to_owned(),
            is_writer: member.is_writer.unwrap_or_default(),
            synchronization: member.synchronization_status.map(|status| status.as_str().to_owned()),
            arn,
        }
    };
    Facts {
        engine: global.engine.unwrap_or_default(),
        engine_version: global.engine_version.unwrap_or_default(),
        status: global.status.unwrap_or_default(),
        // An empty element stands for no move.
        failover: global.failover_state.and_then(|failover| {
            Some(FailoverState {
                status: failover
                    .status
                    .as_ref()
                    .map(|status| status.as_str().to_owned())
                    .filter(|status| !status.is_empty())?,
                from: failover.from_db_cluster_arn,
                to: failover.to_db_cluster_arn,
                data_loss_allowed: failover.is_data_loss_allowed.unwrap_or_default(),
            })
        }),
        members: members.into_iter().map(member).collect(),
        target: None,
        target_unread: None,
        writer: None,
        lag: Lag::NotAsked,
    }
}

/// One member cluster and its writing instance, read in its own region.
async fn cluster(aws: &Aws, arn: &str) -> Result<ClusterFacts, CallError> {
    let region = region_of(arn);
    let client = aws.rds(region).await;
    let at = CallSite { service: "rds", operation: "DescribeDBClusters", region };
    let call = client.describe_db_clusters().db_cluster_identifier(arn);
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    let cluster = answer.db_clusters.unwrap_or_default().into_iter().next();
    let cluster = cluster.ok_or_else(|| at.definite("DBClusterNotFoundFault", format!("there is no cluster {arn}")))?;
    // Only to tell that it is not ready yet. A cluster that is available counts where its instances cannot be read.
    let writer_instance = writer_instance(&client, &cluster, region).await?;
    Ok(ClusterFacts {
        status: cluster.status.unwrap_or_default(),
        instances: cluster.db_cluster_members.unwrap_or_default().len(),
        writer_instance,
    })
}

async fn writer_instance(
    client: &aws_sdk_rds::Client,
    cluster: &DbCluster,
    region: &str,
) -> Result<Option<String>, CallError> {
    let at = CallSite { service: "rds", operation: "DescribeDBInstances", region };
    let members = cluster.db_cluster_members();
    let writer = members.iter().find(|member| member.is_cluster_writer == Some(true));
    let Some(id) = writer.and_then(|writer| writer.db_instance_identifier.as_deref()) else { return Ok(None) };
    let filter = Filter::builder().name("db-instance-id").values(id).build();
    let answer = client.describe_db_instances().filters(filter).send().await;
    let answer = if_readable(answer.map_err(|error| classify(&at, error)))?;
    let instances = answer.and_then(|answer| answer.db_instances).unwrap_or_default();
    let found = instances.into_iter().find(|instance| instance.db_instance_identifier() == Some(id));
    Ok(found.and_then(|instance| instance.db_instance_status))
}

pub(super) async fn drive(
    step: &GlobalCluster,
    aws: &Aws,
    cx: &Cx,
    transition: &Transition<State, Facts>,
) -> Result<(), CallError> {
    let Some(to) = transition.to.writer.as_deref() else {
        return Err(CallError::definite("rds", "writer.none", "a global cluster cannot be left without a writer"));
    };
    let now = &transition.now;
    if now.facts.moves_to(to) || now.state.writer.as_deref() == Some(to) && now.facts.failover.is_none() {
        return Ok(());
    }
    if let Some(failover) = &now.facts.failover {
        let message =
            format!("the global cluster is {} toward {}", failover.status, failover.to.as_deref().unwrap_or("nobody"));
        return Err(CallError::definite("rds", "global_cluster.busy", message));
    }
    let sent = match (transition.direction, transition.mode) {
        (Direction::Forward, Mode::Failover) if transition.data_loss.is_none() => {
            return Err(CallError::definite(
                "rds",
                "data_loss.not_accepted",
                "a failover loses data, and no loss was accepted",
            ));
        }
        (Direction::Forward, Mode::Failover) => fail_over(step, aws, to).await,
        (Direction::Forward, Mode::Switchover) | (Direction::Back, _) => {
            let Some(writer) = now.state.writer.as_deref() else {
                return Err(CallError::definite("rds", "writer.none", "there is no single writer to switch over from"));
            };
            switch_over(step, aws, region_of(writer), to).await
        }
    };
    match sent {
        Err(error) if error.code == "InvalidGlobalClusterStateFault" || error.code == "InvalidDBClusterStateFault" => {
            refused_state(step, aws, cx, to, error).await
        }
        sent => sent,
    }
}

/// A switchover is called where the writer is.
async fn switch_over(step: &GlobalCluster, aws: &Aws, region: &str, to: &str) -> Result<(), CallError> {
    let at = CallSite { service: "rds", operation: "SwitchoverGlobalCluster", region };
    let client = aws.rds(region).await;
    let call = client.switchover_global_cluster().global_cluster_identifier(&step.global_cluster);
    call.target_db_cluster_identifier(to).send().await.map_err(|error| classify(&at, error))?;
    Ok(())
}

/// A failover is called where the writer shall be.
async fn fail_over(step: &GlobalCluster, aws: &Aws, to: &str) -> Result<(), CallError> {
    let region = region_of(to);
    let at = CallSite { service: "rds", operation: "FailoverGlobalCluster", region };
    let client = aws.rds(region).await;
    let call = client.failover_global_cluster().global_cluster_identifier(&step.global_cluster).allow_data_loss(true);
    call.target_db_cluster_identifier(to).send().await.map_err(|error| classify(&at, error))?;
    Ok(())
}

/// The service says that the state does not allow it. That is passing only if a change is really under way, and no error at all
/// if it is the change that was asked for.
async fn refused_state(step: &GlobalCluster, aws: &Aws, cx: &Cx, to: &str, error: CallError) -> Result<(), CallError> {
    let Ok(global) = describe(step, aws, asked_region(step, &cx.run)).await else {
        return Err(error);
    };
    let facts = facts(global);
    if facts.moves_to(to) || facts.writers().any(|writer| writer.arn == to) {
        return Ok(());
    }
    let retry = if facts.is_transitional() { Retry::Backoff } else { Retry::Never };
    Err(CallError { retry, ..error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        global_cluster::standing::tests::{R1, R2},
        recorded::{Recorded, RecordedWire, surroundings},
    };
    use lifeboat_contract::{AcceptedLoss, Change as _, Effect, Phase, WireError, WireFailure};
    use std::sync::Arc;

    const AVAILABLE: &str = "<Status>available</Status>";
    const SWITCHING: &str = "<Status>switching-over</Status><FailoverState><Status>switching-over</Status>\
        <FromDbClusterArn>arn:aws:rds:us-east-1:111122223333:cluster:orders-r1</FromDbClusterArn>\
        <ToDbClusterArn>arn:aws:rds:us-west-2:111122223333:cluster:orders-r2</ToDbClusterArn></FailoverState>";
    const CLUSTER: &str = "<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters><DBCluster>\
        <Status>available</Status><DBClusterMembers><DBClusterMember><DBInstanceIdentifier>i</DBInstanceIdentifier>\
        <IsClusterWriter>true</IsClusterWriter></DBClusterMember></DBClusterMembers>\
        </DBCluster></DBClusters></DescribeDBClustersResult></DescribeDBClustersResponse>";

    /// The outer list and the nested one name their elements alike.
    fn global(status: &str) -> &'static str {
        let member = |arn: &str, writer: bool| {
            format!(
                "<GlobalClusterMember><DBClusterArn>{arn}</DBClusterArn><IsWriter>{writer}</IsWriter></GlobalClusterMember>"
            )
        };
        let members = member(R1, true) + &member(R2, false);
        let cluster =
            format!("{status}<Engine>aurora-mysql</Engine><GlobalClusterMembers>{members}</GlobalClusterMembers>");
        let result = format!("<GlobalClusters><GlobalClusterMember>{cluster}</GlobalClusterMember></GlobalClusters>");
        let answer = format!(
            "<DescribeGlobalClustersResponse><DescribeGlobalClustersResult>{result}</DescribeGlobalClustersResult>\
             </DescribeGlobalClustersResponse>"
        );
        Box::leak(answer.into_boxed_str())
    }

    fn step() -> GlobalCluster {
        GlobalCluster { global_cluster: "orders".to_owned(), writer: R2.to_owned(), max_lag: None }
    }

    fn wire(status: &str, write: &'static str, answer: Recorded) -> Arc<RecordedWire> {
        RecordedWire::new([
            ("DescribeGlobalClusters", Ok((200, global(status)))),
            ("DescribeDBClusters", Ok((200, CLUSTER))),
            (write, answer),
        ])
    }

    async fn drive_from(
        wire: Arc<RecordedWire>,
        mode: Mode,
        data_loss: Option<AcceptedLoss>,
    ) -> (Observed<State, Facts>, Result<(), CallError>) {
        let (_, cx) = surroundings(wire, mode);
        let now = step().observe(&cx).await.unwrap();
        let to = State { writer: Some(R2.to_owned()) };
        let transition = Transition { now, to, direction: Direction::Forward, mode, data_loss };
        let driven = step().drive(&cx, &transition).await;
        (transition.now, driven)
    }

    #[tokio::test(start_paused = true)]
    async fn a_switchover_is_called_where_the_writer_is() {
        let answer =
            "<SwitchoverGlobalClusterResponse><SwitchoverGlobalClusterResult/></SwitchoverGlobalClusterResponse>";
        let wire = wire(AVAILABLE, "SwitchoverGlobalCluster", Ok((200, answer)));
        let (now, driven) = drive_from(wire.clone(), Mode::Switchover, None).await;
        driven.unwrap();
        assert_eq!((now.state.writer.as_deref(), now.phase), (Some(R1), Phase::Settled));
        assert_eq!((now.facts.engine.as_str(), now.facts.members.len()), ("aurora-mysql", 2));
        assert!(matches!(now.facts.lag, Lag::Unknown { .. }), "CloudWatch did not answer, and that fails nothing");
        let (operation, region, _) = &wire.writes()[0];
        assert_eq!((operation.as_str(), region.as_str()), ("SwitchoverGlobalCluster", "us-east-1"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failover_is_called_where_the_writer_shall_be_and_only_with_loss_accepted() {
        let answer = "<FailoverGlobalClusterResponse><FailoverGlobalClusterResult/></FailoverGlobalClusterResponse>";
        let wire = wire(AVAILABLE, "FailoverGlobalCluster", Ok((200, answer)));
        let refused = drive_from(wire.clone(), Mode::Failover, None).await.1.unwrap_err();
        assert_eq!((refused.code.as_str(), wire.writes().len()), ("data_loss.not_accepted", 0));
        drive_from(wire.clone(), Mode::Failover, Some(AcceptedLoss::Unbounded)).await.1.unwrap();
        let (operation, region, body) = &wire.writes()[0];
        assert_eq!((operation.as_str(), region.as_str()), ("FailoverGlobalCluster", "us-west-2"));
        assert!(body.contains("AllowDataLoss=true"), "{body}");
        let (lost, _): (Vec<_>, Vec<_>) = wire.calls().into_iter().partition(|(_, region)| region == "us-east-1");
        assert_eq!(lost, [], "nothing is asked of the lost region");
    }

    #[tokio::test(start_paused = true)]
    async fn a_move_to_the_same_target_is_joined() {
        let wire = wire(SWITCHING, "SwitchoverGlobalCluster", Ok((400, "")));
        let (now, driven) = drive_from(wire.clone(), Mode::Switchover, None).await;
        assert!(matches!(now.phase, Phase::Moving { toward: Some(_), .. }));
        driven.unwrap();
        assert_eq!(wire.writes(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_that_is_refused_is_read_again() {
        let fault = "<ErrorResponse><Error><Code>InvalidGlobalClusterStateFault</Code></Error></ErrorResponse>";
        let wire = wire(AVAILABLE, "SwitchoverGlobalCluster", Ok((400, fault)));
        let error = drive_from(wire, Mode::Switchover, None).await.1.unwrap_err();
        assert_eq!(error.retry, Retry::Never, "nothing is under way that could pass");
    }

    #[tokio::test(start_paused = true)]
    async fn a_switchover_without_an_answer_is_of_unknown_effect() {
        let cut = Err(WireError::maybe_sent(WireFailure::TimedOut, "no answer in 8 s"));
        let error =
            drive_from(wire(AVAILABLE, "SwitchoverGlobalCluster", cut), Mode::Switchover, None).await.1.unwrap_err();
        assert_eq!((error.effect, error.retry), (Effect::Unknown, Retry::Backoff));
    }
}
