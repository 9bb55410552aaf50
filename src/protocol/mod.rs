//! Floor 3, coordination: which worker may read now, and which pushes become an update. One file
//! per protocol. A protocol never sees a weight or a gradient.

pub mod asynchronous;
pub mod backup_workers;
mod clocks;
pub mod config;
pub mod decision;
pub mod drop_stale;
pub mod dynamic_ssp;
pub mod gba;
pub mod hybrid;
pub mod k_family;
#[cfg(test)]
mod new_part;
pub mod rennala;
pub mod ringmaster;
pub mod rounds;
pub mod softsync;
pub mod stale_synchronous;
pub mod synchronous;
pub mod tokens;

pub use config::{Fit, ProtocolConfig, ProtocolFacts};
pub use decision::{
    Arrived, ClusterState, Decision, Decisions, Merge, Protocol, PushId, Read, RowMean,
};

crate::registry! {
    /// How workers and server coordinate.
    pub enum ProtocolChoice: ProtocolConfig {
        /// Every push is applied as it arrives; nobody waits.
        "asynchronous" | "async" | "asp" => Asynchronous(asynchronous::Config),
        /// A strict barrier: one update per round, from one push of every worker.
        "synchronous" | "sync" | "bsp" => Synchronous(synchronous::Config),
        /// A barrier that does without the last few workers; late pushes are dropped.
        "backup_workers" => BackupWorkers(backup_workers::Config),
        /// A barrier as TensorFlow and XDL really have it: the first workers to ask take the tokens.
        "tokens" => Tokens(tokens::Config),
        /// Bounded lead (SSP): no worker is further ahead of the slowest than a bound (reconstructed).
        "stale_synchronous" | "ssp" => StaleSynchronous(stale_synchronous::Config),
        /// Bounded lead with a bound that adapts to predicted waits (DSSP, reconstructed).
        "dynamic_ssp" | "dssp" => DynamicSsp(dynamic_ssp::Config),
        /// An update of every floor(workers / n) pushes; nobody waits.
        "softsync" => Softsync(softsync::Config),
        /// An update of the first K workers of a round; the steps of the others are aborted.
        "k_sync" => KSync(k_family::KSync),
        /// An update of the first K gradients of the current version; running steps are aborted.
        "k_batch_sync" => KBatchSync(k_family::KBatchSync),
        /// An update of K distinct workers' pushes, however stale; a worker that has pushed waits.
        "k_async" => KAsync(k_family::KAsync),
        /// An update of any K pushes, however stale; nobody waits (FedBuff's buffer).
        "k_batch_async" | "fedbuff" => KBatchAsync(k_family::KBatchAsync),
        /// An update of the first S gradients of the current version; older ones are discarded.
        "rennala" => Rennala(rennala::Config),
        /// Asynchronous; a gradient that is too old is discarded, and its step aborted if wanted.
        "ringmaster" => Ringmaster(ringmaster::Config),
        /// Asynchronous; a push that is too stale is discarded.
        "drop_stale" => DropStale(drop_stale::Config),
        /// Global batches by tokens; each row is averaged over the pushes that contain it (reconstructed).
        "gba" => Gba(gba::Config),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

impl Default for ProtocolChoice {
    fn default() -> Self {
        ProtocolChoice::Asynchronous(asynchronous::Config {})
    }
}
