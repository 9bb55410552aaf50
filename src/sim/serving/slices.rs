//! What the copies have said, by how well known the items of the requests were.

use super::scores::{Age, Ages, Scores, ServedCopy, mean, undefined};
use crate::metrics::{LabelCounts, Quality, Undefined};
use crate::online::{Doubling, ItemSplit};

/// What one copy served of the requests of a class, in the whole run.
#[derive(Clone, PartialEq, Debug)]
pub struct ServedSlice {
    /// The copy.
    pub copy: ServedCopy,
    /// By what requests are divided.
    pub by: ItemSplit,
    /// The class.
    pub class: Doubling,
    /// Quality on the scored requests of the class.
    pub quality: Quality,
    /// Why figures are not defined.
    pub undefined: Vec<Undefined>,
    /// Only of the serving copy.
    pub ages: Option<Ages>,
}

impl Scores {
    /// What every copy served in the whole run, by split and class, the classes in order. Each scored
    /// request is in one class of every split. Empty if nobody knows how well known items were.
    pub(super) fn slices(&self) -> Vec<ServedSlice> {
        let mut slices = Vec::new();
        // The requests of each class, in the order in which they came.
        let divided = ItemSplit::ALL.map(|by| {
            let mut order: Vec<usize> = (0..self.items.len()).collect();
            order.sort_by_key(|at| self.items[*at].by(by));
            (by, order)
        });
        for (place, &copy) in self.copies.iter().enumerate() {
            for (by, order) in &divided {
                for of in order.chunk_by(|a, b| self.items[*a].by(*by) == self.items[*b].by(*by)) {
                    let labels: Vec<f32> = of.iter().map(|at| self.labels[*at]).collect();
                    let groups: Vec<u64> = of.iter().map(|at| self.groups[*at]).collect();
                    let logits: Vec<f32> = of.iter().map(|at| self.logits[place][*at]).collect();
                    let ages: Vec<Age> = of.iter().map(|at| self.ages[*at]).collect();
                    let quality = Quality::of(&logits, &labels, &groups);
                    slices.push(ServedSlice {
                        copy,
                        by: *by,
                        class: self.items[of[0]].by(*by),
                        undefined: undefined(&quality, LabelCounts::of(&labels, &groups)),
                        quality,
                        ages: mean(&ages).filter(|_| copy == ServedCopy::Serving),
                    });
                }
            }
        }
        slices
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SimSpan;
    use crate::online::ItemClass;

    #[test]
    fn each_request_is_in_one_class_of_each_split() {
        let mut scores = Scores::new(&[]);
        let classes = [(0, Some(0)), (5, None), (6, Some(70)), (4, Some(100))];
        let of = |(met, age): (u64, Option<u64>)| ItemClass {
            frequency: Doubling::of(met),
            age: age.map_or(Doubling::BEFORE, Doubling::of),
        };
        let items = classes.map(of);
        let ages = [0.0, 4.0, 2.0, 0.0].map(|seconds| Age {
            row_lag: SimSpan::from_seconds(seconds),
            is_stale: seconds > 0.0,
            dense: SimSpan::ZERO,
        });
        scores.add(&[0.0, 1.0, 1.0, 0.0], &[0; 4], (&ages, &items), &[vec![0.0, 1.0, -2.0, 0.5]]);
        let found: Vec<_> = scores.slices();
        let of = |slice: &ServedSlice| {
            let ages = slice.ages.unwrap();
            let auc = slice.quality.auc;
            (slice.by, slice.class.ends(), slice.quality.examples, auc, ages.stale)
        };
        let by = ItemSplit::ALL;
        assert_eq!(
            found.iter().map(of).collect::<Vec<_>>(),
            [
                (by[0], Some((0, 0)), 1, None, 0.0),
                (by[0], Some((4, 7)), 3, Some(0.5), 2.0 / 3.0),
                (by[1], Some((0, 0)), 1, None, 0.0),
                (by[1], Some((64, 127)), 2, Some(0.0), 0.5),
                (by[1], None, 1, None, 1.0),
            ]
        );
        assert_eq!(found[0].undefined[0].reason, "no scored request is positive");
    }
}
