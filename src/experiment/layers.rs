//! The measurements of layers, as rows of `layers.csv`.

use crate::results::tables::LayerRow;
use crate::sim::{LayerObservation, Progress};

/// The row of a layer or table at one look.
pub(super) fn row(progress: &Progress, look: &LayerObservation) -> LayerRow {
    let LayerObservation { weights, gradients, rows, .. } = look;
    let [weight_p05, weight_p25, weight_p50, weight_p75, weight_p95] = weights.quantiles.map(Some);
    let mean = gradients.map(|gradients| gradients.mean);
    let quantile = |index: usize| mean.map(|mean| mean.quantiles[index]);
    LayerRow {
        update: progress.updates,
        examples: progress.examples,
        sim_s: progress.now.seconds(),
        group: look.group.to_string(),
        layer: look.layer.clone(),
        parameters: look.parameters,
        pushes: look.pushes,
        change: look.change,
        weight_norm: Some(weights.norm),
        weight_mean: Some(weights.mean),
        weight_deviation: Some(weights.deviation),
        weight_p05,
        weight_p25,
        weight_p50,
        weight_p75,
        weight_p95,
        gradient_norm: gradients.map(|gradients| gradients.norm),
        agreement: gradients.and_then(|gradients| gradients.agreement),
        gradient_zero: gradients.map(|gradients| gradients.zero),
        mean_gradient_norm: mean.map(|mean| mean.norm),
        mean_gradient_deviation: mean.map(|mean| mean.deviation),
        mean_gradient_p05: quantile(0),
        mean_gradient_p25: quantile(1),
        mean_gradient_p50: quantile(2),
        mean_gradient_p75: quantile(3),
        mean_gradient_p95: quantile(4),
        rows_touched: rows.map(|rows| rows.touched),
        rows_idle: rows.map(|rows| rows.idle),
        row_norm_mean: rows.and_then(|rows| rows.norm),
    }
}
