//! The registry of update rules.
//!
//! There is no `lazy_adam`: it is `adam` with `rows = "lazy"`, the default, and a second name for
//! one rule would only invite the question how they differ.

use std::sync::Arc;

use super::{
    Horizon, Optimizer, ada_delay, adagrad, adagrad_decay, adam, adam_ar, adam_swap, adamw,
    adaptive_revision, ftrl, ftrl_swap, momentum, nesterov, rmsprop, rmsprop_swap, sgd,
};

crate::registry! {
    /// How a group of parameters is updated.
    pub enum OptimizerChoice {
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
        /// Adagrad that takes the steps made since a worker read anew (McMahan & Streeter 2014, reconstructed).
        "adaptive_revision" => AdaptiveRevision(adaptive_revision::Config),
        /// Adagrad with steps that shrink with staleness relative to the update (Sra et al. 2016, reconstructed).
        "ada_delay" => AdaDelay(ada_delay::Config),
        /// AdamW with a decay that grows with the time a row was not touched (Li & Lyu 2026).
        "adam_ar" => AdamAr(adam_ar::Config),
    }
}

impl OptimizerChoice {
    /// Builds the chosen rule.
    pub fn build(&self) -> Arc<dyn Optimizer> {
        match self {
            OptimizerChoice::Sgd(_) => Arc::new(sgd::Sgd),
            OptimizerChoice::Momentum(config) => Arc::new(momentum::Momentum::new(config)),
            OptimizerChoice::Nesterov(config) => Arc::new(nesterov::Nesterov::new(config)),
            OptimizerChoice::Adagrad(config) => Arc::new(adagrad::Adagrad::new(config)),
            OptimizerChoice::Rmsprop(config) => Arc::new(rmsprop::Rmsprop::new(config)),
            OptimizerChoice::Adam(config) => Arc::new(adam::Adam::new(config)),
            OptimizerChoice::Adamw(config) => Arc::new(adamw::Adamw::new(config)),
            OptimizerChoice::AdagradDecay(config) => {
                Arc::new(adagrad_decay::AdagradDecay::new(config))
            }
            OptimizerChoice::RmspropSwap(config) => {
                Arc::new(rmsprop_swap::RmspropSwap::new(config))
            }
            OptimizerChoice::AdamSwap(config) => Arc::new(adam_swap::AdamSwap::new(config)),
            OptimizerChoice::Ftrl(config) => Arc::new(ftrl::Ftrl::new(config)),
            OptimizerChoice::FtrlSwap(config) => Arc::new(ftrl_swap::FtrlSwap::new(config)),
            OptimizerChoice::AdaptiveRevision(config) => {
                Arc::new(adaptive_revision::AdaptiveRevision::new(config))
            }
            OptimizerChoice::AdaDelay(config) => Arc::new(ada_delay::AdaDelay::new(config)),
            OptimizerChoice::AdamAr(config) => Arc::new(adam_ar::AdamAr::new(config)),
        }
    }

    /// The learning rate that a schedule starts from.
    pub fn learning_rate(&self) -> f64 {
        match self {
            OptimizerChoice::Sgd(config) => config.learning_rate,
            OptimizerChoice::Momentum(config) => config.learning_rate,
            OptimizerChoice::Nesterov(config) => config.learning_rate,
            OptimizerChoice::Adagrad(config) => config.learning_rate,
            OptimizerChoice::Rmsprop(config) => config.learning_rate,
            OptimizerChoice::Adam(config) => config.learning_rate,
            OptimizerChoice::Adamw(config) => config.learning_rate,
            OptimizerChoice::AdagradDecay(config) => config.learning_rate,
            OptimizerChoice::RmspropSwap(config) => config.learning_rate,
            OptimizerChoice::AdamSwap(config) => config.learning_rate,
            OptimizerChoice::Ftrl(config) => config.learning_rate,
            OptimizerChoice::FtrlSwap(config) => config.learning_rate,
            OptimizerChoice::AdaptiveRevision(config) => config.learning_rate,
            OptimizerChoice::AdaDelay(config) => config.learning_rate,
            OptimizerChoice::AdamAr(config) => config.learning_rate,
        }
    }

    /// The length of its sampling period, if it has any.
    pub fn period(&self) -> Option<Horizon> {
        match self {
            OptimizerChoice::AdagradDecay(config) => Some(config.period),
            OptimizerChoice::RmspropSwap(config) => Some(config.period),
            OptimizerChoice::AdamSwap(config) => Some(config.period),
            OptimizerChoice::FtrlSwap(config) => Some(config.period),
            _ => None,
        }
    }
}

impl Default for OptimizerChoice {
    fn default() -> OptimizerChoice {
        OptimizerChoice::Adam(adam::Config::default())
    }
}
