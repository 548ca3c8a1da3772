//! Reading and writing resources: ids, etags, references, refusals.

use super::fixture::{OVERLAY, POOL, Sim, document, id, route};
use crate::{World, WorldDocument};
use serde_json::{Value, json};

#[test]
fn a_route_is_provisioned_before_it_has_its_effect() {
    let mut sim = Sim::new();
    let told = sim.put(OVERLAY, &route("10.1.1.11"));
    assert_eq!((told.status, told.body["properties"]["provisioningState"].as_str()), (200, Some("Updating")));
    assert_eq!(told.body["properties"]["nextHopIpAddress"], "10.1.1.11");
    assert_eq!(sim.page("http://vip.example/"), Some("a".to_owned()));
    sim.go(5.0);
    assert_eq!(sim.get(OVERLAY)["properties"]["provisioningState"], "Succeeded");
    assert_eq!(sim.get("routeTables/clients")["properties"]["provisioningState"], "Succeeded");
    assert_eq!(sim.page("http://vip.example/"), Some("b".to_owned()));
    let figures = sim.go(9.5).world.figures();
    assert_eq!(json!(figures.served), json!({ "a": 5, "b": 5 }));
}

#[test]
fn ids_keep_their_casing_and_are_found_in_any() {
    let mut sim = Sim::new();
    let shouted = id("ROUTETABLES/Clients/Routes/OVERLAY").replace("resourceGroups/engine", "resourcegroups/ENGINE");
    let told = sim.call("GET", &shouted, &[], &Value::Null);
    assert_eq!(told.body["id"], id(OVERLAY));
    let told = sim.call("PUT", &shouted, &[], &route("10.1.1.11"));
    assert_eq!((told.status, &told.body["id"]), (200, &json!(id(OVERLAY))));
    let told = sim.go(6.0).put("routeTables/Other", &json!({ "location": "East US", "properties": {} }));
    assert_eq!((told.status, &told.body["id"]), (201, &json!(id("routeTables/Other"))));
    assert_eq!(told.body["location"], "eastus");
}

#[test]
fn a_child_has_an_etag_of_its_own_and_changes_its_parents() {
    let mut sim = Sim::new();
    let (table, overlay) = (sim.get("routeTables/clients"), sim.get(OVERLAY));
    let other = json!({ "properties": { "addressPrefix": "172.20.0.0/16", "nextHopType": "None" } });
    assert_eq!(sim.put("routeTables/clients/routes/other", &other).status, 201);
    sim.go(6.0);
    assert_ne!(sim.get("routeTables/clients")["etag"], table["etag"]);
    assert_eq!(sim.get(OVERLAY)["etag"], overlay["etag"]);
    let stale = table["etag"].as_str().expect("a table has an etag");
    let body = sim.get("routeTables/clients");
    let told = sim.call("PUT", &id("routeTables/clients"), &[("if-match", stale)], &body);
    assert_eq!(
        (told.status, told.code(), told.detail()),
        (412, "PreconditionFailed", "PreconditionFailedEtagMismatch")
    );
    let fresh = sim.get(OVERLAY)["etag"].as_str().expect("a route has an etag").to_owned();
    let told = sim.call("PUT", &id(OVERLAY), &[("if-match", &fresh)], &route("10.1.1.11"));
    assert_eq!(told.status, 200);
    let told = sim.go(12.0).call("PUT", &id(OVERLAY), &[("if-none-match", "*")], &route("10.1.1.11"));
    assert_eq!(told.status, 412);
}

#[test]
fn one_write_at_a_time() {
    let mut sim = Sim::new();
    assert_eq!(sim.put(OVERLAY, &route("10.1.1.11")).status, 200);
    let other = json!({ "properties": { "addressPrefix": "172.20.0.0/16", "nextHopType": "None" } });
    let told = sim.put("routeTables/clients/routes/other", &other);
    assert_eq!((told.status, told.code()), (409, "AnotherOperationInProgress"));
    assert_eq!(sim.go(5.0).put("routeTables/clients/routes/other", &other).status, 201);
    let mut sim = Sim::with(&[("/azure/options", json!({ "busy_is_retryable": true }))]);
    sim.put(OVERLAY, &route("10.1.1.11"));
    let told = sim.delete(OVERLAY);
    assert_eq!(
        (told.status, told.code(), told.detail()),
        (429, "RetryableError", "RetryableErrorDueToAnotherOperation")
    );
    assert_eq!(told.header("retry-after"), "10");
}

#[test]
fn a_busy_reference_is_retryable_and_a_missing_one_is_not() {
    let mut sim = Sim::new();
    let mut interface = sim.get("networkInterfaces/b");
    let rule = json!({ "properties": {
        "priority": 100, "direction": "Inbound", "access": "Deny", "protocol": "*", "sourceAddressPrefix": "*",
        "destinationAddressPrefix": "*", "destinationPortRange": "*",
    } });
    assert_eq!(sim.put("networkSecurityGroups/guard/securityRules/fence", &rule).status, 201);
    interface["properties"]["networkSecurityGroup"] = json!({ "id": id("networkSecurityGroups/guard") });
    let told = sim.put("networkInterfaces/b", &interface);
    assert_eq!((told.status, told.code(), told.detail()), (429, "RetryableError", "ReferencedResourceNotProvisioned"));
    interface["properties"]["networkSecurityGroup"] = json!({ "id": id("networkSecurityGroups/gone") });
    assert_eq!(sim.put("networkInterfaces/b", &interface).code(), "InvalidResourceReference");
}

#[test]
fn an_address_moves_only_after_it_was_given_up() {
    let mut sim = Sim::new();
    let floating = json!({ "name": "floating", "properties": {
        "subnet": { "id": id("virtualNetworks/net/subnets/servers") }, "privateIPAddress": "10.1.1.50",
        "privateIPAllocationMethod": "Static",
    } });
    let with = |mut body: Value| {
        body["properties"]["ipConfigurations"].as_array_mut().expect("there are some").push(floating.clone());
        body["tags"] = json!({ "owner": "us" });
        body
    };
    let (a, b) = (sim.get("networkInterfaces/a"), sim.get("networkInterfaces/b"));
    assert_eq!(sim.put("networkInterfaces/a", &with(a.clone())).status, 200);
    let told = sim.put("networkInterfaces/b", &with(b.clone()));
    assert_eq!((told.status, told.code()), (400, "PrivateIPAddressIsAllocated"));
    assert_eq!(sim.go(5.0).get("networkInterfaces/a")["tags"]["owner"], "us");
    assert_eq!(sim.put("networkInterfaces/a", &a).status, 200);
    // The write that gives it up has not ended.
    assert_eq!(sim.put("networkInterfaces/b", &with(b.clone())).code(), "PrivateIPAddressIsAllocated");
    assert_eq!(sim.go(10.0).put("networkInterfaces/b", &with(b)).status, 200);
    let held = sim.get("networkInterfaces/b");
    assert!(held["properties"]["virtualMachine"]["id"].as_str().is_some_and(|id| id.ends_with("/vm-b")));
}

#[test]
fn what_is_not_there_is_told_apart() {
    let mut sim = Sim::new();
    let cases = [
        (id("routeTables/none"), 404, "ResourceNotFound"),
        (id("routeTables/clients/routes/none"), 404, "NotFound"),
        (id("routeTables/none/routes/overlay"), 404, "ParentResourceNotFound"),
        (
            id("routeTables/clients").replace("resourceGroups/engine", "resourceGroups/none"),
            404,
            "ResourceGroupNotFound",
        ),
        (id("routeTables/clients").replace("0001", "0009"), 404, "SubscriptionNotFound"),
        (id("natGateways/x"), 404, "InvalidResourceType"),
    ];
    for (path, status, code) in cases {
        let told = sim.call("GET", &path, &[], &Value::Null);
        assert_eq!((told.status, told.code()), (status, code), "{path}");
    }
    let url = format!("https://management.azure.com{}", id("routeTables/clients"));
    assert_eq!(sim.call("GET", &url, &[], &Value::Null).code(), "MissingApiVersionParameter");
    assert_eq!(sim.delete("routeTables/none").status, 204);
    assert_eq!(sim.delete("routeTables/clients").code(), "InUseRouteTableCannotBeDeleted");
}

#[test]
fn bodies_that_make_no_sense_are_refused() {
    let mut sim = Sim::new();
    let with = |field: &str, value: &str| {
        let mut body = route("10.1.1.11");
        body["properties"][field] = json!(value);
        body
    };
    let cases = [
        (OVERLAY, with("addressPrefix", "192.168.10.10/33"), "InvalidAddressPrefixFormat"),
        (OVERLAY, with("nextHopType", "Nowhere"), "InvalidRequestFormat"),
        (OVERLAY, with("nextHopIpAddress", "somewhere"), "RouteNextHopIPAddressInvalid"),
        ("routeTables/clients/routes/twin", route("10.1.1.11"), "RouteConflict"),
        ("routeTables/new", json!({ "properties": {} }), "LocationRequired"),
        ("routeTables/clients", json!({ "location": "westus" }), "InvalidResourceLocation"),
        (
            POOL,
            json!({ "properties": { "loadBalancerBackendAddresses": [{ "name": "x", "properties": { "ipAddress": "10.1.1.10", "adminState": "Off" } }] } }),
            "InvalidRequestFormat",
        ),
        (
            "networkInterfaces/new",
            json!({ "location": "eastus", "properties": {} }),
            "NetworkInterfaceMustHaveAtLeastOneIpConfiguration",
        ),
        (OVERLAY, json!([1]), "InvalidRequestContent"),
    ];
    for (rest, body, code) in cases {
        assert_eq!(sim.put(rest, &body).code(), code, "{rest} {body}");
    }
}

#[test]
fn the_way_back_leads_to_equal_contents() {
    let mut sim = Sim::new();
    let before = sim.world.contents();
    let (pool, interface) = (sim.get(POOL), sim.get("networkInterfaces/a"));
    sim.put(OVERLAY, &route("10.1.1.11"));
    let mut changed = pool.clone();
    changed["properties"]["loadBalancerBackendAddresses"][0]["properties"]["adminState"] = json!("Down");
    sim.put(POOL, &changed);
    let mut forwarding = interface.clone();
    forwarding["properties"]["enableIPForwarding"] = json!(false);
    sim.put("networkInterfaces/a", &forwarding);
    assert_ne!(sim.go(6.0).world.contents(), before);
    assert_eq!(sim.delete(OVERLAY).status, 202);
    assert_eq!(sim.put(POOL, &pool).status, 200);
    assert_eq!(sim.put("networkInterfaces/a", &interface).status, 200);
    assert_eq!(sim.go(12.0).put(OVERLAY, &route("10.1.1.10")).status, 201);
    assert_eq!(sim.go(18.0).world.contents(), before);
}

#[test]
fn every_unknown_reference_of_a_document_is_found() {
    let mut wrong = document();
    let group = &mut wrong["azure"]["resource_groups"]["engine"];
    group["virtual_networks"]["net"]["subnets"]["clients"]["route_table"] = json!("none");
    group["network_interfaces"]["a"]["security_group"] = json!("none");
    group["network_interfaces"]["b"]["ip_configurations"]["primary"]["subnet"] = json!("net/none");
    group["network_interfaces"]["c"]["ip_configurations"]["primary"]["private_ip"] = json!("10.9.9.9");
    group["load_balancers"]["front"]["rules"]["http"]["pool"] = json!("none");
    group["security_groups"]["guard"]["rules"] =
        json!({ "r": { "priority": 1, "direction": "inbound", "access": "deny" } });
    wrong["vantage"]["subnet"] = json!("engine/net/none");
    wrong["hosts"]["front.example"]["load_balancer"] = json!("engine/front/none");
    let wrong: WorldDocument = serde_json::from_value(wrong).expect("the document is well-formed");
    let found: Vec<String> = World::build(&wrong)
        .expect_err("the document is wrong")
        .iter()
        .map(|f| format!("{} {}", f.path, f.code))
        .collect();
    let at = "azure/resource_groups/engine";
    for expected in [
        format!("{at}/virtual_networks/net/subnets/clients/route_table LB0302"),
        format!("{at}/network_interfaces/a/security_group LB0302"),
        format!("{at}/network_interfaces/b/ip_configurations/primary/subnet LB0302"),
        format!("{at}/network_interfaces/c LB0104"),
        format!("{at}/load_balancers/front/rules/http/pool LB0302"),
        format!("{at}/security_groups/guard/rules/r/priority LB0108"),
        "vantage/subnet LB0302".to_owned(),
        "hosts/front.example/load_balancer LB0302".to_owned(),
    ] {
        assert!(found.contains(&expected), "{expected} is not in {found:#?}");
    }
}

#[test]
fn no_body_brings_the_world_down() {
    let mut sim = Sim::new();
    let (before, mut at) = (sim.world.contents(), 0.0);
    // A write that is accepted has ended when the next one comes.
    let mut put = |sim: &mut Sim, rest: &str, body: &Value| {
        at += 6.0;
        sim.go(at).put(rest, body).status
    };
    let odd = [
        json!(1),
        json!([]),
        json!("x"),
        json!({}),
        json!([1, "x", {}]),
        json!([{ "name": 1, "properties": [] }]),
        json!({ "id": 1 }),
    ];
    let kinds = [
        ("routeTables/odd", ["routes", "subnets", "disableBgpRoutePropagation"]),
        ("networkInterfaces/odd", ["ipConfigurations", "networkSecurityGroup", "virtualMachine"]),
        ("networkSecurityGroups/odd", ["securityRules", "defaultSecurityRules", "subnets"]),
        ("loadBalancers/odd", ["frontendIPConfigurations", "backendAddressPools", "loadBalancingRules"]),
        ("loadBalancers/front", ["probes", "backendAddressPools", "loadBalancingRules"]),
        (POOL, ["loadBalancerBackendAddresses", "virtualNetwork", "backendIPConfigurations"]),
        (OVERLAY, ["addressPrefix", "nextHopType", "nextHopIpAddress"]),
    ];
    for (rest, fields) in kinds {
        for (field, value) in fields.iter().flat_map(|field| odd.iter().map(move |value| (field, value))) {
            let status = put(&mut sim, rest, &json!({ "location": "eastus", "properties": { *field: value } }));
            assert!(status < 500, "{rest} {field} {value}");
        }
        for value in &odd {
            assert!(put(&mut sim, rest, value) < 500, "{rest} {value}");
        }
    }
    assert!(sim.go(3600.0).page("http://vip.example/").is_some());
    assert_ne!(sim.world.contents(), before);
}
