//! Tables whose ids share rows, and whose rows come and go.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::{Rows, Said, done, say, straggler, summary};

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
batch = 16
[holdout]
days = "3"
every = { times = 5 }
[model]
kind = "mlp"
embedding_dim = 4
hidden = [8]
[cluster]
workers = 3
"#;

fn on(folder: &Path, words: &[&str]) -> Said {
    fs::write(folder.join("my.toml"), SCENARIO).unwrap();
    say(straggler().current_dir(folder).args(words))
}

#[test]
fn tables_that_evict_rows_tell_their_story() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let evict = [
        "eviction.rule={kind='age',after={updates=20}}",
        "eviction.every={updates=10}",
        "admission.after=2",
    ];
    let mut words = vec!["run", "my.toml", "--out", "out", "--no-plots"];
    words.extend(evict);
    let said = on(folder, &words);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let rows = Rows::read(&folder.join("out/tables.csv"));
    let numbers = |name: &str| -> Vec<u64> {
        rows.texts(name).iter().map(|text| text.parse().unwrap()).collect()
    };
    let [there, came, evicted, waiting, returned] =
        ["rows", "came", "evicted", "waiting", "returned"].map(numbers);
    for at in 0..rows.len() {
        assert_eq!(came[at], there[at] + evicted[at]);
        assert!(returned[at] <= came[at]);
    }
    let most = |of: &[u64]| of.iter().copied().max().unwrap_or(0);
    assert!(most(&evicted) > 0 && most(&returned) > 0 && most(&waiting) > 0);
    // Nothing of it without the sections.
    assert_eq!(on(folder, &["run", "my.toml", "--out", "plain", "--no-plots"]).code, 0);
    assert!(!folder.join("plain/tables.csv").exists());
    let unknown = |out: &str| {
        let rows = Rows::read(&folder.join(out).join("evaluations.csv"));
        let share: Vec<f64> =
            rows.texts("unknown_ids").iter().filter_map(|text| text.parse().ok()).collect();
        assert_eq!(share[0], 1.0, "nothing is known before the first update");
        let last = share[share.len() - 1];
        assert_eq!(summary(&folder.join(out))["last"]["quality"]["unknown_ids"], last);
        last
    };
    assert!(unknown("plain") < 0.2 && unknown("out") > unknown("plain"));
}

#[test]
fn ids_that_share_rows_are_counted_and_their_spaces_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let of = "tables.of=[{spaces=['user'],hashing={kind='modulo',rows=20}}]";
    let said = on(folder, &["check", "my.toml", of]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("rows of user"), "{}", said.stdout);
    assert!(said.stdout.contains("in 20 embeddings"), "{}", said.stdout);
    assert!(!said.stdout.contains("rows of item"), "{}", said.stdout);
    let wrong = on(folder, &["check", "my.toml", &of.replace("user", "usr")]);
    assert_eq!(wrong.code, 4, "{}", wrong.stderr);
    assert!(wrong.stderr.contains("its id spaces are ") && wrong.stderr.contains("`usr`"));
    // The log is the same, whatever becomes of its ids: results can be compared.
    let values = "tables.hashing.kind=collisionless,modulo";
    let words = ["run", "my.toml", "--seeds", "3", "--out", "both", values];
    let said = on(folder, &words);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(!said.stdout.contains("not compared"), "{}", said.stdout);
    // Two rows that are added: other weights than one, the same for any number of threads.
    let shas = ["1", "2"].map(|threads| {
        let hashing = "tables.hashing={kind='quotient_remainder',rows=20}";
        let out = format!("joined{threads}");
        let words = ["run", "my.toml", "--out", &out, "--no-plots", "--threads", threads, hashing];
        assert_eq!(on(folder, &words).code, 0);
        summary(&folder.join(&out))["weights_sha256"].as_str().unwrap().to_string()
    });
    assert_eq!(shas[0], shas[1]);
}

#[test]
fn a_cuckoo_table_tells_what_it_does_and_changes_no_result() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let hashing = "tables.hashing={kind='cuckoo',slots=2,start=4}";
    let run = |words: &[&str]| {
        let said = on(folder, &[&["run", "my.toml", "--no-plots", "--out"], words].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        said.stdout
    };
    let said = run(&["out", hashing]);
    assert!(said.contains("slots per find") && said.contains("displaced by"), "{said}");
    run(&["plain"]);
    let same = |file: &str| {
        let read = |out: &str| fs::read(folder.join(out).join(file)).unwrap();
        assert!(read("out") == read("plain"), "{file}");
    };
    for file in ["evaluations.csv", "training.csv", "staleness.csv", "workers.csv"] {
        same(file);
    }
    let (out, plain) = (summary(&folder.join("out")), summary(&folder.join("plain")));
    assert_eq!(out["weights_sha256"], plain["weights_sha256"]);
    assert!(!folder.join("plain/cuckoo.csv").exists() && plain["tables"].is_null());
    let rows = Rows::read(&folder.join("out/cuckoo.csv"));
    let tables = Rows::read(&folder.join("out/tables.csv"));
    assert_eq!(rows.texts("entries"), tables.texts("rows"));
    let numbers = |name: &str| -> Vec<f64> {
        rows.texts(name).iter().map(|text| text.parse().unwrap_or(f64::NAN)).collect()
    };
    let [load, growths, displaced, longest] =
        ["load", "growths", "displaced", "longest"].map(numbers);
    assert!(load.iter().all(|load| (0.0..=1.0).contains(load)));
    assert!(growths.iter().any(|n| *n > 2.0) && displaced.iter().any(|n| *n > 0.0));
    assert!(longest.iter().all(|n| *n <= 5.0));
    // One space only, beside one whose ids share rows.
    let of = "tables.of=[{spaces=['user'],hashing={kind='quotient_remainder',rows=20}}]";
    run(&["some", hashing, of]);
    let some = summary(&folder.join("some"));
    let named: Vec<&str> =
        some["tables"].as_array().unwrap().iter().filter_map(|t| t["table"].as_str()).collect();
    assert!(
        named.contains(&"item") && !named.iter().any(|name| name.contains("user")),
        "{named:?}"
    );
}

#[test]
fn shapes_of_cuckoo_tables_that_make_no_sense_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let check = |keys: &str| {
        let of = format!("tables.hashing={{kind='cuckoo',{keys}}}");
        on(folder.path(), &["check", "my.toml", &of])
    };
    for keys in ["slots=0", "slots=9", "start=0", "grow_at=0.0", "grow_at=1.5", "longest_path=5000"]
    {
        let said = check(keys);
        assert!(said.code == 2 && said.stderr.contains("E0108"), "{keys}: {}", said.stderr);
    }
    let said = check("grow_at=0.8,slots=1");
    assert!(said.code == 0 && said.stderr.contains("W0202"), "{}", said.stderr);
    assert!(said.stderr.contains("doubles before"), "{}", said.stderr);
    assert!(check("grow_at=0.8").stderr.is_empty());
    // 2^28 buckets of eight slots are 32 GiB for each of the tables.
    let said = check("slots=8,start=268435456");
    assert!(said.stdout.contains("GiB") || said.stderr.contains("GiB"), "{}", said.stdout);
}

#[test]
fn settings_of_tables_without_effect_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let warned = |setting: &[&str], words: &str| {
        let mut all = vec!["check", "my.toml"];
        all.extend(setting);
        let said = on(folder.path(), &all);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(said.stderr.contains(words), "{setting:?}\n{}", said.stderr);
    };
    warned(&["eviction.at_least=5"], "nothing says when rows are looked for");
    warned(&["eviction.rule.kind=least_recent"], "no table is ever full");
    let both =
        ["eviction.rule.kind=lru", "eviction.at_most={rows=9}", "eviction.every={updates=3}"];
    warned(&both, "`eviction.every` has no effect");
    let shared = ["tables.hashing.kind=modulo", "eviction.at_most={rows=9}"];
    warned(&shared, "rows that ids share are always there");
    let bloom = ["admission={after=16,by={bloom={bits=4}}}"];
    warned(&bloom, "no row is ever admitted");
    let refused = |words: &[&str], what: &str| {
        let said = on(folder.path(), &[&["check", "my.toml"], words].concat());
        assert!(said.code == 2 && said.stderr.contains(what), "{words:?}: {}", said.stderr);
    };
    refused(&["eviction.every={updates=0}"], "`eviction.every` has no length");
    for rule in ["{kind='age',after={examples=0}}", "{kind='score',half_life={sim_time='0s'}}"] {
        refused(&[&format!("eviction.rule={rule}")], "has no length");
    }
    let twice = "[{spaces=['user','item'],hashing={kind='double',rows=9}},{spaces=['item']}]";
    refused(&[&format!("tables.of={twice}")], "the tables of `item` are set twice");
    drop(done(straggler().arg("explain").arg("evictions")));
}

#[test]
fn quality_by_rows_is_a_file_of_its_own_and_changes_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let evict = ["eviction.rule={kind='age',after={updates=20}}", "eviction.every={updates=10}"];
    let of = |out: &str, more: &[&str]| {
        let mut words = vec!["run", "my.toml", "--out", out];
        words.extend(evict);
        words.extend(more);
        let said = on(folder, &words);
        assert_eq!(said.code, 0, "{}", said.stderr);
        folder.join(out)
    };
    let (plain, split) = (of("plain", &[]), of("split", &["holdout.by_row=['user','item']"]));
    let files = |of: &Path| -> BTreeMap<String, Vec<u8>> {
        let all = fs::read_dir(of).unwrap().map(|entry| entry.unwrap());
        let named = all.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
        let tables = named.filter(|(name, _)| name.ends_with(".csv"));
        tables.map(|(name, path)| (name, fs::read(path).unwrap())).collect()
    };
    let (before, mut after) = (files(&plain), files(&split));
    assert!(after.remove("by_row.csv").is_some() && before == after);
    assert_eq!(summary(&plain)["weights_sha256"], summary(&split)["weights_sha256"]);
    // The classes are the reporting half at every evaluation, and their mean is its log-loss.
    let (rows, whole) =
        (Rows::read(&split.join("by_row.csv")), Rows::read(&split.join("evaluations.csv")));
    let [updates, spaces, splits] = ["update", "space", "split"].map(|name| rows.texts(name));
    let (share, loss) = (rows.numbers("share"), rows.numbers("log_loss"));
    let mut sums: BTreeMap<[&str; 3], f64> = BTreeMap::new();
    for at in 0..rows.len() {
        let key = [updates[at], spaces[at], splits[at]];
        *sums.entry(key).or_default() += share[at] * loss[at];
    }
    let wanted: BTreeMap<&str, f64> =
        whole.texts("update").into_iter().zip(whole.numbers("log_loss")).collect();
    assert_eq!(sums.len(), 6 * wanted.len(), "three splits of two spaces");
    for ([update, space, split], loss) in sums {
        assert!((loss - wanted[update]).abs() < 1e-9, "{update} {space} {split}: {loss}");
    }
    // Page, pictures and exports have it.
    let page = fs::read_to_string(split.join("report.html")).unwrap();
    for name in ["by-row-frequency", "by-row-age", "by-row-returned", "rows"] {
        assert!(split.join("plots").join(format!("{name}.png")).exists(), "{name}");
    }
    assert!(page.contains("Rows of tables") && page.contains("id=\"rows-over-time\""));
    assert!(!plain.join("plots/by-row-age.png").exists() && plain.join("plots/rows.png").exists());
    let csv = folder.join("csv");
    done(straggler().arg("export").arg(&split).args(["--format", "csv", "-o"]).arg(&csv));
    let exported = Rows::read(&csv.join("by_row.csv"));
    assert_eq!(exported.len(), rows.len());
}

#[test]
fn a_holdout_is_divided_only_by_rows_that_the_model_reads() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |setting: &str, words: &str| {
        let said = on(folder.path(), &["check", "my.toml", setting]);
        assert_eq!(said.code, 4, "{}", said.stderr);
        assert!(said.stderr.contains(words), "{}", said.stderr);
    };
    refused("holdout.by_row=['usr']", "`holdout.by_row` names `usr`, which the log does not have");
    let shared = ["tables.hashing.kind=modulo", "holdout.by_row=['user']"];
    let mut words = vec!["check", "my.toml"];
    words.extend(shared);
    let said = on(folder.path(), &words);
    assert_eq!(said.code, 0, "{}", said.stderr);
}

#[test]
fn a_stage_knows_which_rows_the_stage_before_has_met() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let stages = "stage=[{name='one',set={train={days='1'}}},\
         {name='two',set={train={days='2'},start={from='stage:one@last'}}}]";
    let words = ["run", "my.toml", "--out", "out", "--no-plots", stages, "holdout.by_row=['item']"];
    let said = on(folder, &words);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let rows = Rows::read(&folder.join("out/by_row.csv"));
    let first = |split: &str| -> Vec<String> {
        let all =
            rows.texts("update").into_iter().zip(rows.texts("split")).zip(rows.texts("class"));
        all.filter(|((update, own), _)| *update == "0" && *own == split)
            .map(|(_, class)| class.to_string())
            .collect()
    };
    assert!(first("age").contains(&"before the run".to_string()), "{:?}", first("age"));
    let known = |class: &&String| !["unknown", "0"].contains(&class.as_str());
    assert!(first("frequency").iter().any(|class| known(&class)), "{:?}", first("frequency"));
}
