//! The input of a `CloudWatch` call that came in the query protocol, as JSON. Judges nothing.

use jiff::Timestamp;
use serde_json::{Value, json};

/// The fields that are numbers, flags or times; all others are text.
const NUMBERS: &[&str] = &["Period", "MaxDatapoints", "StorageResolution", "SampleCount", "Sum", "Minimum", "Maximum"];
const FLAGS: &[&str] = &["ReturnData", "IncludeLinkedAccounts", "StrictEntityValidation"];
const TIMES: &[&str] = &["StartTime", "EndTime", "Timestamp"];

/// How many fields of a query are read: more than any call needs.
const FIELDS_MAX: usize = 20_000;

/// Builds the input from `A.member.1.B=…`: `member.N` is a place in a list.
pub(super) fn from_query(form: &[u8]) -> Value {
    let mut root = Tree::default();
    for (name, text) in form_urlencoded::parse(form).take(FIELDS_MAX) {
        let path: Vec<&str> = name.split('.').filter(|part| *part != "member").collect();
        if path.len() <= 12 {
            root.insert(&path, &text);
        }
    }
    root.into_value("")
}

/// Names and places in order, before it is known which of them are lists.
#[derive(Default)]
struct Tree {
    text: Option<String>,
    children: Vec<(String, Tree)>,
}

impl Tree {
    fn insert(&mut self, path: &[&str], text: &str) {
        let Some((first, rest)) = path.split_first() else {
            self.text = Some(text.to_owned());
            return;
        };
        let place = self.children.iter().position(|(name, _)| name == first).unwrap_or_else(|| {
            self.children.push(((*first).to_owned(), Self::default()));
            self.children.len() - 1
        });
        self.children[place].1.insert(rest, text);
    }

    fn into_value(mut self, name: &str) -> Value {
        if self.children.is_empty() {
            return scalar(name, self.text.as_deref().unwrap_or_default());
        }
        let place = |name: &str| name.parse::<u32>().ok();
        if self.children.iter().all(|(name, _)| place(name).is_some()) {
            self.children.sort_by_key(|(name, _)| place(name));
            return self.children.into_iter().map(|(_, child)| child.into_value(name)).collect();
        }
        let field = |(name, child): (String, Self)| (name.clone(), child.into_value(&name));
        Value::Object(self.children.into_iter().map(field).collect())
    }
}

fn scalar(name: &str, text: &str) -> Value {
    let number = || text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from);
    let time = || text.parse::<Timestamp>().ok().map(|at| json!(crate::shape::seconds(at)));
    let known = match name {
        _ if NUMBERS.contains(&name) && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse::<u64>().ok().map(Value::from)
        }
        _ if NUMBERS.contains(&name) => number(),
        _ if FLAGS.contains(&name) => text.parse::<bool>().ok().map(Value::from),
        _ if TIMES.contains(&name) => time(),
        _ => None,
    };
    // A dimension's value is text that may look like a number; a datum's `Value` is a number. Both stay text here.
    known.unwrap_or_else(|| text.into())
}
