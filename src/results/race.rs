//! Races: the points of a sweep at the same simulated time and after the same number of examples.
//!
//! The quality at a place is that of the last evaluation at or before it: nothing is interpolated.

use super::outcome::{Kind, OutcomeError, Point, Results, State, SweepHeading, broke};
use super::statistics::{self, Estimate, student};
use super::tables::RaceRow;
use crate::base::significant;

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

/// A race: its contestants are the points of a sweep.
#[derive(Clone, PartialEq, Debug)]
pub struct Race {
    /// At the earliest end in simulated time; `None` if no time passes.
    pub time: Option<Standings>,
    /// At the fewest examples.
    pub examples: Standings,
    /// The rows of `race.csv`, one per contestant.
    pub rows: Vec<RaceRow>,
}

impl Race {
    /// The race in a folder; `None` if it is another sweep, or no finished trial has an AUC yet.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn of(results: &Results) -> Result<Option<Race>, OutcomeError> {
        if results.kind != Kind::Sweep || !SweepHeading::read(&results.path)?.race {
            return Ok(None);
        }
        let (mut by_time, mut by_examples) = (Vec::new(), Vec::new());
        for point in &results.points {
            let (mut times, mut examples) = (Vec::new(), Vec::new());
            for trial in results.trials_of(point).filter(|trial| trial.state() == State::Done) {
                let rows = trial.evaluations()?;
                let quality = rows.iter().filter_map(|row| Some((row, row.figure("auc")?)));
                let (time, example) = quality
                    .map(|(row, auc)| ((row.sim_s, auc), (row.examples as f64, auc)))
                    .unzip();
                times.push((trial.seed, time));
                examples.push((trial.seed, example));
            }
            by_time.push(times);
            by_examples.push(examples);
        }
        let Some(examples) = standings(&by_examples) else { return Ok(None) };
        let time = standings(&by_time).filter(|standings| standings.place > 0.0);
        let rows = results.points.iter().map(|point| row(results, point, time.as_ref(), &examples));
        Ok(Some(Race { rows: rows.collect::<Result<_, _>>()?, time, examples }))
    }
}

impl RaceRow {
    /// What readers see of it: AUC and difference at equal time and at equal examples, the end, mean
    /// staleness, and the share of time held by the protocol.
    pub fn cells_for_readers(&self) -> [String; 8] {
        let number = |value: Option<f64>, decimals: usize| {
            value.map_or_else(|| "-".to_string(), |value| format!("{value:.decimals$}"))
        };
        let difference =
            |value: Option<f64>, low: Option<f64>, high: Option<f64>| match (value, low, high) {
                (Some(value), Some(low), Some(high)) => {
                    format!("{value:+.4} [{low:+.4}, {high:+.4}]")
                }
                _ => "-".to_string(),
            };
        let held = self.held.map_or_else(|| "-".into(), |w| format!("{:.1} %", 100.0 * w));
        [
            match broke(self.broken, self.done) {
                Some(broke) => format!("{} ({broke})", self.contestant),
                None => self.contestant.clone(),
            },
            number(self.auc_at_time, 4),
            difference(
                self.auc_at_time_difference,
                self.auc_at_time_difference_low,
                self.auc_at_time_difference_high,
            ),
            number(self.auc_at_examples, 4),
            difference(
                self.auc_at_examples_difference,
                self.auc_at_examples_difference_low,
                self.auc_at_examples_difference_high,
            ),
            self.end_s.map_or_else(|| "-".into(), |end| significant(end, 3)),
            number(self.staleness_mean, 2),
            held,
        ]
    }
}

fn row(
    results: &Results,
    point: &Point,
    time: Option<&Standings>,
    examples: &Standings,
) -> Result<RaceRow, OutcomeError> {
    let mut scalars = Vec::new();
    for trial in results.trials_of(point).filter(|trial| trial.state() == State::Done) {
        scalars.extend(trial.scalars()?);
    }
    let mut broken = 0;
    for trial in results.trials_of(point) {
        broken += usize::from(trial.broken()?.is_some());
    }
    let mean_of = |name: &str| {
        statistics::mean(&scalars.iter().filter_map(|own| own.get(name)).collect::<Vec<f64>>())
    };
    let at_time = time.map(|time| &time.standings[point.index]);
    let at_examples = &examples.standings[point.index];
    let difference = |standing: Option<&Standing>| standing.and_then(|own| own.difference);
    let (by_time, by_examples) = (difference(at_time), difference(Some(at_examples)));
    Ok(RaceRow {
        contestant: point.label.clone(),
        done: scalars.len(),
        broken,
        equal_time_s: time.map(|time| time.place),
        auc_at_time: at_time.and_then(|own| own.mean),
        auc_at_time_difference: by_time.map(|found| found.value),
        auc_at_time_difference_low: by_time.map(|found| found.interval.low),
        auc_at_time_difference_high: by_time.map(|found| found.interval.high),
        equal_examples: examples.place as u64,
        auc_at_examples: at_examples.mean,
        auc_at_examples_difference: by_examples.map(|found| found.value),
        auc_at_examples_difference_low: by_examples.map(|found| found.interval.low),
        auc_at_examples_difference_high: by_examples.map(|found| found.interval.high),
        end_s: mean_of("sim_s"),
        staleness_mean: mean_of("staleness.mean"),
        held: mean_of("utilisation.held"),
    })
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
