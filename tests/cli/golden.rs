//! Properties R07 and R08: results do not change by accident.
//!
//! `tests/golden/fingerprints.txt` holds what some scenarios come out as. A difference is a change of
//! results: raise `SEMANTICS`, say so in the changelog, and write the file anew with
//! `STRAGGLER_REWRITE=1 cargo test --test cli golden`, which refuses to without the first of these.

use std::fmt::Write as _;
use std::path::Path;

use straggler::results::semantics::SEMANTICS;

use crate::support::{SMALL, done, scenario, straggler, summary};

const FILE: &str = "tests/golden/fingerprints.txt";

/// Scenarios that exercise the parts, each small.
const RUNS: &[(&str, &str, &[&str])] = &[
    ("asynchronous", "quickstart.toml", &[]),
    ("synchronous", "quickstart.toml", &["protocol.kind=synchronous"]),
    ("stale synchronous", "quickstart.toml", &["protocol.kind=stale_synchronous"]),
    ("softsync", "quickstart.toml", &["protocol.kind=softsync"]),
    ("normalized", "quickstart.toml", &["remedy=[{kind='staleness_normalization'}]"]),
    ("power", "quickstart.toml", &["remedy=[{kind='power'}]"]),
    ("compensated", "quickstart.toml", &["remedy=[{kind='delay_compensation'}]"]),
    (
        "mlp with sgd",
        "quickstart.toml",
        &["model={kind='mlp',hidden=[8,4],embedding_dim=4}", "optimizer={kind='sgd'}"],
    ),
    (
        "imposed",
        "imposed-staleness.toml",
        &["train.stop.updates=60", "data.rows_per_day=300", "holdout.max_examples=200"],
    ),
    ("tide hours", "tide-hours.toml", &["train.stop.updates=60"]),
    ("timing only", "timing-only.toml", &["train.stop.updates=500", "cluster.workers=20"]),
    (
        "demo",
        "demo.toml",
        &[
            "data.rows_per_day=600",
            "train.batch=64",
            "model.embedding_dim=8",
            "model.hidden=[64,32]",
        ],
    ),
];

fn fingerprint(file: &str, extra: &[&str], out: &Path) -> String {
    let mut command = straggler();
    command.arg("run").arg(scenario(file)).args(["--quiet", "--no-plots", "--out"]).arg(out);
    if file == "quickstart.toml" {
        let whole_model = extra.iter().any(|key| key.starts_with("model="));
        let fits = |key: &&&str| !(whole_model && key.starts_with("model."));
        command.args(SMALL.iter().filter(fits));
    }
    done(command.args(extra));
    let summary = summary(out);
    let weights = summary["weights_sha256"].as_str().map_or("-", |sha| &sha[..16]);
    let staleness = &summary["staleness"]["mean"];
    format!(
        "{} events, {} s, staleness {staleness}, weights {weights}",
        summary["events"], summary["sim_s"]
    )
}

#[test]
fn r07_r08_results_are_those_of_before() {
    if cfg!(not(all(target_arch = "x86_64", target_os = "linux"))) {
        println!("not tested: the fingerprints are those of x86-64 and Linux");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut found = format!("semantics {SEMANTICS}\n");
    for (name, file, extra) in RUNS {
        let fingerprint = fingerprint(file, extra, &folder.path().join(name));
        writeln!(found, "{name}: {fingerprint}").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let changed: Vec<&str> = kept.lines().skip(1).filter(|line| !found.contains(line)).collect();
    let is_raised = kept.lines().next() != found.lines().next();
    if std::env::var_os("STRAGGLER_REWRITE").is_some() {
        assert!(changed.is_empty() || is_raised, "raise SEMANTICS first; changed: {changed:#?}");
        std::fs::write(&path, &found).unwrap();
    } else {
        assert!(
            kept == found,
            "results have changed: if that is meant, raise SEMANTICS, add a line to the changelog, and \
             write {FILE} anew (STRAGGLER_REWRITE=1)\nwas\n{kept}\nis\n{found}"
        );
    }
    let changelog = include_str!("../../CHANGELOG.md");
    let is_told = SEMANTICS == 1 || changelog.contains(&format!("semantics {SEMANTICS}"));
    assert!(is_told, "CHANGELOG.md says nothing of semantics {SEMANTICS}");
}
