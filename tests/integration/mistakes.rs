//! A rehearsal finds mistakes in runbooks: copies of the shipped ones, each with one mistake in it. A missing fence is in `rehearse`.

use crate::program::Program;
use serde_json::Value;

fn rehearse(program: &Program, runbook: &str, system: &str, words: &[&str]) -> (Option<i32>, Value) {
    let world = format!("runbooks/{system}/world.yaml");
    let fixed = ["rehearse", runbook, "--world", &world, "--to", "b", "--format", "json", "--quiet"];
    let ended = program.run(&[&fixed[..], words].concat());
    (ended.code, serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}{}", ended.stdout, ended.stderr)))
}

/// An engine that was isolated while it hung comes back with what it had in its memory. A way back that hands the queues to it and
/// then lets it reach the storage again makes two actives.
#[test]
fn a_way_back_to_an_isolated_engine() {
    let program = Program::new();
    let text = std::fs::read_to_string("runbooks/active-passive-aws/runbook.yaml").unwrap();
    let condition = "    if: mode == 'switchover' || inputs.fence != 'isolate'\n";
    let begins = text.find("  # One that was isolated while it hung").unwrap();
    let ends = text.find("  - id: took-over").unwrap();
    assert!(text.contains(condition));
    let edited = format!("{}{}", text[..begins].replace(condition, ""), &text[ends..]);
    let path = program.state().join("mistake.yaml");
    std::fs::write(&path, edited).unwrap();
    let words = ["--mode", "failover", "--incident", "hang", "--after", "20s", "--input", "fence=isolate"];
    let words = [&words[..], &["--replay", "killed-after-record:28,rollback"]].concat();
    let (code, found) = rehearse(&program, path.to_str().unwrap(), "active-passive-aws", &words);
    assert_eq!(code, Some(10), "{found:#}");
    assert_eq!(found["rehearsals"][0]["violations"][0]["invariant"], "two-actives", "{found:#}");

    let (code, found) = rehearse(&program, "runbooks/active-passive-aws", "active-passive-aws", &words);
    assert_eq!(code, Some(0), "{found:#}");
}
