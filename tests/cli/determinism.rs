//! Same scenario and seed, same bytes: whatever the threads, the place and the surroundings.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

use crate::support::{SMALL, assert_same, done, reproducible, scenario, small_run, straggler};

/// A run that exercises everything recorded, with clipping and several evaluated views.
const RICH: &[&str] = &[
    "holdout.views={workers=2,mean_of_views=true,mean_of_predictions=true}",
    "train.clip.norm=1.0",
    "record.rows_every=1",
    "record.gap_every=1",
];

fn rich_run(out: &Path) -> Command {
    let mut command = small_run(out);
    command.args(RICH);
    command
}

#[test]
fn r01_the_number_of_threads_changes_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let run = |threads: &str| {
        let out = folder.path().join(threads);
        done(rich_run(&out).args(["--threads", threads]));
        reproducible(&out)
    };
    let one = run("1");
    for threads in ["2", "8"] {
        assert_same(&one, &run(threads), &format!("{threads} threads"));
    }
}

#[test]
fn r02_the_surroundings_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("usual");
    done(&mut rich_run(&out));
    let usual = reproducible(&out);
    done(rich_run(&out).arg("--force"));
    assert_same(&usual, &reproducible(&out), "twice in one folder");
    let strange = folder.path().join("Größe 7, Übung");
    fs::create_dir_all(&strange).unwrap();
    let copy = strange.join("meine läufe.toml");
    fs::copy(scenario("quickstart.toml"), &copy).unwrap();
    let mut elsewhere = straggler();
    elsewhere.current_dir(&strange).arg("run").arg("meine läufe.toml").args(SMALL).args(RICH);
    elsewhere.args(["--out", "ein lauf", "--quiet", "--no-plots"]);
    done(elsewhere.env("HOME", &strange));
    assert_same(&usual, &reproducible(&strange.join("ein lauf")), "another place");
    for (key, value) in [
        ("HOME", "/nowhere"),
        ("TZ", "Pacific/Chatham"),
        ("TMPDIR", "/nowhere"),
        ("LANG", "de_DE.UTF-8"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("RUST_LOG", "trace"),
        ("COLUMNS", "40"),
    ] {
        let out = folder.path().join(key);
        done(rich_run(&out).env(key, value).current_dir(&strange));
        assert_same(&usual, &reproducible(&out), key);
    }
}

#[test]
fn r03_what_is_shown_changes_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, flags: &[&str]| {
        // The page names its folder.
        let out = folder.path().join(name).join("out");
        let mut command = straggler();
        command.arg("run").arg(scenario("quickstart.toml")).args(SMALL).arg("--out").arg(&out);
        done(command.args(flags));
        reproducible(&out)
    };
    let mut shown = run("shown", &["--json"]);
    assert_same(&shown, &run("plain", &["--plain"]), "--plain");
    assert_same(&shown, &run("quiet", &["-q"]), "-q");
    shown.retain(|name, _| !name.starts_with("plots") && name != "report.html");
    assert_same(&shown, &run("bare", &["--no-plots", "--plain", "-q"]), "--no-plots");
}

#[test]
fn r03_what_is_recorded_changes_no_weight() {
    let folder = tempfile::tempdir().unwrap();
    let weights = |name: &str, extra: &[&str]| {
        let out = folder.path().join(name);
        done(small_run(&out).args(extra));
        let summary = crate::support::summary(&out);
        (summary["weights_sha256"].clone(), summary["sim_s"].clone(), summary["events"].clone())
    };
    let usual = weights("usual", &[]);
    assert!(usual.0.is_string());
    assert_eq!(
        usual,
        weights(
            "rich",
            RICH.iter().filter(|o| !o.contains("clip")).copied().collect::<Vec<_>>().as_slice()
        )
    );
    assert_eq!(usual, weights("rare", &["holdout.every={times=1}", "record.timeline=0"]));
    assert_eq!(
        usual,
        weights(
            "often",
            &[
                "holdout.every={updates=1}",
                "record.divergence={updates=1}",
                "record.layers={updates=1}"
            ]
        )
    );
}
