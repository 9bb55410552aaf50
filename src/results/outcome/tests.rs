//! Reads folders in every state that a crash or a running writer can leave behind.

use crate::results::tables::TableRowsRow;
use std::fs;

use serde_json::json;

use super::*;
use crate::metrics::Quality;
use crate::metrics::scalar::{self, SCALARS};
use crate::results::summary::{
    At, ChurnSummary, ServedSummary, ServerLoad, ShardFailureSummary, StageDone, Staleness,
    Started, StreamSummary, Utilisation,
};

fn full_quality() -> Quality {
    Quality {
        auc: Some(0.7),
        auc_error: Some(0.03),
        session_auc: Some(0.6),
        session_auc_error: Some(0.02),
        log_loss: Some(0.3),
        log_loss_error: Some(0.01),
        ne: Some(0.9),
        calibration: Some(1.1),
        examples: 100,
        positives: 30,
        groups: 9,
        groups_skipped: 1,
        unknown_ids: Some(0.02),
    }
}

/// A summary in which every figure is defined.
fn full_summary() -> Summary {
    let at = At { update: 10, examples: 320, sim_s: 0.5, quality: full_quality() };
    Summary {
        workers: 4,
        passes: Some(1.0),
        sim_s: 2.0,
        examples_per_sim_s: Some(5.0),
        staleness: Staleness { mean: Some(1.0), p50: Some(1), p99: Some(2), max: Some(3) },
        mixed_reads: Some(0.0),
        age_mean_s: Some(0.1),
        gap_mean: Some(0.2),
        utilisation: Some(Utilisation { starved: Some(0.1), ..Utilisation::default() }),
        stream: Some(StreamSummary {
            missed: Some(0.1),
            dropped: Some(0.0),
            queue_lag_s: Some(1.0),
            update_lag_s: Some(2.0),
            update_lag_max_s: Some(3.0),
            ..StreamSummary::default()
        }),
        served: Some(ServedSummary {
            auc: Some(0.8),
            session_auc: Some(0.7),
            log_loss: Some(0.3),
            normalised_entropy: Some(0.8),
            calibration: Some(1.0),
            gap_to_oracle: Some(0.001),
            gain_on_batch: Some(0.05),
            stale: Some(0.5),
            row_lag_s: Some(30.0),
            dense_age_s: Some(900.0),
            bytes_per_min: Some(1e6),
            ..ServedSummary::default()
        }),
        server: Some(ServerLoad::default()),
        shard_failures: Some(ShardFailureSummary::default()),
        tables: vec![TableRowsRow {
            came: Some(1),
            returned: Some(0),
            evicted: Some(0),
            late: Some(0),
            ..TableRowsRow::default()
        }],
        loss: Some(0.3),
        divergence: Some(0.4),
        best: Some(at),
        last: Some(at),
        bayes_auc: Some(0.8),
        bayes: Some(Quality { unknown_ids: None, ..full_quality() }),
        ..Summary::default()
    }
}

#[test]
fn every_figure_of_a_summary_is_in_the_glossary_and_no_other() {
    let scalars = full_summary().scalars();
    let mut found: Vec<&str> = scalars.iter().map(|(name, _)| name).collect();
    for name in &found {
        assert!(scalar::find(name).is_some(), "{name} is not in the glossary");
    }
    let mut known: Vec<&str> = SCALARS.iter().map(|scalar| scalar.name).collect();
    found.sort_unstable();
    known.sort_unstable();
    assert_eq!(found, known);
    assert_eq!(scalars.get("best.auc"), Some(0.7));
    assert_eq!(scalars.get("best.normalised_entropy"), Some(0.9));
    assert_eq!(scalars.get("best.examples"), Some(320.0));
    assert_eq!(scalars.get("worker_s"), Some(8.0));
    assert_eq!(scalars.get("seed"), None);
}

#[test]
fn figures_that_are_not_defined_or_not_known_yet() {
    let summary: Summary =
        serde_json::from_value(json!({"loss": null, "stage": {"drop": 0.25}, "name": "x"}))
            .unwrap();
    let scalars = summary.scalars();
    assert_eq!((scalars.get("stage.drop"), scalars.get("loss")), (Some(0.25), None));
    // Fields of another version are kept when the summary is written again.
    assert_eq!(serde_json::to_value(&summary).unwrap()["stage"], json!({"drop": 0.25}));
}

#[test]
fn a_summary_reads_back_as_it_was_written() {
    let mut summary = full_summary();
    summary.churn = Some(ChurnSummary { crashes: 2, down: 0.1, ..ChurnSummary::default() });
    summary.stages = vec![StageDone { name: "a".into(), ..StageDone::default() }];
    summary.started_from = Some(Started { from: "x".into(), ..Started::default() });
    summary.data = vec![("rows".into(), "7".into())];
    let text = serde_json::to_string_pretty(&summary).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
}

#[test]
fn settings_are_flat_and_lists_of_tables_numbered() {
    let tree = json!({
        "cluster": {"workers": 8, "class": [{"share": 0.5}, {"share": 0.25}]},
        "model": {"hidden": [8, 4]}, "remedy": [],
    });
    let settings = flatten(&tree);
    assert_eq!(settings["cluster.workers"], json!(8));
    assert_eq!(settings["cluster.class.1.share"], json!(0.25));
    assert_eq!(setting_text(&settings["model.hidden"]), "[8, 4]");
    assert_eq!(setting_text(&settings["remedy"]), "[]");
    assert_eq!(settings.len(), 5);
}

#[test]
fn a_run_goes_from_to_do_to_failed_or_done() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path();
    assert!(matches!(Results::open(path), Err(OutcomeError::NotResults { .. })));
    fs::write(path.join("resolved.toml"), "[scenario]\nseed = 7\n").unwrap();
    let results = Results::open(path).unwrap();
    assert_eq!((results.kind, results.trials.len(), results.points.len()), (Kind::Run, 1, 1));
    let trial = &results.trials[0];
    assert_eq!((trial.seed, trial.state()), (7, State::ToDo));
    assert_eq!((trial.scalars().unwrap(), trial.diagnosis().unwrap()), (None, None));
    assert!(trial.evaluations().unwrap().is_empty());
    fs::write(path.join("diagnosis.json"), r#"{"ended": "blow-up at update 3"}"#).unwrap();
    assert_eq!(trial.state(), State::Failed);
    let diagnosis = trial.diagnosis().unwrap().unwrap();
    assert_eq!((diagnosis.blew_up, &*diagnosis.reason), (true, "blow-up at update 3"));
    // A later attempt succeeded.
    fs::write(path.join("summary.json"), r#"{"sim_s": 2.5, "workers": 2}"#).unwrap();
    assert_eq!(trial.state(), State::Done);
    assert_eq!(trial.diagnosis().unwrap(), None);
    assert_eq!(trial.scalars().unwrap().unwrap().get("worker_s"), Some(5.0));
    fs::write(path.join("summary.json"), "{\n\"sim_s\": ").unwrap();
    let error = trial.scalars().unwrap_err().to_string();
    assert!(error.contains("summary.json, line 2"), "{error}");
}

#[test]
fn evaluations_are_those_of_the_server_and_whole() {
    let root = tempfile::tempdir().unwrap();
    let trial =
        TrialOutcome { id: String::new(), point: 0, seed: 1, folder: root.path().to_path_buf() };
    let header = "update,examples,passes,sim_s,view,auc,session_auc,log_loss,normalised_entropy,\
                  calibration,selection_auc";
    let text =
        format!("{header}\n0,0,0,0,server,0.5,,,,,0.4\n0,0,0,0,worker:1,,,,,,\n9,90,1,2.5,serv");
    fs::write(root.path().join("evaluations.csv"), &text).unwrap();
    let rows = trial.evaluations().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].figure("auc"), rows[0].selection_auc), (Some(0.5), Some(0.4)));
    fs::write(root.path().join("evaluations.csv"), format!("{header}\nx,0,0,0,server,,,,,,\n"))
        .unwrap();
    let error = trial.evaluations().unwrap_err().to_string();
    assert!(error.contains("evaluations.csv, line 2"), "{error}");
    fs::write(root.path().join("evaluations.csv"), "upd").unwrap();
    assert!(trial.evaluations().unwrap().is_empty());
}

const PLAN: &str = r#"{"trial":"0000","point":0,"label":"workers=10 remedy=none","seed":1,"settings":{"cluster.workers":10},"sha256":"ab"}
{"trial":"0001","point":0,"label":"workers=10 remedy=none","seed":2,"settings":{"cluster.workers":10},"sha256":"cd"}
{"trial":"0002","point":1,"label":"workers=100 remedy=none","seed":1,"settings":{"cluster.workers":100},"sha256":"ef","later":1}
"#;

#[test]
fn a_sweep_has_points_and_trials() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("plan.jsonl"), PLAN).unwrap();
    let folder = root.path().join("trials/0002");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("summary.json"), "{}").unwrap();
    let results = Results::open(root.path()).unwrap();
    assert_eq!(results.kind, Kind::Sweep);
    let states: Vec<State> = results.trials.iter().map(TrialOutcome::state).collect();
    assert_eq!(states, [State::ToDo, State::ToDo, State::Done]);
    assert_eq!(results.points[0].trials, [0, 1]);
    for (wanted, found) in
        [("1", 1), ("workers=10 remedy=none", 0), ("workers=100", 1), ("remedy=none workers=10", 0)]
    {
        assert_eq!(results.point(wanted).unwrap().index, found, "{wanted}");
    }
    for wanted in ["2", "remedy=none", "workers=1", ""] {
        let error = results.point(wanted).unwrap_err().to_string();
        assert!(error.contains("  1  workers=100 remedy=none"), "{error}");
    }
}

#[test]
fn a_broken_plan_names_its_line() {
    let root = tempfile::tempdir().unwrap();
    for (line, problem) in [
        (r#"{"trial":"0003"}"#, "missing field"),
        (r#"{"trial":"../x","point":0,"label":"","seed":1}"#, "is no name of a trial's folder"),
        (r#"{"trial":"0003","point":9,"label":"","seed":1}"#, "comes before its predecessors"),
    ] {
        fs::write(root.path().join("plan.jsonl"), format!("{PLAN}{line}\n")).unwrap();
        let error = Results::open(root.path()).unwrap_err().to_string();
        assert!(error.contains("plan.jsonl, line 4") && error.contains(problem), "{error}");
    }
}
