//! Races: the points of a sweep at the same simulated time and after the same number of examples.
//!
//! The quality at a place is that of the last evaluation at or before it: nothing is interpolated.

use super::outcome::{OutcomeError, Results, State};
use super::statistics::{self, Estimate, student};

/// The evaluations of one trial, in their order: position and quality.
pub type Curve = Vec<(f64, f64)>;

/// The quality at a place: that of the last evaluation at or before it; `None` before the first.
pub fn quality_at(curve: &[(f64, f64)], place: f64) -> Option<f64> {
    curve.iter().take_while(|(position, _)| *position <= place).last().map(|(_, quality)| *quality)
}

/// The place that all curves reach: the earliest of their ends; `None` without curves.
pub fn common_end<'a>(curves: impl IntoIterator<Item = &'a Curve>) -> Option<f64> {
    let ends = curves.into_iter().filter_map(|curve| curve.last()).map(|(position, _)| *position);
    ends.reduce(f64::min)
}

/// One contestant at one place.
#[derive(Clone, PartialEq, Debug)]
pub struct Standing {
    /// The mean quality over its trials.
    pub mean: Option<f64>,
    /// Its difference to the first contestant, paired by seed; `None` for the first, and with fewer
    /// than [`statistics::FEWEST`] pairs.
    pub difference: Option<Estimate>,
}

/// All contestants at one place.
#[derive(Clone, PartialEq, Debug)]
pub struct Standings {
    /// The place: simulated seconds, or examples.
    pub place: f64,
    /// One for each contestant.
    pub standings: Vec<Standing>,
}

/// Compares contestants at the place that all their curves reach; each has its trials by seed.
/// `None` if no trial has an evaluation.
pub fn standings(contestants: &[Vec<(u64, Curve)>]) -> Option<Standings> {
    let place = common_end(contestants.iter().flatten().map(|(_, curve)| curve))?;
    let at = |trials: &[(u64, Curve)]| -> Vec<(u64, f64)> {
        let found = |(seed, curve): &(u64, Curve)| Some((*seed, quality_at(curve, place)?));
        trials.iter().filter_map(found).collect()
    };
    let all: Vec<Vec<(u64, f64)>> = contestants.iter().map(|trials| at(trials)).collect();
    let standing = |(number, own): (usize, &Vec<(u64, f64)>)| {
        let values: Vec<f64> = own.iter().map(|(_, value)| *value).collect();
        let pair = |(seed, value): &(u64, f64)| {
            let first = all[0].iter().find(|(other, _)| other == seed)?;
            Some(value - first.1)
        };
        let differences: Vec<f64> = own.iter().filter_map(pair).collect();
        let difference = (number > 0).then(|| student::of_mean(&differences)).flatten();
        Standing { mean: statistics::mean(&values), difference }
    };
    Some(Standings { place, standings: all.iter().enumerate().map(standing).collect() })
}

/// The AUC curves of the finished trials of each point: by simulated seconds, and by examples.
///
/// # Errors
/// If evaluations cannot be read.
#[expect(clippy::type_complexity, reason = "two lists of the same kind")]
pub fn curves(
    results: &Results,
) -> Result<(Vec<Vec<(u64, Curve)>>, Vec<Vec<(u64, Curve)>>), OutcomeError> {
    let (mut by_time, mut by_examples) = (Vec::new(), Vec::new());
    for point in &results.points {
        let (mut times, mut examples) = (Vec::new(), Vec::new());
        for trial in results.trials_of(point).filter(|trial| trial.state() == State::Done) {
            let rows = trial.evaluations()?;
            let quality = rows.iter().filter_map(|row| Some((row, row.figure("auc")?)));
            let (time, example) =
                quality.map(|(row, auc)| ((row.sim_s, auc), (row.examples as f64, auc))).unzip();
            times.push((trial.seed, time));
            examples.push((trial.seed, example));
        }
        by_time.push(times);
        by_examples.push(examples);
    }
    Ok((by_time, by_examples))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_is_that_of_the_last_evaluation_at_or_before_a_place() {
        let curve = vec![(0.0, 0.5), (10.0, 0.6), (20.0, 0.7)];
        assert_eq!(quality_at(&curve, 10.0), Some(0.6));
        assert_eq!(quality_at(&curve, 19.9), Some(0.6));
        assert_eq!(quality_at(&curve, 99.0), Some(0.7));
        assert_eq!(quality_at(&curve, -1.0), None);
    }

    #[test]
    fn contestants_are_compared_where_the_first_of_them_ends() {
        // The second ends at 10; the first has 0.6, 0.7 and 0.5 by then, the second 0.8, 0.95 and 0.8.
        let first = vec![
            (1, vec![(0.0, 0.5), (8.0, 0.6), (16.0, 0.9)]),
            (2, vec![(0.0, 0.5), (10.0, 0.7), (20.0, 0.9)]),
            (3, vec![(0.0, 0.5), (11.0, 0.9)]),
        ];
        let second = vec![
            (2, vec![(0.0, 0.5), (10.0, 0.95)]),
            (1, vec![(0.0, 0.5), (10.0, 0.8), (12.0, 0.1)]),
            (3, vec![(0.0, 0.8), (11.0, 0.1)]),
        ];
        let found = standings(&[first, second]).unwrap();
        assert_eq!(found.place, 10.0);
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-12, "{found}");
        near(found.standings[0].mean.unwrap(), 0.6);
        near(found.standings[1].mean.unwrap(), 0.85);
        assert_eq!(found.standings[0].difference, None);
        // By seed the differences are 0.2, 0.25 and 0.3; t(0.975, 2) = 4.30265, standard error 0.0288675.
        let difference = found.standings[1].difference.unwrap();
        near(difference.value, 0.25);
        assert!((difference.interval.high - (0.25 + 4.30265 * 0.0288675)).abs() < 1e-5);
    }

    #[test]
    fn without_evaluations_there_are_no_standings() {
        assert_eq!(standings(&[vec![(1, vec![])], vec![]]), None);
    }
}
