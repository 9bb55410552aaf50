//! Half rows: rows of a checkpoint whose parts were copied at different moments, with an update, an
//! admission or an eviction of the row in between.

use crate::server::{ParameterServer, Piece};

/// Rows of a checkpoint, by what does not fit together. A row may be of several kinds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HalfRows {
    /// Its weights were copied before it was there, and some slot when it was.
    pub without_weights: u64,
    /// Its weights have an update that some slot lacks.
    pub weights_newer: u64,
    /// Some slot has an update that its weights lack.
    pub slots_newer: u64,
    /// Two of its slots belong to different updates.
    pub slots_apart: u64,
    /// Its counter of updates and its weights belong to different updates.
    pub counters_apart: u64,
    /// Its count of admission says that it is admitted, and its weights were copied when it was not,
    /// or the reverse.
    pub admission_apart: u64,
    /// It was evicted between the copies of two of its parts.
    pub evicted_between: u64,
}

/// What a row had gone through when a part of it was copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct RowAge {
    /// Updates.
    pub updates: u32,
    /// Evictions.
    pub evictions: u32,
    /// Whether it was there: it had been updated, and was not evicted.
    pub is_there: bool,
    /// Whether it was admitted.
    pub is_admitted: bool,
}

/// The ages of all rows of a table when one of its tensors was copied.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct CopiedPart {
    /// The name of the tensor.
    pub name: String,
    /// By row.
    pub rows: Vec<RowAge>,
}

/// The parts of one table, as they were copied.
struct Parts<'a> {
    weights: Option<&'a [RowAge]>,
    slots: Vec<(String, &'a [RowAge])>,
    counters: Option<&'a [RowAge]>,
    seen: Option<&'a [RowAge]>,
}

/// Notes the ages of a piece's rows at this moment.
pub(super) fn note(parts: &mut Vec<CopiedPart>, server: &ParameterServer, piece: &Piece) {
    for (name, table) in piece.tables() {
        let store = server.table(table);
        let at = parts.iter().position(|part| part.name == name).unwrap_or_else(|| {
            let rows = vec![RowAge::default(); store.rows() as usize];
            parts.push(CopiedPart { name: name.to_owned(), rows });
            parts.len() - 1
        });
        for id in server.rows_on(piece.shard, table) {
            let updates = store.updates(id);
            parts[at].rows[id as usize] = RowAge {
                updates,
                evictions: store.lives().map_or(0, |lives| lives.evictions(id)),
                is_there: updates > 0 && store.is_there(id),
                is_admitted: store.is_admitted(id),
            };
        }
    }
}

/// The parts of each table.
fn by_table<'a>(
    parts: &'a [CopiedPart],
    server: &'a ParameterServer,
) -> impl Iterator<Item = Parts<'a>> {
    server.layout().tables.iter().map(|table| {
        let of = |name: &str| {
            let part = parts.iter().find(|part| part.name == name)?;
            Some(&part.rows[..])
        };
        let slots = server.rules().1.slots().iter();
        let names = slots.map(|slot| format!("{}/{}", table.name, slot.name));
        Parts {
            weights: of(&table.name),
            slots: names.filter_map(|name| of(&name).map(|rows| (name, rows))).collect(),
            counters: of(&format!("{}/updates", table.name)),
            seen: of(&format!("{}/seen", table.name)),
        }
    })
}

impl Parts<'_> {
    fn rows(&self) -> usize {
        self.weights.map_or(0, <[RowAge]>::len)
    }

    /// Whether the row lacks this slot: it was there when its weights or another slot were copied.
    fn lacks(&self, id: usize, slot: &[RowAge]) -> bool {
        let weights = self.weights.is_some_and(|rows| rows[id].is_there);
        !slot[id].is_there && (weights || self.slots.iter().any(|(_, rows)| rows[id].is_there))
    }

    fn count(&self, id: usize, found: &mut HalfRows) {
        let Some(weights) = self.weights.map(|rows| rows[id]) else { return };
        let of = |rows: Option<&[RowAge]>| rows.map(|rows| rows[id]);
        let slots = || self.slots.iter().map(|(_, rows)| rows[id]);
        let first = slots().next();
        let others = slots().chain(of(self.counters)).chain(of(self.seen));
        let kinds = [
            (&mut found.without_weights, !weights.is_there && slots().any(|slot| slot.is_there)),
            (&mut found.weights_newer, slots().any(|slot| slot.updates < weights.updates)),
            (&mut found.slots_newer, slots().any(|slot| slot.updates > weights.updates)),
            (
                &mut found.slots_apart,
                slots().any(|slot| first.is_some_and(|first| first.updates != slot.updates)),
            ),
            (
                &mut found.counters_apart,
                of(self.counters).is_some_and(|counter| counter.updates != weights.updates),
            ),
            (
                &mut found.admission_apart,
                of(self.seen).is_some_and(|seen| seen.is_admitted != weights.is_admitted),
            ),
            (
                &mut found.evicted_between,
                others.into_iter().any(|part| part.evictions != weights.evictions),
            ),
        ];
        kinds.into_iter().for_each(|(count, is_one)| *count += u64::from(is_one));
    }
}

/// How many rows are halves, by kind.
pub(super) fn count(parts: &[CopiedPart], server: &ParameterServer) -> HalfRows {
    let mut found = HalfRows::default();
    for table in by_table(parts, server) {
        (0..table.rows()).for_each(|id| table.count(id, &mut found));
    }
    found
}

/// The rows that lack a slot, by the slot's name in the file.
pub(super) fn without_slots(
    parts: &[CopiedPart],
    server: &ParameterServer,
) -> Vec<(String, Vec<u32>)> {
    let mut found = Vec::new();
    for table in by_table(parts, server) {
        for (name, slot) in &table.slots {
            let lacks = |id: &u32| table.lacks(*id as usize, slot);
            let rows: Vec<u32> = (0..table.rows() as u32).filter(lacks).collect();
            if !rows.is_empty() {
                found.push((name.clone(), rows));
            }
        }
    }
    found
}

crate::persist!(HalfRows {
    without_weights: state,
    weights_newer: state,
    slots_newer: state,
    slots_apart: state,
    counters_apart: state,
    admission_apart: state,
    evicted_between: state
});
crate::persist!(RowAge { updates: state, evictions: state, is_there: state, is_admitted: state });
crate::persist!(CopiedPart { name: state, rows: state });

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::base::{ShardId, Streams};
    use crate::optimizer::{Optimizer, OptimizerChoice};
    use crate::params::{Gradient, Init, Layout, Lookups};
    use crate::server::eviction::{Eviction, EvictionRule, Looks, age};
    use crate::server::{Admission, CopyUnit, Sharding, UpdateContext};

    fn server(admission: Option<Admission>, eviction: Option<Eviction>) -> ParameterServer {
        let mut layout = Layout::default();
        layout.add_table("item", 0, 8, 2, Init::Normal(1.0));
        let keys = serde_json::json!({"kind": "adam"});
        let rule: Arc<dyn Optimizer> =
            serde_json::from_value::<OptimizerChoice>(keys).unwrap().build();
        let sharding = Sharding::new(&layout, 2);
        ParameterServer::new(Arc::new(layout), sharding, rule.clone(), rule, Streams::new(1))
            .with_admission(admission)
            .with_eviction(eviction)
    }

    fn push(server: &mut ParameterServer, id: u32, version: u64) {
        let lookups = Lookups { ids: vec![vec![id]], ..Lookups::default() };
        let gradient = Gradient { rows: vec![0.25; 2], ..Gradient::default() };
        let context = UpdateContext { sparse_rate: 0.1, version, ..UpdateContext::default() };
        (0..2).for_each(|shard| {
            server.apply(ShardId(shard), &lookups, &gradient, context).unwrap();
        });
    }

    /// Copies all pieces in their order, one push before each, of the rows of `pushes` in turn.
    fn copied(
        server: &mut ParameterServer,
        slots_first: bool,
        pushes: &[Option<u32>],
    ) -> Vec<CopiedPart> {
        let mut parts = Vec::new();
        let mut pieces = server.pieces(CopyUnit::Tensor, slots_first);
        let longest = pieces.iter().map(Vec::len).max().unwrap_or(0);
        for turn in 0..longest {
            if let Some(id) = pushes.get(turn).copied().flatten() {
                push(server, id, 2 + turn as u64);
            }
            for own in &mut pieces {
                if let Some(piece) = own.get(turn) {
                    note(&mut parts, server, piece);
                }
            }
        }
        parts
    }

    #[test]
    fn the_kind_follows_from_the_order_of_tensors() {
        // Weights, first moments, counters, second moments: a push between two of them.
        let of = |slots_first, turn: usize| {
            let mut server = server(None, None);
            push(&mut server, 3, 1);
            let mut pushes = vec![None; turn];
            pushes.push(Some(3));
            let parts = copied(&mut server, slots_first, &pushes);
            assert!(without_slots(&parts, &server).is_empty(), "it was there before");
            count(&parts, &server)
        };
        let none = HalfRows::default();
        assert_eq!(of(false, 0), none, "before everything");
        assert_eq!(of(false, 1), HalfRows { slots_newer: 1, counters_apart: 1, ..none });
        let apart = HalfRows { slots_newer: 1, slots_apart: 1, ..none };
        assert_eq!(of(false, 2), HalfRows { counters_apart: 1, ..apart });
        assert_eq!(of(false, 3), apart);
        // First moments, counters, second moments, weights.
        let apart = HalfRows { weights_newer: 1, slots_apart: 1, ..none };
        assert_eq!(of(true, 1), HalfRows { counters_apart: 0, ..apart });
        assert_eq!(of(true, 2), HalfRows { counters_apart: 1, ..apart });
        assert_eq!(of(true, 3), HalfRows { weights_newer: 1, counters_apart: 1, ..none });
    }

    #[test]
    fn a_row_may_be_in_one_tensor_only() {
        for (slots_first, turn, lacking, without_weights) in [
            (false, 1, vec![], 1),
            (false, 3, vec!["item/m"], 1),
            (true, 3, vec!["item/m", "item/v"], 0),
            (true, 1, vec!["item/m"], 0),
        ] {
            let mut server = server(None, None);
            let mut pushes = vec![None; turn];
            pushes.push(Some(5));
            let parts = copied(&mut server, slots_first, &pushes);
            let expected: Vec<(String, Vec<u32>)> =
                lacking.into_iter().map(|name: &str| (name.to_owned(), vec![5])).collect();
            assert_eq!(without_slots(&parts, &server), expected);
            let found = count(&parts, &server);
            assert_eq!(found.without_weights, without_weights, "{slots_first} {turn}");
        }
    }

    #[test]
    fn admission_and_eviction_between_two_copies_are_kinds_of_their_own() {
        let mut gated = server(Some(Admission { after: 2, ..Admission::default() }), None);
        push(&mut gated, 3, 1);
        // Weights, first moments, counts of admission: it is admitted before these.
        let parts = copied(&mut gated, false, &[None, None, Some(3)]);
        let found = count(&parts, &gated);
        assert_eq!(found, HalfRows { admission_apart: 1, ..HalfRows::default() });
        let after = crate::optimizer::Horizon::Updates(1);
        let rule = EvictionRule::Age(age::Config { after, ..age::Config::default() });
        let every = Some(Looks::Save);
        let mut server = server(None, Some(Eviction { rule, every, ..Eviction::default() }));
        push(&mut server, 3, 1);
        let pieces = server.pieces(CopyUnit::Tensor, false);
        let mut parts = Vec::new();
        for own in &pieces {
            note(&mut parts, &server, &own[0]);
        }
        let now = crate::optimizer::Moment { updates: 9, ..crate::optimizer::Moment::default() };
        server.evict_for_save(now);
        pieces.iter().flat_map(|own| &own[1..]).for_each(|piece| note(&mut parts, &server, piece));
        let found = count(&parts, &server);
        let lacking = without_slots(&parts, &server).into_iter().map(|(_, rows)| rows);
        assert_eq!(
            (found.evicted_between, lacking.collect::<Vec<_>>()),
            (1, vec![vec![3], vec![3]])
        );
    }

    proptest! {
        /// Kinds are counted once per row, and never without a push between two copies.
        #[test]
        fn rows_at_rest_are_whole(
            before in prop::collection::vec(0u32..8, 0..9),
            during in prop::collection::vec(prop::option::of(0u32..8), 4..5),
            slots_first: bool,
        ) {
            let mut server = server(None, None);
            (1..).zip(&before).for_each(|(version, id)| push(&mut server, *id, version));
            let parts = copied(&mut server, slots_first, &during);
            let moved: std::collections::BTreeSet<u32> =
                during[1..].iter().flatten().copied().collect();
            let found = count(&parts, &server);
            let most = moved.len() as u64;
            for one in [
                found.without_weights, found.weights_newer, found.slots_newer, found.slots_apart,
                found.counters_apart,
            ] {
                prop_assert!(one <= most);
            }
            // A push after the first copy parts it from the last one.
            prop_assert_eq!(found.weights_newer.max(found.slots_newer), most);
            prop_assert!(slots_first || found.weights_newer == 0);
            prop_assert!(!slots_first || found.slots_newer == 0);
            for (_, rows) in without_slots(&parts, &server) {
                prop_assert!(rows.iter().all(|id| moved.contains(id)));
            }
        }
    }
}
