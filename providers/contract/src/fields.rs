//! Field types that every kind shares: what an operator writes in `with`, parsed once.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, fmt, fmt::Write as _, time::Duration};

/// A duration as an operator writes it: `90s`, `5m`, `1h30m`, `500ms`. Never a bare number: units are never guessed.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    pub const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    pub const fn get(self) -> Duration {
        self.0
    }

    /// Parses `1h30m`, `90s`, `500ms`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let mut total_ms: u64 = 0;
        let mut last_unit_ms = u64::MAX;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let amount: u64 = rest[..digits].parse().ok()?;
            rest = &rest[digits..];
            let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let unit_ms = match &rest[..unit_end] {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return None,
            };
            // Units must fall, so that `5m1h` and `3s3s` are typing errors and not sums.
            if unit_ms >= last_unit_ms {
                return None;
            }
            last_unit_ms = unit_ms;
            total_ms = total_ms.checked_add(amount.checked_mul(unit_ms)?)?;
            rest = &rest[unit_end..];
        }
        // A century is longer than any recovery, and keeps every later sum of timestamps in range.
        (total_ms <= 100 * 365 * 86_400_000).then(|| Self(Duration::from_millis(total_ms)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ms = self.0.as_millis();
        let mut text = String::new();
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
            if ms >= size {
                write!(text, "{}{unit}", ms / size)?;
                ms %= size;
            }
        }
        f.pad(if text.is_empty() { "0s" } else { &text })
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!("{text:?} is not a duration; write it like 90s, 5m, 1h30m or 500ms"))
        })
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "duration",
            "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$",
            "description": "A duration with its unit: 90s, 5m, 1h30m, 500ms.",
            "examples": ["30s", "5m"]
        })
    }
}

/// A reference to one of the runbook's secrets: `${{ secrets.NAME }}` as the whole value of the field.
///
/// Holds the name. The value is looked up just before it is sent, and stands in no plan, journal or report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    pub secret: String,
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^\$\{\{\s*secrets\.[A-Za-z_][A-Za-z0-9_]*\s*\}\}$",
            "description": "A secret by reference, as the whole value: ${{ secrets.NAME }}."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (text, ms) in [("90s", 90_000), ("1h30m", 5_400_000), ("500ms", 500), ("0s", 0), ("1m1s1ms", 61_001)] {
            assert_eq!(Span::parse(text).map(|span| span.get().as_millis()), Some(ms), "{text}");
        }
        for text in ["", "5", "s", "5 m", "1m1h", "3s3s", "-1s", "1.5s", "99999999999999999999s", "1w"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_span_prints_as_it_parses() {
        for text in ["1h30m", "500ms", "2m", "0s", "1d2h3m4s5ms"] {
            assert_eq!(Span::parse(text).unwrap().to_string(), text);
        }
    }
}
