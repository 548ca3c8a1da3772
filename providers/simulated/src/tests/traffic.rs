//! Where an accelerator sends clients: dials, weights, health failover, and failing open.

use super::fixture::{ACCELERATOR, R1, R2, Sim, group, two_regions};
use serde_json::{Value, json};

fn dial(sim: &mut Sim, name: &str, dial: f64) {
    let (status, body) = sim
        .accelerator("UpdateEndpointGroup", &json!({ "EndpointGroupArn": group(name), "TrafficDialPercentage": dial }));
    assert_eq!(status, 200, "{body}");
}

fn served(sim: &Sim) -> Value {
    json!(sim.world.figures().served)
}

#[test]
fn a_dial_moves_traffic_once_it_is_deployed() {
    let mut sim = Sim::new(two_regions());
    dial(sim.go(10.0), "r2", 100.0);
    dial(&mut sim, "r1", 25.0);
    let status = |sim: &mut Sim| {
        sim.accelerator("DescribeAccelerator", &json!({ "AcceleratorArn": ACCELERATOR })).1["Accelerator"]["Status"]
            .clone()
    };
    assert_eq!(status(sim.go(24.0)), "IN_PROGRESS");
    assert_eq!(served(&sim), json!({ "r1": 480 }));
    assert_eq!(status(sim.go(25.0)), "DEPLOYED");
    assert_eq!(
        served(sim.go(125.0)),
        json!({ "r1": 500 + 500, "r2": 1500 }),
        "a quarter of 100 s at 20 a second stays"
    );
    let figures = sim.world.figures();
    assert_eq!((figures.unavailable_s, figures.recovery_s), (0.0, Some(0.0)));
}

#[test]
fn traffic_that_no_dial_takes_reaches_nobody() {
    let mut sim = Sim::new(two_regions());
    dial(&mut sim, "r1", 40.0);
    let figures = sim.go(115.0).world.figures();
    assert_eq!((figures.unavailable_s, figures.longest_outage_s), (60.0, 100.0), "0.6 of 100 s");
}

#[test]
fn health_failover_ignores_dials_and_heeds_weights() {
    let lost = [("/incident", json!([{ "at": "10s", "lose_region": R1, "planes": "data" }]))];
    let mut sim = Sim::with(two_regions(), &lost);
    sim.go(100.0);
    let (status, body) = sim.get("https://orders.example/healthz").expect("the standby answers although its dial is 0");
    let body: Value = serde_json::from_str(&body).expect("the body is JSON");
    assert_eq!((status, &body["region"], &body["site"]), (200, &json!(R2), &json!("r2")));
    assert_eq!(body["writable"], false, "the writer is lost with its region");

    let mut document = two_regions();
    document["aws"]["accelerators"]["a"]["listeners"]["l"]["endpoint_groups"]["r2"]["endpoints"][0]["weight"] =
        json!(0);
    let mut sim = Sim::with(document, &lost);
    assert_eq!(sim.go(100.0).get("https://orders.example/healthz"), None, "weight 0 is the real off switch");
}

#[test]
fn endpoints_that_are_given_replace_all_and_a_weight_defaults_to_128() {
    let mut sim = Sim::new(two_regions());
    let describe = json!({ "EndpointGroupArn": group("r1") });
    let endpoints = |answer: (u16, Value)| answer.1["EndpointGroup"]["EndpointDescriptions"].clone();
    let before = endpoints(sim.accelerator("DescribeEndpointGroup", &describe));
    assert_eq!((&before[0]["Weight"], &before[0]["HealthState"]), (&json!(128), &json!("HEALTHY")));
    dial(&mut sim, "r1", 0.0);
    assert_eq!(
        endpoints(sim.accelerator("DescribeEndpointGroup", &describe)),
        before,
        "a dial alone leaves endpoints alone"
    );
    let id = before[0]["EndpointId"].clone();
    for (sent, weights) in [
        (json!([{ "EndpointId": id, "Weight": 0 }]), vec![0]),
        (json!([{ "EndpointId": id }]), vec![128]),
        (json!([]), vec![]),
    ] {
        let update = json!({ "EndpointGroupArn": group("r1"), "EndpointConfigurations": sent });
        assert_eq!(sim.accelerator("UpdateEndpointGroup", &update).0, 200);
        let now = endpoints(sim.accelerator("DescribeEndpointGroup", &describe));
        let found: Vec<_> =
            now.as_array().into_iter().flatten().filter_map(|endpoint| endpoint["Weight"].as_u64()).collect();
        assert_eq!(found, weights);
    }
    let wrong = json!({ "EndpointGroupArn": group("r1"), "TrafficDialPercentage": 100.5 });
    assert_eq!(sim.accelerator("UpdateEndpointGroup", &wrong).1["__type"], "InvalidArgumentException");
    let unknown = json!({ "EndpointGroupArn": group("r3") });
    assert_eq!(sim.accelerator("DescribeEndpointGroup", &unknown).1["__type"], "EndpointGroupNotFoundException");
}

#[test]
fn a_world_is_built_through_the_api() {
    let mut sim = Sim::new(two_regions());
    let (_, made) = sim.accelerator("CreateAccelerator", &json!({ "Name": "new", "IdempotencyToken": "t" }));
    let (_, again) = sim.accelerator("CreateAccelerator", &json!({ "Name": "new", "IdempotencyToken": "t" }));
    let arn = &made["Accelerator"]["AcceleratorArn"];
    assert_eq!(*arn, again["Accelerator"]["AcceleratorArn"], "a repeated call creates nothing twice");
    let listener = json!({ "AcceleratorArn": arn, "Protocol": "TCP", "PortRanges": [{ "FromPort": 443, "ToPort": 443 }], "IdempotencyToken": "l" });
    let (_, listener) = sim.accelerator("CreateListener", &listener);
    let listener = &listener["Listener"]["ListenerArn"];
    let (_, known) = sim.accelerator("DescribeEndpointGroup", &json!({ "EndpointGroupArn": group("r2") }));
    let endpoint = &known["EndpointGroup"]["EndpointDescriptions"][0]["EndpointId"];
    let input = json!({ "ListenerArn": listener, "EndpointGroupRegion": R2, "EndpointConfigurations": [{ "EndpointId": endpoint }] });
    let (status, made_group) = sim.accelerator("CreateEndpointGroup", &input);
    assert_eq!((status, &made_group["EndpointGroup"]["TrafficDialPercentage"]), (200, &json!(100.0)));
    let name = made["Accelerator"]["DnsName"].as_str().expect("it has a name").to_owned();
    assert!(sim.go(60.0).get(&format!("https://{name}/healthz")).is_some(), "deployed and healthy, it serves");
    assert_eq!(
        sim.accelerator("DeleteAccelerator", &json!({ "AcceleratorArn": arn })).1["__type"],
        "AcceleratorNotDisabledException"
    );
}
