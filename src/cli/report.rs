//! `straggler report`, and the report at the end of a run: pictures in `plots/`, and one HTML file.

use std::path::{Path, PathBuf};

use super::args::ReportArgs;
use super::exit::{Exit, Failure};
use super::named_file;
use super::say::out;
#[cfg(feature = "plot")]
use super::say::tell;
#[cfg(any(feature = "plot", feature = "html"))]
use crate::report::ReportError;
use crate::results::folder::is_lab;
use crate::results::outcome::Results;

/// The name of the page in a results folder.
const PAGE: &str = "report.html";

pub(super) fn report(args: &ReportArgs) -> Result<Exit, Failure> {
    if let Some(file) = &args.out {
        named_file::refuse_existing(file, args.force)?;
    }
    let written = match (args.folders.as_slice(), &args.out) {
        ([folder], None) => at_the_end(folder, false)?,
        ([folder], Some(file)) => named_page(std::slice::from_ref(folder), file)?,
        (folders, Some(file)) => named_page(folders, file)?,
        (folders, None) => page(folders, Path::new("comparison.html"))?,
    };
    out(&format!("{}\n", written.display()))?;
    Ok(Exit::Done)
}

/// Draws everything that the files of a results folder allow into that folder: the pictures of a
/// run, the curves of a sweep, and the page of either. Returns the path of the page, or of the
/// pictures. Why a picture is not drawn is told only to those who asked for pictures, not at the end
/// of a run.
pub(super) fn at_the_end(folder: &Path, quiet: bool) -> Result<PathBuf, Failure> {
    if is_lab(folder) {
        picture_of_lab(folder)?;
        return page(&[folder.to_path_buf()], &folder.join(PAGE));
    }
    // Nothing is written into a folder that holds no results.
    Results::open(folder)?;
    if folder.join("plan.jsonl").exists() {
        curves_of_sweep(folder)?;
    } else {
        draw(folder, quiet)?;
    }
    // The page is last: if it exists, everything exists.
    page(&[folder.to_path_buf()], &folder.join(PAGE))
}

/// Whether everything has been drawn into a results folder.
pub(super) fn is_present(folder: &Path) -> bool {
    folder.join(PAGE).exists() || (cfg!(not(feature = "html")) && folder.join("plots").exists())
}

/// Writes the page of `folders`.
#[cfg(feature = "html")]
fn page(folders: &[PathBuf], file: &Path) -> Result<PathBuf, Failure> {
    crate::report::html::write(folders, file, &super::defaults::of_resolved).map_err(failure)?;
    Ok(file.to_path_buf())
}

/// Writes the page of `folders` into the file that the user names.
#[cfg(feature = "html")]
fn named_page(folders: &[PathBuf], file: &Path) -> Result<PathBuf, Failure> {
    let document = crate::report::html::render(folders, &super::defaults::of_resolved);
    named_file::write(file, true, document.map_err(failure)?.as_bytes())?;
    Ok(file.to_path_buf())
}

#[cfg(not(feature = "html"))]
fn named_page(folders: &[PathBuf], file: &Path) -> Result<PathBuf, Failure> {
    page(folders, file)
}

/// Without the feature there is no page, only the pictures.
#[cfg(not(feature = "html"))]
fn page(folders: &[PathBuf], _: &Path) -> Result<PathBuf, Failure> {
    match folders {
        [folder] => Ok(folder.join("plots")),
        _ => Err(Failure::new(Exit::Usage, "this program was built without the feature `html`")),
    }
}

/// Draws the picture of a restart lab.
#[cfg(feature = "plot")]
fn picture_of_lab(folder: &Path) -> Result<(), Failure> {
    crate::report::plot::draw_lab(folder).map(|_| ()).map_err(failure)
}

#[cfg(not(feature = "plot"))]
fn picture_of_lab(_: &Path) -> Result<(), Failure> {
    Ok(())
}

/// Draws the curves of a sweep.
#[cfg(feature = "plot")]
fn curves_of_sweep(folder: &Path) -> Result<(), Failure> {
    crate::report::plot::draw_sweep(folder).map(|_| ()).map_err(failure)
}

#[cfg(not(feature = "plot"))]
fn curves_of_sweep(_: &Path) -> Result<(), Failure> {
    Ok(())
}

/// Draws the pictures of a run.
#[cfg(feature = "plot")]
fn draw(folder: &Path, quiet: bool) -> Result<(), Failure> {
    use crate::report::{PictureOutcome, draw_all};
    for plot in draw_all(folder).map_err(failure)? {
        if let (PictureOutcome::Skipped(reason), false) = (&plot.outcome, quiet) {
            tell(&format!("no plot {}: {reason}\n", plot.name));
        }
    }
    Ok(())
}

#[cfg(not(feature = "plot"))]
fn draw(_: &Path, _: bool) -> Result<(), Failure> {
    Ok(())
}

/// A folder that cannot be read is an error of the folder. A file that cannot be written is an
/// error of writing.
#[cfg(any(feature = "plot", feature = "html"))]
fn failure(error: ReportError) -> Failure {
    let exit = match &error {
        ReportError::Write { .. } => Exit::Write,
        _ => Exit::Folder,
    };
    Failure::new(exit, error)
}
