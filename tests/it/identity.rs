//! Identities: runs that must agree to the last bit, and the one that may differ by rounding.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use straggler::base::{Bandwidth, ShardId, SimSpan, Streams};
use straggler::cluster::delay::Fixed;
use straggler::cluster::step_time::{constant, exponential, lognormal};
use straggler::cluster::{DelayChoice, Network, ShardService, StepTimeChoice};
use straggler::data::order::{Order, OrderChoice, by_date};
use straggler::data::{Batch, DataSource, Day, Schema};
use straggler::model::{ModelChoice, Workspace};
use straggler::optimizer::{OptimizerChoice, sgd};
use straggler::params::view::rows_len;
use straggler::params::{Gradient, Locator, Lookups, View};
use straggler::protocol::{ProtocolChoice, synchronous};
use straggler::scenario::Scenario;
use straggler::server::{ParameterServer, PullBuffers, Sharding, UpdateContext};
use straggler::sim::evaluate::Views;
use straggler::sim::feed::ExampleSharing;
use straggler::sim::{Activity, Every, Record, Stop};

use crate::training::{
    Outcome, finish, job, prepare, run, small, small_din, small_logistic, small_mlp, weights,
};

fn models() -> [ModelChoice; 3] {
    [small_din(), small_mlp(), small_logistic()]
}

fn barrier() -> ProtocolChoice {
    ProtocolChoice::Synchronous(synchronous::Config {})
}

fn undelayed(scenario: &Scenario) -> Scenario {
    let imposed_staleness = Some(DelayChoice::Fixed(Fixed { updates: 0 }));
    Scenario { imposed_staleness, ..scenario.clone() }
}

/// Three shards behind a network, everything on.
fn networked() -> Scenario {
    let mut scenario = small();
    let cluster = &mut scenario.cluster;
    cluster.workers = 5;
    cluster.shards = 3;
    cluster.network = Network {
        latency: SimSpan(1 << 26),
        jitter: Some(StepTimeChoice::Exponential(exponential::Config {})),
        worker_bandwidth: Some(Bandwidth(1 << 20)),
        shard_bandwidth: Some(Bandwidth(1 << 21)),
        ..Network::default()
    };
    cluster.server = ShardService {
        pull_fixed: SimSpan(1 << 22),
        pull_per_row: SimSpan(1 << 12),
        push_fixed: SimSpan(1 << 24),
        push_per_row: SimSpan(1 << 14),
        per_kib: SimSpan(1 << 14),
        law: Some(StepTimeChoice::Lognormal(lognormal::Config { sigma: 0.3 })),
        ..ShardService::default()
    };
    scenario
}

/// Sequential training as one would write it without a simulator.
fn by_hand(scenario: &Scenario, updates: u64) -> Vec<u32> {
    let prepared = prepare(scenario);
    let streams = Streams::new(scenario.scenario.seed);
    let (model, source) = (prepared.model, prepared.source);
    let layout = Arc::new(model.layout().clone());
    let rule = scenario.optimizer.build();
    let sharding = Sharding::new(&layout, 1);
    let mut server =
        ParameterServer::new(Arc::clone(&layout), sharding, Arc::clone(&rule), rule, streams);
    let mut order =
        Order::new(scenario.train.order.clone(), prepared.train, streams).unwrap().cursor();
    let (mut batch, mut lookups) = (Batch::default(), Lookups::default());
    let (mut workspace, mut gradient) = (Workspace::default(), Gradient::default());
    let mut locator = Locator::for_layout(source.schema(), model.layout());
    let rate = scenario.optimizer.learning_rate() as f32;
    for version in 1..=updates {
        let mut ids = Vec::new();
        order.next(scenario.train.batch as usize, &mut ids);
        source.read(&ids, &mut batch);
        locator.locate(&batch, &mut lookups);
        let mut dense = vec![0.0; layout.dense_len()];
        let mut moving = vec![0.0; layout.moving_len()];
        let mut rows = vec![0.0; rows_len(&layout, &lookups)];
        server.pull(PullBuffers {
            shard: ShardId(0),
            lookups: &lookups,
            dense: &mut dense,
            moving: &mut moving,
            rows: &mut rows,
            row_updates: &mut vec![0; lookups.distinct()],
        });
        let view = View { dense: &dense, moving: &moving, rows: &rows, lookups: &lookups };
        model.gradient(view, &batch, &mut workspace, &mut gradient);
        let context = UpdateContext {
            dense_rate: rate,
            sparse_rate: rate,
            version,
            ..UpdateContext::default()
        };
        server.apply(ShardId(0), &lookups, &gradient, context).unwrap();
    }
    weights(&server)
}

#[test]
fn r10_one_worker_is_sequential_training() {
    for model in models() {
        let mut scenario = Scenario { model, ..small() };
        scenario.cluster.workers = 1;
        let alone = run(&scenario, 1);
        let expected = by_hand(&scenario, 60);
        assert!(alone.weights == expected, "{}: one asynchronous worker", scenario.model.name());
        assert!(alone.finished.iter().all(|push| push.staleness == 0.0));
        let imposed = run(&undelayed(&scenario), 1);
        assert!(imposed.weights == expected, "{}: imposed delay 0", scenario.model.name());
        let synchronous = run(&Scenario { protocol: barrier(), ..scenario.clone() }, 1);
        assert!(synchronous.weights == expected, "{}: a barrier of one", scenario.model.name());
        assert_eq!(synchronous.records, alone.records);
    }
}

#[test]
fn one_worker_has_no_gap_on_any_number_of_shards() {
    let mut scenario = networked();
    scenario.cluster.workers = 1;
    scenario.record.gap_every = Some(1);
    let outcome = run(&scenario, 1);
    assert!(outcome.finished.iter().all(|push| push.gap == Some(0.0)));
    scenario.cluster.workers = 2;
    let outcome = run(&scenario, 1);
    let stale = outcome.finished.iter().filter(|push| push.staleness > 0.0);
    assert!(stale.clone().count() > 10);
    assert!(stale.into_iter().all(|push| push.gap.is_some_and(|gap| gap > 0.0)));
}

/// The mean of four gradients of 16 examples is the gradient of 64, but for the order of summation.
#[test]
fn r11_a_barrier_is_a_larger_batch() {
    for model in models() {
        let mut workers = Scenario {
            model,
            protocol: barrier(),
            optimizer: OptimizerChoice::Sgd(sgd::Config { learning_rate: 0.5 }),
            ..small()
        };
        workers.train.order = OrderChoice::ByDate(by_date::Config {});
        workers.train.stop = Stop { updates: Some(30), ..Stop::default() };
        let mut alone = workers.clone();
        alone.cluster.workers = 1;
        alone.train.batch = 64;
        let (many, one) = (run(&workers, 1), run(&alone, 1));
        let apart = |(a, b): (f32, f32)| f64::from((a - b).abs()) / f64::from(b.abs()).max(0.01);
        let worst = many.values().into_iter().zip(one.values()).map(apart).fold(0.0, f64::max);
        assert!(worst < 1e-4, "{}: {worst}", workers.model.name());
        assert_ne!(many.weights, job_weights(&workers), "nothing was learned");
    }
}

fn job_weights(scenario: &Scenario) -> Vec<u32> {
    weights(crate::training::server(job(scenario, 1).session()))
}

#[test]
fn r01_the_number_of_threads_changes_nothing() {
    let plain = small();
    let synchronous = Scenario { protocol: barrier(), ..networked() };
    let mut fixed = networked();
    fixed.train.sharing = ExampleSharing::Fixed;
    let mut imposed = undelayed(&plain);
    imposed.imposed_staleness = Some(DelayChoice::Fixed(Fixed { updates: 5 }));
    let mut watched = networked();
    let views = Views { workers: 2, mean_of_views: true, mean_of_predictions: true };
    watched.holdout.as_mut().unwrap().views = views;
    for scenario in [plain, networked(), synchronous, fixed, imposed, watched] {
        let one = run(&scenario, 1);
        assert!(one.of_kind("Evaluated").len() >= 4);
        for threads in [2, 8] {
            let many = run(&scenario, threads);
            assert!(one.weights == many.weights, "weights differ for {threads} threads");
            for (a, b) in one.records.iter().zip(&many.records) {
                assert_eq!(a, b, "{threads} threads");
            }
            assert_eq!(one.records.len(), many.records.len());
        }
    }
}

#[test]
fn r03_watching_changes_nothing() {
    let mut blind = networked();
    blind.holdout.as_mut().unwrap().every = Every::Updates(1_000);
    blind.record.divergence = None;
    blind.record.rows_every = None;
    blind.record.gap_every = None;
    let mut nosy = blind.clone();
    nosy.holdout.as_mut().unwrap().every = Every::SimTime(SimSpan(1 << 30));
    let views = Views { workers: 3, mean_of_views: true, mean_of_predictions: true };
    nosy.holdout.as_mut().unwrap().views = views;
    nosy.record.divergence = Some(Every::Updates(3));
    nosy.record.layers = Some(Every::SimTime(SimSpan(1 << 31)));
    nosy.record.rows_every = Some(1);
    nosy.record.gap_every = Some(1);
    let without = Scenario { holdout: None, ..blind.clone() };
    // Without a holdout all days are trained on, unless they are named.
    let without = {
        let mut scenario = without;
        scenario.train.days = Some(straggler::data::Window::new(vec![(1, 2)]).unwrap());
        scenario
    };
    let reference = run(&blind, 1);
    for scenario in [nosy, without] {
        let outcome = run(&scenario, 1);
        assert!(outcome.weights == reference.weights);
        assert_eq!(outcome.pushes(), reference.pushes());
        assert_eq!(outcome.events, reference.events);
        for kind in ["Activity", "Service", "Updated"] {
            assert_eq!(outcome.of_kind(kind), reference.of_kind(kind));
        }
    }
    assert!(!reference.of_kind("Service").is_empty());
}

/// Whatever is watched together: the same weights, pushes and events.
#[test]
fn r03_no_combination_of_watchers_changes_anything() {
    let mut blind = networked();
    blind.train.stop = Stop { updates: Some(40), ..Stop::default() };
    blind.holdout.as_mut().unwrap().every = Every::Updates(1_000);
    blind.record.divergence = None;
    blind.record.rows_every = None;
    blind.record.gap_every = None;
    let reference = run(&blind, 1);
    for switches in 1..32u32 {
        let is_on = |switch: u32| switches & (1 << switch) != 0;
        let mut scenario = blind.clone();
        let holdout = scenario.holdout.as_mut().unwrap();
        if is_on(0) {
            holdout.every = Every::Updates(3);
        }
        if is_on(1) {
            holdout.views = Views { workers: 2, mean_of_views: true, mean_of_predictions: true };
        }
        scenario.record.divergence = is_on(2).then_some(Every::Updates(2));
        scenario.record.layers = is_on(2).then_some(Every::Updates(3));
        scenario.record.rows_every = is_on(3).then_some(1);
        scenario.record.gap_every = is_on(4).then_some(1);
        let outcome = run(&scenario, 1);
        assert!(outcome.weights == reference.weights, "weights differ, switches {switches:05b}");
        assert_eq!(outcome.pushes(), reference.pushes(), "switches {switches:05b}");
        assert_eq!(outcome.events, reference.events, "switches {switches:05b}");
    }
}

/// Times are powers of two, so that doubling is exact.
#[test]
fn r15_doubling_all_durations_doubles_all_times_and_changes_no_weight() {
    let once = networked();
    let mut twice = once.clone();
    let double = |span: &mut SimSpan| *span = span.times(2);
    let cluster = &mut twice.cluster;
    double(&mut cluster.compute.fixed);
    double(&mut cluster.compute.per_example);
    double(&mut cluster.network.latency);
    cluster.network.worker_bandwidth = Some(Bandwidth(1 << 19));
    cluster.network.shard_bandwidth = Some(Bandwidth(1 << 20));
    let server = &mut cluster.server;
    for span in [
        &mut server.pull_fixed,
        &mut server.pull_per_row,
        &mut server.push_fixed,
        &mut server.push_per_row,
        &mut server.per_kib,
    ] {
        double(span);
    }
    // Transfer times of an odd number of bytes are rounded to the nanosecond; jitter and service
    // laws are rounded too. Everything else is exact.
    let (a, b) = (run(&once, 1), run(&twice, 1));
    assert!(a.weights == b.weights);
    assert_eq!(a.finished.len(), b.finished.len());
    for (x, y) in a.finished.iter().zip(&b.finished) {
        assert_eq!((x.worker, x.staleness, x.mixed), (y.worker, y.staleness, y.mixed));
        assert!(x.at.0.abs_diff(y.at.0 / 2) <= 2_000, "{} {}", x.at.0, y.at.0);
    }
    let mut exact = small();
    let first = run(&exact, 1);
    double(&mut exact.cluster.compute.fixed);
    double(&mut exact.cluster.compute.per_example);
    let second = run(&exact, 1);
    assert!(first.weights == second.weights);
    assert!(first.finished.iter().zip(&second.finished).all(|(x, y)| x.at.0 * 2 == y.at.0));
}

#[test]
fn shards_without_cost_change_nothing() {
    for model in models() {
        for law in [
            StepTimeChoice::Constant(constant::Config {}),
            StepTimeChoice::Lognormal(lognormal::Config { sigma: 0.5 }),
        ] {
            let mut scenario = Scenario { model: model.clone(), ..small() };
            scenario.cluster.compute.law = law;
            let one = run(&scenario, 1);
            assert!(one.finished.iter().any(|push| push.staleness == 3.0));
            for shards in [3, 8] {
                scenario.cluster.shards = shards;
                let many = run(&scenario, 1);
                assert!(one.weights == many.weights, "{} on {shards} shards", model.name());
                assert_eq!(one.pushes(), many.pushes());
            }
        }
    }
}

/// A log that writes down which batches were read.
#[derive(Debug)]
struct Overheard {
    log: Arc<dyn DataSource>,
    read: Arc<Mutex<Vec<Vec<u64>>>>,
}

impl DataSource for Overheard {
    fn schema(&self) -> &Schema {
        self.log.schema()
    }

    fn days(&self) -> &[Day] {
        self.log.days()
    }

    fn read(&self, ids: &[u64], batch: &mut Batch) {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).push(ids.to_vec());
        self.log.read(ids, batch);
    }

    fn facts(&self) -> Vec<(String, String)> {
        self.log.facts()
    }
}

/// The batches in the order in which they were handed out, and what came of them.
fn overhear(scenario: &Scenario) -> (Vec<Vec<u64>>, Outcome) {
    let mut prepared = prepare(scenario);
    let read = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&prepared.source);
    prepared.source = Arc::new(Overheard { log, read: Arc::clone(&read) });
    let outcome = finish(scenario.build(Some(prepared), Path::new("."), 1).unwrap());
    let batch = scenario.train.batch as usize;
    let mut read = read.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // The holdout is read in larger pieces.
    read.retain(|ids| ids.len() == batch);
    (read, outcome)
}

/// Compute times by worker and step, from the timeline.
fn compute_times(scenario: &Scenario) -> BTreeMap<(u32, u64), u64> {
    let mut times = BTreeMap::new();
    job(scenario, 1)
        .run(&mut |record: &Record<'_>| {
            if let Record::Activity {
                worker, activity: Activity::Compute, from, to, step, ..
            } = record
            {
                let before = times.insert((worker.0, *step), to.since(*from).0);
                assert_eq!(before, None, "{worker} computed its step {step} twice");
            }
        })
        .unwrap();
    times
}

/// One more worker changes neither first values, nor step times, nor the stream of examples. Which
/// worker meets which batch does change: with a shared queue because the newcomer takes some, with
/// fixed shares because the k-th batch belongs to worker k modulo N.
#[test]
fn r17_one_more_worker_changes_no_draw_of_the_others() {
    let mut few = small();
    few.cluster.workers = 30;
    few.train.stop = Stop { updates: Some(120), ..Stop::default() };
    let mut more = few.clone();
    more.cluster.workers = 31;
    assert_eq!(job_weights(&few), job_weights(&more));
    let (a, b) = (compute_times(&few), compute_times(&more));
    let shared = a.iter().filter_map(|(key, time)| Some((time, b.get(key)?)));
    assert!(shared.clone().count() > 60);
    assert!(shared.into_iter().all(|(x, y)| x == y));
    let ((x, first), (y, second)) = (overhear(&few), overhear(&more));
    let common = x.len().min(y.len());
    assert!(common >= 120 && x[..common] == y[..common]);
    assert_eq!(first.of_kind("Evaluated")[0], second.of_kind("Evaluated")[0]);
}

#[test]
fn fixed_shares_are_dealt_in_turn() {
    let mut scenario = small();
    scenario.cluster.workers = 7;
    let (stream, _) = overhear(&scenario);
    scenario.train.sharing = ExampleSharing::Fixed;
    let (read, outcome) = overhear(&scenario);
    let mut pushes = outcome.finished;
    pushes.sort_by_key(|push| push.push);
    let mut steps = [0; 7];
    for push in pushes {
        let worker = push.worker.index();
        if let Some(batch) = stream.get(steps[worker] * 7 + worker) {
            assert_eq!(&read[push.push.0 as usize], batch);
        }
        steps[worker] += 1;
    }
    assert!(steps.iter().all(|&steps| steps > 0) && steps.iter().any(|&s| s != steps[0]));
}

/// What a worker did in one step: activity, beginning, end.
type Activities = Vec<(Activity, u64, u64)>;

/// Each step pulls, computes and pushes exactly once, one after the other.
#[test]
fn the_timeline_tells_every_step_in_order() {
    let mut seen = BTreeMap::<(u32, u64), Activities>::new();
    job(&networked(), 1)
        .run(&mut |record: &Record<'_>| {
            if let Record::Activity { worker, activity, from, to, step, .. } = record {
                seen.entry((worker.0, *step)).or_default().push((*activity, from.0, to.0));
            }
        })
        .unwrap();
    let steps = [Activity::Pull, Activity::Compute, Activity::Push];
    let complete = seen.values().filter(|activities| activities.len() == 3);
    assert!(complete.count() >= 50);
    for (key, activities) in &seen {
        let order: Vec<Activity> = activities.iter().map(|(activity, ..)| *activity).collect();
        assert!(steps.starts_with(&order), "{key:?}: {order:?}");
        assert!(activities.windows(2).all(|pair| pair[0].2 == pair[1].1), "{key:?}: a hole");
    }
}
