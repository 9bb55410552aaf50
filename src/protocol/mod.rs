//! Floor 3, coordination: who may read now, and which pushes become an update. One file per
//! protocol. A protocol never sees a weight or a gradient.

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
pub use decision::{Arrived, Cluster, Decision, Decisions, Merge, Protocol, PushId, Read, RowMean};

crate::registry! {
    /// How workers and server coordinate.
    pub enum ProtocolChoice: ProtocolConfig {
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
        "k_sync" => KSync(k_family::KSync),
        /// An update of the first K gradients at the present point; running steps are broken off.
        "k_batch_sync" => KBatchSync(k_family::KBatchSync),
        /// An update of K distinct workers' pushes, however stale; who has pushed waits.
        "k_async" => KAsync(k_family::KAsync),
        /// An update of any K pushes, however stale; nobody waits (FedBuff's buffer).
        "k_batch_async" => KBatchAsync(k_family::KBatchAsync),
        /// An update of the first S gradients at the present point; older ones are discarded.
        "rennala" => Rennala(rennala::Config),
        /// Asynchronous; what is too old is discarded, and broken off if wanted.
        "ringmaster" => Ringmaster(ringmaster::Config),
        /// Asynchronous; what arrives too stale is dropped.
        "drop_stale" => DropStale(drop_stale::Config),
        /// Global batches by tokens, with rows averaged over who touched them (reconstructed).
        "gba" => Gba(gba::Config),
        /// One that only tests know.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

impl Default for ProtocolChoice {
    fn default() -> Self {
        ProtocolChoice::Asynchronous(asynchronous::Config {})
    }
}
