//! What a worker computes with if a shard has failed: the values of its step before, or zeros.

use std::collections::BTreeMap;

use super::cargo::{Cargo, CargoStage};
use super::step_data::StepData;
use super::training::Training;
use crate::base::ShardId;
use crate::cluster::shard_failures::StandIn;
use crate::params::view::row_range;

impl Training {
    /// The same, but workers keep the view of their last step if `keeps` says so.
    pub fn keeping_views(mut self, keeps: bool) -> Training {
        self.keeps_views = keeps;
        self
    }

    /// Fills the part of a failed shard in the step's view. Moving statistics that the worker does
    /// not have are the shard's.
    ///
    /// # Panics
    /// If the view is complete already: a bug of the engine.
    pub(super) fn stand_in(&self, cargo: &mut Cargo, shard: ShardId, reads: StandIn) {
        let CargoStage::Filling { step, .. } = &mut cargo.stage else {
            panic!("a shard was read twice")
        };
        let kept = self.kept.get(cargo.worker.index()).and_then(Option::as_deref);
        let kept = kept.filter(|_| reads == StandIn::Last);
        let (layout, sharding) = (self.server.layout(), self.server.sharding());
        let StepData { lookups, dense, moving, rows, row_updates, carried, .. } = step.as_mut();
        if self.server.carries_slots() {
            self.server.carry(shard, lookups, carried);
        }
        for (_, block) in sharding.dense_blocks(layout, shard) {
            match kept {
                Some(kept) => {
                    dense[block.range()].copy_from_slice(&kept.dense[block.range()]);
                    if let Some(then) = kept.carried.dense.get(block.range()) {
                        carried.dense[block.range()].copy_from_slice(then);
                    }
                }
                None => dense[block.range()].fill(0.0),
            }
        }
        let statistics = kept.map_or(self.server.moving(), |kept| &kept.moving);
        for (_, block) in sharding.moving_blocks(layout, shard) {
            moving[block.range()].copy_from_slice(&statistics[block.range()]);
        }
        for (t, table) in layout.tables.iter().enumerate() {
            let into = &mut rows[row_range(layout, lookups, t)];
            let ids = &lookups.ids[table.space];
            let known = kept.map(|kept| {
                let places = kept.lookups.ids[table.space].iter().copied().zip(0usize..);
                let values = &kept.rows[row_range(layout, &kept.lookups, t)];
                (places.collect::<BTreeMap<u32, usize>>(), values)
            });
            for at in sharding.held(lookups, table.space, shard) {
                let at = at as usize;
                let row = &mut into[at * table.dim..(at + 1) * table.dim];
                let then = known.as_ref().and_then(|(places, values)| {
                    let place = places.get(&ids[at])?;
                    values.get(place * table.dim..(place + 1) * table.dim)
                });
                match then {
                    Some(then) => row.copy_from_slice(then),
                    None => row.fill(0.0),
                }
            }
        }
        if !row_updates.is_empty() {
            self.server.row_updates(Some(shard), lookups, row_updates);
        }
    }
}
