//! Periodic parts of a series on top of a slow trend.
//!
//! Each frequency is fitted on its own by least squares: a cosine and a sine together with a cubic
//! trend (Lomb 1976, with a trend in place of the mean). So the moments of the series need not be
//! evenly spaced, and a falling loss does not count as an oscillation.

use std::f64::consts::TAU;

use serde::Serialize;

/// Terms of the trend.
const TREND: usize = 4;
/// Terms of a fit.
const TERMS: usize = TREND + 2;

/// The part of a series that oscillates at one frequency.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Tone {
    /// Oscillations per unit of time.
    pub frequency: f64,
    /// Amplitude: half of the distance from peak to trough.
    pub amplitude: f64,
}

impl Tone {
    /// The variance of the tone.
    pub fn power(self) -> f64 {
        self.amplitude * self.amplitude / 2.0
    }
}

/// The tones of the series `(time, value)` at these frequencies. `None` if there are fewer than
/// three points per term of a fit, if all are at one time, or if some are not numbers.
pub fn tones(series: &[(f64, f64)], frequencies: &[f64]) -> Option<Vec<Tone>> {
    let first = series.first()?.0;
    let half = (series.last()?.0 - first) / 2.0;
    if series.len() < 3 * TERMS || half.is_nan() || half <= 0.0 {
        return None;
    }
    let tone = |&frequency: &f64| {
        let mut equations = [[0.0; TERMS + 1]; TERMS];
        for &(time, value) in series {
            let t = (time - first) / half - 1.0;
            let angle = TAU * frequency * (time - first);
            let terms = [1.0, t, t * t, t * t * t, libm::cos(angle), libm::sin(angle)];
            for (row, of_row) in equations.iter_mut().zip(terms) {
                for (cell, of_cell) in row.iter_mut().zip(terms.into_iter().chain([value])) {
                    *cell += of_row * of_cell;
                }
            }
        }
        let solution = solve(equations)?;
        let amplitude = solution[TREND].hypot(solution[TREND + 1]);
        amplitude.is_finite().then_some(Tone { frequency, amplitude })
    };
    frequencies.iter().map(tone).collect()
}

/// Solves linear equations, the right side in the last column, by elimination with pivots; `None`
/// if they have no single solution.
fn solve(mut rows: [[f64; TERMS + 1]; TERMS]) -> Option<[f64; TERMS]> {
    for column in 0..TERMS {
        let size = |row: &usize| rows[*row][column].abs();
        let pivot = (column..TERMS).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        rows.swap(column, pivot);
        let head = rows[column];
        if head[column].is_nan() || head[column].abs() < 1e-12 {
            return None;
        }
        for row in rows.iter_mut().skip(column + 1) {
            let factor = row[column] / head[column];
            row.iter_mut().zip(head).for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    let mut solution = [0.0; TERMS];
    for row in (0..TERMS).rev() {
        let known: f64 = (row + 1..TERMS).map(|k| rows[row][k] * solution[k]).sum();
        solution[row] = (rows[row][TERMS] - known) / rows[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: usize, of: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        // These times are not evenly spaced.
        let time = |k: usize| 5.0 * (k as f64 + 0.3 * (k % 3) as f64) / points as f64;
        (0..points).map(|k| (time(k), of(time(k)))).collect()
    }

    #[test]
    fn a_tone_is_found_on_top_of_a_trend() {
        let series = series(200, |t| 3.0 - t + 0.1 * t * t + 0.25 * (TAU * 2.0 * t + 1.0).cos());
        let found = tones(&series, &[1.0, 2.0, 3.0]).unwrap();
        let amplitudes: Vec<f64> = found.iter().map(|tone| tone.amplitude).collect();
        assert!((amplitudes[1] - 0.25).abs() < 1e-9, "{amplitudes:?}");
        assert!(amplitudes[0] < 0.02 && amplitudes[2] < 0.02, "{amplitudes:?}");
        assert!((found[1].power() - 0.03125).abs() < 1e-9);
    }

    #[test]
    fn a_trend_alone_has_no_tone() {
        let series = series(60, |t| t * t * t);
        let found = tones(&series, &[0.7, 1.0, 4.0]).unwrap();
        assert!(found.iter().all(|tone| tone.amplitude < 1e-6), "{found:?}");
    }

    #[test]
    fn too_few_points_have_no_spectrum() {
        assert_eq!(tones(&series(17, |t| t), &[1.0]), None);
        assert_eq!(tones(&[(1.0, 2.0); 40], &[1.0]), None);
        assert_eq!(tones(&series(40, |_| f64::NAN), &[1.0]), None);
    }
}
