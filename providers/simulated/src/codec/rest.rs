//! Requests of the REST-JSON protocol: a method, a path of segments, a query and a body. Does not know any service's paths.

use super::ApiError;
use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One request, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RestRequest<'a> {
    pub(crate) method: &'a Method,
    /// The path between its slashes, decoded.
    pub(crate) path: Vec<String>,
    query: BTreeMap<String, String>,
    body: &'a Bytes,
}

impl<'a> RestRequest<'a> {
    /// Takes a request apart. What is not UTF-8 is replaced, never refused.
    pub(crate) fn read(request: &'a Request<Bytes>) -> Self {
        let uri = request.uri();
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Self {
            method: request.method(),
            path: uri.path().split('/').filter(|segment| !segment.is_empty()).map(decode).collect(),
            query: query.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
            body: request.body(),
        }
    }

    /// The path's segments, to be matched.
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// A parameter of the query, where it is given and not empty.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The body. An empty one is an empty structure.
    pub(crate) fn input(&self) -> Result<Value, ApiError> {
        if self.body.is_empty() {
            return Ok(json!({}));
        }
        let value: Option<Value> = serde_json::from_slice(self.body).ok();
        let object = value.filter(Value::is_object);
        object.ok_or_else(|| ApiError::bad("SerializationException", "the body is not a JSON object"))
    }
}

/// Decodes one segment. A form's own signs stand for themselves in a path.
fn decode(segment: &str) -> String {
    let plain = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(plain.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_and_a_body_is_an_object() {
        let uri = "https://eks.us-east-1.amazonaws.com/clusters/a%2Fb+c/node-groups/x=y&z?maxResults=5&next=";
        let request = Request::post(uri).body(Bytes::from_static(b"[1]")).expect("the request is well-formed");
        let read = RestRequest::read(&request);
        assert_eq!(read.segments(), ["clusters", "a/b+c", "node-groups", "x=y&z"]);
        assert_eq!((read.given("maxResults"), read.given("next")), (Some("5"), None));
        assert_eq!(read.input().map_err(|error| error.code), Err("SerializationException".to_owned()));
    }
}
