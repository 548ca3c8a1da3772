//! What each report file says, and that nothing from a journal can leave its place in it.

use super::*;
use crate::{
    journal::Failure,
    report::{Beside, sample},
    runbook::OnFailure,
};

fn completed() -> Document {
    sample::completed().document(Beside::default())
}

/// A failure whose text tries to be markup.
fn hostile() -> Document {
    let failure = Failure::new("x|y", "</td><script>alert(1)</script> & \"quoted\" | `code`\u{1b}[31m\nnext");
    sample::Telling::of(sample::switchover())
        .passes("standby-ready", 1)
        .fails("promote-database", failure, OnFailure::Stop)
        .ends(crate::journal::RunOutcome::Failed)
        .document(Beside::default())
}

#[test]
fn a_document_says_what_the_journal_tells() {
    let document = completed();
    let promote = document.steps.iter().find(|step| step.id == "promote-database").unwrap();
    assert_eq!(promote.attempts.len(), 2);
    assert!(promote.attempts[0].error.as_ref().unwrap().contains("ThrottlingException"));
    assert_eq!(promote.duration_s, Some(48.68));
    assert_eq!(promote.waits.iter().filter(|wait| wait.to.is_none()).count(), 0);
    assert_eq!(document.events.len(), document.journal.records);
    assert_eq!(document.journal.hash.len(), 64);
    assert_eq!(document.owed.as_ref().unwrap().steps[0].id, "drain-active");
    assert!(document.ok);
}

#[test]
fn markdown_puts_the_verdict_first() {
    let page = markdown(&completed());
    let first: Vec<&str> = page.lines().take(3).collect();
    assert_eq!(
        first,
        ["# ✅ region-failover: r1 to r2", "", "**completed: site r2 is active, 1m 11s of 10m allowed; 1 step owed**"]
    );
    for wanted in ["| rto | ✅ met | 1m 11s | 10m |", "| rpo | not measured | – | 30s | – |", "## Owed: drain-active"]
    {
        assert!(page.contains(wanted), "{wanted} is not in\n{page}");
    }
}

#[test]
fn markdown_cannot_be_broken_out_of() {
    let page = markdown(&hostile());
    let row = page.lines().find(|line| line.starts_with("| promote-database")).unwrap();
    assert!(!page.contains("<script") && !page.contains('\u{1b}'), "{page}");
    assert!(row.contains("\\| \\`code\\`") && row.contains("next"), "{row}");
}

#[test]
fn junit_has_a_case_for_the_run_each_step_and_each_objective() {
    let document = completed();
    let text = junit::junit(&document).unwrap();
    let cases = 1 + document.steps.len() + document.objectives.len();
    assert_eq!(text.matches("<testcase ").count(), cases);
    let head = format!("<testsuites name=\"lifeboat\" tests=\"{cases}\" failures=\"0\" errors=\"0\" time=\"71.300\">");
    assert!(text.contains(&head), "{text}");
    assert!(text.contains("skipped=\"3\""), "owed, skipped, and an RPO that was not measured\n{text}");
}

#[test]
fn junit_is_well_formed_whatever_a_cloud_answered() {
    let text = junit::junit(&hostile()).unwrap();
    let mut reader = quick_xml::Reader::from_str(&text);
    let mut failures = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Empty(tag) if tag.name().as_ref() == "failure" => {
                let attributes: Vec<_> = tag.attributes().collect::<Result<_, _>>().unwrap();
                failures.push(attributes.len());
            }
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(failures.len(), 2, "the run and its step\n{text}");
    assert!(!text.contains('\u{1b}') && !text.contains("<script"));
}

#[test]
fn events_stand_one_a_line() {
    let document = hostile();
    let text = json_lines(&document);
    assert_eq!(text.lines().count(), document.journal.records);
    for line in text.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(event["event"].is_string() && event["at"].is_string());
    }
}

#[test]
fn a_path_is_refused_before_anything_happens() {
    let refused = |path: &str| ReportPath::new(Path::new(path)).unwrap_err().to_string();
    assert_eq!(
        refused("report.pdf"),
        "no report can be written to report.pdf: its extension is none of .xml, .md, .json, .jsonl, .html"
    );
    assert_eq!(
        refused("no-such-folder/report.md"),
        "no report can be written to no-such-folder/report.md: there is no folder no-such-folder"
    );
    assert!(ReportPath::new(Path::new("report.xml")).is_ok());
}

#[test]
fn one_report_that_fails_keeps_no_other_back() {
    let folder = std::env::temp_dir().join(format!("lifeboat-reports-{}", std::process::id()));
    fs::create_dir_all(folder.join("gone")).unwrap();
    let paths = ["gone/a.md", "b.json"].map(|name| ReportPath::new(&folder.join(name)).unwrap());
    fs::remove_dir(folder.join("gone")).unwrap();
    let unwritten = write_reports(&paths, &completed());
    assert_eq!(unwritten.len(), 1);
    let kept: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("b.json")).unwrap()).unwrap();
    assert_eq!(kept["outcome"], "completed");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_page_needs_no_network_and_shows_every_step() {
    let document = completed();
    let page = html::page(&document).unwrap();
    assert_eq!(page.matches("data-step=").count(), document.steps.len());
    assert_eq!(page.matches("data-event").count(), document.events.len());
    let charts = page.matches("<svg role=\"img\"").count();
    assert_eq!(charts, 2, "a wide and a narrow timeline, and nothing noted over time");
    assert_eq!(page.matches("</title>").count(), 1 + charts, "the page's own, and one for each chart");
    for outside in ["<script", " src=", "<link", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains("#01020"), "every placeholder became a variable");
}

#[test]
fn a_page_cannot_be_broken_out_of() {
    let mut document = hostile();
    document.steps[0].id = "</text></svg><script>alert(1)</script>".to_owned();
    let page = html::page(&document).unwrap();
    assert!(!page.contains("<script") && !page.contains("</text></svg><"), "{page}");
}
