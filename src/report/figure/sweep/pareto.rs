//! Time to a quality and best quality against workers and cost, with the Pareto front: the points
//! that no other point beats.

use super::gather::Point;
use super::measures::{BEST_AUC, COST, SIM_TIME};
use super::target::{target, times_to};
use crate::report::figure::axis::{Axis, Unit};
use crate::report::figure::chart::{Chart, Figure, Panels, Plot, Series, Style};
use crate::report::figure::grid::{self, Grid, MOST_ROWS, evenly};
use crate::report::figure::number::{self, counted, short};
use crate::results::outcome::State;
use std::collections::BTreeMap;

/// The most groups of points that are drawn.
const MOST_GROUPS: usize = 10;
/// If the largest value is at least this many times the smallest, an axis has equal ratios.
const WIDE: f64 = 16.0;

/// Means of one point, as far as they are known.
struct Place<'a> {
    label: &'a str,
    group: String,
    workers: Option<f64>,
    time: Option<f64>,
    cost: Option<f64>,
    whole_cost: Option<f64>,
    auc: Option<f64>,
}

/// A point and where it lies in a plot.
type Placed<'a> = (&'a Place<'a>, (f64, f64));

/// One of the plots: its axes, and whether a higher value is better.
struct View {
    label: String,
    x: (&'static str, Unit),
    y: (String, Unit),
    higher: bool,
    of: fn(&Place) -> Option<(f64, f64)>,
}

/// The figure.
pub fn figure(points: &[Point], keys: &[String]) -> Result<Figure, String> {
    let target = target(points).ok_or("no finished trial has an AUC")?;
    let places: Vec<Place> = points.iter().map(|point| place(point, keys, target)).collect();
    let views = views(target);
    let plots: Vec<Plot> = views.iter().filter_map(|view| plot(&places, view)).collect();
    if plots.is_empty() {
        return Err("no trial has both a cost and a quality".to_string());
    }
    Ok(Figure {
        id: "pareto".to_string(),
        title: "Time and quality against workers and cost".to_string(),
        sentence: sentence(&places, target),
        chart: Chart::Plots(plots, Panels::stacked(2)),
        grid: grid(&places, &views, target),
        file: "trials.csv".to_string(),
    })
}

fn place<'a>(point: &'a Point, keys: &[String], target: f64) -> Place<'a> {
    let mean = |measure| point.interval(measure).map(|interval| interval.mean);
    let (whole_cost, clock) = (mean(&COST), mean(&SIM_TIME));
    let workers = whole_cost.zip(clock).filter(|(_, clock)| *clock > 0.0);
    let workers = workers.map(|(cost, clock)| (cost / clock).round());
    let (time, reached) = times_to(point, target);
    // A mean over only the seeds that reach the target would be too good for the point.
    let time = time.filter(|_| reached == point.count(State::Done)).map(|time| time.mean);
    Place {
        label: &point.label,
        group: point.besides("cluster.workers", keys),
        workers,
        time,
        cost: time.zip(workers).map(|(time, workers)| time * workers),
        whole_cost,
        auc: mean(&BEST_AUC),
    }
}

fn views(target: f64) -> [View; 4] {
    let timed = || (format!("simulated time to AUC {target:.3}"), Unit::Time);
    let best = || ("best AUC".to_string(), Unit::Number);
    [
        View {
            label: "time by workers".to_string(),
            x: ("workers", Unit::Count),
            y: timed(),
            higher: false,
            of: |place| place.workers.zip(place.time),
        },
        View {
            label: "time by cost".to_string(),
            x: ("worker-seconds until this AUC", Unit::Count),
            y: timed(),
            higher: false,
            of: |place| place.cost.zip(place.time),
        },
        View {
            label: "best AUC by workers".to_string(),
            x: ("workers", Unit::Count),
            y: best(),
            higher: true,
            of: |place| place.workers.zip(place.auc),
        },
        View {
            label: "best AUC by cost".to_string(),
            x: ("worker-seconds of the whole run", Unit::Count),
            y: best(),
            higher: true,
            of: |place| place.whole_cost.zip(place.auc),
        },
    ]
}

fn plot(places: &[Place], view: &View) -> Option<Plot> {
    let known: Vec<Placed> =
        places.iter().filter_map(|place| Some((place, (view.of)(place)?))).collect();
    if known.is_empty() {
        return None;
    }
    let mut groups: BTreeMap<&str, Vec<&Placed>> = BTreeMap::new();
    for known in &known {
        groups.entry(&known.0.group).or_default().push(known);
    }
    let groups: Vec<(&str, Vec<_>)> = groups.into_iter().collect();
    let mut series: Vec<Series> = evenly(groups.len(), MOST_GROUPS)
        .map(|index| scatter(groups[index].0, &groups[index].1))
        .collect();
    let values: Vec<(f64, f64)> = known.iter().map(|(_, at)| *at).collect();
    let mut best: Vec<(f64, f64)> =
        front(&values, view.higher).map(|index| values[index]).collect();
    best.sort_by(|a, b| a.0.total_cmp(&b.0));
    best.dedup();
    series.push(Series {
        name: "Pareto front".to_string(),
        x: best.iter().map(|p| short(p.0)).collect(),
        y: best.iter().map(|p| Some(short(p.1))).collect(),
        style: Style::Limit,
        ..Series::default()
    });
    let x = Axis::new(view.x.0, view.x.1).scaled(wide(values.iter().map(|v| v.0)));
    let x = match view.x.0 {
        "workers" => x.labelled(values.iter().map(|v| v.0)),
        _ => x,
    };
    Some(Plot::new(
        view.label.as_str(),
        x,
        Axis::new(view.y.0.as_str(), view.y.1).scaled(wide(values.iter().map(|v| v.1))),
        series,
    ))
}

fn scatter(group: &str, known: &[&Placed]) -> Series {
    let mut known = known.to_vec();
    known.sort_by(|a, b| a.1.0.total_cmp(&b.1.0));
    Series {
        name: if group.is_empty() { "points".to_string() } else { group.to_string() },
        x: known.iter().map(|(_, at)| short(at.0)).collect(),
        y: known.iter().map(|(_, at)| Some(short(at.1))).collect(),
        style: Style::Points,
        labels: known.iter().map(|(place, _)| place.label.to_string()).collect(),
        ..Series::default()
    }
}

fn wide(values: impl Iterator<Item = f64>) -> bool {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
    low > 0.0 && high / low >= WIDE
}

/// The positions of the points that no other point beats. A point beats another if it is not
/// further right and better, or further left and not worse.
fn front(values: &[(f64, f64)], higher: bool) -> impl Iterator<Item = usize> {
    let cost = move |y: f64| if higher { -y } else { y };
    let beaten = move |a: &(f64, f64), b: &(f64, f64)| {
        b.0 <= a.0 && cost(b.1) <= cost(a.1) && (b.0 < a.0 || cost(b.1) < cost(a.1))
    };
    (0..values.len()).filter(move |i| !values.iter().any(|other| beaten(&values[*i], other)))
}

fn sentence(places: &[Place], target: f64) -> String {
    let by = |a: &&Place, b: &&Place, of: fn(&Place) -> Option<f64>| {
        of(a).unwrap_or(f64::MAX).total_cmp(&of(b).unwrap_or(f64::MAX))
    };
    let timed = || places.iter().filter(|place| place.time.is_some());
    let fastest = timed().min_by(|a, b| by(a, b, |place| place.time));
    let cheapest = timed().min_by(|a, b| by(a, b, |place| place.cost));
    let reached = timed().count();
    let (Some(fastest), Some(cheapest)) = (fastest, cheapest) else {
        return format!("No point reaches the target AUC {target:.3} with every seed.");
    };
    format!(
        "The target is AUC {target:.3}, which at least half of the points reach at their best. Every seed of \
         {reached} of {} reaches it. {} needs the least time ({}), and {} costs the least ({} worker-seconds).",
        counted(places.len(), "point", "points"),
        fastest.label,
        Unit::Time.write(fastest.time),
        cheapest.label,
        number::figure(cheapest.cost)
    )
}

fn grid(places: &[Place], views: &[View], target: f64) -> Grid {
    let fronts: Vec<Vec<usize>> = views
        .iter()
        .map(|view| {
            let known = places.iter().enumerate();
            let known: Vec<(usize, (f64, f64))> =
                known.filter_map(|(index, place)| Some((index, (view.of)(place)?))).collect();
            let values: Vec<(f64, f64)> = known.iter().map(|(_, at)| *at).collect();
            front(&values, view.higher).map(|index| known[index].0).collect()
        })
        .collect();
    let mut columns = vec![grid::text("point"), grid::number("workers")];
    let timed = format!("simulated s to AUC {target:.3}");
    let names = [timed.as_str(), "worker-seconds until this AUC", "worker-seconds", "best AUC"];
    columns.extend(names.map(grid::number));
    columns.push(grid::text("on the front of"));
    let numbered: Vec<(usize, &Place)> = places.iter().enumerate().collect();
    Grid::new("Time and quality against workers and cost", columns).fill(
        &numbered,
        MOST_ROWS,
        "trials.csv",
        |(index, place)| {
            let on = views.iter().zip(&fronts).filter(|(_, front)| front.contains(index));
            let on: Vec<&str> = on.map(|(view, _)| view.label.as_str()).collect();
            vec![
                place.label.to_string(),
                number::figure(place.workers),
                number::figure(place.time),
                number::figure(place.cost),
                number::figure(place.whole_cost),
                number::figure(place.auc),
                if on.is_empty() { "–".to_string() } else { on.join(", ") },
            ]
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_holds_what_nothing_beats() {
        let values = [(1.0, 9.0), (2.0, 5.0), (3.0, 6.0), (4.0, 1.0), (2.0, 5.0)];
        assert_eq!(front(&values, false).collect::<Vec<_>>(), [0, 1, 3, 4]);
        assert_eq!(front(&values, true).collect::<Vec<_>>(), [0]);
        assert_eq!(front(&[], true).count(), 0);
    }
}
