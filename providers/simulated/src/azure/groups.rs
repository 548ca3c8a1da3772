//! Resource groups and the subscription: what is there, and where its metadata lives. Neither can be changed.

use super::{ArmError, ArmReply, ArmRequest, Azure};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResourceGroup {
    pub(crate) name: String,
    /// Where the group's metadata lives: without it, nothing in the group can be changed, wherever it is.
    pub(crate) location: String,
}

impl Azure {
    /// The group with this name, whatever its case.
    pub(crate) fn group(&self, name: &str) -> Option<&ResourceGroup> {
        self.groups.get(&name.to_ascii_lowercase())
    }

    /// Answers for a subscription or a resource group themselves.
    pub(super) fn answer_groups(&self, request: &ArmRequest<'_>) -> Result<ArmReply, ArmError> {
        if request.method != Method::GET {
            return Err(ArmError::method_not_allowed(&request.method));
        }
        match (&request.path.group, request.path.last().as_deref()) {
            (None, Some("resourcegroups")) => {
                let listed: Vec<Value> = self.groups.values().map(|group| self.group_body(group)).collect();
                Ok(ArmReply::Json(200, json!({ "value": listed })))
            }
            (None, None) => Ok(ArmReply::Json(200, self.subscription_body())),
            (Some(name), None) => {
                let group = self.group(name).ok_or_else(|| ArmError::group_not_found(name))?;
                Ok(ArmReply::Json(200, self.group_body(group)))
            }
            _ => Err(ArmError::unknown_type(&request.path)),
        }
    }

    fn group_body(&self, group: &ResourceGroup) -> Value {
        json!({
            "id": format!("/subscriptions/{}/resourceGroups/{}", self.subscription, group.name),
            "name": group.name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": group.location,
            "properties": { "provisioningState": "Succeeded" },
        })
    }

    fn subscription_body(&self) -> Value {
        json!({
            "id": format!("/subscriptions/{}", self.subscription),
            "subscriptionId": self.subscription,
            "tenantId": self.tenant,
            "displayName": "simulated",
            "state": "Enabled",
        })
    }
}
