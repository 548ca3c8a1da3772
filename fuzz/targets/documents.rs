//! What people write: runbooks, worlds and conditions, and what they are told about them.

use lifeboat::{
    runbook::{Condition, Intent, Source, check, diagnostics, document},
    wiring,
};
use lifeboat_contract::{Finding, Mode, Severity};
use lifeboat_simulated::{World, WorldDocument};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Checks a runbook, prints what is wrong with it, and resolves one that is right in every direction.
pub fn runbook(bytes: &[u8]) {
    let source = source("runbook.yaml", bytes);
    let catalog = wiring::catalog();
    let checked = check(&source, &catalog);
    told(&source, &checked.findings);
    let Some(runbook) = checked.runbook else {
        assert!(!checked.findings.is_empty(), "refused without a reason");
        return;
    };
    if checked.findings.iter().any(|finding| finding.severity == Severity::Error) {
        return;
    }
    for to in runbook.sites() {
        for mode in [Mode::Switchover, Mode::Failover] {
            let intent = Intent {
                to: to.id.clone(),
                from: None,
                mode,
                accepted_loss: None,
                impaired: BTreeSet::new(),
                inputs: BTreeMap::new(),
            };
            if let Err(findings) = runbook.resolve(&catalog, &intent) {
                assert!(!findings.is_empty(), "not resolved, and no reason why");
                told(&source, &findings);
            }
        }
    }
}

/// Builds a world, prints what is wrong with it, and lets a few minutes of one that is right pass.
pub fn world(bytes: &[u8]) {
    let source = source("world.yaml", bytes);
    let decoded = document::parse(&source).and_then(|node| document::decode::<WorldDocument>(&node));
    match decoded.and_then(|document| World::build(&document)) {
        Ok(mut world) => {
            for name in world.incident_names() {
                world.begin_incident(&name);
            }
            let Ok(later) = world.now().checked_add(Duration::from_mins(5)) else { return };
            world.advance(later);
            let _: (_, _) = (world.figures(), world.contents());
        }
        Err(findings) => {
            assert!(!findings.is_empty(), "refused without a reason");
            told(&source, &findings);
        }
    }
}

/// Reads a condition and asks whether it holds.
pub fn condition(bytes: &[u8]) {
    let facts = json!({
        "inputs": { "fence": "stop", "count": 3, "ratio": 0.5, "names": ["a", "b"] },
        "to": { "id": "a", "region": "us-east-1", "empty": null },
        "mode": "failover",
        "cluster": { "wk1": { "actives": 2 } },
    });
    if let (Ok(condition), Some(facts)) = (Condition::parse(&String::from_utf8_lossy(bytes)), facts.as_object()) {
        let first = condition.holds(facts).ok();
        assert_eq!(first, condition.holds(facts).ok(), "the same question, two answers");
    }
}

fn source(name: &str, bytes: &[u8]) -> Source {
    Source::new(name, String::from_utf8_lossy(bytes).into_owned())
}

/// Prints findings in every form.
fn told(source: &Source, findings: &[Finding]) {
    let node = document::parse(source).ok();
    diagnostics::render(source, node.as_ref(), findings, true);
    diagnostics::findings_json(source, node.as_ref(), findings);
    diagnostics::annotations(source, node.as_ref(), findings);
}
