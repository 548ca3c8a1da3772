//! What goes wrong in one rehearsal, and how the operator goes on: a script that can be printed and typed again.

use lifeboat_contract::Span;
use lifeboat_simulated::{Injected, Planes};
use std::{fmt, str::FromStr, time::Duration};

/// One thing that goes wrong, once. Records and requests are counted from 0, over all lives of the process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process dies right after this record is durable.
    KilledAfterRecord(u64),
    /// The process dies just before this record is durable.
    KilledBeforeRecord(u64),
    /// From this record on the journal can't be written, until the process ends.
    JournalFull(u64),
    /// The operator interrupts at this record.
    Interrupted(u64),
    /// The process dies before this request is sent.
    KilledBeforeRequest(u64),
    /// The process dies once this request took effect.
    KilledAfterRequest(u64),
    /// This request meets a fault of the cloud.
    Request(u64, Injected),
    /// A region is lost at this record.
    RegionLost(u64, String, Planes),
    /// Somebody else changes something at this record: one of the changes that the world offers.
    Meddled(u64, usize),
    /// What an incident has taken away comes back at this record: a lost region, a process that hung.
    Recovered(u64),
}

/// What the operator does with a run that died or paused, or completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// Goes on with it.
    Resume,
    /// Rolls it back.
    Rollback,
    /// Goes on with it, and rolls it back once it has completed.
    Return,
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

/// What may happen to a request that only reads.
pub(super) const READ_FAULTS: [Injected; 6] = [
    Injected::Throttled,
    Injected::ServerError,
    Injected::Lost,
    Injected::Stale(Duration::from_secs(10)),
    Injected::RefusedForGood,
    Injected::ErrorForGood,
];
/// What may happen to a request that may change something. Late ones land while it is waited for, once it has timed out and is
/// driven again, and as late as a kind's promise allows.
pub(super) const WRITE_FAULTS: [Injected; 13] = [
    Injected::Refused,
    Injected::ServerError,
    Injected::Throttled,
    Injected::Lost,
    Injected::AnswerLost,
    Injected::Late(Duration::from_secs(20)),
    Injected::Late(Duration::from_secs(65)),
    Injected::Late(Duration::from_secs(85)),
    Injected::Slow(Duration::from_mins(1)),
    Injected::Stuck,
    Injected::CalledOff,
    Injected::RefusedForGood,
    Injected::ErrorForGood,
];

impl Fault {
    /// The column of the matrix that it belongs to.
    pub fn class(&self) -> &'static str {
        match self {
            Self::KilledAfterRecord(_)
            | Self::KilledBeforeRecord(_)
            | Self::KilledBeforeRequest(_)
            | Self::KilledAfterRequest(_) => "killed",
            Self::JournalFull(_) => "journal full",
            Self::Interrupted(_) => "interrupted",
            Self::Request(_, injected) => match injected {
                Injected::Refused | Injected::ServerError | Injected::Throttled => "refused",
                Injected::RefusedForGood | Injected::ErrorForGood => "for good",
                Injected::Lost | Injected::AnswerLost | Injected::Late(_) => "timed out",
                Injected::Stale(_) => "stale",
                Injected::Slow(_) | Injected::Stuck | Injected::CalledOff => "slow or stuck",
            },
            Self::RegionLost(..) => "region lost",
            Self::Meddled(..) => "meddled",
            Self::Recovered(_) => "recovered",
        }
    }

    /// Where it strikes: a record, or else a request.
    pub(super) fn place(&self) -> Place {
        match self {
            Self::KilledAfterRecord(n)
            | Self::KilledBeforeRecord(n)
            | Self::JournalFull(n)
            | Self::Interrupted(n)
            | Self::RegionLost(n, ..)
            | Self::Meddled(n, _)
            | Self::Recovered(n) => Place::Record(*n),
            Self::KilledBeforeRequest(n) | Self::KilledAfterRequest(n) | Self::Request(n, _) => Place::Request(*n),
        }
    }

    /// Whether it shows what was before a write: then the world must have kept it.
    pub(super) fn is_stale(&self) -> bool {
        matches!(self, Self::Request(_, Injected::Stale(_)))
    }

    /// Whether the world itself is hurt, so that its clients may suffer whatever anybody does.
    pub(super) fn harms_the_world(&self) -> bool {
        matches!(self, Self::RegionLost(..) | Self::Meddled(..))
    }

    /// What happened, for people.
    pub fn describe(&self) -> String {
        match self {
            Self::KilledAfterRecord(n) => format!("killed after record {n}"),
            Self::KilledBeforeRecord(n) => format!("killed before record {n} was durable"),
            Self::JournalFull(n) => format!("the journal could not be written from record {n} on"),
            Self::Interrupted(n) => format!("interrupted at record {n}"),
            Self::KilledBeforeRequest(n) => format!("killed before request {n} was sent"),
            Self::KilledAfterRequest(n) => format!("killed after request {n} took effect"),
            Self::Request(n, injected) => format!("request {n} was {}", words(*injected)),
            Self::RegionLost(n, region, planes) => {
                let what = match planes {
                    Planes::Control => "the control plane of ",
                    Planes::Data => "the data plane of ",
                    Planes::Both => "",
                };
                format!("{what}{region} was lost at record {n}")
            }
            Self::Meddled(n, which) => format!("somebody made change {which} at record {n}"),
            Self::Recovered(n) => format!("what the incident took away came back at record {n}"),
        }
    }
}

/// A moment of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Record(u64),
    Request(u64),
}

fn words(injected: Injected) -> String {
    let text = match injected {
        Injected::Refused => "refused",
        Injected::ServerError => "answered with a server's error",
        Injected::Throttled => "throttled",
        Injected::Lost => "lost, without effect",
        Injected::AnswerLost => "answered, and the answer was lost",
        Injected::Late(by) => return format!("not answered, and landed {} late", Span(by)),
        Injected::Stale(_) => "answered from the state before",
        Injected::Slow(_) => "accepted, and took long",
        Injected::Stuck => "accepted, and never ended",
        Injected::CalledOff => "accepted, and called off",
        Injected::RefusedForGood => "refused, as was every one like it after it",
        Injected::ErrorForGood => "answered with a server's error, as was every one like it after it",
    };
    text.to_owned()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KilledAfterRecord(n) => write!(f, "killed-after-record:{n}"),
            Self::KilledBeforeRecord(n) => write!(f, "killed-before-record:{n}"),
            Self::JournalFull(n) => write!(f, "journal-full:{n}"),
            Self::Interrupted(n) => write!(f, "interrupted:{n}"),
            Self::KilledBeforeRequest(n) => write!(f, "killed-before-request:{n}"),
            Self::KilledAfterRequest(n) => write!(f, "killed-after-request:{n}"),
            Self::RegionLost(n, region, planes) => {
                let planes = match planes {
                    Planes::Control => "control",
                    Planes::Data => "data",
                    Planes::Both => "both",
                };
                write!(f, "region-lost:{n}:{planes}:{region}")
            }
            Self::Meddled(n, which) => write!(f, "meddled:{n}:{which}"),
            Self::Recovered(n) => write!(f, "recovered:{n}"),
            Self::Request(n, injected) => match injected {
                Injected::Refused => write!(f, "refused:{n}"),
                Injected::ServerError => write!(f, "error:{n}"),
                Injected::Throttled => write!(f, "throttled:{n}"),
                Injected::Lost => write!(f, "lost:{n}"),
                Injected::AnswerLost => write!(f, "answer-lost:{n}"),
                Injected::Late(by) => write!(f, "late:{n}:{}", Span(*by)),
                Injected::Stale(within) => write!(f, "stale:{n}:{}", Span(*within)),
                Injected::Slow(by) => write!(f, "slow:{n}:{}", Span(*by)),
                Injected::Stuck => write!(f, "stuck:{n}"),
                Injected::CalledOff => write!(f, "called-off:{n}"),
                Injected::RefusedForGood => write!(f, "refused-for-good:{n}"),
                Injected::ErrorForGood => write!(f, "error-for-good:{n}"),
            },
        }
    }
}

impl FromStr for Fault {
    type Err = BadScript;

    fn from_str(text: &str) -> Result<Self, BadScript> {
        parse(text).ok_or_else(|| BadScript(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Fault> {
    let mut parts = text.split(':');
    let (word, n) = (parts.next()?, parts.next()?.parse().ok()?);
    let rest: Vec<&str> = parts.collect();
    let span = || Some(Span::parse(rest.first()?)?.get());
    let request = |injected| Some(Fault::Request(n, injected));
    let (fault, extras) = match word {
        "killed-after-record" => (Some(Fault::KilledAfterRecord(n)), 0),
        "killed-before-record" => (Some(Fault::KilledBeforeRecord(n)), 0),
        "journal-full" => (Some(Fault::JournalFull(n)), 0),
        "interrupted" => (Some(Fault::Interrupted(n)), 0),
        "killed-before-request" => (Some(Fault::KilledBeforeRequest(n)), 0),
        "killed-after-request" => (Some(Fault::KilledAfterRequest(n)), 0),
        "region-lost" => {
            let planes = match *rest.first()? {
                "control" => Planes::Control,
                "data" => Planes::Data,
                "both" => Planes::Both,
                _ => return None,
            };
            (Some(Fault::RegionLost(n, (*rest.get(1)?).to_owned(), planes)), 2)
        }
        "meddled" => (Some(Fault::Meddled(n, rest.first()?.parse().ok()?)), 1),
        "recovered" => (Some(Fault::Recovered(n)), 0),
        "refused" => (request(Injected::Refused), 0),
        "error" => (request(Injected::ServerError), 0),
        "throttled" => (request(Injected::Throttled), 0),
        "lost" => (request(Injected::Lost), 0),
        "answer-lost" => (request(Injected::AnswerLost), 0),
        "late" => (request(Injected::Late(span()?)), 1),
        "stale" => (request(Injected::Stale(span()?)), 1),
        "slow" => (request(Injected::Slow(span()?)), 1),
        "stuck" => (request(Injected::Stuck), 0),
        "called-off" => (request(Injected::CalledOff), 0),
        "refused-for-good" => (request(Injected::RefusedForGood), 0),
        "error-for-good" => (request(Injected::ErrorForGood), 0),
        _ => return None,
    };
    fault.filter(|_| rest.len() == extras)
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            write!(f, "{fault},")?;
        }
        f.write_str(match self.policy {
            Policy::Resume => "resume",
            Policy::Rollback => "rollback",
            Policy::Return => "return",
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
            "return" => Policy::Return,
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
        let moments = [
            Fault::KilledAfterRecord(7),
            Fault::KilledBeforeRecord(7),
            Fault::JournalFull(7),
            Fault::KilledBeforeRequest(7),
            Fault::KilledAfterRequest(7),
            Fault::RegionLost(7, "us-east-1".to_owned(), Planes::Control),
            Fault::RegionLost(7, "eastus".to_owned(), Planes::Both),
            Fault::Meddled(7, 3),
            Fault::Recovered(7),
        ];
        let requests = READ_FAULTS.into_iter().chain(WRITE_FAULTS).map(|injected| Fault::Request(3, injected));
        for fault in moments.into_iter().chain(requests) {
            for policy in [Policy::Resume, Policy::Rollback, Policy::Return] {
                let script = Script { faults: vec![fault.clone(), Fault::Interrupted(2)], policy };
                assert_eq!(script.to_string().parse::<Script>().unwrap(), script);
            }
        }
        for bad in ["nonsense", "killed:x,resume", "late:3,resume", "refused:3:4,resume", "region-lost:1:some:x,resume"]
        {
            assert!(bad.parse::<Script>().is_err(), "{bad}");
        }
    }
}
