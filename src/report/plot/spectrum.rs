//! `spectrum`: loss or quality pass by pass, and how much of it oscillates how fast.

use std::path::Path;

use super::axes::Axis;
use super::frame::{self, Panel, Swatch};
use super::picture::{Anchor, Picture, Rect, Type};
use super::style::{self, CATEGORIES, GREY, Ink, PALE};
use super::{Outcome, write};
use crate::report::error::ReportError;
use crate::results::outcome::{Oscillating, PassSpectrum};

/// A series is averaged over such a part of a pass, so that the eye sees more than the noise of batches.
const SMOOTH: f64 = 0.1;

/// Draws the spectra of these runs or points, each with its trials, as `file` with the endings `.svg` and
/// `.png`.
///
/// # Errors
/// If a file cannot be written.
pub fn draw_file(
    lines: &[(&str, &[PassSpectrum])],
    of: Oscillating,
    file: &Path,
) -> Result<(), ReportError> {
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match write(&draw(lines, of), folder.unwrap_or(Path::new(".")), &name)? {
        Outcome::Written { .. } | Outcome::Skipped(_) => Ok(()),
    }
}

fn draw(lines: &[(&str, &[PassSpectrum])], of: Oscillating) -> Picture {
    let (title, left, axis) = match of {
        Oscillating::Loss => (
            "The training loss, and the periods in it",
            "loss of the first trial, averaged over a tenth of a pass",
            ("training loss, nats", "amplitude, nats"),
        ),
        Oscillating::Auc => (
            "Quality on the holdout, and the periods in it",
            "AUC of the first trial",
            ("AUC on the reporting half", "amplitude, AUC"),
        ),
    };
    let lines = &lines[..lines.len().min(CATEGORIES.len())];
    let mut picture = Picture::new();
    frame::heading(
        &mut picture,
        title,
        &format!("left: {left}; right: amplitude by frequency, mean over trials"),
    );
    let legend: Vec<(Swatch, String)> = lines
        .iter()
        .enumerate()
        .map(|(i, (name, _))| (Swatch::Line(ink(i), style::HEAVY), (*name).to_string()))
        .collect();
    frame::legend(&mut picture, &legend);
    by_pass(&mut picture, lines, axis.0);
    amplitudes(&mut picture, lines, axis.1);
    picture
}

fn ink(index: usize) -> Ink {
    CATEGORIES[index % CATEGORIES.len()]
}

fn by_pass(picture: &mut Picture, lines: &[(&str, &[PassSpectrum])], title: &str) {
    let series: Vec<Vec<(f64, f64)>> =
        lines.iter().filter_map(|(_, trials)| Some(smooth(&trials.first()?.series))).collect();
    // The loss of the beginning would hide the rest.
    let begin =
        lines.iter().filter_map(|(_, t)| Some(t.first()?.from)).fold(f64::INFINITY, f64::min);
    let shown = || series.iter().flatten().filter(|row| row.0 >= (begin / 2.0).min(0.5));
    let low = shown().map(|row| row.1).fold(f64::INFINITY, f64::min);
    let high = shown().map(|row| row.1).fold(f64::NEG_INFINITY, f64::max);
    let end = series.iter().flatten().map(|row| row.0).fold(1.0, f64::max);
    let room = 0.05 * (high - low);
    let panel = Panel {
        rect: Rect::new(150.0, frame::TOP, 830.0, frame::BOTTOM),
        x: Axis::numbers(0.0, end, 7),
        y: Axis::numbers(low - room, high + room, 7),
    };
    panel.draw_y(picture, title);
    for pass in 1..=end as u32 {
        let column = panel.column(f64::from(pass));
        let whole = [(column, panel.rect.top), (column, panel.rect.bottom)];
        picture.dashes(&whole, 5.0, style::THIN, PALE);
    }
    panel.draw_x(picture, "passes over the training days");
    for (index, values) in series.iter().enumerate().rev() {
        panel.line(picture, values, style::THIN, ink(index));
    }
}

fn amplitudes(picture: &mut Picture, lines: &[(&str, &[PassSpectrum])], title: &str) {
    let means: Vec<Vec<(f64, f64)>> = lines.iter().map(|(_, trials)| average(trials)).collect();
    let values = || means.iter().flatten();
    let high = values().map(|tone| tone.1).fold(0.0, f64::max);
    let end = values().map(|tone| tone.0).fold(1.0, f64::max);
    let panel = Panel {
        rect: Rect::new(1000.0, frame::TOP, frame::RIGHT, frame::BOTTOM),
        x: Axis::numbers(0.0, end, 6),
        y: Axis::numbers(0.0, 1.08 * high.max(1e-9), 7),
    };
    for (value, label) in &panel.y.ticks {
        let row = panel.row(*value);
        picture.line(
            vec![(panel.rect.left, row), (panel.rect.right, row)],
            style::THIN,
            style::MESH,
        );
        let set = Type::new(style::TICK, GREY).anchored(Anchor::End);
        picture.text((panel.rect.left - 10.0, row + style::TICK * 0.35), set, label.as_str());
    }
    let set = Type::new(style::LABEL, style::BLACK);
    picture.text((panel.rect.left - 90.0, panel.rect.top - 24.0), set, title);
    panel.draw_x(picture, "oscillations per pass");
    for (index, values) in means.iter().enumerate().rev() {
        panel.line(picture, values, style::NORMAL, ink(index));
        for &(frequency, amplitude) in values {
            picture.disc(panel.at(frequency, amplitude), 4.0, ink(index));
        }
    }
}

/// Means over stretches of a part of a pass.
fn smooth(series: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let bin = |row: &(f64, f64)| (row.0 / SMOOTH) as u64;
    let mean = |rows: &[(f64, f64)]| {
        let n = rows.len() as f64;
        (rows.iter().map(|r| r.0).sum::<f64>() / n, rows.iter().map(|r| r.1).sum::<f64>() / n)
    };
    series.chunk_by(|a, b| bin(a) == bin(b)).map(mean).collect()
}

/// Mean amplitudes over trials with the same frequencies as the first.
fn average(trials: &[PassSpectrum]) -> Vec<(f64, f64)> {
    let Some(first) = trials.first() else { return Vec::new() };
    let alike = || trials.iter().filter(|trial| trial.tones.len() == first.tones.len());
    let mean = |index: usize| {
        alike().map(|trial| trial.tones[index].amplitude).sum::<f64>() / alike().count() as f64
    };
    first.tones.iter().enumerate().map(|(index, tone)| (tone.frequency, mean(index))).collect()
}
