//! Reads a document as a runbook: everything above its steps. Every problem is reported; nothing stops the reading.
//!
//! It evaluates nothing: whether a template has a value is a question for the check.

use super::{
    document::{Node, NodeValue, pin},
    fields::{Fields, check_name, wrong_type},
    nearest::{nearest, suggestion},
    outline::{Input, InputType, Outline, Site},
    parity::read_parity,
    problems::{Problems, quoted},
    provider, read_drill,
    read_steps::read_steps,
    resolved::{OnFailure, SecretSource},
    scope::{SITE_FIELDS, Vocabulary},
    template::{Reading, forbid},
};
use lifeboat_contract::{Catalog, DocumentPath, SiteId, codes};
use serde_json::{Map, Value};
use std::path::PathBuf;

pub(super) const FIELDS: [&str; 13] = [
    "lifeboat",
    "name",
    "summary",
    "objectives",
    "inputs",
    "secrets",
    "providers",
    "sites",
    "lock",
    "on_failure",
    "drill",
    "steps",
    "parity",
];
pub(super) const ON_FAILURE: [(&str, OnFailure); 3] =
    [("rollback", OnFailure::Rollback), ("pause", OnFailure::Pause), ("stop", OnFailure::Stop)];
/// The places where templates may stand.
const WITH_TEMPLATES: [&str; 4] = ["steps", "lock", "objectives", "parity"];
/// Every direction is checked; with more sites than this that is no longer a matter of milliseconds.
const SITES_MAX: usize = 8;

/// Reads the whole document.
pub(super) fn read(root: &Node, text: &str, catalog: &Catalog, problems: &mut Problems) -> Outline {
    let mut outline = Outline::default();
    if root.is_null() {
        problems
            .error(DocumentPath::default(), codes::MISSING_FIELD, "the document is empty")
            .hint("start it with `lifeboat: 1`, `name: …`, `sites: …` and `steps: …`");
        return outline;
    }
    let Some(fields) = Fields::open(root, DocumentPath::default(), &FIELDS, problems) else { return outline };
    for entry in root.entries().iter().filter(|entry| !WITH_TEMPLATES.contains(&entry.key.as_str())) {
        forbid(&entry.value, &DocumentPath::default().join(&entry.key), "this place", problems);
    }
    version(&fields, problems);
    fields.required_text("name", problems).unwrap_or_default().clone_into(&mut outline.name);
    fields.text("summary", problems).unwrap_or_default().clone_into(&mut outline.summary);
    outline.on_failure = fields.word("on_failure", &ON_FAILURE, problems).unwrap_or_default();
    inputs(&fields, &mut outline, problems);
    secrets(&fields, &mut outline, problems);
    providers(&fields, &mut outline, problems);
    sites(&fields, &mut outline, problems);

    let vocabulary = outline.vocabulary();
    let reading = Reading::new(text, &vocabulary);
    read_drill::objectives(&fields, &mut outline, &reading, catalog, problems);
    read_drill::calendar(&fields, &mut outline, problems);
    if let Some((node, path)) = fields.get("lock") {
        match node.as_text() {
            Some(text) => outline.lock = reading.template(text, node, &path, problems),
            None => wrong_type(node, path, "text", problems),
        }
    }
    match fields.get("steps") {
        Some((node, path)) => outline.steps = read_steps(node, &path, &outline, &reading, catalog, problems),
        None => fields.missing("steps", problems),
    }
    if let Some((node, path)) = fields.get("parity") {
        let vocabulary = Vocabulary { at_site: true, ..vocabulary };
        outline.parity = read_parity(node, &path, &Reading::new(text, &vocabulary), catalog, problems);
    }
    outline
}

fn version(fields: &Fields<'_>, problems: &mut Problems) {
    let found = fields.get("lifeboat");
    if found.as_ref().is_some_and(|(node, _)| node.to_json() == 1) {
        return;
    }
    let (message, path) = match found {
        Some((_, path)) => ("this build reads version 1 of the runbook format", path),
        None => ("the runbook does not say which version of the format it is written in", fields.path.clone()),
    };
    problems
        .error(path, codes::FORMAT_VERSION, message)
        .because("a later version may give the same words another meaning")
        .hint("write `lifeboat: 1` at the top");
}

fn inputs(fields: &Fields<'_>, outline: &mut Outline, problems: &mut Problems) {
    for (name, node, path) in members(fields, "inputs", "an input", problems) {
        let Some(input) = Fields::open(node, path, &["type", "default", "description"], problems) else { continue };
        input.text("description", problems);
        let of = match input.required_text("type", problems) {
            None => InputType::String,
            Some(word) => InputType::parse(word).unwrap_or_else(|| {
                let message = format!("{} is not one of {}", quoted(word), InputType::NAMES.join(", "));
                let finding = problems.error(input.path.join("type"), codes::BAD_VALUE, message);
                finding.hint = nearest(word, InputType::NAMES).map(|near| format!("did you mean `{near}`?"));
                InputType::String
            }),
        };
        let default = input.get("default").map(|(node, path)| (node.to_json(), path));
        if let Some((value, path)) = &default
            && !of.accepts(value)
            && InputType::parse(input.text("type", problems).unwrap_or_default()).is_some()
        {
            let code = if of == InputType::Duration { codes::BAD_DURATION } else { codes::WRONG_TYPE };
            let finding =
                problems.error(path.clone(), code, format!("the default of this input must be {}", of.what()));
            if of == InputType::String {
                finding.hint(format!("quote it: \"{value}\""));
            }
        }
        outline.inputs.insert(name.to_owned(), Input { of, default: default.map(|(value, _)| value) });
    }
}

fn secrets(fields: &Fields<'_>, outline: &mut Outline, problems: &mut Problems) {
    for (name, node, path) in members(fields, "secrets", "a secret", problems) {
        // Known even when it is declared wrongly: one problem is enough for one mistake.
        outline.secrets.insert(name.to_owned(), SecretSource::Env(name.to_owned()));
        let Some(secret) = Fields::open(node, path.clone(), &["env", "file"], problems) else { continue };
        let source = match (secret.get("env"), secret.get("file")) {
            (Some(_), None) => secret.text("env", problems).map(|name| SecretSource::Env(name.to_owned())),
            (None, Some(_)) => secret.text("file", problems).map(|path| SecretSource::File(PathBuf::from(path))),
            (Some(_), Some(_)) => {
                problems.error(path, codes::CONFLICTING_FIELDS, "a secret has one source: `env` or `file`");
                None
            }
            (None, None) => {
                let hint = format!("write `{name}: {{ env: {name} }}` or `{name}: {{ file: PATH }}`");
                problems.error(path, codes::MISSING_FIELD, "a secret needs a source: `env` or `file`").hint(hint);
                None
            }
        };
        if let Some(source) = source {
            outline.secrets.insert(name.to_owned(), source);
        }
    }
}

fn providers(fields: &Fields<'_>, outline: &mut Outline, problems: &mut Problems) {
    let secrets = outline.secrets.keys().cloned().collect();
    for (name, node, path) in members(fields, "providers", "a provider", problems) {
        let known = provider::fields_of(name);
        let Some(fields) = Fields::open(node, path.clone(), known, problems) else { continue };
        let config = provider::read(&fields, &secrets, &path, problems);
        outline.providers.insert(name.to_owned(), config);
    }
}

fn sites(fields: &Fields<'_>, outline: &mut Outline, problems: &mut Problems) {
    let Some((node, path)) = fields.get("sites") else {
        fields.missing("sites", problems);
        return;
    };
    for (id, node, path) in members(fields, "sites", "a site", problems) {
        if ["to", "from"].contains(&id) {
            problems
                .error(path.clone(), codes::BAD_VALUE, format!("a site cannot be called `{id}`"))
                .because("`to` and `from` are the two sites of a run, whichever they are");
        }
        let known = ["provider", "region", "account", "zone", "vars"];
        let Some(site) = Fields::open(node, path, &known, problems) else { continue };
        let provider = site.required_text("provider", problems).unwrap_or_default().to_owned();
        outline.sites.push(Site {
            id: SiteId::from(id),
            provider,
            region: site.text("region", problems).map(str::to_owned),
            account: site.text("account", problems).map(str::to_owned),
            zone: site.text("zone", problems).map(str::to_owned),
            vars: vars(&site, problems),
        });
    }
    // Sites that could not be read are counted too: they are there.
    match node.entries().len() {
        _ if !matches!(node.value, NodeValue::Mapping(_)) => {}
        0 | 1 => {
            problems
                .error(path, codes::TOO_FEW_SITES, "a runbook moves work between sites, and needs at least two")
                .hint("add the site that takes over, under `sites`");
        }
        count if count > SITES_MAX => {
            problems.error(path, codes::OUT_OF_RANGE, format!("{count} sites are more than {SITES_MAX}"));
            outline.sites.truncate(SITES_MAX);
        }
        _ => {}
    }
}

fn vars(site: &Fields<'_>, problems: &mut Problems) -> Map<String, Value> {
    let Some((node, path)) = site.get("vars") else { return Map::new() };
    if !matches!(node.value, NodeValue::Mapping(_)) {
        wrong_type(node, path, "a mapping", problems);
        return Map::new();
    }
    let mut vars = Map::new();
    for entry in node.entries() {
        if SITE_FIELDS.contains(&entry.key.as_str()) {
            let at = pin(&path.join(&entry.key), &entry.key_span);
            let message = format!("a var cannot be called `{}`: the site itself has a field of that name", entry.key);
            problems
                .error(at, codes::CONFLICTING_FIELDS, message)
                .because(format!("`to.{}` would have two meanings", entry.key));
            continue;
        }
        vars.insert(entry.key.clone(), entry.value.to_json());
    }
    vars
}

/// The members of a mapping from names of our own to mappings.
fn members<'n>(
    fields: &Fields<'n>,
    name: &str,
    what: &str,
    problems: &mut Problems,
) -> Vec<(&'n str, &'n Node, DocumentPath)> {
    let Some((node, path)) = fields.get(name) else { return Vec::new() };
    if !matches!(node.value, NodeValue::Mapping(_)) {
        wrong_type(node, path, "a mapping", problems);
        return Vec::new();
    }
    node.entries()
        .iter()
        .map(|entry| {
            let at = path.join(&entry.key);
            check_name(&entry.key, what, &pin(&at, &entry.key_span), problems);
            (entry.key.as_str(), &entry.value, at)
        })
        .collect()
}

/// Reports a site that is not there.
pub(super) fn known_site(id: &str, outline: &Outline, path: &DocumentPath, problems: &mut Problems) {
    if !outline.sites.iter().any(|site| site.id.as_str() == id) {
        let finding = problems.error(path.clone(), codes::UNKNOWN_SITE, format!("unknown site {}", quoted(id)));
        let names = outline.sites.iter().map(|site| site.id.as_str());
        finding.hint = suggestion(id, names);
    }
}
