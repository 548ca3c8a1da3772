//! What a runbook and an intent yield together.

use super::fixture::{catalog, edited, going_to, steps};
use crate::runbook::{Body, Intent, OnFailure, ResolvedRunbook, decode_step};
use lifeboat_contract::{AcceptedLoss, Mode, Region, SiteId};
use serde_json::json;
use std::time::Duration;

fn ids(resolved: &ResolvedRunbook) -> Vec<&str> {
    resolved.steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn values_of_each_direction() {
    let runbook = edited("name: demo", "name: demo\nlock: demo-${{ to.id }}").checked.runbook.unwrap();
    let resolved = runbook.resolve(&catalog(), &going_to("r2")).unwrap();
    assert_eq!((resolved.to.as_str(), resolved.from.as_str()), ("r2", "r1"));
    assert_eq!(resolved.lock, "demo-r2");
    assert_eq!(ids(&resolved), ["ready", "open", "close"]);
    assert_eq!(resolved.steps[0].with, json!({ "url": "https://r2/", "token": { "secret": "TOKEN" } }));
    assert_eq!(resolved.steps[1].with, json!({ "name": "d2", "percent": 100 }));
    let place = resolved.steps[2].place.as_ref().unwrap();
    assert_eq!((place.region.as_ref().map(Region::as_str), place.account.as_deref()), (Some("east"), Some("1111")));
    assert_eq!(resolved.steps[2].timeout, Some(Duration::from_mins(1)));
    assert_eq!(resolved.steps[2].needs, [resolved.steps[1].id.clone()]);
    assert_eq!(resolved.on_failure, OnFailure::Rollback);
    for step in &resolved.steps {
        decode_step(&catalog(), &step.kind, &step.with).unwrap();
    }
    let back = runbook.resolve(&catalog(), &going_to("r1")).unwrap();
    assert_eq!(back.steps[1].with["name"], "d1");
}

#[test]
fn conditions_and_gates() {
    let runbook = steps(
        "  - { id: a, uses: wait, with: { duration: 90s } }\n  - { id: b, uses: approval, if: mode == 'failover' }\n  \
         - { id: c, uses: toy.door, if: has(to.zone), with: { name: \"${{ to.zone }}\" } }\n  \
         - { id: d, uses: approval, with: { message: \"Go ${{ to.id }}?\" } }\n",
    );
    let runbook = runbook.checked.runbook.unwrap();
    let resolved = runbook.resolve(&catalog(), &going_to("r1")).unwrap();
    // `c` makes no sense going to r1, and is not there; what needed it needs what it needed.
    assert_eq!(ids(&resolved), ["a", "b", "d"]);
    assert!(matches!(resolved.steps[0].body, Body::Wait(duration) if duration == Duration::from_secs(90)));
    assert_eq!(resolved.steps[1].skipped_by.as_deref(), Some("mode == 'failover'"));
    assert_eq!(resolved.steps[2].needs, [resolved.steps[1].id.clone()]);
    assert!(matches!(&resolved.steps[2].body, Body::Approval { message: Some(message) } if message == "Go r1?"));
    let resolved = runbook.resolve(&catalog(), &Intent { mode: Mode::Failover, ..going_to("r2") }).unwrap();
    assert_eq!(ids(&resolved), ["a", "b", "c", "d"]);
    assert!(resolved.steps.iter().all(|step| step.skipped_by.is_none()));
}

#[test]
fn what_an_intent_gets_wrong() {
    let runbook = edited("share: { type: number, default: 100 }", "share: { type: number }").checked.runbook.unwrap();
    let codes = |intent: &Intent| -> Vec<String> {
        let findings = runbook.resolve(&catalog(), intent).err().unwrap_or_default();
        findings.iter().map(|finding| format!("{} {}", finding.code, finding.path)).collect()
    };
    let mut intent = going_to("r2");
    assert_eq!(codes(&intent), ["LB0306 inputs/share"]);
    intent.inputs.insert("share".to_owned(), "many".to_owned());
    assert_eq!(codes(&intent), ["LB0104 --input"]);
    intent.inputs.insert("share".to_owned(), "50".to_owned());
    assert_eq!(codes(&intent), Vec::<String>::new());
    intent.inputs.insert("sharf".to_owned(), "50".to_owned());
    assert_eq!(codes(&intent), ["LB0302 --input"]);
    intent.inputs.remove("sharf");
    intent.inputs.insert("share".to_owned(), "150".to_owned());
    assert_eq!(codes(&intent), ["LB0108 steps/1/with/percent"]);
    intent.inputs.insert("share".to_owned(), "50".to_owned());
    intent.to = SiteId::from("r7");
    assert_eq!(codes(&intent), ["LB0207 --to"]);
    intent.to = SiteId::from("r2");
    intent.from = Some(SiteId::from("r2"));
    assert_eq!(codes(&intent), ["LB0207 --from"]);
    intent.from = None;
    intent.accepted_loss = Some(AcceptedLoss::Unbounded);
    assert_eq!(codes(&intent), ["LB0109 --mode"]);
    intent.mode = Mode::Failover;
    assert_eq!(codes(&intent), Vec::<String>::new());
}

#[test]
fn with_three_sites_the_active_one_must_be_named() {
    let three = edited("  r2:\n", "  r3: { provider: toy, region: north, vars: { dial: d3, url: x } }\n  r2:\n");
    let runbook = three.checked.runbook.unwrap();
    let error = runbook.resolve(&catalog(), &going_to("r2")).unwrap_err();
    assert_eq!(error[0].code.to_string(), "LB0207");
    let intent = Intent { from: Some(SiteId::from("r3")), ..going_to("r2") };
    assert_eq!(runbook.resolve(&catalog(), &intent).unwrap().steps[2].with["name"], "d3");
}
