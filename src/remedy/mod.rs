//! Floor 5, remedies: each amends one arriving gradient or its step size, and never discards one.
//! One file per remedy; `pipeline` leads an arriving push through all chosen remedies, in order.

pub mod arrival;
pub mod b_fasgd;
pub mod clip_to_mean;
pub mod config;
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
#[cfg(test)]
mod new_part;
pub mod pipeline;
pub mod power;
pub mod rate_scaling;
pub mod staleness_aware;
pub mod staleness_normalization;
pub mod state;
pub mod yellowfin;

pub use arrival::{Arrival, Chances, Factors, Needs, ParameterSet, Remedy};
pub use config::{RemedyConfig, RemedyFacts};
pub use pipeline::{ArrivedPush, Remedies, SeenParameters, StepFactors};

pub use crate::nn::kernels::amend::{Moved, RowGradients};

crate::registry! {
    /// What is done against staleness when a push arrives.
    pub enum RemedyChoice: RemedyConfig {
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
        /// Division by the number of average steps moved since the read, element by element.
        "gap_aware" => GapAware(gap_aware::Config),
        /// Momentum per worker that looks ahead (DANA, reconstructed).
        "dana" => Dana(dana::Config),
        /// Division by staleness and by the deviation of the gradient (FASGD).
        "fasgd" => Fasgd(fasgd::Config),
        /// FASGD that pulls and pushes dense parameters by chance, to spare the network (B-FASGD).
        "b_fasgd" => BFasgd(b_fasgd::Config),
        /// Adds the explicit momentum that is still missing beside that of asynchrony (reconstructed).
        "momentum_correction" => MomentumCorrection(momentum_correction::Config),
        /// Learning rate and momentum tuned from the gradients, in a closed loop (YellowFin, reconstructed).
        "yellowfin" => YellowFin(yellowfin::Config),
        /// A share of the way towards the worker's model (FedAsync, reconstructed).
        "mixing" => Mixing(mixing::Config),
        /// Clipping relative to the running mean of the norms.
        "clip_to_mean" => ClipToMean(clip_to_mean::Config),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}
