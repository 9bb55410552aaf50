//! How many ids of the training window share all their rows with another id, and how many of the
//! look-ups are theirs.

use rustc_hash::FxHashMap;

use super::passes;
use crate::data::coding::CodedSpace;
use crate::data::{Coding, DataSource, Day};

/// Collisions in one id space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Collisions {
    /// The id space.
    pub space: String,
    /// Ids that occur in the training window.
    pub ids: u64,
    /// Different combinations of rows that they have.
    pub embeddings: u64,
    /// Ids that have the same rows as another of them.
    pub sharing: u64,
    /// Occurrences of all ids.
    pub lookups: u64,
    /// Occurrences of those that have the same rows as another.
    pub shared_lookups: u64,
}

impl Collisions {
    /// For people: a name, and what there is to say.
    pub fn fact(&self) -> (String, String) {
        let share = |part: u64, all: u64| 100.0 * part as f64 / all.max(1) as f64;
        let text = format!(
            "{} ids in {} embeddings ({:.2} % fewer); {:.2} % of the ids share theirs, and {:.2} % of the look-ups",
            self.ids,
            self.embeddings,
            share(self.ids - self.embeddings, self.ids),
            share(self.sharing, self.ids),
            share(self.shared_lookups, self.lookups),
        );
        (format!("rows of {}", self.space), text)
    }
}

/// The collisions of each id space whose ids share rows; `log` is the log itself.
pub fn of(log: &dyn DataSource, coding: &Coding, train: &[Day]) -> Vec<Collisions> {
    let counts = passes::counts(log, train);
    let spaces = coding.plain.spaces.iter().zip(&coding.spaces).zip(&counts);
    let shares = |coded: &CodedSpace| coded.parts.iter().any(|part| part.rows.is_some());
    spaces
        .filter(|((_, coded), _)| shares(coded))
        .map(|((space, coded), counts)| one(&space.name, coded, counts))
        .collect()
}

fn one(space: &str, coded: &CodedSpace, counts: &[u32]) -> Collisions {
    // By combination of rows: ids, and their occurrences.
    let mut groups: FxHashMap<Vec<u32>, (u64, u64)> = FxHashMap::default();
    for (id, &count) in (0u32..).zip(counts).filter(|(_, count)| **count > 0) {
        let rows = coded.parts.iter().map(|part| part.of(id)).collect();
        let (ids, lookups) = groups.entry(rows).or_default();
        *ids += 1;
        *lookups += u64::from(count);
    }
    let mut all = Collisions {
        space: space.to_string(),
        ids: 0,
        embeddings: groups.len() as u64,
        sharing: 0,
        lookups: 0,
        shared_lookups: 0,
    };
    // Sums of whole numbers do not depend on the order.
    for (ids, lookups) in groups.into_values() {
        all.ids += ids;
        all.lookups += lookups;
        if ids > 1 {
            all.sharing += ids;
            all.shared_lookups += lookups;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::coding::{CodedPart, Join};

    #[test]
    fn ids_that_do_not_occur_collide_with_nobody() {
        let part = |rows: &[u32]| CodedPart { space: 0, rows: Some(rows.to_vec()) };
        let coded = CodedSpace { parts: vec![part(&[0, 1, 0, 1, 2])], join: Join::Add };
        let found = one("item", &coded, &[5, 2, 1, 0, 4]);
        let wanted = Collisions {
            space: "item".into(),
            ids: 4,
            embeddings: 3,
            sharing: 2,
            lookups: 12,
            shared_lookups: 6,
        };
        assert_eq!(found, wanted);
        assert_eq!(
            found.fact().1,
            "4 ids in 3 embeddings (25.00 % fewer); 50.00 % of the ids share theirs, and 50.00 % of the look-ups"
        );
        let two = CodedSpace {
            parts: vec![part(&[0, 1, 0, 1, 2]), part(&[0, 0, 1, 0, 0])],
            join: Join::Add,
        };
        assert_eq!(one("item", &two, &[5, 2, 1, 0, 4]).sharing, 0);
    }
}
