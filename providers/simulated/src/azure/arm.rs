//! What all resource providers share of a request and its answer: paths, preconditions, errors. Knows no resource.

use super::operations::NewOperation;
use crate::pace::Pace;
use http::{HeaderMap, Method, Uri};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// A request to the Resource Manager, taken apart.
#[derive(Debug)]
pub(crate) struct ArmRequest<'a> {
    pub(crate) method: Method,
    pub(crate) path: ArmPath,
    pub(crate) api_version: String,
    /// The query string as it was sent: `$expand` and its like.
    pub(crate) query: String,
    pub(crate) headers: &'a HeaderMap,
    /// `Null` when there is none.
    pub(crate) body: Value,
    /// Scheme and host of the request: the addresses of operations are built on it.
    pub(crate) base: String,
}

/// The path of a resource, a collection or an action. Kept as it was sent; compared without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArmPath {
    /// Empty for what stands above all subscriptions.
    pub(crate) subscription: String,
    pub(crate) group: Option<String>,
    /// The resource that the rest is an extension of: permissions, locks.
    pub(crate) extends: Option<String>,
    /// `Microsoft.Network`.
    pub(crate) namespace: Option<String>,
    /// Types and names from the outside to the inside: `[(routeTables, clients), (routes, overlay)]`.
    pub(crate) types: Vec<(String, String)>,
    /// A last segment without a name: a collection (`routes`), or an action (`start`).
    pub(crate) rest: Option<String>,
}

/// An error as the Resource Manager reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArmError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// Codes and messages of the causes.
    pub(crate) details: Vec<(String, String)>,
    /// Seconds.
    pub(crate) retry_after: Option<u64>,
}

/// What a service makes of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ArmReply {
    Json(u16, Value),
    Empty(u16),
    /// The request was accepted, and goes on.
    Running {
        status: u16,
        body: Option<Value>,
        operation: NewOperation,
    },
}

/// A complete answer, not yet bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ArmResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
}

/// What a service knows of the moment and the place of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ArmCx<'a> {
    pub(crate) now: Timestamp,
    pub(crate) seed: u64,
    /// What faults do to the transition that this request begins.
    pub(crate) pace: Pace,
    pub(crate) subscription: &'a str,
}

impl ArmCx<'_> {
    /// When a transition that usually takes `duration` ends.
    pub(crate) fn end(&self, duration: Duration) -> Timestamp {
        self.pace.end(self.now, duration)
    }

    /// How a transition ends: `result`, unless a fault lets the service call it off.
    pub(crate) fn outcome(&self, result: Option<Value>) -> Result<Option<Value>, (String, String)> {
        if self.pace.cancel { Err(("Canceled".to_owned(), "Operation was canceled.".to_owned())) } else { Ok(result) }
    }
}

impl ArmRequest<'_> {
    /// A parameter of the query string, whatever the case of its name.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.into_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Checks `If-Match` and `If-None-Match` against a resource's etag, `None` for one that does not exist.
    pub(crate) fn preconditions(&self, etag: Option<&str>) -> Result<(), ArmError> {
        let named = |wanted: &str| etag.is_some_and(|etag| wanted.split(',').any(|one| one.trim() == etag));
        let failed = |header: &str, given: &str| {
            let actual = etag.unwrap_or("none");
            let message = format!("{header} {given} does not hold for etag {actual}");
            let detail = ("PreconditionFailedEtagMismatch".to_owned(), message);
            ArmError { details: vec![detail], ..ArmError::new(412, "PreconditionFailed", "Precondition failed.") }
        };
        if let Some(wanted) = self.header("if-match") {
            let holds = if wanted.trim() == "*" { etag.is_some() } else { named(wanted) };
            if !holds {
                return Err(failed("If-Match", wanted));
            }
        }
        if let Some(wanted) = self.header("if-none-match") {
            let exists = if wanted.trim() == "*" { etag.is_some() } else { named(wanted) };
            if exists {
                return Err(failed("If-None-Match", wanted));
            }
        }
        Ok(())
    }

    /// The body as an object with `properties`: what a PUT needs.
    pub(crate) fn resource_body(&self) -> Result<&Value, ArmError> {
        let right = self.body.is_object() && self.body.get("properties").is_none_or(Value::is_object);
        let invalid =
            || ArmError::bad("InvalidRequestContent", "The request content was invalid and could not be deserialized.");
        right.then_some(&self.body).ok_or_else(invalid)
    }
}

impl ArmPath {
    /// Takes a path apart. `None` for one that is not the Resource Manager's.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        let mut parts = segments.into_iter().peekable();
        let mut read = Self {
            subscription: String::new(),
            group: None,
            extends: None,
            namespace: None,
            types: Vec::new(),
            rest: None,
        };
        let is = |part: Option<&String>, name: &str| part.is_some_and(|part| part.eq_ignore_ascii_case(name));
        if is(parts.peek(), "subscriptions") {
            parts.next();
            read.subscription = parts.next()?;
            if is(parts.peek(), "resourceGroups") {
                let collection = parts.next();
                read.group = parts.next();
                if read.group.is_none() {
                    read.rest = collection;
                    return Some(read);
                }
            }
        } else if !is(parts.peek(), "providers") {
            return None;
        }
        if is(parts.peek(), "providers") {
            parts.next();
            read.namespace = Some(parts.next()?);
        }
        while let Some(kind) = parts.next() {
            match parts.next() {
                Some(namespace) if kind.eq_ignore_ascii_case("providers") => {
                    read.extends = Some(read.id());
                    read.namespace = Some(namespace);
                    read.types.clear();
                }
                Some(name) => read.types.push((kind, name)),
                None => read.rest = Some(kind),
            }
        }
        Some(read)
    }

    /// Whether a request is for the Resource Manager, by its host or by its path and version.
    pub(crate) fn belongs(uri: &Uri, host: &str) -> bool {
        let path = uri.path().to_ascii_lowercase();
        let shaped = path.starts_with("/subscriptions/") || path.starts_with("/providers/microsoft.");
        let versioned = uri.query().is_some_and(|query| query.to_ascii_lowercase().contains("api-version="));
        is_arm_host(host) || (shaped && versioned)
    }

    /// The types in lower case, with the action or collection at the end: `routetables/routes`, `virtualmachines/start`.
    pub(crate) fn shape(&self) -> String {
        let group = (self.namespace.is_none() && self.group.is_some()).then_some("resourcegroups");
        let types = self.types.iter().map(|(kind, _)| kind.as_str());
        let parts: Vec<&str> = group.into_iter().chain(types).chain(self.rest.as_deref()).collect();
        parts.join("/").to_ascii_lowercase()
    }

    /// The types of the resource itself in lower case, without action or collection: `routetables/routes`.
    pub(crate) fn kind(&self) -> String {
        let types: Vec<&str> = self.types.iter().map(|(kind, _)| kind.as_str()).collect();
        types.join("/").to_ascii_lowercase()
    }

    /// The action or collection in lower case.
    pub(crate) fn last(&self) -> Option<String> {
        self.rest.as_ref().map(|rest| rest.to_ascii_lowercase())
    }

    /// The id of the resource, as it was sent.
    pub(crate) fn id(&self) -> String {
        self.id_of(self.types.len())
    }

    /// The id of the outermost resource, as it was sent: `…/routeTables/clients`.
    pub(crate) fn root_id(&self) -> String {
        self.id_of(1)
    }

    fn id_of(&self, depth: usize) -> String {
        let mut id = self.container();
        if let Some(namespace) = &self.namespace {
            id.extend(["/providers/", namespace]);
        }
        for (kind, name) in self.types.iter().take(depth) {
            id.extend(["/", kind, "/", name]);
        }
        id
    }

    /// What the namespace is of: a subscription, a group, or the resource that this is an extension of.
    fn container(&self) -> String {
        let group = self.group.as_ref().map(|group| format!("/resourceGroups/{group}")).unwrap_or_default();
        let own = || format!("/subscriptions/{}{group}", self.subscription);
        self.extends.clone().unwrap_or_else(own)
    }

    /// Where what the path is about lies, for permissions: an extension without a name is about what it extends.
    pub(crate) fn scope(&self) -> String {
        if self.types.is_empty() && self.in_namespace("Microsoft.Authorization") { self.container() } else { self.id() }
    }

    /// The outermost resource's id in lower case.
    pub(crate) fn root_key(&self) -> String {
        self.root_id().to_ascii_lowercase()
    }

    /// The name of the resource itself.
    pub(crate) fn name(&self) -> &str {
        self.types.last().map(|(_, name)| name.as_str()).unwrap_or_default()
    }

    /// The name at a depth: 0 is the outermost resource.
    pub(crate) fn name_at(&self, depth: usize) -> &str {
        self.types.get(depth).map(|(_, name)| name.as_str()).unwrap_or_default()
    }

    pub(crate) fn in_namespace(&self, namespace: &str) -> bool {
        self.namespace.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(namespace))
    }
}

/// Whether a host is the Resource Manager's, global or of one region.
pub(crate) fn is_arm_host(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "management.azure.com" || host.ends_with(".management.azure.com")
}

impl ArmError {
    pub(crate) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), details: Vec::new(), retry_after: None }
    }

    pub(crate) fn bad(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(crate) fn conflict(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(409, code, message)
    }

    /// The outermost resource of a path does not exist.
    pub(crate) fn resource_not_found(path: &ArmPath) -> Self {
        let namespace = path.namespace.as_deref().unwrap_or_default();
        let kinds: Vec<String> = path.types.iter().map(|(kind, name)| format!("{kind}/{name}")).collect();
        let group = path.group.as_deref().unwrap_or_default();
        let message = format!(
            "The Resource '{namespace}/{}' under resource group '{group}' was not found. For more details please go to \
             https://aka.ms/ARMResourceNotFoundFix",
            kinds.join("/")
        );
        Self::new(404, "ResourceNotFound", message)
    }

    /// The resource that should hold the one of the path does not exist.
    pub(crate) fn parent_not_found(request: &ArmRequest<'_>) -> Self {
        let message = format!(
            "Can not perform requested operation on nested resource. Parent resource '{}' not found.",
            request.path.root_id()
        );
        Self::new(404, "ParentResourceNotFound", message)
    }

    /// The parent is there, and has no such child. Resource providers say this in words of their own.
    pub(crate) fn child_not_found(path: &ArmPath) -> Self {
        Self::new(404, "NotFound", format!("Resource {} not found.", path.id()))
    }

    pub(crate) fn group_not_found(group: &str) -> Self {
        Self::new(404, "ResourceGroupNotFound", format!("Resource group '{group}' could not be found."))
    }

    /// Another write to the resource has not ended.
    pub(crate) fn busy(resource: &str) -> Self {
        let message = format!("Another operation on this or dependent resource is in progress. Resource: {resource}");
        Self { retry_after: Some(10), ..Self::conflict("AnotherOperationInProgress", message) }
    }

    /// As `busy`, in the words that `Microsoft.Network` has for a resource that is locked.
    pub(crate) fn locked(resource: &str) -> Self {
        let message = format!(
            "Operation PutResourceOperation is updating resource {resource}. The call can be retried in 10 seconds."
        );
        let detail = ("RetryableErrorDueToAnotherOperation".to_owned(), message);
        Self {
            details: vec![detail],
            retry_after: Some(10),
            ..Self::new(429, "RetryableError", "A retryable error occurred.")
        }
    }

    /// A write names a resource whose own write has not ended.
    pub(crate) fn referenced_busy(resource: &str) -> Self {
        let message = format!(
            "Cannot proceed with operation because resource {resource} is not in Succeeded state. Resource is in Updating \
             state and the last operation that updated/is updating the resource is PutResourceOperation."
        );
        let detail = ("ReferencedResourceNotProvisioned".to_owned(), message);
        Self {
            details: vec![detail],
            retry_after: Some(10),
            ..Self::new(429, "RetryableError", "A retryable error occurred.")
        }
    }

    /// A write names a resource that does not exist.
    pub(crate) fn invalid_reference(resource: &str, by: &str) -> Self {
        let message = format!(
            "Resource {resource} referenced by resource {by} was not found. Please make sure that the referenced resource \
             exists, and that both resources are in the same region."
        );
        Self::bad("InvalidResourceReference", message)
    }

    pub(crate) fn method_not_allowed(method: &Method) -> Self {
        Self::new(405, "MethodNotAllowed", format!("The http method '{method}' is not supported for this resource."))
    }

    /// The namespace has no such type.
    pub(crate) fn unknown_type(path: &ArmPath) -> Self {
        let namespace = path.namespace.as_deref().unwrap_or_default();
        let message = format!(
            "The resource type '{}' could not be found in the namespace '{namespace}' of the simulated world.",
            path.shape()
        );
        Self::new(404, "InvalidResourceType", message)
    }

    pub(crate) fn response(&self) -> ArmResponse {
        let details: Vec<Value> =
            self.details.iter().map(|(code, message)| json!({ "code": code, "message": message })).collect();
        let body = json!({ "error": { "code": self.code, "message": self.message, "details": details } });
        let retry = self.retry_after.map(|seconds| ("retry-after", seconds.to_string()));
        let code = ("x-ms-error-code", self.code.clone());
        ArmResponse { status: self.status, headers: retry.into_iter().chain([code]).collect(), body: Some(body) }
    }
}

/// A path segment without its percent signs. One that is no text stays as it is.
fn decoded(segment: &str) -> String {
    if !segment.contains('%') {
        return segment.to_owned();
    }
    let bytes = segment.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| segment.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(plain).unwrap_or_else(|_| segment.to_owned())
}
