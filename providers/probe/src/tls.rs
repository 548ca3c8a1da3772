//! TLS over a stream that the wire has opened, with the system's roots or those of a file. Opens no connection itself.

use lifeboat_contract::{Duplex, WireError, WireFailure};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use std::{io, path::PathBuf, sync::Arc};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A client that trusts the certificates in `ca_file`, in PEM, or else the system's.
///
/// Reads them anew each time: a file that was mended meanwhile counts at the next try.
pub(crate) async fn client(ca_file: Option<PathBuf>) -> Result<TlsConnector, WireError> {
    let loaded = tokio::task::spawn_blocking(move || match ca_file {
        Some(path) => {
            from_file(&path).map_err(|why| format!("no certificate can be read from {}: {why}", path.display()))
        }
        None => from_system().map_err(|why| format!("the system's root certificates cannot be loaded: {why}")),
    });
    let roots = loaded.await.map_err(|error| error.to_string()).flatten();
    roots.and_then(config).map(TlsConnector::from).map_err(|why| WireError::unsent(WireFailure::Tls, why))
}

fn from_file(path: &std::path::Path) -> Result<RootCertStore, String> {
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("there is none in it".to_owned()) } else { Ok(roots) }
}

fn from_system() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Systems ship certificates that nobody can parse any more; one good one is enough.
    roots.add_parsable_certificates(found.certs);
    match found.errors.first() {
        _ if !roots.is_empty() => Ok(roots),
        Some(error) => Err(error.to_string()),
        None => Err("there are none".to_owned()),
    }
}

fn config(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    // Given explicitly: rustls takes a process-wide default otherwise, which whoever comes first decides.
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// The name that the peer's certificate must be valid for: a host name or an address.
pub(crate) fn server_name(name: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).ok()
}

/// Shakes hands over `stream`.
pub(crate) async fn secured(
    client: &TlsConnector,
    name: ServerName<'static>,
    stream: Box<dyn Duplex>,
) -> Result<TlsStream<Box<dyn Duplex>>, WireError> {
    let host = name.to_str().into_owned();
    client.connect(name, stream).await.map_err(|error| handshake_failure(&host, &error))
}

/// Classifies a handshake that did not succeed.
///
/// Only what the peer's certificate or version makes impossible is a TLS failure, which nobody repeats. A peer that hangs up or
/// sends an alert amid the handshake may be starting: that is a failure to connect.
fn handshake_failure(host: &str, error: &io::Error) -> WireError {
    let tls = error.get_ref().and_then(|carried| carried.downcast_ref::<rustls::Error>());
    let reason = match tls {
        Some(rustls::Error::AlertReceived(_)) | None => WireFailure::Connect,
        Some(_) => WireFailure::Tls,
    };
    let why = tls.map_or_else(|| error.to_string(), ToString::to_string);
    WireError::unsent(reason, format!("no TLS connection to {host}: {why}"))
}
