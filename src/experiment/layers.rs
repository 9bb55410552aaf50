//! `layers.csv`: one row per layer and table and look.

use std::io;

use super::table::{Cell, TableWriter};
use crate::sim::{LayerLook, Progress};

/// The name of the file.
pub(super) const FILE: &str = "layers.csv";

/// Its columns.
pub(super) const HEADER: &str = "update,examples,sim_s,group,layer,parameters,pushes,change,\
    weight_norm,weight_mean,weight_deviation,weight_p05,weight_p25,weight_p50,weight_p75,weight_p95,\
    gradient_norm,agreement,gradient_zero,mean_gradient_norm,mean_gradient_deviation,\
    mean_gradient_p05,mean_gradient_p25,mean_gradient_p50,mean_gradient_p75,mean_gradient_p95,\
    rows_touched,rows_idle,row_norm_mean";

/// Appends the rows of one look.
pub(super) fn write(
    table: &mut TableWriter,
    progress: &Progress,
    layers: &[LayerLook],
) -> io::Result<()> {
    for layer in layers {
        let LayerLook { weights, gradients, rows, .. } = layer;
        let mut cells = vec![
            Cell::Whole(progress.updates),
            Cell::Whole(progress.examples),
            Cell::Number(progress.now.seconds()),
            Cell::Text(layer.group),
            Cell::Text(&layer.layer),
            Cell::Whole(layer.parameters),
            Cell::Whole(layer.pushes),
            layer.change.into(),
            Cell::Number(weights.norm),
            Cell::Number(weights.mean),
            Cell::Number(weights.deviation),
        ];
        cells.extend(weights.quantiles.map(Cell::Number));
        let of_gradients = [
            gradients.map(|g| g.norm),
            gradients.and_then(|g| g.agreement),
            gradients.map(|g| g.zero),
            gradients.map(|g| g.mean.norm),
            gradients.map(|g| g.mean.deviation),
        ];
        cells.extend(of_gradients.map(Cell::from));
        match gradients {
            Some(gradients) => cells.extend(gradients.mean.quantiles.map(Cell::Number)),
            None => cells.extend([Cell::Empty; 5]),
        }
        let of_rows = [
            rows.map(|rows| rows.touched),
            rows.map(|rows| rows.idle),
            rows.and_then(|rows| rows.norm),
        ];
        cells.extend(of_rows.map(Cell::from));
        table.row(&cells)?;
    }
    table.flush()
}
