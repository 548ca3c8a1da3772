//! The audit: one line for each call, beside the journal. Never a body, never a header but the request id.

use bytes::Bytes;
use http::{HeaderMap, Response};
use jiff::Timestamp;
use lifeboat_contract::{
    Access, Call, CallLabel, CallScope, Duplex, Sent, SharedClock, SharedWire, Wire, WireError, clock, wire::BoxFuture,
};
use serde::Serialize;
use std::{
    fmt::Debug,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// Where the lines go.
pub trait AuditSink: Debug + Send + Sync {
    /// Appends one line, which ends in a newline.
    fn append(&self, line: &[u8]) -> io::Result<()>;
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAudit;

impl AuditSink for NoAudit {
    fn append(&self, _line: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// A file that only grows. Not synced: the journal holds what recovery needs.
#[derive(Debug)]
pub struct AuditFile(Mutex<File>);

impl AuditFile {
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)))
    }
}

impl AuditSink for AuditFile {
    fn append(&self, line: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(line)
    }
}

/// Writes one line to a sink after each call.
///
/// A sink that fails does not fail the call: a recovery must not stop because its log is full. [`Audit::failure`] tells.
#[derive(Debug)]
pub struct Audit {
    inner: SharedWire,
    sink: Arc<dyn AuditSink>,
    clock: SharedClock,
    failure: OnceLock<String>,
}

impl Audit {
    pub fn new(inner: SharedWire, sink: Arc<dyn AuditSink>, clock: SharedClock) -> Self {
        Self { inner, sink, clock, failure: OnceLock::new() }
    }

    /// Why lines are missing, where some are.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    fn write(&self, line: &Line<'_>) {
        let mut bytes = serde_json::to_vec(line).expect("an audit line holds strings and numbers only");
        bytes.push(b'\n');
        if let Err(error) = self.sink.append(&bytes) {
            self.failure.get_or_init(|| error.to_string());
        }
    }
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    attempt: u32,
    service: &'a str,
    operation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    access: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// Whether a call without a response may have been sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<&'static str>,
    latency_ms: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn new(
        at: Timestamp,
        latency_ms: u128,
        (label, scope): (&'a CallLabel, &'a CallScope),
        result: &'a Result<Response<Bytes>, WireError>,
    ) -> Self {
        let error = result.as_ref().err();
        Self {
            at,
            step: scope.step.as_ref().map(lifeboat_contract::StepId::as_str),
            attempt: scope.attempt,
            service: &label.service,
            operation: &label.operation,
            region: label.region.as_deref(),
            access: match label.access {
                Access::Read => "read",
                Access::Write => "write",
                Access::Credential => "credential",
            },
            status: result.as_ref().ok().map(|response| response.status().as_u16()),
            error: error.map(|error| error.message.as_str()),
            sent: error.map(|error| match error.sent {
                Sent::No => "no",
                Sent::Maybe => "maybe",
            }),
            latency_ms,
            request_id: result.as_ref().ok().and_then(|response| request_id(response.headers())),
        }
    }
}

/// The provider's id of the call: every provider has a header for it, and all their names end alike.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    let is_id = |name: &str| name.ends_with("requestid") || name.ends_with("request-id");
    headers.iter().find(|(name, _)| is_id(name.as_str())).and_then(|(_, value)| value.to_str().ok())
}

impl Wire for Audit {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        Box::pin(async move {
            let (label, scope) = (call.label.clone(), call.scope.clone());
            let began = self.clock.now();
            let result = self.inner.send(call).await;
            let latency_ms = clock::until(began, self.clock.now()).as_millis();
            self.write(&Line::new(began, latency_ms, (&label, &scope), &result));
            result
        })
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>> {
        self.inner.connect(host, port)
    }

    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>> {
        self.inner.resolve(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::test_wire::{Reply, TestWire, call, virtual_clock};
    use lifeboat_contract::WireFailure;

    #[derive(Debug, Default)]
    struct Lines(Mutex<String>);

    impl AuditSink for Lines {
        fn append(&self, line: &[u8]) -> io::Result<()> {
            self.0.lock().unwrap().push_str(std::str::from_utf8(line).unwrap());
            Ok(())
        }
    }

    #[derive(Debug)]
    struct Full;

    impl AuditSink for Full {
        fn append(&self, _line: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    fn secret_call() -> Call {
        let mut call = call("rds", "https://rds.example/?secret=hunter2");
        call.request.headers_mut().insert("authorization", http::HeaderValue::from_static("hunter2"));
        *call.request.body_mut() = Bytes::from_static(b"hunter2");
        call.label.region = Some("us-east-1".to_owned());
        call.scope.step = Some("promote".into());
        call.scope.attempt = 2;
        call
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_tells_the_call_and_nothing_it_carried() {
        let lines = Arc::new(Lines::default());
        let wire = Arc::new(TestWire::replying(Reply::Echo).after_ms(20));
        Audit::new(wire, lines.clone(), virtual_clock()).send(secret_call()).await.unwrap();
        let failing =
            Arc::new(TestWire::replying(Reply::Fail(WireError::maybe_sent(WireFailure::TimedOut, "no answer"))));
        Audit::new(failing, lines.clone(), virtual_clock()).send(secret_call()).await.unwrap_err();
        let text = lines.0.lock().unwrap().clone();
        let common = concat!(
            r#""step":"promote","attempt":2,"service":"rds","operation":"DescribeThings","#,
            r#""region":"us-east-1","access":"read","#
        );
        let at = r#"{"at":"1970-01-01T00:00:00Z","#;
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                format!(r#"{at}{common}"status":200,"latency_ms":20,"request_id":"id-1"}}"#),
                format!(r#"{at}{common}"error":"no answer","sent":"maybe","latency_ms":0}}"#),
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_disk_fails_no_call() {
        let audit = Audit::new(Arc::new(TestWire::replying(Reply::Echo)), Arc::new(Full), virtual_clock());
        assert_eq!(audit.failure(), None);
        audit.send(secret_call()).await.unwrap();
        assert!(audit.failure().is_some());
    }
}
