//! The IP configuration that holds an address: what is kept, compared, carried and put back. Pure.
//!
//! What this build does not know of is carried too.

use crate::ip_configurations::{configurations, configurations_mut, is_named};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::Ipv4Addr};

/// An IP configuration without what the service only shows, and without what goes without saying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    pub name: String,
    pub properties: BTreeMap<String, Value>,
}

/// What the service adds by itself.
const SHOWN: [&str; 2] = ["provisioningState", "privateLinkConnectionProperties"];
const ADDRESS: &str = "privateIPAddress";
const METHOD: &str = "privateIPAllocationMethod";

impl Configuration {
    fn of(configuration: &Value) -> Self {
        // Said or not, these mean the same.
        let goes_without_saying = |name: &str, value: &Value| match name {
            "primary" => *value == json!(false),
            "privateIPAddressVersion" => value.as_str().is_some_and(|version| version.eq_ignore_ascii_case("IPv4")),
            _ => value.is_null() || value.as_array().is_some_and(Vec::is_empty),
        };
        let properties = configuration["properties"].as_object().into_iter().flatten();
        let kept =
            properties.filter(|(name, value)| !SHOWN.contains(&name.as_str()) && !goes_without_saying(name, value));
        Self {
            name: configuration["name"].as_str().unwrap_or_default().to_owned(),
            properties: kept.map(|(name, value)| (name.clone(), value.clone())).collect(),
        }
    }

    /// The one of an interface that holds `address`.
    pub(super) fn holding(interface: &Value, address: Ipv4Addr) -> Option<Self> {
        configurations(interface).iter().find(|configuration| holds(configuration, address)).map(Self::of)
    }

    /// One for an address that nobody holds.
    pub(super) fn new(address: Ipv4Addr, subnet: Option<&str>) -> Self {
        let properties = [(ADDRESS, json!(address)), (METHOD, json!("Static"))].into_iter();
        let subnet = subnet.map(|subnet| ("subnet", json!({ "id": subnet })));
        let properties = properties.chain(subnet).map(|(name, value)| (name.to_owned(), value)).collect();
        Self { name: format!("address-{}", dashed(address)), properties }
    }

    /// The same configuration on an interface that has `names` already.
    pub(super) fn among(self, names: &[String], address: Ipv4Addr) -> Self {
        let taken = names.iter().any(|name| name.eq_ignore_ascii_case(&self.name));
        let name = if taken { format!("{}-{}", self.name, dashed(address)) } else { self.name };
        Self { name, ..self }
    }

    pub(super) fn is_primary(&self) -> bool {
        self.properties.get("primary") == Some(&json!(true))
    }

    pub(super) fn is_static(&self) -> bool {
        self.properties.get(METHOD).and_then(Value::as_str).is_some_and(|method| method.eq_ignore_ascii_case("Static"))
    }

    pub(super) fn subnet(&self) -> Option<&str> {
        self.properties.get("subnet")?["id"].as_str()
    }
}

fn holds(configuration: &Value, address: Ipv4Addr) -> bool {
    configuration["properties"][ADDRESS].as_str().and_then(|text| text.parse().ok()) == Some(address)
}

fn dashed(address: Ipv4Addr) -> String {
    address.to_string().replace('.', "-")
}

/// Gives the whole interface `configuration` for `address`, or takes it away; all else stays as it is.
///
/// Returns whether that could be done: an interface that shows no configurations cannot be edited.
#[must_use]
pub(super) fn set(interface: &mut Value, address: Ipv4Addr, configuration: Option<&Configuration>) -> bool {
    let Some(all) = configurations_mut(interface) else { return false };
    all.retain(|known| !holds(known, address));
    if let Some(configuration) = configuration {
        if all.iter().any(|known| is_named(known, &configuration.name)) {
            return false;
        }
        all.push(json!({ "name": configuration.name, "properties": configuration.properties }));
    }
    true
}
