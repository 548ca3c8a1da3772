//! Role definitions.

use super::{
    Case, Way, and_back, back_after, enough, enough_to_plan_alone, exactly_enough, may_go_on_unasked, printed, there,
    told_before, without, world_under,
};
use crate::program::Program;
use serde_json::{Value, json};

const CASES: &[&Case] = &[&OVERLAY_VIP, &ACTIVE_PASSIVE, &ISOLATED];

const OVERLAY_VIP: Case = Case {
    runbook: "overlay-vip-azure",
    provider: "azure",
    world: &[(SERVER_B, "server-b: { ip_forwarding: false,")],
    scope: &[],
    ways: &[
        and_back(&["--to", "b"]),
        // A way back that deletes the routes.
        Way { world: &[(ROUTES, "{}")], ..and_back(&["--to", "b"]) },
        back_after(&["--to", "b"], &["--to", "a"], &[(ROUTES, "{}")]),
    ],
};

const SERVER_B: &str = "server-b: { ip_forwarding: true,";
const ROUTES: &str = "{ routes: { overlay: { prefix: 192.168.10.10/32, next_hop: 10.1.1.10 } } }";

const ACTIVE_PASSIVE: Case = Case {
    runbook: "active-passive-azure",
    provider: "azure",
    world: &[],
    scope: &[],
    ways: &[
        there(&["--to", "b"]),
        and_back(&["--to", "b", "--mode", "failover", "--incident", "hang", "--after", "20s"]),
        // Started by the run, and deallocated again on the way back.
        Way { world: &[(ENGINE_B, "engine-b: { state: deallocated, zone:")], ..and_back(&["--to", "b"]) },
        Way { world: &[(ENGINE_B, "engine-b: { state: stopped, zone:")], ..and_back(&["--to", "b"]) },
        back_after(
            &["--to", "b"],
            &["--to", "a", "--mode", "failover", "--incident", "hang", "--after", "20s"],
            &[("hang_process: engine/a", "hang_process: engine/b")],
        ),
    ],
};

const ENGINE_B: &str = "engine-b: { zone:";

/// Isolated instead of stopped.
const ISOLATED: Case = Case {
    scope: &["-i", "fence=isolate"],
    ways: &[there(&["--to", "b", "--mode", "failover", "-i", "fence=isolate", "--incident", "hang", "--after", "20s"])],
    ..ACTIVE_PASSIVE
};

/// Gives a role to the operator wherever it can be assigned.
pub(super) fn assigned(role: &Value) -> Value {
    let scopes = role["AssignableScopes"].as_array().unwrap().iter();
    let assignments: Vec<Value> = scopes.map(|scope| json!({ "role": role["Name"], "scope": scope })).collect();
    json!({ "role_definitions": [role], "principals": { "operator": { "role_assignments": assignments } } })
}

#[test]
fn isolated() {
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
fn a_plan_needs_the_role_for_plans_alone() {
    for case in CASES {
        enough_to_plan_alone(case);
    }
}

#[test]
fn what_a_run_will_miss_is_told_before_it() {
    for case in [&OVERLAY_VIP, &ACTIVE_PASSIVE] {
        told_before(case, "operator", &[]);
        may_go_on_unasked(case);
    }
}

#[test]
fn a_missing_read_is_named_with_principal_and_step_before_anything_is_changed() {
    for (case, action, step) in [
        (&OVERLAY_VIP, "Microsoft.Network/routeTables/read", "move-address"),
        (&ACTIVE_PASSIVE, "Microsoft.Resources/subscriptions/resourceGroups/read", "move-traffic"),
    ] {
        let role = without(&printed(case, "run"), action);
        let program = Program::new();
        let world = world_under(&program, case, &[], &role);
        let runbook = format!("runbooks/{}", case.runbook);
        let refused = program.run(&["run", &runbook, "--world", world.to_str().unwrap(), "--to", "b", "--yes"]);
        refused.ended(4);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        for named in [action, "client 'operator'", step, "lifeboat policy"] {
            assert!(said.contains(named), "{named} is not in {said}");
        }
    }
}
