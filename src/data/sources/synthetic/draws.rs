//! Cheap draws from one key: a SplitMix64 stream, uniforms, and normal variates from a table.

use crate::base::stream::{mix, unit};

/// Number of latent factors of users, items and categories.
pub(super) const FACTORS: usize = 8;

/// A point or direction in the space of tastes.
pub(super) type Latent = [f32; FACTORS];

/// The sum of the products, in order.
pub(super) fn dot(a: &Latent, b: &Latent) -> f32 {
    let mut sum = 0.0;
    for (x, y) in a.iter().zip(b) {
        sum += x * y;
    }
    sum
}

/// The words of a SplitMix64 generator that starts at a key of [`Streams`](crate::base::Streams).
/// Any word `i` can be computed directly, which random access needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws {
    state: u64,
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Draws {
    /// The words that follow from `key`.
    pub(super) fn new(key: u64) -> Draws {
        Draws { state: key }
    }

    /// The next word.
    pub(super) fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// The next uniform number in `[0, 1)`.
    pub(super) fn unit(&mut self) -> f64 {
        unit(self.word())
    }

    /// The generator that starts `words` words later.
    pub(super) fn skip(self, words: u64) -> Draws {
        Draws { state: self.state.wrapping_add(STEP.wrapping_mul(words)) }
    }
}

/// A number in `0..n` from a word, by multiplication.
pub(super) fn below(word: u64, n: u32) -> u32 {
    (((word >> 32) * u64::from(n)) >> 32) as u32
}

const LEVEL_BITS: u32 = 12;
const LEVELS: usize = 1 << LEVEL_BITS;

/// The standard normal distribution as 4096 equally likely values, symmetric and of unit variance:
/// a draw is one table access.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    values: Vec<f32>,
}

impl Normal {
    /// Computes the quantiles at the middle of each level.
    pub(super) fn new() -> Normal {
        let mut near = LOWEST;
        let half: Vec<f64> = (0..LEVELS / 2)
            .map(|level| {
                near = quantile((level as f64 + 0.5) / LEVELS as f64, near);
                near
            })
            .collect();
        let variance = half.iter().map(|z| z * z).sum::<f64>() / half.len() as f64;
        let scale = 1.0 / variance.sqrt();
        let lower = half.iter().map(|z| (z * scale) as f32);
        let upper = half.iter().rev().map(|z| (-z * scale) as f32);
        Normal { values: lower.chain(upper).collect() }
    }

    /// One variate from the upper bits of a word.
    pub(super) fn one(&self, word: u64) -> f32 {
        self.values[(word >> (64 - LEVEL_BITS)) as usize]
    }

    /// A vector of independent variates; uses two words.
    pub(super) fn latent(&self, draws: &mut Draws) -> Latent {
        let words = [draws.word(), draws.word()];
        std::array::from_fn(|i| self.one(words[i / 4] << (LEVEL_BITS * (i as u32 % 4))))
    }
}

/// Approximate position of the lowest level.
const LOWEST: f64 = -3.7;

/// Solves `P(Z <= z) = p` for `p < 1/2` from a lower `z` by Newton's method on the logarithm. It is
/// concave, so no step is too long.
fn quantile(p: f64, near: f64) -> f64 {
    let mut z = near;
    for _ in 0..30 {
        let density = libm::exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt();
        let below = below_or_at(z);
        let step = libm::log(p / below) * below / density;
        z += step;
        if step.abs() < 1e-14 {
            break;
        }
    }
    z
}

/// `P(Z <= z)` of a standard normal variate.
fn below_or_at(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_match_the_printed_table() {
        for (p, z) in [(0.025, -1.959_964), (0.158_655_25, -1.0), (0.001, -3.090_232)] {
            assert!((quantile(p, LOWEST) - z).abs() < 1e-5, "{p}");
        }
    }

    /// Compares with bisection, which took 3 ms of every start.
    #[test]
    fn no_level_depends_on_how_it_was_solved() {
        let by_bisection = |level: usize| {
            let p = (level as f64 + 0.5) / LEVELS as f64;
            let (mut low, mut high) = (-10.0f64, 0.0f64);
            for _ in 0..50 {
                let middle = 0.5 * (low + high);
                if below_or_at(middle) < p {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            0.5 * (low + high)
        };
        let half: Vec<f64> = (0..LEVELS / 2).map(by_bisection).collect();
        let variance = half.iter().map(|z| z * z).sum::<f64>() / half.len() as f64;
        let expected: Vec<f32> = half.iter().map(|z| (z / variance.sqrt()) as f32).collect();
        assert_eq!(Normal::new().values[..LEVELS / 2], expected);
    }

    #[test]
    fn normals_have_mean_zero_and_variance_one_and_do_not_hang_together() {
        let normal = Normal::new();
        let mut draws = Draws::new(5);
        let n = 40_000;
        let (mut sum, mut squares, mut neighbours) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            let z = normal.latent(&mut draws).map(f64::from);
            sum += z.iter().sum::<f64>();
            squares += z.iter().map(|z| z * z).sum::<f64>();
            neighbours += z.windows(2).map(|w| w[0] * w[1]).sum::<f64>();
        }
        let count = (n * FACTORS) as f64;
        assert!((sum / count).abs() < 4.0 / count.sqrt());
        assert!((squares / count - 1.0).abs() < 4.0 * (2.0 / count).sqrt());
        assert!((neighbours / count).abs() < 4.0 / count.sqrt());
    }

    #[test]
    fn skipping_is_the_same_as_drawing() {
        let mut one = Draws::new(9);
        let start = one;
        for _ in 0..5 {
            one.word();
        }
        assert_eq!(one.word(), start.skip(5).word());
    }
}
