//! Normalization of numeric columns before they enter a network: by numbers fixed before training,
//! so that it is the same for every worker and in evaluation.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nn::Real;

/// What is done to a numeric column.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputScale {
    /// Nothing.
    #[default]
    AsIs,
    /// `sign(x) ln(1 + |x|)`. Some data sources already do that.
    Log,
    /// `(x - mean) / deviation`, both over the examples of the training window. Costs a pass over
    /// the window. A column that never varies becomes zero.
    Standardise,
    /// First the logarithm, then mean and deviation of that.
    LogStandardise,
}

/// Mean and standard deviation of each numeric column, after the part that needs no moments.
pub type ColumnMoments = Arc<Vec<(f64, f64)>>;

impl InputScale {
    /// Whether it is the default, which is left out of files.
    pub fn is_as_is(&self) -> bool {
        *self == InputScale::AsIs
    }

    /// Whether the scale needs [`ColumnMoments`].
    pub fn standardises(self) -> bool {
        matches!(self, InputScale::Standardise | InputScale::LogStandardise)
    }

    /// The part that needs no moments.
    pub fn before(self, x: f64) -> f64 {
        match self {
            InputScale::AsIs | InputScale::Standardise => x,
            InputScale::Log | InputScale::LogStandardise => libm::log1p(x.abs()).copysign(x),
        }
    }
}

/// The scale of each column of [`Batch::numeric`](crate::data::Batch::numeric), ready for use.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Scaling {
    scale: InputScale,
    /// What is subtracted from a column, and what the rest is multiplied by; empty without moments.
    columns: Vec<(f64, f64)>,
}

impl Scaling {
    /// Without moments nothing is standardised.
    pub(super) fn new(scale: InputScale, moments: Option<&ColumnMoments>) -> Scaling {
        let factor = |deviation: f64| if deviation > 0.0 { 1.0 / deviation } else { 1.0 };
        let column = |&(mean, deviation): &(f64, f64)| (mean, factor(deviation));
        let moments = moments.filter(|_| scale.standardises());
        Scaling { scale, columns: moments.map_or(Vec::new(), |m| m.iter().map(column).collect()) }
    }

    /// Whether columns are taken as they are.
    pub(super) fn is_plain(&self) -> bool {
        self.scale.is_as_is()
    }

    /// The scaled value of a column.
    pub(super) fn of<F: Real>(&self, column: usize, x: f32) -> F {
        let x = self.scale.before(f64::from(x));
        let (mean, factor) = self.columns.get(column).copied().unwrap_or((0.0, 1.0));
        F::from_f64((x - mean) * factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scale_does_what_it_says() {
        let moments = Arc::new(vec![(0.0, 0.0), (2.0, 4.0)]);
        let of = |scale, column, x| Scaling::new(scale, Some(&moments)).of::<f64>(column, x);
        assert_eq!(of(InputScale::AsIs, 1, 10.0), 10.0);
        assert_eq!(of(InputScale::Standardise, 1, 10.0), 2.0);
        assert_eq!(of(InputScale::Standardise, 0, 0.0), 0.0);
        assert_eq!(of(InputScale::Log, 1, -7.0), -(8f64.ln()));
        assert_eq!(of(InputScale::LogStandardise, 1, 7.0), (8f64.ln() - 2.0) / 4.0);
        let without = Scaling::new(InputScale::Standardise, None);
        assert_eq!(without.of::<f64>(1, 10.0), 10.0);
    }
}
