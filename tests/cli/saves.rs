//! How the simulated job saves its tables: eviction at saves, and rows of which a checkpoint has
//! halves.

use std::fs;
use std::path::Path;

use straggler::experiment::checkpoint::file;

use crate::support::{Rows, Said, say, straggler, summary};

const SCENARIO: &str = r#"
straggler = 1
[data]
kind = "synthetic"
days = 3
rows_per_day = 600
users = 200
items = 300
[train]
days = "1..2"
batch = 8
stop = { updates = 60 }
[model]
kind = "mlp"
fields = ["user", "item"]
embedding_dim = 4
hidden = [8]
[optimizer]
kind = "adam"
scope = "variable"
epsilon_hat = true
[cluster]
workers = 4
"#;

fn on(folder: &Path, words: &[&str]) -> Said {
    fs::write(folder.join("my.toml"), SCENARIO).unwrap();
    say(straggler().current_dir(folder).args(words))
}

fn run(folder: &Path, out: &str, words: &[&str]) -> Said {
    let begin = ["run", "my.toml", "--no-plots", "--out", out];
    on(folder, &[&begin[..], words].concat())
}

const EXPIRY: &str = "eviction={rule={kind='age',after={updates=15}},every='save'}";

#[test]
fn rows_are_evicted_when_the_job_saves() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let holdout = "holdout={days='3',every={times=4},max_examples=100}";
    let said = run(folder, "out", &[EXPIRY, holdout, "checkpoint.every={updates=20}"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let table = Rows::read(&folder.join("out/tables.csv"));
    assert!(table.numbers("evicted").iter().any(|&evicted| evicted > 0.0));
    for (saves, code, text) in [
        ("train.batch=8", 0, "the job saves no checkpoint"),
        ("checkpoint.last=true", 0, "only when the run ends"),
        ("checkpoint.best=true", 0, "the job saves no checkpoint"),
    ] {
        let said = on(folder, &["check", "my.toml", EXPIRY, saves]);
        assert_eq!(said.code, code, "{}", said.stderr);
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(all.contains("W0202") && all.contains(text), "{saves}: {all}");
    }
    let said = on(folder, &["check", "my.toml", EXPIRY, "checkpoint.every={updates=20}"]);
    assert!(!format!("{}{}", said.stdout, said.stderr).contains("W0202"), "{}", said.stderr);
}

/// DeepRec#1023: a chief saves weights, first moments and second moments one after the other, while
/// workers push.
#[test]
fn half_rows_are_counted_in_either_order_of_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for slots_first in [false, true] {
        let out = format!("saved-{slots_first}");
        let first = format!("checkpoint.save.slots_first={slots_first}");
        let save = "checkpoint.save={policy='live',bandwidth='1MB/s',unit='tensor'}";
        let said = run(folder, &out, &["checkpoint.every={updates=20}", save, &first]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        let table = Rows::read(&folder.join(&out).join("checkpoints.csv"));
        let of = |name: &str| table.numbers(name)[0];
        assert!(of("rows_without_slots") > 0.0 && of("slots_apart") > 0.0);
        assert!(of("counters_apart") > 0.0);
        let (newer, none) = match slots_first {
            true => ("weights_newer", ["slots_newer", "rows_without_weights"]),
            false => ("slots_newer", ["weights_newer", "admission_apart"]),
        };
        assert!(of(newer) > 0.0, "{newer}");
        none.iter().for_each(|name| assert_eq!(of(name), 0.0, "{name}"));
        let from = format!("{out}/checkpoints/update-000000020.safetensors");
        let start = |missing: &str| {
            let start = format!("start={{from='{from}',missing='{missing}'}}");
            run(folder, &format!("{out}-{missing}"), &[&start])
        };
        let refused = start("error");
        assert!(refused.code == 4 && refused.stderr.contains("E0402"), "{}", refused.stderr);
        assert_eq!(start("first").code, 0);
        assert_ne!(start("garbage").code, 0, "garbage in the moments blows up");
    }
}

const EVICTS: &str = "eviction={rule={kind='age',after={updates=8}},every={updates=5}}";

/// A run with increments in `out`: full at updates 10 and 50, increments at 20, 30, 40 and 60.
fn with_increments(folder: &Path, out: &str, more: &[&str]) {
    let every = "checkpoint={every={updates=10},increments=3}";
    let said = run(folder, out, &[&[EVICTS, "admission.after=2", every], more].concat());
    assert_eq!(said.code, 0, "{}", said.stderr);
}

#[test]
fn a_run_starts_from_an_increment_as_from_the_full_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_increments(folder, "some", &[]);
    let every = "checkpoint.every={updates=10}";
    assert_eq!(run(folder, "full", &[EVICTS, "admission.after=2", every]).code, 0);
    let mut names: Vec<String> = fs::read_dir(folder.join("some/checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let kinds = [(10, ""), (20, ".increment"), (30, ".increment"), (40, ".increment")];
    let kinds = kinds.into_iter().chain([(50, ""), (60, ".increment")]);
    let expected: Vec<String> =
        kinds.map(|(update, kind)| format!("update-0000000{update}{kind}.safetensors")).collect();
    assert_eq!(names, expected);
    let start = |out: &str, from: &str, replay: &str| {
        let from = format!("start={{from='{from}'{replay}}}");
        run(folder, out, &[EVICTS, "admission.after=2", &from, "checkpoint.last=true"])
    };
    let increment = "some/checkpoints/update-000000040.increment.safetensors";
    let said = start("from-some", increment, "");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("3 increments were laid"), "{}", said.stdout);
    assert_eq!(start("from-full", "full/checkpoints/update-000000040.safetensors", "").code, 0);
    let last = |out: &str| {
        let path = folder.join(out).join("checkpoints/last.safetensors");
        file::read(&path).unwrap().checkpoint
    };
    assert!(last("from-some") == last("from-full"));
    assert_eq!(summary(&folder.join("from-some"))["started_from"]["increments"], 3);
    // What real systems do wrong.
    for (out, replay, laid) in [("swapped", "last_two_swapped", 3), ("missing", "one_missing", 2)] {
        let said = start(out, increment, &format!(",replay='{replay}'"));
        assert_eq!(said.code, 0, "{}", said.stderr);
        let started = &summary(&folder.join(out))["started_from"];
        assert_eq!(started["increments"], laid);
        assert!(started["stale_rows"].as_u64().unwrap() > 0);
        assert!(said.stdout.contains("older values"), "{}", said.stdout);
        assert!(last(out) != last("from-full"), "{out}");
    }
    let full = "full/checkpoints/update-000000040.safetensors";
    let first = "some/checkpoints/update-000000020.increment.safetensors";
    for (from, replay, has) in [
        (full, "one_missing", "0 increments, and the fault that `start.replay` chooses needs 1"),
        (
            first,
            "last_two_swapped",
            "1 increment, and the fault that `start.replay` chooses needs 2",
        ),
    ] {
        let said = start("none", from, &format!(",replay='{replay}'"));
        let all = said.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.code == 4 && all.contains(has), "{all}");
    }
    // Stages find increments by their update.
    let stages = folder.join("stages.toml");
    let stage = "[[stage]]\nname = \"one\"\nset = { checkpoint.every = { updates = 10 }, \
                 checkpoint.increments = 3 }\n[[stage]]\nname = \"two\"\nset = { start.from = \
                 \"stage:one@40\", train.stop = { updates = 5 } }\n";
    fs::write(&stages, format!("{SCENARIO}{stage}")).unwrap();
    let words = ["run", "stages.toml", "--no-plots", "--out", "staged"];
    let said = say(straggler().current_dir(folder).args(words));
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(summary(&folder.join("staged"))["started_from"]["increments"], 3);
}

#[test]
fn a_chain_that_is_broken_is_refused_with_the_file_and_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_increments(folder, "some", &[]);
    with_increments(folder, "other", &["scenario.seed=2"]);
    let place = |out: &str, name: &str| {
        folder.join(out).join(format!("checkpoints/update-0000000{name}.safetensors"))
    };
    let start = || {
        let from = "start.from='some/checkpoints/update-000000030.increment.safetensors'";
        on(folder, &["run", "my.toml", EVICTS, "admission.after=2", from, "--out", "next"])
    };
    let refused = |texts: &[&str]| {
        let said = start();
        assert_eq!(said.code, 4, "{}", said.stderr);
        let all = said.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(texts.iter().all(|text| all.contains(text)), "{all}");
    };
    let (full, first) = (place("some", "10"), place("some", "20.increment"));
    let kept = fs::read(&full).unwrap();
    fs::remove_file(&full).unwrap();
    refused(&["and update-000000010.safetensors is not beside it", "into one folder"]);
    fs::copy(place("other", "10"), &full).unwrap();
    refused(&["update-000000010.safetensors beside it is not the file", "of another job"]);
    fs::write(&full, &kept).unwrap();
    fs::remove_file(&first).unwrap();
    refused(&["and update-000000020.increment.safetensors is not beside it"]);
    fs::copy(place("other", "20.increment"), &first).unwrap();
    refused(&["update-000000020.increment.safetensors beside it is not the file"]);
    for (setting, code, text) in [
        ("checkpoint={increments=2}", 2, "nothing says when they are saved"),
        (
            "checkpoint={every={updates=9},increments=2,save={policy='live',takes='1s'}}",
            2,
            "increments are saved in no time",
        ),
        ("checkpoint={every={updates=9},tombstones=false}", 0, "only increments have tombstones"),
        (
            "checkpoint={every={updates=9},increments=2,tombstones=false}",
            0,
            "no row is ever evicted",
        ),
    ] {
        let said = on(folder, &["check", "my.toml", setting]);
        assert_eq!(said.code, code, "{setting}: {}", said.stderr);
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(all.contains(text), "{setting}: {all}");
    }
}

#[test]
fn admission_forgets_by_distinct_ids_or_counts_lookups() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let holdout = "holdout={days='3',every={times=4},max_examples=100}";
    let there = |out: &str, admission: &str| {
        let said = run(folder, out, &[holdout, admission, "train.stop.updates=120"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        let table = Rows::read(&folder.join(out).join("tables.csv"));
        table.numbers("rows").last().copied().unwrap()
    };
    let count = there("count", "admission={after=3}");
    // Room for all: the same rows, but for ids with the same signature.
    let roomy = there("roomy", "admission={after=3,by={sliding={capacity=1000000}}}");
    assert_eq!(roomy, count);
    let tight = there("tight", "admission={after=3,by={sliding={capacity=300,parts=100}}}");
    assert!(tight < count, "{tight} < {count}");
    assert!(there("lookups", "admission={after=3,counts='lookups'}") >= count);
    for (admission, text) in [
        ("admission={after=17,by={sliding={}}}", "no row is ever admitted"),
        ("admission={after=17,by={sliding={}}}", "it tells 16 occurrences"),
        ("admission={after=16,by={bloom={bits=4}}}", "a counter of 4 bits counts to 15"),
        ("admission={counts='lookups',first_gradient='applied'}", "before its gradient"),
        ("checkpoint={last=true,ids='hashes'}", "the ids of this log are numbers of rows"),
    ] {
        let said = on(folder, &["check", "my.toml", admission]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(all.contains(text), "{admission}: {all}");
    }
    for (by, help) in [
        ("{}", "it takes one of the keys `bloom`, `sliding`"),
        ("{slidin={}}", "did you mean `sliding`?"),
        ("{bloom={},sliding={}}", "has several keys, and takes only one"),
        ("bloom", "write by = { bloom = {} }"),
        ("other", "use one of \"count\", \"chance\", \"equal_chance\""),
    ] {
        let said = on(folder, &["check", "my.toml", &format!("admission.by={by}")]);
        assert!(said.code == 2 && said.stderr.contains(help), "{by}: {}", said.stderr);
    }
    let said = on(folder, &["check", "my.toml", "admission.by={sliding={capacity=1,part=3}}"]);
    assert!(!said.stderr.contains("bloom"), "{}", said.stderr);
    let wrong = ["`admission.by.sliding.capacity`", "did you mean `parts`"];
    assert!(wrong.iter().all(|text| said.stderr.contains(text)), "{}", said.stderr);
}

const TABLE: &str = r#"
straggler = 1
[data]
kind = "table"
files = ["log.csv"]
categorical = ["item"]
[train]
batch = 2
[train.stop]
updates = 3
[model]
kind = "mlp"
embedding_dim = 2
hidden = [2]
[checkpoint]
last = true
[cluster]
workers = 1
"#;

#[test]
fn rows_are_found_whether_texts_or_hashes_of_ids_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("table.toml"), TABLE).unwrap();
    let log = |text: &str| fs::write(folder.join("log.csv"), text).unwrap();
    let go = |out: &str, words: &[&str]| {
        let all = [&["run", "table.toml", "--no-plots", "--out", out][..], words].concat();
        let said = say(straggler().current_dir(folder).args(all));
        assert_eq!(said.code, 0, "{}", said.stderr);
        let path = folder.join(out).join("checkpoints/last.safetensors");
        file::read(&path).unwrap().checkpoint.tensors
    };
    log("label,item\n1,one\n0,two\n1,three\n0,two\n1,one\n0,three\n");
    let values = go("values", &[]);
    let hashes = go("hashes", &["checkpoint.ids='hashes'"]);
    assert!(values.contains_key("ids/item/text") && !hashes.contains_key("ids/item/text"));
    assert_eq!(values["ids/item"], hashes["ids/item"]);
    assert_eq!(values.len(), hashes.len() + 2);
    // Another log, with other numbers of the same ids.
    log("label,item\n1,three\n0,four\n1,two\n0,three\n1,four\n0,two\n");
    let next = |out: &str, from: &str, ids: &str| {
        let from = format!("start.from='{from}/checkpoints/last.safetensors'");
        let tensors = go(out, &[&from, &format!("checkpoint.ids='{ids}'")]);
        tensors.into_iter().filter(|(name, _)| !name.ends_with("/text") && !name.ends_with("/ends"))
    };
    let expected: Vec<_> = next("vv", "values", "values").collect();
    for (out, from, ids) in
        [("vh", "values", "hashes"), ("hv", "hashes", "values"), ("hh", "hashes", "hashes")]
    {
        assert!(next(out, from, ids).eq(expected.iter().cloned()), "{out}");
        let rows = &summary(&folder.join(out))["started_from"]["rows"][0];
        assert_eq!(
            (&rows["known"], &rows["new"], &rows["carried"]),
            (&2.into(), &1.into(), &1.into())
        );
    }
}

#[test]
fn columns_that_are_named_like_tensors_are_refused_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("table.toml"), TABLE).unwrap();
    for (name, why) in [
        ("item/m", "divides the names of tensors"),
        ("__metadata__", "another tensor has this name"),
        ("mlp.0.weight", "another tensor has this name"),
    ] {
        fs::write(folder.join("log.csv"), format!("label,item,{name}\n1,one,a\n0,two,b\n"))
            .unwrap();
        let columns = format!("data.categorical=['item','{name}']");
        let words = ["run", "table.toml", "--no-plots", "--out", "refused", &columns];
        let said = say(straggler().current_dir(folder).args(words));
        let all = said.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.code == 4 && all.contains(why) && all.contains("rename it"), "{all}");
        assert!(!folder.join("refused").exists());
    }
    // Days keep their own numbers; below 1 they are counted from 1.
    for (first, day, warned) in [(6, 7, false), (0, 2, true)] {
        let rows = format!("1,one,{first}\n0,two,{first}\n1,one,{}\n0,two,{0}\n", first + 1);
        fs::write(folder.join("log.csv"), format!("label,item,day\n{rows}")).unwrap();
        let days = [format!("train.days='{}'", day - 1), format!("holdout.days='{day}'")];
        let words = ["check", "table.toml", "data.day=day", &days[0], &days[1]];
        let said = say(straggler().current_dir(folder).args(words));
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert_eq!(said.stderr.contains("day 1 is 0 there"), warned, "{}", said.stderr);
    }
}
