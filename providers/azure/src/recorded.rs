//! A wire for tests that answers each operation with recorded bodies, one after another, and keeps what was sent.
//!
//! No simulation: it has no state, so it shows which requests are made and how answers are read, and nothing more.

use crate::{
    connection::Azure,
    credentials::{Credentials, Environment},
    environment::CloudEnvironment,
};
use bytes::Bytes;
use http::Response;
use lifeboat_contract::{
    Access, Call, Cx, Duplex, Mode, Place, Region, RunContext, Secrets, SiteId, TokioClock, Wire, WireError,
    WireFailure, wire::BoxFuture,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// What one call is answered with: a status, headers and a body, or a failure of the wire.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
    failure: Option<WireError>,
}

pub(crate) fn ok(body: Value) -> Recorded {
    answer(200, body)
}

/// A null body is an empty one.
pub(crate) fn answer(status: u16, body: Value) -> Recorded {
    Recorded { status, headers: Vec::new(), body, failure: None }
}

impl Recorded {
    pub(crate) fn cut(failure: WireError) -> Self {
        Self { failure: Some(failure), ..answer(0, Value::Null) }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// A write that was sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written {
    pub(crate) operation: String,
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
}

/// Answers by operation, or by operation and resource name where both are given: `NetworkInterfaces_Get a`.
#[derive(Debug, Default)]
pub(crate) struct RecordedWire {
    answers: Mutex<BTreeMap<String, Vec<Recorded>>>,
    sent: Mutex<Vec<Call>>,
}

impl RecordedWire {
    /// Each operation's answers in order; the last one is given again and again.
    pub(crate) fn new(answers: impl IntoIterator<Item = (&'static str, Vec<Recorded>)>) -> Arc<Self> {
        let answers = answers.into_iter().map(|(key, list)| (key.to_owned(), list)).collect();
        Arc::new(Self { answers: Mutex::new(answers), sent: Mutex::default() })
    }

    fn sent(&self) -> Vec<Call> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn writes(&self) -> Vec<Written> {
        let written = |call: &Call| {
            let header = |name: &str| call.request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            Written {
                operation: call.label.operation.clone(),
                path: call.request.uri().path().to_owned(),
                body: serde_json::from_slice(call.request.body()).unwrap_or_default(),
                if_match: header("if-match"),
                if_none_match: header("if-none-match"),
            }
        };
        self.sent().iter().filter(|call| call.label.access == Access::Write).map(written).collect()
    }

    /// Operation and region of everything that was sent.
    pub(crate) fn calls(&self) -> Vec<(String, String)> {
        let region = |call: &Call| call.label.region.clone().unwrap_or_default();
        self.sent().iter().map(|call| (call.label.operation.clone(), region(call))).collect()
    }

    /// The addresses that an operation was sent to.
    pub(crate) fn urls(&self, operation: &str) -> Vec<String> {
        let of = |call: &&Call| call.label.operation == operation;
        self.sent().iter().filter(of).map(|call| call.request.uri().to_string()).collect()
    }

    /// What each call of an operation was labelled to do.
    pub(crate) fn accesses(&self, operation: &str) -> Vec<Access> {
        let of = |call: &&Call| call.label.operation == operation;
        self.sent().iter().filter(of).map(|call| call.label.access).collect()
    }

    pub(crate) fn requests(&self) -> Vec<http::Request<Bytes>> {
        self.sent().into_iter().map(|call| call.request).collect()
    }

    fn next(&self, call: &Call) -> Recorded {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let name = call.request.uri().path().rsplit('/').next().unwrap_or_default();
        let own = format!("{} {name}", call.label.operation);
        let key = if answers.contains_key(&own) { own } else { call.label.operation.clone() };
        match answers.get_mut(&key) {
            Some(list) if list.len() > 1 => list.remove(0),
            Some(list) if !list.is_empty() => list[0].clone(),
            _ => {
                let message = format!("no recorded answer to {key}");
                Recorded::cut(WireError::unsent(WireFailure::Refused, message))
            }
        }
    }
}

impl Wire for RecordedWire {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        let recorded = self.next(&call);
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        Box::pin(async move {
            if let Some(failure) = recorded.failure {
                return Err(failure);
            }
            let mut response = Response::builder().status(recorded.status).header("content-type", "application/json");
            for (name, value) in recorded.headers {
                response = response.header(name, value);
            }
            let body = if recorded.body.is_null() { String::new() } else { recorded.body.to_string() };
            Ok(response.body(Bytes::from(body)).unwrap())
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
pub(crate) fn surroundings(wire: Arc<RecordedWire>, mode: Mode) -> (Azure, Cx) {
    connected(wire, mode, Credentials::Fixed, |_| None)
}

/// As [`surroundings`], with credentials and environment variables of the test's choice.
pub(crate) fn connected(
    wire: Arc<RecordedWire>,
    mode: Mode,
    credentials: Credentials,
    environment: Environment,
) -> (Azure, Cx) {
    let clock = Arc::new(TokioClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap(), 1));
    let cloud = CloudEnvironment::public();
    let azure = Azure::reading(environment, wire.clone(), clock.clone(), cloud, credentials);
    let mut providers = http::Extensions::new();
    providers.insert(azure.clone());
    let run = RunContext {
        mode,
        accepted_loss: None,
        rpo: None,
        impaired: BTreeSet::new(),
        to: SiteId::from("b"),
        from: SiteId::from("a"),
        place: Some(Place { provider: "azure".to_owned(), region: Some(Region::from("eastus")), account: None }),
    };
    let secrets = Arc::new(Secrets::default());
    let cx = Cx { wire, clock, run: Arc::new(run), providers: Arc::new(providers), secrets };
    (azure, cx)
}
