//! The shortest path of displacements that makes room for a new entry.

use super::buckets::{Buckets, Place};

/// Most buckets that a search looks at; with buckets of four and paths of five moves it looks at 2,730.
const MOST_BUCKETS: usize = 1 << 14;

/// A bucket that is reached when the entry in `slot` of the bucket before it moves there.
#[derive(Clone, Copy)]
struct Reached {
    bucket: usize,
    /// The bucket before it, by its number in the search; itself for the first ones.
    from: usize,
    slot: usize,
    moves: usize,
}

/// A free slot in one of the two buckets of a hash: most insertions need no path.
#[inline]
pub(super) fn free_home(buckets: &Buckets, hash: u64) -> Option<Place> {
    let [first, second] = buckets.homes(hash);
    buckets.vacancy(first).or_else(|| buckets.vacancy(second))
}

/// The places of a shortest path, for a new entry with this hash: it takes the first place, what lies
/// there moves to the second, and so on; the last is free. `None` if there is no path of at most
/// `longest` moves.
///
/// No bucket occurs twice: what lies between its two occurrences could be left out, and shorter paths
/// are found first.
pub(super) fn shortest(buckets: &Buckets, hash: u64, longest: usize) -> Option<Vec<Place>> {
    if let Some(place) = free_home(buckets, hash) {
        return Some(vec![place]);
    }
    let [first, second] = buckets.homes(hash);
    let root = |bucket, from| Reached { bucket, from, slot: 0, moves: 0 };
    let mut reached = vec![root(first, 0)];
    if second != first {
        reached.push(root(second, 1));
    }
    let mut next = 0;
    while let Some(&Reached { bucket, moves, .. }) = reached.get(next) {
        if let Some(place) = buckets.vacancy(bucket) {
            return Some(back(&reached, next, place));
        }
        if moves < longest {
            for slot in 0..buckets.slots() {
                let entry = buckets.at(Place { bucket, slot });
                let other = entry.map(|entry| buckets.other_home(entry.hash, bucket));
                if let Some(other) = other.filter(|other| *other != bucket)
                    && reached.len() < MOST_BUCKETS
                {
                    reached.push(Reached { bucket: other, from: next, slot, moves: moves + 1 });
                }
            }
        }
        next += 1;
    }
    None
}

/// The path that ends at `last`, in the bucket with this number.
fn back(reached: &[Reached], mut number: usize, last: Place) -> Vec<Place> {
    let mut path = vec![last];
    while reached[number].from != number {
        let Reached { from, slot, .. } = reached[number];
        path.push(Place { bucket: reached[from].bucket, slot });
        number = from;
    }
    path.reverse();
    path
}
