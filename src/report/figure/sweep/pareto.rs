//! Time to a quality and best quality against workers and cost, with the Pareto front: the points
//! that no other point beats.

use super::gather::SweepPoint;
use super::measures::{BEST_AUC, COST, SIM_TIME};
use super::target::{target, times_to};
use crate::report::figure::axis::{Axis, AxisUnit};
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
struct PointMeans<'a> {
    label: &'a str,
    group: String,
    workers: Option<f64>,
    time: Option<f64>,
    cost: Option<f64>,
    whole_cost: Option<f64>,
    auc: Option<f64>,
    broke: bool,
}

/// A point and where it lies in a plot.
type DrawnPoint<'a> = (&'a PointMeans<'a>, (f64, f64));

/// Two means against each other, in one plot: the axes, and whether a higher value is better.
struct TradeOff {
    label: String,
    x: (&'static str, AxisUnit),
    y: (String, AxisUnit),
    higher: bool,
    of: fn(&PointMeans) -> Option<(f64, f64)>,
}

/// The figure.
pub fn figure(points: &[SweepPoint], keys: &[String]) -> Result<Figure, String> {
    let target = target(points).ok_or("no finished trial has an AUC")?;
    let all: Vec<PointMeans> = points.iter().map(|point| means_of(point, keys, target)).collect();
    let trade_offs = trade_offs(target);
    let plots: Vec<Plot> =
        trade_offs.iter().filter_map(|trade_off| plot(&all, trade_off)).collect();
    if plots.is_empty() {
        return Err("no trial has both a cost and a quality".to_string());
    }
    Ok(Figure {
        id: "pareto".to_string(),
        title: "Time and quality against workers and cost".to_string(),
        sentence: sentence(&all, target),
        chart: Chart::Plots(plots, Panels::stacked(2)),
        grid: grid(&all, &trade_offs, target),
        file: "trials.csv".to_string(),
    })
}

fn means_of<'a>(point: &'a SweepPoint, keys: &[String], target: f64) -> PointMeans<'a> {
    let mean = |measure| point.seed_mean(measure).map(|value| value.mean);
    let (whole_cost, clock) = (mean(&COST), mean(&SIM_TIME));
    let workers = whole_cost.zip(clock).filter(|(_, clock)| *clock > 0.0);
    let workers = workers.map(|(cost, clock)| (cost / clock).round());
    let (time, reached) = times_to(point, target);
    // A mean over only the seeds that reach the target would be too good for the point, and so would
    // the time at which a model that broke had it.
    let whole = reached == point.count(State::Done) && point.broken() == 0;
    let time = time.filter(|_| whole).map(|time| time.mean);
    PointMeans {
        label: &point.label,
        group: point.besides("cluster.workers", keys),
        workers,
        time,
        cost: time.zip(workers).map(|(time, workers)| time * workers),
        whole_cost,
        auc: mean(&BEST_AUC).filter(|_| point.broken() == 0),
        broke: point.broken() > 0,
    }
}

fn trade_offs(target: f64) -> [TradeOff; 4] {
    let timed = || (format!("simulated time to AUC {target:.3}"), AxisUnit::Time);
    let best = || ("best AUC".to_string(), AxisUnit::Number);
    [
        TradeOff {
            label: "time by workers".to_string(),
            x: ("workers", AxisUnit::Count),
            y: timed(),
            higher: false,
            of: |means| means.workers.zip(means.time),
        },
        TradeOff {
            label: "time by cost".to_string(),
            x: ("worker-seconds until this AUC", AxisUnit::Count),
            y: timed(),
            higher: false,
            of: |means| means.cost.zip(means.time),
        },
        TradeOff {
            label: "best AUC by workers".to_string(),
            x: ("workers", AxisUnit::Count),
            y: best(),
            higher: true,
            of: |means| means.workers.zip(means.auc),
        },
        TradeOff {
            label: "best AUC by cost".to_string(),
            x: ("worker-seconds of the whole run", AxisUnit::Count),
            y: best(),
            higher: true,
            of: |means| means.whole_cost.zip(means.auc),
        },
    ]
}

fn plot(all: &[PointMeans], trade_off: &TradeOff) -> Option<Plot> {
    let known: Vec<DrawnPoint> =
        all.iter().filter_map(|means| Some((means, (trade_off.of)(means)?))).collect();
    if known.is_empty() {
        return None;
    }
    let mut groups: BTreeMap<&str, Vec<&DrawnPoint>> = BTreeMap::new();
    for known in &known {
        groups.entry(&known.0.group).or_default().push(known);
    }
    let groups: Vec<(&str, Vec<_>)> = groups.into_iter().collect();
    let mut series: Vec<Series> = evenly(groups.len(), MOST_GROUPS)
        .map(|index| scatter(groups[index].0, &groups[index].1))
        .collect();
    let values: Vec<(f64, f64)> = known.iter().map(|(_, at)| *at).collect();
    let mut best: Vec<(f64, f64)> =
        front(&values, trade_off.higher).map(|index| values[index]).collect();
    best.sort_by(|a, b| a.0.total_cmp(&b.0));
    best.dedup();
    series.push(Series {
        name: "Pareto front".to_string(),
        x: best.iter().map(|p| short(p.0)).collect(),
        y: best.iter().map(|p| Some(short(p.1))).collect(),
        style: Style::Limit,
        ..Series::default()
    });
    let x = Axis::new(trade_off.x.0, trade_off.x.1).scaled(wide(values.iter().map(|v| v.0)));
    let x = match trade_off.x.0 {
        "workers" => x.labelled(values.iter().map(|v| v.0)),
        _ => x,
    };
    Some(Plot::new(
        trade_off.label.as_str(),
        x,
        Axis::new(trade_off.y.0.as_str(), trade_off.y.1).scaled(wide(values.iter().map(|v| v.1))),
        series,
    ))
}

fn scatter(group: &str, known: &[&DrawnPoint]) -> Series {
    let mut known = known.to_vec();
    known.sort_by(|a, b| a.1.0.total_cmp(&b.1.0));
    Series {
        name: if group.is_empty() { "points".to_string() } else { group.to_string() },
        x: known.iter().map(|(_, at)| short(at.0)).collect(),
        y: known.iter().map(|(_, at)| Some(short(at.1))).collect(),
        style: Style::Points,
        labels: known.iter().map(|(means, _)| means.label.to_string()).collect(),
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

fn sentence(all: &[PointMeans], target: f64) -> String {
    let by = |a: &&PointMeans, b: &&PointMeans, of: fn(&PointMeans) -> Option<f64>| {
        of(a).unwrap_or(f64::MAX).total_cmp(&of(b).unwrap_or(f64::MAX))
    };
    let timed = || all.iter().filter(|means| means.time.is_some());
    let fastest = timed().min_by(|a, b| by(a, b, |means| means.time));
    let cheapest = timed().min_by(|a, b| by(a, b, |means| means.cost));
    let reached = timed().count();
    let (Some(fastest), Some(cheapest)) = (fastest, cheapest) else {
        return format!("No point reaches the target AUC {target:.3} with every seed.");
    };
    format!(
        "The target is AUC {target:.3}, which at least half of the points reach at their best. Every seed of \
         {reached} of {} reaches it{}. {} needs the least time ({}), and {} costs the least ({} worker-seconds).",
        counted(all.len(), "point", "points"),
        match all.iter().filter(|means| means.broke).count() {
            0 => String::new(),
            broke => format!(
                " ({} with trials that broke {} left out)",
                counted(broke, "point", "points"),
                if broke == 1 { "is" } else { "are" }
            ),
        },
        fastest.label,
        AxisUnit::Time.write(fastest.time),
        cheapest.label,
        number::figure(cheapest.cost)
    )
}

fn grid(all: &[PointMeans], trade_offs: &[TradeOff], target: f64) -> Grid {
    let fronts: Vec<Vec<usize>> = trade_offs
        .iter()
        .map(|trade_off| {
            let known = all.iter().enumerate();
            let known: Vec<(usize, (f64, f64))> =
                known.filter_map(|(index, means)| Some((index, (trade_off.of)(means)?))).collect();
            let values: Vec<(f64, f64)> = known.iter().map(|(_, at)| *at).collect();
            front(&values, trade_off.higher).map(|index| known[index].0).collect()
        })
        .collect();
    let mut columns = vec![grid::text("point"), grid::number("workers")];
    let timed = format!("simulated s to AUC {target:.3}");
    let names = [timed.as_str(), "worker-seconds until this AUC", "worker-seconds", "best AUC"];
    columns.extend(names.map(grid::number));
    columns.push(grid::text("on the front of"));
    let numbered: Vec<(usize, &PointMeans)> = all.iter().enumerate().collect();
    Grid::new("Time and quality against workers and cost", columns).fill(
        &numbered,
        MOST_ROWS,
        "trials.csv",
        |(index, means)| {
            let on = trade_offs.iter().zip(&fronts).filter(|(_, front)| front.contains(index));
            let on: Vec<&str> = on.map(|(trade_off, _)| trade_off.label.as_str()).collect();
            vec![
                means.label.to_string(),
                number::figure(means.workers),
                number::figure(means.time),
                number::figure(means.cost),
                number::figure(means.whole_cost),
                number::figure(means.auc),
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
