//! The part of the vertical axis that is shown. There is one rule for runs and sweeps, for pictures
//! and pages: early values that would squeeze the rest of the lines are out of view, and the plot
//! says so.

use super::chart::{Plot, Series, Style};

/// How much of a run may be called early.
const EARLY: [f64; 5] = [0.02, 0.05, 0.1, 0.2, 0.3];
/// Early values are out of view if they make the range more than this many times as high.
const SQUEEZED: f64 = 3.0;
/// No more early values than necessary are out of view: the range may be this many times as high as
/// without all of them.
const ENOUGH: f64 = 2.0;
/// A limit, or a band, may make the range higher by this share.
const MARGIN: f64 = 0.5;
/// Empty space below and above the values, as shares of the range; above there is a number.
const ROOM: (f64, f64) = (0.06, 0.16);

/// The lowest and the highest of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Extent {
    low: f64,
    high: f64,
}

impl Extent {
    const NONE: Extent = Extent { low: f64::INFINITY, high: f64::NEG_INFINITY };

    fn of(values: impl Iterator<Item = f64>) -> Extent {
        values.filter(|value| value.is_finite()).fold(Extent::NONE, Extent::with)
    }

    fn with(self, value: f64) -> Extent {
        Extent { low: self.low.min(value), high: self.high.max(value) }
    }

    fn height(self) -> f64 {
        (self.high - self.low).max(0.0)
    }
}

impl Plot {
    /// The same plot, in which early outliers are out of view.
    #[must_use]
    pub fn without_early_outliers(self) -> Plot {
        let all = after(&self.series, 0.0);
        let settled = after(&self.series, EARLY[EARLY.len() - 1]);
        let is_squeezed = settled.height() > 0.0 && all.height() > SQUEEZED * settled.height();
        let shown = match is_squeezed {
            true => {
                let parts = EARLY.map(|share| after(&self.series, share));
                let enough = |part: &Extent| part.height() <= ENOUGH * settled.height();
                parts.into_iter().find(enough).unwrap_or(settled)
            }
            false => all,
        };
        if shown.height() <= 0.0 {
            return self;
        }
        let (edges, limits) = (edges(&self.series), limits(&self.series));
        // Nothing is far away, so the axis may have all of it.
        if shown == all && within(edges, shown) && within(limits, shown) {
            return self;
        }
        let margin = MARGIN * shown.height();
        let near = |value: f64| value > shown.low - margin && value < shown.high + margin;
        let mut range = shown;
        for value in [limits.low, limits.high].into_iter().filter(|value| near(*value)) {
            range = range.with(value);
        }
        range.low = range.low.min(edges.low.max(shown.low - margin));
        range.high = range.high.max(edges.high.min(shown.high + margin));
        let height = range.height();
        let (low, high) = (range.low - ROOM.0 * height, range.high + ROOM.1 * height);
        // Shares and losses do not go below zero.
        let low = if shown.low >= 0.0 { low.max(0.0) } else { low };
        let cut = said(Extent { low, high }, all, limits, &self);
        Plot { y: self.y.between(low, high), cut, ..self }
    }
}

/// Whether values lie within an extent or not much beyond it.
fn within(values: Extent, extent: Extent) -> bool {
    let margin = MARGIN * extent.height();
    values.low >= extent.low - margin && values.high <= extent.high + margin
}

/// The values of the lines after this share of each, and those that are marked.
fn after(series: &[Series], share: f64) -> Extent {
    let values = series.iter().flat_map(|series| match series.style {
        Style::Limit => Vec::new(),
        Style::Mark | Style::Points | Style::Steps => {
            series.points().map(|point| point.1).collect()
        }
        _ => late(series, share),
    });
    Extent::of(values)
}

/// The values of a line after a share of it; all, if these are fewer than two.
fn late(series: &Series, share: f64) -> Vec<f64> {
    let points: Vec<(f64, f64)> = series.points().collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    let from = first.0 + share * (last.0 - first.0);
    let begin = points.partition_point(|point| point.0 < from);
    let begin = if points.len() - begin < 2 { 0 } else { begin };
    points[begin..].iter().map(|point| point.1).collect()
}

/// The edges of all bands; those of early positions do not count.
fn edges(series: &[Series]) -> Extent {
    let of = |series: &Series| -> Vec<f64> {
        let Some(band) = &series.band else { return Vec::new() };
        let early = (EARLY[EARLY.len() - 1] * series.x.len() as f64) as usize;
        let late = |edge: &[Option<f64>]| edge.iter().skip(early).flatten().copied().collect();
        let (mut low, high): (Vec<f64>, Vec<f64>) = (late(&band.low), late(&band.high));
        low.extend(high);
        low
    };
    Extent::of(series.iter().flat_map(of))
}

fn limits(series: &[Series]) -> Extent {
    let limits = series.iter().filter(|series| series.style == Style::Limit);
    Extent::of(limits.flat_map(Series::points).map(|point| point.1))
}

/// What is out of view, in words; `None` if nothing is.
fn said(range: Extent, all: Extent, limits: Extent, plot: &Plot) -> Option<String> {
    let write = |value: f64| plot.y.unit.write(value);
    let values = match (all.low < range.low, all.high > range.high) {
        (false, false) => None,
        (true, false) => Some(format!("early values, down to {}", write(all.low))),
        (false, true) => Some(format!("early values, up to {}", write(all.high))),
        (true, true) => {
            Some(format!("early values, from {} to {}", write(all.low), write(all.high)))
        }
    };
    let is_far = limits.low.is_finite() && (limits.low > range.high || limits.high < range.low);
    let limit = is_far.then(|| {
        let limit = plot.series.iter().find(|series| series.style == Style::Limit);
        limit.map_or_else(String::new, |limit| limit.name.clone())
    });
    let parts: Vec<String> = values.into_iter().chain(limit).collect();
    (!parts.is_empty()).then(|| format!("not in view: {}", parts.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::axis::{Axis, AxisUnit};
    use crate::report::figure::chart::Band;

    fn line(values: &[f64]) -> Series {
        let (x, y) = (0..).map(f64::from).zip(values.iter().map(|v| Some(*v))).unzip();
        Series { x, y, ..Series::default() }
    }

    fn plot(series: Vec<Series>) -> Plot {
        let axis = || Axis::new("", AxisUnit::Number);
        Plot::new("", axis(), axis(), series).without_early_outliers()
    }

    fn rise(from: f64) -> Vec<f64> {
        let settled = (0..19).map(|i| 0.72 + 0.001 * f64::from(i));
        std::iter::once(from).chain(settled).collect()
    }

    #[test]
    fn a_short_rise_is_out_of_view_and_the_plot_says_so() {
        let found = plot(vec![line(&rise(0.5))]);
        let (low, high) = found.y.range.unwrap();
        assert!(low > 0.7 && low < 0.72 && high > 0.738, "{low} {high}");
        assert_eq!(found.cut.unwrap(), "not in view: early values, down to 0.5000");
        // A loss falls instead.
        let fall: Vec<f64> = rise(0.5).iter().map(|value| 1.0 - value).collect();
        let found = plot(vec![line(&fall)]);
        assert_eq!(found.cut.unwrap(), "not in view: early values, up to 0.5000");
    }

    #[test]
    fn a_long_rise_and_a_late_fall_are_in_view() {
        let rising: Vec<f64> = (0..20).map(|i| 0.5 + 0.01 * f64::from(i)).collect();
        assert_eq!(plot(vec![line(&rising)]).y.range, None);
        let mut broken = rise(0.71);
        broken[15] = 0.5;
        let found = plot(vec![line(&broken)]);
        assert_eq!((found.y.range, found.cut), (None, None));
        assert_eq!(plot(vec![line(&[0.5, 0.7])]).y.range, None);
    }

    #[test]
    fn every_line_counts_over_its_own_length() {
        // The second line is ten times as long, and its rise is over later.
        let mut slow = line(&rise(0.5));
        slow.x.iter_mut().for_each(|x| *x *= 10.0);
        let found = plot(vec![line(&rise(0.6)), slow]);
        assert!(found.y.range.unwrap().0 > 0.7);
        // One line that falls late keeps the range wide for all.
        let mut broken = rise(0.71);
        broken[15] = 0.45;
        let found = plot(vec![line(&rise(0.5)), line(&broken)]);
        assert_eq!(found.y.range, None);
    }

    #[test]
    fn marks_are_in_view_and_far_limits_are_named() {
        let mark = Series { style: Style::Mark, ..line(&[0.6]) };
        let found = plot(vec![line(&rise(0.5)), mark]);
        assert_eq!(found.y.range, None);
        let limit = |value: f64| Series {
            style: Style::Limit,
            name: "true probabilities".to_string(),
            ..line(&[value, value])
        };
        let near = plot(vec![line(&rise(0.5)), limit(0.745)]);
        assert!(near.y.range.unwrap().1 > 0.745);
        let far = plot(vec![line(&rise(0.72)), limit(0.9)]);
        assert!(far.y.range.unwrap().1 < 0.9);
        assert_eq!(far.cut.unwrap(), "not in view: true probabilities");
    }

    #[test]
    fn a_wide_band_does_not_squeeze_its_line() {
        let mut wide = line(&rise(0.72));
        let edge = |by: f64| wide.y.iter().map(|y| y.map(|y| y + by)).collect();
        wide.band = Some(Band { low: edge(-0.1), high: edge(0.1) });
        let (low, high) = plot(vec![wide]).y.range.unwrap();
        assert!(low > 0.7 && high < 0.76, "{low} {high}");
    }
}
