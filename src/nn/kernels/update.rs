//! Update rules over the weights and slots of a dense block or of rows of a table.

use super::lanes::{BlockKernel, each_block, of, of_mut};
use super::prefetch::{AHEAD, prefetch};
#[cfg(target_arch = "x86_64")]
use super::update_x86;
use super::versions;
#[cfg(target_arch = "x86_64")]
use crate::base::level::{Level, level};

/// The constants of one update of Adam.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AdamStep {
    /// Share of the old average gradient, and share of the new gradient.
    pub first: [f32; 2],
    /// The same for the average squared gradient.
    pub second: [f32; 2],
    /// Factor of `m / (sqrt(v) + epsilon)`.
    pub factor: f32,
    /// Keeps steps finite.
    pub epsilon: f32,
    /// Share of the weights left by decay.
    pub kept: f32,
}

/// A row that a gradient touches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TouchedRow {
    /// Its id.
    pub id: u32,
    /// Its position among the rows of the gradient.
    pub position: u32,
}

/// Rows of a table that are updated together. A row of the table holds its weights, then slot after
/// slot.
#[derive(Debug)]
pub struct UpdatedRows<'a> {
    /// The table, `stride` numbers per row.
    pub data: &'a mut [f32],
    /// Numbers per row: weights and slots.
    pub stride: usize,
    /// Weights per row.
    pub dim: usize,
    /// Which rows, and where their gradients are.
    pub touched: &'a [TouchedRow],
    /// Gradients, `dim` numbers per row.
    pub gradients: &'a [f32],
}

impl UpdatedRows<'_> {
    /// Calls `update` with weights, slots and gradient of each row, and its place in `touched`.
    #[inline(always)]
    pub fn each(&mut self, mut update: impl FnMut(&mut [f32], &mut [f32], &[f32], usize)) {
        let UpdatedRows { stride, dim, .. } = *self;
        for (i, row) in self.touched.iter().enumerate() {
            if let Some(next) = self.touched.get(i + AHEAD) {
                prefetch(self.data, next.id as usize * stride, stride);
            }
            let record = &mut self.data[row.id as usize * stride..][..stride];
            let (weights, slots) = record.split_at_mut(dim);
            let gradient = &self.gradients[row.position as usize * dim..][..dim];
            update(weights, slots, gradient, i);
        }
    }
}

impl AdamStep {
    /// Updates `weights`; `slots` holds all `m`, then all `v`.
    ///
    /// # Panics
    /// If the lengths of slots and gradient do not fit the weights.
    pub fn update(step: AdamStep, weights: &mut [f32], slots: &mut [f32], gradient: &[f32]) {
        #[cfg(target_arch = "x86_64")]
        if level() == Level::Avx512 {
            #[expect(unsafe_code, reason = "compiled for a checked processor feature")]
            // SAFETY: `level` has detected the features.
            return unsafe { update_x86::update(step, weights, slots, gradient) };
        }
        others(step, weights, slots, gradient);
        versions! {
            fn others(step: AdamStep, weights: &mut [f32], slots: &mut [f32], gradient: &[f32]) {
                adam(step, weights, slots, gradient)
            }
        }
    }

    /// Updates rows; returns whether their weights stayed finite.
    ///
    /// # Panics
    /// If the rows do not have two slots.
    pub fn update_rows(step: AdamStep, rows: &mut UpdatedRows<'_>) -> bool {
        #[cfg(target_arch = "x86_64")]
        if level() == Level::Avx512 {
            #[expect(unsafe_code, reason = "compiled for a checked processor feature")]
            // SAFETY: `level` has detected the features.
            return unsafe { update_x86::update_rows(step, rows) };
        }
        return others(step, rows);
        versions! {
            fn others(step: AdamStep, rows: &mut UpdatedRows<'_>) -> bool {
                let mut finite = [0.0; 16];
                rows.each(|weights, slots, gradient, _| {
                    adam(step, weights, slots, gradient);
                    add_zeros(weights, &mut finite);
                });
                finite == [0.0; 16]
            }
        }
    }
}

#[inline(always)]
fn adam(step: AdamStep, weights: &mut [f32], slots: &mut [f32], gradient: &[f32]) {
    struct AdamKernel<'a>(AdamStep, [&'a mut [f32]; 3], &'a [f32]);
    impl BlockKernel for AdamKernel<'_> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let (step, [w, m, v]) = (self.0, &mut self.1);
            let (w, m, v): (&mut [f32; N], &mut [f32; N], &mut [f32; N]) =
                (of_mut(w, at), of_mut(m, at), of_mut(v, at));
            let g: &[f32; N] = of(self.2, at);
            for j in 0..N {
                one(step, &mut w[j], &mut m[j], &mut v[j], g[j]);
            }
        }
    }
    let (ms, vs) = slots.split_at_mut(weights.len());
    each_block(weights.len(), &mut AdamKernel(step, [weights, ms, vs], gradient));
}

/// Gradients below this count as zero in the average of squares: their squares would soon be
/// denormal numbers, on which processors take a hundred times as long. The loss is below 1e-8 of an
/// epsilon of 1e-8.
pub(super) const VANISHING: f32 = 1e-17;

/// Averages of squares below this count as zero, for the same reason.
pub(super) const VANISHING_SQUARE: f32 = 1e-36;

/// A weight whose root and epsilon are both zero takes no step. NaN stays NaN.
#[inline(always)]
fn one(step: AdamStep, w: &mut f32, m: &mut f32, v: &mut f32, g: f32) {
    *m = step.first[0] * *m + step.first[1] * g;
    let noted = if g.abs() < VANISHING { 0.0 } else { g };
    let before = if *v < VANISHING_SQUARE { 0.0 } else { *v };
    *v = step.second[0] * before + step.second[1] * (noted * noted);
    let root = v.sqrt() + step.epsilon;
    let ratio = *m / root;
    *w = step.kept * *w - step.factor * if root == 0.0 { 0.0 } else { ratio };
}

versions! {
    /// Whether all numbers are finite; one pass without branches.
    pub fn all_finite(values: &[f32]) -> bool {
        let mut zeros = [0.0; 16];
        add_zeros(values, &mut zeros);
        zeros == [0.0; 16]
    }
}

versions! {
    /// The sum of the squares, over 64 running sums that are then added in halves.
    pub fn squares(values: &[f32]) -> f64 {
        let mut sums = [0.0; 64];
        let (whole, rest) = values.as_chunks::<64>();
        for some in whole {
            for (sum, &value) in sums.iter_mut().zip(some) {
                *sum += f64::from(value) * f64::from(value);
            }
        }
        for (sum, &value) in sums.iter_mut().zip(rest) {
            *sum += f64::from(value) * f64::from(value);
        }
        for half in [32, 16, 8, 4, 2, 1] {
            for j in 0..half {
                let upper: f64 = sums[j + half];
                sums[j] += upper;
            }
        }
        sums[0]
    }
}

/// Adds zero to `zeros` for every finite number, and NaN for any other.
#[inline(always)]
fn add_zeros(values: &[f32], zeros: &mut [f32; 16]) {
    struct Zeros<'a>(&'a [f32], &'a mut [f32; 16]);
    impl BlockKernel for Zeros<'_> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let values: &[f32; N] = of(self.0, at);
            for (zero, value) in self.1.iter_mut().zip(values) {
                *zero += value * 0.0;
            }
        }
    }
    each_block(values.len(), &mut Zeros(values, zeros));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vanishing_gradients_leave_no_denormal_squares() {
        let (first, second) = ([0.9, 0.1], [0.999, 0.001]);
        let step = AdamStep { first, second, factor: 1e-3, epsilon: 1e-8, kept: 1.0 };
        for g in [1e-10f32, 1e-16, 1.1e-17, 1e-18, 1e-20, 1e-30, 0.0] {
            let (mut w, mut slots) = ([0.0; 20], [0.0; 40]);
            for turn in 0..20_000 {
                AdamStep::update(
                    step,
                    &mut w,
                    &mut slots,
                    &[if turn < 1000 { g } else { 0.0 }; 20],
                );
                let v = slots[20];
                assert!(v == 0.0 || v.is_normal(), "{g:e}, update {turn}: {v:e}");
            }
        }
    }
}
