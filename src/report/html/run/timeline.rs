//! What every worker does when: the first part of the timeline, one row per worker. States differ
//! in height and place, so that none is told by colour alone.

use crate::report::html::figure::{Chart, Figure, SpanRow, Spans};
use crate::report::html::grid::{self, Grid, MOST_ROWS, evenly};
use crate::report::html::number::{self, counted, percent, short, time};
use crate::results::RunResults;
use crate::results::tables::{Activity, TimelineRow};
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Most workers shown, evenly chosen.
const MOST_WORKERS: usize = 40;
/// Most spans shown: the window is cut where they are reached.
const MOST_SPANS: usize = 3000;
/// About how many steps of the median worker fill the window.
const STEPS: f64 = 14.0;

/// Width of the drawing, and of its left margin with the names, in its own units.
const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 120.0;
const RIGHT: f64 = WIDTH - 12.0;
/// Height of a row.
const ROW: f64 = 22.0;
/// Height of the time axis below.
const AXIS: f64 = 30.0;

/// Spans of one worker, in order of time.
struct Row<'a> {
    worker: u32,
    class: &'a str,
    spans: Vec<&'a TimelineRow>,
}

/// The figure.
pub(super) fn figure(folder: &RunResults) -> Result<Figure, String> {
    let all = folder.timeline.rows()?;
    let usable = |span: &&TimelineRow| span.end_s > span.start_s && span.start_s.is_finite();
    let spans: Vec<&TimelineRow> = all.iter().filter(usable).collect();
    if spans.is_empty() {
        return Err(folder.timeline.unusable("holds no span of time"));
    }
    let (rows, workers) = rows(&spans);
    let window = window(&rows);
    let rows = cut(rows, window);
    let shown: Vec<&TimelineRow> = rows.iter().flat_map(|row| row.spans.iter().copied()).collect();
    let columns = [grid::number("worker"), grid::text("class"), grid::text("activity")].into_iter();
    let columns = columns.chain(["from, s", "until, s", "step"].map(grid::number)).collect();
    let grid = Grid::new("Spans of the timeline shown", columns);
    Ok(Figure {
        id: "timeline".to_string(),
        title: "Who does what when".to_string(),
        sentence: sentence(&rows, workers, window),
        chart: Chart::Drawing { svg: drawing(&rows, window), spans: Some(data(&rows, window)) },
        grid: grid.fill(&shown, MOST_ROWS, "timeline.csv", |span| {
            vec![
                span.worker.to_string(),
                span.class.clone(),
                name(span.activity).to_string(),
                number::figure(span.start_s),
                number::figure(span.end_s),
                span.step.map_or_else(|| "–".to_string(), |step| step.to_string()),
            ]
        }),
        file: "timeline.csv".to_string(),
    })
}

fn name(activity: Activity) -> &'static str {
    match activity {
        Activity::Pull => "pull",
        Activity::Compute => "compute",
        Activity::Push => "push",
        Activity::Wait => "wait",
        Activity::Sleep => "asleep",
        Activity::Down => "crashed",
        Activity::Away => "away",
    }
}

const ACTIVITIES: [Activity; 7] = [
    Activity::Compute,
    Activity::Pull,
    Activity::Push,
    Activity::Wait,
    Activity::Sleep,
    Activity::Down,
    Activity::Away,
];
/// The first of them occur in every run.
const USUAL: usize = 4;

/// The workers shown, by class and number, and how many there are.
fn rows<'a>(spans: &[&'a TimelineRow]) -> (Vec<Row<'a>>, usize) {
    let mut workers: BTreeMap<(&str, u32), Vec<&TimelineRow>> = BTreeMap::new();
    for span in spans {
        workers.entry((&span.class, span.worker)).or_default().push(span);
    }
    let mut rows: Vec<Row> = workers
        .into_iter()
        .map(|((class, worker), mut spans)| {
            spans.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
            Row { worker, class, spans }
        })
        .collect();
    let count = rows.len();
    let mut chosen = evenly(count, MOST_WORKERS).peekable();
    let mut index = 0;
    rows.retain(|_| {
        let keep = chosen.next_if_eq(&index).is_some();
        index += 1;
        keep
    });
    (rows, count)
}

/// From the first span until the median worker has done some steps.
fn window(rows: &[Row]) -> (f64, f64) {
    let spans = || rows.iter().flat_map(|row| &row.spans);
    let from = spans().map(|span| span.start_s).fold(f64::INFINITY, f64::min);
    let last = spans().map(|span| span.end_s).fold(from, f64::max);
    let computing = spans().filter(|span| span.activity == Activity::Compute);
    let mut lengths: Vec<f64> = computing.map(|span| span.end_s - span.start_s).collect();
    lengths.sort_by(f64::total_cmp);
    let typical = lengths.get(lengths.len() / 2).copied().unwrap_or(last - from);
    let mut until = (from + STEPS * typical).min(last);
    let inside = |until: f64| spans().filter(|span| span.start_s < until).count();
    while inside(until) > MOST_SPANS {
        until = from + (until - from) * 0.7;
    }
    (from, until)
}

fn cut<'a>(rows: Vec<Row<'a>>, window: (f64, f64)) -> Vec<Row<'a>> {
    let cut = |row: Row<'a>| Row {
        spans: row.spans.into_iter().filter(|span| span.start_s < window.1).collect(),
        ..row
    };
    rows.into_iter().map(cut).collect()
}

fn column(window: (f64, f64), seconds: f64) -> f64 {
    let share = (seconds.min(window.1) - window.0) / (window.1 - window.0);
    MARGIN + share * (RIGHT - MARGIN)
}

fn drawing(rows: &[Row], window: (f64, f64)) -> Markup {
    let height = ROW * rows.len() as f64 + AXIS;
    let occurs = |activity| rows.iter().flat_map(|row| &row.spans).any(|s| s.activity == activity);
    let legend = ACTIVITIES.into_iter().enumerate();
    let legend = legend.filter(|(index, activity)| *index < USUAL || occurs(*activity));
    let legend = legend.map(|(_, activity)| activity);
    html! {
        div class="legend" aria-hidden="true" {
            @for activity in legend {
                span class="entry" {
                    svg class="swatch" viewBox="0 0 24 16" width="24" height="16" {
                        path class={ "act " (name(activity)) } d=(block(activity, 0.0, 24.0, 0.0, 16.0)) {}
                    }
                    (name(activity))
                }
            }
        }
        svg class="gantt" viewBox=(format!("0 0 {WIDTH} {height}")) role="img"
            aria-label="Timeline of the workers; its data is in the table" {
            @for tick in ticks(window) {
                line class="mesh" x1=(short(column(window, tick))) x2=(short(column(window, tick)))
                    y1="0" y2=(height - AXIS) {}
                text class="tick" x=(short(column(window, tick))) y=(height - AXIS + 18.0)
                    text-anchor="middle" { (time(tick)) }
            }
            @for (index, row) in rows.iter().enumerate() {
                (self::row(row, index as f64 * ROW, window))
            }
        }
    }
}

fn row(row: &Row, top: f64, window: (f64, f64)) -> Markup {
    let paths = ACTIVITIES.map(|activity| {
        let mut path = String::new();
        for span in row.spans.iter().filter(|span| span.activity == activity) {
            let (left, right) = (column(window, span.start_s), column(window, span.end_s));
            path.push_str(&block(activity, left, right, top + 3.0, top + ROW - 3.0));
        }
        (activity, path)
    });
    html! {
        text class="tick" x=(MARGIN - 8.0) y=(top + ROW * 0.68) text-anchor="end" {
            (short_name(row))
        }
        @for (activity, path) in &paths {
            @if !path.is_empty() { path class={ "act " (name(*activity)) } d=(path) {} }
        }
    }
}

fn short_name(row: &Row) -> String {
    let class: String = row.class.chars().take(10).collect();
    format!("{class} {}", row.worker)
}

/// The outline of a span: computing fills the row, a pull its upper part, a push its lower part,
/// waiting is a line in the middle, sleep a thicker one; a crash is a line at the bottom, and who is
/// away leaves a hairline.
fn block(activity: Activity, left: f64, right: f64, top: f64, bottom: f64) -> String {
    let height = bottom - top;
    let (from, until) = match activity {
        Activity::Compute => (top, bottom),
        Activity::Pull => (top, top + height * 0.45),
        Activity::Push => (bottom - height * 0.45, bottom),
        Activity::Wait => (top + height * 0.45, top + height * 0.6),
        Activity::Sleep => (top + height * 0.3, top + height * 0.75),
        Activity::Down => (bottom - height * 0.2, bottom),
        Activity::Away => (top + height * 0.48, top + height * 0.54),
    };
    // A thin edge tells neighbours apart where there is room for it.
    let edge = if right - left > 3.0 { 0.4 } else { 0.0 };
    let mut path = String::new();
    _ = write!(
        path,
        "M{:.1} {from:.1}H{:.1}V{until:.1}H{:.1}Z",
        left + edge,
        (right - edge).max(left + edge + 0.3),
        left + edge
    );
    path
}

/// Round moments, five or so.
fn ticks((from, until): (f64, f64)) -> Vec<f64> {
    let rough = (until - from) / 6.0;
    let scale = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|s| s * scale).find(|s| *s >= rough);
    let step = step.unwrap_or(rough);
    let first = (from / step).ceil() as i64;
    (first..first + 12).map(|i| i as f64 * step).take_while(|tick| *tick <= until).collect()
}

fn data(rows: &[Row], window: (f64, f64)) -> Spans {
    let span = |span: &&TimelineRow| {
        (name(span.activity).to_string(), short(span.start_s), short(span.end_s))
    };
    let row = |row: &Row| SpanRow {
        name: format!("{} {}", row.class, row.worker),
        spans: row.spans.iter().map(span).collect(),
    };
    let frame = (MARGIN / WIDTH, RIGHT / WIDTH);
    Spans { window, frame, rows: rows.iter().map(row).collect() }
}

fn sentence(rows: &[Row], workers: usize, window: (f64, f64)) -> String {
    let spent = |wanted: Option<Activity>| -> f64 {
        let spans = rows.iter().flat_map(|row| &row.spans);
        let wanted = spans.filter(|span| wanted.is_none_or(|w| w == span.activity));
        wanted.map(|span| span.end_s.min(window.1) - span.start_s).sum()
    };
    let shown = match rows.len() < workers {
        true => {
            format!("{} of {} (evenly chosen)", rows.len(), counted(workers, "worker", "workers"))
        }
        false => counted(workers, "worker", "workers"),
    };
    format!(
        "The first {} of {shown}: {} of the time shown is spent computing.",
        time(window.1 - window.0),
        percent(spent(Some(Activity::Compute)) / spent(None))
    )
}
