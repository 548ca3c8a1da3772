//! A range of ports as an operator writes it: `443`, `"8000-8100"`, `"*"`.
//!
//! Whether it is a sound one is a finding of the step, with its place in the document.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, Visitor},
};
use std::{borrow::Cow, fmt};

/// A port, a range of ports, or all of them. A bare number is a port: nothing else could be meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRange(String);

impl PortRange {
    pub(super) fn any() -> Self {
        Self("*".to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_any(&self) -> bool {
        self.0 == "*"
    }

    pub(super) fn is_sound(&self) -> bool {
        let port =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u16>().ok()).flatten();
        match self.0.split_once('-') {
            Some((first, last)) => port(first).zip(port(last)).is_some_and(|(first, last)| first <= last),
            None => self.is_any() || port(&self.0).is_some(),
        }
    }
}

struct PortVisitor;

impl Visitor<'_> for PortVisitor {
    type Value = PortRange;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a port, a range like \"8000-8100\", or \"*\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PortRange, E> {
        Ok(PortRange(text.to_owned()))
    }

    fn visit_u64<E: serde::de::Error>(self, port: u64) -> Result<PortRange, E> {
        Ok(PortRange(port.to_string()))
    }

    fn visit_i64<E: serde::de::Error>(self, port: i64) -> Result<PortRange, E> {
        u64::try_from(port).map_err(|_| E::custom(format!("{port} is no port"))).and_then(|port| self.visit_u64(port))
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PortVisitor).map_err(D::Error::custom)
    }
}

impl JsonSchema for PortRange {
    fn schema_name() -> Cow<'static, str> {
        "PortRange".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "pattern": r"^(\*|\d+(-\d+)?)$",
            "minimum": 0,
            "maximum": 65535,
            "description": "A port, a range of ports, or `*` for all of them.",
            "examples": [443, "8000-8100", "*"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_a_range_of_ports() {
        let sound = |value| serde_json::from_value::<PortRange>(value).unwrap().is_sound();
        assert!([json!("*"), json!("443"), json!(2575), json!("0-65535"), json!("80-80")].into_iter().all(sound));
        for value in
            [json!(""), json!("80-"), json!("90-80"), json!("65536"), json!(70_000), json!("http"), json!("+80")]
        {
            assert!(!sound(value.clone()), "{value}");
        }
        assert!(serde_json::from_value::<PortRange>(json!(-1)).is_err());
        assert!(serde_json::from_value::<PortRange>(json!([80])).is_err());
    }
}
