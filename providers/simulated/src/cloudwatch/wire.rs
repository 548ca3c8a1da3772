//! How a `CloudWatch` call comes in: RPC v2 with CBOR, JSON 1.0, or query. Knows no operation.

use super::input;
use crate::codec::{ApiError, Protocol, decode_cbor, namespace};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

const PREFIX: &str = "GraniteServiceVersion20100801";

/// A call, whichever protocol it came in.
pub(crate) struct Request {
    pub(crate) protocol: Protocol,
    pub(crate) operation: String,
    /// The input as JSON; times are seconds since the epoch. Or why the body can't be read.
    pub(crate) input: Result<Value, ApiError>,
}

impl Request {
    pub(crate) fn read(path: &str, headers: &HeaderMap, body: &Bytes) -> Self {
        let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let named = target.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
        match Protocol::spoken(headers, Protocol::Query(namespace::MONITORING)) {
            Protocol::Cbor => {
                let operation = path.strip_prefix(&format!("/service/{PREFIX}/operation/")).unwrap_or_default();
                Self { protocol: Protocol::Cbor, operation: operation.to_owned(), input: decode_cbor(body) }
            }
            protocol @ (Protocol::Json10 | Protocol::Json11) => {
                Self { protocol, operation: named.to_owned(), input: read_json(body) }
            }
            protocol => {
                let input = input::from_query(body);
                let operation = input.get("Action").and_then(Value::as_str).unwrap_or_default().to_owned();
                Self { protocol, operation, input: Ok(input) }
            }
        }
    }
}

/// The body of a JSON call. An empty body is an empty structure.
pub(crate) fn read_json(body: &Bytes) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body).map_err(|_| ApiError::bad("SerializationException", "the body is not JSON"))
}
