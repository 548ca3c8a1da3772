//! Operations as clients poll them, and what faults do to them.

use super::fixture::{OVERLAY, Sim, id, route};
use crate::Reply;
use serde_json::{Value, json};

fn fault(operation: &str, effect: (&str, Value)) -> (&'static str, Value) {
    let mut fault = json!({ "match": { "service": "Microsoft.Network", "operation": operation, "region": "eastus" } });
    fault[effect.0] = effect.1;
    ("/faults", json!([fault]))
}

#[test]
fn a_put_is_polled_by_its_status() {
    let mut sim = Sim::new();
    let told = sim.put(OVERLAY, &route("10.1.1.11"));
    let url = told.header("azure-asyncoperation");
    assert!(
        url.starts_with("https://management.azure.com/subscriptions/") && url.contains("/locations/eastus/operations/")
    );
    assert_eq!(told.header("retry-after"), "5");
    let poll = sim.call("GET", &url, &[], &Value::Null);
    assert_eq!((poll.status, &poll.body["status"]), (200, &json!("InProgress")));
    let poll = sim.go(5.0).call("GET", &url, &[], &Value::Null);
    assert_eq!((poll.status, &poll.body["status"]), (200, &json!("Succeeded")));
    let poll = sim.go(25.0 * 3600.0).call("GET", &url, &[], &Value::Null);
    assert_eq!((poll.status, poll.code()), (404, "NotFound"));
}

#[test]
fn addresses_of_operations_are_built_on_the_clients_own_host() {
    let mut sim = Sim::new();
    let url = format!("http://127.0.0.1:4711{}?api-version=2024-03-01", id(OVERLAY));
    let told = sim.call("PUT", &url, &[], &route("10.1.1.11"));
    let poll = told.header("azure-asyncoperation");
    assert!(poll.starts_with("http://127.0.0.1:4711/subscriptions/"), "{poll}");
    assert_eq!(sim.call("GET", &poll, &[], &Value::Null).status, 200);
}

#[test]
fn effective_routes_come_by_location() {
    let mut sim = Sim::new();
    let path = id("networkInterfaces/c/effectiveRouteTable");
    let told = sim.call("POST", &path, &[], &Value::Null);
    assert_eq!((told.status, &told.body), (202, &Value::Null));
    let url = told.header("location");
    assert_eq!(sim.call("GET", &url, &[], &Value::Null).status, 202);
    let told = sim.go(10.0).call("GET", &url, &[], &Value::Null);
    assert_eq!(told.status, 200);
    let routes = told.body["value"].as_array().expect("there are routes");
    let user = routes.iter().find(|route| route["source"] == "User").expect("the overlay has a route");
    assert_eq!((&user["state"], &user["addressPrefix"]), (&json!("Active"), &json!(["192.168.10.10/32"])));
    assert_eq!(user["nextHopIpAddress"], json!(["10.1.1.10"]));
    let dropped =
        |route: &&Value| route["nextHopType"] == "None" && route["addressPrefix"] == json!(["192.168.0.0/16"]);
    assert!(routes.iter().any(|route| dropped(&route)));
}

#[test]
fn effective_routes_need_a_machine_that_runs() {
    let mut sim = Sim::with(&[("/incident", json!([{ "at": "1s", "stop_instance": "vm-c" }]))]);
    let told = sim.go(2.0).call("POST", &id("networkInterfaces/c/effectiveRouteTable"), &[], &Value::Null);
    assert_eq!((told.status, told.code()), (409, "NetworkInterfaceNotAttachedToRunningVM"));
}

#[test]
fn a_slow_operation_has_its_effect_later() {
    let mut sim = Sim::with(&[fault("PUT routetables/routes", ("slow", json!("1m")))]);
    sim.put(OVERLAY, &route("10.1.1.11"));
    assert_eq!(sim.go(64.0).page("http://vip.example/"), Some("a".to_owned()));
    assert_eq!(sim.go(65.0).page("http://vip.example/"), Some("b".to_owned()));
}

#[test]
fn a_stuck_operation_never_ends() {
    let mut sim = Sim::with(&[fault("PUT routetables/routes", ("stuck", json!(true)))]);
    let url = sim.put(OVERLAY, &route("10.1.1.11")).header("azure-asyncoperation");
    assert_eq!(sim.go(36000.0).call("GET", &url, &[], &Value::Null).body["status"], "InProgress");
    assert_eq!(sim.get(OVERLAY)["properties"]["provisioningState"], "Updating");
    assert_eq!(sim.put(OVERLAY, &route("10.1.1.11")).code(), "AnotherOperationInProgress");
}

#[test]
fn an_operation_that_is_called_off_leaves_a_failed_resource() {
    let mut sim = Sim::with(&[fault("PUT routetables/routes", ("cancel", json!(true)))]);
    let url = sim.put(OVERLAY, &route("10.1.1.11")).header("azure-asyncoperation");
    let poll = sim.go(5.0).call("GET", &url, &[], &Value::Null);
    assert_eq!((&poll.body["status"], &poll.body["error"]["code"]), (&json!("Canceled"), &json!("Canceled")));
    assert_eq!(sim.get(OVERLAY)["properties"]["provisioningState"], "Failed");
    assert_eq!(sim.page("http://vip.example/"), Some("a".to_owned()));
}

#[test]
fn throttling_rejection_and_lost_answers() {
    let mut sim = Sim::with(&[fault("PUT routetables/routes", ("throttle", json!(true)))]);
    let told = sim.put(OVERLAY, &route("10.1.1.11"));
    assert_eq!(
        (told.status, told.code(), told.header("retry-after")),
        (429, "SubscriptionRequestsThrottled", "10".to_owned())
    );
    let reject = json!({ "code": "AuthorizationFailed", "status": 403, "message": "no" });
    let mut sim = Sim::with(&[fault("PUT routetables/routes", ("reject", reject))]);
    assert_eq!(sim.put(OVERLAY, &route("10.1.1.11")).code(), "AuthorizationFailed");
    let mut sim = Sim::with(&[fault("PUT routetables/routes", ("land_late", json!("30s")))]);
    let url = format!("https://management.azure.com{}?api-version=2024-03-01", id(OVERLAY));
    assert!(matches!(sim.reply("PUT", &url, &[], &route("10.1.1.11")), Reply::Silent));
    assert_eq!(sim.go(29.0).get(OVERLAY)["properties"]["nextHopIpAddress"], "10.1.1.10");
    assert_eq!(sim.go(35.0).page("http://vip.example/"), Some("b".to_owned()));
    let mut sim = Sim::with(&[fault("GET routetables/routes", ("stale", json!("20s")))]);
    sim.put(OVERLAY, &route("10.1.1.11"));
    assert_eq!(sim.go(10.0).get(OVERLAY)["properties"]["nextHopIpAddress"], "10.1.1.10");
    assert_eq!(sim.go(21.0).get(OVERLAY)["properties"]["nextHopIpAddress"], "10.1.1.11");
}
