//! One HTML file about results, for use without a network: of a run, of a sweep, of a lab, or a
//! comparison of several folders.
//!
//! `read` and the readers of `results` read the files. `run`, `sweep` and `comparison` make a
//! `page::Page` of plain texts, tables and figures from them. `page`, `markup` and `drawing` write
//! it as HTML and escape every text. `policy` holds the scripts and styles that the file contains,
//! and forbids all others. The bytes depend only on the folders' files and, in a comparison,
//! on their names.

mod commands;
mod comparison;
mod drawing;
mod lab;
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
use crate::results::lab::LabFolder;
use crate::results::outcome::{Kind, Results};
use std::path::{Path, PathBuf};

/// The report of `folders` as one HTML document: the page of a run or of a sweep for one folder, a
/// comparison for several.
///
/// # Errors
/// If a folder is not a results folder, or a file in it cannot be read. A missing file is not an
/// error: the page says what it cannot show.
pub fn render(folders: &[PathBuf], defaults: Defaults<'_>) -> Result<String, ReportError> {
    if let [folder] = folders
        && let Some(lab) = LabFolder::open(folder)?
    {
        return Ok(lab::page(&lab, defaults)?.render());
    }
    let results: Vec<Results> =
        folders.iter().map(|folder| Results::open(folder)).collect::<Result<_, _>>()?;
    let page = match results.as_slice() {
        [one] if one.kind == Kind::Run => run::page(&read::Run::read(one, defaults)?),
        [one] => sweep::page(one, defaults)?,
        several => comparison::page(several)?,
    };
    Ok(page.render())
}

/// Writes the document of [`render`] to `file`. If this fails, `file` is unchanged.
///
/// # Errors
/// As [`render`], or if the file cannot be written.
pub fn write(folders: &[PathBuf], file: &Path, defaults: Defaults<'_>) -> Result<(), ReportError> {
    let document = render(folders, defaults)?;
    let temporary = file.with_extension("html.tmp");
    // A link with this name is removed, not followed.
    drop(std::fs::remove_file(&temporary));
    let written = std::fs::write(&temporary, document);
    written.and_then(|()| std::fs::rename(&temporary, file)).map_err(|error| ReportError::Write {
        file: file.to_path_buf(),
        problem: error.to_string(),
    })
}
