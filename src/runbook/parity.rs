//! What must be equal at the sites of a runbook: reads `parity`, tries each `with` at each site, and binds it to two of them.
//!
//! Compares nothing and asks no cloud.

use super::{
    document::{Node, NodeValue, decode},
    fields::{Fields, check_name, wrong_type},
    nearest::nearest,
    outline::{Outline, Site},
    problems::{Problems, quoted},
    read_steps::nothing,
    scope::Scope,
    template::{Open, Reading, Tree, forbid, report},
};
use jiff::civil::Date;
use lifeboat_contract::{Catalog, DocumentPath, DynComparable, Findings, Place, SiteId, codes};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const FIELDS: [&str; 4] = ["id", "uses", "with", "ignore"];
const IGNORE_FIELDS: [&str; 3] = ["aspect", "reason", "until"];
const ENTRIES_MAX: usize = 200;

/// One resource as it was read.
#[derive(Debug)]
pub(super) struct ParityEntry {
    id: String,
    kind: Option<String>,
    with: Tree,
    ignore: Vec<Ignore>,
}

/// A difference that somebody accepted, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignore {
    /// An aspect, or the beginning of some: `tags` stands for `tags/owner` too.
    pub aspect: String,
    pub reason: String,
    /// The last day on which it holds, in UTC.
    pub until: Date,
}

/// One resource, bound to the two sites where it is read.
#[derive(Debug)]
pub struct ParityItem {
    pub id: String,
    pub kind: String,
    pub ignore: Vec<Ignore>,
    pub sides: [Side; 2],
}

/// A resource at one site.
#[derive(Debug)]
pub struct Side {
    pub site: SiteId,
    pub place: Place,
    pub resource: Box<dyn DynComparable>,
}

/// Reads the list.
pub(super) fn read_parity(
    node: &Node,
    path: &DocumentPath,
    reading: &Reading<'_>,
    catalog: &Catalog,
    problems: &mut Problems,
) -> Vec<ParityEntry> {
    if !matches!(node.value, NodeValue::Sequence(_)) {
        wrong_type(node, path.clone(), "a list", problems);
        return Vec::new();
    }
    if node.items().len() > ENTRIES_MAX {
        let message = format!("{} resources are more than {ENTRIES_MAX}", node.items().len());
        problems.error(path.clone(), codes::OUT_OF_RANGE, message);
    }
    let mut ids = BTreeSet::new();
    let mut entries = Vec::new();
    for (index, item) in node.items().iter().take(ENTRIES_MAX).enumerate() {
        let Some(entry) = read_entry(item, path.join(index), reading, catalog, problems) else { continue };
        if !entry.id.is_empty() && !ids.insert(entry.id.clone()) {
            let message = format!("the id {} is that of another resource already", quoted(&entry.id));
            problems
                .error(path.join(index).join("id"), codes::DUPLICATE_ID, message)
                .because("the table of differences speaks of resources by their id");
        }
        entries.push(entry);
    }
    entries
}

/// Nothing for what is no mapping: that is reported.
fn read_entry(
    node: &Node,
    path: DocumentPath,
    reading: &Reading<'_>,
    catalog: &Catalog,
    problems: &mut Problems,
) -> Option<ParityEntry> {
    let fields = Fields::open(node, path, &FIELDS, problems)?;
    for name in ["id", "uses", "ignore"] {
        if let Some((value, at)) = fields.get(name) {
            forbid(value, &at, &format!("`{name}`"), problems);
        }
    }
    let id = fields.required_text("id", problems).unwrap_or_default();
    if !id.is_empty() {
        check_name(id, "a resource", &fields.path.join("id"), problems);
    }
    let with = match fields.get("with") {
        None => Tree::Map(Vec::new()),
        Some((node, at)) if matches!(node.value, NodeValue::Mapping(_)) => reading.tree(node, &at, problems),
        Some((node, at)) => {
            wrong_type(node, at, "a mapping", problems);
            Tree::Broken
        }
    };
    Some(ParityEntry {
        id: id.to_owned(),
        kind: kind(&fields, catalog, problems),
        with,
        ignore: ignores(&fields, problems),
    })
}

fn kind(fields: &Fields<'_>, catalog: &Catalog, problems: &mut Problems) -> Option<String> {
    let kind = fields.required_text("uses", problems)?;
    if catalog.get_comparable(kind).is_some() {
        return Some(kind.to_owned());
    }
    let path = fields.path.join("uses");
    if catalog.get(kind).is_some() {
        problems
            .error(path, codes::UNKNOWN_KIND, format!("{} is a kind of step, and not one of resource", quoted(kind)))
            .hint("`lifeboat kinds` lists the kinds of resource that parity compares");
        return None;
    }
    let known = catalog.comparables().map(|entry| entry.kind);
    problems.error(path, codes::UNKNOWN_KIND, format!("unknown kind of resource {}", quoted(kind))).hint =
        nearest(kind, known).map_or_else(
            || Some("`lifeboat kinds` lists the kinds of resource that parity compares".to_owned()),
            |near| Some(format!("did you mean `{near}`?")),
        );
    None
}

fn ignores(fields: &Fields<'_>, problems: &mut Problems) -> Vec<Ignore> {
    let Some((node, path)) = fields.get("ignore") else { return Vec::new() };
    if !matches!(node.value, NodeValue::Sequence(_)) {
        wrong_type(node, path, "a list", problems);
        return Vec::new();
    }
    let mut ignores = Vec::new();
    for (index, item) in node.items().iter().enumerate() {
        let Some(fields) = Fields::open(item, path.join(index), &IGNORE_FIELDS, problems) else { continue };
        let aspect = fields.required_text("aspect", problems);
        let reason = fields.required_text("reason", problems);
        let until = fields.required_text("until", problems).and_then(|text| date(text, &fields, problems));
        if let (Some(aspect), Some(reason), Some(until)) = (aspect, reason, until) {
            ignores.push(Ignore { aspect: aspect.to_owned(), reason: reason.to_owned(), until });
        }
    }
    ignores
}

fn date(text: &str, fields: &Fields<'_>, problems: &mut Problems) -> Option<Date> {
    let found = text.parse().ok().filter(|date: &Date| date.to_string() == text);
    if found.is_none() {
        problems
            .error(fields.path.join("until"), codes::BAD_VALUE, format!("{} is not a day", quoted(text)))
            .because("what is ignored for ever is what nobody looks at on the night of the incident")
            .hint("write it like 2027-01-31");
    }
    found
}

/// Tries every resource at every site.
pub(super) fn check(root: &Node, outline: &Outline, catalog: &Catalog, problems: &mut Problems) {
    let unknown: BTreeSet<String> =
        outline.inputs.iter().filter(|(_, input)| input.default.is_none()).map(|(name, _)| name.clone()).collect();
    let inputs: BTreeMap<String, Value> = outline
        .inputs
        .iter()
        .map(|(name, input)| (name.clone(), input.default.clone().unwrap_or_else(|| input.of.placeholder())))
        .collect();
    for site in &outline.sites {
        let trial = Trial { root, catalog, scope: Scope::at(site, &inputs, unknown.clone()) };
        for (index, entry) in outline.parity.iter().enumerate() {
            trial.read(index, entry, problems);
        }
    }
}

/// Every resource at two sites. Leaves out what has a problem; that is reported.
pub(super) fn resolve(
    root: &Node,
    outline: &Outline,
    catalog: &Catalog,
    sites: [&Site; 2],
    inputs: &BTreeMap<String, Value>,
    problems: &mut Problems,
) -> Vec<ParityItem> {
    let mut items = Vec::new();
    for (index, entry) in outline.parity.iter().enumerate() {
        let mut side = |site: &Site| {
            let trial = Trial { root, catalog, scope: Scope::at(site, inputs, BTreeSet::new()) };
            let resource = trial.read(index, entry, problems)?;
            Some(Side { site: site.id.clone(), place: site.place(&outline.providers), resource })
        };
        if let (Some(left), Some(right), Some(kind)) = (side(sites[0]), side(sites[1]), &entry.kind) {
            let (id, kind, ignore) = (entry.id.clone(), kind.clone(), entry.ignore.clone());
            items.push(ParityItem { id, kind, ignore, sides: [left, right] });
        }
    }
    items
}

/// What is tried at one site.
struct Trial<'a> {
    root: &'a Node,
    catalog: &'a Catalog,
    scope: Scope<'a>,
}

impl Trial<'_> {
    /// Evaluates `with` at the site and lets the kind read it.
    fn read(&self, index: usize, entry: &ParityEntry, problems: &mut Problems) -> Option<Box<dyn DynComparable>> {
        let path = DocumentPath::default().join("parity").join(index);
        let kind = self.catalog.get_comparable(entry.kind.as_deref()?)?;
        let site = self.scope.to;
        let provider = kind.kind.split('.').next().unwrap_or_default();
        if site.provider != provider {
            let message =
                format!("`{}` is of {provider}, and the site `{}` is at {}", kind.kind, site.id, site.provider);
            problems.error(path.join("uses"), codes::CONFLICTING_FIELDS, message);
            return None;
        }
        let at = path.join("with");
        let mut open = Open::default();
        let with = match &entry.with {
            Tree::Broken => return None,
            tree => tree.evaluate(&self.scope, &at, &mut open),
        };
        let with = if with.is_null() { nothing() } else { with };
        let (resource, mistakes) = decode::salvage(with, |with| kind.decode(with.clone()));
        let mut found = Findings::under(at.clone());
        if let Some(resource) = &resource {
            resource.check(&mut found);
        }
        let sound = mistakes.is_empty() && !found.has_errors() && open.misfits.is_empty();
        let mistakes = mistakes.iter().map(|mistake| decode::finding(self.root, &at, mistake));
        let findings: Vec<_> = mistakes.chain(found.into_vec()).filter(|finding| !open.concerns(finding)).collect();
        problems.extend(findings);
        for misfit in open.misfits {
            report(misfit.path, misfit.flaw, problems);
        }
        resource.filter(|_| sound)
    }
}

/// The schema of `parity`.
pub(super) fn schema(catalog: &Catalog) -> Value {
    let uses: Vec<Value> = catalog.comparables().map(|entry| json!({ "const": entry.kind })).collect();
    let branches: Vec<Value> = catalog
        .comparables()
        .map(|entry| {
            let with = json!({ "$ref": format!("#/$defs/{}", entry.kind) });
            let is_kind = json!({ "properties": { "uses": { "const": entry.kind } }, "required": ["uses"] });
            json!({ "if": is_kind, "then": { "properties": { "with": with } } })
        })
        .collect();
    let text = |description: &str| json!({ "type": "string", "minLength": 1, "description": description });
    let name = json!({ "type": "string", "pattern": super::schema::NAME, "description": "The resource's name in the table of differences." });
    json!({
        "type": "array",
        "description": "The resources that must be equal at all sites. `lifeboat parity` compares them.",
        "items": {
            "type": "object",
            "required": ["id", "uses"],
            "additionalProperties": false,
            "properties": {
                "id": name,
                "uses": { "oneOf": uses, "description": "The kind of resource." },
                "with": { "type": "object", "description": "Which one it is at a site: templates speak of `site`, which is each site in turn, and of `inputs`." },
                "ignore": {
                    "type": "array",
                    "description": "Differences that somebody accepted.",
                    "items": {
                        "type": "object",
                        "required": ["aspect", "reason", "until"],
                        "additionalProperties": false,
                        "properties": {
                            "aspect": text("An aspect, as the table names it, or the beginning of some."),
                            "reason": text("Why the difference is accepted."),
                            "until": { "type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$", "description": "The last day on which it is: 2027-01-31." },
                        },
                    },
                },
            },
            "allOf": branches,
        },
    })
}
