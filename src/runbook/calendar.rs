//! When drills may take place: windows, blackouts, and how many there may be in a day. A pure question about a moment.

use jiff::{
    Timestamp,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

/// The days of the week, as a runbook writes them.
pub(super) const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// A runbook's `drill` section. Without windows, every hour is one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calendar {
    pub windows: Vec<Window>,
    pub blackouts: Vec<Blackout>,
    pub max_per_day: Option<u32>,
}

/// Hours of some days in which a drill may begin. `to` itself lies outside; before `from`, it is on the next day.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    pub days: Vec<Weekday>,
    pub from: Time,
    pub to: Time,
    pub timezone: TimeZone,
}

/// Days on which no drill takes place, both ends included, wherever one of the windows is; in UTC where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blackout {
    pub from: Date,
    pub to: Date,
    pub reason: String,
}

/// Why no drill may begin now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    #[error("{now} lies in no drill window of the runbook: {windows}")]
    OutsideWindows { now: String, windows: String },
    #[error("there are no drills from {from} to {to}: {reason}")]
    Blackout { from: Date, to: Date, reason: String },
    #[error("{drills} on {day} already, and the runbook allows {max_per_day} a day")]
    OftenEnough { drills: String, day: Date, max_per_day: u32 },
}

impl Calendar {
    /// Whether a drill may begin `now`. `earlier` are the moments at which earlier drills of the runbook began.
    pub fn admits(&self, now: Timestamp, earlier: &[Timestamp]) -> Result<(), Closed> {
        let zones = self.zones();
        let dates = zones.iter().map(|zone| zone.to_datetime(now).date());
        for date in dates {
            if let Some(blackout) = self.blackouts.iter().find(|blackout| blackout.from <= date && date <= blackout.to)
            {
                let Blackout { from, to, reason } = blackout.clone();
                return Err(Closed::Blackout { from, to, reason });
            }
        }
        if !self.windows.is_empty() && !self.windows.iter().any(|window| window.holds(now)) {
            let zone = &zones[0];
            let windows: Vec<String> = self.windows.iter().map(Window::to_string).collect();
            let now = zone.to_datetime(now).strftime("%a %Y-%m-%d %H:%M").to_string();
            return Err(Closed::OutsideWindows { now, windows: windows.join("; ") });
        }
        if let Some(max_per_day) = self.max_per_day {
            let day = |at: Timestamp| zones[0].to_datetime(at).date();
            let today = earlier.iter().filter(|at| day(**at) == day(now)).count();
            if today >= usize::try_from(max_per_day).unwrap_or(usize::MAX) {
                let drills =
                    if today == 1 { "there was a drill".to_owned() } else { format!("there were {today} drills") };
                return Err(Closed::OftenEnough { drills, day: day(now), max_per_day });
            }
        }
        Ok(())
    }

    /// The zones that days are told in: those of the windows, else UTC. Never empty.
    fn zones(&self) -> Vec<TimeZone> {
        let zones: Vec<TimeZone> = self.windows.iter().map(|window| window.timezone.clone()).collect();
        if zones.is_empty() { vec![TimeZone::UTC] } else { zones }
    }
}

impl Window {
    fn holds(&self, now: Timestamp) -> bool {
        let now = self.timezone.to_datetime(now);
        let (today, time) = (now.weekday(), now.time());
        if self.is_over_midnight() {
            let began_today = self.days.contains(&today) && self.from <= time;
            return began_today || self.days.contains(&today.previous()) && time < self.to;
        }
        self.days.contains(&today) && self.from <= time && time < self.to
    }

    /// Its days are those on which it begins.
    fn is_over_midnight(&self) -> bool {
        self.to < self.from
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |day: &Weekday| DAYS.iter().find(|(_, known)| known == day).map_or("?", |(name, _)| *name);
        let days: Vec<&str> = self.days.iter().map(name).collect();
        let zone = self.timezone.iana_name().unwrap_or("UTC");
        let time = |time: Time| time.strftime("%H:%M").to_string();
        let next_day = if self.is_over_midnight() { " on the next day," } else { "" };
        write!(f, "{} from {} to {}{next_day} {zone}", days.join(", "), time(self.from), time(self.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn berlin() -> Calendar {
        Calendar {
            windows: vec![Window {
                days: vec![Weekday::Monday, Weekday::Tuesday],
                from: time(9, 0, 0, 0),
                to: time(17, 0, 0, 0),
                timezone: TimeZone::get("Europe/Berlin").unwrap(),
            }],
            blackouts: vec![Blackout {
                from: date(2026, 12, 20),
                to: date(2027, 1, 5),
                reason: "the change freeze".to_owned(),
            }],
            max_per_day: Some(1),
        }
    }

    #[test]
    fn a_window_is_in_its_own_time_zone_and_its_end_is_outside() {
        let calendar = berlin();
        // 2026-06-01 is a Monday; Berlin is two hours ahead in summer and one in winter.
        for (moment, open) in [
            ("2026-06-01T06:59:59Z", false),
            ("2026-06-01T07:00:00Z", true),
            ("2026-06-01T14:59:59Z", true),
            ("2026-06-01T15:00:00Z", false),
            ("2026-06-03T10:00:00Z", false),
            ("2026-11-02T07:30:00Z", false),
            ("2026-11-02T08:00:00Z", true),
        ] {
            assert_eq!(calendar.admits(at(moment), &[]).is_ok(), open, "{moment}");
        }
        let closed = calendar.admits(at("2026-06-03T10:00:00Z"), &[]).unwrap_err().to_string();
        assert_eq!(
            closed,
            "Wed 2026-06-03 12:00 lies in no drill window of the runbook: mon, tue from 09:00 to 17:00 Europe/Berlin"
        );
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let window = Window {
            days: vec![Weekday::Friday],
            from: time(22, 0, 0, 0),
            to: time(4, 0, 0, 0),
            ..berlin().windows[0].clone()
        };
        let calendar = Calendar { windows: vec![window], blackouts: Vec::new(), max_per_day: None };
        // 2026-06-05 is a Friday; midnight in Berlin is 22:00 UTC.
        for (moment, open) in [
            ("2026-06-05T01:00:00Z", false),
            ("2026-06-05T19:59:59Z", false),
            ("2026-06-05T20:00:00Z", true),
            ("2026-06-05T21:59:59Z", true),
            ("2026-06-05T22:00:00Z", true),
            ("2026-06-06T01:59:59Z", true),
            ("2026-06-06T02:00:00Z", false),
            ("2026-06-06T20:00:00Z", false),
        ] {
            assert_eq!(calendar.admits(at(moment), &[]).is_ok(), open, "{moment}");
        }
        let closed = calendar.admits(at("2026-06-05T01:00:00Z"), &[]).unwrap_err().to_string();
        let told = "Fri 2026-06-05 03:00 lies in no drill window of the runbook: fri from 22:00 to 04:00 on the next day, Europe/Berlin";
        assert_eq!(closed, told);
    }

    /// The days of a blackout and of a count are those of the window's zone, where midnight comes earlier than in UTC.
    #[test]
    fn midnight_is_that_of_the_zone() {
        let night = Window {
            days: DAYS.iter().map(|(_, day)| *day).collect(),
            from: time(22, 0, 0, 0),
            to: time(4, 0, 0, 0),
            timezone: TimeZone::get("Asia/Tokyo").unwrap(),
        };
        let calendar = Calendar { windows: vec![night], ..berlin() };
        // 2026-12-20 begins at 15:00 UTC of the day before in Tokyo.
        assert_eq!(calendar.admits(at("2026-12-19T14:59:59Z"), &[]), Ok(()));
        assert!(matches!(calendar.admits(at("2026-12-19T15:00:00Z"), &[]), Err(Closed::Blackout { .. })));
        let before_midnight = at("2026-06-01T14:30:00Z");
        assert_eq!(calendar.admits(at("2026-06-01T15:00:00Z"), &[before_midnight]), Ok(()), "that was yesterday");
        let closed = calendar.admits(at("2026-06-01T14:45:00Z"), &[before_midnight]).unwrap_err().to_string();
        assert_eq!(closed, "there was a drill on 2026-06-01 already, and the runbook allows 1 a day");
    }

    #[test]
    fn a_blackout_includes_both_of_its_days() {
        let calendar = Calendar { windows: Vec::new(), max_per_day: None, ..berlin() };
        for (moment, open) in [
            ("2026-12-19T23:59:59Z", true),
            ("2026-12-20T00:00:00Z", false),
            ("2027-01-05T23:59:59Z", false),
            ("2027-01-06T00:00:00Z", true),
        ] {
            assert_eq!(calendar.admits(at(moment), &[]).is_ok(), open, "{moment}");
        }
    }

    #[test]
    fn drills_are_counted_by_the_day_of_the_window() {
        let earlier = [at("2026-06-01T08:00:00Z")];
        let closed = berlin().admits(at("2026-06-01T13:00:00Z"), &earlier).unwrap_err();
        assert_eq!(closed.to_string(), "there was a drill on 2026-06-01 already, and the runbook allows 1 a day");
        assert_eq!(berlin().admits(at("2026-06-02T07:00:00Z"), &earlier), Ok(()));
    }
}
