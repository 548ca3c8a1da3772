//! A subscription with its resource providers, and which of them a request is for. Knows none of their resources.

use super::{
    ArmCx, ArmError, ArmReply, ArmRequest, ArmResponse, Authorization, Options, ResourceGroup, authorization,
    compute::Compute,
    network::Network,
    operations::{Asked, Operations},
    storage::Storage,
    trafficmanager::TrafficManager,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Everything that one subscription has. Empty when the world's document has no `azure`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Azure {
    pub(crate) subscription: String,
    pub(crate) tenant: String,
    /// By name in lower case.
    pub(crate) groups: BTreeMap<String, ResourceGroup>,
    pub(crate) options: Options,
    pub(crate) network: Network,
    pub(crate) compute: Compute,
    pub(crate) trafficmanager: TrafficManager,
    pub(crate) storage: Storage,
    pub(crate) operations: Operations,
    #[serde(default)]
    pub(crate) authorization: Option<Authorization>,
}

impl Azure {
    /// Whether the world has a subscription at all.
    pub(crate) fn is_present(&self) -> bool {
        !self.subscription.is_empty()
    }

    /// Answers one request. Whether the planes that it needs are up, the caller has checked.
    pub(crate) fn answer(&mut self, request: &ArmRequest<'_>, cx: &ArmCx<'_>) -> ArmResponse {
        let asked = Asked {
            base: &request.base,
            api_version: &request.api_version,
            path: &request.path,
            now: cx.now,
            seed: cx.seed,
            retry_after: self.options.retry_after,
        };
        let response = match self.operations.poll(asked) {
            Some(polled) => polled,
            None => self.dispatch(request, cx).map(|reply| match reply {
                ArmReply::Json(status, body) => ArmResponse { status, headers: Vec::new(), body: Some(body) },
                ArmReply::Empty(status) => ArmResponse { status, headers: Vec::new(), body: None },
                ArmReply::Running { status, body, operation } => {
                    ArmResponse { status, headers: self.operations.begin(operation, asked), body }
                }
            }),
        };
        response.unwrap_or_else(|error| error.response())
    }

    fn dispatch(&mut self, request: &ArmRequest<'_>, cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        let path = &request.path;
        if !path.subscription.eq_ignore_ascii_case(&self.subscription) {
            let message = format!("The subscription '{}' could not be found.", path.subscription);
            return Err(ArmError::new(404, "SubscriptionNotFound", message));
        }
        if request.api_version.is_empty() {
            let message = "The api-version query parameter (?api-version=) is required for all requests.";
            return Err(ArmError::bad("MissingApiVersionParameter", message));
        }
        authorization::authorize(self.authorization.as_ref(), request)?;
        let Some(namespace) = &path.namespace else { return self.answer_groups(request) };
        if let Some(group) = path.group.as_ref().filter(|name| self.group(name).is_none()) {
            return Err(ArmError::group_not_found(group));
        }
        let kind = path.shape();
        match namespace.to_ascii_lowercase().as_str() {
            "microsoft.network" if kind.starts_with("trafficmanagerprofiles") => {
                self.trafficmanager.answer(request, cx)
            }
            "microsoft.network" => self.answer_network(request, cx),
            "microsoft.compute" => self.compute.answer(request, cx),
            "microsoft.authorization" => authorization::answer(self.authorization.as_ref(), request),
            "microsoft.storage" => self.storage.answer(request, cx),
            _ => {
                let message = format!("The resource namespace '{namespace}' is invalid.");
                Err(ArmError::new(404, "InvalidResourceNamespace", message))
            }
        }
    }

    /// Completes what is due at `now` in every service.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.network.advance(now);
        self.compute.advance(now);
        self.trafficmanager.advance(now);
        self.operations.advance(now, self.options.operation_kept);
    }

    /// When the next thing happens by itself. Operations report on time alone, and are no events.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        let services = [self.network.next_event(), self.compute.next_event(), self.trafficmanager.next_event()];
        services.into_iter().flatten().min()
    }

    /// The configuration alone: no etags, operations, measurements or probes.
    pub(crate) fn contents(&self) -> Value {
        json!({
            "groups": self.groups,
            "network": self.network.contents(),
            "compute": self.compute.contents(),
            "trafficmanager": self.trafficmanager.contents(),
            "storage": self.storage.contents(),
        })
    }
}
