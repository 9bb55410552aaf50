//! Data that means something else than it seems: another log's ids, labels of one kind, days
//! without rows, the last batch of a pass.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::support::{Rows, Said, done, say, straggler, summary};

/// A log of two days: ids named in the order `ids` from the first row of day 1; positive ids are
/// those at even places of the alphabet. Day 2 is the same for every order.
fn log(ids: &[&str]) -> String {
    let label = |id: &str, n: usize| {
        u8::from((id.as_bytes()[0] - b'a').is_multiple_of(2) != n.is_multiple_of(7))
    };
    let mut text = "d,label,a\n".to_string();
    for n in 0..120 {
        let id = ids[n % ids.len()];
        _ = writeln!(text, "1,{},{id}", label(id, n));
    }
    for n in 0..60 {
        let id = ["a", "b", "c", "d"][n % 4];
        _ = writeln!(text, "2,{},{id}", label(id, n));
    }
    text
}

const SCENARIO: &str = r#"
straggler = 1
[scenario]
name = "ids"
[data]
kind = "table"
files = ["mon.csv"]
label = "label"
day = "d"
categorical = ["a"]
[train]
batch = 4
days = "1"
[holdout]
days = "2"
selection_share = 0.0
[model]
kind = "logistic"
[optimizer]
kind = "adam"
learning_rate = 0.05
[checkpoint]
last = true
[cluster]
workers = 1
"#;

/// A folder with the scenario and the logs of two days, numbered otherwise.
fn logs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("my.toml"), SCENARIO).unwrap();
    fs::write(folder.path().join("mon.csv"), log(&["a", "b", "c", "d"])).unwrap();
    fs::write(folder.path().join("tue.csv"), log(&["d", "c", "b", "a"])).unwrap();
    folder
}

fn run(folder: &Path, out: &str, settings: &[&str]) -> Said {
    let mut command = straggler();
    command.current_dir(folder).args(["run", "my.toml", "--out", out, "--no-plots"]);
    say(command.args(settings))
}

/// AUC and log-loss of the first and of the last evaluation.
fn ends(folder: &Path) -> [(String, String); 2] {
    let rows = Rows::read(&folder.join("evaluations.csv"));
    let (auc, loss) = (rows.texts("auc"), rows.texts("log_loss"));
    let at = |i: usize| (auc[i].to_string(), loss[i].to_string());
    [at(0), at(rows.len() - 1)]
}

#[test]
fn a_checkpoint_of_another_log_starts_where_it_ended() {
    let folder = logs();
    let folder = folder.path();
    assert_eq!(run(folder, "mon", &[]).code, 0);
    let [_, end] = ends(&folder.join("mon"));
    assert!(end.0.parse::<f64>().unwrap() > 0.7, "{end:?}");
    let from = "start.from=mon/checkpoints/last.safetensors";
    let said = run(folder, "tue", &["data.files=[\"tue.csv\"]", from]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(ends(&folder.join("tue"))[0], end);
    for out in ["tue", "again"] {
        let settings = if out == "again" { vec![from] } else { Vec::new() };
        assert!(settings.is_empty() || run(folder, out, &settings).code == 0);
        let rows = &summary(&folder.join(out))["started_from"]["rows"][0];
        let counts = ["known", "new", "carried"].map(|name| rows[name].as_u64().unwrap());
        assert_eq!(counts, [4, 0, 0], "{rows}");
    }
}

#[test]
fn new_ids_begin_and_ids_that_are_gone_keep_their_rows() {
    let folder = logs();
    let folder = folder.path();
    fs::write(folder.join("wed.csv"), log(&["e", "c", "a"])).unwrap();
    assert_eq!(run(folder, "mon", &["data.files=[\"mon.csv\"]", "train.days=1"]).code, 0);
    let from = "start.from=mon/checkpoints/last.safetensors";
    let said = run(folder, "wed", &["data.files=[\"wed.csv\"]", from]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    // Day 2 has all four ids of Monday, so only the new one differs.
    assert!(
        said.stdout.contains("a: of the ids of this log 4 are known and 1 new"),
        "{}",
        said.stdout
    );
    assert_eq!(ends(&folder.join("wed"))[0], ends(&folder.join("mon"))[1]);
    // A day without most ids passes their rows on to the day after.
    fs::write(folder.join("thu.csv"), "d,label,a\n1,1,a\n1,0,a\n2,1,a\n2,0,a\n").unwrap();
    let from = "start.from=mon/checkpoints/last.safetensors";
    let said = run(folder, "thu", &["data.files=[\"thu.csv\"]", from]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stdout.contains("1 are known and 0 new; 3 ids that only the checkpoint has"),
        "{}",
        said.stdout
    );
    let row_of = |out: &str, id: &str| {
        let file = fs::read(folder.join(out).join("checkpoints/last.safetensors")).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
        let (text, ends) =
            (tensors.tensor("ids/a/text").unwrap(), tensors.tensor("ids/a/ends").unwrap());
        let ends =
            ends.data().as_chunks::<8>().0.iter().map(|end| u64::from_le_bytes(*end) as usize);
        let ends: Vec<usize> = ends.collect();
        let row = (0..ends.len()).position(|row| {
            let start = row.checked_sub(1).map_or(0, |before| ends[before]);
            &text.data()[start..ends[row]] == id.as_bytes()
        });
        let weights = tensors.tensor("a").unwrap();
        let width = weights.data().len() / weights.shape()[0];
        weights.data()[row.unwrap() * width..][..width].to_vec()
    };
    assert_eq!(row_of("thu", "d"), row_of("mon", "d"));
    assert_ne!(row_of("thu", "a"), row_of("mon", "a"));
    let from = "start.from=thu/checkpoints/last.safetensors";
    let said = run(folder, "fri", &["data.files=[\"wed.csv\"]", "train.stop.updates=1", from]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("4 are known and 1 new"), "{}", said.stdout);
}

#[test]
fn a_stage_on_another_log_starts_where_the_one_before_ended() {
    let folder = logs();
    let folder = folder.path();
    let stages = "\n[[stage]]\nname = \"mon\"\n[[stage]]\nname = \"tue\"\n\
                  set = { data.files = [\"tue.csv\"], start.from = \"stage:mon@last\" }\n";
    fs::write(folder.join("my.toml"), format!("{SCENARIO}{stages}")).unwrap();
    let said = run(folder, "out", &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let before = &summary(&folder.join("out"))["stages"][0]["last_auc"];
    let first = ends(&folder.join("out"))[0].0.parse::<f64>().unwrap();
    assert_eq!(before.as_f64(), Some(first));
}

#[test]
fn rows_by_hash_are_as_they_were_and_do_not_mix_with_listed_ids() {
    let folder = logs();
    let folder = folder.path();
    let hashed = "data.hash_rows=64";
    assert_eq!(run(folder, "mon", &[hashed]).code, 0);
    let from = "start.from=mon/checkpoints/last.safetensors";
    let tuesday = "data.files=[\"tue.csv\"]";
    assert_eq!(run(folder, "tue", &[tuesday, hashed, from]).code, 0);
    assert_eq!(ends(&folder.join("tue"))[0], ends(&folder.join("mon"))[1]);
    let said = run(folder, "listed", &[tuesday, from]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(
        said.stderr.contains("rows of `a` cannot be found") && said.stderr.contains("hash_rows"),
        "{}",
        said.stderr
    );
    let said = run(folder, "fewer", &[tuesday, "data.hash_rows=32", from]);
    assert!(
        said.code == 4 && said.stderr.contains("`a` has 64 rows, and this model needs 32"),
        "{}",
        said.stderr
    );
}

/// 40 examples a day of many users; all positive ones of day 2 are of one user.
fn one_sided() -> String {
    let mut text = "day,label,user,item\n".to_string();
    for n in 0..40 {
        _ = writeln!(text, "1,{},u{},i{}", u8::from(n % 5 == 0), n % 13, n % 7);
    }
    for n in 0..40 {
        let (label, user) = if n % 10 == 0 { (1, 99) } else { (0, n % 13) };
        _ = writeln!(text, "2,{label},u{user},i{}", n % 7);
    }
    text
}

#[test]
fn what_is_undefined_says_why_everywhere() {
    let folder = logs();
    let folder = folder.path();
    fs::write(folder.join("mon.csv"), one_sided()).unwrap();
    let settings = [
        "data.day=day",
        "data.group=user",
        "data.categorical=[\"user\",\"item\"]",
        "holdout.selection_share=0.5",
    ];
    // Which half the user falls into depends on the seed.
    for seed in ["scenario.seed=1", "scenario.seed=2", "scenario.seed=3", "scenario.seed=4"] {
        let all: Vec<&str> = settings.iter().copied().chain([seed]).collect();
        let mut check = straggler();
        check.current_dir(folder).args(["check", "my.toml"]).args(&all);
        let checked = done(&mut check);
        let reason = ["reporting", "selection"].map(|half| {
            format!("the {half} half of the holdout has no positive example: all 4 are in the")
        });
        let lacks = usize::from(checked.stderr.contains(&reason[1]));
        assert!(
            checked.stderr.contains("W0205") && checked.stderr.contains(&reason[lacks]),
            "{}",
            checked.stderr
        );
        let out = seed.replace('.', "-");
        let said = run(folder, &out, &all);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(said.stdout.contains(&reason[lacks]), "{}", said.stdout);
        let summary = summary(&folder.join(&out));
        let figure = ["last.auc", "best"][lacks];
        assert!(
            summary["undefined"][figure].as_str().unwrap().contains(&reason[lacks]),
            "{}",
            summary["undefined"]
        );
        assert_eq!(summary["best"].is_null(), lacks == 1);
        let rows = Rows::read(&folder.join(&out).join("evaluations.csv"));
        assert!(rows.texts("undefined").iter().all(|why| why.contains(&reason[lacks])));
    }
    let mut events = straggler();
    events.current_dir(folder).args(["run", "my.toml", "--out", "events", "--progress", "json"]);
    let said = done(events.args(settings));
    assert!(
        said.stderr.contains("\"undefined\":{\"") && said.stderr.contains("no positive example"),
        "{}",
        said.stderr
    );
    let page = fs::read_to_string(folder.join("events/report.html")).unwrap();
    assert!(page.contains("Not defined: ") && page.contains("no positive example"));
}

#[test]
fn patience_does_not_count_what_is_undefined() {
    let folder = logs();
    let folder = folder.path();
    let log: String = (0..60)
        .map(|n| format!("{},{},i{}\n", 1 + n / 40, if n < 40 { n % 2 } else { 0 }, n % 5))
        .collect();
    fs::write(folder.join("mon.csv"), format!("d,label,a\n{log}")).unwrap();
    let said = run(folder, "out", &["train.stop.patience=2", "train.stop.passes=2"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("`train.stop.patience` never ends the run"), "{}", said.stderr);
    assert_eq!(summary(&folder.join("out"))["passes"], 2.0);
}

#[test]
fn a_label_rule_that_never_holds_is_told_with_a_value_that_does_occur() {
    let folder = logs();
    let said = run(folder.path(), "out", &["data.positive_when='= yes'"]);
    assert_eq!(said.code, 0);
    assert!(said.stderr.contains("none of the 180 rows fulfil `positive_when`"), "{}", said.stderr);
    assert!(
        said.stderr.contains("`label` is \"0\", \"1\"")
            || said.stderr.contains("`label` is \"1\", \"0\""),
        "{}",
        said.stderr
    );
    assert!(said.stdout.contains("the holdout has no positive example"), "{}", said.stdout);
}

#[test]
fn the_last_batch_of_a_pass_is_filled_or_short() {
    let folder = logs();
    let folder = folder.path();
    for (last_batch, examples) in [("full", 128), ("short", 120)] {
        let setting = format!("train.last_batch={last_batch}");
        let said = run(folder, last_batch, &["train.batch=16", "record.audit=true", &setting]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        let summary = summary(&folder.join(last_batch));
        assert_eq!(
            (summary["examples"].as_u64(), summary["updates"].as_u64()),
            (Some(examples), Some(8))
        );
        assert_eq!(summary["audit"]["more_often"], examples - 120);
    }
    // Several batches to a step: the last step has two of 16 and one of 8.
    let said = run(
        folder,
        "steps",
        &["train.batch=16", "worker.batches=5", "train.last_batch=short", "train.stop.passes=2"],
    );
    assert_eq!(said.code, 0, "{}", said.stderr);
    let summary = summary(&folder.join("steps"));
    assert_eq!((summary["examples"].as_u64(), summary["updates"].as_u64()), (Some(240), Some(4)));
}
