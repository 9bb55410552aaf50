//! Quality after a restart: one curve per arm of a restart lab, one plot per number of workers.

use super::axis::{Axis, AxisUnit};
use super::chart::{Band, Chart, Figure, Panels, Plot, Series, Style};
use super::grid::{self, Grid, MOST_ROWS};
use super::interval::{self, SeedMean};
use super::number::{self, counted, short};
use crate::metrics::scalar::FigureRange;
use crate::results::tables::CurveRow;
use std::collections::BTreeMap;

/// The name of the arm without a restart in the tables.
const NO_RESTART: &str = "no restart";
/// The most plots, and the most plots side by side.
const MOST_PLOTS: usize = 4;
const COLUMNS: usize = 2;
/// The most arms.
const MOST_ARMS: usize = 7;
/// The most arms with a band; more would hide each other.
const MOST_BANDS: usize = 3;
/// The colour of the arm without a restart: the last colour of the series.
const LAST_COLOUR: usize = 6;
/// A line lies on another if it is nowhere further away than this share of the scale.
const NEAR: f64 = 0.01;
/// A line that begins at least this many basis points below the fork does not widen the range
/// shown.
const FAR: f64 = 500.0;

/// The mean curve of an arm over its seeds.
struct ArmCurve {
    arm: String,
    /// Updates, and basis points above the fork.
    values: Vec<(f64, SeedMean)>,
}

/// The figure; `verdict` is the answer of the lab in sentences.
pub fn figure(rows: &[CurveRow], verdict: &[String]) -> Result<Figure, String> {
    let mut workers: Vec<u32> = rows.iter().map(|row| row.workers).collect();
    workers.dedup();
    // The largest numbers of workers are of interest; the smallest is the control.
    if workers.len() > MOST_PLOTS {
        workers.drain(1..=workers.len() - MOST_PLOTS);
    }
    let all: Vec<(u32, Vec<ArmCurve>)> = workers.iter().map(|&n| (n, lines(rows, n))).collect();
    let Some((_, last)) = all.last() else { return Err("the lab has no curves".to_string()) };
    let shown = chosen(last);
    let drawn: Vec<Vec<&ArmCurve>> = all.iter().map(|(_, lines)| of(lines, &shown)).collect();
    let together: Vec<&ArmCurve> = drawn.iter().flatten().copied().collect();
    let range = range(&together);
    let still = unmoved(&drawn, range);
    let moved = shown.iter().map(String::as_str);
    let moved = moved.filter(|arm| *arm != NO_RESTART && !still.contains(arm));
    let banded: Vec<&str> = moved.take(MOST_BANDS).collect();
    let columns = ["workers", "updates after the fork", "basis points", "low", "high"];
    let columns = columns.map(grid::number).into_iter().chain([grid::text("arm")]).collect();
    let points: Vec<(u32, &ArmCurve, (f64, SeedMean))> = all
        .iter()
        .flat_map(|(n, lines)| lines.iter().map(move |line| (*n, line)))
        .flat_map(|(n, line)| line.values.iter().map(move |value| (n, line, *value)))
        .collect();
    Ok(Figure {
        id: "restart".to_string(),
        title: title(verdict),
        sentence: format!(
            "AUC on the reporting half of the holdout above AUC at the fork, in basis points: means over the seeds{}, \
             one scale for all.{}",
            if has_bands(&together) { " with their 95 % intervals" } else { "" },
            match still.as_slice() {
                [] => String::new(),
                arms => format!(" On the wide line of no restart lie: {}.", arms.join("; ")),
            }
        ),
        // The largest number of workers first: the title is about it.
        chart: Chart::Plots(
            all.iter()
                .zip(&drawn)
                .rev()
                .map(|((n, _), drawn)| plot(*n, drawn, (&shown, &banded), range))
                .collect(),
            Panels::side_by_side(COLUMNS.min(all.len())),
        ),
        grid: Grid::new("Quality after a restart", columns).fill(
            &points,
            MOST_ROWS,
            "curves.csv",
            |(n, line, (updates, mean))| {
                let interval = mean.ends();
                let numbers = [f64::from(*n), *updates, mean.mean, interval.low, interval.high];
                numbers.map(number::figure).into_iter().chain([line.arm.clone()]).collect()
            },
        ),
        file: "curves.csv".to_string(),
    })
}

/// The answer in short: the first sentence of the verdict without its figures.
fn title(verdict: &[String]) -> String {
    let Some(first) = verdict.first() else { return "Quality after a restart".to_string() };
    let mut kept = String::new();
    let mut rest = first.split(';').next().unwrap_or_default();
    // Figures stand in brackets within parentheses.
    while let Some((before, after)) = rest.split_once(" (") {
        kept += before;
        let Some((inside, behind)) = after.split_once(')') else { break };
        if !inside.starts_with(['+', '-', 'm']) {
            kept += &format!(" ({inside})");
        }
        rest = behind;
    }
    kept += rest;
    kept.trim_end_matches('.').to_string()
}

/// The arms of this number of workers that are drawn, in the order of `shown`.
fn of<'a>(lines: &'a [ArmCurve], shown: &[String]) -> Vec<&'a ArmCurve> {
    shown.iter().filter_map(|arm| lines.iter().find(|line| line.arm == *arm)).collect()
}

fn has_bands(lines: &[&ArmCurve]) -> bool {
    lines.iter().flat_map(|line| &line.values).any(|value| value.1.interval.is_some())
}

/// The arms that lie on the line without a restart in every plot.
fn unmoved<'a>(plots: &[Vec<&'a ArmCurve>], (low, high): (f64, f64)) -> Vec<&'a str> {
    let mut arms: Vec<&str> = Vec::new();
    for line in plots.iter().flatten() {
        if line.arm != NO_RESTART && !arms.contains(&line.arm.as_str()) {
            arms.push(&line.arm);
        }
    }
    let lies = |lines: &Vec<&ArmCurve>, arm: &str| {
        let find = |arm: &str| lines.iter().find(|line| line.arm == arm);
        let (Some(own), Some(none)) = (find(arm), find(NO_RESTART)) else { return true };
        own.values.iter().all(|(x, mean)| {
            let other = none.values.iter().find(|value| value.0 == *x);
            other.is_none_or(|other| (other.1.mean - mean.mean).abs() < NEAR * (high - low))
        })
    };
    arms.retain(|arm| plots.iter().all(|lines| lies(lines, arm)));
    arms
}

/// The arms of `shown` are drawn, and those of `banded` with their bands.
fn plot(
    workers: u32,
    lines: &[&ArmCurve],
    (shown, banded): (&[String], &[&str]),
    (low, high): (f64, f64),
) -> Plot {
    let last = lines.iter().flat_map(|line| &line.values).map(|v| v.0).fold(1.0, f64::max);
    let column = |line: &ArmCurve, of: fn(&SeedMean) -> f64| -> Vec<Option<f64>> {
        line.values.iter().map(|value| Some(short(of(&value.1)))).collect()
    };
    let of = |line: &&ArmCurve| {
        let place = shown.iter().position(|arm| *arm == line.arm).unwrap_or(0);
        Series {
            name: line.arm.clone(),
            x: line.values.iter().map(|value| short(value.0)).collect(),
            y: column(line, |mean| mean.mean),
            band: (banded.contains(&line.arm.as_str()) && has_bands(&[line])).then(|| Band {
                low: column(line, |mean| mean.ends().low),
                high: column(line, |mean| mean.ends().high),
            }),
            style: if line.arm == NO_RESTART { Style::Ground } else { Style::Line },
            colour: Some(place.checked_sub(1).unwrap_or(LAST_COLOUR)),
            ..Series::default()
        }
    };
    let mut series: Vec<Series> = lines.iter().map(of).collect();
    series.push(Series {
        name: "at the fork".to_string(),
        x: vec![0.0, last],
        y: vec![Some(0.0); 2],
        style: Style::Limit,
        ..Series::default()
    });
    let values = lines.iter().flat_map(|line| &line.values).map(|value| value.1.mean);
    let lowest = values.fold(f64::INFINITY, f64::min);
    let cut =
        (lowest < low).then(|| format!("not in view: values down to {}", number::figure(lowest)));
    let x = Axis::new("updates after the fork", AxisUnit::Count).doubling(true).between(0.0, last);
    let y = Axis::new("basis points", AxisUnit::Number).between(low, high);
    let name = counted(workers as usize, "worker", "workers");
    Plot { notes: vec![name.clone()], cut, ..Plot::new(name, x, y, series) }
}

/// A range that shows the whole of every line that begins near the fork. A line that begins far
/// below, because layers were initialised again, enters the picture from below.
fn range(lines: &[&ArmCurve]) -> (f64, f64) {
    let begins_near =
        |line: &&&ArmCurve| line.values.first().is_some_and(|first| first.1.mean > -FAR);
    let values = || lines.iter().filter(begins_near).flat_map(|line| &line.values);
    let low = values().map(|v| v.1.mean).fold(0.0, f64::min);
    let high = values().map(|v| v.1.mean).fold(0.0, f64::max);
    // A band may make the range half as high again.
    let margin = 0.5 * (high - low);
    let low = values().map(|v| v.1.ends().low).fold(low, f64::min).max(low - margin);
    let high = values().map(|v| v.1.ends().high).fold(high, f64::max).min(high + margin);
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
        let mut values: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for row in mine.iter().filter(|row| row.arm == arm) {
            let Some((auc, fork)) = row.auc.zip(fork(row.seed)) else { continue };
            values.entry(row.updates).or_default().push(1e4 * (auc - fork));
        }
        // The mean would jump at an update at which many seeds are missing.
        let most = values.values().map(Vec::len).max().unwrap_or(0);
        let kept = values.into_iter().filter(|(_, values)| 2 * values.len() > most);
        let mean = |(x, values): (u64, Vec<f64>)| {
            Some((x as f64, interval::of_mean(&values, FigureRange::Bounded)?))
        };
        let values = kept.filter_map(mean).collect();
        ArmCurve { arm: arm.to_owned(), values }
    };
    arms.into_iter().map(line).collect()
}

/// The arms that are drawn: first the run without a restart and the arm that only coalesces the
/// views (`lost: workers`), then the arms that lose one thing, then the others, the deepest fall
/// first.
fn chosen(lines: &[ArmCurve]) -> Vec<String> {
    let depth = |line: &ArmCurve| line.values.iter().map(|v| v.1.mean).fold(0.0, f64::min);
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
        assert_eq!((lines[0].values[0].0, lines[0].values[0].1.mean), (0.0, 0.0));
        assert!((lines[1].values[0].1.mean + 150.0).abs() < 1e-6);
        assert_eq!(chosen(&lines), [NO_RESTART, "lost: slots"]);
        let Chart::Plots(plots, _) = figure(&rows, &[]).unwrap().chart else { panic!("plots") };
        assert_eq!(plots.len(), 1);
        assert!(figure(&[], &[]).is_err());
    }

    #[test]
    fn the_title_is_the_answer_without_its_figures() {
        let of = |sentence: &str| title(&[sentence.to_string(), "More.".to_string()]);
        assert_eq!(
            of(
                "With 30 workers, losing the optimizer state (slots) (-255 [-349, -161]) causes the drop; nothing \
                else makes a difference (all others within ±11)."
            ),
            "With 30 workers, losing the optimizer state (slots) causes the drop"
        );
        assert_eq!(
            of(
                "With 1 worker, no part that was lost makes a difference that 10 seeds can see; every effect is."
            ),
            "With 1 worker, no part that was lost makes a difference that 10 seeds can see"
        );
        assert_eq!(title(&[]), "Quality after a restart");
    }

    #[test]
    fn all_panels_have_one_scale_and_hidden_lines_are_named() {
        let mut rows =
            curves(&[(1, NO_RESTART, 0.80), (1, "lost: slots", 0.79), (1, "lost: data", 0.80)]);
        let mut more = rows.clone();
        more.iter_mut().for_each(|row| row.workers = 30);
        more[1].auc = Some(0.76);
        rows.extend(more);
        let figure = figure(&rows, &[]).unwrap();
        assert!(figure.sentence.ends_with("On the wide line of no restart lie: lost: data."));
        let Chart::Plots(plots, _) = figure.chart else { panic!("plots") };
        assert_eq!(plots[0].y.range, plots[1].y.range);
        assert_eq!(plots[0].series[0].style, Style::Ground);
    }

    #[test]
    fn three_seeds_have_a_band() {
        let rows = [0.79, 0.78, 0.80]
            .iter()
            .zip(1..)
            .flat_map(|(auc, seed)| [(seed, NO_RESTART, 0.81), (seed, "lost: slots", *auc)]);
        let rows = curves(&rows.collect::<Vec<_>>());
        let Chart::Plots(plots, _) = figure(&rows, &[]).unwrap().chart else { panic!("plots") };
        assert!(plots[0].series.iter().any(|series| series.band.is_some()));
    }
}
