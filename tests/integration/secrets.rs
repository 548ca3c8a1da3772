//! A secret stands in no output: not in plans, journals, audits, reports or errors.

use crate::program::Program;
use std::path::Path;

const CANARY: &str = "canary-7f3a9c21-do-not-print";

const RUNBOOK: &str = r#"
lifeboat: 1
name: secret
summary: Asks with a secret header, and fails after it.
secrets:
  token: { env: LIFEBOAT_TEST_TOKEN }
sites:
  a: { provider: aws, region: us-east-1, vars: { page: "http://a.vip.example/" } }
  b: { provider: aws, region: us-east-1, vars: { page: "http://b.vip.example/" } }
steps:
  - id: asks
    uses: http.check
    with: { url: "${{ to.page }}", secret_headers: { authorization: "${{ secrets.token }}" } }
  - id: fails
    uses: http.check
    with:
      url: "http://nowhere.example/"
      secret_headers: { authorization: "${{ secrets.token }}" }
    timeout: 5s
"#;

fn every_file(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            every_file(&path, found);
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            found.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn a_secret_is_printed_and_written_nowhere() {
    let program = Program::new();
    let runbook = program.state().join("runbook.yaml");
    std::fs::write(&runbook, RUNBOOK).unwrap();
    let runbook = runbook.to_str().unwrap();
    let world = ["--world", "runbooks/overlay-vip/world.yaml"];
    let token = [("LIFEBOAT_TEST_TOKEN", CANARY)];
    let mut printed = Vec::new();
    for (words, code) in [
        (vec!["plan", runbook, "--to", "b", "-v"], 0),
        (vec!["plan", runbook, "--to", "b", "--format", "json"], 0),
        (vec!["run", runbook, "--to", "b", "--yes", "-v"], 6),
    ] {
        let ended = program.run_with(&[&words[..], &world].concat(), &token);
        ended.ended(code);
        printed.push((words.join(" "), format!("{}{}", ended.stdout, ended.stderr)));
    }
    for words in [&["status"][..], &["status", "--format", "json"], &["runs", "--format", "json"]] {
        let ended = program.run_with(words, &token);
        printed.push((words.join(" "), format!("{}{}", ended.ended(0).stdout, ended.stderr)));
    }
    let before = printed.len();
    every_file(program.state(), &mut printed);
    assert!(printed.len() > before + 2, "journal, audit and world were looked into");
    for (place, text) in &printed {
        assert!(!text.contains(CANARY), "the secret stands in {place}");
    }

    let missing = program.run(&[&["run", runbook, "--to", "b", "--yes"][..], &world].concat());
    missing.ended(4);
    assert!(missing.stderr.contains("LIFEBOAT_TEST_TOKEN"), "{}", missing.stderr);
}
