//! One question of a comparison: does this figure of that side differ from the baseline's?

use serde::Serialize;

use super::side::{Side, value};
use super::{Method, Options, Pairing};
use crate::base::Streams;
use crate::metrics::measure::Measure;
use crate::metrics::scalar::Better;
use crate::results::outcome::OutcomeError;
use crate::results::statistics::{
    CONFIDENCE, Estimate, FEWEST, Interval, bootstrap, correlation, deviation, mean, seeds, student,
};

/// The result of a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Verdict {
    /// The other side's figure is higher than the baseline's.
    Higher,
    /// It is lower.
    Lower,
    /// They are the same in every pair, or the interval of their difference lies within the size
    /// that does not matter.
    Same,
    /// The trials do not decide it.
    Undecided {
        /// About how many seeds it would take; `None` for very many.
        seeds: Option<u64>,
    },
    /// Too few seeds for an interval.
    TooFew,
    /// The figure is missing in some trials: it is not defined, or a goal was not reached. The
    /// other trials would be a selection.
    Missing,
}

/// One figure of one side beside the baseline's.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ComparisonRow {
    /// Which of the others.
    pub other: usize,
    /// The figure.
    #[serde(serialize_with = "as_text")]
    pub measure: Measure,
    /// The seeds of the pairs; empty if values are not paired.
    pub seeds: Vec<u64>,
    /// The baseline's values, by seed.
    pub values_a: Vec<f64>,
    /// The other's values, by seed.
    pub values_b: Vec<f64>,
    /// Trials of the baseline and of the other that finished without the figure.
    pub missing: [usize; 2],
    /// The baseline's mean.
    pub a: Option<f64>,
    /// The other's mean.
    pub b: Option<f64>,
    /// Mean of the other minus mean of the baseline.
    pub delta: Option<f64>,
    /// Interval of the difference.
    pub interval: Option<Interval>,
    /// Two-sided p-value of no difference.
    pub p: Option<f64>,
    /// The p-value, corrected for the number of questions.
    pub adjusted_p: Option<f64>,
    /// Standard deviation of the differences of the pairs. If values are not paired, that of a
    /// difference of two values.
    pub deviation: Option<f64>,
    /// Correlation of the pairs.
    pub correlation: Option<f64>,
    /// Interval that the same values give without pairing.
    pub unpaired: Option<Interval>,
    /// The size up to which a difference does not matter.
    pub practical: f64,
    /// The verdict that follows from all this.
    pub verdict: Verdict,
}

fn as_text<S: serde::Serializer>(measure: &Measure, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(measure)
}

/// The seed of every bootstrap: the same values always have the same interval.
const BOOTSTRAP_SEED: u64 = 1;

impl ComparisonRow {
    /// Puts the values side by side. The verdict follows after all questions are known.
    pub(super) fn new(
        index: usize,
        baseline: &Side,
        other: &Side,
        measure: &Measure,
        options: &Options,
    ) -> Result<ComparisonRow, OutcomeError> {
        let values = SideValues::read(baseline, other, measure, options.pairing)?;
        let (a, b) = (&values.a[..], &values.b[..]);
        let streams = Streams::new(BOOTSTRAP_SEED);
        let paired = options.pairing == Pairing::Seed;
        let differences: Vec<f64> = match paired {
            true => a.iter().zip(b).map(|(a, b)| b - a).collect(),
            false => Vec::new(),
        };
        let estimate: Option<Estimate> = match (options.pairing, options.method) {
            (Pairing::Seed, Method::T) => student::of_mean(&differences),
            (Pairing::Seed, Method::Bootstrap) => bootstrap::of_mean(&differences, streams),
            (Pairing::None, Method::T) => student::of_difference(a, b),
            (Pairing::None, Method::Bootstrap) => bootstrap::of_difference(a, b, streams),
        };
        let unpaired = || match options.method {
            Method::T => student::of_difference(a, b),
            Method::Bootstrap => bootstrap::of_difference(a, b, streams),
        };
        let spread = match paired {
            true => deviation(&differences),
            false => deviation(a).zip(deviation(b)).map(|(a, b)| a.hypot(b)),
        };
        let delta =
            if paired { mean(&differences) } else { mean(b).zip(mean(a)).map(|(b, a)| b - a) };
        Ok(ComparisonRow {
            other: index,
            measure: measure.clone(),
            missing: values.missing,
            a: mean(a),
            b: mean(b),
            delta,
            interval: estimate.map(|estimate| estimate.interval),
            p: estimate.map(|estimate| estimate.p),
            adjusted_p: None,
            deviation: spread,
            correlation: if paired { correlation::of_pairs(a, b) } else { None },
            unpaired: unpaired().filter(|_| paired).map(|estimate| estimate.interval),
            practical: options.practical(measure),
            verdict: Verdict::TooFew,
            seeds: values.seeds,
            values_a: values.a,
            values_b: values.b,
        })
    }

    /// Gives the verdict, once p-values are corrected for so many questions.
    pub(super) fn judge(&mut self, questions: usize) {
        self.verdict = self.judged(questions);
    }

    fn judged(&self, questions: usize) -> Verdict {
        if self.missing != [0, 0] {
            return Verdict::Missing;
        }
        let (Some(delta), Some(interval), Some(p)) = (self.delta, self.interval, self.adjusted_p)
        else {
            let few = self.values_a.len().min(self.values_b.len()) < FEWEST;
            return if few { Verdict::TooFew } else { Verdict::Missing };
        };
        let alpha = 1.0 - CONFIDENCE;
        if p < alpha && delta.abs() > self.practical {
            return if delta > 0.0 { Verdict::Higher } else { Verdict::Lower };
        }
        if interval.low >= -self.practical && interval.high <= self.practical {
            return Verdict::Same;
        }
        // A difference large enough to matter is tested against zero, a smaller one against the
        // size that matters.
        let distance = match delta.abs() > self.practical {
            true => delta,
            false => self.practical - delta.abs(),
        };
        let level = alpha / questions.max(1) as f64;
        let seeds = self.deviation.and_then(|spread| seeds::needed(distance, spread, level));
        let have = self.values_a.len().min(self.values_b.len()) as u64;
        Verdict::Undecided { seeds: seeds.map(|seeds| seeds.max(have + 1)) }
    }

    /// Whether the verdict is an improvement; `None` without a verdict, or if no direction is
    /// better.
    pub fn is_better(&self) -> Option<bool> {
        match (self.verdict, self.measure.better()) {
            (Verdict::Higher, Better::Higher) | (Verdict::Lower, Better::Lower) => Some(true),
            (Verdict::Higher, Better::Lower) | (Verdict::Lower, Better::Higher) => Some(false),
            _ => None,
        }
    }
}

/// The values of both sides.
#[derive(Default)]
struct SideValues {
    seeds: Vec<u64>,
    a: Vec<f64>,
    b: Vec<f64>,
    missing: [usize; 2],
}

impl SideValues {
    fn read(
        baseline: &Side,
        other: &Side,
        measure: &Measure,
        pairing: Pairing,
    ) -> Result<SideValues, OutcomeError> {
        match pairing {
            Pairing::Seed => SideValues::paired(baseline, other, measure),
            Pairing::None => {
                let mut values = SideValues::default();
                let columns = [(baseline, &mut values.a), (other, &mut values.b)];
                for ((side, column), missing) in columns.into_iter().zip(&mut values.missing) {
                    for done in &side.done {
                        match value(done, measure)? {
                            Some(value) => column.push(value),
                            None => *missing += 1,
                        }
                    }
                }
                Ok(values)
            }
        }
    }

    /// The values of the seeds that finished on both sides.
    fn paired(
        baseline: &Side,
        other: &Side,
        measure: &Measure,
    ) -> Result<SideValues, OutcomeError> {
        let mut values = SideValues::default();
        for one in &baseline.done {
            let Some(two) = other.of_seed(one.seed) else { continue };
            match (value(one, measure)?, value(two, measure)?) {
                (Some(a), Some(b)) => {
                    values.seeds.push(one.seed);
                    values.a.push(a);
                    values.b.push(b);
                }
                (a, b) => {
                    values.missing[0] += usize::from(a.is_none());
                    values.missing[1] += usize::from(b.is_none());
                }
            }
        }
        Ok(values)
    }
}
