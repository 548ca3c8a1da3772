//! Conditions of rules: read, described, and whether a request meets them. Chooses no rule.

use super::{
    Condition,
    input::{invalid, required},
    state::ConditionValue,
};
use crate::{
    codec::{ApiError, Params},
    shape::Shape,
};

/// Each field of a condition, and where its values stand.
const CONFIGS: &[(&str, &str)] = &[
    ("host-header", "HostHeaderConfig"),
    ("path-pattern", "PathPatternConfig"),
    ("http-header", "HttpHeaderConfig"),
    ("http-request-method", "HttpRequestMethodConfig"),
    ("query-string", "QueryStringConfig"),
    ("source-ip", "SourceIpConfig"),
];

pub(super) fn read(params: &Params) -> Result<Vec<Condition>, ApiError> {
    params.list("Conditions").iter().map(read_one).collect()
}

fn read_one(params: &Params) -> Result<Condition, ApiError> {
    let field = required(params, "Field")?;
    let known = CONFIGS.iter().find(|(name, _)| *name == field);
    let (_, config) =
        known.ok_or_else(|| invalid(format!("Condition field '{field}' must be one of '[{}]'", fields())))?;
    let config = params.below(config);
    let mut values: Vec<ConditionValue> = config
        .list("Values")
        .iter()
        .filter_map(|element| {
            let value = element.value().or_else(|| element.get("Value"))?.to_owned();
            Some(ConditionValue { key: element.given("Key").map(str::to_owned), value })
        })
        .collect();
    values.extend(params.strings("Values").into_iter().map(|value| ConditionValue { key: None, value }));
    if values.is_empty() {
        return Err(invalid("A condition value must be specified"));
    }
    let header = config.given("HttpHeaderName").map(str::to_owned);
    if field == "http-header" && header.is_none() {
        return Err(invalid("An http-header condition needs HttpHeaderName"));
    }
    Ok(Condition { field: field.to_owned(), header, values })
}

pub(super) fn describe(conditions: &[Condition]) -> Shape {
    Shape::List("member", conditions.iter().map(describe_one).collect())
}

fn describe_one(condition: &Condition) -> Shape {
    let plain = || Shape::List("member", condition.values.iter().map(|value| (&value.value).into()).collect());
    let pair = |value: &ConditionValue| {
        Shape::Struct(vec![("Key", value.key.as_ref().into()), ("Value", (&value.value).into())])
    };
    let config =
        CONFIGS.iter().find(|(field, _)| *field == condition.field).map_or("PathPatternConfig", |(_, config)| config);
    let values = match condition.field.as_str() {
        "query-string" => Shape::List("member", condition.values.iter().map(pair).collect()),
        _ => plain(),
    };
    // The two oldest fields show their values in the old place as well.
    let old = if ["host-header", "path-pattern"].contains(&condition.field.as_str()) { plain() } else { Shape::Absent };
    let configured = Shape::Struct(vec![("HttpHeaderName", condition.header.as_ref().into()), ("Values", values)]);
    Shape::Struct(vec![("Field", (&condition.field).into()), ("Values", old), (config, configured)])
}

impl Condition {
    /// Whether a plain GET of `path` from `host` meets this condition. Simulated clients send no headers and no query.
    pub(super) fn met(&self, host: &str, path: &str) -> bool {
        self.values.iter().any(|value| match self.field.as_str() {
            "host-header" => covers(&value.value.to_ascii_lowercase(), &host.to_ascii_lowercase()),
            "path-pattern" => covers(&value.value, path),
            "http-request-method" => value.value == "GET",
            "source-ip" => value.value == "0.0.0.0/0",
            _ => false,
        })
    }
}

/// Whether `pattern` covers `text`: `*` stands for anything, `?` for one character.
fn covers(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // Row by row: which beginnings of the text the pattern's beginning covers.
    let mut covered = vec![false; text.len() + 1];
    covered[0] = true;
    for wanted in pattern {
        let mut next = vec![false; text.len() + 1];
        for place in 0..=text.len() {
            next[place] = match wanted {
                '*' => covered[place] || (place > 0 && next[place - 1]),
                _ => place > 0 && covered[place - 1] && (wanted == '?' || wanted == text[place - 1]),
            };
        }
        covered = next;
    }
    covered[text.len()]
}

fn fields() -> String {
    CONFIGS.iter().map(|(field, _)| *field).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("/api/*", "/api/orders", true),
            ("/api/*", "/apis", false),
            ("*.example.com", "a.b.example.com", true),
            ("/?", "/a", true),
            ("/?", "/", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(covers(pattern, text), expected, "{pattern} {text}");
        }
    }
}
