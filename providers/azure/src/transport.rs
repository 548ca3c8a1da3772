//! `azure_identity`'s HTTP client over the wire: every call for a token is labelled as one, and goes to a known issuer alone.
//!
//! Calls of Azure Resource Manager do not pass here: see `arm`.

use crate::environment::CloudEnvironment;
use azure_core::{
    error::ErrorKind,
    http::{
        AsyncRawResponse, Body, HttpClient, Request, StatusCode,
        headers::{HeaderName, HeaderValue, Headers},
    },
};
use bytes::Bytes;
use http::{Response, Uri};
use lifeboat_contract::{Access, Call, CallLabel, CallScope, SharedWire};
use std::net::IpAddr;

/// The wire, as the credentials' HTTP client.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    pub(crate) wire: SharedWire,
    pub(crate) cloud: CloudEnvironment,
}

impl Transport {
    /// Who is being asked for a token, where it is one who may be asked.
    fn label(&self, uri: &Uri) -> Option<CallLabel> {
        let (service, operation) = if self.cloud.is_authority(uri) {
            ("login", "GetToken")
        } else if is_of_this_machine(uri) {
            ("metadata", "GetToken")
        } else {
            return None;
        };
        let (service, operation) = (service.to_owned(), operation.to_owned());
        Some(CallLabel { service, operation, region: None, access: Access::Credential })
    }

    async fn send(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let failed = |message: String| azure_core::Error::with_message(ErrorKind::Credential, message);
        let uri: Uri = request.url().as_str().parse().map_err(|error| failed(format!("{error}")))?;
        let host = uri.host().unwrap_or_default().to_owned();
        let label = self.label(&uri).ok_or_else(|| failed(format!("{host} is no known issuer of tokens")))?;
        let Body::Bytes(body) = request.body() else {
            return Err(failed("a request for a token has no body that streams".to_owned()));
        };
        let mut built = http::Request::builder().method(request.method().as_ref()).uri(uri);
        for (name, value) in request.headers().iter() {
            built = built.header(name.as_str(), value.as_str());
        }
        let request = built.body(Bytes::from(body.to_vec())).map_err(|error| failed(format!("{error}")))?;
        let sent = self.wire.send(Call { request, label, scope: CallScope::current() }).await;
        sent.map(answer).map_err(|error| azure_core::Error::new(ErrorKind::Io, error))
    }
}

fn answer(response: Response<Bytes>) -> AsyncRawResponse {
    let mut headers = Headers::new();
    for (name, value) in response.headers() {
        if let Ok(value) = value.to_str() {
            headers.insert(HeaderName::from(name.as_str().to_owned()), HeaderValue::from(value.to_owned()));
        }
    }
    let status = StatusCode::from(response.status().as_u16());
    AsyncRawResponse::from_bytes(status, headers, response.into_body())
}

/// The addresses at which a machine is told its own identity's tokens. They are never encrypted, and never leave the machine.
fn is_of_this_machine(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    host == "localhost"
        || match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => address.is_link_local() || address.is_loopback(),
            Ok(IpAddr::V6(address)) => address.is_unicast_link_local() || address.is_loopback(),
            Err(_) => false,
        }
}

#[async_trait::async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        self.send(request).await
    }
}
