//! What an HTTP answer must look like besides its status, and whether one does. Pure: sends nothing.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use lifeboat_contract::{Findings, Secrets, codes};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// How much of a body is looked at.
pub const BODY_MAX_BYTES: usize = 64 * 1024;

/// How much of one value stands in the evidence.
const VALUE_MAX_CHARS: usize = 80;

/// What an answer must look like, besides its status.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Response headers and the exact value of each.
    pub headers: BTreeMap<String, String>,
    /// JSON pointers into the body and the value at each: `/region: eu-west-1`. The body must be JSON of at most 64 KiB.
    pub json: BTreeMap<String, Value>,
    /// A text that stands in the first 64 KiB of the body.
    pub body_contains: Option<String>,
}

impl Expect {
    pub(crate) fn check(&self, findings: &mut Findings) {
        for (name, value) in &self.headers {
            check_header(&["expect", "headers", name], name, Some(value), findings);
        }
        for pointer in self.json.keys() {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                findings
                    .error(&["expect", "json", pointer], codes::BAD_VALUE, format!("{pointer:?} is not a JSON pointer"))
                    .hint(format!("write /{pointer}"));
            }
        }
    }

    pub(crate) fn needs_body(&self) -> bool {
        !self.json.is_empty() || self.body_contains.is_some()
    }

    /// The expectations in a few words each, for the question.
    pub(crate) fn questions(&self) -> Vec<String> {
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}"));
        let json = self.json.iter().map(|(pointer, value)| format!("{} = {value}", place(pointer)));
        let text = self.body_contains.iter().map(|text| format!("the body contains {text:?}"));
        headers.chain(json).chain(text).collect()
    }

    /// What the answer proved, or else everything in which it fell short.
    ///
    /// Neither holds a secret's value, and both quote what the server sent, so that it cannot steer a terminal.
    pub(crate) fn judge(&self, response: &Response<Bytes>, secrets: &Secrets) -> Result<Vec<String>, Vec<String>> {
        let mut proven = Vec::new();
        let mut unmet = Vec::new();
        for (name, expected) in &self.headers {
            let got = response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            match got {
                Some(got) if got == *expected => proven.push(format!("{name}: {}", quoted(expected, secrets))),
                Some(got) => unmet.push(mismatch(name, &quoted(&got, secrets), &quoted(expected, secrets))),
                None => unmet.push(mismatch(name, "absent", &quoted(expected, secrets))),
            }
        }
        if !self.json.is_empty() {
            self.judge_json(response.body(), secrets, &mut proven, &mut unmet);
        }
        if let Some(text) = &self.body_contains {
            let start = &response.body()[..response.body().len().min(BODY_MAX_BYTES)];
            if String::from_utf8_lossy(start).contains(text.as_str()) {
                proven.push(format!("the body contains {}", quoted(text, secrets)));
            } else {
                unmet.push(format!("the body does not contain {}", quoted(text, secrets)));
            }
        }
        if unmet.is_empty() { Ok(proven) } else { Err(unmet) }
    }

    fn judge_json(&self, body: &Bytes, secrets: &Secrets, proven: &mut Vec<String>, unmet: &mut Vec<String>) {
        if body.len() > BODY_MAX_BYTES {
            unmet.push("the body is longer than 64 KiB, expected JSON".to_owned());
            return;
        }
        let Ok(document) = serde_json::from_slice::<Value>(body) else {
            unmet.push("the body is not JSON".to_owned());
            return;
        };
        for (pointer, expected) in &self.json {
            let wanted = described(expected, secrets);
            match document.pointer(pointer) {
                Some(got) if got == expected => proven.push(format!("{} = {wanted}", place(pointer))),
                Some(got) => unmet.push(mismatch(place(pointer), &described(got, secrets), &wanted)),
                None => unmet.push(mismatch(place(pointer), "absent", &wanted)),
            }
        }
    }
}

/// Adds an error at `path` where a header cannot be sent or received as written.
pub(crate) fn check_header(path: &[&str], name: &str, value: Option<&str>, findings: &mut Findings) {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        findings.error(path, codes::BAD_VALUE, format!("{name:?} is not the name of an HTTP header"));
    } else if value.is_some_and(|value| HeaderValue::from_str(value).is_err()) {
        findings.error(
            path,
            codes::BAD_VALUE,
            format!("the value of {name} holds a character that no header may hold"),
        );
    }
}

fn place(pointer: &str) -> &str {
    if pointer.is_empty() { "the body" } else { pointer }
}

fn mismatch(what: &str, got: &str, expected: &str) -> String {
    format!("{what} is {got}, expected {expected}")
}

/// A JSON value in a few words. Members of objects are not quoted: redaction would have to look into each.
fn described(value: &Value, secrets: &Secrets) -> String {
    match value {
        Value::String(text) => quoted(text, secrets),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(members) => format!("an object of {}", members.len()),
        scalar => secrets.redact(&scalar.to_string()),
    }
}

/// Redacts before it cuts and escapes: half a secret, or an escaped one, would no longer be found.
fn quoted(text: &str, secrets: &Secrets) -> String {
    let text = secrets.redact(text);
    let mut short: String = text.chars().take(VALUE_MAX_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn expect(value: Value) -> Expect {
        serde_json::from_value(value).unwrap()
    }

    fn answer(body: &str) -> Response<Bytes> {
        Response::builder().header("x-site", "r2").body(Bytes::from(body.to_owned())).unwrap()
    }

    #[test]
    fn every_expectation_that_is_not_met_is_told() {
        let expect = expect(json!({
            "headers": { "x-site": "r1", "x-zone": "a" },
            "json": { "/region": "eu-west-1", "/missing": 1, "/deep": {} },
            "body_contains": "ready"
        }));
        let unmet = expect.judge(&answer(r#"{"region":"us-east-1","deep":{"a":1}}"#), &Secrets::default()).unwrap_err();
        assert_eq!(
            unmet,
            [
                r#"x-site is "r2", expected "r1""#,
                r#"x-zone is absent, expected "a""#,
                "/deep is an object of 1, expected an object of 0",
                "/missing is absent, expected 1",
                r#"/region is "us-east-1", expected "eu-west-1""#,
                r#"the body does not contain "ready""#,
            ]
        );
    }

    #[test]
    fn what_was_proven_is_told() {
        let expect = expect(json!({ "headers": { "X-Site": "r2" }, "json": { "/n": 3 } }));
        let proven = expect.judge(&answer(r#"{"n":3}"#), &Secrets::default()).unwrap();
        assert_eq!(proven, [r#"X-Site: "r2""#, "/n = 3"]);
    }

    #[test]
    fn a_secret_is_redacted_before_the_value_is_cut() {
        let secrets = Secrets::new([("token".to_owned(), "s3cr\"et".repeat(20))].into());
        let body = json!({ "echo": "s3cr\"et".repeat(20) }).to_string();
        let unmet = expect(json!({ "json": { "/echo": "x" } })).judge(&answer(&body), &secrets).unwrap_err();
        assert_eq!(unmet, [r#"/echo is "[secret]", expected "x""#]);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let unmet = expect(json!({ "json": { "/a": "b" } }))
            .judge(&answer("{\"a\":\"\\u001b[2J\"}"), &Secrets::default())
            .unwrap_err();
        assert!(!unmet[0].contains('\u{1b}'), "{unmet:?}");
    }

    #[test]
    fn a_long_body_is_not_parsed() {
        let body = format!("{{\"a\":\"{}\"}}", "x".repeat(BODY_MAX_BYTES));
        let unmet = expect(json!({ "json": { "/a": "b" } })).judge(&answer(&body), &Secrets::default()).unwrap_err();
        assert_eq!(unmet, ["the body is longer than 64 KiB, expected JSON"]);
    }
}
