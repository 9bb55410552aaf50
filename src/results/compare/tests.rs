//! Comparisons of made-up results.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::gate::Gate;
use super::*;
use crate::metrics::scalar::Better;
use crate::results::outcome::{Results, Settings};

/// A finished run with these figures, and evaluations of (simulated second, AUC).
fn write_run(folder: &Path, seed: u64, auc: f64, series: &[(f64, f64)]) {
    fs::create_dir_all(folder).unwrap();
    let resolved =
        format!("[scenario]\nseed = {seed}\n[data]\nkind = \"synthetic\"\nusers = 100\n");
    fs::write(folder.join("resolved.toml"), resolved).unwrap();
    let mut text = "update,examples,passes,sim_s,view,auc,session_auc,log_loss,normalised_entropy,\
                    calibration,selection_auc\n"
        .to_string();
    for (index, (sim_s, auc)) in series.iter().enumerate() {
        text += &format!("{index},{},,{sim_s},server,{auc},,,,,{auc}\n", index * 32);
    }
    fs::write(folder.join("evaluations.csv"), text).unwrap();
    let summary = json!({
        "seed": seed, "version": "0.1.0", "semantics": 1, "workers": 4, "sim_s": 2.0,
        "best": {"update": 3, "quality": {"auc": auc}},
        "last": {"quality": {"auc": auc, "examples": 500, "groups": 40}},
        "data": [["rows", "1000"]],
    });
    fs::write(folder.join("summary.json"), summary.to_string()).unwrap();
}

fn change(folder: &Path, pointer: &str, value: serde_json::Value) {
    let path = folder.join("summary.json");
    let mut summary: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    match pointer.strip_prefix("/broken") {
        Some("") => summary["broken"] = value,
        _ => *summary.pointer_mut(pointer).unwrap() = value,
    }
    fs::write(path, summary.to_string()).unwrap();
}

/// A sweep of one point per list of AUCs, with seeds 1, 2, 3 and so on.
fn write_sweep(root: &Path, points: &[&[f64]]) -> Results {
    let mut plan = String::new();
    let mut trial = 0;
    for (point, values) in points.iter().enumerate() {
        for (index, auc) in values.iter().enumerate() {
            let (id, seed) = (format!("{trial:04}"), index as u64 + 1);
            let label = format!("workers={point}");
            let line = json!({"trial": id, "point": point, "label": label, "seed": seed});
            plan += &format!("{line}\n");
            let series = [(0.0, 0.5), (1.0, auc - 0.01), (1.5, *auc), (2.0, auc - 0.02)];
            write_run(&root.join("trials").join(&id), seed, *auc, &series);
            trial += 1;
        }
    }
    fs::write(root.join("plan.jsonl"), plan).unwrap();
    Results::open(root).unwrap()
}

fn sides(results: &Results) -> Vec<Side> {
    let points = results.points.iter();
    points.map(|point| Side::load(results, point, &point.label).unwrap()).collect()
}

fn measure(name: &str) -> Options {
    Options { measures: vec![name.parse().unwrap()], ..Options::default() }
}

/// The only row of a comparison of the AUCs of two points.
fn row(a: &[f64], b: &[f64], options: &Options) -> ComparisonRow {
    let root = tempfile::tempdir().unwrap();
    let sides = sides(&write_sweep(root.path(), &[a, b]));
    compare(&sides[0], &sides[1..], options).unwrap().rows.remove(0)
}

/// Every number in a summary can be asked for.
#[test]
fn the_gap_is_a_measure() {
    let root = tempfile::tempdir().unwrap();
    let results = write_sweep(root.path(), &[&[0.7; 3], &[0.7; 3]]);
    for (index, trial) in results.trials.iter().enumerate() {
        let path = trial.folder.join("summary.json");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replacen('{', &format!("{{\"gap_mean\": {}.25,", index / 3), 1))
            .unwrap();
    }
    let sides = sides(&results);
    let row = compare(&sides[0], &sides[1..], &measure("gap_mean")).unwrap().rows.remove(0);
    assert_eq!((row.a, row.b), (Some(0.25), Some(1.25)));
    assert_eq!(row.measure.better(), Better::Lower);
}

const A: [f64; 5] = [0.7312, 0.7319, 0.7314, 0.7302, 0.7331];
const B: [f64; 5] = [0.7320, 0.7327, 0.7322, 0.7315, 0.7330];

/// Figures of scipy's `ttest_rel`, as in [`crate::results::statistics::student`].
#[test]
fn pairs_are_made_by_seed() {
    let found = row(&A, &B, &measure("best.auc"));
    assert_eq!((found.seeds.len(), found.verdict), (5, Verdict::Higher));
    assert_eq!(found.is_better(), Some(true));
    assert!((found.delta.unwrap() - 0.00072).abs() < 1e-9);
    assert!((found.interval.unwrap().high - 0.0013494636427149103).abs() < 1e-9);
    assert!((found.correlation.unwrap() - 0.9715746832471789).abs() < 1e-9);
    // The gain of pairing: without it the same values do not decide.
    assert!(found.unpaired.unwrap().contains(0.0));
    let apart = Options { pairing: Pairing::None, ..measure("best.auc") };
    let found = row(&A, &B, &apart);
    assert!(matches!(found.verdict, Verdict::Undecided { seeds: Some(seeds) } if seeds > 5));
    let bootstrap = Options { method: Method::Bootstrap, ..measure("best.auc") };
    assert_eq!(row(&A, &B, &bootstrap).verdict, Verdict::Higher);
}

#[test]
fn verdicts_respect_what_matters() {
    let with = |size| Options { practical: vec![(None, size)], ..measure("best.auc") };
    assert_eq!(row(&A, &B, &with(0.0005)).verdict, Verdict::Higher);
    assert_eq!(row(&A, &B, &with(0.002)).verdict, Verdict::Same);
    assert!(matches!(row(&A, &B, &with(0.001)).verdict, Verdict::Undecided { .. }));
    let named = Options { practical: vec![(Some("sim_s".into()), 9.0)], ..measure("best.auc") };
    assert_eq!(row(&A, &B, &named).verdict, Verdict::Higher);
    assert_eq!(row(&A, &A, &measure("best.auc")).verdict, Verdict::Same);
}

#[test]
fn too_few_seeds_have_values_and_no_interval() {
    let found = row(&A[..2], &B[..2], &measure("best.auc"));
    assert_eq!((found.verdict, found.interval, found.p), (Verdict::TooFew, None, None));
    assert!(found.delta.is_some());
}

#[test]
fn failed_trials_are_named_and_in_no_mean() {
    let root = tempfile::tempdir().unwrap();
    let results = write_sweep(root.path(), &[&A, &B]);
    let folder = root.path().join("trials/0006");
    fs::remove_file(folder.join("summary.json")).unwrap();
    fs::write(folder.join("diagnosis.json"), r#"{"ended": "blow-up at update 9"}"#).unwrap();
    fs::remove_dir_all(root.path().join("trials/0009")).unwrap();
    let sides = sides(&results);
    let found = compare(&sides[0], &sides[1..], &measure("best.auc")).unwrap();
    assert_eq!(found.rows[0].seeds, [1, 3, 4]);
    let [failed] = &found.others[0].failed[..] else { panic!("one failed") };
    assert_eq!((failed.seed, failed.blew_up), (2, true));
    assert_eq!(found.others[0].to_do, [5]);
    // One side has no values at all.
    for trial in 5..10 {
        drop(fs::remove_dir_all(root.path().join(format!("trials/{trial:04}"))));
    }
    let sides = self::sides(&results);
    let error = compare(&sides[0], &sides[1..], &Options::default()).unwrap_err();
    assert!(matches!(error, CompareError::Empty(name) if name == "workers=1"));
}

#[test]
fn many_questions_are_corrected_for() {
    let root = tempfile::tempdir().unwrap();
    let sides = sides(&write_sweep(root.path(), &[&A, &B, &A, &B, &A]));
    let found = compare(&sides[0], &sides[1..], &measure("best.auc")).unwrap();
    assert_eq!(found.questions, 4);
    // p = 0.034 alone.
    let first = &found.rows[0];
    assert!((first.adjusted_p.unwrap() - 4.0 * first.p.unwrap()).abs() < 1e-12);
    assert!(matches!(first.verdict, Verdict::Undecided { .. }));
}

#[test]
fn what_cannot_be_compared_is_refused_unless_forced() {
    let refused = |spoil: &dyn Fn(&Path), name: &str, part: &str| {
        let root = tempfile::tempdir().unwrap();
        let results = write_sweep(root.path(), &[&A, &B]);
        for trial in 5..10 {
            spoil(&root.path().join(format!("trials/{trial:04}")));
        }
        let sides = sides(&results);
        let refusal = compare(&sides[0], &sides[1..], &measure(name)).map(|_| ());
        let forced = Options { force: true, ..measure(name) };
        let notes = compare(&sides[0], &sides[1..], &forced).unwrap().notes;
        match refusal {
            Ok(()) => assert!(part.is_empty() && notes.is_empty()),
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains(part) && error.contains("--force"), "{error}");
                assert!(notes[0].contains(part), "{notes:?}");
            }
        }
    };
    refused(&|folder| change(folder, "/semantics", json!(2)), "sim_s", "semantics 1 and 2");
    let other_data = |folder: &Path| {
        let text = fs::read_to_string(folder.join("resolved.toml")).unwrap();
        fs::write(folder.join("resolved.toml"), text.replace("100", "200")).unwrap();
    };
    refused(&other_data, "best.auc", "data.users: 100 -> 200");
    // A figure that is not measured on the holdout can still be compared.
    refused(&other_data, "sim_s", "");
    let facts = |folder: &Path| change(folder, "/data", json!([["rows", "1001"]]));
    refused(&facts, "best.auc", "facts about their logs");
    let examples = |folder: &Path| change(folder, "/last/quality/examples", json!(499));
    refused(&examples, "best.auc", "numbers of their holdout examples");
    let version = |folder: &Path| change(folder, "/version", json!("0.2.0"));
    let root = tempfile::tempdir().unwrap();
    let results = write_sweep(root.path(), &[&A, &B]);
    version(&root.path().join("trials/0005"));
    let sides = sides(&results);
    let found = compare(&sides[0], &sides[1..], &measure("best.auc")).unwrap();
    assert!(found.notes[0].contains("0.1.0, 0.2.0"));
}

#[test]
fn unknown_figures_are_refused_and_those_of_other_versions_found() {
    let root = tempfile::tempdir().unwrap();
    let results = write_sweep(root.path(), &[&A, &B]);
    let (sides, options) = (sides(&results), measure("best.acu"));
    let error = compare(&sides[0], &sides[1..], &options).unwrap_err();
    let CompareError::Unknown { known, .. } = error else { panic!("unknown") };
    assert!(known.contains(&"best.auc".to_string()));
    // Known, but not defined in these trials.
    let found = compare(&sides[0], &sides[1..], &measure("divergence")).unwrap();
    assert_eq!((found.rows[0].verdict, found.rows[0].missing), (Verdict::Missing, [5, 5]));
}

#[test]
fn a_goal_is_reached_at_the_first_evaluation_that_meets_it() {
    let root = tempfile::tempdir().unwrap();
    let sides = sides(&write_sweep(root.path(), &[&A, &B]));
    let of = |name: &str| value(&sides[0].done[0], &name.parse().unwrap()).unwrap();
    assert_eq!(of("time_to(auc>=0.72)"), Some(1.0));
    assert_eq!(of("time_to(best.auc>=0.73)"), Some(1.5));
    assert_eq!(of("worker_time_to(best.auc>=0.73)"), Some(6.0));
    assert_eq!(
        (of("examples_to(auc>=0.73)"), of("updates_to(auc>=0.73)")),
        (Some(64.0), Some(2.0))
    );
    assert_eq!(of("time_to(auc>=0.9)"), None);
    assert_eq!(of("time_to(log_loss<=0.9)"), None);
    assert_eq!(of("time_to(auc<=0.5)"), Some(0.0));
    // If some trials miss a goal, there is no verdict on the trials that reach it.
    let found = compare(&sides[0], &sides[1..], &measure("time_to(auc>=0.7315)")).unwrap();
    assert_eq!((found.rows[0].missing, found.rows[0].verdict), ([3, 0], Verdict::Missing));
}

#[test]
fn differences_leave_out_what_is_not_the_run() {
    let settings = |pairs: &[(&str, serde_json::Value)]| -> Settings {
        pairs.iter().map(|(key, value)| (key.to_string(), value.clone())).collect()
    };
    let a = settings(&[("scenario.seed", json!(1)), ("a.b", json!(1)), ("only", json!(true))]);
    let b =
        settings(&[("scenario.seed", json!(2)), ("a.b", json!(2)), ("expect.0.above", json!(1))]);
    let found = differences(&a, &b);
    let keys: Vec<&str> = found.iter().map(|difference| difference.key.as_str()).collect();
    assert_eq!(keys, ["a.b", "only"]);
    assert_eq!((&found[1].a, &found[1].b), (&Some(json!(true)), &None));
}

#[test]
fn gates_fail_on_what_they_say_and_on_what_they_cannot_see() {
    let root = tempfile::tempdir().unwrap();
    let sides = sides(&write_sweep(root.path(), &[&A, &B]));
    let found = compare(&sides[0], &sides[1..], &measure("best.auc")).unwrap();
    for (text, fails) in [
        ("best.auc.delta < -0.001", false),
        ("best.auc.delta > 0.0007", true),
        ("best.auc.low>0", true),
        ("best.auc.p <= 0.05", true),
        ("best.auc.relative >= 0.01", false),
        ("best.auc.verdict == worse", false),
        ("best.auc.verdict == higher", true),
    ] {
        let gate: Gate = text.parse().unwrap();
        assert_eq!(!gate.findings(&found).is_empty(), fails, "{text}");
        assert_eq!(gate.to_string().parse::<Gate>().unwrap(), gate);
    }
    let missed = compare(&sides[0], &sides[1..], &measure("time_to(auc>=0.9)")).unwrap();
    let gate: Gate = "time_to(auc>=0.9).delta > 1".parse().unwrap();
    assert_eq!(gate.findings(&missed)[0].found, "it is not defined");
    for (text, part) in [
        ("best.auc", "no relation"),
        ("best.auc < 1", "followed by one of"),
        ("best.auc.delta < x", "no number"),
        ("best.auc.verdict < lower", "a verdict =="),
        ("a b.delta < 1", "is no metric"),
        ("best.auc.delta = 1", "relation is unknown"),
    ] {
        let error = text.parse::<Gate>().unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn a_front_has_the_points_that_none_beats() {
    let root = tempfile::tempdir().unwrap();
    let results = write_sweep(root.path(), &[&[0.80; 3], &[0.79; 3], &[0.85; 3], &[0.70; 3]]);
    // Better, but slower and more expensive.
    for trial in 6..9 {
        let folder = root.path().join(format!("trials/{trial:04}"));
        write_run(&folder, trial - 5, 0.85, &[(0.0, 0.5), (3.0, 0.85)]);
    }
    fs::remove_file(root.path().join("trials/0009/summary.json")).unwrap();
    let sides = sides(&results);
    let goal = pareto::common_goal(&sides).unwrap();
    assert_eq!(goal.to_string(), "best.auc>=0.7");
    let found = pareto::front(&sides, "best.auc>=0.785".parse().unwrap()).unwrap();
    let on_front: Vec<bool> = found.places.iter().map(|place| place.on_front).collect();
    assert_eq!(on_front, [true, false, true, false]);
    assert_eq!((found.places[1].dominated_by, found.places[3].dominated_by), (Some(0), None));
    let csv = found.csv();
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows.len(), 5);
    assert!(rows[1].starts_with("0,workers=0,3,3,0,0,3,0.8,0.8,0.8,1,1,1,4,4,4,1,"), "{csv}");
    assert_eq!(rows[4], "3,workers=3,3,2,0,0,0,0.7,,,,,,,,,0,");
}

#[test]
fn trials_that_broke_are_named_and_on_no_front() {
    let root = tempfile::tempdir().unwrap();
    let results = write_sweep(root.path(), &[&[0.70, 0.71, 0.72], &[0.80, 0.81, 0.82]]);
    let broken = json!({"update": 211, "what": "the loss rose", "cause": "too many workers"});
    for trial in 3..5 {
        change(&root.path().join(format!("trials/{trial:04}")), "/broken", broken.clone());
    }
    let sides = sides(&results);
    let found = compare(&sides[0], &sides[1..], &measure("best.auc")).unwrap();
    assert!(found.baseline.broken.is_empty());
    let [one, two] = &found.others[0].broken[..] else { panic!("two broke") };
    assert_eq!((one.seed, two.seed), (1, 2));
    assert!(one.what.contains("about update 211: the loss rose"), "{}", one.what);
    let front = pareto::front(&sides, "best.auc>=0.7".parse().unwrap()).unwrap();
    let places: Vec<_> = front.places.iter().map(|place| (place.broken, place.on_front)).collect();
    assert_eq!(places, [(0, true), (2, false)]);
    assert_eq!(front.places[0].dominated_by, None);
    let tables = crate::results::overview::Overview::of(&results).unwrap();
    let (header, rows) = tables.points.split_once('\n').unwrap();
    assert!(header.starts_with("point,label,trials,done,failed,broken"), "{header}");
    assert!(rows.contains("\n1,workers=1,3,3,0,2,"), "{rows}");
    assert_eq!(tables.trials.matches("Training broke at about update 211").count(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn swapping_the_sides_turns_the_comparison_and_their_order_does_not_matter(
        a in proptest::collection::vec(0.5f64..0.9, 3..7),
        b in proptest::collection::vec(0.5f64..0.9, 3..7),
    ) {
        let root = tempfile::tempdir().unwrap();
        let results = write_sweep(root.path(), &[&a, &b]);
        let sides = sides(&results);
        for options in [measure("best.auc"), Options { pairing: Pairing::None, ..measure("best.auc") }] {
            let there = compare(&sides[0], &sides[1..], &options).unwrap().rows.remove(0);
            let back = compare(&sides[1], &sides[..1], &options).unwrap().rows.remove(0);
            let near = |x: f64, y: f64| (x - y).abs() < 1e-9;
            prop_assert!(near(there.delta.unwrap(), -back.delta.unwrap()));
            prop_assert!(near(there.interval.unwrap().low, -back.interval.unwrap().high));
            let turned = match back.verdict {
                Verdict::Higher => Verdict::Lower,
                Verdict::Lower => Verdict::Higher,
                other => other,
            };
            prop_assert_eq!(there.verdict, turned);
            // Trials in any order: they are sorted by seed.
            let mut shuffled = results.clone();
            shuffled.points[1].trials.reverse();
            let side = Side::load(&shuffled, &shuffled.points[1], "workers=1").unwrap();
            let again = compare(&sides[0], &[side], &options).unwrap().rows.remove(0);
            prop_assert_eq!(there, again);
        }
    }
}
