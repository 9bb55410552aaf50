//! Logs that are kept on disk: results are the same bytes with and without them, whatever becomes
//! of the process that makes them and of their folder.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{assert_same, done, reproducible, say, straggler};

/// Large enough to be kept.
const ROWS: usize = 260_000;

const SCENARIO: &str = "[data]\nkind = \"table\"\nfiles = [\"log.csv\"]\ndays = 5\ncategorical = [\"user\", \"item\"]\n\
    numeric = [\"price\"]\nmissing = \"flag\"\n[train]\ndays = \"1..4\"\nbatch = 64\n[train.stop]\nupdates = 60\n\
    [holdout]\ndays = \"5\"\n[model]\nkind = \"logistic\"\n[cluster]\nworkers = 4\n";

/// A folder with a log, its scenario, and a place for a cache.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        let mut text = "label,user,item,price\n".to_string();
        for row in 0..ROWS {
            let price = if row % 7 == 0 { String::new() } else { format!("{}.25", row % 90) };
            let (user, item) = (row * 7919 % 20_011, row * 31 % 3_001);
            writeln!(text, "{},user number {user},item {item},{price}", usize::from(row % 3 == 0))
                .unwrap();
        }
        assert!(text.len() > 8 << 20);
        fs::write(place.path("log.csv"), text).unwrap();
        fs::write(place.path("run.toml"), SCENARIO).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn cached(&self, command: &mut assert_cmd::Command) {
        command.env("STRAGGLER_CACHE", self.path("cache"));
    }

    /// A run into the folder `out`.
    fn run(&self, out: &str, is_cached: bool) -> assert_cmd::Command {
        let mut command = straggler();
        command.arg("run").arg(self.path("run.toml")).arg("--out").arg(self.path(out));
        command.args(["--quiet", "--no-plots"]);
        if is_cached {
            self.cached(&mut command);
        }
        command
    }

    fn results(&self, out: &str) -> std::collections::BTreeMap<String, Vec<u8>> {
        reproducible(&self.path(out))
    }

    fn list(&self, arguments: &[&str]) -> String {
        let mut command = straggler();
        command.args(["data", "cache"]).args(arguments);
        self.cached(&mut command);
        done(&mut command).stdout
    }

    /// The folders in the cache.
    fn entries(&self) -> Vec<String> {
        let folder = fs::read_dir(self.path("cache")).into_iter().flatten().flatten();
        let folders = folder.filter(|entry| entry.path().is_dir());
        folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// As [`run`](Self::run), and does not wait.
    fn start(&self, out: &str) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
        command.arg("run").arg(self.path("run.toml")).arg("--out").arg(self.path(out));
        command.args(["--quiet", "--no-plots"]).env("STRAGGLER_CACHE", self.path("cache"));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

fn change_a_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn results_are_the_same_bytes_with_and_without_the_cache() {
    let place = Place::new();
    done(&mut place.run("without", false));
    assert!(place.entries().is_empty());
    done(&mut place.run("first", true));
    let [entry] = &place.entries()[..] else { panic!("{:?}", place.entries()) };
    done(&mut place.run("second", true));
    for out in ["first", "second"] {
        assert_same(&place.results("without"), &place.results(out), out);
    }
    // Seeds of a sweep have one log.
    let mut sweep = straggler();
    sweep.arg("run").arg(place.path("run.toml")).args(["--seeds", "1..2", "--quiet"]);
    sweep.arg("--out").arg(place.path("sweep"));
    place.cached(&mut sweep);
    done(&mut sweep);
    assert_eq!(place.entries().len(), 1);

    let listed = place.list(&[]);
    assert!(
        listed.contains(entry) && listed.contains("log.csv") && listed.contains("260000"),
        "{listed}"
    );
    assert!(place.list(&["other.csv"]).contains("no logs"));
    place.list(&["--verify"]);
    let fields = place.path("cache").join(entry).join("fields.npy");
    change_a_byte(&fields);
    let mut verify = straggler();
    verify.args(["data", "cache", "--verify"]);
    place.cached(&mut verify);
    let said = say(&mut verify);
    assert!(
        said.code == 1 && said.stdout.contains("fields.npy: its checksum is wrong"),
        "{}",
        said.stdout
    );
    let said = done(&mut place.run("damaged", true));
    assert!(said.stderr.contains("is damaged, and made anew"), "{}", said.stderr);
    assert_same(&place.results("without"), &place.results("damaged"), "damaged");
    place.list(&["--verify"]);

    assert!(place.list(&["--clear", "--unused-for", "1"]).starts_with("0 logs removed"));
    assert!(place.list(&["--clear", "log.csv"]).starts_with("1 log removed"));
    assert!(place.entries().is_empty());
}

#[test]
fn two_processes_at_once_make_one_log() {
    let place = Place::new();
    done(&mut place.run("without", false));
    let both = [place.start("one"), place.start("two")];
    for mut child in both {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(place.entries().len(), 1);
    for out in ["one", "two"] {
        assert_same(&place.results("without"), &place.results(out), out);
    }
}

#[test]
fn a_load_that_is_killed_leaves_nothing_that_is_used() {
    let place = Place::new();
    done(&mut place.run("without", false));
    let mut killed = 0;
    for round in 0..6 {
        let mut child = place.start(&format!("killed {round}"));
        // It is killed as soon as it writes, a little later each time.
        for _ in 0..3000 {
            if !place.entries().is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(40 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        killed += usize::from(place.entries().iter().all(|name| name.contains(".making-")));
        if killed < round as usize {
            break;
        }
    }
    assert!(killed > 0, "it was never killed while it was loading");
    done(&mut place.run("after", true));
    assert_eq!(place.entries().len(), 1, "{:?}", place.entries());
    assert!(!place.entries()[0].contains(".making-"));
    assert_same(&place.results("without"), &place.results("after"), "after");
}

#[test]
fn a_cache_that_cannot_be_written_is_told_and_changes_nothing() {
    let place = Place::new();
    done(&mut place.run("without", false));
    fs::write(place.path("cache"), "a file, not a folder").unwrap();
    let said = done(&mut place.run("with", true));
    assert!(said.stderr.contains("the log cannot be kept for the next start"), "{}", said.stderr);
    assert_same(&place.results("without"), &place.results("with"), "with");
}

#[cfg(unix)]
#[test]
fn a_full_disk_changes_nothing() {
    let place = Place::new();
    done(&mut place.run("without", false));
    // A limit on the size of files is met like a full disk: the log has larger columns.
    let out = Command::new("sh")
        .args(["-c", "ulimit -f 1200; exec \"$0\" run \"$1\" --out \"$2\" --quiet --no-plots"])
        .arg(env!("CARGO_BIN_EXE_straggler"))
        .args([place.path("run.toml"), place.path("with")])
        .env("STRAGGLER_CACHE", place.path("cache"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && said.contains("cannot be kept"), "{said}");
    assert!(place.entries().is_empty());
    assert_same(&place.results("without"), &place.results("with"), "with");
}
