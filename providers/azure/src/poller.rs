//! Waits until an operation that Azure has accepted comes to its end, in every style in which it tells.
//!
//! A failed look is no failed operation: looking goes on. What it cannot find out is of unknown outcome, and the engine
//! observes. It persists nothing: after a crash, the resource's own provisioning state is the position.

use crate::{
    arm::Arm,
    arm_id::ArmId,
    errors::{CallSite, retry_after},
    operations::Operation,
    resource::phase,
};
use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use jiff::Timestamp;
use lifeboat_contract::{
    CallError, CallScope, Phase, Retry,
    clock::{after, until},
};
use serde_json::Value;
use std::time::Duration;

/// The pause between two looks, where the service asks for none; and its bounds, where it does.
const PAUSE: Duration = Duration::from_secs(5);
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// How long an operation is waited for that has no deadline: one that computes an answer to a question.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where progress shows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Style {
    /// A status document; the result, where there is one, is at another address.
    Status { url: String, result: Option<String> },
    /// 202 while under way, then what a call that did not have to wait would have answered.
    Location(String),
    /// The resource's own provisioning state.
    Resource(String),
    /// It is over.
    Done,
}

/// What one look showed.
enum Look {
    Running,
    Done(Value),
    /// Over, and its result is at this address.
    Elsewhere(String),
    Failed(CallError),
}

/// Follows an accepted operation to its end, and returns what it answered.
///
/// A PUT or PATCH that is told over by a status document yields what was accepted: the engine observes next in any case.
pub(crate) async fn finish(
    arm: &Arm<'_>,
    operation: &Operation,
    id: &ArmId,
    accepted: Response<Bytes>,
) -> Result<Value, CallError> {
    let first = arm.json(operation, id, &accepted)?;
    let site = arm.site(operation, id);
    let mut style = style(arm, operation, id, &accepted, &first);
    let clock = &*arm.cx().clock;
    let deadline = CallScope::current().deadline.unwrap_or_else(|| after(clock.now(), PATIENCE));
    let mut pause = pause(accepted.headers());
    while style != Style::Done {
        tokio::time::sleep(pause_within(&site, pause, clock.now(), deadline)?).await;
        let url = match &style {
            Style::Status { url, .. } | Style::Location(url) | Style::Resource(url) => url.clone(),
            Style::Done => break,
        };
        let answer = match arm.progress(operation, id, &url).await {
            Ok(answer) => answer,
            Err(error) if error.retry == Retry::Never => return Err(lost(&site, error)),
            Err(_) => {
                pause = PAUSE;
                continue;
            }
        };
        pause = self::pause(answer.headers());
        match look(&site, &style, &answer) {
            Look::Running => {}
            Look::Done(Value::Null) => return Ok(first),
            Look::Done(result) => return Ok(result),
            Look::Elsewhere(url) => style = Style::Location(url),
            Look::Failed(error) => return Err(error),
        }
    }
    Ok(first)
}

fn style(arm: &Arm<'_>, operation: &Operation, id: &ArmId, accepted: &Response<Bytes>, first: &Value) -> Style {
    let header = |name: &str| accepted.headers().get(name).and_then(|url| url.to_str().ok()).map(str::to_owned);
    let location = header("location");
    let status = header("azure-asyncoperation").or_else(|| header("operation-location"));
    let replaces = matches!(operation.method, Method::PUT | Method::PATCH);
    match (status, location) {
        (Some(url), result) => Style::Status { url, result: result.filter(|_| operation.method == Method::POST) },
        // A finished PUT may name the address of what it created.
        (None, Some(url)) if accepted.status() == StatusCode::ACCEPTED => Style::Location(url),
        _ if replaces && matches!(phase(first), Phase::Moving { .. }) => Style::Resource(arm.own_url(operation, id)),
        // Accepted, and no word of where it shows: the engine observes.
        _ => Style::Done,
    }
}

fn pause(headers: &HeaderMap) -> Duration {
    retry_after(headers).unwrap_or(PAUSE).clamp(PAUSE_MIN, PAUSE_MAX)
}

/// The pause, unless the deadline comes first: then the operation is left to itself, under way as it is.
fn pause_within(site: &CallSite, pause: Duration, now: Timestamp, deadline: Timestamp) -> Result<Duration, CallError> {
    if until(now, deadline) > pause {
        return Ok(pause);
    }
    let message = format!("{} was accepted and has not ended within its time", site.operation);
    Err(site.uncertain("operation.unfinished", message))
}

/// Nothing can tell any more what became of the operation: the engine observes.
fn lost(site: &CallSite, why: CallError) -> CallError {
    let message = format!("{} was accepted, and what became of it cannot be read: {why}", site.operation);
    CallError { request_id: why.request_id, ..site.uncertain("operation.lost", message) }
}

/// What an answer means that is no success: of the look, unless it stands where the operation's own answer would.
fn refused(site: &CallSite, style: &Style, answer: &Response<Bytes>) -> Look {
    let error = site.answered(answer);
    match (answer.status().as_u16(), style) {
        // An expired token is replaced, a throttle passes, and a service that fails inside may not the next time.
        (401 | 408 | 429 | 500.., _) => Look::Running,
        (404 | 410, _) => Look::Failed(lost(site, error)),
        (_, Style::Location(_)) => Look::Failed(CallError { effect: site.uncertain("", "").effect, ..error }),
        _ => Look::Failed(lost(site, error)),
    }
}

fn look(site: &CallSite, style: &Style, answer: &Response<Bytes>) -> Look {
    if !answer.status().is_success() {
        return refused(site, style, answer);
    }
    let empty = answer.body().iter().all(u8::is_ascii_whitespace);
    let body = if empty { Ok(Value::Null) } else { serde_json::from_slice(answer.body()) };
    // An answer that cannot be read tells nothing: the next one may.
    let Ok(body): Result<Value, _> = body else { return Look::Running };
    match style {
        Style::Status { result, .. } => match body["status"].as_str() {
            Some(status) if status.eq_ignore_ascii_case("Succeeded") => match result {
                Some(url) => Look::Elsewhere(url.clone()),
                None => Look::Done(Value::Null),
            },
            Some(status) if ended_badly(status) => Look::Failed(site.operation_failed(status, &body["error"])),
            _ => Look::Running,
        },
        Style::Location(_) if answer.status() == StatusCode::ACCEPTED => Look::Running,
        Style::Location(_) | Style::Done => Look::Done(body),
        Style::Resource(_) => match phase(&body) {
            Phase::Settled => Look::Done(body),
            Phase::Moving { .. } => Look::Running,
            Phase::Faulted { .. } => {
                let state = body["properties"]["provisioningState"].as_str().unwrap_or("Failed");
                Look::Failed(site.operation_failed(state, &Value::Null))
            }
        },
    }
}

fn ended_badly(status: &str) -> bool {
    ["Failed", "Canceled", "Cancelled"].iter().any(|end| status.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        operations::{EFFECTIVE_ROUTES, INTERFACE_PUT, MACHINE_DEALLOCATE, ROUTE_DELETE, ROUTE_PUT},
        recorded::{Recorded, RecordedWire, answer, ok, surroundings},
    };
    use lifeboat_contract::{Effect, Mode, WireError, WireFailure};
    use serde_json::json;
    use std::sync::Arc;

    const STATUS: &str = "https://eastus.management.azure.com/operations/1?api-version=2024-03-01";
    const RESULT: &str = "https://management.azure.com/operationResults/1";

    fn id(text: &str) -> ArmId {
        format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/{text}").parse().unwrap()
    }

    fn succeeded() -> Recorded {
        ok(json!({"status": "Succeeded"}))
    }

    fn running() -> Recorded {
        ok(json!({"status": "InProgress"}))
    }

    /// What a write comes to whose first answer is `first` and whose progress is `looks`; and how long it took.
    async fn outcome(
        operation: &Operation,
        first: Recorded,
        looks: Vec<Recorded>,
    ) -> (Result<Value, CallError>, u64, Arc<RecordedWire>) {
        let wire = RecordedWire::new([(operation.name, vec![first]), ("OperationStatus_Get", looks)]);
        let (_, cx) = surroundings(wire.clone(), Mode::Switchover);
        let began = cx.clock.now();
        let scope = CallScope { deadline: Some(after(began, Duration::from_mins(5))), ..CallScope::default() };
        let result = scope
            .enclose(async {
                let arm = Arm::of(&cx)?;
                let target = id("routeTables/t/routes/r");
                match operation.access {
                    lifeboat_contract::Access::Read => {
                        Ok(arm.read(operation, &id("networkInterfaces/i")).await?.map_or(Value::Null, |read| read.body))
                    }
                    _ => arm.write(operation, &target, Some(json!({})), None).await,
                }
            })
            .await;
        (result, until(began, cx.clock.now()).as_secs(), wire)
    }

    #[tokio::test(start_paused = true)]
    async fn a_status_document_is_asked_until_it_is_final() {
        let first =
            answer(201, json!({"name": "r"})).header("azure-asyncoperation", STATUS).header("retry-after", "10");
        let looks = vec![running().header("retry-after", "3"), running(), succeeded()];
        let (result, seconds, wire) = outcome(&ROUTE_PUT, first, looks).await;
        assert_eq!(result.unwrap(), json!({"name": "r"}));
        assert_eq!(seconds, 10 + 3 + 5, "as long as it asks, and five seconds where it does not");
        assert_eq!(wire.urls("OperationStatus_Get"), [STATUS, STATUS, STATUS]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_operation_carries_its_own_code() {
        let first = answer(200, json!({})).header("azure-asyncoperation", STATUS);
        let error = json!({"code": "ZonalAllocationFailed", "message": "no capacity in zone 1"});
        let looks = vec![ok(json!({"status": "Failed", "error": error}))];
        let error = outcome(&MACHINE_DEALLOCATE, first, looks).await.0.unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.effect, error.retry),
            ("ZonalAllocationFailed", Effect::Unknown, Retry::Capacity)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_location_is_asked_until_it_no_longer_says_accepted() {
        let first = answer(202, Value::Null).header("location", RESULT).header("retry-after", "0");
        let looks = vec![answer(202, Value::Null).header("retry-after", "0"), answer(204, Value::Null)];
        let (result, seconds, _) = outcome(&ROUTE_DELETE, first, looks).await;
        assert_eq!((result.unwrap(), seconds), (Value::Null, 1 + 1), "never faster than once a second");
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_is_answered_at_its_location() {
        let table = json!({"value": [{"state": "Active"}]});
        let first = answer(202, Value::Null).header("location", RESULT);
        let (result, ..) = outcome(&EFFECTIVE_ROUTES, first, vec![ok(table.clone())]).await;
        assert_eq!(result.unwrap(), table);
        let both = answer(202, Value::Null).header("location", RESULT).header("azure-asyncoperation", STATUS);
        let (result, _, wire) = outcome(&EFFECTIVE_ROUTES, both, vec![running(), succeeded(), ok(table.clone())]).await;
        assert_eq!(result.unwrap(), table);
        assert_eq!(wire.urls("OperationStatus_Get"), [STATUS, STATUS, RESULT]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_any_address_the_resource_itself_is_watched() {
        let state = |state: &str| json!({"properties": {"provisioningState": state}});
        let (result, seconds, wire) =
            outcome(&ROUTE_PUT, ok(state("Updating")), vec![ok(state("Updating")), ok(state("Succeeded"))]).await;
        assert_eq!((result.unwrap(), seconds), (state("Succeeded"), 10));
        let own = format!("https://management.azure.com{}?api-version=2024-03-01", id("routeTables/t/routes/r"));
        assert_eq!(wire.urls("OperationStatus_Get"), [own.clone(), own]);
        let failed = outcome(&INTERFACE_PUT, ok(state("Updating")), vec![ok(state("Failed"))]).await.0.unwrap_err();
        assert_eq!((failed.code.as_str(), failed.effect), ("operation.failed", Effect::Unknown));
        let (result, seconds, _) = outcome(&ROUTE_PUT, ok(state("Succeeded")), vec![]).await;
        assert_eq!((result.is_ok(), seconds), (true, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_look_is_no_failed_operation() {
        let first = || answer(201, json!({})).header("azure-asyncoperation", STATUS);
        let throttled =
            answer(429, json!({"error": {"code": "TooManyRequests", "message": "m"}})).header("retry-after", "7");
        let cut = Recorded::cut(WireError::maybe_sent(WireFailure::TimedOut, "no answer"));
        let looks =
            vec![answer(503, Value::Null), throttled, cut, answer(401, Value::Null), ok(json!("?")), succeeded()];
        let (result, seconds, _) = outcome(&ROUTE_PUT, first(), looks).await;
        assert!(result.is_ok(), "{result:?}");
        assert_eq!(seconds, 5 + 5 + 7 + 5 + 5 + 5);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_found_out_is_unknown() {
        let first = || answer(201, json!({})).header("azure-asyncoperation", STATUS);
        let expired = answer(404, json!({"error": {"code": "NotFound", "message": "expired"}}));
        let denied = answer(403, json!({"error": {"code": "AuthorizationFailed", "message": "m"}}));
        for look in [expired, denied] {
            let error = outcome(&ROUTE_PUT, first(), vec![look]).await.0.unwrap_err();
            assert_eq!((error.code.as_str(), error.effect), ("operation.lost", Effect::Unknown));
        }
        let (result, seconds, _) = outcome(&ROUTE_PUT, first(), vec![running()]).await;
        assert_eq!(
            (result.unwrap_err().code.as_str(), seconds),
            ("operation.unfinished", 295),
            "not past its deadline"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_at_the_location_is_the_operations_own() {
        let first = answer(202, Value::Null).header("location", RESULT);
        let refusal = answer(400, json!({"error": {"code": "InUseSubnetCannotBeDeleted", "message": "m"}}));
        let error = outcome(&ROUTE_DELETE, first.clone(), vec![refusal]).await.0.unwrap_err();
        assert_eq!((error.code.as_str(), error.effect), ("InUseSubnetCannotBeDeleted", Effect::Unknown));
        let full = answer(409, json!({"error": {"code": "AllocationFailed", "message": "m"}}));
        let error = outcome(&MACHINE_DEALLOCATE, first, vec![full]).await.0.unwrap_err();
        assert_eq!((error.code.as_str(), error.retry), ("AllocationFailed", Retry::Capacity));
    }

    #[tokio::test(start_paused = true)]
    async fn the_token_follows_no_address_out_of_the_cloud() {
        let first = answer(201, json!({})).header("azure-asyncoperation", "https://evil.example/operations/1");
        let (result, _, wire) = outcome(&ROUTE_PUT, first, vec![succeeded()]).await;
        assert_eq!(result.unwrap_err().code, "operation.lost");
        assert_eq!(wire.urls("OperationStatus_Get"), [""; 0]);
    }
}
