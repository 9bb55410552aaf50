//! What cannot start is refused alike by every command, with a code, a place and nothing written.

use std::fs;
use std::path::Path;

use crate::support::{Said, done, say, straggler};

/// Four days of clicks, of which day 4 has no click.
fn log() -> String {
    let row = |k: u32| {
        let (day, label) = (1 + k / 24, u32::from(k < 72 && k.is_multiple_of(3)));
        format!("{label},{day},{},{}\n", k % 8, k % 5)
    };
    format!("label,day,user,item\n{}", (0..96).map(row).collect::<String>())
}

const SCENARIO: &str = r#"[scenario]
name = "f"
[data]
kind = "table"
files = ["log.csv"]
time = "day"
time_format = "day"
categorical = ["user", "item"]
[train]
days = "1..2"
batch = 8
stop = { updates = 6 }
[holdout]
days = "3"
every = { times = 2 }
selection_share = 0.0
[model]
kind = "mlp"
embedding_dim = 2
hidden = [4]
[cluster]
workers = 2
"#;

fn on(folder: &Path, words: &[&str]) -> Said {
    say(straggler().current_dir(folder).args(words))
}

/// A change to the scenario, what is added, the exit code, and what the refusal shows.
const REFUSED: &[(&str, &str, &str, i32, &[&str])] = &[
    ("days = \"3\"", "days = \"15\"", "", 4, &["error[E0401]", "my.toml:14:8", "no day 15"]),
    ("days = \"3\"", "days = \"2\"", "", 4, &["error[E0401]", "my.toml:14:8", "inside"]),
    ("\"log.csv\"", "\"none.csv\"", "", 4, &["error[E0401]", "my.toml:5:10", "none.csv"]),
    ("\"item\"]", "\"thing\"]", "", 4, &["error[E0401]", "my.toml:5:10", "line 1"]),
    (
        "workers = 2",
        "workers = 2\n[cluster.compute]\nlaw = { kind = \"trace\", file = \"none.txt\" }",
        "",
        4,
        &["error[E0401]", "my.toml:24:", "cluster.compute.law"],
    ),
    ("", "", "[start]\nfrom = \"none.safetensors\"\n", 4, &["error[E0402]", "my.toml:24:8"]),
    (
        "",
        "",
        "[[stage]]\nname = \"a\"\n[[stage]]\nname = \"b\"\n\
         set = { start.from = \"stage:a@last\", optimizer.kind = \"adam\", admission.after = 2 }\n",
        4,
        &["error[E0402]", "my.toml:27:", "stage `b`", "/seen", "stage:a@last"],
    ),
    (
        "\"item\"]",
        "\"item\"]\nhash_rows = 4_294_967_295",
        "",
        5,
        &["error[E0501]", "my.toml:1:1", "limits.memory"],
    ),
    ("", "", "[limits]\ndisk = \"1KiB\"\n", 5, &["error[E0501]", "my.toml:24:8", "limits.disk"]),
    (
        "",
        "",
        "[[stage]]\nname = \"a\"\nset = { holdout.days = \"4\" }\n[[stage]]\nname = \"b\"\n\
         set = { start.from = \"stage:a@best\" }\n",
        4,
        &["error[E0402]", "my.toml:28:", "stage `b`", "one label"],
    ),
    (
        "",
        "",
        "[[stage]]\nname = \"a\"\n[[stage]]\nname = \"b\"\nset = { holdout.days = \"9\" }\n",
        4,
        &["error[E0401]", "my.toml:27:", "stage `b`", "no day 9"],
    ),
    ("", "", "[lab]\nfork = { updates = 7 }\n", 2, &["error[E0201]", "my.toml:24:", "6 updates"]),
    (
        "days = \"3\"",
        "days = \"4\"",
        "[lab]\nfork = \"best\"\n",
        2,
        &["error[E0201]", "my.toml:24:", "best step"],
    ),
    (
        "",
        "",
        "[lab]\nworkers = [1]\n[protocol]\nkind = \"backup_workers\"\n",
        2,
        &["error[E0201]", "my.toml:24:", "lab.workers"],
    ),
];

#[test]
fn check_run_and_lab_refuse_the_same_with_a_code_and_a_place() {
    for (from, to, more, code, words) in REFUSED {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{}{more}", SCENARIO.replacen(from, to, 1));
        fs::write(folder.path().join("my.toml"), &text).unwrap();
        fs::write(folder.path().join("log.csv"), log()).unwrap();
        let mut commands =
            vec![vec!["check", "my.toml"], vec!["run", "my.toml", "-q", "--out", "o"]];
        if more.contains("[lab]") {
            commands.push(vec!["lab", "restart", "my.toml", "--list"]);
            commands.push(vec!["lab", "restart", "my.toml", "-q", "--out", "o"]);
        } else {
            commands.push(vec!["run", "my.toml", "--seeds", "2", "--list"]);
            commands.push(vec!["run", "my.toml", "--seeds", "2", "-q", "--out", "o"]);
        }
        for command in commands {
            let said = on(folder.path(), &command);
            assert_eq!(said.code, *code, "{command:?}\n{text}\n{}", said.stderr);
            for word in *words {
                assert!(said.stderr.contains(word), "{command:?}: no {word} in {}", said.stderr);
            }
            assert!(!folder.path().join("o").exists(), "{command:?}\n{text}");
        }
    }
}

#[test]
fn the_scenario_of_these_tests_runs_and_so_does_its_lab() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log.csv"), log()).unwrap();
    let lab = "[lab]\nfork = { updates = 3 }\nupdates = 4\npoints = 2\nseeds = 1\nfactors = [\"slots\"]\n";
    fs::write(folder.path().join("my.toml"), format!("{SCENARIO}{lab}")).unwrap();
    let words: &[&[&str]] =
        &[&["check", "my.toml"], &["run", "my.toml", "-q"], &["lab", "restart", "my.toml", "-q"]];
    words.iter().for_each(|words| _ = done(straggler().current_dir(&folder).args(*words)));
}

#[test]
fn a_sweep_shows_its_scenario_and_what_each_point_sets() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("my.toml"), SCENARIO).unwrap();
    let said = on(folder.path(), &["check", "my.toml", "workers=2,3", "--show"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for words in ["batch = 8 # my.toml:11", "# point 1: workers=3\ncluster.workers = 3"] {
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain(&said.stdout).contains(&plain(words)), "no {words} in {}", said.stdout);
    }
}

#[test]
fn the_number_of_an_argument_is_the_one_that_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("my.toml"), SCENARIO).unwrap();
    let said = on(folder.path(), &["check", "my.toml", "--workers", "3", "train.batch=0"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("command line, argument 5"), "{}", said.stderr);
}

#[test]
fn a_wrong_key_of_a_part_is_not_compared_with_keys_of_other_parts() {
    let folder = tempfile::tempdir().unwrap();
    for (protocol, help) in [
        ("kind = \"asynchronous\"\nleed = 3\n", "kind = \"asynchronous\" has no settings"),
        ("kind = \"backup_workers\"\nleed = 3\n", "known keys here: backups"),
    ] {
        fs::write(folder.path().join("my.toml"), format!("{SCENARIO}[protocol]\n{protocol}"))
            .unwrap();
        let said = on(folder.path(), &["check", "my.toml"]);
        assert_eq!(said.code, 2);
        assert!(said.stderr.contains(help), "{}", said.stderr);
        assert!(!said.stderr.contains("stale_synchronous"), "{}", said.stderr);
    }
}

#[test]
fn a_sweep_of_very_many_trials_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("my.toml"), SCENARIO).unwrap();
    let said = on(folder.path(), &["run", "my.toml", "--seeds", "1..1000000", "--list"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("100000"), "{}", said.stderr);
}
