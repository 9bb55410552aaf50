//! YellowFin: learning rate and momentum tuned from the gradients, with a closed loop that
//! subtracts the momentum of asynchrony. It acts on the dense group; rows keep their optimizer's
//! learning rate.
//!
//! Zhang & Mitliagkas (2017), arXiv:1706.03471. The tuner follows the released code, which was
//! read. It takes norms of gradients as curvatures (least and largest of a window, smoothed as
//! logarithms), and uses the gradients' variance and the distance `mean |g| / mean |g|^2`. The
//! momentum is the larger of two numbers: the one with the best single step, and
//! `((r - 1) / (r + 1))^2` with `r` the root of the ratio of curvatures. The rate is
//! `(1 - sqrt(momentum))^2 / least curvature`, with a slow rise at the start. Clipping to the root
//! of the largest curvature is the paper's, from memory. The correction for sparse gradients is
//! left out, since rows are left out.
//!
//! The closed loop is reconstructed. It measures the total momentum
//! `median (x_(r+1) - x_r + rate g(x_r)) / (x_r - x_(r-1))`. It moves the explicit momentum by
//! `feedback` times the difference of tuned and measured momentum; the explicit one may become
//! negative.
//!
//! Every shard tunes its own parameters. The optimizer of the dense group has to be plain descent,
//! and its learning rate, with its schedule, is a factor of the tuned one.

mod sensor;
mod tuner;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::sensor::Sensor;
use self::tuner::Tuner;
use super::state::PerShard;
use super::{
    Arrival, Factors, Needs, ParameterSet, Remedy, RemedyConfig, RemedyFacts, RowGradients,
};
use crate::nn::kernels::amend::{accumulate_and_average, scale};
use crate::nn::kernels::squares;
use crate::params::Layout;

/// Bound of the absolute explicit momentum: with more than 1 a step would never die out.
const MOST: f64 = 0.99;

/// Smoothing, first values and the loop.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Share of the old value that every moving average keeps.
    #[schemars(range(min = 0.0, max = 0.999999))]
    pub beta: f64,
    /// Gradients among which the least and the largest curvature are looked for.
    #[schemars(range(min = 1, max = 10_000))]
    pub window: usize,
    /// Learning rate at the start.
    #[schemars(range(min = 0.0))]
    pub first_rate: f64,
    /// Momentum at the start.
    #[schemars(range(min = 0.0, max = 0.99))]
    pub first_momentum: f64,
    /// Whether gradients are clipped to the root of the largest curvature so far.
    pub clip: bool,
    /// Whether the explicit momentum is set so that the total is as tuned. Otherwise the explicit
    /// momentum itself is as tuned.
    pub closed_loop: bool,
    /// Share of the difference by which the loop moves the explicit momentum at an update.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub feedback: f64,
    /// Parameters of a shard on which the total momentum is measured, at most.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub sample: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            beta: 0.999,
            window: 20,
            first_rate: 0.1,
            first_momentum: 0.0,
            clip: true,
            closed_loop: true,
            feedback: 0.01,
            sample: 256,
        }
    }
}

impl RemedyConfig for Config {
    fn build(&self, workers: u32, layout: &Layout) -> Box<dyn Remedy> {
        Box::new(YellowFin::new(*self, workers, layout.dense_len()))
    }

    fn numbers(&self, workers: u32, layout: &Layout) -> u64 {
        let dense = layout.dense_len() as u64;
        let sampled = (self.sample as u64).min(dense);
        2 * dense + sampled * self.room(workers) as u64
    }

    fn facts(&self) -> RemedyFacts {
        RemedyFacts {
            needs_staleness: false,
            wants_descent: true,
            counts_pushes: true,
            wants_differences: false,
            corrects_by_view: false,
            tunes_rate: true,
            spares: None,
        }
    }
}

/// The working remedy.
#[derive(Debug)]
pub struct YellowFin {
    config: Config,
    /// The distance between two measured dense parameters.
    stride: usize,
    /// Number of versions that the sensor remembers.
    room: usize,
    shards: PerShard<Option<Shard>>,
    /// Both over the dense arena: sums of past gradients with momentum, and the gradients' moving
    /// averages before the division by their weight.
    velocity: Vec<f32>,
    mean: Vec<f32>,
}

/// What is known of one shard.
#[derive(Debug, Default)]
struct Shard {
    tuner: Tuner,
    sensor: Sensor,
    /// Explicit momentum of the closed loop.
    explicit: f64,
    /// Factor that clips the current gradient.
    clip: f64,
    /// Norm of the last gradient, and the sum of the squares of the averages after it.
    last: Option<f64>,
    squares: f64,
    /// Weight of the averages in [`YellowFin::mean`].
    weight: f64,
}

impl Config {
    /// Number of versions of a shard that the sensor remembers.
    fn room(&self, workers: u32) -> usize {
        if self.closed_loop { 4 * workers as usize + 16 } else { 0 }
    }
}

impl YellowFin {
    /// A tuner for `workers` workers and `dense` dense parameters.
    pub fn new(config: Config, workers: u32, dense: usize) -> YellowFin {
        YellowFin {
            config,
            stride: dense.div_ceil(config.sample.max(1)).max(1),
            room: config.room(workers),
            shards: PerShard::default(),
            velocity: vec![0.0; dense],
            mean: vec![0.0; dense],
        }
    }
}

impl Shard {
    fn new(config: Config) -> Shard {
        let Config { beta, window, first_rate, first_momentum, .. } = config;
        Shard {
            tuner: Tuner::new(beta, window, first_rate, first_momentum),
            sensor: Sensor::default(),
            explicit: first_momentum,
            clip: 1.0,
            last: None,
            squares: 0.0,
            weight: 0.0,
        }
    }

    /// Learns from the last gradient, now that all of its parts have been seen.
    fn learn(&mut self) {
        if let Some(norm) = self.last.take() {
            self.tuner.learn(norm, self.squares / (self.weight * self.weight));
        }
    }
}

impl Remedy for YellowFin {
    fn needs(&self) -> Needs {
        Needs { dense: true, dense_norm: true, ..Needs::default() }
    }

    fn arrive(&mut self, arrival: &Arrival) -> Factors {
        let config = self.config;
        let shard = self.shards.at(arrival.shard).get_or_insert_with(|| Shard::new(config));
        shard.learn();
        if config.closed_loop {
            let read = arrival.version.saturating_sub(arrival.staleness);
            let rate = shard.tuner.rate * f64::from(arrival.dense_rate);
            if let Some(total) = shard.sensor.begin((arrival.version, read), rate, self.room) {
                let lacking = shard.tuner.momentum - total;
                let explicit = shard.explicit + config.feedback * lacking;
                shard.explicit = explicit.clamp(-MOST, MOST);
            }
        } else {
            shard.explicit = shard.tuner.momentum;
        }
        let most =
            shard.tuner.largest_norm().filter(|&most| config.clip && arrival.dense_norm > most);
        shard.clip = most.map_or(1.0, |most| most / arrival.dense_norm);
        shard.last = Some(shard.clip * arrival.dense_norm);
        shard.squares = 0.0;
        shard.weight = config.beta * shard.weight + (1.0 - config.beta);
        Factors::ONE
    }

    fn amend(&mut self, arrival: &Arrival, place: &ParameterSet, gradients: &mut RowGradients<'_>) {
        let ParameterSet::Dense(range) = place else { return };
        let Some(shard) = self.shards.at(arrival.shard) else { return };
        let (now, gradient) = (gradients.now.data, &mut *gradients.values);
        if shard.clip < 1.0 {
            scale(gradient, shard.clip as f32);
        }
        if self.config.closed_loop {
            let first = range.start.next_multiple_of(self.stride) - range.start;
            for i in (first..range.len()).step_by(self.stride) {
                shard.sensor.note(now[i], gradient[i]);
            }
        }
        let (velocity, mean) = (&mut self.velocity[range.clone()], &mut self.mean[range.clone()]);
        let (momentum, rate) = (shard.explicit as f32, shard.tuner.rate as f32);
        accumulate_and_average(self.config.beta as f32, momentum, rate, gradient, velocity, mean);
        shard.squares += squares(mean);
    }
}

crate::persist!(Shard {
    tuner: state,
    sensor: state,
    explicit: state,
    clip: scratch,
    last: state,
    squares: state,
    weight: state
});
crate::persist!(YellowFin {
    config: fixed,
    stride: fixed,
    room: fixed,
    shards: state,
    velocity: state,
    mean: state
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, ShardId, Streams, WorkerId};

    /// Noisy descent on eight curvatures towards a minimum that keeps moving. Every gradient is
    /// `staleness` updates old, and the tuner is fixed to a momentum of 0.6. Returns the explicit
    /// momentum at the end.
    fn descend(staleness: usize) -> f64 {
        let beta = 0.999_999;
        // Clipping would hide the length of the steps from the loop.
        let (first_rate, first_momentum) = (0.03, 0.6);
        let config = Config { beta, first_rate, first_momentum, clip: false, ..Config::default() };
        let mut remedy = YellowFin::new(config, 8, 8);
        let noise = |update: usize, i: usize| {
            Streams::new(5).uniform(Purpose::Custom, update as u64, i as u64) as f32 - 0.5
        };
        let mut path = vec![vec![1.0f32; 8]];
        for t in 0..4_000 {
            let now = path[t].clone();
            let stale = staleness.min(t);
            let seen = &path[t - stale];
            let minimum = if t / 100 % 2 == 0 { 1.0 } else { -1.0 };
            let slope = |i: usize| (0.2 + 0.1 * i as f32) * (seen[i] - minimum);
            let mut gradient: Vec<f32> = (0..8).map(|i| slope(i) + 0.1 * noise(t, i)).collect();
            let norm = gradient.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
            let arrival = Arrival {
                worker: WorkerId(0),
                workers: 8,
                shard: ShardId(0),
                version: t as u64,
                staleness: stale as u64,
                dense_rate: 1.0,
                sparse_rate: 0.0,
                norm,
                dense_norm: norm,
            };
            remedy.arrive(&arrival);
            let mut gradients = RowGradients::of_block(&mut gradient, &now, &[]);
            remedy.amend(&arrival, &ParameterSet::Dense(0..8), &mut gradients);
            path.push(now.iter().zip(&gradient).map(|(x, g)| x - g).collect());
        }
        assert!(path.iter().flatten().all(|x| x.abs() < 10.0), "it blew up: {:?}", path.last());
        remedy.shards.at(ShardId(0)).as_ref().expect("it was used").explicit
    }

    /// Staleness acts like momentum, and the loop lowers the explicit momentum.
    #[test]
    fn the_loop_makes_room_for_the_momentum_of_asynchrony() {
        let (fresh, stale) = (descend(0), descend(7));
        assert!((fresh - 0.6).abs() < 0.02 && stale < 0.3, "{fresh} {stale}");
    }
}
