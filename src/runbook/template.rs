//! Templates: `${{ … }}` inside the values of a document. Read once, evaluated once per run, never read again.
//!
//! A template that is the whole value keeps its type; one inside a text becomes text. A secret is a whole value or nothing.

use super::{
    document::{Node, NodeValue, Span, pin},
    expression::{Expression, Flaw},
    nearest::suggestion,
    problems::{Problems, quoted},
    scope::{Scope, Vocabulary},
};
use lifeboat_contract::{DocumentPath, Finding, codes};
use serde_json::{Value, json};
use std::{cell::Cell, collections::BTreeSet};

const OPEN: &str = "${{";
const CLOSE: &str = "}}";
/// More expressions than any runbook has. Each costs tens of microseconds to parse.
const EXPRESSIONS_MAX: usize = 1000;

/// A text with expressions in it.
#[derive(Debug, Clone)]
pub(super) struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Hole { expression: Expression, span: Span },
}

/// A value with templates in it.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Literal(Value),
    Secret(String),
    Template(Template),
    /// A template that could not be read; that is reported.
    Broken,
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

/// A flaw that showed up when a value was evaluated, and where.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) path: DocumentPath,
    pub(super) flaw: Flaw,
}

/// The leaves of a tree whose value is not to be trusted, and why.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) leaves: Vec<DocumentPath>,
    pub(super) misfits: Vec<Misfit>,
}

impl Open {
    fn leave(&mut self, path: &DocumentPath) -> Value {
        self.leaves.push(path.clone());
        json!("placeholder")
    }

    /// Whether a finding may be about one of these values rather than about what the runbook says.
    pub(super) fn concerns(&self, finding: &Finding) -> bool {
        if matches!(finding.code, codes::UNKNOWN_FIELD | codes::MISSING_FIELD) {
            return false;
        }
        self.leaves.iter().any(|leaf| finding.path.0.starts_with(&leaf.0) || leaf.0.starts_with(&finding.path.0))
    }
}

/// What reading a template needs: the source, for places inside a text, and the names that mean something.
pub(super) struct Reading<'a> {
    pub(super) source: &'a str,
    pub(super) vocabulary: &'a Vocabulary,
    /// The expressions read so far.
    count: Cell<usize>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(source: &'a str, vocabulary: &'a Vocabulary) -> Self {
        Self { source, vocabulary, count: Cell::new(0) }
    }

    /// Reads a value of `with`: templates and secrets are welcome in it.
    pub(super) fn tree(&self, node: &Node, path: &DocumentPath, problems: &mut Problems) -> Tree {
        match &node.value {
            NodeValue::Text(text) if text.contains(OPEN) => {
                if let Some(name) = secret_name(text) {
                    self.check_secret(name, path, problems);
                    return Tree::Secret(name.to_owned());
                }
                self.template(text, node, path, problems).map_or(Tree::Broken, Tree::Template)
            }
            NodeValue::Sequence(items) => Tree::List(
                items.iter().enumerate().map(|(index, item)| self.tree(item, &path.join(index), problems)).collect(),
            ),
            NodeValue::Mapping(entries) => Tree::Map(
                entries
                    .iter()
                    .map(|entry| {
                        let at = path.join(&entry.key);
                        if entry.key.contains(OPEN) {
                            not_allowed(pin(&at, &entry.key_span), "a key", problems);
                        }
                        (entry.key.clone(), self.tree(&entry.value, &at, problems))
                    })
                    .collect(),
            ),
            _ => Tree::Literal(node.to_json()),
        }
    }

    /// Reads a text whose templates may not be secrets. Yields nothing where a template is broken; that is reported.
    pub(super) fn template(
        &self,
        text: &str,
        node: &Node,
        path: &DocumentPath,
        problems: &mut Problems,
    ) -> Option<Template> {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut sound = true;
        while let Some(start) = rest.find(OPEN) {
            if start > 0 {
                parts.push(Part::Text(rest[..start].to_owned()));
            }
            let inside = &rest[start + OPEN.len()..];
            let Some(end) = closing(inside) else {
                let span = self.place(node, &rest[start..]);
                problems
                    .error(pin(path, &span), codes::EXPRESSION_SYNTAX, "a template starts here and never ends")
                    .hint("close it with `}}`");
                return None;
            };
            let raw = &rest[start..start + OPEN.len() + end + CLOSE.len()];
            let span = self.place(node, raw);
            match self.expression(&inside[..end], &pin(path, &span), problems) {
                Some(expression) => parts.push(Part::Hole { expression, span }),
                None => sound = false,
            }
            rest = &rest[start + raw.len()..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        sound.then(|| Template { text: text.to_owned(), parts })
    }

    /// Reads one expression and checks its names.
    pub(super) fn expression(&self, text: &str, at: &DocumentPath, problems: &mut Problems) -> Option<Expression> {
        self.count.set(self.count.get() + 1);
        if self.count.get() > EXPRESSIONS_MAX {
            let message = format!("the document has more than {EXPRESSIONS_MAX} expressions");
            problems.error(DocumentPath::default(), codes::EXPRESSION_NOT_ALLOWED, message);
            return None;
        }
        let expression = match Expression::parse(text) {
            Ok(expression) => expression,
            Err(flaw) => {
                report(at.clone(), flaw, problems);
                return None;
            }
        };
        if expression.uses("secrets") {
            problems
                .error(at.clone(), codes::SECRET_MISUSED, "a secret cannot be part of an expression or of a text")
                .because("what is computed from a secret would stand in the plan and in the journal")
                .hint("write `${{ secrets.NAME }}` as the whole value of a field that takes a secret");
            return None;
        }
        let misnamed = expression.misnamed(self.vocabulary);
        let sound = misnamed.is_empty();
        for flaw in misnamed {
            report(at.clone(), flaw, problems);
        }
        sound.then_some(expression)
    }

    fn check_secret(&self, name: &str, path: &DocumentPath, problems: &mut Problems) {
        if !self.vocabulary.secrets.contains(name) {
            let finding = problems.error(path.clone(), codes::UNKNOWN_NAME, format!("unknown secret {}", quoted(name)));
            finding.hint = suggestion(name, self.vocabulary.secrets.iter().map(String::as_str))
                .or_else(|| Some(format!("declare it: `secrets: {{ {name}: {{ env: {name} }} }}`")));
        }
    }

    /// Where `raw` stands in the source of `node`; the whole node where escapes hide it.
    fn place(&self, node: &Node, raw: &str) -> Span {
        self.source
            .get(node.span.clone())
            .and_then(|text| text.find(raw))
            .map_or_else(|| node.span.clone(), |offset| node.span.start + offset..node.span.start + offset + raw.len())
    }
}

/// Reports every template in a place where none is allowed.
pub(super) fn forbid(node: &Node, path: &DocumentPath, place: &str, problems: &mut Problems) {
    match &node.value {
        NodeValue::Text(text) if text.contains(OPEN) => not_allowed(path.clone(), place, problems),
        NodeValue::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                forbid(item, &path.join(index), place, problems);
            }
        }
        NodeValue::Mapping(entries) => {
            for entry in entries {
                let at = path.join(&entry.key);
                if entry.key.contains(OPEN) {
                    not_allowed(pin(&at, &entry.key_span), "a key", problems);
                }
                forbid(&entry.value, &at, place, problems);
            }
        }
        _ => {}
    }
}

pub(super) fn has_template(text: &str) -> bool {
    text.contains(OPEN)
}

fn not_allowed(path: DocumentPath, place: &str, problems: &mut Problems) {
    problems
        .error(path, codes::EXPRESSION_NOT_ALLOWED, format!("a template is not allowed in {place}"))
        .because("what a runbook does and refers to must be readable without running it")
        .hint("templates go into `with`, `if`, `name`, `timeout` and `lock`");
}

pub(super) fn report(path: DocumentPath, flaw: Flaw, problems: &mut Problems) {
    let finding = problems.error(path, flaw.code, flaw.message);
    if finding.hint.is_none() {
        finding.hint = flaw.hint;
    }
}

/// The name of the secret, where the whole of `text` is one.
pub(super) fn secret_name(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix(OPEN)?.strip_suffix(CLOSE)?.trim().strip_prefix("secrets.")?;
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some(name)
}

/// The offset of the `}}` that ends a template: not one inside a string or a map.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for (offset, c) in text.char_indices() {
        if let Some(open) = quote {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == open => quote = None,
                _ => {}
            }
            continue;
        }
        match c {
            '\'' | '"' => quote = Some(c),
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' if text[offset..].starts_with(CLOSE) => return Some(offset),
            _ => {}
        }
    }
    None
}

impl Template {
    pub(super) fn evaluate(&self, scope: &Scope<'_>, path: &DocumentPath) -> Result<Value, Misfit> {
        if let [Part::Hole { expression, span }] = self.parts.as_slice() {
            return evaluate(expression, scope, path, span);
        }
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Hole { expression, span } => match evaluate(expression, scope, path, span)? {
                    Value::String(value) => text.push_str(&value),
                    value @ (Value::Bool(_) | Value::Number(_)) => text.push_str(&value.to_string()),
                    value => {
                        let what = match value {
                            Value::Array(_) => "a list",
                            Value::Object(_) => "a mapping",
                            _ => "nothing",
                        };
                        let flaw = Flaw::new(
                            codes::EXPRESSION_TYPE,
                            format!("{} is {what}, and cannot stand inside a text", quoted(expression.text())),
                        );
                        return Err(Misfit { path: pin(path, span), flaw });
                    }
                },
            }
        }
        Ok(Value::String(text))
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn uses_input(&self, names: &BTreeSet<String>) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Hole { expression, .. } if expression.uses_input(names)))
    }
}

fn evaluate(expression: &Expression, scope: &Scope<'_>, path: &DocumentPath, span: &Span) -> Result<Value, Misfit> {
    expression.evaluate(&scope.variables).map_err(|mut flaw| {
        if flaw.code == codes::UNKNOWN_NAME {
            flaw.message =
                format!("{} has no value {}: {}", quoted(expression.text()), scope.direction(), flaw.message);
            flaw.hint
                .get_or_insert_with(|| "give every site that a run can go to or come from the same vars".to_owned());
        }
        Misfit { path: pin(path, span), flaw }
    })
}

impl Tree {
    /// Evaluates every template. Where one has no value yet, or none at all, a placeholder stands, and its path is noted.
    pub(super) fn evaluate(&self, scope: &Scope<'_>, path: &DocumentPath, open: &mut Open) -> Value {
        match self {
            Self::Literal(value) => value.clone(),
            Self::Secret(name) => json!({ "secret": name }),
            Self::Broken => open.leave(path),
            Self::Template(template) => {
                let unknown = template.uses_input(&scope.unknown);
                match template.evaluate(scope, path) {
                    Ok(value) => {
                        if unknown {
                            open.leaves.push(path.clone());
                        }
                        value
                    }
                    Err(misfit) => {
                        if misfit.flaw.ill_typed || !unknown {
                            open.misfits.push(misfit);
                        }
                        open.leave(path)
                    }
                }
            }
            Self::List(items) => {
                items.iter().enumerate().map(|(index, item)| item.evaluate(scope, &path.join(index), open)).collect()
            }
            Self::Map(entries) => Value::Object(
                entries.iter().map(|(key, tree)| (key.clone(), tree.evaluate(scope, &path.join(key), open))).collect(),
            ),
        }
    }

    /// The part of the tree at a path below it.
    pub(super) fn at(&self, path: &[String]) -> Option<&Self> {
        path.iter().try_fold(self, |tree, segment| match tree {
            Self::List(items) => items.get(segment.parse::<usize>().ok()?),
            Self::Map(entries) => entries.iter().find(|(key, _)| key == segment).map(|(_, tree)| tree),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_template_ends() {
        for (text, rest) in
            [("a }} b", " b"), ("'}}' }}x", "x"), ("{'a': {'b': 1}} }}", ""), ("{'a': {'b': 1}}}}y", "y")]
        {
            let end = closing(text).unwrap();
            assert_eq!(&text[end + CLOSE.len()..], rest, "{text}");
        }
        assert_eq!(closing("'}}"), None);
        assert_eq!(closing("{}}"), None);
    }

    #[test]
    fn a_secret_is_a_whole_value() {
        assert_eq!(secret_name("${{ secrets.TOKEN }}"), Some("TOKEN"));
        assert_eq!(secret_name("${{secrets.A}}"), Some("A"));
        assert_eq!(secret_name("Bearer ${{ secrets.TOKEN }}"), None);
        assert_eq!(secret_name("${{ secrets.A + secrets.B }}"), None);
    }
}
