//! What a parameter server holds: weights, slots, counters and moving statistics. A checkpoint is a
//! copy of it. A restart takes over some of it and leaves the rest as in a new job.

use super::admission::Admission;
use super::dense::DenseStore;
use super::eviction::Eviction;
use super::selection::{Aspects, Selection};
use super::table::TableStore;
use crate::base::Streams;
use crate::optimizer::Optimizer;
use crate::params::Layout;

/// All that a server holds.
#[derive(Clone, Debug)]
pub struct Content {
    /// The dense group.
    pub dense: DenseStore,
    /// The non-trainable arena.
    pub moving: Vec<f32>,
    /// Embedding tables.
    pub tables: Vec<TableStore>,
    /// Updates so far, by table and shard: such a partition is one variable.
    pub partitions: Vec<Vec<u64>>,
}

impl Content {
    /// All parameters at their initial values, for the rules of dense blocks and of rows.
    pub fn new(
        layout: &Layout,
        shards: u32,
        rules: (&dyn Optimizer, &dyn Optimizer),
        streams: Streams,
    ) -> Content {
        let table = |(index, table)| TableStore::new(table, index, rules.1, streams);
        let mut moving = vec![0.0; layout.moving_len()];
        for block in &layout.moving {
            block.init.fill(streams, u64::MAX, 1, &mut moving[block.range()]);
        }
        Content {
            dense: DenseStore::new(layout, rules.0, streams),
            moving,
            tables: layout.tables.iter().enumerate().map(table).collect(),
            partitions: vec![vec![0; shards as usize]; layout.tables.len()],
        }
    }

    /// Marks all rows as not admitted, if `admission` is given.
    pub fn admit(&mut self, admission: Option<Admission>, streams: Streams) {
        let Some(admission) = admission else { return };
        let tables = self.tables.iter_mut().enumerate();
        tables.for_each(|(index, table)| table.admit(admission, index, streams));
    }

    /// Rows come and go from now on, if `eviction` is given, but for those of the tables that `fixed`
    /// names.
    pub fn let_rows_go(&mut self, eviction: Option<&Eviction>, fixed: &[bool]) {
        let fixed = fixed.iter().chain(std::iter::repeat(&false));
        for (table, fixed) in self.tables.iter_mut().zip(fixed) {
            if let Some(eviction) = eviction.filter(|_| !fixed) {
                table.let_rows_go(eviction);
            }
        }
    }

    /// Copies the chosen parts of the chosen blocks and tables from the content of a server with
    /// the same layout and rules.
    pub fn copy_from(&mut self, from: &Content, which: &Selection, what: Aspects) {
        for block in which.dense() {
            self.dense.copy_from(block, &from.dense, what);
        }
        for t in which.tables() {
            for id in 0..self.tables[t].rows() {
                self.tables[t].copy_from(id, &from.tables[t], what);
            }
            if what.counters {
                self.copy_partitions_from(t, &from.partitions[t]);
            }
        }
    }

    /// Copies the counters of a table. If `from` has another number of shards, each shard here
    /// continues from the largest counter.
    pub(super) fn copy_partitions_from(&mut self, table: usize, from: &[u64]) {
        let own = &mut self.partitions[table];
        if own.len() == from.len() {
            own.copy_from_slice(from);
        } else {
            own.fill(from.iter().copied().max().unwrap_or(0));
        }
    }

    /// Copies the non-trainable blocks of the chosen layers.
    pub fn copy_moving_from(&mut self, from: &[f32], layout: &Layout, which: &Selection) {
        for block in which.moving() {
            let range = layout.moving[block].range();
            self.moving[range.clone()].copy_from_slice(&from[range]);
        }
    }

    /// Multiplies all weights by `shrink` and adds `perturb` times those of `fresh` (Ash & Adams
    /// 2020, arXiv 1910.08475).
    pub fn shrink_and_perturb(&mut self, shrink: f64, perturb: f64, fresh: &Content) {
        let blend = |own: &mut [f32], fresh: &[f32]| {
            for (w, p) in own.iter_mut().zip(fresh) {
                *w = (shrink * f64::from(*w) + perturb * f64::from(*p)) as f32;
            }
        };
        blend(self.dense.weights_mut(), fresh.dense.weights());
        for (own, fresh) in self.tables.iter_mut().zip(&fresh.tables) {
            for id in 0..own.rows() {
                if own.is_admitted(id) {
                    blend(own.weights_mut(id), fresh.first(id));
                }
            }
        }
    }
}

crate::persist!(Content { dense: state, moving: sized, tables: each, partitions: sized });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::persist::{Persist, Saver};
    use crate::optimizer::{OptimizerChoice, Tick};
    use crate::params::Init;

    fn layout() -> Layout {
        let mut layout = Layout::default();
        layout.add_table("item", 0, 3, 2, Init::Normal(1.0));
        layout.add_block("mlp.0", "weight", (2, 2), Init::Normal(1.0));
        layout.add_block("out", "weight", (2, 1), Init::Normal(1.0));
        layout.add_moving_block("mlp.0", "mean", (1, 2), Init::Constant(0.5));
        layout
    }

    /// A content after a few updates, and a new one.
    fn contents() -> (Content, Content) {
        let keys = serde_json::json!({"kind": "adam"});
        let rule = serde_json::from_value::<OptimizerChoice>(keys).unwrap().build();
        let rules = (rule.as_ref(), rule.as_ref());
        let new = |seed| Content::new(&layout(), 1, rules, Streams::new(seed));
        let mut used = new(1);
        let tick = Tick { rate: 0.1, global: 1, ..Tick::default() };
        for _ in 0..3 {
            for block in 0..2 {
                used.dense.update(block, rule.as_ref(), &[0.5; 6], &[], tick);
            }
            used.tables[0].update(1, rule.as_ref(), &[0.5, 0.5], tick);
            used.partitions[0][0] += 1;
        }
        used.moving.fill(2.0);
        (used, new(2))
    }

    #[test]
    fn what_is_taken_over_is_what_was_chosen_and_nothing_else() {
        let (used, fresh) = contents();
        let layout = layout();
        let last = Selection::of(&layout, &["last".to_owned()]).unwrap();
        let mut content = used.clone();
        content.copy_from(&fresh, &last, Aspects { weights: true, ..Aspects::default() });
        assert_eq!(content.dense.weights()[..4], used.dense.weights()[..4]);
        assert_eq!(content.dense.weights()[4..], fresh.dense.weights()[4..]);
        assert_eq!(content.dense.slots(1), used.dense.slots(1));
        let mut content = used.clone();
        content.copy_from(
            &fresh,
            &Selection::all(&layout),
            Aspects { slots: true, ..Aspects::default() },
        );
        assert_eq!(content.dense.weights(), used.dense.weights());
        assert!(content.dense.slots(0).iter().all(|&slot| slot == 0.0));
        assert_eq!(content.tables[0].weights(1), used.tables[0].weights(1));
        assert!(content.tables[0].row(1)[2..].iter().all(|&slot| slot == 0.0));
        assert_eq!((content.tables[0].updates(1), content.dense.updates()[0]), (3, 3));
    }

    #[test]
    fn forgotten_updates_are_not_counted_by_the_rule_and_seen_by_observers() {
        let (used, fresh) = contents();
        let mut content = used.clone();
        let counters = Aspects { counters: true, ..Aspects::default() };
        content.copy_from(&fresh, &Selection::all(&layout()), counters);
        assert_eq!(content.tables[0].updates(1), 3);
        assert_eq!(content.tables[0].counted(), [0, 0, 0]);
        assert_eq!((content.dense.updates()[0], content.partitions[0][0]), (0, 0));
        let mut next = fresh.clone();
        next.copy_from(&used, &Selection::all(&layout()), counters);
        assert_eq!(next.tables[0].counted(), [0, 3, 0]);
    }

    #[test]
    fn taking_everything_is_a_copy() {
        let (used, mut fresh) = contents();
        let layout = layout();
        fresh.copy_from(&used, &Selection::all(&layout), Aspects::ALL);
        fresh.copy_moving_from(&used.moving, &layout, &Selection::all(&layout));
        let bytes = |content: &Content| {
            let mut out = Saver::default();
            content.dense.save(&mut out);
            (content.moving.clone(), content.partitions.clone()).save(&mut out);
            (0..3).for_each(|id| content.tables[0].row(id).to_vec().save(&mut out));
            content.tables[0].counted().save(&mut out);
            out.into_bytes()
        };
        assert_eq!(bytes(&fresh), bytes(&used));
    }

    #[test]
    fn shrinking_to_nothing_and_perturbing_in_full_is_a_fresh_start() {
        let (used, fresh) = contents();
        let mut content = used.clone();
        content.shrink_and_perturb(0.0, 1.0, &fresh);
        assert_eq!(content.dense.weights(), fresh.dense.weights());
        assert_eq!(content.tables[0].weights(2), fresh.tables[0].weights(2));
        let mut content = used.clone();
        content.shrink_and_perturb(1.0, 0.0, &fresh);
        assert_eq!(content.dense.weights(), used.dense.weights());
    }
}
