//! The example for GitHub Actions, step by step: each `run` is executed as the runner would, over the simulated worlds.

use crate::program::Program;
use lifeboat::runbook::{Source, document};
use std::{
    path::Path,
    process::{Command, Output},
};

const EXAMPLE: &str = "examples/ci/github.yaml";

/// One job's steps, on one runner.
struct Runner<'p> {
    program: &'p Program,
    environment: Vec<(String, String)>,
}

impl Runner<'_> {
    fn run(&self, command: &str) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_lifeboat")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", command])
            .current_dir(self.program.state())
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .env("LIFEBOAT_STATE", self.program.state().join("lifeboat-state"))
            .env("GITHUB_STEP_SUMMARY", self.program.state().join("summary.md"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap()
    }
}

/// Executes a job. Returns what was printed, and how many steps ran.
fn job(name: &str, set: &[(&str, &str)]) -> (Program, String, usize) {
    let source = Source::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLE).as_path()).unwrap();
    let workflow = document::parse(&source).unwrap().to_json();
    let job = &workflow["jobs"][name];
    let program = Program::new();
    let runbooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks");
    std::os::unix::fs::symlink(runbooks, program.state().join("runbooks")).unwrap();
    let own = job["env"].as_object().into_iter().flatten();
    let mut environment: Vec<(String, String)> = own
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .filter(|(_, value)| !value.contains("${{"))
        .collect();
    // What the runner would fill in from its matrix, and the cloud of the staging job.
    environment.extend(set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let runner = Runner { program: &program, environment };
    let (mut printed, mut ran) = (String::new(), 0);
    for step in job["steps"].as_array().unwrap() {
        let Some(command) = step["run"].as_str() else { continue };
        let output = runner.run(command);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{name}: {}: {text}{}", step["name"], String::from_utf8_lossy(&output.stderr));
        if step["if"] == "failure()" {
            assert!(text.starts_with("::error title="), "{text}");
        } else {
            printed += &text;
        }
        ran += 1;
    }
    (program, printed, ran)
}

#[test]
fn every_runbook_is_checked() {
    let (_, printed, ran) = job("check", &[]);
    assert_eq!(ran, 2);
    assert!(!printed.contains("::error"), "{printed}");
}

#[test]
fn a_system_is_rehearsed_and_drilled_and_the_summary_says_so() {
    let (program, printed, ran) = job("simulated", &[("SYSTEM", "overlay-vip"), ("STANDBY", "b")]);
    assert_eq!(ran, 5);
    assert!(printed.contains("met: overlay-vip from a to b"), "{printed}");
    let summary = std::fs::read_to_string(program.state().join("summary.md")).unwrap();
    assert!(summary.contains("met: overlay-vip from a to b"), "{summary}");
    let kept = std::fs::read_dir(program.state().join("lifeboat-state/runs")).unwrap();
    let records = kept.filter(|entry| entry.as_ref().unwrap().path().to_string_lossy().ends_with(".drill.json"));
    assert_eq!(records.count(), 1);
}

#[test]
fn staging_is_drilled_over_a_world() {
    let (_, printed, ran) = job("staging", &[("CLOUD", "--world runbooks/overlay-vip/world.yaml")]);
    assert_eq!(ran, 4);
    assert!(printed.contains("dwell          10m"), "{printed}");
}
