//! Records of events, for observers, which cannot change a run.

use serde::{Deserialize, Serialize};

use crate::base::{ShardId, SimSpan, SimTime, WorkerId};
use crate::metrics::{Quality, Undefined};
use crate::protocol::PushId;
use crate::server::ParameterServer;
use crate::server::admission::AdmissionGate;
use crate::server::cuckoo::{CuckooState, RowIndex};
use crate::server::eviction::{LifeCounts, RowLives};

use super::by_row::RowClassLook;
use super::live_feed::StreamLook;
use super::progress::Progress;
use super::serving::ServedLook;

/// The activity of a worker. Every moment of a worker's time belongs to exactly one activity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub enum Activity {
    /// Not started yet, between two steps, or waiting for a checkpoint.
    #[default]
    Wait,
    /// Waiting for the protocol's permission to pull.
    Held,
    /// From its request to the last received value.
    Pull,
    /// Computing its gradient.
    Compute,
    /// From sending the gradient until the worker knows that the last shard has taken it in.
    Push,
    /// Standing still, by script.
    Sleep,
    /// Crashed and not yet repaired.
    Down,
    /// Not part of the job: it has not joined, or has left.
    Away,
    /// Waiting for examples of a live stream, or for nothing, since the stream is over.
    Starved,
}

impl Activity {
    /// All activities, by their numbers.
    pub const ALL: [Activity; 9] = [
        Activity::Wait,
        Activity::Held,
        Activity::Pull,
        Activity::Compute,
        Activity::Push,
        Activity::Sleep,
        Activity::Down,
        Activity::Away,
        Activity::Starved,
    ];

    /// The name in files and plots.
    pub fn name(self) -> &'static str {
        match self {
            Activity::Wait => "wait",
            Activity::Held => "held",
            Activity::Pull => "pull",
            Activity::Compute => "compute",
            Activity::Push => "push",
            Activity::Sleep => "sleep",
            Activity::Down => "down",
            Activity::Away => "away",
            Activity::Starved => "starved",
        }
    }
}

/// A finished push: every shard has applied or discarded its part.
#[derive(Clone, PartialEq, Debug)]
pub struct Finished {
    /// When the last shard did so.
    pub at: SimTime,
    /// The push.
    pub push: PushId,
    /// Its worker.
    pub worker: WorkerId,
    /// Index of the worker's machine class.
    pub class: usize,
    /// Examples it was computed from.
    pub examples: u64,
    /// Mean over the shards that it was pushed to: versions applied between pull and apply.
    pub staleness: f64,
    /// The same, rounded, as counted in histograms.
    pub staleness_rounded: u64,
    /// Steps that the worker was behind the fastest one after its push.
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
    /// `|w_now - w_pulled| / sqrt(d)` over the dense group, if sampled: each shard's part is taken
    /// just before its apply, so it is zero if the server did not change meanwhile.
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

/// The spread of some numbers.
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

/// The gradients of a layer or table in the pushes between two observations; for a table, of the
/// rows that they touched.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GradientObservation {
    /// Root mean square over the pushes of the norm of the layer's part.
    pub norm: f64,
    /// The gradient of each parameter, averaged over the pushes.
    pub mean: Spread,
    /// `|sum of g| / sqrt(sum of |g|^2)`: about 1 for gradients that cancel like noise, and the
    /// square root of the number of pushes for equal ones. Not defined if all are zero.
    pub agreement: Option<f64>,
    /// Share of the parameters whose gradients were all zero.
    pub zero: f64,
}

/// The rows of a table in an observation, as shares of all its rows.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RowsObservation {
    /// Touched by a push since the run began.
    pub touched: f64,
    /// Touched before, and not since the last observation.
    pub idle: f64,
    /// Mean norm of the rows that were ever touched.
    pub norm: Option<f64>,
}

/// An observation of one layer or table.
#[derive(Clone, PartialEq, Debug)]
pub struct LayerObservation {
    /// `dense` or `sparse`.
    pub group: &'static str,
    /// Name of the layer or table.
    pub layer: String,
    /// Number of its parameters.
    pub parameters: u64,
    /// Pushes applied since the last observation.
    pub pushes: u64,
    /// `|w - w_before| / |w|`, where `w_before` is from the last observation; `None` at the first.
    pub change: Option<f64>,
    /// Its weights.
    pub weights: Spread,
    /// The gradients applied to it since the last observation, if there were any.
    pub gradients: Option<GradientObservation>,
    /// Its rows, if it is a table.
    pub rows: Option<RowsObservation>,
}

/// The parameters that an evaluation used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EvaluatedView {
    /// The server's.
    Server,
    /// A worker's: its dense view, and the rows that it holds.
    Worker(WorkerId),
    /// The mean of the workers' dense views.
    MeanOfViews,
    /// The mean of the predictions of the workers' views.
    MeanOfPredictions,
}

/// A record of something that happened.
#[derive(Debug)]
pub enum Record<'a> {
    /// A worker was in one activity for a while.
    Activity {
        /// The worker.
        worker: WorkerId,
        /// Index of the worker's machine class.
        class: usize,
        /// The activity.
        activity: Activity,
        /// Its start.
        from: SimTime,
        /// Its end.
        to: SimTime,
        /// The step of the worker.
        step: u64,
    },
    /// A shard served a request.
    Service {
        /// The shard.
        shard: ShardId,
        /// The worker of the request.
        worker: WorkerId,
        /// `Pull` or `Push`.
        activity: Activity,
        /// The start.
        from: SimTime,
        /// The end.
        to: SimTime,
    },
    /// One shard applied its part of a push.
    Applied {
        /// The shard.
        shard: ShardId,
        /// The worker of the push.
        worker: WorkerId,
        /// Versions of the shard applied between pull and apply.
        staleness: u64,
    },
    /// The protocol aborted a step.
    Aborted {
        /// The worker of the step.
        worker: WorkerId,
        /// Its number.
        push: PushId,
    },
    /// A worker is absent.
    Left {
        /// The worker.
        worker: WorkerId,
        /// Whether it crashed; otherwise it left, or was absent from the start.
        crashed: bool,
        /// The step that was lost with it.
        lost: Option<PushId>,
    },
    /// A worker is present: repaired, joined, or started late.
    Joined {
        /// The worker.
        worker: WorkerId,
    },
    /// A shard crashes.
    ShardDown {
        /// The shard.
        shard: ShardId,
    },
    /// It serves again.
    ShardBack {
        /// The shard.
        shard: ShardId,
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
    /// An observation of every layer and table.
    Layers {
        /// The state of the run.
        progress: &'a Progress,
        /// One entry per layer and table.
        layers: &'a [LayerObservation],
    },
    /// The rows of tables, where rows come and go.
    Tables {
        /// The state of the run.
        progress: &'a Progress,
        /// One entry per table.
        tables: &'a [TableState<'a>],
    },
    /// What a live stream is like.
    Stream {
        /// The state of the run.
        progress: &'a Progress,
        /// The stream.
        stream: &'a StreamLook,
    },
    /// What a copy of the model served in a stretch of time.
    Served(&'a ServedLook),
    /// Quality on the holdout by classes of rows, just after that of the server.
    ByRow {
        /// The state of the run.
        progress: &'a Progress,
        /// One entry per id space, split and class with examples.
        classes: &'a [RowClassLook],
    },
    /// Quality on the holdout.
    Evaluated {
        /// The state of the run.
        progress: &'a Progress,
        /// The parameters.
        view: EvaluatedView,
        /// Quality on the reporting half.
        quality: &'a Quality,
        /// AUC on the selection half, by which the best step is chosen.
        selection_auc: Option<f64>,
        /// Why figures are not defined.
        undefined: &'a [Undefined],
        /// Passes over the training window so far, if known.
        passes: Option<f64>,
    },
}

/// The rows of a table at one moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TableState<'a> {
    /// Name of the table.
    pub table: &'a str,
    /// Rows that are there.
    pub rows: u64,
    /// Ids that have been met and are not admitted.
    pub waiting: u64,
    /// Rows admitted before they had occurred often enough.
    pub too_early: u64,
    /// Bytes of the rows that are there, with a key of 8 bytes each.
    pub bytes: u64,
    /// How rows came and went so far; `None` without eviction.
    pub counts: Option<LifeCounts>,
    /// The hash tables that find its rows, if they are not found by number.
    pub cuckoo: Option<CuckooState>,
}

/// The tables of a server whose rows come and go, or are found through a hash table.
pub fn table_states(server: &ParameterServer) -> Vec<TableState<'_>> {
    let tables = server.told_tables();
    tables
        .map(|(t, table, store)| {
            let rows = store.rows_there();
            TableState {
                table: &table.name,
                rows,
                waiting: store.rows_waiting(),
                too_early: store.gate().map_or(0, AdmissionGate::too_early),
                bytes: rows * (8 + 4 * store.stride() as u64),
                counts: store.lives().map(RowLives::counts),
                cuckoo: server.row_index(t).map(RowIndex::state),
            }
        })
        .collect()
}

/// Watches a run without changing it.
pub trait Observer {
    /// Receives every record, in order.
    fn observe(&mut self, record: &Record<'_>);

    /// Whether it needs [`Record::Activity`] and [`Record::Service`].
    fn wants_timeline(&self) -> bool {
        false
    }

    /// Whether it needs [`Finished::gradient_norm`], which costs a pass over every gradient.
    fn wants_gradient_norms(&self) -> bool {
        false
    }
}

/// An observer that ignores all records.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
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
