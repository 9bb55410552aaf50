//! A log as rows in the form of Criteo's: a label, 13 integers and 26 hashed categories, between tabs.
//!
//! It has the size of that log and reads like it, for trying out large logs; its statistics are not
//! Criteo's. Categories are the fields of the log, and then pairs of them; integers are drawn from
//! the ids.

use std::fmt::Write;

use crate::base::stream::mix;
use crate::data::Batch;

const INTEGERS: usize = 13;
const CATEGORIES: usize = 26;
/// Different values of a pair of fields.
const PAIRS: u64 = 100_000;

/// The row of the `i`-th example of a batch.
pub(super) fn line(batch: &Batch, i: usize) -> String {
    let width = batch.fields.len() / batch.len().max(1);
    let ids = &batch.fields[i * width..][..width];
    let mut line = String::with_capacity(300);
    line.push(if batch.labels[i] > 0.5 { '1' } else { '0' });
    for column in 0..INTEGERS {
        let drawn = mix(of(ids, column) ^ (column as u64) << 40);
        line.push('\t');
        // One in eight is missing, and small ones are frequent.
        if !drawn.is_multiple_of(8) {
            let bits = (drawn >> 8).trailing_zeros().min(12);
            push(&mut line, format_args!("{}", (drawn >> 32) & ((2 << bits) - 1)));
        }
    }
    for column in 0..CATEGORIES {
        let value = match ids.get(column) {
            Some(id) => u64::from(*id),
            None => mix(of(ids, column) ^ mix(of(ids, column / 5 + 1))) % PAIRS,
        };
        let hash = mix(value ^ (column as u64) << 48) as u32;
        push(&mut line, format_args!("\t{hash:08x}"));
    }
    line
}

/// The id of a field, the fields taken round and round.
fn of(ids: &[u32], column: usize) -> u64 {
    ids.get(column % ids.len().max(1)).map_or(0, |id| u64::from(*id))
}

fn push(line: &mut String, text: std::fmt::Arguments<'_>) {
    line.write_fmt(text).expect("a text takes what is written to it");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_columns_of_criteo() {
        let mut batch = Batch::default();
        for (label, ids) in [(1.0, [7, 8, 9]), (0.0, [7, 8, 9]), (0.0, [7, 8, 10])] {
            batch.labels.push(label);
            batch.fields.extend(ids);
            batch.info.push(crate::data::ExampleInfo { id: 0, day: 1, group: 0 });
        }
        let rows: Vec<String> = (0..3).map(|i| line(&batch, i)).collect();
        assert!(rows.iter().all(|row| row.split('\t').count() == 40));
        assert_eq!(rows[0][1..], rows[1][1..]);
        assert_ne!(rows[1], rows[2]);
        assert!(rows[0].starts_with("1\t") && rows[1].starts_with("0\t"));
    }
}
