//! IAM policies.

use super::{
    Case, Changes, and_back, back_after, enough, enough_to_plan_alone, exactly_enough, may_go_on_unasked, printed,
    there, told_before, without, world_under,
};
use crate::program::{Ended, Program};
use serde_json::{Value, json};

const CASES: &[&Case] = &[&OVERLAY_VIP, &REGION_FAILOVER, &ACTIVE_PASSIVE, &MULTI_CLUSTER, &ISOLATED];

const OVERLAY_VIP: Case = Case {
    runbook: "overlay-vip",
    provider: "aws",
    world: &[("source_dest_check: false", "source_dest_check: true")],
    scope: &[],
    ways: &[
        and_back(&["--to", "b"]),
        // A part of the VPC itself, for which the tables have no route yet.
        and_back(&["--to", "b", "-i", "destination=10.0.2.0/24", "-i", "guest_checks=false"]),
        back_after(&["--to", "b"], &["--to", "a"], &[]),
    ],
};

const REGION_FAILOVER: Case = Case {
    runbook: "region-failover",
    provider: "aws",
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
    provider: "aws",
    world: &[],
    scope: &[],
    ways: &[
        there(&["--to", "b"]),
        and_back(&["--to", "b", "--mode", "failover", "--incident", "hang", "--after", "20s"]),
        back_after(&["--to", "b"], &["--to", "a"], &[]),
        back_after(
            &["--to", "b"],
            &["--to", "a", "--mode", "failover", "--incident", "hang", "--after", "20s"],
            &[("hang_process: engine/a", "hang_process: engine/b")],
        ),
    ],
};

const MULTI_CLUSTER: Case = Case {
    runbook: "multi-cluster",
    provider: "aws",
    world: &[],
    scope: &[],
    ways: &[
        and_back(&["--to", "s2"]),
        // An isolated active's queues have no way back by themselves.
        there(&["--to", "s2", "--mode", "failover", "--incident", "hang", "--after", "20s"]),
        back_after(&["--to", "s2"], &["--to", "s1"], &[]),
        back_after(
            &["--to", "s2"],
            &["--to", "s1", "--mode", "failover", "--incident", "hang", "--after", "20s"],
            &[("hang_process: wk1/s1", "hang_process: wk1/s2")],
        ),
    ],
};

/// Isolated instead of stopped: which interfaces and groups an instance has is known once it was looked at.
const ISOLATED: Case = Case {
    scope: &["-i", "fence=isolate"],
    ways: &[there(&["--to", "b", "--mode", "failover", "-i", "fence=isolate", "--incident", "hang", "--after", "20s"])],
    ..ACTIVE_PASSIVE
};

#[test]
fn a_pattern_is_enough_for_what_is_not_known_yet() {
    enough(&ISOLATED);
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
        enough_to_plan_alone(case);
    }
}

#[test]
fn what_a_run_will_miss_is_told_before_it() {
    // Two full names are not known before, and the last action is for when IAM's home is lost.
    let late = ["autoscaling:UpdateAutoScalingGroup", "eks:UpdateNodegroupConfig", "rds:FailoverGlobalCluster"];
    told_before(&REGION_FAILOVER, OPERATOR, &late);
    for case in [&OVERLAY_VIP, &ACTIVE_PASSIVE, &MULTI_CLUSTER] {
        told_before(case, OPERATOR, &[]);
        may_go_on_unasked(case);
    }
}

/// With the home of IAM lost nobody is asked, and the plan says so.
#[test]
fn a_lost_home_of_iam_is_not_asked() {
    let program = Program::new();
    let world = world_under(&program, &REGION_FAILOVER, &[], &printed(&REGION_FAILOVER, "run"));
    let words = ["--world", world.to_str().unwrap(), "--impaired", "us-east-1", "--incident", "region-lost"];
    let failover = ["--to", "r2", "--mode", "failover", "--accept-data-loss", "30s", "--after", "30s"];
    let plan = program.run(&[&["plan", "runbooks/region-failover"], &failover[..], &words].concat());
    plan.ended(0);
    let said = plan.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("IAM answers in us-east-1 alone"), "{}", plan.stdout);
}

const HANGING: Changes = &[("\naws:\n", "\nfaults: [{ match: { service: iam }, time_out: before }]\naws:\n")];

/// An IAM that hangs keeps the plan waiting for a bounded time.
#[test]
fn a_hanging_iam_delays_a_plan_for_seconds_and_refuses_nothing() {
    let program = Program::new();
    let world = world_under(&program, &OVERLAY_VIP, HANGING, &printed(&OVERLAY_VIP, "run"));
    let plan = program.run(&["plan", "runbooks/overlay-vip", "--to", "b", "--world", world.to_str().unwrap()]);
    plan.ended(0);
    let said = plan.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let note = "warning: whether the permissions for this run are granted could not be asked of aws";
    assert!(said.contains(note) && said.contains("iam.amazonaws.com"), "{}", plan.stdout);
}

const OPERATOR: &str = "arn:aws:iam::111122223333:user/operator";

#[test]
fn a_missing_read_is_named_with_principal_and_step_before_anything_is_changed() {
    let policy = without(&printed(&REGION_FAILOVER, "run"), "rds:DescribeDBInstances");
    let program = Program::new();
    let world = world_under(&program, &REGION_FAILOVER, &[], &policy);
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
    let world = world_under(program, case, &[], policy);
    program.run(&["drill", &runbook, "--to", to, "--world", world.to_str().unwrap(), "--yes", "--quiet"])
}

/// Readiness covers both directions: what is missed on the way back alone refuses the drill before the way over.
#[test]
fn a_drill_needs_the_policy_of_its_runs_and_says_what_is_missing_before_it_begins() {
    let whole = printed(&REGION_FAILOVER, "run");
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
    let world = world_under(&program, &REGION_FAILOVER, &[], &blind);
    let words = ["drill", "runbooks/region-failover", "--to", "r2", "--world", world.to_str().unwrap(), "--yes"];
    let loss = ["--mode", "failover", "--accept-data-loss", "30s", "--impair", "us-east-1"];
    let refused = program.run(&[&words[..], &loss].concat());
    refused.ended(4);
    for named in ["the plan to make r1 active is refused", "eks:DescribeNodegroup", "grow-workers"] {
        assert!(refused.stderr.contains(named), "{named} in {}", refused.stderr);
    }
    assert!(!program.state().join("runs").exists(), "nothing was begun");
}
