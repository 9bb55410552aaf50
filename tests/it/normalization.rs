//! Batch normalization on a cluster: moments kept by the server or by each worker, and what is
//! exported of them; normalization of numeric columns.

use serde_json::{Value, json};
use straggler::base::SimSpan;
use straggler::model::{ModelChoice, Normalization};
use straggler::protocol::ProtocolChoice;
use straggler::scenario::Scenario;
use straggler::sim::NoObserver;
use straggler::sim::evaluate::Views;

use crate::training::{self, Outcome};

fn network(normalization: Value) -> ModelChoice {
    let keys = json!({"kind": "mlp", "embedding_dim": 4, "hidden": [8, 5],
                      "normalization": normalization});
    serde_json::from_value(keys).unwrap()
}

fn with(normalization: Value) -> Scenario {
    Scenario { model: network(normalization), ..training::small() }
}

fn local(export: &str) -> Value {
    json!({"kind": "local_batch", "keep": 0.8, "export": export})
}

fn shared() -> Value {
    json!({"kind": "shared_batch", "keep": 0.8})
}

/// What is evaluated at the end, and what the server holds.
fn moments(scenario: &Scenario, threads: usize) -> (Vec<f32>, Vec<f32>) {
    let mut job = training::job(scenario, threads);
    job.run(&mut NoObserver).unwrap();
    let training = job.session().work.training().unwrap();
    (training.exported_moving(), training.server().moving().to_vec())
}

/// The trained weights: the moments lie between the dense arena and the rows.
fn trained(outcome: &Outcome, scenario: &Scenario) -> Vec<u32> {
    let prepared = training::prepare(scenario);
    let (dense, moving) =
        (prepared.model.layout().dense_len(), prepared.model.layout().moving_len());
    let mut weights = outcome.weights.clone();
    weights.drain(dense..dense + moving);
    weights
}

/// In training every layer uses the moments of its batch, so whose moments are kept changes what is
/// evaluated and nothing that is learned.
#[test]
fn whose_moments_are_kept_changes_evaluation_alone() {
    let reference = training::run(&with(shared()), 1);
    let mut seen: Vec<(Vec<f32>, Vec<String>)> = Vec::new();
    for keys in [shared(), local("chief"), local("mean"), local("pooled")] {
        let scenario = with(keys.clone());
        let outcome = training::run(&scenario, 1);
        assert!(trained(&outcome, &scenario) == trained(&reference, &scenario), "{keys}");
        assert_eq!(outcome.pushes(), reference.pushes());
        let (exported, held) = moments(&scenario, 1);
        assert_eq!(exported, moments(&scenario, 3).0);
        if keys["kind"] == "local_batch" {
            // Nothing ever reached the server.
            let units = 8 + 5;
            assert_eq!(held.iter().filter(|&&x| x == 0.0).count(), units);
            assert_eq!(held.iter().filter(|&&x| x == 1.0).count(), units);
        }
        let evaluated: Vec<String> =
            outcome.of_kind("Evaluated").into_iter().map(ToString::to_string).collect();
        assert!(evaluated.len() > 2);
        for (moments, before) in &seen {
            assert!(*moments != exported && *before != evaluated, "{keys}");
        }
        seen.push((exported, evaluated));
    }
    // Means are means whether or not variances are pooled, which makes them larger.
    let (mean, pooled) = (&seen[2].0, &seen[3].0);
    assert_eq!(mean[..8], pooled[..8]);
    assert!(mean[8..16].iter().zip(&pooled[8..16]).all(|(mean, pooled)| mean < pooled));
}

/// One worker is its own chief, mean and pool, and the server would keep the same.
#[test]
fn one_worker_alone_keeps_what_the_server_would() {
    let alone = |keys: Value| {
        let mut scenario = with(keys);
        scenario.cluster.workers = 1;
        let evaluated = training::run(&scenario, 1);
        let evaluated: Vec<String> =
            evaluated.of_kind("Evaluated").into_iter().map(ToString::to_string).collect();
        (moments(&scenario, 1).0, evaluated)
    };
    let reference = alone(shared());
    for export in ["chief", "mean", "pooled"] {
        assert!(alone(local(export)) == reference, "{export}");
    }
}

/// Workers differ in their moments: each one's view is judged by its own.
#[test]
fn workers_differ_in_their_moments() {
    let quality = |keys: Value| {
        let mut scenario = with(keys);
        let views = Views { workers: 3, mean_of_views: true, mean_of_predictions: true };
        scenario.holdout.as_mut().unwrap().views = views;
        let outcome = training::run(&scenario, 1);
        assert_eq!(outcome.weights, training::run(&scenario, 3).weights);
        let last: Vec<String> =
            outcome.of_kind("Evaluated").into_iter().map(ToString::to_string).collect();
        last
    };
    let (own, chief) = (quality(local("mean")), quality(local("chief")));
    assert_eq!(own.len(), chief.len());
    for (a, b) in own.iter().zip(&chief) {
        // What workers hold does not depend on what is exported.
        let of_worker = a.contains("Worker(") || a.contains("MeanOfPredictions");
        assert_eq!(
            of_worker && !a.contains("updates: 0"),
            a == b && !a.contains("updates: 0"),
            "{a}"
        );
    }
}

/// Moments of their own never travel: a step costs the traffic of gamma and beta alone.
#[test]
fn own_moments_never_travel() {
    let bytes = |keys: Value| {
        let mut job = training::job(&with(keys), 1);
        job.run(&mut NoObserver).unwrap();
        let shard = &job.simulation().unwrap().shards()[0];
        (shard.bytes_out, shard.bytes_in)
    };
    let (none, shared, local) =
        (bytes(json!({"kind": "none"})), bytes(shared()), bytes(local("mean")));
    let pulls = (shared.0 - local.0) / (4 * 2 * 13);
    assert!(pulls >= 60 && shared.0 - local.0 == 4 * 2 * 13 * pulls, "{pulls}");
    assert_eq!(local.0 - none.0, 4 * 2 * 13 * pulls);
    assert!(local.1 < shared.1);
}

/// Late batches that a protocol throws away still count for their worker's moments.
#[test]
fn discarded_batches_count() {
    let backup: ProtocolChoice =
        serde_json::from_value(json!({"kind": "backup_workers", "backups": 2})).unwrap();
    let scenario = Scenario { protocol: backup, ..with(local("mean")) };
    let outcome = training::run(&scenario, 1);
    assert!(outcome.finished.iter().any(|push| !push.applied));
    // Gradients of late pushes are computed, for the sake of their statistics.
    assert_eq!(moments(&scenario, 1), moments(&scenario, 3));
    let plain = Scenario { model: network(shared()), ..scenario.clone() };
    let reference = training::run(&plain, 1);
    assert_eq!(trained(&outcome, &scenario), trained(&reference, &plain));
}

#[test]
fn every_normalization_works() {
    for part in Normalization::PARTS {
        for kind in ["mlp", "din"] {
            let mut keys = json!({"kind": kind, "embedding_dim": 4, "hidden": [6],
                "normalization": {"kind": part.name}, "numeric": "log_standardise"});
            if kind == "din" {
                keys["attention_hidden"] = json!([5, 3]);
            }
            let mut scenario = training::small();
            scenario.model = serde_json::from_value(keys).unwrap();
            scenario.cluster.shards = 3;
            let one = training::run(&scenario, 1);
            assert!(one.end.is_ok() && one.values().iter().all(|x| x.is_finite()));
            assert!(one.weights == training::run(&scenario, 3).weights, "{}", part.name);
        }
    }
}

/// A saved state must not let the workers' statistics move before their push has been applied: what
/// is evaluated in between would differ.
#[test]
fn saving_does_not_hasten_what_workers_learn() {
    for (export, protocol) in [
        ("mean", json!({"kind": "asynchronous"})),
        ("pooled", json!({"kind": "k_batch_async", "k": 3})),
    ] {
        let mut scenario = with(local(export));
        scenario.protocol = serde_json::from_value(protocol).unwrap();
        let whole = training::run(&scenario, 1);
        let pieces = training::run_in_pieces(&scenario, 2, 1);
        assert!(whole.records == pieces.records && whole.weights == pieces.weights, "{export}");
    }
}

/// Workers that pull ahead learn their moments from the steps that they have computed, and from no
/// others, however many workers there are.
#[test]
fn moments_of_many_workers_that_pull_ahead() {
    for (workers, steps) in [(30, 6), (300, 2)] {
        let at_scale = |keys: Value, prefetch: bool| {
            let mut scenario = with(keys);
            scenario.cluster.workers = workers;
            scenario.cluster.shards = 2;
            scenario.cluster.network.latency = SimSpan(1 << 28);
            scenario.worker.prefetch = prefetch;
            scenario.train.stop.updates = Some(u64::from(workers * steps));
            scenario
        };
        let scenario = at_scale(local("pooled"), true);
        let one = training::run(&scenario, 1);
        let three = training::run(&scenario, 3);
        assert!(one.records == three.records && one.weights == three.weights, "{workers}");
        let (exported, held) = moments(&scenario, 1);
        assert_eq!((&exported, &held), (&moments(&scenario, 3).0, &moments(&scenario, 3).1));
        assert!(exported.iter().all(|x| x.is_finite()) && exported != held);
        // Nothing that is learned depends on whose moments they are.
        let reference = training::run(&at_scale(shared(), true), 1);
        assert!(trained(&one, &scenario) == trained(&reference, &scenario), "{workers}");
        assert!(one.weights != training::run(&at_scale(local("pooled"), false), 1).weights);
        // Every push has been older by the pull that went ahead, and none was lost: staleness adds up
        // to the updates between reads and pushes, which the engine checks, and to these.
        assert!(one.end.is_ok() && one.finished.iter().all(|push| push.applied));
        let chief = moments(&at_scale(local("chief"), true), 1).0;
        let mean = moments(&at_scale(local("mean"), true), 1).0;
        assert!(chief != mean && mean[..8] == exported[..8], "means are the same in a pool");
        if workers == 30 {
            let pieces = training::run_in_pieces(&scenario, 2, 7);
            assert!(one.records == pieces.records && one.weights == pieces.weights);
        }
    }
}
