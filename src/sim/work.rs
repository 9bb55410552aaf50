//! The work of a run: a real training job, or its traffic only.

use super::training::Training;
use crate::base::ShardId;
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::server::sharding::Load;

/// The traffic of a job without its gradients, for studies of timing only.
#[derive(Clone, Debug)]
pub struct NullWork {
    /// Examples per step.
    pub batch: u64,
    /// The load of each shard in a pull or push.
    pub loads: Vec<Load>,
}

/// A training job with true gradients, or its timing only.
#[derive(Debug)]
pub enum Work {
    /// Real gradients.
    Training(Box<Training>),
    /// No gradients.
    Null(NullWork),
}

crate::persist!(NullWork { batch: fixed, loads: fixed });

impl Persist for Work {
    fn save(&self, out: &mut Saver<'_>) {
        match self {
            Work::Training(training) => training.save(out),
            Work::Null(null) => null.save(out),
        }
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        match self {
            Work::Training(training) => training.load(from),
            Work::Null(null) => null.load(from),
        }
    }
}

impl Work {
    /// By shard, whether it holds dense parameters only.
    pub fn dense_alone(&self) -> Vec<bool> {
        match self {
            Work::Training(training) => {
                let server = training.server();
                let (sharding, tables) = (server.sharding(), &server.layout().tables);
                let alone = |s| tables.is_empty() || !sharding.holds_rows(ShardId(s));
                (0..sharding.shards()).map(alone).collect()
            }
            Work::Null(null) => null.loads.iter().map(|load| load.rows == 0).collect(),
        }
    }

    /// By shard, whether it holds nothing.
    pub fn empty(&self) -> Vec<bool> {
        match self {
            Work::Training(training) => {
                let (layout, sharding) = (training.server().layout(), training.server().sharding());
                let mut empty = vec![true; sharding.shards() as usize];
                for block in 0..layout.dense.len() {
                    empty[sharding.of_block(block).index()] = false;
                }
                for block in 0..layout.moving.len() {
                    empty[sharding.of_moving(block).index()] &= layout.stays_with_workers(block);
                }
                for table in &layout.tables {
                    (0..table.rows)
                        .for_each(|id| empty[sharding.of_row(table.space, id).index()] = false);
                }
                empty
            }
            Work::Null(null) => null.loads.iter().map(|load| *load == Load::default()).collect(),
        }
    }

    /// The training job, if there is one.
    pub fn training(&self) -> Option<&Training> {
        match self {
            Work::Training(training) => Some(training),
            Work::Null(_) => None,
        }
    }

    /// The training job, for writing, if there is one.
    pub fn training_mut(&mut self) -> Option<&mut Training> {
        match self {
            Work::Training(training) => Some(training),
            Work::Null(_) => None,
        }
    }
}
