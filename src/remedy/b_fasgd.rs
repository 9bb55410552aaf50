//! B-FASGD: FASGD for an expensive network. Dense parameters are pulled and pushed by chance only:
//! the smaller the gradients' deviations have become, the more rarely.
//!
//! Odena (2016), arXiv:1601.04033, and its released code. Whenever a worker could pull or push, it
//! does so with the chance `1 / (1 + c / (v + 1e-4))`. Here `v` is the mean over the shard's dense
//! parameters of what [`fasgd`] divides by, and 1 before its first update. A worker that does not
//! pull goes on with the parameters it has. For a push that is not sent, the shard applies the last
//! gradient that it had from the worker once more, and that gradient is by then older. (The
//! released code counts parameters that were not pulled as fresh; here they count with their real
//! age.)
//!
//! The remedy names the chances. The engine draws, keeps what a worker has, and keeps what a shard
//! applies again. Rows are always transmitted, since a worker needs other rows in every step. So
//! the dense parameters have to lie on shards of their own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arrival::Chances;
use super::fasgd::{Fasgd, FasgdVariant, Means};
use super::state::PerShard;
use super::{Arrival, Needs, ParameterSet, Remedy, RemedyConfig, RemedyFacts, RowGradients, fasgd};
use crate::base::ShardId;
use crate::nn::kernels::amend::sum;
use crate::params::Layout;

/// Keeps a chance above zero when nothing deviates.
const EPSILON: f64 = 1e-4;

/// Which variant, its running means, and what transmission costs.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which variant of FASGD.
    pub variant: FasgdVariant,
    /// How it averages.
    #[serde(flatten)]
    pub means: Means,
    /// The assumed cost of a pull: a pull of dense parameters happens with the chance
    /// `1 / (1 + c / mean deviation)`; 0: always.
    #[schemars(range(min = 0.0))]
    pub pull_cost: f64,
    /// The assumed cost of a push. The paper found that pushes can hardly be left out.
    #[schemars(range(min = 0.0))]
    pub push_cost: f64,
}

impl Default for Config {
    fn default() -> Config {
        let (variant, means) = (FasgdVariant::default(), Means::default());
        Config { variant, means, pull_cost: 0.01, push_cost: 0.0 }
    }
}

impl Config {
    /// The configuration of FASGD itself.
    fn rule(&self) -> fasgd::Config {
        fasgd::Config { variant: self.variant, means: self.means }
    }

    /// Whether any pull or push may be left out.
    pub fn may_spare(&self) -> bool {
        self.pull_cost > 0.0 || self.push_cost > 0.0
    }
}

impl RemedyConfig for Config {
    fn build(&self, _: u32, layout: &Layout) -> Box<dyn Remedy> {
        Box::new(BFasgd::new(*self, layout))
    }

    fn numbers(&self, workers: u32, layout: &Layout) -> u64 {
        self.rule().numbers(workers, layout)
    }

    fn facts(&self) -> RemedyFacts {
        RemedyFacts { spares: self.may_spare().then_some("fasgd"), ..self.rule().facts() }
    }
}

/// The working remedy.
#[derive(Debug)]
pub struct BFasgd {
    config: Config,
    rule: Fasgd,
    deviations: PerShard<Deviations>,
}

/// Sums of the deviations of a shard's dense blocks.
#[derive(Debug, Default)]
struct Deviations {
    /// For each block, in the order of the arena: where it begins, its length, the sum.
    blocks: Vec<(usize, usize, f64)>,
}

impl Deviations {
    fn set(&mut self, start: usize, values: &[f32]) {
        let entry = (start, values.len(), sum(values));
        match self.blocks.binary_search_by_key(&start, |block| block.0) {
            Ok(at) => self.blocks[at] = entry,
            Err(at) => self.blocks.insert(at, entry),
        }
    }

    fn mean(&self) -> Option<f64> {
        let count: usize = self.blocks.iter().map(|block| block.1).sum();
        let sum: f64 = self.blocks.iter().map(|block| block.2).sum();
        (count > 0).then(|| sum / count as f64)
    }
}

impl BFasgd {
    /// The rule for a model of this layout.
    pub fn new(config: Config, layout: &Layout) -> BFasgd {
        let rule = Fasgd::new(config.rule(), layout);
        BFasgd { config, rule, deviations: PerShard::default() }
    }
}

impl Remedy for BFasgd {
    fn needs(&self) -> Needs {
        Needs { spares: self.config.may_spare(), ..self.rule.needs() }
    }

    fn amend(&mut self, arrival: &Arrival, place: &ParameterSet, gradients: &mut RowGradients<'_>) {
        self.rule.amend(arrival, place, gradients);
        if let (ParameterSet::Dense(range), true) = (place, self.config.may_spare()) {
            let values = self.rule.deviations(place);
            self.deviations.at(arrival.shard).set(range.start, values);
        }
    }

    fn chances(&self, shard: ShardId) -> Chances {
        let mean = self.deviations.get(shard).and_then(Deviations::mean).unwrap_or(1.0);
        let chance = |cost: f64| 1.0 / (1.0 + cost / (mean + EPSILON));
        Chances { pull: chance(self.config.pull_cost), push: chance(self.config.push_cost) }
    }
}

crate::persist!(BFasgd { config: fixed, rule: state, deviations: state });

crate::persist!(Deviations { blocks: state });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::WorkerId;
    use crate::params::Init;

    #[test]
    fn chances_fall_with_the_deviations() {
        let mut layout = Layout::default();
        layout.add_block("a", "weight", (1, 2), Init::Constant(0.0));
        layout.add_block("b", "weight", (1, 1), Init::Constant(0.0));
        let config = Config {
            variant: FasgdVariant::AsCoded,
            means: Means { beta: 0.5, ..Means::default() },
            pull_cost: 0.3,
            push_cost: 0.0,
        };
        let mut remedy = BFasgd::new(config, &layout);
        let shard = ShardId(1);
        // 1 / (1 + 0.3 / 1.0001) before the first update.
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} for {b}");
        close(remedy.chances(shard).pull, 0.769_248);
        let arrival = Arrival {
            worker: WorkerId(0),
            workers: 1,
            shard,
            version: 0,
            staleness: 0,
            dense_rate: 0.1,
            sparse_rate: 0.1,
            norm: 0.0,
            dense_norm: 0.0,
        };
        for (range, values) in [(0..2, vec![0.2f32, -0.6]), (2..3, vec![0.4])] {
            let mut gradient = values.clone();
            let now = vec![0.0; values.len()];
            let mut gradients = RowGradients::of_block(&mut gradient, &now, &[]);
            remedy.amend(&arrival, &ParameterSet::Dense(range), &mut gradients);
        }
        // v = 0.1, 0.3, 0.2: mean 0.2.
        close(remedy.chances(shard).pull, 0.2001 / 0.5001);
        assert_eq!(remedy.chances(shard).push, 1.0);
        assert!(remedy.needs().spares);
    }
}
