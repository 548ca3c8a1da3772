//! Names, one newtype each, so that two of them are never mixed up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $type(pub String);

        impl $type {
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
        impl From<&str> for $type {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }
    };
}

name!(
    /// A step's id, stable across edits of the runbook.
    StepId
);
name!(
    /// A site's id: `r1`.
    SiteId
);
name!(
    /// One execution of one plan.
    RunId
);
name!(
    /// A cloud region: `us-east-1`.
    Region
);
name!(
    /// One cell of the world: `RESOURCE#CELL`, the provider's own name of the resource and the cell's name in the step's state.
    ///
    /// Two steps with the same key own the same cell.
    CellKey
);
name!(
    /// A resource whose writes must not overlap.
    ResourceKey
);

impl CellKey {
    /// The key of one cell of a step's state on one resource.
    pub fn of(resource: impl fmt::Display, cell: impl fmt::Display) -> Self {
        Self(format!("{resource}#{cell}"))
    }

    /// The cell's name in the state of the step that owns it.
    pub fn cell(&self) -> &str {
        self.0.rsplit_once('#').map_or(self.0.as_str(), |(_, cell)| cell)
    }
}
