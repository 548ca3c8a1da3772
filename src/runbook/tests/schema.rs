//! The schema for editors: what it lists, and that every reference in it leads somewhere.

use super::fixture::catalog;
use crate::runbook::schema;
use serde_json::Value;

fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let schema = schema(&catalog());
    let mut found = Vec::new();
    references(&schema, &mut found);
    assert!(found.contains(&"#/$defs/toy.knock/$defs/Secret"), "{found:?}");
    for reference in found {
        assert!(schema.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[test]
fn templates_may_stand_for_values_but_not_for_secrets() {
    let schema = schema(&catalog());
    let percent = &schema["$defs"]["toy.dial"]["properties"]["percent"];
    assert_eq!(percent["description"], "The share of clients, in percent.");
    assert_eq!(percent["anyOf"][0]["type"], "integer");
    assert_eq!(percent["anyOf"][1]["$ref"], "#/$defs/template");
    let uses = schema["$defs"]["step"]["properties"]["uses"]["oneOf"].as_array().unwrap();
    let kinds: Vec<&str> = uses.iter().filter_map(|kind| kind["const"].as_str()).collect();
    assert_eq!(kinds, ["approval", "toy.bell", "toy.dial", "toy.door", "toy.knock", "wait"]);
}
