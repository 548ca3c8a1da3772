//! The spanned tree: values in the order of the document, each with its place in the text.
//!
//! Keys are text, and every one of a mapping's entries is kept. The tree does not say what a value is good for.

use lifeboat_contract::DocumentPath;
use serde_json::{Map, Number, Value};
use std::ops::Range;

/// A range of bytes of the source.
pub type Span = Range<usize>;

/// A value, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub value: NodeValue,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub enum NodeValue {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Node,
}

impl Node {
    /// The value without its spans.
    pub fn to_json(&self) -> Value {
        match &self.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(value) => Value::Bool(*value),
            NodeValue::Number(value) => Value::Number(value.clone()),
            NodeValue::Text(value) => Value::String(value.clone()),
            NodeValue::Sequence(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            NodeValue::Mapping(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    map.entry(entry.key.clone()).or_insert_with(|| entry.value.to_json());
                }
                Value::Object(map)
            }
        }
    }

    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            NodeValue::Mapping(entries) => entries,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.value {
            NodeValue::Sequence(items) => items,
            _ => &[],
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.value == NodeValue::Null
    }

    /// What the value is, in words: `a number`.
    pub fn what(&self) -> &'static str {
        match &self.value {
            NodeValue::Null => "nothing",
            NodeValue::Bool(_) => "true or false",
            NodeValue::Number(_) => "a number",
            NodeValue::Text(_) => "text",
            NodeValue::Sequence(_) => "a list",
            NodeValue::Mapping(_) => "a mapping",
        }
    }

    /// The value at one segment below.
    pub fn child(&self, segment: &str) -> Option<&Self> {
        match &self.value {
            NodeValue::Mapping(_) => self.entry(segment).map(|entry| &entry.value),
            NodeValue::Sequence(items) => items.get(segment.parse::<usize>().ok()?),
            _ => None,
        }
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value at a path.
    pub fn at(&self, path: &DocumentPath) -> Option<&Self> {
        path.0.iter().try_fold(self, |node, segment| node.child(segment))
    }

    /// Where to point for a path: at the value, or at its key where the value spreads over lines or is empty.
    ///
    /// A path that leads nowhere points at the nearest ancestor that exists.
    pub fn locate(&self, path: &DocumentPath) -> Option<Span> {
        let mut node = self;
        let mut span = self.span.clone();
        for segment in &path.0 {
            let Some(child) = node.child(segment) else { break };
            span = match (node.entry(segment), &child.value) {
                (Some(entry), NodeValue::Sequence(_) | NodeValue::Mapping(_) | NodeValue::Null) => {
                    entry.key_span.clone()
                }
                _ => child.span.clone(),
            };
            node = child;
        }
        pinned(path).or(Some(span))
    }

    /// Where the key stands that a path ends in.
    pub fn locate_key(&self, path: &DocumentPath) -> Option<Span> {
        let (last, parents) = path.0.split_last()?;
        let parent = parents.iter().try_fold(self, |node, segment| node.child(segment))?;
        parent.entry(last).map(|entry| entry.key_span.clone())
    }
}

/// `path`, pinned to a narrower place than its value: to a key, or to one expression inside a text.
///
/// The pin travels as a last segment of its own, because findings carry a path and nothing else. A path into a document
/// that could not be parsed is nothing but a pin.
pub(in crate::runbook) fn pin(path: &DocumentPath, span: &Span) -> DocumentPath {
    path.join(format_args!("@{}..{}", span.start, span.end))
}

/// The place that a path is pinned to.
pub fn pinned(path: &DocumentPath) -> Option<Span> {
    let (start, end) = path.0.last()?.strip_prefix('@')?.split_once("..")?;
    Some(start.parse().ok()?..end.parse().ok()?)
}
