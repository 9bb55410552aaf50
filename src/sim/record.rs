//! What happened: told to observers, which cannot change a run.

use serde::{Deserialize, Serialize};

use crate::base::{ShardId, SimSpan, SimTime, WorkerId};
use crate::metrics::Quality;
use crate::protocol::PushId;

use super::progress::Progress;

/// What a worker does. Every moment of a worker's time belongs to exactly one of these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub enum Activity {
    /// Not started yet, or held by the protocol.
    #[default]
    Wait,
    /// From its request to the last value received.
    Pull,
    /// Computing its gradient.
    Compute,
    /// From sending the gradient until the last shard has taken it in and said so.
    Push,
    /// Standing still, as the script says.
    Sleep,
    /// Crashed, and not repaired yet.
    Down,
    /// Not one of the job's workers: it has not joined, or has left.
    Away,
}

impl Activity {
    /// All of them, by their numbers.
    pub const ALL: [Activity; 7] = [
        Activity::Wait,
        Activity::Pull,
        Activity::Compute,
        Activity::Push,
        Activity::Sleep,
        Activity::Down,
        Activity::Away,
    ];

    /// The word in files and plots.
    pub fn name(self) -> &'static str {
        match self {
            Activity::Wait => "wait",
            Activity::Pull => "pull",
            Activity::Compute => "compute",
            Activity::Push => "push",
            Activity::Sleep => "sleep",
            Activity::Down => "down",
            Activity::Away => "away",
        }
    }
}

/// A finished push: every shard has applied or discarded its part.
#[derive(Clone, PartialEq, Debug)]
pub struct Finished {
    /// When the last shard did.
    pub at: SimTime,
    /// The push.
    pub push: PushId,
    /// Whose it was.
    pub worker: WorkerId,
    /// Index of the worker's machine class.
    pub class: usize,
    /// Examples it was computed from.
    pub examples: u64,
    /// Mean over the shards it was pushed to of the versions applied between pull and apply.
    pub staleness: f64,
    /// The same, rounded, as counted in histograms.
    pub staleness_rounded: u64,
    /// Steps that the worker was behind the fastest when it had pushed.
    pub clock_lag: u64,
    /// Simulated time from the first read to the last apply.
    pub age: SimSpan,
    /// Whether the shards were read at different versions.
    pub mixed: bool,
    /// Whether it was applied (by every shard) or discarded (by at least one).
    pub applied: bool,
    /// Loss of the batch on the view; NaN without gradients, or if no shard has applied it.
    pub loss: f64,
    /// Norm of the pushed gradient, after clipping; NaN without gradients, or if the observer does
    /// not [want](Observer::wants_gradient_norms) it.
    pub gradient_norm: f64,
    /// `|w_now - w_pulled| / sqrt(d)` over the dense group, where sampled: each shard's part just
    /// before its apply, so that a step to which nothing happened meanwhile has none.
    pub gap: Option<f64>,
}

/// Staleness of the rows of one applied push, id space by id space.
#[derive(Clone, Copy, Debug)]
pub struct RowStaleness<'a> {
    /// Index of the id space.
    pub space: usize,
    /// Updates of each row when it was pulled.
    pub pulled: &'a [u32],
    /// Updates of each row just before the apply.
    pub now: &'a [u32],
}

/// Distances of one layer or table between the workers' views and the server.
#[derive(Clone, PartialEq, Debug)]
pub struct LayerDivergence {
    /// `dense` or `sparse`.
    pub group: &'static str,
    /// Name of the layer or table.
    pub layer: String,
    /// Mean over the views of `|view - server| / |server|`.
    pub from_server: f64,
    /// The largest of these.
    pub from_server_max: f64,
    /// Root mean square distance of the views from their mean, relative to the server's norm; only
    /// for layers that every view holds entirely.
    pub from_each_other: Option<f64>,
}

/// How numbers are spread.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Spread {
    /// Euclidean norm of all of them.
    pub norm: f64,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
    /// The [quantiles](super::layers::QUANTILES).
    pub quantiles: [f64; 5],
}

/// The gradients of a layer or table in the pushes between two looks; of a table, those of the rows
/// that they touched.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GradientLook {
    /// Root mean square over the pushes of the norm of the layer's part.
    pub norm: f64,
    /// The gradient of each parameter, averaged over the pushes.
    pub mean: Spread,
    /// `|sum of g| / sqrt(sum of |g|^2)`: about 1 for gradients that cancel as noise does, and
    /// the root of the number of pushes for equal ones. Not defined where all are zero.
    pub agreement: Option<f64>,
    /// Share of the parameters whose gradients were all zero.
    pub zero: f64,
}

/// The rows of a table at a look, as shares of all its rows.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RowsLook {
    /// Touched by a push since the run began.
    pub touched: f64,
    /// Touched before, and not since the last look.
    pub idle: f64,
    /// Mean norm of those that were ever touched.
    pub norm: Option<f64>,
}

/// One layer or table at a look.
#[derive(Clone, PartialEq, Debug)]
pub struct LayerLook {
    /// `dense` or `sparse`.
    pub group: &'static str,
    /// Name of the layer or table.
    pub layer: String,
    /// Numbers in it.
    pub parameters: u64,
    /// Pushes applied since the last look.
    pub pushes: u64,
    /// `|w - w_before| / |w|`, before being the last look; `None` at the first.
    pub change: Option<f64>,
    /// Its weights.
    pub weights: Spread,
    /// The gradients applied to it since the last look, if there were any.
    pub gradients: Option<GradientLook>,
    /// Its rows, if it is a table.
    pub rows: Option<RowsLook>,
}

/// Which parameters an evaluation used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EvaluatedView {
    /// The server's.
    Server,
    /// What one worker holds: its dense view, and its rows where it holds them.
    Worker(WorkerId),
    /// The mean of the workers' dense views.
    MeanOfViews,
    /// The mean of the predictions of the workers' views.
    MeanOfPredictions,
}

/// One thing that happened.
#[derive(Debug)]
pub enum Record<'a> {
    /// A worker did something for a while.
    Activity {
        /// Who.
        worker: WorkerId,
        /// Index of the worker's machine class.
        class: usize,
        /// What.
        activity: Activity,
        /// From when.
        from: SimTime,
        /// Until when.
        to: SimTime,
        /// During which of its steps.
        step: u64,
    },
    /// A shard served a request.
    Service {
        /// Which shard.
        shard: ShardId,
        /// Whose request.
        worker: WorkerId,
        /// `Pull` or `Push`.
        activity: Activity,
        /// From when.
        from: SimTime,
        /// Until when.
        to: SimTime,
    },
    /// One shard applied its part of a push.
    Applied {
        /// Which shard.
        shard: ShardId,
        /// Whose push.
        worker: WorkerId,
        /// Versions of the shard applied between pull and apply.
        staleness: u64,
    },
    /// The protocol broke a step off.
    Aborted {
        /// Whose step.
        worker: WorkerId,
        /// Its number.
        push: PushId,
    },
    /// A worker is gone.
    Left {
        /// Who.
        worker: WorkerId,
        /// Whether it crashed; otherwise it left, or was not there from the start.
        crashed: bool,
        /// The step that was lost with it.
        lost: Option<PushId>,
    },
    /// A worker is there: repaired, joined, or begun late.
    Joined {
        /// Who.
        worker: WorkerId,
    },
    /// A push is finished.
    Finished(&'a Finished),
    /// Row staleness of an applied push.
    Rows(RowStaleness<'a>),
    /// Progress after an update that every shard has applied.
    Updated {
        /// The state of the run.
        progress: &'a Progress,
        /// Learning rate of the dense group; NaN without gradients.
        rate: f64,
        /// Steps in flight.
        in_flight: usize,
    },
    /// Views compared with the server.
    Diverged {
        /// The state of the run.
        progress: &'a Progress,
        /// One entry per layer and table.
        layers: &'a [LayerDivergence],
    },
    /// A look at every layer and table.
    Layers {
        /// The state of the run.
        progress: &'a Progress,
        /// One entry per layer and table.
        layers: &'a [LayerLook],
    },
    /// Quality on the holdout.
    Evaluated {
        /// The state of the run.
        progress: &'a Progress,
        /// Of which parameters.
        view: EvaluatedView,
        /// On the reporting half.
        quality: &'a Quality,
        /// AUC on the selection half, by which the best step is chosen.
        selection_auc: Option<f64>,
        /// Passes over the training window so far, if it is known.
        passes: Option<f64>,
    },
}

/// Watches a run. Cannot change one.
pub trait Observer {
    /// Is told of everything, in order.
    fn observe(&mut self, record: &Record<'_>);

    /// Whether [`Record::Activity`] and [`Record::Service`] are of interest at all.
    fn wants_timeline(&self) -> bool {
        false
    }

    /// Whether [`Finished::gradient_norm`] is of interest, which takes a pass over every gradient.
    fn wants_gradient_norms(&self) -> bool {
        false
    }
}

/// An observer that looks away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Observer for Nobody {
    fn observe(&mut self, _: &Record<'_>) {}
}

impl<F: FnMut(&Record<'_>)> Observer for F {
    fn observe(&mut self, record: &Record<'_>) {
        self(record);
    }

    fn wants_timeline(&self) -> bool {
        true
    }

    fn wants_gradient_norms(&self) -> bool {
        true
    }
}

crate::persist_plain!(Activity);
