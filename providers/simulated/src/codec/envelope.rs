//! Answers on the wire: what each protocol wraps around a result or an error. Does not know what the results are.

use super::{ApiError, cbor};
use crate::shape::Shape;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};

/// The XML namespaces of the services that answer in XML.
pub(crate) mod namespace {
    pub(crate) const EC2: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
    pub(crate) const AUTOSCALING: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";
    pub(crate) const ELBV2: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";
    pub(crate) const ELASTICACHE: &str = "http://elasticache.amazonaws.com/doc/2015-02-02/";
    pub(crate) const IAM: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
    pub(crate) const RDS: &str = "http://rds.amazonaws.com/doc/2014-10-31/";
    pub(crate) const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
    pub(crate) const MONITORING: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";
}

/// How a service and its caller talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// EC2's own dialect of the query protocol.
    Ec2,
    /// The query protocol, with the service's namespace.
    Query(&'static str),
    /// AWS-JSON 1.0.
    Json10,
    /// AWS-JSON 1.1.
    Json11,
    /// `smithy-rpc-v2-cbor`.
    Cbor,
    /// JSON over resources with paths of their own.
    RestJson(RestErrors),
}

/// What a service of the REST-JSON protocol writes into an error's body. Its code is in a header, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RestErrors {
    /// `message`.
    Message,
    /// `ErrorCode` and `Message`.
    CodeAndMessage,
}

impl Protocol {
    /// The protocol that a caller speaks, by its headers; `otherwise` where they do not say.
    pub(crate) fn spoken(headers: &HeaderMap, otherwise: Self) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content = text("content-type");
        if text("smithy-protocol") == "rpc-v2-cbor" || content.starts_with("application/cbor") {
            Self::Cbor
        } else if content.starts_with("application/x-amz-json-1.0") {
            Self::Json10
        } else if content.starts_with("application/x-amz-json-1.1") {
            Self::Json11
        } else {
            otherwise
        }
    }

    /// The answer to a call that succeeded.
    pub(crate) fn success(self, operation: &str, request_id: &str, result: &Shape) -> Response<Bytes> {
        let body = match self {
            Self::Ec2 => {
                let (space, content) = (namespace::EC2, result.to_xml());
                let id = Shape::from(request_id).to_xml();
                xml(&format!(
                    r#"<{operation}Response xmlns="{space}"><requestId>{id}</requestId>{content}</{operation}Response>"#
                ))
            }
            Self::Query(space) => {
                let content = result.to_xml();
                let id = Shape::from(request_id).to_xml();
                xml(&format!(
                    r#"<{operation}Response xmlns="{space}"><{operation}Result>{content}</{operation}Result><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"#
                ))
            }
            Self::Json10 | Self::Json11 | Self::RestJson(_) => result.to_json().to_string().into(),
            Self::Cbor => cbor::encode(&result.to_cbor()).into(),
        };
        self.respond(StatusCode::OK, request_id, body)
    }

    /// The answer to a call of a JSON protocol that succeeded.
    pub(crate) fn success_json(self, request_id: &str, result: &Value) -> Response<Bytes> {
        self.respond(StatusCode::OK, request_id, result.to_string().into())
    }

    /// The answer to a call that was refused.
    pub(crate) fn error(self, request_id: &str, error: &ApiError) -> Response<Bytes> {
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = ("Code", Shape::from(&error.code));
        let message = ("Message", Shape::from(&error.message));
        let id = Shape::from(request_id);
        let body = match self {
            Self::Ec2 => {
                let errors = Shape::Struct(vec![("Error", Shape::Struct(vec![code, message]))]);
                xml(&Shape::Struct(vec![("Response", Shape::Struct(vec![("Errors", errors), ("RequestID", id)]))])
                    .to_xml())
            }
            Self::Query(space) => {
                let fault = ("Type", Shape::from(error.fault()));
                let content =
                    Shape::Struct(vec![("Error", Shape::Struct(vec![fault, code, message])), ("RequestId", id)])
                        .to_xml();
                xml(&format!(r#"<ErrorResponse xmlns="{space}">{content}</ErrorResponse>"#))
            }
            // Some clients read `message`, others `Message`.
            Self::Json10 | Self::Json11 => {
                json!({"__type": error.code, "message": error.message, "Message": error.message}).to_string().into()
            }
            Self::RestJson(RestErrors::Message) => json!({"message": error.message}).to_string().into(),
            Self::RestJson(RestErrors::CodeAndMessage) => {
                json!({"ErrorCode": error.code, "Message": error.message}).to_string().into()
            }
            Self::Cbor => {
                let body = Shape::Struct(vec![("__type", (&error.code).into()), ("message", (&error.message).into())]);
                cbor::encode(&body.to_cbor()).into()
            }
        };
        let mut response = self.respond(status, request_id, body);
        // Services that used to speak the query protocol name their old code here.
        if matches!(self, Self::Json10 | Self::Cbor)
            && let Ok(value) = HeaderValue::from_str(&format!("{};{}", error.code, error.fault()))
        {
            response.headers_mut().insert("x-amzn-query-error", value);
        }
        if matches!(self, Self::RestJson(_))
            && let Ok(value) = HeaderValue::from_str(&error.code)
        {
            response.headers_mut().insert("x-amzn-errortype", value);
        }
        response
    }

    fn respond(self, status: StatusCode, request_id: &str, body: Bytes) -> Response<Bytes> {
        let content_type = match self {
            Self::Ec2 => "text/xml;charset=UTF-8",
            Self::Query(_) => "text/xml",
            Self::Json10 => "application/x-amz-json-1.0",
            Self::Json11 => "application/x-amz-json-1.1",
            Self::Cbor => "application/cbor",
            Self::RestJson(_) => "application/json",
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert("x-amzn-requestid", id);
        }
        if self == Self::Cbor {
            headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
        }
        response
    }
}

fn xml(content: &str) -> Bytes {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{content}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quick_xml::{Reader, events::Event};

    const UGLY: &str = "a<b & \"c\" ]]> \u{0}\u{b}\u{fffe} ä\r\n";

    /// The text of the first element of this name, read by a parser.
    fn text_of(body: &[u8], element: &str) -> String {
        let mut reader = Reader::from_reader(body);
        let (mut buffer, mut inside, mut text) = (Vec::new(), false, String::new());
        loop {
            match reader.read_event_into(&mut buffer).expect("the answer is well-formed") {
                Event::Start(tag) => inside = tag.name().as_ref() == element,
                Event::End(_) if inside => return text,
                Event::Text(part) if inside => text.push_str(&part),
                Event::GeneralRef(entity) if inside => text.extend(["&", &*entity, ";"]),
                Event::Eof => return String::new(),
                _ => {}
            }
            buffer.clear();
        }
    }

    #[test]
    fn ugly_messages_stay_text() {
        let error = ApiError::bad("Invalid\r\nX: <y>", UGLY);
        for protocol in [Protocol::Ec2, Protocol::Query(namespace::RDS)] {
            let response = protocol.error("id", &error);
            assert_eq!(response.status(), 400);
            let message = text_of(response.body(), "Message");
            assert!(message.starts_with("a&lt;b &amp; &quot;c&quot; ]]&gt;"), "{message}");
            assert!(!message.contains('\u{0}') && message.contains('ä'), "{message}");
        }
        for protocol in [Protocol::Json10, Protocol::Cbor] {
            let response = protocol.error("id", &error);
            assert!(!response.headers().contains_key("x-amzn-query-error"), "a header can't hold this code");
        }
        assert_eq!(Protocol::Json11.error("id", &ApiError::new("X", 9999, "")).status(), 500);
    }

    #[test]
    fn each_protocol_wraps_a_result() {
        let result = Shape::Struct(vec![("return", true.into())]);
        let ec2 = Protocol::Ec2.success("CreateRoute", "r-1", &result);
        assert_eq!((text_of(ec2.body(), "return"), text_of(ec2.body(), "requestId")), ("true".into(), "r-1".into()));
        let query = Protocol::Query(namespace::ELBV2).success("RegisterTargets", "r-2", &result);
        let body = String::from_utf8_lossy(query.body()).into_owned();
        assert!(body.contains("<RegisterTargetsResult><return>true</return></RegisterTargetsResult>"), "{body}");
        assert_eq!(text_of(query.body(), "RequestId"), "r-2");
        let cbor = Protocol::Cbor.success("X", "r-3", &result);
        assert_eq!(cbor::decode(cbor.body()), Ok(json!({"return": true})));
    }
}
