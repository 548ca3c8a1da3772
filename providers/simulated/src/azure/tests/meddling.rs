//! What somebody else does by hand, beside the callers of the API.

use super::fixture::{OVERLAY, POOL, Sim, id};
use crate::Meddling;

fn meddle(sim: &mut Sim, what: &str) {
    let offered = sim.world.meddlings();
    let found: Vec<&Meddling> = offered.iter().filter(|offer| offer.to_string() == what).collect();
    assert_eq!(found.len(), 1, "{what} is not among {offered:?}");
    sim.world.meddle(found[0]);
}

#[test]
fn a_route_that_somebody_deletes_is_gone_and_routes_no_more() {
    let mut sim = Sim::new();
    assert_eq!(sim.sites("http://vip.example/"), ["a"]);
    let before = sim.get("routeTables/clients")["etag"].clone();
    meddle(&mut sim, "the route overlay deleted from clients");
    assert_eq!(sim.call("GET", &id(OVERLAY), &[], &serde_json::Value::Null).status, 404);
    assert_ne!(sim.get("routeTables/clients")["etag"], before);
    assert_eq!(sim.sites("http://vip.example/"), ["-"]);
}

#[test]
fn an_address_that_somebody_takes_out_of_a_pool_gets_no_more_connections() {
    let mut sim = Sim::new();
    let pool = sim.get(POOL);
    meddle(&mut sim, "b taken out of engines");
    let now = sim.get(POOL);
    assert_eq!(now["properties"]["loadBalancerBackendAddresses"].as_array().map(Vec::len), Some(1));
    assert_ne!(now["etag"], pool["etag"]);
    assert_eq!(sim.sites("http://front.example/"), ["a"]);
}

#[test]
fn nobody_else_gets_in_between_while_a_write_is_being_provisioned() {
    let mut sim = Sim::new();
    let mut pool = sim.get(POOL);
    pool["properties"]["loadBalancerBackendAddresses"][0]["properties"]["adminState"] = "Down".into();
    let offered = sim.world.meddlings();
    assert_eq!(sim.put(POOL, &pool).status, 200);
    for offer in offered.iter().filter(|offer| matches!(offer, Meddling::PoolAddressRemoved { .. })) {
        sim.world.meddle(offer);
    }
    assert_eq!(sim.get(POOL)["properties"]["loadBalancerBackendAddresses"].as_array().map(Vec::len), Some(2));
}
