//! How many instances a group has at least, at most and now: what Auto Scaling groups and EKS node groups share.
//!
//! Pure. Whether there are instances behind the numbers is not seen here.

use lifeboat_contract::{Findings, Refusal, codes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The three numbers of a group, a cell each.
///
/// All of them are kept, whichever the step names: the service moves `desired` by itself when the others pass it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    pub minimum: u32,
    pub maximum: u32,
    pub desired: u32,
}

/// The cells of [`Sizes`].
pub(crate) const CELLS: [&str; 3] = ["minimum", "maximum", "desired"];

/// The numbers that a step names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) minimum: Option<u32>,
    pub(crate) maximum: Option<u32>,
    pub(crate) desired: Option<u32>,
}

impl Asked {
    pub(crate) fn check(self, findings: &mut Findings) {
        if self == Self::default() {
            findings
                .error(&[], codes::MISSING_FIELD, "none of `minimum`, `maximum` and `desired` is given")
                .because("the step would own nothing");
        }
        let pairs = [
            ("minimum", self.minimum, "maximum", self.maximum),
            ("minimum", self.minimum, "desired", self.desired),
            ("desired", self.desired, "maximum", self.maximum),
        ];
        for (less, low, more, high) in pairs {
            if let (Some(low), Some(high)) = (low, high)
                && low > high
            {
                findings.error(&[less], codes::OUT_OF_RANGE, format!("{less} {low} is above {more} {high}"));
            }
        }
        for (field, number) in CELLS.into_iter().zip([self.minimum, self.maximum, self.desired]) {
            if number.is_some_and(|number| i32::try_from(number).is_err()) {
                findings.error(&[field], codes::OUT_OF_RANGE, format!("{field} is more than any group can hold"));
            }
        }
    }

    /// What a group of these sizes shall become. What is not named stays, except that `desired` is kept between the others.
    pub(crate) fn over(self, now: Sizes) -> Result<Sizes, Refusal> {
        let (minimum, maximum) = (self.minimum.unwrap_or(now.minimum), self.maximum.unwrap_or(now.maximum));
        let outside = |what: String| {
            Err(Refusal::new("sizes.out_of_order", format!("{what}, and the service refuses that"))
                .with_hint("name `minimum`, `maximum` and `desired` together"))
        };
        if minimum > maximum {
            return outside(format!("the minimum would be {minimum} and the maximum {maximum}"));
        }
        match self.desired {
            Some(desired) if !(minimum..=maximum).contains(&desired) => {
                outside(format!("{desired} would be desired of at least {minimum} and at most {maximum}"))
            }
            desired => {
                let desired = desired.unwrap_or_else(|| now.desired.clamp(minimum, maximum));
                Ok(Sizes { minimum, maximum, desired })
            }
        }
    }

    /// Whether a group of these sizes is as the step wants it.
    pub(crate) fn reached(self, now: Sizes) -> bool {
        self.over(now).is_ok_and(|asked| asked == now)
    }
}

/// A number as the services write it. Nothing above [`i32::MAX`] passes `check`.
pub(crate) fn wire(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(crate) fn from_wire(number: Option<i32>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

/// Counts words.
pub(crate) fn tally<'a>(words: impl Iterator<Item = &'a str>) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word.to_owned()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_contract::Code;

    const NOW: Sizes = Sizes { minimum: 1, maximum: 4, desired: 1 };

    fn asked(minimum: Option<u32>, maximum: Option<u32>, desired: Option<u32>) -> Asked {
        Asked { minimum, maximum, desired }
    }

    #[test]
    fn what_is_not_named_stays_and_desired_follows() {
        let over = |asked: Asked| asked.over(NOW).map(|sizes| (sizes.minimum, sizes.maximum, sizes.desired)).ok();
        assert_eq!(over(asked(Some(3), Some(9), Some(5))), Some((3, 9, 5)));
        assert_eq!(over(asked(Some(3), None, None)), Some((3, 4, 3)));
        assert_eq!(over(asked(Some(0), Some(0), None)), Some((0, 0, 0)));
        assert_eq!(over(asked(None, None, Some(5))), None, "above the maximum that stays");
        assert_eq!(over(asked(Some(5), None, None)), None);
    }

    #[test]
    fn the_target_is_a_fixed_point() {
        let asked = asked(Some(3), None, None);
        assert!(!asked.reached(NOW));
        assert!(asked.reached(asked.over(NOW).unwrap()));
    }

    #[test]
    fn findings() {
        let found = |asked: Asked| -> Vec<Code> {
            let mut findings = Findings::default();
            asked.check(&mut findings);
            findings.as_slice().iter().map(|finding| finding.code).collect()
        };
        assert_eq!(found(asked(Some(1), Some(4), Some(2))), []);
        assert_eq!(found(Asked::default()), [codes::MISSING_FIELD]);
        assert_eq!(found(asked(Some(3), Some(2), None)), [codes::OUT_OF_RANGE]);
        assert_eq!(found(asked(None, None, Some(u32::MAX))), [codes::OUT_OF_RANGE]);
    }
}
