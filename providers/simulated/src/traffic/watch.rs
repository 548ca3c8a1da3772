//! What was interrupted since somebody began to watch, in a life that may be longer. Decides nothing about what an interruption is.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watch {
    since_ms: i64,
    /// While some requests failed.
    pub(crate) some: Stretch,
    /// While all of them did.
    pub(crate) all: Stretch,
    all_from_ms: i64,
}

/// Interruptions of one kind.
#[expect(clippy::struct_field_names, reason = "units go last")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stretch {
    /// When the first one began, as far as it was watched, and when the last one ended or was last seen.
    pub(crate) first_ms: Option<i64>,
    pub(crate) last_ms: Option<i64>,
    pub(crate) longest_ms: u64,
}

impl Watch {
    pub(crate) fn since(since_ms: i64) -> Self {
        Self { since_ms, ..Self::default() }
    }

    /// An interruption that began at `from_ms` lasts up to `until_ms`. The same one may be noted again, further on.
    pub(crate) fn note(&mut self, from_ms: i64, until_ms: i64) {
        self.some.note(from_ms.max(self.since_ms), until_ms);
    }

    /// Nothing got through in this time, which follows what was noted last or stands alone.
    pub(crate) fn note_all(&mut self, from_ms: i64, until_ms: i64) {
        if self.all.last_ms != Some(from_ms) {
            self.all_from_ms = from_ms.max(self.since_ms);
        }
        self.all.note(self.all_from_ms, until_ms);
    }
}

impl Stretch {
    fn note(&mut self, from_ms: i64, until_ms: i64) {
        let length = u64::try_from(until_ms - from_ms).unwrap_or(0);
        if length == 0 {
            return;
        }
        self.first_ms.get_or_insert(from_ms);
        self.last_ms = Some(until_ms);
        self.longest_ms = self.longest_ms.max(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(stretch: Stretch) -> (Option<i64>, Option<i64>, u64) {
        (stretch.first_ms, stretch.last_ms, stretch.longest_ms)
    }

    #[test]
    fn what_began_before_is_counted_from_the_first_look() {
        let mut watch = Watch::since(10_000);
        watch.note(2_000, 9_000);
        assert_eq!(watch, Watch::since(10_000), "that was over");
        watch.note(2_000, 12_000);
        watch.note(2_000, 13_000);
        watch.note(20_000, 21_000);
        assert_eq!(told(watch.some), (Some(10_000), Some(21_000), 3_000));
    }

    #[test]
    fn pieces_that_follow_each_other_are_one() {
        let mut watch = Watch::since(0);
        for (from, until) in [(1_000, 2_000), (2_000, 5_000), (6_000, 8_000)] {
            watch.note_all(from, until);
        }
        assert_eq!(told(watch.all), (Some(1_000), Some(8_000), 4_000));
    }
}
