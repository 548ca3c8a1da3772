//! Ctrl-C in a drill, with the real process in real time: `lifeboat sim` is its cloud.

use crate::program::Program;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStderr, Command, Stdio},
};

/// A process whose messages are read as they come. It is killed when a test ends before it does.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    told: String,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, told: String::new() }
    }

    /// Reads on to the first message that has `part` in it.
    fn tells(&mut self, part: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended before it told {part:?}:\n{}", self.told);
            self.told += &line;
            if line.contains(part) {
                return line;
            }
        }
    }

    fn interrupt(&self) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, Signal::INT).unwrap();
    }

    /// What it printed, when it ends with this code.
    fn ends(&mut self, code: i32) -> String {
        let mut printed = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        self.stderr.read_to_string(&mut self.told).unwrap();
        let ended = self.child.wait().unwrap();
        assert_eq!(ended.code(), Some(code), "{printed}\n{}", self.told);
        printed
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A simulated cloud in a process of its own, and an operator who drills there.
struct Scene {
    program: Program,
    _sim: Running,
    cloud: String,
    runbook: String,
}

/// The overlay address, drilled at any hour; `after_move` are steps that follow the move, `faults` what the world does to calls.
fn scene(after_move: &str, faults: &str) -> Scene {
    let program = Program::new();
    let text = std::fs::read_to_string("runbooks/overlay-vip/runbook.yaml").unwrap();
    let (head, rest) = text.split_once("drill:\n").unwrap();
    let sites = rest.find("\nsites:").unwrap();
    let answers = "  - id: address-answers";
    let text = format!("{head}{}", &rest[sites..]).replace(answers, &format!("{after_move}{answers}"));
    let runbook = program.state().join("runbook.yaml");
    std::fs::write(&runbook, text).unwrap();
    let world = program.state().join("world.yaml");
    let text = std::fs::read_to_string("runbooks/overlay-vip/world.yaml").unwrap();
    std::fs::write(&world, format!("{text}\n{faults}")).unwrap();
    let mut sim = Command::new(env!("CARGO_BIN_EXE_lifeboat"));
    sim.args(["sim", world.to_str().unwrap(), "--listen", "127.0.0.1:0", "--quiet"]);
    let mut sim = Running::start(sim);
    let cloud = sim.tells("listening on ").trim().trim_start_matches("listening on ").to_owned();
    Scene { program, _sim: sim, cloud, runbook: runbook.display().to_string() }
}

impl Scene {
    fn drill(&self, more: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lifeboat"));
        command.args(["drill", &self.runbook, "--to", "b", "--cloud", &self.cloud, "--yes"]).args(more);
        command.arg("--state").arg(self.program.state()).env("NO_COLOR", "1");
        Running::start(command)
    }

    /// The record that the drill kept.
    fn record(&self) -> Value {
        let runs = std::fs::read_dir(self.program.state().join("runs")).unwrap();
        let mut records =
            runs.map(|entry| entry.unwrap().path()).filter(|path| path.to_string_lossy().ends_with(".drill.json"));
        let record = serde_json::from_slice(&std::fs::read(records.next().unwrap()).unwrap()).unwrap();
        assert_eq!(records.next(), None);
        record
    }

    /// Types the way forward that begins so, as it was printed.
    fn takes(&self, record: &Value, start: &str, code: i32) -> Value {
        let ways: Vec<&str> =
            record["ways"].as_array().unwrap().iter().map(|way| way["command"].as_str().unwrap()).collect();
        let way = ways.iter().find(|way| way.starts_with(start)).unwrap_or_else(|| panic!("no {start}: {ways:?}"));
        let words: Vec<&str> = way.split(' ').skip(1).collect();
        assert!(words.contains(&"--state"), "{way}");
        // The program that types it adds the state once more.
        let words: Vec<&str> = words.into_iter().take_while(|word| *word != "--state").collect();
        let yes = if start.contains("resume") { "--quiet" } else { "--yes" };
        self.program.run(&[&words[..], &[yes, "--format", "json"]].concat()).json(code)
    }
}

fn phases(record: &Value) -> Vec<(&str, &str, bool)> {
    let legs = record["legs"].as_array().unwrap().iter();
    let told = legs.map(|leg| (leg["phase"].as_str(), leg["outcome"].as_str(), leg["ok"].as_bool()));
    told.map(|(phase, outcome, ok)| (phase.unwrap(), outcome.unwrap(), ok.unwrap())).collect()
}

const HOLD: &str = "  - { id: hold, uses: wait, with: { duration: 1h } }\n";

#[test]
fn on_the_way_over_the_run_pauses_and_the_drill_says_how_to_go_on() {
    let scene = scene(HOLD, "");
    let mut drill = scene.drill(&[]);
    drill.tells("hold             waits");
    drill.interrupt();
    let screen = drill.ends(5);
    let record = scene.record();
    assert_eq!(record["interrupted"], true);
    let ended = phases(&record);
    assert_eq!(ended[1..], [("go", "interrupted, and paused", false)], "{record:#}");
    assert!(!record["probes"][0]["samples"].as_array().unwrap().is_empty(), "probes were ended, not dropped");
    assert!(screen.contains("interrupted on the way over: overlay-vip from a to b"), "{screen}");
    let run = record["legs"][1]["run"].as_str().unwrap();
    for way in ["resume", "rollback"] {
        assert!(screen.contains(&format!("\n  lifeboat {way} {run} --state ")), "{screen}");
    }
    let back = scene.takes(&record, "lifeboat rollback ", 0);
    assert_eq!(back["outcome"], "rolled_back", "{back:#}");
}

#[test]
fn before_the_way_back_the_site_stays_and_is_named() {
    let scene = scene("", "");
    let mut drill = scene.drill(&["--dwell", "1h"]);
    drill.tells("completed");
    drill.interrupt();
    let screen = drill.ends(5);
    let record = scene.record();
    assert_eq!(phases(&record)[1..], [("go", "completed", true), ("dwell", "interrupted", false)], "{record:#}");
    assert!(screen.contains("interrupted before the way back: overlay-vip from a to b: site b is active"), "{screen}");
    let back = scene.takes(&record, "lifeboat run ", 0);
    assert_eq!(back["outcome"], "completed", "{back:#}");
}

#[test]
fn on_the_way_back_the_rollback_pauses_and_resume_goes_on_with_it() {
    // Two tables are written on the way over; the first of the way back takes its time.
    let slow = "faults: [{ match: { service: ec2, operation: ReplaceRoute, nth: 3 }, delay: 2s }]\n";
    let scene = scene("", slow);
    let mut drill = scene.drill(&["--dwell", "1s"]);
    drill.tells("undo, attempt 1");
    drill.interrupt();
    let screen = drill.ends(5);
    let record = scene.record();
    assert_eq!(phases(&record).last().unwrap(), &("back", "interrupted, and paused", false), "{record:#}");
    assert!(screen.contains("interrupted on the way back: overlay-vip from a to b"), "{screen}");
    let ended = scene.takes(&record, "lifeboat resume ", 6);
    assert_eq!(ended["outcome"], "rolled_back", "{ended:#}");
}

#[test]
fn twice_waits_for_nothing() {
    // A write that is never answered, and a page that is not either: each would be waited for to its deadline.
    let hung = "faults:\n  - { match: { service: ec2, operation: ReplaceRoute }, time_out: before }\n";
    let scene = scene("", hung);
    let mut drill = scene.drill(&[]);
    drill.tells("move-address     attempt 1");
    drill.interrupt();
    drill.tells("once more stops waiting");
    drill.interrupt();
    drill.ends(5);
    assert!(!drill.told.contains("attempt 1 "), "the write was waited for: {}", drill.told);
    let record = scene.record();
    let run = record["legs"][1]["run"].as_str().unwrap();
    let journal = std::fs::read_to_string(scene.program.state().join("runs").join(run).join("journal.jsonl")).unwrap();
    assert!(journal.contains("attempt_sent") && !journal.contains("attempt_ended"), "{journal}");
}
