//! Many candidates that a log does not tell apart: the stretch moves of Goodman and Weare (2010).
//!
//! A walker jumps along the line through another one. So the steps adapt to the shape of the region
//! that the walkers fill, and no sizes of steps need to be set.

use super::candidate::{NUMBERS, Place, is_within};
use crate::base::{Purpose, Streams};

/// The longest jump relative to the distance of the two walkers; the shortest is its inverse.
const STRETCH: f64 = 2.0;

/// Walkers and their scores.
pub(super) type Walkers = Vec<(Place, f64)>;

/// Moves every walker once. A walker is at a place with a probability that falls by a factor e for
/// every 2 `chance` that the score is higher.
///
/// # Errors
/// The first error of `score`.
pub(super) fn round<E>(
    walkers: &mut Walkers,
    number: u64,
    chance: f64,
    mut score: impl FnMut(&Place) -> Result<f64, E>,
) -> Result<(), E> {
    let streams = Streams::new(1);
    let all = walkers.len();
    let half = all / 2;
    for k in 0..all {
        let uniform = |what: u64| streams.uniform(Purpose::Custom, 3 * k as u64 + what, number);
        // The partner is of the other half, so the places stay distributed as they should be.
        let (from, many) = if k < half { (half, all - half) } else { (0, half) };
        let partner = from + ((uniform(0) * many as f64) as usize).min(many - 1);
        let root = (STRETCH - 1.0) * uniform(1) + 1.0;
        let stretch = root * root / STRETCH;
        let (at, now) = walkers[k];
        let mut next = walkers[partner].0;
        next.iter_mut().zip(at).for_each(|(y, x)| *y += stretch * (x - *y));
        if !is_within(&next) {
            continue;
        }
        let there = score(&next)?;
        let gain = (NUMBERS - 1) as f64 * libm::log(stretch) - (there - now) / (2.0 * chance);
        if libm::log(uniform(2)) < gain {
            walkers[k] = (next, there);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A score of x² / s² is a normal distribution of variance s² x chance.
    #[test]
    fn walkers_fill_the_region_that_cannot_be_told_apart() {
        let score = |at: &Place| -> Result<f64, ()> {
            let far =
                |x: f64, usual: f64, width: f64| ((x - usual) / width) * ((x - usual) / width);
            Ok(far(at[0], 2.0, 0.3)
                + far(at[1], 0.5, 0.05)
                + at[2..].iter().map(|x| x * x).sum::<f64>())
        };
        let start = |k: usize| {
            let unit =
                |n: usize| Streams::new(9).uniform(Purpose::Custom, k as u64, n as u64) - 0.5;
            let at: Place =
                std::array::from_fn(|n| [2.0, 0.5, 0.0, 0.0, 0.0, 0.0][n] + 0.1 * unit(n));
            (at, score(&at).unwrap())
        };
        let mut walkers: Walkers = (0..40).map(start).collect();
        let (mut count, mut sum, mut squares) = (0.0, [0.0; 2], [0.0; 2]);
        for number in 0..2_000 {
            round(&mut walkers, number, 0.25, score).unwrap();
            for (at, _) in walkers.iter().filter(|_| number >= 200) {
                count += 1.0 / 2.0;
                for k in 0..2 {
                    sum[k] += at[k] / 2.0;
                    squares[k] += at[k] * at[k] / 2.0;
                }
            }
        }
        for (k, (centre, width)) in [(2.0, 0.15), (0.5, 0.025)].into_iter().enumerate() {
            let mean: f64 = sum[k] / count;
            let deviation = (squares[k] / count - mean * mean).sqrt();
            assert!((mean - centre).abs() < 0.1 * width, "{mean}");
            assert!((deviation / width - 1.0).abs() < 0.1, "{deviation} {width}");
        }
    }
}
