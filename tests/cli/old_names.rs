//! Commands under their old names do what the new ones do; shells complete only the new ones.

use std::path::Path;

use crate::support::{SMALL, assert_same, done, reproducible, scenario, straggler};

fn sweep(command: &str, out: &Path) {
    let mut program = straggler();
    program.arg(command).arg(scenario("quickstart.toml")).args(SMALL);
    program.args(["train.batch=16,32", "--seeds", "3", "record.timeline=200", "--quiet"]);
    done(program.arg("--out").arg(out));
}

#[test]
fn old_names_do_what_the_new_ones_do() {
    let root = tempfile::tempdir().unwrap();
    let (old, new) = (root.path().join("old"), root.path().join("new"));
    sweep("sweep", &old);
    sweep("run", &new);
    assert_same(&reproducible(&old), &reproducible(&new), "sweep");
    let folder = new.to_str().unwrap();
    let trial = new.join("trials/0000");
    let trial = trial.to_str().unwrap();
    for (old, new) in [
        (vec!["list", "optimizers"], vec!["explain", "optimizers"]),
        (vec!["status", folder], vec!["resume", folder, "--list"]),
        (vec!["spread", folder, "--json"], vec!["compare", folder, "--spread", "--json"]),
        (vec!["spread", folder], vec!["compare", folder, "--spread"]),
    ] {
        let said = |words: &[&str]| done(straggler().args(words)).stdout;
        assert_eq!(said(&old), said(&new), "{old:?} {new:?}");
    }
    let (one, other) = (root.path().join("one.json"), root.path().join("other.json"));
    done(straggler().args(["trace", trial, "--out"]).arg(&one));
    done(straggler().args(["export", trial, "--format", "perfetto", "--out"]).arg(&other));
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&other).unwrap());
}

#[test]
fn shells_complete_names_and_no_old_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = done(straggler().args(["completions", shell])).stdout;
        // Names of templates and parts are words without a dash, which only two shells get.
        let names = ["minimal", "ringmaster", "staleness_aware"];
        let names = if ["bash", "zsh"].contains(&shell) { &names[..] } else { &[] };
        for word in [&["whatif", "seeds"], names].concat() {
            assert!(script.contains(word), "{shell} does not complete {word}");
        }
        assert!(!script.contains("spectrum"), "{shell}");
    }
}
