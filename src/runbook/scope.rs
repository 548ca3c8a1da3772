//! What expressions may speak of: the names, and their values for one direction and mode of a run.
//!
//! Secrets are not among them. Nothing here evaluates.

use super::{
    expression::Variables,
    outline::{Outline, Site},
};
use lifeboat_contract::{Mode, Region};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The names that an expression may start with.
const ROOTS: &[&str] = &["from", "impaired", "inputs", "mode", "sites", "to"];
/// The names that an expression of `parity` may start with.
const ROOTS_AT_SITE: &[&str] = &["inputs", "site"];
/// What every site has, or may have, besides its vars.
pub(super) const SITE_FIELDS: &[&str] = &["account", "id", "provider", "region", "zone"];

/// Whether expressions anywhere may start with this name.
pub(super) fn is_root(name: &str) -> bool {
    let name = name.trim_start_matches('.');
    ROOTS.contains(&name) || ROOTS_AT_SITE.contains(&name)
}

/// The names that mean something in one runbook.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    pub(super) inputs: BTreeSet<String>,
    pub(super) secrets: BTreeSet<String>,
    /// The names of each site's members.
    pub(super) sites: BTreeMap<String, BTreeSet<String>>,
    /// Whether expressions are about one site, whichever it is, and about no direction.
    pub(super) at_site: bool,
}

impl Vocabulary {
    /// The names that an expression may start with.
    pub(super) fn roots(&self) -> &'static [&'static str] {
        if self.at_site { ROOTS_AT_SITE } else { ROOTS }
    }

    /// The members of a root, where it has any. `to` and `from` have those of every site.
    pub(super) fn members(&self, root: &str) -> Option<BTreeSet<&str>> {
        match root {
            "inputs" => Some(self.inputs.iter().map(String::as_str).collect()),
            "sites" => Some(self.sites.keys().map(String::as_str).collect()),
            "to" | "from" | "site" => {
                Some(self.sites.values().flatten().map(String::as_str).chain(SITE_FIELDS.iter().copied()).collect())
            }
            _ => None,
        }
    }

    pub(super) fn site(&self, id: &str) -> Option<BTreeSet<&str>> {
        self.sites.get(id).map(|names| names.iter().map(String::as_str).collect())
    }
}

/// One direction and mode of a run, with the values that its expressions see.
#[derive(Debug)]
pub(super) struct Scope<'o> {
    pub(super) to: &'o Site,
    pub(super) from: &'o Site,
    pub(super) mode: Mode,
    pub(super) impaired: BTreeSet<Region>,
    /// The inputs whose value is not known yet; a placeholder stands for each.
    pub(super) unknown: BTreeSet<String>,
    pub(super) variables: Variables,
}

impl<'o> Scope<'o> {
    pub(super) fn new(
        outline: &'o Outline,
        (to, from): (&'o Site, &'o Site),
        mode: Mode,
        impaired: BTreeSet<Region>,
        inputs: &BTreeMap<String, Value>,
        unknown: BTreeSet<String>,
    ) -> Self {
        let sites: Map<String, Value> =
            outline.sites.iter().map(|site| (site.id.to_string(), site.members())).collect();
        let variables = Variables::new([
            ("to", &to.members()),
            ("from", &from.members()),
            ("sites", &Value::Object(sites)),
            ("mode", &json!(mode)),
            ("impaired", &json!(impaired)),
            ("inputs", &json!(inputs)),
        ]);
        Self { to, from, mode, impaired, unknown, variables }
    }

    /// One site by itself: its expressions speak of `site` and the inputs, and of no direction.
    pub(super) fn at(site: &'o Site, inputs: &BTreeMap<String, Value>, unknown: BTreeSet<String>) -> Self {
        let variables = Variables::new([("site", &site.members()), ("inputs", &json!(inputs))]);
        Self { to: site, from: site, mode: Mode::Switchover, impaired: BTreeSet::new(), unknown, variables }
    }

    /// The direction, for people: `going from r1 to r2`, or `at r1`.
    pub(super) fn direction(&self) -> String {
        if self.to.id == self.from.id {
            return format!("at {}", self.to.id);
        }
        format!("going from {} to {}", self.from.id, self.to.id)
    }
}
