//! Runs the program as its user does, over a simulated world in its own state directory.

use serde_json::Value;
use std::{
    path::PathBuf,
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

/// A state directory of its own, removed at the end.
pub(crate) struct Program {
    state: PathBuf,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Program {
    pub(crate) fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let state = std::env::temp_dir().join(format!("lifeboat-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&state).unwrap();
        Self { state }
    }

    pub(crate) fn state(&self) -> &std::path::Path {
        &self.state
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lifeboat"));
        command.args(words).arg("--state").arg(&self.state).current_dir(env!("CARGO_MANIFEST_DIR"));
        command.env("NO_COLOR", "1").env_remove("LIFEBOAT_DIES_AFTER_RECORD");
        command
    }

    /// Types a command.
    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        Ended::from(self.command(words).output().unwrap())
    }

    /// Types a command with variables in its environment.
    pub(crate) fn run_with(&self, words: &[&str], environment: &[(&str, &str)]) -> Ended {
        Ended::from(self.command(words).envs(environment.iter().copied()).output().unwrap())
    }

    /// Types a command whose process dies right after a journal record.
    pub(crate) fn run_until_record(&self, words: &[&str], record: u32) -> Ended {
        let mut command = self.command(words);
        command.env("LIFEBOAT_DIES_AFTER_RECORD", record.to_string());
        Ended::from(command.output().unwrap())
    }

    /// Whether the newest run's journal says that it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.run(&["status", "--format", "json"]).json(0)["outcome"] == "completed"
    }

    /// The configuration of the simulated world, without clocks and counters.
    pub(crate) fn contents(&self, world: &str) -> Value {
        let path = self.state.join("worlds").join(format!("{world}.json"));
        let saved: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let world: lifeboat_simulated::World = serde_json::from_value(saved["world"].clone()).unwrap();
        world.contents()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A test that failed leaves its state for whoever looks into it.
        if !std::thread::panicking() {
            std::fs::remove_dir_all(&self.state).ok();
        }
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// The document on stdout of a command that ended with `code`.
    #[track_caller]
    pub(crate) fn json(&self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    #[track_caller]
    pub(crate) fn ended(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }
}
