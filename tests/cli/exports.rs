//! `straggler export`: the tables say what the folders say, the event files are framed as
//! TensorBoard wants them, and everything is the same bytes every time. What the programs that read
//! them make of it: `tests/python/check_exports.py`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{
    Rows, SMALL, assert_same, done, reproducible, say, scenario, small_run, straggler,
};

/// A sweep with a trial that diverges, of one seed.
fn sweep(folder: &Path) -> std::path::PathBuf {
    let out = folder.join("sweep");
    let mut command = straggler();
    let small = SMALL.iter().filter(|setting| !setting.contains("workers"));
    command.arg("sweep").arg(scenario("quickstart.toml")).args(small);
    command.args(["optimizer.kind=sgd", "optimizer.learning_rate=1e-2,1e30"]);
    command.args(["cluster.workers=1,5", "--seeds", "2", "--quiet", "--out"]).arg(&out);
    assert_eq!(say(&mut command).code, 3);
    out
}

fn export(results: &Path, format: &str, out: &Path) -> crate::support::Said {
    let mut command = straggler();
    command.arg("export").arg(results).args(["--format", format, "-o"]).arg(out);
    say(&mut command)
}

#[test]
fn tables_hold_what_the_folders_hold() {
    let folder = tempfile::tempdir().unwrap();
    let (results, csv) = (sweep(folder.path()), folder.path().join("csv"));
    let said = export(&results, "csv", &csv);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let trials = Rows::read(&csv.join("trials.csv"));
    let front = ["trial", "point", "label", "seed", "cluster.workers", "optimizer.learning_rate"];
    assert!(front.iter().all(|name| trials.header[..6].contains(&name.to_string())));
    assert_eq!(trials.numbers("trial"), (0..8).map(f64::from).collect::<Vec<_>>());
    let kept = Rows::read(&results.join("trials.csv"));
    assert_eq!(trials.texts("state"), kept.texts("state"));
    assert_eq!(trials.texts("best.auc"), kept.texts("best.auc"));
    let diverged = trials.texts("state").iter().position(|state| *state == "failed").unwrap();
    assert_eq!(trials.texts("best.auc")[diverged], "", "no number stands for it");
    assert!(trials.texts("ended")[diverged].contains("blow-up"));
    for name in ["evaluations", "training", "staleness", "workers", "divergence"] {
        let table = Rows::read(&csv.join(format!("{name}.csv")));
        assert_eq!(table.header[..6], trials.header[..6], "{name}");
        let mut at = 0;
        for (number, trial) in trials.texts("folder").iter().enumerate() {
            let path = results.join(trial).join(format!("{name}.csv"));
            if !path.exists() {
                continue;
            }
            let own = Rows::read(&path);
            for column in &own.header {
                let exported = &table.texts(column)[at..at + own.len()];
                assert_eq!(exported, own.texts(column), "{name}: {column} of {trial}");
            }
            assert!(table.numbers("trial")[at..at + own.len()].iter().all(|n| *n == number as f64));
            at += own.len();
        }
        assert_eq!(at, table.len(), "{name} has other rows");
    }
    let settings = Rows::read(&csv.join("settings.csv"));
    assert!(settings.texts("key").contains(&"train.batch"));
    for file in fs::read_dir(&csv).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.to_lowercase().split([',', '\n']).any(|cell| cell == "nan" || cell == "inf"));
    }
}

#[test]
fn json_lines_have_numbers_and_nulls() {
    let folder = tempfile::tempdir().unwrap();
    let (results, out) = (sweep(folder.path()), folder.path().join("jsonl"));
    assert_eq!(export(&results, "jsonl", &out).code, 0);
    let text = fs::read_to_string(out.join("trials.jsonl")).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 8);
    let keys = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for row in &rows {
        assert_eq!(keys(row), keys(&rows[0]), "every row has every column");
        assert!(row["trial"].is_u64() && row["cluster.workers"].is_u64());
        assert!(row["optimizer.learning_rate"].is_f64());
        assert_eq!(row["best.auc"].is_null(), row["state"] == "failed");
    }
}

#[test]
fn an_export_is_the_same_bytes_every_time_and_leaves_the_results_alone() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    done(&mut small_run(&run));
    let before = reproducible(&run);
    for format in ["csv", "jsonl", "tensorboard"] {
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        assert_eq!(export(&run, format, &one).code, 0);
        assert_eq!(export(&run, format, &two).code, 0);
        assert_same(&reproducible(&one), &reproducible(&two), format);
        // Once more over what is there.
        assert_eq!(export(&run, format, &one).code, 0);
        assert_same(&reproducible(&one), &reproducible(&two), format);
    }
    assert_same(&before, &reproducible(&run), "after exports elsewhere");
    // Inside the results by default, where nothing minds it.
    let said = done(straggler().arg("export").arg(&run).args(["--format", "csv"]));
    assert!(said.stdout.contains("trials.csv"), "{}", said.stdout);
    assert_eq!(Rows::read(&run.join("export/csv/trials.csv")).texts("state"), ["done"]);
    done(&mut small_run(&run));
}

/// CRC-32C by its definition: a division of polynomials, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut rest = !0u32;
    for byte in bytes {
        rest ^= u32::from(*byte);
        for _ in 0..8 {
            rest = if rest & 1 == 1 { rest >> 1 ^ 0x82f6_3b78 } else { rest >> 1 };
        }
    }
    !rest
}

/// The events of an event file, its frames checked.
fn frames(path: &Path) -> Vec<Vec<u8>> {
    let (bytes, mut at, mut found) = (fs::read(path).unwrap(), 0, Vec::new());
    let checked = |bytes: &[u8], kept: &[u8]| {
        let crc = crc32c(bytes);
        let masked = crc.rotate_right(15).wrapping_add(0xa282_ead8);
        assert_eq!(kept, masked.to_le_bytes());
    };
    while at < bytes.len() {
        let length = &bytes[at..at + 8];
        checked(length, &bytes[at + 8..at + 12]);
        let end = at + 12 + u64::from_le_bytes(length.try_into().unwrap()) as usize;
        checked(&bytes[at + 12..end], &bytes[end..end + 4]);
        found.push(bytes[at + 12..end].to_vec());
        at = end + 4;
    }
    found
}

#[test]
fn event_files_are_framed_and_complete() {
    let folder = tempfile::tempdir().unwrap();
    let (results, out) = (sweep(folder.path()), folder.path().join("tb"));
    assert_eq!(export(&results, "tensorboard", &out).code, 0);
    let names: BTreeSet<String> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.len(), 8);
    let has = |events: &[Vec<u8>], tag: &str| {
        let holds = |event: &&Vec<u8>| event.windows(tag.len()).any(|part| part == tag.as_bytes());
        events.iter().filter(holds).count()
    };
    for (number, name) in names.iter().enumerate() {
        assert!(name.starts_with(&format!("{number:04}-")) && name.contains("seed="), "{name}");
        let file = fs::read_dir(out.join(name)).unwrap().next().unwrap().unwrap().path();
        let events = frames(&file);
        assert_eq!(has(&events[..1], "brain.Event:2"), 1);
        let training = results.join(format!("trials/{number:04}/training.csv"));
        assert_eq!(has(&events, "training/loss"), Rows::read(&training).len(), "{name}");
        assert_eq!(has(&events, "session_start_info"), 1);
        assert_eq!(has(&events, "session_end_info"), 1);
    }
    let root = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
    let root: Vec<_> = root.filter(|path| path.is_file()).collect();
    assert_eq!(root.len(), 1);
    let events = frames(&root[0]);
    assert_eq!(has(&events, "_hparams_/experiment"), 1);
    assert_eq!(has(&events, "cluster.workers"), 1);
}

#[test]
fn what_cannot_be_exported_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let said = export(folder.path(), "csv", &folder.path().join("out"));
    assert_eq!(said.code, 6, "{}", said.stderr);
    assert!(!folder.path().join("out").exists());
    let run = folder.path().join("run");
    done(&mut small_run(&run));
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(export(&run, "csv", &file).code, 7);
    assert_eq!(export(&run, "xlsx", &folder.path().join("out")).code, 2);
    fs::write(run.join("training.csv"), "update,loss\n1,much\n").unwrap();
    let said = export(&run, "csv", &folder.path().join("out"));
    assert_eq!(said.code, 6, "{}", said.stderr);
    assert!(said.stderr.contains("training.csv, line 2") && said.stderr.contains("much"));
}

#[cfg(not(feature = "parquet"))]
#[test]
fn without_parquet_the_way_to_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    done(&mut small_run(&run));
    let said = export(&run, "parquet", &folder.path().join("out"));
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("--features parquet"), "{}", said.stderr);
    assert!(!folder.path().join("out").exists());
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_holds_what_csv_holds() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    let folder = tempfile::tempdir().unwrap();
    let results = sweep(folder.path());
    let (csv, out) = (folder.path().join("csv"), folder.path().join("parquet"));
    assert_eq!(export(&results, "csv", &csv).code, 0);
    assert_eq!(export(&results, "parquet", &out).code, 0);
    let mut tables = 0;
    for entry in fs::read_dir(&csv).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().replace(".csv", "");
        let table = Rows::read(&csv.join(format!("{name}.csv")));
        let file = fs::File::open(out.join(format!("{name}.parquet"))).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), table.len(), "{name}");
        for column in &table.header {
            let texts = table.texts(column);
            for (row, text) in rows.iter().zip(texts) {
                let (_, field) = row.get_column_iter().find(|(own, _)| *own == column).unwrap();
                let same = match field {
                    Field::Null => text.is_empty(),
                    Field::Str(own) => own == text,
                    Field::Long(own) => text.parse() == Ok(*own),
                    Field::Double(own) => text.parse() == Ok(*own),
                    other => panic!("{name}: {column} is {other:?}"),
                };
                assert!(same, "{name}: {column} is {field:?}, not {text}");
            }
        }
        tables += 1;
    }
    assert!(tables >= 7);
}
