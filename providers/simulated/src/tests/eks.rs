//! Node groups: updates that begin and end, sizes that are refused, and capacity that is held against a group.

use super::{
    elastic::elastic,
    fixture::{R1, Sim},
};
use http::Method;
use serde_json::{Value, json};

const WEB: &str = "/clusters/shop/node-groups/web";

fn nodegroup(sim: &mut Sim) -> Value {
    let (status, _, body) = sim.rest("eks", Method::GET, WEB, &Value::Null);
    assert_eq!(status, 200, "{body}");
    body["nodegroup"].clone()
}

fn resize(sim: &mut Sim, minimum: i64, maximum: i64, desired: i64) -> (u16, Option<String>, Value) {
    let config = json!({ "minSize": minimum, "maxSize": maximum, "desiredSize": desired });
    sim.rest("eks", Method::POST, &format!("{WEB}/update-config"), &json!({ "scalingConfig": config }))
}

fn nodes(sim: &mut Sim) -> Vec<String> {
    let group = nodegroup(sim)["resources"]["autoScalingGroups"][0]["name"].as_str().unwrap_or_default().to_owned();
    assert!(group.starts_with("eks-web-"), "{group}");
    sim.states(&group)
}

#[test]
fn an_update_is_under_way_then_done_and_nodes_take_their_own_time() {
    let mut sim = Sim::new(elastic());
    let before = sim.world.contents();
    assert_eq!(nodegroup(&mut sim)["status"], "ACTIVE");
    let (status, _, body) = resize(&mut sim, 1, 4, 3);
    assert_eq!(
        (status, &body["update"]["status"], &body["update"]["type"]),
        (200, &json!("InProgress"), &json!("ConfigUpdate"))
    );
    assert_eq!(body["update"]["params"][2], json!({ "type": "DesiredSize", "value": "3" }));
    let id = body["update"]["id"].as_str().expect("it has an id").to_owned();
    let update = |sim: &mut Sim| {
        sim.rest("eks", Method::GET, &format!("/clusters/shop/updates/{id}?nodegroupName=web"), &Value::Null).2["update"]["status"].clone()
    };
    let now = nodegroup(&mut sim);
    assert_eq!((&now["status"], &now["scalingConfig"]["desiredSize"]), (&json!("UPDATING"), &json!(3)));
    let (status, code, body) = resize(&mut sim, 1, 4, 2);
    assert_eq!((status, code.as_deref()), (409, Some("ResourceInUseException")));
    assert_eq!(body["message"], "Nodegroup cannot be updated as it is currently not in Active State");
    assert_eq!(update(&mut sim), "InProgress");
    assert_eq!((update(sim.go(15.0)), nodegroup(&mut sim)["status"].clone()), (json!("Successful"), json!("ACTIVE")));
    assert_eq!(nodes(&mut sim), ["InService", "Pending", "Pending"], "the update does not wait for nodes");
    assert_eq!(nodes(sim.go(61.0)), ["InService"; 3]);
    let listed = sim.rest("eks", Method::GET, "/clusters/shop/updates?nodegroupName=web", &Value::Null).2;
    assert_eq!(listed, json!({ "updateIds": [id] }));

    assert_ne!(sim.world.contents(), before);
    assert_eq!(resize(&mut sim, 1, 4, 1).0, 200);
    assert_eq!(sim.world.contents(), before);
    sim.go(600.0);
    assert_eq!((nodes(&mut sim), sim.world.contents()), (vec!["InService".to_owned()], before));
}

#[test]
fn a_launch_that_fails_degrades_the_group_until_one_succeeds() {
    let mut sim = Sim::new(elastic());
    resize(&mut sim, 1, 4, 4);
    let now = nodegroup(sim.go(20.0));
    assert_eq!(now["status"], "DEGRADED");
    let issue = &now["health"]["issues"][0];
    assert_eq!(issue["code"], "AsgInstanceLaunchFailures");
    let message = issue["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient t3.medium capacity"), "{message}");
    assert_eq!(
        issue["resourceIds"],
        now["resources"]["autoScalingGroups"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|group| group["name"].clone())
            .collect::<Value>()
    );
    // The nodes of the first launches come into service, and the retry after it fails again.
    assert_eq!(nodegroup(sim.go(300.0))["status"], "DEGRADED");
    assert_eq!(resize(&mut sim, 1, 4, 1).0, 200, "a degraded group can be updated");
    assert_eq!(nodegroup(sim.go(600.0))["status"], "DEGRADED", "wanting less proves nothing");
    assert_eq!(resize(&mut sim, 1, 4, 2).0, 200);
    assert_eq!(nodegroup(sim.go(700.0))["status"], "ACTIVE");
}

#[test]
fn what_eks_refuses() {
    let mut sim = Sim::new(elastic());
    let before = sim.world.contents();
    for (sizes, message) in [
        ((2, 4, 1), "Minimum capacity 2 can't be greater than desired size 1"),
        ((1, 2, 3), "desired capacity 3 can't be greater than max size 2"),
        ((0, 0, 0), "maxSize must be at least 1"),
        ((-1, 4, 1), "minSize must be at least 0"),
    ] {
        let (status, code, body) = resize(&mut sim, sizes.0, sizes.1, sizes.2);
        assert_eq!((status, code.as_deref()), (400, Some("InvalidParameterException")));
        assert_eq!(body, json!({ "message": message }));
    }
    let mut get = |path: &str| sim.rest("eks", Method::GET, path, &Value::Null);
    for (path, message) in [
        ("/clusters/none", "No cluster found for name: none."),
        ("/clusters/none/node-groups/web", "No cluster found for name: none."),
        ("/clusters/shop/node-groups/none", "No node group found for name: none."),
        ("/clusters/shop/updates/none?nodegroupName=web", "No update found for ID: none"),
    ] {
        let (status, code, body) = get(path);
        assert_eq!(
            (status, code.as_deref(), &body["message"]),
            (404, Some("ResourceNotFoundException"), &json!(message))
        );
    }
    assert_eq!(get("/clusters").2, json!({ "clusters": ["shop"] }));
    assert_eq!(get("/clusters/shop/node-groups").2, json!({ "nodegroups": ["web"] }));
    assert_eq!(get("/clusters/shop").2["cluster"]["status"], "ACTIVE");
    assert_eq!(get("/nothing").1.as_deref(), Some("UnknownOperationException"));
    for body in [json!({ "scalingConfig": { "minSize": "x" } }), json!({ "scalingConfig": [] }), json!([1])] {
        let (status, code, _) = sim.rest("eks", Method::POST, &format!("{WEB}/update-config"), &body);
        assert_eq!((status, code.as_deref()), (400, Some("SerializationException")), "{body}");
    }
    assert_eq!(sim.world.contents(), before);
}

#[test]
fn a_token_makes_a_call_safe_to_repeat_and_the_service_may_call_an_update_off() {
    let mut sim = Sim::new(elastic());
    let input = json!({ "scalingConfig": { "desiredSize": 2 }, "clientRequestToken": "t" });
    let path = format!("{WEB}/update-config");
    let first = sim.rest("eks", Method::POST, &path, &input).2;
    assert_eq!(sim.rest("eks", Method::POST, &path, &input).2, first);

    let fault = json!([{ "match": { "service": "eks", "operation": "UpdateNodegroupConfig" }, "cancel": true }]);
    let mut sim = Sim::with(elastic(), &[("/faults", fault)]);
    let before = sim.world.contents();
    let id = sim.rest("eks", Method::POST, &path, &input).2["update"]["id"].as_str().unwrap_or_default().to_owned();
    sim.go(20.0);
    let update =
        sim.rest("eks", Method::GET, &format!("/clusters/shop/updates/{id}?nodegroupName=web"), &Value::Null).2;
    assert_eq!((&update["update"]["status"], sim.world.contents()), (&json!("Cancelled"), before));

    let throttled = json!([{ "match": { "service": "eks", "region": R1 }, "throttle": true }]);
    let mut sim = Sim::with(elastic(), &[("/faults", throttled)]);
    let (status, code, _) = sim.rest("eks", Method::GET, WEB, &Value::Null);
    assert_eq!((status, code.as_deref()), (429, Some("ThrottlingException")));
}
