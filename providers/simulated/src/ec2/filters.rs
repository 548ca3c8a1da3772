//! Filters of descriptions: names that stand for places in what is described. Knows no resource; each brings its own table.

use super::refused::invalid;
use crate::{
    codec::{ApiError, Params},
    shape::{Shape, iso},
};

/// Where each filter looks: its name, and the path of fields below the described element. Lists on the way are searched whole.
pub(super) type Table = &'static [(&'static str, &'static [&'static str])];

/// Keeps what every filter of the call matches. Of one filter's values, one must match.
pub(super) fn keep(params: &Params, table: Table, items: Vec<Shape>) -> Result<Vec<Shape>, ApiError> {
    let mut kept = items;
    for filter in params.list("Filter") {
        let name = filter.required("Name").map_err(|_| invalid("The filter 'null' is invalid"))?;
        let patterns = filter.strings("Value");
        let look = look_for(name, table)?;
        kept.retain(|item| {
            let values = look.values(item);
            patterns.iter().any(|pattern| values.iter().any(|value| matches(pattern, value)))
        });
    }
    Ok(kept)
}

enum Look<'a> {
    At(&'static [&'static str]),
    Tag(&'a str),
    TagKeys,
}

fn look_for(name: &str, table: Table) -> Result<Look<'_>, ApiError> {
    if let Some(key) = name.strip_prefix("tag:") {
        return Ok(Look::Tag(key));
    }
    if name == "tag-key" {
        return Ok(Look::TagKeys);
    }
    let found = table.iter().find(|(known, _)| *known == name);
    found.map(|(_, path)| Look::At(path)).ok_or_else(|| invalid(format!("The filter '{name}' is invalid")))
}

impl Look<'_> {
    fn values(&self, item: &Shape) -> Vec<String> {
        let mut found = Vec::new();
        match self {
            Self::At(path) => at(item, path, &mut found),
            Self::TagKeys => tags(item).iter().for_each(|tag| at(tag, &["key"], &mut found)),
            Self::Tag(wanted) => {
                for tag in tags(item) {
                    if matches!(field(tag, "key"), Some(Shape::Text(key)) if key == wanted) {
                        at(tag, &["value"], &mut found);
                    }
                }
            }
        }
        found
    }
}

/// The tags of an element. A reservation is described with one instance each: its tags are that instance's.
fn tags(item: &Shape) -> &[Shape] {
    match (field(item, "tagSet"), field(item, "instancesSet")) {
        (Some(Shape::List(_, tags)), _) => tags,
        (None, Some(Shape::List(_, instances))) => instances.first().map_or(&[], tags),
        _ => &[],
    }
}

/// The values at the end of a path, as text.
pub(super) fn texts(item: &Shape, path: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    at(item, path, &mut found);
    found
}

pub(super) fn field<'a>(item: &'a Shape, name: &str) -> Option<&'a Shape> {
    let Shape::Struct(fields) = item else { return None };
    fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
}

fn at(item: &Shape, path: &[&str], found: &mut Vec<String>) {
    match (item, path) {
        (Shape::List(_, items), _) => items.iter().for_each(|item| at(item, path, found)),
        (Shape::Struct(_), [name, rest @ ..]) => {
            if let Some(value) = field(item, name) {
                at(value, rest, found);
            }
        }
        (Shape::Text(text), []) => found.push(text.clone()),
        (Shape::Integer(number), []) => found.push(number.to_string()),
        (Shape::Bool(flag), []) => found.push(flag.to_string()),
        (Shape::Time(moment), []) => found.push(iso(*moment)),
        _ => {}
    }
}

/// Whether `pattern` covers `text`: `*` stands for anything, `?` for one character, a backslash takes either literally.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<(char, bool)> = unescape(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where to go on when a guess was wrong: behind the last star, one character further.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(('*', true)) => {
                retry = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some((character, wild)) if (*character == '?' && *wild) || *character == text[t] => {
                p += 1;
                t += 1;
                continue;
            }
            _ => {}
        }
        let Some((after_star, from)) = retry else { return false };
        retry = Some((after_star, from + 1));
        (p, t) = (after_star, from + 1);
    }
    pattern[p..].iter().all(|rest| *rest == ('*', true))
}

/// The characters of a pattern, and whether each may be a wildcard.
fn unescape(pattern: &str) -> Vec<(char, bool)> {
    let mut characters = pattern.chars();
    let mut unescaped = Vec::new();
    while let Some(character) = characters.next() {
        match character {
            '\\' => unescaped.extend(characters.next().map(|next| (next, false))),
            _ => unescaped.push((character, true)),
        }
    }
    unescaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("web-*", "web-1", true),
            ("web-*", "db-1", false),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxxbc", false),
            ("?", "", false),
            ("a?c", "abc", true),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("", "", true),
            ("***", "", true),
            (r"\", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
