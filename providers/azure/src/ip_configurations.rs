//! The IP configurations of a network interface, as the service shows them: raw JSON, so that what is not known here survives.
//!
//! Sends nothing. An interface has no smaller part that could be written: whoever changes one writes the whole of it.

use crate::arm_id::ArmId;
use serde_json::Value;
use std::collections::BTreeSet;

/// What a configuration may refer to: one resource, or several.
const REFERENCES: [&str; 6] = [
    "subnet",
    "publicIPAddress",
    "loadBalancerBackendAddressPools",
    "loadBalancerInboundNatRules",
    "applicationGatewayBackendAddressPools",
    "applicationSecurityGroups",
];

pub(crate) fn configurations(interface: &Value) -> &[Value] {
    interface["properties"]["ipConfigurations"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The list to edit; nothing where the interface shows none.
pub(crate) fn configurations_mut(interface: &mut Value) -> Option<&mut Vec<Value>> {
    interface["properties"]["ipConfigurations"].as_array_mut()
}

pub(crate) fn is_named(configuration: &Value, name: &str) -> bool {
    configuration["name"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name))
}

pub(crate) fn is_primary(configuration: &Value) -> bool {
    configuration["properties"]["primary"] == true
}

/// The subnet of the primary configuration, or of the only one.
pub(crate) fn subnet(interface: &Value) -> Option<String> {
    let all = configurations(interface);
    let primary = all.iter().find(|configuration| is_primary(configuration)).or(all.first())?;
    primary["properties"]["subnet"]["id"].as_str().map(str::to_owned)
}

/// Everything that the interface refers to, by id.
pub(crate) fn references(interface: &Value) -> BTreeSet<String> {
    let group = std::iter::once(&interface["properties"]["networkSecurityGroup"]);
    let configured = configurations(interface).iter().flat_map(|configuration| {
        let of = |field: &&str| match &configuration["properties"][*field] {
            Value::Array(several) => several.iter().collect(),
            one => vec![one],
        };
        REFERENCES.iter().flat_map(of)
    });
    group.chain(configured).filter_map(|reference| reference["id"].as_str()).map(str::to_owned).collect()
}

/// An IP configuration by its own id, or by that of its interface and its name: `…/networkInterfaces/a/primary`.
pub(crate) fn parse(text: &str) -> Option<(ArmId, String)> {
    if let Ok(id) = text.parse::<ArmId>() {
        let whole = id.is_a("Microsoft.Network/networkInterfaces/ipConfigurations");
        return id.parent().filter(|_| whole).map(|interface| (interface, id.name().to_owned()));
    }
    let (interface, name) = text.rsplit_once('/')?;
    let interface: ArmId = interface.parse().ok()?;
    let sound = interface.is_a("Microsoft.Network/networkInterfaces") && !name.is_empty();
    sound.then(|| (interface, name.to_owned()))
}

/// What maps and cells are keyed by: `/subscriptions/…/networkinterfaces/a/primary`.
pub(crate) fn key(interface: &ArmId, name: &str) -> String {
    format!("{}/{}", interface.key(), name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NIC: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/A";

    #[test]
    fn a_configuration_has_two_spellings() {
        for text in [format!("{NIC}/Primary"), format!("{NIC}/ipConfigurations/Primary")] {
            let (interface, name) = parse(&text).unwrap();
            assert_eq!((interface.name(), name.as_str()), ("A", "Primary"), "{text}");
            assert_eq!(key(&interface, &name), format!("{}/primary", NIC.to_lowercase()));
        }
        let subnet = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n";
        for text in [NIC, subnet, "primary", ""] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_reference_is_found() {
        let nic = json!({"properties": {"networkSecurityGroup": {"id": "nsg"}, "ipConfigurations": [
            {"name": "p", "properties": {"primary": true, "subnet": {"id": "net"}}},
            {"name": "s", "properties": {"subnet": {"id": "net"}, "publicIPAddress": {"id": "pip"},
                "loadBalancerBackendAddressPools": [{"id": "one"}, {"id": "two"}]}}]}});
        assert_eq!(references(&nic).into_iter().collect::<Vec<_>>(), ["net", "nsg", "one", "pip", "two"]);
        assert_eq!(subnet(&nic).as_deref(), Some("net"));
    }
}
