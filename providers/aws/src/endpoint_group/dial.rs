//! A traffic dial: a percentage that compares exactly.
//!
//! Checks no range: that is a finding of the step, with its place in the document.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, fmt};

/// A percentage in hundredths. The service keeps 32-bit floats, which do not compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dial(i32);

impl Dial {
    pub const CLOSED: Self = Self(0);

    pub(crate) fn is_open(self) -> bool {
        self.0 > 0
    }

    pub(crate) fn is_percentage(self) -> bool {
        (0..=10_000).contains(&self.0)
    }

    /// The nearest hundredth: the service's floats are off by less.
    pub(crate) fn from_service(percentage: f32) -> Self {
        Self(hundredths(f64::from(percentage)))
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 10000, which a 32-bit float holds exactly")]
    pub(crate) fn to_service(self) -> f32 {
        self.0 as f32 / 100.0
    }
}

#[expect(clippy::cast_possible_truncation, reason = "saturates, and is then out of range")]
fn hundredths(percentage: f64) -> i32 {
    (percentage * 100.0).round() as i32
}

impl fmt::Display for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 % 100 == 0 { write!(f, "{}", self.0 / 100) } else { write!(f, "{}", f64::from(self.0) / 100.0) }
    }
}

impl Serialize for Dial {
    /// A whole number where it is one, so that equal dials are equal JSON.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 100 == 0 {
            serializer.serialize_i32(self.0 / 100)
        } else {
            serializer.serialize_f64(f64::from(self.0) / 100.0)
        }
    }
}

impl<'de> Deserialize<'de> for Dial {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let percentage = f64::deserialize(deserializer)?;
        let hundredths = hundredths(percentage);
        if (f64::from(hundredths) / 100.0 - percentage).abs() > 1e-9 && percentage.abs() <= 1000.0 {
            return Err(D::Error::custom(format!("{percentage} has more than two decimals")));
        }
        Ok(Self(hundredths))
    }
}

impl JsonSchema for Dial {
    fn schema_name() -> Cow<'static, str> {
        "Percentage".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "number",
            "minimum": 0,
            "maximum": 100,
            "multipleOf": 0.01,
            "description": "A percentage from 0 to 100, with at most two decimals.",
            "examples": [100, 0, 12.5]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json, to_value};

    #[test]
    fn equal_dials_are_equal_json() {
        for (written, canonical) in
            [(json!(100.0), json!(100)), (json!(0), json!(0)), (json!(12.5), json!(12.5)), (json!(33.33), json!(33.33))]
        {
            let dial: Dial = from_value(written).unwrap();
            assert_eq!(to_value(dial).unwrap(), canonical);
            assert_eq!(Dial::from_service(dial.to_service()), dial);
        }
    }

    #[test]
    fn what_is_no_percentage() {
        assert!(from_value::<Dial>(json!(12.345)).is_err());
        assert!(from_value::<Dial>(json!("100")).is_err());
        for written in [json!(-1), json!(100.01), json!(1e12)] {
            assert!(!from_value::<Dial>(written).unwrap().is_percentage());
        }
    }

    #[test]
    fn a_dial_prints_as_it_is_written() {
        for (hundredths, text) in [(10_000, "100"), (0, "0"), (1250, "12.5")] {
            assert_eq!(Dial(hundredths).to_string(), text);
        }
    }
}
