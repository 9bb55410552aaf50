//! A serving copy in the engine: what it must not change, and what it must be in its limits.

use std::path::Path;

use straggler::base::SimSpan;
use straggler::base::Streams;
use straggler::base::persist::{Loader, Persist, Saver};
use straggler::cluster::Failures;
use straggler::cluster::failures::InFlightMessages;
use straggler::model::ModelChoice;
use straggler::scenario::{Job, Scenario};
use straggler::sim::evaluate::Evaluator;
use straggler::sim::serving::{Age, ServedCopy};
use straggler::sim::{Record, Simulation, State, Stop, Training};

use crate::absence::protocols;
use crate::training::{job, prepare, run, run_in_pieces, small};

/// The small job on a stream of four requests a second, with these further settings.
fn live(serving: &str, more: &str) -> Scenario {
    let stream = "
        arrivals = { kind = \"poisson\", rate = 4.0 }
        actions.delay = { mean = \"20s\", law.kind = \"exponential\" }
        negatives = { keep = 0.7, correct = \"serving\" }
        join = { window = \"30s\", late = \"correct\" }
    ";
    let mut scenario = small();
    scenario.online = Some(toml::from_str(stream).unwrap());
    scenario.train.stop = Stop::default();
    scenario.serving =
        (!serving.is_empty()).then(|| toml::from_str(serving).unwrap_or_else(|e| panic!("{e}")));
    if more.is_empty() {
        return scenario;
    }
    // Further settings as in a file.
    let table: toml::Table = toml::from_str(more).unwrap();
    let mut all = toml::Table::try_from(&scenario).unwrap();
    merge(&mut all, table);
    all.try_into().unwrap_or_else(|error| panic!("{more}: {error}"))
}

fn merge(all: &mut toml::Table, more: toml::Table) {
    for (key, value) in more {
        match (all.get_mut(&key), value) {
            (Some(toml::Value::Table(all)), toml::Value::Table(more)) => merge(all, more),
            (_, value) => _ = all.insert(key, value),
        }
    }
}

const USUAL: &str = "
    share = 0.5
    every = \"60s\"
    rows = { every = \"10s\", lag = { mean = \"2s\", law.kind = \"exponential\" }, lost = 0.1 }
    dense = { every = \"90s\", how = \"by_shard\", lag.mean = \"1s\" }
";

fn simulation(scenario: &Scenario, threads: usize) -> Simulation {
    let Job::Cluster(simulation) = job(scenario, threads) else { panic!("a cluster") };
    *simulation
}

fn training(simulation: &Simulation) -> &Training {
    simulation.session().work.training().unwrap()
}

/// The bits of the scores of every copy, and how old the serving copy's parameters were.
fn scores(simulation: &Simulation) -> (Vec<Vec<u32>>, Vec<Age>) {
    let scores = training(simulation).serving().unwrap().scores();
    let bits = |copy: &ServedCopy| scores.logits(*copy).iter().map(|x| x.to_bits()).collect();
    (scores.copies().iter().map(bits).collect(), scores.ages().to_vec())
}

/// Runs to the end; `each` is called after every event.
fn finish(mut simulation: Simulation, mut each: impl FnMut(&mut Simulation)) -> Simulation {
    let mut nobody = |_: &Record<'_>| ();
    simulation.evaluate_first(&mut nobody);
    while simulation.step(&mut nobody).unwrap() == State::Running {
        each(&mut simulation);
    }
    simulation.evaluate_last(&mut nobody);
    simulation
}

/// Jobs whose servers change in many ways.
fn jobs(serving: &str) -> Vec<(&'static str, Scenario)> {
    let mut jobs: Vec<(&str, Scenario)> = [
        ("plain", ""),
        ("shards", "cluster.shards = 3"),
        ("dense shards", "cluster = { shards = 3, dense_shards = 1 }"),
        ("all rows", "sparse_optimizer = { kind = \"adam\", rows = \"dense\" }\ncluster.shards = 2"),
        ("admission", "admission.after = 3\ncluster.shards = 2"),
        ("admission by pulls", "admission = { after = 3, counts = \"lookups\" }\ntables.unknown = \"first_values\""),
        ("eviction", "[eviction]\nat_most.rows = 20\nrule.kind = \"least_recent\"\n[tables]\nunknown = \"hashed\""),
        ("admission, first values", "admission.after = 3\ntables.unknown = \"first_values\""),
        (
            "all rows, first values",
            "sparse_optimizer = { kind = \"adamw\", rows = \"dense\" }\ntables.unknown = \"first_values\"",
        ),
        ("merging", "protocol.kind = \"synchronous\"\ncluster.shards = 2"),
        ("remedy", "remedy = [{ kind = \"delay_compensation\" }]"),
    ]
    .into_iter()
    .map(|(name, more)| (name, live(serving, more)))
    .collect();
    let mut churn = live(serving, "cluster.shards = 2");
    let times = (SimSpan::from_seconds(60.0), SimSpan::from_seconds(20.0));
    churn.cluster.failures = Failures {
        every: Some(times.0),
        repair: times.1,
        on_the_way: InFlightMessages::Lost,
        ..Failures::default()
    };
    jobs.push(("churn", churn));
    let mut normalized = live(serving, "");
    let model = serde_json::json!({"kind": "mlp", "embedding_dim": 4, "hidden": [8],
        "normalization": {"kind": "local_batch"}});
    normalized.model = serde_json::from_value::<ModelChoice>(model).unwrap();
    jobs.push(("normalization", normalized));
    jobs
}

#[test]
fn training_is_the_same_with_and_without_a_serving_copy() {
    for (name, with) in jobs(USUAL) {
        let without = run(&Scenario { serving: None, ..with.clone() }, 1);
        let with = run(&with, 1);
        let is_served = |record: &&String| record.starts_with("Served");
        let rest: Vec<&String> = with.records.iter().filter(|one| !is_served(one)).collect();
        assert!(with.weights == without.weights && with.events == without.events, "{name}");
        assert!(rest.len() < with.records.len(), "{name}: nothing was served");
        assert!(rest.into_iter().eq(&without.records), "{name}");
    }
}

#[test]
fn intervals_that_begin_too_often_are_refused_with_their_key() {
    for (serving, key) in [
        ("every = \"1us\"", "serving.every"),
        ("rows.every = \"1us\"", "serving.rows.every"),
        ("dense.every = \"1us\"", "serving.dense.every"),
    ] {
        let error = live(serving, "").prepare(Path::new(".")).unwrap_err();
        assert_eq!(error.key(), key);
        assert!(error.to_string().contains("a longer interval"), "{error}");
    }
}

/// The null arm without lag: bit for bit the training servers' own scores.
#[test]
fn without_lag_the_copy_is_the_oracle() {
    let serving = "share = 1.0\nbeside = [\"oracle\"]\ndense.every = \"0s\"\nrows.every = \"0s\"";
    for (name, mut scenario) in jobs(serving) {
        // A copy that is not told of evictions keeps what it has.
        scenario.serving.as_mut().unwrap().rows.deletions = scenario.eviction.is_some();
        let done = finish(simulation(&scenario, 1), |_| ());
        let (logits, ages) = scores(&done);
        let [serving, oracle] = &logits[..] else { panic!("two copies") };
        let requests = done.session().stream().unwrap().stream().counts().requests;
        assert_eq!(serving.len() as u64, requests, "{name}");
        assert!(serving == oracle, "{name}");
        assert!(ages.iter().all(|age| *age == Age::default()), "{name}");
        let different = serving.iter().zip(&serving[1..]).filter(|(a, b)| a != b).count();
        assert!(different > serving.len() / 2, "{name}: all scores are equal");
    }
}

/// Scores do not depend on when they are computed: nothing that changes servers is forgotten.
#[test]
fn scores_are_those_of_their_instants() {
    for beside in ["[\"oracle\", \"batch\"]", "[]"] {
        let serving = format!("{USUAL}\nbeside = {beside}");
        for (name, scenario) in jobs(&serving) {
            let lazy = finish(simulation(&scenario, 1), |_| ());
            let eager = finish(simulation(&scenario, 2), |simulation| {
                let now = simulation.now();
                simulation.session_mut().serve_until(now);
            });
            assert!(scores(&lazy) == scores(&eager), "{name} {beside}");
        }
    }
}

/// The other null arm: a copy that gets nothing serves what the run starts with, as an evaluation
/// scores it.
#[test]
fn a_copy_that_gets_nothing_is_the_model_at_the_start() {
    let scenario = live("share = 1.0\nbeside = [\"batch\"]", "cluster.shards = 2");
    let prepared = prepare(&scenario);
    let ids: Vec<u64> = prepared.train.iter().flat_map(|day| day.ids()).collect();
    let model = prepared.model.clone();
    let evaluator = Evaluator::new(model, prepared.source.as_ref(), &ids, 0.0, Streams::new(1));
    let mut first = simulation(&scenario, 1);
    let training = first.session_mut().work.training_mut().unwrap();
    let moving = training.exported_moving();
    let (server, pool) = training.server_and_pool();
    let dense = std::sync::Arc::new(server.dense().to_vec());
    let logits = evaluator.logits(server, (dense, &moving), None, pool);
    let negatives = first.session().stream().unwrap().stream().negatives().clone();
    let expected: Vec<u32> = (0..)
        .zip(logits)
        .map(|(request, logit)| (logit + negatives.at_serving(request) as f32).to_bits())
        .collect();
    let (logits, ages) = scores(&finish(first, |_| ()));
    assert!(logits[0] == expected && logits[1] == expected);
    assert!(ages.iter().any(|age| age.is_stale));
}

#[test]
fn results_are_the_same_for_any_number_of_threads_and_after_a_resume() {
    let oracle = format!("{USUAL}\nbeside = [\"oracle\"]");
    for serving in [USUAL, &oracle] {
        for (number, protocol) in protocols().into_iter().enumerate().step_by(3) {
            let mut scenario = Scenario { protocol, ..live(serving, "cluster.shards = 2") };
            scenario.cluster.workers = 5;
            let what = scenario.protocol.name().to_string();
            let one = run(&scenario, 1);
            for threads in [2, 4] {
                let more = run(&scenario, threads);
                assert!(one.weights == more.weights && one.records == more.records, "{what}");
            }
            let pieces = run_in_pieces(&scenario, 1 + number % 2, 577);
            assert!(one.weights == pieces.weights && one.records == pieces.records, "{what}");
        }
    }
}

/// A copy that is saved in the midst of a run and loaded has the same scores at the end.
#[test]
fn a_saved_copy_goes_on() {
    let scenario = live(USUAL, "cluster.shards = 2");
    let whole = finish(simulation(&scenario, 1), |_| ());
    let mut first = simulation(&scenario, 2);
    let mut nobody = |_: &Record<'_>| ();
    for _ in 0..1_500 {
        assert_eq!(first.step(&mut nobody).unwrap(), State::Running);
    }
    first.finish_gradients();
    let mut out = Saver::default();
    first.save(&mut out);
    let bytes = out.into_bytes();
    let mut second = simulation(&scenario, 1);
    let mut from = Loader::new(&bytes);
    second.load(&mut from).unwrap();
    from.end().unwrap();
    while second.step(&mut nobody).unwrap() == State::Running {}
    second.evaluate_last(&mut nobody);
    assert!(scores(&second) == scores(&whole));
}

/// Fresher copies are worth more on average, and rows that are sent more often are less behind.
#[test]
fn rows_are_less_behind_if_they_are_sent_more_often() {
    let of = |rows: &str| {
        let serving = format!("share = 1.0\nrows.every = \"{rows}\"\ndense.every = \"10s\"");
        let done = finish(simulation(&live(&serving, ""), 1), |_| ());
        let (_, ages) = scores(&done);
        let stale = ages.iter().filter(|age| age.is_stale).count();
        let lag = ages.iter().map(|age| age.row_lag.seconds()).sum::<f64>();
        (stale, lag)
    };
    let all = ["1s", "10s", "100s", "1000s"].map(of);
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0), "{all:?}");
    assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].1), "{all:?}");
}

/// A scenario that says what is impossible is told so before it runs; this one is built.
#[test]
fn a_file_with_delays_that_is_missing_is_named_with_its_key() {
    let law =
        "{ kind = \"trace\", file = \"nowhere.csv\", seconds = \"delay\", mode = \"resample\" }";
    let serving = format!("rows = {{ every = \"1s\", lag.law = {law} }}");
    let error = live(&serving, "").prepare(Path::new(".")).unwrap_err().to_string();
    assert!(error.contains("nowhere.csv"), "{error}");
}
