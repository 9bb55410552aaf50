//! Floor 3, coordination: who may read now, and which pushes become an update. One file per
//! protocol. A protocol never sees a weight or a gradient.

pub mod asynchronous;
pub mod backup_workers;
mod clocks;
pub mod decision;
pub mod drop_stale;
pub mod dynamic_ssp;
pub mod gba;
pub mod hybrid;
pub mod k_family;
pub mod rennala;
pub mod ringmaster;
pub mod rounds;
pub mod softsync;
pub mod stale_synchronous;
pub mod synchronous;
pub mod tokens;

pub use decision::{Arrived, Cluster, Decision, Decisions, Merge, Protocol, PushId, Read, RowMean};

crate::registry! {
    /// How workers and server coordinate.
    pub enum ProtocolChoice {
        /// Every push is applied as it arrives; nobody waits.
        "asynchronous" => Asynchronous(asynchronous::Config),
        /// A strict barrier: one update per round, from one push of every worker.
        "synchronous" => Synchronous(synchronous::Config),
        /// A barrier that does without the last few workers; late pushes are dropped.
        "backup_workers" => BackupWorkers(backup_workers::Config),
        /// A barrier as TensorFlow and XDL really have it: who comes first takes the token.
        "tokens" => Tokens(tokens::Config),
        /// Bounded lead (SSP): at most so many steps ahead of the slowest (reconstructed).
        "stale_synchronous" => StaleSynchronous(stale_synchronous::Config),
        /// Bounded lead with a bound that adapts to predicted waits (DSSP, reconstructed).
        "dynamic_ssp" => DynamicSsp(dynamic_ssp::Config),
        /// An update of every floor(workers / n) pushes; nobody waits.
        "softsync" => Softsync(softsync::Config),
        /// An update of the first K workers of a round; the others are broken off.
        "k_sync" => KSync(k_family::Config),
        /// An update of the first K gradients at the present point; running steps are broken off.
        "k_batch_sync" => KBatchSync(k_family::Config),
        /// An update of K distinct workers' pushes, however stale; who has pushed waits.
        "k_async" => KAsync(k_family::Config),
        /// An update of any K pushes, however stale; nobody waits (FedBuff's buffer).
        "k_batch_async" => KBatchAsync(k_family::Config),
        /// An update of the first S gradients at the present point; older ones are discarded.
        "rennala" => Rennala(rennala::Config),
        /// Asynchronous; what is too old is discarded, and broken off if wanted.
        "ringmaster" => Ringmaster(ringmaster::Config),
        /// Asynchronous; what arrives too stale is dropped.
        "drop_stale" => DropStale(drop_stale::Config),
        /// Global batches by tokens, with rows averaged over who touched them (reconstructed).
        "gba" => Gba(gba::Config),
    }
}

impl Default for ProtocolChoice {
    fn default() -> Self {
        ProtocolChoice::Asynchronous(asynchronous::Config {})
    }
}

impl ProtocolChoice {
    /// The working protocol for `workers` workers and `shards` shards.
    pub fn build(&self, workers: u32, shards: u32) -> Box<dyn Protocol> {
        match self {
            Self::Asynchronous(_) => Box::new(asynchronous::Asynchronous),
            Self::Synchronous(config) => Box::new(config.build(workers, shards)),
            Self::BackupWorkers(config) => Box::new(config.build(workers, shards)),
            Self::Tokens(config) => Box::new(tokens::Tokens::new(*config, workers, shards)),
            Self::StaleSynchronous(config) => {
                Box::new(stale_synchronous::StaleSynchronous::new(*config, workers, shards))
            }
            Self::DynamicSsp(config) => Box::new(dynamic_ssp::DynamicSsp::new(*config, workers)),
            Self::Softsync(config) => Box::new(config.build(workers, shards)),
            Self::KSync(config) => Box::new(config.sync(workers, shards)),
            Self::KBatchSync(config) => Box::new(config.batch_sync(workers, shards)),
            Self::KAsync(config) => Box::new(config.asynchronous(workers, shards)),
            Self::KBatchAsync(config) => Box::new(config.batch_asynchronous(workers, shards)),
            Self::Rennala(config) => Box::new(config.build(workers, shards)),
            Self::Ringmaster(config) => {
                Box::new(ringmaster::Ringmaster::new(*config, workers, shards))
            }
            Self::DropStale(config) => Box::new(drop_stale::DropStale::new(*config)),
            Self::Gba(config) => Box::new(gba::Gba::new(*config, workers, shards)),
        }
    }

    /// How many pushes make an update, for estimates and checks.
    pub fn pushes_per_update(&self, workers: u32) -> u32 {
        match self {
            Self::Asynchronous(_)
            | Self::DynamicSsp(_)
            | Self::Ringmaster(_)
            | Self::DropStale(_) => 1,
            Self::StaleSynchronous(config) => match config.updates {
                stale_synchronous::Updates::OnArrival => 1,
                stale_synchronous::Updates::ByClock => workers,
            },
            Self::Synchronous(_) => workers,
            Self::BackupWorkers(config) => workers.saturating_sub(config.backups),
            Self::Tokens(config) => config.aggregate.unwrap_or(workers),
            Self::Softsync(config) => workers / config.n.max(1),
            Self::KSync(config)
            | Self::KBatchSync(config)
            | Self::KAsync(config)
            | Self::KBatchAsync(config) => config.k,
            Self::Rennala(config) => config.batch,
            Self::Gba(config) => config.batches,
        }
        .max(1)
    }

    /// Whether pushes may be discarded.
    pub fn discards(&self) -> bool {
        match self {
            Self::BackupWorkers(_)
            | Self::Tokens(_)
            | Self::KSync(_)
            | Self::KBatchSync(_)
            | Self::Rennala(_)
            | Self::Ringmaster(_)
            | Self::DropStale(_)
            | Self::Gba(_) => true,
            Self::Asynchronous(_)
            | Self::Synchronous(_)
            | Self::StaleSynchronous(_)
            | Self::DynamicSsp(_)
            | Self::Softsync(_)
            | Self::KAsync(_)
            | Self::KBatchAsync(_) => false,
        }
    }

    /// Whether every step has to read and write every shard: gradients of an older point are
    /// discarded, or tokens are handed out only when all shards are done.
    pub fn wants_whole_steps(&self) -> bool {
        matches!(
            self,
            Self::BackupWorkers(_)
                | Self::Tokens(_)
                | Self::KSync(_)
                | Self::KBatchSync(_)
                | Self::Rennala(_)
        )
    }

    /// Whether a worker that is there may always pull, even before its last push has been sent, and no
    /// step is ever broken off.
    pub fn never_waits(&self) -> bool {
        match self {
            Self::Asynchronous(_)
            | Self::Softsync(_)
            | Self::KBatchAsync(_)
            | Self::DropStale(_) => true,
            Self::Ringmaster(config) => !config.abort,
            _ => false,
        }
    }

    /// Whether running steps may be broken off.
    pub fn aborts(&self) -> bool {
        match self {
            Self::KSync(_) | Self::KBatchSync(_) => true,
            Self::Ringmaster(config) => config.abort,
            _ => false,
        }
    }
}
