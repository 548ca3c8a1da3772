//! What goes wrong with one request, by its number: for those who try everything that could.
//!
//! A fault of the document says what calls it meets; an injection says which request, and nothing else.

use crate::{
    World,
    fault::{Fault, FaultEffect, Rejection},
    world::LateCall,
};
use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use std::time::Duration;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Injected {
    /// Refused, for a reason that no repetition mends. Nothing changed.
    Refused,
    /// Answered with an error of the server. Nothing changed, and nobody can know.
    ServerError,
    Throttled,
    /// Never answered; without effect.
    Lost,
    /// Never answered; with effect.
    AnswerLost,
    /// Never answered; with effect this much later.
    Late(Duration),
    /// Reads see the world from before the last write to the service, for this long after it.
    Stale(Duration),
    /// What it begins takes this much longer.
    Slow(Duration),
    /// What it begins never ends.
    Stuck,
    /// What it begins is called off by the service.
    CalledOff,
    /// Refused, as is every later request of the same operation at the same place.
    RefusedForGood,
    /// Answered with an error of the server, as is every later request of the same operation at the same place.
    ErrorForGood,
}

impl Injected {
    /// Whether it befalls every later request like it, too.
    pub fn is_for_good(self) -> bool {
        matches!(self, Self::RefusedForGood | Self::ErrorForGood)
    }
}

impl World {
    /// How many requests were answered so far.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Somebody else's request takes effect at this moment. Nobody waits for its answer.
    pub fn land_at(&mut self, at: Timestamp, request: &Request<Bytes>) {
        self.late.push(LateCall::of(request, at));
    }

    /// From now on keeps what was before the last write to each service: a read that is made stale later may show it.
    pub fn remember_writes(&mut self) {
        self.remembers_writes = true;
    }

    /// What was injected for good has been seen to: from now on such requests are answered again.
    pub fn relent(&mut self) {
        self.faults.retain(|fault| !fault.spreads);
    }

    /// Lets this happen to the request with this number, counted from the world's start. Requests of the past are past.
    pub fn inject(&mut self, request: u64, injected: Injected) {
        let rejection = |status: u16| Rejection {
            code: if status == 403 { "AccessDenied" } else { "InternalFailure" }.to_owned(),
            status,
            message: "injected".to_owned(),
            after_effect: false,
        };
        let effect = match injected {
            Injected::Refused | Injected::RefusedForGood => FaultEffect::Reject(rejection(403)),
            Injected::ServerError | Injected::ErrorForGood => FaultEffect::Reject(rejection(500)),
            Injected::Throttled => FaultEffect::Throttle,
            Injected::Lost => FaultEffect::TimeOutBefore,
            Injected::AnswerLost => FaultEffect::TimeOutAfter,
            Injected::Late(by) => FaultEffect::LandLate(by),
            Injected::Stale(within) => FaultEffect::Stale(within),
            Injected::Slow(by) => FaultEffect::Slow(by),
            Injected::Stuck => FaultEffect::Stuck,
            Injected::CalledOff => FaultEffect::Cancel,
        };
        self.faults.push(Fault {
            service: None,
            operation: None,
            region: None,
            host: None,
            request: Some(request),
            spreads: injected.is_for_good(),
            nth: None,
            every: None,
            times: None,
            from: self.start,
            until: Timestamp::MAX,
            effect,
            seen: 0,
            met: 0,
        });
    }
}
