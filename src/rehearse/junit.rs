//! What a rehearsal found, as JUnit XML: a case for each step and class of fault, failed where anything in it violated an invariant.

use super::{
    explore::{Explored, Rehearsal},
    fault::Fault,
    scenario::Scenario,
    tally::{CLASSES, Cells, RUN, short},
};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// The document. `again` is the command that replays a script, up to the script.
pub fn junit(explored: &Explored, scenario: &Scenario, again: &str) -> Result<String, quick_junit::SerializeError> {
    let plan = &scenario.plan;
    let name = format!("{}: {} to {}", plan.runbook.name, plan.from, plan.to);
    let mut suite = TestSuite::new(name.clone());
    suite.add_test_case(case("undisturbed", "run", "one run".to_owned(), &[&explored.undisturbed], again));
    let cells = Cells::of(&explored.rehearsals);
    let rows = plan.steps.iter().map(|step| step.id.to_string()).chain([RUN.to_owned()]);
    for row in rows {
        for class in CLASSES {
            let Some(tally) = cells.at(&row, class) else { continue };
            let here = explored.rehearsals.iter().filter(|one| is_at(one, &row, class));
            let here: Vec<&Rehearsal> = here.collect();
            suite.add_test_case(case(class, &row, short(tally), &here, again));
        }
    }
    if explored.pairs.tried > 0 {
        let violated: Vec<&Rehearsal> = explored.pairs.violated.iter().collect();
        let told = format!("{} pairs of faults", explored.pairs.tried);
        suite.add_test_case(case("pairs", "run", told, &violated, again));
    }
    let mut report = Report::new(format!("rehearsal of {name}"));
    report.add_test_suite(suite);
    report.to_string()
}

fn is_at(one: &Rehearsal, row: &str, class: &str) -> bool {
    let step = one.step.as_ref().map_or(RUN, |step| step.as_str());
    step == row && one.script.faults.first().map(Fault::class) == Some(class)
}

fn case(name: &str, step: &str, told: String, rehearsals: &[&Rehearsal], again: &str) -> TestCase {
    let violated: Vec<&&Rehearsal> = rehearsals.iter().filter(|one| !one.outcome.violations.is_empty()).collect();
    let status = match violated.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let violations = || first.outcome.violations.iter();
            let what: Vec<String> = violations().map(|v| format!("{}: {}", v.invariant, v.what)).collect();
            status.set_type(violations().next().map_or("violation", |violation| violation.invariant));
            status.set_message(what.join("; "));
            let scripts = violated.iter().map(|one| format!("{again} --replay {}", one.script));
            status
                .set_description(scripts.chain(first.outcome.timeline.iter().cloned()).collect::<Vec<_>>().join("\n"));
            status
        }
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(step);
    case.set_system_out(told);
    case
}
