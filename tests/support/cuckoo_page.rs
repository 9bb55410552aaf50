//! What the page about cuckoo tables shows, made by the code itself.

use std::fmt::Write;

use straggler::base::stream::mix;
use straggler::server::cuckoo::{CuckooConfig, CuckooTable, Place, homes_of};

/// The generated blocks of the page: their names and texts.
pub(crate) fn blocks() -> Vec<(&'static str, String)> {
    vec![("displacement", displacement()), ("load", load()), ("growth", growth())]
}

/// Ids have letters for names.
fn letter(row: u32) -> char {
    char::from(b'A' + (row % 26) as u8)
}

/// A small table in which the next insertion moves two others: the table, the key of the next letter,
/// and the letter's number.
fn example() -> (CuckooTable, u64, u32) {
    let settings = CuckooConfig { slots: 2, start: 8, longest_path: 5, grow_at: None };
    for seed in 0u64.. {
        let mut table = CuckooTable::new(settings);
        for row in 0..16u32 {
            let key = mix(seed << 8 | u64::from(row));
            let moves = table.path(key).map(|path| path.len() - 1);
            if moves == Some(2) && row >= 9 {
                return (table, key, row);
            }
            if moves.is_none() {
                break;
            }
            table.insert(key, row);
        }
    }
    unreachable!("some seed has such an insertion")
}

/// The buckets of a table, one to a line.
fn drawn(table: &CuckooTable) -> Vec<String> {
    let bucket = |number| {
        let slots = table.bucket(number);
        let slots = slots.into_iter().map(|row| row.map_or('.', letter).to_string());
        format!("{number}|{}|", slots.collect::<Vec<_>>().join("|"))
    };
    (0..1 << table.bits()).map(bucket).collect()
}

fn displacement() -> String {
    let (mut table, key, row) = example();
    let path = table.path(key).expect("it has one");
    let name = letter(row);
    let [one, other] = homes_of(key, table.bits());
    let before = drawn(&table);
    let who = |place: &Place| letter(table.bucket(place.bucket)[place.slot].expect("it is taken"));
    let mut steps = Vec::new();
    for pair in path.windows(2).rev() {
        steps.push(format!(
            "{} moves from bucket {} to {}",
            who(&pair[0]),
            pair[0].bucket,
            pair[1].bucket
        ));
    }
    steps.push(format!("{name} takes the free slot of bucket {}", path[0].bucket));
    table.insert(key, row);
    let mut text =
        format!("```text\n{name} may lie in bucket {one} or {other}: both are full.\n\n");
    text.push_str("before   after\n");
    for (before, after) in before.iter().zip(drawn(&table)) {
        let mark = if before == &after { "" } else { " <-" };
        let _ = writeln!(text, "{before}   {after}{mark}");
    }
    text.push('\n');
    for (number, step) in (1..).zip(&steps) {
        let _ = writeln!(text, "{number}. {step}");
    }
    text.push_str("```\n");
    text
}

/// Slots of the tables that are filled.
const SLOTS: u32 = 1 << 16;

fn of_shape(slots: u32, longest_path: u32) -> CuckooTable {
    CuckooTable::new(CuckooConfig { slots, start: SLOTS / slots, longest_path, grow_at: None })
}

/// Inserts until this share of the slots is taken; `false` if the table doubled before.
fn fill(table: &mut CuckooTable, share: f64) -> bool {
    while table.state().counts.growths == 0 && table.state().load() < share {
        let n = table.len();
        table.insert(mix(n), n as u32);
    }
    table.state().counts.growths == 0
}

/// Entries moved by an insertion while the last hundredth of the slots was taken, and slots that a find
/// looks at.
fn at_load(slots: u32, share: f64) -> Option<(f64, f64)> {
    let mut table = of_shape(slots, 1000);
    if !fill(&mut table, share - 0.01) {
        return None;
    }
    let before = table.state().counts;
    if !fill(&mut table, share) {
        return None;
    }
    let after = table.state().counts;
    let moved = (after.displaced - before.displaced) as f64;
    let looked: u64 = (0..table.len()).map(|n| table.find(mix(n)).1).sum();
    let per_find = looked as f64 / table.len() as f64;
    Some((moved / (after.insertions - before.insertions) as f64, per_find))
}

/// The load at which a table doubles for the first time.
fn first_doubling(slots: u32, longest_path: u32) -> f64 {
    let mut table = of_shape(slots, longest_path);
    fill(&mut table, 2.0);
    (table.len() - 1) as f64 / f64::from(SLOTS)
}

fn load() -> String {
    let shares = [0.25, 0.45, 0.75, 0.9, 0.97];
    let mut text = String::from("| slots per bucket |");
    for share in shares {
        let _ = write!(text, " {:.0} % |", 100.0 * share);
    }
    text.push_str(" doubles at (paths of 5) | (of 1,000) |\n|---|---|---|---|---|---|---|---|\n");
    for slots in [1, 2, 4, 8] {
        let _ = write!(text, "| {slots} |");
        for share in shares {
            match at_load(slots, share) {
                Some((moved, looked)) => {
                    let _ = write!(text, " {moved:.2}; {looked:.2} |");
                }
                None => text.push_str(" |"),
            }
        }
        let reached = [5, 1000].map(|longest| 100.0 * first_doubling(slots, longest));
        let _ = writeln!(text, " {:.1} % | {:.1} % |", reached[0], reached[1]);
    }
    text
}

fn growth() -> String {
    let mut table = CuckooTable::new(CuckooConfig { start: 64, ..CuckooConfig::default() });
    let mut text = String::from(
        "| insertion | load before | buckets then | entries copied |\n|---|---|---|---|\n",
    );
    for n in 0..6000u64 {
        let before = table.state();
        table.insert(mix(n), n as u32);
        let after = table.state();
        if after.counts.growths > before.counts.growths {
            let moved = after.counts.moved - before.counts.moved;
            let (load, buckets) = (100.0 * before.load(), after.buckets);
            let _ = writeln!(text, "| {} | {load:.1} % | {buckets} | {moved} |", n + 1);
        }
    }
    let counts = table.state().counts;
    let _ = writeln!(
        text,
        "\nIn all, 6,000 insertions moved {} entries to their other bucket, and doublings copied {}.",
        counts.displaced, counts.moved
    );
    text
}
