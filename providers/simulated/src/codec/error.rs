//! An error as a service reports it. Does not decide how it is written: see `envelope`.

/// What a service answers when it refuses a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct ApiError {
    /// The service's own code: `InvalidRouteTableID.NotFound`.
    pub(crate) code: String,
    pub(crate) status: u16,
    /// The service's own words, with its capitals and stops.
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(code: impl Into<String>, status: u16, message: impl Into<String>) -> Self {
        Self { code: code.into(), status, message: message.into() }
    }

    /// An error of the caller, with status 400.
    pub(crate) fn bad(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(code, 400, message)
    }

    /// Whose fault it is, in the words of the query protocol.
    pub(crate) fn fault(&self) -> &'static str {
        if self.status >= 500 { "Receiver" } else { "Sender" }
    }
}
