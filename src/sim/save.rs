//! How the simulated job saves a checkpoint: who is held up meanwhile, how long it takes, and at
//! which instant each piece of it is copied.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::training_clock::Elapsed;
use crate::base::{Bandwidth, ShardId, SimSpan, SimTime, WorkerId};
use crate::data::order::Position;
use crate::server::tensors::ABSENT;
use crate::server::{Content, ParameterServer, Piece, Tensor, Unit, Values};

/// How a checkpoint is saved. By default at one instant and in no time, as no real system does.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Save {
    /// What becomes of the workers meanwhile.
    pub policy: SavePolicy,
    /// For how long a barrier waits for workers that are in a step.
    pub timeout: SimSpan,
    /// Who saves.
    pub by: SavedBy,
    /// Time that a shard takes, whatever its size.
    pub takes: SimSpan,
    /// Rate at which a shard writes; infinite if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Bandwidth>,
    /// Which shards write at the same time.
    pub shards: SavedShards,
    /// What is copied at one instant: just before it is written.
    pub unit: Unit,
    /// Slots and counters are copied before weights. A row that is updated for the first time
    /// between the two has weights in the checkpoint, and no slots.
    pub slots_first: bool,
}

/// What becomes of the workers while a checkpoint is saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SavePolicy {
    /// Nothing: saving takes no time.
    #[default]
    Instant,
    /// They finish the step that they are in, and begin none until everything is saved. Nothing is
    /// saved before all have finished.
    Quiesce,
    /// As `quiesce`, but those that have not finished within `timeout` are not waited for: their
    /// pushes arrive while shards are saved.
    Barrier,
    /// They go on as ever, and push while shards are saved.
    Live,
}

/// Who saves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SavedBy {
    /// The servers, as soon as it is due.
    #[default]
    Servers,
    /// The chief, which is the first worker that is there: between two of its steps, and it begins
    /// none until everything is saved.
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
pub enum SaveFor {
    /// The parameters are the best so far.
    Best,
    /// It is due after so many updates.
    Update(u64),
    /// The job ends.
    #[default]
    Last,
    /// The job restarts.
    Restart,
}

/// A save that is over: what it took, and how far its pieces are apart.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SaveReport {
    /// What it was for.
    pub what: SaveFor,
    /// When it was due.
    pub due: SimTime,
    /// When the first piece was copied.
    pub begun: SimTime,
    /// When everything was written.
    pub ended: SimTime,
    /// Updates of the job when it was due, when the first piece was copied, and when everything was
    /// written.
    pub updates: [u64; 3],
    /// Workers held up when the first piece was copied.
    pub held: u64,
    /// Steps in flight then that had not come to rest.
    pub not_held: u64,
    /// Largest number of updates of a shard between the first instant and the copy of one of its
    /// pieces.
    pub skew: u64,
    /// Rows that have weights and no slots, slot by slot.
    pub rows_without_slots: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What was saved.
#[derive(Clone, Debug)]
pub struct Saved {
    /// How it came about.
    pub report: SaveReport,
    /// What was saved; nothing for timing alone.
    pub copy: Option<Copied>,
}

/// A copy of the servers, made piece by piece, and the place of the job when it began.
#[derive(Clone, Debug)]
pub struct Copied {
    /// What the servers held, each piece at its instant.
    pub content: Content,
    /// Moving statistics as they are exported.
    pub moving: Vec<f32>,
    /// Clocks.
    pub elapsed: Elapsed,
    /// Place in the stream of examples.
    pub position: Position,
    /// By slot and counter, by its name in the file: rows that had been updated when it was copied;
    /// of a table's weights likewise.
    pub(super) updated: Vec<(String, Vec<u32>)>,
}

/// One piece, and when it is copied.
#[derive(Clone, PartialEq, Debug)]
pub struct Timed {
    /// The piece.
    pub piece: Piece,
    /// Counted from the beginning of the save.
    pub after: SimSpan,
}

impl Save {
    /// Whether nothing is said about it.
    pub fn is_default(&self) -> bool {
        *self == Save::default()
    }

    /// Whether it is over in the instant in which it begins, and stops nobody.
    pub fn is_instant(&self) -> bool {
        self.policy == SavePolicy::Instant
    }

    /// Whether workers are kept from beginning a step.
    pub(super) fn gathers(&self) -> bool {
        matches!(self.policy, SavePolicy::Quiesce | SavePolicy::Barrier)
    }

    /// When each piece is copied, and when the last is written; both counted from the beginning.
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
                let at_once = self.unit == Unit::Job;
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

impl SaveReport {
    /// Of a save that is due now and has not begun.
    pub(super) fn new(what: SaveFor, due: SimTime, updates: u64) -> SaveReport {
        let (begun, ended) = (due, due);
        SaveReport { what, due, begun, ended, updates: [updates; 3], ..SaveReport::default() }
    }
}

impl SaveFor {
    /// The name of its file, without an ending.
    pub fn name(self) -> String {
        match self {
            SaveFor::Best => "best".to_owned(),
            SaveFor::Update(updates) => format!("update-{updates:09}"),
            SaveFor::Last => "last".to_owned(),
            SaveFor::Restart => "restart".to_owned(),
        }
    }
}

impl Copied {
    /// Rows whose weights were copied after their first update and whose slot before it, slot by
    /// slot.
    pub(super) fn rows_without(&self) -> Vec<(&str, Vec<u32>)> {
        let of = |name: &str| self.updated.iter().find(|(other, _)| other == name);
        let without = |(name, slot): &'_ (String, Vec<u32>)| {
            let (table, _) = name.rsplit_once('/')?;
            let (_, weights) = of(table)?;
            let lacks = |id: &&u32| slot.binary_search(id).is_err();
            let rows: Vec<u32> = weights.iter().filter(lacks).copied().collect();
            (!rows.is_empty()).then_some(rows)
        };
        self.updated.iter().filter_map(|pair| Some((pair.0.as_str(), without(pair)?))).collect()
    }

    /// The checkpoint, for the server that it is a copy of.
    pub fn checkpoint(&self, server: &ParameterServer) -> Checkpoint {
        let mut tensors = self.content.tensors(server.layout(), server.rules(), &self.moving);
        for (name, rows) in self.rows_without() {
            if !name.ends_with("/updates") {
                let tensor = Tensor { shape: vec![rows.len()], values: Values::U32(rows) };
                tensors.insert(format!("{name}{ABSENT}"), tensor);
            }
        }
        Checkpoint { tensors, elapsed: self.elapsed.clone(), position: self.position }
    }

    /// Notes which rows of a piece's tables had been updated by now.
    pub(super) fn note(&mut self, server: &ParameterServer, piece: &Piece) {
        for (name, table) in piece.tables() {
            let rows = server.updated_rows(piece.shard, table);
            match self.updated.iter_mut().find(|(other, _)| other == name) {
                Some((_, all)) => {
                    all.extend(rows);
                    all.sort_unstable();
                }
                None => self.updated.push((name.to_owned(), rows)),
            }
        }
    }
}

crate::persist!(SaveReport {
    what: state,
    due: state,
    begun: state,
    ended: state,
    updates: each,
    held: state,
    not_held: state,
    skew: state,
    rows_without_slots: state,
    bytes: state
});
crate::persist_plain!(SaveFor);

crate::persist!(Copied {
    content: state,
    moving: state,
    elapsed: state,
    position: state,
    updated: state
});

/// What is kept of who waits while a save goes on.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Held {
    /// Workers that would begin a step, and in which life of theirs.
    pub asks: Vec<(WorkerId, u32)>,
    /// Workers that the protocol has let begin one, and the shard that they may read, if it is not
    /// all of them.
    pub grants: Vec<(WorkerId, u32, Option<ShardId>)>,
    /// Workers that would read ahead.
    pub ahead: Vec<(WorkerId, u32)>,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::Streams;
    use crate::optimizer::{Optimizer, OptimizerChoice};
    use crate::params::{Init, Layout};
    use crate::server::Sharding;

    fn server(shards: u32) -> ParameterServer {
        let mut layout = Layout::default();
        layout.table("item", 0, 100, 4, Init::Normal(1.0));
        layout.block("out", "weight", (2, 1), Init::Normal(1.0));
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
        let save = Save { unit: Unit::Job, ..save };
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
            unit: Unit::Shard,
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
    fn rows_first_updated_between_slots_and_weights_lack_slots() {
        let server = server(1);
        let copied = Copied {
            content: server.content().clone(),
            moving: Vec::new(),
            elapsed: Elapsed::default(),
            position: Position::default(),
            updated: vec![
                ("item/m".into(), vec![1, 2]),
                ("item/v".into(), vec![1, 2, 5]),
                ("item".into(), vec![1, 2, 5]),
            ],
        };
        assert_eq!(copied.rows_without(), [("item/m", vec![5])]);
        let tensors = copied.checkpoint(&server).tensors;
        assert_eq!(tensors["item/m/absent"].values, Values::U32(vec![5]));
        assert!(!tensors.contains_key("item/v/absent"));
    }
}
