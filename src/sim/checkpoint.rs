//! Checkpoints of the simulated job: what it would save, and another job begins from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::restart::{ClockAt, DataAt, InFlight, Kept, Restart, WorkersAt};
use super::session::Session;
use super::training_clock::Elapsed;
use crate::base::Streams;
use crate::data::order::Position;
use crate::server::tensors::ABSENT;
use crate::server::{TensorError, Tensors, UnknownName};

/// What becomes of slots and counters that a checkpoint does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The run is refused.
    #[default]
    Error,
    /// They have their first values.
    First,
    /// Slots have whatever was in memory: any finite number, as in a system that does not
    /// initialise the slots of rows which its checkpoint lacks. Counters have their first values.
    Garbage,
}

/// What a job saves: parameters, slots, counters and moving statistics of its servers, as they are
/// at one instant, and how far it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Checkpoint {
    /// The servers' content.
    pub tensors: Tensors,
    /// The clocks of schedules and update rules.
    pub elapsed: Elapsed,
    /// The place in the stream of examples; gradients in flight are lost, and so are their examples.
    pub position: Position,
}

/// Why a job cannot begin from a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is nothing to start: timing alone.
    #[error("a run of timing alone has no parameters to start with")]
    NoModel,
    /// A tensor is missing or does not fit.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// Slots or counters are missing, and are not to be.
    #[error("it has no {}: {} of the optimizer's slots and counters are missing; `start.missing = \"first\"` begins them anew", names.join(", "), count)]
    Missing {
        /// The first of them.
        names: Vec<String>,
        /// How many there are.
        count: usize,
    },
    /// Rows were copied without their slots.
    #[error(
        "{count} slots of rows are missing, since they were copied before these rows' first update: \
             `start.missing = \"first\"` begins them anew"
    )]
    Rows {
        /// How many there are.
        count: usize,
    },
    /// Parameters that do not exist are to begin anew.
    #[error("`start.restart.reinit`: {0}")]
    Name(#[from] UnknownName),
    /// Workers' views are in no checkpoint.
    #[error(
        "`start.restart.{0}`: a checkpoint holds what the servers have, not what workers hold; \
         `straggler lab restart` can keep it"
    )]
    NotInCheckpoint(&'static str),
}

/// Rows that the checkpoint has without their slots, slot by slot.
fn absent_rows(tensors: &Tensors) -> usize {
    let absent = tensors.iter().filter(|(name, _)| name.ends_with(ABSENT));
    absent.map(|(_, tensor)| tensor.shape.iter().product::<usize>()).sum()
}

impl Session {
    /// A checkpoint of this moment, where the shards have these versions; `None` for timing alone.
    pub fn checkpoint(&self, versions: &[u64]) -> Option<Checkpoint> {
        let training = self.work.training()?;
        let server = training.server();
        let moving = training.exported_moving();
        Some(Checkpoint {
            tensors: server.content().tensors(server.layout(), server.rules(), &moving),
            elapsed: training.elapsed(&self.progress, versions),
            position: training.feed.position(),
        })
    }

    /// Lets a job that has not begun start from a checkpoint. `same_window` is whether it is fed the
    /// same window of the same data as the checkpoint's job: if it is not, what follows is a pass over
    /// its own window. Returns the names of slots and counters
    /// that the checkpoint does not have, which begin anew.
    ///
    /// # Errors
    /// [`StartError`]; the job is of no use then.
    pub fn start_from(
        &mut self,
        checkpoint: &Checkpoint,
        (restart, absent): (&Restart, Missing),
        same_window: bool,
        streams: Streams,
    ) -> Result<Vec<String>, StartError> {
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
        let missing =
            content.set_tensors(&layout, training.server().rules(), &checkpoint.tensors)?;
        match absent {
            Missing::Error if !missing.is_empty() => {
                let names = missing.iter().take(3).cloned().collect();
                return Err(StartError::Missing { names, count: missing.len() });
            }
            Missing::Error if absent_rows(&checkpoint.tensors) > 0 => {
                return Err(StartError::Rows { count: absent_rows(&checkpoint.tensors) });
            }
            Missing::Garbage => {
                let rules = training.server().rules();
                content.spoil(&layout, rules, &missing, streams);
                content.spoil_rows(&layout, rules.1, &checkpoint.tensors, streams);
            }
            Missing::Error | Missing::First => {}
        }
        *training.server.content_mut() = content;
        training.forget_workers();
        if restart.clock == ClockAt::Continue {
            training.clock.continue_progress(&checkpoint.elapsed);
        }
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
        Ok(missing)
    }
}
