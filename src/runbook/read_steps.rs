//! Reads the steps of a runbook: their fields, their kinds' names, and the edges between them.
//!
//! What a kind makes of `with` is a question for the check: it needs values.

use super::{
    document::{Node, NodeValue},
    expression::Expression,
    fields::{Fields, bad_duration, check_name, duration, text, wrong_type},
    gates::GATES,
    nearest::{nearest, suggestion},
    outline::{Condition, Outline, SiteRef, Step},
    problems::{Problems, quoted},
    read::{ON_FAILURE, known_site},
    resolved::{OnImpaired, RetryPolicy},
    template::{Reading, Template, Tree, forbid, has_template},
};
use lifeboat_contract::{Catalog, DocumentPath, SiteId, Span, StepId, codes};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(super) const FIELDS: [&str; 12] =
    ["id", "name", "uses", "with", "undo", "site", "needs", "if", "timeout", "retry", "on_failure", "on_impaired"];
pub(super) const ON_IMPAIRED: [(&str, OnImpaired); 2] = [("skip", OnImpaired::Skip), ("refuse", OnImpaired::Refuse)];
const STEPS_MAX: usize = 200;
const ATTEMPTS_MAX: u64 = 20;

pub(super) fn read_steps(
    node: &Node,
    path: &DocumentPath,
    outline: &Outline,
    reading: &Reading<'_>,
    catalog: &Catalog,
    problems: &mut Problems,
) -> Vec<Step> {
    if !matches!(node.value, NodeValue::Sequence(_)) {
        wrong_type(node, path.clone(), "a list", problems);
        return Vec::new();
    }
    match node.items().len() {
        0 => {
            problems.error(path.clone(), codes::MISSING_FIELD, "a runbook without steps does nothing");
        }
        count if count > STEPS_MAX => {
            problems.error(path.clone(), codes::OUT_OF_RANGE, format!("{count} steps are more than {STEPS_MAX}"));
        }
        _ => {}
    }
    let items = &node.items()[..node.items().len().min(STEPS_MAX)];
    let positions = positions(items, path, problems);
    items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let reader = StepReader { index, outline, reading, catalog, positions: &positions };
            reader.read(item, path.join(index), problems)
        })
        .collect()
}

/// Where each id stands; the first one wins.
fn positions<'n>(items: &'n [Node], path: &DocumentPath, problems: &mut Problems) -> BTreeMap<&'n str, usize> {
    let mut positions = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let Some(id) = item.child("id").and_then(Node::as_text) else { continue };
        if let Some(earlier) = positions.insert(id, index) {
            positions.insert(id, earlier);
            let message = format!("the id {} is that of step {} already", quoted(id), earlier + 1);
            problems
                .error(path.join(index).join("id"), codes::DUPLICATE_ID, message)
                .because("`needs`, the journal and every command speak of steps by their id");
        }
    }
    positions
}

struct StepReader<'a> {
    index: usize,
    outline: &'a Outline,
    reading: &'a Reading<'a>,
    catalog: &'a Catalog,
    positions: &'a BTreeMap<&'a str, usize>,
}

impl StepReader<'_> {
    fn read(&self, node: &Node, path: DocumentPath, problems: &mut Problems) -> Step {
        let mut step = Step {
            id: StepId::new(format!("step-{}", self.index + 1)),
            name: None,
            kind: None,
            with: Tree::Map(Vec::new()),
            undo: None,
            site: None,
            needs: self.index.checked_sub(1).into_iter().collect(),
            needs_given: false,
            condition: None,
            timeout: None,
            retry: RetryPolicy::default(),
            on_failure: None,
            on_impaired: None,
        };
        let Some(fields) = Fields::open(node, path, &FIELDS, problems) else { return step };
        for name in ["id", "uses", "site", "needs", "retry", "on_failure", "on_impaired"] {
            if let Some((value, at)) = fields.get(name) {
                forbid(value, &at, &format!("`{name}`"), problems);
            }
        }
        if let Some(id) = fields.required_text("id", problems) {
            if !has_template(id) {
                check_name(id, "a step", &fields.path.join("id"), problems);
            }
            step.id = StepId::from(id);
        }
        step.name = self.template(&fields, "name", problems);
        step.kind = self.kind(&fields, problems);
        if let Some(with) = self.tree(&fields, "with", problems) {
            step.with = with;
        }
        step.undo = self.tree(&fields, "undo", problems);
        step.site = self.site(&fields, problems);
        if let Some(needs) = self.needs(&fields, problems) {
            step.needs = needs;
            step.needs_given = true;
        }
        step.condition = self.condition(&fields, problems);
        step.timeout = self.timeout(&fields, problems);
        step.retry = retry(&fields, problems);
        step.on_failure = fields.word("on_failure", &ON_FAILURE, problems);
        step.on_impaired = fields.word("on_impaired", &ON_IMPAIRED, problems);
        step
    }

    fn tree(&self, fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<Tree> {
        let (node, at) = fields.get(name)?;
        match node.value {
            NodeValue::Mapping(_) => Some(self.reading.tree(node, &at, problems)),
            _ => {
                wrong_type(node, at, "a mapping", problems);
                None
            }
        }
    }

    fn template(&self, fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<Template> {
        let (node, path) = fields.get(name)?;
        let text = text(node, path.clone(), problems)?;
        self.reading.template(text, node, &path, problems)
    }

    fn kind(&self, fields: &Fields<'_>, problems: &mut Problems) -> Option<String> {
        let known: Vec<&str> = self.catalog.iter().map(|entry| entry.kind).chain(GATES).collect();
        kind(fields, &known, problems)
    }

    fn site(&self, fields: &Fields<'_>, problems: &mut Problems) -> Option<SiteRef> {
        let site = fields.text("site", problems)?;
        match site {
            "to" => Some(SiteRef::To),
            "from" => Some(SiteRef::From),
            id => {
                if !has_template(id) {
                    known_site(id, self.outline, &fields.path.join("site"), problems);
                }
                Some(SiteRef::Fixed(SiteId::from(id)))
            }
        }
    }

    fn needs(&self, fields: &Fields<'_>, problems: &mut Problems) -> Option<Vec<usize>> {
        let (node, path) = fields.get("needs")?;
        let items: Vec<(&Node, DocumentPath)> = match &node.value {
            NodeValue::Sequence(items) => {
                items.iter().enumerate().map(|(index, item)| (item, path.join(index))).collect()
            }
            // One step may stand for itself, without a list around it.
            NodeValue::Text(_) => vec![(node, path)],
            _ => {
                wrong_type(node, path, "a list of step ids", problems);
                return Some(Vec::new());
            }
        };
        let mut needs = Vec::new();
        for (item, at) in items {
            let Some(id) = text(item, at.clone(), problems).filter(|id| !has_template(id)) else { continue };
            match self.positions.get(id) {
                Some(position) if needs.contains(position) => {}
                Some(position) => needs.push(*position),
                None => {
                    let finding = problems.error(at, codes::UNKNOWN_STEP, format!("no step is called {}", quoted(id)));
                    finding.hint = suggestion(id, self.positions.keys().copied());
                }
            }
        }
        needs.sort_unstable();
        Some(needs)
    }

    fn condition(&self, fields: &Fields<'_>, problems: &mut Problems) -> Option<Condition> {
        let (node, path) = fields.get("if")?;
        if let NodeValue::Bool(constant) = node.value {
            let text = constant.to_string();
            let expression = Expression::parse(&text).expect("`true` and `false` are expressions");
            return Some(Condition { text, expression });
        }
        let written = text(node, path.clone(), problems)?.trim();
        let inner = written.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(written);
        if has_template(inner) {
            problems
                .error(path, codes::EXPRESSION_SYNTAX, "an `if` is one expression, and has no templates in it")
                .hint("write `if: mode == 'failover'`, with or without `${{ }}` around the whole");
            return None;
        }
        let expression = self.reading.expression(inner, &path, problems)?;
        Some(Condition { text: written.to_owned(), expression })
    }

    fn timeout(&self, fields: &Fields<'_>, problems: &mut Problems) -> Option<Template> {
        let (node, path) = fields.get("timeout")?;
        match node.as_text() {
            Some(text) if has_template(text) => self.reading.template(text, node, &path, problems),
            Some(text) => {
                match Span::parse(text) {
                    None => bad_duration(text, path, problems),
                    Some(span) if span.get().is_zero() => {
                        problems.error(path, codes::OUT_OF_RANGE, "a step that may take no time at all always fails");
                    }
                    Some(_) => return self.reading.template(text, node, &path, problems),
                }
                None
            }
            None => {
                duration(node, path, problems);
                None
            }
        }
    }
}

/// One of the kinds that may stand here.
pub(super) fn kind(fields: &Fields<'_>, known: &[&str], problems: &mut Problems) -> Option<String> {
    let kind = fields.required_text("uses", problems)?;
    if has_template(kind) {
        return None;
    }
    if known.contains(&kind) {
        return Some(kind.to_owned());
    }
    let finding =
        problems.error(fields.path.join("uses"), codes::UNKNOWN_KIND, format!("unknown kind {}", quoted(kind)));
    finding.hint = nearest(kind, known.iter().copied()).map_or_else(
        || Some("`lifeboat kinds` lists every kind of this build".to_owned()),
        |near| Some(format!("did you mean `{near}`?")),
    );
    None
}

fn retry(fields: &Fields<'_>, problems: &mut Problems) -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    let Some((node, path)) = fields.get("retry") else { return policy };
    let Some(retry) = Fields::open(node, path, &["attempts", "backoff"], problems) else { return policy };
    if let Some((node, path)) = retry.get("attempts") {
        match &node.value {
            NodeValue::Number(number) => match number.as_u64() {
                Some(attempts @ 1..=ATTEMPTS_MAX) => policy.attempts_max = u32::try_from(attempts).unwrap_or(1),
                _ => {
                    problems
                        .error(
                            path,
                            codes::OUT_OF_RANGE,
                            format!("`{number}` attempts are not between 1 and {ATTEMPTS_MAX}"),
                        )
                        .because("the first attempt counts as one");
                }
            },
            _ => wrong_type(node, path, "a number", problems),
        }
    }
    if let Some(backoff) = retry.duration("backoff", problems) {
        policy.backoff = backoff;
    }
    policy
}

/// An empty `with`, as every kind reads it.
pub(super) fn nothing() -> Value {
    Value::Object(Map::new())
}
