//! A security rule as the service shows it, without what it only shows: what is kept, compared and put back.
//!
//! What this build does not know of is kept too.

use super::{Access, Direction, PortRange, Protocol, SecurityRule};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The properties of a rule that can be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rule(pub BTreeMap<String, Value>);

/// What the service adds to a rule by itself.
const SHOWN: [&str; 1] = ["provisioningState"];
const SOURCES: [&str; 2] = ["sourceAddressPrefix", "sourceAddressPrefixes"];
const DESTINATIONS: [&str; 2] = ["destinationAddressPrefix", "destinationAddressPrefixes"];
const SOURCE_PORTS: [&str; 2] = ["sourcePortRange", "sourcePortRanges"];
const DESTINATION_PORTS: [&str; 2] = ["destinationPortRange", "destinationPortRanges"];
const APPLICATION_GROUPS: [&str; 2] = ["sourceApplicationSecurityGroups", "destinationApplicationSecurityGroups"];

pub(super) fn is_name(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=80).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(inside)
}

impl Direction {
    fn word(self) -> &'static str {
        match self {
            Self::Inbound => "Inbound",
            Self::Outbound => "Outbound",
        }
    }
}

impl Access {
    fn word(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

impl Protocol {
    fn word(self) -> &'static str {
        match self {
            Self::Any => "*",
            Self::Tcp => "Tcp",
            Self::Udp => "Udp",
            Self::Icmp => "Icmp",
            Self::Esp => "Esp",
            Self::Ah => "Ah",
        }
    }
}

impl Rule {
    /// Reads a rule. Empty lists and empty texts say nothing, and come and go as the service likes.
    pub(super) fn of(rule: &Value) -> Self {
        let empty = |value: &Value| match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        let properties = rule["properties"].as_object().into_iter().flatten();
        let kept = properties.filter(|(name, value)| !SHOWN.contains(&name.as_str()) && !empty(value));
        Self(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// The rule that the step asks for, once `check` has passed.
    pub(super) fn asked(step: &SecurityRule) -> Self {
        let mut properties = BTreeMap::from([
            ("access".to_owned(), json!(step.access.word())),
            ("protocol".to_owned(), json!(step.protocol.word())),
            (SOURCES[0].to_owned(), json!(step.source)),
            (SOURCE_PORTS[0].to_owned(), json!("*")),
            (DESTINATIONS[0].to_owned(), json!(step.destination)),
        ]);
        if let Some(priority) = step.priority {
            properties.insert("priority".to_owned(), json!(priority));
        }
        if let Some(direction) = step.direction {
            properties.insert("direction".to_owned(), json!(direction.word()));
        }
        let ports: Vec<&str> = step.ports.iter().map(PortRange::as_str).collect();
        match ports[..] {
            [port] => properties.insert(DESTINATION_PORTS[0].to_owned(), json!(port)),
            _ => properties.insert(DESTINATION_PORTS[1].to_owned(), json!(ports)),
        };
        Self(properties)
    }

    /// Whether it does exactly what `other` does, however it is written.
    pub(super) fn does_as(&self, other: &Self) -> bool {
        let words = ["access", "direction", "protocol"];
        let lists = [SOURCES, DESTINATIONS, SOURCE_PORTS, DESTINATION_PORTS];
        words.iter().all(|name| self.word(name) == other.word(name))
            && self.0.get("priority") == other.0.get("priority")
            && lists.into_iter().all(|fields| self.set(fields) == other.set(fields))
            && APPLICATION_GROUPS.iter().all(|name| self.0.get(*name) == other.0.get(*name))
    }

    fn word(&self, name: &str) -> String {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase()
    }

    /// What stands in the field for one value and in the field for several, together.
    fn set(&self, [one, several]: [&str; 2]) -> BTreeSet<String> {
        let one = self.0.get(one).into_iter();
        let several = self.0.get(several).and_then(Value::as_array).into_iter().flatten();
        one.chain(several).filter_map(Value::as_str).map(str::to_ascii_lowercase).collect()
    }

    pub(super) fn allows(&self) -> bool {
        self.word("access") == "allow"
    }

    pub(super) fn is(&self, direction: Direction) -> bool {
        self.word("direction") == direction.word().to_ascii_lowercase()
    }

    pub(super) fn priority(&self) -> Option<u16> {
        self.0.get("priority")?.as_u64()?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::step;
    use super::*;

    #[test]
    fn a_rule_is_what_it_does_and_not_how_it_is_written() {
        let asked = Rule::asked(&step(json!({"priority": 100, "direction": "inbound", "ports": ["80", "443"]})));
        let shown = json!({"etag": "W/1", "properties": {"provisioningState": "Succeeded", "access": "deny", "protocol": "*",
            "direction": "INBOUND", "priority": 100, "sourceAddressPrefix": "*", "sourcePortRange": "*",
            "destinationAddressPrefix": "*", "destinationPortRanges": ["443", "80"], "sourceAddressPrefixes": [],
            "description": "kept"}});
        let rule = Rule::of(&shown);
        assert!(rule.does_as(&asked) && rule != asked);
        assert!(!rule.0.contains_key("provisioningState") && !rule.0.contains_key("sourceAddressPrefixes"));
        for (field, value) in [
            ("priority", json!(101)),
            ("access", json!("Allow")),
            ("sourceAddressPrefix", json!("10.0.0.0/8")),
            ("destinationPortRange", json!("22")),
            ("sourcePortRange", json!("1000")),
            ("sourceApplicationSecurityGroups", json!([{"id": "asg"}])),
        ] {
            let mut other = rule.clone();
            other.0.insert(field.to_owned(), value);
            assert!(!other.does_as(&asked), "{field}");
        }
    }
}
