//! What the configuration of an update rule says about it: how it is built, and what is true of it.

use std::sync::Arc;

use super::{Horizon, Optimizer};

/// The configuration of an update rule. Code outside this folder asks it, and knows no rule by its
/// name.
pub trait OptimizerConfig {
    /// The working rule.
    fn build(&self) -> Arc<dyn Optimizer>;

    /// The learning rate that a schedule starts from.
    fn learning_rate(&self) -> f64;

    /// What else is true of the rule.
    fn facts(&self) -> OptimizerFacts;
}

/// What rules across settings have to know of an update rule. Nothing here has a default: a new
/// rule has to state every fact.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OptimizerFacts {
    /// The length of the rule's sampling period, if it has one.
    pub period: Option<Horizon>,
    /// Learning rate times workers beyond which asynchronous runs of small models broke down.
    pub edge: f64,
    /// Whether it is plain descent: a step is the gradient times the rate, and the rule remembers
    /// nothing.
    pub descends: bool,
    /// Whether it computes every weight anew from its sums and the rate. Such weights change even
    /// at a rate of zero.
    pub remakes_weights: bool,
}

/// The edge of rules that divide by the root of a mean of squares: their steps are about as long as
/// the rate.
pub(super) const EDGE_OF_MEANS: f64 = 0.3;
/// The edge of all others.
pub(super) const EDGE_OF_OTHERS: f64 = 10.0;
