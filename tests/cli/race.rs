//! Races: contestants on one scenario and the same seeds.

use crate::support::{Rows, SMALL, done, scenario, straggler};

#[test]
fn a_race_is_a_sweep_whose_table_follows_from_its_evaluations() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = straggler();
    command.arg("race").arg(scenario("quickstart.toml")).args(["async", "ssp:lead=2"]);
    command.args(SMALL).args(["--seeds", "2", "--quiet", "--out"]).arg(&out);
    let said = done(&mut command);
    let trials = Rows::read(&out.join("trials.csv"));
    assert_eq!(trials.len(), 4);
    // By hand: each trial's AUC at the last evaluation until the earliest end of all.
    let curve = |trial: &str| -> Vec<(f64, f64)> {
        let rows = Rows::read(&out.join("trials").join(trial).join("evaluations.csv"));
        rows.numbers("sim_s").into_iter().zip(rows.numbers("auc")).collect()
    };
    let curves = ["0000", "0001", "0002", "0003"].map(curve);
    let end = curves.iter().map(|curve| curve.last().unwrap().0).fold(f64::INFINITY, f64::min);
    let at = |curve: &Vec<(f64, f64)>| curve.iter().rfind(|(time, _)| *time <= end).unwrap().1;
    // Trials go seed by seed.
    for (label, own) in [("async", [0, 2]), ("ssp:lead=2", [1, 3])] {
        let mean = (at(&curves[own[0]]) + at(&curves[own[1]])) / 2.0;
        let race = said.stdout.split("AUC, equal time").nth(1).unwrap();
        let row = race.lines().find(|line| line.trim_start().starts_with(label)).unwrap();
        assert_eq!(row.split_whitespace().nth(1).unwrap(), format!("{mean:.4}"), "{row}");
    }
    // The folder's own sweep is the same race.
    let again = folder.path().join("again");
    done(straggler().arg("run").arg(&out).args(["--quiet", "--out"]).arg(&again));
    for file in ["sweep.toml", "points.csv", "race.csv", "trials.csv"] {
        let text = |folder: &std::path::Path| std::fs::read_to_string(folder.join(file)).unwrap();
        assert_eq!(text(&out), text(&again), "{file}");
    }
    let state = done(straggler().arg("resume").arg(&out).arg("--list"));
    assert!(state.stdout.contains("ssp:lead=2"), "{}", state.stdout);
}

#[test]
fn wrong_contestants_are_named_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for (words, said) in [
        (vec!["fastest"], "neither a protocol nor a remedy"),
        (vec!["async", "asynchronous"], "are the same"),
        (vec!["async", "ssp", "cluster.workers=2,3"], "has one value"),
        (vec!["async", "ssp:bond=2"], "bond"),
        (vec!["async", "ssp", "imposed_staleness={kind='geometric',mean=3}"], "the same run"),
    ] {
        let mut command = straggler();
        command.arg("race").arg(scenario("quickstart.toml")).args(&words).arg("--out").arg(&out);
        let assert = command.assert().code(2);
        let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(stderr.contains(said), "{words:?}: {stderr}");
        assert!(!out.exists());
    }
}

/// Timing alone has no AUC: the race is one of speed, and says which files it has not.
#[test]
fn a_race_without_auc_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = straggler();
    command.arg("race").arg(scenario("timing-only.toml")).args(["async", "synchronous"]);
    command.args(["train.stop.updates=60", "cluster.workers=3", "--seeds", "1", "--quiet"]);
    let said = done(command.arg("--out").arg(&out));
    assert!(said.stdout.contains("there is no race.csv and no picture"), "{}", said.stdout);
    assert!(!out.join("race.csv").exists());
    let points = Rows::read(&out.join("points.csv"));
    assert_eq!(points.len(), 2);
}
