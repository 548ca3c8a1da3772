//! Turns samples into figures: outages, and the moment since which all is well. Pure.

use super::record::{ProbeRecord, Sample};
use crate::runbook::ResolvedProbe;
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// So many good samples in a row are a recovery.
pub const GREEN_IN_A_ROW: usize = 3;

/// The seconds between two moments; negative where `to` comes first.
pub fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    let millis = to.as_millisecond().saturating_sub(from.as_millisecond());
    #[expect(clippy::cast_precision_loss, reason = "exact in a float for 285,000 years")]
    let millis = millis as f64;
    millis / 1000.0
}

/// From each failed sample that follows a good one, or none, to the next good one; to the last sample where none follows.
pub fn outages(samples: &[Sample]) -> Vec<(Timestamp, Timestamp)> {
    let mut found = Vec::new();
    let mut failing_since = None;
    for sample in samples {
        match (sample.ok, failing_since) {
            (false, None) => failing_since = Some(sample.at),
            (true, Some(since)) => {
                found.push((since, sample.at));
                failing_since = None;
            }
            _ => {}
        }
    }
    if let (Some(since), Some(last)) = (failing_since, samples.last()) {
        found.push((since, last.at));
    }
    found
}

/// A probe's samples with what follows from them.
pub fn probe_record(probe: &ResolvedProbe, samples: Vec<Sample>) -> ProbeRecord {
    let lengths: Vec<f64> = outages(&samples).into_iter().map(|(from, to)| seconds(from, to)).collect();
    let longest_outage_s = lengths.iter().copied().fold(0.0, f64::max);
    let tolerance_s = probe.tolerance.map(|tolerance| tolerance.as_secs_f64());
    // A probe that ends red has not recovered: its outage may be longer than what was seen of it.
    let ended_red = samples.last().is_some_and(|last| !last.ok);
    let met = tolerance_s.filter(|_| !samples.is_empty());
    ProbeRecord {
        name: probe.name.clone(),
        kind: probe.kind.strip_suffix(".check").unwrap_or(&probe.kind).to_owned(),
        asks: asks(&probe.with),
        interval_s: probe.interval.as_secs_f64(),
        tolerance_s,
        met: met.map(|tolerance| longest_outage_s <= tolerance && !ended_red),
        unavailable_s: lengths.iter().fold(0.0, |sum, length| sum + length),
        longest_outage_s,
        samples,
    }
}

/// A URL, or host and port.
fn asks(with: &Value) -> String {
    match (with["url"].as_str(), with["host"].as_str()) {
        (Some(url), _) => url.to_owned(),
        (None, Some(host)) => with["port"].as_u64().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
        (None, None) => String::new(),
    }
}

/// When users were served again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Green {
    /// No sample failed.
    Always,
    /// Since this moment, after the first failed sample at the other.
    Since { green: Timestamp, failed: Timestamp },
    /// Failed samples, and too few good ones after the last of them.
    NotAgain { failed: Timestamp },
    /// No probe, or too few samples.
    NotMeasured,
}

/// Since when all probes are green, of their samples in `[from, until]`.
pub fn green(probes: &[ProbeRecord], from: Timestamp, until: Timestamp) -> Green {
    let all: Vec<Green> = probes.iter().map(|probe| green_of(&probe.samples, from, until)).collect();
    let failed = all.iter().filter_map(|green| match green {
        Green::Since { failed, .. } | Green::NotAgain { failed } => Some(*failed),
        Green::Always | Green::NotMeasured => None,
    });
    let Some(failed) = failed.min() else {
        let measured = !all.is_empty() && all.iter().all(|green| *green == Green::Always);
        return if measured { Green::Always } else { Green::NotMeasured };
    };
    if all.iter().any(|green| matches!(green, Green::NotAgain { .. })) {
        return Green::NotAgain { failed };
    }
    let since = all.iter().filter_map(|green| if let Green::Since { green, .. } = green { Some(*green) } else { None });
    since.max().map_or(Green::NotMeasured, |green| Green::Since { green, failed })
}

fn green_of(samples: &[Sample], from: Timestamp, until: Timestamp) -> Green {
    let samples: Vec<&Sample> = samples.iter().filter(|sample| from <= sample.at && sample.at <= until).collect();
    let Some(failed) = samples.iter().find(|sample| !sample.ok).map(|sample| sample.at) else {
        return if samples.len() >= GREEN_IN_A_ROW { Green::Always } else { Green::NotMeasured };
    };
    let after = samples.iter().rposition(|sample| !sample.ok).map_or(0, |last| last + 1);
    match samples.get(after) {
        Some(first) if samples.len() - after >= GREEN_IN_A_ROW => Green::Since { green: first.at, failed },
        _ => Green::NotAgain { failed },
    }
}

/// The longest interval of the probes: no figure of theirs is exacter than that.
pub fn sampling_interval(probes: &[ProbeRecord]) -> Duration {
    probes.iter().map(|probe| Duration::from_secs_f64(probe.interval_s)).max().unwrap_or_default()
}

/// How long a dwell takes at least, so that a recovery can be seen in it.
pub fn dwell_min(probes: &[ResolvedProbe]) -> Duration {
    let interval = probes.iter().map(|probe| probe.interval).max().unwrap_or_default();
    interval.saturating_mul(u32::try_from(GREEN_IN_A_ROW + 1).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// One sample a second: `.` is good, `x` failed.
    fn samples(text: &str) -> Vec<Sample> {
        let sample = |(second, mark): (usize, char)| Sample {
            at: at(i64::try_from(second).unwrap()),
            ok: mark == '.',
            latency_ms: 5,
            error: (mark == 'x').then(|| "503".to_owned()),
        };
        text.chars().enumerate().map(sample).collect()
    }

    fn probe(text: &str) -> ProbeRecord {
        ProbeRecord {
            name: "p".to_owned(),
            kind: "http".to_owned(),
            asks: String::new(),
            interval_s: 1.0,
            tolerance_s: None,
            samples: samples(text),
            unavailable_s: 0.0,
            longest_outage_s: 0.0,
            met: None,
        }
    }

    #[test]
    fn an_outage_lasts_to_the_next_good_sample() {
        for (text, expected) in [
            ("....", vec![]),
            ("..xx..x.", vec![(at(2), at(4)), (at(6), at(7))]),
            ("x..", vec![(at(0), at(1))]),
            (".xx", vec![(at(1), at(2))]),
            ("", vec![]),
        ] {
            assert_eq!(outages(&samples(text)), expected, "{text}");
        }
    }

    #[test]
    fn green_again_is_three_good_samples_after_the_last_failed_one() {
        let since = |green, failed| Green::Since { green: at(green), failed: at(failed) };
        for (text, expected) in [
            ("......", Green::Always),
            ("..xx....", since(4, 2)),
            ("..xx..x...", since(7, 2)),
            ("..xx..", Green::NotAgain { failed: at(2) }),
            ("..xxxx", Green::NotAgain { failed: at(2) }),
            ("..", Green::NotMeasured),
            ("", Green::NotMeasured),
        ] {
            assert_eq!(green(&[probe(text)], at(0), at(100)), expected, "{text}");
        }
        assert_eq!(green(&[probe("xx......")], at(3), at(100)), Green::Always, "what came before does not count");
        assert_eq!(green(&[], at(0), at(100)), Green::NotMeasured);
    }

    #[test]
    fn the_last_probe_to_recover_decides() {
        let both = [probe("..xx......"), probe("...xxx....")];
        assert_eq!(green(&both, at(0), at(100)), Green::Since { green: at(6), failed: at(2) });
        let one_red = [probe("..xx......"), probe("...xxxxxxx")];
        assert_eq!(green(&one_red, at(0), at(100)), Green::NotAgain { failed: at(2) });
    }
}
