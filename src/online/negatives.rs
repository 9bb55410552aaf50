//! Which negatives are kept, and what corrects for those that are not.
//!
//! If negatives are kept with probability `r` and positives always, the odds in the kept examples
//! are the true odds over `r`, so that `logit_true = logit_kept + ln r`. This can be put right in
//! two places, which give the same served log-odds:
//!
//! - in training: the loss is computed at `logit - ln r`, so that the network learns `logit_true`
//!   itself (`LogitCorrection` of Monolith, `monolith/native_training/`);
//! - at serving: the network learns `logit_kept`, and `ln r` is added to what it says (the paper on
//!   Monolith, arXiv 2209.07663, section 3).
//!
//! Both hold for each example by itself if `r` differs from example to example (Wang, Zhang and
//! Wang 2021, "Nonuniform negative sampling and log odds correction with rare events data"). The
//! rate of a positive is the one with which it would have been kept as a negative.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Purpose, Streams};
use crate::cluster::delay::Unusable;

/// Which negatives are trained on.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Negatives {
    /// Share of the negatives that are kept.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub keep: f64,
    /// What corrects predictions for those that are not.
    pub correct: Correction,
}

/// Where predictions are corrected for negatives that were not kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// In the loss: the network learns the true log-odds.
    #[default]
    Training,
    /// When a request is scored: the network learns the log-odds of what is kept.
    Serving,
    /// Nowhere: predictions are too high.
    None,
}

impl Default for Negatives {
    fn default() -> Self {
        Negatives { keep: 1.0, correct: Correction::default() }
    }
}

impl Negatives {
    /// The probability with which a request is kept if it is negative.
    pub fn rate(&self, _request: u64) -> f64 {
        self.keep
    }

    /// Whether a request is kept if it is negative; a pure function of its number.
    pub fn keeps(&self, request: u64, streams: Streams) -> bool {
        streams.uniform(Purpose::KeptNegative, 0, request) < self.rate(request)
    }

    /// What is added to the logit of a request before its loss.
    pub fn in_training(&self, request: u64) -> f64 {
        self.correct.in_training(self.rate(request))
    }

    /// What is added to the logit of a request before it is served.
    pub fn at_serving(&self, request: u64) -> f64 {
        self.correct.at_serving(self.rate(request))
    }

    /// Settings that contradict each other, if there are any.
    pub fn unusable(&self) -> Option<Unusable> {
        let (setting, why, help) = if !(0.0..=1.0).contains(&self.keep) {
            ("keep", "must be a share", "a number from 0 to 1, as in keep = 0.1")
        } else if self.keep == 0.0 && self.correct != Correction::None {
            let why = "keeps no negative, so that there is no correction: ln 0 is infinite";
            ("keep", why, "a share above 0, or correct = \"none\"")
        } else {
            return None;
        };
        Some(Unusable { setting, why, help })
    }
}

impl Correction {
    /// What is added to the logit before the loss of an example whose negatives are kept at `rate`.
    pub fn in_training(self, rate: f64) -> f64 {
        match self {
            Correction::Training => -libm::log(rate),
            Correction::Serving | Correction::None => 0.0,
        }
    }

    /// What is added to the logit before it is served.
    pub fn at_serving(self, rate: f64) -> f64 {
        match self {
            Correction::Serving => libm::log(rate),
            Correction::Training | Correction::None => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + libm::exp(-x))
    }

    fn log_odds(p: f64) -> f64 {
        libm::log(p / (1.0 - p))
    }

    /// The logit at which the mean log-loss of kept examples is smallest, by bisection of its
    /// derivative. Each group has a share, a true probability, a rate and an offset before the loss.
    fn learned(groups: &[(f64, f64, f64, f64)]) -> f64 {
        let slope = |logit: f64| -> f64 {
            let of = |&(share, p, rate, offset): &(f64, f64, f64, f64)| {
                let q = sigmoid(logit + offset);
                share * (rate * (1.0 - p) * q - p * (1.0 - q))
            };
            groups.iter().map(of).sum()
        };
        let (mut low, mut high) = (-60.0, 60.0);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            *(if slope(middle) < 0.0 { &mut low } else { &mut high }) = middle;
        }
        low
    }

    #[test]
    fn a_constant_model_serves_the_true_log_odds_wherever_it_is_corrected() {
        for p in [0.001, 0.03, 0.5, 0.9] {
            for rate in [0.001, 0.1, 0.7, 1.0] {
                let served = |correct: Correction| {
                    learned(&[(1.0, p, rate, correct.in_training(rate))]) + correct.at_serving(rate)
                };
                let (training, serving) =
                    (served(Correction::Training), served(Correction::Serving));
                assert!((training - log_odds(p)).abs() < 1e-9, "{p} {rate}: {training}");
                assert!((serving - training).abs() < 1e-9, "{p} {rate}: {serving}");
                let uncorrected = served(Correction::None);
                assert!((uncorrected - (training - libm::log(rate))).abs() < 1e-9);
            }
        }
    }

    /// Three groups of examples with rates of their own. A model that tells them apart serves the
    /// true log-odds of each, corrected in either place; one constant for all of them learns the
    /// true log-odds of all if it is corrected in training and all have the same.
    #[test]
    fn corrections_are_equal_for_rates_by_example() {
        let groups = [(0.2, 0.02, 0.05), (0.5, 0.1, 0.4), (0.3, 0.6, 0.9)];
        for (share, p, rate) in groups {
            for correct in [Correction::Training, Correction::Serving] {
                let group = (share, p, rate, correct.in_training(rate));
                let served = learned(&[group]) + correct.at_serving(rate);
                assert!((served - log_odds(p)).abs() < 1e-9, "{correct:?} {rate}: {served}");
            }
        }
        let same = groups.map(|(share, _, rate)| {
            let offset = Correction::Training.in_training(rate);
            (share, 0.1, rate, offset)
        });
        assert!((learned(&same) - log_odds(0.1)).abs() < 1e-9);
    }

    #[test]
    fn the_share_of_kept_negatives_is_the_rate() {
        let negatives = Negatives { keep: 0.1, ..Negatives::default() };
        let n = 100_000;
        let kept = (0..n).filter(|&k| negatives.keeps(k, Streams::new(4))).count() as f64;
        assert!((kept / n as f64 - 0.1).abs() < 4.0 * (0.09 / n as f64).sqrt(), "{kept}");
        let all = Negatives::default();
        assert!((0..1000).all(|k| all.keeps(k, Streams::new(4))));
        let none = Negatives { keep: 0.0, correct: Correction::None };
        assert!((0..1000).all(|k| !none.keeps(k, Streams::new(4))));
    }

    #[test]
    fn a_correction_of_nothing_kept_is_refused() {
        let unusable =
            |keep, correct| Negatives { keep, correct }.unusable().map(|found| found.setting);
        assert_eq!(unusable(0.0, Correction::Training), Some("keep"));
        assert_eq!(unusable(0.0, Correction::None), None);
        assert_eq!(unusable(1.5, Correction::None), Some("keep"));
        assert_eq!(unusable(f64::NAN, Correction::None), Some("keep"));
        assert_eq!(unusable(0.2, Correction::Serving), None);
    }
}
