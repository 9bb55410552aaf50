//! Binary cross-entropy, example by example.

use super::lanes::{BlockKernel, each_block, of, of_mut};
use crate::nn::Real;

/// Gradients below this are set to zero: the backward pass would make them denormal numbers, on
/// which processors take many times as long, and no update rule has a use for them.
const VANISHING: f64 = 1e-20;

#[inline(always)]
pub(super) fn cross_entropy<F: Real>(
    logits: &[F],
    labels: &[f32],
    share: F,
    losses: &mut [F],
    d_logits: &mut [F],
) {
    struct Entropy<'a, F>(&'a [F], &'a [f32], F, &'a mut [F], &'a mut [F]);
    impl<F: Real> BlockKernel for Entropy<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let (z, y): (&[F; N], &[f32; N]) = (of(self.0, at), of(self.1, at));
            let (mut losses, mut d) = ([F::ZERO; N], [F::ZERO; N]);
            for j in 0..N {
                (losses[j], d[j]) = one(z[j], F::from_f64(f64::from(y[j])), self.2);
            }
            *of_mut(self.3, at) = losses;
            *of_mut(self.4, at) = d;
        }
    }
    each_block(logits.len(), &mut Entropy(logits, labels, share, losses, d_logits));
}

/// The loss of one example, and `share` times its gradient.
#[inline(always)]
fn one<F: Real>(z: F, y: F, share: F) -> (F, F) {
    let e = (-z.abs()).exp();
    let upper = F::ONE / (F::ONE + e);
    let p = if z >= F::ZERO { upper } else { e * upper };
    let loss = z.larger(F::ZERO) - z * y + e.ln_1p();
    let d = (p - y) * share;
    (loss, if d.abs() < F::from_f64(VANISHING) { F::ZERO } else { d })
}
