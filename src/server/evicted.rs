//! The rows that were evicted, for whoever takes them.

/// Evicted rows, noted only if somebody takes them: id space and id, in the order of eviction.
#[derive(Clone, Debug, Default)]
pub(super) struct EvictedRows {
    pub(super) wanted: bool,
    pub(super) rows: Vec<(u32, u32)>,
}

crate::persist!(EvictedRows { wanted: fixed, rows: state });
