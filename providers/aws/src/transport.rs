//! The SDKs' HTTP client over the wire: labels each request, and carries it.
//!
//! Enforces no deadline and never retries: the wire has the deadline, the engine the retries.

use crate::operations;
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use lifeboat_contract::{Access, Call, CallLabel, CallScope, Sent, SharedWire, WireError, WireFailure};

/// The wire, as the SDKs' HTTP client.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    wire: SharedWire,
}

impl Transport {
    pub(crate) fn new(wire: SharedWire) -> Self {
        Self { wire }
    }

    async fn send(&self, request: HttpRequest, scope: CallScope) -> Result<HttpResponse, WireError> {
        let request = whole(request).await?;
        let label = label(&request);
        let response = self.wire.send(Call { request, label, scope }).await?;
        HttpResponse::try_from(response.map(SdkBody::from))
            .map_err(|error| WireError::maybe_sent(WireFailure::Broken, format!("unreadable response: {error}")))
    }
}

impl HttpClient for Transport {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Transport {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let transport = self.clone();
        // Read here, inside the step's own task: the future may be polled elsewhere.
        let scope = CallScope::current();
        HttpConnectorFuture::new(async move { transport.send(request, scope).await.map_err(connector_error) })
    }
}

/// The SDK's error, with ours as its source, where `errors` finds it again.
fn connector_error(error: WireError) -> ConnectorError {
    let timed_out = error.reason == WireFailure::TimedOut;
    let connected = error.sent == Sent::Maybe;
    let error = if timed_out { ConnectorError::timeout(error.into()) } else { ConnectorError::io(error.into()) };
    if connected { error } else { error.never_connected() }
}

async fn whole(request: HttpRequest) -> Result<Request<Bytes>, WireError> {
    let unsent =
        |error: &dyn std::fmt::Display| WireError::unsent(WireFailure::Refused, format!("unreadable request: {error}"));
    let (parts, body) = request.try_into_http1x().map_err(|error| unsent(&error))?.into_parts();
    let body = body.collect().await.map_err(|error| unsent(&error))?.to_bytes();
    Ok(Request::from_parts(parts, body))
}

fn label(request: &Request<Bytes>) -> CallLabel {
    let uri = request.uri();
    if let Some((service, region)) = credential_scope(request) {
        let by_path = || operations::by_path(service, request.method().as_str(), uri.path()).map(str::to_owned);
        let operation = operation(request).or_else(by_path);
        let operation = operation.unwrap_or_else(|| format!("{} {}", request.method(), uri.path()));
        let access = operations::access(service, &operation);
        return CallLabel { service: service.to_owned(), operation, region: Some(region.to_owned()), access };
    }
    let host = uri.host().unwrap_or_default();
    // `sts.us-east-1.amazonaws.com`: the service and region that a web identity asks without a signature.
    let mut names = host.split('.');
    let service = names.next().unwrap_or_default();
    let region = names.next().filter(|name| name.contains('-')).map(str::to_owned);
    if let Some((service, operation)) = operations::unsigned(host, uri.path()) {
        let access = Access::Credential;
        return CallLabel { service: service.to_owned(), operation: operation.to_owned(), region: None, access };
    }
    let operation = operation(request).unwrap_or_else(|| format!("{} {}", request.method(), uri.path()));
    let access = operations::access(service, &operation);
    CallLabel { service: service.to_owned(), operation, region, access }
}

/// Service and region from `Authorization: AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`.
fn credential_scope(request: &Request<Bytes>) -> Option<(&str, &str)> {
    let header = request.headers().get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let scope = header.split("Credential=").nth(1)?.split(',').next()?;
    let mut parts = scope.split('/').rev();
    (parts.next()?.trim() == "aws4_request").then_some(())?;
    Some((parts.next()?, parts.next()?))
}

/// The operation's name: in a header (AWS JSON), in the path (Smithy RPC) or in the form (query).
fn operation(request: &Request<Bytes>) -> Option<String> {
    if let Some(target) = request.headers().get("x-amz-target") {
        return target.to_str().ok()?.rsplit('.').next().map(str::to_owned);
    }
    if let Some((_, operation)) = request.uri().path().split_once("/operation/") {
        return Some(operation.to_owned());
    }
    let form = std::str::from_utf8(request.body()).ok()?;
    let action = form.split('&').find_map(|field| field.strip_prefix("Action="))?;
    Some(action.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(service: &str, region: &str) -> http::request::Builder {
        let credential = format!("AKIA/20260101/{region}/{service}/aws4_request");
        Request::post("https://host.example/").header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"),
        )
    }

    fn labelled(request: http::request::Builder, body: &'static str) -> (String, String, Option<String>, Access) {
        let label = label(&request.body(Bytes::from(body)).unwrap());
        (label.service, label.operation, label.region, label.access)
    }

    #[test]
    fn each_protocol_tells_its_operation() {
        let query = labelled(signed("rds", "eu-west-1"), "Action=SwitchoverGlobalCluster&Version=2014-10-31");
        assert_eq!(query, ("rds".into(), "SwitchoverGlobalCluster".into(), Some("eu-west-1".into()), Access::Write));
        let json = signed("globalaccelerator", "us-west-2")
            .header("x-amz-target", "GlobalAccelerator_V20180706.DescribeEndpointGroup");
        assert_eq!(labelled(json, "{}").1, "DescribeEndpointGroup");
        let rpc = signed("monitoring", "us-east-1").uri("https://h/service/Granite/operation/GetMetricData");
        assert_eq!(
            labelled(rpc, ""),
            ("monitoring".into(), "GetMetricData".into(), Some("us-east-1".into()), Access::Read)
        );
    }

    #[test]
    fn a_service_without_names_is_told_by_method_and_path() {
        let at = |method: &str, path: &str| signed("eks", "us-east-1").method(method).uri(format!("https://h{path}"));
        let group = "/clusters/orders/node-groups/web";
        let read = labelled(at("GET", group), "");
        assert_eq!(read, ("eks".into(), "DescribeNodegroup".into(), Some("us-east-1".into()), Access::Read));
        assert_eq!(labelled(at("POST", &format!("{group}/update-config")), "{}").3, Access::Write);
        let unknown = labelled(at("GET", "/clusters"), "");
        assert_eq!((unknown.1.as_str(), unknown.3), ("GET /clusters", Access::Write));
    }

    #[test]
    fn an_unsigned_request_is_told_by_its_host() {
        let token = Request::put("http://169.254.169.254/latest/api/token");
        assert_eq!(labelled(token, "").3, Access::Credential);
        let web_identity = Request::post("https://sts.eu-west-1.amazonaws.com/");
        let label = labelled(web_identity, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
        assert_eq!(
            label,
            ("sts".into(), "AssumeRoleWithWebIdentity".into(), Some("eu-west-1".into()), Access::Credential)
        );
        assert_eq!(labelled(Request::post("https://unknown.example/x"), "").3, Access::Write);
    }

    #[test]
    fn dry_run_is_still_a_write() {
        assert_eq!(labelled(signed("ec2", "us-east-1"), "Action=ReplaceRoute&DryRun=true").3, Access::Write);
    }
}
