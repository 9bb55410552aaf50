//! What the configuration of a remedy says about it: how it is built, and what is true of it.

use super::{Factors, Remedy};
use crate::params::Layout;

/// The configuration of a remedy. Rules and estimates ask it, and know no remedy by its name.
pub trait RemedyConfig {
    /// The working remedy, for `workers` workers and a model of this layout.
    fn build(&self, workers: u32, layout: &Layout) -> Box<dyn Remedy>;

    /// Numbers in single precision that the working remedy keeps when every row has been met.
    fn numbers(&self, workers: u32, layout: &Layout) -> u64;

    /// What is true of the remedy.
    fn facts(&self) -> RemedyFacts;

    /// Factors of a push that is [as stale as usual](super::Arrival::usual), as far as they follow from
    /// staleness alone.
    fn usual_factors(&self, _workers: u32) -> Factors {
        Factors::ONE
    }
}

/// What rules across settings have to know of a remedy. Nothing here has a default: a new remedy
/// has to state every fact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RemedyFacts {
    /// Whether it leaves gradients unchanged that are not stale.
    pub needs_staleness: bool,
    /// Whether it is made for an optimizer of plain descent.
    pub wants_descent: bool,
    /// Whether it treats every push as a step of its own.
    pub counts_pushes: bool,
    /// Whether it treats pushes as differences of models instead of gradients.
    pub wants_differences: bool,
    /// Whether it corrects gradients by the parameters that the worker computed them from.
    pub corrects_by_view: bool,
    /// Whether the remedy tunes a rate, of which the optimizer's learning rate is only a factor.
    pub tunes_rate: bool,
    /// If it leaves out pulls or pushes of dense parameters: the kind of remedy that takes the same
    /// steps and leaves out nothing.
    pub spares: Option<&'static str>,
}

/// Parameters of a model, rows included.
pub(super) fn parameters(layout: &Layout) -> u64 {
    layout.dense_len() as u64 + layout.sparse_len()
}
