//! The table: find, insert, remove, grow.

use super::CuckooConfig;
use super::buckets::{Buckets, Entry, Place, VACANT, hash_of};
use super::counts::{CuckooCounts, CuckooState};
use super::path::{free_home, shortest};
use crate::base::persist::{LoadError, Loader, Persist, Saver};

/// A table that has no path below this load does not double: its ids were chosen to collide.
/// libcuckoo gives up there; we keep such entries outside the buckets.
const LEAST_LOAD: f64 = 0.05;

/// Most bits of the number of a bucket: both buckets of a hash take theirs from 32 bits of it.
const MOST_BITS: u32 = 31;

/// A cuckoo hash table from keys to rows.
#[derive(Clone, PartialEq, Debug)]
pub struct CuckooTable {
    settings: CuckooConfig,
    buckets: Buckets,
    /// Entries for which no bucket has room.
    aside: Vec<(u64, u32)>,
    counts: CuckooCounts,
}

impl CuckooTable {
    /// An empty table.
    pub fn new(settings: CuckooConfig) -> CuckooTable {
        CuckooTable {
            settings,
            buckets: first_buckets(&settings),
            aside: Vec::new(),
            counts: CuckooCounts::default(),
        }
    }

    /// Number of entries.
    pub fn len(&self) -> u64 {
        self.buckets.occupied() + self.aside.len() as u64
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its shape, and what happened so far.
    pub fn state(&self) -> CuckooState {
        CuckooState {
            entries: self.len(),
            aside: self.aside.len() as u64,
            buckets: self.buckets.len() as u64,
            slots: self.buckets.capacity(),
            bytes: self.buckets.bytes(),
            counts: self.counts,
        }
    }

    /// Bits of the number of a bucket.
    pub fn bits(&self) -> u32 {
        self.buckets.bits()
    }

    /// The row in each slot of a bucket.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn bucket(&self, bucket: usize) -> Vec<Option<u32>> {
        let places = (0..self.buckets.slots()).map(|slot| Place { bucket, slot });
        places.map(|place| self.buckets.at(place).map(|entry| entry.row)).collect()
    }

    /// The row of a key, and the number of slots looked at; not counted.
    #[inline]
    pub fn find(&self, key: u64) -> (Option<u32>, u64) {
        let hash = hash_of(key);
        let (found, looked) = self.buckets.find(hash);
        if found.is_none() && !self.aside.is_empty() {
            let at = self.aside.iter().position(|(of, _)| *of == hash);
            let looked = looked + at.map_or(self.aside.len(), |at| at + 1) as u64;
            return (at.map(|at| self.aside[at].1), looked);
        }
        (found.map(|(_, row)| row), looked)
    }

    /// The row of a key.
    #[inline]
    pub fn get(&mut self, key: u64) -> Option<u32> {
        let (row, looked) = self.find(key);
        self.counts.finds += 1;
        self.counts.looked += looked;
        row
    }

    /// The places of the shortest path for a new key: it takes the first, what lies there moves to the
    /// second, and so on; the last is free. `None` if the table has to grow.
    pub fn path(&self, key: u64) -> Option<Vec<Place>> {
        shortest(&self.buckets, hash_of(key), self.settings.longest_path as usize)
    }

    /// Adds a key that is not there.
    pub fn insert(&mut self, key: u64, row: u32) {
        let entry = Entry { hash: hash_of(key), row };
        self.counts.insertions += 1;
        if entry.hash == VACANT {
            self.aside.push((entry.hash, entry.row));
            return;
        }
        if let Some(at) = self.settings.grow_at {
            while (self.buckets.occupied() + 1) as f64 > at * self.buckets.capacity() as f64
                && self.may_grow()
            {
                self.grow();
            }
        }
        while !self.place(entry) {
            if !self.may_grow() {
                self.aside.push((entry.hash, entry.row));
                return;
            }
            self.grow();
        }
    }

    /// Removes a key; returns its row if it was there.
    pub fn remove(&mut self, key: u64) -> Option<u32> {
        let hash = hash_of(key);
        let row = if let (Some((place, row)), _) = self.buckets.find(hash) {
            self.buckets.take(place);
            row
        } else {
            let at = self.aside.iter().position(|(of, _)| *of == hash)?;
            self.aside.remove(at).1
        };
        self.counts.removals += 1;
        Some(row)
    }

    /// An empty table of the first size again. What happened so far stays counted.
    pub fn clear(&mut self) {
        self.buckets = first_buckets(&self.settings);
        self.aside.clear();
    }

    /// Makes room and puts the entry there; `false` if there is no path.
    fn place(&mut self, entry: Entry) -> bool {
        if let Some(place) = free_home(&self.buckets, entry.hash) {
            self.buckets.put(place, entry);
            return true;
        }
        let longest = self.settings.longest_path as usize;
        let Some(path) = shortest(&self.buckets, entry.hash, longest) else { return false };
        // From the end, so that every move is into a free slot.
        for pair in path.windows(2).rev() {
            if let Some(moving) = self.buckets.take(pair[0]) {
                self.buckets.put(pair[1], moving);
            }
        }
        self.buckets.put(path[0], entry);
        let moves = path.len() as u64 - 1;
        self.counts.displaced += moves;
        self.counts.longest = self.counts.longest.max(moves);
        true
    }

    fn may_grow(&self) -> bool {
        let least = LEAST_LOAD * self.buckets.capacity() as f64;
        self.bits() < MOST_BITS && (self.buckets.occupied() + 1) as f64 >= least
    }

    fn grow(&mut self) {
        self.counts.growths += 1;
        self.counts.moved += self.buckets.occupied();
        self.buckets = self.buckets.doubled();
        let aside = std::mem::take(&mut self.aside);
        for (hash, row) in aside {
            if hash == VACANT || !self.place(Entry { hash, row }) {
                self.aside.push((hash, row));
            }
        }
    }
}

fn first_buckets(settings: &CuckooConfig) -> Buckets {
    let bits = settings.start.clamp(1, 1 << 28).next_power_of_two().ilog2();
    Buckets::new(settings.slots.clamp(1, 8) as usize, bits)
}

impl Persist for CuckooTable {
    fn save(&self, out: &mut Saver<'_>) {
        let CuckooTable { settings: _, buckets, aside, counts } = self;
        counts.save(out);
        buckets.bits().save(out);
        out.length(buckets.occupied() as usize);
        for (Place { bucket, slot }, Entry { hash, row }) in buckets.entries() {
            (bucket as u64, slot as u32, (hash, row)).save(out);
        }
        aside.save(out);
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        let counts: CuckooCounts = loaded(from)?;
        let bits: u32 = loaded(from)?;
        let entries = from.length()?;
        let first = first_buckets(&self.settings);
        // A table grows only when it holds something, though evictions may have emptied it since: so a
        // damaged number cannot fill the memory.
        let is_grown = (first.bits() + 1..=MOST_BITS).contains(&bits) && {
            let slots = (first.slots() as u64) << bits;
            let most = counts.moved.saturating_add(counts.growths) as f64;
            LEAST_LOAD * slots as f64 / 2.0 <= most
        };
        if bits != first.bits() && !is_grown {
            return Err(from.wrong(format!("2^{bits} buckets")));
        }
        let mut buckets = Buckets::new(first.slots(), bits);
        for _ in 0..entries {
            let (bucket, slot, (hash, row)): (u64, u32, (u64, u32)) = loaded(from)?;
            let place = Place { bucket: bucket as usize, slot: slot as usize };
            let fits = buckets.homes(hash).contains(&place.bucket)
                && place.slot < buckets.slots()
                && buckets.at(place).is_none()
                && hash != VACANT;
            if !fits {
                return Err(from.wrong("an entry that belongs elsewhere"));
            }
            buckets.put(place, Entry { hash, row });
        }
        self.buckets = buckets;
        self.counts = counts;
        self.aside.load(from)
    }
}

fn loaded<T: Persist + Default>(from: &mut Loader<'_>) -> Result<T, LoadError> {
    let mut value = T::default();
    value.load(from)?;
    Ok(value)
}
