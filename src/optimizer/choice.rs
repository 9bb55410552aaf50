//! The registry of update rules.
//!
//! There is no `lazy_adam`: it is `adam` with `rows = "lazy"`, the default, and a second name for
//! one rule would only invite the question how they differ.

use std::sync::Arc;

use super::{Optimizer, adagrad, adam, adamw, momentum, nesterov, rmsprop, sgd};

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
        }
    }
}

impl Default for OptimizerChoice {
    fn default() -> OptimizerChoice {
        OptimizerChoice::Adam(adam::Config::default())
    }
}
