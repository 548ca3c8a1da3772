//! The Resource Manager as a client sees it, and what becomes of packets. Asks over the wire alone.

mod balancers;
mod data_plane;
mod fixture;
mod meddling;
mod operations;
mod permissions;
mod planes;
mod resources;
