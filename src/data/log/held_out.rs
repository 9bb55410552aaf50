//! Rows that a log of rows holds out itself: the test files of a split, or a share of all rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Purpose, Streams, stream::unit};
use crate::data::DataError;

/// Which rows are held out for evaluation; they belong to no day. For logs without days: a split by
/// files, as it comes with many public logs, or at random.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HeldOutRows {
    /// Files whose rows are held out, of the same form as `files`: the test files of a split. A
    /// `[holdout]` without `days` evaluates on them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_out_files: Vec<String>,
    /// Share of the rows that is held out, each row drawn by itself; for every seed the same rows. A
    /// `[holdout]` without `days` evaluates on them.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = 0.9))]
    #[schemars(extend("x-default" = HeldOutRows::default().held_out_share))]
    pub held_out_share: f64,
}

fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

impl HeldOutRows {
    /// The files of a log: `files`, then those that are held out.
    pub(crate) fn behind<'a>(
        &'a self,
        files: &'a [String],
    ) -> impl Iterator<Item = &'a String> + use<'a> {
        files.iter().chain(&self.held_out_files)
    }

    /// Checks the settings.
    pub(crate) fn check(&self) -> Result<(), DataError> {
        let refuse =
            |key, problem: &str| Err(DataError::Setting { key, problem: problem.to_string() });
        if !(0.0..=0.9).contains(&self.held_out_share) {
            return refuse("held_out_share", "must be from 0 to 0.9");
        }
        if self.held_out_share > 0.0 && !self.held_out_files.is_empty() {
            return refuse("held_out_share", "give either a share or files to hold out, not both");
        }
        Ok(())
    }

    /// Where the rows go, which ascend by `stamps` (all rows have one, or none): those of the days
    /// first, then those held out. Nothing if every row stays where it is. `files` are the numbers
    /// of the first rows of the files.
    ///
    /// # Errors
    /// If no row is left for the days, or none is held out though some should be.
    pub(crate) fn arrange(
        &self,
        files: &[usize],
        rows: usize,
        stamps: &[i64],
    ) -> Result<Arranged, DataError> {
        let wanted = self.held_out_share > 0.0 || !self.held_out_files.is_empty();
        if !wanted && stamps.is_sorted() {
            return Ok(Arranged { in_days: rows, order: None });
        }
        let first_held = match self.held_out_files.len() {
            0 => rows,
            held => files[files.len() - held],
        };
        let streams = Streams::new(0);
        let is_held = |row: u32| match self.held_out_share > 0.0 {
            false => row as usize >= first_held,
            true => unit(streams.key(Purpose::HeldOut, u64::from(row), 0)) < self.held_out_share,
        };
        let held: Vec<bool> = (0..rows as u32).map(is_held).collect();
        let in_days = held.iter().filter(|held| !**held).count();
        let key = match self.held_out_files.is_empty() {
            true => "held_out_share",
            false => "held_out_files",
        };
        let refuse = |problem: &str| Err(DataError::Setting { key, problem: problem.to_string() });
        if in_days == 0 {
            return refuse("leaves no row to train on: `files` have none, or there are too few");
        }
        if wanted && in_days == rows {
            return refuse("holds out no row: the files have none, or there are too few");
        }
        let place = |row: &u32| (held[*row as usize], stamps.get(*row as usize).copied());
        let mut order: Vec<u32> = (0..rows as u32).collect();
        if order.is_sorted_by_key(place) {
            return Ok(Arranged { in_days, order: None });
        }
        order.sort_by_key(place);
        Ok(Arranged { in_days, order: Some(order) })
    }
}

/// The order of the rows of a log.
pub(crate) struct Arranged {
    /// Number of rows that belong to days; they come first.
    pub(crate) in_days: usize,
    /// The rows in their new order; `None` if they keep that of the files.
    pub(crate) order: Option<Vec<u32>>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(held_out_share: f64) -> HeldOutRows {
        HeldOutRows { held_out_share, ..HeldOutRows::default() }
    }

    fn files(count: usize) -> HeldOutRows {
        HeldOutRows { held_out_files: vec!["test".to_string(); count], held_out_share: 0.0 }
    }

    proptest! {
        /// Every row has one place; days come first, and each part ascends in time, with rows of one
        /// time in the order of the files.
        #[test]
        fn rows_of_days_come_first_and_each_part_ascends(
            stamps in prop::collection::vec(0i64..20, 40..200),
            by_files in any::<bool>(),
            has_times in any::<bool>(),
        ) {
            let rows = stamps.len();
            let stamps = if has_times { stamps } else { Vec::new() };
            let settings = if by_files { files(2) } else { share(0.3) };
            let begins = [0, 10, 25, 31];
            let arranged = settings.arrange(&begins, rows, &stamps).unwrap();
            let order = arranged.order.unwrap_or_else(|| (0..rows as u32).collect());
            let mut seen = order.clone();
            seen.sort_unstable();
            prop_assert!(seen.into_iter().eq(0..rows as u32));
            if by_files {
                prop_assert_eq!(arranged.in_days, 25);
                prop_assert!(order[..25].iter().all(|row| *row < 25));
            }
            let key = |row: &u32| (stamps.get(*row as usize), *row);
            let (days, held) = order.split_at(arranged.in_days);
            prop_assert!(days.is_sorted_by_key(key) && held.is_sorted_by_key(key));
        }
    }

    #[test]
    fn a_share_is_about_as_large_as_asked_for_and_always_the_same_rows() {
        let arrange = || share(0.2).arrange(&[0], 10_000, &[]).unwrap();
        let one = arrange();
        // Five standard deviations of a binomial draw.
        assert!((one.in_days as f64 - 8_000.0).abs() < 5.0 * (10_000.0f64 * 0.16).sqrt());
        assert_eq!(one.order, arrange().order);
    }

    #[test]
    fn nothing_asked_for_leaves_sorted_rows_alone() {
        let arranged = HeldOutRows::default().arrange(&[0], 3, &[1, 1, 5]).unwrap();
        assert_eq!((arranged.in_days, arranged.order), (3, None));
        let arranged = HeldOutRows::default().arrange(&[0], 3, &[5, 1, 1]).unwrap();
        assert_eq!((arranged.in_days, arranged.order), (3, Some(vec![1, 2, 0])));
    }

    #[test]
    fn settings_that_leave_nothing_are_refused() {
        let both = HeldOutRows { held_out_share: 0.1, ..files(1) };
        let name = |settings: HeldOutRows| settings.check().unwrap_err().to_string();
        assert!(name(both).starts_with("held_out_share: give either"));
        assert!(name(share(1.0)).starts_with("held_out_share: must be"));
        assert!(name(share(f64::NAN)).starts_with("held_out_share: must be"));
        let refused = |settings: HeldOutRows, begins: &[usize], rows| {
            settings.arrange(begins, rows, &[]).err().unwrap().to_string()
        };
        assert!(refused(files(1), &[0], 5).contains("no row to train on"));
        assert!(refused(files(1), &[0, 5], 5).contains("holds out no row"));
    }
}
