//! YAML, hardened: the one file that names the YAML crate.
//!
//! No anchors, no aliases, no merge keys, no unknown tags, one document, bounded depth and size; `no` is not a boolean. It
//! reports duplicate keys all at once; other mistakes of syntax end the parse, because what follows them is a guess.

use super::{
    node::{Entry, Node, NodeValue, Span, pin},
    source::{BYTES_MAX, Source, too_large},
};
use lifeboat_contract::{DocumentPath, Finding, Severity, codes};
use serde::{Deserialize, Deserializer, de};
use serde_json::Number;
use serde_saphyr::{
    DefaultMessageFormatter, Error, Location, MessageFormatter as _, Options, Spanned,
    budget::BudgetBreach,
    options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy},
};
use std::fmt;

const DEPTH_MAX: usize = 32;
const NODES_MAX: usize = 20_000;

/// Parses a document. Any finding refuses it.
pub fn parse(source: &Source) -> Result<Node, Vec<Finding>> {
    match read(source) {
        (Some(node), findings) if findings.is_empty() => Ok(node),
        (_, findings) => Err(findings),
    }
}

/// Parses a document as far as that makes sense: one with duplicate keys still yields its tree, with the first of each.
pub(in crate::runbook) fn read(source: &Source) -> (Option<Node>, Vec<Finding>) {
    if source.text.len() > BYTES_MAX {
        return (None, vec![too_large(&source.name)]);
    }
    let strict = match run(source, DuplicateKeyPolicy::Error) {
        Ok(node) => return (Some(node), Vec::new()),
        Err(error) => error,
    };
    if !matches!(strict, Error::DuplicateMappingKey { .. }) {
        return (None, vec![finding(source, &strict)]);
    }
    match run(source, DuplicateKeyPolicy::LastWins) {
        Ok(mut node) => {
            let mut findings = Vec::new();
            drop_duplicates(&mut node, &DocumentPath::default(), &mut findings);
            if findings.is_empty() {
                // Keys such as 1 and 0x1, which the second pass has merged.
                findings.push(finding(source, &strict));
            }
            (Some(node), findings)
        }
        Err(error) => (None, vec![finding(source, &strict), finding(source, &error)]),
    }
}

fn run(source: &Source, duplicate_keys: DuplicateKeyPolicy) -> Result<Node, Error> {
    serde_saphyr::from_str_with_options::<Node>(&source.text, options(duplicate_keys))
        .map_err(|error| if let Error::WithSnippet { error, .. } = error { *error } else { error })
}

fn options(duplicate_keys: DuplicateKeyPolicy) -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_anchors: 0,
            max_aliases: 0,
            max_depth: DEPTH_MAX,
            // The scanner looks ahead of the budget, and stops by itself.
            flow_nesting_limit: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: NODES_MAX * 2 + 16,
            max_documents: 1,
            max_total_scalar_bytes: BYTES_MAX,
            max_merge_keys: 0,
        },
        duplicate_keys: duplicate_keys,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        with_snippet: false,
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Shape>::deserialize(deserializer)?;
        let mut span = bytes(spanned.referenced);
        // A collection reaches from its first character to the end of its last child.
        let children_end = match &spanned.value.0 {
            NodeValue::Sequence(items) => items.last().map(|item| item.span.end),
            NodeValue::Mapping(entries) => entries.last().map(|entry| entry.value.span.end.max(entry.key_span.end)),
            _ => None,
        };
        span.end = span.end.max(children_end.unwrap_or(0));
        Ok(Self { value: spanned.value.0, span })
    }
}

/// A value on its way to becoming a node: its span is not known yet.
struct Shape(NodeValue);

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor).map(Self)
    }
}

struct ShapeVisitor;

impl<'de> de::Visitor<'de> for ShapeVisitor {
    type Value = NodeValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<NodeValue, E> {
        Ok(NodeValue::Null)
    }

    fn visit_none<E>(self) -> Result<NodeValue, E> {
        Ok(NodeValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<NodeValue, E> {
        Ok(NodeValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<NodeValue, E> {
        Ok(NodeValue::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<NodeValue, E> {
        Ok(NodeValue::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<NodeValue, E> {
        Number::from_f64(value).map(NodeValue::Number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<NodeValue, E> {
        Ok(NodeValue::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<NodeValue, E> {
        Ok(NodeValue::Text(value))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut access: A) -> Result<NodeValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(NodeValue::Sequence(items))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut access: A) -> Result<NodeValue, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key::<Spanned<String>>()? {
            let key_span = bytes(key.referenced);
            entries.push(Entry { key: key.value, key_span, value: access.next_value()? });
        }
        Ok(NodeValue::Mapping(entries))
    }
}

fn bytes(location: Location) -> Span {
    let span = location.span();
    let start = span.byte_offset().unwrap_or(0);
    let end = start + span.byte_len().unwrap_or(0);
    usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0)
}

/// Keeps the first of each key, and reports the others.
fn drop_duplicates(node: &mut Node, path: &DocumentPath, findings: &mut Vec<Finding>) {
    match &mut node.value {
        NodeValue::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                drop_duplicates(item, &path.join(index), findings);
            }
        }
        NodeValue::Mapping(entries) => {
            let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
            for mut entry in entries.drain(..) {
                let at = path.join(&entry.key);
                if kept.iter().any(|earlier| earlier.key == entry.key) {
                    findings.push(duplicate(pin(&at, &entry.key_span), &entry.key));
                } else {
                    drop_duplicates(&mut entry.value, &at, findings);
                    kept.push(entry);
                }
            }
            *entries = kept;
        }
        _ => {}
    }
}

fn duplicate(path: DocumentPath, key: &str) -> Finding {
    Finding {
        code: codes::DUPLICATE_KEY,
        severity: Severity::Error,
        path,
        message: format!("the key `{key}` stands here a second time"),
        why: "many YAML readers take the last of two keys without a word; the other one would be lost".to_owned(),
        hint: Some("keep one of the two".to_owned()),
    }
}

fn finding(source: &Source, error: &Error) -> Finding {
    let at = error.location().map_or(0..0, |location| place(source, location));
    let path = pin(&DocumentPath::default(), &at);
    if let Error::DuplicateMappingKey { key, .. } = error {
        return duplicate(path, key.as_deref().unwrap_or("?"));
    }
    let mut finding = Finding {
        code: codes::YAML_REFUSED,
        severity: Severity::Error,
        path,
        message: String::new(),
        why: String::new(),
        hint: None,
    };
    let (message, why, hint) = match error {
        Error::Budget { breach, .. } => refused(breach),
        Error::UnknownAnchor { .. } => ("aliases are not allowed".to_owned(), NO_ALIASES, Some("write the value out")),
        Error::MergeKeyNotAllowed { .. } => {
            ("merge keys (`<<`) are not allowed".to_owned(), NO_ALIASES, Some("write the keys out"))
        }
        Error::MultipleDocuments { .. } => (
            "a second document starts here".to_owned(),
            "a runbook or a world is one document",
            Some("remove the `---`"),
        ),
        Error::UnsupportedTag { .. } => {
            (text(error), "a tag changes what a value means, and this one means nothing here", Some("remove the tag"))
        }
        Error::NonFiniteFloat { .. } => {
            (text(error), "no quantity here is infinite or not a number", Some("quote it if it is text"))
        }
        // The parser's own limit, which it knows by no other name.
        _ if text(error).contains("recursion limit") => refused(&BudgetBreach::Depth { depth: DEPTH_MAX }),
        _ => {
            finding.code = codes::YAML_SYNTAX;
            (text(error), "", syntax_hint(source, at.start))
        }
    };
    finding.message = message;
    why.clone_into(&mut finding.why);
    finding.hint = hint.map(str::to_owned);
    finding
}

const NO_ALIASES: &str = "a document is read as it stands: no value is defined in one place and used in another";

fn refused(breach: &BudgetBreach) -> (String, &'static str, Option<&'static str>) {
    const BOMB: &str = "a document like this costs more to read than any real one, and is refused unread";
    match breach {
        BudgetBreach::Anchors { .. } => ("anchors are not allowed".to_owned(), NO_ALIASES, Some("write the value out")),
        BudgetBreach::Aliases { .. } => ("aliases are not allowed".to_owned(), NO_ALIASES, Some("write the value out")),
        BudgetBreach::Depth { .. } => (format!("nested more than {DEPTH_MAX} levels deep"), BOMB, None),
        BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => {
            (format!("more than {NODES_MAX} values"), BOMB, Some("split it, if all of it is meant"))
        }
        BudgetBreach::Documents { .. } => {
            ("a second document starts here".to_owned(), "a runbook or a world is one document", None)
        }
        _ => ("the document is refused".to_owned(), BOMB, None),
    }
}

/// The parser's own words, without a place: the diagnostic shows that.
fn text(error: &Error) -> String {
    let text = DefaultMessageFormatter.format_message(error).into_owned();
    let mut chars = text.chars();
    match chars.next() {
        // An acronym keeps its capitals.
        Some(first) if !chars.as_str().starts_with(char::is_uppercase) => first.to_lowercase().chain(chars).collect(),
        _ => text,
    }
}

fn syntax_hint(source: &Source, offset: usize) -> Option<&'static str> {
    let start = source.line_start(offset);
    let line = &source.text[start..source.line_end(start)];
    if line.contains("${{") {
        Some("quote a template that stands inside `{ }` or `[ ]`, or that holds `: ` or ` #`: \"${{ … }}\"")
    } else if line.trim_start_matches(' ').starts_with('\t') {
        Some("indent with spaces: YAML takes no tabs")
    } else {
        None
    }
}

/// Where an error stands; the parser knows the byte, or else line and column.
fn place(source: &Source, location: Location) -> Span {
    if location.span().byte_offset().is_some() {
        return bytes(location);
    }
    let line = usize::try_from(location.line()).unwrap_or(1).max(1);
    let column = usize::try_from(location.column()).unwrap_or(1).max(1);
    let start = source.text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
    let rest = &source.text[start.min(source.text.len())..];
    let offset = start + rest.chars().take(column - 1).map(char::len_utf8).sum::<usize>();
    offset..offset
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes_of(text: &str) -> Vec<(u16, String)> {
        parse(&Source::new("t.yaml", text))
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(|finding| (finding.code.0, finding.message))
            .collect()
    }

    #[test]
    fn values_keep_their_kind_and_their_place() {
        let source = Source::new(
            "t.yaml",
            "a: no\nb: \"1\"\nc: {d: [1, é, 2.5, ~]}\ne:\n- x: true\n  y: |\n    two\n    lines\n",
        );
        let node = parse(&source).unwrap();
        assert_eq!(
            node.to_json(),
            serde_json::json!({
                "a": "no", "b": "1", "c": {"d": [1, "é", 2.5, null]}, "e": [{"x": true, "y": "two\nlines\n"}]
            })
        );
        let slice = |path: &[&str]| {
            let path = DocumentPath(path.iter().map(|&segment| segment.to_owned()).collect());
            &source.text[node.locate(&path).unwrap()]
        };
        assert_eq!(slice(&["a"]), "no");
        assert_eq!(slice(&["b"]), "\"1\"");
        assert_eq!(slice(&["c", "d", "1"]), "é");
        assert_eq!(slice(&["c", "d", "2"]), "2.5");
        assert_eq!(slice(&["c"]), "c", "a collection is shown by its key");
        assert_eq!(slice(&["e", "0", "x"]), "true");
        assert_eq!(slice(&["e", "0", "z"]).lines().next().unwrap(), "x: true", "the nearest that exists");
    }

    #[test]
    fn what_is_refused() {
        for (text, code) in [
            ("a: &x 1\n", 4),
            ("a: *x\n", 4),
            ("a: {<<: {b: 1}}\n", 4),
            ("a: !thing 1\n", 4),
            ("a: 1\n---\nb: 2\n", 4),
            ("a: .nan\n", 4),
            ("a: [1\n", 3),
            ("a: b: c\n", 3),
            ("a:\n\tb: 1\n", 3),
        ] {
            assert_eq!(codes_of(text).first().map(|found| found.0), Some(code), "{text:?}: {:?}", codes_of(text));
        }
    }

    #[test]
    fn every_duplicate_key_is_reported() {
        let found = codes_of("a: 1\nb: {c: 1, c: 2}\na: 2\nd: [{e: 1, e: 2}]\n");
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().all(|(code, _)| *code == 5));
        assert_eq!(codes_of("a: {1: x, 0x1: y}\n").len(), 1);
    }

    /// The clock is read by nobody here: a bomb is refused for what it is, long before it is read to its end.
    #[test]
    fn bombs() {
        let nested = "[".repeat(BYTES_MAX);
        let braces = "{a: ".repeat(BYTES_MAX / 4);
        let dashes = "- ".repeat(BYTES_MAX / 2);
        let laughs = format!("a: &a {}\nb: [*a, *a]\n", "x".repeat(BYTES_MAX - 64));
        let wide = "- x\n".repeat(BYTES_MAX / 4);
        let aliases = format!("a: [{}]\n", "*a,".repeat((BYTES_MAX - 8) / 3));
        for text in [nested, braces, dashes, laughs, wide, aliases] {
            let found = codes_of(&text);
            assert_eq!(found.len(), 1);
            assert!(found[0].0 == 4, "{found:?}");
            assert!(found[0].1.len() < 200);
        }
        assert_eq!(codes_of(&" ".repeat(BYTES_MAX + 1))[0].0, 2);
    }
}
