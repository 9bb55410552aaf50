//! The logistic function, for one number and for many at a time.

use crate::versions;

/// The logistic function.
pub(super) fn logistic(x: f64) -> f64 {
    let e = if x.abs() < LARGEST { exponential(-x) } else { libm::exp(-x) };
    1.0 / (1.0 + e)
}

/// Numbers per call of [`logistics`].
pub(super) const BLOCK: usize = 64;

/// Limit of the magnitude of the exponent in [`exponential`].
const LARGEST: f64 = 700.0;

/// The logistic function of a block of numbers, with the same bits as [`logistic`].
pub(super) fn logistics(x: &[f64; BLOCK], values: &mut [f64; BLOCK]) {
    if x.iter().all(|x| x.abs() < LARGEST) {
        within_range(x, values);
    } else {
        *values = x.map(logistic);
    }
}

versions! {
    fn within_range(x: &[f64; BLOCK], values: &mut [f64; BLOCK]) {
        for (value, x) in values.iter_mut().zip(x) {
            *value = 1.0 / (1.0 + exponential(-x));
        }
    }
}

/// `libm::exp` for `|x| < 700`, operation by operation but without branches, so that a loop over it
/// becomes a loop over vectors. The method is that of the C library of FreeBSD: `x = k ln 2 + r`, a
/// rational function of `r`, and a power of two.
#[inline(always)]
fn exponential(x: f64) -> f64 {
    const INVERSE_LN2: f64 = f64::from_bits(0x3ff7_1547_652b_82fe);
    const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
    const LN2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
    const P: [f64; 5] = [
        f64::from_bits(0x3fc5_5555_5555_553e),
        f64::from_bits(0xbf66_c16c_16be_bd93),
        f64::from_bits(0x3f11_566a_af25_de2c),
        f64::from_bits(0xbebb_bd41_c5d2_6bf1),
        f64::from_bits(0x3e66_3769_72be_a4d0),
    ];
    // 1.5 x 2^52: a number added to it is rounded to an integer, which its low bits then hold.
    const WHOLE: f64 = 6_755_399_441_055_744.0;
    // The method compares upper halves of bits: these are the smallest numbers above its bounds.
    const TINY: f64 = f64::from_bits(0x3e30_0001_0000_0000);
    const HALF_LN2: f64 = f64::from_bits(0x3fd6_2e43_0000_0000);

    let magnitude = x.abs();
    let quotient = INVERSE_LN2 * magnitude + 0.5;
    let nearest = (quotient + WHOLE) - WHOLE;
    let towards_zero = nearest - if nearest > quotient { 1.0 } else { 0.0 };
    let k = if magnitude < HALF_LN2 { 0.0 } else { towards_zero }.copysign(x);
    let (high, low) = (x - k * LN2_HIGH, k * LN2_LOW);
    let r = high - low;
    let square = r * r;
    let c =
        r - square * (P[0] + square * (P[1] + square * (P[2] + square * (P[3] + square * P[4]))));
    let correction = if magnitude < TINY { 0.0 } else { r * c / (2.0 - c) };
    let power = f64::from_bits((k + WHOLE).to_bits().wrapping_add(1023) << 52);
    (1.0 + (correction - low + high)) * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::level::{at_level, levels};
    use proptest::prelude::*;

    fn same(x: [f64; BLOCK]) {
        let expected = x.map(|x| (1.0 / (1.0 + libm::exp(-x))).to_bits());
        assert_eq!(x.map(|x| logistic(x).to_bits()), expected, "one by one {x:?}");
        for level in levels() {
            let mut values = [0.0; BLOCK];
            at_level(level, || logistics(&x, &mut values));
            assert_eq!(values.map(f64::to_bits), expected, "{level:?} {x:?}");
        }
    }

    proptest! {
        #[test]
        fn a_block_has_the_bits_of_its_numbers(
            x in prop::array::uniform::<_, BLOCK>(-720.0..720.0f64),
            power in 0..70,
        ) {
            same(x);
            same(x.map(|x| x * 0.5f64.powi(power)));
        }
    }

    #[test]
    fn bounds_and_odd_numbers_have_the_bits_too() {
        let odd = [0.0, -0.0, f64::NAN, f64::INFINITY, -1e300, 5e-324, 699.9, 700.0, 745.2, 710.0];
        for x in odd {
            same([x; BLOCK]);
            same([-x; BLOCK]);
        }
        for bound in [0x3e30_0000u64, 0x3fd6_2e42, 0x3ff0_a2b2] {
            for low in [0, 1, 0xffff_ffff] {
                for high in [bound - 1, bound, bound + 1] {
                    let x = f64::from_bits(high << 32 | low);
                    same([x; BLOCK]);
                    same([-x; BLOCK]);
                }
            }
        }
        // Values at which the number of steps changes.
        for k in 1..1_000 {
            let x = (f64::from(k) + 0.5) * std::f64::consts::LN_2;
            same(std::array::from_fn(|i| f64::from_bits(x.to_bits() + i as u64 - 32)));
        }
    }
}
