//! Answers requests: which service or application one is for, the faults it meets, and its effect. Waits for nothing.

use crate::{
    azure::ArmCall,
    cloud::Cloud,
    cloudwatch,
    codec::{ApiError, Params, Protocol, RestErrors, RestRequest, Scope, ServiceCx, namespace},
    efs, eks,
    fault::{CallShape, Fate, Rejection, Verdict, judge, throttling},
    globalaccelerator,
    iam::{self, Need, OPERATOR},
    ids,
    pace::Pace,
    rds, reach,
    sts::{self, Caller},
    traffic::{Asked, End, Peer, Spoken},
    world::{LateCall, Snapshot, World},
};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use jiff::Timestamp;
use lifeboat_contract::clock;
use std::time::Duration;

/// A world's answer to one request.
#[derive(Debug, Clone)]
pub struct Answer {
    pub reply: Reply,
    /// How long the answer takes.
    pub after: Duration,
    /// The request changed the world, or will.
    pub mutated: bool,
}

#[derive(Debug, Clone)]
pub enum Reply {
    Response(Response<Bytes>),
    /// The connection does not open: the request is never sent.
    Unreachable,
    /// The request was sent, and is never answered.
    Silent,
}

/// What becomes of the opening of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    Open {
        after: Duration,
        /// Who is there; nobody in particular where a load balancer keeps the connection for itself.
        peer: Option<Peer>,
    },
    Refused {
        after: Duration,
    },
    /// Nothing answers.
    Unreachable,
    /// Nobody knows the host.
    Unknown,
}

/// A request to a service of the provider, taken apart.
pub(crate) struct ApiCall<'a> {
    pub(crate) scope: Scope,
    pub(crate) operation: String,
    protocol: Protocol,
    pub(crate) request: &'a Request<Bytes>,
}

impl World {
    /// Answers one request at `now`. Whatever the request holds, this does not panic.
    pub fn answer(&mut self, now: Timestamp, request: &Request<Bytes>) -> Answer {
        self.advance(now);
        self.requests += 1;
        if let Some(call) = ApiCall::read(request) {
            self.answer_api(&call)
        } else if let Some(call) = ArmCall::read(request).filter(|call| self.knows_arm(call)) {
            self.answer_arm(&call)
        } else {
            self.answer_host(request)
        }
    }

    /// Whether the host of a request can be resolved. A signed request goes by its signature.
    pub fn knows(&self, request: &Request<Bytes>) -> bool {
        if let Some(call) = ApiCall::read(request) {
            return call.is_served();
        }
        if ArmCall::read(request).is_some_and(|call| self.knows_arm(&call)) {
            return true;
        }
        let (host, _) = host_and_port(request);
        self.estate.target(&self.cloud, &host).is_some()
    }

    /// Opens a connection to `host:port` at `now`.
    pub fn open(&mut self, now: Timestamp, host: &str, port: u16) -> Opening {
        self.advance(now);
        self.requests += 1;
        if self.estate.target(&self.cloud, host).is_none() {
            return Opening::Unknown;
        }
        let after = self.latency.data;
        match self.pick(host, port, "/") {
            End::Nobody => Opening::Unreachable,
            End::Refused => Opening::Refused { after },
            End::Turned(_) => Opening::Open { after, peer: None },
            End::Instance { id, port, .. } => Opening::Open { after, peer: Some(Peer { machine: id, port }) },
        }
    }

    fn answer_api(&mut self, call: &ApiCall<'_>) -> Answer {
        let scope = &call.scope;
        let unreachable = Answer { reply: Reply::Unreachable, after: Duration::ZERO, mutated: false };
        if !call.is_served() || !self.cloud.control_up(&scope.region) {
            return unreachable;
        }
        let (host, _) = host_and_port(call.request);
        let shape = CallShape {
            service: &scope.service,
            operation: &call.operation,
            region: &scope.region,
            host: &host,
            request: self.requests,
        };
        let verdict = judge(&mut self.faults, shape, self.now);
        let read = call.is_read();
        let (reply, mutated) = match &verdict.fate {
            Fate::Answered => {
                let response = self.carry_out(call, &verdict);
                let mutated = !read && response.status().is_success();
                (Reply::Response(response), mutated)
            }
            Fate::AnswerLost => {
                self.carry_out(call, &verdict);
                (Reply::Silent, !read)
            }
            Fate::Lost => (Reply::Silent, false),
            Fate::Late(wait) => {
                self.late.push(LateCall::of(call.request, clock::after(self.now, *wait)));
                (Reply::Silent, true)
            }
            Fate::Throttled => {
                let (code, status) = throttling(&scope.service);
                let error = ApiError::new(code, status, "Rate exceeded");
                (Reply::Response(self.finish(call.protocol.error(&self.request_id(), &error))), false)
            }
            Fate::Rejected(rejection) => {
                if rejection.after_effect {
                    self.carry_out(call, &verdict);
                }
                let error = ApiError::new(&rejection.code, rejection.status, &rejection.message);
                let response = call.protocol.error(&self.request_id(), &error);
                (Reply::Response(self.finish(response)), rejection.after_effect && !read)
            }
        };
        Answer { reply, after: self.latency.api.saturating_add(verdict.delay), mutated }
    }

    /// Lets a call take effect, and lets the world take note of it.
    fn carry_out(&mut self, call: &ApiCall<'_>, verdict: &Verdict) -> Response<Bytes> {
        let stale = verdict.stale.filter(|_| call.is_read()).and_then(|within| {
            let snapshot = self.before_write.get(&call.scope.service)?;
            (self.now < clock::after(snapshot.at, within)).then(|| snapshot.cloud.clone())
        });
        let request_id = self.request_id();
        let response = if let Some(mut before) = stale {
            self.dispatch_on(&mut before, call, verdict.pace, &request_id)
        } else {
            if !call.is_read() && self.has_stale_reads() {
                let snapshot = Snapshot { at: self.now, cloud: self.cloud.clone() };
                self.before_write.insert(call.scope.service.clone(), snapshot);
            }
            let mut cloud = std::mem::take(&mut self.cloud);
            let response = self.dispatch_on(&mut cloud, call, verdict.pace, &request_id);
            self.cloud = cloud;
            response
        };
        self.settle();
        self.finish(response)
    }

    fn dispatch_on(&self, cloud: &mut Cloud, call: &ApiCall<'_>, pace: Pace, request_id: &str) -> Response<Bytes> {
        let cx = ServiceCx { now: self.now, account: &self.account, region: &call.scope.region, seed: self.seed, pace };
        cloud.dispatch(call, &cx, request_id)
    }

    pub(crate) fn has_stale_reads(&self) -> bool {
        let is_stale = |fault: &crate::fault::Fault| matches!(fault.effect, crate::fault::FaultEffect::Stale(_));
        self.remembers_writes || self.faults.iter().any(is_stale)
    }

    /// A request that nobody waits for any more takes effect, unless its region is gone by now.
    pub(crate) fn land(&mut self, late: &LateCall) {
        let Some(request) = late.request() else { return };
        let Some(call) = ApiCall::read(&request).filter(ApiCall::is_served) else {
            if let Some(call) = ArmCall::read(&request) {
                self.land_arm(&call);
            } else if ApiCall::read(&request).is_none() {
                let (host, port) = host_and_port(&request);
                self.serve(&host, port, request.uri().path(), Some(request.body()));
            }
            return;
        };
        if self.cloud.control_up(&call.scope.region) {
            let request_id = self.request_id();
            let mut cloud = std::mem::take(&mut self.cloud);
            self.dispatch_on(&mut cloud, &call, Pace::default(), &request_id);
            self.cloud = cloud;
        }
    }

    fn answer_host(&mut self, request: &Request<Bytes>) -> Answer {
        let (host, port) = host_and_port(request);
        let path = request.uri().path().to_owned();
        let order = (request.method() == Method::POST).then(|| request.body().clone());
        let ordered = order.is_some();
        let shape = CallShape { service: "http", operation: &path, region: "", host: &host, request: self.requests };
        let verdict = judge(&mut self.faults, shape, self.now);
        let after = self.latency.data.saturating_add(verdict.delay);
        let reply = match verdict.fate {
            Fate::Lost => Reply::Silent,
            Fate::AnswerLost => {
                self.serve(&host, port, &path, order.as_deref());
                Reply::Silent
            }
            Fate::Late(wait) => {
                self.late.push(LateCall::of(request, clock::after(self.now, wait)));
                Reply::Silent
            }
            Fate::Throttled => {
                let (code, status) = throttling("http");
                self.plain(status, code)
            }
            Fate::Rejected(Rejection { status, message, after_effect, .. }) => {
                if after_effect {
                    self.serve(&host, port, &path, order.as_deref());
                }
                self.plain(status, &message)
            }
            Fate::Answered => self.serve(&host, port, &path, order.as_deref()),
        };
        // An order may have been written down, whatever was answered.
        Answer { reply, after, mutated: ordered }
    }

    fn serve(&mut self, host: &str, port: u16, path: &str, order: Option<&[u8]>) -> Reply {
        let end = self.pick(host, port, path);
        if let End::Instance { id, port, .. } = &end
            && let Some(asked) = self.ask_engine(id, *port, path, order)
        {
            return self.page(asked.status, "application/json", format!("{}\n", asked.body));
        }
        match end {
            End::Nobody | End::Refused => Reply::Unreachable,
            End::Turned(status) => self.plain(status, "Service Temporarily Unavailable"),
            End::Instance { id, port, behind } => match self.estate.serve(&self.cloud, &id, port, path) {
                Some(served) => {
                    let (content_type, body) = self.estate.body(&self.cloud, &id, path, served.status);
                    self.page(served.status, content_type, body)
                }
                None if behind => self.plain(502, "Bad Gateway"),
                None => Reply::Unreachable,
            },
        }
    }

    /// What an engine on a machine makes of a GET, or of a POST with a body. What it writes down takes effect at once.
    fn ask_engine(&mut self, machine: &str, port: u16, path: &str, order: Option<&[u8]>) -> Option<Asked> {
        match order {
            Some(body) => self.estate.order_engine(&self.cloud, machine, port, path, body),
            None => self.estate.ask_engine(&self.cloud, machine, port, path),
        }
    }

    /// Hands one message to whoever is at the other end of a connection.
    pub(crate) fn speak(&mut self, now: Timestamp, peer: &Peer, message: &[u8]) -> Spoken {
        self.advance(now);
        self.requests += 1;
        match self.estate.speak(&self.cloud, peer, message, now) {
            Spoken::Answered(answer, after) => Spoken::Answered(answer, after.saturating_add(self.latency.data)),
            spoken => spoken,
        }
    }

    /// Where this one request to a host ends: by the shares of the host's traffic, and by chance.
    fn pick(&self, host: &str, port: u16, path: &str) -> End {
        let chance = ids::mix("pick", self.seed.rotate_left(32) ^ self.requests);
        #[expect(clippy::cast_precision_loss, reason = "the upper 53 bits are exact in a float")]
        let mut left = (chance >> 11) as f64 / (1_u64 << 53) as f64;
        let request = reach::Request { host, port, path, now: self.now };
        for way in self.estate.ways(&self.cloud, &request, &self.estate.vantage_region) {
            if left < way.part {
                return way.end;
            }
            left -= way.part;
        }
        End::Nobody
    }

    fn plain(&self, status: u16, message: &str) -> Reply {
        self.page(status, "text/plain", format!("{message}\n"))
    }

    fn page(&self, status: u16, content_type: &'static str, body: String) -> Reply {
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Reply::Response(self.finish(response))
    }

    pub(crate) fn finish(&self, mut response: Response<Bytes>) -> Response<Bytes> {
        let date = self.now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(date) = HeaderValue::from_str(&date) {
            response.headers_mut().insert(header::DATE, date);
        }
        let length = HeaderValue::from(response.body().len());
        response.headers_mut().insert(header::CONTENT_LENGTH, length);
        response
    }

    pub(crate) fn request_id(&self) -> String {
        ids::uuid(&format!("request/{}/{}", self.seed, self.requests))
    }
}

impl Cloud {
    /// The principal that signed a call.
    fn caller(&self, call: &ApiCall<'_>, account: &str) -> Caller {
        let user = self.iam.as_ref().map_or(OPERATOR, |iam| iam.user(&call.scope.access_key));
        self.sts.caller(&call.scope.access_key, account, user)
    }

    /// Refuses a call that its principal's policies do not allow.
    fn authorize(&self, call: &ApiCall<'_>, account: &str) -> Result<(), ApiError> {
        let (Some(iam), Some(need)) = (&self.iam, Need::of(call, self, account)) else { return Ok(()) };
        let caller = self.caller(call, account);
        iam.authorize(&caller.arn, &need, &call.scope.region, call.protocol)
    }

    /// Hands a call to its service.
    fn dispatch(&mut self, call: &ApiCall<'_>, cx: &ServiceCx<'_>, request_id: &str) -> Response<Bytes> {
        if let Err(denied) = self.authorize(call, cx.account) {
            return call.protocol.error(request_id, &denied);
        }
        let region = cx.region;
        let lost = self.lost.clone();
        let data_up = |region: &str| !lost.get(region).is_some_and(|lost| lost.data);
        let body = call.request.body();
        let params = || Params::parse(&form(call.request));
        let result = match call.scope.service.as_str() {
            "ec2" => self.regions.entry(region.to_owned()).or_default().ec2.answer(&call.operation, &params(), cx),
            "elasticloadbalancing" => self.answer_load_balancing(&call.operation, &params(), cx),
            "autoscaling" => self.answer_auto_scaling(&call.operation, &params(), cx),
            "eks" | "elasticfilesystem" => {
                let request = RestRequest::read(call.request);
                let answer = if call.scope.service == "eks" {
                    self.answer_eks(&request, cx)
                } else {
                    self.answer_efs(&request, cx)
                };
                return match answer {
                    Ok(answer) => call.protocol.success_json(request_id, &answer),
                    Err(error) => call.protocol.error(request_id, &error),
                };
            }
            "elasticache" => {
                self.regions.entry(region.to_owned()).or_default().elasticache.answer(&call.operation, &params(), cx)
            }
            "acm" | "secretsmanager" | "servicequotas" => {
                let region = self.regions.entry(region.to_owned()).or_default();
                let answer = cloudwatch::read_json(body).and_then(|input| match call.scope.service.as_str() {
                    "acm" => region.acm.answer(&call.operation, &input, cx),
                    "secretsmanager" => region.secretsmanager.answer(&call.operation, &input, cx),
                    _ => region.servicequotas.answer(&call.operation, &input, cx),
                });
                return match answer {
                    Ok(answer) => call.protocol.success_json(request_id, &answer),
                    Err(error) => call.protocol.error(request_id, &error),
                };
            }
            "rds" => {
                let cx = rds::RdsCx { now: cx.now, account: cx.account, region, pace: cx.pace, data_up: &data_up };
                self.rds.answer(&call.operation, &params(), &cx)
            }
            "iam" => iam::answer(self.iam.as_ref(), &call.operation, &params()),
            "sts" => {
                let caller = self.caller(call, cx.account);
                self.sts.answer(&call.operation, &params(), &caller, cx)
            }
            "monitoring" => {
                let read = cloudwatch::Request::read(call.request.uri().path(), call.request.headers(), body);
                read.input.and_then(|input| self.cloudwatch.answer(&call.operation, &input, region, cx.now))
            }
            "globalaccelerator" => {
                let known = self.load_balancer_health();
                let endpoint_exists = |arn: &str| {
                    let region = arn.split(':').nth(3).unwrap_or_default();
                    let asked = !lost.get(region).is_some_and(|lost| lost.control);
                    asked.then(|| known.contains_key(arn))
                };
                let cx = globalaccelerator::GaCx {
                    now: cx.now,
                    account: cx.account,
                    pace: cx.pace,
                    endpoint_exists: &endpoint_exists,
                };
                let answer = cloudwatch::read_json(body)
                    .and_then(|input| self.globalaccelerator.answer(&call.operation, &input, &cx));
                return match answer {
                    Ok(answer) => call.protocol.success_json(request_id, &answer),
                    Err(error) => call.protocol.error(request_id, &error),
                };
            }
            other => Err(ApiError::bad("InvalidAction", format!("the simulated world has no service {other}"))),
        };
        match result {
            Ok(shape) => call.protocol.success(&call.operation, request_id, &shape),
            Err(error) => call.protocol.error(request_id, &error),
        }
    }
}

impl<'a> ApiCall<'a> {
    /// Takes a signed request apart. `None` for a request that is not signed.
    fn read(request: &'a Request<Bytes>) -> Option<Self> {
        let headers = request.headers();
        let scope = Scope::of(headers, request.uri().query())?;
        let action = || Params::parse(&form(request)).get("Action").unwrap_or_default().to_owned();
        let (operation, protocol) = match scope.service.as_str() {
            "ec2" => (action(), Protocol::Ec2),
            "elasticloadbalancing" => (action(), Protocol::Query(namespace::ELBV2)),
            "autoscaling" => (action(), Protocol::Query(namespace::AUTOSCALING)),
            "eks" => {
                let operation = eks::operation(&RestRequest::read(request));
                (operation.to_owned(), Protocol::RestJson(RestErrors::Message))
            }
            "elasticfilesystem" => {
                let operation = efs::operation(&RestRequest::read(request));
                (operation.to_owned(), Protocol::RestJson(RestErrors::CodeAndMessage))
            }
            "elasticache" => (action(), Protocol::Query(namespace::ELASTICACHE)),
            "iam" => (action(), Protocol::Query(namespace::IAM)),
            "rds" => (action(), Protocol::Query(namespace::RDS)),
            "sts" => (action(), Protocol::Query(namespace::STS)),
            "monitoring" => {
                let read = cloudwatch::Request::read(request.uri().path(), headers, request.body());
                (read.operation, read.protocol)
            }
            _ => {
                let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
                let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
                let operation = if operation.is_empty() { action() } else { operation };
                (operation, Protocol::spoken(headers, Protocol::Json11))
            }
        };
        Some(Self { scope, operation: element_name(operation), protocol, request })
    }

    /// Whether the service has this endpoint at all.
    fn is_served(&self) -> bool {
        is_region(&self.scope.region)
            && match self.scope.service.as_str() {
                "globalaccelerator" => globalaccelerator::is_served_in(&self.scope.region),
                "iam" => iam::is_served_in(&self.scope.region),
                _ => true,
            }
    }

    /// Whether the operation changes nothing.
    fn is_read(&self) -> bool {
        let prefixes: &[&str] = match self.scope.service.as_str() {
            "rds" => rds::READS,
            "monitoring" => cloudwatch::READS,
            "globalaccelerator" => globalaccelerator::READS,
            "iam" => iam::READS,
            "sts" => sts::READS,
            _ => &["Describe", "Get", "List"],
        };
        prefixes.iter().any(|prefix| self.operation.starts_with(prefix))
    }
}

/// An operation's name stands in the answer's XML as the name of an element: what can't be one is no operation.
fn element_name(operation: String) -> String {
    let plain =
        !operation.is_empty() && operation.len() <= 100 && operation.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain && !operation.as_bytes()[0].is_ascii_digit() { operation } else { "Unknown".to_owned() }
}

/// Whether this looks like the name of a region: state is kept only for such.
pub(crate) fn is_region(name: &str) -> bool {
    let mut parts = name.split('-');
    let letters = |part: Option<&str>| {
        part.is_some_and(|part| (2..=12).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase()))
    };
    let rest: Vec<&str> = name.split('-').collect();
    let number = rest.last().is_some_and(|part| part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_digit()));
    (3..=4).contains(&rest.len()) && number && parts.by_ref().take(rest.len() - 1).all(|part| letters(Some(part)))
}

/// The form that a query call carries: in its body, or in its query string.
pub(crate) fn form(request: &Request<Bytes>) -> Bytes {
    let query = request.uri().query().unwrap_or_default();
    if request.body().is_empty() { Bytes::copy_from_slice(query.as_bytes()) } else { request.body().clone() }
}

/// The host of an absolute URI, or of the `Host` header, and the port.
pub(crate) fn host_and_port(request: &Request<Bytes>) -> (String, u16) {
    let uri: &Uri = request.uri();
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    if let Some(host) = uri.host() {
        return (host.to_ascii_lowercase(), uri.port_u16().unwrap_or(default));
    }
    let header = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (host, port) = header.rsplit_once(':').unwrap_or((header, ""));
    (host.to_ascii_lowercase(), port.parse().unwrap_or(default))
}

impl LateCall {
    pub(crate) fn of(request: &Request<Bytes>, at: Timestamp) -> Self {
        let headers = request.headers().iter();
        let text = headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
        Self {
            at,
            method: request.method().to_string(),
            uri: request.uri().to_string(),
            headers: text.collect(),
            body: request.body().to_vec(),
        }
    }

    fn request(&self) -> Option<Request<Bytes>> {
        let mut request = Request::builder().method(self.method.as_str()).uri(&self.uri);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Bytes::from(self.body.clone())).ok()
    }
}
