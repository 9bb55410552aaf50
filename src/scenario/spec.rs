//! What the user writes: the typed scenario, which defines all keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::daily::Daily;
use super::expect::Expectation;
use super::lab::Lab;
use super::presets::Preset;
use super::seeds::{SeedOf, SeededPart};
use super::stage::Stage;
use super::start::{CheckpointSaving, Start};
use crate::base::{ByteSize, Streams};
use crate::cluster::{
    Compute, DelayChoice, Failures, MachineClass, Membership, Network, PaceConfig, Routine,
    Scripted, ShardFailures, ShardService, StartChoice,
};
use crate::data::order::OrderChoice;
use crate::data::window::Window;
use crate::data::{Hashing, SourceChoice};
use crate::model::ModelChoice;
use crate::online::Online;
use crate::optimizer::OptimizerChoice;
use crate::optimizer::clip::Clip;
use crate::optimizer::schedule::Schedule;
use crate::protocol::ProtocolChoice;
use crate::remedy::RemedyChoice;
use crate::server::{Admission, Eviction, Placement, RowPlacement, UnknownIds};
use crate::sim::evaluate::{BestBy, Views};
use crate::sim::feed::{ExampleSharing, LastBatch};
use crate::sim::serving::Serving;
use crate::sim::{Every, Stop};

/// A scenario: one training job on one simulated cluster.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Version of the scenario format; 1 is the only one.
    pub straggler: Format,
    /// A real system whose settings are the defaults here: a shorthand for the settings that
    /// `straggler check --show` lists.
    #[serde(skip_serializing)]
    pub preset: Option<Preset>,
    /// What it is called, what it asks, and its seed.
    pub scenario: About,
    /// The log that is trained on and evaluated on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<SourceChoice>,
    /// Which examples are trained on, how, and for how long.
    pub train: Train,
    /// Which examples are evaluated on, and how often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holdout: Option<Holdout>,
    /// What training starts from; random first values when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// Which checkpoints are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointSaving>,
    /// The network.
    pub model: ModelChoice,
    /// How parameters are updated.
    pub optimizer: OptimizerChoice,
    /// How embedding rows and wide weights are updated, where that differs from `optimizer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_optimizer: Option<OptimizerChoice>,
    /// How embedding tables are kept.
    #[serde(skip_serializing_if = "Tables::is_default")]
    pub tables: Tables,
    /// Admits embedding rows only when they have been met often enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admission: Option<Admission>,
    /// Evicts embedding rows; every row stays when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction: Option<Eviction>,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// How workers and server coordinate.
    pub protocol: ProtocolChoice,
    /// How the shards that hold rows coordinate, where that differs from `protocol`: asynchronous
    /// rows beside synchronous dense parameters, say. Needs `cluster.dense_shards`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_protocol: Option<ProtocolChoice>,
    /// What is done against staleness when a push arrives at a shard, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remedy: Vec<RemedyChoice>,
    /// What a worker does in a step.
    pub worker: Routine,
    /// The simulated cluster.
    pub cluster: Cluster,
    /// Imposes a staleness instead of simulating a cluster: update t is made with a gradient as old
    /// as the law says. `cluster`, `protocol` and `worker` have no effect then, but for
    /// `worker.batches`, which makes the step longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imposed_staleness: Option<DelayChoice>,
    /// Training on a live stream, in place of passes over the window: requests come in simulated
    /// time, a joiner makes examples of their features and actions, and workers take these as they
    /// come. Every example of the window is one request, in the order of the log; the stream ends
    /// with the window, and the run with the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<Online>,
    /// A copy of the model that scores the requests of the live stream; none when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serving: Option<Serving>,
    /// Simulates timing alone, without data, model or gradients: the traffic of each step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timing_only: Option<Traffic>,
    /// What is recorded besides the standard series.
    pub record: RecordSettings,
    /// Above these estimates nothing is started.
    pub limits: ResourceLimits,
    /// Training periods one after the other; the figures of the run are those of the last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub stage: Vec<Stage>,
    /// A stage per day, made of a window that moves on; in place of `stage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily: Option<Daily>,
    /// What `straggler lab restart` does with this scenario.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lab: Option<Lab>,
    /// What is expected of the run, checked at its end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expectation>,
}

/// Version of the scenario format.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Format(#[schemars(range(min = 1, max = 1))] pub u32);

impl Default for Format {
    fn default() -> Self {
        Format(1)
    }
}

/// What a scenario is called and what it asks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct About {
    /// Short name: letters, digits, `-`, `_` and `.`; the results folder begins with it.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
    pub name: String,
    /// One line for titles.
    pub title: String,
    /// The question that the scenario is to answer.
    pub question: String,
    /// The command that answers the question if one run does not, without program and file:
    /// `run cluster.workers=1,30 --seeds 5`. It is shown at the end of a run.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub answered_by: String,
    /// Root of every random draw. Same scenario and seed: same bytes.
    pub seed: u64,
    /// Seeds of single parts, where they differ from `seed`.
    #[serde(skip_serializing_if = "SeedOf::is_empty")]
    pub seed_of: SeedOf,
}

impl About {
    /// The seed of a part.
    pub fn seed_of(&self, part: SeededPart) -> u64 {
        let own = match part {
            SeededPart::Data => self.seed_of.data,
            SeededPart::Weights => self.seed_of.weights,
            SeededPart::Order => self.seed_of.order,
            SeededPart::Cluster => self.seed_of.cluster,
        };
        own.unwrap_or(self.seed)
    }

    /// The random streams of a part.
    pub fn streams(&self, part: SeededPart) -> Streams {
        Streams::new(self.seed_of(part))
    }
}

impl Default for About {
    fn default() -> Self {
        About {
            name: "run".into(),
            title: String::new(),
            question: String::new(),
            answered_by: String::new(),
            seed: 1,
            seed_of: SeedOf::default(),
        }
    }
}

impl Scenario {
    /// Names of the chosen parts that were reconstructed.
    pub fn reconstructed(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        let mut note = |name, reconstructed: bool| {
            if reconstructed {
                names.push(name);
            }
        };
        for protocol in std::iter::once(&self.protocol).chain(&self.sparse_protocol) {
            note(protocol.name(), protocol.is_reconstructed());
        }
        for optimizer in std::iter::once(&self.optimizer).chain(&self.sparse_optimizer) {
            note(optimizer.name(), optimizer.is_reconstructed());
        }
        for remedy in &self.remedy {
            note(remedy.name(), remedy.is_reconstructed());
        }
        if let Some(normalization) = self.model.normalization() {
            note(normalization.name(), normalization.is_reconstructed());
        }
        names
    }
}

/// Which examples are trained on, how, and for how long.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Train {
    /// The days of the log that are trained on; all of them when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<Window>,
    /// Examples per batch.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub batch: u32,
    /// What becomes of the last batch of a pass, if the examples left do not fill it.
    #[serde(skip_serializing_if = "LastBatch::is_full")]
    #[schemars(extend("x-default" = Train::default().last_batch))]
    pub last_batch: LastBatch,
    /// In which order the examples are fed.
    pub order: OrderChoice,
    /// How examples reach the workers.
    pub sharing: ExampleSharing,
    /// Clips every gradient before it is pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<Clip>,
    /// When the run ends: at the first limit given. One pass when nothing is given.
    pub stop: Stop,
}

impl Default for Train {
    fn default() -> Self {
        Train {
            days: None,
            batch: 128,
            last_batch: LastBatch::default(),
            order: OrderChoice::default(),
            sharing: ExampleSharing::default(),
            clip: None,
            stop: Stop::default(),
        }
    }
}

/// Which examples are evaluated on, and how often.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Holdout {
    /// The days of the log that are held out, after the training days. Left out: the examples that
    /// the source itself sets aside (`data.held_out_share`, `data.held_out_files`, `data.split`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<Window>,
    /// How often quality is measured; outside virtual time, so it costs the simulated job nothing.
    pub every: Every,
    /// Share of the groups (sessions, users), or of the single examples of a log without groups,
    /// that choose the best step; the others give the reported figures, so that the best of a noisy
    /// curve is not mistaken for quality. 0: all do both.
    #[schemars(range(min = 0.0, max = 0.9))]
    pub selection_share: f64,
    /// By which figure they choose it.
    #[serde(skip_serializing_if = "BestBy::is_auc")]
    #[schemars(extend("x-default" = Holdout::default().best_by))]
    pub best_by: BestBy,
    /// Largest number of examples, evenly spread over the holdout; all when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_examples: Option<u64>,
    /// Which parameters are evaluated besides the server's.
    pub views: Views,
    /// Names of id spaces, such as `item`: quality is measured by classes of their rows too, by how
    /// often training has met a row, how long ago, and how often the row has returned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_row: Vec<String>,
    /// Permits holdout days before the end of the training window.
    pub allow_past: bool,
}

impl Default for Holdout {
    fn default() -> Self {
        Holdout {
            days: None,
            every: Every::Times(20),
            selection_share: 0.5,
            best_by: BestBy::default(),
            max_examples: None,
            views: Views::default(),
            by_row: Vec::new(),
            allow_past: false,
        }
    }
}

/// How embedding tables are kept.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tables {
    /// What evaluation reads for an id that training has not met. Training itself gives such an id
    /// a row with first values.
    #[serde(skip_serializing_if = "UnknownIds::is_default")]
    #[schemars(extend("x-default" = Tables::default().unknown))]
    pub unknown: UnknownIds,
    /// How ids find their rows.
    #[serde(skip_serializing_if = "Hashing::is_default")]
    pub hashing: Hashing,
    /// Id spaces whose ids find their rows in another way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<TablesOf>,
}

/// How the ids of single id spaces find their rows.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TablesOf {
    /// Names of the id spaces, such as `item`.
    pub spaces: Vec<String>,
    /// How their ids find their rows.
    pub hashing: Hashing,
}

impl Tables {
    /// Whether it has the default settings.
    pub fn is_default(&self) -> bool {
        *self == Tables::default()
    }

    /// Whether rows of any id space may be found through hash tables.
    pub fn have_row_indexes(&self) -> bool {
        let mut all = std::iter::once(&self.hashing).chain(self.of.iter().map(|of| &of.hashing));
        all.any(|hashing| hashing.row_index().is_some())
    }

    /// How the ids of an id space find their rows.
    pub fn hashing_of(&self, space: &str) -> &Hashing {
        let named = self.of.iter().find(|of| of.spaces.iter().any(|name| name == space));
        named.map_or(&self.hashing, |of| &of.hashing)
    }
}

/// The simulated cluster.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cluster {
    /// Number of workers.
    #[schemars(range(min = 1, max = 100_000))]
    pub workers: u32,
    /// Number of parameter-server shards.
    #[schemars(range(min = 1, max = 1_000))]
    pub shards: u32,
    /// Number of shards that hold the dense parameters and nothing else; the others hold the
    /// embedding rows. When left out, every shard holds its part of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 999))]
    pub dense_shards: Option<u32>,
    /// How dense layers are placed on the shards. Without gradients they are spread evenly.
    #[serde(skip_serializing_if = "Placement::is_round_robin")]
    #[schemars(extend("x-default" = Cluster::default().placement))]
    pub placement: Placement,
    /// How embedding rows are placed on the shards. Without gradients they are spread evenly.
    #[serde(skip_serializing_if = "RowPlacement::is_hash")]
    #[schemars(extend("x-default" = Cluster::default().row_placement))]
    pub row_placement: RowPlacement,
    /// When the workers begin.
    pub start: StartChoice,
    /// Compute time of a step.
    pub compute: Compute,
    /// Machine classes; without any, all machines are ordinary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub class: Vec<MachineClass>,
    /// How the pace of machines varies over time: slow episodes, pauses, the time of day.
    #[serde(skip_serializing_if = "is_steady")]
    pub pace: PaceConfig,
    /// Crashes at random, and what becomes of the work that any crash interrupts.
    #[serde(skip_serializing_if = "never_fails")]
    pub failures: Failures,
    /// Crashes of shards, what workers do meanwhile, and with which state shards come back.
    #[serde(skip_serializing_if = "keeps_shards")]
    pub shard_failures: ShardFailures,
    /// Workers that join and leave on a schedule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub membership: Vec<Membership>,
    /// What happens to single workers at given moments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event: Vec<Scripted>,
    /// The network.
    pub network: Network,
    /// Service times of the shards.
    pub server: ShardService,
}

fn is_steady(pace: &PaceConfig) -> bool {
    *pace == PaceConfig::default()
}

fn never_fails(failures: &Failures) -> bool {
    *failures == Failures::default()
}

fn keeps_shards(failures: &ShardFailures) -> bool {
    *failures == ShardFailures::default()
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Cluster {
    /// Number of shards that hold embedding rows.
    pub fn shards_with_rows(&self) -> u32 {
        self.shards.saturating_sub(self.dense_shards.unwrap_or(0))
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Cluster {
            workers: 8,
            shards: 1,
            dense_shards: None,
            placement: Placement::default(),
            row_placement: RowPlacement::default(),
            start: StartChoice::default(),
            compute: Compute::default(),
            class: Vec::new(),
            pace: PaceConfig::default(),
            failures: Failures::default(),
            shard_failures: ShardFailures::default(),
            membership: Vec::new(),
            event: Vec::new(),
            network: Network::default(),
            server: ShardService::default(),
        }
    }
}

/// The traffic of a step in a run without gradients, spread evenly over the shards.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Traffic {
    /// Embedding rows of a batch.
    pub rows: u64,
    /// Numbers per embedding row.
    pub row_dim: u64,
    /// Dense parameters.
    pub dense: u64,
}

impl Default for Traffic {
    fn default() -> Self {
        Traffic { rows: 2_000, row_dim: 16, dense: 40_000 }
    }
}

/// What is recorded besides the standard series.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Record")]
pub struct RecordSettings {
    /// How often a row is added to the training series.
    pub training: Every,
    /// How often the workers' views are compared with the server's parameters; never when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub divergence: Option<Every>,
    /// How often the weights of every layer and table, and the gradients applied to them since the
    /// last time, are summed up in `layers.csv`; never when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Every>,
    /// The staleness of rows is recorded once in this many pushes; never when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub rows_every: Option<u64>,
    /// The gap between view and server is recorded once in this many pushes; never when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub gap_every: Option<u64>,
    /// Whether it is counted how often each example of the training window was used.
    #[serde(skip_serializing_if = "is_false")]
    #[schemars(extend("x-default" = RecordSettings::default().audit))]
    pub audit: bool,
    /// Number of activities of workers and shards that are recorded for the timeline, from the start.
    #[schemars(range(max = 10_000_000))]
    pub timeline: u64,
}

impl Default for RecordSettings {
    fn default() -> Self {
        RecordSettings {
            training: Every::Times(200),
            divergence: Some(Every::Times(20)),
            layers: None,
            rows_every: Some(10),
            gap_every: Some(10),
            audit: false,
            timeline: 20_000,
        }
    }
}

/// Above these estimates nothing is started.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceLimits {
    /// Memory of our process.
    pub memory: ByteSize,
    /// Size of the results folder.
    pub disk: ByteSize,
}

impl Default for ResourceLimits {
    fn default() -> Self {
        ResourceLimits { memory: ByteSize(8 << 30), disk: ByteSize(8 << 30) }
    }
}
