//! Every loop gives the same bits at every level of instructions, at widths with and without
//! remainders.

use super::*;
use crate::base::level::{at_level, levels};

/// Numbers of both signs, a few of them zero.
fn numbers(count: usize, salt: u32) -> Vec<f32> {
    let mix = |i: usize| (i as u32 + 1).wrapping_mul(2_654_435_761).wrapping_add(salt * 97) >> 8;
    let number = |i| if i % 17 == 5 { 0.0 } else { mix(i) as f32 / (1 << 23) as f32 - 1.0 };
    (0..count).map(number).collect()
}

/// Checks that `job` returns the same at every level.
fn assert_same_bits(what: &str, job: impl Fn() -> Vec<Vec<f32>>) {
    let bits = |level| -> Vec<Vec<u32>> {
        let written = at_level(level, &job);
        written.into_iter().map(|part| part.into_iter().map(f32::to_bits).collect()).collect()
    };
    let all: Vec<_> = levels().map(bits).collect();
    assert!(all.iter().all(|other| *other == all[0]), "{what}");
}

#[test]
fn r08_loops_over_columns_give_the_same_bits_at_every_level() {
    const ROWS: usize = 23;
    for width in [1, 3, 4, 7, 16, 29, 36, 80] {
        let (x, row) = (numbers(ROWS * width, 1), numbers(width, 2));
        let (slope, factors) = (numbers(width, 3), numbers(ROWS, 4));
        let matrix = || numbers(ROWS * width, 5);
        let of_row = || numbers(width, 6);
        let same = |what: &str, job: &dyn Fn() -> Vec<Vec<f32>>| {
            assert_same_bits(&format!("{what}, width {width}"), job);
        };
        same("sums", &|| {
            let [mut sums, mut weighted] = [of_row(), of_row()];
            f32::column_sums(&x, &mut sums);
            f32::weighted_sums(&x, &factors, &mut weighted);
            vec![sums, weighted]
        });
        same("rows", &|| {
            let ([mut outer, mut turned], mut dots) = ([matrix(), matrix()], vec![0.0; ROWS]);
            f32::outer(&factors, &row, &mut outer);
            f32::transpose(&x, ROWS, width, &mut turned);
            f32::row_dots(&x, &row, 0.5, &mut dots);
            vec![outer, turned, dots]
        });
        same("prelu", &|| {
            let [mut a, mut d, mut d_slope] = [matrix(), matrix(), of_row()];
            f32::prelu(&x, &slope, &mut a);
            f32::prelu_backward(&x, &slope, &mut d, &mut d_slope);
            vec![a, d, d_slope]
        });
        same("prelu with dots", &|| {
            let [mut d, mut d_slope, mut d_row] = [matrix(), of_row(), of_row()];
            let mut out = vec![0.0; ROWS];
            f32::prelu_dots(&x, &slope, &row, 0.5, &mut out);
            f32::prelu_dots_backward(&mut d, &slope, &row, &factors, &mut d_slope, &mut d_row);
            vec![out, d, d_slope, d_row]
        });
    }
}

#[test]
fn r08_loops_over_events_give_the_same_bits_at_every_level() {
    const EVENTS: usize = 20;
    let offsets = [0, 3, 3, 8, 20];
    for width in [1, 5, 8, 16, 20] {
        let (rows, events) = (numbers(4 * width, 1), numbers(EVENTS * width, 2));
        let (weights, d_pooled) = (numbers(EVENTS, 3), numbers(4 * width, 4));
        assert_same_bits(&format!("width {width}"), || {
            let [mut pooled, mut sums] = [(); 2].map(|()| numbers(4 * width, 6));
            let [mut d_weights, mut d_events] = [numbers(EVENTS, 7), events.clone()];
            f32::pool(&offsets, &weights, &events, width, &mut pooled);
            f32::pool_backward(&offsets, &d_pooled, &events, width, &mut d_weights);
            f32::pool_backward_events(&offsets, &weights, &d_pooled, width, &mut d_events);
            f32::sum_rows(&offsets, &events, width, &mut sums);
            vec![pooled, d_weights, d_events, sums]
        });
        let (base, factors) = (numbers(4 * width, 8), numbers(width, 9));
        assert_same_bits(&format!("mixing, width {width}"), || {
            let [mut by_rows, mut by_columns, mut d_base, mut d_scaled] =
                [(); 4].map(|()| rows.clone());
            let mut d_factors = factors.clone();
            f32::mix_rows(&base, &rows, &weights[..4], &mut by_rows);
            f32::mix_columns(&base, &rows, &factors, &mut by_columns);
            f32::mix_columns_backward(
                &rows,
                &factors,
                &base,
                &mut d_base,
                &mut d_scaled,
                &mut d_factors,
            );
            vec![by_rows, by_columns, d_base, d_scaled, d_factors]
        });
    }
}

#[test]
fn r08_loops_over_tables_give_the_same_bits_at_every_level() {
    let (positions, ids) = ([0, 2, 2, 1, 0], [3, 0, 4]);
    for dim in [1, 6, 8, 16, 21] {
        let places = IdColumn { column: 0, columns: 1, dim, at: 1, width: dim + 2 };
        let rows = numbers(3 * dim, 1);
        let touched = [0, 1, 2].map(|at| TouchedRow { id: ids[at], position: at as u32 });
        let (first, second) = ([0.9, 0.1], [0.999, 0.001]);
        let step = AdamStep { first, second, factor: 0.01, epsilon: 1e-8, kept: 0.99 };
        assert_same_bits(&format!("dim {dim}"), || {
            let [mut out, mut d_rows] = [numbers(5 * (dim + 2), 2), rows.clone()];
            f32::gather(places, &rows, &positions, &mut out);
            f32::scatter_add(places, &out, &positions, &mut d_rows);
            // Averages of squares are not negative.
            let mut data: Vec<f32> = numbers(5 * 3 * dim, 3).iter().map(|x| x.abs()).collect();
            let mut table = UpdatedRows {
                data: &mut data,
                stride: 3 * dim,
                dim,
                touched: &touched,
                gradients: &rows,
            };
            assert!(AdamStep::update_rows(step, &mut table));
            let mut picked = numbers(3 * dim, 4);
            f32::pick(&data, 3 * dim, &ids, dim, &mut picked);
            vec![out, d_rows, data, picked]
        });
    }
}
