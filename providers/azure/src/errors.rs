//! What each error code of Azure means: one table, one classification, for every call of this crate.
//!
//! Never judges a write by its HTTP status alone. What is not listed is unknown, and unknown is answered with an observation.

use http::{HeaderMap, Response, StatusCode};
use lifeboat_contract::{Access, CallError, Effect, Retry, Sent, WireError};
use serde_json::Value;
use std::time::Duration;

/// Which call is being judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallSite {
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) region: Option<String>,
    pub(crate) access: Access,
}

/// What an error code stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Too many requests: later.
    Throttled,
    /// Another change is under way on the same resource, or on one that it refers to: later.
    Busy,
    /// The resource is not as it was read: read again, then decide.
    Drift,
    /// The service failed inside. A write may have taken effect.
    Ambiguous,
    /// No capacity now.
    Capacity,
    /// The request can never succeed as it is.
    Configuration,
    /// Not allowed.
    Denied,
    /// The token went stale: a new one is fetched before the next try.
    Stale,
}

use Class::{Ambiguous, Busy, Capacity, Configuration, Denied, Drift, Stale, Throttled};

/// Codes that mean the same everywhere (`*`), or something of their own with one resource provider. The first match holds.
const TABLE: &[(&str, &str, Class)] = &[
    // How the compute provider says that a quota is used up; elsewhere the operation itself is not allowed.
    ("Microsoft.Compute", "OperationNotAllowed", Capacity),
    ("Microsoft.Compute", "Conflict", Busy),
    ("Microsoft.Compute", "VMNotRunning", Configuration),
    ("Microsoft.Compute", "VMAllocationFailed", Capacity),
    ("Microsoft.Storage", "Conflict", Busy),
    ("*", "TooManyRequests", Throttled),
    ("*", "SubscriptionRequestsThrottled", Throttled),
    ("*", "TenantRequestsThrottled", Throttled),
    ("*", "ResourceRequestsThrottled", Throttled),
    ("*", "ServerBusy", Throttled),
    // Told with 429, and no throttling: a resource that is referred to is still being written.
    ("*", "RetryableError", Busy),
    ("*", "ReferencedResourceNotProvisioned", Busy),
    ("*", "AnotherOperationInProgress", Busy),
    ("*", "OperationPreempted", Busy),
    ("*", "OperationNotAllowedOnUpdatingResource", Busy),
    ("*", "ResourceNotProvisioned", Busy),
    ("*", "Conflict", Busy),
    ("*", "ConflictError", Busy),
    ("*", "ConcurrentUpdateError", Busy),
    ("*", "PreconditionFailed", Drift),
    ("*", "PreconditionFailedEtagMismatch", Drift),
    ("*", "ConditionNotMet", Drift),
    ("*", "InternalServerError", Ambiguous),
    ("*", "InternalError", Ambiguous),
    ("*", "InternalOperationError", Ambiguous),
    ("*", "InternalExecutionError", Ambiguous),
    ("*", "NetworkingInternalOperationError", Ambiguous),
    ("*", "ServiceUnavailable", Ambiguous),
    ("*", "ServiceTimeout", Ambiguous),
    ("*", "GatewayTimeout", Ambiguous),
    ("*", "BadGateway", Ambiguous),
    ("*", "OperationTimedOut", Ambiguous),
    ("*", "RequestTimeout", Ambiguous),
    ("*", "Canceled", Ambiguous),
    ("*", "OperationCanceled", Ambiguous),
    ("*", "AllocationFailed", Capacity),
    ("*", "ZonalAllocationFailed", Capacity),
    ("*", "OverconstrainedAllocationRequest", Capacity),
    ("*", "OverconstrainedZonalAllocationRequest", Capacity),
    ("*", "SkuNotAvailable", Capacity),
    ("*", "QuotaExceeded", Capacity),
    ("*", "ResourceNotFound", Configuration),
    ("*", "NotFound", Configuration),
    ("*", "ShareNotFound", Configuration),
    ("*", "ResourceGroupNotFound", Configuration),
    ("*", "SubscriptionNotFound", Configuration),
    ("*", "ParentResourceNotFound", Configuration),
    ("*", "InvalidSubscriptionId", Configuration),
    ("*", "InvalidResourceType", Configuration),
    ("*", "NoRegisteredProviderFound", Configuration),
    ("*", "MissingSubscriptionRegistration", Configuration),
    ("*", "InvalidApiVersionParameter", Configuration),
    ("*", "InvalidRequestFormat", Configuration),
    ("*", "InvalidRequestContent", Configuration),
    ("*", "InvalidRequest", Configuration),
    ("*", "InvalidParameter", Configuration),
    ("*", "InvalidResourceReference", Configuration),
    ("*", "InvalidResourceName", Configuration),
    ("*", "BadRequest", Configuration),
    ("*", "OperationNotAllowed", Configuration),
    ("*", "PublicIPAddressInUse", Configuration),
    ("*", "PrivateIPAddressInUse", Configuration),
    ("*", "PrivateIPAddressIsAllocated", Configuration),
    ("*", "PrivateIPAddressNotInSubnet", Configuration),
    ("*", "InUse", Configuration),
    ("*", "RouteConflict", Configuration),
    ("*", "SecurityRuleConflict", Configuration),
    ("*", "NetworkInterfaceNotAttachedToVirtualMachine", Configuration),
    ("*", "ScopeLocked", Denied),
    ("*", "AuthorizationFailed", Denied),
    ("*", "LinkedAuthorizationFailed", Denied),
    ("*", "RequestDisallowedByPolicy", Denied),
    ("*", "ReadOnlyDisabledSubscription", Denied),
    ("*", "DisallowedOperation", Denied),
    ("*", "InvalidAuthenticationTokenTenant", Denied),
    ("*", "AuthenticationFailed", Stale),
    ("*", "InvalidAuthenticationToken", Stale),
    ("*", "ExpiredAuthenticationToken", Stale),
];

/// What a missing resource is answered with.
const ABSENT: [&str; 3] = ["ResourceNotFound", "NotFound", "ShareNotFound"];

fn class(service: &str, code: &str) -> Option<Class> {
    let own = |row: &&(&str, &str, Class)| {
        row.1.eq_ignore_ascii_case(code) && (row.0 == "*" || row.0.eq_ignore_ascii_case(service))
    };
    // Families: `PublicIPAddressInUse`, `SubnetInUse`, `InUseSubnetCannotBeDeleted`.
    TABLE.iter().find(own).map(|row| row.2).or_else(|| code.contains("InUse").then_some(Configuration))
}

/// An error as Azure writes it, with the most telling of its codes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    code: String,
    message: String,
    class: Option<Class>,
}

/// Reads `{code, message, details: [{code, message}]}`. The cause is often in a detail: the first known one is preferred.
fn told(service: &str, error: &Value) -> Option<Told> {
    let code = error["code"].as_str()?;
    let text = |value: &Value| value["message"].as_str().unwrap_or("no message").to_owned();
    let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    let cause = details.iter().find_map(|detail| {
        let code = detail["code"].as_str()?;
        Some((code, class(service, code)?, detail))
    });
    Some(match cause {
        Some((code, class, detail)) => {
            Told { code: code.to_owned(), message: format!("{}: {}", text(error), text(detail)), class: Some(class) }
        }
        None => Told { code: code.to_owned(), message: text(error), class: class(service, code) },
    })
}

/// `Retry-After` in seconds; a date is not understood.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// Whether an answer says that the resource asked for is not there.
///
/// A missing group, subscription or parent is no absence: it is an error.
pub(crate) fn is_absence(error: &CallError) -> bool {
    ABSENT.contains(&error.code.as_str())
}

impl CallSite {
    /// A read changes nothing, whatever became of it.
    fn unknown(&self) -> Effect {
        if self.access == Access::Write { Effect::Unknown } else { Effect::None }
    }

    fn error(&self, effect: Effect, retry: Retry, code: impl Into<String>, message: impl Into<String>) -> CallError {
        let error = CallError::new(effect, retry, self.service, code, message);
        CallError { region: self.region.clone(), ..error }
    }

    /// An error that certainly changed nothing and that no repetition mends.
    pub(crate) fn definite(&self, code: &str, message: impl Into<String>) -> CallError {
        self.error(Effect::None, Retry::Never, code, message)
    }

    /// It may have had an effect, and may yet; observing tells.
    pub(crate) fn uncertain(&self, code: &str, message: impl Into<String>) -> CallError {
        self.error(self.unknown(), Retry::Backoff, code, message)
    }

    /// No answer came.
    pub(crate) fn unanswered(&self, error: WireError) -> CallError {
        let maybe = error.sent == Sent::Maybe;
        let error = CallError::from_wire(self.service, self.region.as_deref(), error);
        if maybe { CallError { effect: self.unknown(), ..error } } else { error }
    }

    /// The service answered with an error.
    pub(crate) fn answered(&self, response: &Response<bytes::Bytes>) -> CallError {
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        // Some providers leave the envelope out.
        let error = if body["error"].is_object() { &body["error"] } else { &body };
        let header = response.headers().get("x-ms-error-code").and_then(|code| code.to_str().ok());
        let status = response.status();
        let found = told(self.service, error).unwrap_or_else(|| {
            let code = header.map_or_else(|| format!("http.{}", status.as_u16()), str::to_owned);
            Told { class: class(self.service, &code), code, message: format!("answered {status}") }
        });
        let class = match found.class {
            // Whatever else the code stands for: it was not taken because too many came.
            Some(Configuration | Capacity) if status == StatusCode::TOO_MANY_REQUESTS => Some(Throttled),
            class => class.or_else(|| self.by_status(status, &found.code)),
        };
        let mut judged = self.judged(class, found);
        if judged.retry == Retry::Backoff
            && let Some(pause) = retry_after(response.headers())
        {
            judged.retry = Retry::After(pause);
        }
        let id = response.headers().get("x-ms-request-id").and_then(|id| id.to_str().ok());
        judged.request_id = id.map(str::to_owned);
        judged
    }

    /// What the status tells of an answer whose code is not known: of a read enough, of a write only what no code can gainsay.
    fn by_status(&self, status: StatusCode, code: &str) -> Option<Class> {
        match status.as_u16() {
            429 => Some(Throttled),
            401 => Some(Stale),
            412 => Some(Drift),
            // A status without a code comes from the front door, before any provider has seen the request.
            400 | 403 | 404 | 405 if self.access != Access::Write || code.starts_with("http.") => Some(Configuration),
            _ => None,
        }
    }

    fn judged(&self, class: Option<Class>, found: Told) -> CallError {
        let (effect, retry) = match class {
            Some(Throttled | Busy | Drift | Stale) => (Effect::None, Retry::Backoff),
            Some(Ambiguous) | None => (self.unknown(), Retry::Backoff),
            Some(Capacity) => (Effect::None, Retry::Capacity),
            Some(Configuration | Denied) => (Effect::None, Retry::Never),
        };
        let error = self.error(effect, retry, found.code, found.message);
        CallError { denied: class == Some(Denied), ..error }
    }

    /// An operation that was accepted has failed or was canceled: `{status, error: {code, message}}`.
    ///
    /// It was under way when it failed, so part of it may stand: the effect of a write is unknown.
    pub(crate) fn operation_failed(&self, status: &str, error: &Value) -> CallError {
        let found = told(self.service, error).unwrap_or_else(|| Told {
            code: format!("operation.{}", status.to_ascii_lowercase()),
            message: format!("the operation {} ended as {status}", self.operation),
            class: None,
        });
        let judged = self.judged(found.class, found);
        CallError { effect: self.unknown(), ..judged }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use lifeboat_contract::WireFailure;
    use serde_json::json;

    fn site(service: &'static str, access: Access) -> CallSite {
        CallSite { service, operation: "Routes_CreateOrUpdate", region: Some("eastus".to_owned()), access }
    }

    fn answer(status: u16, body: &Value) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap()
    }

    fn of(service: &'static str, access: Access, status: u16, code: &str) -> (Effect, Retry) {
        let error = site(service, access).answered(&answer(status, &json!({"error": {"code": code, "message": "m"}})));
        assert_eq!(error.code, code);
        (error.effect, error.retry)
    }

    const NEVER: (Effect, Retry) = (Effect::None, Retry::Never);
    const LATER: (Effect, Retry) = (Effect::None, Retry::Backoff);
    const UNKNOWN: (Effect, Retry) = (Effect::Unknown, Retry::Backoff);

    #[test]
    fn every_known_code_has_its_class() {
        for &(service, code, class) in TABLE {
            let service = if service == "*" { "Microsoft.Network" } else { service };
            let expected = match class {
                Throttled | Busy | Drift | Stale => LATER,
                Ambiguous => UNKNOWN,
                Capacity => (Effect::None, Retry::Capacity),
                Configuration | Denied => NEVER,
            };
            for status in [400, 409, 500] {
                assert_eq!(of(service, Access::Write, status, code), expected, "{service} {code}");
            }
        }
        assert_eq!(of("Microsoft.Network", Access::Write, 400, "InUseSubnetCannotBeDeleted"), NEVER);
        assert_eq!(of("Microsoft.Compute", Access::Write, 429, "OperationNotAllowed"), LATER, "a throttle in disguise");
    }

    #[test]
    fn no_code_stands_twice_for_one_provider() {
        for (at, row) in TABLE.iter().enumerate() {
            assert!(!TABLE[..at].iter().any(|other| (other.0, other.1) == (row.0, row.1)), "{row:?}");
        }
    }

    #[test]
    fn an_unknown_code_on_a_write_is_of_unknown_effect() {
        for status in [400, 403, 409, 500, 503] {
            assert_eq!(of("Microsoft.Network", Access::Write, status, "Novel"), UNKNOWN, "{status}");
        }
        assert_eq!(of("Microsoft.Network", Access::Read, 400, "Novel"), NEVER);
        assert_eq!(of("Microsoft.Network", Access::Read, 500, "InternalServerError"), LATER);
        assert_eq!(of("Microsoft.Network", Access::Write, 429, "Novel"), LATER, "the status itself says: not taken");
    }

    #[test]
    fn the_cause_is_looked_for_in_the_details() {
        let body = json!({"error": {"code": "Novel", "message": "outer", "details": [
            {"code": "ReferencedResourceNotProvisioned", "message": "the table is Updating"}]}});
        let error = site("Microsoft.Network", Access::Write).answered(&answer(429, &body));
        assert_eq!((error.code.as_str(), error.effect), ("ReferencedResourceNotProvisioned", Effect::None));
        assert_eq!(error.message, "outer: the table is Updating");
    }

    #[test]
    fn a_pause_that_is_asked_for_is_kept() {
        let mut response = answer(429, &json!({"error": {"code": "TooManyRequests", "message": "m"}}));
        response.headers_mut().insert("retry-after", "17".parse().unwrap());
        response.headers_mut().insert("x-ms-request-id", "r-1".parse().unwrap());
        let error = site("Microsoft.Network", Access::Write).answered(&response);
        assert_eq!(error.retry, Retry::After(Duration::from_secs(17)));
        assert_eq!(error.request_id.as_deref(), Some("r-1"));
    }

    #[test]
    fn an_answer_without_a_code_is_judged_by_its_status() {
        let site = site("Microsoft.Network", Access::Write);
        let judged = |status| {
            let error = site.answered(&answer(status, &Value::Null));
            (error.code.clone(), error.effect, error.retry)
        };
        assert_eq!(judged(502), ("http.502".to_owned(), Effect::Unknown, Retry::Backoff));
        assert_eq!(judged(404), ("http.404".to_owned(), Effect::None, Retry::Never));
        assert_eq!(judged(412), ("http.412".to_owned(), Effect::None, Retry::Backoff));
    }

    #[test]
    fn an_accepted_operation_that_failed_may_have_done_part_of_its_work() {
        let write = site("Microsoft.Network", Access::Write);
        let failed = write.operation_failed("Failed", &json!({"code": "InvalidResourceReference", "message": "m"}));
        assert_eq!((failed.code.as_str(), failed.effect), ("InvalidResourceReference", Effect::Unknown));
        let canceled = write.operation_failed("Canceled", &Value::Null);
        assert_eq!((canceled.code.as_str(), canceled.effect), ("operation.canceled", Effect::Unknown));
        let full = write.operation_failed("Failed", &json!({"code": "ZonalAllocationFailed", "message": "m"}));
        assert_eq!(full.retry, Retry::Capacity);
        let read = site("Microsoft.Network", Access::Read).operation_failed("Failed", &Value::Null);
        assert_eq!(read.effect, Effect::None);
    }

    #[test]
    fn the_wire_says_whether_a_write_was_sent() {
        let write = site("Microsoft.Network", Access::Write);
        let cut = WireError::maybe_sent(WireFailure::TimedOut, "no answer in 8 s");
        assert_eq!(write.unanswered(cut.clone()).effect, Effect::Unknown);
        assert_eq!(site("Microsoft.Network", Access::Read).unanswered(cut).effect, Effect::None);
        assert_eq!(write.unanswered(WireError::unsent(WireFailure::Connect, "refused")).effect, Effect::None);
    }
}
