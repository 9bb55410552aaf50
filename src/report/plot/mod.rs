//! Static pictures: draws any figure with plotters, writes it as SVG and PNG, and says which
//! pictures a folder gets.

mod ends;
pub mod fonts;
mod legend;
mod panels;
mod raster;
pub mod render;
mod shares;
mod sheet;
mod spans;
mod style;
#[cfg(test)]
mod tests;
mod whiskers;

use super::error::ReportError;
use super::figure::spectrum::Spectra;
use super::figure::sweep::{curves, gather::gather, served};
use super::figure::{Figure, NoFigure, OF_A_RUN, Topic, restart, spectrum};
use crate::results::RunResults;
use crate::results::disk;
use crate::results::lab::LabFolder;
use crate::results::outcome::{Oscillating, Results, SweepHeading};
use crate::results::race::Race;
use crate::results::table::Rows;
use std::path::{Path, PathBuf};

/// The result for one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnPicture {
    /// Its name: the name of its files without the ending.
    pub name: &'static str,
    /// Its files, or why there are none.
    pub outcome: PictureOutcome,
}

/// The files of a picture, or why there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PictureOutcome {
    /// Both files were written.
    Written {
        /// The vector graphic.
        svg: PathBuf,
        /// The same as pixels.
        png: PathBuf,
    },
    /// The folder does not have the data; the text says what is missing.
    Skipped(String),
}

/// The pictures of a run whose data it has recorded.
fn pictures(run: &RunResults) -> impl Iterator<Item = (&'static str, &'static Topic)> {
    let recorded = OF_A_RUN.iter().filter(|topic| (topic.recorded)(run));
    recorded.filter_map(|topic| Some((topic.picture?, topic)))
}

/// Draws every picture that the results in `folder` allow into `folder/plots`.
///
/// The bytes depend only on the folder's files.
///
/// # Errors
/// If a file of the folder cannot be read or is malformed, or a picture cannot be written.
pub fn draw_all(folder: &Path) -> Result<Vec<DrawnPicture>, ReportError> {
    let run = RunResults::open(folder)?;
    let place = folder.join("plots");
    disk::create_inner_folder(&place)
        .map_err(|error| ReportError::Write { file: place.clone(), problem: error.to_string() })?;
    let drawn = pictures(&run).map(|(name, topic)| {
        let outcome = outcome((topic.build)(&run), &run.summary.name, &place, name)?;
        Ok(DrawnPicture { name, outcome })
    });
    drawn.collect()
}

/// Draws `curves.svg` and `curves.png` into the folder of a sweep, and of a race `race.svg` and
/// `race.png`.
///
/// # Errors
/// If its plan or an evaluation cannot be read, or a file cannot be written.
pub fn draw_sweep(folder: &Path) -> Result<PictureOutcome, ReportError> {
    let results = Results::open(folder)?;
    let (points, file) = (gather(&results)?, "trials/*/evaluations.csv");
    let heading = SweepHeading::read(folder)?;
    if let Some(race) = Race::of(&results)? {
        outcome(curves::race(&points, &race, file), heading.line(), folder, "race")?;
    }
    if let Some(figure) = served::figure_of(&points) {
        outcome(Ok::<_, String>(figure), heading.line(), folder, "served")?;
    }
    outcome(curves::by_both(&points, file), heading.line(), folder, "curves")
}

/// Draws `restart.svg` and `restart.png` into the folder of a lab.
///
/// # Errors
/// If its `curves.csv` cannot be read, or a file cannot be written.
pub fn draw_lab(folder: &Path) -> Result<PictureOutcome, ReportError> {
    let rows = Rows::read(folder, true)?.into_vec();
    let lab = LabFolder::open(folder)?;
    let verdict = lab.and_then(|lab| lab.done).map(|file| file.verdict).unwrap_or_default();
    outcome(restart::figure(&rows, &verdict), "", folder, "restart")
}

/// Draws spectra as `file` with the endings `.svg` and `.png`.
///
/// # Errors
/// If a file cannot be written.
pub fn draw_spectra(
    spectra: &Spectra<'_>,
    of: Oscillating,
    file: &Path,
) -> Result<(), ReportError> {
    draw_figure(&spectrum::figure(spectra, of), &file.with_extension(""))
}

/// Draws a figure as `stem` with the endings `.svg` and `.png`.
///
/// # Errors
/// If a file cannot be written.
pub fn draw_figure(figure: &Figure, stem: &Path) -> Result<(), ReportError> {
    let folder = stem.parent().filter(|parent| !parent.as_os_str().is_empty());
    let name = stem.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| ReportError::Write {
        file: folder.to_path_buf(),
        problem: error.to_string(),
    })?;
    write(figure, "", folder, &name).map(|_| ())
}

fn outcome(
    figure: Result<Figure, impl Into<NoFigure>>,
    whose: &str,
    folder: &Path,
    name: &str,
) -> Result<PictureOutcome, ReportError> {
    match figure.map_err(Into::into) {
        Ok(figure) => write(&figure, whose, folder, name),
        Err(reason) => {
            // What an earlier version of the program has drawn does not stay beside newer pictures.
            let [svg, png] = files(folder, name);
            [&svg, &png].into_iter().for_each(|old| drop(std::fs::remove_file(old)));
            Ok(PictureOutcome::Skipped(reason.reason().to_string()))
        }
    }
}

fn files(folder: &Path, name: &str) -> [PathBuf; 2] {
    ["svg", "png"].map(|ending| folder.join(format!("{name}.{ending}")))
}

fn write(
    figure: &Figure,
    whose: &str,
    folder: &Path,
    name: &str,
) -> Result<PictureOutcome, ReportError> {
    let [svg, png] = files(folder, name);
    let failed =
        |file: &Path, problem: String| ReportError::Write { file: file.to_path_buf(), problem };
    // A link with this name is removed, not followed.
    [&svg, &png].into_iter().for_each(|old| drop(std::fs::remove_file(old)));
    let document = render::svg(figure, whose).map_err(|e| failed(&svg, e))?;
    std::fs::write(&svg, document).map_err(|e| failed(&svg, e.to_string()))?;
    let image = render::png(figure, whose).map_err(|e| failed(&png, e))?;
    std::fs::write(&png, image).map_err(|e| failed(&png, e.to_string()))?;
    Ok(PictureOutcome::Written { svg, png })
}
