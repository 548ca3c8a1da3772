//! `http.request`: sends one HTTP request for its effect. Follows no redirect, and never asks whether it was necessary.

use crate::{
    address::AddressPolicy,
    cadence,
    http_parts::{self, SERVICE, status_line, target},
    text::one_line,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use lifeboat_contract::{
    Access, Call, CallError, CallLabel, CallScope, Cx, Effect, Findings, Performed, Retry, Secret, Task, TaskPace,
    clock, codes, wire::CALL_TIMEOUT,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// A server may ask for a longer pause; a recovery does not wait for it.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// Sends one HTTP request to something that is no cloud, for its effect.
///
/// It is done when the answer has an expected status. A status of the 400s means that nothing was done; any other unexpected
/// status, and a connection that breaks or stays silent, mean that nobody knows: the request is then sent again only where it
/// is idempotent. Redirects are not followed, certificates are verified, and link-local, metadata and loopback addresses are
/// refused. Nothing is sent while planning. One try takes at most 8s.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    pub method: RequestMethod,
    /// An absolute URL: `https://engine.example/owner`.
    pub url: String,
    /// Headers to send.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers to send whose values are secrets.
    #[serde(default)]
    pub secret_headers: BTreeMap<String, Secret>,
    /// A body to send as it is, as `text/plain` unless a header says otherwise.
    #[serde(default)]
    pub body: Option<String>,
    /// A body to send as JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// The statuses that mean that it was done. Default: every 2xx.
    #[serde(default)]
    #[schemars(inner(range(min = 200, max = 599)))]
    pub status: Vec<u16>,
    /// Whether sending it twice equals sending it once. Default: true for GET, HEAD, PUT and DELETE, false for the others.
    #[serde(default)]
    pub idempotent: Option<bool>,
    /// Whether it may reach the machine it is sent from.
    #[serde(default)]
    pub allow_loopback: bool,
}

/// The methods that a request may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RequestMethod {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl RequestMethod {
    fn http(self) -> http::Method {
        match self {
            Self::Get => http::Method::GET,
            Self::Head => http::Method::HEAD,
            Self::Post => http::Method::POST,
            Self::Put => http::Method::PUT,
            Self::Patch => http::Method::PATCH,
            Self::Delete => http::Method::DELETE,
        }
    }
}

impl HttpRequest {
    fn policy(&self) -> AddressPolicy {
        AddressPolicy { allow_loopback: self.allow_loopback }
    }

    fn request(&self, uri: Uri, cx: &Cx) -> Result<Request<Bytes>, CallError> {
        let (body, content_type) = match (&self.json, &self.body) {
            (Some(json), _) => (Bytes::from(json.to_string()), Some("application/json")),
            (None, Some(text)) => (Bytes::from(text.clone()), Some("text/plain; charset=utf-8")),
            (None, None) => (Bytes::new(), None),
        };
        let mut request = http_parts::request(self.method.http(), uri, body);
        if let Some(content_type) = content_type {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        http_parts::set_headers(request.headers_mut(), &self.headers, &self.secret_headers, &cx.secrets)?;
        Ok(request)
    }

    async fn send(&self, cx: &Cx) -> Result<Performed, CallError> {
        let uri = target(&self.url).map_err(|message| CallError::definite(SERVICE, "url.invalid", message))?;
        cadence::admit(cx, SERVICE, uri.host().unwrap_or_default(), self.policy()).await?;
        let call = Call {
            request: self.request(uri, cx)?,
            label: CallLabel {
                service: SERVICE.to_owned(),
                operation: self.method.http().to_string(),
                region: None,
                // Even a GET: it is sent for its effect, so a plan must not send it.
                access: Access::Write,
            },
            scope: CallScope::current(),
        };
        let began = cx.clock.now();
        let answered = cx.wire.send(call).await;
        let response = answered.map_err(|error| CallError::from_wire(SERVICE, None, error))?;
        self.judge(&response, clock::until(began, cx.clock.now()), cx)
    }

    fn judge(&self, response: &Response<Bytes>, latency: Duration, cx: &Cx) -> Result<Performed, CallError> {
        let status = response.status();
        let mut told = format!("{}, {} ms", status_line(status), latency.as_millis());
        let said = one_line(&String::from_utf8_lossy(response.body()), &cx.secrets);
        if !said.is_empty() {
            told.push_str("; ");
            told.push_str(&said);
        }
        if self.expects(status) {
            return Ok(Performed { evidence: told });
        }
        let (effect, retry) = classify(status, response.headers());
        let message = format!("{told}; expected {}", self.expected());
        Err(CallError::new(effect, retry, SERVICE, format!("status.{}", status.as_u16()), message))
    }

    fn expects(&self, status: StatusCode) -> bool {
        if self.status.is_empty() { status.is_success() } else { self.status.contains(&status.as_u16()) }
    }

    fn expected(&self) -> String {
        match self.status.as_slice() {
            [] => "a status of 200 to 299".to_owned(),
            statuses => statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "),
        }
    }
}

/// What an unexpected status says of the request: whether it was done, and whether sending it again is worth anything.
fn classify(status: StatusCode, headers: &HeaderMap) -> (Effect, Retry) {
    let not_now = || {
        let seconds = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        seconds.map_or(Retry::Backoff, |seconds| Retry::After(Duration::from_secs(seconds).min(RETRY_AFTER_MAX)))
    };
    match status.as_u16() {
        // The server waited in vain, would be replayed to, or turned us away for now.
        408 | 425 | 429 => (Effect::None, not_now()),
        400..=499 => (Effect::None, Retry::Never),
        500..=599 => (Effect::Unknown, not_now()),
        // Another success than the one expected, or a redirect after the work was done.
        _ => (Effect::Unknown, Retry::Never),
    }
}

impl Task for HttpRequest {
    const KIND: &'static str = "http.request";
    const EXAMPLE: &'static str = "\
method: POST
url: https://wk1.engine.example:8443/owner
json: { owner: b }
headers: { X-Requested-By: lifeboat }
idempotent: true";

    fn check(&self, findings: &mut Findings) {
        http_parts::check_url(&self.url, self.policy(), findings);
        http_parts::check_headers(&self.headers, &self.secret_headers, findings);
        if self.body.is_some() && self.json.is_some() {
            findings.error(&["json"], codes::CONFLICTING_FIELDS, "a request has one body: body or json, not both");
        }
        let has_body = self.body.is_some() || self.json.is_some();
        if has_body && matches!(self.method, RequestMethod::Get | RequestMethod::Head) {
            let field = if self.json.is_some() { "json" } else { "body" };
            let message = format!("a {} request carries no body that servers would read", self.method.http());
            findings.error(&[field], codes::CONFLICTING_FIELDS, message).hint("write method: POST or method: PUT");
        }
        for (index, status) in self.status.iter().enumerate() {
            if !(200..=599).contains(status) {
                let message = format!("{status} is not the status of a final HTTP answer");
                findings.error(&["status", &index.to_string()], codes::OUT_OF_RANGE, message);
            }
        }
    }

    async fn perform(&self, cx: &Cx) -> Result<Performed, CallError> {
        self.policy().enclose(self.send(cx)).await
    }

    fn repeatable(&self) -> bool {
        let by_definition = !matches!(self.method, RequestMethod::Post | RequestMethod::Patch);
        self.idempotent.unwrap_or(by_definition)
    }

    fn describe(&self) -> String {
        format!("{} {}", self.method.http(), self.url)
    }

    fn pace(&self) -> TaskPace {
        TaskPace { try_timeout: CALL_TIMEOUT, ..TaskPace::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeWire, cx, cx_with_secret};
    use lifeboat_contract::{Code, WireError, WireFailure};
    use serde_json::json;

    const URL: &str = "http://engine.example:8080/owner";

    fn task(with: Value) -> HttpRequest {
        serde_json::from_value(with).unwrap()
    }

    async fn answered(status: u16, with: Value) -> Result<Performed, CallError> {
        task(with).perform(&cx(&FakeWire::answering(status, ""))).await
    }

    #[tokio::test(start_paused = true)]
    async fn sends_what_it_is_given_once_and_shows_the_answer_without_the_secret() {
        let wire = FakeWire::answering(200, "{\n  \"owner\": \"b\",\n  \"you\": \"Bearer hunter2\"\n}").after_ms(12);
        let task = task(json!({
            "method": "POST", "url": URL, "json": { "owner": "b" }, "headers": { "X-Reason": "failover" },
            "secret_headers": { "Authorization": { "secret": "token" } },
        }));
        let performed = task.perform(&cx_with_secret(&wire, "token", "Bearer hunter2")).await.unwrap();
        assert_eq!(performed.evidence, r#"200 OK, 12 ms; { "owner": "b", "you": "[secret]" }"#);
        let call = wire.only_call();
        assert_eq!(call.label.access, Access::Write);
        assert_eq!(call.label.operation, "POST");
        assert_eq!(call.request.body(), r#"{"owner":"b"}"#);
        assert_eq!(call.request.headers()["content-type"], "application/json");
        assert_eq!(call.request.headers()["x-reason"], "failover");
        assert_eq!(call.request.headers()["authorization"], "Bearer hunter2");
        assert!(!format!("{call:?}{task:?}").contains("hunter2"));
        assert_eq!(task.describe(), format!("POST {URL}"));
    }

    #[tokio::test(start_paused = true)]
    async fn even_a_get_is_no_read() {
        let wire = FakeWire::answering(204, "");
        task(json!({ "method": "GET", "url": URL })).perform(&cx(&wire)).await.unwrap();
        assert_eq!(wire.only_call().label.access, Access::Write);
    }

    #[tokio::test(start_paused = true)]
    async fn the_status_says_whether_anything_was_done() {
        let post = json!({ "method": "POST", "url": URL });
        for (status, effect, retry) in [
            (404, Effect::None, Retry::Never),
            (409, Effect::None, Retry::Never),
            (429, Effect::None, Retry::Backoff),
            (303, Effect::Unknown, Retry::Never),
            (500, Effect::Unknown, Retry::Backoff),
            (504, Effect::Unknown, Retry::Backoff),
        ] {
            let error = answered(status, post.clone()).await.unwrap_err();
            assert_eq!((error.effect, error.retry), (effect, retry), "{status}");
            assert_eq!(error.code, format!("status.{status}"));
        }
        let error = answered(200, json!({ "method": "POST", "url": URL, "status": [201, 202] })).await.unwrap_err();
        assert_eq!(error.effect, Effect::Unknown, "another success is no proof that nothing was done");
        assert_eq!(error.message, "200 OK, 0 ms; expected 201 or 202");
        answered(409, json!({ "method": "POST", "url": URL, "status": [201, 409] })).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_names_a_pause_gets_it_within_reason() {
        for (asked, given) in [("3", 3), ("86400", 30)] {
            let response = Response::builder().status(503).header("retry-after", asked).body(Bytes::new()).unwrap();
            let task = task(json!({ "method": "PUT", "url": URL }));
            let error = task.perform(&cx(&FakeWire::responding(response))).await.unwrap_err();
            assert_eq!(error.retry, Retry::After(Duration::from_secs(given)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_call_keeps_its_effect() {
        let post = task(json!({ "method": "POST", "url": URL }));
        let failed = async |error| post.perform(&cx(&FakeWire::failing(error))).await.unwrap_err();
        let unsent = failed(WireError::unsent(WireFailure::Connect, "refused")).await;
        assert_eq!((unsent.effect, unsent.retry), (Effect::None, Retry::Backoff));
        let silent = failed(WireError::maybe_sent(WireFailure::TimedOut, "no answer")).await;
        assert_eq!((silent.effect, silent.code.as_str()), (Effect::Unknown, "wire.timed_out"));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_sent_to_a_refused_address() {
        let wire = FakeWire::answering(200, "").at("169.254.169.254");
        let error = task(json!({ "method": "PUT", "url": "http://rebind.example/" })).perform(&cx(&wire)).await;
        let error = error.unwrap_err();
        assert_eq!((error.code.as_str(), error.effect), ("address.refused", Effect::None));
        assert!(wire.calls().is_empty());
    }

    #[test]
    fn repeatable_by_definition_or_by_promise() {
        for (method, repeatable) in
            [("GET", true), ("HEAD", true), ("PUT", true), ("DELETE", true), ("POST", false), ("PATCH", false)]
        {
            assert_eq!(task(json!({ "method": method, "url": URL })).repeatable(), repeatable, "{method}");
        }
        assert!(task(json!({ "method": "POST", "url": URL, "idempotent": true })).repeatable());
        assert!(!task(json!({ "method": "PUT", "url": URL, "idempotent": false })).repeatable());
    }

    #[test]
    fn findings_name_the_field() {
        let codes_of = |with: Value| {
            let mut findings = Findings::default();
            Task::check(&task(with), &mut findings);
            let pairs = findings.as_slice().iter().map(|finding| (finding.path.to_string(), finding.code));
            pairs.collect::<Vec<(String, Code)>>()
        };
        assert_eq!(codes_of(json!({ "method": "POST", "url": URL, "json": null, "status": [200, 409] })), []);
        assert_eq!(
            codes_of(json!({
                "method": "GET", "url": "http://169.254.169.254/", "body": "a", "json": 1, "status": [200, 20],
                "headers": { "Content-Length": "1" },
            })),
            [
                ("url".to_owned(), codes::FORBIDDEN_ADDRESS),
                ("headers/Content-Length".to_owned(), codes::BAD_VALUE),
                ("json".to_owned(), codes::CONFLICTING_FIELDS),
                ("json".to_owned(), codes::CONFLICTING_FIELDS),
                ("status/1".to_owned(), codes::OUT_OF_RANGE),
            ]
        );
    }
}
