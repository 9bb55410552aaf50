//! What all tests of the program share: running it, small scenarios, reading what it wrote.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use assert_cmd::Command;

/// The program, with nothing of the tester's own settings.
pub(crate) fn straggler() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
    command.env_remove("NO_COLOR");
    command.env("STRAGGLER_CACHE", "off");
    command
}

/// A file of `scenarios/`.
pub(crate) fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name)
}

/// Overrides that shrink the synthetic scenarios to a fraction of a second.
pub(crate) const SMALL: &[&str] = &[
    "data.rows_per_day=300",
    "data.users=100",
    "data.items=60",
    "cluster.workers=5",
    "model.hidden=[8,4]",
    "model.embedding_dim=4",
];

/// The columns of `workers.csv` with the time of a worker that is there.
pub(crate) const WORKER_TIMES: [&str; 6] =
    ["busy_s", "network_s", "queued_s", "served_s", "held_s", "waiting_s"];

/// `straggler run quickstart.toml` with [`SMALL`] into `out`, without plots.
pub(crate) fn small_run(out: &Path) -> Command {
    let mut command = straggler();
    command.arg("run").arg(scenario("quickstart.toml")).args(SMALL);
    command.arg("--out").arg(out).args(["--quiet", "--no-plots"]);
    command
}

/// What a command said and how it ended.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end. A panic of the program is a failure of any test.
pub(crate) fn say(command: &mut Command) -> Said {
    let output = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    let said = Said {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    assert!(!said.stderr.contains("panicked at"), "{}", said.stderr);
    said
}

/// Runs a command that has to succeed.
pub(crate) fn done(command: &mut Command) -> Said {
    let said = say(command);
    assert_eq!(said.code, 0, "stdout: {}\nstderr: {}", said.stdout, said.stderr);
    said
}

/// Rows of a CSV file by column name.
pub(crate) struct Rows {
    pub(crate) header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Rows {
    /// Reads a file of a results folder.
    pub(crate) fn read(path: &Path) -> Rows {
        let mut reader = csv::Reader::from_path(path).expect("the file is there");
        let cells = |record: &csv::StringRecord| record.iter().map(str::to_string).collect();
        let header = cells(reader.headers().expect("there is a header"));
        let rows = reader.records().map(|row| cells(&row.expect("rows are whole"))).collect();
        Rows { header, rows }
    }

    /// The texts of a column.
    pub(crate) fn texts(&self, column: &str) -> Vec<&str> {
        let at = self.header.iter().position(|name| name == column);
        let at = at.unwrap_or_else(|| panic!("no column {column} in {:?}", self.header));
        self.rows.iter().map(|row| row[at].as_str()).collect()
    }

    /// The numbers of a column.
    pub(crate) fn numbers(&self, column: &str) -> Vec<f64> {
        let texts = self.texts(column);
        texts.into_iter().map(|text| text.parse().expect("a number")).collect()
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// `summary.json` of a folder.
pub(crate) fn summary(folder: &Path) -> serde_json::Value {
    let text = fs::read_to_string(folder.join("summary.json")).expect("a summary");
    serde_json::from_str(&text).expect("valid JSON")
}

/// Every file of a results folder that has to be the same bytes wherever and however it is made.
pub(crate) fn reproducible(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    collect(folder, folder, &mut files);
    let is_incidental = |name: &str| name == "run-info.json" || name.starts_with(".lock");
    files.retain(|name, _| !is_incidental(name.rsplit('/').next().unwrap_or(name)));
    files
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("below the root");
            let name = name.to_string_lossy().into_owned();
            files.insert(name, fs::read(&path).expect("a file"));
        }
    }
}

/// Fails with the names of the files that differ, not with their bytes.
pub(crate) fn assert_same(
    one: &BTreeMap<String, Vec<u8>>,
    other: &BTreeMap<String, Vec<u8>>,
    what: &str,
) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other), "{what}: other files");
    let differ: Vec<&String> = one.keys().filter(|name| one[*name] != other[*name]).collect();
    assert!(differ.is_empty(), "{what}: {differ:?} differ");
}

/// Kills a run when it has saved its first snapshot, and lets it go on: it ends in the same files as
/// one that was left alone, with any number of threads. `arguments` are those of a run that saves
/// snapshots, without threads.
pub(crate) fn survives_a_kill(folder: &Path, arguments: impl Fn(&Path) -> Vec<OsString>) {
    let (expected, out) = (folder.join("whole"), folder.join("killed"));
    let of = |out: &Path, threads: &str| {
        let mut all = arguments(out);
        all.extend(["--threads", threads].map(OsString::from));
        all
    };
    done(straggler().args(of(&expected, "1")));
    let mut resumed = false;
    for _ in 0..20 {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_straggler"));
        child.env("STRAGGLER_CACHE", "off").args(of(&out, "2"));
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let snapshots = out.join("snapshots");
        // Not the file that is still being written.
        let is_whole = |entry: fs::DirEntry| entry.path().extension().is_some_and(|e| e == "state");
        let is_there = || fs::read_dir(&snapshots).is_ok_and(|list| list.flatten().any(is_whole));
        while !is_there() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        drop(child.kill());
        child.wait().unwrap();
        if !out.join("summary.json").exists() {
            let said = done(straggler().args(of(&out, "4")));
            resumed = said.stderr.contains("going on from update");
        }
        if resumed {
            break;
        }
        drop(fs::remove_dir_all(&out));
    }
    assert!(resumed, "the run was over each time before it was killed");
    assert_same(&reproducible(&expected), &reproducible(&out), "after a kill");
}
