//! The JSON of resources and of the children in their arrays. Knows no type of resource.

use serde_json::{Map, Value, json};

/// A text in `properties`.
pub(super) fn text<'a>(body: &'a Value, field: &str) -> Option<&'a str> {
    body.get("properties")?.get(field)?.as_str()
}

/// The id of what a field of `properties` refers to, in lower case.
pub(super) fn reference(body: &Value, field: &str) -> Option<String> {
    id_of(body.get("properties")?.get(field)?)
}

/// The `id` of an object, in lower case.
pub(super) fn id_of(value: &Value) -> Option<String> {
    Some(value.get("id")?.as_str()?.to_ascii_lowercase())
}

/// A number in `properties`, which some clients send as text.
pub(super) fn number(body: &Value, field: &str) -> Option<u64> {
    let value = body.get("properties")?.get(field)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

pub(super) fn flag(body: &Value, field: &str) -> bool {
    body.get("properties").and_then(|properties| properties.get(field)).and_then(Value::as_bool).unwrap_or(false)
}

/// The elements of an array in `properties`.
pub(super) fn list<'a>(body: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let found = body.get("properties").and_then(|properties| properties.get(field)).and_then(Value::as_array);
    found.map(Vec::as_slice).unwrap_or_default().iter()
}

pub(super) fn name(body: &Value) -> &str {
    body.get("name").and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn etag(body: &Value) -> &str {
    body.get("etag").and_then(Value::as_str).unwrap_or_default()
}

/// `properties`, made if it is not there.
pub(super) fn properties(body: &mut Value) -> &mut Map<String, Value> {
    if !body.is_object() {
        *body = json!({});
    }
    let object = body.as_object_mut().expect("it was made an object just now");
    let properties = object.entry("properties").or_insert_with(|| json!({}));
    if !properties.is_object() {
        *properties = json!({});
    }
    properties.as_object_mut().expect("it was made an object just now")
}

/// The elements of an array in `properties`, to be changed. Made if it is not there.
pub(super) fn list_mut<'a>(body: &'a mut Value, field: &str) -> &'a mut Vec<Value> {
    let found = properties(body).entry(field.to_owned()).or_insert_with(|| json!([]));
    if !found.is_array() {
        *found = json!([]);
    }
    found.as_array_mut().expect("it was made an array just now")
}

/// The child with this name, whatever its case.
pub(super) fn child<'a>(body: &'a Value, array: &str, wanted: &str) -> Option<&'a Value> {
    list(body, array).find(|child| name(child).eq_ignore_ascii_case(wanted))
}

pub(super) fn child_mut<'a>(body: &'a mut Value, array: &str, wanted: &str) -> Option<&'a mut Value> {
    let children = body.get_mut("properties")?.get_mut(array)?.as_array_mut()?;
    children.iter_mut().find(|child| name(child).eq_ignore_ascii_case(wanted))
}

pub(super) fn remove_child(body: &mut Value, array: &str, wanted: &str) {
    list_mut(body, array).retain(|child| !name(child).eq_ignore_ascii_case(wanted));
}

pub(super) fn set_state(body: &mut Value, state: &str, etag: &str) {
    properties(body).insert("provisioningState".to_owned(), state.into());
    body["etag"] = etag.into();
}

/// Sets the state of every child, and leaves their etags.
pub(super) fn set_children_state(body: &mut Value, arrays: &[(&str, bool)], state: &str) {
    for (array, _) in arrays {
        let children = body.get_mut("properties").and_then(|properties| properties.get_mut(*array));
        for child in children.and_then(Value::as_array_mut).into_iter().flatten() {
            properties(child).insert("provisioningState".to_owned(), state.into());
        }
    }
}

/// What a resource says, without what the service says of it: two writes with the same meaning are equal.
pub(super) fn meaning(body: &Value) -> Value {
    match body {
        Value::Object(fields) => {
            let said = fields.iter().filter(|(name, value)| {
                !["etag", "provisioningState", "resourceGuid"].contains(&name.as_str()) && !value.is_null()
            });
            Value::Object(said.map(|(name, value)| (name.clone(), meaning(value))).collect())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(meaning).collect();
            // The order of named things has no meaning.
            if items.iter().all(|item| item.get("name").is_some()) {
                items.sort_by(|a, b| name(a).cmp(name(b)));
            }
            Value::Array(items)
        }
        plain => plain.clone(),
    }
}

/// Removes every member that is null: to a service, it is not there.
pub(super) fn without_nulls(body: &Value) -> Value {
    match body {
        Value::Object(fields) => {
            let there = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(there.map(|(name, value)| (name.clone(), without_nulls(value))).collect())
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        plain => plain.clone(),
    }
}
