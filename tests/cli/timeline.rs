//! `straggler export --format perfetto`: valid trace events, one thing at a time per row, windows and the size cap.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{done, say, small_run, straggler};

/// The complete events of a trace by row, as (start, end) in nanoseconds.
fn spans(path: &Path) -> BTreeMap<(u64, u64), Vec<(i64, i64)>> {
    let trace: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut rows: BTreeMap<(u64, u64), Vec<(i64, i64)>> = BTreeMap::new();
    for event in trace["traceEvents"].as_array().unwrap() {
        if event["ph"] != "X" {
            assert_eq!(event["ph"], "M");
            continue;
        }
        let nanos = |key: &str| (event[key].as_f64().unwrap() * 1e3).round() as i64;
        let row = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
        assert!(nanos("dur") >= 0 && nanos("ts") >= 0);
        rows.entry(row).or_default().push((nanos("ts"), nanos("ts") + nanos("dur")));
    }
    rows.values_mut().for_each(|row| row.sort_unstable());
    rows
}

#[test]
fn r47_a_trace_shows_one_thing_at_a_time_per_row() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    done(&mut small_run(&out));
    let said = done(straggler().arg("trace").arg(&out));
    assert!(said.stdout.contains("trace.json"), "{}", said.stdout);
    let rows = spans(&out.join("trace.json"));
    assert_eq!(rows.keys().filter(|(pid, _)| *pid == 1).count(), 5, "a row per worker");
    assert_eq!(rows.keys().filter(|(pid, _)| *pid == 2).count(), 4, "a row per shard");
    for (row, spans) in &rows {
        for pair in spans.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "{row:?}: {pair:?} overlap");
        }
    }
}

#[test]
fn a_window_cuts_and_a_trace_may_go_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (out, file) = (folder.path().join("out"), folder.path().join("part.json"));
    done(&mut small_run(&out));
    let mut command = straggler();
    command.arg("trace").arg(&out).args(["--window", "20ms..40ms", "-o"]).arg(&file);
    done(&mut command);
    assert!(!out.join("trace.json").exists());
    let part = spans(&file);
    let inside = |span: &(i64, i64)| span.1 > 20_000_000 && span.0 < 40_000_000;
    assert!(part.values().flatten().all(inside));
    let said = say(straggler().arg("trace").arg(&out).args(["--window", "5h..6h"]));
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("ends at"), "{}", said.stderr);
    let said = say(straggler().arg("trace").arg(&out).args(["-o", "/dev/full"]));
    assert_eq!(said.code, 7, "{}", said.stderr);
}

#[test]
fn r47_a_trace_larger_than_viewers_open_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut timeline = String::from("worker,class,activity,start_s,end_s,step\n");
    for step in 0..800_001 {
        timeline.push_str(&format!("0,new,compute,{step},{},{step}\n", step + 1));
    }
    fs::write(folder.path().join("timeline.csv"), timeline).unwrap();
    fs::write(folder.path().join("service.csv"), "shard,worker,activity,start_s,end_s\n").unwrap();
    let said = say(straggler().arg("trace").arg(folder.path()));
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert!(said.stderr.contains("--window"), "{}", said.stderr);
    assert!(!folder.path().join("trace.json").exists());
    let mut command = straggler();
    done(command.arg("trace").arg(folder.path()).args(["--window", "0s..10s"]));
}

#[test]
fn a_run_without_a_timeline_says_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    done(small_run(&out).arg("record.timeline=0"));
    let said = say(straggler().arg("trace").arg(&out));
    assert!([2, 6].contains(&said.code), "{}", said.stderr);
    assert!(said.stderr.contains("record.timeline"), "{}", said.stderr);
}
