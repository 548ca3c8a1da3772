//! Integration engines: queues handed over, processes that die and hang, machines that are fenced, storage that is slow.

use crate::{EngineFigures, Figures, World, WorldDocument};
use bytes::Bytes;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Two machines and two clusters on them, each with interfaces of its own; senders send to both nodes through a network load balancer.
fn document(incidents: &Value) -> Value {
    let interface = |subnet: &str, ip: &str, index: u32| json!({"subnet": subnet, "private_ip": ip, "device_index": index, "security_groups": ["sg-0c000000000000001"]});
    let machine = |zone: &str, number: u8| {
        let subnet = format!("subnet-0{zone}000000000000001");
        json!({"site": zone, "interfaces": {
            format!("eni-0{zone}000000000000001"): interface(&subnet, &format!("10.0.{number}.11"), 0),
            format!("eni-0{zone}000000000000002"): interface(&subnet, &format!("10.0.{number}.12"), 1),
        }})
    };
    let targets = json!([{"instance": "i-0a000000000000001"}, {"instance": "i-0b000000000000001"}]);
    let group = |mllp: u16, http: u16| {
        json!({
            "vpc": "vpc-0c000000000000001", "protocol": "TCP", "port": mllp, "targets": targets,
            "health_check": {"protocol": "HTTP", "port": http, "path": "/active", "interval": "1s", "healthy_threshold": 2},
        })
    };
    let engine = |name: &str, owner: &str, mllp: u16, http: u16, index: u8| {
        json!({
            "nodes": {
                "a": {"machine": "i-0a000000000000001", "interface": format!("eni-0a00000000000000{index}")},
                "b": {"machine": "i-0b000000000000001", "interface": format!("eni-0b00000000000000{index}")},
            },
            "owner": owner, "storage": {"efs": format!("us-east-1/{name}")}, "mllp_port": mllp, "http_port": http,
        })
    };
    let storage = json!({"mount_targets": {}});
    let mounts = |index: u8| {
        let mut storage = storage.clone();
        for (zone, number) in [("a", 1), ("b", 2)] {
            storage["mount_targets"][format!("fsmt-0{zone}{index}")] =
                json!({"subnet": format!("subnet-0{zone}000000000000001"), "ip": format!("10.0.{number}.5{index}")});
        }
        storage
    };
    json!({
        "world": 1, "name": "engines", "start": "2026-01-15T09:00:00Z", "account": "111122223333",
        "aws": {"regions": {"us-east-1": {
            "vpcs": {"vpc-0c000000000000001": {
                "cidr": "10.0.0.0/16",
                "subnets": {
                    "subnet-0a000000000000001": {"zone": "us-east-1a", "cidr": "10.0.1.0/24"},
                    "subnet-0b000000000000001": {"zone": "us-east-1b", "cidr": "10.0.2.0/24"},
                },
                "security_groups": {
                    "sg-0c000000000000001": {"name": "engine", "ingress": [{"ports": [2575, 2576, 8080, 8081]}], "egress": [{"ports": [2049]}]},
                    "sg-0f000000000000001": {"name": "isolated", "ingress": [], "egress": []},
                },
            }},
            "instances": {"i-0a000000000000001": machine("a", 1), "i-0b000000000000001": machine("b", 2)},
            "file_systems": {"fs-1": mounts(1), "fs-2": mounts(2)},
            "target_groups": {"wk1": group(2575, 8080), "wk2": group(2576, 8081)},
            "load_balancers": {"engine": {
                "kind": "network", "subnets": ["subnet-0a000000000000001", "subnet-0b000000000000001"],
                "listeners": [
                    {"port": 2575, "forward": [{"target_group": "wk1"}]},
                    {"port": 2576, "forward": [{"target_group": "wk2"}]},
                ],
            }},
        }}},
        "engines": {"wk1": engine("fs-1", "a", 2575, 8080, 1), "wk2": engine("fs-2", "b", 2576, 8081, 2)},
        "hosts": {
            "mllp.example": {"load_balancer": "us-east-1/engine"},
            "a.example": {"instance": "i-0a000000000000001"},
            "b.example": {"instance": "i-0b000000000000001"},
        },
        "senders": {
            "lab": {"host": "mllp.example", "port": 2575, "interval": "200ms", "engine": "wk1"},
            "ward": {"host": "mllp.example", "port": 2576, "interval": "200ms", "engine": "wk2"},
        },
        "incident": incidents,
    })
}

struct Test {
    world: World,
}

impl Test {
    fn new(incidents: &Value) -> Self {
        Self::of(&document(incidents))
    }

    fn of(document: &Value) -> Self {
        let document: WorldDocument = serde_json::from_value(document.clone()).unwrap();
        Self { world: World::build(&document).unwrap_or_else(|findings| panic!("{findings:?}")) }
    }

    fn at(&self, second: i64) -> Timestamp {
        self.world.start() + SignedDuration::from_secs(second)
    }

    fn go(&mut self, second: i64) -> Figures {
        let at = self.at(second);
        self.world.advance(at);
        self.world.figures()
    }

    fn wk1(&mut self, second: i64) -> EngineFigures {
        self.go(second).engines["wk1"].clone()
    }

    fn ask(&mut self, method: &str, url: &str, body: &Value) -> Option<(u16, Value)> {
        let body = if method == "GET" { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = Request::builder().method(method).uri(url).body(body).unwrap();
        match self.world.answer(self.world.now(), &request).reply {
            crate::Reply::Response(response) => {
                Some((response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or(Value::Null)))
            }
            _ => None,
        }
    }

    fn hand_over(&mut self, node: &str) -> Option<(u16, Value)> {
        self.ask("POST", &format!("http://{node}.example:8080/owner"), &json!({"owner": node}))
    }
}

fn kept(figures: &EngineFigures) {
    let wrong = (figures.messages_lost, figures.messages_duplicated, figures.messages_out_of_order);
    assert_eq!(wrong, (0, 0, 0), "{figures:?}");
    assert!(figures.two_actives_s.abs() < f64::EPSILON, "{figures:?}");
}

#[test]
fn a_queue_handed_over_loses_nothing() {
    let mut test = Test::new(&json!([]));
    test.go(10);
    assert_eq!(test.hand_over("b").unwrap().0, 200);
    let after = test.wk1(40);
    kept(&after);
    assert_eq!(after.actives, ["b"]);
    assert!(after.longest_gap_s > 0.0 && after.longest_gap_s < 6.0, "{after:?}");
    assert_eq!(after.messages_acknowledged, after.messages_sent);
    assert_eq!(after.messages_processed + after.messages_queued, after.messages_acknowledged);
    let (status, health) = test.ask("GET", "http://a.example:8080/healthz", &Value::Null).unwrap();
    assert_eq!((status, &health["role"], &health["owner"]), (200, &json!("passive"), &json!("b")));
    assert_eq!(test.ask("GET", "http://a.example:8080/active", &Value::Null).unwrap().0, 503);
}

#[test]
fn a_crashed_node_is_followed_by_the_next_owner_alone() {
    let mut test = Test::new(&json!([{"at": "10s", "crash_process": "wk1/a"}]));
    assert!(test.wk1(30).actives.is_empty());
    assert_eq!(test.hand_over("a"), None, "nobody answers");
    test.hand_over("b").unwrap();
    let after = test.wk1(60);
    kept(&after);
    assert_eq!(after.actives, ["b"]);
    assert!(after.longest_gap_s > 20.0);
}

#[test]
fn a_hung_node_that_nobody_fenced_is_a_second_active() {
    let hang = json!([{"at": "10s", "hang_process": "wk1/a"}, {"at": "100s", "resume_process": "wk1/a"}]);
    let mut test = Test::new(&hang);
    test.go(20);
    test.hand_over("b").unwrap();
    let hung = test.wk1(90);
    assert_eq!(hung.actives, ["a", "b"]);
    assert!(hung.two_actives_s > 50.0, "{hung:?}");
    assert_eq!(hung.messages_duplicated, 0, "it does nothing while it hangs");
    let awake = test.wk1(120);
    assert_eq!(awake.actives, ["b"]);
    assert!(awake.messages_duplicated > 0 && awake.messages_out_of_order > 0, "{awake:?}");
    assert_eq!(awake.messages_lost, 0);
}

#[test]
fn a_hung_node_whose_machine_is_stopped_is_none() {
    let stopped = json!([
        {"at": "10s", "hang_process": "wk1/a"}, {"at": "15s", "stop_instance": "i-0a000000000000001"},
        {"at": "60s", "start_instance": "i-0a000000000000001"}, {"at": "100s", "resume_process": "wk1/a"},
    ]);
    let mut test = Test::new(&stopped);
    test.go(20);
    test.hand_over("b").unwrap();
    let after = test.wk1(130);
    kept(&after);
    assert_eq!(after.actives, ["b"], "the machine that came back looked who has the queue");
}

#[test]
fn a_machine_that_boots_again_goes_on_with_its_own_queue() {
    let mut test = Test::new(&json!([
        {"at": "10s", "stop_instance": "i-0a000000000000001"}, {"at": "60s", "start_instance": "i-0a000000000000001"},
    ]));
    assert!(test.wk1(50).actives.is_empty());
    let after = test.wk1(120);
    kept(&after);
    assert_eq!(after.actives, ["a"]);
    assert_eq!(after.messages_acknowledged, after.messages_sent);
}

#[test]
fn a_lost_zone_takes_its_node_and_a_restored_one_gives_it_back() {
    let mut test =
        Test::new(&json!([{"at": "10s", "lose_zone": "us-east-1a"}, {"at": "100s", "restore_zone": "us-east-1a"}]));
    let lost = test.go(30);
    assert!(lost.engines["wk1"].actives.is_empty());
    assert_eq!(lost.engines["wk2"].actives, ["b"]);
    assert_eq!(test.ask("GET", "http://a.example:8080/healthz", &Value::Null), None);
    test.hand_over("b").unwrap();
    let after = test.wk1(160);
    kept(&after);
    assert_eq!(after.actives, ["b"]);
}

#[test]
fn a_storage_that_gets_slow_makes_senders_wait_and_owners_doubtful() {
    let mut test = Test::new(&json!([{"at": "10s", "slow_storage": "wk1", "delay": "2s"}]));
    let slow = test.wk1(60);
    assert!(slow.longest_gap_s >= 2.0 && slow.messages_sent > slow.messages_acknowledged + 100, "{slow:?}");
    kept(&slow);
    // A storage slower than a new owner's patience: it takes over from one that is alive and has not looked yet.
    let mut test = Test::new(&json!([{"at": "10s", "slow_storage": "wk1", "delay": "6s"}]));
    test.go(20);
    test.hand_over("b").unwrap();
    let after = test.wk1(60);
    assert_eq!(after.actives, ["b"]);
}

#[test]
fn what_is_acknowledged_before_it_is_stored_can_be_lost() {
    let mut document = document(&json!([{"at": "10s", "crash_process": "wk1/a"}]));
    document["engines"]["wk1"]["stored_within"] = json!("1s");
    document["engines"]["wk1"]["processes_per_second"] = json!(1);
    let mut test = Test::of(&document);
    let after = test.wk1(12);
    assert_eq!(after.messages_lost, 5, "a second at five messages a second: {after:?}");
}

#[test]
fn one_cluster_fenced_leaves_the_other_on_the_same_machines_alone() {
    let mut test = Test::new(&json!([]));
    test.go(10);
    let fence = |world: &mut World, group: &str| {
        let region = world.cloud.regions.get_mut("us-east-1").unwrap();
        let interface = region.ec2.interfaces.get_mut("eni-0a000000000000001").unwrap();
        interface.groups = vec![group.to_owned()];
        world.settle();
    };
    fence(&mut test.world, "sg-0f000000000000001");
    let fenced = test.go(40);
    assert!(fenced.engines["wk1"].actives.is_empty());
    assert_eq!(fenced.engines["wk2"].actives, ["b"]);
    assert!(fenced.engines["wk2"].longest_gap_s.abs() < f64::EPSILON);
    fence(&mut test.world, "sg-0c000000000000001");
    let back = test.wk1(80);
    kept(&back);
    assert_eq!(back.actives, ["a"]);
}

#[test]
fn one_long_step_and_many_short_ones_lead_to_the_same_world() {
    let hang = json!([{"at": "10s", "hang_process": "wk1/a"}, {"at": "31s", "resume_process": "wk1/a"}]);
    let (mut one, mut many) = (Test::new(&hang), Test::new(&hang));
    one.go(60);
    for second in 1..=60 {
        many.go(second);
    }
    assert_eq!(one.world.figures(), many.world.figures());
}
