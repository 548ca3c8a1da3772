//! Faults: which calls they meet, and what they do to them. Does not carry anything out.

use crate::pace::Pace;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One fault of the world, and how often it was met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fault {
    pub(crate) service: Option<String>,
    pub(crate) operation: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) host: Option<String>,
    /// Only the request with this number in the world's life.
    pub(crate) request: Option<u64>,
    /// Once it has met that request, it meets every later one of the same operation, region and host.
    pub(crate) spreads: bool,
    pub(crate) nth: Option<u32>,
    pub(crate) every: Option<u32>,
    pub(crate) times: Option<u32>,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) effect: FaultEffect,
    /// Calls that matched all but the ordinals.
    pub(crate) seen: u32,
    /// Calls that met the fault.
    pub(crate) met: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum FaultEffect {
    Reject(Rejection),
    Throttle,
    TimeOutBefore,
    TimeOutAfter,
    LandLate(Duration),
    Stale(Duration),
    Delay(Duration),
    Slow(Duration),
    Stuck,
    Cancel,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rejection {
    pub(crate) code: String,
    pub(crate) status: u16,
    pub(crate) message: String,
    /// The call took effect all the same.
    pub(crate) after_effect: bool,
}

/// What a call is, as faults see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallShape<'a> {
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) region: &'a str,
    pub(crate) host: &'a str,
    /// Its number in the world's life.
    pub(crate) request: u64,
}

/// What all the faults that a call meets make of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) fate: Fate,
    pub(crate) delay: Duration,
    /// Reads that come within this time of a write see the world from before it.
    pub(crate) stale: Option<Duration>,
    pub(crate) pace: Pace,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Fate {
    #[default]
    Answered,
    Rejected(Rejection),
    Throttled,
    /// Never answered; without effect.
    Lost,
    /// Never answered; with effect.
    AnswerLost,
    /// Never answered; with effect, this much later.
    Late(Duration),
}

/// Judges a call, and counts it. Where two faults decide a call's fate, the first of the document wins.
pub(crate) fn judge(faults: &mut [Fault], call: CallShape<'_>, now: Timestamp) -> Verdict {
    let mut verdict = Verdict::default();
    for fault in faults {
        if !fault.meets(call, now) {
            continue;
        }
        let fate = match &fault.effect {
            FaultEffect::Reject(rejection) => Fate::Rejected(rejection.clone()),
            FaultEffect::Throttle => Fate::Throttled,
            FaultEffect::TimeOutBefore => Fate::Lost,
            FaultEffect::TimeOutAfter => Fate::AnswerLost,
            FaultEffect::LandLate(after) => Fate::Late(*after),
            FaultEffect::Stale(within) => {
                verdict.stale = Some(*within);
                continue;
            }
            FaultEffect::Delay(delay) => {
                verdict.delay = verdict.delay.saturating_add(*delay);
                continue;
            }
            FaultEffect::Slow(slow) => {
                verdict.pace.slow = verdict.pace.slow.saturating_add(*slow);
                continue;
            }
            FaultEffect::Stuck => {
                verdict.pace.stuck = true;
                continue;
            }
            FaultEffect::Cancel => {
                verdict.pace.cancel = true;
                continue;
            }
        };
        if verdict.fate == Fate::Answered {
            verdict.fate = fate;
        }
    }
    verdict
}

impl Fault {
    fn meets(&mut self, call: CallShape<'_>, now: Timestamp) -> bool {
        let is = |wanted: &Option<String>, actual: &str| wanted.as_deref().is_none_or(|wanted| wanted == actual);
        let matches = is(&self.service, call.service)
            && is(&self.operation, call.operation)
            && is(&self.region, call.region)
            && is(&self.host, call.host)
            && self.request.is_none_or(|request| request == call.request)
            && (self.from..self.until).contains(&now);
        if !matches {
            return false;
        }
        self.seen = self.seen.saturating_add(1);
        let met = self.nth.is_none_or(|nth| nth == self.seen)
            && self.every.is_none_or(|every| every > 0 && self.seen.is_multiple_of(every))
            && self.times.is_none_or(|times| self.met < times);
        self.met = self.met.saturating_add(u32::from(met));
        if met && self.spreads && self.request.take().is_some() {
            self.service = Some(call.service.to_owned());
            self.operation = Some(call.operation.to_owned());
            self.region = Some(call.region.to_owned());
            self.host = Some(call.host.to_owned());
        }
        met
    }
}

/// The error with which a service throttles.
pub(crate) fn throttling(service: &str) -> (&'static str, u16) {
    match service {
        "ec2" => ("RequestLimitExceeded", 503),
        "globalaccelerator" | "monitoring" => ("ThrottlingException", 400),
        "eks" | "elasticfilesystem" => ("ThrottlingException", 429),
        "http" => ("TooManyRequests", 429),
        _ => ("Throttling", 400),
    }
}
