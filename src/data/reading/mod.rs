//! From a path to rows of text cells, and the meaning of one cell: a number, a time, a condition.
//!
//! Nothing here knows what the rows are for.

mod archive;
pub mod bad_rows;
pub(super) mod cell;
pub(super) mod columns;
pub(super) mod delimited;
pub mod file;
mod filled;
pub(super) mod json_lines;
mod json_rows;
mod known;
mod lines;
pub(super) mod list;
mod long_delimiter;
#[cfg(feature = "parquet")]
mod parquet;
pub(super) mod python_literal;
pub(super) mod records;
pub(super) mod refused;
pub(super) mod sparse_rows;
pub(super) mod split;
pub mod stamp;
pub(super) mod text;
pub(super) mod tidy;
pub(crate) mod wanted;
pub(super) mod watch;
