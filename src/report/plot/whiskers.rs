//! Intervals of single points.

use crate::report::figure::chart::Series;

/// The ends of the interval of each point of a series that has a band.
pub(super) fn of(series: &Series) -> impl Iterator<Item = [(f64, f64); 2]> {
    let band = series.band.iter().flat_map(|band| band.low.iter().zip(&band.high));
    let ends = series.x.iter().zip(band);
    ends.filter_map(|(x, (low, high))| Some([(*x, (*low)?), (*x, (*high)?)]))
}
