//! A layer of wire that notes every request, and lets the process die around one of them.
//!
//! Changes no request and no answer: what goes wrong with these is the world's business.

use super::life::Life;
use bytes::Bytes;
use http::Response;
use lifeboat_contract::{Access, Call, CallScope, Duplex, StepId, Wire, WireError, wire::BoxFuture};
use std::{net::IpAddr, sync::Arc};

/// A request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub step: Option<StepId>,
    pub service: String,
    pub operation: String,
    pub access: Access,
    /// How much of the journal was durable when it was sent, in bytes.
    pub durable: usize,
}

#[derive(Debug)]
pub(super) struct Witness(pub(super) Arc<Life>);

impl Witness {
    /// Notes a request. Returns its place among those of this life and the ones before.
    fn note(&self, step: Option<StepId>, service: &str, operation: &str, access: Access) -> u64 {
        let durable = self.0.around.disk().len();
        let mut sent = self.0.around.sent();
        let (service, operation) = (service.to_owned(), operation.to_owned());
        sent.push(Sent { step, service, operation, access, durable });
        sent.len() as u64 - 1
    }

    /// Lets strike what strikes before the next request. Never returns once the process is dead.
    async fn before_next(&self) {
        let place = self.0.around.sent().len() as u64;
        if !self.0.is_over() {
            self.0.before_request(place);
        }
        self.alive().await;
    }

    async fn after(&self, place: u64) {
        self.0.after_request(place);
        self.alive().await;
    }

    async fn alive(&self) {
        if self.0.is_over() {
            std::future::pending::<()>().await;
        }
    }
}

impl Wire for Witness {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        Box::pin(async move {
            self.before_next().await;
            let label = &call.label;
            let (step, access) = (call.scope.step.clone(), label.access);
            let place = self.note(step.clone(), &label.service, &label.operation, access);
            let around = &self.0.around;
            around.log().before_call(&around.cloud, access, step.as_ref());
            let answer = around.cloud.send(call).await;
            around.log().after_call(&around.cloud, access, step.as_ref());
            self.after(place).await;
            answer
        })
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>> {
        Box::pin(async move {
            self.before_next().await;
            let step = CallScope::current().step;
            let place = self.note(step, "tcp", &format!("connect {host}:{port}"), Access::Read);
            let stream = self.0.around.cloud.connect(host, port).await;
            self.after(place).await;
            stream
        })
    }

    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>> {
        Box::pin(async move {
            self.alive().await;
            self.0.around.cloud.resolve(host).await
        })
    }
}
