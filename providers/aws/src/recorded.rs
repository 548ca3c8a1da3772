//! A wire for tests that answers each operation with a recorded body, and keeps what was sent.
//!
//! No simulation: it has no state, so it shows which requests the SDKs make and how answers are read, and nothing more.

use crate::connection::{Aws, Credentials};
use bytes::Bytes;
use http::Response;
use lifeboat_contract::{
    Access, Call, Cx, Duplex, Mode, Place, Region, RunContext, Secrets, SiteId, TokioClock, Wire, WireError,
    WireFailure, wire::BoxFuture,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// What one operation is answered with: a status and a body, or a failure of the wire.
pub(crate) type Recorded = Result<(u16, &'static str), WireError>;

#[derive(Debug, Default)]
pub(crate) struct RecordedWire {
    answers: BTreeMap<&'static str, Recorded>,
    sent: Mutex<Vec<Call>>,
}

impl RecordedWire {
    pub(crate) fn new(answers: impl IntoIterator<Item = (&'static str, Recorded)>) -> Arc<Self> {
        Arc::new(Self { answers: answers.into_iter().collect(), sent: Mutex::default() })
    }

    /// Operation, region and body of each write that was sent.
    pub(crate) fn writes(&self) -> Vec<(String, String, String)> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let written = |call: &Call| {
            let body = String::from_utf8_lossy(call.request.body()).into_owned();
            (call.label.operation.clone(), call.label.region.clone().unwrap_or_default(), body)
        };
        sent.iter().filter(|call| call.label.access == Access::Write).map(written).collect()
    }

    /// Operation and region of everything that was sent.
    pub(crate) fn calls(&self) -> BTreeSet<(String, String)> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.iter().map(|call| (call.label.operation.clone(), call.label.region.clone().unwrap_or_default())).collect()
    }
}

impl Wire for RecordedWire {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        let unknown =
            || Err(WireError::unsent(WireFailure::Refused, format!("no recorded answer to {}", call.label.operation)));
        let answer = self.answers.get(call.label.operation.as_str()).cloned().unwrap_or_else(unknown);
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        Box::pin(async move {
            let (status, body) = answer?;
            let kind = if body.starts_with('{') { "application/x-amz-json-1.1" } else { "text/xml" };
            let response = Response::builder().status(status).header("content-type", kind);
            Ok(response.header("x-amzn-requestid", "request-1").body(Bytes::from(body)).unwrap())
        })
    }

    fn connect<'a>(&'a self, host: &'a str, _: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>> {
        Box::pin(async move { Err(WireError::unsent(WireFailure::Refused, host)) })
    }

    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>> {
        Box::pin(async move { Err(WireError::unsent(WireFailure::Refused, host)) })
    }
}

/// A connection over `wire`, and surroundings that hold it. Must be called inside a runtime.
pub(crate) fn surroundings(wire: Arc<RecordedWire>, mode: Mode) -> (Aws, Cx) {
    let clock = Arc::new(TokioClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap(), 1));
    let credentials = Credentials::Fixed { access_key_id: "AKIA".to_owned(), secret_access_key: "secret".to_owned() };
    let aws = Aws::new(wire.clone(), clock.clone(), credentials);
    let mut providers = http::Extensions::new();
    providers.insert(aws.clone());
    let region = Some(Region::from("us-east-1"));
    let run = RunContext {
        mode,
        accepted_loss: None,
        rpo: None,
        impaired: BTreeSet::new(),
        to: SiteId::from("r2"),
        from: SiteId::from("r1"),
        place: Some(Place { provider: "aws".to_owned(), region, account: None }),
    };
    let secrets = Arc::new(Secrets::default());
    let cx = Cx { wire, clock, run: Arc::new(run), providers: Arc::new(providers), secrets };
    (aws, cx)
}
