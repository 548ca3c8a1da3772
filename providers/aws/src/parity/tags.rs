//! Required tags, for audit: a resource without one is reported at whichever site it stands.

use lifeboat_contract::{Aspect, Snapshot};
use std::collections::BTreeMap;

/// Keys and values that a resource must have; `*` stands for any value.
pub(super) type RequiredTags = BTreeMap<String, String>;

/// Adds one aspect for each required tag, below `prefix`.
pub(super) fn add(snapshot: &mut Snapshot, prefix: &str, required: &RequiredTags, found: &BTreeMap<String, String>) {
    for (key, wanted) in required {
        let (value, sound) = match found.get(key) {
            Some(value) if wanted == "*" || wanted == value => ("as required".to_owned(), true),
            Some(value) => (value.clone(), false),
            None => ("missing".to_owned(), false),
        };
        snapshot.insert(format!("{prefix}tags/{key}"), Aspect::audit(value).sound_if(sound));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_required_tag_is_missing_wrong_or_as_required() {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut snapshot = Snapshot::new();
        add(&mut snapshot, "", &map(&[("a", "*"), ("b", "x"), ("c", "*")]), &map(&[("a", "1"), ("b", "y")]));
        let found: Vec<(&str, &str, bool)> = snapshot
            .iter()
            .map(|(path, aspect)| (path.as_str(), aspect.value.as_str().unwrap(), aspect.sound))
            .collect();
        assert_eq!(found, [("tags/a", "as required", true), ("tags/b", "y", false), ("tags/c", "missing", false)]);
    }
}
