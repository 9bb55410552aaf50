//! Staleness of the applied gradients: a histogram per machine class.

use crate::report::html::figure::{Axis, Chart, Figure, Plot, Series, Style, Unit};
use crate::report::html::grid::{self, Grid, MOST_ROWS};
use crate::report::html::number::{self, count, percent, short};
use crate::results::RunResults;
use crate::results::tables::StalenessRow;
use std::collections::BTreeMap;

/// The measures of the file: its name there, what the reader chooses by, what the axis says.
const MEASURES: [(&str, &str, &str); 3] = [
    ("version", "updates", "staleness: updates applied between pull and apply"),
    ("clock_lag", "steps behind", "clock lag: steps behind the fastest worker"),
    ("age_us", "age", "age when applied, simulated microseconds"),
];

/// Most bins of equal width.
const BINS: u64 = 60;
/// From this ratio of the largest to the median value on, bins widen with the value.
const WIDE: f64 = 8.0;

/// The figure.
pub(super) fn figure(folder: &RunResults) -> Result<Figure, String> {
    let rows = folder.staleness.rows()?;
    let plots: Vec<Plot> = MEASURES.iter().filter_map(|measure| plot(rows, measure)).collect();
    if plots.is_empty() {
        return Err(folder.staleness.unusable("counts no gradients"));
    }
    let columns = ["class", "measure"].map(grid::text).into_iter();
    let columns = columns.chain(["from", "to", "gradients"].map(grid::number)).collect();
    let grid = Grid::new("Gradients by staleness", columns);
    Ok(Figure {
        id: "staleness-histogram".to_string(),
        title: "How old gradients are when they are applied".to_string(),
        sentence: sentence(rows),
        chart: Chart::Plots(plots),
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

/// Buckets of one class: from, to (not included), gradients.
type Buckets = Vec<(f64, f64, f64)>;

fn classes(rows: &[StalenessRow], measure: &str) -> BTreeMap<String, Buckets> {
    let mut classes: BTreeMap<String, Buckets> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.measure == measure && row.count > 0) {
        let bucket = (row.low as f64, row.high as f64 + 1.0, row.count as f64);
        classes.entry(row.class.clone()).or_default().push(bucket);
    }
    classes
}

fn plot(rows: &[StalenessRow], (measure, label, title): &(&str, &str, &str)) -> Option<Plot> {
    let classes = classes(rows, measure);
    let largest = classes.values().flatten().map(|b| b.1).fold(0.0, f64::max);
    if classes.is_empty() {
        return None;
    }
    let median = median(classes.values().flatten());
    let log = largest > WIDE * (median + 1.0);
    let edges = edges(largest, log);
    let series = classes.iter().map(|(class, buckets)| outline(class, buckets, &edges)).collect();
    Some(Plot {
        label: label.to_string(),
        x: Axis::new(*title, Unit::Count).scaled(log),
        y: Axis::new("share of the class's gradients", Unit::Percent),
        series,
    })
}

fn median<'a>(buckets: impl Iterator<Item = &'a (f64, f64, f64)>) -> f64 {
    let mut buckets: Vec<&(f64, f64, f64)> = buckets.collect();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = buckets.iter().map(|b| b.2).sum::<f64>() / 2.0;
    let mut seen = 0.0;
    let reached = buckets.iter().find(|bucket| {
        seen += bucket.2;
        seen >= half
    });
    reached.map_or(0.0, |bucket| bucket.0)
}

/// The edges of the bins. On an axis of ratios whole numbers are shifted by a half, so that 0 has a
/// place.
fn edges(largest: f64, log: bool) -> Vec<f64> {
    if log {
        let doublings = (largest * 2.0).log2().ceil() as u32;
        return (0..=doublings * 3).map(|i| 0.5 * 2f64.powf(f64::from(i) / 3.0)).collect();
    }
    let width = (largest as u64).div_ceil(BINS).max(1);
    (0..=(largest as u64).div_ceil(width)).map(|i| (i * width) as f64).collect()
}

/// Share of the class in every bin. What a bucket holds is spread evenly over its width.
fn outline(class: &str, buckets: &Buckets, edges: &[f64]) -> Series {
    let shift = if edges[0] > 0.0 { 0.5 } else { 0.0 };
    let total: f64 = buckets.iter().map(|b| b.2).sum();
    let mut shares = vec![0.0; edges.len()];
    for (from, to, count) in buckets {
        let (from, to) = (from + shift, to + shift);
        for (bin, pair) in edges.windows(2).enumerate() {
            let overlap = (to.min(pair[1]) - from.max(pair[0])).max(0.0);
            shares[bin] += count / total * overlap / (to - from);
        }
    }
    Series {
        name: class.to_string(),
        x: edges.iter().map(|edge| short(*edge)).collect(),
        y: shares.iter().map(|share| Some(short(*share))).collect(),
        style: Style::Steps,
        ..Series::default()
    }
}

fn sentence(rows: &[StalenessRow]) -> String {
    let classes = classes(rows, "version");
    let mean = |buckets: &Buckets| {
        let total: f64 = buckets.iter().map(|b| b.2).sum();
        buckets.iter().map(|b| (b.0 + b.1 - 1.0) / 2.0 * b.2).sum::<f64>() / total
    };
    let all: f64 = classes.values().flatten().map(|b| b.2).sum();
    let part = |(class, buckets): (&String, &Buckets)| {
        let own: f64 = buckets.iter().map(|b| b.2).sum();
        let share = percent(own / all);
        format!(
            "{class} {} updates on average ({share} of the gradients)",
            number::figure(mean(buckets))
        )
    };
    let parts: Vec<String> = classes.iter().take(4).map(part).collect();
    let more = classes.len().saturating_sub(parts.len());
    let more = if more > 0 { format!("; and {more} more classes") } else { String::new() };
    format!("Of {} gradients: {}{more}.", count(all as u64), parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::Rows;

    #[test]
    fn no_name_of_a_class_is_special() {
        let rows = "class,measure,low,high,count\n\
                    all,version,1,1,10\nordinary,version,3,3,30\nall,clock_lag,0,0,10\n";
        let rows = Rows::parse(rows).unwrap().into_vec();
        let found: Vec<String> = classes(&rows, "version").into_keys().collect();
        assert_eq!(found, ["all", "ordinary"]);
        assert!(sentence(&rows).starts_with("Of 40 gradients"), "{}", sentence(&rows));
    }
}
