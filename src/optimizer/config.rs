//! What the configuration of an update rule says about it: how it is built, and what is true of it.

use std::sync::Arc;

use super::{Horizon, Optimizer};

/// The configuration of an update rule. What asks it knows no rule by its name.
pub trait OptimizerConfig {
    /// The working rule.
    fn build(&self) -> Arc<dyn Optimizer>;

    /// The learning rate that a schedule starts from.
    fn learning_rate(&self) -> f64;

    /// What else is true of it.
    fn facts(&self) -> OptimizerFacts;
}

/// What rules across settings have to know of an update rule. Nothing here has a default: a new rule
/// has to say all of it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OptimizerFacts {
    /// The length of its sampling period, if it has any.
    pub period: Option<Horizon>,
    /// Learning rate times workers beyond which asynchronous runs of small models broke down.
    pub edge: f64,
    /// Whether it is plain descent: a step is the gradient times the rate, and nothing is remembered.
    pub descends: bool,
    /// Whether it makes every weight anew from its sums and the rate, so that weights do not stay as
    /// they are at a rate of zero.
    pub remakes_weights: bool,
}

/// The edge of rules that divide by the root of a mean of squares, so that a step is about as long
/// as the rate.
pub(super) const EDGE_OF_MEANS: f64 = 0.3;
/// The edge of all others.
pub(super) const EDGE_OF_OTHERS: f64 = 10.0;
