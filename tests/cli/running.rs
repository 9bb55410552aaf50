//! `demo`, `run` and `report`: what is printed, what is written, and that the numbers add up.

use std::fs;
use std::path::Path;

use crate::support::{
    Rows, SMALL, WORKER_TIMES, assert_same, done, reproducible, scenario, small_run, straggler,
    summary,
};

#[test]
fn the_demo_ends_with_insight_a_picture_and_three_commands() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = straggler();
    command.current_dir(&folder).args(["demo", "data.rows_per_day=600", "data.users=200"]);
    let said = done(command.args(["data.items=60", "train.batch=32"]));
    assert!(said.stdout.contains("What you just saw"), "{}", said.stdout);
    assert!(said.stdout.contains("updates old when it was applied"), "{}", said.stdout);
    let tries = said.stdout.split("\nTry\n").nth(1).expect("commands to try");
    assert_eq!(tries.lines().filter(|line| line.starts_with("  straggler ")).count(), 3);
    let picture = said.stdout.lines().find_map(|line| line.strip_prefix("picture: ")).unwrap();
    let picture = picture.split(" (").next().unwrap();
    let bytes = fs::read(folder.path().join(picture)).unwrap();
    assert!(bytes.starts_with(b"\x89PNG"), "{picture}");
    // Off a terminal there is never an escape sequence.
    assert!(!said.stderr.contains('\x1b') && !said.stdout.contains('\x1b'));
    // The mean in the sentence is the mean of this very run.
    let results = folder.path().join(Path::new(picture).ancestors().nth(2).unwrap());
    let mean = summary(&results)["staleness"]["mean"].as_f64().unwrap();
    let start = format!("On average a gradient was {mean:.1}");
    assert!(said.stdout.contains(&start), "{start}: {}", said.stdout);
}

#[test]
fn a_run_writes_every_file_of_the_results_folder() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = straggler();
    command.arg("run").arg(scenario("quickstart.toml")).args(SMALL).arg("--out").arg(&out);
    let said = done(&mut command);
    for word in ["trained", "simulated", "best", "staleness", "workers", "results: "] {
        assert!(said.stdout.contains(word), "{word}: {}", said.stdout);
    }
    let headers = [
        (
            "evaluations.csv",
            "update,examples,passes,sim_s,view,auc,session_auc,log_loss,normalised_entropy,\
             calibration,selection_auc,undefined,unknown_ids",
        ),
        (
            "training.csv",
            "update,examples,sim_s,loss,rate,gradient_norm,staleness_mean,in_flight,gap_mean",
        ),
        ("divergence.csv", "update,sim_s,group,layer,measure,mean,max"),
        ("timeline.csv", "worker,class,activity,start_s,end_s,step"),
        ("service.csv", "shard,worker,activity,start_s,end_s"),
        ("staleness.csv", "class,measure,low,high,count"),
        ("rows.csv", "table,popularity_low,popularity_high,touches,staleness_mean,staleness_max"),
        (
            "workers.csv",
            "worker,class,slowdown,steps,examples,busy_s,network_s,queued_s,served_s,held_s,\
             waiting_s,staleness_mean,staleness_max,starved_s",
        ),
        (
            "shards.csv",
            "shard,updates,busy_s,queue_wait_s,bytes_in,bytes_out,staleness_mean,staleness_p99,\
             staleness_max,rows_read,rows_written",
        ),
    ];
    let mut wanted: Vec<String> = headers.iter().map(|(name, _)| name.to_string()).collect();
    for (name, header) in headers {
        let rows = Rows::read(&out.join(name));
        assert_eq!(rows.header.join(","), header, "{name}");
        assert!(rows.len() > 0, "{name} is empty");
    }
    let plots = [
        "divergence",
        "quality-by-examples",
        "quality-by-time",
        "shards",
        "staleness",
        "timeline",
        "utilisation",
    ];
    for plot in plots {
        wanted.extend(["png", "svg"].map(|kind| format!("plots/{plot}.{kind}")));
    }
    wanted.extend(["report.html", "resolved.toml", "summary.json"].map(String::from));
    wanted.sort();
    let found: Vec<String> = reproducible(&out).into_keys().collect();
    assert_eq!(found, wanted);
    assert!(out.join("run-info.json").exists());
    assert!(summary(&out)["files"].as_array().unwrap().len() == headers.len() + 1);
}

/// Sums that must agree between the files of one run.
fn check_sums(out: &Path) {
    let summary = summary(out);
    let pushes = summary["pushes"].as_f64().unwrap();
    let sim_s = summary["sim_s"].as_f64().unwrap();
    let workers = Rows::read(&out.join("workers.csv"));
    let sum = |values: Vec<f64>| values.iter().sum::<f64>();
    assert_eq!(sum(workers.numbers("steps")), pushes);
    assert_eq!(sum(workers.numbers("examples")), summary["examples"].as_f64().unwrap());
    let parts = WORKER_TIMES.map(|part| workers.numbers(part));
    for worker in 0..workers.len() {
        let spent: f64 = parts.iter().map(|part| part[worker]).sum();
        assert!((spent - sim_s).abs() < 1e-6 * sim_s, "worker {worker}: {spent} of {sim_s}");
    }
    let staleness = Rows::read(&out.join("staleness.csv"));
    for measure in ["version", "clock_lag"] {
        let counts = staleness.numbers("count").into_iter().zip(staleness.texts("measure"));
        let of_measure = counts.filter(|(_, name)| *name == measure);
        assert_eq!(of_measure.map(|(count, _)| count).sum::<f64>(), pushes, "{measure}");
    }
    let evaluations = Rows::read(&out.join("evaluations.csv"));
    for column in ["update", "examples", "sim_s"] {
        assert!(evaluations.numbers(column).is_sorted(), "{column} goes back");
    }
    // The JSON reader is exact to the last bit but one.
    let last = evaluations.numbers("auc").pop().unwrap();
    assert!((last - summary["last"]["quality"]["auc"].as_f64().unwrap()).abs() < 1e-15);
    let shards = Rows::read(&out.join("shards.csv"));
    let updates = summary["updates"].as_f64().unwrap();
    assert!(shards.numbers("updates").iter().all(|n| *n >= updates));
}

#[test]
fn the_numbers_of_a_run_add_up() {
    let folder = tempfile::tempdir().unwrap();
    for (name, extra) in [
        ("asynchronous", &[][..]),
        ("late", &["cluster.start={kind='staggered',over='50ms'}"][..]),
        ("synchronous", &["protocol.kind=synchronous"][..]),
        ("clocked", &["train.stop={sim_time='90ms'}"][..]),
        ("sharded", &["cluster.shards=7", "cluster.server.push_fixed=9ms"][..]),
    ] {
        let out = folder.path().join(name);
        done(small_run(&out).args(extra));
        check_sums(&out);
    }
}

#[test]
fn the_resolved_scenario_gives_the_same_bytes_again() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    done(&mut small_run(&first));
    let mut again = straggler();
    again.arg("run").arg(first.join("resolved.toml")).arg("--out").arg(&second);
    done(again.args(["--quiet", "--no-plots"]));
    assert_same(&reproducible(&first), &reproducible(&second), "resolved.toml run again");
}

#[test]
fn a_finished_run_is_not_repeated_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let first = done(&mut small_run(&out)).stdout;
    let files = reproducible(&out);
    let info = fs::read(out.join("run-info.json")).unwrap();
    fs::write(out.join("run-info.json"), "mine").unwrap();
    let said = done(&mut small_run(&out));
    assert!(said.stdout.contains("is done already; --force runs it again"), "{}", said.stdout);
    assert!(said.stdout.starts_with(&first), "its figures are shown again:\n{}", said.stdout);
    assert_eq!(fs::read(out.join("run-info.json")).unwrap(), b"mine");
    done(small_run(&out).arg("--force"));
    assert_ne!(fs::read(out.join("run-info.json")).unwrap(), b"mine");
    assert_same(&files, &reproducible(&out), "forced");
    drop(info);
}

#[test]
fn json_is_the_summary_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    // Done already or not, stdout is the same.
    for _ in 0..2 {
        let said = done(small_run(&out).arg("--json"));
        let printed: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(printed, summary(&out));
        assert_eq!(said.stderr, "");
    }
}

#[test]
fn a_report_draws_the_pictures_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    done(&mut small_run(&out));
    assert!(!out.join("plots").exists());
    let said = done(straggler().arg("report").arg(&out));
    assert!(said.stdout.trim().ends_with("report.html"), "{}", said.stdout);
    let svg = fs::read_to_string(out.join("plots/quality-by-time.svg")).unwrap();
    assert!(svg.starts_with("<svg") || svg.starts_with("<?xml"));
}

#[test]
fn r49_progress_off_a_terminal_has_no_escapes_and_goes_to_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = straggler();
    command.current_dir(&folder).arg("run").arg(scenario("timing-only.toml"));
    let said = done(command.args(["train.stop.updates=500", "cluster.workers=10", "--plain"]));
    assert!(said.stderr.starts_with("straggler "), "{}", said.stderr);
    assert!(!said.stderr.contains('\x1b') && !said.stdout.contains('\x1b'));
    assert!(said.stdout.contains("results: results/timing-only-"), "{}", said.stdout);
}
