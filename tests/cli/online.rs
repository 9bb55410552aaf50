//! Runs on a live stream, as users see them.

use std::ffi::OsString;
use std::path::Path;

use crate::support::{Rows, done, say, scenario, straggler, summary, survives_a_kill};

/// The scenario of the documentation, as small as a test wants it.
const SMALL: &[&str] = &[
    "data.rows_per_day=600",
    "data.users=100",
    "data.items=60",
    "model.hidden=[8]",
    "model.embedding_dim=4",
    "train.batch=16",
    "holdout.every={times=4}",
    "--quiet",
];

fn arguments(out: &Path, extra: &[&str]) -> Vec<OsString> {
    let mut all: Vec<OsString> = vec!["run".into(), scenario("online.toml").into()];
    all.extend(SMALL.iter().chain(extra).map(OsString::from));
    all.extend(["--out".into(), out.into()]);
    all
}

fn live(out: &Path, extra: &[&str]) -> assert_cmd::Command {
    let mut command = straggler();
    command.args(arguments(out, extra));
    command
}

#[test]
fn a_live_run_says_what_became_of_its_requests() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    done(&mut live(&out, &[]));
    let rows = Rows::read(&out.join("stream.csv"));
    let of = |name: &str| rows.numbers(name);
    assert_eq!((of("sim_s")[0], of("requests")[0]), (0.0, 0.0));
    let last = rows.len() - 1;
    assert_eq!(of("requests")[last], 5.0 * 600.0);
    let parts = [
        "features_lost",
        "features_on_way",
        "in_memory",
        "on_disk",
        "emitted_positives",
        "emitted_negatives",
        "unkept",
    ];
    for at in 0..rows.len() {
        let sum: f64 = parts.iter().map(|part| of(part)[at]).sum();
        assert_eq!(sum, of("requests")[at], "row {at}");
    }
    // Late clicks are corrected, so that there are more examples than requests.
    let summary = summary(&out);
    let stream = &summary["stream"];
    assert_eq!(stream["requests"], 3_000);
    assert_eq!(stream["taken"], of("taken")[last]);
    assert!(of("second")[last] > 0.0 && of("taken")[last] > 3_000.0);
    let missed = stream["missed"].as_f64().unwrap();
    assert!((0.01..0.2).contains(&missed), "{missed}");
    // The stream brings less than a request in a second: workers mostly wait for examples.
    let starved = summary["utilisation"]["starved"].as_f64().unwrap();
    assert!(starved > 0.9, "{starved}");
    let workers = Rows::read(&out.join("workers.csv"));
    let waited: f64 = workers.numbers("starved_s").iter().sum();
    let all = summary["sim_s"].as_f64().unwrap() * workers.len() as f64;
    assert!((waited / all - starved).abs() < 1e-6);
    // The columns of the lags are those of the summary, on average.
    let lag = stream["update_lag_s"].as_f64().unwrap();
    assert!((600.0..7_200.0).contains(&lag), "{lag}");
    assert!(out.join("plots/stream.svg").exists() || out.join("plots/stream.png").exists());
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("The live stream") && page.contains("waiting for examples"));
}

/// A run that is killed in the midst of its stream ends in the same bytes, with any number of
/// threads.
#[test]
fn a_live_run_that_is_killed_ends_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    survives_a_kill(folder.path(), |out| arguments(out, &["--no-plots", "--save-every", "20"]));
}

#[test]
fn a_stream_that_cannot_be_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let cases = [
        (
            "stage.live.set.online.queue.limit=3",
            "workers wait for ever (at least the examples of one step)",
        ),
        ("stage.live.set.online.negatives.keep=-1", "keep"),
        ("stage.live.set.online.join.windows=1s", "did you mean `window`"),
        ("stage.live.set.cluster.failures.lost=requeue", "a live stream does not come back"),
    ];
    for (change, expected) in cases {
        let said = say(&mut live(&out, &[change]));
        assert!(said.code != 0 && said.stderr.contains(expected), "{change}: {}", said.stderr);
        assert!(!out.exists(), "{change}");
    }
}
