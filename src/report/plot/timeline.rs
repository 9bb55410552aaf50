//! `timeline`: what every worker does when, as one row of spans per worker.

use super::axes::{self, Axis};
use super::fonts::{fitted, text_width};
use super::frame::{self, Panel, Swatch};
use super::picture::{Anchor, Picture, Rect, Type};
use super::style::{self, BLACK, BLUE, GREY, Ink, MESH, ORANGE, PALE, PURPLE, SKY, VERMILION};
use crate::results::RunResults;
use crate::results::tables::{Activity, TimelineRow};
use std::collections::BTreeMap;

/// Most rows: with more workers, as many are chosen evenly from the fastest to the slowest.
const MOST_ROWS: usize = 40;

/// Height of a row where there are few.
const TALLEST_ROW: f64 = 70.0;

/// One worker's spans.
struct Row<'a> {
    worker: u32,
    class: &'a str,
    spans: Vec<&'a TimelineRow>,
    /// Mean seconds of a computation; infinite without one.
    pace: f64,
}

/// Draws the plot; a sentence that says why not when there is nothing to draw.
pub fn draw(folder: &RunResults) -> Result<Picture, String> {
    let usable =
        |s: &&TimelineRow| s.start_s.is_finite() && s.end_s.is_finite() && s.end_s > s.start_s;
    let spans: Vec<&TimelineRow> = folder.timeline.rows()?.iter().filter(usable).collect();
    if spans.is_empty() {
        return Err(folder.timeline.unusable("holds no span of time"));
    }
    let from = spans.iter().map(|s| s.start_s).fold(f64::INFINITY, f64::min);
    let until = spans.iter().map(|s| s.end_s).fold(f64::NEG_INFINITY, f64::max);
    let all = rows(&spans);
    let workers = all.len();
    let rows = chosen(all);
    let top = 185.0;
    let bottom = frame::BOTTOM.min(top + TALLEST_ROW * rows.len() as f64);
    let mut picture = Picture::of_height((bottom + 100.0).ceil());
    frame::heading(
        &mut picture,
        "Who does what when",
        &subtitle(folder, &rows, workers, (from, until)),
    );
    frame::legend(&mut picture, &legend(&spans));
    let size = (600.0 / rows.len() as f64).clamp(12.0, style::TICK);
    let names: Vec<String> = rows.iter().map(|r| format!("{} {}", r.class, r.worker)).collect();
    let widest = names.iter().map(|n| text_width(n, size, false)).fold(60.0, f64::max);
    let left = (frame::LEFT + widest + 14.0).min(330.0);
    let panel = Panel {
        rect: Rect::new(left, top, frame::RIGHT, bottom),
        x: Axis::time(from, until, 8),
        y: Axis::numbers(0.0, rows.len() as f64, 1),
    };
    for (i, (row, name)) in rows.iter().zip(&names).enumerate() {
        let (top, bottom) = band(&panel, i);
        draw_row(&mut picture, &panel, row, (top, bottom));
        let set = Type::new(size, BLACK).anchored(Anchor::End);
        let name = fitted(name, size, false, left - 14.0 - frame::LEFT);
        picture.text((left - 14.0, (top + bottom) / 2.0 + size * 0.35), set, name);
    }
    panel.draw_x(&mut picture, "simulated time");
    Ok(picture)
}

/// One row per worker, the fastest class and worker first.
fn rows<'a>(spans: &[&'a TimelineRow]) -> Vec<Row<'a>> {
    let mut by_worker: BTreeMap<u32, Vec<&TimelineRow>> = BTreeMap::new();
    for span in spans {
        by_worker.entry(span.worker).or_default().push(span);
    }
    let mut rows: Vec<Row> = by_worker
        .into_iter()
        .map(|(worker, spans)| Row { worker, class: &spans[0].class, pace: pace(&spans), spans })
        .collect();
    let mut fastest: BTreeMap<&str, f64> = BTreeMap::new();
    for row in &rows {
        let known = fastest.entry(row.class).or_insert(f64::INFINITY);
        *known = known.min(row.pace);
    }
    rows.sort_by(|a, b| {
        let by_class = fastest[a.class].total_cmp(&fastest[b.class]).then(a.class.cmp(b.class));
        by_class.then(a.pace.total_cmp(&b.pace)).then(a.worker.cmp(&b.worker))
    });
    rows
}

/// Mean length of the computations, those cut off by the window included.
fn pace(spans: &[&TimelineRow]) -> f64 {
    let computing = || spans.iter().filter(|s| s.activity == Activity::Compute);
    let total: f64 = computing().map(|s| s.end_s - s.start_s).sum();
    match computing().count() {
        0 => f64::INFINITY,
        count => total / count as f64,
    }
}

/// At most [`MOST_ROWS`], evenly chosen with the first and the last.
fn chosen(rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    let count = rows.len();
    if count <= MOST_ROWS {
        return rows;
    }
    let keep: Vec<usize> = (0..MOST_ROWS).map(|i| i * (count - 1) / (MOST_ROWS - 1)).collect();
    let kept = rows.into_iter().enumerate().filter(|(i, _)| keep.binary_search(i).is_ok());
    kept.map(|(_, row)| row).collect()
}

fn subtitle(folder: &RunResults, rows: &[Row], workers: usize, window: (f64, f64)) -> String {
    let shown = match rows.len() < workers {
        true => format!("{} of {workers} workers, evenly from fastest to slowest", rows.len()),
        false if workers == 1 => "the only worker".to_string(),
        false => format!("all {workers} workers"),
    };
    let total = |wanted: Option<Activity>| -> f64 {
        let spans = rows.iter().flat_map(|row| &row.spans);
        let wanted = spans.filter(|s| wanted.is_none_or(|w| w == s.activity));
        wanted.map(|s| s.end_s - s.start_s).sum()
    };
    let computing = total(Some(Activity::Compute)) / total(None);
    format!(
        "{}: {shown}, a window of {}; computing {} of the time shown",
        folder.summary.name,
        axes::time(window.1 - window.0),
        axes::percent(computing)
    )
}

fn ink(activity: Activity) -> Ink {
    match activity {
        Activity::Pull => SKY,
        Activity::Compute => BLUE,
        Activity::Push => ORANGE,
        Activity::Wait => PALE,
        Activity::Sleep => PURPLE,
        Activity::Down => VERMILION,
        Activity::Away => MESH,
    }
}

/// What workers always do, and of the rest what is shown.
fn legend(spans: &[&TimelineRow]) -> Vec<(Swatch, String)> {
    let rare = [Activity::Sleep, Activity::Down, Activity::Away];
    let named = [
        (Activity::Pull, "pull"),
        (Activity::Compute, "compute"),
        (Activity::Push, "push"),
        (Activity::Wait, "wait"),
        (Activity::Sleep, "asleep"),
        (Activity::Down, "crashed"),
        (Activity::Away, "away"),
    ];
    let shown = |(activity, _): &(Activity, &str)| {
        !rare.contains(activity) || spans.iter().any(|span| span.activity == *activity)
    };
    let entry =
        |(activity, name): (Activity, &str)| (Swatch::Block(ink(activity)), name.to_string());
    named.into_iter().filter(shown).map(entry).collect()
}

/// Upper and lower edge of a row.
fn band(panel: &Panel, index: usize) -> (f64, f64) {
    let height = panel.rect.height() / panel.y.high;
    let top = panel.rect.top + index as f64 * height;
    let pad = (height * 0.14).min(8.0);
    (top + pad, top + height - pad)
}

fn draw_row(picture: &mut Picture, panel: &Panel, row: &Row, (top, bottom): (f64, f64)) {
    for span in &row.spans {
        let (left, right) = (panel.column(span.start_s), panel.column(span.end_s));
        // A thin edge of paper tells neighbours apart where there is room for it.
        let edge = if right - left > 4.0 { 0.5 } else { 0.0 };
        let rect = Rect::new(left + edge, top, right - edge, bottom);
        picture.area(rect, ink(span.activity));
    }
    let line = vec![(panel.rect.left, bottom), (panel.rect.right, bottom)];
    picture.line(line, style::THIN, GREY.fade(0.15));
}
