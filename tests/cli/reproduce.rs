//! The commands that a page prints: each of them works, and those that run something give the same
//! bytes.

use std::fs;
use std::path::{Path, PathBuf};

use scraper::{Html, Selector};

use crate::support::{assert_same, done, reproducible, straggler};

/// A scenario that extends another one and reads a file beside it.
fn scenario_with_data(folder: &Path) -> PathBuf {
    let mut log = String::from("label,day,user,item\n");
    for row in 0..240 {
        let clicked = u8::from(row % 7 < 2);
        log.push_str(&format!("{clicked},{},u{},i{}\n", row / 80, row % 11, row % 13));
    }
    fs::write(folder.join("log.csv"), log).unwrap();
    let base = "[data]\nkind = \"table\"\nfiles = [\"log.csv\"]\nlabel = \"label\"\nday = \"day\"\n\
                categorical = [\"user\", \"item\"]\n[model]\nkind = \"logistic\"\n";
    fs::write(folder.join("base.toml"), format!("straggler = 1\n{base}")).unwrap();
    let path = folder.join("my.toml");
    let rest = "[scenario]\nname = \"mine\"\n[train]\nbatch = 4\ndays = \"1..2\"\n[holdout]\n\
                days = \"3\"\n[cluster]\nworkers = 3\n";
    fs::write(&path, format!("straggler = 1\nextends = \"base.toml\"\n{rest}")).unwrap();
    path
}

/// The commands of the page at `page`.
fn printed(page: &Path) -> Vec<String> {
    let document = Html::parse_document(&fs::read_to_string(page).unwrap());
    let commands = Selector::parse(".commands pre").unwrap();
    let texts = document.select(&commands).map(|pre| pre.text().collect::<String>());
    texts.flat_map(|text| text.lines().map(str::to_string).collect::<Vec<_>>()).collect()
}

/// Runs a printed command in `folder`, as a shell there would.
fn execute(command: &str, folder: &Path) {
    let words: Vec<&str> = command.split_whitespace().collect();
    assert_eq!(words[0], "straggler", "{command}");
    assert!(!command.contains(['\'', '"']), "this test splits at blanks only: {command}");
    done(straggler().current_dir(folder).args(&words[1..]));
}

/// The command of the page in `folder` that begins with `start`.
fn command(folder: &Path, start: &str) -> String {
    let commands = printed(&folder.join("report.html"));
    let found = commands.iter().find(|command| command.starts_with(start));
    found.unwrap_or_else(|| panic!("no {start} in {commands:?}")).clone()
}

#[test]
fn every_command_on_the_page_of_a_run_works() {
    let root = tempfile::tempdir().unwrap();
    let scenario = scenario_with_data(root.path());
    let out = root.path().join("deep/results/mine");
    let mut run = straggler();
    run.arg("run").arg(&scenario).args(["train.batch=5", "--quiet", "--out"]).arg(&out);
    done(&mut run);
    let before = reproducible(&out);
    for command in printed(&out.join("report.html")) {
        execute(&command, &out);
    }
    assert_same(&before, &reproducible(&out.join("../again")), "run again from its folder");
    fs::remove_file(out.join("trace.json")).unwrap();
    assert_same(&before, &reproducible(&out), "the page written again");
}

#[test]
fn every_command_on_the_page_of_a_sweep_works() {
    let root = tempfile::tempdir().unwrap();
    let scenario = scenario_with_data(root.path());
    let out = root.path().join("deep/results/sweep");
    let mut sweep = straggler();
    sweep.arg("sweep").arg(&scenario).args(["cluster.workers=1,4", "train.stop.passes=0.5"]);
    done(sweep.args(["--seeds", "2", "--quiet", "--out"]).arg(&out));
    let before = reproducible(&out);
    execute(&command(&out, "straggler run ."), &out);
    let again = out.join("../again");
    assert_same(&before, &reproducible(&again), "swept again from its folder");
    fs::remove_dir_all(&again).unwrap();
    execute(&command(&out, "straggler run trials"), &out);
    let trial = out.join("trials/0000");
    let mut alone = reproducible(&again);
    // A trial has neither pictures nor a page until it is asked for them.
    alone.retain(|name, _| !name.starts_with("plots/") && name != "report.html");
    assert_same(&reproducible(&trial), &alone, "one trial");
    for command in printed(&out.join("report.html")) {
        if command.starts_with("straggler report") {
            execute(&command, &out);
        }
    }
}

#[test]
fn every_command_on_the_page_of_a_comparison_works() {
    let root = tempfile::tempdir().unwrap();
    let scenario = scenario_with_data(root.path());
    for workers in ["1", "4"] {
        let mut sweep = straggler();
        sweep.arg("sweep").arg(&scenario).arg(format!("cluster.workers={workers}"));
        sweep.args(["--seeds", "3", "--quiet", "--out"]).arg(root.path().join(workers));
        done(&mut sweep);
    }
    let page = root.path().join("comparison.html");
    done(straggler().current_dir(root.path()).args(["report", "1", "4"]));
    let before = fs::read(&page).unwrap();
    for command in printed(&page) {
        execute(&command, root.path());
    }
    assert_eq!(before, fs::read(&page).unwrap(), "the page written again");
}

#[test]
fn a_file_of_a_sweep_may_set_what_holds_for_every_point() {
    let root = tempfile::tempdir().unwrap();
    scenario_with_data(root.path());
    let head = "straggler = 1\n[sweep]\nname = \"s\"\nscenario = \"my.toml\"\n";
    let body = "set = { train.batch = 8 }\n[sweep.grid]\n\"cluster.workers\" = [1, 2]\n";
    let file = root.path().join("s.toml");
    fs::write(&file, format!("{head}{body}")).unwrap();
    let batch = |arguments: &[&str]| {
        let out = root.path().join("out");
        let mut sweep = straggler();
        done(sweep.arg("sweep").arg(&file).args(arguments).args(["--quiet", "--out"]).arg(&out));
        let resolved = fs::read_to_string(out.join("trials/0001/resolved.toml")).unwrap();
        fs::remove_dir_all(&out).unwrap();
        resolved.lines().find(|line| line.starts_with("batch = ")).unwrap().to_string()
    };
    assert_eq!(batch(&[]), "batch = 8");
    // An argument wins.
    assert_eq!(batch(&["train.batch=16"]), "batch = 16");
}
