//! What a remedy is told, and what it may change.

use std::fmt::Debug;
use std::ops::Range;

use crate::base::{Persist, ShardId, WorkerId};
use crate::nn::kernels::amend::{Moved, RowGradients};

/// Part of a push that is about to become (part of) an update of a shard.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Arrival {
    /// The worker that sent the push.
    pub worker: WorkerId,
    /// Number of workers.
    pub workers: u32,
    /// The shard where it arrived.
    pub shard: ShardId,
    /// Version of the shard.
    pub version: u64,
    /// Versions of the shard applied since the worker read it.
    pub staleness: u64,
    /// Learning rate of dense parameters under the shard's current schedule.
    pub dense_rate: f32,
    /// Learning rate of rows under the shard's current schedule.
    pub sparse_rate: f32,
    /// Norm of the part that has arrived, in its current state; 0 unless [`Needs::norm`].
    pub norm: f64,
    /// Norm of its dense parameters alone; 0 unless [`Needs::dense_norm`].
    pub dense_norm: f64,
}

impl Arrival {
    /// A push that is as stale as those of `workers` machines of one speed.
    pub fn usual(workers: u32) -> Arrival {
        let staleness = u64::from(workers.saturating_sub(1));
        let (worker, shard) = (WorkerId(0), ShardId(0));
        let (dense_rate, sparse_rate, norm, dense_norm) = (0.0, 0.0, 0.0, 0.0);
        let version = staleness;
        Arrival {
            worker,
            workers,
            shard,
            version,
            staleness,
            dense_rate,
            sparse_rate,
            norm,
            dense_norm,
        }
    }
}

/// Chances that a worker transmits what it could transmit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Chances {
    /// Chance of a pull of dense parameters. Without the pull the worker goes on with those that it
    /// has.
    pub pull: f64,
    /// Chance of a push of their gradients. Without the push the shard applies the last ones that
    /// it had from the worker again.
    pub push: f64,
}

/// Where some parameters lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ParameterSet {
    /// A dense block, as a range of the dense arena. It counts as a single long row.
    Dense(Range<usize>),
    /// Rows of a table, by its index.
    Rows(usize),
}

/// Factors of a gradient and of the step made from it; 1 changes nothing.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Factors {
    /// On the gradient, before the optimizer's accumulators.
    pub gradient: f32,
    /// On the learning rate, after the accumulators.
    pub step: f32,
}

impl Factors {
    /// No change.
    pub const ONE: Factors = Factors { gradient: 1.0, step: 1.0 };
}

/// What a remedy needs to be given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    /// The parameters that the worker had read.
    pub view: bool,
    /// How often each row was updated since the worker read it.
    pub row_staleness: bool,
    /// [`Remedy::amend`] is to be called for dense blocks.
    pub dense: bool,
    /// [`Remedy::amend`] is to be called for rows.
    pub rows: bool,
    /// [`Remedy::stepped`] is to be called.
    pub steps: bool,
    /// [`Remedy::look_ahead`] is to be called.
    pub look_ahead: bool,
    /// The norm of what has arrived.
    pub norm: bool,
    /// The norm of its dense parameters.
    pub dense_norm: bool,
    /// The engine draws from [`Remedy::chances`] and keeps what workers pulled and pushed last.
    pub spares: bool,
}

impl Needs {
    /// The needs of both.
    pub fn and(self, other: Needs) -> Needs {
        Needs {
            view: self.view || other.view,
            row_staleness: self.row_staleness || other.row_staleness,
            dense: self.dense || other.dense,
            rows: self.rows || other.rows,
            steps: self.steps || other.steps,
            look_ahead: self.look_ahead || other.look_ahead,
            norm: self.norm || other.norm,
            dense_norm: self.dense_norm || other.dense_norm,
            spares: self.spares || other.spares,
        }
    }
}

/// Amends one arriving gradient or its step size; never discards one.
pub trait Remedy: Persist + Send + Debug {
    /// What the remedy needs to be given.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Takes an arrival into account, before [`amend`](Self::amend); returns factors for all of it.
    fn arrive(&mut self, _arrival: &Arrival) -> Factors {
        Factors::ONE
    }

    /// Factors of one row by its own staleness, in place of those of [`arrive`](Self::arrive).
    fn row(&self, _arrival: &Arrival, _staleness: u64) -> Option<Factors> {
        None
    }

    /// Changes the gradient of a dense block, or of all rows of a table that the shard holds,
    /// element by element. The parameters that the worker had read are there if [`Needs::view`].
    fn amend(
        &mut self,
        _arrival: &Arrival,
        _place: &ParameterSet,
        _gradients: &mut RowGradients<'_>,
    ) {
    }

    /// Takes into account how far an update has moved some parameters.
    fn stepped(&mut self, _place: &ParameterSet, _moved: Moved<'_>) {}

    /// Chances that a worker transmits the dense parameters of a shard that holds only these.
    fn chances(&self, _shard: ShardId) -> Chances {
        Chances { pull: 1.0, push: 1.0 }
    }

    /// Changes dense parameters that a worker pulls; `values` are those of the dense arena in
    /// `range`.
    fn look_ahead(&self, _rate: f32, _range: Range<usize>, _values: &mut [f32]) {}
}
