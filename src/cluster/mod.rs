//! Floor 3, the physics: how long things take, and for whom. Machine classes, step times, network,
//! shard service, late start. Knows no parameter and no protocol.

pub mod compute;
pub mod delay;
pub mod discipline;
pub mod machine;
pub mod network;
pub mod pace;
pub mod routine;
pub mod start;
pub mod step_time;

pub use compute::Compute;
pub use delay::DelayChoice;
pub use discipline::Discipline;
pub use machine::{Machine, MachineClass};
pub use network::{Network, ShardService};
pub use pace::{Pace, PaceConfig};
pub use routine::Routine;
pub use start::StartChoice;
pub use step_time::{LawError, StepTimeChoice, StepTimeLaw};
