//! Staleness-aware learning rate: the step is divided by the staleness.
//!
//! Zhang, Gupta, Lian, Liu (2015), arXiv:1511.05950, `1 / tau` for `tau > 0` and 1 otherwise, which
//! is ElasticDL's `1 / max(1, tau)`; Odena (2016), arXiv:1601.04033, `1 / (tau + 1)`; Gupta, Zhang,
//! Wang (2015), arXiv:1509.04210, by the mean staleness of all pushes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Arrival;
use super::damping::{Damping, DampingConfig, DampingRule, FactorTarget, RowStalenessRule};
use super::state::{PerShard, Running};

/// The published forms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Form")]
pub enum StalenessAwareForm {
    /// `1 / max(1, tau)`.
    #[default]
    Own,
    /// `1 / (tau + 1)`.
    PlusOne,
    /// `1 / max(1, mean tau)`: the running mean over all pushes of the shard.
    Mean,
}

/// Which form, and where it acts.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// By what the step is divided.
    pub form: StalenessAwareForm,
    /// Where the factor acts.
    pub position: FactorTarget,
    /// Which staleness counts for a row.
    pub rows: RowStalenessRule,
}

impl DampingConfig for Config {
    type Rule = StalenessAware;

    fn damping(&self) -> Damping<StalenessAware> {
        let rule = StalenessAware { form: self.form, mean: PerShard::default() };
        Damping::new(rule, self.position, self.rows)
    }
}

/// The rule.
#[derive(Debug)]
pub struct StalenessAware {
    form: StalenessAwareForm,
    mean: PerShard<Running>,
}

impl DampingRule for StalenessAware {
    fn arrive(&mut self, arrival: &Arrival) -> f64 {
        if self.form == StalenessAwareForm::Mean {
            self.mean.at(arrival.shard).add(arrival.staleness as f64);
        }
        self.factor(arrival, arrival.staleness as f64)
    }

    fn factor(&self, arrival: &Arrival, staleness: f64) -> f64 {
        match self.form {
            StalenessAwareForm::Own => 1.0 / staleness.max(1.0),
            StalenessAwareForm::PlusOne => 1.0 / (staleness + 1.0),
            StalenessAwareForm::Mean => {
                1.0 / self.mean.get(arrival.shard).map_or(0.0, Running::mean).max(1.0)
            }
        }
    }
}

crate::persist!(StalenessAware { form: fixed, mean: state });
