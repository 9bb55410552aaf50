//! `fit` on logs with something wrong: each kind is noticed, counted, and said what is done about.
//!
//! What is refused is refused by the program. What is said after a fit is asked of the library,
//! because a fit of each takes a minute in a slow build; `whatif` prints it too.

use std::fs;

use straggler::experiment::fit::clean::clean;
use straggler::experiment::fit::columns::Columns;
use straggler::experiment::fit::log::StepLog;
use straggler::experiment::fit::machines::Machines;
use straggler::experiment::fit::refusals::refuse_unfit;
use straggler::experiment::fit::remarks::remarks;
use straggler::experiment::fit::rows::Rows;

use crate::support::{Said, say, straggler};

const HEADER: &str = "worker,step,t_pull0,t_pull1,t_push0,t_push1,pull_version,push_version";

/// One row of the log below, which a change may alter.
#[derive(Clone, Debug)]
struct Row {
    worker: u64,
    step: u64,
    times: [f64; 4],
    versions: [i64; 2],
}

/// Three workers in turn: a push every 0.1 s, and 120 rows. Steps differ a little.
fn rows() -> Vec<Row> {
    (0..120u64)
        .map(|k| {
            let at = 0.1 * k as f64 + 0.004 * (k * 7 % 5) as f64;
            Row {
                worker: k % 3,
                step: k / 3,
                times: [at, at + 0.01, at + 0.27, at + 0.28],
                versions: [(k as i64 - 2).max(0), k as i64 + 1],
            }
        })
        .collect()
}

fn written(rows: &[Row]) -> String {
    let line = |row: &Row| {
        let [a, b, c, d] = row.times;
        let [pulled, pushed] = row.versions;
        format!("{},{},{a},{b},{c},{d},{pulled},{pushed}\n", row.worker, row.step)
    };
    format!("{HEADER}\n{}", rows.iter().map(line).collect::<String>())
}

fn fit(rows: &[Row], arguments: &[&str]) -> Said {
    text(&written(rows), arguments)
}

/// What is said of a log that is not refused, cleaned before or not; the last line is its steps.
fn notes(rows: &[Row], cleaned: bool, asynchronous: bool) -> String {
    let rows = Rows::parse(written(rows).as_bytes(), &Columns::default()).unwrap();
    let (log, mut said) = if cleaned {
        let wrong = rows.first.as_ref().map(|first| format!("left out: {} ({first})", rows.wrong));
        let (log, said) = clean(StepLog::from_rows(rows.right).unwrap()).unwrap();
        (log, wrong.into_iter().chain(said).collect())
    } else {
        (StepLog::from_rows(rows.all_right().unwrap()).unwrap(), Vec::new())
    };
    refuse_unfit(&log, asynchronous).unwrap();
    said.extend(remarks(&log, &Machines::of(&log, 0, None).unwrap()));
    said.join("\n")
}

fn text(text: &str, arguments: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.csv");
    fs::write(&log, text).unwrap();
    say(straggler().arg("fit").arg(&log).args(arguments))
}

/// What is done to a log, and what must be said of it.
struct Kind {
    name: &'static str,
    change: fn(&mut Vec<Row>),
    /// The exit code without a switch, and what is said.
    plain: (i32, &'static str),
    /// A switch with which it is fitted, and what is said then.
    switch: Option<(&'static str, &'static str)>,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "missing rows",
        change: |rows| rows.retain(|row| row.versions[1] % 10 != 5),
        plain: (0, "12 steps have no row"),
        switch: None,
    },
    Kind {
        name: "a worker that comes late",
        change: |rows| rows.retain(|row| row.worker != 1 || row.step >= 15),
        plain: (0, "1 worker comes late or leaves early (1)"),
        switch: Some(("--clean", "of 105 steps were kept")),
    },
    Kind {
        name: "a worker that leaves",
        change: |rows| rows.retain(|row| row.worker != 2 || row.step < 25),
        plain: (0, "1 worker comes late or leaves early (2)"),
        switch: Some(("--clean", "of 105 steps were kept")),
    },
    Kind {
        name: "duplicate rows",
        change: |rows| rows.extend_from_within(10..13),
        plain: (4, "3 rows of the log cannot be right"),
        switch: Some(("--clean", "left out: 3 (line 122: worker 1 has")),
    },
    Kind {
        name: "duplicate versions",
        change: |rows| rows[40].versions[1] -= 1,
        plain: (0, "1 row has the same push_version"),
        switch: None,
    },
    Kind {
        name: "negative staleness",
        change: |rows| rows[40].versions[0] += 10,
        plain: (4, "line 42: the step has pulled version 48"),
        switch: Some(("--clean", "left out: 1 (line 42")),
    },
    Kind {
        name: "a synchronous job, one version a push",
        change: |rows| {
            rows.iter_mut().for_each(|row| row.versions[0] = 3 * ((row.versions[1] - 1) / 3));
        },
        plain: (4, "120 of 120 steps have the staleness of their place in a round of 3"),
        switch: Some(("--asynchronous", "")),
    },
    Kind {
        name: "a synchronous job, one version a round",
        change: |rows| {
            for row in rows {
                row.versions = [row.step as i64, row.step as i64 + 1];
            }
        },
        plain: (4, "120 of 120 steps are not stale at all"),
        switch: Some(("--asynchronous", "")),
    },
    Kind {
        name: "an hour's pause",
        change: |rows| {
            let last = rows.len() - 1;
            rows[last].times[2] += 3600.0;
            rows[last].times[3] += 3600.0;
        },
        plain: (0, "1 step takes more than 30 times the median of the worker, up to 3600.3 s"),
        switch: Some(("--clean", "the longest stretch without 1 step that takes")),
    },
    Kind {
        name: "wrong clocks",
        change: |rows| {
            for row in rows.iter_mut().filter(|row| row.worker == 1) {
                row.times.iter_mut().for_each(|time| *time += 50.0);
            }
        },
        plain: (4, "the clocks of the workers differ"),
        switch: Some(("--clean", "the clocks of 1 worker were moved")),
    },
    Kind {
        name: "a step that ends before it begins",
        change: |rows| rows[7].times[2] -= 1.0,
        plain: (4, "line 9: the step ends before it begins"),
        switch: Some(("--clean", "left out: 1 (line 9")),
    },
    Kind {
        name: "a pull that ends before it begins",
        change: |rows| rows[7].times[0] += 0.1,
        plain: (4, "line 9: the pull ends before it begins"),
        switch: Some(("--clean", "left out: 1 (line 9")),
    },
    Kind {
        name: "steps that take no time",
        change: |rows| {
            rows.iter_mut().skip(60).step_by(20).for_each(|row| row.times[2] = row.times[1])
        },
        plain: (0, "3 steps take no time at all"),
        switch: None,
    },
    Kind {
        name: "step times of two kinds",
        change: |rows| {
            for row in rows.iter_mut().filter(|row| row.step % 2 == 1) {
                row.times[0] += 0.15;
                row.times[1] += 0.15;
            }
        },
        plain: (0, "no law describes the step times of class 1"),
        switch: None,
    },
];

#[test]
fn each_kind_is_noticed_and_said_what_is_done_about() {
    assert_eq!(notes(&rows(), false, false), "");
    assert_eq!(notes(&rows(), true, false), "");
    for kind in KINDS {
        let mut rows = rows();
        (kind.change)(&mut rows);
        let (code, wanted) = kind.plain;
        let said = if code == 0 {
            notes(&rows, false, false)
        } else {
            let said = fit(&rows, &[]);
            assert_eq!(said.code, code, "{}: {}", kind.name, said.stderr);
            said.stderr
        };
        assert!(said.contains(wanted), "{}: {said}", kind.name);
        // What is refused names its remedy.
        let Some((switch, wanted)) = kind.switch else {
            assert_eq!(code, 0, "{}", kind.name);
            continue;
        };
        assert!(said.contains(switch), "{}: {said}", kind.name);
        let said = notes(&rows, switch == "--clean", switch == "--asynchronous");
        assert!(said.contains(wanted), "{} {switch}: {said}", kind.name);
    }
}

#[test]
fn whatif_says_and_refuses_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.csv");
    let mut text = String::from("worker,seconds\n");
    (0..60).for_each(|k| text.push_str(&format!("{},{}\n", k % 3, 0.1 + 0.001 * f64::from(k % 7))));
    fs::write(&log, text + "1,100\n2,0\n2,-1\n").unwrap();
    let said = say(straggler().arg("whatif").arg(&log));
    assert!(said.code == 4 && said.stderr.contains("line 64"), "{}", said.stderr);
    let said = say(straggler().arg("whatif").arg(&log).arg("--clean"));
    let wanted = ["left out: 1 row that", "left out: 1 step that takes", "1 step takes no time"];
    assert!(
        wanted.iter().all(|wanted| said.stdout.contains(wanted)),
        "{}{}",
        said.stdout,
        said.stderr
    );
}

#[test]
fn begins_and_ends_of_steps_are_enough() {
    let mut log = String::from("host,start,end\n");
    for k in 0..120u32 {
        let at = 0.1 * f64::from(k);
        log.push_str(&format!("{},{at},{}\n", k % 3, at + 0.28));
    }
    let said = text(&log, &["--worker", "host"]);
    assert!(said.code == 2 && said.stderr.contains("--start and --end"), "{}", said.stderr);
    let said = text(&log, &["--worker", "host", "--start", "start"]);
    assert!(said.code == 2 && said.stderr.contains("--end"), "{}", said.stderr);
    let said = text(&log, &["--worker", "host", "--start", "start", "--end", "end"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    // Three workers push in turn, every 0.1 s.
    let line = said.stdout.lines().find(|line| line.contains("steps per second")).unwrap();
    let logged: f64 = line.split_whitespace().nth(4).unwrap().parse().unwrap();
    assert!((logged - 10.0).abs() < 0.2, "{line}");
}

#[test]
fn a_mistyped_column_is_an_error() {
    for option in [
        "--worker",
        "--step",
        "--step-time",
        "--pull-begin",
        "--pull-end",
        "--push-begin",
        "--push-end",
        "--pull-version",
        "--push-version",
        "--staleness",
        "--start",
        "--end",
    ] {
        let said = fit(&rows(), &[option, "t_pul1"]);
        assert_eq!(said.code, 2, "{option}: {}", said.stderr);
        assert!(said.stderr.contains("no column \"t_pul1\""), "{option}: {}", said.stderr);
    }
}
