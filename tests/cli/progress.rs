//! `--progress`: what stderr carries while runs and sweeps go on.

use std::path::Path;

use serde_json::Value;

use crate::support::{SMALL, done, say, scenario, straggler};

/// A run or a sweep into `out` that says how it goes.
fn command(which: &str, out: &Path, how: &[&str]) -> assert_cmd::Command {
    let mut command = straggler();
    let small = SMALL.iter().filter(|setting| !setting.contains("workers"));
    command.arg(which).arg(scenario("quickstart.toml")).args(small).arg("--out").arg(out);
    command.args(how);
    command
}

/// The events on stderr, every line of which has to be one.
fn events(stderr: &str) -> Vec<Value> {
    let event = |line: &str| -> Value {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    stderr.lines().map(event).collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().expect("every event has a name")).collect()
}

#[test]
fn a_run_tells_programs_how_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let said = done(&mut command("run", &out, &["cluster.workers=3", "--progress", "json"]));
    let events = events(&said.stderr);
    let names = names(&events);
    assert_eq!(names[0], "started", "{}", said.stderr);
    assert_eq!(events[0]["folder"], out.display().to_string());
    let evaluated: Vec<&Value> = events.iter().filter(|e| e["event"] == "evaluated").collect();
    let kept = crate::support::Rows::read(&out.join("evaluations.csv"));
    assert_eq!(evaluated.len(), kept.texts("view").iter().filter(|v| **v == "server").count());
    assert!(evaluated.iter().all(|event| event["update"].is_u64() && event["auc"].is_f64()));
    let finished = events.iter().find(|event| event["event"] == "finished").unwrap();
    let best = &crate::support::summary(&out)["best"]["quality"]["auc"];
    assert_eq!(&finished["figures"]["best.auc"], best);
    assert!(!said.stdout.is_empty(), "the summary is for people as ever");
    // What was done before is not begun again.
    let said = done(&mut command("run", &out, &["cluster.workers=3", "--progress=json"]));
    assert!(self::names(&self::events(&said.stderr)).contains(&"skipped"), "{}", said.stderr);
}

#[test]
fn a_sweep_tells_programs_how_each_trial_goes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let sgd = ["optimizer.kind=sgd", "optimizer.learning_rate=1e-2,1e30", "--seeds", "2"];
    let how = [&sgd[..], &["--progress", "json"]].concat();
    let said = say(&mut command("sweep", &out, &how));
    assert_eq!(said.code, 3);
    let events = events(&said.stderr);
    // The scenario's warnings come first.
    let is_of_all = |e: &&Value| e["trial"].is_null() && e["event"] != "message";
    let whole: Vec<&Value> = events.iter().filter(is_of_all).collect();
    assert_eq!(whole[0]["event"], "started");
    assert_eq!(whole[0]["trials"], 4);
    let end = whole.iter().find(|event| event["event"] == "finished").unwrap();
    assert_eq!((&end["done"], &end["failed"]), (&2.into(), &2.into()));
    for (trial, last) in [("0000", "finished"), ("0001", "failed"), ("0002", "finished")] {
        let own: Vec<Value> = events.iter().filter(|e| e["trial"] == trial).cloned().collect();
        let names = names(&own);
        assert_eq!((names[0], names[names.len() - 1]), ("started", last), "{trial}: {names:?}");
        assert!(own.iter().all(|event| event["label"].is_string() && event["seed"].is_u64()));
    }
    let resumed = say(straggler().arg("resume").arg(&out).args(["--progress", "json"]));
    let events = self::events(&resumed.stderr);
    let skipped = events.iter().filter(|event| event["event"] == "skipped").count();
    assert_eq!(skipped, 2, "{}", resumed.stderr);
}

#[test]
fn mistakes_are_events_too() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let said = say(&mut command("run", &out, &["cluster.workerz=3", "--progress", "json"]));
    assert_eq!(said.code, 2);
    let events = events(&said.stderr);
    assert_eq!(names(&events), ["message"]);
    assert!(events[0]["text"].as_str().unwrap().contains("did you mean"));
    let blow_up = ["optimizer.kind=sgd", "optimizer.learning_rate=1e30", "--progress", "json"];
    let said = say(&mut command("run", &out, &blow_up));
    assert_eq!(said.code, 3);
    let events = self::events(&said.stderr);
    let failed = events.iter().find(|event| event["event"] == "failed").unwrap();
    assert!(failed["reason"].as_str().unwrap().contains("blow-up"), "{failed}");
}

#[test]
fn the_other_ways_to_show_progress_agree_with_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    let mut stderr = |which: &str, how: &[&str]| {
        number += 1;
        let out = folder.path().join(number.to_string());
        done(&mut command(which, &out, how)).stderr.replace(&out.display().to_string(), "OUT")
    };
    for which in ["run", "sweep"] {
        assert_eq!(stderr(which, &["--quiet"]), "");
        assert_eq!(stderr(which, &["--progress", "none"]), "");
        for how in [&[][..], &["--plain"], &["--progress", "plain"], &["--progress", "auto"]] {
            let text = stderr(which, how);
            assert!(text.contains("OUT") && !text.contains('\u{1b}'), "{which} {how:?}: {text}");
        }
    }
    let out = folder.path().join("both");
    let said = say(&mut command("run", &out, &["--quiet", "--progress", "json"]));
    assert_eq!(said.code, 2, "{}", said.stderr);
}
