//! The JSON Schema of a whole runbook, for editors: the language's own fields, and `with` by kind.
//!
//! It helps while typing. Whether a runbook is right is decided by the check alone.

use super::{
    drill_schema as drill,
    gates::{self, GATES},
    outline::InputType,
    parity, provider,
    read::ON_FAILURE,
    read_steps::ON_IMPAIRED,
};
use lifeboat_contract::{Catalog, KindEntry, Shape};
use schemars::Schema;
use serde_json::{Map, Value, json};

pub(super) const NAME: &str = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$";

/// The schema of a runbook that may use any kind of `catalog`.
pub fn schema(catalog: &Catalog) -> Value {
    let kinds = kinds(catalog);
    let mut definitions = Map::new();
    definitions.insert("template".to_owned(), template());
    definitions.insert("duration".to_owned(), duration());
    definitions.insert("site".to_owned(), site());
    definitions.insert("probe".to_owned(), drill::probe(catalog));
    definitions.insert("step".to_owned(), step(&kinds, catalog));
    for (kind, with) in kinds {
        definitions.insert(kind, with);
    }
    for entry in catalog.comparables() {
        definitions.insert(entry.kind.to_owned(), with_schema(entry.kind, entry.schema().to_value()));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lifeboat runbook",
        "description": "Moves a system from one site to another, step by step, and back.",
        "type": "object",
        "required": ["lifeboat", "name", "sites", "steps"],
        "additionalProperties": false,
        "properties": top_level(catalog),
        "$defs": definitions,
    })
}

fn top_level(catalog: &Catalog) -> Value {
    json!({
        "lifeboat": { "const": 1, "description": "The version of the runbook format." },
        "name": { "type": "string", "minLength": 1, "description": "The runbook's name. Also its lock key, unless `lock` says otherwise." },
        "summary": { "type": "string", "description": "What the runbook achieves, in one sentence." },
        "objectives": {
            "type": "object",
            "additionalProperties": false,
            "description": "What recovery must achieve.",
            "properties": {
                "rto": described("#/$defs/duration", "Recovery time objective: how long a run may take."),
                "rpo": described("#/$defs/duration", "Recovery point objective: how much data may be lost, measured in time."),
                "unavailability": described("#/$defs/duration", "For how long altogether users may be without service in a drill, over and back."),
                "probes": { "type": "array", "items": { "$ref": "#/$defs/probe" }, "description": "What a drill keeps asking, as users would." },
            },
        },
        "inputs": map("Values that a run may be given, read in expressions as `inputs.NAME`.", &json!({
            "type": "object",
            "required": ["type"],
            "additionalProperties": false,
            "properties": {
                "type": { "enum": InputType::NAMES, "description": "The type of the value." },
                "default": { "type": ["string", "number", "boolean"], "description": "The value when none is given. Without it, every run must give one." },
                "description": { "type": "string" },
            },
        })),
        "secrets": map("Values that stand in no plan, journal or report. Read as `${{ secrets.NAME }}`, as the whole value of a field made for it.", &json!({
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false,
            "properties": {
                "env": { "type": "string", "description": "The environment variable that holds the value." },
                "file": { "type": "string", "description": "The file whose text is the value." },
            },
        })),
        "providers": provider::schema(),
        "sites": {
            "type": "object",
            "minProperties": 2,
            "propertyNames": { "pattern": NAME, "not": { "enum": ["to", "from"] } },
            "additionalProperties": { "$ref": "#/$defs/site" },
            "description": "The places that a run moves between. `to` and `from` are two of them.",
        },
        "lock": { "type": "string", "description": "The key that keeps two runs apart: a text, with templates where clusters lock apart. The name, unless given." },
        "on_failure": words(ON_FAILURE.map(|(word, _)| word), "What a run does when a step fails, unless the step says otherwise."),
        "drill": drill::calendar(),
        "steps": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/step" }, "description": "What is done. A step needs the one before it, unless it says otherwise." },
        "parity": parity::schema(catalog),
    })
}

fn site() -> Value {
    json!({
        "type": "object",
        "required": ["provider"],
        "additionalProperties": false,
        "properties": {
            "provider": { "type": "string", "description": "The provider: the first word of its kinds." },
            "region": { "type": "string", "description": "The provider's own name of the region." },
            "account": { "type": "string", "description": "The account; that of the provider, unless given." },
            "zone": { "type": "string", "description": "The provider's own name of the zone." },
            "vars": { "type": "object", "description": "Whatever the steps need to know of the site; read as `to.NAME`, `from.NAME` and `sites.ID.NAME`." },
        },
    })
}

fn step(kinds: &[(String, Value)], catalog: &Catalog) -> Value {
    let uses: Vec<Value> = kinds
        .iter()
        .map(|(kind, with)| {
            let description = with.get("description").and_then(Value::as_str).unwrap_or_default();
            json!({ "const": kind, "description": description.lines().next().unwrap_or_default() })
        })
        .collect();
    let branches: Vec<Value> = kinds
        .iter()
        .map(|(kind, with)| {
            let needs_with = with.get("required").and_then(Value::as_array).is_some_and(|fields| !fields.is_empty());
            let with = json!({ "$ref": format!("#/$defs/{kind}") });
            let is_task = catalog.get(kind).is_some_and(|entry| entry.shape == Shape::Task);
            let undo = if is_task { with.clone() } else { json!(false) };
            let mut then = json!({ "properties": { "with": with, "undo": undo } });
            if needs_with {
                then["required"] = json!(["with"]);
            }
            json!({ "if": { "properties": { "uses": { "const": kind } }, "required": ["uses"] }, "then": then })
        })
        .collect();
    json!({
        "type": "object",
        "required": ["id", "uses"],
        "additionalProperties": false,
        "properties": {
            "id": { "type": "string", "pattern": NAME, "description": "The step's name in `needs`, in the journal and on the command line." },
            "name": { "type": "string", "description": "What the step does, for people." },
            "uses": { "oneOf": uses, "description": "The kind of the step." },
            "with": { "type": "object", "description": "What the kind is to do." },
            "undo": { "type": "object", "description": "A task's way back: another `with` for the same kind. A change needs none." },
            "site": { "type": "string", "description": "Where the step works: `to`, `from` or a site's id. Gives provider, region, account and credentials." },
            "needs": {
                "description": "The steps that must be done before. `[]` starts at once; the step before it, unless given.",
                "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "uniqueItems": true }],
            },
            "if": { "type": ["string", "boolean"], "description": "A CEL expression over inputs, sites, to, from, mode and impaired. Where it is false, the step is skipped." },
            "timeout": {
                "description": "How long the step may take; what its kind says, unless given.",
                "anyOf": [{ "$ref": "#/$defs/duration" }, { "$ref": "#/$defs/template" }],
            },
            "retry": {
                "type": "object",
                "additionalProperties": false,
                "description": "How a failed attempt is tried again.",
                "properties": {
                    "attempts": { "type": "integer", "minimum": 1, "maximum": 20, "description": "Attempts altogether, the first included." },
                    "backoff": described("#/$defs/duration", "The pause after the first failed attempt; it doubles with each further one."),
                },
            },
            "on_failure": words(ON_FAILURE.map(|(word, _)| word), "What the run does when this step fails."),
            "on_impaired": words(ON_IMPAIRED.map(|(word, _)| word), "What becomes of the step when its control plane is in a lost region."),
        },
        "allOf": branches,
    })
}

/// Every kind and gate, with the schema of its `with`.
fn kinds(catalog: &Catalog) -> Vec<(String, Value)> {
    let gates = GATES.iter().filter_map(|&gate| Some((gate, gates::schema(gate)?)));
    let mut kinds: Vec<(String, Value)> = catalog
        .iter()
        .map(|entry| (entry.kind, entry.schema()))
        .chain(gates)
        .map(|(kind, schema)| (kind.to_owned(), with_schema(kind, schema.to_value())))
        .collect();
    kinds.sort_by(|(one, _), (other, _)| one.cmp(other));
    kinds
}

/// Whether the field at a path below a kind's `with` is a duration.
pub(super) fn takes_duration(catalog: &Catalog, kind: &str, path: &[String]) -> bool {
    let schema = catalog.get(kind).map(KindEntry::schema).or_else(|| gates::schema(kind)).map(Schema::to_value);
    let Some(root) = schema else { return false };
    let field = path.iter().try_fold(&root, |schema, segment| {
        let schema = followed(schema, &root)?;
        let member = schema.get("properties").and_then(|members| members.get(segment));
        member.or_else(|| schema.get("additionalProperties")).or_else(|| schema.get("items"))
    });
    field.is_some_and(|field| {
        let choices = field.get("anyOf").and_then(Value::as_array).map_or(std::slice::from_ref(field), Vec::as_slice);
        choices.iter().any(|choice| followed(choice, &root).is_some_and(|schema| schema["format"] == "duration"))
    })
}

/// What a reference stands for.
fn followed<'s>(schema: &'s Value, root: &'s Value) -> Option<&'s Value> {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => root.pointer(reference.strip_prefix('#')?),
        None => Some(schema),
    }
}

/// A kind's own schema as a part of ours: its references lead into itself, and templates may stand for its values.
fn with_schema(kind: &str, mut schema: Value) -> Value {
    if let Some(root) = schema.as_object_mut() {
        root.remove("$schema");
    }
    rebase(&mut schema, kind);
    loosen_below(&mut schema);
    schema
}

fn rebase(schema: &mut Value, kind: &str) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && let Some(rest) = reference.strip_prefix("#/")
            {
                *reference = format!("#/$defs/{kind}/{rest}");
            }
            map.values_mut().for_each(|value| rebase(value, kind));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rebase(item, kind)),
        _ => {}
    }
}

/// Lets a template stand wherever a value is described; the schema's own root stays as it is.
fn loosen_below(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    for key in ["properties", "patternProperties"] {
        if let Some(Value::Object(members)) = map.get_mut(key) {
            members.values_mut().for_each(loosen);
        }
    }
    if let Some(Value::Object(definitions)) = map.get_mut("$defs") {
        definitions.values_mut().for_each(loosen_below);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(value @ Value::Object(_)) = map.get_mut(key) {
            loosen(value);
        }
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(Value::Array(variants)) = map.get_mut(key) {
            variants.iter_mut().for_each(loosen_below);
        }
    }
}

fn loosen(schema: &mut Value) {
    loosen_below(schema);
    let Some(map) = schema.as_object_mut() else { return };
    // A secret is written as a template already, and as no other one.
    if map.get("$ref").and_then(Value::as_str).is_some_and(|reference| reference.ends_with("/$defs/Secret")) {
        return;
    }
    let mut outside = Map::new();
    for key in ["title", "description", "default", "examples", "deprecated"] {
        if let Some(value) = map.remove(key) {
            outside.insert(key.to_owned(), value);
        }
    }
    let inside = std::mem::take(map);
    if !inside.is_empty() {
        outside.insert("anyOf".to_owned(), json!([inside, { "$ref": "#/$defs/template" }]));
    }
    *map = outside;
}

fn template() -> Value {
    json!({
        "type": "string",
        "pattern": r"\$\{\{.*\}\}",
        "description": "A CEL expression over inputs, sites, to, from, mode and impaired: ${{ to.health }}.",
    })
}

fn duration() -> Value {
    json!({
        "type": "string",
        "pattern": r"^(?=.)(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$",
        "description": "A duration with its unit: 90s, 5m, 1h30m, 500ms.",
        "examples": ["30s", "5m"],
    })
}

pub(super) fn described(reference: &str, description: &str) -> Value {
    json!({ "$ref": reference, "description": description })
}

fn words<const N: usize>(words: [&str; N], description: &str) -> Value {
    json!({ "enum": words.to_vec(), "description": description })
}

fn map(description: &str, of: &Value) -> Value {
    json!({
        "type": "object",
        "propertyNames": { "pattern": NAME },
        "additionalProperties": of,
        "description": description,
    })
}
