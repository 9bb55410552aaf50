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

/// A stream of three days whose workers can be made slow.
const DAYS: &str = r#"
[data]
kind = "synthetic"
days = 3
rows_per_day = 1000
users = 100
items = 60
history_length = 0

[train]
batch = 16

[holdout]
selection_share = 0.0
max_examples = 200
days = "3"

[model]
kind = "logistic"

[cluster]
workers = 3

[online]
arrivals = { kind = "replay" }
"#;

/// What a command says about this text with these settings.
fn said(command: &str, text: &str, settings: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("live.toml");
    std::fs::write(&file, text).unwrap();
    let mut all = straggler();
    all.arg(command).arg(&file).args(settings);
    if command == "run" {
        all.arg("--no-plots").arg("--out").arg(folder.path().join("out"));
    }
    let said = say(&mut all);
    format!("{}{}", said.stdout, said.stderr)
}

/// A job that is too slow for its stream says so in a line, with a remedy; one that keeps up does not.
#[test]
fn a_job_that_does_not_keep_up_with_its_stream_says_so() {
    let slow = "cluster.compute.per_example=400s";
    let cases: [(&[&str], &str); 4] = [
        (&[], "the job keeps up with it"),
        (&[slow], "The queue of examples grew to"),
        (&[slow, "online.queue.limit=100"], "The joiner stood still for"),
        (&[slow, "online.queue={limit=100,full=\"drop_newest\"}"], "of them were dropped"),
    ];
    for (settings, expected) in cases {
        let text = said("run", DAYS, settings);
        assert!(text.contains(expected), "{settings:?}\n{text}");
        let has_remedy = text.contains("Requests come faster than the job trains: more workers");
        assert_eq!(has_remedy, !settings.is_empty(), "{text}");
    }
}

#[test]
fn requests_after_the_end_of_the_clock_are_refused_with_their_number() {
    let rare = ["data.rows_per_day=20000", "online.arrivals={kind=\"even\",rate=1e-6}"];
    let text = said("check", DAYS, &rare);
    assert!(text.contains("error[") && text.contains("requests would come after"), "{text}");
    assert!(text.contains("a higher rate or speed"), "{text}");
}

/// Of what stands in a stage, and of nothing else.
#[test]
fn warnings_of_a_stage_are_shown_with_its_name() {
    let stages = "[[stage]]\nname = \"first\"\nset = { train.days = \"1\" }\n\
                  [[stage]]\nname = \"live\"\nset = { train.days = \"2\", train.sharing = \"fixed\" }\n";
    for command in ["check", "run"] {
        let text = said(command, &format!("{DAYS}{stages}"), &[]);
        let expected = "stage `live`: `train.sharing` has no effect";
        assert_eq!(text.matches(expected).count(), 1, "{command}:\n{text}");
        assert!(!text.contains("stage `first`: `"), "{text}");
    }
}

#[test]
fn a_stream_without_workers_names_the_key_that_brings_them_back() {
    let text = said("run", DAYS, &["cluster.membership=[{leave=\"2h\"}]"]);
    assert!(text.contains("no worker is left and none comes back"), "{text}");
    assert!(text.contains("`cluster.membership`") && text.contains("`train.stop.sim_time`"));
}

#[test]
fn a_log_whose_clock_goes_backwards_is_sorted_with_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let times = [10, 20, 15, 90_000, 80_000, 100_000];
    let rows: String = (0..).zip(times).map(|(n, time)| format!("{},{time},a\n", n % 2)).collect();
    std::fs::write(folder.path().join("log.csv"), format!("label,t,item\n{rows}")).unwrap();
    let text = "[data]\nkind = \"table\"\nfiles = [\"log.csv\"]\ntime = \"t\"\n\
                time_format = \"unix_seconds\"\ncategorical = [\"item\"]\n\
                [model]\nkind = \"logistic\"\n[online]\narrivals.kind = \"replay\"\n";
    let file = folder.path().join("live.toml");
    std::fs::write(&file, text).unwrap();
    let said = say(straggler().arg("check").arg(&file));
    assert!(
        said.stderr
            .contains("2 of its 6 rows are earlier than the row before, the first on line 4 of"),
        "{}",
        said.stderr
    );
}

/// Intervals and delays that are longer than the stream, from the log alone.
#[test]
fn times_longer_than_the_stream_are_told() {
    let text = said(
        "check",
        DAYS,
        &["online.actions.delay.mean=9d", "online.join.late=second", "serving.rows.every=8d"],
    );
    assert!(text.contains("less than 9 d") || text.contains("less than 9d"), "{text}");
    assert!(text.contains("hardly an action comes in it"), "{text}");
    assert!(text.contains("nothing is sent in it"), "{text}");
}

/// A table whose actions have types, shares and delays of their own: clicks are common, and a fifth
/// of their negatives is kept; of purchases, all are. A fifth of the actions never comes.
fn typed_log(folder: &Path) {
    let mut rows = String::from("label,t,type,share,late\n");
    for n in 0..12_000u64 {
        let mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let draw = (mixed ^ (mixed >> 27)) >> 20;
        let (kind, share) = if draw % 3 == 0 { ("buy", 1.0) } else { ("click", 0.2) };
        let is_positive = (draw / 3) % 100 < if kind == "buy" { 5 } else { 20 };
        let late =
            if (draw / 300) % 5 == 0 { String::new() } else { (draw / 1500 % 60).to_string() };
        rows += &format!("{},{},{kind},{share},{late}\n", u8::from(is_positive), n * 10);
    }
    std::fs::write(folder.join("log.csv"), rows).unwrap();
}

const TYPED: &str = "[data]\nkind = \"table\"\nfiles = [\"log.csv\"]\ntime = \"t\"\ntime_format = \"unix_seconds\"\n\
    categorical = [\"type\"]\nextra = [\"share\", \"late\"]\n[train]\nbatch = 8\n\
    [model]\nkind = \"logistic\"\n[optimizer]\nkind = \"adagrad\"\nlearning_rate = 0.3\n\
    [online]\nactions.delay.column = \"late\"\njoin.window = \"1min\"\n[serving]\nevery = \"1d\"\n\
    rows.every = \"1min\"\ndense.every = \"1min\"\n";

/// Negatives are kept by type or by a share of each example; each is corrected by its own share,
/// wherever that is done.
#[test]
fn negatives_kept_by_type_are_corrected_by_type() {
    let folder = tempfile::tempdir().unwrap();
    typed_log(folder.path());
    let file = folder.path().join("live.toml");
    std::fs::write(&file, TYPED).unwrap();
    let run = |name: &str, negatives: &str| {
        let out = folder.path().join(name);
        let mut command = straggler();
        command.arg("run").arg(&file).arg(format!("online.negatives={negatives}"));
        done(command.args(["--no-plots", "--quiet", "--out"]).arg(&out));
        let served = std::fs::read_to_string(out.join("served.csv")).unwrap();
        // Of the second day: the first begins with a model that knows nothing.
        let calibration = Rows::read(&out.join("served.csv")).numbers("calibration")[1];
        (served, calibration)
    };
    let by_type = "{column=\"type\",of={click=0.2}}";
    let (own, _) = run("own", "{keep={column=\"share\"}}");
    let (of_training, training) = run("training", &format!("{{keep={by_type}}}"));
    assert_eq!(own, of_training, "the shares are the same");
    let (_, serving) = run("serving", &format!("{{keep={by_type},correct=\"serving\"}}"));
    let (_, none) = run("none", &format!("{{keep={by_type},correct=\"none\"}}"));
    // Of the actions a fifth never comes: so many positives become negatives.
    let truth = 1.25;
    assert!((training * truth - 1.0).abs() < 0.1, "{training}");
    assert!((serving * truth - 1.0).abs() < 0.1, "{serving}");
    assert!(none * truth > 1.8, "{none}");
    let refused = [
        ("online.negatives.keep={column=\"shares\"}", "it has share, late"),
        ("online.negatives.keep={column=\"type\",of={by=0.5}}", "never has the value `by`"),
        ("online.actions.delay.column=\"lat\"", "`online.actions.delay.column`: the log has no"),
        ("online.negatives.keep={column=\"late\"}", "a share above 0 and at most 1"),
    ];
    for (setting, expected) in refused {
        let said = say(straggler().arg("check").arg(&file).arg(setting));
        assert!(said.code != 0 && said.stderr.contains(expected), "{setting}: {}", said.stderr);
    }
}
