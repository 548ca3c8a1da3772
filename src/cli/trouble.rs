//! What an operator is told when a command cannot do what was asked: what, where, why, and what to do instead.

use super::{
    args::{Common, Format},
    exit::Exit,
};
use crate::{
    engine::{EngineError, Illegal},
    journal::{JournalError, LockError, StoreError},
    report::render_error,
};
use serde_json::json;
use std::{error::Error, fmt};

/// An error on its way to the operator, with its exit code.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) exit: Exit,
    error: Box<dyn Error>,
    hint: Option<String>,
    /// Printed already: only the code is left to return.
    told: bool,
}

/// A message of our own.
#[derive(Debug)]
struct Said(String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Said {}

impl Trouble {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self::caused(exit, Said(message.into()))
    }

    pub(super) fn caused(exit: Exit, error: impl Error + 'static) -> Self {
        Self { exit, error: Box::new(error), hint: None, told: false }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// An end whose reason stands on the screen already.
    pub(super) fn told(exit: Exit) -> Self {
        Self { told: true, ..Self::new(exit, "") }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Prints it, once, and yields its code. JSON gets a document on stdout as well, so that a reader never waits for one.
    pub(super) fn report(&self, common: &Common) -> Exit {
        if !self.told {
            eprint!("{}", render_error(self.error.as_ref(), self.hint.as_deref()));
            if common.format == Format::Json {
                println!("{}", json!({ "error": self.error.to_string(), "hint": self.hint, "exit": self.exit as u8 }));
            }
        }
        self.exit
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        let hint = match &error {
            StoreError::NoRun(_) | StoreError::Ambiguous { .. } => Some("`lifeboat runs` lists them"),
            StoreError::Broken { .. } => Some(
                "the journal was altered or its disk is failing: keep a copy, and compare the world with the plan by hand",
            ),
            StoreError::Io { .. } => None,
        };
        let exit = match &error {
            StoreError::NoRun(_) | StoreError::Ambiguous { .. } => Exit::Usage,
            StoreError::Broken { .. } | StoreError::Io { .. } => Exit::Refused,
        };
        let trouble = Self::caused(exit, error);
        match hint {
            Some(hint) => trouble.hint(hint),
            None => trouble,
        }
    }
}

impl From<LockError> for Trouble {
    fn from(error: LockError) -> Self {
        let hint = match &error {
            LockError::Held(holder, alive) => {
                let doing = if *alive {
                    format!("process {} on {} is executing it", holder.pid, holder.host)
                } else {
                    "no process is executing it now, and it has not ended".to_owned()
                };
                Some(format!(
                    "{} began it at {}; {doing}. `lifeboat status {}` shows where it stands and how to end it",
                    holder.name,
                    holder.since.strftime("%Y-%m-%d %H:%M:%S UTC"),
                    holder.run
                ))
            }
            LockError::Busy(_) | LockError::Io { .. } => None,
        };
        let trouble = Self::caused(Exit::LockHeld, error);
        match hint {
            Some(hint) => trouble.hint(hint),
            None => trouble,
        }
    }
}

impl From<EngineError> for Trouble {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Undecodable { .. } => Self::caused(Exit::Refused, error)
                .hint("resume it with the program that began it; `lifeboat --version` tells which this is"),
            EngineError::Journal(JournalError::Fenced) => Self::caused(Exit::LockHeld, error),
            EngineError::Journal(_) => Self::caused(Exit::Paused, error)
                .hint("the run has stopped and nothing more was sent; mend the disk, then `lifeboat resume latest`"),
        }
    }
}

impl From<Illegal> for Trouble {
    fn from(error: Illegal) -> Self {
        Self::caused(Exit::Refused, error).hint("`lifeboat status` shows what can be done with this run")
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}
