//! Typed decoding: what serde says about a value, turned into findings that say where, why and what to write instead.
//!
//! Serde stops at the first mistake; this goes on after it, so that an operator sees all of them. It knows no type by name.

use super::node::{Node, pin};
use crate::runbook::nearest::{nearest, suggestion};
use lifeboat_contract::{Code, DecodeError, DocumentPath, Finding, Severity, codes};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Mistakes reported per value at most.
const MISTAKES_MAX: usize = 50;

/// Decodes a document or a part of one. The findings' paths start at `node`.
pub fn decode<T: DeserializeOwned>(node: &Node) -> Result<T, Vec<Finding>> {
    let base = DocumentPath::default();
    let (decoded, mistakes) = salvage(node.to_json(), |value| {
        serde_path_to_error::deserialize(value)
            .map_err(|error| DecodeError { path: segments(error.path()), message: error.inner().to_string() })
    });
    match decoded {
        Some(decoded) if mistakes.is_empty() => Ok(decoded),
        _ => Err(mistakes.iter().map(|mistake| finding(node, &base, mistake)).collect()),
    }
}

/// A path as serde saw it, in the document's segments.
pub fn segments(path: &serde_path_to_error::Path) -> Vec<String> {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { variant } => Some(variant.clone()),
            Segment::Unknown => None,
        })
        .collect()
}

/// Reads `value`; after a mistake, takes what is wrong away and reads again, to find the next one.
///
/// A mistake that only the taking away can have caused (a field that is now missing) is not reported. Yields the value too
/// where nothing but unknown fields had to go: there is more to say about it.
pub(in crate::runbook) fn salvage<T>(
    mut value: Value,
    read: impl Fn(&Value) -> Result<T, DecodeError>,
) -> (Option<T>, Vec<DecodeError>) {
    let mut mistakes: Vec<DecodeError> = Vec::new();
    let mut removed: Vec<Vec<String>> = Vec::new();
    while mistakes.len() < MISTAKES_MAX {
        let mut mistake = match read(&value) {
            Ok(decoded) => return (removed.is_empty().then_some(decoded), mistakes),
            Err(mistake) => mistake,
        };
        let said = Said::parse(&mistake.message);
        if let Said::UnknownField { name, .. } = &said
            && mistake.path.last() != Some(name)
        {
            mistake.path.push(name.clone());
        }
        let caused = !matches!(said, Said::UnknownField { .. })
            && removed.iter().any(|path| path.starts_with(&mistake.path) || mistake.path.starts_with(path));
        if caused {
            break;
        }
        let taken = take_away(&mut value, &mistake.path);
        if taken && !matches!(said, Said::UnknownField { .. }) {
            removed.push(mistake.path.clone());
        }
        mistakes.push(mistake);
        if !taken {
            break;
        }
    }
    (None, mistakes)
}

/// Removes the member of a mapping at `path`. Items of lists stay: without one of them the others would change places.
fn take_away(value: &mut Value, path: &[String]) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let parent = parents.iter().try_fold(value, |value, segment| match value {
        Value::Object(map) => map.get_mut(segment),
        Value::Array(items) => items.get_mut(segment.parse::<usize>().ok()?),
        _ => None,
    });
    parent.and_then(Value::as_object_mut).is_some_and(|map| map.remove(last).is_some())
}

/// What serde said, taken apart.
enum Said {
    UnknownField { name: String, known: Vec<String> },
    MissingField { name: String },
    UnknownVariant { name: String, known: Vec<String> },
    InvalidType { found: String, expected: String },
    Other,
}

impl Said {
    fn parse(message: &str) -> Self {
        let names = |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
        if let Some(rest) = message.strip_prefix("unknown field ") {
            let mut names = names(rest).into_iter();
            return Self::UnknownField { name: names.next().unwrap_or_default(), known: names.collect() };
        }
        if let Some(rest) = message.strip_prefix("missing field ") {
            return Self::MissingField { name: names(rest).into_iter().next().unwrap_or_default() };
        }
        if let Some(rest) = message.strip_prefix("unknown variant ") {
            let mut names = names(rest).into_iter();
            return Self::UnknownVariant { name: names.next().unwrap_or_default(), known: names.collect() };
        }
        if let Some((found, expected)) =
            message.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "))
        {
            return Self::InvalidType { found: found.to_owned(), expected: expected.to_owned() };
        }
        Self::Other
    }
}

/// The finding for a mistake below `base`; `root` is the whole document.
pub(in crate::runbook) fn finding(root: &Node, base: &DocumentPath, mistake: &DecodeError) -> Finding {
    let mut path = base.clone();
    path.0.extend(mistake.path.iter().cloned());
    let (code, message, hint) = match Said::parse(&mistake.message) {
        Said::UnknownField { name, known } => {
            if let Some(span) = root.locate_key(&path) {
                path = pin(&path, &span);
            }
            let hint = suggestion(&name, known.iter().map(String::as_str));
            (codes::UNKNOWN_FIELD, format!("unknown field `{name}`"), hint)
        }
        Said::MissingField { name } => {
            (codes::MISSING_FIELD, format!("missing field `{name}`"), Some(format!("add `{name}: …`")))
        }
        Said::UnknownVariant { name, known } => {
            let hint = nearest(&name, known.iter().map(String::as_str)).map_or_else(
                || format!("write one of {}", known.join(", ")),
                |found| format!("did you mean `{found}`?"),
            );
            (codes::BAD_VALUE, format!("`{name}` is not one of {}", known.join(", ")), Some(hint))
        }
        // The value is not repeated: it may be the secret itself.
        Said::InvalidType { expected, .. } if expected.ends_with("struct Secret") => (
            codes::SECRET_MISUSED,
            "this field takes a secret, by reference".to_owned(),
            Some("declare it under `secrets` and write `${{ secrets.NAME }}`".to_owned()),
        ),
        Said::InvalidType { found, expected } => {
            let hint = expected.contains("string").then(|| quote(root, &path)).flatten();
            (codes::WRONG_TYPE, format!("expected {}, found {}", wanted(&expected), humane(&found)), hint)
        }
        Said::Other => (classify(&mistake.message), strip(&mistake.message), None),
    };
    Finding { code, severity: Severity::Error, path, message, why: why(code).to_owned(), hint }
}

/// How to write a number or a boolean that is meant as text.
fn quote(root: &Node, path: &DocumentPath) -> Option<String> {
    match root.at(path)?.to_json() {
        value @ (Value::Number(_) | Value::Bool(_)) => Some(format!("quote it: \"{value}\"")),
        _ => None,
    }
}

/// Serde's name of a value, in the words of the person who wrote it.
fn humane(found: &str) -> String {
    let (kind, value) = found.split_once(' ').map_or((found, ""), |(kind, value)| (kind, value));
    match (kind, value) {
        ("map", _) => "a mapping".to_owned(),
        ("sequence", _) => "a list".to_owned(),
        ("null", _) | ("unit", "value") => "nothing".to_owned(),
        ("string", value) => format!("the text {value}"),
        ("integer", value) => format!("the number {value}"),
        ("floating", value) => format!("the number {}", value.trim_start_matches("point ")),
        ("boolean", value) => value.to_owned(),
        _ => found.to_owned(),
    }
}

/// Serde's name of a type, in the words of the person who has to write a value of it.
fn wanted(expected: &str) -> &str {
    match expected {
        "a string" | "a borrowed string" => "text",
        "a boolean" => "true or false",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "a mapping",
        _ if expected.starts_with("struct ") => "a mapping",
        _ => expected,
    }
}

/// The code for a message of a field type's own. Every such type names what it wanted.
fn classify(message: &str) -> Code {
    let lower = message.to_lowercase();
    let says = |word: &str| lower.contains(word);
    if says("duration") {
        codes::BAD_DURATION
    } else if says("not an arn") || says(" arn") || says("arn:") {
        codes::BAD_ARN
    } else if says("cidr")
        || says("ip address")
        || says("ip network")
        || says("prefix length")
        || says("address syntax")
    {
        codes::BAD_ADDRESS
    } else if lower.starts_with("invalid value: integer")
        || lower.starts_with("invalid value: floating")
        || says("out of range")
    {
        codes::OUT_OF_RANGE
    } else {
        codes::BAD_VALUE
    }
}

/// A message without serde's own preamble.
fn strip(message: &str) -> String {
    match message.strip_prefix("invalid value: ").and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((found, expected)) => format!("expected {}, found {}", wanted(expected), humane(found)),
        None => message.to_owned(),
    }
}

fn why(code: Code) -> &'static str {
    match code {
        codes::UNKNOWN_FIELD => "a field that nobody reads does not do what its author meant",
        codes::SECRET_MISUSED => "a value that stands in a runbook is no secret: it is in every copy, plan and journal",
        codes::BAD_DURATION => "a bare number leaves the unit to be guessed",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Source, parse};
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only decoded")]
    struct Small {
        name: String,
        count: u8,
        wait: lifeboat_contract::Span,
        #[serde(default)]
        inner: BTreeMap<String, Inner>,
        mode: lifeboat_contract::Mode,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only decoded")]
    struct Inner {
        size: i32,
    }

    #[test]
    fn every_mistake_of_a_typed_value() {
        let text = "nmae: x\nname: 5\ncount: 300\nwait: 90\ninner: {a: {size: 1, sise: 2}, b: {}}\nmode: failovr\n";
        let node = parse(&Source::new("t", text)).unwrap();
        let found = decode::<Small>(&node).unwrap_err();
        let mut lines: Vec<String> =
            found.iter().map(|f| format!("{} {} | {}", f.code, f.message, f.hint.as_deref().unwrap_or("-"))).collect();
        lines.sort();
        assert_eq!(
            lines,
            [
                "LB0101 unknown field `nmae` | did you mean `name`?",
                "LB0101 unknown field `sise` | did you mean `size`?",
                "LB0102 expected text, found the number `5` | quote it: \"5\"",
                "LB0102 expected text, found the number `90` | quote it: \"90\"",
                "LB0103 missing field `size` | add `size: …`",
                "LB0104 `failovr` is not one of switchover, failover | did you mean `failover`?",
                "LB0108 expected a whole number from 0 to 255, found the number `300` | -",
            ]
        );
    }

    #[test]
    fn a_sound_value_is_decoded() {
        let node = parse(&Source::new("t", "name: x\ncount: 3\nwait: 90s\nmode: failover\n")).unwrap();
        assert_eq!(decode::<Small>(&node).unwrap().count, 3);
    }
}
