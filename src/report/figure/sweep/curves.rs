//! Quality against examples and simulated time: for each point a line with mean and band over
//! seeds.

use super::gather::{FOLLOWED, SweepPoint, TrialEvaluation};
use crate::metrics::scalar;
use crate::report::figure::axis::{Axis, AxisUnit};
use crate::report::figure::chart::{Band, Chart, Figure, Panels, Plot, Series, Style, Upright};
use crate::report::figure::grid::{self, Grid, MOST_ROWS, evenly};
use crate::report::figure::number::figure;
use crate::report::figure::number::short;
use crate::report::figure::palette::SERIES;
use crate::report::figure::thin::mean_line;
use crate::results::race::Race;
use crate::results::statistics;

/// The most lines of one plot.
const MOST_LINES: usize = 12;
/// The most lines with names at their ends.
const MOST_NAMED: usize = SERIES.len();
/// The most positions of one line.
const POSITIONS: usize = 120;
/// If the longest run is at least this many times the shortest, the axis of time has equal ratios.
const WIDE: f64 = 20.0;

/// The quantity on the horizontal axis.
struct Against {
    id: &'static str,
    title: &'static str,
    axis: &'static str,
    unit: AxisUnit,
    position: fn(&TrialEvaluation) -> f64,
}

const EXAMPLES: Against = Against {
    id: "quality-by-examples",
    title: "Quality by examples",
    axis: "examples trained on",
    unit: AxisUnit::Count,
    position: |evaluation| evaluation.examples,
};
const TIME: Against = Against {
    id: "quality-by-time",
    title: "Quality by simulated time",
    axis: "simulated time",
    unit: AxisUnit::Time,
    position: |evaluation| evaluation.sim_s,
};

/// The two figures of a page; `file` names the file with the series.
pub fn figures(points: &[SweepPoint], file: &str) -> [Result<Figure, String>; 2] {
    [build(points, &EXAMPLES, file), build(points, &TIME, file)]
}

/// The figure of a picture: the first measure, by examples and by simulated time.
pub fn by_both(points: &[SweepPoint], file: &str) -> Result<Figure, String> {
    let by_examples = build(points, &EXAMPLES, file)?;
    let by_time = build(points, &TIME, file).ok();
    let plots: Vec<Plot> =
        std::iter::once(&by_examples).chain(&by_time).filter_map(first).collect();
    let layout = layout(plots.len(), &plots);
    Ok(Figure {
        id: "curves".to_string(),
        title: match plots.len() {
            1 => by_examples.title.clone(),
            _ => "Quality by examples and by simulated time".to_string(),
        },
        chart: Chart::Plots(plots, layout),
        ..by_examples
    })
}

/// Bands of contestants would hide each other, so a bar at the end of each line shows its interval.
fn keep_last_interval(series: &mut Series) {
    let Some(band) = &mut series.band else { return };
    let last = series.x.len() - 1;
    for edge in [&mut band.low, &mut band.high] {
        edge[..last].fill(None);
    }
}

/// The first plot of a figure.
fn first(figure: &Figure) -> Option<Plot> {
    match &figure.chart {
        Chart::Plots(plots, _) => plots.first().cloned(),
        _ => None,
    }
}

/// The first plots, with the names of lines at their ends if there are few lines.
fn layout(shown: usize, plots: &[Plot]) -> Panels {
    match plots.iter().all(|plot| plot.series.len() <= MOST_NAMED) {
        true => Panels::with_ends(shown),
        false => Panels::stacked(shown),
    }
}

/// The figure of a race: AUC by simulated time and by examples, with upright lines where the
/// contestants are compared.
pub fn race(points: &[SweepPoint], race: &Race, file: &str) -> Result<Figure, String> {
    let places = [race.time.as_ref().map(|at| at.place), Some(race.examples.place)];
    let mut panels = Vec::new();
    for (against, place) in [&TIME, &EXAMPLES].into_iter().zip(places) {
        let Some(place) = place else { continue };
        let Some(mut plot) = first(&build(points, against, file)?) else { continue };
        plot.label = against.title.to_string();
        plot.series.iter_mut().for_each(keep_last_interval);
        for series in &mut plot.series {
            let own = race.rows.iter().find(|row| row.contestant == series.name);
            series.said = own.and_then(|row| match against.unit {
                AxisUnit::Time => row.auc_at_time,
                _ => row.auc_at_examples,
            });
        }
        plot.uprights.push(Upright { x: place, colour: None });
        panels.push(plot);
    }
    Ok(Figure {
        id: "race".to_string(),
        title: "The race at equal time and at equal examples".to_string(),
        sentence: format!(
            "AUC, mean over seeds. The upright lines show where contestants are compared: where the first ends, \
             and after the examples that all have used. The number behind a name is the AUC of the last evaluation \
             until there.{}",
            bands(&panels)
        ),
        grid: grid(&EXAMPLES, &panels, file),
        chart: {
            let layout = layout(panels.len(), &panels);
            Chart::Plots(panels, layout)
        },
        file: file.to_string(),
    })
}

fn build(points: &[SweepPoint], against: &Against, file: &str) -> Result<Figure, String> {
    let has = |point: &SweepPoint, measure| !point.curves(measure, against.position).is_empty();
    let with: Vec<&SweepPoint> = points
        .iter()
        .filter(|point| (0..FOLLOWED.len()).any(|measure| has(point, measure)))
        .collect();
    if with.is_empty() {
        return Err("no finished trial has evaluations".to_string());
    }
    let ends: Vec<f64> = with.iter().flat_map(|point| end(point, against.position)).collect();
    let longest = ends.iter().copied().fold(0.0, f64::max);
    let shortest = ends.iter().copied().fold(f64::INFINITY, f64::min);
    if longest <= 0.0 {
        return Err(format!("no trial has {}", against.axis));
    }
    let log = against.unit == AxisUnit::Time && shortest > 0.0 && longest / shortest >= WIDE;
    let shown: Vec<&SweepPoint> = evenly(with.len(), MOST_LINES).map(|index| with[index]).collect();
    let plots: Vec<Plot> =
        (0..FOLLOWED.len()).filter_map(|measure| plot(&shown, measure, against, log)).collect();
    Ok(Figure {
        id: against.id.to_string(),
        title: against.title.to_string(),
        sentence: format!("{}{}", sentence(&with, shown.len()), bands(&plots)),
        grid: grid(against, &plots, file),
        chart: {
            let layout = layout(1, &plots);
            Chart::Plots(plots, layout)
        },
        file: file.to_string(),
    })
}

fn end(point: &SweepPoint, position: fn(&TrialEvaluation) -> f64) -> Vec<f64> {
    point.trials.iter().filter_map(|trial| trial.evaluations.last().map(position)).collect()
}

fn plot(points: &[&SweepPoint], measure: usize, against: &Against, log: bool) -> Option<Plot> {
    let line = |point: &&SweepPoint| {
        let mut curves = point.curves(measure, against.position);
        if log {
            curves.iter_mut().for_each(|curve| curve.retain(|point| point.0 > 0.0));
        }
        let series =
            mean_line(point.label.as_str(), &curves, POSITIONS, scalar::range(FOLLOWED[measure].0));
        // A model that is evaluated and not trained has one value, which is drawn as a point.
        let style = if series.x.len() == 1 { Style::Points } else { Style::Line };
        // Seeds end at different times: between their last evaluations the line has other values.
        let ends: Vec<f64> = curves.iter().filter_map(|curve| Some(curve.last()?.1)).collect();
        Series { style, said: statistics::mean(&ends).map(short), ..series }
    };
    let series: Vec<Series> =
        points.iter().map(line).filter(|series| !series.x.is_empty()).collect();
    let name = FOLLOWED[measure].1;
    (!series.is_empty()).then(|| {
        let x = Axis::new(against.axis, against.unit).scaled(log);
        Plot::new(name, x, Axis::new(name, AxisUnit::Number), series).without_early_outliers()
    })
}

/// What bands and bars show, if there are any.
fn bands(plots: &[Plot]) -> &'static str {
    let banded = plots.iter().flat_map(|plot| &plot.series).any(|series| series.band.is_some());
    if banded { " Bands and bars: 95 % intervals over the seeds." } else { "" }
}

fn sentence(points: &[&SweepPoint], shown: usize) -> String {
    let last = |point: &SweepPoint| {
        let curves = point.curves(0, |evaluation| evaluation.examples);
        let ends: Vec<f64> = curves.iter().filter_map(|curve| curve.last().map(|p| p.1)).collect();
        let mean = ends.iter().sum::<f64>() / ends.len() as f64;
        (!ends.is_empty()).then_some(mean)
    };
    let ends = points.iter().filter_map(|point| Some((*point, last(point)?)));
    let ends: Vec<(&SweepPoint, f64)> = ends.collect();
    let by = |a: &&(&SweepPoint, f64), b: &&(&SweepPoint, f64)| a.1.total_cmp(&b.1);
    let (best, worst) = (ends.iter().max_by(by), ends.iter().min_by(by));
    let drawn = match shown < points.len() {
        true => format!(" {shown} of {} points are drawn, evenly chosen.", points.len()),
        false => String::new(),
    };
    let (Some((best, high)), Some((worst, low))) = (best, worst) else {
        return format!("No trial has an AUC.{drawn}");
    };
    match ends.len() {
        1 => {
            format!("At the last evaluation the AUC of {} is {}.{drawn}", best.label, figure(*high))
        }
        _ => format!(
            "At the last evaluation the AUC is highest for {} ({}) and lowest for {} ({}).{drawn}",
            best.label,
            figure(*high),
            worst.label,
            figure(*low)
        ),
    }
}

fn grid(against: &Against, plots: &[Plot], file: &str) -> Grid {
    let columns = vec![
        grid::text("point"),
        grid::text("measure"),
        grid::number(against.axis),
        grid::number("mean"),
        grid::number("low"),
        grid::number("high"),
    ];
    let mut rows = Vec::new();
    for plot in plots {
        for series in &plot.series {
            for index in 0..series.x.len() {
                let edge = |edges: fn(&Band) -> &Vec<Option<f64>>| {
                    figure(series.band.as_ref().and_then(|band| edges(band)[index]))
                };
                rows.push(vec![
                    series.name.clone(),
                    plot.label.clone(),
                    figure(series.x[index]),
                    figure(series.y[index]),
                    edge(|band| &band.low),
                    edge(|band| &band.high),
                ]);
            }
        }
    }
    Grid::new(against.title, columns).fill(&rows, MOST_ROWS, file, Clone::clone)
}
