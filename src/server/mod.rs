//! Floor 4, the parameter server: weights and slots, spread over shards, with one writer.
//!
//! Storage is one arena per table and one for the dense group; a shard is a set of rows and blocks,
//! given by [`Sharding`]. The engine counts versions and passes them to the server.

pub mod admission;
mod bloom;
pub mod content;
pub mod cuckoo;
pub mod dense;
mod evicted;
mod evicting;
pub mod eviction;
pub mod excerpt;
mod indexing;
mod known;
mod life_tensors;
pub mod merge;
pub mod piece;
pub mod placement;
pub mod renumber;
pub mod row_placement;
pub mod selection;
pub mod serving_copy;
pub mod sharding;
mod sliding;
pub mod store;
pub mod table;
mod table_lives;
mod tensor;
pub mod tensors;
pub mod unknown;

pub use admission::Admission;
pub use content::Content;
pub use eviction::{Eviction, EvictionRule};
pub use excerpt::{Excerpt, RowChoice, RowMarks};
pub use merge::Merger;
pub use piece::{CopyUnit, Piece};
pub use placement::Placement;
pub use renumber::{PlacedRows, RowPlaces, RowsFound, SpaceIds};
pub use row_placement::RowPlacement;
pub use selection::{Aspects, Selection, UnknownName};
pub use serving_copy::{DenseValues, RowKey, RowValues, ServingCopy};
pub use sharding::Sharding;
pub use store::{BadUpdate, Carried, ParameterServer, PullBuffers, UpdateContext};
pub use tensors::{Tensor, TensorError, TensorValues, Tensors};
pub use unknown::{EvaluatedRows, UnknownIds};
