//! Checkpoints of the simulated job: what it saves, and what another job starts from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::restart::{ClockAt, DataAt, InFlight, Kept, Restart, WorkersAt};
use super::session::TrainingSession;
use super::training::Training;
use super::training_clock::Elapsed;
use crate::base::{Streams, counted};
use crate::data::IdSpace;
use crate::data::order::Position;
use crate::server::renumber::{id_tensors, renumber};
use crate::server::tensors::ABSENT;
use crate::server::{RowPlaces, RowsFound, SpaceIds, TensorError, Tensors, UnknownName};

/// What happens to slots and counters that a checkpoint does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Missing")]
pub enum MissingState {
    /// The run is refused.
    #[default]
    Error,
    /// They have their initial values.
    First,
    /// Slots have unspecified content: any finite number, as in a system that does not initialise
    /// the slots of rows missing in its checkpoint. Counters have their initial values.
    Garbage,
}

/// What a job saves: parameters, slots, counters and moving statistics of its servers at one
/// instant, and the progress of the job.
#[derive(Clone, PartialEq, Debug)]
pub struct Checkpoint {
    /// The servers' content.
    pub tensors: Tensors,
    /// The clocks of schedules and update rules.
    pub elapsed: Elapsed,
    /// The position in the stream of examples; examples of gradients in flight are lost with them.
    pub position: Position,
}

/// Why a job cannot start from a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The job has no parameters: it simulates timing only.
    #[error("a run of timing alone has no parameters to start with")]
    NoModel,
    /// A tensor is missing or does not fit.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// Slots or counters are missing, and the scenario refuses that.
    #[error("it has no {}: {} of the optimizer's slots and counters are missing; `start.missing = \"first\"` begins them anew", names.join(", "), count)]
    Missing {
        /// The first of them.
        names: Vec<String>,
        /// How many are missing.
        count: usize,
    },
    /// Rows were copied without their slots.
    #[error(
        "the optimizer state of {} is missing, since it was copied before their first update: \
             `start.missing = \"first\"` begins it anew",
        counted(*count, "row", "rows")
    )]
    Rows {
        /// How many are missing.
        count: usize,
    },
    /// `reinit` names parameters that do not exist.
    #[error("`start.restart.reinit`: {0}")]
    Name(#[from] UnknownName),
    /// A restart cannot keep the workers' views: no checkpoint contains them.
    #[error(
        "`start.restart.{0}`: a checkpoint holds what the servers have, not what workers hold; \
         `straggler lab restart` can keep it"
    )]
    NotInCheckpoint(&'static str),
}

/// A table of rows, and the id space whose ids they belong to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowTable {
    /// Its name.
    pub name: String,
    /// Name of the id space.
    pub space: String,
}

/// How a job has started from a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StartReport {
    /// Names of slots and counters that the checkpoint does not have; they begin anew.
    pub missing: Vec<String>,
    /// How rows of tables were found.
    pub rows: RowPlaces,
}

/// The id spaces of the log, in order.
pub(super) fn spaces(training: &Training) -> Vec<SpaceIds<'_>> {
    let source = training.feed.source();
    let spaces = source.schema().spaces.iter().enumerate();
    spaces
        .map(|(s, IdSpace { name, .. })| SpaceIds {
            name,
            ids: source.ids(s),
            carried: source.carried(s),
        })
        .collect()
}

/// Rows whose slots the checkpoint lacks, counted slot by slot.
fn absent_rows(tensors: &Tensors) -> usize {
    let absent = tensors.iter().filter(|(name, _)| name.ends_with(ABSENT));
    absent.map(|(_, tensor)| tensor.shape.iter().product::<usize>()).sum()
}

impl TrainingSession {
    /// A checkpoint of this moment, when the shards have these versions; `None` for timing only.
    pub fn checkpoint(&self, versions: &[u64]) -> Option<Checkpoint> {
        let training = self.work.training()?;
        let server = training.server();
        let moving = training.exported_moving();
        let mut tensors = server.content().tensors(server.layout(), server.rules(), &moving);
        tensors.extend(id_tensors(spaces(training)));
        Some(Checkpoint {
            tensors,
            elapsed: training.elapsed(&self.progress, versions),
            position: training.feed.position(),
        })
    }

    /// The tables of its servers; none for timing only.
    pub fn row_tables(&self) -> Vec<RowTable> {
        let Some(training) = self.work.training() else { return Vec::new() };
        let spaces = &training.feed.source().schema().spaces;
        let tables = training.server().layout().tables.iter();
        let named = |table: &crate::params::Table| RowTable {
            name: table.name.clone(),
            space: spaces[table.space].name.clone(),
        };
        tables.map(named).collect()
    }

    /// A checkpoint is about to be saved: rows are evicted, if they are looked for at saves.
    pub fn prepare_save(&mut self) {
        if let Some(training) = self.work.training_mut() {
            training.serve_until(self.progress.now);
            let now = training.clock.now(&self.progress);
            training.server.evict_for_save(now);
            training.note_evictions(self.progress.now);
        }
    }

    /// Starts a job that has not begun from a checkpoint. `same_window` says whether its data are
    /// the same window of the same data as those of the checkpoint's job; if not, it makes a pass
    /// over its own window. Rows of tables are found by id, if the checkpoint lists its ids.
    ///
    /// # Errors
    /// [`StartError`]; the job cannot be used then.
    pub fn start_from(
        &mut self,
        checkpoint: &Checkpoint,
        (restart, absent, found): (&Restart, MissingState, RowsFound),
        same_window: bool,
        streams: Streams,
    ) -> Result<StartReport, StartError> {
        if restart.workers == WorkersAt::Keep {
            return Err(StartError::NotInCheckpoint("workers"));
        }
        if restart.in_flight != InFlight::Drop {
            return Err(StartError::NotInCheckpoint("in_flight"));
        }
        if restart.save.is_some() {
            return Err(StartError::NotInCheckpoint("save"));
        }
        let training = self.work.training_mut().ok_or(StartError::NoModel)?;
        let layout = training.server().layout().clone();
        let reinit = restart.selection(&layout)?;
        let first = training.server().first_content(streams);
        let shards = training.server().sharding().shards() as usize;
        let mut content = first;
        let rules = training.server().rules();
        let (tensors, rows) =
            renumber(&checkpoint.tensors, (&content, &layout), rules, &spaces(training), found)?;
        let missing = content.set_tensors(&layout, rules, &tensors)?;
        match absent {
            MissingState::Error if !missing.is_empty() => {
                let names = missing.iter().take(3).cloned().collect();
                return Err(StartError::Missing { names, count: missing.len() });
            }
            MissingState::Error if absent_rows(&tensors) > 0 => {
                return Err(StartError::Rows { count: absent_rows(&tensors) });
            }
            MissingState::Garbage => {
                content.spoil(&layout, rules, &missing, streams);
                content.spoil_rows(&layout, rules.1, &tensors, streams);
            }
            MissingState::Error | MissingState::First => {}
        }
        *training.server.content_mut() = content;
        training.forget_workers();
        if restart.clock == ClockAt::Continue {
            training.clock.continue_progress(&checkpoint.elapsed);
        }
        let lives_missing = missing.iter().any(|name| name.ends_with("/last_update"));
        if lives_missing || restart.clock == ClockAt::Reset {
            // Ages are counted by the clock of this job.
            let now = training.clock.now(&self.progress);
            training
                .server
                .content_mut()
                .tables
                .iter_mut()
                .for_each(|table| table.begin_lives_at(now));
        }
        training.server.begin_looks_at(training.clock.now(&self.progress));
        if restart.counters == Kept::Keep {
            training.clock.continue_versions(&checkpoint.elapsed, shards);
        }
        let Position { pass, .. } = checkpoint.position;
        training.feed.seek(match restart.data {
            DataAt::Replay => Position::default(),
            DataAt::Reshuffle => Position { pass, offset: 0 },
            DataAt::Continue if same_window => checkpoint.position,
            // A permutation that no earlier pass had.
            DataAt::Continue => Position { pass: pass + 1, offset: 0 },
        });
        training.begin_anew(restart, Some(&reinit), streams);
        training.clock.hold_down(&self.progress, restart.warm_up, restart.frozen);
        training.begin_serving();
        Ok(StartReport { missing, rows })
    }
}
