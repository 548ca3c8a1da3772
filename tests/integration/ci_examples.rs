//! The examples for CI systems, step by step: each command is executed as the system would, over the simulated worlds.

use crate::program::Program;
use lifeboat::runbook::{Source, document};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// When a step is executed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum When {
    AllWentWell,
    Always,
    SomethingFailed,
}

#[derive(Debug)]
struct Step {
    command: String,
    when: When,
}

/// A job as its system would execute it.
#[derive(Debug)]
struct Job {
    shell: &'static [&'static str],
    variables: Vec<(String, String)>,
    steps: Vec<Step>,
    /// What is kept afterwards, in the workspace.
    artifacts: Vec<String>,
}

/// How a job ended.
struct Done {
    program: Program,
    printed: String,
    /// The exit code of the first step that failed.
    failed: Option<i32>,
}

const BASH: &[&str] = &["bash", "--noprofile", "--norc", "-c"];
const STRICT_BASH: &[&str] = &["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"];

fn text(name: &str) -> String {
    std::fs::read_to_string(root().join("examples/ci").join(name)).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn yaml(name: &str) -> Value {
    document::parse(&Source::new(name, text(name))).unwrap().to_json()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The variables that have a value of their own: what a system would fill in is given by the test.
fn variables(value: &Value) -> Vec<(String, String)> {
    let entries = value.as_object().into_iter().flatten();
    let set = entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    set.filter(|(_, value)| !value.contains("${{") && !value.contains('$')).collect()
}

fn github(name: &str) -> Job {
    let workflow = yaml("github.yaml");
    let job = &workflow["jobs"][name];
    let steps = items(&job["steps"]).filter_map(|step| {
        let when = match step["if"].as_str() {
            Some("failure()") => When::SomethingFailed,
            Some("always()") => When::Always,
            _ => When::AllWentWell,
        };
        Some(Step { command: step["run"].as_str()?.to_owned(), when })
    });
    let uploads = items(&job["steps"]).filter(|step| step["uses"] == "actions/upload-artifact@v4");
    let artifacts = uploads.flat_map(|step| step["with"]["path"].as_str().unwrap().lines().map(str::to_owned));
    let variables = variables(&job["env"]);
    Job { shell: STRICT_BASH, variables, steps: steps.collect(), artifacts: artifacts.collect() }
}

fn azure(name: &str) -> Job {
    let pipeline = yaml("azure-pipelines.yaml");
    let job = items(&pipeline["jobs"]).find(|job| job["job"] == name).unwrap();
    let steps = items(&job["steps"]).filter_map(|step| {
        let when = match step["condition"].as_str() {
            Some("failed()") => When::SomethingFailed,
            Some("always()") => When::Always,
            _ => When::AllWentWell,
        };
        let command = step["bash"].as_str().or(step["inputs"]["inlineScript"].as_str())?;
        Some(Step { command: command.to_owned(), when })
    });
    let published = items(&job["steps"]).filter_map(|step| {
        let path = step["publish"].as_str().or(step["inputs"]["testResultsFiles"].as_str())?;
        Some(path.replace("$(LIFEBOAT_STATE)", "lifeboat-state"))
    });
    let variables = [variables(&pipeline["variables"]), variables(&job["variables"])].concat();
    Job { shell: BASH, variables, steps: steps.collect(), artifacts: published.collect() }
}

fn gitlab(name: &str) -> Job {
    let pipeline = yaml("gitlab-ci.yaml");
    let (job, base) = (&pipeline[name], &pipeline[".lifeboat"]);
    assert_eq!(job["extends"], ".lifeboat");
    let lines = |value: &Value| -> Vec<String> { items(value).map(|line| line.as_str().unwrap().to_owned()).collect() };
    let script = [lines(&base["before_script"]), lines(&job["script"])].concat().join("\n");
    let after = lines(&base["after_script"]).join("\n");
    let kept = items(&base["artifacts"]["paths"]).chain([&base["artifacts"]["reports"]["junit"]]);
    Job {
        shell: STRICT_BASH,
        variables: [variables(&pipeline["variables"]), variables(&job["variables"])].concat(),
        steps: vec![Step { command: script, when: When::AllWentWell }, Step { command: after, when: When::Always }],
        artifacts: kept.map(|path| path.as_str().unwrap().to_owned()).collect(),
    }
}

/// Names and what they stand for.
type Pairs = Vec<(String, String)>;

/// The lines of the crontab: their variables, and the command of each schedule.
fn cron() -> (Pairs, Pairs) {
    let text = text("crontab");
    let (mut variables, mut commands) = (Vec::new(), Vec::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with(|c: char| c.is_ascii_uppercase()) {
            let (name, value) = line.split_once('=').unwrap();
            variables.push((name.to_owned(), value.trim_matches('"').to_owned()));
        } else {
            let (schedule, command) = line.split_once("  ").unwrap();
            assert_eq!(schedule.split(' ').count(), 5, "{line}");
            assert!(!command.contains('%'), "cron takes a percent sign for a line break: {line}");
            commands.push((schedule.to_owned(), command.to_owned()));
        }
    }
    (variables, commands)
}

/// A workspace with the shipped runbooks, and one whose probe never finds what it looks for.
fn workspace() -> Program {
    let program = Program::new();
    let folder = program.state().join("runbooks");
    std::fs::create_dir_all(folder.join("never-green")).unwrap();
    for system in ["overlay-vip", "overlay-vip-azure", "region-failover"] {
        std::os::unix::fs::symlink(root().join("runbooks").join(system), folder.join(system)).unwrap();
    }
    let runbook = std::fs::read_to_string("runbooks/overlay-vip/runbook.yaml").unwrap();
    let missed = runbook.replace("expect: { body_contains: server }", "expect: { body_contains: nobody }");
    assert_ne!(missed, runbook);
    std::fs::write(folder.join("never-green/runbook.yaml"), missed).unwrap();
    std::fs::copy("runbooks/overlay-vip/world.yaml", folder.join("never-green/world.yaml")).unwrap();
    program
}

fn execute(job: &Job, set: &[(&str, &str)]) -> Done {
    let mut done = Done { program: workspace(), printed: String::new(), failed: None };
    for step in &job.steps {
        let wanted = match step.when {
            When::AllWentWell => done.failed.is_none(),
            When::Always => true,
            When::SomethingFailed => done.failed.is_some(),
        };
        if !wanted {
            continue;
        }
        let status = if done.failed.is_none() { "success" } else { "failed" };
        let status = [("CI_JOB_STATUS".to_owned(), status.to_owned())];
        let (code, printed) =
            shell(job.shell, &step.command, &done.program, &[&job.variables[..], &status].concat(), set);
        done.printed += &printed;
        if code != 0 {
            assert_eq!(step.when, When::AllWentWell, "{}: {printed}", step.command);
            done.failed.get_or_insert(code);
        }
    }
    done
}

/// One command in the workspace. Returns its exit code, and what it printed.
fn shell(
    shell: &[&str],
    command: &str,
    program: &Program,
    variables: &[(String, String)],
    set: &[(&str, &str)],
) -> (i32, String) {
    let workspace = program.state();
    let binary = Path::new(env!("CARGO_BIN_EXE_lifeboat")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .arg(command)
        .current_dir(workspace)
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .env("GITHUB_STEP_SUMMARY", workspace.join("summary.md"))
        .env("CI_BUILDS_DIR", workspace)
        .env("GITLAB_OIDC_TOKEN", "token")
        .env("LIFEBOAT_ROLE", "arn:aws:iam::111122223333:role/drills")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .env("LIFEBOAT_STATE", workspace.join("lifeboat-state"))
        .env("RUNBOOKS", workspace.join("runbooks"))
        .envs(set.iter().copied())
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), printed)
}

impl Done {
    #[track_caller]
    fn ended(&self, code: Option<i32>, told: &[&str]) {
        assert_eq!(self.failed, code, "{}", self.printed);
        for told in told {
            assert!(self.printed.contains(told), "{told:?} in {}", self.printed);
        }
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.program.state().join(name)).unwrap()
    }

    /// Everything that is uploaded is there: journals, one drill's record among them, and its cases.
    #[track_caller]
    fn keeps(&self, job: &Job) {
        assert!(job.artifacts.iter().any(|path| path == "lifeboat-state/runs"), "{:?}", job.artifacts);
        for path in &job.artifacts {
            assert!(self.program.state().join(path).exists(), "{path} is not there");
        }
        let runs = std::fs::read_dir(self.program.state().join("lifeboat-state/runs")).unwrap();
        let drills = runs.filter(|entry| entry.as_ref().unwrap().path().to_string_lossy().ends_with(".drill.json"));
        assert_eq!(drills.count(), 1);
        assert!(self.file("drill.xml").starts_with("<?xml"));
    }
}

/// A rehearsal of all single faults takes its time: other tests do it.
const ONE_FAULT: (&str, &str) = ("REHEARSAL", "--replay killed-after-record:4,rollback");
const OVERLAY: [(&str, &str); 3] = [("RUNBOOK", "overlay-vip"), ("STANDBY", "b"), ONE_FAULT];
const MISSED: [(&str, &str); 3] = [("RUNBOOK", "never-green"), ("STANDBY", "b"), ONE_FAULT];
const MET: &str = "met: overlay-vip from a to b";
const NOT_GREEN: &str = "missed: overlay-vip from a to b: RTO: not reached; probe page";
const IN_A_WORLD: [(&str, &str); 1] = [("CLOUD", "--world runbooks/overlay-vip/world.yaml")];

#[test]
fn github_checks_every_runbook() {
    let done = execute(&github("check"), &[]);
    done.ended(None, &[]);
    assert!(!done.printed.contains("::error"), "{}", done.printed);
}

#[test]
fn github_rehearses_drills_and_sums_up() {
    let job = github("simulated");
    let done = execute(&job, &OVERLAY);
    done.ended(None, &["no violation was found", MET]);
    assert!(done.file("summary.md").contains(MET));
    done.keeps(&job);

    let done = execute(&job, &MISSED);
    done.ended(Some(9), &["::error title=never-green::"]);
    assert!(done.file("summary.md").contains(NOT_GREEN), "{}", done.file("summary.md"));
    done.keeps(&job);
}

#[test]
fn github_drills_staging() {
    let job = github("staging");
    let done = execute(&job, &IN_A_WORLD);
    done.ended(None, &[MET, "dwell          10m"]);
    done.keeps(&job);
}

#[test]
fn azure_pipelines_rehearse_drill_and_sum_up() {
    let job = azure("simulated");
    let done = execute(&job, &[("RUNBOOK", "overlay-vip-azure"), ("STANDBY", "b"), ONE_FAULT]);
    done.ended(None, &["no violation was found", "met: overlay-vip-azure from a to b", "##vso[task.uploadsummary]"]);
    assert!(done.file("summary.md").contains("met: overlay-vip-azure from a to b"));
    assert!(!done.printed.contains("logissue"), "{}", done.printed);
    done.keeps(&job);

    let done = execute(&job, &MISSED);
    done.ended(Some(9), &["##vso[task.logissue type=error]the rehearsal or the drill of never-green failed"]);
    assert!(done.file("summary.md").contains(NOT_GREEN));
    done.keeps(&job);
}

#[test]
fn azure_pipelines_drill_staging() {
    let job = azure("staging");
    let done = execute(&job, &[("CLOUD", "--world runbooks/overlay-vip-azure/world.yaml")]);
    done.ended(None, &["met: overlay-vip-azure from a to b", "dwell          10m"]);
    done.keeps(&job);
}

#[test]
fn gitlab_rehearses_and_drills() {
    let job = gitlab("simulated");
    let done = execute(&job, &OVERLAY);
    done.ended(None, &["no violation was found", MET]);
    assert!(!done.printed.contains("ERROR"), "{}", done.printed);
    done.keeps(&job);

    let done = execute(&job, &MISSED);
    done.ended(Some(9), &[NOT_GREEN, "ERROR never-green failed"]);
    done.keeps(&job);
}

#[test]
fn gitlab_drills_staging() {
    let job = gitlab("staging");
    let done = execute(&job, &IN_A_WORLD);
    done.ended(None, &[MET, "dwell          10m"]);
    assert_eq!(done.file("oidc-token"), "token");
    done.keeps(&job);
}

/// cron mails what a command prints.
#[test]
fn cron_prints_what_went_wrong_and_nothing_else() {
    let (variables, commands) = cron();
    assert!(variables.iter().any(|(name, _)| name == "MAILTO"));
    let schedules: Vec<&str> = commands.iter().map(|(schedule, _)| schedule.as_str()).collect();
    assert_eq!(schedules, ["0 5 * * 1", "0 6 * * 1", "0 9 1 * *"]);
    let program = workspace();
    let set = [ONE_FAULT, ("CLOUD", "--world overlay-vip/world.yaml --fresh")];
    for (_, command) in &commands {
        assert_eq!(shell(&["sh", "-c"], command, &program, &variables, &set), (0, String::new()), "{command}");
        // The same for a system whose users are never served.
        if command.contains("lifeboat drill") {
            let missed = command.replace("overlay-vip", "never-green");
            let set = [("CLOUD", "--world never-green/world.yaml --fresh")];
            let (code, mail) = shell(&["sh", "-c"], &missed, &program, &variables, &set);
            assert!(code == 0 && mail.contains("failed: exit code 9\n") && mail.contains(NOT_GREEN), "{mail}");
        }
    }
    for report in ["drill.md", "staging.md"] {
        assert!(program.state().join("runbooks").join(report).exists(), "{report}");
    }
}

/// Each has its two schedules: weekly in the simulated world, monthly on staging.
#[test]
fn all_are_scheduled_weekly_and_monthly() {
    let (github, azure, gitlab) = (yaml("github.yaml"), yaml("azure-pipelines.yaml"), yaml("gitlab-ci.yaml"));
    let crons =
        |list: &Value| -> Vec<String> { items(list).map(|entry| entry["cron"].as_str().unwrap().to_owned()).collect() };
    assert_eq!(crons(&github["on"]["schedule"]), ["0 6 * * 1", "0 9 1 * *"]);
    assert_eq!(crons(&azure["schedules"]), ["0 6 * * 1", "0 9 1 * *"]);
    // GitLab keeps its schedules outside of the file: each sets DRILL.
    for name in ["simulated", "staging"] {
        assert_eq!(gitlab[name]["rules"][0]["if"], format!("$DRILL == \"{name}\""));
    }
}
