//! `lifeboat check`: every problem of a runbook at once.

use super::{
    args::{CheckArgs, Common, Format},
    exit::Exit,
    load, lost,
    trouble::Trouble,
};
use crate::{
    report::{self, Style},
    runbook::{Checked, Lost, Source, check_without, diagnostics, document},
    wiring,
};
use lifeboat_contract::{Region, Severity};
use serde_json::json;

pub(super) fn check(args: &CheckArgs, common: &Common) -> Result<Exit, Trouble> {
    let lost = asked(&args.impaired)?;
    let source = load::source(&args.path, common)?;
    let checked = check_without(&source, &wiring::catalog(), lost.clone());
    let node = document::parse(&source).ok();
    match &lost {
        Some(_) if common.format == Format::Json => {
            let findings = diagnostics::findings_json(&source, node.as_ref(), &checked.findings);
            println!("{:#}", json!({ "findings": findings, "needs": checked.needs }));
        }
        _ if common.format == Format::Json || !checked.findings.is_empty() => {
            load::print_findings(&source, node.as_ref(), &checked.findings, common);
        }
        _ => {}
    }
    let errors = checked.findings.iter().any(|finding| finding.severity == Severity::Error);
    if !errors && common.format != Format::Json {
        say(&source, &checked, lost.as_ref(), common);
    }
    Ok(if errors { Exit::Findings } else { Exit::Completed })
}

fn say(source: &Source, checked: &Checked, lost: Option<&Lost>, common: &Common) {
    let Some(runbook) = &checked.runbook else { return };
    match lost {
        Some(_) if common.format == Format::Github => {}
        Some(lost) => {
            let about = match lost {
                Lost::Each => "each region by itself".to_owned(),
                Lost::These(regions) => regions.iter().map(Region::as_str).collect::<Vec<_>>().join(" and "),
            };
            print!("{}", report::needs_screen(runbook.name(), &about, &checked.needs, &Style::stdout()));
        }
        None if !common.quiet => println!("{}: {} has no errors", source.name, runbook.name()),
        None => {}
    }
}

fn asked(typed: &[String]) -> Result<Option<Lost>, Trouble> {
    if lost::is_asked(typed)? {
        return Ok(Some(Lost::Each));
    }
    Ok((!typed.is_empty()).then(|| Lost::These(typed.iter().map(Region::new).collect())))
}
