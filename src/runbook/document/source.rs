//! The text of a document and its name. Reads files; does not parse them.

use lifeboat_contract::{Code, DocumentPath, Finding, Severity, codes};
use std::{fs::File, io::Read as _, path::Path};

/// No document is larger than this. Checked before a parser sees the text.
pub const BYTES_MAX: usize = 1024 * 1024;

/// A document's text, and the name under which diagnostics speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub name: String,
    pub text: String,
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text: String = text.into();
        // A byte order mark is no part of the document, and would shift every column.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Self { name: name.into(), text }
    }

    /// Reads a file; a folder means the `runbook.yaml` in it. Reads no more than [`BYTES_MAX`] bytes.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Finding> {
        let mut path = path.as_ref().to_path_buf();
        if path.is_dir() {
            path.push("runbook.yaml");
        }
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
            .map_err(|error| whole(codes::UNREADABLE, format!("{name} cannot be read: {error}")))?;
        if bytes.len() > BYTES_MAX {
            return Err(too_large(&name));
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| whole(codes::UNREADABLE, format!("{name} is not UTF-8 text: {error}")))?;
        Ok(Self::new(name, text))
    }

    /// Line and column of a byte offset, both counted from 1, columns in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let start = self.line_start(offset);
        let line = self.text[..start].matches('\n').count() + 1;
        let column = self.text[start..self.floor(offset)].chars().count() + 1;
        (line, column)
    }

    /// The byte offset at which the line that holds `offset` starts.
    pub fn line_start(&self, offset: usize) -> usize {
        self.text[..self.floor(offset)].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The byte offset of the line break that ends the line that holds `offset`.
    pub fn line_end(&self, offset: usize) -> usize {
        let from = self.floor(offset);
        let end = self.text[from..].find('\n').map_or(self.text.len(), |newline| from + newline);
        if end > from && self.text.as_bytes()[end - 1] == b'\r' { end - 1 } else { end }
    }

    /// `offset`, moved back to a character's start and into the text.
    fn floor(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset.min(self.text.len()))
    }
}

pub(super) fn too_large(name: &str) -> Finding {
    Finding {
        why: "a document of this size is a mistake or an attack, and is not parsed".to_owned(),
        ..whole(codes::TOO_LARGE, format!("{name} is larger than {} KiB", BYTES_MAX / 1024))
    }
}

/// A finding about the document as a whole.
fn whole(code: Code, message: String) -> Finding {
    Finding { code, severity: Severity::Error, path: DocumentPath::default(), message, why: String::new(), hint: None }
}
