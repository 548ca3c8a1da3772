//! Machines, whichever cloud they run in. Does not know what runs on them.

use std::net::Ipv4Addr;

/// A machine as the rest of the world sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) region: String,
    pub(crate) zone: String,
    pub(crate) running: bool,
    pub(crate) address: Option<Ipv4Addr>,
}

/// A connection that a machine takes or opens, by its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Flow {
    In(u16),
    Out(u16),
}
