//! `straggler report`: one file that shows what the folder holds, safely and always the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use base64::Engine;
use scraper::{ElementRef, Html, Selector};
use sha2::{Digest, Sha256};

use crate::support::{SMALL, Said, done, say, scenario, straggler};

/// A finished run of a small scenario.
fn run(folder: &Path, name: &str, overrides: &[&str]) -> PathBuf {
    let out = folder.join(name);
    done(&mut small(&out, overrides));
    out
}

/// A small run with some of its settings replaced.
fn small(out: &Path, overrides: &[&str]) -> Command {
    let key = |setting: &str| setting.split('=').next().map(str::to_string);
    let kept = |setting: &&&str| !overrides.iter().any(|other| key(other) == key(setting));
    let mut command = straggler();
    command.arg("run").arg(scenario("quickstart.toml")).args(SMALL.iter().filter(kept));
    command.args(overrides).arg("--out").arg(out).args(["--quiet", "--no-plots"]);
    command
}

fn report(folders: &[&Path], file: &Path) -> Said {
    say(straggler().arg("report").args(folders).arg("-o").arg(file))
}

/// The page of some folders.
fn page(folders: &[&Path]) -> String {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("page.html");
    let said = report(folders, &file);
    assert_eq!(said.code, 0, "{}", said.stderr);
    fs::read_to_string(file).unwrap()
}

fn all<'a>(document: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    document.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: ElementRef) -> String {
    element.text().collect()
}

/// A sweep folder of `points` worker counts and some seeds, as its runner leaves it.
fn sweep(folder: &Path) -> PathBuf {
    let out = folder.join("sweep");
    fs::create_dir_all(out.join("trials")).unwrap();
    let mut plan = String::new();
    for trial in 0..8 {
        let (point, seed, workers) = (trial / 4, trial % 4 + 1, [2, 5][trial / 4]);
        let settings = format!("cluster.workers={workers}");
        let id = format!("{trial:04}");
        let seeded = format!("scenario.seed={seed}");
        // The last trial is still to do, the one before it blew up.
        let overrides = match trial {
            6 => vec![settings.as_str(), seeded.as_str(), "optimizer.learning_rate=1e20"],
            _ => vec![settings.as_str(), seeded.as_str()],
        };
        if trial < 7 {
            let code = say(&mut small(&out.join("trials").join(&id), &overrides)).code;
            assert_eq!(code, if trial == 6 { 3 } else { 0 });
        }
        let line = serde_json::json!({
            "trial": id, "point": point, "label": settings, "seed": seed,
            "settings": {"cluster.workers": workers}, "sha256": "",
        });
        plan.push_str(&format!("{line}\n"));
    }
    fs::write(out.join("plan.jsonl"), plan).unwrap();
    out
}

#[test]
fn a_run_leaves_a_page_and_report_writes_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = straggler();
    command.arg("run").arg(scenario("quickstart.toml"));
    done(command.args(SMALL).arg("--out").arg(&out).arg("--quiet"));
    let first = fs::read(out.join("report.html")).expect("run writes it");
    fs::remove_file(out.join("report.html")).unwrap();
    let said = done(straggler().arg("report").arg(&out));
    assert_eq!(said.stdout.trim(), out.join("report.html").display().to_string());
    assert!(first == fs::read(out.join("report.html")).unwrap(), "other bytes");
    // Moved elsewhere it is the same page, since no path is in it.
    let moved = folder.path().join("elsewhere").join("out");
    fs::create_dir(moved.parent().unwrap()).unwrap();
    fs::rename(&out, &moved).unwrap();
    assert!(first == page(&[&moved]).into_bytes(), "the page depends on the place");
}

#[test]
fn every_figure_has_a_sentence_and_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (
        run(folder.path(), "one", &["holdout.views.workers=2"]),
        run(folder.path(), "other", &["cluster.workers=2"]),
    );
    let sweep = sweep(folder.path());
    for (folders, fewest) in [(vec![&*one], 8), (vec![&*sweep], 4), (vec![&*one, &*other], 2)] {
        let document = Html::parse_document(&page(&folders));
        let figures = all(&document, "figure");
        assert!(figures.len() >= fewest, "{} figures of {folders:?}", figures.len());
        for figure in figures {
            let part = |selector| {
                let selector = Selector::parse(selector).unwrap();
                figure.select(&selector).next().map(text).unwrap_or_default()
            };
            let id = figure.value().id().unwrap();
            assert!(!part("figcaption h3").is_empty(), "{id} has no title");
            assert!(part("figcaption p").ends_with('.'), "{id} has no sentence");
            assert!(!part("details table caption").is_empty(), "{id} has no caption");
            assert!(!part("details table tbody tr").is_empty(), "{id} has no table");
            assert!(!part(".source code").is_empty(), "{id} has no source");
            let data = figure.select(&Selector::parse("script").unwrap()).next();
            if let Some(data) = data {
                assert!(serde_json::from_str::<serde_json::Value>(&text(data)).is_ok(), "{id}");
            }
        }
    }
}

#[test]
fn the_policy_allows_the_scripts_in_the_page_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let document = Html::parse_document(&page(&[&run(folder.path(), "one", &[])]));
    let policy = all(&document, "meta[http-equiv]")[0].value().attr("content").unwrap();
    let directives: BTreeMap<&str, Vec<&str>> = policy
        .split(';')
        .map(|directive| {
            let mut words = directive.split_whitespace();
            (words.next().unwrap(), words.collect())
        })
        .collect();
    assert_eq!(directives["default-src"], ["'none'"]);
    assert_eq!(directives["img-src"], ["data:"]);
    for (directive, selector) in [("script-src", "script:not([type])"), ("style-src", "style")] {
        let hash = |element| {
            let digest = Sha256::digest(text(element));
            format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(digest))
        };
        let hashes: Vec<String> = all(&document, selector).into_iter().map(hash).collect();
        assert_eq!(directives[directive], hashes, "{directive}");
    }
    for attribute in ["style", "src", "onclick", "onload", "onerror"] {
        assert!(all(&document, &format!("[{attribute}]")).is_empty(), "{attribute}");
    }
    for link in all(&document, "[href]") {
        assert!(link.value().attr("href").unwrap().starts_with('#'), "a link out of the page");
    }
}

#[test]
fn a_sweep_shows_points_what_failed_and_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = sweep(folder.path());
    let document = Html::parse_document(&page(&[&sweep]));
    let rows = all(&document, "#points tbody tr");
    assert_eq!(rows.len(), 2);
    let cells: Vec<String> = rows[1].select(&Selector::parse("td").unwrap()).map(text).collect();
    assert_eq!(cells[..4], ["1", "5", "2", "1"], "point, workers, done, failed");
    assert!(text(rows[0]).contains('±'), "an interval where there are seeds enough");
    let notices: String = all(&document, ".notice").into_iter().map(text).collect();
    assert!(notices.contains("1 of 8 trials is not done"), "{notices}");
    let failures = text(all(&document, "#failures")[0]);
    assert!(failures.contains("0006") && failures.contains("blow-up"), "{failures}");
    assert!(text(all(&document, "#reproduce")[0]).contains("straggler report ."));
}

#[test]
fn a_comparison_names_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let one = run(folder.path(), "one", &[]);
    let other = run(folder.path(), "other", &["cluster.workers=2"]);
    let document = Html::parse_document(&page(&[&one, &other]));
    let rows: Vec<String> = all(&document, "#settings tbody tr").into_iter().map(text).collect();
    assert_eq!(rows, ["cluster.workers52"]);
    assert_eq!(all(&document, "#figures tbody tr").len(), 2);
}

#[test]
fn of_a_run_that_was_killed_everything_there_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let out = run(folder.path(), "out", &[]);
    fs::remove_file(out.join("summary.json")).unwrap();
    for file in ["workers.csv", "staleness.csv"] {
        fs::remove_file(out.join(file)).unwrap();
    }
    let training = fs::read(out.join("training.csv")).unwrap();
    fs::write(out.join("training.csv"), &training[..training.len() - 7]).unwrap();
    fs::write(out.join("evaluations.csv"), "update,exam").unwrap();
    let document = Html::parse_document(&page(&[&out]));
    assert!(text(all(&document, ".notice")[0]).contains("not finished"));
    assert!(text(all(&document, "#quality")[0]).contains("evaluations.csv has no rows"));
    assert!(text(all(&document, "#workers")[0]).contains("there is no workers.csv"));
    assert_eq!(all(&document, "figure#loss").len(), 1);
    // Just begun: nothing but the plan.
    for file in fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "csv") {
            fs::remove_file(file).unwrap();
        }
    }
    let document = Html::parse_document(&page(&[&out]));
    assert!(all(&document, "figure").is_empty());
    assert!(!all(&document, "#settings tbody tr").is_empty());
}

#[test]
fn what_cannot_be_read_is_said_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let out = run(folder.path(), "out", &[]);
    let file = folder.path().join("page.html");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let said = report(&[&empty], &file);
    assert_eq!((said.code, file.exists()), (6, false));
    assert!(said.stderr.contains("neither a run"), "{}", said.stderr);
    for (broken, content) in [
        ("workers.csv", "worker,class\n1,\u{1b}[2J\n"),
        ("evaluations.csv", "update,examples,passes,sim_s,view,auc\n1,2,3,4,nobody,0.5\n"),
        ("summary.json", "{"),
        ("resolved.toml", "= 3"),
    ] {
        let whole = fs::read(out.join(broken)).unwrap();
        fs::write(out.join(broken), content).unwrap();
        let said = report(&[&out], &file);
        assert_eq!((said.code, file.exists()), (6, false), "{broken}: {}", said.stderr);
        assert!(said.stderr.contains(broken) && said.stderr.contains("line"), "{}", said.stderr);
        assert!(!said.stderr.contains('\u{1b}'), "{}", said.stderr);
        fs::write(out.join(broken), whole).unwrap();
    }
    let nowhere = folder.path().join("no").join("page.html");
    assert_eq!(report(&[&out], &nowhere).code, 7);
}
