//! Gradient clipping: by value, by global norm, or both in this order.
//!
//! A gradient that is not a number is never made to look healthy: clipping by value keeps NaN, and
//! clipping by norm leaves a gradient without a finite norm as it is. So a watch for blow-ups still
//! sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::params::Gradient;

/// Configuration of `clip`; what is left out is not applied.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Clip {
    /// Every element is limited to this absolute value.
    #[schemars(range(min = 0.0))]
    pub value: Option<f32>,
    /// The whole gradient, dense part and distinct rows together, is shortened to this Euclidean
    /// norm if it is longer.
    #[schemars(range(min = 0.0))]
    pub norm: Option<f32>,
}

impl Clip {
    /// Clips `gradient` in place; returns whether it changed.
    pub fn apply(&self, gradient: &mut Gradient) -> bool {
        let by_value = self.value.is_some_and(|limit| limit_values(gradient, limit.abs()));
        let by_norm = self.norm.is_some_and(|limit| limit_norm(gradient, limit.abs()));
        by_value || by_norm
    }
}

/// Euclidean norm of the dense part and the distinct rows together. It is computed in double
/// precision, so it is finite for every gradient with finite elements.
pub fn global_norm(gradient: &Gradient) -> f64 {
    let squares = |values: &[f32]| values.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>();
    (squares(&gradient.dense) + squares(&gradient.rows)).sqrt()
}

fn limit_values(gradient: &mut Gradient, limit: f32) -> bool {
    let mut changed = false;
    for g in elements(gradient) {
        if g.abs() > limit {
            *g = limit.copysign(*g);
            changed = true;
        }
    }
    changed
}

fn limit_norm(gradient: &mut Gradient, limit: f32) -> bool {
    let norm = global_norm(gradient);
    let too_long = norm.is_finite() && norm > f64::from(limit);
    if too_long {
        let scale = f64::from(limit) / norm;
        elements(gradient).for_each(|g| *g = (f64::from(*g) * scale) as f32);
    }
    too_long
}

fn elements(gradient: &mut Gradient) -> impl Iterator<Item = &mut f32> {
    gradient.dense.iter_mut().chain(&mut gradient.rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gradient(dense: &[f32], rows: &[f32]) -> Gradient {
        Gradient { dense: dense.to_vec(), rows: rows.to_vec(), ..Gradient::default() }
    }

    #[test]
    fn the_norm_is_taken_over_both_groups() {
        let mut long = gradient(&[3.0], &[0.0, -4.0]);
        assert!(Clip { norm: Some(1.0), value: None }.apply(&mut long));
        assert_eq!(long, gradient(&[0.6], &[0.0, -0.8]));
        assert!(!Clip { norm: Some(1.5), value: None }.apply(&mut long));
    }

    #[test]
    fn values_are_limited_first() {
        let mut both = gradient(&[30.0], &[-40.0]);
        assert!(Clip { norm: Some(1.0), value: Some(2.0) }.apply(&mut both));
        let half = 0.5f32.sqrt();
        assert_eq!(both, gradient(&[half], &[-half]));
    }

    #[test]
    fn a_gradient_that_is_not_a_number_stays_so() {
        let mut broken = gradient(&[f32::NAN, 9.0], &[]);
        assert!(!Clip { norm: Some(1.0), value: None }.apply(&mut broken));
        assert_eq!((broken.dense[0].is_nan(), broken.dense[1]), (true, 9.0));
        Clip { norm: None, value: Some(1.0) }.apply(&mut broken);
        assert_eq!((broken.dense[0].is_nan(), broken.dense[1]), (true, 1.0));
        let mut infinite = gradient(&[f32::INFINITY, 1.0], &[]);
        assert!(!Clip { norm: Some(1.0), value: None }.apply(&mut infinite));
        assert_eq!(infinite.dense, [f32::INFINITY, 1.0]);
    }

    proptest! {
        #[test]
        fn no_finite_gradient_stays_too_long(
            values in prop::collection::vec(-3e38f32..3e38, 1..20), limit in 1e-3f32..1e3,
        ) {
            let (dense, rows) = values.split_at(values.len() / 2);
            let mut clipped = gradient(dense, rows);
            Clip { norm: Some(limit), value: None }.apply(&mut clipped);
            prop_assert!(global_norm(&clipped) <= f64::from(limit) * (1.0 + 1e-6));
            let signs = clipped.dense.iter().chain(&clipped.rows).zip(&values);
            prop_assert!(signs.into_iter().all(|(new, old)| new * old >= 0.0));
        }
    }
}
