//! Fewer values to draw: long series are thinned so that their peaks remain, and many series of one
//! setting become a mean with a band.

use super::chart::{Band, Series};
use super::interval;
use super::number::short;
use crate::metrics::scalar::FigureRange;

/// The most positions of a line.
const MOST: usize = 1000;
/// The most values of all lines of a plot together.
const MOST_TOGETHER: usize = 6000;

/// A line through `points`, thinned to its share of the values that a plot of `lines` lines may
/// have.
pub fn line(name: impl Into<String>, points: &[(f64, f64)], lines: usize) -> Series {
    let most = MOST.min(MOST_TOGETHER / lines.max(1));
    let kept = thinned(points, most);
    Series {
        name: name.into(),
        x: kept.iter().map(|p| short(p.0)).collect(),
        y: kept.iter().map(|p| Some(short(p.1)).filter(|y| y.is_finite())).collect(),
        ..Series::default()
    }
}

/// About `most` of the points: the two ends, and the lowest and the highest of every stretch.
pub fn thinned(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most.max(4) {
        return points.to_vec();
    }
    let stretch = points.len().div_ceil((most.max(4) - 2) / 2);
    let mut kept = vec![points[0]];
    for part in points[1..points.len() - 1].chunks(stretch) {
        let extreme = |sign: f64| {
            let by = |a: &usize, b: &usize| (sign * part[*a].1).total_cmp(&(sign * part[*b].1));
            (0..part.len()).max_by(by).unwrap_or(0)
        };
        let (low, high) = (extreme(-1.0), extreme(1.0));
        kept.push(part[low.min(high)]);
        if low != high {
            kept.push(part[low.max(high)]);
        }
    }
    kept.push(points[points.len() - 1]);
    kept
}

/// The mean over `runs` at about `positions` positions, with the interval of the mean if there are
/// enough runs. A run is interpolated between its values. It has no value after its end, so the
/// line ends with the shortest run.
pub fn mean_line(
    name: impl Into<String>,
    runs: &[Vec<(f64, f64)>],
    positions: usize,
    range: FigureRange,
) -> Series {
    let runs: Vec<&[(f64, f64)]> =
        runs.iter().map(Vec::as_slice).filter(|run| !run.is_empty()).collect();
    let from = runs.iter().map(|run| run[0].0).fold(f64::NEG_INFINITY, f64::max);
    let until = runs.iter().map(|run| run[run.len() - 1].0).fold(f64::INFINITY, f64::min);
    let mut series = Series { name: name.into(), ..Series::default() };
    if runs.is_empty() || until < from {
        return series;
    }
    let mut band = Band::default();
    let mut known = false;
    for x in common_positions(&runs, from, until, positions) {
        let values: Vec<f64> = runs.iter().filter_map(|run| at(run, x)).collect();
        let seed_mean = interval::of_mean(&values, range);
        known |= seed_mean.is_some_and(|value| value.interval.is_some());
        series.x.push(short(x));
        series.y.push(seed_mean.map(|value| short(value.mean)));
        band.low.push(seed_mean.map(|value| short(value.ends().low)));
        band.high.push(seed_mean.map(|value| short(value.ends().high)));
    }
    series.band = known.then_some(band);
    series
}

/// The positions of the first run if all runs have the same, otherwise `most` evenly spread ones.
fn common_positions(runs: &[&[(f64, f64)]], from: f64, until: f64, most: usize) -> Vec<f64> {
    let own = |run: &[(f64, f64)]| run.iter().map(|p| p.0).collect::<Vec<f64>>();
    let first = own(runs[0]);
    if first.len() <= most && runs.iter().all(|run| own(run) == first) {
        return first;
    }
    let last = most.max(2) - 1;
    // Rounded up, the last position would lie beyond the end of the shortest run.
    let position = |i: usize| (from + (until - from) * i as f64 / last as f64).min(until);
    (0..last).map(position).chain([until]).collect()
}

/// The value of a run at `x`, on the straight line between its neighbours.
pub fn at(run: &[(f64, f64)], x: f64) -> Option<f64> {
    let after = run.partition_point(|p| p.0 < x);
    let right = *run.get(after)?;
    if right.0 == x || after == 0 {
        return (right.0 == x).then_some(right.1);
    }
    let left = run[after - 1];
    Some(left.1 + (right.1 - left.1) * (x - left.0) / (right.0 - left.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mean_line_ends_with_all_its_runs() {
        let until = 0.095_222_711;
        let runs = [vec![(0.0, 0.2), (until, 0.2)], vec![(0.0, 0.4), (0.05, 0.4), (0.2, 0.4)]];
        let line = mean_line("", &runs, 120, FigureRange::Bounded);
        assert!(line.y.iter().all(|y| y.is_some_and(|y| (y - 0.3).abs() < 1e-6)), "{:?}", line.y);
        assert_eq!(line.x.len(), 120);
    }

    #[test]
    fn a_mean_ends_with_the_shortest_run() {
        let runs = [
            vec![(0.0, 1.0), (2.0, 3.0)],
            vec![(0.0, 3.0), (1.0, 4.0)],
            vec![(0.0, 2.0), (1.0, 3.0)],
        ];
        let series = mean_line("both", &runs, 3, FigureRange::Bounded);
        assert_eq!(series.x, [0.0, 0.5, 1.0]);
        assert_eq!(series.y, [Some(2.0), Some(2.5), Some(3.0)]);
        let band = series.band.unwrap();
        assert!(band.low[0].unwrap() < 2.0 && band.high[0].unwrap() > 2.0);
        assert!(mean_line("none", &[], 3, FigureRange::Bounded).x.is_empty());
        assert!(mean_line("two", &runs[..2], 3, FigureRange::Bounded).band.is_none());
    }

    proptest! {
        #[test]
        fn thinning_keeps_ends_order_and_extremes(
            values in prop::collection::vec(-1e3f64..1e3, 1..5000), most in 4usize..200,
        ) {
            let points: Vec<(f64, f64)> =
                values.iter().enumerate().map(|(i, v)| (i as f64, *v)).collect();
            let kept = thinned(&points, most);
            prop_assert!(kept.len() <= most.max(4));
            prop_assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert_eq!(kept.first(), points.first());
            prop_assert_eq!(kept.last(), points.last());
            let peak = |all: &[(f64, f64)]| all.iter().map(|p| p.1).fold(f64::MIN, f64::max);
            prop_assert_eq!(peak(&kept), peak(&points));
        }
    }
}
