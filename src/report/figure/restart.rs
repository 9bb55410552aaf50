//! Quality after a restart: one curve per arm of a restart lab, one plot per number of workers.

use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Panels, Plot, Series, Style};
use super::grid::{self, Grid, MOST_ROWS};
use super::number::{self, counted, short};
use crate::results::tables::CurveRow;

/// The name of the arm without a restart in the tables.
const NO_RESTART: &str = "no restart";
/// The most plots, and the most plots side by side.
const MOST_PLOTS: usize = 4;
const COLUMNS: usize = 2;
/// The most arms.
const MOST_ARMS: usize = 7;
/// The colour of the arm without a restart: the last colour of the series.
const LAST_COLOUR: usize = 6;
/// A line that begins at least this many basis points below the fork does not widen the range
/// shown.
const FAR: f64 = 500.0;

/// The mean curve of an arm over its seeds: updates, and basis points above the fork.
struct ArmCurve {
    arm: String,
    values: Vec<(f64, f64)>,
}

/// The figure.
pub fn figure(rows: &[CurveRow]) -> Result<Figure, String> {
    let mut workers: Vec<u32> = rows.iter().map(|row| row.workers).collect();
    workers.dedup();
    // The largest numbers of workers are of interest; the smallest is the control.
    if workers.len() > MOST_PLOTS {
        workers.drain(1..=workers.len() - MOST_PLOTS);
    }
    let all: Vec<(u32, Vec<ArmCurve>)> = workers.iter().map(|&n| (n, lines(rows, n))).collect();
    let Some((_, last)) = all.last() else { return Err("the lab has no curves".to_string()) };
    let shown = chosen(last);
    let columns = ["workers", "updates after the fork", "basis points"].map(grid::number);
    let columns = columns.into_iter().chain([grid::text("arm")]).collect();
    let points: Vec<(u32, &ArmCurve, (f64, f64))> = all
        .iter()
        .flat_map(|(n, lines)| lines.iter().map(move |line| (*n, line)))
        .flat_map(|(n, line)| line.values.iter().map(move |value| (n, line, *value)))
        .collect();
    Ok(Figure {
        id: "restart".to_string(),
        title: "Quality after a restart".to_string(),
        sentence: "The lines show how many basis points AUC on the reporting half of the holdout is above AUC at \
                   the fork. They are means over the seeds."
            .to_string(),
        chart: Chart::Plots(
            all.iter().map(|(n, lines)| plot(*n, lines, &shown)).collect(),
            Panels::side_by_side(COLUMNS.min(all.len())),
        ),
        grid: Grid::new("Quality after a restart", columns).fill(
            &points,
            MOST_ROWS,
            "curves.csv",
            |(n, line, (updates, points))| {
                let numbers = [f64::from(*n), *updates, *points].map(number::figure);
                numbers.into_iter().chain([line.arm.clone()]).collect()
            },
        ),
        file: "curves.csv".to_string(),
    })
}

fn plot(workers: u32, lines: &[ArmCurve], shown: &[String]) -> Plot {
    let line_of = |(place, arm): (usize, &String)| {
        let line = lines.iter().find(|line| line.arm == *arm)?;
        Some((place.checked_sub(1).unwrap_or(LAST_COLOUR), line))
    };
    let drawn: Vec<(usize, &ArmCurve)> = shown.iter().enumerate().filter_map(line_of).collect();
    let last = drawn.iter().flat_map(|(_, line)| &line.values).map(|v| v.0).fold(1.0, f64::max);
    let mut series: Vec<Series> = drawn
        .iter()
        .map(|(colour, line)| Series {
            name: line.arm.clone(),
            x: line.values.iter().map(|value| short(value.0)).collect(),
            y: line.values.iter().map(|value| Some(short(value.1))).collect(),
            colour: Some(*colour),
            ..Series::default()
        })
        .collect();
    series.push(Series {
        name: "at the fork".to_string(),
        x: vec![0.0, last],
        y: vec![Some(0.0); 2],
        style: Style::Limit,
        ..Series::default()
    });
    let drawn: Vec<&ArmCurve> = drawn.into_iter().map(|(_, line)| line).collect();
    let (low, high) = range(&drawn);
    let x = Axis::new("updates after the fork", AxisUnit::Count).doubling(true).between(0.0, last);
    let y = Axis::new("basis points", AxisUnit::Number).between(low, high);
    let name = counted(workers as usize, "worker", "workers");
    Plot { notes: vec![name.clone()], ..Plot::new(name, x, y, series) }
}

/// A range that shows the whole of every line that begins near the fork. A line that begins far
/// below, because layers were initialised again, enters the picture from below.
fn range(lines: &[&ArmCurve]) -> (f64, f64) {
    let begins_near = |line: &&&ArmCurve| line.values.first().is_some_and(|first| first.1 > -FAR);
    let values = || lines.iter().filter(begins_near).flat_map(|line| &line.values);
    let low = values().map(|v| v.1).fold(0.0, f64::min);
    let high = values().map(|v| v.1).fold(0.0, f64::max);
    let room = (high - low).max(1.0);
    (low - 0.05 * room, high + 0.12 * room)
}

/// The mean curves of all arms with this number of workers, in the order of the file.
fn lines(rows: &[CurveRow], workers: u32) -> Vec<ArmCurve> {
    let mine: Vec<&CurveRow> = rows.iter().filter(|row| row.workers == workers).collect();
    let mut arms: Vec<&str> = Vec::new();
    for row in &mine {
        if !arms.contains(&row.arm.as_str()) {
            arms.push(&row.arm);
        }
    }
    let fork = |seed: u64| {
        let first = mine.iter().find(|row| row.seed == seed && row.arm == NO_RESTART);
        first.and_then(|row| row.auc)
    };
    let line = |arm: &str| {
        // For each update: the sum over the seeds, and the number of seeds.
        let mut sums: Vec<(u64, f64, u32)> = Vec::new();
        for row in mine.iter().filter(|row| row.arm == arm) {
            let Some((auc, fork)) = row.auc.zip(fork(row.seed)) else { continue };
            match sums.iter_mut().find(|sum| sum.0 == row.updates) {
                Some(sum) => (sum.1, sum.2) = (sum.1 + 1e4 * (auc - fork), sum.2 + 1),
                None => sums.push((row.updates, 1e4 * (auc - fork), 1)),
            }
        }
        // The mean would jump at an update at which many seeds are missing.
        let most = sums.iter().map(|sum| sum.2).max().unwrap_or(0);
        let kept = sums.into_iter().filter(|sum| 2 * sum.2 > most);
        let mut values: Vec<(f64, f64)> =
            kept.map(|(x, y, n)| (x as f64, y / f64::from(n))).collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        ArmCurve { arm: arm.to_owned(), values }
    };
    arms.into_iter().map(line).collect()
}

/// The arms that are drawn: first the run without a restart and the arm that only coalesces the
/// views (`lost: workers`), then the arms that lose one thing, then the others, the deepest fall
/// first.
fn chosen(lines: &[ArmCurve]) -> Vec<String> {
    let depth = |line: &ArmCurve| line.values.iter().map(|v| v.1).fold(0.0, f64::min);
    let always = |line: &&ArmCurve| [NO_RESTART, "lost: workers"].contains(&line.arm.as_str());
    let single = |line: &&ArmCurve| {
        let one = line.arm.strip_prefix("lost: ").is_some_and(|rest| !rest.contains(", "));
        one && line.arm != "lost: workers"
    };
    let mut names: Vec<String> = lines.iter().filter(always).map(|l| l.arm.clone()).collect();
    names.extend(lines.iter().filter(single).map(|line| line.arm.clone()));
    let mut rest: Vec<&ArmCurve> = lines.iter().filter(|line| !names.contains(&line.arm)).collect();
    rest.sort_by(|a, b| depth(a).total_cmp(&depth(b)));
    names.extend(rest.into_iter().map(|line| line.arm.clone()));
    names.truncate(MOST_ARMS);
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::Rows;

    /// Curves of one point each: seed, arm, AUC.
    fn curves(points: &[(u64, &str, f64)]) -> Vec<CurveRow> {
        let mut text = "workers,seed,arm,updates,examples,sim_s,auc\n".to_string();
        for (seed, arm, auc) in points {
            text += &format!("1,{seed},{arm},0,0,0,{auc}\n");
        }
        Rows::parse(&text).unwrap().into_vec()
    }

    #[test]
    fn curves_are_means_over_seeds_above_the_fork() {
        let rows = curves(&[
            (1, NO_RESTART, 0.80),
            (1, "lost: slots", 0.79),
            (2, NO_RESTART, 0.70),
            (2, "lost: slots", 0.68),
        ]);
        let lines = lines(&rows, 1);
        assert_eq!(lines[0].values, [(0.0, 0.0)]);
        assert!((lines[1].values[0].1 + 150.0).abs() < 1e-6);
        assert_eq!(chosen(&lines), [NO_RESTART, "lost: slots"]);
        let Chart::Plots(plots, _) = figure(&rows).unwrap().chart else { panic!("plots") };
        assert_eq!(plots.len(), 1);
        assert!(figure(&[]).is_err());
    }
}
