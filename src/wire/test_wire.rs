//! A wire in memory for this module's tests: it answers the same each time, and remembers what it was asked.

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use lifeboat_contract::{
    Access, Call, CallLabel, CallScope, Duplex, SharedClock, SystemClock, TokioClock, Wire, WireError, wire::BoxFuture,
};
use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::{Semaphore, watch};

#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// 200 with the request's body, its URI and a request id; streams and names echo as well.
    Echo,
    Status(u16),
    Fail(WireError),
    Hang,
    /// As `Echo`, once the gate is open.
    Gate,
}

#[derive(Debug)]
pub(super) struct TestWire {
    reply: Reply,
    pause: Duration,
    calls: Mutex<Vec<Call>>,
    connected: Mutex<Vec<String>>,
    gate: Semaphore,
    called: watch::Sender<usize>,
    finished: watch::Sender<usize>,
}

impl TestWire {
    pub(super) fn replying(reply: Reply) -> Self {
        Self {
            reply,
            pause: Duration::ZERO,
            calls: Mutex::default(),
            connected: Mutex::default(),
            gate: Semaphore::new(0),
            called: watch::Sender::new(0),
            finished: watch::Sender::new(0),
        }
    }

    pub(super) fn open_gate(&self) {
        self.gate.add_permits(1);
    }

    pub(super) async fn until_called(&self, times: usize) {
        reached(&self.called, times).await;
    }

    pub(super) async fn until_finished(&self, times: usize) {
        reached(&self.finished, times).await;
    }

    pub(super) fn after_ms(mut self, pause_ms: u64) -> Self {
        self.pause = Duration::from_millis(pause_ms);
        self
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub(super) fn only_call(&self) -> Call {
        let mut calls = self.calls();
        assert_eq!(calls.len(), 1);
        calls.remove(0)
    }

    pub(super) fn connected(&self) -> Vec<String> {
        self.connected.lock().unwrap().clone()
    }

    async fn outcome(&self) -> Result<(), WireError> {
        match &self.reply {
            Reply::Echo | Reply::Status(_) | Reply::Gate => Ok(()),
            Reply::Fail(error) => Err(error.clone()),
            Reply::Hang => std::future::pending().await,
        }
    }
}

impl Wire for TestWire {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        Box::pin(async move {
            self.calls.lock().unwrap().push(call.clone());
            self.called.send_modify(|called| *called += 1);
            if matches!(self.reply, Reply::Gate) {
                self.gate.acquire().await.unwrap().forget();
            }
            if !self.pause.is_zero() {
                tokio::time::sleep(self.pause).await;
            }
            self.outcome().await?;
            self.finished.send_modify(|finished| *finished += 1);
            let status = if let Reply::Status(status) = self.reply { status } else { 200 };
            Ok(Response::builder()
                .status(status)
                .header("x-uri", call.request.uri().to_string())
                .header("x-amzn-requestid", "id-1")
                .body(call.request.into_body())
                .unwrap())
        })
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>> {
        Box::pin(async move {
            self.outcome().await?;
            self.connected.lock().unwrap().push(format!("{host} {port}"));
            let (near, far) = tokio::io::duplex(64);
            tokio::spawn(async move {
                let (mut reader, mut writer) = tokio::io::split(far);
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
            });
            Ok(Box::new(near) as Box<dyn Duplex>)
        })
    }

    fn resolve<'a>(&'a self, _host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>> {
        Box::pin(async move {
            self.outcome().await?;
            Ok(vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()])
        })
    }
}

async fn reached(count: &watch::Sender<usize>, times: usize) {
    let mut count = count.subscribe();
    let reached = count.wait_for(|count| *count >= times);
    tokio::time::timeout(Duration::from_secs(10), reached).await.expect("the call gets there").unwrap();
}

/// A read of `service` at `url`, outside any step.
pub(super) fn call(service: &str, url: &str) -> Call {
    Call {
        request: Request::get(url).body(Bytes::new()).unwrap(),
        label: CallLabel {
            service: service.to_owned(),
            operation: "DescribeThings".to_owned(),
            region: None,
            access: Access::Read,
        },
        scope: CallScope::default(),
    }
}

pub(super) fn system_clock() -> SharedClock {
    Arc::new(SystemClock)
}

/// A clock that follows the paused runtime, from the epoch.
pub(super) fn virtual_clock() -> SharedClock {
    Arc::new(TokioClock::starting_at(Timestamp::UNIX_EPOCH, 1))
}
