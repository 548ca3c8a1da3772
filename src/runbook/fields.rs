//! Reads the fields of one mapping of a runbook, and reports each that is unknown, missing or of the wrong type.
//!
//! It knows no field by name.

use super::{
    document::{Node, NodeValue, pin},
    nearest::{nearest, suggestion},
    problems::{Problems, quoted},
};
use lifeboat_contract::{DocumentPath, Finding, Span, codes};
use serde_json::Number;
use std::time::Duration;

/// One mapping whose fields are being read.
pub(super) struct Fields<'n> {
    node: &'n Node,
    pub(super) path: DocumentPath,
}

impl<'n> Fields<'n> {
    /// Opens a mapping, and reports the fields that are not among `known`. Anything else than a mapping is reported.
    pub(super) fn open(node: &'n Node, path: DocumentPath, known: &[&str], problems: &mut Problems) -> Option<Self> {
        let NodeValue::Mapping(entries) = &node.value else {
            wrong_type(node, path, "a mapping", problems);
            return None;
        };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let at = pin(&path.join(&entry.key), &entry.key_span);
            let finding = problems.error(at, codes::UNKNOWN_FIELD, format!("unknown field {}", quoted(&entry.key)));
            finding.because("a field that nobody reads does not do what its author meant");
            finding.hint = suggestion(&entry.key, known.iter().copied());
        }
        Some(Self { node, path })
    }

    /// A field that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<(&'n Node, DocumentPath)> {
        let value = self.node.child(name).filter(|value| !value.is_null())?;
        Some((value, self.path.join(name)))
    }

    pub(super) fn text(&self, name: &str, problems: &mut Problems) -> Option<&'n str> {
        let (value, path) = self.get(name)?;
        text(value, path, problems)
    }

    /// A text that must be there, and must not be empty.
    pub(super) fn required_text(&self, name: &str, problems: &mut Problems) -> Option<&'n str> {
        let Some((value, path)) = self.get(name) else {
            self.missing(name, problems);
            return None;
        };
        let found = text(value, path.clone(), problems)?;
        if found.trim().is_empty() {
            problems.error(path, codes::BAD_VALUE, format!("`{name}` is empty"));
            return None;
        }
        Some(found)
    }

    pub(super) fn duration(&self, name: &str, problems: &mut Problems) -> Option<Duration> {
        let (value, path) = self.get(name)?;
        duration(value, path, problems)
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, name: &str, words: &[(&str, T)], problems: &mut Problems) -> Option<T> {
        let (value, path) = self.get(name)?;
        let word = text(value, path.clone(), problems)?;
        let found = words.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
            let finding =
                problems.error(path, codes::BAD_VALUE, format!("{} is not one of {}", quoted(word), known.join(", ")));
            finding.hint = nearest(word, known).map(|near| format!("did you mean `{near}`?"));
        }
        found
    }

    pub(super) fn missing(&self, name: &str, problems: &mut Problems) {
        problems
            .error(self.path.clone(), codes::MISSING_FIELD, format!("missing field `{name}`"))
            .hint(format!("add `{name}: …`"));
    }
}

pub(super) fn text<'n>(node: &'n Node, path: DocumentPath, problems: &mut Problems) -> Option<&'n str> {
    let found = node.as_text();
    if found.is_none() {
        wrong_type(node, path, "text", problems);
    }
    found
}

pub(super) fn duration(node: &Node, path: DocumentPath, problems: &mut Problems) -> Option<Duration> {
    match &node.value {
        NodeValue::Text(text) => {
            let found = Span::parse(text);
            if found.is_none() {
                bad_duration(text, path, problems);
            }
            found.map(Span::get)
        }
        NodeValue::Number(number) => {
            unitless(number, path, problems);
            None
        }
        _ => {
            wrong_type(node, path, "a duration", problems);
            None
        }
    }
}

pub(super) fn unitless<'p>(number: &Number, path: DocumentPath, problems: &'p mut Problems) -> &'p mut Finding {
    problems
        .error(path, codes::BAD_DURATION, format!("`{number}` has no unit"))
        .because("a bare number leaves the unit to be guessed")
        .hint(format!("write `{number}s` for seconds or `{number}m` for minutes"))
}

pub(super) fn bad_duration(text: &str, path: DocumentPath, problems: &mut Problems) {
    problems
        .error(path, codes::BAD_DURATION, format!("{} is not a duration", quoted(text)))
        .because("a bare number leaves the unit to be guessed")
        .hint("write it like 90s, 5m, 1h30m or 500ms, the larger unit first");
}

pub(super) fn wrong_type(node: &Node, path: DocumentPath, expected: &str, problems: &mut Problems) {
    let finding = problems.error(path, codes::WRONG_TYPE, format!("expected {expected}, found {}", node.what()));
    if let (NodeValue::Number(_) | NodeValue::Bool(_), "text") = (&node.value, expected) {
        finding.hint(format!("quote it: \"{}\"", node.to_json()));
    }
}

/// Checks a name that other parts of a runbook refer to.
pub(super) fn check_name(name: &str, what: &str, path: &DocumentPath, problems: &mut Problems) {
    let sound = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !sound {
        problems
            .error(path.clone(), codes::BAD_VALUE, format!("{} cannot be the name of {what}", quoted(name)))
            .because("names go into command lines, file names and expressions")
            .hint("use up to 64 letters, digits, `-` and `_`, and start with a letter or a digit");
    }
}
