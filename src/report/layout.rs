//! Puts text on a page: wraps, indents, aligns. Whatever a cloud answered can't steer the terminal from here.
//!
//! Knows nothing of plans and runs.

use super::style::{Style, Tone};
use std::borrow::Cow;

/// A screen that is being written. It always ends with a line break.
pub(super) struct Page<'s> {
    style: &'s Style,
    text: String,
}

/// One cell of a row: its text, the width it is padded to, and its tone.
pub(super) struct Column<'t>(pub(super) &'t str, pub(super) usize, pub(super) Tone);

impl<'s> Page<'s> {
    pub(super) fn new(style: &'s Style) -> Self {
        Self { style, text: String::new() }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// The columns that are left at an indent.
    pub(super) fn room(&self, indent: usize) -> usize {
        self.style.width.saturating_sub(indent).max(20)
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A paragraph, wrapped at the page's width.
    pub(super) fn line(&mut self, indent: usize, tone: Tone, text: &str) {
        self.labelled(indent, "", 0, tone, text);
    }

    /// A paragraph behind a label; its further lines stand below its first word.
    pub(super) fn labelled(&mut self, indent: usize, label: &str, label_width: usize, tone: Tone, text: &str) {
        let hang = indent + label_width;
        for (number, line) in wrap(text, self.room(hang)).iter().enumerate() {
            let lead = if number == 0 { format!("{:indent$}{label:<label_width$}", "") } else { " ".repeat(hang) };
            self.put(&lead, tone, line);
        }
    }

    /// A line that is copied and pasted: never wrapped.
    pub(super) fn verbatim(&mut self, indent: usize, tone: Tone, text: &str) {
        self.put(&" ".repeat(indent), tone, &clean(text));
    }

    /// Columns. The last one is wrapped to a line of its own where it does not fit.
    pub(super) fn row(&mut self, indent: usize, columns: &[Column<'_>]) {
        let mut line = " ".repeat(indent);
        let mut used = indent;
        for (number, Column(text, width, tone)) in columns.iter().enumerate() {
            let text = clean(text);
            let length = text.chars().count();
            let last = number + 1 == columns.len();
            if last && number > 0 && used + length > self.style.width {
                self.text.push_str(line.trim_end());
                line = format!("\n{:1$}", "", indent + 4);
            }
            line.push_str(&self.style.paint(*tone, &text));
            let gap = if last { 0 } else { width.saturating_sub(length) + 2 };
            line.extend(std::iter::repeat_n(' ', gap));
            used += length + gap;
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// A line across the page, with a title in it.
    pub(super) fn rule(&mut self, tone: Tone, title: &str) {
        let title = format!("── {} ", clean(title));
        let rest = self.style.width.saturating_sub(title.chars().count());
        self.put("", tone, &format!("{title}{}", "─".repeat(rest)));
    }

    fn put(&mut self, lead: &str, tone: Tone, text: &str) {
        if text.is_empty() {
            self.text.push_str(lead.trim_end());
        } else {
            self.text.push_str(lead);
            self.text.push_str(&self.style.paint(tone, text));
        }
        self.text.push('\n');
    }
}

/// Makes what could steer a terminal visible instead.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() { cleaned.extend(c.escape_default()) } else { cleaned.push(c) }
    }
    Cow::Owned(cleaned)
}

/// Breaks a text into lines of at most `width` characters: between words, and inside a word that is longer than that.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    text.trim_end().split('\n').flat_map(|paragraph| wrap_paragraph(&clean(paragraph.trim_end()), width)).collect()
}

fn wrap_paragraph(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let mut word = word.to_owned();
        if used > 0 && used + word.trim_end().chars().count() > width {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
            used = 0;
        }
        while word.trim_end().chars().count() > width {
            let at = word.char_indices().nth(width).map_or(word.len(), |(at, _)| at);
            lines.push(word[..at].to_owned());
            word.drain(..at);
        }
        used += word.chars().count();
        line.push_str(&word);
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// Takes the middle out of a text that is too long: the ends of a resource's name tell most.
pub(super) fn shorten(text: &str, width: usize) -> Cow<'_, str> {
    let length = text.chars().count();
    if length <= width {
        return Cow::Borrowed(text);
    }
    let kept = width.max(3) - 1;
    let head: String = text.chars().take(kept / 3).collect();
    let tail: String = text.chars().skip(length - (kept - kept / 3)).collect();
    Cow::Owned(format!("{head}…{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_inside_long_ones() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap("one\ntwo", 80), ["one", "two"]);
        assert_eq!(wrap("", 80), [""]);
    }

    #[test]
    fn what_a_cloud_answers_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\r"), "a\\u{1b}[2Jb\\r");
    }

    #[test]
    fn the_ends_of_a_long_name_stay() {
        assert_eq!(shorten("arn:aws:rds:us-east-1:1:cluster:orders-r1", 20), "arn:aw…ter:orders-r1");
        assert_eq!(shorten("short", 20), "short");
    }
}
