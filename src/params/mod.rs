//! Floor 2, the parameters that workers exchange with the server: the layout of a model's
//! parameters, what a worker pulled, the gradient it pushes.
//!
//! Parameters come in three groups. *Sparse*: embedding rows, by table and id. *Dense*: everything
//! else that is trained, in one contiguous arena. *Non-trainable*: moving statistics.

pub mod gradient;
pub mod layout;
pub mod lookups;
mod matrix;
pub mod moving;
pub mod parts;
pub mod view;

pub use gradient::Gradient;
pub use layout::{Block, Group, Init, Layout, Reads, Table};
pub use lookups::{Locator, Lookups};
pub use moving::{Export, Home, Moving};
pub use parts::ShardPositions;
pub use view::View;
