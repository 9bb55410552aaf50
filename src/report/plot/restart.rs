//! `restart`: quality around a restart, one curve per arm of a restart lab, one panel per number of
//! workers.

use std::path::Path;

use super::axes::{Axis, doubling};
use super::frame::{self, Panel, Swatch};
use super::picture::{Anchor, Picture, Rect, Type};
use super::style::{self, BLACK, CATEGORIES, GREY, Ink};
use super::{Outcome, write};
use crate::report::error::ReportError;
use crate::results::table::Rows;
use crate::results::tables::CurveRow;

/// The run that simply goes on, as tables name it.
const NO_RESTART: &str = "no restart";
/// Most panels, and how many of them lie side by side.
const PANELS: usize = 4;
const COLUMNS: usize = 2;
/// Basis points below the fork from which on a line is out of the picture when it begins.
const FAR: f64 = 500.0;

/// The mean curve of an arm over its seeds: updates, and basis points above the fork.
struct Line {
    arm: String,
    values: Vec<(f64, f64)>,
}

/// Draws `restart.svg` and `restart.png` into the folder of a lab.
///
/// # Errors
/// If its `curves.csv` cannot be read, or a file cannot be written.
pub fn draw_lab(folder: &Path) -> Result<Outcome, ReportError> {
    let rows = Rows::read(folder, true)?.into_vec();
    write(&draw(&rows), folder, "restart")
}

fn draw(rows: &[CurveRow]) -> Picture {
    let mut workers: Vec<u32> = rows.iter().map(|row| row.workers).collect();
    workers.dedup();
    // The most workers are the question; the fewest are its control.
    if workers.len() > PANELS {
        workers.drain(1..=workers.len() - PANELS);
    }
    let panels: Vec<(u32, Vec<Line>)> = workers.iter().map(|&n| (n, lines(rows, n))).collect();
    let shown = chosen(panels.last().map_or(&[][..], |(_, lines)| lines));
    let mut picture = Picture::new();
    frame::heading(
        &mut picture,
        "Quality around a restart",
        "AUC on the reporting half of the holdout, in basis points above that at the fork; mean over seeds",
    );
    let legend: Vec<(Swatch, String)> = shown
        .iter()
        .enumerate()
        .map(|(i, arm)| (Swatch::Line(ink(i), style::HEAVY), arm.clone()))
        .collect();
    frame::legend(&mut picture, &legend);
    let of = panels.len();
    for (index, (workers, lines)) in panels.iter().enumerate() {
        let drawn: Vec<&Line> = lines.iter().filter(|line| shown.contains(&line.arm)).collect();
        let last = drawn.iter().flat_map(|line| &line.values).map(|v| v.0).fold(1.0, f64::max);
        let panel = Panel {
            rect: slot(index, of),
            x: Axis::doublings(0.0, last),
            y: range(&drawn, if of > 2 { 5 } else { 8 }),
        };
        panel.draw_y(&mut picture, "basis points");
        if index + COLUMNS >= of {
            panel.draw_x(&mut picture, "updates after the fork");
        } else {
            panel.draw_base(&mut picture);
        }
        let text = if *workers == 1 { "1 worker".into() } else { format!("{workers} workers") };
        let set = Type::new(style::LABEL, BLACK).bold();
        let above = (panel.rect.right, panel.rect.top - 12.0);
        picture.text(above, set.anchored(Anchor::End), text);
        let zero = panel.row(0.0);
        picture.dashes(
            &[(panel.rect.left, zero), (panel.rect.right, zero)],
            7.0,
            style::THIN,
            GREY,
        );
        for (i, arm) in shown.iter().enumerate().rev() {
            if let Some(line) = lines.iter().find(|line| line.arm == *arm) {
                let values: Vec<(f64, f64)> =
                    line.values.iter().map(|&(x, y)| (doubling(x), y)).collect();
                panel.line(&mut picture, &values, style::HEAVY, ink(i));
            }
        }
    }
    picture
}

fn ink(index: usize) -> Ink {
    // The run that simply goes on is black.
    if index == 0 { BLACK } else { CATEGORIES[(index - 1) % (CATEGORIES.len() - 1)] }
}

fn slot(index: usize, of: usize) -> Rect {
    let (left, gap) = (150.0, 110.0);
    let columns = of.min(COLUMNS);
    let rows = of.div_ceil(COLUMNS);
    let width = (frame::RIGHT - left - gap * (columns - 1) as f64) / columns as f64;
    let height = (frame::BOTTOM - frame::TOP - 70.0 * (rows - 1) as f64) / rows as f64;
    let start = left + (index % COLUMNS) as f64 * (width + gap);
    let top = frame::TOP + (index / COLUMNS) as f64 * (height + 70.0);
    Rect::new(start, top, start + width, top + height)
}

/// A range that shows every line which begins near the fork; one that begins far below, since
/// layers begin anew, rises into it.
fn range(lines: &[&Line], ticks: usize) -> Axis {
    let begins_near = |line: &&&Line| line.values.first().is_some_and(|first| first.1 > -FAR);
    let values = || lines.iter().filter(begins_near).flat_map(|line| &line.values);
    let low = values().map(|v| v.1).fold(0.0, f64::min);
    let high = values().map(|v| v.1).fold(0.0, f64::max);
    let room = (high - low).max(1.0);
    Axis::numbers(low - 0.05 * room, high + 0.12 * room, ticks)
}

/// The mean curves of all arms with so many workers, in the order of the file.
fn lines(rows: &[CurveRow], workers: u32) -> Vec<Line> {
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
        // By update: the sum over the seeds, and their number.
        let mut sums: Vec<(u64, f64, u32)> = Vec::new();
        for row in mine.iter().filter(|row| row.arm == arm) {
            let Some((auc, fork)) = row.auc.zip(fork(row.seed)) else { continue };
            match sums.iter_mut().find(|sum| sum.0 == row.updates) {
                Some(sum) => (sum.1, sum.2) = (sum.1 + 1e4 * (auc - fork), sum.2 + 1),
                None => sums.push((row.updates, 1e4 * (auc - fork), 1)),
            }
        }
        // Where some seeds are missing, the mean would jump.
        let most = sums.iter().map(|sum| sum.2).max().unwrap_or(0);
        let kept = sums.into_iter().filter(|sum| 2 * sum.2 > most);
        let mut values: Vec<(f64, f64)> =
            kept.map(|(x, y, n)| (x as f64, y / f64::from(n))).collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        Line { arm: arm.to_owned(), values }
    };
    arms.into_iter().map(line).collect()
}

/// The arms that are drawn: the run that goes on, what coalesces, and those that fall deepest; in
/// order of depth after the first.
fn chosen(lines: &[Line]) -> Vec<String> {
    let depth = |line: &Line| line.values.iter().map(|v| v.1).fold(0.0, f64::min);
    let always = |line: &&Line| [NO_RESTART, "lost: workers"].contains(&line.arm.as_str());
    let single = |line: &&Line| {
        let one = line.arm.strip_prefix("lost: ").is_some_and(|rest| !rest.contains(", "));
        one && line.arm != "lost: workers"
    };
    let mut names: Vec<String> = lines.iter().filter(always).map(|l| l.arm.clone()).collect();
    names.extend(lines.iter().filter(single).map(|line| line.arm.clone()));
    let mut rest: Vec<&Line> = lines.iter().filter(|line| !names.contains(&line.arm)).collect();
    rest.sort_by(|a, b| depth(a).total_cmp(&depth(b)));
    names.extend(rest.into_iter().map(|line| line.arm.clone()));
    names.truncate(CATEGORIES.len());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The curves of one point each: seed, arm, AUC.
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
        draw(&rows);
        draw(&[]);
    }
}
