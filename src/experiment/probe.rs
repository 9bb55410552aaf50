//! How fast this machine is: the wall time of one gradient, for estimates.

use std::time::Instant;

use crate::model::Workspace;
use crate::params::view::rows_len;
use crate::params::{Gradient, View};
use crate::scenario::Prepared;
use crate::scenario::estimate::sample;

/// What a step costs besides its gradient, as a factor: reading, pulling, applying, evaluating.
const BESIDES: f64 = 1.4;

/// Wall seconds of one step on one thread, by timing a gradient on parameters that are zero.
pub fn seconds_per_step(prepared: &Prepared, batch: usize) -> f64 {
    let layout = prepared.model.layout();
    let (batch, lookups) = sample(prepared, batch);
    let dense = vec![0.0; layout.dense_len()];
    let moving = vec![0.0; layout.moving_len()];
    let rows = vec![0.0; rows_len(layout, &lookups)];
    let view = View { dense: &dense, moving: &moving, rows: &rows, lookups: &lookups };
    let (mut workspace, mut gradient) = (Workspace::default(), Gradient::default());
    // The first one allocates.
    prepared.model.gradient(view, &batch, &mut workspace, &mut gradient);
    #[expect(clippy::disallowed_methods, reason = "it is the speed of this machine that is asked")]
    let started = Instant::now();
    prepared.model.gradient(view, &batch, &mut workspace, &mut gradient);
    BESIDES * started.elapsed().as_secs_f64()
}
