//! Machines that start, stop and find no room, over the Resource Manager's own requests.

use crate::azure::asked::{Asked, in_group, world};
use serde_json::{Value, json};

fn machines_group() -> Value {
    json!({
        "virtual_networks": { "net": { "address_space": ["10.1.0.0/16"], "subnets": { "servers": { "prefix": "10.1.1.0/24" } } } },
        "network_interfaces": {
            "a": { "ip_configurations": { "primary": { "subnet": "net/servers", "private_ip": "10.1.1.10", "primary": true } } },
            "b": { "ip_configurations": { "primary": { "subnet": "net/servers", "private_ip": "10.1.1.11", "primary": true } } },
        },
        "virtual_machines": {
            "vm-a": { "zone": "1", "interfaces": ["a"] },
            "vm-b": { "state": "deallocated", "interfaces": ["b"] },
        },
    })
}

fn machines(changes: &[(&str, Value)]) -> Asked {
    let mut group = machines_group();
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
        group.pointer_mut(parent).expect("the parent is there")[field] = value.clone();
    }
    Asked::new(world(group))
}

fn vm(name: &str, rest: &str) -> String {
    in_group(&format!("Microsoft.Compute/virtualMachines/{name}{rest}"))
}

fn power(sim: &mut Asked, name: &str) -> String {
    let view = sim.get(&vm(name, "/instanceView")).body;
    let mut codes =
        view["statuses"].as_array().expect("there are statuses").iter().filter_map(|one| one["code"].as_str());
    let power = codes.find_map(|code| code.strip_prefix("PowerState/"));
    power.expect("there is a power state").to_owned()
}

#[test]
fn a_machine_is_described_with_and_without_its_view() {
    let mut sim = machines(&[]);
    let told = sim.get(&vm("VM-A", ""));
    assert_eq!(told.status, 200);
    assert_eq!(told.body["name"], "vm-a");
    assert_eq!(told.body["zones"], json!(["1"]));
    assert_eq!(told.body["properties"]["provisioningState"], "Succeeded");
    assert!(told.body["properties"].get("instanceView").is_none());
    let interface = told.body["properties"]["networkProfile"]["networkInterfaces"][0]["id"].as_str();
    assert!(interface.is_some_and(|id| id.ends_with("Microsoft.Network/networkInterfaces/a")));
    let told = sim.get(&vm("vm-b", "?$expand=instanceView"));
    assert_eq!(told.body["properties"]["instanceView"]["statuses"][1]["code"], "PowerState/deallocated");
    assert!(told.body.get("zones").is_none());
    assert_eq!(sim.get(&in_group("Microsoft.Compute/virtualMachines")).body["value"].as_array().map(Vec::len), Some(2));
    let told = sim.get(&vm("vm-c", ""));
    assert_eq!((told.status, told.code()), (404, "ResourceNotFound"));
}

#[test]
fn a_machine_is_deallocated_and_starts_again() {
    let mut sim = machines(&[]);
    let begun = sim.call("POST", &vm("vm-a", "/deallocate"), None);
    assert_eq!(begun.status, 202);
    assert_eq!(power(&mut sim, "vm-a"), "deallocating");
    assert_eq!(sim.get(&vm("vm-a", "")).body["properties"]["provisioningState"], "Updating");
    let (operation, result) = (begun.address("azure-asyncoperation"), begun.address("location"));
    assert_eq!(sim.get(&operation).body["status"], "InProgress");
    assert_eq!(sim.get(&result).status, 202);
    let other = sim.call("POST", &vm("vm-a", "/start"), None);
    assert_eq!((other.status, other.code()), (409, "Conflict"));
    assert_eq!(sim.call("POST", &vm("vm-a", "/deallocate"), None).status, 202);
    sim.go(44.9);
    assert_eq!(power(&mut sim, "vm-a"), "deallocating");
    sim.go(45.0);
    assert_eq!(power(&mut sim, "vm-a"), "deallocated");
    assert_eq!(sim.get(&operation).body["status"], "Succeeded");
    assert!([200, 204].contains(&sim.get(&result).status));
    assert_eq!(sim.call("POST", &vm("vm-a", "/deallocate"), None).status, 200);
    let refused = sim.call("POST", &vm("vm-a", "/restart"), None);
    assert_eq!((refused.status, refused.code()), (409, "OperationNotAllowed"));

    assert_eq!(sim.call("POST", &vm("vm-a", "/start"), None).status, 202);
    assert_eq!(power(&mut sim, "vm-a"), "starting");
    sim.go(86.0);
    assert_eq!(power(&mut sim, "vm-a"), "running");
    assert_eq!(sim.call("POST", &vm("vm-a", "/start"), None).status, 200);
}

#[test]
fn a_machine_without_room_stays_deallocated_until_there_is_some() {
    let mut sim = machines(&[
        ("/virtual_machines/vm-b/available", json!(0)),
        ("/virtual_machines/vm-b/available_again", json!("2m")),
        ("/virtual_machines/vm-a/available", json!(1)),
    ]);
    let begun = sim.call("POST", &vm("vm-b", "/start"), None);
    assert_eq!(begun.status, 202);
    sim.go(15.0);
    let ended = sim.get(&begun.address("azure-asyncoperation")).body;
    assert_eq!((ended["status"].as_str(), ended["error"]["code"].as_str()), (Some("Failed"), Some("AllocationFailed")));
    assert_eq!(power(&mut sim, "vm-b"), "deallocated");
    assert_eq!(sim.get(&vm("vm-b", "")).body["properties"]["provisioningState"], "Failed");
    sim.go(120.0);
    sim.call("POST", &vm("vm-b", "/start"), None);
    sim.go(160.0);
    assert_eq!(power(&mut sim, "vm-b"), "running");
    assert_eq!(sim.get(&vm("vm-b", "")).body["properties"]["provisioningState"], "Succeeded");

    // One allocation is left for the other: it is spent by a start from deallocated, not by one from stopped.
    for (action, at) in
        [("powerOff", 200.0), ("start", 300.0), ("deallocate", 400.0), ("start", 500.0), ("deallocate", 600.0)]
    {
        sim.call("POST", &vm("vm-a", &format!("/{action}")), None);
        sim.go(at);
    }
    let begun = sim.call("POST", &vm("vm-a", "/start"), None);
    sim.go(700.0);
    assert_eq!(sim.get(&begun.address("azure-asyncoperation")).body["error"]["code"], "ZonalAllocationFailed");
    assert_eq!(power(&mut sim, "vm-a"), "deallocated");
}

#[test]
fn a_power_cut_stops_a_machine_at_once_and_frees_nothing() {
    let mut group = machines_group();
    group["virtual_machines"]["vm-a"]["application"] = "page".into();
    let mut document = world(group);
    document["applications"] = json!({ "page": { "paths": { "/": {} } } });
    document["hosts"] = json!({ "a.example": { "instance": "vm-a" } });
    document["incident"] = json!([
        { "at": "10s", "stop_instance": "vm-a" }, { "at": "10s", "stop_instance": "vm-b" }, { "at": "20s", "start_instance": "vm-a" },
    ]);
    let mut sim = Asked::new(document);
    assert_eq!(sim.host("http://a.example/"), Some(200));
    sim.go(10.0);
    assert_eq!((power(&mut sim, "vm-a").as_str(), power(&mut sim, "vm-b").as_str()), ("stopped", "deallocated"));
    assert_eq!(sim.host("http://a.example/"), None);
    sim.go(20.0);
    assert_eq!(power(&mut sim, "vm-a"), "running");
    assert_eq!(sim.host("http://a.example/"), Some(200));
}

#[test]
fn nothing_starts_in_a_lost_zone() {
    let mut sim = machines(&[("/virtual_machines/vm-a/state", json!("stopped"))]);
    sim.world.cloud.azure.compute.notice(&|location, zone| (location, zone) != ("eastus", "1"));
    let begun = sim.call("POST", &vm("vm-a", "/start"), None);
    assert_eq!(sim.call("POST", &vm("vm-b", "/start"), None).status, 202);
    sim.go(60.0);
    assert_eq!(sim.get(&begun.address("azure-asyncoperation")).body["error"]["code"], "ZonalAllocationFailed");
    assert_eq!((power(&mut sim, "vm-a").as_str(), power(&mut sim, "vm-b").as_str()), ("stopped", "running"));
}

#[test]
fn a_power_off_that_skips_the_shutdown_takes_a_second() {
    let mut sim = machines(&[]);
    sim.call("POST", &vm("vm-a", "/powerOff?skipShutdown=true"), None);
    sim.go(1.0);
    assert_eq!(power(&mut sim, "vm-a"), "stopped");
}

#[test]
fn wrong_machines_are_found() {
    let found = Asked::findings(world(json!({
        "network_interfaces": {},
        "virtual_machines": { "vm-a": { "zone": "eastus-1", "interfaces": ["nowhere"], "application": "none" }, "vm-b": { "interfaces": [] } },
    })));
    let all = found.join("\n");
    for part in
        ["no network interface nowhere", "no application none", "a zone of Azure is a number", "at least one interface"]
    {
        assert!(all.contains(part), "{part} in:\n{all}");
    }
}
