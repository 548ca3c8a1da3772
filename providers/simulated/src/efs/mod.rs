//! EFS in one region: file systems and the mount targets that lead to them, one a zone. Only described, never changed.
//!
//! Does not hold files: what is written to a file system is its users' business.

mod describe;
mod operations;
mod state;

pub(crate) use operations::operation;
pub(crate) use state::{Efs, FileSystem, MountTarget};
