//! Long-running operations as clients poll them. Reports on time alone: what an operation changes, its service changes.

use super::arm::{ArmError, ArmPath, ArmResponse};
use crate::ids;
use jiff::Timestamp;
use lifeboat_contract::clock::after;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// How a client learns of an operation's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Style {
    /// By `Azure-AsyncOperation`: a status.
    AsyncOperation,
    /// By `Location`: 202 until the end, then the result.
    Location,
    Both,
    /// By no header: the resource's own provisioning state tells.
    Body,
}

/// An operation that a service begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewOperation {
    pub(crate) style: Style,
    pub(crate) ends_at: Timestamp,
    /// The id of the resource that it works on.
    pub(crate) resource: String,
    /// The region whose endpoints report on it.
    pub(crate) location: String,
    /// The result, or the code and message of an error.
    pub(crate) outcome: Result<Option<Value>, (String, String)>,
}

/// All operations of a subscription.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Operations {
    known: BTreeMap<String, Operation>,
    begun: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Operation {
    started: Timestamp,
    ends_at: Timestamp,
    outcome: Result<Option<Value>, (String, String)>,
}

/// Codes of operations that were called off.
const CANCELED: &[&str] = &["Canceled", "OperationPreempted", "CanceledAndSupersededDueToAnotherOperation"];

/// The request that begins an operation, as far as its addresses depend on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) base: &'a str,
    pub(super) api_version: &'a str,
    pub(super) path: &'a ArmPath,
    pub(super) now: Timestamp,
    pub(super) seed: u64,
    pub(super) retry_after: Duration,
}

impl Operations {
    /// Begins an operation, and returns the headers that lead to it.
    pub(super) fn begin(&mut self, operation: NewOperation, asked: Asked<'_>) -> Vec<(&'static str, String)> {
        self.begun += 1;
        let id = ids::uuid(&format!("operation/{}/{}", asked.seed, self.begun));
        let NewOperation { style, ends_at, location, outcome, .. } = operation;
        self.known.insert(id.clone(), Operation { started: asked.now, ends_at, outcome });
        let namespace = asked.path.namespace.as_deref().unwrap_or("Microsoft.Resources");
        let address = |collection: &str| {
            format!(
                "{}/subscriptions/{}/providers/{namespace}/locations/{location}/{collection}/{id}?api-version={}",
                asked.base, asked.path.subscription, asked.api_version
            )
        };
        let mut headers = Vec::new();
        if matches!(style, Style::AsyncOperation | Style::Both) {
            headers.push(("azure-asyncoperation", address("operations")));
        }
        if matches!(style, Style::Location | Style::Both) {
            headers.push(("location", address("operationResults")));
        }
        if style != Style::Body {
            headers.push(("retry-after", asked.retry_after.as_secs().to_string()));
        }
        headers
    }

    /// Forgets what ended longer ago than `kept`.
    pub(super) fn advance(&mut self, now: Timestamp, kept: Duration) {
        self.known.retain(|_, operation| now < after(operation.ends_at, kept));
    }

    /// Answers a poll of a path that `begin` gave. `None` for any other path.
    pub(super) fn poll(&self, asked: Asked<'_>) -> Option<Result<ArmResponse, ArmError>> {
        let [(locations, location), (collection, id)] = &asked.path.types[..] else { return None };
        let result = collection.eq_ignore_ascii_case("operationResults");
        if !locations.eq_ignore_ascii_case("locations") || !(result || collection.eq_ignore_ascii_case("operations")) {
            return None;
        }
        let Some(operation) = self.known.get(&id.to_ascii_lowercase()) else {
            let message = format!("The entity '{id}' was not found in the operations of {location}.");
            return Some(Err(ArmError::new(404, "NotFound", message)));
        };
        let retry = ("retry-after", asked.retry_after.as_secs().to_string());
        Some(if result { operation.result(asked, retry) } else { Ok(operation.status(id, asked.now, retry)) })
    }
}

impl Operation {
    fn status(&self, id: &str, now: Timestamp, retry: (&'static str, String)) -> ArmResponse {
        let mut body = json!({ "name": id, "startTime": self.started.to_string(), "status": "InProgress" });
        if now < self.ends_at {
            return ArmResponse { status: 200, headers: vec![retry], body: Some(body) };
        }
        body["endTime"] = self.ends_at.to_string().into();
        match &self.outcome {
            Ok(result) => {
                body["status"] = "Succeeded".into();
                if let Some(result) = result {
                    body["properties"] = result.clone();
                }
            }
            Err((code, message)) => {
                body["status"] = if CANCELED.contains(&code.as_str()) { "Canceled" } else { "Failed" }.into();
                body["error"] = json!({ "code": code, "message": message, "details": [] });
            }
        }
        ArmResponse { status: 200, headers: Vec::new(), body: Some(body) }
    }

    fn result(&self, asked: Asked<'_>, retry: (&'static str, String)) -> Result<ArmResponse, ArmError> {
        if asked.now < self.ends_at {
            let again = format!("{}{}?api-version={}", asked.base, asked.path.id(), asked.api_version);
            return Ok(ArmResponse { status: 202, headers: vec![("location", again), retry], body: None });
        }
        match &self.outcome {
            Ok(Some(result)) => Ok(ArmResponse { status: 200, headers: Vec::new(), body: Some(result.clone()) }),
            Ok(None) => Ok(ArmResponse { status: 204, headers: Vec::new(), body: None }),
            Err((code, message)) => {
                let status = if code == "InternalServerError" { 500 } else { 409 };
                Err(ArmError::new(status, code.clone(), message.clone()))
            }
        }
    }
}
