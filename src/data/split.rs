//! Finding the cells of a line that has no quotes.
//!
//! 64 bytes at a time: a bit per byte that is the delimiter, then the bits one by one. Most cells
//! of a click log have eight bytes or none, too few for a search of its own each.

use std::ops::Range;

const LOW: u64 = 0x0101_0101_0101_0101;
const SEVEN: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// Appends the ranges of the cells of `line`; at least one.
pub(crate) fn split(line: &[u8], delimiter: u8, cells: &mut Vec<Range<usize>>) {
    let pattern = LOW * u64::from(delimiter);
    let mut start = 0;
    let (blocks, rest) = line.as_chunks::<64>();
    let mut take = |from: usize, mut found: u64| {
        while found != 0 {
            let at = from + found.trailing_zeros() as usize;
            cells.push(start..at);
            start = at + 1;
            found &= found - 1;
        }
    };
    for (index, block) in blocks.iter().enumerate() {
        take(index * 64, matches(block, pattern));
    }
    let tail = line.len() - rest.len();
    let (words, last) = rest.as_chunks::<8>();
    let found = words.iter().enumerate().fold(0, |found, (index, word)| {
        found | match_word(u64::from_le_bytes(*word), pattern) << (index * 8)
    });
    take(tail, found);
    for (index, byte) in last.iter().enumerate() {
        if *byte == delimiter {
            take(line.len() - last.len() + index, 1);
        }
    }
    cells.push(start..line.len());
}

/// Bit `i` says whether byte `i` is the one repeated in `pattern`.
fn matches(block: &[u8; 64], pattern: u64) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    words.iter().enumerate().fold(0, |found, (index, word)| {
        found | match_word(u64::from_le_bytes(*word), pattern) << (index * 8)
    })
}

/// The same for eight bytes, in the lowest eight bits.
#[inline]
fn match_word(word: u64, pattern: u64) -> u64 {
    let differing = word ^ pattern;
    // The highest bit of each byte that is zero; no carry passes from byte to byte.
    let zero = !(((differing & SEVEN) + SEVEN) | differing | SEVEN);
    // Gathers the eight highest bits in the uppermost byte.
    (zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cells_are_those_of_the_plain_split(
            line in prop::collection::vec(prop_oneof![Just(b','), Just(b'\x2d'), any::<u8>()], 0..300)
        ) {
            let mut cells = Vec::new();
            split(&line, b',', &mut cells);
            let found: Vec<&[u8]> = cells.into_iter().map(|cell| &line[cell]).collect();
            let plain: Vec<&[u8]> = line.split(|byte| *byte == b',').collect();
            prop_assert_eq!(found, plain);
        }
    }
}
