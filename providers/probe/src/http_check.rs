//! `http.check`: asks an HTTP endpoint one question. Sends GET and HEAD only, and follows no redirect.

use crate::{
    address::AddressPolicy,
    cadence,
    expect::Expect,
    http_parts::{self, SERVICE, status_line, target},
};
use bytes::Bytes;
use http::Response;
use lifeboat_contract::{
    Access, Answer, Cadence, Call, CallError, CallLabel, CallScope, Check, Cx, Findings, Secret, Span, clock, codes,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

/// Asks an HTTP endpoint until it has given the expected answer a number of times in a row.
///
/// One try is one request. Redirects are not followed: their status is the answer. Certificates are verified. The host is
/// resolved anew on each try, and link-local, metadata and loopback addresses are refused; private addresses are allowed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCheck {
    /// An absolute URL: `https://r1.orders.example/healthz`.
    pub url: String,
    /// `GET` or `HEAD`.
    #[serde(default)]
    pub method: Method,
    /// The status that the answer must have.
    #[serde(default = "ok")]
    #[schemars(range(min = 100, max = 599))]
    pub status: u16,
    /// What else the answer must look like. This is how a check proves which site answered.
    #[serde(default)]
    pub expect: Expect,
    /// Headers to send.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers to send whose values are secrets.
    #[serde(default)]
    pub secret_headers: BTreeMap<String, Secret>,
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

/// The methods that ask and change nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Method {
    #[default]
    #[serde(rename = "GET")]
    Get,
    #[serde(rename = "HEAD")]
    Head,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

const fn ok() -> u16 {
    200
}

impl HttpCheck {
    fn policy(&self) -> AddressPolicy {
        AddressPolicy { allow_loopback: self.allow_loopback }
    }

    async fn try_once(&self, cx: &Cx) -> Result<Answer, CallError> {
        let uri = target(&self.url).map_err(|message| CallError::definite(SERVICE, "url.invalid", message))?;
        cadence::admit(cx, SERVICE, uri.host().unwrap_or_default(), self.policy()).await?;
        let method = match self.method {
            Method::Get => http::Method::GET,
            Method::Head => http::Method::HEAD,
        };
        let mut request = http_parts::request(method, uri, Bytes::new());
        http_parts::set_headers(request.headers_mut(), &self.headers, &self.secret_headers, &cx.secrets)?;
        let call = Call {
            request,
            label: CallLabel {
                service: SERVICE.to_owned(),
                operation: self.method.name().to_owned(),
                region: None,
                access: Access::Read,
            },
            scope: CallScope::current(),
        };
        let began = cx.clock.now();
        let response = cx.wire.send(call).await.map_err(|error| cadence::unanswered(SERVICE, error))?;
        Ok(self.judge(&response, clock::until(began, cx.clock.now()), cx))
    }

    fn judge(&self, response: &Response<Bytes>, latency: Duration, cx: &Cx) -> Answer {
        let mut facts = vec![format!("{}, {} ms", status_line(response.status()), latency.as_millis())];
        let mut passed = response.status().as_u16() == self.status;
        if passed {
            match self.expect.judge(response, &cx.secrets) {
                Ok(proven) => facts.extend(proven),
                Err(unmet) => {
                    passed = false;
                    facts.extend(unmet);
                }
            }
        } else {
            facts.push(format!("expected {}", self.status));
        }
        Answer { passed, evidence: cx.secrets.redact(&facts.join("; ")) }
    }
}

impl Check for HttpCheck {
    const KIND: &'static str = "http.check";
    const EXAMPLE: &'static str = "\
url: https://orders.example/healthz
expect: { json: { /region: eu-west-1 } }
healthy_threshold: 3";

    fn check(&self, findings: &mut Findings) {
        http_parts::check_url(&self.url, self.policy(), findings);
        if !(100..=599).contains(&self.status) {
            findings.error(&["status"], codes::OUT_OF_RANGE, format!("{} is not an HTTP status", self.status));
        }
        if self.method == Method::Head && self.expect.needs_body() {
            findings
                .error(&["expect"], codes::CONFLICTING_FIELDS, "an answer to HEAD has no body to look into")
                .hint("write method: GET");
        }
        http_parts::check_headers(&self.headers, &self.secret_headers, findings);
        self.expect.check(findings);
        cadence::check(self.healthy_threshold, self.interval, self.try_timeout, findings);
    }

    async fn ask(&self, cx: &Cx) -> Result<Answer, CallError> {
        cadence::one_try(cx, self.try_timeout, self.policy(), self.try_once(cx)).await
    }

    fn cadence(&self) -> Cadence {
        cadence::cadence(self.healthy_threshold, self.interval, self.try_timeout)
    }

    fn question(&self) -> String {
        let mut question = format!("{} {} answers {}", self.method.name(), self.url, self.status);
        for expectation in self.expect.questions() {
            question.push_str(", ");
            question.push_str(&expectation);
        }
        question
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeWire, cx, cx_with_secret};
    use lifeboat_contract::{Effect, Retry, WireError, WireFailure};
    use serde_json::{Value, json};

    fn check(with: Value) -> HttpCheck {
        serde_json::from_value(with).unwrap()
    }

    fn codes_of(with: Value) -> Vec<(String, u16)> {
        let mut findings = Findings::default();
        Check::check(&check(with), &mut findings);
        findings.as_slice().iter().map(|finding| (finding.path.to_string(), finding.code.0)).collect()
    }

    fn found(path: &str, code: lifeboat_contract::Code) -> (String, u16) {
        (path.to_owned(), code.0)
    }

    #[tokio::test(start_paused = true)]
    async fn passes_and_tells_what_proved_the_site() {
        let wire = FakeWire::answering(200, r#"{"region":"eu-west-1"}"#).after_ms(12);
        let check =
            check(json!({ "url": "https://o.example/healthz", "expect": { "json": { "/region": "eu-west-1" } } }));
        let answer = check.ask(&cx(&wire)).await.unwrap();
        assert_eq!(answer, Answer { passed: true, evidence: "200 OK, 12 ms; /region = \"eu-west-1\"".to_owned() });
        assert_eq!(check.question(), "GET https://o.example/healthz answers 200, /region = \"eu-west-1\"");
        let call = wire.only_call();
        assert_eq!((call.label.service.as_str(), call.label.operation.as_str()), ("http", "GET"));
        assert_eq!(call.label.access, Access::Read);
        assert!(call.scope.deadline.is_some(), "a try without a deadline could hang for ever");
    }

    #[tokio::test(start_paused = true)]
    async fn another_status_fails_the_try_and_is_told() {
        let wire = FakeWire::answering(503, "");
        let answer = check(json!({ "url": "http://o.example/" })).ask(&cx(&wire)).await.unwrap();
        assert_eq!(
            answer,
            Answer { passed: false, evidence: "503 Service Unavailable, 0 ms; expected 200".to_owned() }
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let wire = FakeWire::answering(302, "");
        assert!(check(json!({ "url": "http://o.example/", "status": 302 })).ask(&cx(&wire)).await.unwrap().passed);
        wire.only_call();
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_resolves_to_the_metadata_address_is_refused_for_good() {
        let wire = FakeWire::answering(200, "").at("169.254.169.254");
        let error = check(json!({ "url": "http://rebind.example/" })).ask(&cx(&wire)).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.retry, error.effect), ("address.refused", Retry::Never, Effect::None));
        assert!(wire.calls().is_empty(), "nothing is sent to a refused address");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_call_keeps_the_wires_class() {
        let wire = FakeWire::failing(WireError::maybe_sent(WireFailure::Broken, "connection reset"));
        let error = check(json!({ "url": "http://o.example/" })).ask(&cx(&wire)).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.retry), ("wire.broken", Retry::Backoff));
        assert_eq!(error.effect, Effect::None, "a question changes nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_is_sent_and_never_shown() {
        let wire = FakeWire::answering(200, r#"{"you":"Bearer hunter2"}"#);
        let check = check(json!({
            "url": "http://o.example/",
            "secret_headers": { "Authorization": { "secret": "token" } },
            "expect": { "json": { "/you": "x" } },
        }));
        let answer = check.ask(&cx_with_secret(&wire, "token", "Bearer hunter2")).await.unwrap();
        assert_eq!(answer.evidence, "200 OK, 0 ms; /you is \"[secret]\", expected \"x\"");
        let call = wire.only_call();
        assert_eq!(call.request.headers()["authorization"], "Bearer hunter2");
        assert!(!format!("{call:?}").contains("hunter2"), "a sensitive header does not stand in debug output");
    }

    #[test]
    fn findings_name_the_field() {
        assert_eq!(codes_of(json!({ "url": "https://o.example/healthz" })), []);
        assert_eq!(codes_of(json!({ "url": "http://10.99.0.10/" })), [], "overlay addresses are private");
        for url in ["o.example/healthz", "ftp://o.example/", "/healthz", "https://u:p@o.example/", ""] {
            assert_eq!(codes_of(json!({ "url": url })), [found("url", codes::BAD_VALUE)], "{url}");
        }
        for url in ["http://169.254.169.254/latest", "http://[::1]/", "http://localhost:80/", "http://[fd00:ec2::254]/"]
        {
            assert_eq!(codes_of(json!({ "url": url })), [found("url", codes::FORBIDDEN_ADDRESS)], "{url}");
        }
        assert_eq!(codes_of(json!({ "url": "http://127.0.0.1:8080/", "allow_loopback": true })), []);
        assert_eq!(
            codes_of(json!({
                "url": "https://o.example/", "method": "HEAD", "status": 99, "try_timeout": "9s", "interval": "0s",
                "healthy_threshold": 0, "headers": { "X-Key": "a", "Content-Length": "5" },
                "secret_headers": { "x-key": { "secret": "s" } }, "expect": { "json": { "region": 1 } },
            })),
            [
                found("status", codes::OUT_OF_RANGE),
                found("expect", codes::CONFLICTING_FIELDS),
                found("headers/Content-Length", codes::BAD_VALUE),
                found("secret_headers/x-key", codes::CONFLICTING_FIELDS),
                found("expect/json/region", codes::BAD_VALUE),
                found("healthy_threshold", codes::OUT_OF_RANGE),
                found("interval", codes::OUT_OF_RANGE),
                found("try_timeout", codes::OUT_OF_RANGE),
            ]
        );
    }

    #[test]
    fn a_method_that_writes_is_no_method() {
        let error = serde_json::from_value::<HttpCheck>(json!({ "url": "http://o.example/", "method": "POST" }));
        assert!(error.is_err());
    }
}
