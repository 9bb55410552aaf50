//! Finding the row of an id: a cuckoo table, the hash map of the standard library with a fast hash,
//! and a vector indexed by the number of the id, in one run.
//!
//!     cargo bench --bench lookups -- 50000000

use std::hint::black_box;
use std::time::Instant;

use rustc_hash::FxHashMap;
use straggler::base::stream::mix;
use straggler::server::cuckoo::{CuckooConfig, CuckooTable};

/// Lookups of a round.
const LOOKUPS: u32 = 10_000_000;
/// Rounds, in which the tables take turns.
const ROUNDS: usize = 5;

/// The key of an id: ids of a log have hashes of their texts.
fn key(id: u32) -> u64 {
    mix(u64::from(id) + 1)
}

/// Nanoseconds for each of `count` calls.
#[allow(clippy::disallowed_methods, reason = "a benchmark measures the host's time")]
fn per_call(count: u32, mut call: impl FnMut(u32) -> u64) -> f64 {
    let start = Instant::now();
    let sum = (0..count).fold(0u64, |sum, n| sum.wrapping_add(call(n)));
    black_box(sum);
    start.elapsed().as_secs_f64() * 1e9 / f64::from(count)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let rows = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1_000_000u32);
    let mut table = CuckooTable::new(CuckooConfig::default());
    let insert = |id| {
        table.insert(key(id), id);
        0
    };
    let cuckoo_in = per_call(rows, insert);
    let mut map: FxHashMap<u64, u32> = FxHashMap::default();
    let map_in = per_call(rows, |id| u64::from(map.insert(key(id), id).unwrap_or(0)));
    let direct: Vec<u32> = (0..rows).collect();
    // In random order, as the distinct ids of a batch.
    let drawn =
        |n: u32| ((u64::from(mix(u64::from(n) ^ 0xABCD) as u32) * u64::from(rows)) >> 32) as u32;
    let asked: Vec<(u64, u32)> = (0..LOOKUPS).map(drawn).map(|id| (key(id), id)).collect();
    let absent: Vec<u64> = (0..LOOKUPS).map(|n| key(rows + n)).collect();
    let mut times: [Vec<f64>; 5] = Default::default();
    for _ in 0..ROUNDS {
        let of = [
            per_call(LOOKUPS, |n| u64::from(table.find(asked[n as usize].0).0.unwrap_or(0))),
            per_call(LOOKUPS, |n| u64::from(map.get(&asked[n as usize].0).copied().unwrap_or(0))),
            per_call(LOOKUPS, |n| u64::from(direct[asked[n as usize].1 as usize])),
            per_call(LOOKUPS, |n| u64::from(table.find(absent[n as usize]).0.unwrap_or(0))),
            per_call(LOOKUPS, |n| u64::from(map.get(&absent[n as usize]).copied().unwrap_or(0))),
        ];
        times.iter_mut().zip(of).for_each(|(times, of)| times.push(of));
    }
    let [cuckoo, std, number, cuckoo_absent, std_absent] = times.map(median);
    let state = table.state();
    // A hash map fills seven eighths of a power of two; an entry has 16 bytes and one of control.
    let buckets = (map.capacity() as u64 * 8 / 7).next_power_of_two();
    let per_row = |bytes: u64| bytes as f64 / f64::from(rows);
    println!("{rows} rows; cuckoo table {:.1} % full, {:?}", 100.0 * state.load(), state.counts);
    println!("                 found   absent  insertion  bytes per row");
    println!(
        "cuckoo        {cuckoo:8.1} {cuckoo_absent:8.1} {cuckoo_in:10.1} {:14.1}",
        per_row(state.bytes)
    );
    println!(
        "hash map      {std:8.1} {std_absent:8.1} {map_in:10.1} {:14.1}",
        per_row(buckets * 17)
    );
    println!("by number     {number:8.1}        -          - {:14.1}", 0.0);
    println!("cuckoo / hash map {:.2}, cuckoo / by number {:.2}", cuckoo / std, cuckoo / number);
}
