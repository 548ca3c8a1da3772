//! The configuration alone, to compare worlds by: no etags, states or beliefs of probes.

use super::{
    Network, body,
    kept::{Effect, Kept},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

impl Network {
    pub(crate) fn contents(&self) -> Value {
        json!({
            "virtual_networks": all(&self.networks),
            "route_tables": all(&self.tables),
            "network_interfaces": all(&self.interfaces),
            "security_groups": all(&self.groups),
            "load_balancers": all(&self.balancers),
        })
    }
}

fn all<T: Effect>(kept: &BTreeMap<String, Kept<T>>) -> Value {
    let mut contents = Map::new();
    for (key, resource) in kept {
        contents.insert(key.clone(), usual(body::meaning(&resource.body)));
    }
    Value::Object(contents)
}

/// Leaves out what means the same as its absence.
fn usual(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let said = fields.into_iter().filter(|(name, value)| {
                let nothing =
                    value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
                let none =
                    name == "adminState" && value.as_str().is_some_and(|state| state.eq_ignore_ascii_case("None"));
                !nothing && !none
            });
            Value::Object(said.map(|(name, value)| (name, usual(value))).collect())
        }
        Value::Array(items) => items.into_iter().map(usual).collect(),
        plain => plain,
    }
}
