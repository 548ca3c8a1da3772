//! Profiles over the Resource Manager's own requests, and what clients of their names meet.

use crate::azure::asked::{Asked, in_group, world};
use serde_json::{Value, json};

/// Two sites that answer `/healthz`, behind one profile.
fn profile(changes: &[(&str, Value)]) -> Asked {
    let mut document = world(json!({ "traffic_manager_profiles": { "orders": {
        "ttl": "30s",
        "monitor": { "path": "/healthz", "interval": "10s", "tolerated_failures": 2 },
        "endpoints": {
            "east": { "target": "east.example", "priority": 1 },
            "west": { "target": "west.example", "priority": 2 },
        },
    } } }));
    let instance = |site: &str, number: u8| {
        json!({ "site": site, "application": "page", "interfaces": {
            format!("eni-{site}"): { "subnet": "subnet-1", "private_ip": format!("10.0.1.{number}") },
        } })
    };
    document["account"] = "111122223333".into();
    document["aws"] = json!({ "regions": { "us-east-1": {
        "vpcs": { "vpc-1": { "cidr": "10.0.0.0/16", "subnets": { "subnet-1": { "zone": "us-east-1a", "cidr": "10.0.1.0/24" } } } },
        "instances": { "i-east": instance("east", 10), "i-west": instance("west", 11) },
    } } });
    document["applications"] = json!({ "page": { "paths": { "/": {}, "/healthz": {} } } });
    document["hosts"] = json!({
        "orders.example": { "traffic_manager": "orders" },
        "east.example": { "instance": "i-east" },
        "west.example": { "instance": "i-west" },
    });
    document["clients"] = json!({ "customers": { "host": "orders.example", "path": "/" } });
    document["incident"] = json!([]);
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
        document.pointer_mut(parent).expect("the parent is there")[field] = value.clone();
    }
    Asked::new(document)
}

const ORDERS: &str = "/azure/resource_groups/engine/traffic_manager_profiles/orders";

fn path(rest: &str) -> String {
    in_group(&format!("Microsoft.Network/trafficmanagerprofiles/orders{rest}"))
}

/// The site that a client's request meets now.
fn site(sim: &Asked) -> Vec<(String, u64)> {
    let world = &sim.world;
    let fortune = world.traffic.clients["customers"].fortune(
        &world.cloud,
        &world.estate,
        &crate::traffic::Load::default(),
        world.now(),
    );
    fortune.served.into_iter().collect()
}

fn all_at(name: &str) -> Vec<(String, u64)> {
    vec![(name.to_owned(), 1_000_000)]
}

fn status(sim: &mut Asked, endpoint: &str) -> String {
    let told = sim.get(&path(&format!("/externalEndpoints/{endpoint}"))).body;
    told["properties"]["endpointMonitorStatus"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_profile_is_described() {
    let mut sim = profile(&[]);
    let told = sim.get(&path(""));
    assert_eq!(told.status, 200);
    assert_eq!(told.body["location"], "global");
    let properties = &told.body["properties"];
    assert_eq!(
        properties["dnsConfig"],
        json!({ "relativeName": "orders", "fqdn": "orders.trafficmanager.net", "ttl": 30 })
    );
    assert_eq!(properties["trafficRoutingMethod"], "Priority");
    assert_eq!(properties["monitorConfig"]["profileMonitorStatus"], "Online");
    assert_eq!(properties["monitorConfig"]["intervalInSeconds"], 10);
    let east = &properties["endpoints"][0];
    assert_eq!(east["type"], "Microsoft.Network/trafficManagerProfiles/externalEndpoints");
    assert_eq!(east["properties"]["endpointMonitorStatus"], "Online");
    assert_eq!(sim.get(&in_group("Microsoft.Network/trafficManagerProfiles")).body["value"][0]["name"], "orders");
    let missing = sim.get(&path("/externalEndpoints/north"));
    assert_eq!((missing.status, missing.code()), (404, "ResourceNotFound"));
}

#[test]
fn clients_follow_a_changed_priority_after_the_ttl() {
    let mut sim = profile(&[]);
    assert_eq!(site(&sim), all_at("east"));
    let swap = json!({ "properties": { "priority": 2 } });
    let refused = sim.call("PATCH", &path("/externalEndpoints/east"), Some(swap));
    assert_eq!((refused.status, refused.code()), (400, "BadRequest"));
    let changed = sim.call("PATCH", &path("/externalEndpoints/east"), Some(json!({ "properties": { "priority": 3 } })));
    assert_eq!((changed.status, &changed.body["properties"]["priority"]), (200, &json!(3)));
    sim.go(29.9);
    assert_eq!(site(&sim), all_at("east"));
    sim.go(30.0);
    assert_eq!(site(&sim), all_at("west"));
    assert_eq!(sim.host("https://orders.trafficmanager.net/"), Some(200));
}

#[test]
fn one_patch_of_the_profile_swaps_all_priorities() {
    let mut sim = profile(&[]);
    let mut endpoints = sim.get(&path("")).body["properties"]["endpoints"].clone();
    endpoints[0]["properties"]["priority"] = 2.into();
    endpoints[1]["properties"]["priority"] = 1.into();
    let told = sim.call("PATCH", &path(""), Some(json!({ "properties": { "endpoints": endpoints } })));
    assert_eq!(told.status, 200);
    assert_eq!(status(&mut sim, "east"), "Online", "what is known of an endpoint stays known");
    sim.go(30.0);
    assert_eq!(site(&sim), all_at("west"));
}

#[test]
fn a_dead_endpoint_is_left_after_the_tolerated_failures_and_the_ttl() {
    let mut sim = profile(&[(
        "/incident",
        json!([{ "at": "10s", "stop_instance": "i-east" }, { "at": "100s", "start_instance": "i-east" }]),
    )]);
    sim.go(39.9);
    assert_eq!(status(&mut sim, "east"), "Online");
    sim.go(40.0);
    assert_eq!(status(&mut sim, "east"), "Degraded");
    assert_eq!(sim.get(&path("")).body["properties"]["monitorConfig"]["profileMonitorStatus"], "Degraded");
    assert!(site(&sim).is_empty());
    sim.go(70.0);
    assert_eq!(site(&sim), all_at("west"));
    sim.go(110.0);
    assert_eq!(status(&mut sim, "east"), "Online");
    assert_eq!(site(&sim), all_at("west"));
    sim.go(140.0);
    assert_eq!(site(&sim), all_at("east"));
    let figures = sim.world.figures();
    assert!((figures.unavailable_s - 60.0).abs() < 0.01, "{}", figures.unavailable_s);
}

#[test]
fn if_all_are_degraded_all_count_and_if_none_is_enabled_nobody_answers() {
    let stop = |instance: &str| json!({ "at": "10s", "stop_instance": instance });
    let weighted = ("/azure/resource_groups/engine/traffic_manager_profiles/orders/method", json!("weighted"));
    let mut sim = profile(&[
        weighted,
        ("/incident", json!([stop("i-east"), stop("i-west"), { "at": "45s", "start_instance": "i-west" }])),
    ]);
    sim.go(44.0);
    assert_eq!((status(&mut sim, "east"), status(&mut sim, "west")), ("Degraded".to_owned(), "Degraded".to_owned()));
    sim.go(46.0);
    assert_eq!(site(&sim), vec![("west".to_owned(), 500_000)]);
    for endpoint in ["east", "west"] {
        let disabled = json!({ "properties": { "endpointStatus": "Disabled" } });
        assert_eq!(sim.call("PATCH", &path(&format!("/externalEndpoints/{endpoint}")), Some(disabled)).status, 200);
    }
    assert_eq!(status(&mut sim, "west"), "Disabled");
    assert_eq!(sim.get(&path("")).body["properties"]["monitorConfig"]["profileMonitorStatus"], "Inactive");
    sim.go(80.0);
    assert!(site(&sim).is_empty());
    assert!(sim.world.resolve("orders.example").is_empty());
    let enabled = json!({ "properties": { "endpointStatus": "Enabled" } });
    sim.call("PATCH", &path("/externalEndpoints/west"), Some(enabled));
    assert_eq!(status(&mut sim, "west"), "CheckingEndpoint");
    sim.go(90.0);
    assert_eq!(status(&mut sim, "west"), "Online");
}

#[test]
fn weights_share_the_clients_and_an_endpoint_that_always_serves_is_not_asked() {
    let method = ("/azure/resource_groups/engine/traffic_manager_profiles/orders/method", json!("weighted"));
    let mut sim = profile(&[method, ("/incident", json!([{ "at": "60s", "stop_instance": "i-east" }]))]);
    assert_eq!(site(&sim), vec![("east".to_owned(), 500_000), ("west".to_owned(), 500_000)]);
    let change = json!({ "properties": { "weight": 3, "alwaysServe": "Enabled" } });
    sim.call("PATCH", &path("/externalEndpoints/east"), Some(change));
    assert_eq!(status(&mut sim, "east"), "Unmonitored");
    sim.go(30.0);
    assert_eq!(site(&sim), vec![("east".to_owned(), 750_000), ("west".to_owned(), 250_000)]);
    sim.go(300.0);
    assert_eq!(site(&sim), vec![("west".to_owned(), 250_000)]);
}

#[test]
fn a_nested_profile_is_as_well_as_its_endpoints() {
    let outer = json!({ "dns_name": "outer", "ttl": "10s", "endpoints": {
        "inner": { "type": "nested", "target": "orders" }, "spare": { "target": "west.example" },
    } });
    let mut sim = profile(&[
        ("/azure/resource_groups/engine/traffic_manager_profiles/outer", outer),
        (&format!("{ORDERS}/endpoints/west/status"), json!("disabled")),
        ("/hosts/orders.example", json!({ "traffic_manager": "engine/outer" })),
        ("/incident", json!([{ "at": "10s", "stop_instance": "i-east" }])),
    ]);
    let nested = in_group("Microsoft.Network/trafficmanagerprofiles/outer/nestedEndpoints/inner");
    assert_eq!(sim.get(&nested).body["properties"]["endpointMonitorStatus"], "Online");
    assert_eq!(site(&sim), all_at("east"));
    sim.go(50.0);
    assert_eq!(sim.get(&nested).body["properties"]["endpointMonitorStatus"], "Degraded");
    assert_eq!(site(&sim), all_at("west"));
}

#[test]
fn what_the_service_refuses() {
    let mut sim = profile(&[]);
    let east = path("/externalEndpoints/east");
    for properties in [
        json!({ "weight": 0 }),
        json!({ "weight": 1001 }),
        json!({ "priority": "1" }),
        json!({ "endpointStatus": "Off" }),
    ] {
        let told = sim.call("PATCH", &east, Some(json!({ "properties": properties })));
        assert_eq!((told.status, told.code()), (400, "BadRequest"), "{properties}");
    }
    for properties in [
        json!({ "trafficRoutingMethod": "Performance" }),
        json!({ "monitorConfig": { "intervalInSeconds": 20 } }),
        json!({ "monitorConfig": { "protocol": "TCP" } }),
        json!({ "endpoints": [{ "name": "x", "type": "Microsoft.Network/trafficManagerProfiles/externalEndpoints", "properties": {} }] }),
    ] {
        let told = sim.call("PATCH", &path(""), Some(json!({ "properties": properties })));
        assert_eq!((told.status, told.code()), (400, "BadRequest"), "{properties}");
    }
    let before = sim.world.contents();
    assert_eq!(before, profile(&[]).world.contents(), "what is refused changes nothing");
}

#[test]
fn wrong_profiles_are_found() {
    let found = Asked::findings(world(json!({ "traffic_manager_profiles": { "orders": {
        "method": "performance",
        "monitor": { "interval": "20s", "expected_statuses": ["ok"] },
        "endpoints": {
            "east": { "target": "nowhere.example", "priority": 1, "weight": 0 },
            "west": { "type": "nested", "target": "orders", "priority": 1 },
        },
    } } })));
    let all = found.join("\n");
    for part in [
        "by priority and by weight alone",
        "probing interval is either 10 or 30",
        "ok is neither a status",
        "no host nowhere.example",
        "weight is from 1 to 1000",
        "another endpoint has the priority 1",
        "no other Traffic Manager profile orders",
    ] {
        assert!(all.contains(part), "{part} in:\n{all}");
    }
}
