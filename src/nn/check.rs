//! Compares gradients with central differences, for the tests of this crate.

use crate::base::{Purpose, Streams};

/// The slope of `value` along every coordinate of `at`, by central differences.
///
/// With steps of 1e-5 and values near one, truncation and rounding both stay near 1e-10.
pub(crate) fn slopes(at: &[f64], mut value: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let mut moved = at.to_vec();
    (0..at.len())
        .map(|i| {
            let mut along = |step: f64| {
                moved[i] = at[i] + step;
                let result = value(&moved);
                moved[i] = at[i];
                result
            };
            (along(STEP) - along(-STEP)) / (2.0 * STEP)
        })
        .collect()
}

/// Asserts that a gradient equals the slopes up to 1e-6 of each, or 1e-9 where they are tiny.
#[track_caller]
pub(crate) fn assert_slopes(what: &str, slopes: &[f64], gradient: &[f64]) {
    assert_eq!(slopes.len(), gradient.len(), "{what}: number of coordinates");
    for (i, (&slope, &given)) in slopes.iter().zip(gradient).enumerate() {
        let allowed = 1e-6 * slope.abs().max(given.abs()).max(1e-3);
        assert!(
            (slope - given).abs() <= allowed,
            "{what}[{i}]: difference quotient {slope:e}, gradient {given:e}"
        );
    }
}

/// `len` numbers, uniform in `[-1, 1]`, that depend only on `entity`.
pub(crate) fn numbers(entity: u64, len: usize) -> Vec<f64> {
    let draw = |count| 2.0 * Streams::new(17).uniform(Purpose::Custom, entity, count) - 1.0;
    (0..len as u64).map(draw).collect()
}

/// The weighted sum of `values`, a scalar whose gradient by `values` is `weights`.
pub(crate) fn weighted(values: &[f64], weights: &[f64]) -> f64 {
    values.iter().zip(weights).map(|(v, w)| v * w).sum()
}
