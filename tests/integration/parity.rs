//! `lifeboat parity` on runbooks/region-failover: every planted difference is reported, and none is invented.

use crate::program::{Ended, Program};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const RUNBOOK: &str = "runbooks/region-failover";
const STANDBY: &str = "    eu-west-1:\n";

/// An edit of the world, and the differences that it makes.
struct Planted {
    from: &'static str,
    to: &'static str,
    differences: &'static [(&'static str, &'static str)],
}

const RENUMBERED: Planted =
    Planted { from: "cidr: 10.2.0.0/16", to: "cidr: 10.2.0.0/17", differences: &[("network", "range")] };

const PLANTED: [Planted; 18] = [
    Planted {
        from: "node_type: cache.r7g.large, nodes: 2, encrypted: true, global_datastore: ldgnf-orders, secondary",
        to: "node_type: cache.t4g.small, nodes: 2, encrypted: true, global_datastore: ldgnf-orders, secondary",
        differences: &[("cache", "node type")],
    },
    Planted {
        from: "eu-west-1: in_sync",
        to: "eu-west-1: failed",
        differences: &[("secrets", "orders/database/current version"), ("secrets", "orders/database/replication")],
    },
    Planted { from: "L-1216C47A: 32", to: "L-1216C47A: 16", differences: &[("quotas", "ec2/L-1216C47A")] },
    RENUMBERED,
    Planted {
        from: "{ domain: orders.example }",
        to: "{ domain: orders.example, names: [www.orders.example], valid_for: 20d }",
        differences: &[("certificates", "orders.example/other names"), ("certificates", "orders.example/validity")],
    },
    Planted {
        from: "      vpcs:\n",
        to: "      ec2: { not_offered: [t3.medium] }\n      vpcs:\n",
        differences: &[("compute", "t3.medium")],
    },
    Planted {
        from: "security_groups: [sg-0b200000000000001]\n          listeners:",
        to: "security_groups: [sg-0b200000000000001]\n          internal: true\n          listeners:",
        differences: &[("web", "scheme")],
    },
    Planted {
        from: "            subnet-0b200000000000002:",
        to: "            subnet-0b200000000000003: { zone: eu-west-1a, cidr: 10.2.9.0/24 }\n            subnet-0b200000000000002:",
        differences: &[("network", "subnets/zone 1/vpc+0.0.9.0/24")],
    },
    Planted {
        from: "                - { destination: 0.0.0.0/0, target: igw-0b200000000000001 }\n",
        to: "                - { destination: 0.0.0.0/0, target: igw-0b200000000000001 }\n                - { destination: 172.16.0.0/12, target: tgw-0b200000000000001 }\n",
        differences: &[
            ("network", "subnets/zone 1/vpc+0.0.1.0/24/routes/172.16.0.0/12"),
            ("network", "subnets/zone 2/vpc+0.0.2.0/24/routes/172.16.0.0/12"),
        ],
    },
    Planted {
        from: "owner: orders, environment",
        to: "owner: somebody, environment",
        differences: &[("network", "tags/owner")],
    },
    Planted { from: ", environment: production", to: "", differences: &[("network", "tags/environment")] },
    Planted {
        from: "description: Web traffic to the orders service",
        to: "description: by hand",
        differences: &[("firewall", "orders/description")],
    },
    Planted {
        from: "ingress: [{ ports: [80, 443] }]",
        to: "ingress: [{ ports: [80, 443, 22] }]",
        differences: &[("firewall", "orders/in/tcp 22/0.0.0.0/0")],
    },
    Planted {
        from: "health_check: { path: /healthz, interval",
        to: "port: 8080\n          health_check: { path: /healthz, interval",
        differences: &[("web", "listeners/443/rules/default")],
    },
    Planted {
        from: "forward: [{ target_group: orders-r2 }] }\n",
        to: "forward: [{ target_group: orders-r2 }] }\n            - { port: 80, forward: [{ target_group: orders-r2 }] }\n",
        differences: &[("web", "listeners/80")],
    },
    Planted {
        from: "        orders:\n          nodegroups:",
        to: "        orders:\n          version: \"1.31\"\n          nodegroups:",
        differences: &[("workers", "version"), ("workers", "node groups/workers/version")],
    },
    Planted {
        from: "workers: { minimum: 1, maximum: 4,",
        to: "workers: { minimum: 1, maximum: 3,",
        differences: &[("workers", "node groups/workers/maximum")],
    },
    Planted {
        from: "desired: 1, subnets",
        to: "desired: 1, instance_type: t3.small, subnets",
        differences: &[("workers", "node groups/workers/instance types")],
    },
];

fn shipped(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(RUNBOOK).join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The shipped world with edits, in its standby region where they fit there.
fn edited(edits: &[&Planted]) -> String {
    let world = shipped("world.yaml");
    let (active, standby) = world.split_once(STANDBY).unwrap();
    let (mut active, mut standby) = (active.to_owned(), standby.to_owned());
    for edit in edits {
        // A secret is declared where its primary stands.
        let part = if standby.contains(edit.from) { &mut standby } else { &mut active };
        assert!(part.contains(edit.from), "the world has no {:?} to edit", edit.from);
        *part = part.replacen(edit.from, edit.to, 1);
    }
    format!("{active}{STANDBY}{standby}")
}

fn write(program: &Program, name: &str, text: &str) -> String {
    let path = program.state().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn parity(program: &Program, runbook: &str, world: &str, format: &str) -> Ended {
    program.run(&["parity", runbook, "--world", world, "--fresh", "--format", format])
}

fn pairs(found: &Value) -> BTreeSet<(String, String)> {
    assert_eq!(found["unread"], json!([]), "everything can be read");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let differences = found["differences"].as_array().unwrap().iter();
    differences.map(|difference| (text(&difference["resource"]), text(&difference["aspect"]))).collect()
}

fn expected(edits: &[&Planted]) -> BTreeSet<(String, String)> {
    let all = edits.iter().flat_map(|edit| edit.differences);
    all.map(|(resource, aspect)| ((*resource).to_owned(), (*aspect).to_owned())).collect()
}

#[test]
fn the_shipped_world_is_the_same_in_both_regions() {
    let found = parity(&Program::new(), RUNBOOK, "runbooks/region-failover/world.yaml", "json").json(0);
    assert_eq!((&found["holds"], pairs(&found)), (&json!(true), BTreeSet::new()));
    assert!(found["aspects"].as_u64().unwrap() >= 40, "something was compared: {}", found["aspects"]);
}

#[test]
fn each_planted_difference_is_reported_and_no_other() {
    let program = Program::new();
    for edit in &PLANTED {
        let world = write(&program, "planted.yaml", &edited(&[edit]));
        let ended = parity(&program, RUNBOOK, &world, "json");
        let found: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
        assert_eq!(pairs(&found), expected(&[edit]), "{:?}", edit.to);
        let counts = found["differences"].as_array().unwrap().iter().any(|difference| difference["weight"] != "audit");
        assert_eq!((ended.code, &found["holds"]), (Some(if counts { 4 } else { 0 }), &json!(!counts)), "{:?}", edit.to);
    }
}

#[test]
fn all_of_them_together_are_reported_the_worst_first() {
    let program = Program::new();
    let all: Vec<&Planted> = PLANTED.iter().collect();
    let world = write(&program, "planted.yaml", &edited(&all));
    let found = parity(&program, RUNBOOK, &world, "json").json(4);
    assert_eq!(pairs(&found), expected(&all));
    let weights: Vec<&str> = found["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| difference["weight"].as_str().unwrap())
        .collect();
    let rank = |weight: &&str| ["stops_failover", "degrades", "audit"].iter().position(|known| known == weight);
    assert!(weights.is_sorted_by_key(rank), "{weights:?}");
    let screen = parity(&program, RUNBOOK, &world, "text");
    let widest = screen.stdout.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 100, "{widest} columns\n{}", screen.stdout);
}

#[test]
fn an_ignored_difference_needs_a_reason_and_a_day_that_is_not_over() {
    let program = Program::new();
    let world = write(&program, "planted.yaml", &edited(&[&RENUMBERED]));
    let ignore = |until: &str| {
        let ignored = format!(
            "  - id: network\n    ignore: [{{ aspect: range, reason: renumbered in spring, until: {until} }}]\n"
        );
        shipped("runbook.yaml").replacen("  - id: network\n", &ignored, 1)
    };
    // The world begins on 2026-01-15.
    for (until, code, expired) in [("2026-01-15", 0, false), ("2026-01-14", 4, true)] {
        let runbook = write(&program, "runbook.yaml", &ignore(until));
        let found = parity(&program, &runbook, &world, "json").json(code);
        let excuse = json!({ "reason": "renumbered in spring", "until": until, "expired": expired });
        assert_eq!(found["differences"][0]["ignored"], excuse);
    }
    let unused = write(&program, "runbook.yaml", &ignore("2027-01-31"));
    let found = parity(&program, &unused, "runbooks/region-failover/world.yaml", "json").json(0);
    assert_eq!(found["idle_ignores"], json!([{ "resource": "network", "aspect": "range" }]));
    let forever = write(&program, "runbook.yaml", &ignore("never"));
    program.run(&["check", &forever]).ended(3);
}

#[test]
fn a_run_that_requires_parity_is_refused_without_it() {
    let program = Program::new();
    let world = write(&program, "planted.yaml", &edited(&[&RENUMBERED]));
    let run = |world: &str| {
        program.run(&["run", RUNBOOK, "--to", "r2", "--yes", "--require-parity", "--world", world, "--fresh"])
    };
    let refused = run(&world);
    refused.ended(4);
    assert!(refused.stderr.contains("parity does not hold between r1 and r2"), "{}", refused.stderr);
    run("runbooks/region-failover/world.yaml").ended(0);
}
