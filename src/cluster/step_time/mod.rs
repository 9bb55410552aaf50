//! Step-time laws: how the compute time of a step varies around its base. One file per law.
//!
//! Every law except `trace` multiplies the base time by a random [`TimeFactor`] of mean 1. So the
//! choice of the law changes the spread and not the mean.

pub mod constant;
pub mod exponential;
pub mod gamma;
pub mod lognormal;
#[cfg(test)]
mod new_part;
pub mod pareto;
pub mod shifted_exponential;
pub mod trace;

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{Draw, Rng, SimSpan, TimeFactor};

/// The compute time of one step.
pub trait StepTimeLaw: Send + Sync + Debug {
    /// A time whose mean is `base`; a pure function of its arguments. For step times the draw's
    /// `entity` is the worker and its `count` the step.
    fn time(&self, base: SimSpan, draw: Draw) -> SimSpan;
}

/// A law that is a random factor only.
pub trait FactorLaw: Send + Sync + Debug {
    /// Draws a factor of mean 1.
    fn draw(&self, rng: &mut Rng) -> f64;
}

/// The configuration of a law.
pub trait StepTimeConfig {
    /// Builds the law. Files are searched relative to `folder`.
    ///
    /// # Errors
    /// If a file is missing or malformed.
    fn build(&self, folder: &Path) -> Result<Arc<dyn StepTimeLaw>, LawError>;

    /// Whether times are proportional to the base time.
    fn scales(&self) -> bool;
}

impl<L: FactorLaw> StepTimeLaw for L {
    fn time(&self, base: SimSpan, draw: Draw) -> SimSpan {
        base * TimeFactor::new(self.draw(&mut draw.rng()))
    }
}

impl<L: FactorLaw + Copy + 'static> StepTimeConfig for L {
    fn build(&self, _: &Path) -> Result<Arc<dyn StepTimeLaw>, LawError> {
        Ok(Arc::new(*self))
    }

    fn scales(&self) -> bool {
        true
    }
}

crate::registry! {
    /// How the compute time of a step varies.
    pub enum StepTimeChoice: StepTimeConfig {
        /// Every step takes exactly its base time.
        "constant" => Constant(constant::Config),
        /// Memoryless: exponential with the base time as mean.
        "exponential" => Exponential(exponential::Config),
        /// A fixed part plus an exponential one.
        "shifted_exponential" => ShiftedExponential(shifted_exponential::Config),
        /// Gamma with a given coefficient of variation (the CVB method).
        "gamma" => Gamma(gamma::Config),
        /// Lognormal: most steps near the median, some much longer.
        "lognormal" => Lognormal(lognormal::Config),
        /// Pareto: rare steps of any length.
        "pareto" => Pareto(pareto::Config),
        /// Step times replayed or resampled from a log.
        "trace" => Trace(trace::Config),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

/// A law that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum LawError {
    /// The trace file cannot be read.
    #[error("cannot read the step-time trace {path}: {reason}")]
    Unreadable {
        /// The missing file.
        path: PathBuf,
        /// The system's message.
        reason: String,
    },
    /// A row of the trace is malformed.
    #[error("{path}, line {line}: {problem}")]
    Row {
        /// The trace file.
        path: PathBuf,
        /// Physical line, from 1.
        line: u64,
        /// The problem, and what is expected.
        problem: String,
    },
}

impl Default for StepTimeChoice {
    fn default() -> Self {
        StepTimeChoice::Constant(constant::Config {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Streams};

    fn draw(seed: u64, entity: u64, count: u64) -> Draw {
        Streams::new(seed).draw(Purpose::StepTime, entity, count)
    }

    fn every_law() -> Vec<StepTimeChoice> {
        vec![
            StepTimeChoice::Constant(constant::Config {}),
            StepTimeChoice::Exponential(exponential::Config {}),
            StepTimeChoice::ShiftedExponential(shifted_exponential::Config { fixed_share: 0.4 }),
            StepTimeChoice::Gamma(gamma::Config { variation: 0.6 }),
            StepTimeChoice::Lognormal(lognormal::Config { sigma: 0.5 }),
            StepTimeChoice::Pareto(pareto::Config { shape: 3.5 }),
        ]
    }

    #[test]
    fn every_law_keeps_the_mean() {
        let base = SimSpan(1_000_000_000);
        for choice in every_law() {
            let law = choice.build(Path::new(".")).unwrap();
            let n = 40_000;
            let total: f64 = (0..n).map(|k| law.time(base, draw(5, 3, k)).seconds()).sum();
            let mean = total / n as f64;
            assert!((mean - 1.0).abs() < 0.03, "{}: {mean}", choice.name());
        }
    }

    #[test]
    fn a_step_is_drawn_for_its_worker_and_number_alone() {
        let base = SimSpan(1_000_000);
        for choice in every_law() {
            let law = choice.build(Path::new(".")).unwrap();
            let time = |w, k| law.time(base, draw(1, w, k));
            assert_eq!(time(2, 7), time(2, 7), "{}", choice.name());
            if choice.name() != "constant" {
                assert_ne!(time(2, 7), time(3, 7), "{}", choice.name());
                assert_ne!(time(2, 7), time(2, 8), "{}", choice.name());
            }
        }
    }

    /// P(t > 1.25 mean) of a gamma law: 0.94 % at variation 0.1, 27.96 % at 0.6 (CVB method).
    #[test]
    fn the_gamma_tail_is_that_of_the_cvb_method() {
        for (variation, expected) in [(0.1, 0.00938), (0.3, 0.19193), (0.6, 0.27962)] {
            let law = gamma::Config { variation };
            let base = SimSpan(1_000_000_000);
            let n = 100_000u64;
            let over = (0..n).filter(|&k| law.time(base, draw(9, 0, k)).0 > 1_250_000_000).count();
            let share = over as f64 / n as f64;
            let error = (expected * (1.0 - expected) / n as f64).sqrt();
            assert!((share - expected).abs() < 4.0 * error, "{variation}: {share}");
        }
    }
}
