//! The events of a run, one JSON object a line.

use super::Document;

/// Each journal record in words, with its time.
pub(super) fn json_lines(document: &Document) -> String {
    let lines = document.events.iter().map(|event| {
        let line = serde_json::to_string(event).expect("an event is plain JSON");
        line + "\n"
    });
    lines.collect()
}
