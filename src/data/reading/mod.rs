//! From a path to rows of text cells, and the meaning of one cell: a number, a time, a condition.
//!
//! Nothing here knows what the rows are for.

mod archive;
pub mod bad_rows;
pub(super) mod cell;
pub(super) mod columns;
pub(super) mod delimited;
pub mod file;
pub(super) mod json_lines;
mod lines;
#[cfg(feature = "parquet")]
mod parquet;
pub(super) mod python_literal;
pub(super) mod records;
pub(super) mod refused;
mod split;
pub mod stamp;
pub(super) mod text;
