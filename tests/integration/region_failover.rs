//! runbooks/region-failover, from end to end in the simulated world: over, back, with a region lost, killed anywhere.

use crate::program::Program;
use serde_json::{Value, json};

const RUNBOOK: &str = "runbooks/region-failover";
const HEALTHY: [&str; 2] = ["--world", "runbooks/region-failover/world.yaml"];
const LOST: [&str; 4] = ["--world", "runbooks/region-failover/world.yaml", "--incident", "region-lost"];

fn words<'a>(parts: &[&[&'a str]]) -> Vec<&'a str> {
    parts.concat()
}

fn switchover(to: &'static str) -> Vec<&'static str> {
    words(&[&["run", RUNBOOK, "--to", to, "--yes", "--format", "json"], &HEALTHY])
}

fn outcomes(run: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    run["steps"].as_array().unwrap().iter().map(|step| (text(&step["id"]), text(&step["outcome"]))).collect()
}

fn figure(run: &Value, name: &str) -> f64 {
    run["world"][name].as_f64().unwrap_or_else(|| panic!("no {name} in {}", run["world"]))
}

#[test]
fn a_planned_switchover_loses_nothing_and_is_down_until_traffic_has_followed_the_database() {
    let program = Program::new();
    let run = program.run(&switchover("r2")).json(0);
    assert_eq!(run["outcome"], "completed");
    assert_eq!(run["world"]["lost_writes"], json!(0));
    assert_eq!(run["world"]["two_writers_s"], json!(0.0));
    // The database takes no writes for 15 s; two dials follow it one after the other, each within 20 s and a look.
    let unavailable = figure(&run, "unavailable_s");
    assert!((15.0..=65.0).contains(&unavailable), "{}", run["world"]);
}

#[test]
fn failing_back_is_the_same_runbook_the_other_way() {
    let program = Program::new();
    program.run(&switchover("r2")).json(0);
    let after_one = program.contents("region-failover.world");
    program.run(&switchover("r1")).json(0);
    program.run(&switchover("r2")).json(0);
    assert_eq!(program.contents("region-failover.world"), after_one, "over, back and over again is over");
}

#[test]
fn a_completed_run_rolls_back_to_the_first_world() {
    let program = Program::new();
    program.run(&words(&[&["plan", RUNBOOK, "--to", "r2", "--format", "json"], &HEALTHY])).json(0);
    let first = program.contents("region-failover.world");
    program.run(&switchover("r2")).json(0);
    assert_ne!(program.contents("region-failover.world"), first);
    let back = program.run(&["rollback", "latest", "--yes", "--format", "json"]).json(0);
    assert_eq!(back["outcome"], "rolled_back");
    assert_eq!(program.contents("region-failover.world"), first);
}

#[test]
fn a_plan_changes_nothing_and_is_executed_exactly() {
    let program = Program::new();
    let file = program.state().join("plan.json");
    let file = file.to_str().unwrap();
    let plan =
        program.run(&words(&[&["plan", RUNBOOK, "--to", "r2", "--format", "json", "--out", file], &HEALTHY])).json(0);
    let first = program.contents("region-failover.world");
    program.run(&words(&[&["plan", RUNBOOK, "--to", "r2"], &HEALTHY])).ended(0);
    assert_eq!(program.contents("region-failover.world"), first);
    assert_eq!(plan["point_of_no_return"], Value::Null, "a switchover can be taken back");
    let run = program.run(&words(&[&["run", file, "--yes", "--format", "json"], &HEALTHY])).json(0);
    assert_eq!(run["outcome"], "completed");

    let stale = program.run(&words(&[&["run", file, "--yes"], &HEALTHY]));
    assert!(matches!(stale.code, Some(0)), "every step stands at its target: nothing to do\n{}", stale.stderr);
}

#[test]
fn with_a_region_lost_the_standby_takes_writes_and_traffic() {
    let program = Program::new();
    let failover = words(&[
        &["run", RUNBOOK, "--to", "r2", "--yes", "--format", "json", "--after", "30s"],
        &["--mode", "failover", "--accept-data-loss", "30s", "--impaired", "us-east-1"],
        &LOST,
    ]);
    let run = program.run(&failover).json(0);
    let drained = outcomes(&run).into_iter().find(|(id, _)| id == "drain-active").unwrap();
    assert_eq!(drained.1, "owed", "its control plane is lost: skipped as declared");
    let lost = figure(&run, "lost_writes");
    assert!(lost > 0.0 && lost <= 25.0 * 0.7 + 1.0, "bounded by the lag of 0.7 s at 25 writes a second: {lost}");
    assert_eq!(run["world"]["two_writers_s"], json!(0.0));
    assert!(figure(&run, "recovery_s") > 0.0);

    // The region is back after half an hour, and its cluster follows again.
    let back = words(&[&["run", RUNBOOK, "--to", "r1", "--yes", "--format", "json", "--after", "40m"], &HEALTHY]);
    let back = program.run(&back).json(0);
    assert_eq!(back["outcome"], "completed");
}

#[test]
fn a_failover_without_accepted_loss_is_refused() {
    let program = Program::new();
    let failover = words(&[
        &["run", RUNBOOK, "--to", "r2", "--yes", "--after", "30s", "--mode", "failover", "--impaired", "us-east-1"],
        &LOST,
    ]);
    let refused = program.run(&failover);
    refused.ended(4);
    assert!(refused.stderr.contains("--accept-data-loss"), "{}", refused.stderr);
}

#[test]
fn a_lost_region_that_was_not_declared_is_told() {
    let program = Program::new();
    let refused = program.run(&words(&[&["run", RUNBOOK, "--to", "r2", "--yes", "--after", "30s"], &LOST]));
    refused.ended(4);
    assert!(refused.stderr.contains("--impaired"), "{}", refused.stderr);
}

/// kill -9 at each record. A kill after the run has ended is no kill: the loop ends there.
fn killed_at_each_record(end: impl Fn(&Program, u32)) -> u32 {
    for record in 0.. {
        let program = Program::new();
        let died = program.run_until_record(&switchover("r2"), record);
        if died.code.is_some() {
            died.ended(0);
            return record;
        }
        end(&program, record);
        let status = program.run(&["status", "--format", "json"]).json(0);
        assert_ne!(status["outcome"], "running", "killed after record {record}");
    }
    unreachable!("the loop ends with the run")
}

#[test]
fn killed_at_each_record_resume_ends_as_without_the_kill() {
    let program = Program::new();
    program.run(&switchover("r2")).json(0);
    let expected = program.contents("region-failover.world");
    let records = killed_at_each_record(|program, record| {
        if !program.has_ended() {
            let resumed = program.run(&["resume", "latest", "--format", "json"]).json(0);
            assert_eq!(resumed["outcome"], "completed", "killed after record {record}");
        }
        assert_eq!(program.contents("region-failover.world"), expected, "killed after record {record}");
    });
    assert!(records > 15, "the run wrote {records} records");
}

#[test]
fn killed_at_each_record_rollback_restores_the_first_world() {
    let program = Program::new();
    program.run(&words(&[&["plan", RUNBOOK, "--to", "r2"], &HEALTHY])).ended(0);
    let first = program.contents("region-failover.world");
    let records = killed_at_each_record(|program, record| {
        let back = program.run(&["rollback", "latest", "--yes", "--format", "json"]).json(0);
        assert_eq!(back["outcome"], "rolled_back", "killed after record {record}");
        assert_eq!(program.contents("region-failover.world"), first, "killed after record {record}");
    });
    assert!(records > 15, "the run wrote {records} records");
}

#[test]
fn a_second_run_on_the_same_key_is_told_who_holds_it() {
    let program = Program::new();
    assert_eq!(program.run_until_record(&switchover("r2"), 6).code, None);
    let second = program.run(&words(&[&["run", RUNBOOK, "--to", "r2", "--yes"], &HEALTHY]));
    second.ended(8);
    assert!(second.stderr.contains("is held by run"), "{}", second.stderr);
    program.run(&["resume", "latest"]).ended(0);
    program.run(&switchover("r1")).json(0);
}

#[test]
fn the_same_world_gives_the_same_run() {
    let lines = || {
        let program = Program::new();
        let words = words(&[&["run", RUNBOOK, "--to", "r2", "--yes", "--format", "lines"], &HEALTHY]);
        let ended = program.run(&words);
        ended.ended(0);
        ended.stdout
    };
    let first = lines();
    assert!(first.lines().count() > 10, "{first}");
    assert_eq!(first, lines());
}

/// The runbook or the world of the system, edited.
fn edited(program: &Program, file: &str, edit: impl FnOnce(String) -> String) -> String {
    let text = std::fs::read_to_string(format!("{}/{RUNBOOK}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let path = program.state().join(file);
    std::fs::write(&path, edit(text.clone())).unwrap();
    assert_ne!(std::fs::read_to_string(&path).unwrap(), text, "the edit changed nothing");
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_standby_that_does_not_grow_fails_a_part_of_its_clients() {
    let program = Program::new();
    let runbook = edited(&program, "runbook.yaml", |text| {
        let begins = text.find("  - id: grow-standby").unwrap();
        let ends = text.find("  - id: grow-workers").unwrap();
        let text = format!("{}{}", &text[..begins], &text[ends..]);
        text.replace("needs: [standby-ready, grow-standby, grow-workers]", "needs: [standby-ready, grow-workers]")
    });
    let small = program.run(&words(&[&["run", &runbook, "--to", "r2", "--yes", "--format", "json"], &HEALTHY])).json(0);
    assert!(figure(&small, "unavailable_s") > 20.0, "a third of the requests find no server: {}", small["world"]);
}

#[test]
fn without_capacity_for_the_standby_nothing_else_is_changed() {
    let program = Program::new();
    // The second scaling group is the standby's.
    let world =
        edited(&program, "world.yaml", |text| text.replace("desired: 0\n", "desired: 0\n          available: 0\n"));
    let words = ["run", RUNBOOK, "--to", "r2", "--world", &world, "--yes", "--format", "json"];
    let run = program.run(&words).json(6);
    assert_eq!(run["outcome"], "rolled_back");
    let found = outcomes(&run);
    let of = |id: &str| found.iter().find(|(step, _)| step == id).map(|(_, outcome)| outcome.as_str()).unwrap();
    assert_eq!((of("grow-standby"), of("promote-database")), ("undone", "pending"), "{found:?}");
    let text = run.to_string();
    assert!(text.contains("InsufficientInstanceCapacity"), "the report says why: {text}");
    assert_eq!(run["world"]["failed_requests"], json!(0));
}

/// A later step goes on from an earlier one's target: a completed run of both can be taken back all the same.
#[test]
fn a_completed_run_that_set_one_dial_twice_is_rolled_back() {
    let program = Program::new();
    let shipped = std::fs::read_to_string("runbooks/region-failover/runbook.yaml").unwrap();
    let sites = &shipped[shipped.find("\nsites:").unwrap()..shipped.find("\nsteps:").unwrap()];
    let dial = |id: &str, dial: u32| {
        let group = "${{ to.endpoint_group }}";
        format!(
            "  - {{ id: {id}, uses: aws.globalaccelerator.endpoint_group, with: {{ arn: \"{group}\", dial: {dial} }} }}\n"
        )
    };
    let providers = "providers: { aws: { account: \"111122223333\" } }";
    let steps = [dial("half", 50), dial("whole", 100)].concat();
    let text =
        format!("lifeboat: 1\nname: twice\nsummary: Opens a site in two steps.\n{providers}\n{sites}\nsteps:\n{steps}");
    let runbook = program.state().join("runbook.yaml");
    std::fs::write(&runbook, text).unwrap();
    let world = ["--world", "runbooks/region-failover/world.yaml"];
    let runbook = runbook.to_str().unwrap();
    program.run(&[&["plan", runbook, "--to", "r2"][..], &world].concat()).ended(0);
    let first = program.contents("region-failover.world");
    program.run(&[&["run", runbook, "--to", "r2", "--yes"][..], &world].concat()).ended(0);
    assert_ne!(program.contents("region-failover.world"), first);
    program.run(&["rollback", "latest", "--yes"]).ended(0);
    assert_eq!(program.contents("region-failover.world"), first);
}
