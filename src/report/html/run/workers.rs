//! The table of workers.

use crate::report::figure::grid::{self, Grid, MOST_ROWS};
use crate::report::figure::number::figure;
use crate::results::tables::WorkerRow;

/// One row per worker.
pub(super) fn grid(workers: &[WorkerRow]) -> Grid {
    let columns = [grid::number("worker"), grid::text("class")].into_iter();
    let names = [
        "slowdown",
        "steps",
        "examples",
        "busy, s",
        "network, s",
        "queue, s",
        "served, s",
        "held, s",
        "waiting, s",
        "mean staleness",
        "largest",
    ];
    let columns = columns.chain(names.map(grid::number)).collect();
    Grid::new("Workers", columns).fill(workers, MOST_ROWS, "workers.csv", |worker| {
        vec![
            worker.worker.to_string(),
            worker.class.clone(),
            figure(worker.slowdown),
            worker.steps.to_string(),
            worker.examples.to_string(),
            figure(worker.busy_s),
            figure(worker.network_s),
            figure(worker.queued_s),
            figure(worker.served_s),
            figure(worker.held_s),
            figure(worker.waiting_s),
            figure(worker.staleness_mean),
            figure(worker.staleness_max.map(|max| max as f64)),
        ]
    })
}
