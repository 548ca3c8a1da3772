//! A kind's page: its documentation, out of its own schema and doc comments.
//!
//! Knows no kind by name. What a page does not say is missing in the kind's doc comments.

use super::{
    layout::{Column, Page, shorten},
    style::{Style, Tone},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// The first sentence of a kind's description, for a list.
pub fn first_sentence(with: &Value) -> String {
    let description = description(with).unwrap_or_default();
    let paragraph = description.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    match paragraph.find(". ") {
        Some(end) => paragraph[..=end].to_owned(),
        None => paragraph,
    }
}

/// All that a kind says of itself: what it does, and each field of its `with`.
pub fn kind_page(kind: &str, shape: &str, with: &Value, style: &Style) -> String {
    let mut page = Page::new(style);
    page.row(0, &[Column(kind, kind.len(), Tone::Strong), Column(shape, 0, Tone::Faint)]);
    paragraphs(&mut page, 0, description(with));
    let mut shown = BTreeSet::new();
    let mut ahead = Vec::new();
    page.blank();
    page.line(0, Tone::Strong, "Fields of `with`");
    fields(&mut page, with, with, &mut ahead);
    while let Some(name) = ahead.pop() {
        if shown.insert(name.clone())
            && let Some(part) = with["$defs"].get(&name)
        {
            page.blank();
            page.line(0, Tone::Strong, &format!("Fields of {name}"));
            fields(&mut page, with, part, &mut ahead);
        }
    }
    page.finish()
}

fn description(schema: &Value) -> Option<&str> {
    schema["description"].as_str().filter(|text| !text.is_empty())
}

fn paragraphs(page: &mut Page<'_>, indent: usize, text: Option<&str>) {
    for paragraph in text.unwrap_or_default().split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        if indent == 0 {
            page.blank();
        }
        // A line that begins with a blank or a dash is laid out by hand: an example, or a list.
        let laid_out = paragraph.lines().any(|line| line.starts_with([' ', '-', '*', '`']));
        let text = if laid_out { paragraph.to_owned() } else { paragraph.replace('\n', " ") };
        page.line(indent, Tone::Plain, &text);
    }
}

/// The fields of an object; types with fields of their own are put `ahead`.
fn fields(page: &mut Page<'_>, root: &Value, object: &Value, ahead: &mut Vec<String>) {
    let Some(properties) = object["properties"].as_object().filter(|map| !map.is_empty()) else {
        page.line(2, Tone::Plain, "none");
        return;
    };
    let required: BTreeSet<&str> =
        object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let width = properties.keys().map(String::len).max().unwrap_or(0);
    let (needed, optional): (Vec<_>, Vec<_>) =
        properties.iter().partition(|(name, _)| required.contains(name.as_str()));
    for (name, schema) in needed.into_iter().chain(optional) {
        let mut terms = type_words(root, schema, ahead);
        if required.contains(name.as_str()) {
            terms.push_str(", required");
        }
        if let Some(default) = schema.get("default").filter(|default| !is_empty(default)) {
            terms = format!("{terms}, default {}", shorten(&default.to_string(), 40));
        }
        page.row(2, &[Column(name, width, Tone::Strong), Column(&terms, 0, Tone::Faint)]);
        let own = description(schema).or_else(|| description(&root["$defs"][referred(schema)?]));
        paragraphs(page, 6, own);
    }
}

/// The name that a schema, or the one alternative to null in it, refers to.
fn referred(schema: &Value) -> Option<&str> {
    let reference = |schema: &Value| schema["$ref"].as_str().map(str::to_owned);
    let direct = schema["$ref"].as_str();
    let nested = || schema["anyOf"].as_array()?.iter().find(|schema| reference(schema).is_some())?["$ref"].as_str();
    direct.or_else(nested).and_then(|path| path.strip_prefix("#/$defs/"))
}

/// What may be written, in a few words.
fn type_words(root: &Value, schema: &Value, ahead: &mut Vec<String>) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        let part = &root["$defs"][name];
        if part["properties"].is_object() {
            ahead.push(name.to_owned());
            return name.to_owned();
        }
        return type_words(root, part, ahead);
    }
    if let Some(all) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        let words: Vec<String> = all
            .iter()
            .filter(|schema| schema["type"] != "null")
            .map(|schema| type_words(root, schema, ahead))
            .collect();
        return words.join(" or ");
    }
    if let Some(word) = schema.get("const") {
        return plain(word);
    }
    if let Some(list) = schema["enum"].as_array() {
        let words: Vec<String> = list.iter().filter(|word| !word.is_null()).map(plain).collect();
        return words.join(" or ");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(list) => list.iter().filter_map(Value::as_str).filter(|word| *word != "null").collect(),
        _ => Vec::new(),
    };
    let words: Vec<String> = types.iter().map(|word| simple(root, schema, word, ahead)).collect();
    if words.is_empty() { "any value".to_owned() } else { words.join(" or ") }
}

fn simple(root: &Value, schema: &Value, word: &str, ahead: &mut Vec<String>) -> String {
    match word {
        "array" => format!("list of {}", type_words(root, &schema["items"], ahead)),
        "object" => {
            // schemars describes a map's values by a pattern where its keys are restricted.
            let pattern = schema["patternProperties"].as_object().and_then(|map| map.values().next());
            match schema.get("additionalProperties").filter(|values| values.is_object()).or(pattern) {
                Some(values) => format!("map to {}", type_words(root, values, ahead)),
                None => "map".to_owned(),
            }
        }
        "string" if schema["format"] == "duration" => "duration".to_owned(),
        "boolean" => "true or false".to_owned(),
        number @ ("integer" | "number") => match (schema.get("minimum"), schema.get("maximum")) {
            (Some(minimum), Some(maximum)) => format!("{number} {minimum} to {maximum}"),
            (Some(minimum), None) => format!("{number} of {minimum} or more"),
            (None, Some(maximum)) => format!("{number} up to {maximum}"),
            (None, None) => number.to_owned(),
        },
        other => other.to_owned(),
    }
}

/// A default that says no more than that the field may be left out.
fn is_empty(default: &Value) -> bool {
    match default {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn plain(word: &Value) -> String {
    word.as_str().map_or_else(|| word.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_contract::Span;
    use schemars::JsonSchema;
    use std::collections::BTreeMap;

    /// Asks a host whether it is there. Changes nothing.
    ///
    /// Knocks as often as it takes. A host that does not
    /// answer is not there.
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Knock {
        /// The host's name.
        host: String,
        /// How long one try may take.
        #[serde(default = "five")]
        patience: Span,
        #[serde(default)]
        doors: BTreeMap<String, u8>,
        /// What to say.
        #[serde(default)]
        greeting: Option<Greeting>,
        #[serde(default)]
        manner: Option<Manner>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Greeting {
        /// The words.
        words: Vec<String>,
    }

    #[derive(JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Manner {
        Polite,
        Loud,
    }

    fn five() -> Span {
        Span::secs(5)
    }

    #[test]
    fn a_page_out_of_a_schema() {
        let schema = schemars::SchemaGenerator::default().root_schema_for::<Knock>().to_value();
        assert_eq!(first_sentence(&schema), "Asks a host whether it is there.");
        insta::assert_snapshot!(kind_page("toy.knock", "check", &schema, &Style { color: false, width: 80 }), @r#"
        toy.knock  check

        Asks a host whether it is there. Changes nothing.

        Knocks as often as it takes. A host that does not answer is not there.

        Fields of `with`
          host      string, required
              The host's name.
          doors     map to integer 0 to 255
          greeting  Greeting
              What to say.
          manner    polite or loud
          patience  duration, default "5s"
              How long one try may take.

        Fields of Greeting
          words  list of string, required
              The words.
        "#);
    }
}
