//! `spread` and `spectrum`, and the series of layers, on true runs.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Rows, SMALL, done, say, scenario, small_run, straggler};

fn sweep(out: &Path, points: &str, seeds: &str, more: &[&str]) {
    let mut command = straggler();
    command.arg("sweep").arg(scenario("quickstart.toml")).args(SMALL).args(more);
    done(command.args([points, "--seeds", seeds, "--quiet", "--out"]).arg(out));
}

#[test]
fn the_spread_of_trials_is_compared_between_points() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("sweep");
    sweep(&folder, "train.batch=16,32", "4", &["scenario.seed_of.data=1"]);
    let said = done(straggler().arg("spread").arg(&folder));
    let text = &said.stdout;
    assert!(text.contains("last.auc over the trials"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("batch=32") && line.contains('[')), "{text}");
    let json = done(straggler().arg("spread").arg(&folder).args(["--json", "--baseline", "1"]));
    let rows: Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(rows[0]["name"].as_str().unwrap().contains("batch=32"), "{rows}");
    assert!(rows[0]["ratio"].is_null() && rows[1]["ratio"]["p"].as_f64().unwrap() <= 1.0);
    let interval = &rows[0]["interval"];
    let deviation = rows[0]["deviation"].as_f64().unwrap();
    assert!(interval["low"].as_f64().unwrap() < deviation);
    assert!(deviation < interval["high"].as_f64().unwrap());
    let bad = say(straggler().arg("spread").arg(&folder).args(["--metric", "best.ouc"]));
    assert_eq!(bad.code, 2, "{}", bad.stderr);
    let bad = say(straggler().arg("spread").arg(&folder).args(["--baseline", "nobody"]));
    assert!(bad.code != 0 && bad.stderr.contains("no single point"), "{}", bad.stderr);
}

#[test]
fn an_order_by_date_is_seen_in_the_spectrum() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("sweep");
    let more = ["train.stop.updates=10000", "train.stop.passes=4", "record.training={times=160}"];
    // A log whose base rate changes from day to day.
    let drift = ["data.day_rate_deviation=1.0", "scenario.seed_of.data=1"];
    let orders = "train.order.kind=by_date,shuffled";
    sweep(&folder, orders, "1", &[&more[..], &drift].concat());
    let picture = root.path().join("picture.svg");
    let mut command = straggler();
    command.arg("spectrum").arg(&folder).arg("--json").arg("--plot").arg(&picture);
    let rows: Value = serde_json::from_str(&done(&mut command).stdout).unwrap();
    let amplitude = |row: usize| {
        let tones = rows[row]["trials"][0]["tones"].as_array().unwrap();
        let one = tones.iter().find(|tone| tone["frequency"].as_f64() == Some(1.0)).unwrap();
        one["amplitude"].as_f64().unwrap()
    };
    assert!(amplitude(0) > 3.0 * amplitude(1), "{rows}");
    assert!(picture.exists() && picture.with_extension("png").exists());
    let text = done(straggler().arg("spectrum").arg(&folder)).stdout;
    assert!(text.contains("amplitude at one pass") && text.contains("chance"), "{text}");
    let none = say(straggler().arg("spectrum").arg(&folder).args(["--skip", "3"]));
    assert_eq!(none.code, 6, "{}", none.stderr);
    assert!(none.stderr.contains("two whole passes"), "{}", none.stderr);
}

#[test]
fn layers_are_written_and_shown_on_request_alone() {
    let root = tempfile::tempdir().unwrap();
    let (with, without) = (root.path().join("with"), root.path().join("without"));
    let run = |out: &Path, more: &[&str]| {
        let mut command = straggler();
        command.arg("run").arg(scenario("quickstart.toml")).args(SMALL).args(more);
        done(command.arg("--out").arg(out).arg("--quiet"));
    };
    run(&with, &["record.layers={times=5}"]);
    done(&mut small_run(&without));
    assert!(!without.join("layers.csv").exists());
    assert!(!fs::read_to_string(without.join("resolved.toml")).unwrap().contains("layers"));
    let rows = Rows::read(&with.join("layers.csv"));
    assert!(rows.len() > 5 && rows.header.contains(&"rows_idle".to_string()));
    assert!(with.join("plots/layers.svg").exists());
    let page = fs::read_to_string(with.join("report.html")).unwrap();
    assert!(page.contains("Layers over time"));
    let csv = root.path().join("csv");
    done(straggler().arg("export").arg(&with).args(["--format", "csv", "--out"]).arg(&csv));
    assert_eq!(Rows::read(&csv.join("layers.csv")).len(), rows.len());
}
