//! Reads and checks runbooks and worlds, and prints what is wrong with them.

use super::{
    args::{Common, Format},
    exit::Exit,
    trouble::Trouble,
};
use crate::{
    report::Style,
    runbook::{
        Runbook, Source, check, diagnostics,
        document::{self, Node},
    },
};
use lifeboat_contract::{Catalog, Finding, Severity};
use lifeboat_simulated::WorldDocument;
use std::path::Path;

/// A runbook without errors, or the reason why there is none, printed.
pub(super) fn runbook(source: &Source, catalog: &Catalog, common: &Common) -> Result<Runbook, Trouble> {
    let checked = check(source, catalog);
    match checked.runbook {
        Some(runbook) if !has_errors(&checked.findings) => {
            if !common.quiet && !checked.findings.is_empty() {
                let node = document::parse(source).ok();
                eprintln!("{}", diagnostics::render(source, node.as_ref(), &checked.findings, Style::stderr().color));
            }
            Ok(runbook)
        }
        _ => Err(findings(source, &checked.findings, common)),
    }
}

/// Prints findings and yields the end they lead to.
pub(super) fn findings(source: &Source, findings: &[Finding], common: &Common) -> Trouble {
    let node = document::parse(source).ok();
    print_findings(source, node.as_ref(), findings, common);
    Trouble::told(Exit::Findings)
}

pub(super) fn print_findings(source: &Source, node: Option<&Node>, findings: &[Finding], common: &Common) {
    if common.format == Format::Json {
        println!("{:#}", diagnostics::findings_json(source, node, findings));
    } else if common.format == Format::Github {
        print!("{}", diagnostics::annotations(source, node, findings));
    } else {
        eprintln!("{}", diagnostics::render(source, node, findings, Style::stderr().color));
    }
}

pub(super) fn source(path: &Path, common: &Common) -> Result<Source, Trouble> {
    Source::read(path).map_err(|finding| {
        let source = Source::new(path.display().to_string(), "");
        findings(&source, &[finding], common)
    })
}

/// A world's document, or what is wrong with it, printed.
pub(super) fn world(path: &Path, common: &Common) -> Result<(Source, WorldDocument), Trouble> {
    let source = source(path, common)?;
    let decoded = document::parse(&source).and_then(|node| document::decode::<WorldDocument>(&node));
    match decoded {
        Ok(document) => Ok((source, document)),
        Err(list) => Err(findings(&source, &list, common)),
    }
}

fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}
