//! Applications that can answer only so much: what is beyond fails in proportion, and more instances help.

use super::{elastic::elastic, fixture::Sim};
use serde_json::json;

#[test]
fn what_is_beyond_the_rate_fails_in_proportion() {
    let mut document = elastic();
    document["clients"]["customers"]["requests_per_second"] = json!(40);
    document["clients"]["partners"] = json!({ "host": "orders.example", "path": "/orders", "requests_per_second": 20 });
    let mut sim = Sim::new(document);
    sim.go(100.0);
    let figures = sim.world.figures();
    assert_eq!((figures.failed_requests, figures.unavailable_s), (3000, 50.0), "half of 60/s fails against 30/s");
    assert_eq!(
        (figures.clients["customers"].failed_requests, figures.clients["partners"].failed_requests),
        (2000, 1000)
    );
    assert!(figures.interrupted);
    let answers: Vec<u16> = (0..20).filter_map(|_| Some(sim.get("https://orders.example/orders")?.0)).collect();
    assert_eq!(answers, [200; 20], "an operator's own request is one more, and served");

    let form = "Action=SetDesiredCapacity&AutoScalingGroupName=orders&DesiredCapacity=2";
    assert_eq!(sim.scaling(form).0, 200);
    sim.go(200.0);
    let figures = sim.world.figures();
    assert!(!figures.interrupted);
    assert_eq!(figures.recovery_s, Some(151.0), "launched in 40 s, registered in 1 s, checked twice in 10 s");
    assert_eq!(figures.failed_requests, 3000 + 51 * 30);
}

#[test]
fn a_rate_that_is_just_enough_fails_nothing() {
    for (rate, failed) in [(20.0, 0), (19.0, 100), (30.0, 0)] {
        let mut sim = Sim::with(elastic(), &[("/applications/orders/requests_per_second", json!(rate))]);
        assert_eq!(sim.go(100.0).world.figures().failed_requests, failed, "{rate}");
    }
}
