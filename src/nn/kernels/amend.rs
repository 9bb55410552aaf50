//! Corrections of arriving gradients, element by element: what remedies do to each number.
//!
//! Rows are taken one after the other with the data beside them, and the memory of later rows is
//! prefetched. A dense block is a single long row.

use super::lanes::{of, of_mut};
use super::prefetch::{AHEAD, prefetch};
use super::update::TouchedRow;
use super::versions;

/// Gradients of rows that have arrived, with the parameters that they belong to.
#[derive(Debug)]
pub struct RowGradients<'a> {
    /// Numbers per row.
    pub dim: usize,
    /// Which rows, and where their gradients are.
    pub touched: &'a [TouchedRow],
    /// Gradients, `dim` numbers a row, to be amended.
    pub values: &'a mut [f32],
    /// The current parameters of the server.
    pub now: StoredRows<'a>,
    /// The parameters as the worker read them, in the layout of the gradients; or empty.
    pub seen: &'a [f32],
}

/// Parameters as a server holds them.
#[derive(Clone, Copy, Debug)]
pub struct StoredRows<'a> {
    /// Records of rows: the parameters come first, then the data kept with them.
    pub data: &'a [f32],
    /// Numbers per record.
    pub stride: usize,
}

impl<'a> StoredRows<'a> {
    /// The first `dim` numbers of a record.
    #[inline(always)]
    pub fn row(&self, id: u32, dim: usize) -> &'a [f32] {
        &self.data[id as usize * self.stride..][..dim]
    }

    /// Appends the first `dim` numbers of these records to `to`.
    pub fn append(&self, dim: usize, touched: &[TouchedRow], to: &mut Vec<f32>) {
        for (i, row) in touched.iter().enumerate() {
            if let Some(next) = touched.get(i + AHEAD) {
                self.prefetch(next.id, dim);
            }
            to.extend_from_slice(self.row(row.id, dim));
        }
    }

    #[inline(always)]
    fn prefetch(&self, id: u32, dim: usize) {
        prefetch(self.data, id as usize * self.stride, dim);
    }
}

/// How rows have moved.
#[derive(Clone, Copy, Debug)]
pub struct Moved<'a> {
    /// Numbers per row.
    pub dim: usize,
    /// Which rows.
    pub touched: &'a [TouchedRow],
    /// Their earlier values, row after row.
    pub before: &'a [f32],
    /// Their current values.
    pub now: StoredRows<'a>,
}

/// Numbers that a remedy keeps beside parameters: `stride` per row, grouped by kind.
#[derive(Debug)]
pub struct Memory<'a> {
    /// The numbers.
    pub data: &'a mut [f32],
    /// Numbers per row.
    pub stride: usize,
}

impl Memory<'_> {
    /// The memory of a remedy that keeps nothing.
    pub const fn none() -> Memory<'static> {
        Memory { data: &mut [], stride: 0 }
    }
}

/// The rows touched in a dense block: its only one.
const BLOCK: &[TouchedRow] = &[TouchedRow { id: 0, position: 0 }];

impl<'a> RowGradients<'a> {
    /// The gradient of a dense block, with its current parameters and those that were read.
    pub fn of_block(values: &'a mut [f32], now: &'a [f32], seen: &'a [f32]) -> RowGradients<'a> {
        let dim = values.len();
        RowGradients {
            dim,
            touched: BLOCK,
            values,
            now: StoredRows { data: now, stride: dim },
            seen,
        }
    }
}

impl<'a> Moved<'a> {
    /// A dense block that changed from `before` to `now`.
    pub fn block(before: &'a [f32], now: &'a [f32]) -> Moved<'a> {
        let dim = before.len();
        Moved { dim, touched: BLOCK, before, now: StoredRows { data: now, stride: dim } }
    }
}

impl RowGradients<'_> {
    /// Calls `amend` with gradient, memory, current and read parameters of each row.
    #[inline(always)]
    fn each(
        &mut self,
        memory: Memory<'_>,
        mut amend: impl FnMut(&mut [f32], &mut [f32], &[f32], &[f32]),
    ) {
        let Memory { data, stride } = memory;
        let dim = self.dim;
        for (i, row) in self.touched.iter().enumerate() {
            if let Some(next) = self.touched.get(i + AHEAD) {
                prefetch(data, next.id as usize * stride, stride);
                self.now.prefetch(next.id, dim);
            }
            let own = row.position as usize * dim..(row.position as usize + 1) * dim;
            let seen = self.seen.get(own.clone()).unwrap_or(&[]);
            let beside = &mut data[row.id as usize * stride..][..stride];
            amend(&mut self.values[own], beside, self.now.row(row.id, dim), seen);
        }
    }
}

/// Runs a body for blocks of neighbouring elements. Their number is a constant, so that the
/// compiler turns them into registers.
macro_rules! blocks {
    ($len:expr, |$at:ident, $n:ident| $body:block) => {{
        let mut $at = 0;
        while $len - $at >= 16 {
            const $n: usize = 16;
            $body
            $at += 16;
        }
        if $len - $at >= 8 {
            const $n: usize = 8;
            $body
            $at += 8;
        }
        while $at < $len {
            const $n: usize = 1;
            $body
            $at += 1;
        }
    }};
}

versions! {
    /// Multiplies all values by a factor.
    pub fn scale(values: &mut [f32], factor: f32) {
        values.iter_mut().for_each(|value| *value *= factor);
    }
}

versions! {
    /// `g + lambda g g (now - seen)`.
    pub fn compensate(lambda: f32, gradients: &mut RowGradients<'_>) {
        gradients.each(Memory::none(), |g, _, now, seen| {
            blocks!(g.len(), |at, N| {
                let g: &mut [f32; N] = of_mut(g, at);
                let (now, seen): (&[f32; N], &[f32; N]) = (of(now, at), of(seen, at));
                for j in 0..N {
                    g[j] += lambda * g[j] * g[j] * (now[j] - seen[j]);
                }
            });
        });
    }
}

versions! {
    /// The same with `lambda / sqrt(m + 1e-7)`, where `m` is the running mean of `g g`, which keeps
    /// the share `keep` of its old value.
    pub fn compensate_adaptively(
        lambda: f32,
        keep: f32,
        memory: Memory<'_>,
        gradients: &mut RowGradients<'_>,
    ) {
        gradients.each(memory, |g, m, now, seen| {
            blocks!(g.len(), |at, N| {
                let (g, m): (&mut [f32; N], &mut [f32; N]) = (of_mut(g, at), of_mut(m, at));
                let (now, seen): (&[f32; N], &[f32; N]) = (of(now, at), of(seen, at));
                for j in 0..N {
                    m[j] = keep * m[j] + (1.0 - keep) * g[j] * g[j];
                    let strength = lambda / (m[j] + 1e-7).sqrt();
                    g[j] += strength * g[j] * g[j] * (now[j] - seen[j]);
                }
            });
        });
    }
}

versions! {
    /// `alpha (now - seen + g)`.
    pub fn mix(alpha: f32, gradients: &mut RowGradients<'_>) {
        gradients.each(Memory::none(), |g, _, now, seen| {
            blocks!(g.len(), |at, N| {
                let g: &mut [f32; N] = of_mut(g, at);
                let (now, seen): (&[f32; N], &[f32; N]) = (of(now, at), of(seen, at));
                for j in 0..N {
                    g[j] = alpha * (now[j] - seen[j] + g[j]);
                }
            });
        });
    }
}

versions! {
    /// `g / (1 + |now - seen| / average step)`. The memory holds the mean squares of steps, then
    /// the weight of all steps in them (its first number counts for the whole row). Elements that
    /// have not moved are left unchanged.
    pub fn close_gap(tiny: f32, memory: Memory<'_>, gradients: &mut RowGradients<'_>) {
        gradients.each(memory, |g, memory, now, seen| {
            let (squares, weights) = memory.split_at(g.len());
            let share = 1.0 / weights.first().map_or(tiny, |weight| weight.max(tiny));
            blocks!(g.len(), |at, N| {
                let (g, squares): (&mut [f32; N], &[f32; N]) = (of_mut(g, at), of(squares, at));
                let (now, seen): (&[f32; N], &[f32; N]) = (of(now, at), of(seen, at));
                for j in 0..N {
                    let gap = (now[j] - seen[j]).abs();
                    let average = (squares[j] * share).sqrt() + tiny;
                    let divided = g[j] * (average / (average + gap));
                    g[j] = if gap > 0.0 { divided } else { g[j] };
                }
            });
        });
    }
}

versions! {
    /// Adds steps to their mean squares for [`close_gap`]; the means keep the share `keep` of their
    /// old values.
    pub fn note_steps(keep: f32, memory: Memory<'_>, moved: Moved<'_>) {
        let Memory { data, stride } = memory;
        let dim = moved.dim;
        for (i, row) in moved.touched.iter().enumerate() {
            let (squares, weights) =
                data[row.id as usize * stride..][..stride].split_at_mut(dim);
            let (before, now) = (&moved.before[i * dim..][..dim], moved.now.row(row.id, dim));
            blocks!(dim, |at, N| {
                let s: &mut [f32; N] = of_mut(squares, at);
                let (before, now): (&[f32; N], &[f32; N]) = (of(before, at), of(now, at));
                for j in 0..N {
                    let step = now[j] - before[j];
                    s[j] = keep * s[j] + (1.0 - keep) * step * step;
                }
            });
            if let Some(weight) = weights.first_mut() {
                *weight = keep * *weight + (1.0 - keep);
            }
        }
    }
}

/// The divisor of FASGD.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Deviation {
    /// Shares of the old values that are kept: for the moments, and for the deviation.
    pub keep: [f32; 2],
    /// Added to the variance.
    pub epsilon: f32,
    /// Added to the deviation.
    pub least: f32,
    /// Factor of the deviation that follows from the staleness.
    pub stale: f32,
}

/// A variant of FASGD: computes the averaged quantity from gradient and deviation.
macro_rules! fasgd {
    ($(#[$doc:meta])* $name:ident, |$size:pat_param, $variance:ident| $seen:expr) => {
        versions! {
            $(#[$doc])*
            pub fn $name(rule: Deviation, memory: Memory<'_>, gradients: &mut RowGradients<'_>) {
                let Deviation { keep: [gamma, beta], epsilon, least, stale } = rule;
                gradients.each(memory, |g, memory, _, _| {
                    let (n, rest) = memory.split_at_mut(g.len());
                    let (b, v) = rest.split_at_mut(g.len());
                    blocks!(g.len(), |at, N| {
                        let (g, n): (&mut [f32; N], &mut [f32; N]) = (of_mut(g, at), of_mut(n, at));
                        let (b, v): (&mut [f32; N], &mut [f32; N]) = (of_mut(b, at), of_mut(v, at));
                        for j in 0..N {
                            n[j] = gamma * n[j] + (1.0 - gamma) * g[j] * g[j];
                            b[j] = gamma * b[j] + (1.0 - gamma) * g[j];
                            let ($size, $variance) = (g[j], n[j] - b[j] * b[j] + epsilon);
                            v[j] = beta * v[j] + (1.0 - beta) * $seen;
                            g[j] /= (v[j] + least) * stale;
                        }
                    });
                });
            }
        }
    };
}

/// The square root of a variance, which rounding may have made negative.
#[inline(always)]
fn deviation(variance: f32) -> f32 {
    variance.max(f32::MIN_POSITIVE).sqrt()
}

fasgd!(
    /// FASGD with the mean of the deviation; the memory holds mean squares, means, and deviations.
    fasgd_by_deviation,
    |_, variance| deviation(variance)
);
fasgd!(
    /// FASGD with the mean of the inverse of the deviation.
    fasgd_by_inverse,
    |_, variance| 1.0 / deviation(variance)
);
fasgd!(
    /// FASGD with the mean size of the gradient.
    fasgd_by_size,
    |g, _variance| g.abs()
);

versions! {
    /// Momentum: `v = momentum v + g`, which replaces the gradient.
    pub fn accumulate(momentum: f32, g: &mut [f32], v: &mut [f32]) {
        for (g, v) in g.iter_mut().zip(v) {
            *v = momentum * *v + *g;
            *g = *v;
        }
    }
}

versions! {
    /// Momentum of one worker and the sum over all: `v = momentum v + g`. The gradient becomes `v`, or
    /// `momentum v + g` if `ahead`.
    pub fn accumulate_for_one(
        momentum: f32,
        ahead: bool,
        g: &mut [f32],
        v: &mut [f32],
        sum: &mut [f32],
    ) {
        for ((g, v), sum) in g.iter_mut().zip(v).zip(sum) {
            let new = momentum * *v + *g;
            *sum += new - *v;
            *v = new;
            *g = if ahead { momentum * new + *g } else { new };
        }
    }
}

versions! {
    /// The moving average of the gradient, which keeps the share `keep` of its old value, and its
    /// momentum; the gradient becomes `rate` times that momentum.
    pub fn accumulate_and_average(
        keep: f32,
        momentum: f32,
        rate: f32,
        g: &mut [f32],
        v: &mut [f32],
        mean: &mut [f32],
    ) {
        for ((g, v), b) in g.iter_mut().zip(v).zip(mean) {
            *b = keep * *b + (1.0 - keep) * *g;
            *v = momentum * *v + *g;
            *g = rate * *v;
        }
    }
}

versions! {
    /// The sum, over 64 running sums that are then added in halves.
    pub fn sum(values: &[f32]) -> f64 {
        let mut sums = [0.0; 64];
        let (whole, rest) = values.as_chunks::<64>();
        for some in whole {
            for (sum, &value) in sums.iter_mut().zip(some) {
                *sum += f64::from(value);
            }
        }
        for (sum, &value) in sums.iter_mut().zip(rest) {
            *sum += f64::from(value);
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
