//! Floor 5, remedies: each amends one arriving gradient or its step size, and never drops one. One
//! file per remedy; `pipeline` leads an arriving push through all that are chosen, in order.

pub mod arrival;
pub mod b_fasgd;
pub mod clip_to_mean;
pub mod damping;
pub mod dana;
pub mod delay_adaptive;
pub mod delay_compensation;
pub mod exponential;
pub mod fasgd;
pub mod gap_aware;
pub mod hinge;
pub mod mixing;
pub mod momentum_correction;
pub mod pipeline;
pub mod power;
pub mod rate_scaling;
pub mod staleness_aware;
pub mod staleness_normalization;
pub mod state;
pub mod yellowfin;

pub use arrival::{Arrival, Chances, Factors, Needs, Place, Remedy};
pub use pipeline::{Push, Remedies, Seen, Steps};

pub use crate::nn::kernels::amend::{Gradients, Moved};
use crate::params::Layout;

crate::registry! {
    /// What is done against staleness when a push arrives.
    pub enum RemedyChoice {
        /// The step divided by the staleness, by itself plus one, or by its mean.
        "staleness_aware" => StalenessAware(staleness_aware::Config),
        /// Staleness relative to what is usual, after Liu & Zhao 2021 (reconstructed).
        "staleness_normalization" => StalenessNormalization(staleness_normalization::Config),
        /// A factor (1 + staleness)^-exponent.
        "power" => Power(power::Config),
        /// A factor exp(-beta staleness), with beta from the stream (AdaSGD).
        "exponential" => Exponential(exponential::Config),
        /// Full steps up to a staleness, hyperbolic decay beyond it (FedAsync, reconstructed).
        "hinge" => Hinge(hinge::Config),
        /// Full steps up to the concurrency, smaller ones beyond it.
        "delay_adaptive" => DelayAdaptive(delay_adaptive::Config),
        /// The learning rate divided by the workers or by their square root.
        "rate_scaling" => RateScaling(rate_scaling::Config),
        /// A first-order correction of the stale gradient (DC-ASGD).
        "delay_compensation" => DelayCompensation(delay_compensation::Config),
        /// Division by the gap in average steps, element by element.
        "gap_aware" => GapAware(gap_aware::Config),
        /// Momentum per worker that looks ahead (DANA, reconstructed).
        "dana" => Dana(dana::Config),
        /// Division by staleness and by the deviation of the gradient (FASGD).
        "fasgd" => Fasgd(fasgd::Config),
        /// FASGD that pulls and pushes dense parameters by chance, to spare the network (B-FASGD).
        "b_fasgd" => BFasgd(b_fasgd::Config),
        /// Explicit momentum that makes up what asynchrony lacks of a total (reconstructed).
        "momentum_correction" => MomentumCorrection(momentum_correction::Config),
        /// Learning rate and momentum tuned from the gradients, in a closed loop (YellowFin, reconstructed).
        "yellowfin" => YellowFin(yellowfin::Config),
        /// A share of the way towards the worker's model (FedAsync, reconstructed).
        "mixing" => Mixing(mixing::Config),
        /// Clipping relative to the running mean of the norms.
        "clip_to_mean" => ClipToMean(clip_to_mean::Config),
    }
}

impl RemedyChoice {
    /// Whether it leaves gradients alone that are not stale.
    pub fn needs_staleness(&self) -> bool {
        matches!(
            self,
            Self::StalenessAware(_)
                | Self::StalenessNormalization(_)
                | Self::Power(_)
                | Self::Exponential(_)
                | Self::Hinge(_)
                | Self::DelayAdaptive(_)
                | Self::DelayCompensation(_)
                | Self::GapAware(_)
        )
    }

    /// Memory that the working remedy takes, in bytes, when every row has been met.
    pub fn bytes(&self, workers: u32, layout: &Layout) -> u64 {
        let dense = layout.dense_len() as u64;
        let all = dense + layout.sparse_len();
        4 * match self {
            Self::DelayCompensation(config) if config.adaptive => all,
            Self::GapAware(_) => 2 * all,
            Self::Fasgd(_) | Self::BFasgd(_) => 3 * all,
            Self::MomentumCorrection(_) => dense,
            Self::YellowFin(config) => config.bytes(workers, dense) / 4,
            Self::Dana(_) => (u64::from(workers) + 1) * dense,
            _ => 0,
        }
    }

    /// The working remedy, for `workers` workers and a model of this layout.
    pub fn build(&self, workers: u32, layout: &Layout) -> Box<dyn Remedy> {
        match self {
            Self::StalenessAware(config) => Box::new(config.build()),
            Self::StalenessNormalization(config) => Box::new(config.build()),
            Self::Power(config) => Box::new(config.build()),
            Self::Exponential(config) => Box::new(config.build()),
            Self::Hinge(config) => Box::new(config.build()),
            Self::DelayAdaptive(config) => Box::new(config.build()),
            Self::RateScaling(config) => Box::new(rate_scaling::RateScaling::new(*config)),
            Self::DelayCompensation(config) => {
                Box::new(delay_compensation::DelayCompensation::new(*config, layout))
            }
            Self::GapAware(config) => Box::new(gap_aware::GapAware::new(*config, layout)),
            Self::Dana(config) => Box::new(dana::Dana::new(*config, workers, layout.dense_len())),
            Self::Fasgd(config) => Box::new(fasgd::Fasgd::new(*config, layout)),
            Self::MomentumCorrection(config) => {
                Box::new(momentum_correction::MomentumCorrection::new(*config, layout.dense_len()))
            }
            Self::YellowFin(config) => {
                Box::new(yellowfin::YellowFin::new(*config, workers, layout.dense_len()))
            }
            Self::BFasgd(config) => Box::new(b_fasgd::BFasgd::new(*config, layout)),
            Self::Mixing(config) => Box::new(mixing::Mixing::new(*config)),
            Self::ClipToMean(config) => Box::new(clip_to_mean::ClipToMean::new(*config)),
        }
    }
}
