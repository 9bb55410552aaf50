//! The plots of a results folder, one file each: a function from [`RunResults`] to a [`Picture`].
//! This file holds the list of them and writes each as `plots/<name>.svg` and `plots/<name>.png`.

pub mod axes;
pub mod curves;
pub mod divergence;
pub mod fonts;
pub mod frame;
pub mod layers;
pub mod picture;
pub mod quality;
mod raster;
pub mod render;
pub mod restart;
pub mod spectrum;
pub mod staleness;
pub mod style;
#[cfg(test)]
mod tests;
pub mod timeline;
pub mod utilisation;

pub use picture::Picture;

use super::error::ReportError;
use crate::results::RunResults;
use quality::Against;
use std::path::{Path, PathBuf};

/// What became of one plot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Its name: that of its files without the ending.
    pub name: &'static str,
    /// Its files, or why there are none.
    pub outcome: Outcome,
}

/// The files of a plot, or why there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Both files were written.
    Written {
        /// The vector graphic.
        svg: PathBuf,
        /// The same as pixels.
        png: PathBuf,
    },
    /// The folder does not hold what it shows; a sentence that says what is missing.
    Skipped(String),
}

/// Draws a folder, or says why not.
type Draw = fn(&RunResults) -> Result<Picture, String>;

/// Every plot of a run, in the order in which a report shows them; behind them that of `layers.csv`,
/// where there is one.
pub const PLOTS: [(&str, Draw); 6] = [
    ("quality-by-examples", |f| quality::draw(f, Against::Examples)),
    ("quality-by-time", |f| quality::draw(f, Against::Time)),
    ("staleness", staleness::draw),
    ("divergence", divergence::draw),
    ("utilisation", utilisation::draw),
    ("timeline", timeline::draw),
];

/// Draws every plot that the results in `folder` allow into `folder/plots`.
///
/// The bytes depend on the folder's files alone. Errors: a file of the folder that cannot be read
/// or is malformed, a plot that cannot be written.
pub fn draw_all(folder: &Path) -> Result<Vec<Drawn>, ReportError> {
    let read = RunResults::open(folder)?;
    let plots = folder.join("plots");
    let mut all = Vec::new();
    let asked = read.layers.is_present().then_some(("layers", layers::draw as Draw));
    for (name, draw) in PLOTS.into_iter().chain(asked) {
        let outcome = match draw(&read) {
            Ok(picture) => write(&picture, &plots, name)?,
            Err(reason) => Outcome::Skipped(reason),
        };
        all.push(Drawn { name, outcome });
    }
    Ok(all)
}

fn write(picture: &Picture, plots: &Path, name: &str) -> Result<Outcome, ReportError> {
    let svg = plots.join(format!("{name}.svg"));
    let png = plots.join(format!("{name}.png"));
    let failed =
        |file: &Path, problem: String| ReportError::Write { file: file.to_path_buf(), problem };
    std::fs::create_dir_all(plots).map_err(|e| failed(plots, e.to_string()))?;
    // A link that somebody has put there is not followed.
    [&svg, &png].into_iter().for_each(|old| drop(std::fs::remove_file(old)));
    let document = render::svg(picture).map_err(|e| failed(&svg, e))?;
    std::fs::write(&svg, document).map_err(|e| failed(&svg, e.to_string()))?;
    render::write_png(picture, &png).map_err(|e| failed(&png, e))?;
    Ok(Outcome::Written { svg, png })
}
