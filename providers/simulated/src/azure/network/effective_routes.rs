//! The effective routes of an interface, as the API tells them. Routes nothing.

use super::{hops::EffectiveRoute, route_table::NextHop};
use crate::azure::{ArmCx, ArmError, ArmReply, ArmRequest, Azure, NewOperation, Style};
use http::Method;
use serde_json::{Value, json};

impl Azure {
    /// Needs a machine that runs: only its host knows the routes in force.
    pub(super) fn effective_route_table(&self, request: &ArmRequest<'_>, cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        if request.method != Method::POST {
            return Err(ArmError::method_not_allowed(&request.method));
        }
        let path = &request.path;
        let key = path.root_key();
        let kept = self.network.interfaces.get(&key).ok_or_else(|| ArmError::resource_not_found(path))?;
        if !self.compute.holder(&key).is_some_and(crate::azure::VirtualMachine::runs) {
            let message = format!(
                "Network interface {} must be attached to a running virtual machine for its effective routes to be told.",
                kept.id
            );
            return Err(ArmError::conflict("NetworkInterfaceNotAttachedToRunningVM", message));
        }
        let subnet = kept.effect.primary().map(|own| own.subnet.clone()).unwrap_or_default();
        let routes = self.network.effective_routes(&subnet);
        let told: Vec<Value> = routes.iter().map(|route| told(route, &routes)).collect();
        let operation = NewOperation {
            style: Style::Location,
            ends_at: cx.end(self.options.effective_routes),
            resource: kept.id.clone(),
            location: kept.location.clone(),
            outcome: cx.outcome(Some(json!({ "value": told }))),
        };
        Ok(ArmReply::Running { status: 202, body: None, operation })
    }
}

fn told(route: &EffectiveRoute, all: &[EffectiveRoute]) -> Value {
    let overridden =
        route.name.is_none() && all.iter().any(|other| other.name.is_some() && other.prefix == route.prefix);
    let addresses = match route.hop {
        NextHop::Appliance(address) => vec![address],
        _ => Vec::new(),
    };
    let mut told = json!({
        "source": if route.name.is_some() { "User" } else { "Default" },
        "state": if overridden { "Invalid" } else { "Active" },
        "addressPrefix": [route.prefix],
        "nextHopType": route.hop.name(),
        "nextHopIpAddress": addresses,
        "disableBgpRoutePropagation": false,
    });
    if let Some(name) = &route.name {
        told["name"] = name.as_str().into();
    }
    told
}
