//! `JUnit` XML: a case for the run, each step, each objective and each leg of a drill.
//!
//! Written with quick-xml: the crates made for `JUnit` bring chrono, and there is one time library here.

use super::Document;
use crate::{
    drill::{Objective, Verdict},
    report::{document::StepReport, drill_screen::phase},
};
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};
use std::io;

/// How a case ended.
enum Ended {
    Passed(Option<String>),
    Skipped(String),
    Failed { code: String, message: String },
}

struct Case {
    group: &'static str,
    name: String,
    seconds: f64,
    ended: Ended,
}

/// The document as `JUnit` XML.
pub(super) fn junit(document: &Document) -> io::Result<String> {
    let cases = cases(document);
    let failures = cases.iter().filter(|case| matches!(case.ended, Ended::Failed { .. })).count().to_string();
    let skipped = cases.iter().filter(|case| matches!(case.ended, Ended::Skipped(_))).count().to_string();
    let (tests, time) = (cases.len().to_string(), format!("{:.3}", document.duration_s));
    let name = clean(&document.runbook.name);
    let counts = [("tests", tests.as_str()), ("failures", failures.as_str()), ("errors", "0"), ("time", time.as_str())];
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut suites = BytesStart::new("testsuites");
    suites.push_attribute(("name", "lifeboat"));
    suites.extend_attributes(counts);
    writer.write_event(Event::Start(suites))?;
    let mut suite = BytesStart::new("testsuite");
    suite.push_attribute(("name", name.as_str()));
    suite.extend_attributes(counts);
    suite.push_attribute(("skipped", skipped.as_str()));
    suite.push_attribute(("timestamp", document.started_at.strftime("%Y-%m-%dT%H:%M:%S").to_string().as_str()));
    suite.push_attribute(("hostname", clean(&document.by.host).as_str()));
    writer.write_event(Event::Start(suite))?;
    properties(&mut writer, document)?;
    for case in &cases {
        write_case(&mut writer, &name, case)?;
    }
    writer.write_event(Event::End(BytesEnd::new("testsuite")))?;
    writer.write_event(Event::End(BytesEnd::new("testsuites")))?;
    String::from_utf8(writer.into_inner()).map(|text| text + "\n").map_err(io::Error::other)
}

fn properties(writer: &mut Writer<Vec<u8>>, document: &Document) -> io::Result<()> {
    writer.write_event(Event::Start(BytesStart::new("properties")))?;
    let rows = [
        ("run", &document.run),
        ("from", &document.from),
        ("to", &document.to),
        ("mode", &document.mode),
        ("runbook digest", &document.runbook.digest),
        ("plan digest", &document.plan),
        ("journal hash", &document.journal.hash),
    ];
    for (name, value) in rows {
        let mut property = BytesStart::new("property");
        property.push_attribute(("name", name));
        property.push_attribute(("value", clean(value).as_str()));
        writer.write_event(Event::Empty(property))?;
    }
    writer.write_event(Event::End(BytesEnd::new("properties")))
}

fn write_case(writer: &mut Writer<Vec<u8>>, suite: &str, case: &Case) -> io::Result<()> {
    let mut start = BytesStart::new("testcase");
    start.push_attribute(("classname", format!("{suite}.{}", case.group).as_str()));
    start.push_attribute(("name", clean(&case.name).as_str()));
    start.push_attribute(("time", format!("{:.3}", case.seconds).as_str()));
    writer.write_event(Event::Start(start))?;
    match &case.ended {
        Ended::Passed(None) => {}
        Ended::Passed(Some(text)) => {
            writer.write_event(Event::Start(BytesStart::new("system-out")))?;
            writer.write_event(Event::Text(BytesText::new(&clean(text))))?;
            writer.write_event(Event::End(BytesEnd::new("system-out")))?;
        }
        Ended::Skipped(why) => {
            let mut skipped = BytesStart::new("skipped");
            skipped.push_attribute(("message", clean(why).as_str()));
            writer.write_event(Event::Empty(skipped))?;
        }
        Ended::Failed { code, message } => {
            let mut failure = BytesStart::new("failure");
            failure.push_attribute(("type", clean(code).as_str()));
            failure.push_attribute(("message", clean(message).as_str()));
            writer.write_event(Event::Empty(failure))?;
        }
    }
    writer.write_event(Event::End(BytesEnd::new("testcase")))
}

fn cases(document: &Document) -> Vec<Case> {
    let verdict = document.verdict.clone();
    let run = Case {
        group: "run",
        name: format!("{} to {}", document.from, document.to),
        seconds: document.duration_s,
        ended: match document.outcome {
            _ if document.ok => Ended::Passed(Some(verdict)),
            "running" => Ended::Skipped(verdict),
            outcome => Ended::Failed { code: outcome.to_owned(), message: verdict },
        },
    };
    let steps = document.steps.iter().map(step);
    let objectives = document.objectives.iter().map(objective);
    let legs = document.drill.iter().flat_map(|drill| &drill.legs).map(|leg| Case {
        group: "drill",
        name: phase(leg.phase).to_owned(),
        seconds: crate::report::document::seconds(leg.started_at, leg.ended_at),
        ended: if leg.ok {
            Ended::Passed(Some(leg.outcome.clone()))
        } else {
            Ended::Failed { code: "leg".to_owned(), message: leg.outcome.clone() }
        },
    });
    std::iter::once(run).chain(steps).chain(objectives).chain(legs).collect()
}

fn step(step: &StepReport) -> Case {
    let note = step.note.clone();
    let ended = match (&step.failure, step.outcome) {
        (Some(failure), _) => Ended::Failed { code: failure.code.clone(), message: failure.message.clone() },
        (None, "skipped" | "owed") => Ended::Skipped(note.unwrap_or_else(|| step.outcome.to_owned())),
        (None, "pending" | "running" | "waiting" | "awaiting_approval" | "undoing") => {
            Ended::Skipped(format!("not finished: {}", step.outcome.replace('_', " ")))
        }
        (None, "unknown") => Ended::Failed { code: "unknown".to_owned(), message: "its outcome is unknown".to_owned() },
        (None, _) => Ended::Passed(note),
    };
    Case { group: "steps", name: step.id.clone(), seconds: step.duration_s.unwrap_or_default(), ended }
}

fn objective(objective: &Objective) -> Case {
    let seconds = objective.measured.as_ref().map_or(0.0, |measured| measured.seconds);
    let told = objective.measured.as_ref().map_or_else(
        || format!("{:.3} s allowed, not measured", objective.allowed_s),
        |measured| format!("{:.3} s of {:.3} s allowed ({})", measured.seconds, objective.allowed_s, measured.source),
    );
    let ended = match objective.verdict {
        Verdict::Met => Ended::Passed(Some(told)),
        Verdict::Missed => Ended::Failed { code: "missed".to_owned(), message: told },
        Verdict::NotMeasured => Ended::Skipped(told),
    };
    Case { group: "objectives", name: objective.name.clone(), seconds, ended }
}

/// What XML 1.0 cannot hold even escaped becomes a replacement character.
fn clean(text: &str) -> String {
    let holds = |c: char| matches!(c, '\t' | '\n' | '\r') || c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if holds(c) { c } else { '\u{fffd}' }).collect()
}
