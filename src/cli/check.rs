//! `lifeboat check`: every problem of a runbook at once.

use super::{
    args::{CheckArgs, Common, Format},
    exit::Exit,
    load,
    trouble::Trouble,
};
use crate::{
    runbook::{check as check_runbook, document},
    wiring,
};
use lifeboat_contract::Severity;

pub(super) fn check(args: &CheckArgs, common: &Common) -> Result<Exit, Trouble> {
    let source = load::source(&args.path, common)?;
    let checked = check_runbook(&source, &wiring::catalog());
    let node = document::parse(&source).ok();
    if common.format == Format::Json || !checked.findings.is_empty() {
        load::print_findings(&source, node.as_ref(), &checked.findings, common);
    }
    let errors = checked.findings.iter().any(|finding| finding.severity == Severity::Error);
    if !errors
        && common.format != Format::Json
        && !common.quiet
        && let Some(runbook) = &checked.runbook
    {
        println!("{}: {} has no errors", source.name, runbook.name());
    }
    Ok(if errors { Exit::Findings } else { Exit::Completed })
}
