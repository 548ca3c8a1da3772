//! A resource as Azure Resource Manager shows it: raw JSON, so that what this build does not know survives being written back.
//!
//! Sends nothing.

use http::{HeaderMap, header::ETAG};
use lifeboat_contract::Phase;
use serde_json::Value;

/// One resource that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resource {
    pub(crate) body: Value,
    /// Verbatim, with `W/` where it has it.
    pub(crate) etag: Option<String>,
}

impl Resource {
    pub(crate) fn new(body: Value, headers: &HeaderMap) -> Self {
        let header = headers.get(ETAG).and_then(|etag| etag.to_str().ok());
        let etag = body["etag"].as_str().or(header).map(str::to_owned);
        Self { body, etag }
    }

    pub(crate) fn properties(&self) -> &Value {
        &self.body["properties"]
    }

    /// Whether a change of the resource is under way, or failed.
    pub(crate) fn provisioning(&self) -> Phase {
        phase(&self.body)
    }

    /// The region, in the short spelling: `eastus`. Empty for a child, which has its parent's.
    pub(crate) fn location(&self) -> Option<String> {
        self.body["location"].as_str().map(region)
    }
}

/// `East US` is `eastus`: both spellings are in use.
pub(crate) fn region(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase()
}

/// `properties.provisioningState`, read as the specification says: absent means succeeded, and what is not final is under way.
pub(crate) fn phase(body: &Value) -> Phase {
    let Some(state) = body["properties"]["provisioningState"].as_str() else { return Phase::Settled };
    match state.to_ascii_lowercase().as_str() {
        "succeeded" => Phase::Settled,
        end @ ("failed" | "canceled" | "cancelled") => {
            let name = body["id"].as_str().or(body["name"].as_str()).unwrap_or("the resource");
            Phase::Faulted {
                code: format!("provisioning.{}", if end == "failed" { "failed" } else { "canceled" }),
                message: format!("the provisioning state of {name} is {state}"),
            }
        }
        _ => Phase::Moving { toward: None, status: state.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_provisioning_state_is_the_phase() {
        let of = |state: Value| phase(&json!({"id": "/x", "properties": {"provisioningState": state}}));
        assert_eq!(phase(&json!({"properties": {}})), Phase::Settled, "absent means succeeded");
        assert_eq!(of(json!("Succeeded")), Phase::Settled);
        assert_eq!(of(json!("Updating")), Phase::Moving { toward: None, status: "Updating".to_owned() });
        assert!(matches!(of(json!("Failed")), Phase::Faulted { code, .. } if code == "provisioning.failed"));
        assert!(matches!(of(json!("Cancelled")), Phase::Faulted { code, .. } if code == "provisioning.canceled"));
    }

    #[test]
    fn the_etag_stands_in_the_body_or_in_a_header() {
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, "\"h\"".parse().unwrap());
        assert_eq!(Resource::new(json!({"etag": "W/\"b\""}), &headers).etag.as_deref(), Some("W/\"b\""));
        assert_eq!(Resource::new(json!({}), &headers).etag.as_deref(), Some("\"h\""));
        assert_eq!(Resource::new(json!({"location": "East US"}), &headers).location().as_deref(), Some("eastus"));
    }
}
