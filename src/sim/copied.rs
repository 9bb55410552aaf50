//! A copy of the servers, made piece by piece, and the report of how it was made.

use super::checkpoint::{Checkpoint, spaces};
use super::half_rows::{self, CopiedPart, HalfRows};
use super::save::SaveReason;
use super::session::TrainingSession;
use super::training_clock::Elapsed;
use crate::base::SimTime;
use crate::data::order::Position;
use crate::server::renumber::id_tensors;
use crate::server::tensors::ABSENT;
use crate::server::{Content, ParameterServer, Piece, Tensor, TensorValues};

/// A finished save: how long it took, and how far apart its pieces were copied.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SaveReport {
    /// Why it was made.
    pub what: SaveReason,
    /// When it was due.
    pub due: SimTime,
    /// When the first piece was copied.
    pub begun: SimTime,
    /// When all data were written.
    pub ended: SimTime,
    /// Updates of the job when the save was due, when the first piece was copied, and when all data
    /// were written.
    pub updates: [u64; 3],
    /// Workers that waited when the first piece was copied.
    pub held: u64,
    /// Steps in flight at that time that were not at rest.
    pub not_held: u64,
    /// Largest number of updates of a shard between the first instant and the copy of one of its
    /// pieces.
    pub skew: u64,
    /// Rows that lack a slot, slot by slot: their weights or another slot were
    /// copied after their first update, and it was copied before.
    pub rows_without_slots: u64,
    /// Rows whose parts do not fit together.
    pub half_rows: HalfRows,
    /// Bytes.
    pub bytes: u64,
}

/// The result of a save.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The report.
    pub report: SaveReport,
    /// The copy; `None` for timing only.
    pub copy: Option<Copied>,
}

/// A copy of the servers, made piece by piece, and the position of the job when it began.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The content of the servers, each piece at its own instant.
    pub content: Content,
    /// Moving statistics as they are exported.
    pub moving: Vec<f32>,
    /// The clocks of the job.
    pub elapsed: Elapsed,
    /// Position in the stream of examples.
    pub position: Position,
    /// What the rows had gone through when each tensor was copied, if each was copied on its own.
    pub(super) parts: Vec<CopiedPart>,
}

impl SaveReport {
    /// The report of a save that is due now and has not begun.
    pub(super) fn new(what: SaveReason, due: SimTime, updates: u64) -> SaveReport {
        let (begun, ended) = (due, due);
        SaveReport { what, due, begun, ended, updates: [updates; 3], ..SaveReport::default() }
    }
}

impl Copied {
    /// Rows of `server` whose slot was copied before their first update, and their weights or
    /// another slot after it, by the slot's name in the file.
    pub(super) fn rows_without(&self, server: &ParameterServer) -> Vec<(String, Vec<u32>)> {
        half_rows::without_slots(&self.parts, server)
    }

    /// Rows whose parts do not fit together.
    pub(super) fn half_rows(&self, server: &ParameterServer) -> HalfRows {
        half_rows::count(&self.parts, server)
    }

    /// The checkpoint, for the copied server.
    pub fn checkpoint(&self, server: &ParameterServer) -> Checkpoint {
        let mut tensors = self.content.tensors(server.layout(), server.rules(), &self.moving);
        for (name, rows) in self.rows_without(server) {
            let tensor = Tensor { shape: vec![rows.len()], values: TensorValues::U32(rows) };
            tensors.insert(format!("{name}{ABSENT}"), tensor);
        }
        Checkpoint { tensors, elapsed: self.elapsed.clone(), position: self.position }
    }

    /// Notes what the rows of a piece have gone through by now.
    pub(super) fn note(&mut self, server: &ParameterServer, piece: &Piece) {
        half_rows::note(&mut self.parts, server, piece);
    }
}

impl TrainingSession {
    /// The checkpoint of a copy that took simulated time; `None` for timing only.
    pub fn checkpoint_of(&self, copy: &Copied) -> Option<Checkpoint> {
        let training = self.work.training()?;
        let mut checkpoint = copy.checkpoint(training.server());
        checkpoint.tensors.extend(id_tensors(spaces(training)));
        Some(checkpoint)
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
    half_rows: state,
    bytes: state
});
crate::persist!(Copied {
    content: state,
    moving: state,
    elapsed: state,
    position: state,
    parts: state
});
