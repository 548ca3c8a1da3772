//! What is wrong with a document: every problem, with a stable code and the path to where it stands.
//!
//! A finding carries a path into the document, never a span: the runbook's own parser maps paths to spans.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One problem found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub code: Code,
    pub severity: Severity,
    pub path: DocumentPath,
    /// What is wrong: a lowercase fragment without a final stop.
    pub message: String,
    /// Why it matters. Empty where the message says it all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What to write instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Warning,
    Error,
}

/// A stable code, explained by `lifeboat explain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LB{:04}", self.0)
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.strip_prefix("LB")
            .and_then(|digits| digits.parse().ok())
            .map(Code)
            .ok_or_else(|| serde::de::Error::custom(format!("{text} is not a code like LB0107")))
    }
}

/// The codes, in one table. Each has a page in `src/runbook/codes/`.
pub mod codes {
    use super::Code;

    // The document as text.
    pub const UNREADABLE: Code = Code(1);
    pub const TOO_LARGE: Code = Code(2);
    pub const YAML_SYNTAX: Code = Code(3);
    pub const YAML_REFUSED: Code = Code(4);
    pub const DUPLICATE_KEY: Code = Code(5);
    pub const FORMAT_VERSION: Code = Code(6);
    // Fields.
    pub const UNKNOWN_FIELD: Code = Code(101);
    pub const WRONG_TYPE: Code = Code(102);
    pub const MISSING_FIELD: Code = Code(103);
    pub const BAD_VALUE: Code = Code(104);
    pub const BAD_DURATION: Code = Code(105);
    pub const BAD_ARN: Code = Code(106);
    pub const BAD_ADDRESS: Code = Code(107);
    pub const OUT_OF_RANGE: Code = Code(108);
    pub const CONFLICTING_FIELDS: Code = Code(109);
    // The graph of steps and sites.
    pub const DUPLICATE_ID: Code = Code(201);
    pub const UNKNOWN_STEP: Code = Code(202);
    pub const CYCLE: Code = Code(203);
    pub const UNREACHABLE_STEP: Code = Code(204);
    pub const UNORDERED_OWNERS: Code = Code(205);
    pub const SITE_REQUIRED: Code = Code(206);
    pub const UNKNOWN_SITE: Code = Code(207);
    pub const TOO_FEW_SITES: Code = Code(208);
    // Expressions.
    pub const EXPRESSION_SYNTAX: Code = Code(301);
    pub const UNKNOWN_NAME: Code = Code(302);
    pub const EXPRESSION_TYPE: Code = Code(303);
    pub const EXPRESSION_NOT_ALLOWED: Code = Code(304);
    pub const SECRET_MISUSED: Code = Code(305);
    pub const INPUT_MISSING: Code = Code(306);
    // Kinds.
    pub const UNKNOWN_KIND: Code = Code(401);
    pub const OVERLAY_INSIDE_VPC: Code = Code(402);
    pub const FORBIDDEN_ADDRESS: Code = Code(403);
    // Design of the runbook.
    pub const UNPROVEN_TRAFFIC: Code = Code(501);
    pub const OVER_OBJECTIVE: Code = Code(502);
    pub const UNFENCED: Code = Code(503);
    pub const DEPENDS_ON_LOST_SITE: Code = Code(504);
    pub const LOSS_UNDECLARED: Code = Code(505);
    pub const REGION_UNKNOWN: Code = Code(506);
}

/// A path into a document: `steps/2/with/dial`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentPath(pub Vec<String>);

impl DocumentPath {
    #[must_use]
    pub fn join(&self, segment: impl fmt::Display) -> Self {
        let mut path = self.clone();
        path.0.push(segment.to_string());
        path
    }
}

impl fmt::Display for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

/// Collects findings. Checking goes on after each of them.
#[derive(Debug, Default)]
pub struct Findings {
    base: DocumentPath,
    list: Vec<Finding>,
}

impl Findings {
    /// Findings whose paths start at `base`.
    pub fn under(base: DocumentPath) -> Self {
        Self { base, list: Vec::new() }
    }

    /// Adds an error at `path` below the base: `findings.error(&["dial"], codes::OUT_OF_RANGE, "...")`.
    ///
    /// Returns the finding, so that a reason and a hint can be added.
    pub fn error(&mut self, path: &[&str], code: Code, message: impl Into<String>) -> &mut Finding {
        self.add(Severity::Error, path, code, message.into())
    }

    pub fn warning(&mut self, path: &[&str], code: Code, message: impl Into<String>) -> &mut Finding {
        self.add(Severity::Warning, path, code, message.into())
    }

    fn add(&mut self, severity: Severity, path: &[&str], code: Code, message: String) -> &mut Finding {
        let mut at = self.base.clone();
        at.0.extend(path.iter().map(|&segment| segment.to_owned()));
        self.list.push(Finding { code, severity, path: at, message, why: String::new(), hint: None });
        self.list.last_mut().expect("a finding was pushed in the line above")
    }

    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.list.extend(findings);
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|finding| finding.severity == Severity::Error)
    }

    pub fn as_slice(&self) -> &[Finding] {
        &self.list
    }

    pub fn into_vec(self) -> Vec<Finding> {
        self.list
    }
}

impl Finding {
    pub fn because(&mut self, why: impl Into<String>) -> &mut Self {
        self.why = why.into();
        self
    }

    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }
}
