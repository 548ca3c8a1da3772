//! One fault of each sort.

use super::fixture::{ACCELERATOR, R1, STANDBY, Sim, WRITER, accelerator, between, group, query, two_regions};
use crate::Reply;
use serde_json::{Value, json};
use std::time::Duration;

fn with(faults: Value) -> Sim {
    Sim::with(two_regions(), &[("/faults", faults)])
}

fn dial_of(sim: &mut Sim) -> Value {
    let (_, body) = sim.accelerator("DescribeEndpointGroup", &json!({ "EndpointGroupArn": group("r1") }));
    body["EndpointGroup"]["TrafficDialPercentage"].clone()
}

/// Asks for a dial of 7 on the first group.
fn update(sim: &mut Sim) -> crate::Answer {
    sim.ask(&accelerator(
        "UpdateEndpointGroup",
        &json!({ "EndpointGroupArn": group("r1"), "TrafficDialPercentage": 7 }),
    ))
}

#[test]
fn rejected_before_and_after_the_effect() {
    let reject = |after_effect: bool| {
        with(json!([{ "match": { "operation": "UpdateEndpointGroup" },
            "reject": { "code": "InternalServiceErrorException", "status": 500, "after_effect": after_effect } }]))
    };
    for (after_effect, dial) in [(false, 100.0), (true, 7.0)] {
        let mut sim = reject(after_effect);
        let answer = update(&mut sim);
        assert_eq!(answer.mutated, after_effect);
        let Reply::Response(response) = answer.reply else { panic!("an error is a response") };
        assert_eq!(response.status(), 500);
        assert_eq!(dial_of(&mut sim), dial);
    }
}

#[test]
fn throttled_twice_then_answered() {
    let mut sim = with(json!([{ "match": { "service": "rds", "times": 2 }, "throttle": true }]));
    let mut codes = Vec::new();
    for _ in 0..3 {
        let (status, body) = sim.query("rds", R1, "Action=DescribeGlobalClusters");
        codes.push((status, between(&body, "<Code>", "</Code>")));
    }
    let throttled = (400, Some("Throttling".to_owned()));
    assert_eq!(codes, [throttled.clone(), throttled, (200, None)]);
}

#[test]
fn timed_out_without_with_and_with_a_late_effect() {
    let fate = |field: &str, value: Value| {
        let mut fault = json!({ "match": { "operation": "UpdateEndpointGroup", "nth": 1 } });
        fault[field] = value;
        let mut sim = with(json!([fault]));
        let answer = update(&mut sim);
        assert!(matches!(answer.reply, Reply::Silent));
        (sim, answer.mutated)
    };
    let (mut sim, mutated) = fate("time_out", json!("before"));
    assert_eq!((mutated, dial_of(sim.go(100.0))), (false, json!(100.0)));
    let (mut sim, mutated) = fate("time_out", json!("after"));
    assert_eq!((mutated, dial_of(&mut sim)), (true, json!(7.0)));
    let (mut sim, mutated) = fate("land_late", json!("20s"));
    assert_eq!((mutated, dial_of(sim.go(19.0))), (true, json!(100.0)));
    assert_eq!(dial_of(sim.go(20.0)), 7.0);
}

#[test]
fn stale_reads_delays_and_ordinals() {
    let mut sim = with(json!([
        { "match": { "service": "globalaccelerator" }, "stale": "5s" },
        { "match": { "service": "globalaccelerator", "operation": "UpdateEndpointGroup" }, "delay": "2s" },
        { "match": { "operation": "ListAccelerators", "every": 2 }, "throttle": true },
    ]));
    sim.go(10.0);
    assert_eq!(update(&mut sim).after, Duration::from_millis(2040));
    assert_eq!(dial_of(sim.go(14.9)), 100.0, "as before the write");
    assert_eq!(dial_of(sim.go(15.0)), 7.0);
    let statuses: Vec<u16> = (0..4).map(|_| sim.accelerator("ListAccelerators", &json!({})).0).collect();
    assert_eq!(statuses, [200, 400, 200, 400]);
}

#[test]
fn slow_stuck_and_cancelled_transitions() {
    let roles = |fault: &str, value: Value, second: f64| {
        let mut entry = json!({ "match": { "operation": "SwitchoverGlobalCluster" } });
        entry[fault] = value;
        let mut sim = with(json!([entry]));
        assert_eq!(sim.switchover(R1, STANDBY).0, 200);
        sim.go(second).roles()
    };
    let pending = |writer: &str| ("switching-over".to_owned(), Some("pending".to_owned()), writer.to_owned());
    assert_eq!(roles("slow", json!("60s"), 69.0), pending(WRITER));
    assert_eq!(roles("slow", json!("60s"), 100.0).2, STANDBY);
    assert_eq!(roles("stuck", json!(true), 100_000.0), pending(WRITER));
    assert_eq!(roles("cancel", json!(true), 12.0).1.as_deref(), Some("cancelling"));
    assert_eq!(roles("cancel", json!(true), 20.0), ("available".to_owned(), None, WRITER.to_owned()));
}

#[test]
fn the_status_may_lag_behind_a_change() {
    let mut document = two_regions();
    document["aws"]["accelerators"]["a"]["status_lag"] = json!("3s");
    let mut sim = Sim::new(document);
    update(&mut sim);
    let status = |sim: &mut Sim| {
        sim.accelerator("DescribeAccelerator", &json!({ "AcceleratorArn": ACCELERATOR })).1["Accelerator"]["Status"]
            .clone()
    };
    assert_eq!(
        [status(sim.go(2.9)), status(sim.go(3.0)), status(sim.go(15.0))],
        ["DEPLOYED", "IN_PROGRESS", "DEPLOYED"]
    );
}

#[test]
fn a_lost_control_plane_is_unreachable_and_the_others_are_not() {
    let mut sim =
        Sim::with(two_regions(), &[("/incident", json!([{ "at": "1s", "lose_region": R1, "planes": "control" }]))]);
    sim.go(2.0);
    assert!(matches!(sim.ask(&query("rds", R1, "Action=DescribeDBClusters")).reply, Reply::Unreachable));
    assert_eq!(sim.query("rds", "eu-west-1", "Action=DescribeDBClusters").0, 200);
    assert_eq!(sim.world.figures().unavailable_s, 0.0, "the data plane goes on");
    let request = query("globalaccelerator", "us-east-1", "");
    assert!(!sim.world.knows(&request), "the service has one region");
}
