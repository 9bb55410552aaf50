//! The end of a run answers the scenario's question, or names the command that does.

use std::fs;
use std::path::Path;

use crate::support::{SMALL, done, say, scenario, straggler};

/// The commands in `answered_by` are accepted by the program.
#[test]
fn the_commands_that_answer_questions_are_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut found = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let Some(line) = text.lines().find(|line| line.starts_with("answered_by")) else {
            continue;
        };
        let words: Vec<&str> = line.split('"').nth(1).unwrap().split(' ').collect();
        let settings = words[1..].iter().filter(|word| word.contains('='));
        let mut command = straggler();
        match words[0] {
            // Without opening the log, which may not be at hand.
            "run" => done(command.arg("check").arg(&path).args(settings).arg("--show")),
            _ => done(command.arg(words[0]).arg(&path).args(&words[1..]).arg("--list")),
        };
        found += 1;
    }
    assert!(found >= 5, "{found}");
}

#[test]
fn a_run_names_the_command_that_answers_its_question_and_its_bottleneck() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut run = straggler();
    run.arg("run").arg(scenario("quickstart.toml")).args(SMALL).arg("--out").arg(&out);
    let answered_by = "scenario.answered_by=run cluster.workers=1,2 --seeds 2";
    let said = done(run.arg(answered_by).arg("--quiet")).stdout;
    let command = format!("straggler run {} cluster.workers=1,2 --seeds 2", out.display());
    assert!(said.contains(&command), "{said}");
    assert!(said.contains("is the bottleneck"), "{said}");
    // The printed command runs.
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let again = folder.path().join("again");
    let swept = done(straggler().args(words).arg("--quiet").arg("--out").arg(again)).stdout;
    assert!(swept.contains("workers=2"), "{swept}");
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("Answer the question of the scenario"));
    let wrong = "scenario.answered_by=fit it";
    let said = say(straggler().arg("check").arg(scenario("quickstart.toml")).arg(wrong));
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("E0204") && said.stderr.contains("lab restart"),
        "{}",
        said.stderr
    );
}

/// One shard cannot serve 300 workers, and idles with four.
#[test]
fn a_saturated_server_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let said = |workers: &str, out: &str| {
        let mut run = straggler();
        run.arg("run").arg(scenario("timing-only.toml")).args([workers, "cluster.shards=1"]);
        run.args(["train.stop.updates=3000", "--quiet", "--out"]).arg(folder.path().join(out));
        done(&mut run).stdout
    };
    let many = said("cluster.workers=300", "many");
    assert!(many.contains("The server served requests for 100.0 %"), "{many}");
    assert!(many.contains("the server is the bottleneck"), "{many}");
    let few = said("cluster.workers=4", "few");
    assert!(few.contains("computing is the bottleneck"), "{few}");
}

/// Near the limit of a shard the sentence says what can be gained; beyond it, that workers gain nothing.
#[test]
fn what_more_workers_can_gain_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let said = |settings: &[&str], out: &str| {
        let mut run = straggler();
        run.arg("run").arg(scenario("timing-only.toml")).args(settings);
        run.args(["train.stop.updates=20000", "--quiet", "--no-plots", "--out"]);
        done(run.arg(folder.path().join(out))).stdout
    };
    let near = said(&["cluster.workers=300"], "300");
    assert!(near.contains("computing is the bottleneck. That shard is near its limit"), "{near}");
    let gain = near.split("at most ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let gain: f64 = gain.parse().unwrap();
    let rate = |text: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with("simulated")).unwrap();
        line.split(", ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
    };
    // What is said is what the program finds: twice the workers gain no more than that, and nearly so.
    let many = said(&["cluster.workers=600"], "600");
    assert!(many.contains("the server is the bottleneck") && many.contains("more workers do not"));
    let found = 100.0 * (rate(&many) / rate(&near) - 1.0);
    assert!(found < gain + 0.5 && found > 0.7 * gain, "{found} {gain}");
    let some = said(&["cluster.workers=330"], "330");
    assert!(100.0 * (rate(&some) / rate(&near) - 1.0) < gain);
    let twice = said(&["cluster.shards=16"], "16");
    assert!(twice.contains("computing is the bottleneck.\n"), "{twice}");
}

/// A log of three workers with fixed times: the table follows from them.
#[test]
fn whatif_answers_for_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("steps.csv");
    let mut text = String::from("worker,step,step_s\n");
    for step in 0..200 {
        for (worker, seconds) in [("a", 0.1), ("b", 0.1), ("c", 0.4)] {
            // The slow worker makes a quarter of the steps.
            if worker != "c" || step % 4 == 0 {
                text.push_str(&format!("{worker},{step},{seconds}\n"));
            }
        }
    }
    fs::write(&log, text).unwrap();
    let row = |said: &str, name: &str| -> Vec<f64> {
        let line = said.lines().find(|line| line.trim_start().starts_with(name));
        let cells = line.unwrap_or_else(|| panic!("no row {name} in\n{said}"));
        let cells = cells.trim_start()[name.len()..].split_whitespace();
        cells.filter_map(|cell| cell.trim_start_matches('x').parse().ok()).collect()
    };
    let said = done(straggler().arg("whatif").arg(&log)).stdout;
    // 10 + 10 + 2.5 steps a second; of six workers one is the slow one, which the log has once.
    for (name, rate) in [
        ("simulated as it is", 22.5),
        ("6 workers", 52.5),
        ("a barrier", 7.5),
        ("without worker c", 20.0),
    ] {
        let found = row(&said, name)[0];
        assert!((found / rate - 1.0).abs() < 0.03, "{name}: {found} instead of {rate}\n{said}");
    }
    let out = folder.path().join("scenarios");
    let mut command = straggler();
    command.arg("whatif").arg(&log).args(["--without", "slowest", "--barrier", "--out"]).arg(&out);
    let said = done(&mut command).stdout;
    assert!((row(&said, "all of it")[0] / 20.0 - 1.0).abs() < 0.03, "{said}");
    for entry in fs::read_dir(&out).unwrap() {
        let said = done(straggler().arg("check").arg(entry.unwrap().path()));
        assert!(said.stderr.is_empty(), "{}", said.stderr);
    }
    for (arguments, wanted) in [
        (["--without", "d"], "slowest, or one of a, b, c"),
        (["--workers", "0"], "a factor such as x2"),
        (["--shards", "x0.2"], "a factor such as x2"),
        (["--protocol", "power"], "only a protocol can be named here"),
        (["--protocol", "k_async:k=9"], "an update of 9 distinct workers, and there are 3"),
    ] {
        let said = say(straggler().arg("whatif").arg(&log).args(arguments));
        assert_eq!(said.code, 2);
        assert!(said.stderr.contains(wanted), "{}", said.stderr);
    }
}

/// A run without a holdout measures no quality, and says so.
#[test]
fn a_missing_holdout_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.toml");
    let text = "data = { kind = \"synthetic\", rows_per_day = 100, days = 2 }\nmodel.kind = \"logistic\"\n";
    fs::write(&file, text).unwrap();
    let said = done(straggler().arg("check").arg(&file));
    assert!(said.stderr.contains("warning[W0206]: there is no [holdout]"), "{}", said.stderr);
    // The hint names days that the log has.
    let hint = "`train.days = \"1\"` and `holdout.days = \"2\"`";
    assert!(said.stderr.contains(hint), "{}", said.stderr);
    let said = done(straggler().arg("check").arg(&file).arg("train.days=1"));
    assert!(said.stderr.contains("such as `holdout.days = \"2\"`"), "{}", said.stderr);
    let said = done(straggler().arg("check").arg(&file).arg("data.days=1"));
    assert!(said.stderr.contains("with `data.days = 4`"), "{}", said.stderr);
    let said = done(straggler().arg("check").arg(&file).args(["train.days=1", "holdout.days=2"]));
    assert!(!said.stderr.contains("W0206"), "{}", said.stderr);
}

/// All files that are missing are named at once, and where public logs can be had.
#[test]
fn missing_files_are_named_at_once() {
    let said = say(straggler().arg("check").arg(scenario("amazon-din.toml")));
    assert_eq!(said.code, 4, "{}", said.stderr);
    for word in ["reviews_Grocery", "meta_Grocery", "scenarios/data/README.md"] {
        assert!(said.stderr.contains(word), "{word}: {}", said.stderr);
    }
}
