//! Switchover and failover: the timeline that a caller sees, and what the clients lose.

use super::fixture::{R1, R2, STANDBY, Sim, WRITER, two_regions};
use serde_json::json;

#[test]
fn a_switchover_blocks_writes_for_its_own_time_and_loses_none() {
    let mut sim = Sim::new(two_regions());
    assert_eq!(sim.go(100.0).switchover(R1, STANDBY).0, 200);
    let mut seen = Vec::new();
    for second in [100.0, 109.999, 110.0, 124.999, 125.0, 129.999, 130.0] {
        let (status, failover, writer) = sim.go(second).roles();
        seen.push((second, status, failover.unwrap_or_default(), writer == STANDBY));
    }
    let expected = [
        (100.0, "switching-over", "pending", false),
        (109.999, "switching-over", "pending", false),
        (110.0, "switching-over", "switching-over", false),
        (124.999, "switching-over", "switching-over", false),
        (125.0, "switching-over", "switching-over", true),
        (129.999, "switching-over", "switching-over", true),
        (130.0, "available", "", true),
    ];
    assert_eq!(seen, expected.map(|(at, status, failover, done)| (at, status.to_owned(), failover.to_owned(), done)));
    let figures = sim.go(200.0).world.figures();
    assert_eq!((figures.unavailable_s, figures.longest_outage_s, figures.recovery_s), (15.0, 15.0, Some(15.0)));
    assert_eq!((figures.lost_writes, figures.two_writers_s, figures.failed_requests), (0, 0.0, 300));
    assert_eq!(figures.acknowledged_writes, 185 * 20);
}

#[test]
fn a_lost_region_costs_what_was_not_replicated() {
    let incident = json!([{ "at": "10s", "lose_region": R1 }, { "at": "30m", "restore_region": R1 }]);
    let mut sim = Sim::with(two_regions(), &[("/incident", incident)]);
    assert_eq!(sim.go(60.0).failover(R2, STANDBY).0, 200);
    let (status, failover, _) = sim.go(70.0).roles();
    assert_eq!((status.as_str(), failover.as_deref()), ("failing-over", Some("failing-over")));
    let figures = sim.go(300.0).world.figures();
    assert_eq!(figures.lost_writes, 14, "0.7 s of 20 writes a second");
    assert_eq!(figures.two_writers_s, 0.0);
    // Promoted after 65 s of failover; the accelerator noticed the loss long before that.
    assert_eq!((figures.unavailable_s, figures.recovery_s), (115.0, Some(115.0)));
    let (_, body) = sim.query("rds", R2, "Action=DescribeGlobalClusters");
    assert!(body.contains("pending-resync"), "{body}");
    let (_, body) = sim.go(2101.0).query("rds", R2, "Action=DescribeGlobalClusters");
    assert!(
        !body.contains("pending-resync"),
        "five minutes after the region is back its cluster follows again\n{body}"
    );
    assert_eq!(sim.switchover(R2, WRITER).0, 200);
    assert_eq!(sim.go(2400.0).roles().2, WRITER);
}

#[test]
fn an_old_writer_that_nobody_fences_takes_writes_that_are_lost() {
    let fencing =
        json!({ "pending": "5s", "promoting": "60s", "settling": "5s", "fencing": "times_out", "split": "40s" });
    let mut sim = Sim::with(two_regions(), &[("/aws/global_clusters/orders/failover", fencing)]);
    assert_eq!(sim.go(10.0).failover(R2, STANDBY).0, 200);
    let figures = sim.go(300.0).world.figures();
    assert_eq!(figures.two_writers_s, 40.0);
    assert_eq!(figures.unavailable_s, 0.0, "nobody noticed");
    // What the new writer never received (0.7 s before the failover began and the 65 s it took), and the split brain itself.
    assert_eq!(figures.lost_writes, 14 + 65 * 20 + 40 * 20);
}

#[test]
fn role_changes_are_refused_where_they_must_be() {
    let mut sim = Sim::new(two_regions());
    let code =
        |answer: (u16, String)| (answer.0, super::fixture::between(&answer.1, "<Code>", "</Code>").unwrap_or_default());
    let state = || (400, "InvalidGlobalClusterStateFault".to_owned());
    assert_eq!(code(sim.switchover(R2, STANDBY)), state(), "not the primary's region");
    assert_eq!(code(sim.failover(R1, STANDBY)), state(), "not the target's region");
    assert_eq!(code(sim.switchover(R1, WRITER)).1, "InvalidDBClusterStateFault");
    assert_eq!(
        code(sim.switchover(R1, "arn:aws:rds:eu-west-1:111122223333:cluster:x")),
        (404, "DBClusterNotFoundFault".to_owned())
    );
    assert_eq!(sim.roles().2, WRITER);
    assert_eq!(sim.switchover(R1, STANDBY).0, 200);
    assert_eq!(code(sim.switchover(R1, STANDBY)), state(), "one at a time");
}

#[test]
fn the_lag_is_a_metric_of_the_standbys_region_and_grows_stale() {
    let mut sim = Sim::with(two_regions(), &[("/incident", json!([{ "at": "70s", "lose_region": R1 }]))]);
    let ask = |sim: &mut Sim, region: &str| {
        let metric = "MetricDataQueries.member.1.Id=lag&MetricDataQueries.member.1.MetricStat.Stat=Maximum\
             &MetricDataQueries.member.1.MetricStat.Period=60&MetricDataQueries.member.1.MetricStat.Metric.Namespace=AWS/RDS\
             &MetricDataQueries.member.1.MetricStat.Metric.MetricName=AuroraGlobalDBRPOLag\
             &MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Name=DBClusterIdentifier\
             &MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Value=orders-r2";
        let form = format!("Action=GetMetricData&StartTime=2026-01-15T08:50:00Z&EndTime=2026-01-15T09:30:00Z&{metric}");
        sim.query("monitoring", region, &form).1
    };
    let newest = |body: &str| super::fixture::between(body, "<Timestamps><member>", "</member>");
    assert_eq!(newest(&ask(sim.go(65.0), R2)).as_deref(), Some("2026-01-15T09:01:00.000Z"));
    let later = ask(sim.go(600.0), R2);
    assert_eq!(newest(&later).as_deref(), Some("2026-01-15T09:01:00.000Z"), "no sample since the loss");
    assert!(later.contains("<Values><member>700</member>"), "{later}");
    let mut healthy = Sim::new(two_regions());
    assert_eq!(newest(&ask(healthy.go(65.0), R1)), None, "the primary's region has no such metric");
}
