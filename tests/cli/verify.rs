//! `verify`: the first place at which a run differs when it is run again.

use std::fs;
use std::path::Path;

use straggler::experiment::verify::compare;

use crate::fuzz::{Dice, cases};
use crate::support::{SMALL, Said, done, reproducible, say, scenario, small_run, straggler};

fn verify(folder: &Path, more: &[&str]) -> Said {
    say(straggler().arg("verify").arg(folder).args(more).arg("--quiet"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => _ = fs::copy(entry.path(), target).unwrap(),
        }
    }
}

/// Changes one digit of one cell; returns file, line, column and the cell that is right.
fn change_a_digit(folder: &Path, dice: &mut Dice) -> (String, usize, String, String) {
    const FILES: [&str; 7] = [
        "evaluations.csv",
        "training.csv",
        "divergence.csv",
        "timeline.csv",
        "service.csv",
        "staleness.csv",
        "workers.csv",
    ];
    loop {
        let name = FILES[dice.roll(FILES.len())];
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        let line = 1 + dice.roll(lines.len() - 1);
        let mut cells: Vec<String> = lines[line].split(',').map(str::to_string).collect();
        let column = dice.roll(cells.len());
        let right = cells[column].clone();
        let digits: Vec<usize> =
            right.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
        if digits.is_empty() {
            continue;
        }
        let at = digits[dice.roll(digits.len())];
        let other = (right.as_bytes()[at] - b'0' + 1 + dice.roll(9) as u8) % 10;
        cells[column].replace_range(at..=at, &other.to_string());
        lines[line] = cells.join(",");
        fs::write(folder.join(name), lines.join("\n") + "\n").unwrap();
        let header = text.lines().next().unwrap().split(',').nth(column).unwrap();
        return (name.to_string(), line + 1, header.to_string(), right);
    }
}

#[test]
fn r09_the_first_difference_is_named_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let (run, changed) = (folder.path().join("run"), folder.path().join("changed"));
    done(&mut small_run(&run));
    for case in 0..cases(50) {
        drop(fs::remove_dir_all(&changed));
        copy(&run, &changed);
        let (file, line, column, right) = change_a_digit(&changed, &mut Dice::new(case.into()));
        let found = compare(&changed, &run).unwrap();
        let first = found.first.unwrap_or_else(|| panic!("case {case}: {file}:{line} is missed"));
        assert_eq!((&first.file, first.line), (&file, line), "case {case}");
        assert_eq!(first.column.as_ref(), Some(&column), "case {case}");
        assert_eq!(first.again.as_ref(), Some(&right), "case {case}");
        assert_eq!(found.changed, [file], "case {case}");
    }
    // By the command, with a run of its own.
    let said = verify(&run, &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("the same when run again"), "{}", said.stdout);
    let training = fs::read_to_string(run.join("training.csv")).unwrap();
    let row: Vec<&str> = training.lines().nth(7).unwrap().split(',').collect();
    copy(&run, &changed);
    let wrong = training.replace(&format!(",{},", row[3]), ",0.75,");
    fs::write(changed.join("training.csv"), wrong).unwrap();
    let said = verify(&changed, &[]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let at = format!("at     update {}, sim_s {}", row[0], row[2]);
    for part in
        ["training.csv, line 8, column loss", &at, "kept   0.75\n", row[3], "changed since it was"]
    {
        assert!(said.stdout.contains(part), "{part} is missing in {}", said.stdout);
    }
    // What is gone was not changed.
    fs::write(changed.join("training.csv"), training).unwrap();
    fs::remove_file(changed.join("workers.csv")).unwrap();
    let said = verify(&changed, &[]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let deleted = "workers.csv: deleted since it was written";
    assert!(said.stdout.contains(deleted), "{}", said.stdout);
    assert!(!said.stdout.contains("changed since"), "{}", said.stdout);
}

#[test]
fn what_cannot_be_verified_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    done(&mut small_run(&run));
    // Into a folder of one's own, which is kept.
    let kept = folder.path().join("kept");
    assert_eq!(verify(&run, &["--out", kept.to_str().unwrap()]).code, 0);
    assert!(kept.join("training.csv").exists());
    // Results of other semantics.
    let text = fs::read_to_string(run.join("summary.json")).unwrap();
    let other = text.replace("\"semantics\": ", "\"semantics\": 9");
    fs::write(run.join("summary.json"), other).unwrap();
    let said = verify(&run, &[]);
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert!(
        said.stderr.contains("semantics") && said.stderr.contains("--force"),
        "{}",
        said.stderr
    );
    let said = verify(&run, &["--force"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stdout.contains("summary.json, line"), "{}", said.stdout);
    // Nothing that has ended.
    fs::remove_file(run.join("summary.json")).unwrap();
    assert_eq!(verify(&run, &[]).code, 6);
    assert_eq!(verify(folder.path(), &[]).code, 6);
    // A sweep.
    let sweep = folder.path().join("sweep");
    let mut command = straggler();
    command.arg("sweep").arg(scenario("timing-only.toml")).arg("train.stop.updates=20");
    done(command.args(["cluster.workers=2,3", "--quiet", "--out"]).arg(&sweep));
    let said = verify(&sweep, &[]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("trials/0000"), "{}", said.stderr);
    assert_eq!(verify(&sweep.join("trials/0001"), &[]).code, 0);
}

/// Checkpoints, pictures and the folders of stages are results too.
#[test]
fn files_without_lines_and_stages_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let (run, changed) = (folder.path().join("run"), folder.path().join("changed"));
    let mut command = straggler();
    command.arg("run").arg(scenario("warm-start.toml")).args(SMALL).args(["--quiet", "--out"]);
    done(command.arg(&run).args([
        "train.batch=64",
        "stage.base.set.train.stop={updates=6}",
        "stage.refresh.set.train.stop={updates=6}",
        "stage.refresh.set.checkpoint={last=true}",
        "holdout.max_examples=100",
    ]));
    assert_eq!(verify(&run, &[]).code, 0);
    let files = reproducible(&run);
    let of = |part: &str| files.keys().find(|name| name.contains(part)).unwrap().clone();
    let stage = files.keys().find(|name| name.starts_with("stages/")).unwrap();
    let stage = stage.split('/').take(2).collect::<Vec<_>>().join("/");
    for name in [
        of("checkpoints/"),
        of("plots/"),
        format!("{stage}/training.csv"),
        of(&format!("{stage}/checkpoints/")),
    ] {
        for is_gone in [false, true] {
            drop(fs::remove_dir_all(&changed));
            copy(&run, &changed);
            let file = changed.join(&name);
            if is_gone {
                fs::remove_file(file).unwrap();
            } else {
                let mut bytes = fs::read(&file).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(file, bytes).unwrap();
            }
            let said = verify(&changed, &[]);
            assert_eq!(said.code, 1, "{name}: {}{}", said.stdout, said.stderr);
            assert!(said.stdout.contains(&format!("first difference: {name}")), "{}", said.stdout);
        }
    }
}

#[test]
fn a_run_that_blew_up_blows_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let blow_up = ["optimizer.kind=sgd", "optimizer.learning_rate=1e6"];
    assert_eq!(say(small_run(&run).args(blow_up)).code, 3);
    let said = verify(&run, &[]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}
