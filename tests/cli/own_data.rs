//! Logs of users that look as if something else were meant, and files that are no rows.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::support::{Said, say, straggler, summary};

const SCENARIO: &str = r#"
straggler = 1
[scenario]
name = "own"
[data]
kind = "table"
files = ["log.csv"]
categorical = ["item"]
[data.history]
column = "seen"
field = "item"
[train]
batch = 2
[train.stop]
updates = 2
[model]
kind = "din"
[cluster]
workers = 1
"#;

const LOG: &str =
    "label,item,seen\n1,12,34|56|0|0\n0,34,12|0|0|0\n1,56,0|0|0|0\n0,NA,34|56|12|34\n";

fn run(folder: &Path, words: &[&str]) -> Said {
    say(straggler().current_dir(folder).args(words))
}

#[test]
fn what_looks_unintended_is_a_warning_wherever_the_log_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("my.toml"), SCENARIO).unwrap();
    fs::write(folder.path().join("log.csv"), LOG).unwrap();
    for words in [
        &["data", "inspect", "my.toml"][..],
        &["check", "my.toml"],
        &["run", "my.toml", "--quiet", "--no-plots"],
        &["sweep", "my.toml", "cluster.workers=1,2", "--list"],
    ] {
        let said = run(folder.path(), words);
        assert_eq!(said.code, 0, "{words:?}: {}", said.stderr);
        for word in ["warning[W0205]", "padding = \"0\"", "missing_texts = [\"NA\"]"] {
            assert_eq!(said.stderr.matches(word).count().min(1), 1, "{words:?}: {}", said.stderr);
        }
    }
    let keys = ["data.history.padding=\"0\"", "data.missing_texts=[\"NA\"]"];
    let said = run(folder.path(), &[&["check", "my.toml"], &keys[..]].concat());
    assert!(said.code == 0 && !said.stderr.contains("W0205"), "{}", said.stderr);
}

#[test]
fn a_file_that_is_no_log_names_its_format_and_the_way() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("my.toml"), SCENARIO).unwrap();
    let log = folder.path().join("log.csv");
    for (content, words) in [
        (&b"<!DOCTYPE html><html>"[..], &["a web page", "fetch the file"][..]),
        (b"label\titem\tseen\n1\t2\t3\n", &["delimiter = \"\\t\""]),
        (b"1 3:1 11:0.5\n", &["data.kind = \"libsvm\""]),
        (b"label,item,seen\r1,2,3\r", &["CR alone"]),
    ] {
        fs::write(&log, content).unwrap();
        let said = run(folder.path(), &["check", "my.toml"]);
        assert_eq!(said.code, 4, "{}", said.stderr);
        assert!(words.iter().all(|word| said.stderr.contains(word)), "{}", said.stderr);
    }
    #[cfg(unix)]
    {
        let said = run(folder.path(), &["check", "my.toml", "data.files=[\"/dev/zero\"]"]);
        assert!(said.code == 4 && said.stderr.contains("a device"), "{}", said.stderr);
    }
}

#[test]
fn what_data_gen_writes_can_be_read_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let generated = SCENARIO
        .replace("[train]\nbatch = 2", "[train]\nbatch = 2\ndays = \"1\"")
        .split("[data]")
        .next()
        .unwrap()
        .to_string()
        + "[data]\nkind = \"synthetic\"\nrows_per_day = 200\ndays = 2\nusers = 50\nitems = 60\n\
           [model]\nkind = \"din\"\n[cluster]\nworkers = 1\n";
    fs::write(folder.path().join("gen.toml"), generated).unwrap();
    let fields = ["user", "item", "category", "brand", "position"];
    let table = format!(
        "straggler = 1\n[scenario]\nname = \"own\"\n[data]\nkind = \"table\"\nfiles = [\"log.csv\"]\n\
         label = \"label\"\nday = \"day\"\ngroup = \"session\"\ncategorical = {fields:?}\n\
         [[data.history]]\ncolumn = \"history_item\"\nfield = \"item\"\n\
         [[data.history]]\ncolumn = \"history_category\"\nfield = \"category\"\n\
         [model]\nkind = \"din\"\n[cluster]\nworkers = 1\n"
    );
    fs::write(folder.path().join("my.toml"), table).unwrap();
    let said = run(folder.path(), &["data", "gen", "gen.toml", "--out", "log.csv"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    // An existing file is kept, unless it may be overwritten; no other file is left.
    let log = fs::read(folder.path().join("log.csv")).unwrap();
    let words = ["data", "gen", "gen.toml", "--days", "1", "--out", "log.csv", "--force"];
    let said = run(folder.path(), &words[..7]);
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert!(said.stderr.contains("log.csv exists already"), "{}", said.stderr);
    assert_eq!(fs::read(folder.path().join("log.csv")).unwrap(), log);
    assert_eq!(run(folder.path(), &words).code, 0);
    assert!(fs::read(folder.path().join("log.csv")).unwrap().len() < log.len());
    fs::write(folder.path().join("log.csv"), log).unwrap();
    assert!(!folder.path().join("log.csv.tmp").exists());
    let said = run(folder.path(), &["data", "gen", "my.toml", "--out", "again.csv"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    // Ids are numbered anew, so the same column has the same ids under other names.
    let cells = |file: &str| -> Vec<Vec<String>> {
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        text.lines().map(|line| line.split(',').map(String::from).collect()).collect()
    };
    let (log, again) = (cells("log.csv"), cells("again.csv"));
    assert_eq!((log.len(), &log[0]), (again.len(), &again[0]));
    let at = |name: &str| log[0].iter().position(|column| column == name).unwrap();
    let mut names = std::collections::BTreeMap::new();
    for (row, read) in log.iter().zip(&again).skip(1) {
        for (field, column) in [
            ("user", "user"),
            ("item", "item"),
            ("category", "category"),
            ("brand", "brand"),
            ("item", "history_item"),
            ("category", "history_category"),
        ] {
            let ids = |row: &[String]| -> Vec<String> {
                row[at(column)].split('|').map(String::from).collect()
            };
            let (written, found) = (ids(row), ids(read));
            assert_eq!(written.len(), found.len());
            for (id, other) in written.into_iter().zip(found) {
                let known = names.entry((field, id)).or_insert_with(|| other.clone());
                assert_eq!(*known, other, "{column}");
            }
        }
        assert_eq!(row[..2], read[..2]);
        assert_eq!(row[at("label")], read[at("label")]);
    }
}

/// Rows without days and sessions; `all` is the same everywhere.
const ROWS: &str = r#"
straggler = 1
[scenario]
name = "rows"
[data]
kind = "table"
files = ["rows.csv"]
categorical = ["item"]
held_out_share = 0.5
[train]
batch = 4
[train.stop]
updates = 20
[holdout]
[model]
kind = "logistic"
[cluster]
workers = 1
"#;

#[test]
fn without_groups_the_halves_of_a_holdout_are_drawn_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut log = "label,item,all\n".to_string();
    (0..400).for_each(|n| _ = writeln!(log, "{},i{},x", (n / 3) % 2, n % 11));
    fs::write(folder.join("rows.csv"), log).unwrap();
    fs::write(folder.join("my.toml"), ROWS).unwrap();
    let best = |out: &str, settings: &[&str]| {
        let said =
            run(folder, &[&["run", "my.toml", "--no-plots", "--out", out], settings].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        let auc = summary(&folder.join(out))["best"]["quality"]["auc"].as_f64().unwrap();
        (auc, said.stderr.contains("the holdout cannot be divided: all "))
    };
    let whole = best("whole", &["holdout.selection_share=0.0"]);
    assert!(!whole.1);
    let halves = best("halves", &[]);
    assert!(halves.0 != whole.0 && !halves.1, "{halves:?}, {whole:?}");
    // A group that is the same everywhere cannot be divided, and the run says so.
    assert_eq!(best("one-group", &["data.group=\"all\""]), (whole.0, true));
}

#[test]
fn settings_of_held_out_rows_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("rows.csv"), "label,item\n1,a\n0,b\n1,c\n").unwrap();
    fs::write(folder.join("none.csv"), "label,item\n").unwrap();
    fs::write(folder.join("my.toml"), ROWS).unwrap();
    for (settings, words) in [
        (&["data.held_out_files=[\"rows.csv\"]"][..], "held_out_share: give either"),
        (&["data.held_out_share=0.95"], "held_out_share"),
        (&["data.held_out_share=0", "data.held_out_files=[\"nothing.csv\"]"], "nothing.csv"),
        (&["data.held_out_share=0", "data.held_out_files=[\"none.csv\"]"], "holds out no row"),
        (&["data.held_out_share=0"], "data.held_out_share"),
    ] {
        let said = run(folder, &[&["check", "my.toml"], settings].concat());
        assert!(said.code != 0 && said.stderr.contains(words), "{settings:?}: {}", said.stderr);
    }
}
