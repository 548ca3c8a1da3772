//! The HTTP client's way out: a TCP connection, and TLS over it for https. Sends no request itself.

use super::dial::dial;
use http::{Uri, uri::Scheme};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use lifeboat_contract::{WireError, WireFailure, wire::BoxFuture};
use lifeboat_probe::address::AddressPolicy;
use rustls::{ClientConfig, crypto::ring};
use std::{
    error::Error,
    fmt, io,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{net::TcpStream, sync::OnceCell};
use tower_service::Service;

/// The trusted certificates, loaded when the first https call needs them: the files take longer than everything else at start.
#[derive(Clone, Default)]
pub(super) struct Trust(Arc<OnceCell<Arc<ClientConfig>>>);

impl Trust {
    async fn config(&self) -> Result<Arc<ClientConfig>, WireError> {
        let load = || async {
            let loaded = tokio::task::spawn_blocking(load).await.map_err(|error| error.to_string())?;
            loaded.map(Arc::new).map_err(|error| error.to_string())
        };
        self.0.get_or_try_init(load).await.cloned().map_err(|why: String| {
            WireError::unsent(WireFailure::Tls, format!("the system's root certificates cannot be loaded: {why}"))
        })
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.initialized() { "Trust(loaded)" } else { "Trust(not loaded yet)" })
    }
}

fn load() -> Result<ClientConfig, Box<dyn Error + Send + Sync>> {
    // Given explicitly: rustls takes a process-wide default otherwise, which whoever comes first decides.
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Ok(builder.with_safe_default_protocol_versions()?.with_native_roots()?.with_no_client_auth())
}

/// Opens connections for one kind of call: with a policy for checks, without one for clouds.
#[derive(Debug, Clone)]
pub(super) struct Door {
    tcp: TcpDoor,
    trust: Trust,
}

impl Door {
    pub(super) fn new(policy: Option<AddressPolicy>, trust: Trust) -> Self {
        Self { tcp: TcpDoor { policy }, trust }
    }
}

impl Service<Uri> for Door {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = WireError;
    type Future = BoxFuture<'static, Result<Self::Response, WireError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), WireError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Self { mut tcp, trust } = self.clone();
        Box::pin(async move {
            if uri.scheme() != Some(&Scheme::HTTPS) {
                return tcp.call(uri).await.map(MaybeHttpsStream::Http);
            }
            let config = trust.config().await?;
            let host = uri.host().unwrap_or_default().to_owned();
            HttpsConnector::from((tcp, config)).call(uri).await.map_err(|error| handshake_failure(&host, &*error))
        })
    }
}

/// The TCP part alone, as the TLS connector wants it.
#[derive(Debug, Clone)]
struct TcpDoor {
    policy: Option<AddressPolicy>,
}

impl Service<Uri> for TcpDoor {
    type Response = TokioIo<TcpStream>;
    type Error = WireError;
    type Future = BoxFuture<'static, Result<Self::Response, WireError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), WireError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let policy = self.policy;
        Box::pin(async move {
            let default_port = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
            let host = uri.host().unwrap_or_default();
            dial(host, uri.port_u16().unwrap_or(default_port), policy).await.map(TokioIo::new)
        })
    }
}

/// Classifies a connection that did not open.
///
/// Only what the peer's certificate or version makes impossible is a TLS failure, which nobody repeats. A peer that hangs up or
/// sends an alert amid the handshake may be starting: that is a failure to connect.
fn handshake_failure(host: &str, error: &(dyn Error + Send + Sync + 'static)) -> WireError {
    if let Some(wire) = find::<WireError>(error) {
        return wire.clone();
    }
    let (reason, why) = match find::<rustls::Error>(error) {
        Some(tls @ rustls::Error::AlertReceived(_)) => (WireFailure::Connect, tls.to_string()),
        Some(tls) => (WireFailure::Tls, tls.to_string()),
        None => (WireFailure::Connect, error.to_string()),
    };
    WireError::unsent(reason, format!("no TLS connection to {host}: {why}"))
}

/// The first error of type `E` in the chain below `error`, `error` included.
pub(super) fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // An io::Error hides the error it carries: its `source` is that error's source.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_certificate_is_final_and_a_hang_up_is_not() {
        let classify = |error: io::Error| handshake_failure("h", &io::Error::other(error)).reason;
        let certificate = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        assert_eq!(classify(io::Error::new(io::ErrorKind::InvalidData, certificate)), WireFailure::Tls);
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::InternalError);
        assert_eq!(classify(io::Error::new(io::ErrorKind::InvalidData, alert)), WireFailure::Connect);
        assert_eq!(classify(io::Error::new(io::ErrorKind::UnexpectedEof, "eof")), WireFailure::Connect);
    }
}
