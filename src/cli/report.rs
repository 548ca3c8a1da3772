//! `lifeboat report` and `--report`: files made from a journal and what was kept beside it.

use super::{
    args::{Common, Format, ReportArgs, ReportFiles},
    cloud, execute,
    exit::Exit,
    trouble::Trouble,
};
use crate::{
    drill::{DrillRecord, trend},
    journal::RunFiles,
    report::{self, Beside, Document, Form, ReportPath},
};
use std::{fs, io, path::Path};

pub(super) fn report(args: &ReportArgs, common: &Common) -> Result<Exit, Trouble> {
    let paths = checked(&args.files)?;
    let store = cloud::store(common)?;
    let found = execute::find(&store, &args.run)?;
    let document = document(&found.files)?;
    if paths.is_empty() {
        let form = match common.format {
            Format::Lines | Format::Jsonl => Form::JsonLines,
            Format::Json => Form::Json,
            Format::Junit => Form::Junit,
            Format::Html => Form::Html,
            // Markdown reads as plain text.
            Format::Text | Format::Markdown | Format::Github => Form::Markdown,
        };
        let text = report::render(form, &document).map_err(|error| Trouble::caused(Exit::Failed, error))?;
        print!("{text}");
        return Ok(Exit::Completed);
    }
    let unwritten = report::write_reports(&paths, &document);
    tell(&unwritten);
    Ok(if unwritten.is_empty() { Exit::Completed } else { Exit::Failed })
}

/// The paths that were typed, checked before anything happens.
pub(super) fn checked(files: &ReportFiles) -> Result<Vec<ReportPath>, Trouble> {
    let paths = files.report.iter().map(|path| ReportPath::new(path));
    paths.collect::<Result<_, _>>().map_err(|error| {
        Trouble::caused(Exit::Usage, error).hint("nothing was done; name a file in a folder that exists")
    })
}

/// Writes the reports of a run that left the engine. Whatever goes wrong is told, and changes nothing of how the run ended.
pub(super) fn after_run(paths: &[ReportPath], files: &RunFiles) {
    if paths.is_empty() {
        return;
    }
    match document(files) {
        Ok(document) => tell(&report::write_reports(paths, &document)),
        Err(trouble) => eprintln!("note: no report was written: {trouble}"),
    }
}

fn tell(unwritten: &[report::Unwritten]) {
    for error in unwritten {
        eprint!(
            "{}",
            report::render_error(error, Some("`lifeboat report RUN --report FILE` writes it from the journal"))
        );
    }
}

/// The document of a run, from its folder alone.
pub(super) fn document(files: &RunFiles) -> Result<Document, Trouble> {
    let reading = files.read()?;
    let world = kept_json(&files.figures())?;
    let series = kept_json(&files.series())?;
    let drill = drill_of(files)?;
    let beside = Beside { audit: kept(&files.audit())?, world, series, drill, alive: files.is_being_executed() };
    Ok(Document::of(&reading, beside)?)
}

/// The drill that made the run, where one did.
fn drill_of(files: &RunFiles) -> Result<Option<DrillRecord>, Trouble> {
    let Some(root) = files.folder.ancestors().nth(2) else { return Ok(None) };
    let records = trend::read_all(root)
        .map_err(|error| Trouble::caused(Exit::Refused, error).hint("move this record away to report without it"))?;
    let made = |record: &DrillRecord| record.legs.iter().any(|leg| leg.run.as_deref() == Some(files.run.as_str()));
    Ok(records.into_iter().rev().find(made))
}

/// What the simulated world measured, where it was kept.
fn kept_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, Trouble> {
    let Some(bytes) = kept(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Trouble::caused(Exit::Refused, error)
            .hint(format!("{} holds what the world measured; move it away to report without it", path.display()))
    })
}

/// A file beside the journal, where there is one.
fn kept(path: &Path) -> Result<Option<Vec<u8>>, Trouble> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Trouble::caused(Exit::Refused, error).hint(format!("{} is evidence", path.display()))),
    }
}
