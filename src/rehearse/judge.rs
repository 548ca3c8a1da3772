//! Judges a rehearsal by the world and the journal it left. Asks the engine nothing.

use super::{
    stage::{Ending, Performance},
    witness::Sent,
};
use crate::{
    engine::RunState,
    journal::{self, Record},
};
use lifeboat_contract::Access;
use lifeboat_simulated::Figures;
use serde_json::Value;

/// Something that must never happen, and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// A stable name: `two-writers`, `not-restored`.
    pub invariant: &'static str,
    pub what: String,
}

/// What every rehearsal is compared with: the undisturbed run.
#[derive(Debug)]
pub(super) struct Yardstick {
    pub(super) figures: Figures,
    /// The configuration before the run, and after it.
    pub(super) first: Value,
    pub(super) last: Value,
}

impl Yardstick {
    /// Every invariant that a rehearsal breaks.
    pub(super) fn judge(&self, performance: &Performance) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut broken = |invariant, what: String| violations.push(Violation { invariant, what });
        if let Ending::Broke(why) = &performance.ending {
            broken("always-ends", why.clone());
        }
        let (figures, usual) = (performance.world.figures(), &self.figures);
        // Never is never: not in the undisturbed run either.
        if figures.two_writers_s > 0.0 {
            broken("two-writers", format!("two databases took writes at once for {:.1} s", figures.two_writers_s));
        }
        if figures.two_actives_s > 0.0 {
            broken("two-actives", format!("two nodes had one queue for {:.1} s", figures.two_actives_s));
        }
        for (name, now, before) in [
            ("lost-writes", figures.lost_writes, usual.lost_writes),
            ("lost-messages", figures.messages_lost, usual.messages_lost),
            ("disorder", figures.messages_out_of_order, usual.messages_out_of_order),
        ] {
            if now > before {
                broken(name, format!("{now}, and {before} in the undisturbed run"));
            }
        }
        let contents = performance.world.contents();
        match performance.ending {
            Ending::RolledBack if contents != self.first => {
                broken(
                    "not-restored",
                    format!("rolled back, and the world is not as it was: {}", differing(&self.first, &contents)),
                );
            }
            Ending::Completed if contents != self.last => {
                broken(
                    "not-reached",
                    format!(
                        "completed, and the world is not as without the fault: {}",
                        differing(&self.last, &contents)
                    ),
                );
            }
            Ending::NotBegun if contents != self.first => {
                broken(
                    "not-restored",
                    format!("never begun, and the world changed: {}", differing(&self.first, &contents)),
                );
            }
            _ => {}
        }
        for sent in performance.sent.iter().filter(|sent| sent.access == Access::Write) {
            if !is_intended(sent, &performance.journal) {
                let step = sent.step.as_ref().map_or("nobody", |step| step.as_str());
                broken(
                    "no-intent",
                    format!("{step} sent {} {} before an attempt was journaled", sent.service, sent.operation),
                );
            }
        }
        violations
    }
}

/// Whether the journal held an open attempt of the step when the request was sent.
fn is_intended(sent: &Sent, journal: &[u8]) -> bool {
    let Some(step) = &sent.step else { return false };
    let durable = journal.get(..sent.durable).unwrap_or(journal);
    let Ok(reading) = journal::read(durable) else { return false };
    let Ok(state) = RunState::replay(&reading.lines) else { return false };
    let last = state.steps.get(step).and_then(|step| step.intent.as_ref()?.last.as_ref());
    last.is_some_and(|last| last.end.is_none())
}

/// Where two configurations differ, by the paths of at most three places.
fn differing(one: &Value, other: &Value) -> String {
    let mut found = Vec::new();
    compare(String::new(), one, other, &mut found);
    let more = found.len().saturating_sub(3);
    found.truncate(3);
    let list = found.join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}

fn compare(at: String, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let member = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                let name = key.rsplit(['/', ':']).next().unwrap_or(key);
                compare(format!("{at}/{name}"), &member(one), &member(other), found);
            }
        }
        (one, other) if one == other => {}
        _ => found.push(at),
    }
}

/// The steps that a rehearsal's records tell of, for a timeline: what happened when.
pub(super) fn timeline(performance: &Performance) -> Vec<String> {
    let Some(began) = performance.records.first().map(|line| line.at) else { return Vec::new() };
    let told = |record: &Record| !matches!(record, Record::CheckTried(_) | Record::RunOpened { .. });
    let lines = performance.records.iter().filter(|line| told(&line.record));
    lines
        .map(|line| {
            let after = lifeboat_contract::Span(lifeboat_contract::clock::until(began, line.at));
            let value = serde_json::to_value(&line.record).unwrap_or_default();
            let step = line.record.step().map_or(String::new(), |step| format!(" {step}"));
            let detail = value["failure"]["code"].as_str().or(value["outcome"].as_str()).unwrap_or_default();
            format!("{after:>8}  {:<16}{step} {detail}", value["record"].as_str().unwrap_or_default())
        })
        .collect()
}
