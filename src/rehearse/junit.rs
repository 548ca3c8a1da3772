//! What a rehearsal found, as `JUnit` XML: a case for each step and class of fault, failed where anything in it violated an invariant.

use super::{
    explore::{Explored, Rehearsal},
    fault::Fault,
    scenario::Scenario,
    tally::{CLASSES, Cells, RUN, short},
};
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};
use std::io;

struct Case<'r> {
    class: &'static str,
    step: String,
    told: String,
    violated: Vec<&'r Rehearsal>,
}

/// The document. `again` is the command that replays a script, up to the script.
pub fn junit(explored: &Explored, scenario: &Scenario, again: &str) -> io::Result<String> {
    let plan = &scenario.plan;
    let name = format!("rehearsal of {}: {} to {}", plan.runbook.name, plan.from, plan.to);
    let cases = cases(explored, scenario);
    let failures = cases.iter().filter(|case| !case.violated.is_empty()).count().to_string();
    let tests = cases.len().to_string();
    let counts = [("name", name.as_str()), ("tests", tests.as_str()), ("failures", failures.as_str()), ("errors", "0")];
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    for element in ["testsuites", "testsuite"] {
        let mut start = BytesStart::new(element);
        start.extend_attributes(counts);
        writer.write_event(Event::Start(start))?;
    }
    for case in &cases {
        write_case(&mut writer, case, again)?;
    }
    writer.write_event(Event::End(BytesEnd::new("testsuite")))?;
    writer.write_event(Event::End(BytesEnd::new("testsuites")))?;
    String::from_utf8(writer.into_inner()).map(|text| text + "\n").map_err(io::Error::other)
}

fn write_case(writer: &mut Writer<Vec<u8>>, case: &Case<'_>, again: &str) -> io::Result<()> {
    let mut start = BytesStart::new("testcase");
    start.push_attribute(("classname", case.step.as_str()));
    start.push_attribute(("name", case.class));
    writer.write_event(Event::Start(start))?;
    if let Some(first) = case.violated.first() {
        let violations = || first.outcome.violations.iter();
        let what: Vec<String> = violations().map(|v| format!("{}: {}", v.invariant, v.what)).collect();
        let mut failure = BytesStart::new("failure");
        failure.push_attribute(("type", violations().next().map_or("violation", |violation| violation.invariant)));
        failure.push_attribute(("message", what.join("; ").as_str()));
        let scripts = case.violated.iter().map(|one| format!("{again} --replay {}", one.script));
        let text: Vec<String> = scripts.chain(first.outcome.timeline.iter().cloned()).collect();
        writer.write_event(Event::Start(failure))?;
        writer.write_event(Event::Text(BytesText::new(&text.join("\n"))))?;
        writer.write_event(Event::End(BytesEnd::new("failure")))?;
    }
    writer.write_event(Event::Start(BytesStart::new("system-out")))?;
    writer.write_event(Event::Text(BytesText::new(&case.told)))?;
    writer.write_event(Event::End(BytesEnd::new("system-out")))?;
    writer.write_event(Event::End(BytesEnd::new("testcase")))
}

fn cases<'r>(explored: &'r Explored, scenario: &Scenario) -> Vec<Case<'r>> {
    let violated = |one: &&'r Rehearsal| !one.outcome.violations.is_empty();
    let mut all = vec![Case {
        class: "undisturbed",
        step: "run".to_owned(),
        told: "one run".to_owned(),
        violated: std::iter::once(&explored.undisturbed).filter(violated).collect(),
    }];
    let cells = Cells::of(&explored.rehearsals);
    let rows = scenario.plan.steps.iter().map(|step| step.id.to_string()).chain([RUN.to_owned()]);
    for step in rows {
        for class in CLASSES {
            let Some(tally) = cells.at(&step, class) else { continue };
            let here = explored.rehearsals.iter().filter(|one| is_at(one, &step, class));
            all.push(Case { class, step: step.clone(), told: short(tally), violated: here.filter(violated).collect() });
        }
    }
    if explored.pairs.tried > 0 {
        all.push(Case {
            class: "pairs",
            step: "run".to_owned(),
            told: format!("{} pairs of faults", explored.pairs.tried),
            violated: explored.pairs.violated.iter().collect(),
        });
    }
    all
}

fn is_at(one: &Rehearsal, row: &str, class: &str) -> bool {
    let step = one.step.as_ref().map_or(RUN, |step| step.as_str());
    step == row && one.script.faults.first().map(Fault::class) == Some(class)
}
