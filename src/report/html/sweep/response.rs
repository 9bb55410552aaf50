//! Response curves: how each measure answers to one swept setting, a line for every combination of
//! the others.

use super::gather::{Point, short_key};
use super::measures::{MEASURES, Measure, plus_minus, written};
use crate::report::html::figure::{Axis, Band, Chart, Figure, Plot, Series, Style, Unit};
use crate::report::html::grid::{self, Grid, MOST_ROWS, evenly};
use crate::report::html::number::short;
use std::collections::BTreeMap;

/// Most lines of one plot.
const MOST_LINES: usize = 12;
/// From this ratio of the largest to the smallest value on, the axis is one of ratios.
const WIDE: f64 = 16.0;

/// The figure of one key, the `number`th.
pub(super) fn figure(
    points: &[Point],
    key: &str,
    keys: &[String],
    number: usize,
) -> Result<Figure, String> {
    let axis = Scale::of(points, key, keys);
    let lines = lines(points, key, keys);
    let plots: Vec<Plot> =
        MEASURES.iter().filter_map(|measure| plot(&lines, key, &axis, measure)).collect();
    if plots.is_empty() {
        return Err(format!("no trial has figures to show against {key}"));
    }
    let left_out = lines.len().saturating_sub(MOST_LINES);
    let left_out = match left_out {
        0 => String::new(),
        n => format!(" {MOST_LINES} of {} combinations are drawn.", n + MOST_LINES),
    };
    Ok(Figure {
        id: format!("response-{number}"),
        title: format!("What {key} does"),
        sentence: format!("{}{left_out}", sentence(&lines, key)),
        chart: Chart::Plots(plots),
        grid: grid(points, key, keys),
        file: "points.csv".to_string(),
    })
}

/// How values of a key are placed.
struct Scale {
    axis: Axis,
    /// Values in order, for keys that are no numbers.
    names: Vec<String>,
}

impl Scale {
    fn of(points: &[Point], key: &str, keys: &[String]) -> Scale {
        let numbers: Option<Vec<f64>> = points.iter().map(|point| point.number(key)).collect();
        let title = short_key(key, keys);
        match numbers {
            Some(numbers) => {
                let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
                let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let log = low > 0.0 && high / low >= WIDE;
                // Evenly spread values have room for their labels; others have it by their ratios.
                let axis = Axis::new(title, Unit::Number).scaled(log).labelled(numbers);
                Scale { axis, names: Vec::new() }
            }
            None => {
                let mut names: Vec<String> = Vec::new();
                for name in points.iter().map(|point| point.setting(key)) {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
                let axis = Axis { names: names.clone(), ..Axis::new(title, Unit::Number) };
                Scale { axis, names }
            }
        }
    }

    fn place(&self, point: &Point, key: &str) -> Option<f64> {
        match self.names.is_empty() {
            true => point.number(key),
            false => {
                let name = point.setting(key);
                self.names.iter().position(|other| *other == name).map(|index| index as f64)
            }
        }
    }
}

/// The points of every combination of the other settings, by its name.
fn lines<'a>(points: &'a [Point], key: &str, keys: &[String]) -> Vec<(String, Vec<&'a Point>)> {
    let mut order: Vec<String> = Vec::new();
    let mut lines: BTreeMap<String, Vec<&Point>> = BTreeMap::new();
    for point in points {
        let others = keys.iter().filter(|other| *other != key);
        let named = others.map(|k| format!("{}={}", short_key(k, keys), point.setting(k)));
        let name = named.collect::<Vec<_>>().join(" ");
        if !lines.contains_key(&name) {
            order.push(name.clone());
        }
        lines.entry(name).or_default().push(point);
    }
    let take = |name: String| {
        let points = lines.remove(&name).unwrap_or_default();
        (if name.is_empty() { "all seeds".to_string() } else { name }, points)
    };
    order.into_iter().map(take).collect()
}

fn plot(
    lines: &[(String, Vec<&Point>)],
    key: &str,
    scale: &Scale,
    measure: &Measure,
) -> Option<Plot> {
    let shown: Vec<&(String, Vec<&Point>)> =
        evenly(lines.len(), MOST_LINES).map(|index| &lines[index]).collect();
    let count = shown.len();
    let named = |(index, (name, points)): (usize, &(String, Vec<&Point>))| {
        // Points of one category stand beside each other.
        let aside = match scale.names.is_empty() {
            true => 0.0,
            false => (index as f64 - (count - 1) as f64 / 2.0) * 0.5 / count as f64,
        };
        let series = line(name, points, key, scale, measure, aside);
        (!series.x.is_empty()).then_some(series)
    };
    let series: Vec<Series> = shown.into_iter().enumerate().filter_map(named).collect();
    (!series.is_empty()).then(|| Plot {
        label: measure.name.to_string(),
        x: scale.axis.clone(),
        y: Axis::new(measure.name, measure.unit),
        series,
    })
}

fn line(
    name: &str,
    points: &[&Point],
    key: &str,
    scale: &Scale,
    measure: &Measure,
    aside: f64,
) -> Series {
    let placed = |point: &&Point| Some((scale.place(point, key)?, point.interval(measure)?));
    let mut values: Vec<_> = points.iter().filter_map(placed).collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let several = values.iter().any(|(_, interval)| interval.known);
    let band = several.then(|| Band {
        low: values.iter().map(|(_, i)| Some(short(i.low))).collect(),
        high: values.iter().map(|(_, i)| Some(short(i.high))).collect(),
    });
    Series {
        name: name.to_string(),
        x: values.iter().map(|(x, _)| short(x + aside)).collect(),
        y: values.iter().map(|(_, i)| Some(short(i.mean))).collect(),
        band,
        style: if scale.names.is_empty() { Style::Dots } else { Style::Points },
        labels: Vec::new(),
    }
}

/// Of the line with the best point by the first measure that is known: where it is highest and
/// lowest.
fn sentence(lines: &[(String, Vec<&Point>)], key: &str) -> String {
    let all = || lines.iter().flat_map(|(_, points)| points);
    let known = |measure: &&Measure| all().any(|point| point.interval(measure).is_some());
    let Some(measure) = MEASURES.iter().find(known) else { return String::new() };
    let value = |point: &Point| point.interval(measure).map(|interval| interval.mean);
    let ends = |points: &[&Point]| {
        let mut known: Vec<(f64, String)> =
            points.iter().filter_map(|point| Some((value(point)?, point.setting(key)))).collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        Some((known.first()?.clone(), known.last()?.clone()))
    };
    let ends = lines.iter().filter_map(|(name, points)| Some((name, ends(points)?)));
    let Some((name, (low, high))) = ends.max_by(|a, b| a.1.1.0.total_cmp(&b.1.1.0)) else {
        return String::new();
    };
    let with = if lines.len() > 1 { format!("With {name}, ") } else { String::new() };
    let text = format!(
        "{with}{} is highest at {} ({}) and lowest at {} ({}); bands and bars are 95 % intervals of the \
         mean.",
        measure.name,
        high.1,
        written(measure.unit, high.0),
        low.1,
        written(measure.unit, low.0)
    );
    text[..1].to_uppercase() + &text[1..]
}

fn grid(points: &[Point], key: &str, keys: &[String]) -> Grid {
    let mut columns = vec![grid::text(short_key(key, keys))];
    let others: Vec<&String> = keys.iter().filter(|other| *other != key).collect();
    columns.extend(others.iter().map(|other| grid::text(short_key(other, keys))));
    columns.extend(MEASURES.iter().map(|measure| grid::number(measure.name)));
    let title = format!("Measures against {key}");
    Grid::new(title, columns).fill(points, MOST_ROWS, "points.csv", |point| {
        let mut cells = vec![point.setting(key)];
        cells.extend(others.iter().map(|other| point.setting(other)));
        cells.extend(MEASURES.iter().map(|measure| plus_minus(point.interval(measure))));
        cells
    })
}
