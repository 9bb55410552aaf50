//! That learning is right: one worker without delay reaches what it should, on the generated log
//! between popularity and the best possible, on real logs the marks of a reference implementation
//! in PyTorch.

use std::env;
use std::path::PathBuf;

use straggler::base::Streams;
use straggler::data::din_task::{Split, TaskConfig};
use straggler::data::{
    Batch, DataSource, SourceChoice, Synthetic, Window, amazon, movielens, synthetic,
};
use straggler::metrics::{Quality, auc};
use straggler::model::{ModelChoice, din, mlp};
use straggler::optimizer::{OptimizerChoice, adam};
use straggler::scenario::spec::{About, Cluster, Holdout, Scenario, Train};
use straggler::sim::evaluate::BestBy;
use straggler::sim::{EvaluatedView, Every, Record, Stop};

use crate::training::{job, prepare, small};

/// One worker, all of the holdout, and the settings of the reference: batch 128, lazy Adam with a
/// rate of 0.001, a full shuffle of every pass.
fn alone(data: SourceChoice, model: ModelChoice, passes: f64) -> Scenario {
    Scenario {
        scenario: About { seed: 1, ..About::default() },
        data: Some(data),
        train: Train {
            batch: 128,
            stop: Stop { passes: Some(passes), ..Stop::default() },
            ..Train::default()
        },
        holdout: Some(Holdout {
            every: Every::Times(passes as u64),
            selection_share: 0.0,
            ..Holdout::default()
        }),
        model,
        optimizer: OptimizerChoice::Adam(adam::Config::default()),
        cluster: Cluster { workers: 1, ..Cluster::default() },
        ..Scenario::default()
    }
}

/// Quality at the start and after each pass.
fn learn(scenario: &Scenario) -> Vec<Quality> {
    let prepared = prepare(scenario);
    let mut job = scenario.build(Some(prepared), &data_folder(), 2).unwrap();
    let mut passes = Vec::new();
    job.run(&mut |record: &Record<'_>| {
        if let Record::Evaluated { view: EvaluatedView::Server, quality, .. } = record {
            passes.push(**quality);
        }
    })
    .unwrap();
    passes
}

fn data_folder() -> PathBuf {
    match env::var_os("STRAGGLER_DATA") {
        Some(folder) => folder.into(),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    }
}

/// The path of a data file, or a note that it is not there.
fn data_file(path: &str) -> Option<String> {
    let full = data_folder().join(path);
    // Members of an archive stand behind an exclamation mark.
    let file = full.to_str()?.split('!').next()?.to_string();
    if PathBuf::from(&file).exists() {
        return full.to_str().map(str::to_string);
    }
    println!("skipped: {file} is not there; set STRAGGLER_DATA to the folder of data sets");
    None
}

#[test]
fn a_network_learns_more_than_popularity_and_less_than_the_truth() {
    let log = synthetic::Config {
        days: 9,
        rows_per_day: 5_600,
        users: 1_500,
        items: 400,
        categories: 12,
        brands: 30,
        item_churn_per_day: 0.0,
        ..synthetic::Config::default()
    };
    let model = ModelChoice::Din(din::Config { hidden: vec![40, 20], ..din::Config::default() });
    let mut scenario = alone(SourceChoice::Synthetic(log.clone()), model, 1.0);
    scenario.holdout.as_mut().unwrap().days = Some(Window::new(vec![(9, 9)]).unwrap());
    let qualities = learn(&scenario);
    let (first, last) = (qualities[0].auc.unwrap(), qualities[qualities.len() - 1].auc.unwrap());

    let source = Synthetic::new(&log, Streams::new(1)).unwrap();
    let holdout: Vec<u64> = source.days()[8].ids().collect();
    let best = source.bayes(&holdout).auc;
    let popular = by_popularity(&source, &holdout);
    println!("untrained {first:.4}, popularity {popular:.4}, DIN {last:.4}, truth {best:.4}");
    assert!((first - 0.5).abs() < 0.1 && last > popular + 0.02 && last < best);
}

/// AUC of the click rate that each item had on the days before.
fn by_popularity(source: &Synthetic, holdout: &[u64]) -> f64 {
    let schema = source.schema();
    let item = schema.fields.iter().position(|field| field.name == "item").unwrap();
    let items = schema.spaces[schema.fields[item].space].rows as usize;
    let (mut shown, mut clicked) = (vec![1.0f32; items], vec![0.12f32; items]);
    let mut batch = Batch::default();
    let train: Vec<u64> = source.days()[..8].iter().flat_map(|day| day.ids()).collect();
    let of = |batch: &Batch, row: usize| batch.fields[row * schema.fields.len() + item] as usize;
    source.read(&train, &mut batch);
    for row in 0..batch.len() {
        shown[of(&batch, row)] += 1.0;
        clicked[of(&batch, row)] += batch.labels[row];
    }
    source.read(holdout, &mut batch);
    let rates: Vec<f32> =
        (0..batch.len()).map(|row| clicked[of(&batch, row)] / shown[of(&batch, row)]).collect();
    auc(&rates, &batch.labels).unwrap()
}

fn reference_din() -> ModelChoice {
    ModelChoice::Din(din::Config {
        fields: Some(vec!["item".into(), "category".into()]),
        hidden: vec![80, 40],
        ..din::Config::default()
    })
}

fn reference_mlp() -> ModelChoice {
    ModelChoice::Mlp(mlp::Config { hidden: vec![80, 40], ..mlp::Config::default() })
}

/// Two passes of DIN and MLP; returns their AUC after the second.
fn two_passes(name: &str, data: SourceChoice) -> (f64, f64) {
    let last = |model: ModelChoice| {
        let kind = model.name();
        let passes = learn(&alone(data.clone(), model, 2.0));
        for (pass, quality) in passes.iter().enumerate() {
            println!(
                "{name} {kind} pass {pass}: AUC {:?} session {:?} log-loss {:?}",
                quality.auc, quality.session_auc, quality.log_loss
            );
        }
        passes[passes.len() - 1].auc.unwrap()
    };
    (last(reference_din()), last(reference_mlp()))
}

#[test]
#[ignore = "takes a minute; run with `cargo test --release -- --ignored learning`"]
fn movielens_reaches_the_marks_of_the_reference() {
    let member =
        |file| format!("movielens_latest_small/ml-latest-small.zip!ml-latest-small/{file}");
    let Some(ratings) = data_file(&member("ratings.csv")) else { return };
    let data = SourceChoice::Movielens(movielens::Config {
        ratings,
        movies: data_file(&member("movies.csv")),
        task: TaskConfig { split: Split::Tail, ..TaskConfig::default() },
        ..movielens::Config::default()
    });
    let (din, mlp) = two_passes("ml-latest-small", data);
    assert!(din >= 0.830 && mlp >= 0.797 && din - mlp >= 0.02, "DIN {din}, MLP {mlp}");
}

#[test]
#[ignore = "takes a minute; run with `cargo test --release -- --ignored learning`"]
fn grocery_reaches_the_marks_of_the_reference() {
    let Some(reviews) = data_file("amazon_grocery_2014/derived_Grocery_5core.json.gz") else {
        return;
    };
    let data = SourceChoice::Amazon(amazon::Config {
        reviews: vec![reviews],
        metadata: data_file("amazon_grocery_2014/derived_meta_Grocery.json.gz"),
        ..amazon::Config::default()
    });
    let (din, mlp) = two_passes("Grocery", data);
    assert!(din >= 0.740 && mlp >= 0.710 && din - mlp >= 0.02, "DIN {din}, MLP {mlp}");
}

#[test]
fn the_best_step_may_be_chosen_by_session_auc() {
    let mut scenario = small();
    let holdout = scenario.holdout.as_mut().unwrap();
    // All examples choose and report.
    (holdout.selection_share, holdout.best_by) = (0.0, BestBy::SessionAuc);
    let mut evaluations = 0;
    let mut note = |record: &Record<'_>| {
        if let Record::Evaluated { quality, selection_auc, progress, .. } = record {
            assert!(selection_auc.is_some() && *selection_auc == quality.session_auc);
            // Before the first update all scores are equal.
            assert!(progress.updates == 0 || *selection_auc != quality.auc);
            evaluations += 1;
        }
    };
    job(&scenario, 1).run(&mut note).unwrap();
    assert!(evaluations > 2);
}
