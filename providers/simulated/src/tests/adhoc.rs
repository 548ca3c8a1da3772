use super::fixture::*;
#[test]
fn shipped() {
    for f in ["overlay-vip_world.yaml", "region-failover_world.yaml", "region-failover_world-region-lost.yaml"] {
        let v: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(format!("/tmp/simcheck/{f}.json")).unwrap()).unwrap();
        let d: crate::WorldDocument = serde_json::from_value(v).unwrap();
        match crate::World::build(&d) {
            Ok(world) => {
                let mut s = Sim { world };
                s.go(120.0);
                println!("{f} {}", serde_json::to_string_pretty(&s.world.figures()).unwrap());
                println!("{:?} {:?}", s.get("https://orders.example/healthz"), s.get("http://vip.example/"));
                println!("{} bytes", serde_json::to_string(&s.world).unwrap().len());
            }
            Err(e) => panic!("{f} {e:#?}"),
        }
    }
}
