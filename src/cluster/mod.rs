//! Floor 3, the physics: how long things take on each machine. Machine classes, step times,
//! network, shard service, late start, joins, leaves and crashes, failures of shards. It knows no parameter and no
//! protocol.

pub mod churn;
pub mod compute;
pub mod delay;
pub mod discipline;
pub mod failures;
pub mod machine;
pub mod membership;
pub mod network;
pub mod pace;
pub mod routine;
pub mod scripted;
pub mod shard_failures;
pub mod start;
pub mod step_time;

pub use churn::Churn;
pub use compute::Compute;
pub use delay::{DelayChoice, DelayConfig};
pub use discipline::Discipline;
pub use failures::Failures;
pub use machine::{Machine, MachineClass};
pub use membership::Membership;
pub use network::{Network, ShardService};
pub use pace::{Pace, PaceConfig};
pub use routine::{LocalConfig, LocalPlan, Routine};
pub use scripted::Scripted;
pub use shard_failures::{ShardFailurePlan, ShardFailures};
pub use start::{StartChoice, StartConfig};
pub use step_time::{LawError, StepTimeChoice, StepTimeConfig, StepTimeLaw};
