//! Lost regions: the resource's, and that of its group's metadata.

use super::fixture::{OVERLAY, Sim, id, route};
use serde_json::{Value, json};

fn lost(region: &str, planes: &str) -> (&'static str, Value) {
    ("/incident", json!([{ "at": "1s", "lose_region": region, "planes": planes }]))
}

#[test]
fn a_lost_region_answers_nothing_about_its_resources() {
    let mut sim = Sim::with(&[lost("eastus", "control")]);
    sim.go(2.0);
    let told = sim.call("GET", &id(OVERLAY), &[], &Value::Null);
    assert_eq!((told.status, told.code()), (504, "GatewayTimeout"));
    assert_eq!(sim.put(OVERLAY, &route("10.1.1.11")).status, 504);
    // The data plane goes on.
    assert_eq!(sim.page("http://vip.example/"), Some("a".to_owned()));
    // The Resource Manager itself does too.
    let group = id("").replace("/providers/Microsoft.Network/", "");
    assert_eq!(sim.call("GET", &group, &[], &Value::Null).body["location"], "eastus");
}

#[test]
fn without_the_groups_metadata_nothing_can_be_changed_anywhere() {
    let elsewhere = ("/azure/resource_groups/engine/location", json!("westeurope"));
    let located = |pointer: &'static str| (pointer, json!("eastus"));
    let mut sim = Sim::with(&[
        lost("westeurope", "control"),
        elsewhere,
        located("/azure/resource_groups/engine/route_tables/clients/location"),
    ]);
    sim.go(2.0);
    assert_eq!(sim.get(OVERLAY)["properties"]["nextHopIpAddress"], "10.1.1.10");
    assert_eq!(sim.put(OVERLAY, &route("10.1.1.11")).status, 504);
    let other = sim.call("GET", &id("networkInterfaces/a"), &[], &Value::Null);
    assert_eq!(other.status, 504);
}

#[test]
fn a_write_that_was_accepted_is_provisioned_without_the_region() {
    let mut sim = Sim::with(&[lost("eastus", "control")]);
    let url = sim.put(OVERLAY, &route("10.1.1.11")).header("azure-asyncoperation");
    assert_eq!(sim.go(6.0).page("http://vip.example/"), Some("b".to_owned()));
    assert_eq!(sim.call("GET", &url, &[], &Value::Null).status, 504);
}

#[test]
fn without_its_data_plane_a_region_serves_nobody() {
    let mut sim = Sim::with(&[lost("eastus", "data")]);
    sim.go(2.0);
    assert_eq!(sim.page("http://vip.example/"), None);
    assert_eq!(sim.page("http://front.example/"), None);
    assert_eq!(sim.put(OVERLAY, &route("10.1.1.11")).status, 200);
}
