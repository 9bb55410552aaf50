//! Classes of embedding rows, by which the holdout is divided: by how often training has met a row,
//! how long ago it last did, and how often the row has returned.

use crate::metrics::{Quality, Undefined};

/// An id space by whose rows the holdout is divided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowSpace {
    /// Its name.
    pub name: String,
    /// Its number.
    pub space: usize,
    /// The field whose id says to which row an example belongs.
    pub field: usize,
    /// The table whose rows are looked at: the first over the space.
    pub table: usize,
    /// Its rows.
    pub rows: u32,
}

/// By what the rows are divided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RowSplit {
    /// Pushes with the row so far.
    Frequency,
    /// Updates of the job since the last push with the row.
    Age,
    /// Times that the row has returned after an eviction.
    Returned,
}

/// A class of rows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RowClass {
    /// Its name.
    pub name: &'static str,
    /// The least number that belongs to it, if it is a range of numbers.
    pub least: Option<u64>,
}

const fn named(name: &'static str) -> RowClass {
    RowClass { name, least: None }
}

const fn from(least: u64, name: &'static str) -> RowClass {
    RowClass { name, least: Some(least) }
}

/// Rows that are not there at evaluation.
pub(super) const UNKNOWN: RowClass = named("unknown");
/// Rows that were there when the run began, and that no push has had since.
pub(super) const EARLIER: RowClass = named("before the run");
/// Rows that were evicted and have not returned.
pub(super) const EVICTED: RowClass = named("evicted");

const FREQUENCY: [RowClass; 6] = [
    from(0, "0"),
    from(1, "1 to 4"),
    from(5, "5 to 19"),
    from(20, "20 to 99"),
    from(100, "100 to 499"),
    from(500, "500 and more"),
];
const AGE: [RowClass; 5] = [
    from(0, "0 to 9"),
    from(10, "10 to 99"),
    from(100, "100 to 999"),
    from(1000, "1000 to 9999"),
    from(10_000, "10000 and more"),
];
const RETURNED: [RowClass; 4] =
    [from(0, "0"), from(1, "1"), from(2, "2 to 4"), from(5, "5 and more")];

impl RowSplit {
    /// All of them.
    pub const ALL: [RowSplit; 3] = [RowSplit::Frequency, RowSplit::Age, RowSplit::Returned];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            RowSplit::Frequency => "frequency",
            RowSplit::Age => "age",
            RowSplit::Returned => "returned",
        }
    }

    /// Its classes of numbers, ascending.
    fn ranges(self) -> &'static [RowClass] {
        match self {
            RowSplit::Frequency => &FREQUENCY,
            RowSplit::Age => &AGE,
            RowSplit::Returned => &RETURNED,
        }
    }

    /// All its classes, in order.
    pub fn classes(self) -> impl Iterator<Item = RowClass> {
        let first: &[RowClass] = match self {
            RowSplit::Frequency => &[UNKNOWN],
            RowSplit::Age => &[UNKNOWN, EARLIER],
            RowSplit::Returned => &[UNKNOWN, EVICTED],
        };
        first.iter().chain(self.ranges()).copied()
    }

    /// The class of a number.
    pub(super) fn class_of(self, number: u64) -> RowClass {
        let ranges = self.ranges();
        let at = ranges.partition_point(|class| class.least.is_some_and(|least| least <= number));
        ranges[at.saturating_sub(1)]
    }
}

/// What the examples of a class of rows are like, and how good the model is on them.
#[derive(Clone, PartialEq, Debug)]
pub struct RowClassLook {
    /// The id space.
    pub space: String,
    /// By what it is divided.
    pub split: RowSplit,
    /// The class.
    pub class: RowClass,
    /// Share of the examples.
    pub share: f64,
    /// Quality on the examples of the class.
    pub quality: Quality,
    /// The mean of the predicted probabilities.
    pub predicted: Option<f64>,
    /// Why figures are not defined.
    pub undefined: Vec<Undefined>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_begin_where_their_names_say() {
        let of = |split: RowSplit, numbers: &[u64]| -> Vec<&str> {
            numbers.iter().map(|number| split.class_of(*number).name).collect()
        };
        assert_eq!(
            of(RowSplit::Frequency, &[0, 1, 4, 5, 19, 20, 99, 100, 499, 500, u64::MAX]),
            [
                "0",
                "1 to 4",
                "1 to 4",
                "5 to 19",
                "5 to 19",
                "20 to 99",
                "20 to 99",
                "100 to 499",
                "100 to 499",
                "500 and more",
                "500 and more"
            ]
        );
        assert_eq!(
            of(RowSplit::Age, &[0, 9, 10, 9999, 10_000])[3..],
            ["1000 to 9999", "10000 and more"]
        );
        assert_eq!(
            of(RowSplit::Returned, &[0, 1, 2, 4, 5]),
            ["0", "1", "2 to 4", "2 to 4", "5 and more"]
        );
        for split in RowSplit::ALL {
            let names: Vec<&str> = split.classes().map(|class| class.name).collect();
            for class in split.classes() {
                let begins = class.least.is_none_or(|least| {
                    class.name.split(' ').next() == Some(least.to_string().as_str())
                });
                assert!(begins, "{class:?}");
                assert_eq!(names.iter().filter(|name| **name == class.name).count(), 1);
            }
        }
    }
}
