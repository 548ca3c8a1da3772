//! Reports of a run and of a drill: the same afterwards as at once, in every form, with what happened over time.

use crate::program::Program;
use serde_json::Value;

const BOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/runbooks/overlay-vip");
const WORLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/runbooks/overlay-vip/world.yaml");

/// A drill with its JSON report as it was written at once.
fn drilled() -> (Program, Value) {
    let program = Program::new();
    let file = program.state().join("at-once.json");
    let file = file.to_str().unwrap();
    program.run(&["drill", BOOK, "--to", "b", "--world", WORLD, "--yes", "--report", file]).ended(0);
    let report = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    (program, report)
}

#[test]
fn a_later_report_is_what_it_was_at_once() {
    let (program, at_once) = drilled();
    let later = program.run(&["report", "latest", "--format", "json"]).json(0);
    assert_eq!(later, at_once);
}

#[test]
fn what_happened_over_time_reaches_from_the_start_of_the_drill_to_its_end() {
    let (_, report) = drilled();
    let lines = report["over_time"]["availability"].as_array().unwrap();
    let seen: Vec<_> =
        lines.iter().map(|line| (line["of"].as_str().unwrap(), line["seen_by"].as_str().unwrap())).collect();
    assert_eq!(seen, [("page", "probe"), ("client packets", "simulated_world")]);
    for line in lines {
        assert_eq!(line["until"], report["drill"]["ended_at"], "{line}");
        assert_eq!(line["changes"][0]["part"], 1.0, "{line}");
    }
    let sites: Vec<String> = report["over_time"]["traffic"]["client packets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|share| share["served"].as_object().unwrap().keys().cloned().collect())
        .collect();
    assert_eq!(sites, ["a", "b", "a"], "over and back");
}

#[test]
fn each_form_goes_to_stdout_too() {
    let (program, _) = drilled();
    for (form, start) in [
        ("text", "# ✅ overlay-vip: a to b\n"),
        ("markdown", "# ✅ overlay-vip: a to b\n"),
        ("junit", "<?xml"),
        ("jsonl", "{\"seq\":"),
        ("lines", "{\"seq\":"),
        ("json", "{\n"),
        ("html", "<!DOCTYPE html>"),
    ] {
        let ended = program.run(&["report", "latest", "--format", form]);
        ended.ended(0);
        assert!(ended.stdout.starts_with(start), "{form}: {}", ended.stdout);
    }
    program.run(&["runs", "--format", "html"]).ended(2);
}
