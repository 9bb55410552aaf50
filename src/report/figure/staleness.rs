//! Staleness of the applied gradients: a histogram per machine class.

use super::absent::NoFigure;
use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Panels, Plot, Series, Style, Upright};
use super::classes::Classes;
use super::grid::{self, Grid, MOST_ROWS};
use super::number::{self, percent, short, with_noun};
use crate::results::RunResults;
use crate::results::summary::Staleness;
use crate::results::tables::StalenessRow;
use std::collections::BTreeMap;

/// The measures: name in the file, text of the button that chooses it, title of the axis.
const MEASURES: [(&str, &str, &str); 3] = [
    ("version", "staleness", "staleness: updates applied between pull and apply"),
    ("clock_lag", "clock lag", "clock lag: steps behind the fastest worker"),
    ("age_us", "age", "age when applied, simulated microseconds"),
];

/// The most classes in one plot: those with the most gradients.
const MOST_CLASSES: usize = 12;
/// The most bins of equal width, about.
const BINS: f64 = 100.0;
/// Bins per doubling, if they widen with the value.
const PER_DOUBLING: f64 = 6.0;

/// The histogram of one class.
struct ClassHistogram {
    name: String,
    /// Its place in the order of classes.
    place: usize,
    /// Smallest value, largest value and count of each bucket; ascending.
    buckets: Vec<(f64, f64, f64)>,
    total: f64,
    mean: f64,
}

impl ClassHistogram {
    fn new(name: &str, place: usize, mut rows: Vec<&StalenessRow>) -> ClassHistogram {
        rows.sort_by_key(|row| row.low);
        let bucket = |r: &&StalenessRow| (r.low as f64, r.high.max(r.low) as f64, r.count as f64);
        let buckets: Vec<(f64, f64, f64)> = rows.iter().map(bucket).collect();
        let total: f64 = buckets.iter().map(|b| b.2).sum();
        let sum: f64 = buckets.iter().map(|b| (b.0 + b.1) / 2.0 * b.2).sum();
        ClassHistogram { name: name.to_string(), place, buckets, total, mean: sum / total }
    }

    /// The largest value of the bucket in which the quantile for `share` lies.
    fn quantile(&self, share: f64) -> f64 {
        let mut seen = 0.0;
        let reached = self.buckets.iter().find(|bucket| {
            seen += bucket.2;
            seen >= share * self.total
        });
        reached.map_or(self.largest(), |bucket| bucket.1)
    }

    /// The number of gradients in buckets above `value`.
    fn above(&self, value: f64) -> f64 {
        self.buckets.iter().filter(|bucket| bucket.0 > value).map(|bucket| bucket.2).sum()
    }

    fn largest(&self) -> f64 {
        self.buckets.last().map_or(0.0, |b| b.1)
    }
}

/// The figure.
pub fn figure(run: &RunResults) -> Result<Figure, NoFigure> {
    let rows = run.staleness.rows()?;
    if is_fresh(rows) {
        return Err(NoFigure::Sentence(
            "No gradient was stale: each was applied to the parameters that it was computed from."
                .to_string(),
        ));
    }
    let order = Classes::of(run);
    let plots: Vec<Plot> =
        MEASURES.iter().filter_map(|measure| plot(rows, &order, measure)).collect();
    if plots.is_empty() {
        return Err(run.staleness.unusable("counts no gradients").into());
    }
    let columns = ["class", "measure"].map(grid::text).into_iter();
    let columns = columns.chain(["from", "to", "gradients"].map(grid::number)).collect();
    let grid = Grid::new("Gradients by staleness", columns);
    Ok(Figure {
        id: "staleness-histogram".to_string(),
        title: "Staleness of the applied gradients".to_string(),
        sentence: sentence(rows, &order, &run.summary.staleness),
        chart: Chart::Plots(plots, Panels::stacked(1)),
        grid: grid.fill(rows, MOST_ROWS, "staleness.csv", |row| {
            vec![
                row.class.clone(),
                row.measure.clone(),
                row.low.to_string(),
                row.high.to_string(),
                row.count.to_string(),
            ]
        }),
        file: "staleness.csv".to_string(),
    })
}

/// Whether no other update came between the pull and the update of any gradient.
fn is_fresh(rows: &[StalenessRow]) -> bool {
    let mut counted = rows.iter().filter(|row| row.measure == MEASURES[0].0 && row.count > 0);
    counted.clone().next().is_some() && counted.all(|row| row.high == 0)
}

/// The classes that have gradients, in the order of classes.
fn classes(rows: &[StalenessRow], order: &Classes, measure: &str) -> Vec<ClassHistogram> {
    let mut by_class: BTreeMap<(usize, &str), Vec<&StalenessRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.measure == measure && row.count > 0) {
        by_class.entry((order.place(&row.class), &row.class)).or_default().push(row);
    }
    by_class
        .into_iter()
        .map(|((place, name), rows)| ClassHistogram::new(name, place, rows))
        .collect()
}

fn plot(
    rows: &[StalenessRow],
    order: &Classes,
    (measure, label, title): &(&str, &str, &str),
) -> Option<Plot> {
    let mut classes = classes(rows, order, measure);
    if classes.is_empty() {
        return None;
    }
    classes.sort_by(|a, b| b.total.total_cmp(&a.total));
    classes.truncate(MOST_CLASSES);
    classes.sort_by_key(|class| class.place);
    let bins = Bins::of(&classes, title);
    let outline = |class: &ClassHistogram| Series {
        name: format!("{}, mean {}", class.name, number::figure(class.mean)),
        x: bins.edges.iter().map(|edge| short(*edge)).collect(),
        y: bins.shares(class).into_iter().map(|share| Some(short(share))).collect(),
        style: Style::Steps,
        colour: Some(class.place),
        ..Series::default()
    };
    let series = classes.iter().map(outline).collect();
    let y = Axis::new("share of gradients, by class", AxisUnit::Percent);
    let mean = |class: &ClassHistogram| Upright { x: short(class.mean), colour: Some(class.place) };
    let uprights = classes.iter().map(mean).collect();
    Some(Plot { uprights, ..Plot::new(*label, bins.axis, y, series) })
}

/// The bins of a histogram. A whole number `v` covers the range from `v - 0.5` to `v + 0.5`.
struct Bins {
    axis: Axis,
    edges: Vec<f64>,
}

impl Bins {
    /// Bins of equal width or, if the distribution has a long tail, bins that widen with the value.
    fn of(classes: &[ClassHistogram], title: &str) -> Bins {
        let least = |share| classes.iter().map(|c| c.quantile(share)).fold(f64::MAX, f64::min);
        let reach = classes.iter().map(|c| c.quantile(0.999)).fold(1.0, f64::max);
        let largest = classes.iter().map(ClassHistogram::largest).fold(1.0, f64::max) + 0.5;
        let axis = |bins: String| Axis::new(format!("{title}{bins}"), AxisUnit::Count);
        if reach > 64.0 && reach > 6.0 * (least(0.5) + 1.0) {
            let axis = axis(format!("; {PER_DOUBLING} bins per doubling")).doubling(true);
            // The bin of 0 begins at -0.5.
            let low = if least(0.001) < 1.0 { -0.5 } else { 0.7 * least(0.001) };
            let axis = axis.between(low, 1.3 * reach);
            let count = (PER_DOUBLING * (axis.position(largest) + 1.0)).ceil() as usize;
            let edge = |i: usize| libm::exp2(i as f64 / PER_DOUBLING - 1.0) - 1.0;
            return Bins { axis, edges: (0..=count).map(edge).collect() };
        }
        let width = (reach / BINS).ceil().max(1.0);
        let count = ((largest.min(1.04 * reach) + 0.5) / width).ceil() as usize;
        let end = count as f64 * width - 0.5;
        let mut bins = if width > 1.0 { format!("; bins of {width}") } else { String::new() };
        let beyond: f64 = classes.iter().map(|class| class.above(end)).sum();
        if beyond > 0.0 {
            let all: f64 = classes.iter().map(|class| class.total).sum();
            bins += &format!("; {} above {} left out", percent(beyond / all), end.floor());
        }
        Bins {
            axis: axis(bins).between(-0.5, end),
            edges: (0..=count).map(|i| i as f64 * width - 0.5).collect(),
        }
    }

    /// The share of a class in each bin; values after the last edge are left out. The count of a
    /// bucket is spread evenly over its width on the axis.
    fn shares(&self, class: &ClassHistogram) -> Vec<f64> {
        let at: Vec<f64> = self.edges.iter().map(|edge| self.axis.position(*edge)).collect();
        let mut shares = vec![0.0; at.len()];
        for &(low, high, count) in &class.buckets {
            let (from, to) = (self.axis.position(low - 0.5), self.axis.position(high + 0.5));
            let first = at.partition_point(|edge| *edge <= from).saturating_sub(1);
            for (bin, pair) in at.windows(2).enumerate().skip(first) {
                if pair[0] >= to {
                    break;
                }
                let overlap = (to.min(pair[1]) - from.max(pair[0])).max(0.0);
                shares[bin] += count / class.total * overlap / (to - from);
            }
        }
        shares
    }
}

fn sentence(rows: &[StalenessRow], order: &Classes, exact: &Staleness) -> String {
    let classes = classes(rows, order, "version");
    let counted = rows.iter().filter(|row| row.measure == "version" && row.count > 0);
    let all = ClassHistogram::new("", 0, counted.collect());
    let part = |class: &ClassHistogram| {
        let share = percent(class.total / all.total);
        format!("{} {} ({share})", class.name, number::figure(class.mean))
    };
    let parts: Vec<String> = classes.iter().take(4).map(part).collect();
    let more = match classes.len().saturating_sub(parts.len()) {
        0 => String::new(),
        more => {
            let others = number::counted(more, "other class is", "other classes are");
            format!("; {others} not listed")
        }
    };
    let by_class = match classes.len() {
        0 | 1 => String::new(),
        _ => {
            let parts = parts.join(", ");
            format!(" Mean staleness and share of the gradients by class: {parts}{more}.")
        }
    };
    let left_out = match classes.len() > MOST_CLASSES {
        true => format!(" Only the {MOST_CLASSES} classes with the most gradients are drawn."),
        false => String::new(),
    };
    let updates = |value: f64| with_noun(value, "update", "updates");
    format!(
        "{} applied, on average {} old; 99 % were at most {} old, and the oldest {}.{by_class}{left_out}",
        number::counted(all.total as usize, "gradient was", "gradients were"),
        updates(exact.mean.unwrap_or(all.mean)),
        updates(exact.p99.map_or_else(|| all.quantile(0.99), |p99| p99 as f64)),
        updates(exact.max.map_or_else(|| all.largest(), |max| max as f64))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::Rows;

    fn class(buckets: &[(u64, u64, u64)]) -> ClassHistogram {
        let row =
            |(low, high, count): &(u64, u64, u64)| format!("all,version,{low},{high},{count}\n");
        let text: String = buckets.iter().map(row).collect();
        let rows =
            Rows::parse(&format!("class,measure,low,high,count\n{text}")).unwrap().into_vec();
        ClassHistogram::new("all", 0, rows.iter().collect())
    }

    #[test]
    fn every_gradient_is_in_a_bin() {
        let narrow = class(&[(0, 0, 5), (1, 1, 10), (3, 3, 5)]);
        let bins = Bins::of(std::slice::from_ref(&narrow), "");
        assert_eq!(bins.shares(&narrow)[..4], [0.25, 0.5, 0.0, 0.25]);
        let wide = class(&[(0, 0, 500), (5, 5, 490), (64, 71, 5), (1024, 1151, 5)]);
        let bins = Bins::of(std::slice::from_ref(&wide), "");
        assert_eq!(bins.axis.scale, super::super::axis::Scale::Doublings);
        let total: f64 = bins.shares(&wide).iter().sum();
        assert!((total - 1.0).abs() < 1e-12, "{total}");
    }

    #[test]
    fn no_name_of_a_class_is_special() {
        let rows = "class,measure,low,high,count\n\
                    all,version,1,1,10\nordinary,version,3,3,30\nall,clock_lag,0,0,10\n";
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("staleness.csv"), rows).unwrap();
        let run = RunResults::open(folder.path()).unwrap();
        let (rows, order) = (run.staleness.rows().unwrap(), Classes::of(&run));
        let classes = classes(rows, &order, "version");
        let found: Vec<(&str, f64)> = classes.iter().map(|c| (c.name.as_str(), c.total)).collect();
        assert_eq!(found, [("all", 10.0), ("ordinary", 30.0)]);
        assert!(
            sentence(rows, &order, &Staleness::default()).starts_with("40 gradients were applied,")
        );
    }

    #[test]
    fn a_run_without_staleness_has_a_sentence_in_place_of_a_picture() {
        let rows = |age: &str, staleness: &str| {
            let text = format!(
                "class,measure,low,high,count\nall,age_us,{age},10\nall,version,0,{staleness},10\n"
            );
            Rows::parse(&text).unwrap().into_vec()
        };
        assert!(is_fresh(&rows("5,9", "0")));
        assert!(!is_fresh(&rows("0,0", "1")));
        assert!(!is_fresh(&[]));
    }

    #[test]
    fn figures_come_from_the_buckets() {
        let class = class(&[(0, 0, 5), (1, 1, 10), (3, 3, 5)]);
        assert_eq!((class.mean, class.quantile(0.5), class.largest()), (1.25, 1.0, 3.0));
    }
}
