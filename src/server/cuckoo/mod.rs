//! A cuckoo hash table from the ids of an embedding table to its rows.
//!
//! An entry may lie in any slot of two buckets, which two halves of its hash choose. If both are full,
//! a new entry takes the slot of another, which moves to its other bucket, and so on: the shortest such
//! path is searched breadth first. Without a path the number of buckets doubles. So two buckets are all
//! that a find ever looks at.
//!
//! Sources: Pagh & Rodler, *Cuckoo hashing*, 2004; buckets of several slots by Dietzfelbinger & Weidling
//! 2007; breadth-first search by Li et al., EuroSys 2014, as in libcuckoo, which is the table of Monolith
//! (its code: 4 slots, 65,536 buckets at first, paths of at most 5 moves, an error if the table would have
//! to double below a load of 0.05).

mod buckets;
mod counts;
mod index;
mod path;
mod table;
#[cfg(test)]
mod tests;

pub use buckets::{Place, homes_of};
pub use counts::{CuckooCounts, CuckooState};
pub(super) use index::RowIndexes;
pub use index::{IndexedSpace, RowIndex};
pub use table::CuckooTable;

pub use crate::data::coding::cuckoo::Config as CuckooConfig;
