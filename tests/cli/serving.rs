//! Runs with a serving copy, as users see them.

use std::ffi::OsString;
use std::path::Path;

use assert_cmd::Command;

use crate::support::{Rows, done, say, straggler, summary, survives_a_kill};

/// Two days of a drifting log, replayed.
const LIVE: &str = r#"
[data]
kind = "synthetic"
days = 3
rows_per_day = 1500
users = 100
items = 60
history_length = 0
taste_half_life_days = 1.0

[train]
batch = 16

[holdout]
days = "3"
every = { times = 3 }
max_examples = 300

[model]
kind = "mlp"
embedding_dim = 4
hidden = [8]

[optimizer]
kind = "adam"
learning_rate = 0.01

[cluster]
workers = 3
shards = 2

[online]
arrivals = { kind = "replay" }
actions.delay = { mean = "5min", law.kind = "exponential" }
join = { window = "20min", late = "correct" }
"#;

const SERVING: &str = r#"
[serving]
share = 0.5
every = "12h"
beside = ["oracle", "batch"]
rows = { every = "10min", lag.mean = "1s", lost = 0.05 }
dense = { every = "6h", how = "by_shard" }
"#;

/// The arguments that run this text as a scenario.
fn arguments(folder: &Path, text: &str, out: &Path, extra: &[&str]) -> Vec<OsString> {
    let file = folder.join("live.toml");
    std::fs::write(&file, text).unwrap();
    let mut all: Vec<OsString> = vec!["run".into(), file.into()];
    all.extend(extra.iter().map(OsString::from));
    all.extend(["--quiet".into(), "--out".into(), out.into()]);
    all
}

fn run(folder: &Path, text: &str, out: &Path, extra: &[&str]) -> Command {
    let mut command = straggler();
    command.args(arguments(folder, text, out, extra));
    command
}

#[test]
fn a_serving_copy_leaves_the_other_files_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (with, without) = (folder.path().join("with"), folder.path().join("without"));
    done(&mut run(folder.path(), &format!("{LIVE}{SERVING}"), &with, &[]));
    done(&mut run(folder.path(), LIVE, &without, &["--no-plots"]));
    for file in ["training.csv", "evaluations.csv", "stream.csv", "workers.csv", "staleness.csv"] {
        let read = |out: &Path| std::fs::read(out.join(file)).unwrap();
        assert!(read(&with) == read(&without), "{file}");
    }
    let rows = Rows::read(&with.join("served.csv"));
    let copies = rows.texts("copy");
    assert_eq!(copies[..3], ["serving", "oracle", "batch"]);
    // Two days in halves, and what is left until the last example is trained on.
    assert_eq!((rows.len() / 3, rows.len() % 3), (5, 0));
    let requests: f64 = rows.numbers("requests").iter().step_by(3).sum();
    assert_eq!(requests, 3_000.0);
    let summary = summary(&with);
    let served = &summary["served"];
    let scored: f64 = rows.numbers("scored").iter().step_by(3).sum();
    assert_eq!(served["scored"], scored);
    assert!((1_300.0..1_700.0).contains(&scored), "{scored}");
    for figure in ["auc", "gap_to_oracle", "gain_on_batch", "stale", "row_lag_s", "bytes_per_min"] {
        assert!(served[figure].is_number(), "{figure}: {served}");
    }
    assert!(with.join("plots/served.svg").exists() && !without.join("served.csv").exists());
    let page = std::fs::read_to_string(with.join("report.html")).unwrap();
    for words in ["The serving copy", "how far rows are behind", "age of dense parameters"] {
        assert!(page.contains(words), "{words}");
    }
}

/// The classes of items together are all that was scored, in each copy and split, and nothing else
/// of the results depends on them.
#[test]
fn scored_requests_are_divided_by_items() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, item: &str| {
        let out = folder.path().join(name);
        let set = format!("serving.item={item}");
        let window = ["train.days=2", &set];
        done(&mut run(folder.path(), &format!("{LIVE}{SERVING}"), &out, &window));
        out
    };
    let out = of("item", "item");
    let (slices, served) = (out.join("served_slices.csv"), Rows::read(&out.join("served.csv")));
    let rows = Rows::read(&slices);
    let sum = |rows: &Rows, copy: &str, by: Option<&str>, of: &dyn Fn(usize) -> f64| -> f64 {
        let is_own = |at: &usize| {
            rows.texts("copy")[*at] == copy && by.is_none_or(|by| rows.texts("by")[*at] == by)
        };
        (0..rows.len()).filter(is_own).map(of).sum()
    };
    for copy in ["serving", "oracle", "batch"] {
        for by in ["frequency", "age"] {
            for figure in ["scored", "positives"] {
                let (parts, all) = (rows.numbers(figure), served.numbers(figure));
                let parts = sum(&rows, copy, Some(by), &|at| parts[at]);
                assert_eq!(parts, sum(&served, copy, None, &|at| all[at]), "{copy} {by} {figure}");
            }
            let loss = |rows: &Rows, by| {
                let (n, loss) = (rows.numbers("scored"), rows.texts("log_loss"));
                // A stretch of time without requests has none.
                sum(rows, copy, by, &|at| n[at] * loss[at].parse::<f64>().unwrap_or(0.0))
            };
            let (parts, all) = (loss(&rows, Some(by)), loss(&served, None));
            assert!((parts / all - 1.0).abs() < 1e-9, "{copy} {by}: {parts} {all}");
        }
    }
    // Nearly all items of the first day are older than it, although the stream begins with the second.
    let ages: Vec<f64> = rows.numbers("low");
    let is_old = |at: usize| rows.texts("by")[at] == "age" && ages[at] >= 32_768.0;
    let scored = rows.numbers("scored");
    let old = sum(&rows, "serving", Some("age"), &|at| if is_old(at) { scored[at] } else { 0.0 });
    assert!(old > 0.9 * sum(&rows, "serving", Some("age"), &|at| scored[at]), "{old}");
    for picture in ["served-by-frequency", "served-by-age"] {
        assert!(out.join("plots").join(format!("{picture}.svg")).exists(), "{picture}");
    }
    // Another column makes other classes, and nothing else.
    let other = of("user", "user");
    assert!(
        std::fs::read(&slices).unwrap() != std::fs::read(other.join("served_slices.csv")).unwrap()
    );
    for file in ["served.csv", "training.csv", "stream.csv"] {
        let read = |out: &Path| std::fs::read(out.join(file)).unwrap();
        assert!(read(&out) == read(&other), "{file}");
    }
}

#[test]
fn a_log_without_items_says_what_could_divide_the_requests() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String =
        (0..600).map(|n| format!("{},{},{},{}\n", n / 200 + 1, n % 3 % 2, n % 7, n % 11)).collect();
    std::fs::write(folder.path().join("log.csv"), format!("day,label,ad,place\n{rows}")).unwrap();
    let begin = LIVE.find("[train]").unwrap();
    let data = "[data]\nkind = \"table\"\nfiles = [\"log.csv\"]\nday = \"day\"\n\
                categorical = [\"ad\", \"place\"]\n";
    let text = format!("{data}{}{SERVING}", &LIVE[begin..]);
    let out = folder.path().join("out");
    let said = done(&mut run(folder.path(), &text, &out, &["--no-plots"]));
    assert!(
        said.stderr.contains("the log has no column `item`")
            && said.stderr.contains("`serving.item` is one of ad, place"),
        "{}",
        said.stderr
    );
    assert!(!out.join("served_slices.csv").exists() && out.join("served.csv").exists());
    let out = folder.path().join("named");
    done(&mut run(folder.path(), &text, &out, &["--no-plots", "serving.item=ad"]));
    assert!(out.join("served_slices.csv").exists());
    let set = ["serving.item=advert"];
    let said = say(&mut run(folder.path(), &text, &folder.path().join("bad"), &set));
    assert!(
        said.stderr
            .contains("`advert`, which the log does not have: its columns of ids are ad, place"),
        "{}",
        said.stderr
    );
}

/// A run that is killed in the midst of its stream serves the same, with any number of threads.
#[test]
fn a_serving_copy_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{LIVE}{SERVING}");
    survives_a_kill(folder.path(), |out| {
        let long = ["data.rows_per_day=6000", "--no-plots", "--save-every", "20"];
        arguments(folder.path(), &text, out, &long)
    });
}

/// A sweep shows the served quality of its points over simulated time, in the page and as a picture.
#[test]
fn a_sweep_shows_what_its_points_served() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let sweep = ["serving.rows.every=1min,2h,12h", "--seeds", "2"];
    done(&mut run(folder.path(), &format!("{LIVE}{SERVING}"), &out, &sweep));
    assert!(out.join("served.svg").exists() && out.join("curves.svg").exists());
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("Served quality by simulated time"));
    assert!(page.contains("The mean served AUC over time is highest for"));
    let said = done(straggler().arg("compare").arg(&out).args(["--metric", "served.row_lag_s"]));
    assert!(said.stdout.contains("served.row_lag_s"), "{}", said.stdout);
}

#[test]
fn a_serving_copy_without_a_stream_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let still = &LIVE[..LIVE.find("[online]").unwrap()];
    let said = say(&mut run(folder.path(), &format!("{still}{SERVING}"), &out, &[]));
    let told = said.stderr.contains("live.toml:") && said.stderr.contains("add `[online]`");
    assert!(said.code != 0 && told && !out.exists(), "{}", said.stderr);
    let said = say(&mut run(
        folder.path(),
        &format!("{LIVE}{}", SERVING.replace("10min", "0.1ns")),
        &out,
        &[],
    ));
    let told = said.stderr.contains("is less than half of 1ns: use 0ns, or 1ns and more");
    assert!(said.code != 0 && told && !out.exists(), "{}", said.stderr);
}
