//! Does the training loss, or the quality on the holdout, oscillate with the passes over the data?

use serde::Serialize;

use super::{OutcomeError, TrialOutcome};
use crate::results::statistics::spectrum::{Tone, tones};
use crate::results::tables::{EvaluationRow, TrainingRow};

/// The highest frequency, in oscillations per pass.
const HIGHEST: f64 = 5.5;
/// At least so many rows per oscillation. With two, the rows may all be at zeros of the
/// oscillation.
const ROWS: f64 = 2.2;
/// The lowest frequency: slower changes belong to the trend.
const LOWEST: f64 = 0.5;

/// The series that may oscillate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Oscillating {
    /// The training loss, from `training.csv`.
    #[default]
    Loss,
    /// AUC on the holdout, from `evaluations.csv`.
    Auc,
}

/// The oscillations of a series of a run, in whole passes.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PassSpectrum {
    /// Where the analysed part begins, in passes.
    pub from: f64,
    /// Number of whole passes that are analysed.
    pub passes: u64,
    /// Tones at the multiples of one oscillation in these passes; frequencies are in oscillations
    /// per pass.
    pub tones: Vec<Tone>,
    /// The series, with time in passes, from the beginning of the run.
    #[serde(skip)]
    pub series: Vec<(f64, f64)>,
}

impl PassSpectrum {
    /// Amplitude at the period of one pass.
    pub fn amplitude(&self) -> f64 {
        self.tones.iter().find(|tone| is_harmonic(tone, 1)).map_or(f64::NAN, |tone| tone.amplitude)
    }

    /// Median amplitude of the tones that are not harmonics of a pass, up to one and a half
    /// oscillations per pass.
    pub fn background(&self) -> f64 {
        let near = self.tones.iter().filter(|tone| tone.frequency <= 1.5 && !is_multiple(tone));
        let mut amplitudes: Vec<f64> = near.map(|tone| tone.amplitude).collect();
        amplitudes.sort_by(f64::total_cmp);
        let middle = amplitudes.len() / 2;
        match amplitudes.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => amplitudes[middle],
            _ => f64::midpoint(amplitudes[middle - 1], amplitudes[middle]),
        }
    }

    /// Share of the power of all tones that lies at the period of one pass and its harmonics.
    pub fn share(&self) -> f64 {
        let power = |of: &dyn Fn(&&Tone) -> bool| -> f64 {
            self.tones.iter().filter(of).map(|tone| tone.power()).sum()
        };
        power(&|tone| is_multiple(tone)) / power(&|_| true)
    }

    /// The expected share if all frequencies have equal power.
    pub fn chance(&self) -> f64 {
        let harmonics = self.tones.iter().filter(|tone| is_multiple(tone)).count();
        harmonics as f64 / self.tones.len().max(1) as f64
    }
}

fn is_harmonic(tone: &Tone, number: u32) -> bool {
    (tone.frequency - f64::from(number)).abs() < 1e-9
}

fn is_multiple(tone: &Tone) -> bool {
    (tone.frequency - tone.frequency.round()).abs() < 1e-9
}

impl TrialOutcome {
    /// The oscillations of a series over the last whole passes after the first `skip`. If there are
    /// none, a sentence that says why.
    ///
    /// # Errors If a file exists and cannot be read.
    /// If a file is there and cannot be read.
    pub fn spectrum(
        &self,
        of: Oscillating,
        skip: f64,
    ) -> Result<Result<PassSpectrum, String>, OutcomeError> {
        let rows = self.rows::<TrainingRow>()?;
        let Some(summary) = self.summary()?.filter(|_| rows.is_present()) else {
            return Ok(Err("it is not done".to_string()));
        };
        let passes = summary.passes.filter(|passes| *passes > 0.0 && summary.examples > 0);
        let Some(passes) = passes else {
            return Ok(Err("it has no passes over a log".to_string()));
        };
        let series = match of {
            Oscillating::Loss => losses(&rows.into_vec(), summary.examples as f64 / passes),
            Oscillating::Auc => {
                let point = |row: &EvaluationRow| Some((row.passes?, row.auc?));
                self.evaluations()?.iter().filter_map(point).collect()
            }
        };
        Ok(analyse(series, skip))
    }
}

/// The loss by passes; each row is at the middle of the interval that it is the mean of.
fn losses(rows: &[TrainingRow], pass: f64) -> Vec<(f64, f64)> {
    let mut before = 0;
    let mut series = Vec::new();
    for row in rows {
        if let Some(loss) = row.loss.filter(|loss| loss.is_finite()) {
            series.push(((before + row.examples) as f64 / 2.0 / pass, loss));
        }
        before = row.examples;
    }
    series
}

fn analyse(series: Vec<(f64, f64)>, skip: f64) -> Result<PassSpectrum, String> {
    let end = series.last().map_or(0.0, |row| row.0);
    // Rows are at the middles of their intervals, so the last one is not quite at the end.
    let spacing = end / series.len().max(1) as f64;
    let passes = (end + spacing - skip).floor();
    if passes < 2.0 {
        return Err(format!(
            "an oscillation is seen in two whole passes after the first {skip} (`--skip`), and the run has {end:.2} \
             in all; run it with train.stop.passes={} or more",
            (skip + 2.0).ceil()
        ));
    }
    let from = end + spacing / 2.0 - passes;
    let part: Vec<(f64, f64)> = series.iter().copied().filter(|row| row.0 >= from).collect();
    let highest = HIGHEST.min(part.len() as f64 / passes / ROWS);
    let number = |frequency: f64| (frequency * passes).floor() as u64;
    let frequencies: Vec<f64> =
        (number(LOWEST) + 1..=number(highest)).map(|k| k as f64 / passes).collect();
    let few = || "it has too few rows: see `record.training` and `holdout.every`".to_string();
    if highest < 1.5 {
        return Err(few());
    }
    let tones = tones(&part, &frequencies).ok_or_else(few)?;
    Ok(PassSpectrum { from, passes: passes as u64, tones, series })
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn series(amplitude: f64) -> Vec<(f64, f64)> {
        let rows = 600;
        let pass = |k: usize| (k as f64 + 0.5) * 6.0 / rows as f64;
        // Values that look like noise, and a falling loss.
        let noise = |k: usize| ((k * k) as f64 * 0.7).sin() * 0.02;
        let loss = |k: usize| 0.3 + 0.4 / (1.0 + pass(k)) + amplitude * (TAU * pass(k)).cos();
        (0..rows).map(|k| (pass(k), loss(k) + noise(k))).collect()
    }

    #[test]
    fn a_period_of_one_pass_stands_out() {
        let found = analyse(series(0.01), 1.0).unwrap();
        assert_eq!((found.passes, found.tones.len()), (5, 25));
        assert!((found.from - 1.0).abs() < 1e-3);
        assert!((found.amplitude() - 0.01).abs() < 0.003, "{found:?}");
        assert!(found.amplitude() > 4.0 * found.background(), "{found:?}");
        assert!(found.share() > 0.6 && (found.chance() - 0.2).abs() < 1e-9);
    }

    #[test]
    fn without_one_nothing_does() {
        let found = analyse(series(0.0), 1.0).unwrap();
        assert!(found.share() < 0.5 && found.amplitude() < 0.004, "{found:?}");
    }

    #[test]
    fn what_is_too_fast_for_the_rows_is_not_looked_at() {
        let found = analyse(series(0.01).into_iter().step_by(10).collect(), 1.0).unwrap();
        let highest = found.tones.last().unwrap().frequency;
        assert!((4.0..4.6).contains(&highest), "{highest} of ten rows a pass");
        assert!(found.tones.iter().all(|tone| tone.amplitude < 0.02), "{found:?}");
    }

    #[test]
    fn what_is_missing_is_said() {
        assert!(analyse(series(0.0), 4.5).unwrap_err().contains("two whole passes"));
        assert!(analyse(series(0.0).into_iter().step_by(100).collect(), 1.0).is_err());
        assert!(analyse(Vec::new(), 0.0).is_err());
    }
}
