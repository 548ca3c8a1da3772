//! The active/passive integration engine on both clouds: over and back, crashed, hung, fenced, and back from a failure at every step.

use crate::program::{Ended, Program};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// One of the two systems. Their runbooks read alike, so their tests are the same.
struct System {
    folder: &'static str,
}

const SYSTEMS: [System; 2] = [System { folder: "active-passive-aws" }, System { folder: "active-passive-azure" }];

impl System {
    fn runbook(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks").join(self.folder).join("runbook.yaml")
    }

    fn world(&self) -> String {
        format!("runbooks/{}/world.yaml", self.folder)
    }

    fn contents(&self, program: &Program) -> Value {
        program.contents(&format!("{}.world", self.folder))
    }

    /// `lifeboat run RUNBOOK --world WORLD --to TO …`.
    fn run(&self, program: &Program, runbook: &Path, to: &str, more: &[&str]) -> Ended {
        let world = self.world();
        let words = ["run", runbook.to_str().unwrap(), "--world", &world, "--to", to, "--yes", "--format", "json"];
        program.run(&[&words[..], more].concat())
    }

    /// A copy of the runbook, edited.
    fn edited(&self, program: &Program, edit: impl FnOnce(String) -> String) -> PathBuf {
        let path = program.state().join("edited.yaml");
        std::fs::write(&path, edit(std::fs::read_to_string(self.runbook()).unwrap())).unwrap();
        path
    }

    /// The world as it is before anything was done to it.
    fn first(&self, program: &Program) -> Value {
        let (runbook, world) = (self.runbook(), self.world());
        program.run(&["plan", runbook.to_str().unwrap(), "--world", &world, "--to", "b"]).ended(0);
        self.contents(program)
    }
}

const FAILOVER: [&str; 2] = ["--mode", "failover"];

fn figure(run: &Value, name: &str) -> f64 {
    run["world"][name].as_f64().unwrap_or_else(|| panic!("no {name} in {}", run["world"]))
}

/// What must hold whatever happened: nothing lost, nothing out of order, never two at once.
#[track_caller]
fn kept(run: &Value, why: &str) {
    for name in ["messages_lost", "messages_out_of_order", "messages_duplicated", "two_actives_s"] {
        assert!(figure(run, name).abs() < f64::EPSILON, "{why}: {name} is {} in {}", run["world"][name], run["world"]);
    }
    assert!(figure(run, "messages_acknowledged") > 0.0, "{why}: nobody sent anything");
}

#[test]
fn a_planned_switchover_and_the_way_back_keep_every_message() {
    for system in &SYSTEMS {
        let program = Program::new();
        let first = system.first(&program);
        let over = system.run(&program, &system.runbook(), "b", &[]).json(0);
        kept(&over, system.folder);
        let gap = figure(&over, "longest_gap_s");
        assert!((0.1..60.0).contains(&gap), "{}: the downtime is short, and there is one: {gap}", system.folder);
        assert_ne!(system.contents(&program), first);
        let back = system.run(&program, &system.runbook(), "a", &[]).json(0);
        kept(&back, system.folder);
        assert_eq!(system.contents(&program), first, "{}: over and back is where it began", system.folder);
    }
}

#[test]
fn a_completed_switchover_rolls_back() {
    for system in &SYSTEMS {
        let program = Program::new();
        let first = system.first(&program);
        system.run(&program, &system.runbook(), "b", &[]).json(0);
        let back = program.run(&["rollback", "latest", "--yes", "--format", "json"]).json(0);
        assert_eq!(back["outcome"], "rolled_back");
        kept(&back, system.folder);
        assert_eq!(system.contents(&program), first, "{}", system.folder);
    }
}

#[test]
fn an_active_that_crashed_hung_or_is_gone_is_failed_over_and_back() {
    for system in &SYSTEMS {
        for incident in ["crash", "hang", "instance-lost", "zone-lost"] {
            let why = format!("{} {incident}", system.folder);
            let program = Program::new();
            let lost = ["--incident", incident, "--after", "20s"];
            let over = system.run(&program, &system.runbook(), "b", &[&FAILOVER[..], &lost].concat()).json(0);
            kept(&over, &why);
            assert!(figure(&over, "longest_gap_s") > 10.0, "{why}: the active was gone for a while");
            if incident == "zone-lost" {
                continue;
            }
            // The one that hung would wake up five minutes after; it was stopped, and has nothing to wake up to.
            let back = system.run(&program, &system.runbook(), "a", &["--after", "10m"]).json(0);
            kept(&back, &why);
        }
    }
}

#[test]
fn without_a_fence_the_check_warns_and_the_world_shows_two_actives() {
    for system in &SYSTEMS {
        let program = Program::new();
        let whole = system.runbook();
        let quiet = program.run(&["check", whole.to_str().unwrap()]);
        assert!(!quiet.stdout.contains("LB0503") && !quiet.stderr.contains("LB0503"), "{quiet:?}");
        let unfenced = system.edited(&program, |text| without_step(&text, "fence-by-stop"));
        let warned = program.run(&["check", unfenced.to_str().unwrap()]);
        warned.ended(0);
        assert!((warned.stdout.clone() + &warned.stderr).contains("LB0503"), "{warned:?}");

        let hang = ["--incident", "hang", "--after", "20s"];
        let over = system.run(&program, &unfenced, "b", &[&FAILOVER[..], &hang].concat()).json(0);
        assert!(figure(&over, "two_actives_s") > 0.0, "{}: {}", system.folder, over["world"]);
        // It wakes up, and delivers what it held in memory.
        let later = system.run(&program, &unfenced, "b", &[&FAILOVER[..], &["--after", "10m"]].concat()).json(0);
        assert!(figure(&later, "messages_duplicated") > 0.0, "{}: {}", system.folder, later["world"]);
        assert!(figure(&later, "messages_out_of_order") > 0.0, "{}: {}", system.folder, later["world"]);
    }
}

#[test]
fn isolation_fences_where_a_server_cannot_be_stopped() {
    for system in &SYSTEMS {
        let program = Program::new();
        let hang = ["--incident", "hang", "--after", "20s", "--input", "fence=isolate"];
        let over = system.run(&program, &system.runbook(), "b", &[&FAILOVER[..], &hang].concat()).json(0);
        kept(&over, system.folder);
        // Awake again, it is still cut off: nothing is delivered twice.
        let later = system.run(&program, &system.runbook(), "b", &[&FAILOVER[..], &["--after", "10m"]].concat());
        kept(&later.json(0), system.folder);
    }
}

#[test]
fn an_isolated_server_comes_back_once_a_person_vouches_for_it() {
    for system in &SYSTEMS {
        let program = Program::new();
        let first = system.first(&program);
        let hang = ["--incident", "hang", "--after", "20s", "--input", "fence=isolate"];
        system.run(&program, &system.runbook(), "b", &[&FAILOVER[..], &hang].concat()).json(0);
        let back = ["--after", "10m", "--input", "rejoin=true"];
        system.run(&program, &system.runbook(), "a", &back).json(5);
        program.run(&["approve", "latest", "vouch-restarted"]).ended(0);
        let back = program.run(&["resume", "latest", "--format", "json"]).json(0);
        kept(&back, system.folder);
        assert_eq!(system.contents(&program), first, "{}: fenced, rejoined and back is where it began", system.folder);
    }
}

#[test]
fn a_vouched_fence_waits_for_a_person() {
    let system = &SYSTEMS[0];
    let program = Program::new();
    let lost = ["--incident", "instance-lost", "--after", "20s", "--input", "fence=vouch"];
    let paused = system.run(&program, &system.runbook(), "b", &[&FAILOVER[..], &lost].concat()).json(5);
    assert_eq!(paused["outcome"], "paused");
    program.run(&["approve", "latest", "fence-vouched"]).ended(0);
    let over = program.run(&["resume", "latest", "--format", "json"]).json(0);
    kept(&over, system.folder);
}

/// A check that never passes stands after the first step, then after the second, and so on: each time all is put back.
#[test]
fn a_failure_after_every_step_is_rolled_back_without_a_trace() {
    for system in &SYSTEMS {
        let ids = step_ids(&std::fs::read_to_string(system.runbook()).unwrap());
        assert!(ids.len() > 8, "{ids:?}");
        for (mode, lost) in [(&[][..], &[][..]), (&FAILOVER[..], &["--incident", "hang", "--after", "20s"][..])] {
            for id in &ids {
                let why = format!("{} {mode:?} failing after {id}", system.folder);
                let program = Program::new();
                let first = system.first(&program);
                let failing = system.edited(&program, |text| with_failure_after(&text, id));
                let run = system.run(&program, &failing, "b", &[mode, lost].concat()).json(6);
                assert_eq!(run["outcome"], "rolled_back", "{why}");
                kept(&run, &why);
                assert_eq!(system.contents(&program), first, "{why}");
            }
        }
    }
}

#[test]
fn killed_at_each_record_of_a_failover_resume_and_rollback_keep_every_message() {
    for system in &SYSTEMS {
        let (runbook, world) = (system.runbook(), system.world());
        let words: Vec<&str> = [
            &["run", runbook.to_str().unwrap(), "--world", &world, "--to", "b", "--yes", "--format", "json"][..],
            &FAILOVER,
            &["--incident", "hang", "--after", "20s"],
        ]
        .concat();
        let mut records = 0;
        for record in 0.. {
            let program = Program::new();
            let first = system.first(&program);
            if program.run_until_record(&words, record).code.is_some() {
                break;
            }
            records = record;
            let why = format!("{} killed after record {record}", system.folder);
            if record % 2 == 0 {
                if !program.has_ended() {
                    let ended = program.run(&["resume", "latest", "--format", "json"]).json(0);
                    kept(&ended, &why);
                }
            } else {
                let ended = program.run(&["rollback", "latest", "--yes", "--format", "json"]).json(0);
                assert_eq!(ended["outcome"], json!("rolled_back"), "{why}");
                kept(&ended, &why);
                assert_eq!(system.contents(&program), first, "{why}");
            }
        }
        assert!(records > 25, "the run wrote {records} records");
    }
}

#[test]
fn a_slow_storage_delays_messages_and_loses_none() {
    for system in &SYSTEMS {
        let program = Program::new();
        let slow = ["--incident", "slow-storage", "--after", "20s"];
        let over = system.run(&program, &system.runbook(), "b", &slow).json(0);
        kept(&over, system.folder);
    }
}

/// Azure Resource Manager changes nothing without the resource group's own region, wherever the resource itself is.
#[test]
fn a_plan_is_refused_where_the_resource_groups_region_is_lost() {
    let program = Program::new();
    let system = &SYSTEMS[1];
    let world = program.state().join("elsewhere.yaml");
    let text = std::fs::read_to_string(format!("{}/{}", env!("CARGO_MANIFEST_DIR"), system.world())).unwrap();
    // The group is in another region than all that is in it.
    let text = text.replace("      location: eastus\n", "      location: westeurope\n");
    let located = |name: &str| format!("        {name}: {{ location: eastus, ");
    let text = ["engine-a", "engine-b"].iter().fold(text, |text, name| {
        text.replace(&format!("        {name}: {{ zone"), &(located(name) + "zone"))
            .replace(&format!("        {name}: {{ security_group"), &(located(name) + "security_group"))
            .replace(&format!("        {name}: {{}}"), &format!("        {name}: {{ location: eastus }}"))
    });
    let text = text
        .replace(
            "        engine:\n          address_space",
            "        engine:\n          location: eastus\n          address_space",
        )
        .replace(
            "        engine:\n          frontends",
            "        engine:\n          location: eastus\n          frontends",
        )
        .replace("enginequeues: { sku", "enginequeues: { location: eastus, sku");
    std::fs::write(&world, text).unwrap();
    let runbook = system.runbook();
    let (runbook, world) = (runbook.to_str().unwrap(), world.to_str().unwrap());
    let plan = ["plan", runbook, "--world", world, "--to", "b", "--mode", "failover"];
    program.run(&plan).ended(0);
    let refused = program.run(&[&plan[..], &["--impaired", "westeurope"]].concat());
    refused.ended(4);
    assert!((refused.stdout.clone() + &refused.stderr).contains("westeurope"), "{refused:?}");
}

fn step_ids(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix("  - id: ")).map(str::to_owned).collect()
}

/// Where a step's text begins and ends.
fn span_of(text: &str, id: &str) -> (usize, usize) {
    let begins = text.find(&format!("  - id: {id}\n")).unwrap_or_else(|| panic!("no step {id}"));
    let rest = &text[begins + 4..];
    let ends = rest.find("\n  - id: ").map_or(text.len(), |at| begins + 4 + at + 1);
    (begins, ends)
}

fn without_step(text: &str, id: &str) -> String {
    let (begins, ends) = span_of(text, id);
    format!("{}{}", &text[..begins], &text[ends..])
}

fn with_failure_after(text: &str, id: &str) -> String {
    let (_, ends) = span_of(text, id);
    let failure = "  - { id: doomed, uses: tcp.check, with: { host: a.engine.example, port: 1 }, timeout: 1s }\n";
    let gap = if text[..ends].ends_with('\n') { "" } else { "\n" };
    format!("{}{gap}{failure}{}", &text[..ends], &text[ends..])
}
