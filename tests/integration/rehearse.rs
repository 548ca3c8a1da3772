//! `lifeboat rehearse`: no single fault breaks a shipped runbook, and what is broken is found.

use crate::program::Program;
use serde_json::Value;

fn rehearse(program: &Program, runbook: &str, world: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let words = ["rehearse", runbook, "--world", world, "--to", "b", "--format", "json", "--quiet"];
    let ended = program.run(&[&words[..], more].concat());
    (ended.code, ended.stdout, ended.stderr)
}

fn world(system: &str) -> String {
    format!("runbooks/{system}/world.yaml")
}

#[test]
fn no_single_fault_breaks_the_overlay_address_on_either_cloud() {
    for system in ["overlay-vip", "overlay-vip-azure"] {
        let program = Program::new();
        let (code, text, errors) = rehearse(&program, &format!("runbooks/{system}"), &world(system), &[]);
        assert_eq!(code, Some(0), "{system}: {errors}");
        let found: Value = serde_json::from_str(&text).unwrap();
        let rehearsals = found["rehearsals"].as_array().unwrap();
        assert!(rehearsals.len() > 250, "only {} rehearsals", rehearsals.len());
        let endings: std::collections::BTreeSet<&str> =
            rehearsals.iter().map(|one| one["ending"].as_str().unwrap()).collect();
        assert!(endings.contains("completed") && endings.contains("rolled_back"), "{endings:?}");
        assert_eq!(found["violations"], 0);
    }
}

#[test]
fn the_same_rehearsals_come_out_alike_whatever_the_jobs() {
    let program = Program::new();
    let once = |jobs: &str| rehearse(&program, "runbooks/overlay-vip", &world("overlay-vip"), &["--jobs", jobs]);
    assert_eq!(once("1"), once("3"));
}

/// A copy of the runbook without one of its steps, rehearsed with nothing but one interrupt: the undisturbed run is judged, too.
#[test]
fn a_missing_fence_is_found_and_a_script_can_be_replayed() {
    let program = Program::new();
    let text = std::fs::read_to_string("runbooks/active-passive-aws/runbook.yaml").unwrap();
    let begins = text.find("  - id: fence-by-stop").unwrap();
    let ends = text.find("  - id: fence-by-isolation").unwrap();
    let unfenced = program.state().join("unfenced.yaml");
    std::fs::write(&unfenced, format!("{}{}", &text[..begins], &text[ends..])).unwrap();
    let hang = ["--mode", "failover", "--incident", "hang", "--after", "20s", "--replay", "interrupted:4,resume"];
    let world = world("active-passive-aws");
    let (code, text, _) = rehearse(&program, unfenced.to_str().unwrap(), &world, &hang);
    assert_eq!(code, Some(10), "{text}");
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["rehearsals"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["undisturbed"]["violations"][0]["invariant"], "two-actives");
    assert!(found["undisturbed"]["timeline"].as_array().is_some_and(|moments| moments.len() > 5));

    let (code, text, errors) = rehearse(&program, "runbooks/active-passive-aws", &world, &hang);
    assert_eq!(code, Some(0), "the fence is what was missing: {text} {errors}");
}

#[test]
fn what_cannot_be_rehearsed_says_why() {
    let program = Program::new();
    let world = world("overlay-vip");
    let (code, _, errors) = rehearse(&program, "runbooks/overlay-vip", &world, &["--replay", "nonsense"]);
    assert_eq!(code, Some(2), "{errors}");
    let (code, _, errors) = rehearse(&program, "runbooks/overlay-vip", &world, &["--incident", "flood"]);
    assert_eq!(code, Some(2), "{errors}");
}
