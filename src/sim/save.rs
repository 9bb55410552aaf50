//! How the simulated job saves a checkpoint: which workers wait meanwhile, how long it takes, and
//! at which instant each piece is copied.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Bandwidth, SimSpan};
use crate::server::{CopyUnit, ParameterServer, Piece};

/// How a checkpoint is saved. By default at one instant and in no time, unlike any real system.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Save {
    /// What the workers do meanwhile.
    pub policy: SavePolicy,
    /// How long a barrier waits for workers that are in a step.
    pub timeout: SimSpan,
    /// Which part of the job saves.
    pub by: SavedBy,
    /// Time that each shard takes, whatever its size.
    pub takes: SimSpan,
    /// Rate at which a shard writes; unlimited if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Bandwidth>,
    /// Which shards write at the same time.
    pub shards: SavedShards,
    /// The amount that is copied at one instant, just before it is written.
    pub unit: CopyUnit,
    /// Optimizer state (slots) and counters are copied before weights. A row that is updated for
    /// the first time between the two copies has weights in the checkpoint, and no slots.
    pub slots_first: bool,
}

/// What the workers do while a checkpoint is saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SavePolicy {
    /// They continue: saving takes no time.
    #[default]
    Instant,
    /// They finish their current step, and start none until everything is saved. Saving starts when
    /// all have finished.
    Quiesce,
    /// As `quiesce`, but saving does not wait longer than `timeout`: pushes of workers that have
    /// not finished arrive while shards are saved.
    Barrier,
    /// They continue as usual, and push while shards are saved.
    Live,
}

/// Which part of the job saves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SavedBy {
    /// The servers, as soon as it is due.
    #[default]
    Servers,
    /// The chief, which is the first present worker: between two of its steps, and it starts none
    /// until everything is saved.
    Chief,
}

/// Which shards write at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SavedShards {
    /// All of them.
    #[default]
    Together,
    /// One after the other.
    OneByOne,
}

/// Why a checkpoint is saved.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub enum SaveReason {
    /// The parameters are the best so far.
    Best,
    /// It is due after this many updates.
    Update(u64),
    /// The job ends.
    #[default]
    Last,
    /// The job restarts.
    Restart,
}

/// One piece, and the time when it is copied.
#[derive(Clone, PartialEq, Debug)]
pub struct Timed {
    /// The piece.
    pub piece: Piece,
    /// Time since the start of the save.
    pub after: SimSpan,
}

impl Save {
    /// Whether it has the default settings.
    pub fn is_default(&self) -> bool {
        *self == Save::default()
    }

    /// Whether it ends at the instant at which it starts, and no worker waits.
    pub fn is_instant(&self) -> bool {
        self.policy == SavePolicy::Instant
    }

    /// Whether workers must wait before they start a step.
    pub(super) fn stops_workers(&self) -> bool {
        matches!(self.policy, SavePolicy::Quiesce | SavePolicy::Barrier)
    }

    /// When each piece is copied, and when the last is written; both counted from the save's start.
    pub fn plan(&self, server: Option<&ParameterServer>) -> (Vec<Timed>, SimSpan) {
        let shards = match server {
            Some(server) => server.pieces(self.unit, self.slots_first),
            None => return (Vec::new(), self.takes),
        };
        let (mut plan, mut begins, mut ends) = (Vec::new(), SimSpan::ZERO, SimSpan::ZERO);
        for pieces in shards {
            let all: u64 = pieces.iter().map(|piece| piece.bytes).sum();
            let writing = self.bandwidth.map_or(SimSpan::ZERO, |rate| rate.time(all));
            let span = self.takes + writing;
            let mut before = 0;
            for piece in pieces {
                let share =
                    (u128::from(span.0) * u128::from(before) / u128::from(all.max(1))) as u64;
                let at_once = self.unit == CopyUnit::Job;
                let after = if at_once { SimSpan::ZERO } else { begins + SimSpan(share) };
                before += piece.bytes;
                plan.push(Timed { piece, after });
            }
            ends = ends.max(begins + span);
            if self.shards == SavedShards::OneByOne {
                begins += span;
            }
        }
        (plan, ends)
    }
}

impl SaveReason {
    /// The name of its file, without an extension.
    pub fn name(self) -> String {
        match self {
            SaveReason::Best => "best".to_owned(),
            SaveReason::Update(updates) => format!("update-{updates:09}"),
            SaveReason::Last => "last".to_owned(),
            SaveReason::Restart => "restart".to_owned(),
        }
    }
}

crate::persist_plain!(SaveReason);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::ShardId;
    use crate::base::Streams;
    use crate::data::order::Position;
    use crate::optimizer::{Optimizer, OptimizerChoice};
    use crate::params::{Init, Layout};
    use crate::server::Sharding;
    use crate::server::TensorValues;
    use crate::sim::copied::Copied;
    use crate::sim::half_rows::{CopiedPart, RowAge};
    use crate::sim::training_clock::Elapsed;

    fn server(shards: u32) -> ParameterServer {
        let mut layout = Layout::default();
        layout.add_table("item", 0, 100, 4, Init::Normal(1.0));
        layout.add_block("out", "weight", (2, 1), Init::Normal(1.0));
        let keys = serde_json::json!({"kind": "adam"});
        let rule: Arc<dyn Optimizer> =
            serde_json::from_value::<OptimizerChoice>(keys).unwrap().build();
        let sharding = Sharding::new(&layout, shards);
        ParameterServer::new(Arc::new(layout), sharding, rule.clone(), rule, Streams::new(1))
    }

    #[test]
    fn pieces_are_copied_in_proportion_to_what_was_written_before() {
        let server = server(1);
        let save =
            Save { policy: SavePolicy::Live, bandwidth: Some(Bandwidth(8_000)), ..Save::default() };
        // Table: 1600 bytes of weights, as many of either slot, 400 of counters; block: 8, 8, 8, 8.
        let (plan, ends) = save.plan(Some(&server));
        let at = |name: &str| {
            plan.iter().find(|timed| timed.piece.parts[0].name == name).unwrap().after.seconds()
        };
        assert_eq!(
            (at("item"), at("item/m"), at("item/updates"), at("item/v")),
            (0.0, 1.6, 3.2, 3.6)
        );
        assert_eq!((at("out.weight"), ends.seconds()), (5.2, 5.232));
        let save = Save { unit: CopyUnit::Job, ..save };
        let (plan, ends) = save.plan(Some(&server));
        assert!(plan.iter().all(|timed| timed.after == SimSpan::ZERO));
        assert_eq!(ends.seconds(), 5.232);
    }

    #[test]
    fn shards_write_together_or_one_by_one() {
        let server = server(3);
        let save = Save {
            policy: SavePolicy::Live,
            takes: SimSpan::from_seconds(2.0),
            unit: CopyUnit::Shard,
            ..Save::default()
        };
        let (plan, ends) = save.plan(Some(&server));
        assert!(plan.iter().all(|timed| timed.after == SimSpan::ZERO));
        assert_eq!(ends.seconds(), 2.0);
        let save = Save { shards: SavedShards::OneByOne, ..save };
        let (plan, ends) = save.plan(Some(&server));
        let after: Vec<f64> = plan.iter().map(|timed| timed.after.seconds()).collect();
        assert_eq!((after, ends.seconds()), (vec![0.0, 2.0, 4.0], 6.0));
        assert_eq!(plan[2].piece.shard, ShardId(2));
    }

    #[test]
    fn rows_first_updated_between_two_copies_lack_the_earlier_slot() {
        let server = server(1);
        // Slots first; then weights, first moments and second moments in this order.
        for (m, v, weights) in
            [(&[1, 2][..], &[1, 2, 5][..], &[1, 2, 5][..]), (&[1, 2], &[1, 2, 5], &[1])]
        {
            let part = |name: &str, updated: &[u32]| {
                let age = |id: u32| {
                    let is_there = updated.contains(&id);
                    RowAge { updates: u32::from(is_there), is_there, ..RowAge::default() }
                };
                CopiedPart { name: name.to_owned(), rows: (0..100).map(age).collect() }
            };
            let parts = vec![
                part("item/m", m),
                part("item/updates", m),
                part("item/v", v),
                part("item", weights),
            ];
            let copied = Copied {
                content: server.content().clone(),
                moving: Vec::new(),
                elapsed: Elapsed::default(),
                position: Position::default(),
                parts,
            };
            assert_eq!(copied.rows_without(&server), [("item/m".to_owned(), vec![5])]);
            let tensors = copied.checkpoint(&server).tensors;
            assert_eq!(tensors["item/m/absent"].values, TensorValues::U32(vec![5]));
            assert!(!tensors.contains_key("item/v/absent"));
        }
    }
}
