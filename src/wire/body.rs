//! Reads a response's body, never more of it than allowed.

use bytes::{Bytes, BytesMut};
use http::Response;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use lifeboat_contract::{WireError, WireFailure};

/// How much of a body is read, and what happens to a longer one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    /// A longer body is an error: half a document must not be parsed.
    Whole(usize),
    /// One byte more is kept, so that the reader can tell that there was more.
    Start(usize),
}

/// The most that a cloud's answer may hold; the longest listings are a few megabytes.
pub(super) const RESPONSE_MAX: Limit = Limit::Whole(64 * 1024 * 1024);

pub(super) async fn read(response: Response<Incoming>, limit: Limit) -> Result<Response<Bytes>, WireError> {
    let (head, mut body) = response.into_parts();
    let (Limit::Whole(max) | Limit::Start(max)) = limit;
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            WireError::maybe_sent(WireFailure::Broken, format!("the connection broke amid the answer: {error}"))
        })?;
        if let Ok(data) = frame.into_data() {
            read.extend_from_slice(&data);
        }
        if read.len() > max {
            match limit {
                Limit::Start(_) => {
                    read.truncate(max + 1);
                    break;
                }
                Limit::Whole(_) => {
                    let message = format!("the answer is longer than {} MiB", max / (1024 * 1024));
                    return Err(WireError::maybe_sent(WireFailure::Broken, message));
                }
            }
        }
    }
    Ok(Response::from_parts(head, read.freeze()))
}
