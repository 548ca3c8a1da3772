//! Compares two snapshots of each resource. Pure: the same snapshots on the same day give the same differences.

use super::Read;
use crate::runbook::{Ignore, ParityItem};
use jiff::civil::Date;
use lifeboat_contract::{Aspect, CallFailure, Snapshot, Weight};
use serde_json::Value;
use std::collections::BTreeSet;

/// Two sites, compared.
#[derive(Debug, Default)]
pub struct Comparison {
    /// The worst first, then in the order of the document.
    pub differences: Vec<Difference>,
    pub unread: Vec<Unread>,
    pub idle: Vec<IdleIgnore>,
    /// How many aspects were compared.
    pub aspects: usize,
}

/// One aspect that is not the same at both sites, or wrong at one of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    pub resource: String,
    pub kind: String,
    pub aspect: String,
    pub weight: Weight,
    /// Null where the site has nothing of the kind.
    pub left: Value,
    pub right: Value,
    pub excuse: Option<Excuse>,
}

/// What the runbook says of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excuse {
    pub reason: String,
    pub until: Date,
    /// An excuse that has expired excuses nothing.
    pub expired: bool,
}

/// A resource that could not be read at a site: nothing is known of it.
#[derive(Debug)]
pub struct Unread {
    pub resource: String,
    pub kind: String,
    pub site: String,
    pub failure: CallFailure,
}

/// An `ignore` that no difference needs any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleIgnore {
    pub resource: String,
    pub aspect: String,
}

impl Difference {
    /// Whether somebody accepted it, and still does.
    pub fn is_ignored(&self) -> bool {
        self.excuse.as_ref().is_some_and(|excuse| !excuse.expired)
    }

    /// Whether parity does not hold because of it.
    pub fn counts(&self) -> bool {
        !self.is_ignored() && self.weight != Weight::Audit
    }
}

impl Comparison {
    /// Whether the other site can take over as well as this one serves.
    pub fn holds(&self) -> bool {
        self.unread.is_empty() && !self.differences.iter().any(Difference::counts)
    }
}

/// Compares what was read of `items`. An `ignore` holds to the end of its last day; `today` is in UTC.
pub fn compare(items: &[ParityItem], reads: Vec<[Read; 2]>, today: Date) -> Comparison {
    let mut found = Comparison::default();
    for (item, sides) in items.iter().zip(reads) {
        let mut snapshots = Vec::new();
        for (side, read) in item.sides.iter().zip(sides) {
            match read {
                Ok(snapshot) => snapshots.push(snapshot),
                Err(error) => found.unread.push(Unread {
                    resource: item.id.clone(),
                    kind: item.kind.clone(),
                    site: side.site.to_string(),
                    failure: error.record(),
                }),
            }
        }
        let [left, right] = &snapshots[..] else { continue };
        let differences = snapshots_differ(left, right);
        found.aspects += left.keys().chain(right.keys()).collect::<BTreeSet<_>>().len();
        for ignore in &item.ignore {
            if !differences.iter().any(|(aspect, ..)| covers(ignore, aspect)) {
                found.idle.push(IdleIgnore { resource: item.id.clone(), aspect: ignore.aspect.clone() });
            }
        }
        found.differences.extend(differences.into_iter().map(|(aspect, weight, left, right)| Difference {
            resource: item.id.clone(),
            kind: item.kind.clone(),
            excuse: excuse(&item.ignore, &aspect, today),
            aspect,
            weight,
            left,
            right,
        }));
    }
    found.differences.sort_by_key(|difference| difference.weight);
    found
}

fn snapshots_differ(left: &Snapshot, right: &Snapshot) -> Vec<(String, Weight, Value, Value)> {
    let aspects: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let mut differences: Vec<(String, Weight, Value, Value)> = Vec::new();
    let mut one_sided: Vec<String> = Vec::new();
    for aspect in aspects {
        if one_sided.iter().any(|above| aspect.starts_with(above.as_str())) {
            continue;
        }
        let sides = [left.get(aspect), right.get(aspect)];
        let [one, other] = sides.map(|side| side.map_or(Value::Null, |aspect| aspect.value.clone()));
        let sound = sides.iter().flatten().all(|aspect| aspect.sound);
        let weight = sides.iter().flatten().map(|aspect: &&Aspect| aspect.weight).min();
        // What is not there at all has no parts: one line says it.
        if sides.iter().any(Option::is_none) || !sound {
            one_sided.push(format!("{aspect}/"));
        }
        if let Some(weight) = weight.filter(|_| one != other || !sound) {
            differences.push((aspect.clone(), weight, one, other));
        }
    }
    differences
}

/// Of several excuses for one aspect, the one that holds longest.
fn excuse(ignores: &[Ignore], aspect: &str, today: Date) -> Option<Excuse> {
    let ignore = ignores.iter().filter(|ignore| covers(ignore, aspect)).max_by_key(|ignore| ignore.until)?;
    Some(Excuse { reason: ignore.reason.clone(), until: ignore.until, expired: ignore.until < today })
}

fn covers(ignore: &Ignore, aspect: &str) -> bool {
    aspect
        .strip_prefix(ignore.aspect.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(aspects: &[(&str, Aspect)]) -> Snapshot {
        aspects.iter().map(|(path, aspect)| ((*path).to_owned(), aspect.clone())).collect()
    }

    fn ignore(aspect: &str, until: &str) -> Ignore {
        Ignore { aspect: aspect.to_owned(), reason: "agreed".to_owned(), until: until.parse().unwrap() }
    }

    #[test]
    fn what_is_equal_and_sound_is_no_difference() {
        let one = snapshot(&[("a", Aspect::stops(1)), ("b", Aspect::audit("x"))]);
        assert_eq!(snapshots_differ(&one, &one), []);
    }

    #[test]
    fn what_is_missing_differs_and_so_does_what_is_wrong_at_both() {
        let left = snapshot(&[("a", Aspect::stops(1)), ("expired", Aspect::degrades("gone").sound_if(false))]);
        let right = snapshot(&[("b", Aspect::audit(2)), ("expired", Aspect::degrades("gone").sound_if(false))]);
        let found: Vec<(String, Value, Value)> =
            snapshots_differ(&left, &right).into_iter().map(|(aspect, _, left, right)| (aspect, left, right)).collect();
        assert_eq!(
            found,
            [
                ("a".to_owned(), Value::from(1), Value::Null),
                ("b".to_owned(), Value::Null, Value::from(2)),
                ("expired".to_owned(), "gone".into(), "gone".into()),
            ]
        );
    }

    #[test]
    fn what_is_not_there_at_all_is_one_difference() {
        let left = snapshot(&[("a", Aspect::stops("present")), ("a/b", Aspect::stops(1)), ("ab", Aspect::stops(1))]);
        let right = snapshot(&[("ab", Aspect::stops(1))]);
        let found: Vec<String> = snapshots_differ(&left, &right).into_iter().map(|(aspect, ..)| aspect).collect();
        assert_eq!(found, ["a"]);
    }

    #[test]
    fn the_weight_of_a_difference_is_the_worse_one() {
        let (left, right) = (snapshot(&[("a", Aspect::audit(1))]), snapshot(&[("a", Aspect::stops(2))]));
        assert_eq!(snapshots_differ(&left, &right)[0].1, Weight::StopsFailover);
    }

    #[test]
    fn an_ignore_holds_for_whole_segments_until_the_end_of_its_day() {
        let today = "2026-01-15".parse().unwrap();
        let expired = |ignores: &[Ignore], aspect: &str| excuse(ignores, aspect, today).map(|excuse| excuse.expired);
        assert_eq!(expired(&[ignore("tags", "2026-01-15")], "tags/owner"), Some(false));
        assert_eq!(expired(&[ignore("tags", "2026-01-14")], "tags/owner"), Some(true));
        assert_eq!(
            expired(&[ignore("tags", "2026-01-14"), ignore("tags/owner", "2026-02-01")], "tags/owner"),
            Some(false)
        );
        assert_eq!(expired(&[ignore("tags/own", "2026-02-01")], "tags/owner"), None);
    }
}
