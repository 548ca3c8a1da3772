//! Starting and stopping instances where capacity is short, and by force.

use super::fixture::{R1, Sim, between, overlay};
use serde_json::{Value, json};

fn state(sim: &mut Sim) -> (String, Option<String>) {
    let (_, body) = sim.query("ec2", R1, "Action=DescribeInstances&InstanceId.1=i-b");
    let reason = body.split("<stateReason>").nth(1).and_then(|rest| between(rest, "<code>", "</code>"));
    let name = body.split("<instanceState>").nth(1).and_then(|rest| between(rest, "<name>", "</name>"));
    (name.unwrap_or_default(), reason)
}

fn call(sim: &mut Sim, form: &str) -> (u16, Option<String>) {
    let (status, body) = sim.query("ec2", R1, &format!("{form}&InstanceId.1=i-b"));
    (status, between(&body, "<Code>", "</Code>"))
}

fn short_of(limit: &Value) -> Sim {
    let mut document = overlay();
    document["aws"]["regions"][R1]["instances"]["i-b"]["state"] = json!("stopped");
    document["aws"]["regions"][R1]["ec2"] = json!({ "capacity": [limit] });
    Sim::new(document)
}

#[test]
fn a_start_without_capacity_is_refused_with_an_error_of_the_service() {
    for limit in [json!({ "zone": "us-east-1a" }), json!({ "instance_type": "t3.medium" }), json!({ "available": 0 })] {
        let mut sim = short_of(&limit);
        let before = sim.world.contents();
        assert_eq!(call(&mut sim, "Action=StartInstances"), (500, Some("InsufficientInstanceCapacity".to_owned())));
        assert_eq!((sim.world.contents(), state(&mut sim).0), (before, "stopped".to_owned()));
    }
    let mut sim = short_of(&json!({ "zone": "us-east-1b" }));
    assert_eq!(call(&mut sim, "Action=StartInstances").0, 200, "another zone's want is its own");
    let mut sim = short_of(&json!({ "available": 1 }));
    assert_eq!(call(&mut sim, "Action=StartInstances").0, 200);
    assert_eq!(call(sim.go(60.0), "Action=StopInstances").0, 200);
    assert_eq!(call(sim.go(120.0), "Action=StartInstances").0, 500, "others took its place");
    let run = "Action=RunInstances&ImageId=ami-1&MinCount=1&MaxCount=1&SubnetId=subnet-1&InstanceType=t3.medium";
    let (status, body) = sim.query("ec2", R1, run);
    assert_eq!(status, 500);
    assert!(body.contains("We currently do not have sufficient t3.medium capacity in the Availability Zone you requested (us-east-1a)."), "{body}");
}

#[test]
fn a_start_may_be_accepted_and_fall_back() {
    let mut sim = short_of(&json!({ "falls_back": true }));
    assert_eq!(call(&mut sim, "Action=StartInstances").0, 200);
    assert_eq!(state(&mut sim).0, "pending");
    assert_eq!(state(sim.go(20.0)), ("stopped".to_owned(), Some("Server.InsufficientInstanceCapacity".to_owned())));
}

#[test]
fn force_stops_what_hangs_on_its_way() {
    let stuck = json!([{ "match": { "operation": "StopInstances", "nth": 1 }, "stuck": true }]);
    let mut sim = Sim::with(overlay(), &[("/faults", stuck)]);
    assert_eq!(call(&mut sim, "Action=StopInstances").0, 200);
    assert_eq!(call(sim.go(100.0), "Action=StopInstances").0, 200);
    assert_eq!(state(sim.go(200.0)).0, "stopping", "asking again changes nothing");
    assert_eq!(call(&mut sim, "Action=StopInstances&Force=true").0, 200);
    assert_eq!(state(sim.go(230.0)), ("stopped".to_owned(), Some("Client.UserInitiatedShutdown".to_owned())));
    let (_, body) = sim.query("ec2", R1, "Action=DescribeInstanceStatus&InstanceId.1=i-b");
    assert!(!body.contains("i-b"), "only running ones, unless all are asked for");
    let (_, body) = sim.query("ec2", R1, "Action=DescribeInstanceStatus&InstanceId.1=i-b&IncludeAllInstances=true");
    assert!(body.contains("not-applicable"), "{body}");
}
