//! How long a plan may take by its own timeouts: along the longest chain of steps that wait for each other.
//!
//! The estimate beside it comes from drills, where there were any.

use super::duration::words;
use crate::{
    drill::trend::Estimate,
    plan::{Plan, PlannedBody, PlannedStep},
};
use lifeboat_contract::StepId;
use std::{collections::BTreeMap, time::Duration};

/// How long it took in drills, in a sentence.
pub fn estimate_sentence(estimate: &Estimate) -> String {
    let time = |seconds: f64| words(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    let drills = count(estimate.drills, "earlier drill");
    if estimate.drills == 1 {
        return format!("it took {} in {drills}", time(estimate.p50_s));
    }
    format!(
        "it took {} in the median of {drills}, and {} at the 95th percentile",
        time(estimate.p50_s),
        time(estimate.p95_s)
    )
}

/// The sum of the timeouts, and what is not in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Longest {
    pub(super) sum: Duration,
    /// Steps that leave their timeout to their kind.
    open: usize,
    approvals: usize,
}

pub(super) fn longest(plan: &Plan) -> Longest {
    let mut found = Longest::default();
    let mut ends: BTreeMap<&StepId, Duration> = BTreeMap::new();
    for step in &plan.steps {
        let own = if takes_time(step) { time(step, &mut found) } else { Duration::ZERO };
        let begins = step.needs.iter().filter_map(|need| ends.get(need)).max().copied().unwrap_or_default();
        let end = begins.saturating_add(own);
        found.sum = found.sum.max(end);
        ends.insert(&step.id, end);
    }
    found
}

fn takes_time(step: &PlannedStep) -> bool {
    step.skip.is_none() && !matches!(&step.body, PlannedBody::Change(change) if change.is_nothing())
}

fn time(step: &PlannedStep, found: &mut Longest) -> Duration {
    match (&step.body, step.timeout) {
        (PlannedBody::Approval { .. }, _) => {
            found.approvals += 1;
            Duration::ZERO
        }
        (PlannedBody::Wait { duration }, _) => duration.get(),
        (_, Some(timeout)) => timeout.get(),
        (_, None) => {
            found.open += 1;
            Duration::ZERO
        }
    }
}

impl Longest {
    /// Whether the timeouts allow more than the objective.
    pub(super) fn exceeds(&self, rto: Option<Duration>) -> bool {
        rto.is_some_and(|rto| self.sum > rto)
    }

    /// The sum against the objective, in a sentence.
    pub(super) fn sentence(&self, rto: Option<Duration>) -> String {
        let mut besides = Vec::new();
        if self.open > 0 {
            besides.push(format!("{} with the timeout of its kind", count(self.open, "step")));
        }
        if self.approvals > 0 {
            besides.push(count(self.approvals, "approval"));
        }
        let besides = if besides.is_empty() { String::new() } else { format!(", besides {}", besides.join(" and ")) };
        let against = match rto {
            None => String::new(),
            Some(rto) if self.sum > rto => format!(": more than the RTO of {}", words(rto)),
            Some(rto) => format!("; the RTO is {}", words(rto)),
        };
        format!("its timeouts allow {}{besides}{against}", words(self.sum))
    }
}

/// `1 step`, `2 steps`.
pub(super) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
