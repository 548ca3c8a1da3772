//! Documents: every error is found, with its path.

use super::fixture::{overlay, two_regions};
use crate::{World, WorldDocument};
use serde_json::{Value, json};

fn problems(document: Value) -> Vec<String> {
    let document: WorldDocument = serde_json::from_value(document).expect("the test's document is well-formed");
    let list = World::build(&document).expect_err("the document is wrong");
    list.iter().map(|finding| format!("{} {}", finding.path, finding.code)).collect()
}

#[test]
fn all_that_is_wrong_is_found_at_once() {
    let mut document = two_regions();
    document["world"] = json!(2);
    document["account"] = json!("1");
    document["aws"]["global_clusters"]["orders"]["writer"] = json!("orders-r3");
    document["aws"]["accelerators"]["a"]["listeners"]["l"]["endpoint_groups"]["r1"]["dial"] = json!(101);
    document["aws"]["accelerators"]["a"]["listeners"]["l"]["endpoint_groups"]["r2"]["endpoints"][0]["load_balancer"] =
        json!("x");
    document["hosts"]["both.example"] = json!({ "accelerator": "a", "instance": "i-a" });
    document["clients"]["customers"]["host"] = json!("nobody.example");
    document["incident"] = json!([{ "at": "1s" }, { "at": "2s", "stop_instance": "i-z" }]);
    document["faults"] = json!([{ "throttle": true, "stuck": true }]);
    let found = problems(document);
    for expected in [
        "world LB0006",
        "account LB0104",
        "aws/global_clusters/orders/writer LB0302",
        "aws/accelerators/a/listeners/l/endpoint_groups/r1/dial LB0108",
        "aws/accelerators/a/listeners/l/endpoint_groups/r2/endpoints/0/load_balancer LB0302",
        "hosts/both.example LB0109",
        "clients/customers/host LB0302",
        "incident/0 LB0109",
        "incident/1/stop_instance LB0302",
        "faults/0 LB0109",
    ] {
        assert!(found.iter().any(|problem| problem == expected), "{expected} is not in {found:#?}");
    }
}

#[test]
fn networks_are_checked() {
    let mut document = overlay();
    let region = &mut document["aws"]["regions"]["us-east-1"];
    region["vpcs"]["vpc-1"]["subnets"]["subnet-1"]["cidr"] = json!("10.9.0.0/24");
    region["vpcs"]["vpc-1"]["route_tables"]["rtb-1"]["routes"][0]["target"] = json!("eni-z");
    region["instances"]["i-b"]["interfaces"]["eni-b"]["private_ip"] = json!("10.0.9.9");
    region["instances"]["i-c"]["interfaces"]["eni-client"]["subnet"] = json!("subnet-9");
    region["instances"]["i-a"]["application"] = json!("nothing");
    let found = problems(document);
    let at = "aws/regions/us-east-1";
    for expected in [
        format!("{at}/vpcs/vpc-1/subnets/subnet-1/cidr LB0107"),
        format!("{at}/vpcs/vpc-1/route_tables/rtb-1/routes/0/target LB0302"),
        format!("{at}/instances/i-b/interfaces/eni-b/private_ip LB0107"),
        format!("{at}/instances/i-c/interfaces/eni-client/subnet LB0302"),
        format!("{at}/instances/i-a/application LB0302"),
    ] {
        assert!(found.contains(&expected), "{expected} is not in {found:#?}");
    }
}

#[test]
fn the_schema_of_worlds_can_be_made() {
    let schema = schemars::schema_for!(WorldDocument).to_value();
    assert_eq!(schema["required"], json!(["world", "name", "start"]));
    assert!(schema["$defs"]["FaultDocument"].is_object());
}
