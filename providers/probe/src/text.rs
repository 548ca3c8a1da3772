//! Text from outside, as evidence shows it: without secrets, in one line, short. Decides nothing about what it says.

use lifeboat_contract::Secrets;

/// How much of a text stands in evidence.
pub(crate) const SHOWN_MAX_CHARS: usize = 200;

/// `text` without secrets, in one line of at most [`SHOWN_MAX_CHARS`], with nothing in it that could steer a terminal.
///
/// Redacts before all else: half a secret, or an escaped one, would no longer be found.
pub(crate) fn one_line(text: &str, secrets: &Secrets) -> String {
    let mut line = String::new();
    let mut chars = 0;
    let redacted = secrets.redact(text);
    for (index, word) in redacted.split_whitespace().enumerate() {
        for c in (index > 0).then_some(' ').into_iter().chain(word.chars()) {
            if chars == SHOWN_MAX_CHARS {
                line.push('…');
                return line;
            }
            chars += 1;
            match c {
                '"' | '\'' | '\\' => line.push(c),
                c => line.extend(c.escape_debug()),
            }
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_one_short_harmless_line() {
        let secrets = Secrets::new([("token".to_owned(), "hun\nter2".to_owned())].into());
        assert_eq!(one_line("  {\"a\":\r\n  \"b\"}\n", &secrets), "{\"a\": \"b\"}");
        assert_eq!(one_line("it is hun\nter2!", &secrets), "it is [secret]!");
        assert_eq!(one_line("\u{1b}[2J\u{202e}x", &secrets), "\\u{1b}[2J\\u{202e}x");
        assert_eq!(one_line("", &secrets), "");
        assert_eq!(one_line(&"x".repeat(201), &secrets), format!("{}…", "x".repeat(200)));
        assert_eq!(one_line(&"x".repeat(200), &secrets), "x".repeat(200));
    }
}
