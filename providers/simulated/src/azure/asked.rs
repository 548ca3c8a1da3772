//! For tests: a world from JSON that is asked as a client of the Resource Manager asks, at moments in seconds after its start.

use crate::{Answer, Reply, World, WorldDocument};
use bytes::Bytes;
use http::{HeaderMap, Request};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub(super) const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";

/// A world under test.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) world: World,
}

/// An answer of the Resource Manager.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// A world with one resource group `engine` in `eastus`.
pub(super) fn world(group: Value) -> Value {
    let mut group = group;
    group["location"] = "eastus".into();
    json!({
        "world": 1, "name": "azure", "start": "2026-01-15T09:00:00Z",
        "azure": {
            "subscription": SUBSCRIPTION,
            "tenant": "00000000-0000-0000-0000-0000000000aa",
            "resource_groups": { "engine": group },
        },
    })
}

/// The path of something in that group.
pub(super) fn in_group(rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/engine/providers/{rest}")
}

impl Asked {
    pub(super) fn new(document: Value) -> Self {
        let document: WorldDocument = serde_json::from_value(document).expect("the test's document is well-formed");
        Self { world: World::build(&document).expect("the test's document is right") }
    }

    /// The messages of what is wrong with a document.
    pub(super) fn findings(document: Value) -> Vec<String> {
        let document: WorldDocument = serde_json::from_value(document).expect("the test's document is well-formed");
        let found = World::build(&document).expect_err("the document is wrong");
        found.into_iter().map(|finding| format!("{}: {}", finding.path, finding.message)).collect()
    }

    fn at(&self, seconds: f64) -> Timestamp {
        self.world.start().checked_add(SignedDuration::from_secs_f64(seconds)).expect("a test lasts no centuries")
    }

    pub(super) fn go(&mut self, seconds: f64) -> &mut Self {
        let at = self.at(seconds);
        self.world.advance(at);
        self
    }

    fn ask(&mut self, request: &Request<Bytes>) -> Answer {
        let now = self.world.now();
        self.world.answer(now, request)
    }

    /// A request to the Resource Manager. `path` may have a query of its own.
    pub(super) fn call(&mut self, method: &str, path: &str, body: Option<Value>) -> Told {
        let mark = if path.contains('?') { '&' } else { '?' };
        let url = if path.contains("api-version=") {
            format!("https://management.azure.com{path}")
        } else {
            format!("https://management.azure.com{path}{mark}api-version=2024-07-01")
        };
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", "Bearer token")
            .header("content-type", "application/json")
            .body(Bytes::from(body.map(|body| body.to_string()).unwrap_or_default()))
            .expect("the request is well-formed");
        let Reply::Response(response) = self.ask(&request).reply else { panic!("{method} {path} is not answered") };
        let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        Told { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    pub(super) fn get(&mut self, path: &str) -> Told {
        self.call("GET", path, None)
    }

    /// What a host of the world answers: the status, or nothing.
    pub(super) fn host(&mut self, url: &str) -> Option<u16> {
        let request = Request::get(url).body(Bytes::new()).expect("the test's URL is right");
        match self.ask(&request).reply {
            Reply::Response(response) => Some(response.status().as_u16()),
            Reply::Unreachable | Reply::Silent => None,
        }
    }
}

impl Told {
    /// The path and query of the address in a header.
    pub(super) fn address(&self, header: &str) -> String {
        let address = self.headers.get(header).expect("the answer has the header").to_str().expect("it is text");
        address.trim_start_matches("https://management.azure.com").to_owned()
    }

    pub(super) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}
