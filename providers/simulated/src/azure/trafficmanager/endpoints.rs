//! What is asked of single endpoints. All of it is done at once: there are no operations to wait for.

use super::{Endpoint, EndpointKind, TrafficManager, key};
use crate::azure::{ArmCx, ArmError, ArmReply, ArmRequest};
use http::Method;
use serde_json::{Value, json};

impl TrafficManager {
    pub(super) fn answer_endpoint(
        &mut self,
        kind: EndpointKind,
        request: &ArmRequest<'_>,
        cx: &ArmCx<'_>,
    ) -> Result<ArmReply, ArmError> {
        let path = &request.path;
        let key = key(path);
        let profile = self.profiles.get(&key).ok_or_else(|| ArmError::parent_not_found(request))?;
        let before = profile.endpoint(kind, path.name());
        match (&request.method, before) {
            (&Method::GET, Some(endpoint)) => Ok(ArmReply::Json(200, self.endpoint_body(profile, endpoint, cx))),
            (&Method::PATCH, Some(before)) => {
                let mut endpoint = before.clone();
                endpoint.apply(properties(request)?)?;
                endpoint.inherit_health(Some(before));
                self.keep_endpoint(&key, &endpoint, 200, cx)
            }
            (&Method::PUT, before) => {
                let priority = before.map_or_else(|| profile.free_priority(), |before| before.priority);
                let name = before.map_or(path.name(), |before| before.name.as_str());
                let mut endpoint = Endpoint::new(name, kind, priority);
                endpoint.apply(properties(request)?)?;
                endpoint.complete()?;
                endpoint.inherit_health(before);
                let status = if before.is_some() { 200 } else { 201 };
                self.keep_endpoint(&key, &endpoint, status, cx)
            }
            (&Method::DELETE, Some(endpoint)) => {
                let name = endpoint.name.clone();
                if let Some(profile) = self.profiles.get_mut(&key) {
                    profile.endpoints.retain(|endpoint| endpoint.kind != kind || endpoint.name != name);
                }
                Ok(ArmReply::Json(200, json!({ "operationResult": true })))
            }
            (&Method::DELETE, None) => Ok(ArmReply::Empty(204)),
            (&Method::GET | &Method::PATCH, None) => Err(ArmError::resource_not_found(path)),
            _ => Err(ArmError::method_not_allowed(&request.method)),
        }
    }

    /// Keeps a changed endpoint in its profile, in its old place, if both are right then.
    fn keep_endpoint(
        &mut self,
        key: &str,
        endpoint: &Endpoint,
        status: u16,
        cx: &ArmCx<'_>,
    ) -> Result<ArmReply, ArmError> {
        self.check_nesting(endpoint, key)?;
        let Some(mut profile) = self.profiles.get(key).cloned() else {
            unreachable!("the endpoint was found in this profile, or its parent's absence was reported");
        };
        let place = profile
            .endpoints
            .iter()
            .position(|other| other.kind == endpoint.kind && other.name.eq_ignore_ascii_case(&endpoint.name));
        match place {
            Some(place) => profile.endpoints[place] = endpoint.clone(),
            None => profile.endpoints.push(endpoint.clone()),
        }
        profile.check_endpoints()?;
        let body = self.endpoint_body(&profile, endpoint, cx);
        self.profiles.insert(key.to_owned(), profile);
        Ok(ArmReply::Json(status, body))
    }
}

fn properties<'a>(request: &'a ArmRequest<'_>) -> Result<&'a Value, ArmError> {
    let body = request.resource_body()?;
    Ok(body.get("properties").unwrap_or(&Value::Null))
}
