//! runbooks/multi-cluster: one cluster moves and the other does not notice; both move at once; a server is lost.

use crate::program::{Ended, Program};
use serde_json::Value;

const RUNBOOK: &str = "runbooks/multi-cluster";
const WORLD: &str = "runbooks/multi-cluster/world.yaml";

fn run(program: &Program, cluster: &str, to: &str, more: &[&str]) -> Ended {
    let input = format!("cluster={cluster}");
    let words = ["run", RUNBOOK, "--world", WORLD, "--to", to, "--input", &input, "--yes", "--format", "json"];
    program.run(&[&words[..], more].concat())
}

fn engine<'r>(run: &'r Value, cluster: &str) -> &'r Value {
    let engine = &run["world"]["engines"][cluster];
    assert!(engine.is_object(), "no {cluster} in {}", run["world"]);
    engine
}

#[track_caller]
fn kept(run: &Value) {
    for cluster in ["wk1", "wk2"] {
        for name in ["messages_lost", "messages_out_of_order", "messages_duplicated", "two_actives_s"] {
            assert_eq!(engine(run, cluster)[name].as_f64(), Some(0.0), "{cluster} {name}: {}", run["world"]);
        }
    }
}

#[test]
fn one_cluster_moves_and_the_other_does_not_notice() {
    let program = Program::new();
    let over = run(&program, "wk1", "s2", &[]).json(0);
    kept(&over);
    assert_eq!(engine(&over, "wk1")["actives"], serde_json::json!(["s2"]));
    assert_eq!(engine(&over, "wk2")["actives"], serde_json::json!(["s2"]));
    assert_eq!(engine(&over, "wk2")["longest_gap_s"].as_f64(), Some(0.0), "{}", over["world"]);
    assert!(engine(&over, "wk1")["longest_gap_s"].as_f64() > Some(0.0));
    let back = run(&program, "wk1", "s1", &[]).json(0);
    kept(&back);
}

#[test]
fn a_hung_cluster_is_fenced_and_its_neighbour_on_the_server_goes_on() {
    let program = Program::new();
    // Both clusters are active on s1; one of them hangs.
    run(&program, "wk2", "s1", &[]).json(0);
    let before = run(&program, "wk2", "s1", &[]).json(0);
    let gap = engine(&before, "wk2")["longest_gap_s"].as_f64();
    let hang = ["--mode", "failover", "--incident", "hang", "--after", "20s"];
    let over = run(&program, "wk1", "s2", &hang).json(0);
    kept(&over);
    assert_eq!(engine(&over, "wk1")["actives"], serde_json::json!(["s2"]));
    assert_eq!(engine(&over, "wk2")["actives"], serde_json::json!(["s1"]));
    assert_eq!(engine(&over, "wk2")["longest_gap_s"].as_f64(), gap, "the neighbour had no gap of its own");
}

#[test]
fn a_lost_server_takes_only_its_own_clusters_with_it() {
    let program = Program::new();
    let lost = ["--mode", "failover", "--incident", "server-lost", "--after", "20s"];
    let over = run(&program, "wk1", "s2", &lost).json(0);
    kept(&over);
    assert_eq!(engine(&over, "wk1")["actives"], serde_json::json!(["s2"]));
    assert_eq!(engine(&over, "wk2")["longest_gap_s"].as_f64(), Some(0.0), "{}", over["world"]);
}

#[test]
fn two_runs_for_one_cluster_are_refused_and_for_two_clusters_are_not() {
    let program = Program::new();
    let words = ["run", RUNBOOK, "--world", WORLD, "--to", "s2", "--input", "cluster=wk1", "--yes"];
    assert_eq!(program.run_until_record(&words, 6).code, None);
    run(&program, "wk1", "s2", &[]).ended(8);
    // The first run stands in the middle; the other cluster's run begins and ends meanwhile.
    let other = run(&program, "wk2", "s1", &[]).json(0);
    kept(&other);
    let list = program.run(&["runs", "--format", "json"]).json(0);
    let open = list.as_array().unwrap().iter().find(|run| run["outcome"] != "completed").unwrap();
    let resumed = program.run(&["resume", open["run"].as_str().unwrap(), "--format", "json"]).json(0);
    kept(&resumed);
    assert_eq!(engine(&resumed, "wk1")["actives"], serde_json::json!(["s2"]));
    assert_eq!(engine(&resumed, "wk2")["actives"], serde_json::json!(["s1"]));
}
