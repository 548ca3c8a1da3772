//! How bytes reach a cloud. Every call goes through a [`Wire`]: the SDKs, the HTTP and the TCP checks.
//!
//! Layers are small structs around an `Arc<dyn Wire>`. Nothing here retries: the engine is the one layer that does.

use crate::ids::StepId;
use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use std::{fmt::Debug, net::IpAddr, sync::Arc, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};

pub use futures_util::future::BoxFuture;

/// How long a connection may take to open, and how long one call may take altogether.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
pub const CALL_TIMEOUT: Duration = Duration::from_secs(8);

pub type SharedWire = Arc<dyn Wire>;

pub trait Wire: Debug + Send + Sync {
    /// Sends one request and returns its whole response, or says whether it may have been sent.
    ///
    /// The call's deadline is enforced inside the wire, so that the phase in which it passed is known.
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>>;

    /// Opens a byte stream to `host:port`.
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>>;

    /// Resolves a host name to its addresses.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>>;
}

/// A byte stream in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Debug + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Debug + Send + Unpin> Duplex for T {}

/// One request on its way to a cloud. The URI is absolute.
#[derive(Debug, Clone)]
pub struct Call {
    pub request: Request<Bytes>,
    pub label: CallLabel,
    pub scope: CallScope,
}

/// What a call is, in the provider's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLabel {
    /// The provider's name of the service: `rds`, `ec2`, `http`.
    pub service: String,
    /// The provider's name of the operation: `DescribeGlobalClusters`.
    pub operation: String,
    /// The region whose control plane answers, where there is one.
    pub region: Option<String>,
    pub access: Access,
}

/// What a call may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The provider's table marks the operation as a read.
    Read,
    /// Everything else.
    Write,
    /// Fetches credentials, and changes nothing that a step owns.
    Credential,
}

/// On whose behalf a call is made: set by the engine around every observation, drive and try of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallScope {
    pub step: Option<StepId>,
    pub attempt: u32,
    /// No call of this scope may be in flight after this moment.
    pub deadline: Option<Timestamp>,
}

tokio::task_local! {
    static SCOPE: CallScope;
}

impl CallScope {
    /// Runs `future` with this scope on every call it makes.
    pub async fn enclose<F: Future>(self, future: F) -> F::Output {
        SCOPE.scope(self, future).await
    }

    /// The scope that encloses the caller, or an empty one.
    pub fn current() -> Self {
        SCOPE.try_with(Clone::clone).unwrap_or_default()
    }
}

/// Why a call yielded no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WireError {
    /// Whether the request may have reached the provider.
    pub sent: Sent,
    pub reason: WireFailure,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Not sent: nothing can have changed.
    No,
    /// It may have been sent, and may have taken effect, or may yet.
    Maybe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFailure {
    Resolve,
    Connect,
    Tls,
    /// The deadline passed.
    TimedOut,
    /// The connection broke while the call was under way.
    Broken,
    /// A layer of ours refused to send it (read-only guard, missing credentials).
    Refused,
}

impl WireError {
    pub fn unsent(reason: WireFailure, message: impl Into<String>) -> Self {
        Self { sent: Sent::No, reason, message: message.into() }
    }

    pub fn maybe_sent(reason: WireFailure, message: impl Into<String>) -> Self {
        Self { sent: Sent::Maybe, reason, message: message.into() }
    }
}
