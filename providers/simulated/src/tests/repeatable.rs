//! The same world, asked the same, answers the same: also when it was put down in between.

use super::fixture::{R1, R2, STANDBY, Sim, accelerator, group, two_regions};
use serde_json::json;

fn script(sim: &mut Sim, put_down: bool) -> Vec<String> {
    let mut answers = Vec::new();
    for step in 0..40_u32 {
        if put_down {
            let text = serde_json::to_string(&sim.world).expect("a world is plain data");
            let world = serde_json::from_str(&text).expect("what was written can be read");
            assert_eq!(sim.world, world, "at step {step}");
            sim.world = world;
        }
        sim.go(f64::from(step) * 7.3 + 0.001);
        match step {
            3 => answers.push(sim.switchover(R1, STANDBY).1),
            9 => answers.push(sim.failover(R2, STANDBY).1),
            12 => {
                let input = json!({ "EndpointGroupArn": group("r2"), "TrafficDialPercentage": 33.3 });
                answers.push(format!("{:?}", sim.ask(&accelerator("UpdateEndpointGroup", &input)).reply));
            }
            20 => answers
                .push(sim.query("sts", R1, "Action=AssumeRole&RoleArn=arn:aws:iam::1:role/x&RoleSessionName=s").1),
            _ => answers.push(format!("{:?}", sim.get("https://orders.example/orders"))),
        }
    }
    answers
}

#[test]
fn same_seed_same_bytes_and_no_difference_after_a_round_trip() {
    let mut document = two_regions();
    document["incident"] = json!([{ "at": "150s", "lose_region": R2 }, { "at": "200s", "restore_region": R2 }]);
    document["faults"] = json!([
        { "match": { "service": "rds", "every": 2 }, "throttle": true },
        { "match": { "service": "globalaccelerator" }, "land_late": "30s" },
        { "match": { "service": "sts" }, "stale": "10s" },
    ]);
    let (mut first, mut second, mut third) =
        (Sim::new(document.clone()), Sim::new(document.clone()), Sim::new(document));
    let answers = script(&mut first, false);
    assert_eq!(answers, script(&mut second, false));
    assert_eq!(answers, script(&mut third, true));
    assert_eq!(first.world, second.world);
    assert_eq!(first.world, third.world);
    assert_eq!(first.world.figures(), third.world.figures());
}

#[test]
fn contents_are_the_configuration_alone() {
    let mut sim = Sim::new(two_regions());
    let first = sim.world.contents();
    sim.go(10_000.0);
    sim.get("https://orders.example/orders");
    assert_eq!(sim.world.contents(), first, "time and traffic are no configuration");
    assert_eq!(sim.switchover(R1, STANDBY).0, 200);
    sim.go(10_100.0);
    assert_ne!(sim.world.contents(), first);
    assert_eq!(sim.switchover(R2, super::fixture::WRITER).0, 200);
    sim.go(10_200.0);
    assert_eq!(sim.world.contents(), first, "over and back is where it was");
}
