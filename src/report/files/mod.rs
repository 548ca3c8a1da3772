//! Report files: one renderer each, chosen by the file's extension.
//!
//! A report is checked before anything happens and written after everything has; it never stops a run.

mod html;
mod json_lines;
mod junit;
mod markdown;
#[cfg(test)]
mod tests;

use super::Document;
use json_lines::json_lines;
use markdown::markdown;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where a report goes, checked: the extension is known and the folder exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportPath {
    path: PathBuf,
    form: Form,
}

/// What a report can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Junit,
    Markdown,
    Json,
    JsonLines,
    Html,
}

/// Why a report could not be written there, known before anything happens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("no report can be written to {0}: its extension is none of .xml, .md, .json, .jsonl, .html")]
    Extension(String),
    #[error("no report can be written to {path}: there is no folder {folder}")]
    Folder { path: String, folder: String },
    #[error("no report can be written to {0}: it is a folder")]
    IsFolder(String),
}

/// A report that was not written.
#[derive(Debug, thiserror::Error)]
#[error("the report {path} could not be written")]
pub struct Unwritten {
    pub path: String,
    #[source]
    pub source: io::Error,
}

impl ReportPath {
    /// Checks a path. Makes no file.
    pub fn new(path: &Path) -> Result<Self, Unusable> {
        let shown = || path.display().to_string();
        let form = match path.extension().and_then(|extension| extension.to_str()) {
            Some("xml") => Form::Junit,
            Some("md") => Form::Markdown,
            Some("json") => Form::Json,
            Some("jsonl") => Form::JsonLines,
            Some("html") => Form::Html,
            _ => return Err(Unusable::Extension(shown())),
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(Unusable::Folder { path: shown(), folder: folder.display().to_string() });
        }
        if path.is_dir() {
            return Err(Unusable::IsFolder(shown()));
        }
        Ok(Self { path: path.to_owned(), form })
    }
}

/// Writes every report, and tells which could not be: one that fails keeps no other from being written.
pub fn write_reports(paths: &[ReportPath], document: &Document) -> Vec<Unwritten> {
    let written = paths.iter().map(|report| {
        render(report.form, document)
            .and_then(|text| replace(&report.path, &text))
            .map_err(|source| Unwritten { path: report.path.display().to_string(), source })
    });
    written.filter_map(Result::err).collect()
}

/// The document in one of the forms.
pub fn render(form: Form, document: &Document) -> io::Result<String> {
    Ok(match form {
        Form::Junit => junit::junit(document)?,
        Form::Markdown => markdown(document),
        Form::Json => serde_json::to_string_pretty(document)? + "\n",
        Form::JsonLines => json_lines(document),
        Form::Html => html::page(document)?,
    })
}

/// Writes beside the file and renames, so that no reader meets half a report. What is no plain file, such as a pipe, is written to.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    if path.exists() && !path.is_file() {
        return fs::write(path, text);
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}
