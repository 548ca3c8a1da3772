//! EKS in one region: clusters, their managed node groups, and the updates of these.
//!
//! A node group's machines are launched by a group of Auto Scaling that has its sizes. No Kubernetes runs on them.

mod describe;
mod nodegroups;
mod operations;
mod state;

pub(crate) use operations::operation;
pub(crate) use state::{Cluster, Eks, Nodegroup};
