//! The simulated cloud: a world of resources behind the providers' real wire formats.
//!
//! A [`World`] is a plain value that moves forward in time and answers requests; [`SimulatedCloud`] is the thin async shell
//! that makes it a wire. The simulation knows nothing of steps, and no step knows that it is simulated.

mod acm;
mod answer;
mod autoscaling;
mod azure;
mod build;
mod cloud;
mod cloudwatch;
mod codec;
mod conversation;
mod document;
mod ec2;
mod efs;
mod eks;
mod elasticache;
mod elbv2;
mod fault;
mod globalaccelerator;
mod iam;
mod ids;
mod incident;
mod injection;
mod machine;
mod meddle;
mod outlook;
mod pace;
mod rds;
mod reach;
mod scaled;
mod secretsmanager;
mod servicequotas;
mod shape;
mod shell;
mod sts;
mod traffic;
mod wildcard;
mod world;

#[cfg(test)]
mod tests;

pub use answer::{Answer, Opening, Reply};
pub use document::PlanesDocument as Planes;
pub use document::*;
pub use injection::Injected;
pub use meddle::Meddling;
pub use shell::{Keep, SimulatedCloud};
pub use traffic::{
    ClientFigures, EngineFigures, Figures, Lag, Misled, Occurrence, Peer, PingFigures, Series, Share, WatchedFigures,
};
pub use world::World;
