//! Step-time laws fitted to observed times by maximum likelihood.
//!
//! Every law has the base time as its mean, and at most one parameter. The base time is set to the
//! observed mean, so that throughput is right for every law. The parameter maximises the likelihood
//! under this mean. Laws are compared by the Bayesian information criterion (Schwarz 1978).

use std::path::Path;

use super::rounded;
use crate::base::{Purpose, SimSpan, Streams};
use crate::cluster::StepTimeChoice;
use crate::cluster::step_time::{
    constant, exponential, gamma, lognormal, pareto, shifted_exponential,
};

/// A law with its likelihood.
#[derive(Clone, PartialEq, Debug)]
pub struct FittedLaw {
    /// The law.
    pub law: StepTimeChoice,
    /// Its information criterion: the smaller, the better.
    pub criterion: f64,
}

/// The statistics of the times that the likelihoods need.
struct SampleStatistics {
    n: f64,
    mean: f64,
    smallest: f64,
    logs: Vec<f64>,
    sum_of_logs: f64,
}

/// Fits every law to positive times; the best comes first.
pub fn fit_laws(times: &[f64]) -> Vec<FittedLaw> {
    let sample = SampleStatistics::new(times);
    if sample.is_constant() {
        let law = StepTimeChoice::Constant(constant::Config {});
        return vec![FittedLaw { law, criterion: f64::NEG_INFINITY }];
    }
    let candidates = [
        (StepTimeChoice::Exponential(exponential::Config {}), sample.exponential(), 0.0),
        sample.shifted(),
        sample.gamma(),
        sample.lognormal(),
        sample.pareto(),
    ];
    let fitted = |(law, likelihood, parameters): (StepTimeChoice, f64, f64)| {
        let criterion = parameters * libm::log(sample.n) - 2.0 * likelihood;
        FittedLaw { law, criterion }
    };
    let mut laws: Vec<FittedLaw> = candidates.into_iter().map(fitted).collect();
    laws.retain(|law| law.criterion.is_finite());
    laws.sort_by(|a, b| a.criterion.total_cmp(&b.criterion));
    laws
}

/// Largest difference between the distribution functions of the times and of the law
/// (Kolmogorov-Smirnov). The law's own function comes from many draws.
pub fn misfit(times: &[f64], law: &StepTimeChoice) -> f64 {
    if SampleStatistics::new(times).is_constant() {
        return 0.0;
    }
    let Ok(law) = law.build(Path::new(".")) else { return 1.0 };
    let base = SimSpan::from_seconds(times.iter().sum::<f64>() / times.len() as f64);
    let streams = Streams::new(1);
    let draw = |k| law.time(base, streams.draw(Purpose::Custom, 0, k)).seconds();
    let mut drawn: Vec<f64> = (0..10_000).map(draw).collect();
    let mut times = times.to_vec();
    drawn.sort_by(f64::total_cmp);
    times.sort_by(f64::total_cmp);
    let below =
        |sorted: &[f64], x: f64| sorted.partition_point(|&t| t <= x) as f64 / sorted.len() as f64;
    let gaps = times.iter().map(|&x| (below(&times, x) - below(&drawn, x)).abs());
    gaps.fold(0.0, f64::max)
}

impl SampleStatistics {
    fn new(times: &[f64]) -> SampleStatistics {
        let n = times.len() as f64;
        let logs: Vec<f64> = times.iter().map(|&t| libm::log(t.max(1e-9))).collect();
        SampleStatistics {
            n,
            mean: times.iter().sum::<f64>() / n,
            smallest: times.iter().copied().fold(f64::INFINITY, f64::min),
            sum_of_logs: logs.iter().sum(),
            logs,
        }
    }

    /// Whether all times are the same, but for the last digits of differences of instants.
    fn is_constant(&self) -> bool {
        self.logs.iter().all(|log| (log - self.logs[0]).abs() < 1e-9)
    }

    fn exponential(&self) -> f64 {
        -self.n * (libm::log(self.mean) + 1.0)
    }

    fn shifted(&self) -> (StepTimeChoice, f64, f64) {
        // The likelihood rises with the fixed part, up to the smallest time. On average the
        // smallest of n times exceeds the law's fixed part by an n-th of the mean rest.
        let fixed = (self.smallest - (self.mean - self.smallest) / self.n).max(0.0);
        let fixed_share = rounded(fixed / self.mean);
        let law = StepTimeChoice::ShiftedExponential(shifted_exponential::Config { fixed_share });
        (law, -self.n * (libm::log(self.mean - fixed) + 1.0), 1.0)
    }

    fn gamma(&self) -> (StepTimeChoice, f64, f64) {
        let likelihood = |log_shape: f64| {
            let shape = libm::exp(log_shape);
            self.n * shape * (libm::log(shape / self.mean) - 1.0) - self.n * libm::lgamma(shape)
                + (shape - 1.0) * self.sum_of_logs
        };
        let (log_shape, best) = maximise(likelihood, -4.0, 16.0);
        let variation = rounded(libm::exp(-0.5 * log_shape));
        (StepTimeChoice::Gamma(gamma::Config { variation }), best, 1.0)
    }

    fn lognormal(&self) -> (StepTimeChoice, f64, f64) {
        let likelihood = |log_sigma: f64| {
            let sigma = libm::exp(log_sigma);
            let centre = libm::log(self.mean) - 0.5 * sigma * sigma;
            let squares: f64 = self.logs.iter().map(|log| (log - centre) * (log - centre)).sum();
            let scale = log_sigma + 0.5 * libm::log(2.0 * std::f64::consts::PI);
            -self.n * scale - self.sum_of_logs - squares / (2.0 * sigma * sigma)
        };
        let (log_sigma, best) = maximise(likelihood, -9.0, 1.6);
        let sigma = rounded(libm::exp(log_sigma));
        (StepTimeChoice::Lognormal(lognormal::Config { sigma }), best, 1.0)
    }

    fn pareto(&self) -> (StepTimeChoice, f64, f64) {
        // The law's smallest possible time is (shape - 1) / shape of the mean. It must not exceed
        // the smallest observed time.
        let largest = (self.mean / (self.mean - self.smallest)).min(100.0);
        let likelihood = |shape: f64| {
            let least = self.mean * (shape - 1.0) / shape;
            self.n * (libm::log(shape) + shape * libm::log(least))
                - (shape + 1.0) * self.sum_of_logs
        };
        let (shape, best) = maximise(likelihood, 1.01, largest.max(1.011));
        let best = if shape <= largest { best } else { f64::NEG_INFINITY };
        (StepTimeChoice::Pareto(pareto::Config { shape: rounded(shape) }), best, 1.0)
    }
}

/// Where a function with a single maximum has it, and its value there (golden-section search).
fn maximise(f: impl Fn(f64) -> f64, from: f64, to: f64) -> (f64, f64) {
    const GOLDEN: f64 = 0.618_033_988_749_894_8;
    let (mut a, mut b) = (from, to);
    for _ in 0..80 {
        let (left, right) = (b - GOLDEN * (b - a), a + GOLDEN * (b - a));
        if f(left) < f(right) {
            a = left;
        } else {
            b = right;
        }
    }
    let middle = 0.5 * (a + b);
    (middle, f(middle))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(law: &StepTimeChoice) -> Vec<f64> {
        let built = law.build(Path::new(".")).unwrap();
        let streams = Streams::new(3);
        let draw =
            |k| built.time(SimSpan(100_000_000), streams.draw(Purpose::StepTime, 1, k)).seconds();
        (0..4000).map(draw).collect()
    }

    #[test]
    fn every_law_is_recognised_among_its_own_draws() {
        let laws = [
            StepTimeChoice::Exponential(exponential::Config {}),
            StepTimeChoice::ShiftedExponential(shifted_exponential::Config { fixed_share: 0.4 }),
            StepTimeChoice::Gamma(gamma::Config { variation: 0.5 }),
            StepTimeChoice::Lognormal(lognormal::Config { sigma: 0.5 }),
            StepTimeChoice::Pareto(pareto::Config { shape: 3.0 }),
        ];
        for law in laws {
            let times = draws(&law);
            let best = fit_laws(&times).remove(0).law;
            assert_eq!(best.name(), law.name());
            assert!(misfit(&times, &best) < 0.03, "{best:?}");
            let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 0.08, "{best:?}");
            match (&best, &law) {
                (StepTimeChoice::ShiftedExponential(a), StepTimeChoice::ShiftedExponential(b)) => {
                    near(a.fixed_share, b.fixed_share);
                }
                (StepTimeChoice::Gamma(a), StepTimeChoice::Gamma(b)) => {
                    near(a.variation, b.variation);
                }
                (StepTimeChoice::Lognormal(a), StepTimeChoice::Lognormal(b)) => {
                    near(a.sigma, b.sigma);
                }
                (StepTimeChoice::Pareto(a), StepTimeChoice::Pareto(b)) => near(a.shape, b.shape),
                _ => {}
            }
        }
    }

    #[test]
    fn equal_times_are_constant_and_two_humps_fit_nothing() {
        assert_eq!(fit_laws(&[0.1; 20])[0].law.name(), "constant");
        let times: Vec<f64> = (0..1000).map(|k| if k % 2 == 0 { 0.1 } else { 1.0 }).collect();
        let best = fit_laws(&times).remove(0).law;
        assert!(misfit(&times, &best) > 0.1);
    }
}
