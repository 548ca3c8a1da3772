//! Names of Azure Resource Manager: which subscription, group and type a resource belongs to.
//!
//! Says nothing about whether the resource exists.

use lifeboat_contract::{Findings, codes};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{
    borrow::Cow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

/// `/subscriptions/S/resourceGroups/G/providers/NAMESPACE/TYPE/NAME`, and any number of child types and names.
///
/// Keeps the spelling it was given; compares without case, as the service does.
#[derive(Clone)]
pub(crate) struct ArmId(String);

/// A text that is no resource's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the id of an Azure resource; write it like \
     /subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Network/TYPE/NAME"
)]
pub(crate) struct NotAnArmId(String);

/// The position of each part among the segments; the first segment is empty, because an id starts with a slash.
const SUBSCRIPTION: usize = 2;
const GROUP: usize = 4;
const NAMESPACE: usize = 6;
const FIRST_TYPE: usize = 7;

impl ArmId {
    fn segment(&self, at: usize) -> &str {
        self.0.split('/').nth(at).unwrap_or_default()
    }

    pub(crate) fn subscription(&self) -> &str {
        self.segment(SUBSCRIPTION)
    }

    /// The resource group; empty for a subscription.
    pub(crate) fn group(&self) -> &str {
        self.segment(GROUP)
    }

    /// The resource's own name, the last part.
    pub(crate) fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The type with its namespace, as written: `Microsoft.Network/routeTables/routes`.
    pub(crate) fn kind(&self) -> String {
        let types = self.0.split('/').skip(FIRST_TYPE).step_by(2);
        std::iter::once(self.segment(NAMESPACE)).chain(types).collect::<Vec<_>>().join("/")
    }

    pub(crate) fn is_a(&self, kind: &str) -> bool {
        self.kind().eq_ignore_ascii_case(kind)
    }

    /// The resource that this one is a child of.
    pub(crate) fn parent(&self) -> Option<Self> {
        let pairs = self.0.split('/').count().saturating_sub(FIRST_TYPE) / 2;
        let end = self.0.rmatch_indices('/').nth(1)?.0;
        (pairs > 1).then(|| Self(self.0[..end].to_owned()))
    }

    /// The resource itself, or the one that it is a part of, however deep.
    pub(crate) fn top(&self) -> Self {
        self.0.split('/').nth(FIRST_TYPE + 2).map_or_else(
            || self.clone(),
            |_| Self(self.0.split('/').take(FIRST_TYPE + 2).collect::<Vec<_>>().join("/")),
        )
    }

    pub(crate) fn child(&self, kind: &str, name: &str) -> Self {
        Self(format!("{}/{kind}/{name}", self.0))
    }

    /// The resource group that holds it. Only for calls: no resource of a provider.
    pub(crate) fn group_scope(&self) -> Self {
        Self(format!("/subscriptions/{}/resourceGroups/{}", self.subscription(), self.group()))
    }

    /// A subscription. Only for calls: no resource of a provider.
    pub(crate) fn subscription_scope(subscription: &str) -> Option<Self> {
        is_segment(subscription).then(|| Self(format!("/subscriptions/{subscription}")))
    }

    /// A resource group by its own id. Only for calls: no resource of a provider.
    pub(crate) fn group_of(id: &str) -> Option<Self> {
        match id.split('/').collect::<Vec<_>>()[..] {
            ["", subscriptions, subscription, groups, group]
                if subscriptions.eq_ignore_ascii_case("subscriptions")
                    && groups.eq_ignore_ascii_case("resourceGroups")
                    && is_segment(subscription)
                    && is_segment(group) =>
            {
                Some(Self(id.to_owned()))
            }
            _ => None,
        }
    }

    /// The id in lower case: what cells and maps are keyed by.
    pub(crate) fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// `GROUP/NAME`, with the parents' names between: for messages.
    pub(crate) fn short(&self) -> String {
        let names = self.0.split('/').skip(FIRST_TYPE + 1).step_by(2);
        std::iter::once(self.group()).chain(names).collect::<Vec<_>>().join("/")
    }
}

/// Whether a part can stand in a URL as it is.
fn is_segment(text: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.()".contains(&byte);
    !text.is_empty() && text.len() <= 260 && text.bytes().all(sound) && text.bytes().any(|byte| byte != b'.')
}

impl FromStr for ArmId {
    type Err = NotAnArmId;

    fn from_str(text: &str) -> Result<Self, NotAnArmId> {
        let segments: Vec<&str> = text.split('/').collect();
        let named = |at: usize, word: &str| segments.get(at).is_some_and(|segment| segment.eq_ignore_ascii_case(word));
        let whole = segments.first() == Some(&"")
            && named(1, "subscriptions")
            && named(3, "resourceGroups")
            && named(5, "providers")
            && segments.len() > FIRST_TYPE + 1
            && segments.len() % 2 == 1
            && segments[1..].iter().all(|segment| is_segment(segment))
            && segments[NAMESPACE].contains('.');
        if whole { Ok(Self(text.to_owned())) } else { Err(NotAnArmId(text.to_owned())) }
    }
}

impl fmt::Display for ArmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ArmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl PartialEq for ArmId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ArmId {}

impl Hash for ArmId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialOrd for ArmId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ArmId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Serialize for ArmId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ArmId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for ArmId {
    fn schema_name() -> Cow<'static, str> {
        "ArmId".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^/[sS]ubscriptions/[^/]+/[rR]esource[gG]roups/[^/]+/providers/[^/]+(/[^/]+/[^/]+)+$",
            "description": "The id of an Azure resource: /subscriptions/S/resourceGroups/G/providers/NAMESPACE/TYPE/NAME."
        })
    }
}

/// Adds a finding unless `id` names a resource of the type `kind`: `Microsoft.Network/routeTables`.
pub(crate) fn expect(findings: &mut Findings, path: &[&str], id: &ArmId, kind: &str) {
    if !id.is_a(kind) {
        findings
            .error(path, codes::BAD_VALUE, format!("{:?} names a resource of the type {}", id.to_string(), id.kind()))
            .because(format!("this field takes one of the type {kind}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "/subscriptions/S-1/resourceGroups/Engine/providers/Microsoft.Network/routeTables/clients";

    #[test]
    fn an_id_is_taken_apart() {
        let table: ArmId = TABLE.parse().unwrap();
        assert_eq!((table.subscription(), table.group(), table.name()), ("S-1", "Engine", "clients"));
        assert!(table.is_a("microsoft.network/routetables") && table.parent().is_none());
        let route = table.child("routes", "overlay");
        assert_eq!(route.kind(), "Microsoft.Network/routeTables/routes");
        assert_eq!((route.parent(), route.top()), (Some(table.clone()), table.clone()));
        assert_eq!((route.short().as_str(), route.name()), ("Engine/clients/overlay", "overlay"));
        assert_eq!(table.group_scope().to_string(), "/subscriptions/S-1/resourceGroups/Engine");
    }

    #[test]
    fn ids_compare_without_case_and_keep_their_spelling() {
        let (one, other): (ArmId, ArmId) = (TABLE.parse().unwrap(), TABLE.to_uppercase().parse().unwrap());
        assert_eq!(one, other);
        assert_eq!(one.key(), other.key());
        assert_eq!(one.to_string(), TABLE);
    }

    #[test]
    fn what_is_no_id() {
        let long = format!("{TABLE}/routes");
        for text in [
            "",
            "clients",
            "/subscriptions/s/resourceGroups/g",
            "subscriptions/s/resourceGroups/g/providers/Microsoft.Network/routeTables/a",
            "/subscriptions/s/resourceGroups/../providers/Microsoft.Network/routeTables/a",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/routeTables/a?x=1",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/routeTables/a/",
            long.as_str(),
        ] {
            assert!(text.parse::<ArmId>().is_err(), "{text}");
        }
    }
}
