//! Packets: routes, forwarding, security groups.

use super::fixture::{OVERLAY, Sim, id, route};
use crate::machine::Flow;
use serde_json::{Value, json};

fn rule(priority: u32, direction: &str, access: &str, source: &str, port: &str) -> Value {
    json!({ "properties": {
        "priority": priority, "direction": direction, "access": access, "protocol": "*", "sourcePortRange": "*",
        "sourceAddressPrefix": source, "destinationAddressPrefix": "*", "destinationPortRange": port,
    } })
}

#[test]
fn a_route_to_nobody_drops() {
    let mut sim = Sim::new();
    sim.put(OVERLAY, &route("10.1.1.99"));
    assert_eq!(sim.go(5.0).page("http://vip.example/"), None);
    assert_eq!(sim.delete(OVERLAY).status, 202);
    // Without the route, the system's own drops private addresses outside the network.
    assert_eq!(sim.go(10.0).page("http://vip.example/"), None);
    let figures = sim.go(19.5).world.figures();
    assert_eq!((figures.sent_packets, figures.lost_packets), (20, 15));
}

#[test]
fn the_next_hops_interface_must_forward() {
    let mut sim = Sim::new();
    let mut interface = sim.get("networkInterfaces/a");
    interface["properties"]["enableIPForwarding"] = json!(false);
    sim.put("networkInterfaces/a", &interface);
    assert_eq!(sim.page("http://vip.example/"), Some("a".to_owned()));
    assert_eq!(sim.go(5.0).page("http://vip.example/"), None);
}

#[test]
fn a_stopped_machine_takes_no_packets() {
    let mut sim = Sim::with(&[("/incident", json!([{ "at": "4500ms", "stop_instance": "vm-a" }]))]);
    let figures = sim.go(9.5).world.figures();
    assert_eq!((figures.sent_packets, figures.lost_packets), (10, 5));
    assert_eq!(sim.page("http://vip.example/"), None);
}

#[test]
fn the_lowest_priority_decides_and_defaults_come_last() {
    let mut sim = Sim::new();
    let admits = |sim: &Sim, flow| sim.world.cloud.azure.admits("vm-a", None, flow);
    assert!(admits(&sim, Flow::In(80)) && admits(&sim, Flow::Out(2049)));
    let group = "networkSecurityGroups/guard/securityRules";
    sim.put(&format!("{group}/fence"), &rule(200, "Inbound", "Deny", "*", "*"));
    assert!(admits(&sim, Flow::In(80)));
    sim.go(5.0);
    assert!(!admits(&sim, Flow::In(80)) && admits(&sim, Flow::Out(2049)));
    assert_eq!(sim.page("http://vip.example/"), None);
    assert_eq!(sim.page("http://a.example/"), None);
    sim.put(&format!("{group}/clients"), &rule(100, "Inbound", "Allow", "10.1.3.0/24", "80"));
    assert_eq!(sim.go(10.0).page("http://vip.example/"), Some("a".to_owned()));
    assert!(!admits(&sim, Flow::In(80)), "somebody in the network need not be in a part of it");
    assert_eq!(sim.page("http://vip.example:8080/"), None);
    let told = sim.put(&format!("{group}/twin"), &rule(100, "Inbound", "Allow", "*", "*"));
    assert_eq!(told.code(), "SecurityRuleConflict");
    sim.delete(&format!("{group}/fence"));
    assert!(!admits(&sim, Flow::In(80)));
    sim.go(15.0);
    assert!(admits(&sim, Flow::In(80)));
    sim.put(&format!("{group}/out"), &rule(100, "Outbound", "Deny", "*", "2049"));
    sim.go(20.0);
    assert!(!admits(&sim, Flow::Out(2049)) && admits(&sim, Flow::Out(443)));
    assert!(sim.world.cloud.azure.admits("vm-b", Some("b"), Flow::Out(2049)));
}

#[test]
fn a_fence_on_the_subnet_counts_as_one_on_the_interface() {
    let fence =
        json!({ "fence": { "rules": { "deny": { "priority": 100, "direction": "inbound", "access": "deny" } } } });
    let subnet = "/azure/resource_groups/engine/virtual_networks/net/subnets/servers/security_group";
    let interface = "/azure/resource_groups/engine/network_interfaces/a/security_group";
    let mut sim = Sim::with(&[
        ("/azure/resource_groups/engine/security_groups", fence),
        (subnet, json!("fence")),
        (interface, Value::Null),
    ]);
    assert_eq!(sim.page("http://vip.example/"), None);
    assert_eq!(sim.go(3.5).world.figures().lost_packets, 4);
    let shown = sim.get("networkSecurityGroups/fence");
    assert_eq!(shown["properties"]["subnets"][0]["id"], id("virtualNetworks/net/subnets/servers"));
}

#[test]
fn a_peered_network_is_reached_and_another_is_not() {
    let far = |peered: bool| {
        json!({ "address_space": ["10.2.0.0/16"], "subnets": { "far": { "prefix": "10.2.1.0/24" } },
            "peerings": if peered { json!(["net"]) } else { json!([]) } })
    };
    for (peered, page) in [(true, Some("a".to_owned())), (false, None)] {
        let mut sim = Sim::with(&[
            ("/azure/resource_groups/engine/virtual_networks/far", far(peered)),
            ("/vantage/subnet", json!("engine/far/far")),
            ("/hosts/direct.example", json!({ "address": "10.1.1.10" })),
        ]);
        assert_eq!(sim.page("http://direct.example/"), page);
    }
}
