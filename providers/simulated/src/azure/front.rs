//! How requests come to the Resource Manager: which are its own, the faults they meet, and the planes they need.
//!
//! The Resource Manager itself is global. It hands a request to the region of the resource, and keeps the metadata of a
//! resource in the region of its group: without the first it can answer nothing about the resource, without the second it can
//! change nothing.

use super::{ArmCx, ArmError, ArmPath, ArmRequest, ArmResponse, Azure, account_key, arm::is_arm_host, machine_key};
use crate::{
    answer::{Answer, Reply, host_and_port},
    cloud::Cloud,
    fault::{CallShape, Fate, Verdict, judge},
    world::{LateCall, Snapshot, World},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use lifeboat_contract::clock::after;
use serde_json::Value;
use std::time::Duration;

/// How long the Resource Manager waits for a region before it gives up.
const GATEWAY_TIMEOUT: Duration = Duration::from_mins(1);

/// A request to the Resource Manager.
pub(crate) struct ArmCall<'a> {
    host: String,
    request: &'a Request<Bytes>,
    path: Option<ArmPath>,
}

impl<'a> ArmCall<'a> {
    /// Takes a request apart. `None` for one that is not the Resource Manager's.
    pub(crate) fn read(request: &'a Request<Bytes>) -> Option<Self> {
        let (host, _) = host_and_port(request);
        let path = ArmPath::parse(request.uri().path());
        ArmPath::belongs(request.uri(), &host).then_some(Self { host, request, path })
    }

    fn is_read(&self) -> bool {
        *self.request.method() == Method::GET
    }

    /// The service's name for faults: the namespace in its own casing.
    fn service(&self) -> String {
        let named = self.path.as_ref().and_then(|path| path.namespace.as_deref()).unwrap_or("Microsoft.Resources");
        let known = ["Microsoft.Network", "Microsoft.Compute", "Microsoft.Storage"];
        known.into_iter().find(|own| own.eq_ignore_ascii_case(named)).unwrap_or(named).to_owned()
    }

    /// The operation's name for faults: `PUT routetables/routes`.
    fn operation(&self) -> String {
        let shape = self.path.as_ref().map(ArmPath::shape).unwrap_or_default();
        format!("{} {shape}", self.request.method())
    }

    /// The call as its service gets it, or what is wrong with its body.
    fn arm_request(&self) -> Result<ArmRequest<'_>, ArmError> {
        let invalid =
            |what: &str| ArmError::bad("InvalidRequestContent", format!("The request content was invalid: {what}"));
        let path = self.path.clone().ok_or_else(|| {
            ArmError::new(
                404,
                "NotFound",
                format!("The path {} is not the Resource Manager's.", self.request.uri().path()),
            )
        })?;
        let bytes = self.request.body();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(bytes).map_err(|error| invalid(&error.to_string()))?
        };
        let query = self.request.uri().query().unwrap_or_default();
        let version =
            form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name.eq_ignore_ascii_case("api-version"));
        Ok(ArmRequest {
            method: self.request.method().clone(),
            path,
            api_version: version.map(|(_, version)| version.into_owned()).unwrap_or_default(),
            query: query.to_owned(),
            headers: self.request.headers(),
            body,
            base: base(self.request),
        })
    }

    /// The region of the resource that is asked about. None for what is global, or spread over regions.
    fn location(&self, azure: &Azure) -> Option<String> {
        let path = self.path.as_ref()?;
        azure.location_of(path).or_else(|| {
            // What is created has the region that it is given.
            let body: Value = serde_json::from_slice(self.request.body()).ok()?;
            path.types.first()?;
            Some(body.get("location")?.as_str()?.replace(' ', "").to_ascii_lowercase())
        })
    }
}

/// The scheme and the authority that the client used.
fn base(request: &Request<Bytes>) -> String {
    let uri = request.uri();
    let header = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let host = uri.authority().map(http::uri::Authority::as_str).or(header).unwrap_or("management.azure.com");
    let plain = if is_arm_host(host) { "https" } else { "http" };
    format!("{}://{host}", uri.scheme_str().unwrap_or(plain))
}

impl Azure {
    /// The region that answers for a path.
    fn location_of(&self, path: &ArmPath) -> Option<String> {
        let (kind, name) = path.types.first()?;
        let group = path.group.as_deref().unwrap_or_default();
        match kind.to_ascii_lowercase().as_str() {
            "locations" => Some(name.to_ascii_lowercase()),
            "trafficmanagerprofiles" => Some("global".to_owned()),
            "virtualmachines" => {
                self.compute.machines.get(&machine_key(group, name)).map(|machine| machine.location.clone())
            }
            "storageaccounts" => {
                self.storage.accounts.get(&account_key(group, name)).map(|account| account.location.clone())
            }
            _ => self.network.location(&path.root_key()).map(str::to_owned),
        }
    }
}

impl World {
    /// Whether the world has a Resource Manager to answer this.
    pub(crate) fn knows_arm(&self, _call: &ArmCall<'_>) -> bool {
        self.cloud.azure.is_present()
    }

    pub(crate) fn answer_arm(&mut self, call: &ArmCall<'_>) -> Answer {
        let unreachable = Answer { reply: Reply::Unreachable, after: Duration::ZERO, mutated: false };
        let front_up = call.host.split_once('.').is_none_or(|(region, _)| self.cloud.control_up(region));
        if !self.knows_arm(call) || !front_up {
            return unreachable;
        }
        let location = call.location(&self.cloud.azure);
        let (service, operation) = (call.service(), call.operation());
        let region = location.as_deref().unwrap_or_default();
        let shape =
            CallShape { service: &service, operation: &operation, region, host: &call.host, request: self.requests };
        let verdict = judge(&mut self.faults, shape, self.now);
        let read = call.is_read();
        let (reply, mutated) = match &verdict.fate {
            Fate::Answered if !self.planes_up(call, location.as_deref()) => {
                let message = format!(
                    "The gateway did not receive a response from '{service}' within the specified time period."
                );
                let response = self.arm_response(call, ArmError::new(504, "GatewayTimeout", message).response());
                return Answer { reply: Reply::Response(response), after: GATEWAY_TIMEOUT, mutated: false };
            }
            Fate::Answered => {
                let response = self.carry_out_arm(call, &verdict, &service, location.as_deref());
                let mutated = !read && response.status < 300;
                (Reply::Response(self.arm_response(call, response)), mutated)
            }
            Fate::AnswerLost => {
                self.carry_out_arm(call, &verdict, &service, location.as_deref());
                (Reply::Silent, !read)
            }
            Fate::Lost => (Reply::Silent, false),
            Fate::Late(wait) => {
                self.late.push(LateCall::of(call.request, after(self.now, *wait)));
                (Reply::Silent, true)
            }
            Fate::Throttled => {
                let response = throttled(&self.cloud.azure.subscription, read).response();
                (Reply::Response(self.arm_response(call, response)), false)
            }
            Fate::Rejected(rejection) => {
                if rejection.after_effect {
                    self.carry_out_arm(call, &verdict, &service, location.as_deref());
                }
                let error = ArmError::new(rejection.status, rejection.code.clone(), rejection.message.clone());
                (Reply::Response(self.arm_response(call, error.response())), rejection.after_effect && !read)
            }
        };
        Answer { reply, after: self.latency.api.saturating_add(verdict.delay), mutated }
    }

    /// Whether the regions that a call needs answer: a read needs the resource's, a write its group's too.
    fn planes_up(&self, call: &ArmCall<'_>, location: Option<&str>) -> bool {
        let group = call.path.as_ref().and_then(|path| self.cloud.azure.group(path.group.as_deref()?));
        let metadata = call.is_read() || group.is_none_or(|group| self.cloud.control_up(&group.location));
        metadata && location.is_none_or(|location| self.cloud.control_up(location))
    }

    /// Lets a call take effect, and lets the world take note of it.
    fn carry_out_arm(
        &mut self,
        call: &ArmCall<'_>,
        verdict: &Verdict,
        service: &str,
        location: Option<&str>,
    ) -> ArmResponse {
        if !self.planes_up(call, location) {
            return ArmError::new(504, "GatewayTimeout", "").response();
        }
        let stale = verdict.stale.filter(|_| call.is_read()).and_then(|within| {
            let snapshot = self.before_write.get(service)?;
            (self.now < after(snapshot.at, within)).then(|| snapshot.cloud.clone())
        });
        let response = if let Some(mut before) = stale {
            self.dispatch_arm(&mut before, call, verdict)
        } else {
            if !call.is_read() && self.has_stale_reads() {
                let snapshot = Snapshot { at: self.now, cloud: self.cloud.clone() };
                self.before_write.insert(service.to_owned(), snapshot);
            }
            let mut cloud = std::mem::take(&mut self.cloud);
            let response = self.dispatch_arm(&mut cloud, call, verdict);
            self.cloud = cloud;
            response
        };
        self.settle();
        response
    }

    fn dispatch_arm(&self, cloud: &mut Cloud, call: &ArmCall<'_>, verdict: &Verdict) -> ArmResponse {
        let request = match call.arm_request() {
            Ok(request) => request,
            Err(error) => return error.response(),
        };
        let subscription = cloud.azure.subscription.clone();
        let cx = ArmCx { now: self.now, seed: self.seed, pace: verdict.pace, subscription: &subscription };
        cloud.azure.answer(&request, &cx)
    }

    /// A request that nobody waits for any more takes effect, unless a region that it needs is gone by now.
    pub(crate) fn land_arm(&mut self, call: &ArmCall<'_>) {
        let location = call.location(&self.cloud.azure);
        if self.knows_arm(call) && self.planes_up(call, location.as_deref()) {
            let mut cloud = std::mem::take(&mut self.cloud);
            self.dispatch_arm(&mut cloud, call, &Verdict::default());
            self.cloud = cloud;
        }
    }

    fn arm_response(&self, call: &ArmCall<'_>, told: ArmResponse) -> Response<Bytes> {
        let body = told.body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(told.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let request_id = self.request_id();
        let asked = call.request.headers();
        let correlation = asked.get("x-ms-correlation-request-id").and_then(|value| value.to_str().ok());
        let correlation = correlation.unwrap_or(&request_id).to_owned();
        let client = asked.get("x-ms-client-request-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let ids = [
            Some(("x-ms-request-id", request_id)),
            Some(("x-ms-correlation-request-id", correlation)),
            client.map(|id| ("x-ms-client-request-id", id)),
            Some(("content-type", "application/json; charset=utf-8".to_owned())),
        ];
        for (name, value) in told.headers.into_iter().chain(ids.into_iter().flatten()) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        self.finish(response)
    }
}

/// The Resource Manager's own throttling.
fn throttled(subscription: &str, read: bool) -> ArmError {
    let kind = if read { "read" } else { "write" };
    let message = format!(
        "Number of '{kind}' requests for subscription '{subscription}' exceeded. Please try again after '10' seconds after \
         additional tokens are available."
    );
    ArmError { retry_after: Some(10), ..ArmError::new(429, "SubscriptionRequestsThrottled", message) }
}
