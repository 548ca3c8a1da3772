//! The plan as a document for machines.
//!
//! Leaves out what a plan keeps for its own execution: runbook text, `with`, policies.

use crate::plan::{Plan, PlannedBody, PlannedStep, Skip};
use lifeboat_contract::Reversal;
use serde_json::{Value, json};

pub fn plan_json(plan: &Plan) -> Value {
    let steps: Vec<Value> = plan.steps.iter().map(step_json).collect();
    json!({
        "digest": plan.digest,
        "runbook": plan.runbook.name,
        "to": plan.to,
        "from": plan.from,
        "mode": plan.mode,
        "impaired": plan.impaired,
        "warnings": plan.warnings,
        "steps": steps,
        "point_of_no_return": plan.point_of_no_return().map(|step| &step.id),
    })
}

fn step_json(step: &PlannedStep) -> Value {
    let change = match &step.body {
        PlannedBody::Change(change) => Some(change),
        _ => None,
    };
    let task = match &step.body {
        PlannedBody::Task(task) => Some(task),
        _ => None,
    };
    json!({
        "id": step.id,
        "kind": step.kind,
        "change": change_word(step),
        "before": change.and_then(|change| change.before.as_ref()),
        "target": change.and_then(|change| change.target.as_ref()),
        "work": task.map(|task| &task.work),
        "undo": task.and_then(|task| task.undo.as_ref()),
        "reversal": step.reversal().map(reversal_word),
        "reversal_why": step.reversal().and_then(why),
        "touches": step.touches,
        "refusals": step.refusals,
        "skip": step.skip.as_ref().map(skip_json),
        "note": step.note,
    })
}

/// What the step does to the world, in one of four words. A step that is left out does nothing to it.
pub(super) fn change_word(step: &PlannedStep) -> &'static str {
    match &step.body {
        _ if step.skip.is_some() => "none",
        PlannedBody::Wait { .. } | PlannedBody::Approval { .. } => "none",
        PlannedBody::Check { .. } => "check",
        PlannedBody::Task(_) => "undetermined",
        PlannedBody::Change(change) if change.before.is_none() || change.target.is_none() => "undetermined",
        PlannedBody::Change(change) if change.is_nothing() => "none",
        PlannedBody::Change(_) => "change",
    }
}

fn skip_json(skip: &Skip) -> Value {
    match skip {
        Skip::Condition(condition) => json!({ "outcome": "skipped", "condition": condition }),
        Skip::Impaired(regions) => json!({ "outcome": "owed", "regions": regions }),
    }
}

pub(super) fn reversal_word(reversal: &Reversal) -> &'static str {
    match reversal {
        Reversal::Restores => "restores",
        Reversal::ForwardOnly(_) => "forward_only",
        Reversal::Irreversible(_) => "irreversible",
    }
}

/// Why it cannot be undone, where it cannot.
pub(super) fn why(reversal: &Reversal) -> Option<&str> {
    match reversal {
        Reversal::Restores => None,
        Reversal::ForwardOnly(why) | Reversal::Irreversible(why) => Some(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_step_has_the_public_shape() {
        let document = plan_json(&sample::failover());
        insta::assert_snapshot!(format!("{:#}", document["steps"][1]), @r#"
        {
          "before": {
            "writer": "arn:aws:rds:us-east-1:111122223333:cluster:orders-r1"
          },
          "change": "change",
          "id": "promote-database",
          "kind": "aws.rds.global_cluster",
          "note": "the standby lags by 80 ms, measured 30s ago; the RPO is 30s",
          "refusals": [],
          "reversal": "forward_only",
          "reversal_why": "the old writer is rebuilt from the new one; go back later with a switchover to r1",
          "skip": null,
          "target": {
            "writer": "arn:aws:rds:us-west-2:111122223333:cluster:orders-r2"
          },
          "touches": {
            "opens_traffic": false,
            "owns": [
              "arn:aws:rds::111122223333:global-cluster:orders#writer"
            ],
            "permissions": [
              {
                "action": "rds:SwitchoverGlobalCluster",
                "reads": false,
                "resource": "arn:aws:rds::111122223333:global-cluster:orders"
              },
              {
                "action": "rds:DescribeGlobalClusters",
                "reads": true,
                "resource": "*"
              }
            ],
            "planes": [
              {
                "region": "us-east-1",
                "service": "rds"
              },
              {
                "region": "us-west-2",
                "service": "rds"
              },
              {
                "region": "us-west-2",
                "service": "cloudwatch"
              }
            ],
            "serialise_on": []
          },
          "undo": null,
          "work": null
        }
        "#);
        let words: Vec<&Value> = document["steps"].as_array().unwrap().iter().map(|step| &step["change"]).collect();
        assert_eq!(words, ["check", "change", "change", "none", "none", "none", "check"]);
        assert_eq!(document["steps"][4]["skip"], json!({"outcome": "owed", "regions": ["us-east-1"]}));
        assert_eq!(document["point_of_no_return"], "promote-database");
        assert_eq!(document["steps"][0]["reversal"], Value::Null);
    }

    #[test]
    fn what_could_not_be_observed_is_undetermined() {
        let document = plan_json(&sample::refused());
        assert_eq!(document["steps"][1]["change"], "undetermined");
        assert_eq!(document["steps"][1]["refusals"][0]["code"], "lag.unknown");
    }
}
