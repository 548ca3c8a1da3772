//! `lifeboat policy`: what it prints is enough for every shipped runbook in a world that enforces it, and nothing of it is too much.

use crate::program::{Ended, Program};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// One way through a runbook: what is typed after `run RUNBOOK --world …`, and whether it is rolled back.
struct Way {
    words: &'static [&'static str],
    back: bool,
}

/// A runbook, and what must be tried so that each of its permissions is needed once.
struct Case {
    runbook: &'static str,
    /// What is changed in its world besides.
    world: &'static [(&'static str, &'static str)],
    /// What the policy is for.
    scope: &'static [&'static str],
    ways: &'static [Way],
}

const fn there(words: &'static [&'static str]) -> Way {
    Way { words, back: false }
}

const fn and_back(words: &'static [&'static str]) -> Way {
    Way { words, back: true }
}

const CASES: &[&Case] = &[&OVERLAY_VIP, &REGION_FAILOVER, &ACTIVE_PASSIVE, &MULTI_CLUSTER, &ISOLATED];

const OVERLAY_VIP: Case = Case {
    runbook: "overlay-vip",
    world: &[("source_dest_check: false", "source_dest_check: true")],
    scope: &[],
    ways: &[
        and_back(&["--to", "b"]),
        // A part of the VPC itself, for which the tables have no route yet.
        and_back(&["--to", "b", "-i", "destination=10.0.2.0/24", "-i", "guest_checks=false"]),
    ],
};

const REGION_FAILOVER: Case = Case {
    runbook: "region-failover",
    world: &[],
    scope: &[],
    ways: &[
        and_back(&["--to", "r2"]),
        there(&["--to", "r2"]),
        there(&["--to", "r1"]),
        there(&[
            "--to",
            "r2",
            "--mode",
            "failover",
            "--accept-data-loss",
            "30s",
            "--impaired",
            "us-east-1",
            "--incident",
            "region-lost",
            "--after",
            "30s",
        ]),
    ],
};

const ACTIVE_PASSIVE: Case = Case {
    runbook: "active-passive-aws",
    world: &[],
    scope: &[],
    ways: &[
        there(&["--to", "b"]),
        and_back(&["--to", "b", "--mode", "failover", "--incident", "hang", "--after", "20s"]),
    ],
};

const MULTI_CLUSTER: Case = Case {
    runbook: "multi-cluster",
    world: &[],
    scope: &[],
    ways: &[
        and_back(&["--to", "s2"]),
        // An isolated active's queues have no way back by themselves.
        there(&["--to", "s2", "--mode", "failover", "--incident", "hang", "--after", "20s"]),
    ],
};

/// Isolated instead of stopped: which interfaces and groups an instance has is known once it was looked at.
const ISOLATED: Case = Case {
    scope: &["-i", "fence=isolate"],
    ways: &[there(&["--to", "b", "--mode", "failover", "-i", "fence=isolate", "--incident", "hang", "--after", "20s"])],
    ..ACTIVE_PASSIVE
};

/// A case's world under a policy, in a file of its own.
fn world_under(program: &Program, case: &Case, policy: &Value) -> PathBuf {
    let mut text = fs::read_to_string(format!("runbooks/{}/world.yaml", case.runbook)).unwrap();
    for (old, new) in case.world {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    let iam = json!({ "users": { "operator": { "policies": [policy] } } });
    assert!(text.contains("\naws:\n"), "the world has AWS");
    let path = program.state().join("world.yaml");
    fs::write(&path, text.replacen("\naws:\n", &format!("\naws:\n  iam: {iam}\n"), 1)).unwrap();
    path
}

fn policy(case: &Case, purpose: &str) -> Value {
    let runbook = format!("runbooks/{}", case.runbook);
    let words = [&["policy", &runbook, "--for", purpose, "--provider", "aws"], case.scope].concat();
    Program::new().run(&words).json(0)
}

/// Goes all ways one after the other, and yields the first command that did not end well.
fn go(case: &Case, policy: &Value) -> Result<(), Ended> {
    let runbook = format!("runbooks/{}", case.runbook);
    for way in case.ways {
        // A fresh world, but for a way back that takes the same run back.
        let program = Program::new();
        let world = world_under(&program, case, policy);
        let world = world.to_str().unwrap();
        let run = program.run(&[&["run", &runbook, "--world", world, "--yes"], way.words].concat());
        if run.code != Some(0) {
            return Err(run);
        }
        if way.back {
            let back = program.run(&["rollback", "latest", "--yes"]);
            if back.code != Some(0) {
                return Err(back);
            }
        }
    }
    Ok(())
}

fn actions(policy: &Value) -> Vec<String> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    statements.flat_map(|s| s["Action"].as_array().unwrap()).map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// The policy without one action. A statement without actions is no statement.
fn without(policy: &Value, action: &str) -> Value {
    let mut policy = policy.clone();
    let statements = policy["Statement"].as_array_mut().unwrap();
    for statement in statements.iter_mut() {
        statement["Action"].as_array_mut().unwrap().retain(|other| other != action);
    }
    statements.retain(|statement| !statement["Action"].as_array().unwrap().is_empty());
    policy
}

/// Every way ends well under the policy, and without any one of its actions some command names the one that it misses.
#[track_caller]
fn exactly_enough(case: &Case) {
    let policy = policy(case, "run");
    if let Err(ended) = go(case, &policy) {
        panic!("the policy is not enough\n{}\n{}", ended.stdout, ended.stderr);
    }
    for action in actions(&policy) {
        let Err(ended) = go(case, &without(&policy, &action)) else { panic!("{action} is never missed") };
        let said = format!("{}\n{}", ended.stdout, ended.stderr);
        assert!(said.contains(&action), "{action} is not named\n{said}");
    }
}

#[test]
fn a_pattern_is_enough_for_what_is_not_known_yet() {
    let policy = policy(&ISOLATED, "run");
    if let Err(ended) = go(&ISOLATED, &policy) {
        panic!("the policy is not enough\n{}\n{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn overlay_vip() {
    exactly_enough(&OVERLAY_VIP);
}

#[test]
fn active_passive() {
    exactly_enough(&ACTIVE_PASSIVE);
}

#[test]
fn multi_cluster() {
    exactly_enough(&MULTI_CLUSTER);
}

#[test]
fn region_failover() {
    exactly_enough(&REGION_FAILOVER);
}

#[test]
fn a_plan_needs_the_policy_for_plans_alone() {
    for case in CASES {
        let policy = policy(case, "plan");
        let runbook = format!("runbooks/{}", case.runbook);
        for way in case.ways {
            let program = Program::new();
            let world = world_under(&program, case, &policy);
            let plan = |policy: &Value| {
                let world = world_under(&program, case, policy);
                program.run(&[&["plan", &runbook, "--fresh", "--world", world.to_str().unwrap()], way.words].concat())
            };
            plan(&policy).ended(0);
            let run = program
                .run(&[&["run", &runbook, "--fresh", "--yes", "--world", world.to_str().unwrap()], way.words].concat());
            assert_ne!(run.code, Some(0), "{}: planning is not running", case.runbook);
        }
    }
}

#[test]
fn a_missing_read_is_named_with_principal_and_step_before_anything_is_changed() {
    let policy = without(&policy(&REGION_FAILOVER, "run"), "rds:DescribeDBInstances");
    let program = Program::new();
    let world = world_under(&program, &REGION_FAILOVER, &policy);
    let refused =
        program.run(&["run", "runbooks/region-failover", "--world", world.to_str().unwrap(), "--to", "r2", "--yes"]);
    refused.ended(4);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    for named in
        ["rds:DescribeDBInstances", "arn:aws:iam::111122223333:user/operator", "promote-database", "lifeboat policy"]
    {
        assert!(said.contains(named), "{named} in {said}");
    }
}

/// Commands that a drill is typed with, in the world of a case under a policy.
fn drilled(program: &Program, case: &Case, policy: &Value, to: &str) -> Ended {
    let runbook = format!("runbooks/{}", case.runbook);
    let world = world_under(program, case, policy);
    program.run(&["drill", &runbook, "--to", to, "--world", world.to_str().unwrap(), "--yes", "--quiet"])
}

/// Readiness covers both directions: what is missed on the way back alone refuses the drill before the way over.
#[test]
fn a_drill_needs_the_policy_of_its_runs_and_says_what_is_missing_before_it_begins() {
    let whole = policy(&REGION_FAILOVER, "run");
    drilled(&Program::new(), &REGION_FAILOVER, &whole, "r2").ended(0);

    let program = Program::new();
    let refused = drilled(&program, &REGION_FAILOVER, &without(&whole, "rds:DescribeDBInstances"), "r2");
    refused.ended(4);
    for named in [
        "the plan to make r2 active is refused",
        "rds:DescribeDBInstances",
        "arn:aws:iam::111122223333:user/operator",
        "promote-database",
        "`lifeboat policy` prints every permission",
    ] {
        assert!(refused.stderr.contains(named), "{named} in {}", refused.stderr);
    }
    assert!(!program.state().join("runs").exists(), "nothing was begun");

    // What is at the first site is read on the way back alone, where the way over has lost its region.
    let mut blind = whole;
    let group = "arn:aws:eks:us-east-1:111122223333:nodegroup/orders/workers/*";
    let deny = json!({ "Effect": "Deny", "Action": ["eks:DescribeNodegroup"], "Resource": [group] });
    blind["Statement"].as_array_mut().unwrap().push(deny);
    let program = Program::new();
    let world = world_under(&program, &REGION_FAILOVER, &blind);
    let words = ["drill", "runbooks/region-failover", "--to", "r2", "--world", world.to_str().unwrap(), "--yes"];
    let loss = ["--mode", "failover", "--accept-data-loss", "30s", "--impair", "us-east-1"];
    let refused = program.run(&[&words[..], &loss].concat());
    refused.ended(4);
    for named in ["the plan to make r1 active is refused", "eks:DescribeNodegroup", "grow-workers"] {
        assert!(refused.stderr.contains(named), "{named} in {}", refused.stderr);
    }
    assert!(!program.state().join("runs").exists(), "nothing was begun");
}
