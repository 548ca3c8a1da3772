//! The JSON Schema of what drills are measured by, and when they may take place.

use super::{
    calendar::DAYS,
    schema::{NAME, described},
};
use lifeboat_contract::{Catalog, Shape};
use serde_json::{Value, json};

/// A probe: a check of the catalog, asked again and again.
pub(super) fn probe(catalog: &Catalog) -> Value {
    let checks: Vec<&str> =
        catalog.iter().filter(|entry| entry.shape == Shape::Check).map(|entry| entry.kind).collect();
    let branches: Vec<Value> = checks
        .iter()
        .map(|kind| {
            let with = json!({ "properties": { "with": { "$ref": format!("#/$defs/{kind}") } } });
            json!({ "if": { "properties": { "uses": { "const": kind } }, "required": ["uses"] }, "then": with })
        })
        .collect();
    json!({
        "type": "object",
        "required": ["name", "uses", "with"],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "pattern": NAME, "description": "The probe's name in reports." },
            "uses": { "enum": checks, "description": "The kind of check that is asked." },
            "with": { "type": "object", "description": "What is asked. It should be what users ask." },
            "interval": described("#/$defs/duration", "The pause between two questions; 1s, unless given."),
            "tolerance": described("#/$defs/duration", "How long it may fail in one piece."),
        },
        "allOf": branches,
    })
}

/// The `drill` section.
pub(super) fn calendar() -> Value {
    let time =
        json!({ "type": "string", "pattern": r"^\d{2}:\d{2}(:\d{2})?$", "description": "A time of day: \"09:00\"." });
    let date = json!({ "type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$", "description": "A date: 2026-12-20." });
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "When drills may take place.",
        "properties": {
            "windows": {
                "type": "array",
                "description": "The hours in which a drill may begin; every hour, unless given.",
                "items": {
                    "type": "object",
                    "required": ["from", "to"],
                    "additionalProperties": false,
                    "properties": {
                        "days": { "type": "array", "items": { "enum": DAYS.map(|(name, _)| name) }, "description": "The days of the week; all of them, unless given." },
                        "from": time,
                        "to": { "type": "string", "pattern": r"^\d{2}:\d{2}(:\d{2})?$", "description": "A time of day, on the next day where it comes before `from`." },
                        "timezone": { "type": "string", "description": "A name of the IANA time zone database, such as Europe/Berlin; UTC, unless given." },
                    },
                },
            },
            "blackouts": {
                "type": "array",
                "description": "Days on which no drill takes place, both ends included.",
                "items": {
                    "type": "object",
                    "required": ["from", "to", "reason"],
                    "additionalProperties": false,
                    "properties": { "from": date, "to": date, "reason": { "type": "string", "minLength": 1, "description": "Why; told to who asks for a drill." } },
                },
            },
            "max_per_day": { "type": "integer", "minimum": 1, "maximum": 1000, "description": "How many drills of this runbook may begin on one day." },
        },
    })
}
