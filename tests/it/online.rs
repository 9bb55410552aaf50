//! A live stream in the engine: examples reach workers as they come.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use straggler::base::{Pool, SimSpan, Streams};
use straggler::cluster::failures::InFlightMessages;
use straggler::cluster::shard_failures::{Meanwhile, Recovery};
use straggler::cluster::{
    Failures, LocalPlan, Membership, Scripted, ShardFailures, StepTimeChoice,
};
use straggler::data::SourceChoice;
use straggler::online::{Online, WhenFull};
use straggler::scenario::start::CheckpointSaving;
use straggler::scenario::{Job, Prepared, Scenario};
use straggler::sim::evaluate::Evaluator;
use straggler::sim::feed::LastBatch;
use straggler::sim::restart::{InFlight, WorkersAt};
use straggler::sim::save::{Save, SavePolicy, SaveReason};
use straggler::sim::{Every, NoObserver, Record, Restart, Simulation, State, Stop};

use crate::absence::{constant, protocols, seconds};
use crate::training::{
    Outcome, job, prepare, run, run_in_pieces, server, small, small_logistic, weights,
};

fn online(text: &str) -> Online {
    toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The small job on a stream with these settings.
fn live(text: &str) -> Scenario {
    let mut scenario = Scenario { online: Some(online(text)), ..small() };
    scenario.train.stop = Stop::default();
    scenario
}

/// Four requests a second whose actions come late, and a window that closes meanwhile.
const LATE: &str = "
    arrivals = { kind = \"poisson\", rate = 4.0 }
    actions.delay = { mean = \"20s\", law.kind = \"exponential\" }
    features.delay = { mean = \"2s\", law.kind = \"exponential\" }
    join = { window = \"30s\", memory = 60, late = \"correct\" }
";

fn simulation(scenario: &Scenario) -> Simulation {
    let Job::Cluster(simulation) = job(scenario, 1) else { panic!("a cluster") };
    *simulation
}

/// The bits of the weights at the end, and the batches' losses in order.
fn learned(scenario: &Scenario) -> (Vec<u32>, Vec<u64>) {
    let outcome = run(scenario, 1);
    let losses = outcome.finished.iter().map(|push| push.loss.to_bits()).collect();
    (outcome.weights, losses)
}

/// The null arm: without windows, delays and losses one worker trains as on the log by date, bit for
/// bit, whether it always waits for the stream or never.
#[test]
fn a_stream_without_delays_is_the_log_by_date() {
    let mut by_date = small();
    by_date.train.order = serde_json::from_value(serde_json::json!({"kind": "by_date"})).unwrap();
    by_date.train.stop = Stop { passes: Some(1.0), ..Stop::default() };
    by_date.train.last_batch = LastBatch::Short;
    // The window does not end with a whole step.
    by_date.train.batch = 23;
    by_date.cluster.workers = 1;
    // It begins when a fast stream has come.
    by_date.cluster.start =
        serde_json::from_value(serde_json::json!({"kind": "scattered", "within": "3s"})).unwrap();
    let expected = learned(&by_date);
    assert_eq!(expected.1.len(), 2_400usize.div_ceil(23));
    for speed in [100.0, 1e8] {
        for prefetch in [false, true] {
            let text = format!(
                "arrivals = {{ kind = \"replay\", speed = {speed} }}\njoin.window = \"0s\""
            );
            let mut scenario = Scenario { online: Some(online(&text)), ..by_date.clone() };
            scenario.train.stop = Stop::default();
            scenario.worker.prefetch = prefetch;
            // A step that is read ahead is read before the push of the one before it.
            let expected = match (prefetch, speed > 1e6) {
                (true, true) => {
                    let worker = scenario.worker.clone();
                    learned(&Scenario { worker, ..by_date.clone() })
                }
                _ => expected.clone(),
            };
            assert!(learned(&scenario) == expected, "{speed} {prefetch}");
        }
    }
}

/// Settings without an effect change no weight: a queue that is never full, memory that is never too
/// small, and corrections of nothing.
#[test]
fn settings_at_their_neutral_values_change_nothing() {
    let usual = learned(&live(LATE));
    for more in ["queue.limit = 100000", "negatives = { keep = 1.0, correct = \"serving\" }"] {
        assert!(learned(&live(&format!("{LATE}\n{more}"))) == usual, "{more}");
    }
    // Whether features lie in memory or on a disk that takes no time changes nothing either.
    let memory = |text: &str| learned(&live(&LATE.replace("memory = 60", text)));
    let roomy = memory("memory = 100000, disk = \"0s\"");
    assert!(roomy == memory("memory = 0, disk = \"0s\""));
    assert!(roomy != usual);
}

fn train_examples(scenario: &Scenario) -> u64 {
    prepare(scenario).train.iter().map(|day| day.examples).sum()
}

/// Every protocol comes to an end when the stream does, with as many threads as there are, and from
/// any saved state.
#[test]
fn a_stream_ends_under_every_protocol() {
    for (number, protocol) in protocols().into_iter().enumerate() {
        let mut scenario = Scenario { protocol, ..live(LATE) };
        scenario.cluster.workers = 5;
        scenario.worker.prefetch = scenario.protocol.facts().never_waits && number % 2 == 0;
        let what = scenario.protocol.name().to_string();
        let one = run(&scenario, 1);
        let applied: u64 = one.finished.iter().map(|push| push.examples).sum();
        let all = train_examples(&scenario);
        if !scenario.protocol.facts().aborts {
            // What the protocol holds at the end is never let go.
            assert!(applied > all * 3 / 4, "{what}: {applied} of {all}");
        }
        if number % 3 == 0 {
            let three = run(&scenario, 3);
            assert!(one.weights == three.weights && one.records == three.records, "{what}");
            let pieces = run_in_pieces(&scenario, 2, 577);
            assert!(one.weights == pieces.weights && one.records == pieces.records, "{what}");
        }
        check(&scenario, 61);
    }
}

/// Examples that workers have taken, and what became of them.
fn check(scenario: &Scenario, stride: u64) {
    let mut simulation = simulation(scenario);
    let (mut count, mut finished) = (0, 0);
    let mut note = |record: &Record<'_>| {
        if let Record::Finished(push) = record {
            finished += push.examples;
        }
    };
    while simulation.step(&mut note).unwrap() == State::Running {
        count += 1;
        if count % stride == 0 {
            simulation.check();
        }
    }
    simulation.check();
    let live = simulation.session().stream().unwrap();
    let (stream, taken) = (live.stream(), live.stream().queue().counts().taken);
    assert!(stream.is_over() && stream.queue().is_empty(), "the run ended before its stream");
    assert_eq!(stream.counts().requests, stream.requests().len());
    let emitted = stream.joiner().counts().emitted();
    assert_eq!(taken, emitted - stream.queue().counts().dropped());
    let lost = simulation.presence().tally().lost_examples;
    let kept: u64 = simulation.workers().iter().map(|worker| worker.examples_kept).sum();
    let accounted = finished + lost + kept + live.reserved();
    // Steps that the protocol holds at the end, and those that it has aborted, are the rest.
    assert!(accounted <= taken, "{accounted} of {taken}");
    let aborts = scenario.protocol.facts().aborts;
    if !aborts && simulation.versions().iter().all(|v| *v > 0) {
        let held = taken - accounted;
        let most = 8 * u64::from(scenario.cluster.workers) * scenario.examples_per_step();
        assert!(held <= most, "{held} examples are held at the end");
    }
}

/// With evenly spaced requests and a worker that is faster than they come: what it waits, and how old
/// its examples are.
#[test]
fn a_fast_worker_waits_for_the_rest_of_the_time() {
    let mut scenario = live(
        "arrivals = { kind = \"even\", rate = 2.0 }\njoin.window = \"0s\"\nactions.delay.mean = \"0s\"",
    );
    scenario.cluster.workers = 1;
    scenario.cluster.compute.law = constant();
    scenario.cluster.compute.fixed = SimSpan(3_000_000_000);
    scenario.cluster.compute.per_example = SimSpan::ZERO;
    let mut simulation = simulation(&scenario);
    simulation.run(&mut NoObserver).unwrap();
    // A batch of 16 takes 8 s to come and 3 s to compute.
    let spent = simulation.time_spent(&simulation.workers()[0]);
    let (computing, starved) = (spent.computing.seconds(), spent.starved.seconds());
    assert!((computing - 150.0 * 3.0).abs() < 1e-6, "{computing}");
    assert!((computing + starved - simulation.now().seconds()).abs() < 1e-6, "{starved}");
    // The last example of a batch is taken at once, the first 7.5 s after its request.
    let live = simulation.session().stream().unwrap();
    let queue = live.stream().queue().counts().lags;
    assert!((queue.mean().unwrap() - 3.75).abs() < 1e-6, "{queue:?}");
    assert!((live.update_lags().mean().unwrap() - 6.75).abs() < 1e-6);
    assert_eq!(live.update_lags().longest_seconds(), Some(10.5));
    assert_eq!(live.update_lags().examples, 2_400);
}

/// A stream that is faster than the workers fills its queue, and the queue does as it is told.
#[test]
fn a_slow_cluster_fills_the_queue() {
    let of = |queue: &str| {
        let text = format!(
            "arrivals = {{ kind = \"even\", rate = 1000.0 }}\njoin.window = \"0s\"\n{queue}"
        );
        let mut simulation = simulation(&live(&text));
        simulation.run(&mut NoObserver).unwrap();
        let live = simulation.session().stream().unwrap();
        let counts = *live.stream().queue().counts();
        (counts, simulation.session().progress.examples, live.update_lags().mean().unwrap())
    };
    let (open, examples, open_lag) = of("");
    assert_eq!((open.dropped(), examples), (0, 2_400));
    assert!(open.longest > 1_500, "{open:?}");
    let (block, examples, _) = of("queue.limit = 64");
    assert_eq!((block.dropped(), block.longest, examples), (0, 64, 2_400));
    for full in [WhenFull::DropOldest, WhenFull::DropNewest] {
        let word = if full == WhenFull::DropOldest { "drop_oldest" } else { "drop_newest" };
        let (dropping, examples, lag) = of(&format!("queue = {{ limit = 64, full = \"{word}\" }}"));
        assert!(dropping.dropped() > 1_500 && dropping.longest == 64, "{dropping:?}");
        assert_eq!(examples + dropping.dropped(), 2_400);
        // What is dropped is not waited for.
        assert!(lag < open_lag / 2.0, "{lag} {open_lag}");
    }
}

/// Logits of the holdout.
fn logits(scenario: &Scenario, job: &Job) -> Vec<f64> {
    let Prepared { model, source, holdout, .. } = prepare(scenario);
    let evaluator = Evaluator::new(model, source.as_ref(), &holdout, 0.0, Streams::new(1));
    let server = server(job.session());
    let dense = Arc::new(server.dense().to_vec());
    let all = evaluator.logits(server, (dense, server.moving()), None, &mut Pool::new(1));
    all.into_iter().map(f64::from).collect()
}

/// Negatives are kept at a rate. What a model learns with the correction in training is what it
/// serves with the correction at serving; without one it predicts too much, by the logarithm of the
/// rate.
#[test]
fn both_corrections_of_negatives_serve_the_same_log_odds() {
    let keep = 0.25f64;
    let of = |correct: &str| {
        let mut scenario = live(&format!(
            "arrivals = {{ kind = \"even\", rate = 100.0 }}\njoin.window = \"0s\"\n\
             negatives = {{ keep = {keep}, correct = \"{correct}\" }}"
        ));
        scenario.model = small_logistic();
        scenario.cluster.workers = 1;
        let Some(SourceChoice::Synthetic(log)) = &mut scenario.data else { panic!("generated") };
        log.rows_per_day = 12_000;
        let mut job = job(&scenario, 1);
        job.run(&mut NoObserver).unwrap();
        (logits(&scenario, &job), weights(server(job.session())))
    };
    let (training, _) = of("training");
    let (learned, weights) = of("serving");
    let (uncorrected, same) = of("none");
    assert!(weights == same && learned == uncorrected, "serving is no matter of training");
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    let apart: Vec<f64> = learned
        .iter()
        .zip(&training)
        .map(|(learned, served)| learned + keep.ln() - served)
        .collect();
    // Both begin at zero, from which they learn different ways: what is left is small beside the
    // correction.
    let (bias, unit) = (mean(&apart), -keep.ln());
    assert!(bias.abs() < 0.1 * unit, "{bias} of {unit}");
    let far: Vec<f64> = apart.iter().map(|apart| apart.abs()).collect();
    assert!(mean(&far) < 0.2 * unit, "{} of {unit}", mean(&far));
}

/// Local work reads its examples again, and yet trains on what the stream says of them: here, that
/// nobody ever acts.
#[test]
fn local_work_trains_on_the_labels_of_the_stream() {
    let ended = |kind: &str, never: f64| {
        let mut scenario = live(&format!(
            "arrivals = {{ kind = \"even\", rate = 100.0 }}\njoin.window = \"0s\"\n\
             actions.never = {never:?}"
        ));
        scenario.worker.batches = 2;
        scenario.worker.local = serde_json::from_value(serde_json::json!({"kind": kind})).unwrap();
        assert_eq!(matches!(scenario.worker.local.plan(), LocalPlan::Gradient), kind == "gradient");
        let outcome = run(&scenario, 1);
        let last = &outcome.finished[outcome.finished.len() * 9 / 10..];
        last.iter().map(|push| push.loss).sum::<f64>() / last.len() as f64
    };
    for kind in ["gradient", "local_steps", "elastic"] {
        let (nobody, some) = (ended(kind, 1.0), ended(kind, 0.0));
        assert!(nobody < 0.7 * some, "{kind}: {nobody} {some}");
    }
}

/// Evaluations that are due so many times in a run are due when so much of the stream is over.
#[test]
fn a_stream_is_divided_by_its_time() {
    let mut scenario = live(LATE);
    let holdout = scenario.holdout.as_mut().unwrap();
    holdout.every = Every::Times(6);
    let outcome = run(&scenario, 1);
    let times = outcome.of_kind("Evaluated").len();
    assert!((7..=8).contains(&times), "{times}");
    let looks = outcome.of_kind("Stream").len();
    assert!((150..=202).contains(&looks), "{looks}");
}

/// Restarts in the middle, and checkpoints for which workers wait, lose what workers had taken, and
/// nothing else: the stream goes on.
#[test]
fn a_stream_goes_on_through_restarts_and_saves() {
    let mut scenario = live(LATE);
    let save = Save { policy: SavePolicy::Quiesce, takes: seconds(3), ..Save::default() };
    scenario.checkpoint = Some(CheckpointSaving { save, ..CheckpointSaving::default() });
    scenario.cluster.workers = 5;
    let mut job = job(&scenario, 1);
    let (mut steps, mut saved) = (0, 0);
    while job.step(&mut NoObserver).unwrap() == State::Running {
        steps += 1;
        if steps % 500 == 0 {
            job.save_checkpoint(SaveReason::Update(1));
        }
        saved += usize::from(job.take_saved().is_some());
        if steps % 1_300 == 0 {
            let restart = Restart {
                workers: WorkersAt::Anew,
                in_flight: InFlight::Drop,
                ..Restart::default()
            };
            scenario.restart(&mut job, &restart, &mut NoObserver).unwrap();
        }
    }
    let simulation = job.simulation().unwrap();
    simulation.check();
    let live = simulation.session().stream().unwrap();
    let taken = live.stream().queue().counts().taken;
    let lost = simulation.presence().tally().lost_examples;
    assert!(live.stream().is_over() && saved > 3 && lost > 0, "{saved} {lost}");
    assert_eq!(taken, simulation.session().progress.examples + lost + live.reserved());
}

fn any_stream() -> impl Strategy<Value = String> {
    let late = prop_oneof![Just("drop"), Just("second"), Just("correct")];
    let full = prop_oneof![Just("block"), Just("drop_oldest"), Just("drop_newest")];
    let kind = prop_oneof![
        (1u32..400).prop_map(|rate| format!("kind = \"poisson\", rate = {rate}.0")),
        (1u32..400).prop_map(|rate| format!("kind = \"even\", rate = {rate}.0")),
        (200u32..20_000).prop_map(|speed| format!("kind = \"replay\", speed = {speed}.0")),
    ];
    let shares = (0.0..0.5f64, 0.0..0.5f64, 0.0..0.3f64, prop_oneof![Just(1.0), 0.2..1.0f64]);
    let memory = proptest::option::of(0u64..100);
    let limit = proptest::option::of(60u64..300);
    ((kind, late, full), (0u64..40, 0u64..20, 0u64..5), shares, memory, limit).prop_map(
        |((kind, late, full), (window, action, feature), (never, twice, lost, keep), memory, limit)| {
            let memory = memory.map_or(String::new(), |n| format!("join.memory = {n}\n"));
            let limit = limit.map_or(String::new(), |n| format!("queue.limit = {n}\n"));
            format!(
                "arrivals = {{ {kind} }}\njoin.window = \"{window}s\"\njoin.late = \"{late}\"\n\
                 actions = {{ delay = {{ mean = \"{action}s\", law.kind = \"exponential\" }}, never = {never}, twice = {twice} }}\n\
                 features = {{ delay = {{ mean = \"{feature}s\", law.kind = \"exponential\" }}, lost = {lost} }}\n\
                 negatives.keep = {keep}\nqueue.full = \"{full}\"\n{memory}{limit}"
            )
        },
    )
}

/// Workers that crash, leave and come back.
fn churn(scenario: &mut Scenario) {
    scenario.cluster.failures = Failures {
        every: Some(seconds(60)),
        repair: seconds(8),
        on_the_way: InFlightMessages::Arrives,
        ..Failures::default()
    };
    scenario.cluster.membership = vec![Membership {
        first: 1,
        last: Some(2),
        leave: Some(seconds(9)),
        join: Some(seconds(14)),
        every: Some(seconds(25)),
        abruptly: false,
    }];
    scenario.cluster.shard_failures = ShardFailures {
        every: Some(seconds(90)),
        repair: seconds(5),
        noticed_after: seconds(1),
        meanwhile: Meanwhile::Fail,
        recovery: if scenario.scenario.seed.is_multiple_of(2) {
            Recovery::All
        } else {
            Recovery::Partial
        },
        ..ShardFailures::default()
    };
    let event = Scripted { worker: 3, at: seconds(5), ..Scripted::default() };
    scenario.cluster.event = vec![Scripted { sleep: Some(seconds(4)), ..event }];
}

prop_compose! {
    fn any_live()(
        text in any_stream(),
        protocol in proptest::sample::select(protocols()),
        (workers, shards) in (4u32..8, 1u32..4),
        batch in 3u32..40,
        (churns, prefetch, many) in (any::<bool>(), any::<bool>(), any::<bool>()),
        push_every in prop_oneof![Just(1u64), 2u64..4],
        seed in any::<u64>(),
    ) -> Scenario {
        let mut scenario = Scenario { protocol, ..live(&text) };
        scenario.scenario.seed = seed;
        scenario.cluster.workers = workers;
        scenario.cluster.shards = shards;
        scenario.train.batch = batch;
        scenario.model = small_logistic();
        if many {
            scenario.worker.batches = 2;
            scenario.train.batch = batch / 2 + 1;
        }
        if shards > 1 && !scenario.protocol.facts().discards {
            scenario.cluster.dense_shards = Some(1);
            scenario.worker.push_every = push_every;
        }
        let whole = scenario.worker.push_every == 1;
        scenario.worker.prefetch = prefetch && whole && scenario.protocol.facts().never_waits;
        if churns {
            churn(&mut scenario);
        }
        scenario
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_130),
        ..ProptestConfig::with_cases(40)
    })]

    /// No request and no example is lost or made up; threads and saved states change nothing.
    #[test]
    fn random_streams_keep_every_promise(scenario in any_live(), stride in 20u64..400) {
        check(&scenario, stride);
        let of = |threads| run(&scenario, threads);
        let (one, two, four): (Outcome, Outcome, Outcome) = (of(1), of(2), of(4));
        prop_assert!(one.weights == two.weights && one.records == two.records);
        prop_assert!(one.weights == four.weights && one.records == four.records);
        let pieces = run_in_pieces(&scenario, 2, 1 + stride as usize);
        prop_assert!(one.weights == pieces.weights && one.records == pieces.records);
    }
}

/// Windows longer than the log, and logs without times, are remarked on.
#[test]
fn what_looks_unintended_in_a_stream_is_said() {
    let remarks = |scenario: &Scenario| {
        let all: Vec<String> = prepare(scenario).remarks.iter().map(ToString::to_string).collect();
        all.join("\n")
    };
    assert_eq!(remarks(&live(LATE)), "");
    let long = live("arrivals = { kind = \"even\", rate = 100.0 }\njoin.window = \"1h\"");
    assert!(remarks(&long).contains("until then no negative is trained on"), "{}", remarks(&long));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    let rows: String = (0..60).map(|k| format!("{},{},{}\n", k % 2, k % 7, k % 5)).collect();
    std::fs::write(&path, format!("label,user,item\n{rows}")).unwrap();
    let text = format!(
        "[data]\nkind = \"table\"\nfiles = [{path:?}]\nlabel = \"label\"\ncategorical = [\"user\", \"item\"]\ndays = 3\n\
         [train]\ndays = \"1..2\"\nbatch = 5\n[holdout]\ndays = \"3\"\n[model]\nkind = \"logistic\"\n[online]\n\
         arrivals = {{ kind = \"replay\", speed = 1000.0 }}\njoin.window = \"1min\"\n"
    );
    let scenario = Scenario::from_text(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let said: Vec<String> = scenario
        .prepare(Path::new("."))
        .unwrap()
        .unwrap()
        .remarks
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(said.join("\n").contains("they are parts of its rows"), "{said:?}");
}

/// A file of measured delays that is not there is missed before anything starts, by its key.
#[test]
fn missing_delays_are_missed_by_their_key() {
    let law: StepTimeChoice =
        serde_json::from_value(serde_json::json!({"kind": "trace", "file": "none.csv"})).unwrap();
    let mut scenario = live(LATE);
    scenario.online.as_mut().unwrap().actions.delay.law = law;
    let error = scenario.prepare(Path::new(".")).unwrap_err();
    assert_eq!(error.key(), "online.actions.delay.law");
    assert!(error.to_string().contains("none.csv"), "{error}");
}

/// An imposed staleness ignores the stream, and does not panic.
#[test]
fn an_imposed_staleness_has_no_stream() {
    let mut scenario = live(LATE);
    scenario.imposed_staleness = Some(
        serde_json::from_value(serde_json::json!({"kind": "geometric", "mean": 2.0})).unwrap(),
    );
    let outcome = run(&scenario, 1);
    assert_eq!(outcome.finished.len(), 150);
}
