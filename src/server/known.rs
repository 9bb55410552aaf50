//! Which rows of a table stand for ids that training has met.
//!
//! A row exists in this program from the start, because the whole log is known. In a real system it
//! exists only once training has met its id. The difference shows at evaluation: what is read there
//! for an id that training has not met is [a choice](super::unknown).

use crate::base::persist::{LoadError, Loader, Persist, Saver};

/// Which rows are known, besides those that have been updated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct KnownRows {
    /// Whether only rows that were touched are updated, so that an updated row is a known one.
    by_updates: bool,
    /// One bit per row; empty until the first is marked.
    marked: Vec<u64>,
}

impl KnownRows {
    /// No row is known. `lazy` says whether only touched rows are updated.
    pub(super) fn new(lazy: bool) -> KnownRows {
        KnownRows { by_updates: lazy, marked: Vec::new() }
    }

    /// Whether an updated row is a known one.
    pub(super) fn are_updated_rows(&self) -> bool {
        self.by_updates
    }

    /// Whether a row with this number of counted updates is known.
    #[inline]
    pub(super) fn contains(&self, id: u32, updates: u32) -> bool {
        let word = || self.marked.get(id as usize / 64).copied().unwrap_or(0);
        self.by_updates && updates > 0 || word() >> (id % 64) & 1 == 1
    }

    /// From now on only marked rows are known.
    pub(super) fn ask_marks_only(&mut self) {
        self.by_updates = false;
    }

    /// Makes a row unknown.
    pub(super) fn forget(&mut self, id: u32) {
        if let Some(word) = self.marked.get_mut(id as usize / 64) {
            *word &= !(1 << (id % 64));
        }
    }

    /// Marks a row of a table of `rows` rows.
    pub(super) fn mark(&mut self, id: u32, rows: usize) {
        self.marked.resize(rows.div_ceil(64), 0);
        self.marked[id as usize / 64] |= 1 << (id % 64);
    }
}

impl Persist for KnownRows {
    fn save(&self, out: &mut Saver<'_>) {
        self.marked.save(out);
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        self.marked.load(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_known_by_its_updates_or_by_its_mark() {
        let (mut lazy, mut dense) = (KnownRows::new(true), KnownRows::new(false));
        assert!(lazy.contains(3, 1) && !lazy.contains(3, 0));
        assert!(!dense.contains(3, 1), "every row has updates");
        for known in [&mut lazy, &mut dense] {
            known.mark(64, 65);
            assert!(known.contains(64, 0) && !known.contains(63, 0) && !known.contains(0, 0));
        }
    }
}
