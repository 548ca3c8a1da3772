//! What a run needs of a region besides the control planes of its steps.
//!
//! A provider finds these out from the environment and from configuration files, and asks nobody.

use crate::ids::Region;
use serde::{Deserialize, Serialize};

/// Something in a region, without which a run cannot begin or go on, whatever its steps are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    pub on: DependsOn,
    pub region: Region,
    /// A clause: `the role of the profile ops is assumed at STS in us-east-1`.
    pub what: String,
    /// What to do instead.
    pub instead: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DependsOn {
    /// Credentials are got there.
    Credentials,
    /// The program itself runs there.
    Executor,
}

impl DependsOn {
    pub fn word(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Executor => "executor",
        }
    }
}
