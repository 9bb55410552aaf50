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

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{ColumnError, StreamError, by_value, numbers, wrong};
use super::requests::Requests;
use crate::base::{Purpose, Streams};
use crate::cluster::delay::Unusable;
use crate::data::DataSource;

/// Which negatives are trained on.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Negatives {
    /// Share of the negatives that are kept: of all, or by a column of the log.
    pub keep: Keep,
    /// What corrects predictions for those that are not.
    pub correct: Correction,
}

/// Share of the negatives that are kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Keep {
    /// The same of all.
    Share(#[schemars(range(min = 0.0, max = 1.0))] f64),
    /// By a column of the log.
    By(KeepBy),
}

impl Default for Keep {
    fn default() -> Self {
        Keep::Share(1.0)
    }
}

/// Shares of negatives by a column of the log.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepBy {
    /// Name of the column: with `of` one of ids, as the type of an action; without it one of
    /// `data.extra`, which has a share above 0 for each example.
    pub column: String,
    /// Shares by value of the column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub of: BTreeMap<String, f64>,
    /// Share of the values that `of` does not name; all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub other: Option<f64>,
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

impl Negatives {
    /// Whether some may be left out.
    pub fn leaves_out(&self) -> bool {
        self.keep != Keep::Share(1.0)
    }

    /// Whether none is kept.
    pub fn keeps_none(&self) -> bool {
        self.keep == Keep::Share(0.0)
    }

    /// Settings that contradict each other, if there are any.
    pub fn unusable(&self) -> Option<Unusable> {
        let why = "must be a share";
        let wrong = |share: f64| !(0.0..=1.0).contains(&share);
        let shares = match &self.keep {
            Keep::Share(share) => vec![*share],
            Keep::By(by) => by.of.values().copied().chain(by.other).collect(),
        };
        let (setting, why, help) = match &self.keep {
            Keep::Share(_) if shares.iter().any(|share| wrong(*share)) => {
                ("keep", why, "a number from 0 to 1, as in keep = 0.1")
            }
            Keep::By(_) if shares.iter().any(|share| wrong(*share)) => {
                ("keep", why, "numbers from 0 to 1, as in of = { click = 0.1 }")
            }
            Keep::By(by) if by.of.is_empty() && by.other.is_some() => {
                let why = "has the share of other values, and names none";
                ("keep", why, "of = { click = 0.1 }, say, or leave out `other`")
            }
            _ if shares.contains(&0.0) && self.correct != Correction::None => {
                let why = "keeps no negative, so that there is no correction: ln 0 is infinite";
                ("keep", why, "a share above 0, or correct = \"none\"")
            }
            _ => return None,
        };
        Some(Unusable { setting, why, help })
    }

    /// What becomes of the negatives among these requests of a log.
    ///
    /// # Errors
    /// If the log lacks the column that is named, or has no share there.
    pub fn of(
        &self,
        requests: &Requests,
        source: &dyn DataSource,
    ) -> Result<KeptNegatives, StreamError> {
        let rates = self.rates(requests, source);
        let rates = rates.map_err(|error| StreamError::Column { key: "negatives.keep", error })?;
        Ok(KeptNegatives { rates, correct: self.correct })
    }

    fn rates(&self, requests: &Requests, source: &dyn DataSource) -> Result<Rates, ColumnError> {
        Ok(match &self.keep {
            Keep::Share(share) => Rates::Same(*share),
            Keep::By(KeepBy { column, of, other }) if !of.is_empty() => {
                Rates::Each(by_value(requests, source, column, of, other.unwrap_or(1.0))?)
            }
            Keep::By(KeepBy { column, .. }) => {
                let what = "a share above 0 and at most 1";
                let range = f64::MIN_POSITIVE..=1.0;
                let shares = numbers(requests, source, column, &range, what)?;
                if let Some(request) = shares.iter().position(|share| share.is_nan()) {
                    return Err(wrong(requests, column, request as u64, f64::NAN, what));
                }
                Rates::Each(shares)
            }
        })
    }
}

/// Which negatives of a stream are kept, and what corrects for the others.
#[derive(Clone, PartialEq, Debug)]
pub struct KeptNegatives {
    rates: Rates,
    correct: Correction,
}

/// The probabilities with which negatives are kept.
#[derive(Clone, PartialEq, Debug)]
enum Rates {
    /// The same for all.
    Same(f64),
    /// By request.
    Each(Arc<[f64]>),
}

impl KeptNegatives {
    /// The probability with which a request is kept if it is negative.
    pub fn rate(&self, request: u64) -> f64 {
        match &self.rates {
            Rates::Same(rate) => *rate,
            Rates::Each(rates) => rates[request as usize],
        }
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
}

#[cfg(test)]
impl KeptNegatives {
    /// The same share of all.
    pub(super) fn same(share: f64) -> KeptNegatives {
        KeptNegatives { rates: Rates::Same(share), correct: Correction::None }
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
        let n = 100_000;
        let kept = |rate: f64| {
            let negatives = KeptNegatives::same(rate);
            (0..n).filter(|&k| negatives.keeps(k, Streams::new(4))).count() as f64 / n as f64
        };
        let (share, spread) = (kept(0.1), (0.09 / n as f64).sqrt());
        assert!((share - 0.1).abs() < 4.0 * spread, "{share}");
        assert_eq!((kept(1.0), kept(0.0)), (1.0, 0.0));
    }

    #[test]
    fn a_correction_of_nothing_kept_is_refused() {
        let unusable = |text: &str| {
            let negatives: Negatives = toml::from_str(text).unwrap();
            negatives.unusable().map(|found| found.why)
        };
        let infinite = |text: &str| unusable(text).is_some_and(|why| why.contains("ln 0"));
        assert!(infinite("keep = 0.0"));
        assert!(infinite("keep = { column = \"a\", of = { x = 0.0, y = 0.5 } }"));
        assert!(infinite("keep = { column = \"a\", of = { x = 0.5 }, other = 0.0 }"));
        let share = Some("must be a share");
        assert_eq!(unusable("keep = 1.5\ncorrect = \"none\""), share);
        assert_eq!(unusable("keep = nan\ncorrect = \"none\""), share);
        assert_eq!(unusable("keep = { column = \"a\", of = { x = 2.0 } }"), share);
        assert_eq!(unusable("keep = { column = \"a\", of = { x = 0.5 }, other = -1.0 }"), share);
        assert!(unusable("keep = { column = \"a\", other = 0.5 }").unwrap().contains("names none"));
        for text in [
            "keep = 0.0\ncorrect = \"none\"",
            "keep = 0.2\ncorrect = \"serving\"",
            "keep = { column = \"a\" }",
            "keep = { column = \"a\", of = { x = 0.0 } }\ncorrect = \"none\"",
        ] {
            assert_eq!(unusable(text), None, "{text}");
        }
    }
}
