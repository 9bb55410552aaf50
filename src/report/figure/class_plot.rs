//! Measures of classes side by side: a point with its error for each class and series.

use super::axis::{Axis, AxisUnit};
use super::chart::{Band, Plot, Series, Style};
use super::number::{count, short};

/// The room that the points of all series take; the distance between classes is 1.
const ROOM: f64 = 0.5;

/// What is known of a class.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct ClassPoint {
    /// The place of the class on the axis.
    pub(super) class: usize,
    /// How many examples it has.
    pub(super) examples: u64,
    /// The measure.
    pub(super) value: Option<f64>,
    /// Its standard error.
    pub(super) error: Option<f64>,
}

/// The plot of a measure, whose label and unit are given; `None` if no class has it. The axis of
/// classes has a title and their names; `examples` is what classes consist of.
pub(super) fn plot(
    (label, unit): (&str, AxisUnit),
    all: &[(String, Vec<ClassPoint>)],
    (what, names): (&str, Vec<String>),
    examples: &str,
) -> Option<Plot> {
    let of = |(place, (name, points)): (usize, &(String, Vec<ClassPoint>))| {
        let aside = (place as f64 + 0.5) / all.len() as f64 - 0.5;
        let (style, colour) = (Style::Points, Some(place));
        let mut line = Series { name: name.clone(), style, colour, ..Series::default() };
        let mut band = Band::default();
        for point in points {
            let Some(value) = point.value.filter(|value| value.is_finite()) else { continue };
            let error = point.error.filter(|error| error.is_finite()).unwrap_or(0.0);
            line.x.push(short(point.class as f64 + ROOM * aside));
            line.y.push(Some(short(value)));
            line.labels.push(format!("{name}, {} {examples},", count(point.examples)));
            band.low.push(Some(short(value - error)));
            band.high.push(Some(short(value + error)));
        }
        let has_errors = band.low.iter().zip(&line.y).any(|(low, y)| low != y);
        Series { band: has_errors.then_some(band), ..line }
    };
    let series: Vec<Series> =
        all.iter().enumerate().map(of).filter(|series| !series.x.is_empty()).collect();
    let end = names.len() as f64 - 0.5;
    let x = Axis { names, ..Axis::new(what, AxisUnit::Number) }.between(-0.5, end);
    let bands = series.iter().filter_map(|series| series.band.as_ref());
    let ends = bands.flat_map(|band| band.low.iter().chain(&band.high)).flatten().copied();
    let (low, high) = series
        .iter()
        .flat_map(Series::points)
        .map(|point| point.1)
        .chain(ends)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    let room = 0.06 * (high - low).max(1e-3);
    let y = Axis::new(label, unit).between(low - room, high + room);
    (!series.is_empty()).then(|| Plot::new(label, x, y, series))
}
