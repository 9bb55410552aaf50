//! Sweeps and races with trials that broke: every place that shows their figures says so.

use crate::support::{Rows, SMALL, done, scenario, straggler};

#[test]
fn a_sweep_says_of_each_point_how_many_of_its_trials_broke() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = straggler();
    command.arg("run").arg(scenario("quickstart.toml")).args(SMALL);
    command.args(["optimizer.learning_rate=1e-3,1", "--seeds", "3", "--quiet", "--out"]).arg(&out);
    let said = done(&mut command).stdout;
    assert!(said.starts_with("learning_rate=1: 3 of 3 trials broke, as fast"), "{said}");
    assert!(said.contains("3/3, 3 broke"), "{said}");
    // A loss without bounds has no long row of digits.
    let row = said.lines().find(|line| line.contains("3 broke") && line.contains('[')).unwrap();
    assert!(!row.contains("185612.5"), "{row}");
    let points = Rows::read(&out.join("points.csv"));
    assert_eq!(points.numbers("broken"), [0.0, 3.0]);
    let trials = Rows::read(&out.join("trials.csv"));
    let broke = trials.texts("broken").iter().filter(|text| text.contains("broke at")).count();
    assert_eq!(broke, 3);
    let listed = done(straggler().arg("resume").arg(&out).arg("--list")).stdout;
    assert!(listed.starts_with("learning_rate=1: 3 of 3 trials broke"), "{listed}");
    let json = done(straggler().arg("resume").arg(&out).args(["--list", "--json"])).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["points"][1]["broken"], 3);
    let compared = done(straggler().arg("compare").arg(&out)).stdout;
    assert!(
        compared.contains(
            "broke, in the figures above: learning_rate=1, 3 of 3 trials broke; seed 1: Training"
        ),
        "{compared}"
    );
    let front = done(straggler().arg("compare").arg(&out).args(["--pareto", "--goal", "auc>=0.4"]));
    let row = front.stdout.lines().find(|line| line.contains("learning_rate=1 ")).unwrap();
    assert!(row.ends_with("(3 of 3 trials broke)") && !row.starts_with('*'), "{row}");
    let spread = done(straggler().arg("compare").arg(&out).arg("--spread")).stdout;
    assert!(spread.contains("learning_rate=1: 3 of 3 trials broke"), "{spread}");
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("Training broke in 3 trials"));
    assert!(page.contains("Trials that broke"));
    assert!(page.contains("learning_rate=1: 3 of 3 trials broke, as fast"));
}

#[test]
fn a_race_says_which_contestants_broke() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = straggler();
    command.arg("race").arg(scenario("quickstart.toml")).args(["async", "sync"]).args(SMALL);
    command.args(["optimizer.learning_rate=1", "--seeds", "3", "--quiet", "--out"]).arg(&out);
    let said = done(&mut command).stdout;
    assert!(
        said.contains("async, with which the others are compared: 3 of 3 trials broke"),
        "{said}"
    );
    assert!(said.contains("async (3 of 3 trials broke)"), "{said}");
    assert_eq!(Rows::read(&out.join("race.csv")).numbers("broken")[0], 3.0);
}
