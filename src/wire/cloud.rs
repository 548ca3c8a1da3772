//! A simulated cloud in another process (`--cloud http://127.0.0.1:4566`): every call goes there, whatever host it names.
//!
//! Requests go in absolute form and unencrypted, as to a proxy that ends TLS itself. Nothing reaches the real network.

use super::{
    body::{self, RESPONSE_MAX},
    budget::{seconds, time_left},
    dial::dial,
    protocol::{self, RESOLVE_HOST},
};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header, uri::Scheme};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use lifeboat_contract::{
    Call, CallScope, Duplex, SharedClock, Wire, WireError, WireFailure, clock,
    wire::{BoxFuture, CALL_TIMEOUT, CONNECT_TIMEOUT},
};
use std::{net::IpAddr, time::Duration};
use tokio::time::timeout;

/// Sends every call to one address, which answers for the whole world.
///
/// Each call opens a connection of its own: over loopback that costs nothing, and what was sent is never in doubt.
#[derive(Debug)]
pub struct Cloud {
    host: String,
    port: u16,
    clock: SharedClock,
}

/// An address that no simulated cloud can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the address of a simulated cloud; write it like http://127.0.0.1:4566")]
pub struct BadCloudAddress(String);

impl Cloud {
    /// A cloud at `address`: `http://127.0.0.1:4566`.
    pub fn at(address: &str, clock: SharedClock) -> Result<Self, BadCloudAddress> {
        let bad = || BadCloudAddress(address.to_owned());
        let uri: Uri = address.parse().map_err(|_| bad())?;
        if uri.scheme() != Some(&Scheme::HTTP) || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad());
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(bad)?.to_owned();
        Ok(Self { host, port: uri.port_u16().unwrap_or(80), clock })
    }

    /// Opens a connection. Every error is unsent.
    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, WireError> {
        let stream = dial(&self.host, self.port, None).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| {
            WireError::unsent(WireFailure::Connect, format!("no connection to the simulated cloud: {error}"))
        })?;
        // Ends with the sender, or with the stream that a CONNECT makes of it. Its errors reach the sender.
        tokio::spawn(connection.with_upgrades());
        Ok(sender)
    }

    /// Connects, then sends, so that the phase in which the deadline passes is known.
    async fn begin(&self, request: Request<Full<Bytes>>, scope: &CallScope) -> Result<Response<Incoming>, WireError> {
        let left = time_left(&self.clock, scope, CONNECT_TIMEOUT)?;
        let mut sender = timeout(left, self.open()).await.unwrap_or_else(|_| {
            let message = format!("no connection to the simulated cloud within {}", seconds(left));
            Err(WireError::unsent(WireFailure::TimedOut, message))
        })?;
        let left = time_left(&self.clock, scope, CALL_TIMEOUT)?;
        let sent = timeout(left, sender.send_request(request)).await.map_err(|_| silent(left))?;
        sent.map_err(|error| {
            WireError::maybe_sent(WireFailure::Broken, format!("the simulated cloud gave no answer: {error}"))
        })
    }

    async fn exchange(&self, request: Request<Full<Bytes>>, scope: &CallScope) -> Result<Response<Bytes>, WireError> {
        let scope = self.bounded(scope);
        let response = self.begin(request, &scope).await?;
        let left = time_left(&self.clock, &scope, CALL_TIMEOUT).map_err(|_| silent(Duration::ZERO))?;
        let response = timeout(left, body::read(response, RESPONSE_MAX)).await.map_err(|_| silent(left))??;
        protocol::unsent_error(&response).map_or(Ok(response), Err)
    }

    /// Opens a stream by CONNECT. Every error is unsent: no byte of the caller's has left.
    async fn tunnel(&self, host: &str, port: u16) -> Result<Box<dyn Duplex>, WireError> {
        let unconnected =
            |why: &str| WireError::unsent(WireFailure::Connect, format!("no connection to {host} port {port}: {why}"));
        let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let request = Request::builder()
            .method(Method::CONNECT)
            .uri(&authority)
            .header(header::HOST, &authority)
            .body(Full::default())
            .map_err(|_| unconnected("it is not a host name"))?;
        let response = self.begin(request, &CallScope::current()).await.map_err(unsent)?;
        if response.status() == StatusCode::OK {
            let upgraded = hyper::upgrade::on(response).await.map_err(|error| unconnected(&error.to_string()))?;
            return Ok(Box::new(TokioIo::new(upgraded)));
        }
        let response = body::read(response, RESPONSE_MAX).await.map_err(unsent)?;
        Err(protocol::unsent_error(&response).unwrap_or_else(|| unconnected(&response.status().to_string())))
    }

    /// `scope` with a deadline that all phases of one call share.
    fn bounded(&self, scope: &CallScope) -> CallScope {
        let latest = clock::after(self.clock.now(), CALL_TIMEOUT);
        CallScope { deadline: Some(scope.deadline.map_or(latest, |deadline| deadline.min(latest))), ..scope.clone() }
    }
}

fn silent(left: Duration) -> WireError {
    let message = format!("the simulated cloud did not answer within {}", seconds(left));
    WireError::maybe_sent(WireFailure::TimedOut, message)
}

/// The error of something that changes nothing, whatever became of it.
fn unsent(error: WireError) -> WireError {
    WireError::unsent(error.reason, error.message)
}

impl Wire for Cloud {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        Box::pin(async move {
            let mut request = call.request.map(Full::new);
            let Some(authority) = request.uri().scheme().and(request.uri().authority()) else {
                let message = format!("{} is not an absolute URI", request.uri());
                return Err(WireError::unsent(WireFailure::Refused, message));
            };
            let host = HeaderValue::from_str(authority.as_str()).map_err(|error| {
                WireError::unsent(WireFailure::Refused, format!("{authority} cannot be sent as a host: {error}"))
            })?;
            request.headers_mut().entry(header::HOST).or_insert(host);
            self.exchange(request, &call.scope).await
        })
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>> {
        Box::pin(async move {
            let left = time_left(&self.clock, &CallScope::current(), CALL_TIMEOUT)?;
            timeout(left, self.tunnel(host, port)).await.unwrap_or_else(|_| {
                let message = format!("no connection to {host} port {port} within {}", seconds(left));
                Err(WireError::unsent(WireFailure::Connect, message))
            })
        })
    }

    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>> {
        Box::pin(async move {
            let unresolved =
                |why: &str| WireError::unsent(WireFailure::Resolve, format!("{host} has no address: {why}"));
            let request = Request::get(format!("http://{RESOLVE_HOST}/{host}"))
                .header(header::HOST, RESOLVE_HOST)
                .body(Full::default())
                .map_err(|_| unresolved("it is not a host name"))?;
            let response = self.exchange(request, &CallScope::current()).await.map_err(unsent)?;
            let text = String::from_utf8_lossy(response.body());
            if response.status() != StatusCode::OK {
                return Err(unresolved(text.trim()));
            }
            let addresses: Result<Vec<IpAddr>, _> = text.lines().map(|line| line.trim().parse()).collect();
            match addresses {
                Ok(addresses) if !addresses.is_empty() => Ok(addresses),
                _ => Err(unresolved("the simulated cloud's answer holds none")),
            }
        })
    }
}
