//! Statistics of points over periods. Knows no protocol.

use jiff::Timestamp;

/// The points of one period.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bucket {
    pub(super) start: Timestamp,
    values: Vec<f64>,
}

/// The points from `from` (inclusive) until `until` (exclusive), by period, in order of time.
pub(super) fn buckets(points: &[(Timestamp, f64)], from: Timestamp, until: Timestamp, period_s: i64) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> = Vec::new();
    for &(at, value) in points.iter().filter(|(at, _)| (from..until).contains(at)) {
        let start = at.as_second().div_euclid(period_s) * period_s;
        let start = Timestamp::from_second(start).unwrap_or(at);
        match buckets.last_mut() {
            Some(last) if last.start == start => last.values.push(value),
            _ => buckets.push(Bucket { start, values: vec![value] }),
        }
    }
    buckets
}

impl Bucket {
    /// The statistic of that name, where it is one.
    pub(super) fn statistic(&self, name: &str) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a bucket never holds 2^52 points")]
        let count = self.values.len() as f64;
        let sum: f64 = self.values.iter().sum();
        match name {
            "SampleCount" => Some(count),
            "Sum" => Some(sum),
            "Average" => Some(sum / count),
            "Maximum" => self.values.iter().copied().reduce(f64::max),
            "Minimum" => self.values.iter().copied().reduce(f64::min),
            _ => self.percentile(name.strip_prefix('p')?.parse().ok()?),
        }
    }

    fn percentile(&self, percent: f64) -> Option<f64> {
        if !(0.0..=100.0).contains(&percent) {
            return None;
        }
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the place is between 0 and the number of values"
        )]
        let place = ((values.len() - 1) as f64 * percent / 100.0).round() as usize;
        values.get(place).copied()
    }
}
