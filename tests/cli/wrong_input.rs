//! Wrong scenario files and command lines: the documented exit code, a message that names the place
//! and the remedy, and nothing written.

use std::fs;
use std::path::Path;

use crate::support::{SMALL, Said, done, say, scenario, small_run, straggler};

/// What is not as it should be: the exit code, a word missing in the message, output.
fn objection(said: &Said, code: i32, words: &[&str], what: &str) -> Option<String> {
    let missing: Vec<&&str> = words.iter().filter(|word| !said.stderr.contains(**word)).collect();
    if said.code == code && said.stdout.is_empty() && missing.is_empty() {
        return None;
    }
    let Said { code: found, stdout, stderr } = said;
    Some(format!("{what}\nends with {found}, not {code}; lacks {missing:?}\n{stdout}{stderr}\n"))
}

/// Asserts the exit code and every word of the message.
fn complains(said: &Said, code: i32, words: &[&str], what: &str) {
    if let Some(objection) = objection(said, code, words, what) {
        panic!("{objection}");
    }
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// Scenario files, each with what the message must hold. Exit code 2.
const FILES: &[(&str, &[&str])] = &[
    ("[cluster]\nwokers = 3", &["my.toml:2:1", "unknown key", "`workers`"]),
    ("workers = 3", &["my.toml:1:1", "cluster.workers"]),
    ("[sweep]\nname = \"x\"", &["my.toml:4", "unknown key `data`", "straggler, sweep"]),
    ("[cluster]\nworkers = \"three\"", &["my.toml:2", "cluster.workers", "whole number"]),
    ("[cluster]\nworkers = 2.5", &["my.toml:2", "cluster.workers", "whole number"]),
    ("[cluster]\nworkers = 0", &["my.toml:2", "cluster.workers", "1"]),
    ("[cluster]\nworkers = -4", &["my.toml:2", "cluster.workers", "1"]),
    ("[cluster]\nworkers = 100001", &["cluster.workers", "100000"]),
    ("[cluster]\nshards = 1001", &["cluster.shards", "1000"]),
    ("[cluster]\nworkers = 18446744073709551616", &["my.toml:2"]),
    ("[cluster]\nworkers = 9223372036854775807", &["cluster.workers", "100000"]),
    ("[cluster.compute]\nfixed = 4", &["cluster.compute.fixed", "needs a unit", "\"4ms\""]),
    ("[cluster.compute]\nfixed = \"4 parsecs\"", &["unknown unit", "ms"]),
    ("[cluster.compute]\nfixed = \"-4ms\"", &["cluster.compute.fixed"]),
    ("[cluster.compute]\nfixed = \"600000d\"", &["cluster.compute.fixed", "too large"]),
    ("[cluster.network]\nworker_bandwidth = \"10ms\"", &["worker_bandwidth", "Gbit/s"]),
    ("[cluster.network]\nworker_bandwidth = \"0Gbit/s\"", &["worker_bandwidth"]),
    ("[optimizer]\nkind = \"adan\"", &["optimizer.kind", "did you mean \"adam\""]),
    ("[optimizer]\nlearning_rate = -0.1", &["optimizer.learning_rate", "0"]),
    ("[optimizer]\nlearning_rate = nan", &["my.toml:2", "optimizer.learning_rate"]),
    ("[optimizer]\nlearning_rate = inf", &["my.toml:2", "optimizer.learning_rate"]),
    ("[optimizer]\nlearning_rate = -inf", &["my.toml:2", "optimizer.learning_rate"]),
    ("[train.stop]\npasses = nan", &["my.toml:2", "train.stop.passes"]),
    ("[train.stop]\nupdates = 0", &["train.stop.updates"]),
    ("[train]\nbatch = 0", &["train.batch"]),
    ("[train]\ndays = \"9..2\"", &["train.days", "9"]),
    ("[train]\ndays = \"monday\"", &["train.days"]),
    ("[holdout]\nselection_share = 1.5", &["holdout.selection_share", "0.9"]),
    ("[model]\nembedding_dim = 0", &["model.embedding_dim"]),
    ("[model]\nhidden = [0]", &["model.hidden"]),
    ("[data]\nkind = \"synthetic\"\nrows_per_day = 3", &["data.rows_per_day", "100"]),
    ("[data]\nkind = \"synthetic\"\nclick_rate = nan", &["data.click_rate"]),
    ("[data]\nkind = \"synthetic\"\nitems = 5", &["items", "categories"]),
    (
        "[data]\nkind = \"synthetic\"\ndays = 10000\nrows_per_day = 1000000000",
        &["rows", "fewer days"],
    ),
    ("[[cluster.class]]\nname = \"a\"\nshare = 0.5", &["shares", "add up to 0.5", "add up to 1"]),
    ("[[cluster.class]]\nshare = 1.0", &["cluster.class", "name"]),
    ("[[cluster.class]]\nname = \"a\"", &["\"a\" has no share and names no workers"]),
    (
        "[cluster]\nworkers = 4\n[[cluster.class]]\nname = \"a\"\nworkers = [0, 1, 3]",
        &["no class names worker 2", "share = 1"],
    ),
    (
        "[[cluster.class]]\nname = \"a\"\nshare = 0.5\n[[cluster.class]]\nname = \"a\"\nshare = 0.5",
        &["cluster.class", "\"a\""],
    ),
    ("[cluster.class]\nname = \"a\"\nshare = 1.0", &["[[cluster.class]]"]),
    ("[timing_only]\nrows = 1\n[train.stop]\nupdates = 5", &["timing_only", "without data"]),
    ("[imposed_staleness]\nkind = \"fixed\"", &["imposed_staleness", "updates"]),
    (
        "[imposed_staleness]\nkind = \"empirical\"\nweights = [1.0, -1.0]",
        &["imposed_staleness.weights", "negative"],
    ),
    (
        "[imposed_staleness]\nkind = \"empirical\"\nweights = [0.0, 0.0]",
        &["imposed_staleness.weights", "positive"],
    ),
    (
        "[imposed_staleness]\nkind = \"fixed\"\nupdates = 3\n[train.stop]\nsim_time = \"1s\"",
        &["imposed staleness", "train.stop.updates"],
    ),
    (
        "[cluster.compute]\nfixed = \"0s\"\nper_example = \"0s\"\n[train.stop]\nsim_time = \"1s\"",
        &["train.stop.sim_time", "cluster.compute"],
    ),
    ("[[remedy]]\nkind = \"b_fasgd\"", &["b_fasgd", "shards of their own", "dense_shards = 1"]),
    ("[[remedy]]\nkind = \"b_fasgd\"\npull_cost = -1.0", &["remedy.0.pull_cost"]),
    (
        "imposed_staleness = { kind = \"fixed\", updates = 2 }\n[[remedy]]\nkind = \"b_fasgd\"",
        &["b_fasgd", "nothing is transmitted", "fasgd"],
    ),
    (
        "[cluster]\nshards = 2\ndense_shards = 1\n[protocol]\nkind = \"tokens\"\n[[remedy]]\n\
         kind = \"b_fasgd\"",
        &["tokens", "b_fasgd", "spares pulls"],
    ),
    (
        "[cluster]\nshards = 2\ndense_shards = 1\n[worker.local]\nkind = \"elastic\"\n[[remedy]]\n\
         kind = \"b_fasgd\"",
        &["replica", "b_fasgd"],
    ),
    (
        "[protocol]\nkind = \"backup_workers\"\nbackups = 8\n[cluster]\nworkers = 8",
        &["my.toml:3", "5 | workers", "8 backups of 8 workers"],
    ),
    (
        "[sparse_protocol]\nkind = \"asynchronous\"\n[cluster]\nworkers = 8",
        &["my.toml:1", "3 | [cluster]", "a protocol of their own only on shards of their own"],
    ),
    (
        "[protocol]\nkind = \"stale_synchronous\"\n[worker.local]\nkind = \"elastic\"",
        &["my.toml:1", "3 | [worker.local]", "its own replica is never replaced by that"],
    ),
    (
        "[[remedy]]\nkind = \"delay_compensation\"\n[worker.local]\nkind = \"elastic\"",
        &["my.toml:1", "3 | [worker.local]", "its own replica, which is not kept"],
    ),
    (
        "[[remedy]]\nkind = \"delay_compensation\"\n[worker.local]\nkind = \"local_steps\"",
        &["my.toml:1", "3 | [worker.local]", "difference after local steps"],
    ),
    ("[[remedy]]\nkind = \"momentum_correction\"\ntotal = 1.5", &["remedy.0.total"]),
    ("[[remedy]]\nkind = \"yellowfin\"\nwindow = 0", &["remedy.0.window"]),
    ("[model.normalization]\nkind = \"local_batch\"\nexport = \"best\"", &["pooled"]),
    ("[model.normalization]\nkind = \"local\"", &["local_batch"]),
    ("[model]\nnumeric = \"standardize\"", &["model.numeric", "standardise"]),
    ("[protocol]\nkind = \"stale_synchronous\"\nclock = \"rows\"", &["protocol.clock", "row"]),
    ("[record]\ntraining = { sim_time = \"0s\" }", &["record.training"]),
    ("[holdout]\nevery = { updates = 0 }", &["holdout.every"]),
    ("[holdout]\nevery = { updates = 1, times = 3 }", &["holdout.every"]),
    ("[holdout]\nevery = { parsecs = 1 }", &["holdout.every"]),
    ("[scenario]\nname = \"../x\"", &["my.toml:2", "scenario.name", "letters"]),
    ("[scenario]\nname = \"a/b\"", &["scenario.name"]),
    ("[scenario]\nname = \"a\\\\b\"", &["scenario.name"]),
    ("[scenario]\nname = \"\"", &["scenario.name"]),
    ("[scenario]\nname = \".\"", &["scenario.name"]),
    ("[scenario]\nname = \"/etc\"", &["scenario.name"]),
    ("[scenario]\nname = \"a\\u0000b\"", &["scenario.name"]),
    ("[scenario]\nname = \"a\\nb\"", &["scenario.name"]),
    ("[scenario]\nname = \"sсenario\"", &["scenario.name"]),
    ("[scenario]\nseed = -1", &["scenario.seed"]),
    ("[scenario]\nseed = 1.5", &["scenario.seed"]),
    ("straggler = 2", &["straggler"]),
    ("extends = \"nowhere.toml\"", &["nowhere.toml"]),
    ("extends = \"my.toml\"", &["my.toml"]),
    ("[cluster", &["my.toml:1"]),
    ("[cluster]\nworkers = 1\nworkers = 2", &["workers"]),
    ("[cluster]\nworkers =", &["my.toml:2"]),
    ("\u{0}", &["my.toml"]),
];

#[test]
fn wrong_scenario_files_are_explained_and_nothing_is_written() {
    let mut objections = Vec::new();
    for (text, words) in FILES {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("my.toml");
        // What is not about the data gets some, so that this is the only mistake.
        let text = match text.contains("[data]") || text.contains("straggler = 1\n") {
            true => (*text).to_string(),
            false => format!("{text}\n\n[data]\nkind = \"synthetic\"\nrows_per_day = 100"),
        };
        fs::write(&file, &text).unwrap();
        let mut command = straggler();
        command.current_dir(&folder).args(["run", "my.toml"]);
        let said = say(&mut command);
        objections.extend(objection(&said, 2, words, &text));
        if names(folder.path()) != ["my.toml"] {
            objections.push(format!("{text}\nwrites {:?}\n", names(folder.path())));
        }
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

/// Legal settings that do nothing, or are rarely meant, are pointed at.
#[test]
fn idle_and_suspicious_settings_are_pointed_at() {
    let local = "[model.normalization]\nkind = \"local_batch\"\nexport = \"mean\"";
    for (text, words) in [
        (format!("[cluster]\nworkers = 1\n{local}"), &["W0202", "model.normalization.export"][..]),
        (
            format!("[model]\nkind = \"mlp\"\nhidden = []\n{local}"),
            &["W0202", "no hidden layer to normalize"],
        ),
        (
            "[protocol]\nkind = \"synchronous\"\n[optimizer]\nkind = \"sgd\"\n[[remedy]]\n\
             kind = \"yellowfin\""
                .to_string(),
            &["W0203", "yellowfin", "merges several"],
        ),
        (
            "[protocol]\nkind = \"synchronous\"\n[[remedy]]\nkind = \"power\"".to_string(),
            &["W0202", "my.toml:3", "no gradient is stale"],
        ),
        (
            "[protocol]\nkind = \"stale_synchronous\"\n[cluster]\nshards = 2\ndense_shards = 1\n\
             [worker]\npull_every = 4"
                .to_string(),
            &["W0203", "3 steps older", "its bound"],
        ),
        (
            "[[remedy]]\nkind = \"momentum_correction\"".to_string(),
            &["W0203", "made for plain descent"],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let data = "[data]\nkind = \"synthetic\"\nrows_per_day = 100";
        fs::write(folder.path().join("my.toml"), format!("{text}\n{data}")).unwrap();
        let said = say(straggler().current_dir(&folder).args(["check", "my.toml"]));
        assert_eq!(said.code, 0, "{text}: {}", said.stderr);
        let all = format!("{}{}", said.stdout, said.stderr);
        words.iter().for_each(|word| assert!(all.contains(word), "{text}: no {word} in {all}"));
    }
}

#[test]
fn a_long_name_and_bytes_that_are_no_text_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.toml");
    fs::write(
        &file,
        format!("[scenario]\nname = \"{}\"\n[data]\nkind='synthetic'", "x".repeat(300)),
    )
    .unwrap();
    let run = || say(straggler().current_dir(&folder).args(["run", "my.toml"]));
    complains(&run(), 2, &["scenario.name", "64"], "long name");
    fs::write(&file, b"\xff\xfe[cluster]\n").unwrap();
    complains(&run(), 2, &["my.toml", "UTF-8"], "no UTF-8");
    fs::write(&file, "a = [".repeat(200_000)).unwrap();
    complains(&run(), 2, &["my.toml"], "nested");
    fs::write(&file, "# much\n".repeat(200_000)).unwrap();
    complains(&run(), 2, &["my.toml", "1048576 bytes"], "too large");
    fs::remove_file(&file).unwrap();
    complains(&run(), 2, &["my.toml"], "no such file");
    fs::create_dir(&file).unwrap();
    complains(&run(), 2, &["my.toml"], "a folder");
    assert_eq!(names(folder.path()), ["my.toml"]);
}

/// Overrides of the quickstart, with the exit code and what the message must hold.
const OVERRIDES: &[(&[&str], i32, &[&str])] = &[
    (&["cluster.wokers=3"], 2, &["command line, argument 9", "did you mean `workers`"]),
    (&["cluster.workers"], 2, &["command line, argument", "="]),
    (&["cluster.shards=many"], 2, &["cluster.shards", "whole number"]),
    (&["=3"], 2, &["command line"]),
    (&["cluster.shards=0"], 2, &["cluster.shards"]),
    (&["optimizer.learning_rate=nan"], 2, &["optimizer.learning_rate"]),
    (&["scenario.name=../x"], 2, &["scenario.name", "command line"]),
    (&["cluster.class.9.share=1.0"], 2, &["cluster.class"]),
    (&["cluster.class.new.share=0.6"], 2, &["add up to 1.1"]),
    (&["train.days=1..14"], 4, &["holdout.days", "14"]),
    (&["holdout.days=5"], 4, &["holdout.days", "inside the training window"]),
    (&["holdout.days=15"], 4, &["holdout.days", "15"]),
    (&["train.days=90"], 4, &["train.days", "90"]),
    (&["model.fields=['colour']"], 2, &["colour", "item"]),
    (&["limits.memory=1MiB"], 5, &["memory", "limits.memory", "--force"]),
    (&["limits.disk=1B"], 5, &["disk", "limits.disk"]),
    (&["cluster.compute.law={kind='trace',file='none.txt'}"], 4, &["none.txt"]),
];

#[test]
fn wrong_overrides_are_explained_and_nothing_is_written() {
    let mut objections = Vec::new();
    for (extra, code, words) in OVERRIDES {
        let folder = tempfile::tempdir().unwrap();
        let mut command = straggler();
        command.current_dir(&folder).arg("run").arg(scenario("quickstart.toml"));
        command.args(SMALL).args(*extra).arg("--quiet");
        let said = say(&mut command);
        objections.extend(objection(&said, *code, words, &extra.join(" ")));
        if !names(folder.path()).is_empty() {
            objections.push(format!("{extra:?} writes {:?}\n", names(folder.path())));
        }
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

#[test]
fn r32_what_does_not_fit_is_refused_before_anything_is_written() {
    for extra in [
        &["cluster.workers=100000", "model.hidden=[60000,60000]"][..],
        &["model.hidden=[65536,65536,65536,65536]", "model.embedding_dim=4096"],
        &["imposed_staleness={kind='fixed',updates=1000000}", "model.hidden=[9000,9000]"],
        &[
            "data.rows_per_day=70000000",
            "train.days=1",
            "holdout.days=3",
            "holdout.max_examples=40000000",
        ],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = straggler();
        command.current_dir(&folder).arg("run").arg(scenario("quickstart.toml"));
        let said = say(command.args(extra).arg("--quiet"));
        complains(&said, 5, &["error[E0501]", "limit"], &extra.join(" "));
        assert!(names(folder.path()).is_empty(), "{extra:?}");
    }
}

#[test]
fn an_empty_holdout_and_missing_data_are_data_problems() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.toml");
    let run = || say(straggler().current_dir(&folder).args(["run", "my.toml", "-q"]));
    fs::write(&file, "[data]\nkind = \"synthetic\"\nrows_per_day = 100\n[holdout]\n").unwrap();
    complains(&run(), 4, &["holdout is empty", "holdout.days"], "empty holdout");
    for (kind, keys) in [
        ("amazon", "reviews = [\"none.json\"]"),
        ("movielens", "ratings = \"none.csv\""),
        ("table", "files = [\"none.csv\"]\ncategorical = [\"item\"]"),
    ] {
        fs::write(&file, format!("[data]\nkind = \"{kind}\"\n{keys}\n")).unwrap();
        complains(&run(), 4, &["none."], kind);
    }
    fs::write(folder.path().join("log.csv"), "label,item\n1,3\nperhaps,4\n").unwrap();
    let table = "[data]\nkind = \"table\"\nfiles = [\"log.csv\"]\ncategorical = [\"item\"]\n";
    fs::write(&file, table).unwrap();
    complains(&run(), 4, &["log.csv", "3", "perhaps"], "malformed row");
    fs::write(&file, table.replace("[\"item\"]", "[\"item\", \"shop\"]")).unwrap();
    complains(&run(), 4, &["log.csv", "shop"], "missing column");
    fs::write(folder.path().join("log.csv"), "label,item\n").unwrap();
    fs::write(&file, table).unwrap();
    complains(&run(), 4, &["log.csv"], "no rows");
    assert!(!folder.path().join("results").exists());
}

#[test]
fn wrong_command_lines_are_explained() {
    let quickstart = scenario("quickstart.toml");
    let quickstart = quickstart.to_str().unwrap();
    for arguments in [
        &["walk"][..],
        &["run"],
        &["run", quickstart, "--threads", "many"],
        &["run", quickstart, "--threads", "-1"],
        &["run", quickstart, "--bogus"],
        &["trace"],
        &["trace", "nowhere", "--window", "5"],
        &["trace", "nowhere", "--window", "5s..2s"],
        &["trace", "nowhere", "--window", "0s..fast"],
        &["data", "inspect", quickstart, "--head", "-3"],
        &["data", "gen", quickstart, "--days", "3..1"],
        &["explain", "cluster.workers.more"],
    ] {
        let said = say(straggler().args(arguments));
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{arguments:?}: {}", said.stderr);
        assert!(said.stderr.contains("error"), "{arguments:?}: {}", said.stderr);
    }
}

#[test]
fn arguments_that_are_no_unicode_do_not_panic() {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let bytes = std::ffi::OsStr::from_bytes(b"cluster.workers=\xff\xfe");
        let said = say(straggler().arg("run").arg(scenario("quickstart.toml")).arg(bytes));
        assert_eq!(said.code, 2, "{}", said.stderr);
    }
}

#[test]
fn r31_a_blow_up_names_the_culprit_and_keeps_what_was_computed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = small_run(&out);
    command.args([
        "optimizer.kind=sgd",
        "optimizer.learning_rate=1e6",
        "record.training={updates=1}",
    ]);
    let said = say(&mut command);
    assert_eq!((said.code, said.stdout.as_str()), (3, ""), "{}", said.stderr);
    for word in
        ["blow-up at update", "after the push of worker", "no longer finite", "learning rate"]
    {
        assert!(said.stderr.contains(word), "{word}: {}", said.stderr);
    }
    assert!(!out.join("summary.json").exists());
    let diagnosis = fs::read_to_string(out.join("diagnosis.json")).unwrap();
    let diagnosis: serde_json::Value = serde_json::from_str(&diagnosis).unwrap();
    assert!(diagnosis["ended"].as_str().unwrap().starts_with("blow-up at update"));
    for name in ["training.csv", "evaluations.csv", "workers.csv", "staleness.csv"] {
        let text = fs::read_to_string(out.join(name)).unwrap();
        assert!(text.lines().count() > 1, "{name} is empty");
    }
    // The same once more, and on a folder that a healthy run of another plan cannot take.
    assert_eq!(say(&mut command).code, 3);
    assert_eq!(say(&mut small_run(&out)).code, 6);
}

#[test]
fn r33_extreme_numbers_within_the_ranges_run_or_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let max = u64::MAX.to_string();
    let timing = |extra: &[&str]| {
        let mut command = straggler();
        command.current_dir(&folder).arg("run").arg(scenario("timing-only.toml"));
        command.args(["cluster.workers=3", "train.stop.updates=200", "-q", "--no-plots"]);
        command.args(["--force"]).args(extra);
        say(&mut command)
    };
    // Five hundred years are a duration; many of them are not.
    let said = timing(&["cluster.compute.fixed=182500d"]);
    complains(&said, 3, &["584 years", "too long"], "500 years");
    for extra in [
        &[&*format!("scenario.seed={max}")][..],
        &["cluster.compute.fixed=0ns", "cluster.compute.per_example=0ns"],
        &["cluster.network.worker_bandwidth=1bit/s"],
        &["timing_only.rows=9223372036854775807"],
        &["timing_only.dense=9223372036854775807", "timing_only.row_dim=9223372036854775807"],
        &["cluster.server.per_kib=200000d"],
        &["cluster.start={kind='staggered',over='200000d'}"],
        &["train.stop={examples=9223372036854775807,updates=20}"],
        &["train.batch=1000000"],
        &["cluster.workers=100000", "train.stop.updates=10"],
        &["cluster.shards=1000"],
    ] {
        let said = timing(extra);
        assert!(
            [0, 2, 3].contains(&said.code),
            "{extra:?} ends with {}: {}",
            said.code,
            said.stderr
        );
    }
}

#[test]
fn a_seed_at_the_end_of_its_range_resolves_and_runs_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    done(small_run(&out).arg("scenario.seed=9223372036854775807"));
    let mut again = straggler();
    again.arg("run").arg(out.join("resolved.toml")).arg("--out").arg(&out);
    assert!(done(&mut again).stdout.contains("done already"));
}

/// What the log or the model says about a setting is shown at its place, with a code.
#[test]
fn settings_that_the_log_refuses_have_a_place() {
    let folder = tempfile::tempdir().unwrap();
    for (settings, place) in [
        ("items = 3\ncategories = 9", "[data]"),
        ("[model]\nkind = \"mlp\"\nfields = [\"nothing\"]", "fields = "),
        ("[[expect]]\nabove = 0.5", "[[expect]]"),
        ("[[stage]]\nname = \"a\"\nset = { train.stop.passes = nan }", "nan"),
    ] {
        let file = folder.path().join("s.toml");
        let text = format!("straggler = 1\n[data]\nkind = \"synthetic\"\n{settings}\n");
        fs::write(&file, &text).unwrap();
        for command in ["check", "run"] {
            let said = say(straggler().arg(command).arg(&file).current_dir(&folder));
            assert_eq!(said.code, 2, "{settings}: {}", said.stderr);
            assert!(said.stderr.contains("error[E0"), "{settings}: {}", said.stderr);
            let line = 1 + text.lines().position(|line| line.contains(place)).unwrap();
            let at = format!("s.toml:{line}:");
            assert!(said.stderr.contains(&at), "{settings}: {at} is not in {}", said.stderr);
        }
    }
}

/// `check` and `lab restart --list` refuse what the run would refuse.
#[test]
fn what_cannot_run_is_refused_before() {
    let folder = tempfile::tempdir().unwrap();
    let small =
        |command: &mut assert_cmd::Command| say(command.args(SMALL).current_dir(&folder)).code;
    // A checkpoint of another shape.
    let first = folder.path().join("first");
    let mut run = straggler();
    run.arg("run").arg(scenario("quickstart.toml")).arg("checkpoint={last=true}");
    run.args(["--quiet", "--no-plots", "--out"]).arg(&first);
    assert_eq!(small(&mut run), 0);
    let from = format!("start={{from={:?}}}", first.join("checkpoints/last.safetensors"));
    let check = |more: &str| {
        let mut command = straggler();
        command.arg("check").arg(scenario("quickstart.toml")).arg(&from);
        small(command.arg(more))
    };
    assert_eq!(check("train.batch=64"), 0);
    assert_eq!(check("model.attention_hidden=[3]"), 4);
    // Labs that no base run can do.
    let list = |more: &[&str]| {
        let mut command = straggler();
        command.args(["lab", "restart"]).arg(scenario("studies/restart.toml")).arg("--list");
        small(command.args(more))
    };
    assert_eq!(list(&[]), 0);
    assert_eq!(list(&["lab.fork={updates=1000}", "train.stop={updates=10}"]), 2);
    assert_eq!(list(&["protocol={kind='backup_workers'}", "lab.workers=[1,4]"]), 2);
    assert_eq!(list(&["imposed_staleness={kind='fixed',updates=3}"]), 2);
}
