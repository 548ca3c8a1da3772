//! Durations in words: `340 ms`, `4.2s`, `1m 12s`. Two units at most; nobody needs the seconds of a day.

use jiff::Timestamp;
use lifeboat_contract::clock::until;
use std::time::Duration;

/// A duration as it is said: cut, never rounded up.
pub fn words(duration: Duration) -> String {
    let ms = duration.as_millis();
    let pair = |large: u128, unit: &str, small: u128, small_unit: &str| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit} {small}{small_unit}") }
    };
    let s = ms / 1_000;
    match s {
        0 if ms == 0 => "0s".to_owned(),
        0 => format!("{ms} ms"),
        1..10 if ms % 1_000 >= 100 => format!("{s}.{}s", ms % 1_000 / 100),
        1..60 => format!("{s}s"),
        60..3_600 => pair(s / 60, "m", s % 60, "s"),
        3_600..86_400 => pair(s / 3_600, "h", s % 3_600 / 60, "m"),
        _ => pair(s / 86_400, "d", s % 86_400 / 3_600, "h"),
    }
}

/// The time between two moments of a journal, in words.
pub(super) fn between(from: Timestamp, to: Timestamp) -> String {
    words(until(from, to))
}

/// A moment as operators compare it with other systems' logs.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_has_its_units() {
        let cases = [
            (0, "0s"),
            (340, "340 ms"),
            (1_000, "1s"),
            (4_290, "4.2s"),
            (59_999, "59s"),
            (72_000, "1m 12s"),
            (600_000, "10m"),
            (3_840_000, "1h 4m"),
            (180_000_000, "2d 2h"),
        ];
        for (ms, expected) in cases {
            assert_eq!(words(Duration::from_millis(ms)), expected);
        }
    }
}
