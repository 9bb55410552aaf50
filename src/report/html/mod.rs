//! One offline HTML file about results: a run, a sweep, or several folders beside each other.
//!
//! `read` and the readers it stands on take the files in; `run`, `sweep` and `comparison`
//! turn them into a `page::Page` of plain texts, tables and figures; `page`, `markup` and `drawing`
//! write it as HTML, where every text is escaped; `policy` holds the scripts and styles that the file
//! carries and forbids all others. The bytes depend on the folders' files and names alone.

mod commands;
mod comparison;
mod drawing;
mod markup;
mod page;
mod policy;
mod read;
mod run;
mod section;
mod settings;
mod sweep;

pub use read::Defaults;

use super::error::ReportError;
use crate::results::outcome::{Kind, Results};
use std::path::{Path, PathBuf};

/// The report of `folders` as one HTML document: the page of a run or of a sweep for one folder, a
/// comparison for several.
///
/// # Errors
/// A folder that is no results folder, or files in it that cannot be read. Files that are missing
/// are no error: the page says what it cannot show.
pub fn render(folders: &[PathBuf], defaults: Defaults<'_>) -> Result<String, ReportError> {
    let results: Vec<Results> =
        folders.iter().map(|folder| Results::open(folder)).collect::<Result<_, _>>()?;
    let page = match results.as_slice() {
        [one] if one.kind == Kind::Run => run::page(&read::Run::read(one, defaults)?),
        [one] => sweep::page(one, defaults)?,
        several => comparison::page(several)?,
    };
    Ok(page.render())
}

/// Writes [`render`]'s document to `file`, whole or not at all.
///
/// # Errors
/// As [`render`], and a file that cannot be written.
pub fn write(folders: &[PathBuf], file: &Path, defaults: Defaults<'_>) -> Result<(), ReportError> {
    let document = render(folders, defaults)?;
    let temporary = file.with_extension("html.tmp");
    // A link that somebody has put there is not followed.
    drop(std::fs::remove_file(&temporary));
    let written = std::fs::write(&temporary, document);
    written.and_then(|()| std::fs::rename(&temporary, file)).map_err(|error| ReportError::Write {
        file: file.to_path_buf(),
        problem: error.to_string(),
    })
}
