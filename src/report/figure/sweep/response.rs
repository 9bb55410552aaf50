//! Response curves: each measure against one swept setting, with a line for every combination of
//! the other settings. If the sweep names its points, they are also shown side by side.

use super::gather::{SweepPoint, short_key};
use super::measures::{MEASURES, TrialMeasure, plus_minus};
use super::target::known;
use crate::report::figure::axis::{Axis, AxisUnit};
use crate::report::figure::chart::{Band, Chart, Figure, Panels, Plot, Series, Style};
use crate::report::figure::grid::{self, Grid, MOST_ROWS, evenly};
use crate::report::figure::number::short;
use std::collections::BTreeMap;

/// The most lines of one plot.
const MOST_LINES: usize = 12;
/// The most points side by side.
const MOST_NAMES: usize = 24;
/// The number of characters of names that fit below a plot. If there are more, numbers stand there.
const ROOM: usize = 60;
/// If the largest value is at least this many times the smallest, the axis has equal ratios.
const WIDE: f64 = 16.0;

/// The order of the points along the horizontal axis.
#[derive(Clone, Copy, Debug)]
pub enum PointOrder<'a> {
    /// The values of a key.
    Key(&'a str),
    /// The names that the sweep gives them.
    Name,
}

impl PointOrder<'_> {
    fn title(self, keys: &[String]) -> String {
        match self {
            PointOrder::Key(key) => short_key(key, keys),
            PointOrder::Name => "point".to_string(),
        }
    }

    fn text(self, point: &SweepPoint) -> String {
        match self {
            PointOrder::Key(key) => point.setting(key),
            PointOrder::Name => point.label.clone(),
        }
    }

    fn number(self, point: &SweepPoint) -> Option<f64> {
        match self {
            PointOrder::Key(key) => point.number(key),
            PointOrder::Name => None,
        }
    }

    /// The name of the line to which a point belongs.
    fn line(self, point: &SweepPoint, keys: &[String]) -> String {
        match self {
            PointOrder::Key(key) => point.besides(key, keys),
            PointOrder::Name => String::new(),
        }
    }
}

/// The horizontal axes that make sense: the names, if points have them, and every key that takes
/// several values while all other settings stay the same. If there are none of these, all keys.
pub fn axes<'a>(points: &[SweepPoint], keys: &'a [String]) -> Vec<PointOrder<'a>> {
    let compares = |key: &&String| {
        lines(points, PointOrder::Key(key), keys).iter().any(|(_, line)| {
            let first = line.first().map(|point| point.setting(key));
            line.iter().any(|point| Some(point.setting(key)) != first)
        })
    };
    let comparing = keys.iter().filter(compares).map(|key| PointOrder::Key(key));
    let names = points.iter().any(SweepPoint::is_named).then_some(PointOrder::Name);
    let all: Vec<PointOrder<'a>> = names.into_iter().chain(comparing).collect();
    if all.is_empty() { keys.iter().map(|key| PointOrder::Key(key)).collect() } else { all }
}

/// The figure of one of [`axes`], the `number`th.
pub fn figure(
    points: &[SweepPoint],
    by: PointOrder<'_>,
    keys: &[String],
    number: usize,
) -> Result<Figure, String> {
    let shown: Vec<SweepPoint> = match by {
        PointOrder::Key(_) => points.to_vec(),
        // Names stand side by side and need room.
        PointOrder::Name => {
            evenly(points.len(), MOST_NAMES).map(|index| points[index].clone()).collect()
        }
    };
    let mut axis = Places::of(&shown, by, keys);
    if let PointOrder::Name = by {
        axis.number_if_crowded(points);
    }
    let lines = lines(&shown, by, keys);
    let plots: Vec<Plot> =
        MEASURES.iter().filter_map(|measure| plot(&lines, by, &axis, measure)).collect();
    let what = match by {
        PointOrder::Key(key) => key,
        PointOrder::Name => "the points",
    };
    if plots.is_empty() {
        return Err(format!("no trial has figures for {what}"));
    }
    let mut left_out = match lines.len().saturating_sub(MOST_LINES) {
        0 => String::new(),
        n => format!(" {MOST_LINES} of {} lines are drawn, evenly chosen.", n + MOST_LINES),
    };
    if shown.len() < points.len() {
        left_out = format!(" {} of {} points are drawn, evenly chosen.", shown.len(), points.len());
    }
    Ok(Figure {
        id: format!("response-{number}"),
        title: match by {
            PointOrder::Key(key) => format!("Effect of {key}"),
            PointOrder::Name => "Points side by side".to_string(),
        },
        sentence: format!("{}{left_out}", sentence(&lines, by)),
        chart: Chart::Plots(plots, Panels::stacked(2)),
        grid: grid(points, by, keys),
        file: "points.csv".to_string(),
    })
}

/// The horizontal axis and the positions of points on it.
struct Places {
    axis: Axis,
    /// The values in order, if they are not numbers.
    names: Vec<String>,
}

impl Places {
    fn of(points: &[SweepPoint], by: PointOrder<'_>, keys: &[String]) -> Places {
        let numbers: Option<Vec<f64>> = points.iter().map(|point| by.number(point)).collect();
        let title = by.title(keys);
        match numbers {
            Some(numbers) => {
                let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
                let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let log = low > 0.0 && high / low >= WIDE;
                // On an axis of ratios, labels have room even if small values lie close together.
                let axis = Axis::new(title, AxisUnit::Number).scaled(log).labelled(numbers);
                Places { axis, names: Vec::new() }
            }
            None => {
                let mut names: Vec<String> = Vec::new();
                for name in points.iter().map(|point| by.text(point)) {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
                let axis = Axis { names: names.clone(), ..Axis::new(title, AxisUnit::Number) };
                Places { axis, names }
            }
        }
    }

    /// If the names have no room, labels the points by their numbers, which the table also has.
    fn number_if_crowded(&mut self, points: &[SweepPoint]) {
        if self.names.iter().map(String::len).sum::<usize>() <= ROOM {
            return;
        }
        let number = |name: &String| points.iter().position(|point| point.label == *name);
        let numbers =
            self.names.iter().map(|name| number(name).map_or("?".into(), |n| n.to_string()));
        self.axis.names = numbers.collect();
        self.axis.title = "point, by its number".to_string();
    }

    fn place(&self, point: &SweepPoint, by: PointOrder<'_>) -> Option<f64> {
        match self.names.is_empty() {
            true => by.number(point),
            false => {
                let name = by.text(point);
                self.names.iter().position(|other| *other == name).map(|index| index as f64)
            }
        }
    }
}

/// The lines: the name and the points of each.
fn lines<'a>(
    points: &'a [SweepPoint],
    by: PointOrder<'_>,
    keys: &[String],
) -> Vec<(String, Vec<&'a SweepPoint>)> {
    let mut order: Vec<String> = Vec::new();
    let mut lines: BTreeMap<String, Vec<&SweepPoint>> = BTreeMap::new();
    for point in points {
        let name = by.line(point, keys);
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
    lines: &[(String, Vec<&SweepPoint>)],
    by: PointOrder<'_>,
    scale: &Places,
    measure: &TrialMeasure,
) -> Option<Plot> {
    let shown: Vec<&(String, Vec<&SweepPoint>)> =
        evenly(lines.len(), MOST_LINES).map(|index| &lines[index]).collect();
    let count = shown.len();
    let named = |(index, (name, points)): (usize, &(String, Vec<&SweepPoint>))| {
        // Points with the same value stand beside each other.
        let aside = match scale.names.is_empty() {
            true => 0.0,
            false => (index as f64 - (count - 1) as f64 / 2.0) * 0.5 / count as f64,
        };
        let series = line(name, points, by, scale, measure, aside);
        (!series.x.is_empty()).then_some(series)
    };
    let series: Vec<Series> = shown.into_iter().enumerate().filter_map(named).collect();
    (!series.is_empty()).then(|| {
        Plot::new(measure.name, scale.axis.clone(), Axis::new(measure.name, measure.unit), series)
    })
}

fn line(
    name: &str,
    points: &[&SweepPoint],
    by: PointOrder<'_>,
    scale: &Places,
    measure: &TrialMeasure,
    aside: f64,
) -> Series {
    let placed = |point: &&SweepPoint| Some((scale.place(point, by)?, point.seed_mean(measure)?));
    let mut values: Vec<_> = points.iter().filter_map(placed).collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let several = values.iter().any(|(_, value)| value.interval.is_some());
    let band = several.then(|| Band {
        low: values.iter().map(|(_, value)| Some(short(value.ends().low))).collect(),
        high: values.iter().map(|(_, value)| Some(short(value.ends().high))).collect(),
    });
    Series {
        name: name.to_string(),
        x: values.iter().map(|(x, _)| short(x + aside)).collect(),
        y: values.iter().map(|(_, value)| Some(short(value.mean))).collect(),
        band,
        style: if scale.names.is_empty() { Style::Dots } else { Style::Points },
        ..Series::default()
    }
}

/// Where the line with the highest point is highest and lowest, for the first measure that is
/// known.
fn sentence(lines: &[(String, Vec<&SweepPoint>)], by: PointOrder<'_>) -> String {
    let all = || lines.iter().flat_map(|(_, points)| points);
    let has = |measure: &&TrialMeasure| all().any(|point| point.seed_mean(measure).is_some());
    let Some(measure) = MEASURES.iter().find(has) else { return String::new() };
    let value = |point: &SweepPoint| point.seed_mean(measure).map(|value| value.mean);
    let ends = |points: &[&SweepPoint]| {
        let mut known: Vec<(f64, String)> =
            points.iter().filter_map(|point| Some((value(point)?, by.text(point)))).collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        Some((known.first()?.clone(), known.last()?.clone()))
    };
    let ends = lines.iter().filter_map(|(name, points)| Some((name, ends(points)?)));
    let Some((name, (low, high))) = ends.max_by(|a, b| a.1.1.0.total_cmp(&b.1.1.0)) else {
        return String::new();
    };
    let with = if lines.len() > 1 { format!(" with {name}") } else { String::new() };
    let (most, least) = (measure.unit.write(high.0), measure.unit.write(low.0));
    let range = match high.1 == low.1 {
        true => format!("is {most} at {}", high.1),
        false => format!("is highest at {} ({most}) and lowest at {} ({least})", high.1, low.1),
    };
    format!("The {}{with} {range}. Bands and bars are 95 % intervals of the mean.", measure.name)
}

fn grid(points: &[SweepPoint], by: PointOrder<'_>, keys: &[String]) -> Grid {
    let mut columns = vec![grid::text(by.title(keys))];
    let (own, title) = match by {
        PointOrder::Key(key) => (Some(key), format!("Measures against {key}")),
        PointOrder::Name => (None, "Measures by point".to_string()),
    };
    let others: Vec<&String> = keys.iter().filter(|other| Some(other.as_str()) != own).collect();
    columns.extend(others.iter().map(|other| grid::text(short_key(other, keys))));
    let shown = known(points);
    columns.extend(shown.iter().map(|measure| grid::number(measure.name)));
    Grid::new(title, columns).fill(points, MOST_ROWS, "points.csv", |point| {
        let mut cells = vec![by.text(point)];
        cells.extend(others.iter().map(|other| point.setting(other)));
        cells.extend(shown.iter().map(|measure| plus_minus(point.seed_mean(measure))));
        cells
    })
}
