//! Plain training without a cluster: pull, differentiate, apply.

use straggler::base::ShardId;
use straggler::data::{Batch, DataSource};
use straggler::model::Workspace;
use straggler::params::view::rows_len;
use straggler::params::{Gradient, Locator, Lookups, View};
use straggler::server::{ParameterServer, PullBuffers, UpdateContext};

use super::Workload;

/// What sequential training keeps from step to step.
pub(crate) struct Step {
    server: ParameterServer,
    locator: Locator,
    batch: Batch,
    lookups: Lookups,
    dense: Vec<f32>,
    rows: Vec<f32>,
    workspace: Workspace,
    pub(crate) gradient: Gradient,
    /// Batches read and updates made.
    read: u64,
    done: u64,
}

impl Step {
    pub(crate) fn new(work: &Workload) -> Step {
        Step {
            server: super::server(work, 1),
            locator: Locator::for_layout(work.log.schema(), work.model.layout()),
            batch: Batch::default(),
            lookups: Lookups::default(),
            dense: vec![0.0; work.model.layout().dense_len()],
            rows: Vec::new(),
            workspace: Workspace::default(),
            gradient: Gradient::default(),
            read: 0,
            done: 0,
        }
    }

    /// Reads the next batch and finds its distinct rows.
    pub(crate) fn find(&mut self, work: &Workload) {
        let first = self.read * work.batch as u64;
        self.read += 1;
        let ids: Vec<u64> = (first..first + work.batch as u64).collect();
        work.log.read(&ids, &mut self.batch);
        self.locator.locate(&self.batch, &mut self.lookups);
    }

    pub(crate) fn pull(&mut self, work: &Workload) {
        self.find(work);
        self.rows.resize(rows_len(work.model.layout(), &self.lookups), 0.0);
        self.server.pull(PullBuffers {
            shard: ShardId(0),
            lookups: &self.lookups,
            dense: &mut self.dense,
            moving: &mut [],
            rows: &mut self.rows,
            row_updates: &mut [],
        });
    }

    pub(crate) fn differentiate(&mut self, work: &Workload) {
        let view =
            View { dense: &self.dense, moving: &[], rows: &self.rows, lookups: &self.lookups };
        work.model.gradient(view, &self.batch, &mut self.workspace, &mut self.gradient);
    }

    pub(crate) fn apply(&mut self) {
        self.done += 1;
        let context = UpdateContext {
            dense_rate: super::RATE as f32,
            sparse_rate: super::RATE as f32,
            version: self.done,
            ..UpdateContext::default()
        };
        let shard = ShardId(0);
        self.server.apply(shard, &self.lookups, &self.gradient, context).expect("a finite update");
    }
}
