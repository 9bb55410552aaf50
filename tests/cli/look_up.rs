//! `check`, `list`, `explain`, `new` and `data`: looking before anything runs.

use std::fs;

use crate::support::{Rows, SMALL, done, say, scenario, straggler};

#[test]
fn alone_it_says_where_to_start() {
    let said = done(&mut straggler());
    assert!(said.stdout.lines().count() <= 30);
    assert!(said.stdout.trim_end().ends_with("Start here: straggler demo"));
    assert!(done(straggler().arg("--version")).stdout.starts_with("straggler "));
    let help = done(straggler().arg("--help")).stdout;
    for command in ["demo", "run", "check", "new", "explain", "data", "fit", "export", "report"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
    }
    for old in ["sweep", "status", "list", "trace", "spread", "spectrum"] {
        assert!(!help.contains(&format!("\n  {old} ")), "{old}");
        assert!(done(straggler().args([old, "--help"])).stdout.contains("Now `"), "{old}");
    }
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = done(straggler().args(["completions", shell])).stdout;
        for word in ["resume", "completions", "save-every"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

/// A word that is no key is a part, a family, a short word, or searched for.
#[test]
fn explain_finds_what_is_meant() {
    for (words, wanted) in [
        (&["adam"][..], "optimizer.adam\n"),
        (&["ssp"], "protocol.stale_synchronous\n"),
        (&["optimizers"], "optimizers (optimizer.kind)\n"),
        (&["local", "work"], "local work (worker.local.kind)\n"),
        (&["workers"], "cluster.workers\n"),
        (&["e0103"], "E0103: "),
        (&["cuckoo.csv"], "cuckoo.csv\n"),
        (&["displaced"], "straggler explain cuckoo.csv  displaced: "),
        (&["slow", "machines"], "straggler explain "),
        (&["stale", "gradients"], "straggler explain "),
    ] {
        let said = done(straggler().arg("explain").args(words)).stdout;
        assert!(said.starts_with(wanted), "{words:?}: {said}");
    }
    // Each finding is the word of a command that works.
    let found = done(straggler().args(["explain", "stale"])).stdout;
    let commands: Vec<&str> = found.lines().filter(|l| l.starts_with("straggler ")).collect();
    assert!(commands.len() > 5, "{found}");
    for command in commands {
        let word = command.split_whitespace().nth(2).unwrap();
        done(straggler().args(["explain", word]));
    }
    assert!(done(straggler().arg("explain")).stdout.contains("families of parts: "));
}

/// What people type instead of `cluster.workers=3`.
#[test]
fn short_words_are_understood_and_said() {
    let full = done(
        straggler()
            .arg("check")
            .arg(scenario("quickstart.toml"))
            .args(["cluster.workers=3", "protocol.kind=synchronous"]),
    );
    let mut short = straggler();
    short.arg("check").arg(scenario("quickstart.toml")).args(["--workers", "3", "protocol=bsp"]);
    let short = done(&mut short);
    // The estimate of the time depends on the machine's load.
    let facts = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with("time")).map(str::to_string).collect()
    };
    assert_eq!(facts(&short.stdout), facts(&full.stdout));
    for line in ["--workers 3 is understood as cluster.workers=3", "as protocol.kind=bsp"] {
        assert!(short.stderr.contains(line), "{}", short.stderr);
    }
    // Days may be a list themselves.
    let said = say(straggler().arg("run").arg(scenario("quickstart.toml")).arg("train.days=1,3"));
    assert_eq!(said.code, 2);
    let both = ["'train.days=\"1,3\"' for one", "'train.days=\"1\",\"3\"' for a run with each"];
    assert!(both.iter().all(|part| said.stderr.contains(part)), "{}", said.stderr);
    let one = ["train.days=\"1,3\"", "holdout.days=5", "--show"];
    let said = done(straggler().arg("check").arg(scenario("quickstart.toml")).args(one));
    assert!(
        said.stdout.contains("\"1,3\"") || said.stdout.contains("\"1\", \"3\""),
        "{}",
        said.stdout
    );
    // A mistake in a short word is told with the full one.
    let said = say(straggler().arg("check").arg(scenario("quickstart.toml")).arg("workers=some"));
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("cluster.workers=some"), "{}", said.stderr);
}

#[test]
fn check_estimates_and_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = straggler();
    command.current_dir(&folder).arg("check").arg(scenario("quickstart.toml")).args(SMALL);
    let said = done(&mut command);
    for word in ["scenario", "data", "parameters", "a step", "memory", "disk"] {
        assert!(said.stdout.contains(word), "{word}: {}", said.stdout);
    }
    let said = done(command.arg("--show"));
    assert!(said.stdout.contains("workers"), "{}", said.stdout);
    assert!(said.stdout.contains("command line"), "{}", said.stdout);
    assert!(said.stdout.contains("default"), "{}", said.stdout);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn every_part_is_listed_once() {
    let all = done(straggler().arg("list")).stdout;
    for part in ["synthetic", "amazon", "movielens", "din", "mlp", "logistic", "adam", "sgd"] {
        assert!(all.contains(&format!("\n  {part} ")), "{part}");
    }
    let optimizers = done(straggler().args(["list", "optimizers"])).stdout;
    assert!(optimizers.starts_with("optimizers (optimizer.kind)"));
    assert!(all.contains(&optimizers));
    let said = say(straggler().args(["list", "wizards"]));
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    assert!(said.stderr.contains("optimizers"), "{}", said.stderr);
}

#[test]
fn keys_metrics_and_codes_are_explained() {
    for (word, wanted) in [
        ("cluster.workers", "100000"),
        ("optimizer.learning_rate", "learning"),
        ("staleness", "unit"),
        ("E0201", "contradict"),
        ("data.synthetic", "ground truth"),
        ("", "cluster"),
    ] {
        let said = done(straggler().args(["explain", word]));
        assert!(said.stdout.contains(wanted), "{word}: {}", said.stdout);
    }
    let said = say(straggler().args(["explain", "cluster.wokers"]));
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    assert!(said.stderr.contains("cluster.workers"), "{}", said.stderr);
    let schema = done(straggler().args(["explain", "--schema"])).stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert!(schema["properties"]["cluster"].is_object());
    assert!(done(straggler().args(["explain", "--reference"])).stdout.contains("worker_bandwidth"));
}

/// Every code that `explain` knows and every key of the reference can be asked for.
#[test]
fn every_key_of_the_schema_is_explained() {
    use crate::overrides::Kinds;
    use straggler::scenario::Scenario;
    use straggler::scenario::document::{Shape, explain};
    let shape = Shape::of::<Scenario>();
    for (key, _) in crate::overrides::keys(&shape, Kinds::Named) {
        assert!(explain(&shape, &key).is_ok(), "{key}");
    }
}

#[test]
fn templates_pass_the_check_or_lack_only_their_data() {
    let folder = tempfile::tempdir().unwrap();
    let names = done(straggler().arg("new")).stdout;
    let names: Vec<&str> = names.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"quickstart") && names.len() >= 5, "{names:?}");
    for name in names {
        let file = folder.path().join(format!("{name}.toml"));
        let printed = done(straggler().args(["new", name])).stdout;
        let said = done(straggler().args(["new", name, "-o"]).arg(&file));
        assert!(said.stderr.contains("straggler check"), "{}", said.stderr);
        assert_eq!(fs::read_to_string(&file).unwrap(), printed);
        // A second time it refuses, and leaves the file alone.
        fs::write(&file, format!("{printed}\n# mine\n")).unwrap();
        let said = say(straggler().args(["new", name, "-o"]).arg(&file));
        assert_eq!(said.code, 7);
        assert!(said.stderr.contains("exists"), "{}", said.stderr);
        assert!(fs::read_to_string(&file).unwrap().ends_with("# mine\n"));
        let said = say(straggler().arg("check").arg(&file));
        match said.code {
            0 => {}
            4 => assert!(said.stderr.contains("data/"), "{name}: {}", said.stderr),
            code => panic!("{name} ends with {code}: {}", said.stderr),
        }
    }
    let said = say(straggler().args(["new", "quikstart"]));
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    assert!(said.stderr.contains("quickstart"), "{}", said.stderr);
}

#[test]
fn a_log_can_be_inspected() {
    let mut command = straggler();
    command.args(["data", "inspect"]).arg(scenario("quickstart.toml")).args(SMALL);
    let said = done(command.args(["--head", "2"]));
    assert!(said.stdout.contains("first examples\nexample,day,"), "{}", said.stdout);
    assert_eq!(said.stdout.split("first examples\n").nth(1).unwrap().lines().count(), 3);
    let said = say(straggler().args(["data", "inspect"]).arg(scenario("timing-only.toml")));
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("[data]"), "{}", said.stderr);
}

/// A scenario that reads a generated log back with the `table` source.
const TABLE: &str = r#"
[data]
kind = "table"
files = ["log.csv"]
label = "label"
day = "day"
group = "session"
categorical = ["user", "item", "category", "brand", "position"]
history = { column = "history_item", field = "item" }

[model]
kind = "mlp"
"#;

#[test]
fn a_generated_log_is_the_same_log_when_it_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.csv");
    let generate = |days: &str| {
        let mut command = straggler();
        command.args(["data", "gen"]).arg(scenario("quickstart.toml")).args(SMALL);
        command.args(["--days", days]);
        command
    };
    done(generate("2..4").arg("-o").arg(&log));
    // To stdout it is the same.
    assert_eq!(done(&mut generate("2..4")).stdout, fs::read_to_string(&log).unwrap());
    let written = Rows::read(&log);
    assert_eq!(written.len(), 900);
    let file = folder.path().join("table.toml");
    fs::write(&file, TABLE).unwrap();
    let mut command = straggler();
    command.args(["data", "gen"]).arg(&file);
    let again = folder.path().join("again.csv");
    done(command.arg("-o").arg(&again));
    let read = Rows::read(&again);
    assert_eq!(read.len(), 900);
    assert_eq!(read.texts("label"), written.texts("label"));
    // Ids may be renumbered; which examples share one may not change.
    for columns in [&["user"][..], &["item", "history_item"], &["category"], &["brand"]] {
        let ids = |rows: &Rows| -> Vec<String> {
            let cells = columns.iter().flat_map(|column| rows.texts(column));
            cells.flat_map(|cell| cell.split('|').map(str::to_string)).collect()
        };
        let (before, after) = (ids(&written), ids(&read));
        assert_eq!(before.len(), after.len(), "{columns:?}");
        let mut names = std::collections::BTreeMap::new();
        for (a, b) in before.iter().zip(&after) {
            assert_eq!(*names.entry(a).or_insert(b), b, "{columns:?}");
        }
        let distinct: std::collections::BTreeSet<_> = names.values().collect();
        assert_eq!(distinct.len(), names.len(), "{columns:?}");
    }
    let said = say(&mut generate("13..99"));
    assert_eq!(said.code, 4);
    assert!(said.stderr.contains("14"), "{}", said.stderr);
    assert_eq!(say(&mut generate("four")).code, 2);
}

#[test]
fn r48_a_reader_that_goes_away_is_no_error() {
    use std::io::Read;
    use std::process::{Command, Stdio};
    for arguments in [
        &["list"][..],
        &["explain", "--reference"],
        &["data", "gen", scenario("quickstart.toml").to_str().unwrap(), "--days", "1"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_straggler"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0u8; 8];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
    }
}
