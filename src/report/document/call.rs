//! The audit trail as it is read back: one call a line.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One call to a cloud: its name and how it went, never what it carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiCall {
    pub at: Timestamp,
    #[serde(default)]
    pub step: Option<String>,
    pub attempt: u32,
    pub service: String,
    pub operation: String,
    #[serde(default)]
    pub region: Option<String>,
    /// `read`, `write` or `credential`.
    pub access: String,
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default)]
    pub error: Option<String>,
    /// Whether a call without a response may have been sent: `no` or `maybe`.
    #[serde(default)]
    pub sent: Option<String>,
    pub latency_ms: u64,
    #[serde(default)]
    pub request_id: Option<String>,
}

impl ApiCall {
    /// Whether it was not answered, or answered with an error.
    pub fn failed(&self) -> bool {
        self.status.is_none_or(|status| status >= 400)
    }
}

/// The calls in the order in which they ended, and how many lines could not be read. The trail is evidence and not truth: a line
/// that was torn hides no other.
pub(super) fn calls(audit: &[u8]) -> (Vec<ApiCall>, usize) {
    let mut unreadable = 0;
    let lines = audit.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let calls = lines.filter_map(|line| serde_json::from_slice(line).inspect_err(|_| unreadable += 1).ok()).collect();
    (calls, unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_hides_no_other_and_is_counted() {
        let good = r#"{"at":"2026-01-15T09:00:30Z","attempt":1,"service":"rds","operation":"FailoverGlobalCluster","access":"write","error":"timed out","sent":"maybe","latency_ms":8000}"#;
        let (calls, unreadable) = calls(format!("{good}\n{{\"at\":\n{good}\n").as_bytes());
        assert_eq!((calls.len(), unreadable), (2, 1));
        assert!(calls[0].failed());
    }
}
