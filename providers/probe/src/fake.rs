//! A wire in memory for this crate's tests: one fixed outcome after a virtual pause. It imitates no cloud.

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use lifeboat_contract::{Call, Cx, Duplex, Mode, RunContext, Secrets, TokioClock, Wire, WireError, wire::BoxFuture};
use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

#[derive(Debug, Clone)]
pub(crate) struct FakeWire {
    outcome: Result<Response<Bytes>, WireError>,
    addresses: Vec<IpAddr>,
    pause: Duration,
    calls: Arc<Mutex<Vec<Call>>>,
    connected: Arc<Mutex<Vec<String>>>,
    /// What the next connection is, where a test plays the far end of it.
    stream: Arc<Mutex<Option<Box<dyn Duplex>>>>,
}

impl FakeWire {
    fn with(outcome: Result<Response<Bytes>, WireError>) -> Self {
        Self {
            outcome,
            addresses: vec!["203.0.113.7".parse().unwrap()],
            pause: Duration::ZERO,
            calls: Arc::default(),
            connected: Arc::default(),
            stream: Arc::default(),
        }
    }

    pub(crate) fn answering(status: u16, body: &str) -> Self {
        Self::with(Ok(Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap()))
    }

    pub(crate) fn responding(response: Response<Bytes>) -> Self {
        Self::with(Ok(response))
    }

    /// A wire whose one connection is `stream`.
    pub(crate) fn streaming(stream: impl Duplex + 'static) -> Self {
        let wire = Self::answering(200, "");
        *wire.stream.lock().unwrap() = Some(Box::new(stream));
        wire
    }

    pub(crate) fn failing(error: WireError) -> Self {
        Self::with(Err(error))
    }

    pub(crate) fn at(mut self, address: &str) -> Self {
        self.addresses = vec![address.parse().unwrap()];
        self
    }

    pub(crate) fn after_ms(mut self, pause_ms: u64) -> Self {
        self.pause = Duration::from_millis(pause_ms);
        self
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn only_call(&self) -> Call {
        let mut calls = self.calls();
        assert_eq!(calls.len(), 1, "one try sends one request");
        calls.remove(0)
    }

    pub(crate) fn connected(&self) -> Vec<String> {
        self.connected.lock().unwrap().clone()
    }
}

impl Wire for FakeWire {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        Box::pin(async move {
            self.calls.lock().unwrap().push(call);
            tokio::time::sleep(self.pause).await;
            self.outcome.clone()
        })
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>> {
        Box::pin(async move {
            tokio::time::sleep(self.pause).await;
            self.outcome.clone()?;
            self.connected.lock().unwrap().push(format!("{host}:{port}"));
            let stream = self.stream.lock().unwrap().take();
            Ok(stream.unwrap_or_else(|| Box::new(tokio::io::duplex(64).0) as Box<dyn Duplex>))
        })
    }

    fn resolve<'a>(&'a self, _host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>> {
        Box::pin(async move { Ok(self.addresses.clone()) })
    }
}

/// The surroundings of a step whose cloud is `wire`.
pub(crate) fn cx(wire: &FakeWire) -> Cx {
    cx_with(wire, Secrets::default())
}

pub(crate) fn cx_with_secret(wire: &FakeWire, name: &str, value: &str) -> Cx {
    cx_with(wire, Secrets::new([(name.to_owned(), value.to_owned())].into()))
}

fn cx_with(wire: &FakeWire, secrets: Secrets) -> Cx {
    Cx {
        wire: Arc::new(wire.clone()),
        clock: Arc::new(TokioClock::starting_at(Timestamp::UNIX_EPOCH, 1)),
        run: Arc::new(RunContext {
            mode: Mode::Switchover,
            accepted_loss: None,
            rpo: None,
            impaired: std::collections::BTreeSet::new(),
            to: "r2".into(),
            from: "r1".into(),
            place: None,
        }),
        providers: Arc::default(),
        secrets: Arc::new(secrets),
    }
}
