//! The state directory: where runs, locks and simulated worlds are kept.
//!
//! ```text
//! runs/RUN/{journal.jsonl,audit.jsonl,figures.json,series.json}    locks/KEY.json    worlds/NAME.json
//! ```

use super::line::{self, Broken, Reading};
use jiff::Timestamp;
use lifeboat_contract::{Chance, RunId};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The folder that holds all that Lifeboat remembers.
#[derive(Debug, Clone)]
pub struct StateDirectory {
    root: PathBuf,
}

/// The files of one run.
#[derive(Debug, Clone)]
pub struct RunFiles {
    pub run: RunId,
    pub folder: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("no run {0}")]
    NoRun(String),
    #[error("{wanted} fits more than one run: {}", .candidates.join(", "))]
    Ambiguous { wanted: String, candidates: Vec<String> },
    #[error("cannot use {path}")]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("the journal of run {run} cannot be trusted")]
    Broken {
        run: RunId,
        #[source]
        source: Broken,
    },
}

impl StateDirectory {
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    pub fn worlds(&self) -> PathBuf {
        self.root.join("worlds")
    }

    /// A new run's files, none of which exists yet. The id begins with the date and time and ends with eight digits of chance.
    pub fn new_run(&self, now: Timestamp, chance: &Chance) -> RunFiles {
        let stamp = now.strftime("%Y%m%d-%H%M%S");
        // In simulated time, with seeded chance, two runs can begin at one moment.
        loop {
            let files = self.files(RunId(format!("{stamp}-{:08x}", chance.u64() >> 32)));
            if !files.folder.exists() {
                return files;
            }
        }
    }

    /// Waits until no other process is opening a run, and keeps others from it until the file is dropped.
    pub fn gate(&self) -> Result<fs::File, StoreError> {
        let path = self.locks().join(".opening");
        fs::create_dir_all(self.locks()).map_err(|source| io_error(&path, source))?;
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|file| file.lock().map(|()| file)).map_err(|source| io_error(&path, source))
    }

    /// The run that `wanted` names: an id, the end or the beginning of one, or `latest`.
    pub fn find(&self, wanted: &str) -> Result<RunFiles, StoreError> {
        let runs = self.runs()?;
        if wanted == "latest" {
            return runs.into_iter().next().ok_or_else(|| StoreError::NoRun("yet".to_owned()));
        }
        if let Some(exact) = runs.iter().find(|files| files.run.as_str() == wanted) {
            return Ok(exact.clone());
        }
        let fitting: Vec<RunFiles> = runs
            .into_iter()
            .filter(|files| files.run.as_str().starts_with(wanted) || files.run.as_str().ends_with(wanted))
            .collect();
        match fitting.as_slice() {
            [] => Err(StoreError::NoRun(wanted.to_owned())),
            [one] => Ok(one.clone()),
            many => Err(StoreError::Ambiguous {
                wanted: wanted.to_owned(),
                candidates: many.iter().map(|files| files.run.to_string()).collect(),
            }),
        }
    }

    /// All runs, newest first.
    pub fn runs(&self) -> Result<Vec<RunFiles>, StoreError> {
        let folder = self.root.join("runs");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_error(&folder, error)),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| io_error(&folder, source))?;
            if entry.path().join("journal.jsonl").exists() {
                runs.push(self.files(RunId(entry.file_name().to_string_lossy().into_owned())));
            }
        }
        runs.sort_by(|a, b| b.run.cmp(&a.run));
        Ok(runs)
    }

    pub fn files(&self, run: RunId) -> RunFiles {
        let folder = self.root.join("runs").join(run.as_str());
        RunFiles { run, folder }
    }
}

impl RunFiles {
    /// Makes the run's folder.
    pub fn create(&self) -> Result<(), StoreError> {
        fs::create_dir_all(&self.folder).map_err(|source| io_error(&self.folder, source))
    }

    pub fn journal(&self) -> PathBuf {
        self.folder.join("journal.jsonl")
    }

    /// Beside the journal: every call with its latency. No truth, only evidence.
    pub fn audit(&self) -> PathBuf {
        self.folder.join("audit.jsonl")
    }

    /// Beside the journal: what the simulated world measured when the run last left the engine. No truth, only evidence.
    pub fn figures(&self) -> PathBuf {
        self.folder.join("figures.json")
    }

    /// Beside the journal: what the simulated world noted over time. No truth, only evidence.
    pub fn series(&self) -> PathBuf {
        self.folder.join("series.json")
    }

    /// Whether a process holds the journal now.
    pub fn is_being_executed(&self) -> bool {
        fs::File::open(self.journal())
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }

    pub fn read(&self) -> Result<Reading, StoreError> {
        let path = self.journal();
        let bytes = fs::read(&path).map_err(|source| io_error(&path, source))?;
        line::read(&bytes).map_err(|source| StoreError::Broken { run: self.run.clone(), source })
    }
}

fn io_error(path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { path: path.display().to_string(), source }
}
