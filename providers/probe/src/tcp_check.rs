//! `tcp.check`: asks whether a port accepts a connection. Sends no byte.

use crate::{
    address::{self, AddressPolicy},
    cadence,
};
use lifeboat_contract::{Answer, Cadence, CallError, Check, Cx, Findings, Span, clock};
use schemars::JsonSchema;
use serde::Deserialize;

const SERVICE: &str = "tcp";

/// Opens a TCP connection until the port has accepted a number of times in a row, and closes each at once.
///
/// The host is resolved anew on each try, and link-local, metadata and loopback addresses are refused; private addresses
/// are allowed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpCheck {
    /// A host name or an address.
    pub host: String,
    #[schemars(range(min = 1))]
    pub port: u16,
    /// How many tries in a row must pass.
    #[serde(default = "cadence::healthy_threshold")]
    #[schemars(range(min = 1))]
    pub healthy_threshold: u32,
    /// The pause between two tries.
    #[serde(default = "cadence::interval")]
    pub interval: Span,
    /// How long one try may take, at most 8s.
    #[serde(default = "cadence::try_timeout")]
    pub try_timeout: Span,
    /// Whether the check may reach the machine it runs on.
    #[serde(default)]
    pub allow_loopback: bool,
}

impl TcpCheck {
    fn policy(&self) -> AddressPolicy {
        AddressPolicy { allow_loopback: self.allow_loopback }
    }

    async fn try_once(&self, cx: &Cx) -> Result<Answer, CallError> {
        let host = address::bare(&self.host);
        cadence::admit(cx, SERVICE, host, self.policy()).await?;
        let began = cx.clock.now();
        cx.wire.connect(host, self.port).await.map_err(|error| cadence::unanswered(SERVICE, error))?;
        let latency = clock::until(began, cx.clock.now());
        Ok(Answer { passed: true, evidence: format!("connected, {} ms", latency.as_millis()) })
    }
}

impl Check for TcpCheck {
    const KIND: &'static str = "tcp.check";
    const EXAMPLE: &'static str = "\
host: db.orders.example
port: 5432";

    fn check(&self, findings: &mut Findings) {
        cadence::check_endpoint(&self.host, self.port, self.policy(), findings);
        cadence::check(self.healthy_threshold, self.interval, self.try_timeout, findings);
    }

    async fn ask(&self, cx: &Cx) -> Result<Answer, CallError> {
        cadence::one_try(cx, self.try_timeout, self.policy(), self.try_once(cx)).await
    }

    fn cadence(&self) -> Cadence {
        cadence::cadence(self.healthy_threshold, self.interval, self.try_timeout)
    }

    fn question(&self) -> String {
        format!("{} accepts a connection", cadence::endpoint(&self.host, self.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeWire, cx};
    use lifeboat_contract::{Retry, WireError, WireFailure, codes};
    use serde_json::{Value, json};

    fn check(with: Value) -> TcpCheck {
        serde_json::from_value(with).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_accepted_connection_passes() {
        let wire = FakeWire::answering(200, "").after_ms(3);
        let answer = check(json!({ "host": "db.example", "port": 5432 })).ask(&cx(&wire)).await.unwrap();
        assert_eq!(answer, Answer { passed: true, evidence: "connected, 3 ms".to_owned() });
        assert_eq!(wire.connected(), ["db.example:5432"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_connection_is_worth_another_try() {
        let wire = FakeWire::failing(WireError::unsent(WireFailure::Connect, "connection refused"));
        let error = check(json!({ "host": "10.0.0.4", "port": 1 })).ask(&cx(&wire)).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.retry), ("wire.unreachable", Retry::Backoff));
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_of_this_machine_is_refused_unless_allowed() {
        let wire = FakeWire::answering(200, "").at("127.0.0.1");
        let strict = check(json!({ "host": "me.example", "port": 9001 }));
        assert_eq!(strict.ask(&cx(&wire)).await.unwrap_err().code, "address.refused");
        let allowed = check(json!({ "host": "me.example", "port": 9001, "allow_loopback": true }));
        assert!(allowed.ask(&cx(&wire)).await.unwrap().passed);
        assert_eq!(wire.connected(), ["me.example:9001"]);
    }

    #[test]
    fn findings_name_the_field() {
        let codes_of = |with: Value| {
            let mut findings = Findings::default();
            Check::check(&check(with), &mut findings);
            findings.as_slice().iter().map(|finding| (finding.path.to_string(), finding.code)).collect::<Vec<_>>()
        };
        assert_eq!(codes_of(json!({ "host": "10.0.0.4", "port": 443 })), []);
        assert_eq!(
            codes_of(json!({ "host": "https://db.example", "port": 0 })),
            [("host".to_owned(), codes::BAD_VALUE), ("port".to_owned(), codes::OUT_OF_RANGE)]
        );
        assert_eq!(
            codes_of(json!({ "host": "[fe80::1]", "port": 1 })),
            [("host".to_owned(), codes::FORBIDDEN_ADDRESS)]
        );
    }
}
