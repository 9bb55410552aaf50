//! What the rules that scale by staleness have in common: where the factor acts, and on which
//! staleness.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrival, Factors, Needs, Remedy, RemedyConfig, RemedyFacts};
use crate::base::Persist;
use crate::params::Layout;

/// Where a factor acts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Position")]
pub enum FactorTarget {
    /// On the step, after the optimizer's accumulators.
    #[default]
    Step,
    /// On the gradient, before the accumulators. An adaptive optimizer sees the factor too and
    /// undoes most of it.
    Gradient,
}

/// Which staleness counts for an embedding row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RowStaleness")]
pub enum RowStalenessRule {
    /// The push's, as for dense parameters.
    #[default]
    Push,
    /// The row's own: updates of that row since it was read. Rare rows have hardly any.
    Own,
}

/// A rule that turns staleness into a factor.
pub trait DampingRule: Persist + Send + std::fmt::Debug {
    /// Takes an arrival into account; returns its factor.
    fn arrive(&mut self, arrival: &Arrival) -> f64;

    /// The factor of a staleness, given what has arrived so far.
    fn factor(&self, arrival: &Arrival, staleness: f64) -> f64;
}

/// The configuration of a rule that scales by staleness.
pub trait DampingConfig {
    /// The rule.
    type Rule: DampingRule + 'static;

    /// The rule, where it acts, and on which staleness.
    fn damping(&self) -> Damping<Self::Rule>;
}

impl<C: DampingConfig> RemedyConfig for C {
    fn build(&self, _: u32, _: &Layout) -> Box<dyn Remedy> {
        Box::new(self.damping())
    }

    fn numbers(&self, _: u32, _: &Layout) -> u64 {
        0
    }

    fn facts(&self) -> RemedyFacts {
        RemedyFacts {
            needs_staleness: true,
            wants_descent: false,
            counts_pushes: false,
            wants_differences: false,
            corrects_by_view: false,
            tunes_rate: false,
            spares: None,
        }
    }

    fn usual_factors(&self, workers: u32) -> Factors {
        self.damping().arrive(&Arrival::usual(workers))
    }
}

/// A rule at work.
#[derive(Debug)]
pub struct Damping<R> {
    rule: R,
    position: FactorTarget,
    rows: RowStalenessRule,
}

impl<R: DampingRule> Damping<R> {
    /// `rule`, acting at `position`, with the staleness `rows` for rows.
    pub fn new(rule: R, position: FactorTarget, rows: RowStalenessRule) -> Damping<R> {
        Damping { rule, position, rows }
    }

    fn place(&self, factor: f64) -> Factors {
        match self.position {
            FactorTarget::Step => Factors { step: factor as f32, ..Factors::ONE },
            FactorTarget::Gradient => Factors { gradient: factor as f32, ..Factors::ONE },
        }
    }
}

impl<R: DampingRule> Remedy for Damping<R> {
    fn needs(&self) -> Needs {
        Needs { row_staleness: self.rows == RowStalenessRule::Own, ..Needs::default() }
    }

    fn arrive(&mut self, arrival: &Arrival) -> Factors {
        let factor = self.rule.arrive(arrival);
        self.place(factor)
    }

    fn row(&self, arrival: &Arrival, staleness: u64) -> Option<Factors> {
        (self.rows == RowStalenessRule::Own)
            .then(|| self.place(self.rule.factor(arrival, staleness as f64)))
    }
}

crate::persist!([R: Persist] Damping<R> { rule: state, position: fixed, rows: fixed });
