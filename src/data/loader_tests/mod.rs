//! Tests across loaders.
