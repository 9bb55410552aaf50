//! Distances of the workers' views from the server and from each other.

use super::record::LayerDivergence;
use super::step_data::StepData;
use crate::base::{ShardId, WorkerId};
use crate::nn::kernels::squares;
use crate::params::view::row_range;
use crate::server::ParameterServer;

/// Distances by layer and table. Views are compared with the server's current parameters; for
/// tables only the rows that a worker holds count.
pub fn divergence(
    server: &ParameterServer,
    held: &[(WorkerId, &StepData)],
) -> Vec<LayerDivergence> {
    if held.is_empty() {
        return Vec::new();
    }
    let mut layers = Vec::new();
    for (layer, range) in server.layout().layers() {
        let now = &server.dense()[range.clone()];
        let views: Vec<&[f32]> = held.iter().map(|(_, view)| &view.dense[range.clone()]).collect();
        layers.push(dense_layer(layer, now, &views));
    }
    for t in 0..server.layout().tables.len() {
        layers.push(table(server, t, held));
    }
    layers
}

fn dense_layer(layer: String, now: &[f32], views: &[&[f32]]) -> LayerDivergence {
    let norm = square(now).sqrt().max(f64::MIN_POSITIVE);
    let distances: Vec<f64> = views.iter().map(|view| distance(view, now) / norm).collect();
    // sum_i |v_i - mean|^2 = sum_i |v_i - s|^2 - n |mean - s|^2 for any s: here the server.
    let n = views.len() as f64;
    let mut offset = 0.0;
    for (at, s) in now.iter().enumerate() {
        let mean = views.iter().map(|view| f64::from(view[at])).sum::<f64>() / n;
        offset += (mean - f64::from(*s)).powi(2);
    }
    let squares: f64 = distances.iter().map(|d| d * d).sum();
    let spread = (squares / n - offset / (norm * norm)).max(0.0).sqrt();
    LayerDivergence {
        group: "dense",
        layer,
        from_server: distances.iter().sum::<f64>() / n,
        from_server_max: distances.iter().copied().fold(0.0, f64::max),
        from_each_other: Some(spread),
    }
}

fn table(server: &ParameterServer, t: usize, held: &[(WorkerId, &StepData)]) -> LayerDivergence {
    let table = &server.layout().tables[t];
    let mut distances = Vec::with_capacity(held.len());
    for (_, view) in held {
        let rows = &view.rows[row_range(server.layout(), &view.lookups, t)];
        let ids = &view.lookups.ids[table.space];
        let (mut apart, mut size) = (0.0, 0.0);
        for (&id, row) in ids.iter().zip(rows.chunks_exact(table.dim)) {
            let now = server.table(t).weights(id);
            apart += distance(row, now).powi(2);
            size += square(now);
        }
        distances.push((apart / size.max(f64::MIN_POSITIVE)).sqrt());
    }
    LayerDivergence {
        group: "sparse",
        layer: table.name.clone(),
        from_server: distances.iter().sum::<f64>() / distances.len() as f64,
        from_server_max: distances.iter().copied().fold(0.0, f64::max),
        from_each_other: None,
    }
}

/// Squared distance between a dense view and the server, over the blocks of one shard.
pub(super) fn apart(server: &ParameterServer, shard: ShardId, view: &[f32]) -> f64 {
    let here = server.sharding().dense_blocks(server.layout(), shard);
    here.map(|(_, block)| distance(&view[block.range()], &server.dense()[block.range()]).powi(2))
        .sum()
}

fn square(values: &[f32]) -> f64 {
    squares(values)
}

/// Euclidean distance.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum::<f64>().sqrt()
}

/// Euclidean norm of a gradient, dense part and rows together.
pub(super) fn gradient_norm(dense: &[f32], rows: &[f32]) -> f64 {
    (square(dense) + square(rows)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_relative_and_the_spread_is_about_the_mean() {
        let layer = dense_layer("l".into(), &[3.0, 4.0], &[&[3.0, 5.0], &[3.0, 7.0]]);
        assert!((layer.from_server - (1.0 + 3.0) / 2.0 / 5.0).abs() < 1e-12);
        assert!((layer.from_server_max - 0.6).abs() < 1e-12);
        assert!((layer.from_each_other.unwrap() - 1.0 / 5.0).abs() < 1e-12);
    }
}
