//! Gap-Aware: a gradient is divided, element by element, by one plus a number of average steps. The
//! number says how many of them the parameter has moved since it was read.
//!
//! Barkai, Hakimi, Schuster (2019), arXiv:1909.10802: `g / (1 + |w_now - w_seen| / C)`. `C` is the
//! root of the running mean square of the real steps. This is the paper's `C` for Adam, and close
//! to it for momentum.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::parameters;
use super::state::PerParameter;
use super::{Arrival, Moved, Needs, ParameterSet, Remedy, RemedyConfig, RemedyFacts, RowGradients};
use crate::nn::kernels::amend::{close_gap, note_steps};
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

impl RemedyConfig for Config {
    fn build(&self, _: u32, layout: &Layout) -> Box<dyn Remedy> {
        Box::new(GapAware { memory: self.memory as f32, steps: PerParameter::new(layout, 2, 0.0) })
    }

    fn numbers(&self, _: u32, layout: &Layout) -> u64 {
        2 * parameters(layout)
    }

    fn facts(&self) -> RemedyFacts {
        RemedyFacts {
            needs_staleness: true,
            wants_descent: false,
            counts_pushes: false,
            wants_differences: false,
            corrects_by_view: false,
            tunes_rate: false,
            spares: None,
        }
    }
}

/// The working remedy.
#[derive(Debug)]
pub struct GapAware {
    memory: f32,
    /// For every row or block: the mean square step of each parameter, then as many numbers again.
    /// Only the first of these is used: the weight that the means have gathered.
    steps: PerParameter,
}

/// Keeps the penalty finite when nothing has moved yet.
const TINY: f32 = 1e-12;

impl Remedy for GapAware {
    fn needs(&self) -> Needs {
        Needs { view: true, dense: true, rows: true, steps: true, ..Needs::default() }
    }

    fn amend(&mut self, _: &Arrival, place: &ParameterSet, gradients: &mut RowGradients<'_>) {
        close_gap(TINY, self.steps.at(place), gradients);
    }

    fn stepped(&mut self, place: &ParameterSet, moved: Moved<'_>) {
        note_steps(self.memory, self.steps.at(place), moved);
    }
}

crate::persist!(GapAware { memory: fixed, steps: state });
