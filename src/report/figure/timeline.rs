//! The activities of the workers over time: about a dozen steps from the middle of the timeline, one
//! row per worker. Picture and page show the same window; on the page it can be moved.

use super::absent::NoFigure;
use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Look, Span, SpanRow, Spans};
use super::classes::Classes;
use super::grid::{self, Grid, MOST_ROWS, evenly};
use super::number::{self, counted, percent, time};
use super::worker_state::WorkerState;
use crate::results::RunResults;
use crate::results::tables::{Activity, TimelineRow};
use std::collections::BTreeMap;

/// The most workers shown; if there are more, they are chosen evenly.
const MOST_WORKERS: usize = 40;
/// The number of steps of a typical worker that the window shows.
const STEPS: f64 = 12.0;
/// The most spans in the window, and in the part of the timeline that a page holds around it. Both
/// are narrowed until this is so.
const MOST_SHOWN: usize = 3000;
const MOST_HELD: usize = 8000;

/// Spans of one worker, in order of time.
struct WorkerSpans<'a> {
    worker: u32,
    class: &'a str,
    spans: Vec<&'a TimelineRow>,
}

/// The figure.
pub fn figure(run: &RunResults) -> Result<Figure, NoFigure> {
    let all = run.timeline.rows()?;
    let usable =
        |span: &&TimelineRow| span.end_s > span.start_s && (span.end_s - span.start_s).is_finite();
    let spans: Vec<&TimelineRow> = all.iter().filter(usable).collect();
    if spans.is_empty() {
        return Err(run.timeline.unusable("holds no span of time").into());
    }
    let (rows, workers) = rows(&spans, &Classes::of(run));
    let all = whole(&rows);
    let window = window(&rows, all);
    let reach = narrowed(&rows, all, window, MOST_HELD);
    let in_window = |span: &&&TimelineRow| touches(span, window);
    let shown = rows.iter().flat_map(|row| row.spans.iter().filter(in_window).copied());
    let shown: Vec<&TimelineRow> = shown.collect();
    let columns = [grid::number("worker"), grid::text("class"), grid::text("activity")].into_iter();
    let columns = columns.chain(["from, s", "until, s", "step"].map(grid::number)).collect();
    let grid = Grid::new("Spans of the timeline shown", columns);
    Ok(Figure {
        id: "timeline".to_string(),
        title: "Timeline of the workers".to_string(),
        sentence: sentence(&rows, workers, (all, run.summary.sim_s), window),
        chart: Chart::Spans(spans_of(&rows, window, reach)),
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

/// The states of every step, which are in every legend.
const USUAL: [Activity; 3] = [Activity::Compute, Activity::Pull, Activity::Push];

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

/// From the first beginning to the last end.
fn whole(rows: &[WorkerSpans]) -> (f64, f64) {
    let spans = || rows.iter().flat_map(|row| &row.spans);
    let from = spans().map(|span| span.start_s).fold(f64::INFINITY, f64::min);
    (from, spans().map(|span| span.end_s).fold(from, f64::max))
}

fn touches(span: &TimelineRow, (from, until): (f64, f64)) -> bool {
    span.start_s < until && span.end_s > from
}

/// [`STEPS`] steps of a typical worker around the middle of the recorded time after the start-up;
/// all of that time if it is shorter, or if no worker begins two steps.
fn window(rows: &[WorkerSpans], all: (f64, f64)) -> (f64, f64) {
    let begun = begun(rows);
    let Some(step) = typical_step(&begun) else { return all };
    // The first step of a worker belongs to the start-up.
    let steady = middle(begun.iter().map(|begun| begun[1])).unwrap_or(all.0);
    let from = if all.1 - steady >= step { steady } else { all.0 };
    // Steps that had not ended when the recording ended are not in it: then rows end earlier.
    let ends = rows.iter().filter_map(|row| Some(row.spans.last()?.end_s));
    let end = ends.fold(all.1, f64::min);
    let end = if end > (from + all.1) / 2.0 { end } else { all.1 };
    let (centre, half) = ((from + end) / 2.0, STEPS * step / 2.0);
    let window = ((centre - half).max(from), (centre + half).min(end));
    narrowed(rows, window, (centre, centre), MOST_SHOWN)
}

/// When the workers shown begin to compute; those with a single step are left out.
fn begun(rows: &[WorkerSpans]) -> Vec<Vec<f64>> {
    let begun = |row: &WorkerSpans| -> Vec<f64> {
        let computes = row.spans.iter().filter(|span| span.activity == Activity::Compute);
        computes.map(|span| span.start_s).collect()
    };
    rows.iter().map(begun).filter(|begun| begun.len() > 1).collect()
}

/// The time from step to step of a typical worker.
fn typical_step(begun: &[Vec<f64>]) -> Option<f64> {
    let step = |begun: &Vec<f64>| (begun[begun.len() - 1] - begun[0]) / (begun.len() - 1) as f64;
    middle(begun.iter().map(step).filter(|step| *step > 0.0))
}

/// The middle one of some values; `None` if there are none.
fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The widest of a few parts between `inner` and `outer` that has at most `most` spans.
fn narrowed(rows: &[WorkerSpans], outer: (f64, f64), inner: (f64, f64), most: usize) -> (f64, f64) {
    let part =
        |share: f64| (inner.0 + share * (outer.0 - inner.0), inner.1 + share * (outer.1 - inner.1));
    let count = |part: (f64, f64)| {
        let spans = rows.iter().flat_map(|row| &row.spans);
        spans.filter(|span| touches(span, part)).count()
    };
    // Each part is three quarters of the one before, so 40 of them reach a hundred-thousandth.
    let parts = (0..40).map(|power| part(0.75_f64.powi(power)));
    let narrowest = if inner.1 > inner.0 { inner } else { part(0.75_f64.powi(40)) };
    parts.into_iter().find(|part| count(*part) <= most).unwrap_or(narrowest)
}

fn spans_of(rows: &[WorkerSpans], window: (f64, f64), reach: (f64, f64)) -> Spans {
    let occurs = |activity| rows.iter().flat_map(|row| &row.spans).any(|s| s.activity == activity);
    let mut legend = Activity::ALL.to_vec();
    legend.retain(|activity| USUAL.contains(activity) || occurs(*activity));
    legend.sort_by_key(|activity| WorkerState::of(*activity));
    let span = |span: &&TimelineRow| Span {
        look: look(span.activity),
        time: (span.start_s, span.end_s),
        step: span.step,
    };
    let held = |span: &&&TimelineRow| touches(span, reach);
    let row = |row: &WorkerSpans| SpanRow {
        name: format!("{} {}", row.class, row.worker),
        spans: row.spans.iter().filter(held).map(span).collect(),
    };
    Spans {
        about: "Timeline of the workers",
        time: Axis::new("simulated time", AxisUnit::Time),
        window,
        reach,
        legend: legend.into_iter().map(look).collect(),
        rows: rows.iter().map(row).collect(),
    }
}

/// What is recorded, what of it is shown, and the share of computing in that.
fn sentence(
    rows: &[WorkerSpans],
    workers: usize,
    (recorded, end): ((f64, f64), f64),
    window: (f64, f64),
) -> String {
    let spent = |wanted: Option<Activity>| -> f64 {
        let spans = rows.iter().flat_map(|row| &row.spans);
        let wanted = spans.filter(|span| wanted.is_none_or(|w| w == span.activity));
        let parts = wanted.map(|span| span.end_s.min(window.1) - span.start_s.max(window.0));
        parts.filter(|part| *part > 0.0).sum()
    };
    let part = match end - recorded.1 > 1e-3 * end {
        true => format!("the first {} of {}", time(recorded.1), time(end)),
        false => format!("the whole run, {}", time(recorded.1)),
    };
    let all = counted(workers, "worker", "workers");
    let chosen = match rows.len() < workers {
        true => format!(" of {} workers, evenly chosen", rows.len()),
        false => String::new(),
    };
    let steps = typical_step(&begun(rows)).map(|step| ((window.1 - window.0) / step).round());
    let steps = match steps.unwrap_or(0.0) as usize {
        0 => "less than a step".to_string(),
        steps => format!("about {} of a typical worker", counted(steps, "step", "steps")),
    };
    let shown = if window == recorded { "all of it" } else { steps.as_str() };
    format!(
        "Recorded: {part}, of {all}. Shown: {shown}{chosen}, from {} to {}. Computing takes {} of the time shown.",
        time(window.0),
        time(window.1),
        percent(spent(Some(Activity::Compute)) / spent(None))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(count: usize) -> Vec<TimelineRow> {
        let step = |index: usize| TimelineRow {
            worker: 0,
            class: "a".to_string(),
            activity: Activity::Compute,
            start_s: index as f64,
            end_s: index as f64 + 1.0,
            step: None,
        };
        (0..count).map(step).collect()
    }

    #[test]
    fn a_dozen_steps_from_the_middle_are_shown() {
        let window = |count: usize| {
            let spans = steps(count);
            let rows = [WorkerSpans { worker: 0, class: "a", spans: spans.iter().collect() }];
            super::window(&rows, whole(&rows))
        };
        // The first step is left out: it belongs to the start-up.
        assert_eq!(window(100), (44.5, 56.5));
        assert_eq!(window(4), (1.0, 4.0));
        assert_eq!(window(1), (0.0, 1.0));
    }

    #[test]
    fn the_caption_says_what_is_recorded_and_what_is_shown() {
        let spans = steps(100);
        let rows = [WorkerSpans { worker: 0, class: "a", spans: spans.iter().collect() }];
        let said = |end: f64| sentence(&rows, 1, (whole(&rows), end), window(&rows, whole(&rows)));
        assert_eq!(
            said(400.0),
            "Recorded: the first 100.0 s of 6 m 40 s, of 1 worker. Shown: about 12 steps of a typical worker, from \
             44.5 s to 56.5 s. Computing takes 100.0 % of the time shown."
        );
        assert!(said(100.0).starts_with("Recorded: the whole run, 100.0 s,"), "{}", said(100.0));
    }

    #[test]
    fn the_parts_shown_and_held_have_a_limit() {
        let spans = steps(50);
        let row = |_| WorkerSpans { worker: 0, class: "a", spans: spans.iter().collect() };
        let rows: Vec<WorkerSpans> = (0..400).map(row).collect();
        let count = |part: (f64, f64)| {
            rows.iter().flat_map(|row| &row.spans).filter(|span| touches(span, part)).count()
        };
        let window = window(&rows, whole(&rows));
        assert!((1000..=MOST_SHOWN).contains(&count(window)), "{window:?}");
        let reach = narrowed(&rows, whole(&rows), window, MOST_HELD);
        assert!(count(reach) <= MOST_HELD && reach.0 < window.0 && reach.1 > window.1, "{reach:?}");
    }
}
