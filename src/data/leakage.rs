//! The guard between training and evaluation: no day is both trained on and held out.

use thiserror::Error;

use super::{Calendar, Day};

/// Why a holdout would give a wrong measurement.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum LeakError {
    /// A day that is trained on and evaluated on.
    #[error(
        "holdout day {day} lies inside the training window {train}; \
         evaluate on days that are not trained on"
    )]
    Inside {
        /// The first such day.
        day: String,
        /// The training window.
        train: String,
    },
    /// The holdout comes before days that the model is trained on.
    #[error(
        "holdout day {day} comes before the end of the training window {train}, so the model would \
         know its future; hold out later days, or allow holdout days in the past"
    )]
    Past {
        /// The first such day.
        day: String,
        /// The training window.
        train: String,
    },
}

/// Refuses a holdout that overlaps the training days, and, unless `allow_past`, one with days
/// before the last training day.
///
/// # Errors
/// If a holdout day is not allowed: the first such day, and the training window.
pub fn check_holdout(
    train: &[Day],
    holdout: &[Day],
    allow_past: bool,
    calendar: Calendar,
) -> Result<(), LeakError> {
    let mut trained: Vec<u32> = train.iter().map(|day| day.number).collect();
    trained.sort_unstable();
    trained.dedup();
    let mut held_out: Vec<u32> = holdout.iter().map(|day| day.number).collect();
    held_out.sort_unstable();
    let window = || describe(&trained, calendar);
    for &day in &held_out {
        if trained.binary_search(&day).is_ok() {
            let day = calendar.range(day, day);
            return Err(LeakError::Inside { day, train: window() });
        }
    }
    let end = trained.last().copied().unwrap_or(0);
    match held_out.first() {
        Some(&day) if day < end && !allow_past => {
            let day = calendar.range(day, day);
            Err(LeakError::Past { day, train: window() })
        }
        _ => Ok(()),
    }
}

/// Sorted days as ranges: `1..12, 31`.
fn describe(days: &[u32], calendar: Calendar) -> String {
    let ranges = days.chunk_by(|a, b| a + 1 == *b);
    let shown: Vec<String> = ranges.map(|run| calendar.range(run[0], run[run.len() - 1])).collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(numbers: &[u32]) -> Vec<Day> {
        let day = |&number: &u32| Day { number, first: u64::from(number) * 10, examples: 10 };
        numbers.iter().map(day).collect()
    }

    #[test]
    fn r30_the_guard_refuses_overlap_and_the_past_and_names_both_sides() {
        let check = |train: &[u32], holdout: &[u32], allow_past| {
            check_holdout(&days(train), &days(holdout), allow_past, Calendar::default())
                .map_err(|error| error.to_string())
        };
        assert_eq!(check(&[1, 2, 3], &[5], false), Ok(()));
        let inside = check(&[1, 2, 3, 31], &[31], true).unwrap_err();
        assert!(inside.starts_with("holdout day 31 lies inside the training window 1..3, 31"));
        let past = check(&[5, 2], &[9, 4], false).unwrap_err();
        assert!(past.starts_with("holdout day 4 comes before the end of the training window 2, 5"));
        assert_eq!(check(&[5, 2], &[9, 4], true), Ok(()));
        assert_eq!(check(&[1], &[], false), Ok(()));
    }
}
