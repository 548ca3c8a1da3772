//! What a request needs to be allowed: the Resource Manager's name of its action and the scope that it is about, and the
//! actions on other resources that its body links to.
//!
//! Looks at the request alone. Asking how far an operation is needs nothing: its address lies in no resource group, and whoever
//! may act in a single group can follow what they began.

use crate::azure::{ArmPath, ArmRequest};
use http::Method;
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Need {
    /// `Microsoft.Network/routeTables/routes/write`.
    pub(crate) action: String,
    pub(crate) scope: String,
}

/// The members of a body that link to other resources, and what must be allowed on those.
const LINKS: &[(&str, &str)] = &[
    ("applicationGatewayBackendAddressPools", "join/action"),
    ("applicationSecurityGroups", "joinIpConfiguration/action"),
    ("destinationApplicationSecurityGroups", "joinNetworkSecurityRule/action"),
    ("loadBalancerBackendAddressPools", "join/action"),
    ("loadBalancerInboundNatRules", "join/action"),
    ("networkSecurityGroup", "join/action"),
    ("publicIPAddress", "join/action"),
    ("routeTable", "join/action"),
    ("sourceApplicationSecurityGroups", "joinNetworkSecurityRule/action"),
    ("subnet", "join/action"),
    // The members of a backend pool by address are somewhere in a network.
    ("virtualNetwork", "joinLoadBalancer/action"),
];

impl Need {
    pub(crate) fn of(request: &ArmRequest<'_>) -> Self {
        let path = &request.path;
        let verb = match request.method {
            Method::GET | Method::HEAD => "read",
            Method::DELETE => "delete",
            Method::POST => "action",
            _ => "write",
        };
        let named = path.namespace.as_deref().unwrap_or("Microsoft.Resources");
        let mut parts = vec![named];
        if path.namespace.is_none() {
            parts.push("subscriptions");
            parts.extend(path.group.as_ref().map(|_| "resourceGroups"));
        }
        parts.extend(path.types.iter().map(|(kind, _)| kind.as_str()));
        parts.extend(path.rest.as_deref());
        parts.push(verb);
        Self { action: parts.join("/"), scope: path.scope() }
    }

    /// What a write links to, outside of what it writes.
    pub(crate) fn linked(request: &ArmRequest<'_>) -> BTreeSet<Self> {
        let mut found = BTreeSet::new();
        if matches!(request.method, Method::PUT | Method::PATCH) {
            let own = request.path.root_key();
            collect(&request.body, &mut |link, id| {
                let path = ArmPath::parse(id).filter(|path| path.root_key() != own && path.namespace.is_some());
                if let Some(path) = path {
                    let kinds = path.types.iter().map(|(kind, _)| kind.as_str());
                    let parts: Vec<&str> = path.namespace.as_deref().into_iter().chain(kinds).chain([link]).collect();
                    found.insert(Self { action: parts.join("/"), scope: path.id() });
                }
            });
        }
        found
    }
}

/// Finds all links of a body, however deep.
fn collect(value: &Value, found: &mut impl FnMut(&'static str, &str)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let link = LINKS.iter().find(|(link, _)| link.eq_ignore_ascii_case(name)).map(|(_, action)| *action);
                let Some(action) = link else {
                    collect(member, found);
                    continue;
                };
                let several = member.as_array().map_or(std::slice::from_ref(member), Vec::as_slice);
                several.iter().filter_map(|one| one["id"].as_str()).for_each(|id| found(action, id));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}
