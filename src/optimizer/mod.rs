//! Floor 3, the update rules: one file each, and one line each in the registry below. A rule owns
//! no memory: its slots lie beside the weights, owned by the server, so that a checkpoint can keep
//! or lose them.
//!
//! There is no `lazy_adam`: it is `adam` with `rows = "lazy"`, the default. Two names for one rule
//! would make users ask how they differ.
//!
//! Also here, because they decide what a rule is given: the learning-rate [`schedule`] and gradient
//! clipping ([`clip`]).

pub mod ada_delay;
pub mod adagrad;
pub mod adagrad_decay;
pub mod adam;
pub mod adam_ar;
pub mod adam_swap;
pub mod adamw;
pub mod adaptive_revision;
pub mod clip;
pub mod config;
pub mod ftrl;
pub mod ftrl_swap;
pub mod momentum;
pub mod nesterov;
#[cfg(test)]
mod new_part;
pub mod rmsprop;
pub mod rmsprop_swap;
pub mod rule;
pub mod schedule;
pub mod sgd;
pub mod swap;
#[cfg(test)]
mod tests;

pub use clip::Clip;
pub use config::{OptimizerConfig, OptimizerFacts};
pub use rule::{Optimizer, Per, RowSemantics, Scope, Slot, Tick};
pub use schedule::{Horizon, Moment, Schedule, ScheduleChoice};

crate::registry! {
    /// How a group of parameters is updated.
    pub enum OptimizerChoice: OptimizerConfig {
        /// Plain gradient descent.
        "sgd" => Sgd(sgd::Config),
        /// Gradient descent along a decaying sum of past gradients (heavy ball).
        "momentum" => Momentum(momentum::Config),
        /// Momentum with Nesterov's look-ahead.
        "nesterov" => Nesterov(nesterov::Config),
        /// Steps divided by the root of the sum of squared gradients (Duchi et al. 2011).
        "adagrad" => Adagrad(adagrad::Config),
        /// Steps divided by the root of a moving average of squared gradients.
        "rmsprop" => Rmsprop(rmsprop::Config),
        /// Moving averages of gradient and squared gradient, corrected for their start (Kingma & Ba 2015).
        "adam" => Adam(adam::Config),
        /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
        "adamw" => Adamw(adamw::Config),
        /// Adagrad whose sums are discounted at the end of every sampling period (DeepRec; SWAP for Adagrad).
        "adagrad_decay" => AdagradDecay(adagrad_decay::Config),
        /// RMSProp over sampling periods instead of updates: SWAP for RMSProp (reconstructed).
        "rmsprop_swap" => RmspropSwap(rmsprop_swap::Config),
        /// Adam with mean squares over sampling periods instead of updates: SWAP for Adam (reconstructed).
        "adam_swap" => AdamSwap(adam_swap::Config),
        /// FTRL-proximal: Adagrad with weights that L1 keeps at exactly zero (McMahan et al. 2013).
        "ftrl" => Ftrl(ftrl::Config),
        /// FTRL-proximal with sums discounted at the end of every sampling period: SWAP for FTRL (reconstructed).
        "ftrl_swap" => FtrlSwap(ftrl_swap::Config),
        /// Adagrad that revises the steps made since a worker read (McMahan & Streeter 2014, reconstructed).
        "adaptive_revision" => AdaptiveRevision(adaptive_revision::Config),
        /// Adagrad with steps that shrink with staleness relative to the update (Sra et al. 2016, reconstructed).
        "ada_delay" => AdaDelay(ada_delay::Config),
        /// AdamW with a decay that grows with the time a row was not touched (Li & Lyu 2026).
        "adam_ar" => AdamAr(adam_ar::Config),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

impl Default for OptimizerChoice {
    fn default() -> OptimizerChoice {
        OptimizerChoice::Adam(adam::Config::default())
    }
}
