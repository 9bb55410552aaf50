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
fn run(name: &str) -> String {
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
    let output = cargo.output().expect("cargo runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {complaint}");
    String::from_utf8(output.stdout).expect("examples print text")
}

fn check(name: &str) {
    let printed = run(name);
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
