//! Who may do what on AWS, as an operator writes it: users, roles and their policies, in IAM's own words.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use std::{collections::BTreeMap, fmt};

/// Users and roles. Without any, everybody may do everything.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IamDocument {
    /// Users, by name. An access key that nobody has is the user `operator`'s.
    #[serde(default)]
    pub users: BTreeMap<String, IamUserDocument>,
    /// Roles, by name. Whoever may `sts:AssumeRole` can take one on: who a role trusts is not simulated.
    #[serde(default)]
    pub roles: BTreeMap<String, IamRoleDocument>,
}

/// A user.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IamUserDocument {
    /// The ids of the user's access keys.
    #[serde(default)]
    pub access_keys: Vec<String>,
    #[serde(default)]
    pub policies: Vec<PolicyDocument>,
}

/// A role.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IamRoleDocument {
    #[serde(default)]
    pub policies: Vec<PolicyDocument>,
}

/// A policy, as IAM writes it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct PolicyDocument {
    /// `2012-10-17`.
    #[serde(default)]
    pub version: Option<String>,
    pub statement: Vec<StatementDocument>,
}

/// A statement of a policy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct StatementDocument {
    #[serde(default)]
    pub sid: Option<String>,
    pub effect: EffectDocument,
    /// `ec2:ReplaceRoute`, with `*` and `?`.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(schema_with = "text_or_list")]
    pub action: Vec<String>,
    /// ARNs, with `*` and `?`.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(schema_with = "text_or_list")]
    pub resource: Vec<String>,
    /// `StringEquals` or `StringLike` of `aws:RequestedRegion`.
    #[serde(default)]
    pub condition: BTreeMap<String, BTreeMap<String, TextsDocument>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum EffectDocument {
    Allow,
    Deny,
}

/// One text, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextsDocument(pub Vec<String>);

impl<'de> Deserialize<'de> for TextsDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_many(deserializer).map(Self)
    }
}

impl JsonSchema for TextsDocument {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TextsDocument".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        text_or_list(generator)
    }
}

fn text_or_list(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct OneOrMany;
    impl<'de> de::Visitor<'de> for OneOrMany {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a list of texts")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = list.next_element()? {
                texts.push(text);
            }
            Ok(texts)
        }
    }
    deserializer.deserialize_any(OneOrMany)
}
