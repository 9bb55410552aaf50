//! The activities of the workers over time: the first part of the timeline, one row per worker.

use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Look, SpanRow, Spans};
use super::classes::Classes;
use super::grid::{self, Grid, MOST_ROWS, evenly};
use super::number::{self, counted, percent, time};
use super::worker_state::WorkerState;
use crate::results::RunResults;
use crate::results::tables::{Activity, TimelineRow};
use std::collections::BTreeMap;

/// The most workers shown; if there are more, they are chosen evenly.
const MOST_WORKERS: usize = 40;
/// The most spans shown; if there are more, the window ends earlier.
const MOST_SPANS: usize = 3000;

/// Spans of one worker, in order of time.
struct WorkerSpans<'a> {
    worker: u32,
    class: &'a str,
    spans: Vec<&'a TimelineRow>,
}

/// The figure.
pub fn figure(run: &RunResults) -> Result<Figure, String> {
    let all = run.timeline.rows()?;
    let usable =
        |span: &&TimelineRow| span.end_s > span.start_s && (span.end_s - span.start_s).is_finite();
    let spans: Vec<&TimelineRow> = all.iter().filter(usable).collect();
    if spans.is_empty() {
        return Err(run.timeline.unusable("holds no span of time"));
    }
    let (rows, workers) = rows(&spans, &Classes::of(run));
    let window = window(&rows);
    let rows = cut(rows, window);
    let shown: Vec<&TimelineRow> = rows.iter().flat_map(|row| row.spans.iter().copied()).collect();
    let columns = [grid::number("worker"), grid::text("class"), grid::text("activity")].into_iter();
    let columns = columns.chain(["from, s", "until, s", "step"].map(grid::number)).collect();
    let grid = Grid::new("Spans of the timeline shown", columns);
    Ok(Figure {
        id: "timeline".to_string(),
        title: "Timeline of the workers".to_string(),
        sentence: sentence(&rows, workers, window),
        chart: Chart::Spans(spans_of(&rows, window)),
        grid: grid.fill(&shown, MOST_ROWS, "timeline.csv", |span| {
            vec![
                span.worker.to_string(),
                span.class.clone(),
                look(span.activity).name.to_string(),
                number::figure(span.start_s),
                number::figure(span.end_s),
                span.step.map_or_else(|| "–".to_string(), |step| step.to_string()),
            ]
        }),
        file: "timeline.csv".to_string(),
    })
}

fn look(activity: Activity) -> Look {
    WorkerState::of(activity).look()
}

/// The states that are in every legend.
const USUAL: [Activity; 4] = [Activity::Compute, Activity::Pull, Activity::Push, Activity::Wait];

/// The workers shown, in order of class and number, and the number of all workers.
fn rows<'a>(spans: &[&'a TimelineRow], order: &Classes) -> (Vec<WorkerSpans<'a>>, usize) {
    let mut workers: BTreeMap<(usize, &str, u32), Vec<&TimelineRow>> = BTreeMap::new();
    for span in spans {
        workers.entry((order.place(&span.class), &span.class, span.worker)).or_default().push(span);
    }
    let mut rows: Vec<WorkerSpans> = workers
        .into_iter()
        .map(|((_, class, worker), mut spans)| {
            spans.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
            WorkerSpans { worker, class, spans }
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

/// The window of all spans or, if these are too many, a shorter one that begins with the first
/// span.
fn window(rows: &[WorkerSpans]) -> (f64, f64) {
    let spans = || rows.iter().flat_map(|row| &row.spans);
    let from = spans().map(|span| span.start_s).fold(f64::INFINITY, f64::min);
    let mut starts: Vec<f64> = spans().map(|span| span.start_s).collect();
    starts.sort_by(f64::total_cmp);
    let cut = starts.get(MOST_SPANS).copied().filter(|cut| *cut > from);
    (from, cut.unwrap_or_else(|| spans().map(|span| span.end_s).fold(from, f64::max)))
}

fn cut<'a>(rows: Vec<WorkerSpans<'a>>, window: (f64, f64)) -> Vec<WorkerSpans<'a>> {
    let cut = |row: WorkerSpans<'a>| WorkerSpans {
        spans: row
            .spans
            .into_iter()
            .filter(|span| span.start_s < window.1)
            .take(MOST_SPANS)
            .collect(),
        ..row
    };
    rows.into_iter().map(cut).collect()
}

fn spans_of(rows: &[WorkerSpans], window: (f64, f64)) -> Spans {
    let occurs = |activity| rows.iter().flat_map(|row| &row.spans).any(|s| s.activity == activity);
    let mut legend = Activity::ALL.to_vec();
    legend.retain(|activity| USUAL.contains(activity) || occurs(*activity));
    legend.sort_by_key(|activity| WorkerState::of(*activity));
    let span = |span: &&TimelineRow| (look(span.activity), span.start_s, span.end_s.min(window.1));
    let row = |row: &WorkerSpans| SpanRow {
        name: format!("{} {}", row.class, row.worker),
        spans: row.spans.iter().map(span).collect(),
    };
    Spans {
        time: Axis::new("simulated time", AxisUnit::Time),
        window,
        legend: legend.into_iter().map(look).collect(),
        rows: rows.iter().map(row).collect(),
    }
}

fn sentence(rows: &[WorkerSpans], workers: usize, window: (f64, f64)) -> String {
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
        "The chart shows {shown} during the first {} of the timeline. Computing takes {} of the time shown.",
        time(window.1 - window.0),
        percent(spent(Some(Activity::Compute)) / spent(None))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_spans_at_one_moment_make_a_window() {
        let span = |start_s| TimelineRow {
            worker: 0,
            class: "a".to_string(),
            activity: Activity::Compute,
            start_s,
            end_s: start_s + 1.0,
            step: None,
        };
        let window = |starts: &mut dyn Iterator<Item = f64>| {
            let spans: Vec<TimelineRow> = starts.map(span).collect();
            super::window(&[WorkerSpans { worker: 0, class: "a", spans: spans.iter().collect() }])
        };
        assert_eq!(window(&mut std::iter::repeat_n(5.0, MOST_SPANS + 1)), (5.0, 6.0));
        let mut starts = (0..2 * MOST_SPANS).map(|i| i as f64);
        assert_eq!(window(&mut starts), (0.0, MOST_SPANS as f64));
        assert_eq!(window(&mut [0.0, 3.0].into_iter()), (0.0, 4.0));
    }
}
