//! Gap-Aware: a gradient is divided, element by element, by one plus the number of average steps that
//! the parameter has moved since it was read.
//!
//! Barkai, Hakimi, Schuster (2019), arXiv:1909.10802: `g / (1 + |w_now - w_seen| / C)`. `C` is the root
//! of the running mean square of the steps really made, which is the paper's for Adam and close to
//! it for momentum.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::PerParameter;
use super::{Arrival, Needs, Place, Remedy, Stretch};
use crate::params::Layout;

/// How steps are averaged.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Share of the old mean square step that is kept at an update.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub memory: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { memory: 0.999 }
    }
}

/// The working remedy.
#[derive(Debug)]
pub struct GapAware {
    memory: f32,
    /// Per parameter: mean square step, and the weight that it has gathered.
    steps: PerParameter,
}

/// Keeps the penalty finite where nothing has moved yet.
const TINY: f32 = 1e-12;

impl GapAware {
    /// The penalty for a model of this layout.
    pub fn new(config: Config, layout: &Layout) -> GapAware {
        GapAware { memory: config.memory as f32, steps: PerParameter::new(layout, 2, 0.0) }
    }
}

impl Remedy for GapAware {
    fn needs(&self) -> Needs {
        Needs { view: true, stretches: true, steps: true, ..Needs::default() }
    }

    fn amend(&mut self, _: &Arrival, stretch: &mut Stretch<'_>) {
        let Stretch { place, gradient, now, seen } = stretch;
        let (squares, weights) = self.steps.at(place).split_at(gradient.len());
        let average = squares.iter().zip(weights).map(|(s, w)| (s / w.max(TINY)).sqrt() + TINY);
        let gap = now.iter().zip(seen.iter()).map(|(now, seen)| (now - seen).abs());
        for ((g, gap), average) in gradient.iter_mut().zip(gap).zip(average) {
            if gap > 0.0 {
                *g /= 1.0 + gap / average;
            }
        }
    }

    fn stepped(&mut self, place: &Place, before: &[f32], after: &[f32]) {
        let (squares, weights) = self.steps.at(place).split_at_mut(before.len());
        for ((s, w), (a, b)) in squares.iter_mut().zip(weights).zip(after.iter().zip(before)) {
            let step = a - b;
            *s = self.memory * *s + (1.0 - self.memory) * step * step;
            *w = self.memory * *w + (1.0 - self.memory);
        }
    }
}

crate::persist!(GapAware { steps });
