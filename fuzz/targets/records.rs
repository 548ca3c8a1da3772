//! What an earlier process left: journals and saved plans, and everything that is told of them.

use jiff::Timestamp;
use lifeboat::{
    engine::{RunState, decide},
    journal::{self, Appended, Journal, Reading, Record, Storage},
    plan::Plan,
    report::{self, Beside, Document, Form, Style},
};
use std::{collections::BTreeSet, io};

const STYLE: Style = Style { color: false, width: 80 };

/// Reads a journal as it is found.
pub fn journal(bytes: &[u8]) {
    if let Ok(reading) = journal::read(bytes) {
        assert!(reading.valid_bytes <= bytes.len() as u64);
        told(&reading);
    }
}

/// Records, one a line, as a process would have chained them: what is altered here is what is recorded, and not the chain.
pub fn records(bytes: &[u8]) {
    let mut bytes_of_journal = Vec::new();
    let mut journal = Journal::new(Memory(&mut bytes_of_journal), "fuzz".to_owned());
    for (second, line) in (0..).zip(bytes.split(|byte| *byte == b'\n')) {
        let Ok(record) = serde_json::from_slice::<Record>(line) else { continue };
        let at = Timestamp::from_second(1_800_000_000 + second).unwrap_or(Timestamp::UNIX_EPOCH);
        journal.append(at, &record).expect("memory takes every line");
    }
    let reading = journal::read(&bytes_of_journal).expect("what was written can be read");
    assert!(reading.torn.is_none());
    told(&reading);
}

/// Reads a saved plan, and shows it.
pub fn plan(bytes: &[u8]) {
    let Ok(plan) = serde_json::from_slice::<Plan>(bytes) else { return };
    let _: (_, _) = (plan.digest_holds(), plan.is_refused());
    report::plan_json(&plan);
    report::plan_screen(&plan, true, &STYLE);
}

/// Folds a journal, decides on what it yields, and tells it in every form.
fn told(reading: &Reading) {
    let Ok(state) = RunState::replay(&reading.lines) else { return };
    decide(&state, &BTreeSet::new(), false);
    report::status_screen(&state, false, "", &STYLE);
    report::run_json(&state, None);
    report::plan_json(&state.plan);
    report::plan_screen(&state.plan, true, &STYLE);
    let document = Document::of(reading, Beside::default()).expect("what folds can be told");
    for form in [Form::Junit, Form::Markdown, Form::Json, Form::JsonLines, Form::Html] {
        report::render(form, &document).expect("what can be told can be rendered");
    }
}

struct Memory<'a>(&'a mut Vec<u8>);

impl Storage for Memory<'_> {
    fn append(&mut self, _: u64, line: &[u8]) -> io::Result<Appended> {
        self.0.extend_from_slice(line);
        Ok(Appended::Appended)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
