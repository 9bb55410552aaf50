//! Checkpoints, starts from them, and the restart lab, as a user has them.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use straggler::experiment::checkpoint::file;
use straggler::server::TensorValues;

use crate::support::{
    Rows, SMALL, assert_same, done, reproducible, say, scenario, small_run, straggler, summary,
};

/// A lab that takes a moment.
fn lab(out: &Path) -> Command {
    let mut command = straggler();
    command.args(["lab", "restart"]).arg(scenario("studies/restart.toml")).args(SMALL).args([
        "train.batch=16",
        "train.stop={passes=1}",
        "holdout.every={times=5}",
        "holdout.max_examples=200",
        "lab.workers=[1,4]",
        "lab.seeds=3",
        "lab.updates=20",
        "lab.early=10",
        "lab.points=4",
    ]);
    command.arg("--out").arg(out);
    command
}

#[test]
fn a_lab_attributes_a_drop_and_goes_on_where_it_was() {
    let root = tempfile::tempdir().unwrap();
    let (one, two) = (root.path().join("1/lab"), root.path().join("2/lab"));
    let said = done(lab(&one).args(["--threads", "1"]));
    assert!(said.stdout.contains("Which part causes the drop"), "{}", said.stdout);
    let held = "a restart that keeps everything is bit-identical to none (3 of 3)";
    assert_eq!(said.stdout.matches(held).count(), 2, "{}", said.stdout);
    let arms = Rows::read(&one.join("arms.csv"));
    assert_eq!(arms.len(), 2 * (1 + 16 + 1 + 4) * 10);
    let effects = Rows::read(&one.join("effects.csv"));
    assert_eq!(effects.len(), 2 * 10 * (4 + 6));
    let at_once = Rows::read(&one.join("curves.csv"));
    assert_eq!(at_once.len(), 2 * 3 * (1 + 16 + 1 + 4) * 4);
    assert!(one.join("restart.svg").exists() && one.join("views.csv").exists());
    // The other commands know the folder.
    let page = fs::read_to_string(one.join("report.html")).unwrap();
    assert!(
        page.contains("What each lost part causes") && page.contains("Quality after a restart")
    );
    let verdict = said.stdout.lines().next().unwrap();
    assert!(verdict.starts_with("With 4 workers, "), "{}", said.stdout);
    let status = done(straggler().arg("status").arg(&one)).stdout;
    assert!(status.contains(verdict) && status.contains("is done: 6 base runs"), "{status}");
    done(straggler().arg("export").arg(&one).args(["--format", "csv"]));
    let exported = fs::read(one.join("export/csv/effects.csv")).unwrap();
    assert_eq!(exported, fs::read(one.join("effects.csv")).unwrap());
    fs::remove_dir_all(one.join("export")).unwrap();
    for command in ["trace", "verify"] {
        let said = say(straggler().arg(command).arg(&one));
        assert!(said.code == 2 && said.stderr.contains("a restart lab"), "{}", said.stderr);
    }
    let said = say(straggler().arg("compare").arg(&one).arg(&one));
    assert!(said.code == 6 && said.stderr.contains("a restart lab"), "{}", said.stderr);
    // What coalesces with one worker is nothing.
    let rows = effects.texts("workers").into_iter().zip(effects.texts("term"));
    let of_one = rows.zip(effects.texts("effect")).filter(|(row, _)| *row == ("1", "workers"));
    let found: Vec<&str> = of_one.map(|(_, effect)| effect).collect();
    assert!(
        found.len() == 10 && found.iter().all(|effect| ["0", "-0", ""].contains(effect)),
        "{found:?}"
    );

    done(lab(&two).args(["--threads", "2", "--quiet"]));
    assert_same(&reproducible(&one), &reproducible(&two), "threads");
    // A base run that is damaged is run again, the others are not.
    let file = two.join("forks/4-workers-seed-2.fork");
    let mut bytes = fs::read(&file).unwrap();
    bytes[100] ^= 1;
    fs::write(&file, bytes).unwrap();
    fs::remove_file(two.join("lab.json")).unwrap();
    let status = done(straggler().arg("status").arg(&two)).stdout;
    assert!(status.contains("of 6 base runs done: straggler resume"), "{status}");
    let said = done(straggler().arg("resume").arg(&two));
    assert_eq!(said.stderr.matches(": fork\n").count(), 1, "{}", said.stderr);
    assert_same(&reproducible(&one), &reproducible(&two), "gone on with");
}

#[test]
fn a_lab_that_cannot_be_is_refused_before_anything_runs() {
    let root = tempfile::tempdir().unwrap();
    let cases = [
        ("lab.factors=[\"slots\",\"slots\"]", 2, "`slots` twice"),
        ("lab.factors=[\"data\",\"replay\"]", 2, "new pass and be replayed"),
        ("lab.factors=[]", 2, "one to eight"),
        ("lab.arm=[{label=\"x\"},{label=\"x\"}]", 2, "two arms are called"),
        ("lab.arm=[{label=\" \"}]", 2, "has no name"),
        ("lab.arm=[{label=\"x\",restart={reinit=[\"mlp.9\"]}}]", 2, "\"mlp.9\""),
        ("lab.fork={updates=100000}", 2, "before the fork"),
        ("lab.fork=\"beast\"", 2, "best"),
        ("cluster.event=[{worker=3,at=\"1s\",sleep=\"2s\"}]", 2, "with workers = 1"),
        ("lab.arm=[{label=\"x\",restart={start={kind=\"monolith\"}}}]", 2, "wait for updates"),
    ];
    for (index, (setting, code, text)) in cases.into_iter().enumerate() {
        let out = root.path().join(index.to_string());
        let said = say(lab(&out).arg(setting));
        assert_eq!(said.code, code, "{setting}: {}", said.stderr);
        assert!(said.stderr.contains(text), "{setting}: {}", said.stderr);
    }
    let said = done(lab(&root.path().join("list")).arg("--list"));
    assert!(said.stdout.contains("6 base runs"), "{}", said.stdout);
}

#[test]
fn a_run_writes_checkpoints_and_another_starts_from_one() {
    let root = tempfile::tempdir().unwrap();
    let first = root.path().join("first");
    let saving = "checkpoint={best=true,last=true,every={updates=10}}";
    done(small_run(&first).arg(saving));
    let files: Vec<String> = summary(&first)["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file[0].as_str().unwrap().to_owned())
        .collect();
    for name in ["best", "last", "update-000000010"] {
        assert!(files.contains(&format!("checkpoints/{name}.safetensors")), "{files:?}");
    }
    let from = first.join("checkpoints/best.safetensors");
    let start = |out: &str, more: &str| {
        let mut command = small_run(&root.path().join(out));
        command.arg(format!("start={{from=\"{}\"{more}}}", from.display()));
        command
    };
    done(&mut start("second", ""));
    let second = summary(&root.path().join("second"));
    assert_eq!(second["started_from"]["scenario"], "quickstart");
    assert!(second["started_from"]["updates"].as_u64().unwrap() > 0);
    // It begins where the other was.
    let begins = Rows::read(&root.path().join("second/evaluations.csv")).numbers("auc")[0];
    let best = summary(&first)["best"]["quality"]["auc"].as_f64().unwrap();
    assert!((begins - best).abs() < 1e-9, "{begins} instead of {best}");

    let said = say(start("third", "").arg("optimizer.kind=\"adagrad\""));
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(said.stderr.contains("start.missing"), "{}", said.stderr);
    done(start("fourth", ",missing=\"first\"").arg("optimizer.kind=\"adagrad\""));
    let said = say(start("fifth", "").arg("model.attention_hidden=[7]"));
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(said.stderr.contains("this model needs"), "{}", said.stderr);
    let said = say(&mut start("sixth", ",restart={workers=\"keep\"}"));
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("straggler lab restart"), "{}", said.stderr);
    let said = say(&mut start("sixth", ",restart={start={kind=\"xdl\"},remedies=\"keep\"}"));
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("cluster.start") && said.stderr.contains("remedies remember"));

    // Results that are there are not passed off as those of another file.
    let before = fs::read(&from).unwrap();
    fs::copy(first.join("checkpoints/last.safetensors"), &from).unwrap();
    let said = say(&mut start("second", ""));
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(said.stderr.contains("started from other content of"), "{}", said.stderr);
    done(start("second", "").arg("--force"));
    fs::write(&from, before).unwrap();

    let mut bytes = fs::read(&from).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&from, &bytes).unwrap();
    let said = say(&mut start("seventh", ""));
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(said.stderr.contains("its checksum does not match"), "{}", said.stderr);
    fs::write(&from, &bytes[..middle]).unwrap();
    let said = say(&mut start("eighth", ""));
    assert!(said.code == 4 && said.stderr.contains("cut off or damaged"), "{}", said.stderr);
    fs::remove_file(&from).unwrap();
    let said = say(&mut start("ninth", ""));
    assert!(said.code == 4 && said.stderr.contains("cannot read"), "{}", said.stderr);
}

/// Elements of a tensor of a run's checkpoint.
fn tensor(run: &Path, checkpoint: &str, name: &str) -> Vec<f32> {
    let path = run.join(format!("checkpoints/{checkpoint}.safetensors"));
    match &file::read(&path).unwrap().checkpoint.tensors[name].values {
        TensorValues::F32(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_average_of_checkpoints_has_the_mean_of_their_weights_and_the_slots_of_the_last() {
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    let saving = "checkpoint={last=true,every={updates=10},average={last=2}}";
    done(small_run(&run).args([saving, "train.stop={updates=38,passes=9}"]));
    for name in ["item", "mlp.0.weight", "mlp.last.bias"] {
        let states = [20, 30].map(|at| tensor(&run, &format!("update-{at:09}"), name));
        let mean = states[0].iter().zip(&states[1]);
        let mean: Vec<f32> =
            mean.map(|(a, b)| ((f64::from(*a) + f64::from(*b)) / 2.0) as f32).collect();
        assert!(tensor(&run, "average", name) == mean, "{name}");
        let slot = format!("{name}/v");
        assert!(tensor(&run, "average", &slot) == tensor(&run, "last", &slot), "{slot}");
    }

    // Without a cadence it is of evaluations; without these there is nothing.
    let mut command = small_run(&root.path().join("none"));
    let said =
        say(command.args(["checkpoint={average={last=2}}", "holdout={every={updates=1000}}"]));
    assert_eq!(said.code, 0, "{}", said.stderr);
    let text =
        "straggler = 1\n[data]\nkind = \"synthetic\"\n[checkpoint]\naverage = { decay = 0.9 }";
    let blind = root.path().join("blind.toml");
    fs::write(&blind, text).unwrap();
    let said = say(straggler().arg("check").arg(&blind));
    assert!(said.code == 2 && said.stderr.contains("no states to average"), "{}", said.stderr);
}

#[test]
fn a_stage_starts_from_the_average_of_another() {
    let root = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(scenario("warm-start.toml")).unwrap();
    let file = root.path().join("average.toml");
    fs::write(&file, text.replace("stage:base@best", "stage:base@average")).unwrap();
    let mut command = straggler();
    command.arg("run").arg(&file).args(SMALL).args(["--quiet", "--no-plots"]);
    command.args(["holdout.every={times=5}", "holdout.max_examples=200", "--out"]);
    done(command.arg(root.path().join("run")));
    let found = summary(&root.path().join("run"));
    assert_eq!(found["started_from"]["from"], "stage:base@average");
}

/// The warm start of the scenarios, in a moment.
#[test]
fn checkpoints_that_take_time_are_saved_while_the_job_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let run = |out: &str, policy: &str| {
        let mut command = small_run(&root.path().join(out));
        command.args([
            "checkpoint={best=true,last=true,every={updates=20}}",
            &format!("checkpoint.save={{policy=\"{policy}\",takes=\"300ms\"}}"),
        ]);
        command
    };
    done(&mut run("live", "live"));
    let live = root.path().join("live");
    let table = Rows::read(&live.join("checkpoints.csv"));
    let names = table.texts("checkpoint");
    assert!(names.contains(&"last") && names.contains(&"best"), "{names:?}");
    let times = table.numbers("begun_s").into_iter().zip(table.numbers("ended_s"));
    assert!(times.into_iter().all(|(begun, ended)| (ended - begun - 0.3).abs() < 1e-6));
    assert!(table.numbers("skew").iter().any(|&skew| skew > 0.0));
    assert!(table.numbers("held").iter().all(|&held| held == 0.0));
    for name in names {
        assert!(live.join(format!("checkpoints/{name}.safetensors")).exists(), "{name}");
    }
    done(&mut run("quiesce", "quiesce"));
    let quiesce = root.path().join("quiesce");
    let table = Rows::read(&quiesce.join("checkpoints.csv"));
    assert!(table.numbers("skew").iter().all(|&skew| skew == 0.0));
    assert_eq!(table.numbers("updates_begun"), table.numbers("updates_ended"));
    // Standing still costs time.
    let lasts = |folder: &Path| summary(folder)["sim_s"].as_f64().unwrap();
    assert!(lasts(&quiesce) > lasts(&live));
    // What was saved piece by piece can be started from.
    let mut next = small_run(&root.path().join("next"));
    let from = live.join("checkpoints/last.safetensors");
    done(next.arg(format!("start={{from=\"{}\"}}", from.display())));

    let cases = [
        ("checkpoint.save={policy=\"live\"}", 0, "takes no time"),
        ("checkpoint.save={takes=\"1s\"}", 0, "with the policy `instant`"),
        ("checkpoint.save={policy=\"live\",takes=\"1s\",timeout=\"1s\"}", 0, "only a barrier"),
        ("start={from=\"x\",restart={save={policy=\"live\"}}}", 2, "has been saved already"),
        ("lab={factors=[\"save\"]}", 2, "does not say how"),
        ("checkpoint.save={policy=\"lively\"}", 2, "did you mean \"live\""),
    ];
    for (setting, code, text) in cases {
        let said = say(straggler().arg("check").arg(scenario("quickstart.toml")).arg(setting));
        assert_eq!(said.code, code, "{setting}: {}", said.stderr);
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(all.contains(text), "{setting}: {all}");
    }
}

fn staged(command: &str, out: &Path) -> Command {
    let mut command = {
        let mut straggler = straggler();
        straggler.arg(command).arg(scenario("warm-start.toml")).args(SMALL);
        straggler
    };
    command.args(["holdout.every={times=5}", "holdout.max_examples=200", "--quiet"]);
    command.arg("--out").arg(out);
    command
}

#[test]
fn stages_are_trained_once_and_the_last_is_the_run() {
    let root = tempfile::tempdir().unwrap();
    let (one, two) = (root.path().join("1/run"), root.path().join("2/run"));
    let said = done(staged("run", &one).args(["--no-plots", "--threads", "1"]));
    assert!(said.stdout.contains("  stage base: "), "{}", said.stdout);
    let found = summary(&one);
    assert_eq!(found["stages"][0]["name"], "base");
    assert_eq!(found["started_from"]["from"], "stage:base@best");
    let stage = one.join("stages").join(found["stages"][0]["folder"].as_str().unwrap());
    let begins = Rows::read(&one.join("evaluations.csv")).numbers("auc")[0];
    let best = summary(&stage)["best"]["quality"]["auc"].as_f64().unwrap();
    assert!((begins - best).abs() < 1e-9, "{begins} instead of {best}");

    // Killed between two stages, it goes on with the second, and ends in the same bytes.
    done(staged("run", &two).args(["--no-plots", "--threads", "2"]));
    for name in ["summary.json", "evaluations.csv"] {
        fs::remove_file(two.join(name)).unwrap();
    }
    let stage = two.join("stages").join(found["stages"][0]["folder"].as_str().unwrap());
    let before = fs::metadata(stage.join("summary.json")).unwrap().modified().unwrap();
    done(straggler().arg("resume").arg(&two).args(["--quiet", "--files"]).arg(scenario("")));
    let after = fs::metadata(stage.join("summary.json")).unwrap().modified().unwrap();
    assert_eq!(before, after, "the first stage was trained again");
    let without_pictures = |folder: &Path| {
        let mut files = reproducible(folder);
        files.retain(|name, _| !name.starts_with("plots/") && name != "report.html");
        files
    };
    assert_same(&without_pictures(&one), &without_pictures(&two), "gone on with");
}

#[test]
fn trials_of_a_sweep_share_their_stages() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("sweep");
    let said =
        say(staged("sweep", &out).args(["--seeds", "2", "train.batch=16,32", "--threads", "2"]));
    assert_eq!(said.code, 0, "{}", said.stderr);
    // Two batches, two seeds: four stages to start from. The second run finds them all.
    let stages = fs::read_dir(out.join("stages")).unwrap().count();
    assert_eq!(stages, 4);
    assert_eq!(Rows::read(&out.join("trials.csv")).len(), 4);
}

#[test]
fn a_stage_that_dies_is_what_its_run_died_of() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("run");
    let said = say(staged("run", &out).args(["--no-plots", "optimizer.learning_rate=1e30"]));
    assert_eq!(said.code, 3, "{}", said.stderr);
    let diagnosis = fs::read_to_string(out.join("diagnosis.json")).unwrap();
    assert!(diagnosis.contains("blow-up") && diagnosis.contains("in stage base-"), "{diagnosis}");
}

#[test]
fn stages_that_make_no_sense_are_refused_with_their_place() {
    let root = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(scenario("warm-start.toml")).unwrap();
    let cases = [
        ("stage:base@best", "stage:bose@best", 2, "did you mean `base`?"),
        ("\"2..12\"", "\"2..14\"", 4, "inside"),
        ("\"1..11\"", "\"1..14\"", 4, "day 14"),
        ("train.stop = { passes = 1 }", "train.stop = { pasess = 1 }", 2, "pasess"),
        ("slots = \"keep\"", "reinit = [\"mlp.7\"]", 4, "mlp.7"),
    ];
    for (from, to, code, text_of_error) in cases {
        let file = root.path().join("x.toml");
        assert!(text.contains(from), "{from}");
        fs::write(&file, text.replace(from, to)).unwrap();
        let mut command = straggler();
        command.arg("run").arg(&file).args(SMALL).args(["--quiet", "--no-plots", "--out"]);
        let said = say(command.arg(root.path().join(format!("out-{code}-{}", to.len()))));
        assert_eq!(said.code, code, "{to}: {}", said.stderr);
        assert!(said.stderr.contains(text_of_error), "{to}: {}", said.stderr);
    }
}

#[test]
fn a_daily_schedule_refreshes_the_model_that_serves() {
    let root = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(scenario("warm-start.toml")).unwrap();
    let base = &text[..text.find("[[stage]]").unwrap()];
    let daily = |more: &str| {
        let file = root.path().join("daily.toml");
        let days = "first = 9\ndays = 4\nwindow = 6\nahead = 2\nstop = { updates = 20 }";
        let base = base.replace("days            = \"14\"", "");
        let base = base.split("# the same day").next().unwrap().to_owned()
            + base.split_once("for all stages\n").unwrap().1;
        fs::write(&file, format!("{base}\n[daily]\n{days}\n{more}\n")).unwrap();
        file
    };
    let run = |out: &str, more: &str| {
        let mut command = straggler();
        command.arg("run").arg(daily(more)).args(SMALL).args(["--quiet", "--no-plots"]);
        command.args(["holdout.max_examples=200", "holdout.every={times=4}"]);
        command.args(["train.stop.passes=1", "--out"]).arg(root.path().join(out));
        done(&mut command);
        summary(&root.path().join(out))
    };
    let found = run("careful", "push = \"if_better\"");
    let stages = found["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 3);
    assert!(stages[0]["better"].is_null() && stages[1]["better"].is_boolean());
    // The model that serves is the last one that was better than the one before it.
    let at = |stage: &serde_json::Value| {
        let folder = root.path().join("careful/stages").join(stage["folder"].as_str().unwrap());
        fs::read(folder.join("checkpoints/best.safetensors")).unwrap()
    };
    let serving = stages.iter().rev().find(|stage| stage["better"] != false).unwrap();
    let used = found["started_from"]["sha256"].as_str().unwrap();
    use sha2::Digest as _;
    let digest: String =
        sha2::Sha256::digest(at(serving)).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(used, digest);
    let scratch = run("scratch", "scratch = true");
    assert!(scratch["started_from"].is_null());
    let mut command = straggler();
    let said = say(command.arg("check").arg(daily("[[stage]]\nname = \"x\"")));
    assert!(said.code == 2 && said.stderr.contains("leave one of them out"), "{}", said.stderr);
}
