//! An error as the operator reads it: what, its causes as a list, and apart from it what to do.
//!
//! Does not choose the words: the error and whoever raised it do.

use std::{error::Error, fmt::Write as _};

/// The error, its chain of causes indented below it, and the hint after a blank line. Ends with a line break.
pub fn render_error(error: &dyn Error, hint: Option<&str>) -> String {
    let mut last = error.to_string();
    let mut text = format!("error: {}\n", hung(&last, 7));
    let mut cause = error.source();
    while let Some(source) = cause {
        let message = source.to_string();
        // Some libraries repeat their cause's message in their own.
        if message != last {
            writeln!(text, "  - {}", hung(&message, 4)).expect("writing to a string does not fail");
        }
        last = message;
        cause = source.source();
    }
    if let Some(hint) = hint {
        write!(text, "\nhint: {}\n", hung(hint, 6)).expect("writing to a string does not fail");
    }
    text
}

/// Further lines stand below the first one, and none of them steers the terminal.
fn hung(message: &str, indent: usize) -> String {
    let lines: Vec<String> = message.lines().map(|line| super::layout::clean(line).into_owned()).collect();
    lines.join(&format!("\n{:indent$}", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Told(&'static str, #[source] Option<Box<Told>>);

    #[test]
    fn causes_are_a_list_and_the_hint_stands_apart() {
        let disk = Told("no space left on device", None);
        let write = Told("the journal could not be written", Some(Box::new(disk)));
        let same = Told("the journal could not be written", Some(Box::new(write)));
        let error = Told("the run has stopped\nnothing more was sent", Some(Box::new(same)));
        insta::assert_snapshot!(render_error(&error, Some("make room, then `lifeboat resume latest`")), @r"
        error: the run has stopped
               nothing more was sent
          - the journal could not be written
          - no space left on device

        hint: make room, then `lifeboat resume latest`
        ");
        assert_eq!(render_error(&Told("plain", None), None), "error: plain\n");
    }
}
