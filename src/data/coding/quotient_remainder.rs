//! The quotient-remainder trick: Shi et al., *Compositional Embeddings Using Complementary
//! Partitions*, KDD 2020 (arXiv 1909.02107).
//!
//! The paper divides the dense number of an id, so that no two ids have the same pair of rows. A
//! number of an id is only the same in every log if it is a hash, so here the hash is divided, as in
//! the baseline of Monolith (arXiv 2209.07663): two ids have the same pair with a probability of
//! one in `rows` times `quotients`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HashingConfig, Join, SharedRows};
use crate::base::stream::mix;

/// The sizes of the two tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Rows of the table of remainders.
    #[schemars(range(min = 1))]
    pub rows: u32,
    /// Rows of the table of quotients. If left out, as many as there are rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub quotients: Option<u32>,
    /// How the two rows become the embedding.
    pub join: Join,
}

impl Default for Config {
    fn default() -> Config {
        Config { rows: 10_000, quotients: None, join: Join::Add }
    }
}

impl HashingConfig for Config {
    fn rows(&self, _ids: u32) -> Option<SharedRows> {
        let quotients = self.quotients.unwrap_or(self.rows);
        let tables = vec![(".remainder", self.rows), (".quotient", quotients)];
        Some(SharedRows { tables, parts: vec![0, 1], join: self.join })
    }

    fn find(&self, key: u64, _ids: u32, rows: &mut Vec<u32>) {
        let (remainders, quotients) =
            (u64::from(self.rows), u64::from(self.quotients.unwrap_or(self.rows)));
        let range = u128::from(remainders) * u128::from(quotients);
        let number = ((u128::from(mix(key)) * range) >> 64) as u64;
        rows.extend([(number % remainders) as u32, (number / remainders) as u32]);
    }

    fn row_index(&self) -> Option<super::cuckoo::Config> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_hardly_ever_collide_though_rows_do() {
        let hashing = Config { rows: 300, quotients: Some(400), join: Join::Add };
        let mut pairs: Vec<Vec<u32>> = (0..1000u64)
            .map(|key| {
                let mut rows = Vec::new();
                hashing.find(key, 1000, &mut rows);
                rows
            })
            .collect();
        pairs.sort();
        pairs.dedup();
        // Of 1000 ids 4 pairs are expected to meet in 120,000 places.
        assert!((985..=1000).contains(&pairs.len()), "{}", pairs.len());
    }
}
