//! Exponential and logarithm in single precision, made of sums and products, so that loops over
//! them become vector instructions that give the same bits on every processor.

use std::f32::consts::LOG2_E;

/// 1.5 times 2^23: a number added to it loses its fraction and becomes an integer in the last bits.
const SHIFT: f32 = 12_582_912.0;

/// ln 2 in two parts; the first times a small integer is exact (Cody & Waite 1980).
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// `(exp(r) - 1 - r) / r^2` for `r` up to ln 2 / 2, highest power first (Moshier, Cephes `expf`).
const EXP: [f32; 6] =
    [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];

/// `e^x`, within two units of the last place; zero below -87.3, infinite above 88.3.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let shifted = x * LOG2_E + SHIFT;
    let n = shifted - SHIFT;
    let r = (x - n * LN_2[0]) - n * LN_2[1];
    let mut y = EXP[0];
    for c in &EXP[1..] {
        y = y * r + c;
    }
    let y = y * (r * r) + r + 1.0;
    let two_to_n = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1f32.to_bits()));
    // NaN stays NaN.
    if x < -87.3 {
        0.0
    } else if x > 88.3 {
        f32::INFINITY
    } else {
        y * two_to_n
    }
}

/// `ln(1 + x)` for `x` from 0 to 1, within two units of the last place: twice the series of the
/// inverse hyperbolic tangent of `x / (2 + x)`.
#[inline(always)]
pub(super) fn ln_1p(x: f32) -> f32 {
    let s = x / (2.0 + x);
    // Smaller squares change nothing, and soon become denormal numbers, which are slow.
    let square = if s < 1e-6 { 0.0 } else { s * s };
    let mut y = 1.0 / 15.0;
    for odd in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        y = y * square + 1.0 / odd;
    }
    let twice = s + s;
    twice + twice * (square * y)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest error of `given` relative to `wanted` over `count + 1` numbers of a range.
    fn worst(
        (from, to): (f64, f64),
        count: u32,
        given: impl Fn(f32) -> f32,
        wanted: impl Fn(f64) -> f64,
    ) -> f64 {
        let at = |i: u32| (from + (to - from) * f64::from(i) / f64::from(count)) as f32;
        let error = |x: f32| (f64::from(given(x)) / wanted(f64::from(x)) - 1.0).abs();
        (0..=count).map(at).map(error).fold(0.0, f64::max)
    }

    #[test]
    fn both_are_right_to_the_last_digits() {
        assert!(worst((-87.0, 88.0), 1_000_000, exp, libm::exp) < 1.5e-7);
        assert!(worst((1e-9, 1e-3), 100_000, ln_1p, libm::log1p) < 2.4e-7);
        assert!(worst((1e-3, 1.0), 1_000_000, ln_1p, libm::log1p) < 2.4e-7);
    }

    #[test]
    fn ends_are_exact() {
        assert_eq!((exp(0.0), exp(-1e9), exp(f32::NEG_INFINITY)), (1.0, 0.0, 0.0));
        assert_eq!((exp(1e9), ln_1p(0.0)), (f32::INFINITY, 0.0));
        assert!(exp(f32::NAN).is_nan() && ln_1p(f32::NAN).is_nan());
    }
}
