//! Random draws as pure functions of (seed, purpose, entity, count).
//!
//! No generator state is stored or shared: the k-th draw of worker 7 does not depend on other
//! workers or on the order of events. So two settings can be compared pair by pair (common random
//! numbers), and a snapshot needs no generator state.

/// The generator of one draw. A named, portable algorithm (Blackman & Vigna's xoshiro256++), so
/// that its values do not depend on the platform.
pub type Rng = rand::rngs::Xoshiro256PlusPlus;

use rand::SeedableRng;

/// What a draw is for. Draws for different purposes are independent.
///
/// The numbers are part of what a seed means: append, never renumber.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u64)]
pub enum Purpose {
    /// Initial value: of a dense block (`entity` = block), or of a row (`entity` = table,
    /// `count` = row).
    Init = 1,
    /// Order of the training examples (`entity` = pass).
    Order = 2,
    /// Compute time of one step (`entity` = worker, `count` = its step).
    StepTime = 3,
    /// Speed of a worker that lasts the whole run (`entity` = worker).
    WorkerSpeed = 4,
    /// Network latency (`entity` = worker, `count` = its message).
    Network = 5,
    /// Service time at a shard (`entity` = shard, `count` = request).
    Service = 10,
    /// Late start of a worker (`entity` = worker).
    Start = 6,
    /// Imposed staleness (`entity` = 0, `count` = update).
    Delay = 7,
    /// Choice of sampled negatives (`entity` = user, `count` = position).
    Negative = 8,
    /// Which holdout examples select the best step.
    Selection = 9,
    /// Generated users (`entity` = user).
    User = 16,
    /// Generated items (`entity` = item).
    Item = 17,
    /// Generated categories (`count` = 0) and brands (`count` = 1).
    Category = 18,
    /// Generated sessions (`entity` = day, `count` = session of the day).
    Session = 19,
    /// Generated impressions (`entity` = session, `count` = position).
    Impression = 20,
    /// Generated histories (`entity` = user; one word stream per user).
    History = 21,
    /// Drift of generated tastes and trends (`entity` = what drifts; one word stream each).
    Drift = 22,
    /// Base rate of a generated day (`entity` = day).
    Day = 23,
    /// Slow episodes (`entity` = source and machine or host, `count` = switch).
    Episode = 24,
    /// Crashes and repairs (`entity` = worker, `count` = 2 k for the k-th time up, 2 k + 1 down).
    Failure = 25,
    /// Failures of shards (`entity` = shard, `count` as for crashes).
    ShardFailure = 26,
    /// Which increment is missing when a shard returns (`entity` = shard, `count` = failure).
    Increment = 27,
    /// The time between two requests of a stream (`count` = request).
    Arrival = 28,
    /// The action on a request: whether it never comes (`entity` = 0), whether it is sent twice (1),
    /// how late it is (2), and how late its copy (3); `count` = request.
    Action = 29,
    /// The features of a request: whether they are lost (`entity` = 0), how late they are (1);
    /// `count` = request.
    Features = 30,
    /// Whether a request without an action is kept (`count` = request).
    KeptNegative = 31,
    /// Whether dense parameters are transmitted (`entity` = worker, `count` = occasion and shard).
    Transmission = 40,
    /// Parameters re-initialised at a restart (a seed of its own draws).
    Reinit = 41,
    /// What uninitialised memory holds (`entity` = block or table, `count` = place).
    Garbage = 42,
    /// Resamples of a bootstrap (`entity` = sample, `count` = resample); not part of any run.
    Resample = 64,
    /// Whether a push admits a row (`entity` = table, `count` = its draw).
    Admission = 43,
    /// Whether a request is scored by the serving copy (`count` = request).
    Served = 44,
    /// A message to the serving copy: whether it is lost, and how late it is (`entity` says which, of
    /// which attempt, with rows or dense parameters; `count` = message).
    ServingMessage = 45,
    /// Whether a log holds a row out (`entity` = row; the seed does not matter).
    HeldOut = 46,
    /// Parts that a library user adds.
    Custom = 1 << 32,
}

/// The full name of one draw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Draw {
    /// The run it belongs to.
    pub streams: Streams,
    /// What it is for.
    pub purpose: Purpose,
    /// The entity that draws.
    pub entity: u64,
    /// Number of the draw among those of the entity.
    pub count: u64,
}

impl Draw {
    /// The generator of this draw.
    pub fn rng(self) -> Rng {
        self.streams.rng(self.purpose, self.entity, self.count)
    }
}

/// Every random draw of a run, by name. It holds a seed only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// The streams of one trial.
    pub fn new(seed: u64) -> Streams {
        Streams { seed }
    }

    /// The seed that was given.
    pub fn seed(self) -> u64 {
        self.seed
    }

    /// A 64-bit hash of the draw's name: uniform, and independent between names.
    pub fn key(self, purpose: Purpose, entity: u64, count: u64) -> u64 {
        let mut h = mix(self.seed ^ 0x9e37_79b9_7f4a_7c15);
        for word in [purpose as u64, entity, count] {
            h = mix(h.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ mix(word ^ 0xd1b5_4a32_d192_ed03));
        }
        h
    }

    /// The generator for one draw (or one bundle of draws that belong together).
    pub fn rng(self, purpose: Purpose, entity: u64, count: u64) -> Rng {
        Rng::seed_from_u64(self.key(purpose, entity, count))
    }

    /// The name of one draw, for parts that make the draw later.
    pub fn draw(self, purpose: Purpose, entity: u64, count: u64) -> Draw {
        Draw { streams: self, purpose, entity, count }
    }

    /// A uniform number in `[0, 1)` with 53 random bits.
    pub fn uniform(self, purpose: Purpose, entity: u64, count: u64) -> f64 {
        unit(self.key(purpose, entity, count))
    }
}

/// The upper 53 bits of a word as a number in `[0, 1)`.
pub fn unit(word: u64) -> f64 {
    (word >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014): a bijection with full avalanche.
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn draws_are_a_function_of_their_name() {
        let s = Streams::new(7);
        let draw = |p, w, c| s.rng(p, w, c).random::<u64>();
        assert_eq!(draw(Purpose::StepTime, 3, 9), draw(Purpose::StepTime, 3, 9));
        assert_ne!(draw(Purpose::StepTime, 3, 9), draw(Purpose::StepTime, 9, 3));
        assert_ne!(draw(Purpose::StepTime, 3, 9), draw(Purpose::Network, 3, 9));
        assert_ne!(
            draw(Purpose::StepTime, 3, 9),
            Streams::new(8).rng(Purpose::StepTime, 3, 9).random::<u64>()
        );
    }

    /// A change here changes every result: it must be deliberate.
    #[test]
    fn values_are_stable() {
        let s = Streams::new(1);
        assert_eq!(s.key(Purpose::Init, 0, 0), 10_332_758_745_779_509_168);
    }

    #[test]
    fn uniforms_of_neighbouring_names_are_uncorrelated() {
        let s = Streams::new(2);
        let n = 20_000;
        let xs: Vec<f64> = (0..n).map(|c| s.uniform(Purpose::Day, 0, c)).collect();
        let mean = xs.iter().sum::<f64>() / n as f64;
        let lag: f64 = xs.windows(2).map(|w| (w[0] - 0.5) * (w[1] - 0.5)).sum::<f64>() / n as f64;
        assert!((mean - 0.5).abs() < 4.0 * (1.0f64 / 12.0 / n as f64).sqrt(), "{mean}");
        assert!(lag.abs() < 4.0 / 12.0 / (n as f64).sqrt(), "{lag}");
    }
}
