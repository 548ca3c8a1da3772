//! What the check and the task over HTTP have in common: URLs and headers, checked and put together. Sends nothing.

use crate::{
    address::{self, AddressPolicy},
    cadence,
    expect::check_header,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use lifeboat_contract::{CallError, Findings, Secret, Secrets, codes};
use std::collections::BTreeMap;

/// The label by which the wire knows that a call is not a cloud's: it then refuses forbidden addresses and cuts the answer.
pub(crate) const SERVICE: &str = "http";

/// Headers that describe the message itself: the wire sets them, and a wrong one would break the request apart.
const FRAMING: [&str; 6] = ["connection", "content-length", "expect", "te", "transfer-encoding", "upgrade"];

/// Parses an absolute http or https URL without credentials in it.
pub(crate) fn target(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|_| format!("{url:?} is not a URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(format!("{url:?} does not start with http:// or https://"));
    }
    if uri.host().is_none_or(|host| address::bare(host).is_empty()) {
        return Err(format!("{url:?} names no host"));
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        // Not quoted: it holds a password.
        return Err("the URL holds credentials: they belong in secret_headers".to_owned());
    }
    Ok(uri)
}

/// Adds an error at `url` where it is none, or leads to where nothing of ours may go.
pub(crate) fn check_url(url: &str, policy: AddressPolicy, findings: &mut Findings) {
    match target(url) {
        Ok(uri) => cadence::check_host("url", uri.host().unwrap_or_default(), policy, findings),
        Err(message) => {
            findings.error(&["url"], codes::BAD_VALUE, message).hint("write it like https://r1.orders.example/healthz");
        }
    }
}

/// Adds an error at each header that cannot be sent as written.
pub(crate) fn check_headers(
    headers: &BTreeMap<String, String>,
    secret_headers: &BTreeMap<String, Secret>,
    findings: &mut Findings,
) {
    let open = headers.iter().map(|(name, value)| ("headers", name, Some(value.as_str())));
    let secret = secret_headers.keys().map(|name| ("secret_headers", name, None));
    for (field, name, value) in open.chain(secret) {
        check_header(&[field, name], name, value, findings);
        if FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing)) {
            findings.error(&[field, name], codes::BAD_VALUE, format!("{name} is set by the connection itself"));
        }
    }
    for name in secret_headers.keys() {
        if headers.keys().any(|open| open.eq_ignore_ascii_case(name)) {
            let message = format!("{name} is given in headers and in secret_headers");
            findings.error(&["secret_headers", name], codes::CONFLICTING_FIELDS, message);
        }
    }
}

/// A request with the headers that every one of ours has.
pub(crate) fn request(method: Method, uri: Uri, body: Bytes) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("lifeboat/", env!("CARGO_PKG_VERSION"))));
    request
}

/// Sets the headers that the runbook gives, secrets looked up only now.
pub(crate) fn set_headers(
    map: &mut HeaderMap,
    headers: &BTreeMap<String, String>,
    secret_headers: &BTreeMap<String, Secret>,
    secrets: &Secrets,
) -> Result<(), CallError> {
    for (name, value) in headers {
        let (name, value) = sendable(name, value)?;
        map.insert(name, value);
    }
    for (name, secret) in secret_headers {
        let (name, mut value) = sendable(name, secrets.reveal(secret)?)?;
        value.set_sensitive(true);
        map.insert(name, value);
    }
    Ok(())
}

fn sendable(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), CallError> {
    let invalid = || CallError::definite(SERVICE, "header.invalid", format!("the header {name} cannot be sent"));
    Ok((
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?,
        HeaderValue::from_str(value).map_err(|_| invalid())?,
    ))
}

/// `503 Service Unavailable`, in our words and not in the server's.
pub(crate) fn status_line(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}
