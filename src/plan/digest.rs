//! The plan's digest: what was decided, in canonical JSON (RFC 8785), hashed.
//!
//! Not in it: facts, lag, times, estimates, request ids. Those change from one minute to the next and decide nothing.

use super::value::{Plan, PlannedBody};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Lowercase hexadecimal SHA-256.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string does not fail");
        hex
    })
}

pub(super) fn digest(plan: &Plan) -> String {
    let canonical = serde_json_canonicalizer::to_vec(&decided(plan)).expect("a plan is JSON without NaN");
    sha256_hex(&canonical)
}

fn decided(plan: &Plan) -> Value {
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .map(|step| {
            let body = match &step.body {
                PlannedBody::Change(change) => json!({
                    "before": change.before,
                    "target": change.target,
                    "reversal": reversal_word(&change.reversal),
                }),
                other => json!(other),
            };
            json!({
                "id": step.id,
                "kind": step.kind,
                "with": step.with,
                "undo": step.undo,
                "place": step.place,
                "needs": step.needs,
                "timeout": step.timeout,
                "retry": step.retry,
                "on_failure": step.on_failure,
                "on_impaired": step.on_impaired,
                "skip": step.skip,
                "body": body,
                "touches": step.touches,
            })
        })
        .collect();
    json!({
        "v": plan.v,
        "runbook": plan.runbook.digest,
        "lock": plan.lock,
        "inputs": plan.inputs,
        "secrets": plan.secrets,
        "to": plan.to,
        "from": plan.from,
        "mode": plan.mode,
        "accepted_loss": plan.accepted_loss,
        "impaired": plan.impaired,
        "on_failure": plan.on_failure,
        "steps": steps,
    })
}

/// The class of a reversal, without the sentence that explains it (which may name a lag).
fn reversal_word(reversal: &lifeboat_contract::Reversal) -> &'static str {
    use lifeboat_contract::Reversal;
    match reversal {
        Reversal::Restores => "restores",
        Reversal::ForwardOnly(_) => "forward_only",
        Reversal::Irreversible(_) => "irreversible",
    }
}
