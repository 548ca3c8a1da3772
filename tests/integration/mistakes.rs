//! A rehearsal finds mistakes in runbooks: copies of the shipped ones, each with one mistake in it. A missing fence is in `rehearse`.

use crate::program::Program;
use serde_json::Value;
use std::collections::BTreeSet;

/// A runbook's text, step by step.
struct Runbook {
    head: String,
    steps: Vec<(String, String)>,
    tail: String,
}

impl Runbook {
    fn shipped(system: &str) -> Self {
        let text = std::fs::read_to_string(format!("runbooks/{system}/runbook.yaml")).unwrap();
        let (head, rest) = text.split_once("\nsteps:\n").unwrap();
        let (steps, tail) = rest.split_once("\n# What must be the same").map_or((rest, ""), |(steps, _)| (steps, ""));
        let steps = steps.split("\n  - id: ").map(|step| {
            let step = step.strip_prefix("  - id: ").unwrap_or(step);
            // What is said about the next step goes with this one: comments go.
            let lines: Vec<&str> = step.lines().filter(|line| !line.starts_with("  #")).collect();
            (lines.first().copied().unwrap_or_default().to_owned(), lines.join("\n") + "\n")
        });
        let steps = steps.filter(|(id, _)| !id.is_empty()).collect();
        Self { head: head.to_owned(), steps, tail: tail.to_owned() }
    }

    /// Takes a step out.
    fn without(mut self, id: &str) -> Self {
        let before = self.steps.len();
        self.steps.retain(|(step, _)| step != id);
        assert_eq!(self.steps.len(), before - 1, "there is no {id}");
        self
    }

    /// Moves steps to before another.
    fn moved(mut self, ids: &[&str], before: &str) -> Self {
        let (moved, mut left): (Vec<_>, Vec<_>) =
            self.steps.into_iter().partition(|(step, _)| ids.contains(&step.as_str()));
        assert_eq!(moved.len(), ids.len(), "{ids:?}");
        let place = left.iter().position(|(step, _)| step == before).unwrap();
        left.splice(place..place, moved);
        self.steps = left;
        self
    }

    /// Replaces a line's words, in one step.
    fn with(mut self, id: &str, words: &str, by: &str) -> Self {
        let (_, step) = self.steps.iter_mut().find(|(step, _)| step == id).unwrap();
        assert!(step.contains(words), "{step}");
        *step = step.replace(words, by);
        self
    }

    fn text(&self) -> String {
        let steps: Vec<&str> = self.steps.iter().map(|(_, step)| step.as_str()).collect();
        format!("{}\nsteps:\n  - id: {}{}", self.head, steps.join("\n  - id: "), self.tail)
    }
}

fn rehearse(program: &Program, runbook: &str, system: &str, words: &[&str]) -> (Option<i32>, Value) {
    let world = format!("runbooks/{system}/world.yaml");
    let fixed = ["rehearse", runbook, "--world", &world, "--format", "json", "--quiet"];
    let ended = program.run(&[&fixed[..], words].concat());
    (ended.code, serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}{}", ended.stdout, ended.stderr)))
}

/// The invariants that a copy of a runbook breaks in any of these scripts, and that the shipped one does not.
fn found(system: &str, mistaken: &Runbook, words: &[&str], scripts: &[String]) -> BTreeSet<String> {
    let program = Program::new();
    let path = program.state().join("mistake.yaml");
    std::fs::write(&path, mistaken.text()).unwrap();
    let scripts: Vec<&str> = scripts.iter().flat_map(|script| ["--replay", script]).collect();
    let words = [words, &scripts].concat();
    let shipped = format!("runbooks/{system}");
    let (code, calm) = rehearse(&program, &shipped, system, &words);
    assert_eq!(code, Some(0), "{calm:#}");
    let (code, document) = rehearse(&program, path.to_str().unwrap(), system, &words);
    let all = document["rehearsals"].as_array().unwrap().iter().chain([&document["undisturbed"]]);
    let broken = all.flat_map(|one| one["violations"].as_array().unwrap());
    let broken: BTreeSet<String> = broken.map(|one| one["invariant"].as_str().unwrap().to_owned()).collect();
    assert_eq!(code, Some(if broken.is_empty() { 0 } else { 10 }));
    broken
}

fn calm() -> Vec<String> {
    vec!["resume".to_owned()]
}

/// A fault at each of many records, wherever the edit has moved the right one to.
fn at_records(count: u64, fault: impl Fn(u64) -> String) -> Vec<String> {
    (0..count).map(|record| fault(record) + ",resume").collect()
}

#[test]
fn traffic_that_is_opened_before_the_database_takes_writes() {
    let early = Runbook::shipped("region-failover")
        .moved(&["open-standby"], "promote-database")
        .with("open-standby", "    with:", "    needs: [standby-ready, grow-standby, grow-workers]\n    with:")
        .with("promote-database", "needs: [standby-ready, grow-standby, grow-workers]", "needs: [open-standby]");
    let found = found("region-failover", &early, &["--to", "r2"], &calm());
    assert!(found.contains("led-away"), "{found:?}");
}

#[test]
fn traffic_that_is_moved_without_a_check_before_or_after() {
    let unchecked = Runbook::shipped("region-failover")
        .without("standby-ready")
        .without("traffic-healthy")
        .with("promote-database", "needs: [standby-ready, grow-standby", "needs: [fill-standby, grow-standby")
        .with("shrink-workers", "needs: [traffic-healthy]", "needs: [shrink-active]");
    let lost = at_records(20, |record| format!("region-lost:{record}:data:eu-west-1"));
    let found = found("region-failover", &unchecked, &["--to", "r2"], &lost);
    assert!(found.contains("not-looked"), "{found:?}");
}

#[test]
fn traffic_that_goes_over_before_the_queues_are_handed_over() {
    let early = Runbook::shipped("active-passive-azure").moved(&["move-traffic"], "hand-over");
    let found = found("active-passive-azure", &early, &["--to", "b"], &calm());
    assert!(found.contains("led-away"), "{found:?}");
}

#[test]
fn nobody_looks_whether_the_other_took_over() {
    let unchecked = Runbook::shipped("active-passive-aws")
        .without("took-over")
        .without("mllp-answers")
        .without("http-answers")
        .with("http-over", "    needs: [took-over]\n", "    needs: [hand-over]\n");
    let found = found("active-passive-aws", &unchecked, &["--to", "b"], &calm());
    assert!(found.contains("led-away"), "{found:?}");
}

/// What hangs may go on at any moment, and has the queues as long as it is not fenced.
#[test]
fn queues_that_are_handed_over_before_the_fence() {
    let fences = ["fence-by-stop", "fence-by-isolation", "fence-vouched"];
    let late = Runbook::shipped("active-passive-aws").moved(&fences, "took-over");
    let words = ["--to", "b", "--mode", "failover", "--incident", "hang", "--after", "20s"];
    let found = found("active-passive-aws", &late, &words, &at_records(20, |record| format!("recovered:{record}")));
    assert!(found.contains("two-actives"), "{found:?}");
}

#[test]
fn a_runbook_that_does_not_complete_where_nothing_goes_wrong() {
    let early = Runbook::shipped("active-passive-aws")
        .moved(&["mllp-in", "mllp-out"], "hand-over")
        .with("http-over", "needs: [took-over]", "needs: [took-over, mllp-out]")
        .with("mllp-answers", "needs: [mllp-out, http-over]", "needs: [http-over]");
    let found = found("active-passive-aws", &early, &["--to", "b"], &calm());
    assert!(found.contains("not-completed"), "{found:?}");
}

/// An engine that was isolated while it hung comes back with what it had in its memory. A way back that hands the queues to it and
/// then lets it reach the storage again makes two actives.
#[test]
fn a_way_back_to_an_isolated_engine() {
    let condition = "    if: mode == 'switchover' || inputs.fence != 'isolate'\n";
    let mistaken =
        Runbook::shipped("active-passive-aws").without("hand-over-for-good").with("hand-over", condition, "");
    let words = ["--to", "b", "--mode", "failover", "--incident", "hang", "--after", "20s", "--input", "fence=isolate"];
    let found = found("active-passive-aws", &mistaken, &words, &["killed-after-record:28,rollback".to_owned()]);
    assert!(found.contains("two-actives"), "{found:?}");
}
