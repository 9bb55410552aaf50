//! Floor 6, the simulation: an event queue, an engine, and observers. It prints nothing, opens no
//! file and reads no wall clock.

mod audit;
mod books;
pub mod cargo;
mod check;
pub mod checkpoint;
mod coordinator;
mod copied;
pub mod divergence;
pub mod engine;
pub mod error;
pub mod evaluate;
pub mod feed;
pub mod flight;
pub mod holdout;
pub mod imposed;
mod journey;
mod last_pushes;
pub mod layers;
mod ledger;
mod lives;
mod local;
pub mod moments;
mod network;
pub mod parts;
mod passage;
mod plan;
pub mod presence;
pub mod progress;
pub mod queue;
pub mod record;
mod renewal;
pub mod restart;
mod restarting;
pub mod save;
mod save_desk;
mod saving;
pub mod session;
pub mod shard;
pub mod sharing;
mod simulation;
mod spare;
pub mod station;
pub mod step_data;
pub mod training;
pub mod training_clock;
mod turn;
mod updates;
mod watchdog;
pub mod work;
pub mod worker;
pub mod workspace;

pub use cargo::Cargo;
pub use checkpoint::{Checkpoint, StartError, StartReport};
pub use copied::{Copied, SaveReport, Saved};
pub use engine::State;
pub use error::SimError;
pub use imposed::Imposed;
pub use parts::{Links, Parts};
pub use progress::{Cadence, Every, Limits, Progress, Stop};
pub use record::{
    Activity, EvaluatedView, Finished, LayerDivergence, LayerObservation, NoObserver, Observer,
    Record,
};
pub use restart::{Fresh, Restart};
pub use restarting::RestartError;
pub use save::{Save, SaveReason};
pub use session::{Evaluation, TrainingSession, Watch};
pub use simulation::Simulation;
pub use training::{Observed, Rates, Training};
pub use work::{NullWork, Work};
pub use worker::TimeSpent;
