//! Renders findings for people and for machines: where, what, why, and what to write instead.
//!
//! Colours only when asked. A long line is never echoed whole. Nothing is printed here.

use super::{
    document::{self, Node, Source, Span, pinned},
    problems::clip,
};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use lifeboat_contract::{DocumentPath, Finding, Severity};
use serde_json::{Value, json};

/// A line longer than this is cut on both sides of what is pointed at.
const COLUMNS_MAX: usize = 200;
/// The characters kept before what is pointed at, in a line that is cut.
const COLUMNS_BEFORE: usize = 60;
const REPORTED_MAX: usize = 200;

/// Renders findings with their places in the source, and closes with their count.
pub fn render(source: &Source, document: Option<&Node>, findings: &[Finding], color: bool) -> String {
    let reread = reread(source, document);
    let document = document.or(reread.as_ref());
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for finding in findings.iter().take(REPORTED_MAX) {
        text.push_str(&renderer.render(&[group(source, document, finding)]));
        text.push_str("\n\n");
    }
    if findings.len() > REPORTED_MAX {
        text = format!("{text}{} more are not shown\n\n", findings.len() - REPORTED_MAX);
    }
    text.push_str(&summary(&source.name, findings));
    text.push('\n');
    text
}

/// The findings as a list of `{code, severity, path, line, column, message, why, hint}`.
pub fn findings_json(source: &Source, document: Option<&Node>, findings: &[Finding]) -> Value {
    let reread = reread(source, document);
    let document = document.or(reread.as_ref());
    findings
        .iter()
        .map(|finding| {
            let position = place(document, &finding.path).map(|span| source.position(span.start));
            json!({
                "code": finding.code,
                "severity": finding.severity,
                "path": readable(&finding.path),
                "line": position.map(|(line, _)| line),
                "column": position.map(|(_, column)| column),
                "message": finding.message,
                "why": finding.why,
                "hint": finding.hint,
            })
        })
        .collect()
}

/// The findings as workflow commands of GitHub Actions: each becomes an annotation on its own line of the runbook.
pub fn annotations(source: &Source, document: Option<&Node>, findings: &[Finding]) -> String {
    let reread = reread(source, document);
    let document = document.or(reread.as_ref());
    let mut lines = Vec::new();
    for finding in findings {
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let position = place(document, &finding.path).map(|span| source.position(span.start));
        let position = position.map_or(String::new(), |(line, column)| format!(",line={line},col={column}"));
        let hint = finding.hint.as_ref().map(|hint| format!("hint: {hint}"));
        let parts = [Some(&finding.message), Some(&finding.why), hint.as_ref()];
        let parts: Vec<&str> =
            parts.into_iter().flatten().map(String::as_str).filter(|part| !part.is_empty()).collect();
        let (file, code) = (property(&source.name), finding.code);
        lines.push(format!("::{level} file={file}{position},title={code}::{}\n", data(&parts.join("\n"))));
    }
    lines.concat()
}

/// What follows the second `::` of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of one of a workflow command's properties.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// `2 errors and 1 warning in runbook.yaml`.
fn summary(name: &str, findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let counts = match (errors, warnings) {
        (0, 0) => return format!("no findings in {name}"),
        (errors, 0) => count(errors, "error"),
        (0, warnings) => count(warnings, "warning"),
        (errors, warnings) => format!("{} and {}", count(errors, "error"), count(warnings, "warning")),
    };
    let example = findings.first().map(|finding| finding.code.to_string()).unwrap_or_default();
    format!("{counts} in {name}; `lifeboat explain {example}` tells more about a code")
}

fn group<'a>(source: &Source, document: Option<&Node>, finding: &Finding) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(finding.message.clone()).id(finding.code.to_string());
    let mut group = Group::with_title(title);
    if let Some(span) = place(document, &finding.path) {
        let (line, column) = source.position(span.start);
        let excerpt = Excerpt::of(source, &span);
        // A snippet tells its own column, which is right for a whole line only.
        if excerpt.cut || finding.path.0.is_empty() {
            group = group.element(Origin::path(source.name.clone()).line(line).char_column(column));
        }
        if !finding.path.0.is_empty() {
            let path = (!excerpt.cut).then(|| source.name.clone());
            let marked = AnnotationKind::Primary.span(excerpt.marked);
            group = group.element(Snippet::source(excerpt.text).path(path).line_start(line).annotation(marked));
        }
    }
    if !finding.why.is_empty() {
        group = group.element(Level::NOTE.with_name(Some("why")).message(finding.why.clone()));
    }
    if let Some(hint) = &finding.hint {
        group = group.element(Level::HELP.with_name(Some("hint")).message(hint.clone()));
    }
    group
}

/// The document, where the caller has none: one with duplicate keys is refused, and still has places.
fn reread(source: &Source, document: Option<&Node>) -> Option<Node> {
    if document.is_some() { None } else { document::read(source).0 }
}

/// Where a finding stands, if it stands in the document at all.
fn place(document: Option<&Node>, path: &DocumentPath) -> Option<Span> {
    if path.0.first().is_some_and(|segment| segment.starts_with("--")) {
        return None;
    }
    if path.0.is_empty() {
        return Some(0..0);
    }
    document.and_then(|document| document.locate(path)).or_else(|| pinned(path))
}

/// The path without its pin.
fn readable(path: &DocumentPath) -> String {
    let mut path = path.clone();
    if pinned(&path).is_some() {
        path.0.pop();
    }
    path.to_string()
}

/// The line that a span starts in, cut to a readable width, and the part of it to mark.
struct Excerpt {
    text: String,
    marked: Span,
    cut: bool,
}

impl Excerpt {
    fn of(source: &Source, span: &Span) -> Self {
        let start = source.line_start(span.start);
        let line = &source.text[start..source.line_end(span.start)];
        let from = line.floor_char_boundary(span.start.saturating_sub(start));
        let to = line.floor_char_boundary(span.end.saturating_sub(start)).max(from);
        if line.chars().count() <= COLUMNS_MAX {
            return Self { text: line.to_owned(), marked: widened(line, from, to), cut: false };
        }
        let before = line[..from].char_indices().rev().nth(COLUMNS_BEFORE - 1).map_or(0, |(offset, _)| offset);
        let head = if before > 0 { "…" } else { "" };
        let kept = clip(&line[from..], COLUMNS_MAX - COLUMNS_BEFORE);
        let text = format!("{head}{}{kept}", &line[before..from]);
        let from_cut = head.len() + from - before;
        let to_cut = text.floor_char_boundary(from_cut + to - from);
        let marked = widened(&text, from_cut, to_cut);
        Self { text, marked, cut: true }
    }
}

/// At least one character, where there is one.
fn widened(line: &str, from: usize, to: usize) -> Span {
    if to > from {
        return from..to;
    }
    from..line[from..].chars().next().map_or(from, |c| from + c.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::super::document::parse;
    use super::*;
    use lifeboat_contract::codes;

    fn finding(path: &[&str]) -> Finding {
        Finding {
            code: codes::BAD_VALUE,
            severity: Severity::Error,
            path: DocumentPath(path.iter().map(|&segment| segment.to_owned()).collect()),
            message: "it is wrong".to_owned(),
            why: "it matters".to_owned(),
            hint: Some("write this".to_owned()),
        }
    }

    #[test]
    fn a_finding_as_people_see_it() {
        let source = Source::new("r.yaml", "a: 1\nb:\n  c: über x\n");
        let node = parse(&source).unwrap();
        let text = render(&source, Some(&node), &[finding(&["b", "c"])], false);
        let expected = "\
error[LB0104]: it is wrong
 --> r.yaml:3:6
  |
3 |   c: über x
  |      ^^^^^^
  |
  = why: it matters
  = hint: write this

1 error in r.yaml; `lifeboat explain LB0104` tells more about a code
";
        assert_eq!(text, expected);
        assert!(!text.contains('\u{1b}'));
        assert!(render(&source, Some(&node), &[finding(&["b", "c"])], true).contains('\u{1b}'));
    }

    #[test]
    fn a_long_line_is_cut() {
        let source = Source::new("r.yaml", format!("a: [{}, end, {}]\n", "x".repeat(5000), "y".repeat(5000)));
        let node = parse(&source).unwrap();
        for path in [["a", "0"], ["a", "1"], ["a", "2"]] {
            let text = render(&source, Some(&node), &[finding(&path)], false);
            assert!(text.lines().all(|line| line.chars().count() <= COLUMNS_MAX + 20), "{text}");
            assert!(text.contains('^'), "{text}");
        }
        let json = findings_json(&source, Some(&node), &[finding(&["a", "1"])]);
        assert_eq!(json[0]["column"], 5007);
        assert_eq!(json[0]["path"], "a/1");
    }

    #[test]
    fn the_command_line_has_no_place_in_the_document() {
        let source = Source::new("r.yaml", "a: 1\n");
        let node = parse(&source).unwrap();
        let text = render(&source, Some(&node), &[finding(&["--to"])], false);
        assert!(!text.contains("-->"), "{text}");
    }
}
