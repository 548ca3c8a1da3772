//! What a body refers to: it must exist, and must not be in the middle of a write. Changes nothing.

use super::{
    Network, body,
    kept::{Effect, Kept},
};
use crate::azure::{ArmError, ArmPath};
use serde_json::Value;
use std::collections::BTreeMap;

enum Standing {
    Fine,
    Busy,
    Missing,
}

/// Members that the service writes, and no client refers by.
const SHOWN_ONLY: &[&str] = &["virtualMachine", "backendIPConfigurations", "subnets", "networkInterfaces"];

impl Network {
    /// Checks every reference of a body that belongs to the resource `own`.
    pub(super) fn check_references(&self, own: &str, made: &Value) -> Result<(), ArmError> {
        let mut found = Vec::new();
        collect(made, &mut found);
        let inside = format!("{}/", own.to_ascii_lowercase());
        for id in found {
            let key = id.to_ascii_lowercase();
            if key.starts_with(&inside) || *own.to_ascii_lowercase() == key {
                continue;
            }
            match self.standing(&id) {
                Standing::Fine => {}
                Standing::Busy => return Err(ArmError::referenced_busy(&id)),
                Standing::Missing => return Err(ArmError::invalid_reference(&id, own)),
            }
        }
        Ok(())
    }

    fn standing(&self, id: &str) -> Standing {
        let Some(path) = ArmPath::parse(id).filter(|path| path.in_namespace("Microsoft.Network")) else {
            return Standing::Fine;
        };
        let root = path.types.first().map(|(kind, _)| kind.to_ascii_lowercase()).unwrap_or_default();
        match root.as_str() {
            "virtualnetworks" => standing(&self.networks, &path),
            "routetables" => standing(&self.tables, &path),
            "networkinterfaces" => standing(&self.interfaces, &path),
            "networksecuritygroups" => standing(&self.groups, &path),
            "loadbalancers" => standing(&self.balancers, &path),
            // What is no part of the simulation is taken to exist.
            _ => Standing::Fine,
        }
    }
}

fn standing<T: Effect>(all: &BTreeMap<String, Kept<T>>, path: &ArmPath) -> Standing {
    let Some(kept) = all.get(&path.root_key()) else { return Standing::Missing };
    if let Some((kind, name)) = path.types.get(1) {
        let array = T::CHILDREN.iter().find(|(array, _)| array.eq_ignore_ascii_case(kind));
        if array.is_none_or(|(array, _)| body::child(&kept.body, array, name).is_none()) {
            return Standing::Missing;
        }
    }
    if kept.pending.is_some() { Standing::Busy } else { Standing::Fine }
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(id) if name == "id" && id.starts_with('/') => into.push(id.clone()),
                    _ if SHOWN_ONLY.contains(&name.as_str()) => {}
                    _ => collect(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}
