//! AdaptiveRevision (McMahan & Streeter, "Delay-tolerant algorithms for asynchronous distributed
//! online learning", NIPS 2014): Adagrad that knows which gradients were applied since a worker
//! read. It takes their steps again, with the smaller rate that it would have used if it had known
//! the late gradient.
//!
//! With `b` the sum of the gradients applied since the parameters of `g` were read:
//!
//! ```text
//! old = rate / sqrt(y)
//! z += g^2 + 2 g b,   y = max(y, z),   new = rate / sqrt(y)
//! w -= new g,   w += (old - new) b
//! ```
//!
//! Reconstructed: the paper's text could not be read; the form is from memory, and its state (`z`
//! and `y` begin at 1) agrees with a public implementation in a parameter server (Petuum's).
//! Without delay `b` is zero, and it is Adagrad with `initial = 1` and `epsilon = 0`, bit by bit.
//!
//! `b` is a slot, the sum of all gradients, as it is now minus as it was at the read. The value at
//! the read travels with the view: a worker that pulls takes the slot along, so nothing is stored
//! by worker. This doubles the memory of a pull; the simulated network counts the weights alone.
//! When several gradients are merged, the oldest one that has a parameter says when the parameter
//! was read. Leaving untouched rows alone is exact.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::EDGE_OF_OTHERS;
use super::rule::ratio;
use super::{Optimizer, OptimizerConfig, OptimizerFacts, Per, Slot, Tick};

/// Configuration of `kind = "adaptive_revision"`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Learning rate, before any schedule.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// First value of the sum of squares and of its maximum.
    #[schemars(range(min = 0.0))]
    pub initial: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { learning_rate: 0.1, initial: 1.0 }
    }
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        Arc::new(AdaptiveRevision::new(self))
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn facts(&self) -> OptimizerFacts {
        OptimizerFacts {
            period: None,
            edge: EDGE_OF_OTHERS,
            descends: false,
            remakes_weights: false,
        }
    }
}

/// AdaptiveRevision.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AdaptiveRevision {
    slots: [Slot; 3],
}

impl AdaptiveRevision {
    /// The rule of `config`.
    pub fn new(config: &Config) -> AdaptiveRevision {
        let slot = |name, init| Slot { name, init, per: Per::Weight };
        let initial = config.initial as f32;
        AdaptiveRevision { slots: [slot("sum", 0.0), slot("z", initial), slot("y", initial)] }
    }
}

impl Optimizer for AdaptiveRevision {
    fn slots(&self) -> &[Slot] {
        &self.slots
    }

    fn carries_slots(&self) -> bool {
        true
    }

    /// As if nothing had been applied since the parameters were read.
    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        let (sums, rest) = slots.split_at_mut(weights.len());
        let (zs, ys) = rest.split_at_mut(weights.len());
        for (i, (w, &g)) in weights.iter_mut().zip(gradient).enumerate() {
            revise(w, [&mut sums[i], &mut zs[i], &mut ys[i]], (g, 0.0), tick.rate);
        }
    }

    fn update_since(
        &self,
        weights: &mut [f32],
        slots: &mut [f32],
        gradient: &[f32],
        then: &[f32],
        tick: &Tick,
    ) {
        let (sums, rest) = slots.split_at_mut(weights.len());
        let (zs, ys) = rest.split_at_mut(weights.len());
        for (i, (w, &g)) in weights.iter_mut().zip(gradient).enumerate() {
            let between = sums[i] - then[i];
            revise(w, [&mut sums[i], &mut zs[i], &mut ys[i]], (g, between), tick.rate);
        }
    }
}

/// One weight: its gradient, and the sum of those applied since it was read.
fn revise(w: &mut f32, [sum, z, y]: [&mut f32; 3], (g, between): (f32, f32), rate: f32) {
    let old = y.sqrt();
    *z += g * g + 2.0 * g * between;
    *y = if g.is_nan() { g } else { y.max(*z) };
    let new = y.sqrt();
    *w -= rate * ratio(g, new);
    if between != 0.0 {
        *w += rate * (ratio(between, old) - ratio(between, new));
    }
    *sum += g;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three gradients, the last two read before the ones before them had been applied.
    #[test]
    fn the_steps_of_others_are_revised() {
        let rule = AdaptiveRevision::new(&Config { learning_rate: 1.0, initial: 1.0 });
        let (mut w, mut slots) = ([0.0], [0.0, 1.0, 1.0]);
        let tick = Tick { rate: 1.0, ..Tick::default() };
        let steps = [
            (1.0, 0.0, -f32::sqrt(0.5), 2.0),
            (1.0, 0.0, -0.894_427_2, 5.0),
            (-1.0, 1.0, -0.447_213_6, 5.0),
        ];
        for (g, then, expected, y) in steps {
            rule.update_since(&mut w, &mut slots, &[g], &[then], &tick);
            assert!((w[0] - expected).abs() < 1e-6, "{} is not {expected}", w[0]);
            assert!((slots[2] - y).abs() < 1e-6);
        }
        assert_eq!(slots[0], 1.0);
    }

    #[test]
    fn nothing_applied_in_between_is_no_delay() {
        let rule = AdaptiveRevision::new(&Config::default());
        let tick = Tick { rate: 0.1, ..Tick::default() };
        let (mut plain, mut since) = (([0.5], [0.0, 1.0, 1.0]), ([0.5], [0.0, 1.0, 1.0]));
        for g in [1.0, -0.3, 0.7] {
            let then = [since.1[0]];
            rule.update(&mut plain.0, &mut plain.1, &[g], &tick);
            rule.update_since(&mut since.0, &mut since.1, &[g], &then, &tick);
            assert_eq!(plain, since);
        }
    }
}
