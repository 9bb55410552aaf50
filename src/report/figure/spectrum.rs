//! Loss or AUC over the passes, and the amplitude of its oscillations at each frequency.

use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Panels, Plot, Series, Style, Upright};
use super::grid::{self, Grid, MOST_ROWS};
use super::{number, thin};
use crate::results::outcome::{Oscillating, PassSpectrum};

/// A series is averaged over this part of a pass; otherwise the noise of batches would hide the
/// rest.
const SMOOTH: f64 = 0.1;
/// The most runs or points.
const MOST_LINES: usize = 7;

/// Runs or points by name, each with its trials.
pub type Spectra<'a> = [(&'a str, &'a [PassSpectrum])];

/// The figure.
pub fn figure(spectra: &Spectra<'_>, of: Oscillating) -> Figure {
    let (title, left, axis) = match of {
        Oscillating::Loss => (
            "Training loss and its oscillations",
            "training loss",
            ("training loss, nats", "amplitude, nats"),
        ),
        Oscillating::Auc => (
            "Quality on the holdout and its oscillations",
            "AUC",
            ("AUC on the reporting half", "amplitude, AUC"),
        ),
    };
    let file = match of {
        Oscillating::Loss => "training.csv",
        Oscillating::Auc => "evaluations.csv",
    };
    let left_out = match spectra.len().saturating_sub(MOST_LINES) {
        0 => String::new(),
        more => format!(" The first {MOST_LINES} are drawn, {more} left out."),
    };
    let spectra = &spectra[..spectra.len().min(MOST_LINES)];
    let columns = [grid::text("run or point")].into_iter();
    let columns = columns.chain(["oscillations per pass", axis.1].map(grid::number)).collect();
    let tones: Vec<(&str, (f64, f64))> = spectra
        .iter()
        .flat_map(|(name, trials)| average(trials).into_iter().map(move |tone| (*name, tone)))
        .collect();
    Figure {
        id: "spectrum".to_string(),
        title: title.to_string(),
        sentence: format!(
            "Left: the {left} of the first trial, averaged over tenths of a pass. Right: the amplitude at each \
             frequency, averaged over the trials.{left_out}"
        ),
        chart: Chart::Plots(
            vec![by_pass(spectra, axis.0), amplitudes(spectra, axis.1)],
            Panels::side_by_side(2),
        ),
        grid: Grid::new("Amplitudes", columns).fill(
            &tones,
            MOST_ROWS,
            file,
            |(name, (frequency, amplitude))| {
                vec![name.to_string(), number::figure(*frequency), number::figure(*amplitude)]
            },
        ),
        file: file.to_string(),
    }
}

fn by_pass(spectra: &Spectra<'_>, title: &str) -> Plot {
    let first = spectra.iter().filter_map(|(name, trials)| Some((name, trials.first()?)));
    let lines: Vec<(&str, Vec<(f64, f64)>)> =
        first.map(|(name, trial)| (*name, smooth(&trial.series))).collect();
    // The loss of the beginning is so high that it would hide the rest.
    let begin =
        spectra.iter().filter_map(|(_, t)| Some(t.first()?.from)).fold(f64::INFINITY, f64::min);
    let points = || lines.iter().flat_map(|(_, line)| line);
    let shown = || points().filter(|point| point.0 >= (begin / 2.0).min(0.5)).map(|point| point.1);
    let (low, high) = (shown().fold(f64::INFINITY, f64::min), shown().fold(f64::MIN, f64::max));
    let end = points().map(|point| point.0).fold(1.0, f64::max);
    let room = 0.05 * (high - low);
    let x = Axis::new("passes over the training days", AxisUnit::Number).between(0.0, end);
    let y = Axis::new(title, AxisUnit::Number).between(low - room, high + room);
    let series = lines.iter().map(|(name, line)| thin::line(*name, line, lines.len())).collect();
    let pass = |pass: u32| Upright { x: f64::from(pass), colour: None };
    Plot { uprights: (1..=end as u32).map(pass).collect(), ..Plot::new(title, x, y, series) }
}

fn amplitudes(spectra: &Spectra<'_>, title: &str) -> Plot {
    let means: Vec<(&str, Vec<(f64, f64)>)> =
        spectra.iter().map(|(name, trials)| (*name, average(trials))).collect();
    let tones = || means.iter().flat_map(|(_, line)| line);
    let high = tones().map(|tone| tone.1).fold(0.0, f64::max);
    let end = tones().map(|tone| tone.0).fold(1.0, f64::max);
    let x = Axis::new("oscillations per pass", AxisUnit::Number).between(0.0, end);
    let y = Axis::new(title, AxisUnit::Number).between(0.0, 1.08 * high.max(1e-9));
    let line = |(name, line): &(&str, Vec<(f64, f64)>)| Series {
        style: Style::Dots,
        ..thin::line(*name, line, means.len())
    };
    Plot::new(title, x, y, means.iter().map(line).collect())
}

/// Means over consecutive parts of a pass.
fn smooth(series: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let bin = |row: &(f64, f64)| (row.0 / SMOOTH) as u64;
    let mean = |rows: &[(f64, f64)]| {
        let n = rows.len() as f64;
        (rows.iter().map(|r| r.0).sum::<f64>() / n, rows.iter().map(|r| r.1).sum::<f64>() / n)
    };
    series.chunk_by(|a, b| bin(a) == bin(b)).map(mean).collect()
}

/// Mean amplitudes over the trials that have as many frequencies as the first.
fn average(trials: &[PassSpectrum]) -> Vec<(f64, f64)> {
    let Some(first) = trials.first() else { return Vec::new() };
    let alike = || trials.iter().filter(|trial| trial.tones.len() == first.tones.len());
    let mean = |index: usize| {
        alike().map(|trial| trial.tones[index].amplitude).sum::<f64>() / alike().count() as f64
    };
    first.tones.iter().enumerate().map(|(index, tone)| (tone.frequency, mean(index))).collect()
}
