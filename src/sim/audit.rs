//! How often each example was used.
//!
//! An example is used once for every push of it that all shards have applied. So the counts of all
//! examples add up to the number of examples applied in the run.

use std::ops::Range;

/// Counts how often the examples of a window are used.
#[derive(Clone, Debug)]
pub struct Audit {
    window: Vec<Range<u64>>,
    first: u64,
    /// By example, from the first of the window to the last.
    uses: Vec<u32>,
}

impl Audit {
    /// No example of `window` has been used. The parts of `window` do not overlap.
    pub fn new(window: Vec<Range<u64>>) -> Audit {
        let first = window.iter().map(|part| part.start).min().unwrap_or(0);
        let end = window.iter().map(|part| part.end).max().unwrap_or(first);
        Audit { window, first, uses: vec![0; (end - first) as usize] }
    }

    /// Counts one use of each of these examples.
    pub fn note(&mut self, examples: &[u64]) {
        for id in examples {
            self.uses[(id - self.first) as usize] += 1;
        }
    }

    /// How many examples were used how often: `(uses, examples)`, without empty counts.
    pub fn counts(&self) -> Vec<(u32, u64)> {
        let part = |part: &Range<u64>| {
            (part.start - self.first) as usize..(part.end - self.first) as usize
        };
        let mut sorted: Vec<u32> = Vec::with_capacity(self.uses.len());
        self.window.iter().for_each(|days| sorted.extend(&self.uses[part(days)]));
        sorted.sort_unstable();
        let same = sorted.chunk_by(|a, b| a == b);
        same.map(|chunk| (chunk[0], chunk.len() as u64)).collect()
    }
}

crate::persist!(Audit { window: fixed, first: fixed, uses: sized });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_add_up(examples in proptest::collection::vec(100u64..150, 0..300)) {
            let mut audit = Audit::new(vec![100..130, 140..150]);
            let examples: Vec<u64> =
                examples.into_iter().filter(|id| !(130..140).contains(id)).collect();
            audit.note(&examples);
            let counts = audit.counts();
            let sum = |of: fn(&(u32, u64)) -> u64| counts.iter().map(of).sum::<u64>();
            prop_assert_eq!(sum(|(_, examples)| *examples), 40);
            prop_assert_eq!(sum(|(uses, n)| u64::from(*uses) * n), examples.len() as u64);
            prop_assert!(counts.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
