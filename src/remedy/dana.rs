//! DANA: momentum for many workers, by looking ahead. It acts on the dense group; rows have no
//! momentum.
//!
//! Hakimi et al. (2019), arXiv:1907.11612, reconstructed from its abstract and from memory. Each
//! worker has a momentum of its own. *Zero*: the server replies to a pull with its estimate of
//! where the parameters will be, `w - eta gamma sum_j v_j`, and updates with `v_i = gamma v_i + g`.
//! *Slim*: the worker pushes `gamma v_i + g` with the new `v_i`, and the server does plain descent.
//! In both forms the optimizer of the dense group has to be plain descent.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrival, Needs, ParameterSet, Remedy, RemedyConfig, RemedyFacts, RowGradients};
use crate::nn::kernels::amend::accumulate_for_one;
use crate::params::Layout;

/// The two forms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Form")]
pub enum DanaForm {
    /// The server looks ahead.
    Zero,
    /// The worker looks ahead.
    #[default]
    Slim,
}

/// Which form, and how much momentum.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which side looks ahead.
    pub form: DanaForm,
    /// Momentum; 0 changes nothing.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { form: DanaForm::default(), momentum: 0.9 }
    }
}

impl RemedyConfig for Config {
    fn build(&self, workers: u32, layout: &Layout) -> Box<dyn Remedy> {
        Box::new(Dana {
            form: self.form,
            momentum: self.momentum as f32,
            velocity: vec![Vec::new(); workers as usize],
            sum: vec![0.0; layout.dense_len()],
        })
    }

    fn numbers(&self, workers: u32, layout: &Layout) -> u64 {
        (u64::from(workers) + 1) * layout.dense_len() as u64
    }

    fn facts(&self) -> RemedyFacts {
        RemedyFacts {
            needs_staleness: false,
            wants_descent: true,
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
pub struct Dana {
    form: DanaForm,
    momentum: f32,
    /// By worker: its momentum over the dense arena, made at its first push.
    velocity: Vec<Vec<f32>>,
    /// The sum of all momenta.
    sum: Vec<f32>,
}

impl Remedy for Dana {
    fn needs(&self) -> Needs {
        let look_ahead = self.form == DanaForm::Zero && self.momentum != 0.0;
        Needs { dense: self.momentum != 0.0, look_ahead, ..Needs::default() }
    }

    fn amend(&mut self, arrival: &Arrival, place: &ParameterSet, gradients: &mut RowGradients<'_>) {
        let ParameterSet::Dense(range) = place else { return };
        let velocity = &mut self.velocity[arrival.worker.index()];
        velocity.resize(self.sum.len(), 0.0);
        let (old, sum) = (&mut velocity[range.clone()], &mut self.sum[range.clone()]);
        let ahead = self.form == DanaForm::Slim;
        accumulate_for_one(self.momentum, ahead, gradients.values, old, sum);
    }

    fn look_ahead(&self, rate: f32, range: Range<usize>, values: &mut [f32]) {
        for (w, v) in values.iter_mut().zip(&self.sum[range]) {
            *w -= rate * self.momentum * v;
        }
    }
}

crate::persist!(Dana { form: fixed, momentum: fixed, velocity: state, sum: state });
