//! The overlay address: a route moves it, and packets follow.

use super::fixture::{R1, Sim, overlay};
use serde_json::json;

fn point(sim: &mut Sim, interface: &str) {
    let form = format!(
        "Action=ReplaceRoute&RouteTableId=rtb-1&DestinationCidrBlock=192.168.10.10%2F32&NetworkInterfaceId={interface}"
    );
    let (status, body) = sim.query("ec2", R1, &form);
    assert_eq!(status, 200, "{body}");
}

#[test]
fn a_moved_route_loses_no_packet() {
    let mut sim = Sim::new(overlay());
    assert_eq!(sim.get("http://vip.example/"), Some((200, "server a".to_owned())));
    point(sim.go(10.5), "eni-b");
    assert_eq!(sim.get("http://vip.example/"), Some((200, "server b".to_owned())));
    assert_eq!(sim.get("http://a.vip.example/"), Some((200, "server a".to_owned())));
    let figures = sim.go(28.5).world.figures();
    assert_eq!((figures.sent_packets, figures.lost_packets), (29, 0));
    assert_eq!(json!(figures.served), json!({ "a": 11, "b": 18 }));
}

#[test]
fn packets_are_lost_while_the_route_leads_to_somebody_who_does_not_take_them() {
    let mut sim = Sim::new(overlay());
    // The client's own interface lets them in, but its system does not own the address.
    point(sim.go(5.5), "eni-client");
    point(sim.go(9.5), "eni-b");
    let form = "Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId=eni-b&SourceDestCheck.Value=true";
    assert_eq!(sim.go(15.5).query("ec2", R1, form).0, 200);
    let figures = sim.go(18.5).world.figures();
    assert_eq!((figures.sent_packets, figures.lost_packets), (19, 4 + 3));
    assert_eq!(figures.pings["client"].longest_loss, 4);
}

#[test]
fn a_stopped_server_takes_no_packets() {
    let mut sim = Sim::with(overlay(), &[("/incident", json!([{ "at": "4500ms", "stop_instance": "i-a" }]))]);
    let figures = sim.go(9.5).world.figures();
    assert_eq!((figures.sent_packets, figures.lost_packets), (10, 5));
    assert_eq!(sim.get("http://vip.example/"), None);
}
