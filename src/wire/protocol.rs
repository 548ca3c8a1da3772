//! What [`super::cloud`] and [`super::serve`] agree on beyond plain HTTP. Sends and receives nothing.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use lifeboat_contract::{WireError, WireFailure};

/// A host that no world has: `GET http://resolve.simulated.invalid/NAME` is answered with the name's addresses, one a line.
pub(super) const RESOLVE_HOST: &str = "resolve.simulated.invalid";

/// Says that the request reached nobody. Other clients see a plain 502.
const SENT: &str = "x-lifeboat-sent";
const REASON: &str = "x-lifeboat-reason";

const REASONS: [(WireFailure, &str); 6] = [
    (WireFailure::Resolve, "resolve"),
    (WireFailure::Connect, "connect"),
    (WireFailure::Tls, "tls"),
    (WireFailure::TimedOut, "timed-out"),
    (WireFailure::Broken, "broken"),
    (WireFailure::Refused, "refused"),
];

/// An error of a request that reached nobody, as a response.
pub(super) fn unsent_response(error: &WireError) -> Response<Full<Bytes>> {
    let reason = REASONS.iter().find(|(reason, _)| *reason == error.reason).map_or("broken", |(_, name)| name);
    let mut response = Response::new(Full::from(error.message.clone()));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.headers_mut().insert(SENT, http::HeaderValue::from_static("no"));
    response.headers_mut().insert(REASON, http::HeaderValue::from_static(reason));
    response
}

/// The error that [`unsent_response`] was made of, where the response is one.
pub(super) fn unsent_error(response: &Response<Bytes>) -> Option<WireError> {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    if response.status() != StatusCode::BAD_GATEWAY || header(SENT) != Some("no") {
        return None;
    }
    let reason = REASONS.iter().find(|(_, name)| header(REASON) == Some(name)).map_or(WireFailure::Broken, |(r, _)| *r);
    Some(WireError::unsent(reason, String::from_utf8_lossy(response.body())))
}
