//! Collects findings while a runbook is read. Drops repetitions: the same problem shows up once for every pair of sites.

use lifeboat_contract::{Code, DocumentPath, Finding, Severity};
use std::collections::BTreeMap;

/// A message is never longer than this: it may quote what somebody wrote.
const MESSAGE_CHARS_MAX: usize = 400;

/// Every finding once, in the order found.
#[derive(Debug, Default)]
pub(super) struct Problems {
    list: Vec<Finding>,
    seen: BTreeMap<(Code, DocumentPath, String), usize>,
}

impl Problems {
    pub(super) fn error(&mut self, path: DocumentPath, code: Code, message: impl Into<String>) -> &mut Finding {
        self.new_finding(Severity::Error, path, code, message.into())
    }

    pub(super) fn warning(&mut self, path: DocumentPath, code: Code, message: impl Into<String>) -> &mut Finding {
        self.new_finding(Severity::Warning, path, code, message.into())
    }

    fn new_finding(&mut self, severity: Severity, path: DocumentPath, code: Code, message: String) -> &mut Finding {
        self.add(Finding { code, severity, path, message, why: String::new(), hint: None })
    }

    /// Adds a finding, or returns the one like it that is already here.
    pub(super) fn add(&mut self, mut finding: Finding) -> &mut Finding {
        finding.message = clip(&finding.message, MESSAGE_CHARS_MAX);
        let key = (finding.code, finding.path.clone(), finding.message.clone());
        let index = *self.seen.entry(key).or_insert_with(|| {
            self.list.push(finding);
            self.list.len() - 1
        });
        &mut self.list[index]
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.add(finding);
        }
    }

    pub(super) fn has_errors(&self) -> bool {
        self.list.iter().any(|finding| finding.severity == Severity::Error)
    }

    pub(super) fn into_vec(self) -> Vec<Finding> {
        self.list
    }
}

/// `text`, cut to so many characters.
pub(super) fn clip(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `text` in quotes, cut to what fits in a message.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", clip(text, 80))
}
