//! Buckets of slots: what lies where, and where it may lie.

use crate::base::stream::mix;

/// The hash in a slot that holds nothing. The table keeps the one key with this hash elsewhere.
pub(super) const VACANT: u64 = 0;

/// Slots of a line of the processor's cache.
const LINE: usize = 4;

/// Keeps this hash apart from others of the same ids, such as the one that chooses shards.
pub(super) const SALT: u64 = 0xC0C0_0C0C_5EED_0001;

/// Four slots, in one line of the cache.
#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(align(64))]
struct Line {
    hashes: [u64; LINE],
    rows: [u32; LINE],
}

const EMPTY: Line = Line { hashes: [VACANT; LINE], rows: [0; LINE] };

/// A slot, by its bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// The bucket.
    pub bucket: usize,
    /// The slot in it.
    pub slot: usize,
}

/// What lies in a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// Hash of the key.
    pub hash: u64,
    /// The row.
    pub row: u32,
}

/// The hash of a key. Different keys have different hashes, since mixing is a bijection.
#[inline]
pub(super) fn hash_of(key: u64) -> u64 {
    mix(key ^ SALT)
}

/// The two buckets of a key among `2^bits`; they may be the same.
pub fn homes_of(key: u64, bits: u32) -> [usize; 2] {
    homes(hash_of(key), bits)
}

#[inline]
fn homes(hash: u64, bits: u32) -> [usize; 2] {
    let mask = (1u64 << bits) - 1;
    [(hash & mask) as usize, ((hash >> 32) & mask) as usize]
}

/// A power of two of buckets.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Buckets {
    slots: usize,
    bits: u32,
    lines: Vec<Line>,
    occupied: u64,
}

impl Buckets {
    /// `2^bits` empty buckets, at most `2^32`.
    pub(super) fn new(slots: usize, bits: u32) -> Buckets {
        let lines = (slots << bits).div_ceil(LINE);
        Buckets { slots, bits, lines: vec![EMPTY; lines], occupied: 0 }
    }

    /// Slots of a bucket.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// Bits of the number of a bucket.
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    /// Number of buckets.
    pub(super) fn len(&self) -> usize {
        1 << self.bits
    }

    /// Number of slots.
    pub(super) fn capacity(&self) -> u64 {
        (self.slots as u64) << self.bits
    }

    /// Number of entries.
    pub(super) fn occupied(&self) -> u64 {
        self.occupied
    }

    /// Bytes of all slots.
    pub(super) fn bytes(&self) -> u64 {
        (self.lines.len() * size_of::<Line>()) as u64
    }

    /// The two buckets of a hash.
    #[inline]
    pub(super) fn homes(&self, hash: u64) -> [usize; 2] {
        homes(hash, self.bits)
    }

    /// The other bucket of a hash that lies in this one.
    pub(super) fn other_home(&self, hash: u64, bucket: usize) -> usize {
        let [first, second] = self.homes(hash);
        if first == bucket { second } else { first }
    }

    /// What lies at a place.
    #[inline]
    pub(super) fn at(&self, place: Place) -> Option<Entry> {
        let number = place.bucket * self.slots + place.slot;
        let line = &self.lines[number / LINE];
        let (hash, row) = (line.hashes[number % LINE], line.rows[number % LINE]);
        (hash != VACANT).then_some(Entry { hash, row })
    }

    /// Where a hash lies, and the number of slots looked at.
    #[inline]
    pub(super) fn find(&self, hash: u64) -> (Option<(Place, u32)>, u64) {
        let [first, second] = self.homes(hash);
        if self.slots == LINE && hash != VACANT {
            return self.find_in_lines([first, second], hash);
        }
        let slots = self.slots as u64;
        if let Some(found) = self.find_in(first, hash) {
            return (Some(found), found.0.slot as u64 + 1);
        }
        if first == second {
            return (None, slots);
        }
        match self.find_in(second, hash) {
            Some(found) => (Some(found), slots + found.0.slot as u64 + 1),
            None => (None, 2 * slots),
        }
    }

    /// The same where a bucket is a line. Both buckets are read before anything is decided: a processor
    /// cannot guess in which of eight slots an id lies, and a wrong guess would keep it from reading ahead
    /// for the next ids.
    #[inline]
    fn find_in_lines(&self, homes: [usize; 2], hash: u64) -> (Option<(Place, u32)>, u64) {
        let lines = homes.map(|bucket| &self.lines[bucket]);
        let mut found = 0u32;
        for (nth, line) in lines.iter().enumerate() {
            for (slot, of) in line.hashes.iter().enumerate() {
                found |= u32::from(*of == hash) << (nth * LINE + slot);
            }
        }
        if found == 0 {
            return (None, if homes[0] == homes[1] { LINE } else { 2 * LINE } as u64);
        }
        let number = found.trailing_zeros() as usize;
        let (nth, slot) = (number / LINE, number % LINE);
        let place = Place { bucket: homes[nth], slot };
        (Some((place, lines[nth].rows[slot])), number as u64 + 1)
    }

    fn find_in(&self, bucket: usize, hash: u64) -> Option<(Place, u32)> {
        (0..self.slots).find_map(|slot| {
            let place = Place { bucket, slot };
            self.at(place).filter(|entry| entry.hash == hash).map(|entry| (place, entry.row))
        })
    }

    /// The first free slot of a bucket.
    pub(super) fn vacancy(&self, bucket: usize) -> Option<Place> {
        let places = (0..self.slots).map(|slot| Place { bucket, slot });
        places.into_iter().find(|place| self.at(*place).is_none())
    }

    /// Puts an entry into a free slot.
    pub(super) fn put(&mut self, place: Place, entry: Entry) {
        let number = place.bucket * self.slots + place.slot;
        let line = &mut self.lines[number / LINE];
        debug_assert_eq!(line.hashes[number % LINE], VACANT, "{place:?} is taken");
        (line.hashes[number % LINE], line.rows[number % LINE]) = (entry.hash, entry.row);
        self.occupied += 1;
    }

    /// Takes out what lies at a place.
    pub(super) fn take(&mut self, place: Place) -> Option<Entry> {
        let entry = self.at(place)?;
        let number = place.bucket * self.slots + place.slot;
        let line = &mut self.lines[number / LINE];
        (line.hashes[number % LINE], line.rows[number % LINE]) = (VACANT, 0);
        self.occupied -= 1;
        Some(entry)
    }

    /// All places, in their order.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        let slots = self.slots;
        (0..self.len()).flat_map(move |bucket| (0..slots).map(move |slot| Place { bucket, slot }))
    }

    /// All entries, in the order of their places.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Place, Entry)> + '_ {
        self.places().filter_map(|place| self.at(place).map(|entry| (place, entry)))
    }

    /// The same entries in twice as many buckets. The new number of a bucket has one bit more, so the
    /// entries of a bucket go to two new ones, and fit: nothing is displaced.
    pub(super) fn doubled(&self) -> Buckets {
        let mut new = Buckets::new(self.slots, self.bits + 1);
        for (place, entry) in self.entries() {
            let nth = usize::from(self.homes(entry.hash)[0] != place.bucket);
            let free = new.vacancy(new.homes(entry.hash)[nth]);
            new.put(free.expect("a bucket takes the entries of one old bucket at most"), entry);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_four_slots_is_a_line_of_the_cache() {
        assert_eq!((size_of::<Line>(), align_of::<Line>()), (64, 64));
        assert_eq!(Buckets::new(4, 5).bytes(), 32 * 64);
        assert_eq!(Buckets::new(1, 0).bytes(), 64);
    }

    #[test]
    fn entries_are_found_where_they_lie_and_nowhere_else() {
        for slots in [1, 2, 3, 4, 8] {
            let mut buckets = Buckets::new(slots, 3);
            let hash = hash_of(17);
            let [first, second] = buckets.homes(hash);
            assert_eq!(
                buckets.find(hash),
                (None, slots as u64 * if first == second { 1 } else { 2 })
            );
            let place = Place { bucket: second, slot: slots - 1 };
            buckets.put(place, Entry { hash, row: 5 });
            let looked = if first == second { slots } else { 2 * slots } as u64;
            assert_eq!(buckets.find(hash), (Some((place, 5)), looked));
            assert_eq!(buckets.doubled().find(hash).0.map(|found| found.1), Some(5));
            assert_eq!(buckets.take(place), Some(Entry { hash, row: 5 }));
            assert_eq!((buckets.take(place), buckets.find(hash).0), (None, None));
        }
    }
}
