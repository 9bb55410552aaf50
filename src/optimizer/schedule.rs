//! Learning-rate schedules on an explicit clock.
//!
//! In an asynchronous cluster the server's updates, the examples behind them and the time they take
//! do not advance in proportion: two clusters at the same update have seen different numbers of
//! examples. So every length of a schedule says on which clock it is measured. A schedule is a pure
//! function of the three clocks. A restart may set them back, but the schedule does not decide
//! that.
//!
//! All clocks follow one convention. Whatever ends or decays looks at what has passed *before* an
//! update: a first stretch of 4 updates is 4 updates long, by updates and by examples (as in
//! TensorFlow and PyTorch). What grows from zero (a warm-up) looks at what has passed *with* the
//! update, so that no update has a rate of zero: 4 updates have 1/4, 2/4, 3/4 and 4/4 of the rate.

#[cfg(test)]
mod new_part;

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::SimSpan;

/// How far training has come.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Moment {
    /// Updates of the server.
    pub updates: u64,
    /// Examples in them.
    pub examples: u64,
    /// Simulated seconds since the start.
    pub seconds: f64,
}

impl Moment {
    /// How far training has come with an update of `examples` examples.
    pub fn with_update(self, examples: u64) -> Moment {
        let Moment { updates, examples: before, seconds } = self;
        Moment { updates: updates + 1, examples: before + examples, seconds }
    }
}

crate::persist!(Moment { updates: state, examples: state, seconds: state });

/// A length of training on one of three clocks, such as `{ updates = 10000 }`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Horizon {
    /// Updates of the server.
    Updates(u64),
    /// Examples trained on.
    Examples(u64),
    /// Simulated time.
    SimTime(SimSpan),
}

impl Horizon {
    /// How many times this length has passed: 1 at its end. A horizon of length zero has always
    /// ended.
    pub fn passed(self, progress: Moment) -> f64 {
        let (now, length) = match self {
            Horizon::Updates(length) => (progress.updates as f64, length as f64),
            Horizon::Examples(length) => (progress.examples as f64, length as f64),
            Horizon::SimTime(length) => (progress.seconds, length.seconds()),
        };
        if length > 0.0 { now / length } else { f64::INFINITY }
    }

    /// The share of this length that has passed: 1 at its end and later.
    pub fn share(self, progress: Moment) -> f64 {
        self.passed(progress).min(1.0)
    }
}

/// Configuration of `schedule`: how the learning rate changes, after an optional warm-up.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// How the rate changes over training.
    pub decay: ScheduleChoice,
    /// Over this length the rate grows in proportion to what has passed, on top of `decay`. What
    /// passes with the update itself counts: with `{ updates = 4 }`, or the examples of 4 updates,
    /// the first four updates have 1/4, 2/4, 3/4 and 4/4 of the rate.
    pub warm_up: Option<Horizon>,
}

impl Schedule {
    /// The learning rate of an update of `examples` examples, for a learning rate of `base` before
    /// any schedule.
    pub fn rate(&self, base: f64, before: Moment, examples: u64) -> f64 {
        let warm = self.warm_up.map_or(1.0, |over| over.share(before.with_update(examples)));
        base * warm * self.decay.factor(before)
    }
}

crate::registry! {
    /// How the learning rate changes over training.
    pub enum ScheduleChoice: ScheduleConfig {
        /// The rate stays as it is.
        "constant" => Constant(Constant),
        /// The rate falls to a fraction over a length, by the same factor per unit, and stays there.
        "exponential" => Exponential(Exponential),
        /// The rate is multiplied by a factor at the end of every stretch of a length.
        "staircase" => Staircase(Staircase),
        /// The rate stays for a length, then falls with the root of what has passed.
        "inverse_sqrt" => InverseSqrt(InverseSqrt),
        /// The rate falls to a fraction over a length, along half a cosine wave, and stays there.
        "cosine" => Cosine(Cosine),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

impl Default for ScheduleChoice {
    fn default() -> ScheduleChoice {
        ScheduleChoice::Constant(Constant {})
    }
}

/// The configuration of a schedule.
pub trait ScheduleConfig {
    /// What the learning rate of an update is multiplied by; `progress` is before the update.
    fn factor(&self, progress: Moment) -> f64;
}

impl ScheduleConfig for Constant {
    fn factor(&self, _: Moment) -> f64 {
        1.0
    }
}

impl ScheduleConfig for Exponential {
    fn factor(&self, progress: Moment) -> f64 {
        libm::pow(self.to, self.over.share(progress))
    }
}

impl ScheduleConfig for Staircase {
    fn factor(&self, progress: Moment) -> f64 {
        libm::pow(self.factor, self.every.passed(progress).floor())
    }
}

impl ScheduleConfig for InverseSqrt {
    fn factor(&self, progress: Moment) -> f64 {
        self.after.passed(progress).max(1.0).sqrt().recip()
    }
}

impl ScheduleConfig for Cosine {
    fn factor(&self, progress: Moment) -> f64 {
        let wave = libm::cos(PI * self.over.share(progress));
        self.to + (1.0 - self.to) * 0.5 * (1.0 + wave)
    }
}

/// Configuration of `kind = "constant"`.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Constant {}

/// Configuration of `kind = "exponential"`: `rate = base to^(t / over)`; `t` is what has
/// passed before the update, in this and every other schedule.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Exponential {
    /// Fraction of the rate that is left at the end.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub to: f64,
    /// Length of the decay.
    pub over: Horizon,
}

impl Default for Exponential {
    fn default() -> Exponential {
        Exponential { to: 0.01, over: Horizon::Examples(1_000_000) }
    }
}

/// Configuration of `kind = "staircase"`: `rate = base factor^floor(t / every)`. The first
/// stretch of `{ updates = 4 }` has 4 updates.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Staircase {
    /// What the rate is multiplied by.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub factor: f64,
    /// Length of a stretch.
    pub every: Horizon,
}

impl Default for Staircase {
    fn default() -> Staircase {
        Staircase { factor: 0.1, every: Horizon::Examples(1_000_000) }
    }
}

/// Configuration of `kind = "inverse_sqrt"`: `rate = base sqrt(after / max(t, after))`. With a
/// warm-up of the same length it is the schedule of Vaswani et al. 2017.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InverseSqrt {
    /// Length for which the rate stays.
    pub after: Horizon,
}

impl Default for InverseSqrt {
    fn default() -> InverseSqrt {
        InverseSqrt { after: Horizon::Updates(1_000) }
    }
}

/// Configuration of `kind = "cosine"`: `rate = base (to + (1 - to) (1 + cos(pi t / over)) / 2)`
/// (Loshchilov & Hutter 2017, without restarts).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cosine {
    /// Fraction of the rate that is left at the end.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub to: f64,
    /// Length of the decay.
    pub over: Horizon,
}

impl Default for Cosine {
    fn default() -> Cosine {
        Cosine { to: 0.0, over: Horizon::Examples(1_000_000) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn schedule(config: serde_json::Value) -> Schedule {
        serde_json::from_value(config).expect("a schedule")
    }

    /// Twenty examples per update, two seconds per update.
    fn at(updates: u64) -> Moment {
        Moment { updates, examples: 20 * updates, seconds: 2.0 * updates as f64 }
    }

    fn assert_rates(config: serde_json::Value, expected: &[(u64, f64)]) {
        let schedule = schedule(config);
        for &(updates, rate) in expected {
            let given = schedule.rate(0.5, at(updates), 20);
            assert!((given - rate).abs() < 1e-12, "{schedule:?} at {updates}: {given}");
        }
    }

    #[test]
    fn each_schedule_follows_its_formula_on_its_clock() {
        assert_rates(json!({}), &[(0, 0.5), (1_000_000, 0.5)]);
        assert_rates(
            json!({"decay": {"kind": "exponential", "to": 0.01, "over": {"examples": 2000}}}),
            &[(0, 0.5), (50, 0.05), (100, 0.005), (500, 0.005)],
        );
        assert_rates(
            json!({"decay": {"kind": "staircase", "factor": 0.5, "every": {"updates": 10}}}),
            &[(9, 0.5), (10, 0.25), (19, 0.25), (30, 0.0625)],
        );
        assert_rates(
            json!({"decay": {"kind": "inverse_sqrt", "after": {"sim_time": "8s"}}}),
            &[(1, 0.5), (4, 0.5), (16, 0.25), (64, 0.125)],
        );
        assert_rates(
            json!({"decay": {"kind": "cosine", "to": 0.2, "over": {"updates": 100}}}),
            &[(0, 0.5), (50, 0.3), (100, 0.1), (101, 0.1)],
        );
    }

    #[test]
    fn warm_up_is_on_top_of_any_schedule() {
        assert_rates(json!({"warm_up": {"updates": 10}}), &[(0, 0.05), (4, 0.25), (20, 0.5)]);
        assert_rates(
            json!({"warm_up": {"updates": 4},
                   "decay": {"kind": "inverse_sqrt", "after": {"updates": 4}}}),
            &[(0, 0.125), (3, 0.5), (4, 0.5), (16, 0.25)],
        );
    }

    /// The right values are those of TensorFlow's `ExponentialDecay(staircase=True)` and of a
    /// linear warm-up that throws no update away.
    #[test]
    fn equal_lengths_on_two_clocks_are_equal() {
        for length in [json!({"updates": 4}), json!({"examples": 80})] {
            let rates = |config| {
                let schedule = schedule(config);
                (0..8).map(|updates| schedule.rate(1.0, at(updates), 20)).collect::<Vec<f64>>()
            };
            assert_eq!(
                rates(json!({"warm_up": length})),
                [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]
            );
            let staircase = json!({"kind": "staircase", "factor": 0.5, "every": length});
            assert_eq!(
                rates(json!({"decay": staircase})),
                [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5]
            );
        }
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        let config = json!({"kind": "cosine", "until": 3});
        let error = serde_json::from_value::<ScheduleChoice>(config).unwrap_err();
        assert!(error.to_string().contains("unknown field `until`"), "{error}");
    }

    proptest! {
        #[test]
        fn every_registered_schedule_stays_between_nothing_and_the_base(
            updates in 0u64..10_000_000, length in 0u64..100_000, base in 1e-6..10.0f64,
        ) {
            for part in ScheduleChoice::PARTS {
                let plain = schedule(json!({"decay": {"kind": part.name}}));
                let warmed = Schedule { warm_up: Some(Horizon::Updates(length)), ..plain.clone() };
                for schedule in [plain, warmed] {
                    let (now, later) = (at(updates), at(updates + 1));
                    let rate = schedule.rate(base, now, 20);
                    prop_assert!((0.0..=base * (1.0 + 1e-12)).contains(&rate), "{}", part.name);
                    if schedule.warm_up.is_none() {
                        prop_assert!(schedule.rate(base, later, 20) <= rate, "{}", part.name);
                    }
                }
            }
        }
    }
}
