//! The numbered programs in `examples/` print what is kept in `examples/output/`.
//!
//! `STRAGGLER_REWRITE=1 cargo test --test examples` keeps what they print now.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether this test was built by `cargo test --release`: the examples are then built so too.
fn is_release() -> bool {
    let program = std::env::current_exe().expect("a running program has a path");
    program.components().any(|part| part.as_os_str() == "release")
}

/// Builds the example if that is still to do (`cargo test` has done it) and runs it.
fn run(name: &str, arguments: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["run", "--quiet", "--offline", "--example", name]);
    // The same features as this test has, so that nothing is built twice.
    let features = [
        ("cli", cfg!(feature = "cli")),
        ("plot", cfg!(feature = "plot")),
        ("parquet", cfg!(feature = "parquet")),
    ];
    if features.iter().any(|(_, on)| !on) {
        cargo.arg("--no-default-features");
        for (feature, _) in features.iter().filter(|(_, on)| *on) {
            cargo.args(["--features", feature]);
        }
    }
    if is_release() {
        cargo.arg("--release");
    }
    cargo.arg("--").args(arguments);
    let output = cargo.output().expect("cargo runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {complaint}");
    String::from_utf8(output.stdout).expect("examples print text")
}

fn check(name: &str) {
    let printed = run(name, &[]);
    let number = name.split('-').next().expect("names begin with a number");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/output");
    let kept: PathBuf = folder.join(format!("{number}.txt"));
    if std::env::var_os("STRAGGLER_REWRITE").is_some() {
        std::fs::write(&kept, printed).expect("the folder can be written");
        return;
    }
    let wanted = std::fs::read_to_string(&kept).expect("the output is kept");
    assert_eq!(printed.lines().count(), wanted.lines().count(), "{printed}");
    for (printed, wanted) in printed.lines().zip(wanted.lines()) {
        let alike = support::alike(wanted, printed, 0.02);
        assert!(alike, "{name} prints\n{printed}\ninstead of\n{wanted}");
    }
}

#[test]
fn one_run() {
    check("01-one-run");
}

#[test]
fn watch_a_run() {
    check("02-watch-a-run");
}

#[test]
fn own_parts() {
    check("03-own-parts");
}

#[test]
fn look_at_weights() {
    check("04-look-at-weights");
}

/// Whatever the program does with built-in parts, it does with parts of its own.
#[test]
#[cfg(all(feature = "cli", feature = "plot", feature = "html"))]
fn own_program() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_string();
    let own = |arguments: &[&str]| run("05-own-program", arguments);
    let scenario = "examples/05-own-program.toml";

    assert!(own(&["explain", "protocol.pushes"]).contains("Pushes that make an update."));
    assert!(own(&["check", scenario]).contains("4000 examples in 1 day to train on"));
    let (one, again, sweep) = (path("one"), path("again"), path("sweep"));
    assert!(own(&["run", scenario, "--out", &one, "-q"]).contains("trained     125 updates"));
    // The folder keeps the settings, those left out too, and gives the same run again.
    let resolved = std::fs::read_to_string(path("one/resolved.toml")).expect("it is written");
    for line in ["kind = \"merge_pushes\"", "kind = \"cut_off\"", "every = 10"] {
        assert!(resolved.contains(line), "{line} in\n{resolved}");
    }
    own(&["run", &one, "--out", &again, "-q"]);
    let table =
        |folder: &str| std::fs::read(path(&format!("{folder}/training.csv"))).expect("read");
    assert!(table("one") == table("again"));
    assert!(own(&["verify", &one, "-q"]).contains("the same when run again"));

    own(&["sweep", scenario, "protocol.pushes=1,2", "--seeds", "3", "--out", &sweep, "-q"]);
    assert!(own(&["compare", &sweep]).contains("protocol.pushes: 1, 2"));
    own(&["resume", &sweep, "-q"]);
    own(&["report", &sweep]);
    let page = std::fs::read_to_string(path("sweep/report.html")).expect("it is written");
    assert!(page.contains("merge_pushes"));
    own(&["export", &sweep, "--format", "csv"]);

    // The built-in program does not have them, and says so.
    let refused = Command::new(env!("CARGO_BIN_EXE_straggler"))
        .args(["run", &one, "--force"])
        .output()
        .expect("it starts");
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("unknown protocol.kind `merge_pushes`"), "{said}");
}
