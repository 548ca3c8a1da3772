//! `lifeboat rehearse`: no single fault breaks a shipped runbook, and what is broken is found.

use crate::program::Program;
use serde_json::Value;

fn rehearse(program: &Program, runbook: &str, world: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let words = ["rehearse", runbook, "--world", world, "--format", "json", "--quiet"];
    let ended = program.run(&[&words[..], more].concat());
    (ended.code, ended.stdout, ended.stderr)
}

fn world(system: &str) -> String {
    format!("runbooks/{system}/world.yaml")
}

/// A fair sample of all single faults of each: `benches/run` and CI's own rehearsals try them all.
#[test]
fn no_fault_of_a_sample_breaks_a_shipped_runbook() {
    for (system, to, more) in [
        ("overlay-vip", "b", &[][..]),
        ("overlay-vip-azure", "b", &[]),
        ("overlay-vip", "a", &["--starting-at", "b"]),
        ("active-passive-azure", "b", &["--mode", "failover", "--incident", "hang", "--after", "20s"]),
    ] {
        let program = Program::new();
        let words = ["--quick", "--to", to];
        let (code, text, errors) =
            rehearse(&program, &format!("runbooks/{system}"), &world(system), &[&words[..], more].concat());
        assert_eq!(code, Some(0), "{system}: {errors}{text}");
        let found: Value = serde_json::from_str(&text).unwrap();
        let count = |ending: &str| found["endings"][ending].as_u64().unwrap();
        assert!(count("completed") > 50 && count("rolled_back") > 50, "{}", found["endings"]);
        assert_eq!(found["violations"], 0);
    }
}

#[test]
fn pairs_are_tried_as_far_as_the_budget_goes_and_each_can_be_replayed() {
    let program = Program::new();
    let pairs = ["--to", "b", "--budget", "60"];
    let explore = |more: &[&str]| {
        let (code, text, errors) =
            rehearse(&program, "runbooks/overlay-vip", &world("overlay-vip"), &[&pairs[..2], more].concat());
        assert_eq!(code, Some(0), "{errors}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let found = explore(&["--budget", "60"]);
    assert_eq!((found["pairs"]["tried"].as_u64(), found["coverage"]["depth"].as_u64()), (Some(60), Some(2)));
    // A pair that the first fault's run leads to is the same pair when both are typed.
    let replayed = explore(&["--replay", "killed-after-record:4,killed-after-record:9,rollback"]);
    assert_eq!(replayed["rehearsals"][0]["ending"], "rolled_back");
}

/// A way back that the cloud called off half-way reads as it should and is not in force: a rehearsal found it.
#[test]
fn a_way_back_that_was_called_off_is_not_taken_for_done() {
    let program = Program::new();
    let words = ["--to", "b", "--replay", "called-off:35,return"];
    let (code, text, errors) =
        rehearse(&program, "runbooks/active-passive-azure", &world("active-passive-azure"), &words);
    assert_eq!(code, Some(0), "{errors}{text}");
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["rehearsals"][0]["ending"], "rolled_back", "{text}");
}

/// The world says itself what must never come to pass.
#[test]
fn a_worlds_own_invariant_is_judged_at_every_moment() {
    let program = Program::new();
    let text = std::fs::read_to_string("runbooks/multi-cluster/world.yaml").unwrap();
    let rehearse_with = |never: &str| {
        let file = program.state().join("world.yaml");
        std::fs::write(&file, format!("{text}\nnever: [{never:?}]\n")).unwrap();
        let words = ["--to", "s2", "--replay", "interrupted:4,resume"];
        rehearse(&program, "runbooks/multi-cluster", file.to_str().unwrap(), &words)
    };
    let (code, text, errors) = rehearse_with("cluster.wk1.actives > 1");
    assert_eq!(code, Some(0), "{errors}{text}");
    let (code, text, _) = rehearse_with("cluster.wk1.actives == 1 && figures.elapsed_s > 5.0");
    assert_eq!(code, Some(10), "{text}");
    assert!(text.contains("\"invariant\": \"never\""), "{text}");
    let (code, _, errors) = rehearse_with("cluster.nobody.actives > 1");
    assert_eq!(code, Some(4), "{errors}");
}

#[test]
fn the_formats_for_ci_tell_the_same() {
    let program = Program::new();
    let tell = |format: &str| {
        let words = ["rehearse", "runbooks/overlay-vip", "--world", "runbooks/overlay-vip/world.yaml", "--to", "b"];
        let ended = program.run(&[&words[..], &["--quick", "--format", format, "--quiet"]].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    let junit = tell("junit");
    assert!(
        junit.contains("<testsuites") && junit.contains("classname=") && junit.contains("failures=\"0\""),
        "{junit}"
    );
    let page = tell("markdown");
    assert!(page.starts_with("## Rehearsal of overlay-vip") && page.contains("no violation was found"), "{page}");
    let ended = program.run(&["plan", "runbooks/overlay-vip", "--to", "b", "--format", "junit"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}

#[test]
fn the_same_rehearsals_come_out_alike_whatever_the_jobs() {
    let program = Program::new();
    let once = |jobs: &str| {
        let words = ["--to", "b", "--quick", "--jobs", jobs];
        rehearse(&program, "runbooks/overlay-vip", &world("overlay-vip"), &words)
    };
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
    let hang =
        ["--to", "b", "--mode", "failover", "--incident", "hang", "--after", "20s", "--replay", "interrupted:4,resume"];
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
    let (code, _, errors) = rehearse(&program, "runbooks/overlay-vip", &world, &["--to", "b", "--replay", "nonsense"]);
    assert_eq!(code, Some(2), "{errors}");
    let (code, _, errors) = rehearse(&program, "runbooks/overlay-vip", &world, &["--to", "b", "--incident", "flood"]);
    assert_eq!(code, Some(2), "{errors}");
}
