//! One answer, three encodings: a tree that is written as XML, JSON or CBOR. Knows no service.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// A value of a service's output.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// A structure: fields in order. A field that is `Absent` is not written.
    Struct(Vec<(&'static str, Shape)>),
    /// A list, and what one element is called in XML.
    List(&'static str, Vec<Shape>),
    Text(String),
    Integer(i64),
    Number(f64),
    Bool(bool),
    Time(Timestamp),
    Absent,
}

impl From<&str> for Shape {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Shape {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Shape {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<bool> for Shape {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<Timestamp> for Shape {
    fn from(at: Timestamp) -> Self {
        Self::Time(at)
    }
}

impl<T: Into<Self>> From<Option<T>> for Shape {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

impl Shape {
    /// The content of an element: without the element's own tag.
    pub(crate) fn to_xml(&self) -> String {
        let mut text = String::new();
        self.write_xml(&mut text);
        text
    }

    fn write_xml(&self, into: &mut String) {
        match self {
            Self::Struct(fields) => {
                for (name, value) in fields.iter().filter(|(_, value)| *value != Self::Absent) {
                    element(name, value, into);
                }
            }
            Self::List(name, items) => {
                for item in items {
                    element(name, item, into);
                }
            }
            Self::Text(text) => escape(text, into),
            Self::Integer(number) => into.push_str(&number.to_string()),
            Self::Number(number) => into.push_str(&number.to_string()),
            Self::Bool(flag) => into.push_str(if *flag { "true" } else { "false" }),
            Self::Time(at) => into.push_str(&iso(*at)),
            Self::Absent => {}
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Struct(fields) => {
                let present = fields.iter().filter(|(_, value)| *value != Self::Absent);
                Value::Object(present.map(|(name, value)| ((*name).to_owned(), value.to_json())).collect::<Map<_, _>>())
            }
            Self::List(_, items) => items.iter().map(Self::to_json).collect(),
            Self::Text(text) => text.as_str().into(),
            Self::Integer(number) => (*number).into(),
            Self::Number(number) => (*number).into(),
            Self::Bool(flag) => (*flag).into(),
            Self::Time(at) => seconds(*at).into(),
            Self::Absent => Value::Null,
        }
    }

    pub(crate) fn to_cbor(&self) -> ciborium::Value {
        use ciborium::Value as Cbor;
        match self {
            Self::Struct(fields) => {
                let present = fields.iter().filter(|(_, value)| *value != Self::Absent);
                Cbor::Map(present.map(|(name, value)| (Cbor::Text((*name).to_owned()), value.to_cbor())).collect())
            }
            Self::List(_, items) => Cbor::Array(items.iter().map(Self::to_cbor).collect()),
            Self::Text(text) => Cbor::Text(text.clone()),
            Self::Integer(number) => Cbor::Integer((*number).into()),
            Self::Number(number) => Cbor::Float(*number),
            Self::Bool(flag) => Cbor::Bool(*flag),
            // Tag 1 is a time in seconds since the epoch.
            Self::Time(at) => Cbor::Tag(1, Box::new(Cbor::Float(seconds(*at)))),
            Self::Absent => Cbor::Null,
        }
    }
}

fn element(name: &str, value: &Shape, into: &mut String) {
    into.push('<');
    into.push_str(name);
    into.push('>');
    value.write_xml(into);
    into.push_str("</");
    into.push_str(name);
    into.push('>');
}

/// Writes text so that it can't be taken for markup. Characters that XML has no way to write are left out.
fn escape(text: &str, into: &mut String) {
    for character in text.chars() {
        match character {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\t' | '\n' | '\r' => into.push(character),
            _ if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => {}
            _ => into.push(character),
        }
    }
}

/// `2026-01-15T09:00:00.000Z`.
pub(crate) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Seconds since the epoch, to the millisecond.
pub(crate) fn seconds(at: Timestamp) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since the epoch are exact in a float for 285,000 years"
    )]
    let millis = at.as_millisecond() as f64;
    millis / 1000.0
}

/// The moment that many seconds after the epoch. Nothing for what is no moment.
pub(crate) fn from_seconds(seconds: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked by the conversion that follows")]
    let millis = (seconds * 1000.0).round() as i64;
    Timestamp::from_millisecond(millis).ok()
}
