//! A layer of wire that notes every request, and lets the process die around one of them.
//!
//! Changes no request and no answer: what goes wrong with these is the world's business.

use super::memory::{Death, Disk};
use bytes::Bytes;
use http::Response;
use lifeboat_contract::{Access, Call, CallScope, Duplex, StepId, Wire, WireError, wire::BoxFuture};
use lifeboat_simulated::SimulatedCloud;
use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// A request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub step: Option<StepId>,
    pub service: String,
    pub operation: String,
    pub access: Access,
    /// How much of the journal was durable when it was sent, in bytes.
    pub durable: usize,
    /// The number that the world gave it.
    pub number: u64,
}

#[derive(Debug)]
pub(super) struct Witness {
    pub(super) cloud: Arc<SimulatedCloud>,
    pub(super) death: Arc<Death>,
    pub(super) disk: Disk,
    pub(super) sent: Arc<Mutex<Vec<Sent>>>,
    pub(super) dies_before: Option<u64>,
    pub(super) dies_after: Option<u64>,
}

impl Witness {
    /// Notes a request. Returns its place among those of this life and the ones before.
    fn note(&self, step: Option<StepId>, service: &str, operation: &str, access: Access) -> u64 {
        let durable = self.disk.lock().unwrap_or_else(PoisonError::into_inner).len();
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.cloud.requests() + 1;
        let (service, operation) = (service.to_owned(), operation.to_owned());
        sent.push(Sent { step, service, operation, access, durable, number });
        sent.len() as u64 - 1
    }

    /// The next request's place.
    fn next(&self) -> u64 {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// Never returns once the process is dead, or dies here.
    async fn live_until(&self, place: Option<u64>, at: Option<u64>) {
        if place.is_some() && place == at {
            self.death.die();
        }
        if self.death.has_come() {
            std::future::pending::<()>().await;
        }
    }
}

impl Wire for Witness {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        Box::pin(async move {
            self.live_until(Some(self.next()), self.dies_before).await;
            let label = &call.label;
            let place = self.note(call.scope.step.clone(), &label.service, &label.operation, label.access);
            let answer = self.cloud.send(call).await;
            self.live_until(Some(place), self.dies_after).await;
            answer
        })
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>> {
        Box::pin(async move {
            self.live_until(Some(self.next()), self.dies_before).await;
            let step = CallScope::current().step;
            let place = self.note(step, "tcp", &format!("connect {host}:{port}"), Access::Read);
            let stream = self.cloud.connect(host, port).await;
            self.live_until(Some(place), self.dies_after).await;
            stream
        })
    }

    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>> {
        Box::pin(async move {
            self.live_until(None, None).await;
            self.cloud.resolve(host).await
        })
    }
}
