//! What a table of ids did so far, and what it looks like.

/// What happened to a table so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CuckooCounts {
    /// Times that an id was looked for: by pulls, and by pushes.
    pub finds: u64,
    /// Slots that these looked at.
    pub looked: u64,
    /// Entries that were inserted.
    pub insertions: u64,
    /// Entries that insertions moved to their other bucket.
    pub displaced: u64,
    /// Most entries that one insertion moved.
    pub longest: u64,
    /// Entries that were removed.
    pub removals: u64,
    /// Times that the number of buckets doubled.
    pub growths: u64,
    /// Entries that were copied to more buckets.
    pub moved: u64,
}

impl CuckooCounts {
    /// Those of two tables together.
    pub fn and(self, other: CuckooCounts) -> CuckooCounts {
        CuckooCounts {
            finds: self.finds + other.finds,
            looked: self.looked + other.looked,
            insertions: self.insertions + other.insertions,
            displaced: self.displaced + other.displaced,
            longest: self.longest.max(other.longest),
            removals: self.removals + other.removals,
            growths: self.growths + other.growths,
            moved: self.moved + other.moved,
        }
    }
}

crate::persist!(CuckooCounts {
    finds: state,
    looked: state,
    insertions: state,
    displaced: state,
    longest: state,
    removals: state,
    growths: state,
    moved: state
});

/// A table at one moment, or several together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CuckooState {
    /// Entries.
    pub entries: u64,
    /// Those that are kept outside the buckets, because there was no room for them.
    pub aside: u64,
    /// Buckets.
    pub buckets: u64,
    /// Slots of all buckets.
    pub slots: u64,
    /// Bytes of all slots.
    pub bytes: u64,
    /// What happened so far.
    pub counts: CuckooCounts,
}

impl CuckooState {
    /// Two tables together.
    pub fn and(self, other: CuckooState) -> CuckooState {
        CuckooState {
            entries: self.entries + other.entries,
            aside: self.aside + other.aside,
            buckets: self.buckets + other.buckets,
            slots: self.slots + other.slots,
            bytes: self.bytes + other.bytes,
            counts: self.counts.and(other.counts),
        }
    }

    /// The share of the slots that is occupied.
    pub fn load(&self) -> f64 {
        (self.entries - self.aside) as f64 / self.slots.max(1) as f64
    }

    /// Slots looked at per find; `None` if there was none.
    pub fn slots_per_find(&self) -> Option<f64> {
        let CuckooCounts { finds, looked, .. } = self.counts;
        (finds > 0).then(|| looked as f64 / finds as f64)
    }
}
