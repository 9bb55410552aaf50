//! Timelines for `chrome://tracing` and Perfetto: one row per worker and per shard.
//!
//! Written from the files of a results folder, in the Chrome trace-event format: complete events
//! (`"ph": "X"`) with virtual microseconds as time stamps.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use crate::results::outcome::{OutcomeError, State};
use crate::results::table::{Rows, TableRow};
use crate::results::tables::{ServiceRow, TimelineRow};

/// A window of simulated seconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TimeWindow {
    /// Start of the window.
    pub from: f64,
    /// End of the window.
    pub to: f64,
}

/// Why a trace could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// A timeline file is missing or malformed.
    #[error("{0}; run the scenario with `record.timeline` above 0")]
    Timeline(String),
    /// The run recorded no timeline.
    #[error(
        "no timeline was recorded: run the scenario with `record.timeline` above 0, on a simulated cluster"
    )]
    Nothing,
    /// Nothing happened in the window.
    #[error("nothing was recorded between {from} s and {to} s; the timeline ends at {end} s")]
    Empty {
        /// Start of the window.
        from: f64,
        /// End of the window.
        to: f64,
        /// End of the recorded timeline.
        end: f64,
    },
    /// The trace would be larger than viewers open.
    #[error(
        "the trace would have {events} events, above the limit of {limit}: choose a shorter --window"
    )]
    TooLarge {
        /// Number of events.
        events: usize,
        /// The limit.
        limit: usize,
    },
    /// The system reports an error.
    #[error("cannot write the trace: {0}")]
    Io(#[from] io::Error),
}

/// Number of events that viewers open without trouble: about 100 MB.
pub const MOST_EVENTS: usize = 800_000;

/// Writes the timeline of a results folder; returns the number of events. Without a window, writes
/// all of it.
///
/// # Errors
/// If there is no timeline, nothing in the window, too much in it, or `out` cannot be written.
pub fn write_trace(
    folder: &Path,
    window: Option<TimeWindow>,
    out: &mut dyn Write,
) -> Result<usize, TraceError> {
    let window = window.unwrap_or(TimeWindow { from: 0.0, to: f64::INFINITY });
    let workers: Vec<TimelineRow> = read(folder)?;
    let shards: Vec<ServiceRow> = read(folder)?;
    let end = workers.iter().map(|row| row.end_s).fold(0.0, f64::max);
    if workers.is_empty() && shards.is_empty() {
        return Err(TraceError::Nothing);
    }
    let inside = |start: f64, end: f64| end > window.from && start < window.to;
    let workers: Vec<_> =
        workers.into_iter().filter(|row| inside(row.start_s, row.end_s)).collect();
    let shards: Vec<_> = shards.into_iter().filter(|row| inside(row.start_s, row.end_s)).collect();
    let events = workers.len() + shards.len();
    if events == 0 {
        return Err(TraceError::Empty { from: window.from, to: window.to, end });
    }
    if events > MOST_EVENTS {
        return Err(TraceError::TooLarge { events, limit: MOST_EVENTS });
    }
    write_events(&workers, &shards, out)?;
    Ok(events)
}

fn write_events(
    workers: &[TimelineRow],
    shards: &[ServiceRow],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut classes: Vec<(u32, &str)> =
        workers.iter().map(|row| (row.worker, row.class.as_str())).collect();
    classes.sort_unstable();
    classes.dedup();
    let mut ids: Vec<u32> = shards.iter().map(|row| row.shard).collect();
    ids.sort_unstable();
    ids.dedup();
    let name = |pid: u32, tid: Option<u32>, name: String| match tid {
        None => json!({"ph": "M", "name": "process_name", "pid": pid, "args": {"name": name}}),
        Some(tid) => json!(
            {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}
        ),
    };
    let mut lines = vec![name(1, None, "workers".into()), name(2, None, "shards".into())];
    lines.extend(classes.iter().map(|(w, c)| name(1, Some(*w), format!("worker {w} ({c})"))));
    lines.extend(ids.iter().map(|s| name(2, Some(*s), format!("shard {s}"))));
    // Whole nanoseconds as decimal microseconds: exact, and events of a row never overlap.
    let micros = |seconds: f64| (seconds * 1e9).round() / 1e3;
    let event = |name: &str, pid: u32, tid: u32, from: f64, to: f64, args: serde_json::Value| {
        let (ts, dur) = (micros(from), ((to - from) * 1e9).round() / 1e3);
        json!({"ph": "X", "name": name, "pid": pid, "tid": tid, "ts": ts, "dur": dur, "args": args})
    };
    lines.extend(workers.iter().map(|row| {
        let args = json!({"step": row.step});
        event(row.activity.name(), 1, row.worker, row.start_s, row.end_s, args)
    }));
    lines.extend(shards.iter().map(|row| {
        let args = json!({"worker": row.worker});
        event(row.activity.name(), 2, row.shard, row.start_s, row.end_s, args)
    }));
    writeln!(out, "{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[")?;
    for (index, line) in lines.iter().enumerate() {
        let comma = if index + 1 < lines.len() { "," } else { "" };
        writeln!(out, "{line}{comma}")?;
    }
    writeln!(out, "]}}")
}

fn read<R: TableRow>(folder: &Path) -> Result<Vec<R>, TraceError> {
    let wrong = |error: OutcomeError| TraceError::Timeline(error.to_string());
    let whole = State::of(folder) != State::ToDo;
    let rows = Rows::read(folder, whole).map_err(wrong)?;
    match rows.is_present() {
        true => Ok(rows.into_vec()),
        false => {
            let missing = format!("{} is not there", folder.join(R::TABLE.file).display());
            Err(TraceError::Timeline(missing))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let timeline = "worker,class,activity,start_s,end_s,step\n\
                        0,new,compute,0,0.5,0\n0,new,push,0.5,0.75,0\n1,old,compute,0,2,0\n";
        std::fs::write(folder.path().join("timeline.csv"), timeline).unwrap();
        let service = "shard,worker,activity,start_s,end_s\n0,0,push,0.6,0.7\n";
        std::fs::write(folder.path().join("service.csv"), service).unwrap();
        folder
    }

    #[test]
    fn a_trace_has_a_row_per_worker_and_shard() {
        let (folder, mut out) = (folder(), Vec::new());
        assert_eq!(write_trace(folder.path(), None, &mut out).unwrap(), 4);
        let trace: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        let complete: Vec<_> = events.iter().filter(|event| event["ph"] == "X").collect();
        assert_eq!(complete.len(), 4);
        assert_eq!(complete[1]["ts"], 500_000.0);
        assert_eq!(complete[1]["dur"], 250_000.0);
        assert!(events.iter().any(|event| event["args"]["name"] == "worker 1 (old)"));
    }

    #[test]
    fn a_window_cuts_and_an_empty_one_says_where_the_timeline_ends() {
        let folder = folder();
        let cut =
            |from, to| write_trace(folder.path(), Some(TimeWindow { from, to }), &mut Vec::new());
        assert_eq!(cut(0.55, 0.56).unwrap(), 2);
        let error = cut(5.0, 6.0).unwrap_err().to_string();
        assert!(error.contains("ends at 2 s"), "{error}");
    }
}
