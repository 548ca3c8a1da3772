//! What goes wrong in one rehearsal, and how the operator goes on: a script that can be printed and typed again.

use lifeboat_simulated::Injected;
use std::{fmt, str::FromStr, time::Duration};

/// One thing that goes wrong. Records and requests are counted from 0 in the undisturbed run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process dies right after this record is durable.
    KilledAfterRecord(u64),
    /// The process dies just before this record is durable.
    KilledBeforeRecord(u64),
    /// From this record on the journal can't be written.
    JournalFull(u64),
    /// The operator interrupts at this record.
    Interrupted(u64),
    /// The process dies before this request is sent.
    KilledBeforeRequest(u64),
    /// The process dies once this request took effect.
    KilledAfterRequest(u64),
    /// This request meets a fault of the cloud.
    Request(u64, Injected),
}

/// What the operator does with a run that died or paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    Resume,
    Rollback,
}

/// One rehearsal's script.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Script {
    pub faults: Vec<Fault>,
    pub policy: Policy,
}

/// A script that nobody printed.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no script of a rehearsal")]
pub struct BadScript(String);

/// How late a request lands that nobody waits for any more, and how much longer a slow transition takes.
pub(super) const LATE: Duration = Duration::from_secs(20);
pub(super) const SLOW: Duration = Duration::from_mins(1);
pub(super) const STALE: Duration = Duration::from_secs(10);

/// What may happen to a request that only reads, and to one that may change something.
pub(super) const READ_FAULTS: [Injected; 3] = [Injected::Throttled, Injected::Lost, Injected::Stale(STALE)];
pub(super) const WRITE_FAULTS: [Injected; 9] = [
    Injected::Refused,
    Injected::ServerError,
    Injected::Throttled,
    Injected::Lost,
    Injected::AnswerLost,
    Injected::Late(LATE),
    Injected::Slow(SLOW),
    Injected::Stuck,
    Injected::CalledOff,
];

impl Fault {
    /// The column of the matrix that it belongs to.
    pub fn class(self) -> &'static str {
        match self {
            Self::KilledAfterRecord(_)
            | Self::KilledBeforeRecord(_)
            | Self::KilledBeforeRequest(_)
            | Self::KilledAfterRequest(_) => "killed",
            Self::JournalFull(_) => "journal full",
            Self::Interrupted(_) => "interrupted",
            Self::Request(_, Injected::Refused | Injected::ServerError | Injected::Throttled) => "refused",
            Self::Request(_, Injected::Lost | Injected::AnswerLost | Injected::Late(_)) => "timed out",
            Self::Request(_, Injected::Stale(_)) => "stale",
            Self::Request(_, Injected::Slow(_) | Injected::Stuck | Injected::CalledOff) => "slow or stuck",
        }
    }

    /// What happened, for people.
    pub fn describe(self) -> String {
        match self {
            Self::KilledAfterRecord(n) => format!("killed after record {n}"),
            Self::KilledBeforeRecord(n) => format!("killed before record {n} was durable"),
            Self::JournalFull(n) => format!("the journal could not be written from record {n} on"),
            Self::Interrupted(n) => format!("interrupted at record {n}"),
            Self::KilledBeforeRequest(n) => format!("killed before request {n} was sent"),
            Self::KilledAfterRequest(n) => format!("killed after request {n} took effect"),
            Self::Request(n, injected) => format!("request {n} was {}", words(injected)),
        }
    }
}

fn words(injected: Injected) -> &'static str {
    match injected {
        Injected::Refused => "refused",
        Injected::ServerError => "answered with a server's error",
        Injected::Throttled => "throttled",
        Injected::Lost => "lost, without effect",
        Injected::AnswerLost => "answered, and the answer was lost",
        Injected::Late(_) => "not answered, and landed late",
        Injected::Stale(_) => "answered from the state before",
        Injected::Slow(_) => "accepted, and took long",
        Injected::Stuck => "accepted, and never ended",
        Injected::CalledOff => "accepted, and called off",
    }
}

const REQUESTS: [(&str, Injected); 10] = [
    ("refused", Injected::Refused),
    ("error", Injected::ServerError),
    ("throttled", Injected::Throttled),
    ("lost", Injected::Lost),
    ("answer-lost", Injected::AnswerLost),
    ("late", Injected::Late(LATE)),
    ("stale", Injected::Stale(STALE)),
    ("slow", Injected::Slow(SLOW)),
    ("stuck", Injected::Stuck),
    ("called-off", Injected::CalledOff),
];
type Made = fn(u64) -> Fault;
const MOMENTS: [(&str, Made); 6] = [
    ("killed-after-record", Fault::KilledAfterRecord),
    ("killed-before-record", Fault::KilledBeforeRecord),
    ("journal-full", Fault::JournalFull),
    ("interrupted", Fault::Interrupted),
    ("killed-before-request", Fault::KilledBeforeRequest),
    ("killed-after-request", Fault::KilledAfterRequest),
];

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, number) = match self {
            Self::KilledAfterRecord(n) => ("killed-after-record", n),
            Self::KilledBeforeRecord(n) => ("killed-before-record", n),
            Self::JournalFull(n) => ("journal-full", n),
            Self::Interrupted(n) => ("interrupted", n),
            Self::KilledBeforeRequest(n) => ("killed-before-request", n),
            Self::KilledAfterRequest(n) => ("killed-after-request", n),
            Self::Request(n, injected) => {
                let known = REQUESTS.iter().find(|(_, other)| other == injected);
                (known.expect("every injected fault has a word").0, n)
            }
        };
        write!(f, "{word}:{number}")
    }
}

impl FromStr for Fault {
    type Err = BadScript;

    fn from_str(text: &str) -> Result<Self, BadScript> {
        let bad = || BadScript(text.to_owned());
        let (word, number) = text.split_once(':').ok_or_else(bad)?;
        let number: u64 = number.parse().map_err(|_| bad())?;
        let moment = MOMENTS.iter().find(|(name, _)| *name == word).map(|(_, made)| made(number));
        let request = REQUESTS.iter().find(|(name, _)| *name == word).map(|(_, what)| Self::Request(number, *what));
        moment.or(request).ok_or_else(bad)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            write!(f, "{fault},")?;
        }
        f.write_str(match self.policy {
            Policy::Resume => "resume",
            Policy::Rollback => "rollback",
        })
    }
}

impl FromStr for Script {
    type Err = BadScript;

    fn from_str(text: &str) -> Result<Self, BadScript> {
        let (faults, policy) = text.rsplit_once(',').unwrap_or(("", text));
        let policy = match policy {
            "resume" => Policy::Resume,
            "rollback" => Policy::Rollback,
            _ => return Err(BadScript(text.to_owned())),
        };
        let faults = faults.split(',').filter(|fault| !fault.is_empty()).map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { faults, policy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reads_as_it_prints() {
        for fault in
            MOMENTS.map(|(_, made)| made(7)).into_iter().chain(REQUESTS.map(|(_, what)| Fault::Request(3, what)))
        {
            for policy in [Policy::Resume, Policy::Rollback] {
                let script = Script { faults: vec![fault, Fault::Interrupted(2)], policy };
                assert_eq!(script.to_string().parse::<Script>().unwrap(), script);
            }
        }
        assert!("nonsense".parse::<Script>().is_err() && "killed:x,resume".parse::<Script>().is_err());
        assert!("resume".parse::<Script>().unwrap().faults.is_empty());
    }
}
