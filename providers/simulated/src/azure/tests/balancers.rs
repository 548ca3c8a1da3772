//! Load balancers: probes, admin states, floating addresses, pools of interfaces.

use super::fixture::{POOL, Sim, id};
use serde_json::{Value, json};

const FRONT: &str = "http://front.example/";

fn admin(sim: &mut Sim, name: &str, state: &str) {
    let mut pool = sim.get(POOL);
    let addresses = pool["properties"]["loadBalancerBackendAddresses"].as_array_mut().expect("the pool has addresses");
    let own = addresses.iter_mut().find(|own| own["name"] == name).expect("the address is there");
    own["properties"]["adminState"] = json!(state);
    let told = sim.put(POOL, &pool);
    assert_eq!(told.status, 200, "{}", told.body);
}

#[test]
fn healthy_backends_share_new_connections() {
    let mut sim = Sim::new();
    assert_eq!(sim.sites(FRONT), ["a", "b"]);
}

#[test]
fn a_probe_needs_interval_times_threshold_to_change_its_mind() {
    let incident = json!([{ "at": "10s", "stop_instance": "vm-a" }, { "at": "40s", "start_instance": "vm-a" }]);
    let mut sim = Sim::with(&[("/incident", incident)]);
    assert_eq!(sim.go(19.0).sites(FRONT), ["-", "b"]);
    assert_eq!(sim.go(20.0).sites(FRONT), ["b"]);
    assert_eq!(sim.go(49.0).sites(FRONT), ["b"]);
    assert_eq!(sim.go(50.0).sites(FRONT), ["a", "b"]);
}

#[test]
fn without_a_backend_that_is_up_new_connections_are_dropped() {
    let probe = "/azure/resource_groups/engine/load_balancers/front/probes/active/path";
    let mut sim = Sim::with(&[(probe, json!("/none"))]);
    assert_eq!(sim.sites(FRONT), ["-"]);
}

#[test]
fn the_admin_state_overrides_the_probe() {
    let mut sim = Sim::with(&[("/incident", json!([{ "at": "10s", "stop_instance": "vm-b" }]))]);
    admin(&mut sim, "a", "Down");
    assert_eq!(sim.sites(FRONT), ["a", "b"]);
    assert_eq!(sim.go(5.0).sites(FRONT), ["b"]);
    admin(sim.go(30.0), "b", "Up");
    // It gets every connection, although its machine is gone.
    assert_eq!(sim.go(36.0).sites(FRONT), ["-"]);
    admin(&mut sim, "a", "None");
    assert_eq!(sim.go(42.0).sites(FRONT), ["-", "a"]);
}

#[test]
fn a_fence_fails_the_probe_too() {
    let mut sim = Sim::new();
    let rule = json!({ "properties": {
        "priority": 100, "direction": "Inbound", "access": "Deny", "protocol": "*", "sourcePortRange": "*",
        "sourceAddressPrefix": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*",
    } });
    assert_eq!(sim.put("networkSecurityGroups/guard/securityRules/fence", &rule).status, 201);
    assert_eq!(sim.go(6.0).sites(FRONT), ["-", "b"]);
    assert_eq!(sim.go(15.0).sites(FRONT), ["b"]);
}

#[test]
fn a_pool_of_interfaces_has_the_members_that_name_it() {
    let pool = json!({ "engines": { "interfaces": ["a/primary", "b/primary"] } });
    let mut sim = Sim::with(&[("/azure/resource_groups/engine/load_balancers/front/pools", pool)]);
    assert_eq!(sim.sites(FRONT), ["a", "b"]);
    let shown = sim.get(POOL);
    assert_eq!(
        shown["properties"]["backendIPConfigurations"][0]["id"],
        id("networkInterfaces/a/ipConfigurations/primary")
    );
    let mut interface = sim.get("networkInterfaces/a");
    interface["properties"]["ipConfigurations"][0]["properties"]["loadBalancerBackendAddressPools"] = json!([]);
    assert_eq!(sim.put("networkInterfaces/a", &interface).status, 200);
    assert_eq!(sim.go(5.0).sites(FRONT), ["b"]);
    assert_eq!(sim.get(POOL)["properties"]["loadBalancerBackendAddresses"].as_array().map(Vec::len), Some(1));
    admin(&mut sim, "b_primary", "Down");
    assert_eq!(sim.go(10.0).sites(FRONT), ["-"]);
    let by_address = json!({ "properties": { "loadBalancerBackendAddresses": [{ "name": "x", "properties": { "ipAddress": "10.1.1.10" } }] } });
    assert_eq!(sim.put(POOL, &by_address).code(), "MixedNicAndIpBackendPoolNotAllowed");
}

#[test]
fn a_floating_address_with_ha_ports_reaches_whoever_owns_it() {
    let rule = |floating: bool| json!({ "all": { "frontend": "internal", "protocol": "all", "port": 0, "pool": "engines", "probe": "active", "floating_ip": floating } });
    let rules = "/azure/resource_groups/engine/load_balancers/front/rules";
    let mut sim = Sim::with(&[(rules, rule(true))]);
    assert_eq!(sim.sites(FRONT), ["a", "b"]);
    assert_eq!(sim.sites("http://front.example:8080/"), ["a", "b"]);
    let owned = "/azure/resource_groups/engine/virtual_machines/vm-a/addresses";
    let mut sim = Sim::with(&[(rules, rule(true)), (owned, json!([]))]);
    assert_eq!(sim.sites(FRONT), ["-", "b"]);
    let mut sim = Sim::with(&[(rules, rule(false)), (owned, json!([]))]);
    assert_eq!(sim.sites(FRONT), ["a", "b"]);
}

#[test]
fn a_route_may_lead_to_a_frontend() {
    let rules = "/azure/resource_groups/engine/load_balancers/front/rules";
    let rule = json!({ "all": { "frontend": "internal", "protocol": "all", "port": 0, "pool": "engines", "probe": "active" } });
    let hop = "/azure/resource_groups/engine/route_tables/clients/routes/overlay/next_hop";
    let incident = json!([{ "at": "5500ms", "stop_instance": "vm-a" }]);
    let mut sim = Sim::with(&[(rules, rule), (hop, json!("10.1.0.4")), ("/incident", incident)]);
    assert_eq!(sim.sites("http://vip.example/"), ["a", "b"]);
    let figures = sim.go(29.5).world.figures();
    // Pings keep their backend until the probe has given it up.
    assert_eq!((figures.sent_packets, figures.lost_packets), (30, 10));
}

#[test]
fn a_balancer_is_written_as_a_whole_too() {
    let mut sim = Sim::new();
    let mut body = sim.get("loadBalancers/front");
    body["properties"]["probes"][0]["properties"]["requestPath"] = json!("/none");
    let etag = body["etag"].as_str().expect("it has an etag").to_owned();
    let told = sim.call("PUT", &id("loadBalancers/front"), &[("if-match", &etag)], &body);
    assert_eq!((told.status, &told.body["properties"]["provisioningState"]), (200, &json!("Updating")));
    assert_eq!(sim.go(14.0).sites(FRONT), ["a", "b"]);
    assert_eq!(sim.go(15.0).sites(FRONT), ["-"]);
    body["properties"]["loadBalancingRules"][0]["properties"]["probe"] = Value::Null;
    assert_eq!(sim.put("loadBalancers/front", &body).status, 200);
    // Without a probe, everybody counts as healthy.
    assert_eq!(sim.go(20.0).sites(FRONT), ["a", "b"]);
    assert_eq!(sim.delete(POOL).code(), "InvalidResourceReference");
}
