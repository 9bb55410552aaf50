//! The protocols against what is known of them in closed form and against their limits, and the
//! engine against a protocol that decides at random.

use std::collections::BTreeMap;

use proptest::prelude::*;
use straggler::base::{Purpose, ShardId, SimSpan, Streams, WorkerId, stream::unit};
use straggler::cluster::step_time::{constant, exponential, lognormal};
use straggler::cluster::{MachineClass, ShardService, StepTimeChoice};
use straggler::protocol::{
    Arrived, ClusterState, Decisions, Merge, Protocol, ProtocolChoice, PushId, Read, RowMean,
};
use straggler::scenario::Scenario;
use straggler::sim::feed::ExampleSharing;
use straggler::sim::{Limits, Links, NoObserver, SimError, Simulation, State};

use crate::cluster::{NullCluster, mean, seconds};
use crate::training::{self, Outcome};

fn exponential() -> StepTimeChoice {
    StepTimeChoice::Exponential(exponential::Config {})
}

/// A protocol as a scenario file chooses it.
fn protocol(text: &str) -> ProtocolChoice {
    toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn textbook(workers: u32, choice: &str, updates: u64) -> NullCluster {
    NullCluster {
        protocol: protocol(choice),
        limits: Limits { updates: Some(updates), ..Limits::default() },
        ..NullCluster::textbook(workers, exponential())
    }
}

/// Mean time per update, in mean step times.
fn time_per_update(simulation: &Simulation) -> f64 {
    let updates = simulation.session().progress.updates as f64;
    seconds(simulation.now()) / updates / (f64::from(1 << 30) * 1e-9)
}

fn harmonic(n: u32) -> f64 {
    (1..=n).map(|i| 1.0 / f64::from(i)).sum()
}

#[track_caller]
fn near(measured: f64, expected: f64, share: f64) {
    assert!((measured / expected - 1.0).abs() < share, "{measured} for {expected}");
}

/// If all began together, a round were the N-th of N + b times, `(H_(N+b) - H_b) / mu`: 2.190813 for
/// 20 + 2. The late ones begin later, so it is longer, and shorter than without backups.
#[test]
fn backup_workers_close_at_an_order_statistic() {
    let cluster = textbook(22, "kind = 'backup_workers'\nbackups = 2", 10_000);
    let (simulation, finished) = cluster.run();
    near(harmonic(22) - harmonic(2), 2.190813, 1e-6);
    let measured = time_per_update(&simulation);
    assert!(2.190813 < measured && measured < 0.75 * harmonic(20), "{measured}");
    let applied = finished.iter().filter(|push| push.applied);
    assert!(applied.clone().all(|push| push.staleness == 0.0));
    assert_eq!(applied.count() as u64, 20 * simulation.session().progress.updates);
    assert!(simulation.discarded() > 10_000);
}

/// A worker that is broken off begins anew with a new draw, so a round lasts as long as the k-th
/// of p fresh times: `(H_p - H_(p-k)) / mu`, 0.634524 for 4 of 8.
#[test]
fn k_sync_waits_for_the_kth_of_p() {
    let cluster = textbook(8, "kind = 'k_sync'\nk = 4", 20_000);
    let (simulation, finished) = cluster.run();
    simulation.check();
    near(harmonic(8) - harmonic(4), 0.634524, 1e-6);
    near(time_per_update(&simulation), 0.634524, 0.02);
    assert!(finished.iter().all(|push| push.staleness == 0.0 && push.applied));
    let broken_off = simulation.aborted() as f64 / simulation.session().progress.updates as f64;
    near(broken_off, 4.0, 0.001);
}

/// `K E[X] / P`: any K pushes at a rate of P / E[X]; for memoryless workers also where the others
/// are broken off, since nothing is lost with them.
#[test]
fn k_pushes_take_k_over_p_times() {
    for (choice, expected) in [
        ("kind = 'k_batch_async'\nk = 3", 3.0 / 8.0),
        ("kind = 'k_batch_sync'\nk = 3", 3.0 / 8.0),
        ("kind = 'softsync'\nn = 4", 2.0 / 8.0),
    ] {
        let (simulation, _) = textbook(8, choice, 20_000).run();
        near(time_per_update(&simulation), expected, 0.02);
    }
}

/// Two memoryless workers with lead s: `4 mu (s + 1) / (2 s + 3)` steps a unit of time. Equal
/// periods in the end go at the pace of the slowest, whatever the lead.
#[test]
fn a_bounded_lead_has_its_throughput() {
    for (lead, expected) in [(0, 1.3333), (1, 1.6), (3, 1.7778), (10, 1.9130)] {
        let choice = format!("kind = 'stale_synchronous'\nlead = {lead}");
        let (simulation, _) = textbook(2, &choice, 40_000).run();
        near(1.0 / time_per_update(&simulation), expected, 0.02);
    }
    let class = |name: &str, share: f64, slowdown: f64| MachineClass {
        name: name.into(),
        share: Some(share),
        slowdown,
        spread: 0.0,
        law: None,
        workers: Vec::new(),
        own: Vec::new(),
    };
    for lead in [0, 2, 7] {
        let cluster = NullCluster {
            law: StepTimeChoice::Constant(constant::Config {}),
            classes: vec![class("fast", 0.5, 1.0), class("slow", 0.5, 4.0)],
            ..textbook(4, &format!("kind = 'stale_synchronous'\nlead = {lead}"), 4_000)
        };
        let (simulation, finished) = cluster.run();
        near(1.0 / time_per_update(&simulation), 1.0, 0.01);
        assert_eq!(finished.iter().map(|push| push.clock_lag).max(), Some(lead));
    }
}

#[test]
fn softsync_is_workers_minus_one_over_c_stale() {
    for (workers, n, c) in [(30u32, 30, 1usize), (30, 15, 2), (31, 1, 31)] {
        let (_, finished) = textbook(workers, &format!("kind = 'softsync'\nn = {n}"), 4_000).run();
        let measured = mean(finished.iter().skip(100 * c).map(|push| push.staleness));
        near(measured, f64::from(workers - 1) / c as f64, 0.02);
    }
}

#[test]
fn rennala_applies_no_stale_gradient() {
    let (simulation, finished) = textbook(10, "kind = 'rennala'\nbatch = 4", 10_000).run();
    let updates = simulation.session().progress.updates;
    let applied: Vec<_> = finished.iter().filter(|push| push.applied).collect();
    assert_eq!(applied.len() as u64, 4 * updates);
    assert!(applied.iter().all(|push| push.staleness == 0.0));
    // After an update the other nine hold an old gradient each.
    assert!(simulation.discarded() > updates);
}

#[test]
fn ringmaster_breaks_off_what_grows_too_old() {
    let cluster = NullCluster {
        links: Links { latency: SimSpan(1 << 20), ..Links::default() },
        ..textbook(10, "kind = 'ringmaster'\nbound = 5", 20_000)
    };
    let (simulation, finished) = cluster.run();
    simulation.check();
    assert!(simulation.aborted() > 1_000, "{}", simulation.aborted());
    assert!(finished.iter().all(|push| !push.applied || push.staleness < 5.0));
    let oldest = finished.iter().filter(|push| push.applied).map(|push| push.staleness as u64);
    assert_eq!(oldest.max(), Some(4));
}

#[test]
fn what_is_too_stale_is_dropped() {
    let (simulation, finished) = textbook(10, "kind = 'drop_stale'\nbound = 12", 20_000).run();
    let (kept, dropped): (Vec<_>, Vec<_>) = finished.iter().partition(|push| push.applied);
    assert!(kept.iter().all(|push| push.staleness <= 12.0));
    assert_eq!(dropped.len() as u64, simulation.discarded());
    assert!(simulation.discarded() > 2_000);
}

/// TensorFlow's tokens: with fewer gradients to an update than workers, fast workers go on while
/// slow ones find their gradients dropped; with more, some contribute twice.
#[test]
fn tokens_let_fast_workers_contribute_twice() {
    let (exact, finished) = textbook(6, "kind = 'tokens'", 3_000).run();
    assert!(finished.iter().all(|push| push.applied && push.staleness == 0.0));
    near(time_per_update(&exact), harmonic(6), 0.03);
    let (more, finished) = textbook(6, "kind = 'tokens'\naggregate = 9", 3_000).run();
    assert_eq!(finished.iter().filter(|push| push.applied).count(), 9 * 3_000);
    assert_eq!(more.discarded(), 0);
    let (fewer, _) = textbook(6, "kind = 'tokens'\naggregate = 4", 3_000).run();
    assert!(fewer.discarded() > 1_000 && time_per_update(&fewer) < time_per_update(&exact));
}

/// Dynamic bounds lie between their ends, and never leave them.
#[test]
fn a_dynamic_lead_stays_in_its_range() {
    let rate = |choice: &str| 1.0 / time_per_update(&textbook(6, choice, 20_000).run().0);
    let tight = rate("kind = 'stale_synchronous'\nlead = 2");
    let loose = rate("kind = 'stale_synchronous'\nlead = 8");
    let dynamic = rate("kind = 'dynamic_ssp'\nlead = 2\nextra = 6");
    assert!(tight < dynamic && dynamic < loose, "{tight} {dynamic} {loose}");
    assert_eq!(rate("kind = 'dynamic_ssp'\nlead = 2\nextra = 0"), tight);
}

/// Protocols in their limits are the protocols they generalise, to the last bit.
#[test]
fn limits_are_exact() {
    let (barrier, free) = ("kind = 'synchronous'", "kind = 'asynchronous'");
    let mut scenario = training::small();
    scenario.cluster.shards = 2;
    scenario.cluster.network.latency = SimSpan(1 << 24);
    let run = |choice: &str| {
        let scenario = Scenario { protocol: protocol(choice), ..scenario.clone() };
        training::run(&scenario, 1)
    };
    let same = |a: &Outcome, choice: &str| {
        let b = run(choice);
        assert!(a.weights == b.weights, "{choice}: other weights");
        assert!(a.pushes() == b.pushes(), "{choice}: other pushes");
    };
    let synchronous = run(barrier);
    for choice in [
        "kind = 'backup_workers'\nbackups = 0",
        "kind = 'k_sync'\nk = 4",
        "kind = 'k_async'\nk = 4",
        "kind = 'stale_synchronous'\nlead = 0\nupdates = 'by_clock'",
    ] {
        same(&synchronous, choice);
    }
    let asynchronous = run(free);
    assert!(asynchronous.weights != synchronous.weights);
    for choice in [
        "kind = 'softsync'\nn = 4",
        "kind = 'k_async'\nk = 1",
        "kind = 'k_batch_async'\nk = 1",
        "kind = 'ringmaster'\nbound = 1000000",
        "kind = 'drop_stale'\nbound = 1000000",
        "kind = 'stale_synchronous'\nlead = 1000000",
        "kind = 'stale_synchronous'\nlead = 1000000\nclock = 'row'",
        "kind = 'dynamic_ssp'\nlead = 1000000",
        "kind = 'gba'\nbatches = 1\nlate = 1000000",
    ] {
        same(&asynchronous, choice);
    }
    // One worker alone is nobody's straggler.
    scenario.cluster.workers = 1;
    let alone = |choice: &str| {
        let scenario = Scenario { protocol: protocol(choice), ..scenario.clone() };
        training::run(&scenario, 1).weights
    };
    let sequential = alone(free);
    for choice in
        [barrier, "kind = 'rennala'\nbatch = 1", "kind = 'k_batch_sync'\nk = 1", "kind = 'tokens'"]
    {
        assert!(alone(choice) == sequential, "{choice}");
    }
}

/// A shard that is fresh enough is read while another still catches up: over a network that is
/// slower here and there by chance, more steps are made in the same time.
#[test]
fn clocks_of_rows_wait_less() {
    for (lead, gain) in [(0, 1.02), (1, 1.005), (3, 1.0)] {
        let rate = |clock: &str| {
            let jitter = exponential().build(std::path::Path::new(".")).unwrap();
            let latency = SimSpan(1 << 28);
            let choice = format!("kind = 'stale_synchronous'\nlead = {lead}\nclock = '{clock}'");
            let cluster = NullCluster {
                shards: 4,
                links: Links { latency, jitter: Some(jitter), ..Links::default() },
                ..textbook(6, &choice, 12_000)
            };
            let (simulation, finished) = cluster.run();
            simulation.check();
            assert!(finished.iter().all(|push| push.clock_lag <= lead));
            1.0 / time_per_update(&simulation)
        };
        let (rows, workers) = (rate("row"), rate("worker"));
        assert!(rows > gain * workers, "lead {lead}: {rows} {workers}");
    }
}

/// What is read is no older than promised, and without a lead the barrier's weights come out,
/// whatever the order of the reads.
#[test]
fn rows_are_read_when_their_own_shard_is_fresh_enough() {
    let mut scenario = training::small();
    scenario.cluster.shards = 3;
    scenario.cluster.network.latency = SimSpan(1 << 24);
    // The k-th batch of a worker, whenever it begins.
    scenario.train.sharing = ExampleSharing::Fixed;
    // Shards of uneven load, so that pushes arrive at different times.
    scenario.cluster.server = ShardService {
        push_fixed: SimSpan(1 << 26),
        push_per_row: SimSpan(1 << 22),
        pull_per_row: SimSpan(1 << 21),
        ..ShardService::default()
    };
    let run = |choice: &str| {
        let scenario = Scenario { protocol: protocol(choice), ..scenario.clone() };
        let (one, three) = (training::run(&scenario, 1), training::run(&scenario, 3));
        assert!(one.weights == three.weights && one.records == three.records, "{choice}");
        one
    };
    let end = |outcome: &Outcome| outcome.finished.last().expect("pushes").at;
    for lead in [0, 1, 2] {
        let by = |clock: &str| {
            run(&format!("kind = 'stale_synchronous'\nlead = {lead}\nclock = '{clock}'"))
        };
        let (rows, workers) = (by("row"), by("worker"));
        assert!(rows.records != workers.records, "lead {lead}");
        assert!(rows.finished.iter().all(|push| push.clock_lag <= lead));
        // Four workers: at most 3 (2 lead + 1) updates of others between a read and its push.
        let most = f64::from(3 * (2 * lead as u32 + 1));
        assert!(rows.finished.iter().all(|push| push.staleness <= most), "lead {lead}");
    }
    let barrier = run("kind = 'synchronous'");
    let rows = run("kind = 'stale_synchronous'\nlead = 0\nupdates = 'by_clock'\nclock = 'row'");
    assert!(rows.weights == barrier.weights);
    assert!(end(&rows) <= end(&barrier));
    // On one shard the two clocks are one.
    scenario.cluster.shards = 1;
    for choice in ["lead = 0", "lead = 2", "lead = 0\nupdates = 'by_clock'"] {
        let by = |clock: &str| {
            let text = format!("kind = 'stale_synchronous'\nclock = '{clock}'\n{choice}");
            training::run(&Scenario { protocol: protocol(&text), ..scenario.clone() }, 1)
        };
        let (rows, workers) = (by("row"), by("worker"));
        assert!(rows.weights == workers.weights && rows.records == workers.records, "{choice}");
    }
}

#[test]
fn a_hybrid_is_synchronous_in_one_group_and_not_in_the_other() {
    let (barrier, free) = (protocol("kind = 'synchronous'"), protocol("kind = 'asynchronous'"));
    let mut scenario = training::small();
    scenario.cluster.shards = 3;
    scenario.cluster.dense_shards = Some(1);
    scenario.cluster.network.latency = SimSpan(1 << 24);
    let run = |dense: &ProtocolChoice, sparse: Option<&ProtocolChoice>, threads| {
        let (protocol, sparse_protocol) = (dense.clone(), sparse.cloned());
        let scenario = Scenario { protocol, sparse_protocol, ..scenario.clone() };
        training::run(&scenario, threads)
    };
    let hybrid = run(&barrier, Some(&free), 1);
    let staleness = |shards: [&str; 2]| -> u64 {
        let of = |record: &&String| shards.iter().any(|shard| record.contains(shard));
        let applied = hybrid.of_kind("Applied");
        let number = |record: &String| {
            let digits: String = record
                .rsplit("staleness: ")
                .next()
                .unwrap_or("")
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            digits.parse::<u64>().expect("a number")
        };
        applied.into_iter().filter(of).map(number).sum()
    };
    assert_eq!(staleness(["ShardId(0)", "nowhere"]), 0);
    assert!(staleness(["ShardId(1)", "ShardId(2)"]) > 300);
    assert!(hybrid.weights == run(&barrier, Some(&free), 2).weights);
    // Two equal protocols are the one.
    for protocol in [&barrier, &free] {
        assert!(run(protocol, Some(protocol), 1).weights == run(protocol, None, 1).weights);
    }
}

/// The token decides, not the staleness: with room for lateness every push counts.
#[test]
fn global_batches_drop_what_is_too_late() {
    let run = |late: u64| {
        let choice = protocol(&format!("kind = 'gba'\nbatches = 2\nlate = {late}"));
        training::run(&Scenario { protocol: choice, ..training::small() }, 1)
    };
    let (tight, loose) = (run(0), run(1_000));
    assert!(tight.finished.iter().any(|push| !push.applied));
    assert!(loose.finished.iter().all(|push| push.applied));
    assert!(tight.weights != loose.weights);
}

fn with_protocol(scenario: &Scenario, protocol: Box<dyn Protocol>, threads: usize) -> Vec<u32> {
    let here = std::path::Path::new(".");
    let mut parts = scenario.parts(scenario.prepare(here).unwrap(), here, threads).unwrap();
    parts.protocol = protocol;
    let mut simulation = Simulation::new(parts);
    simulation.run(&mut NoObserver).unwrap();
    training::weights(training::server(simulation.session()))
}

/// Decides at random, within its contract.
#[derive(Debug)]
struct Chaos {
    streams: Streams,
    decisions: u64,
    workers: u32,
    shards: u32,
    /// Parts that have arrived and wait for a decision, by shard.
    held: Vec<Vec<PushId>>,
    /// Parts of each worker's present step that have arrived: the step is over when all have.
    arrived: BTreeMap<WorkerId, (PushId, u32)>,
}

impl Chaos {
    fn new(seed: u64, workers: u32, shards: u32) -> Chaos {
        let held = vec![Vec::new(); shards as usize];
        let streams = Streams::new(seed);
        Chaos { streams, decisions: 0, workers, shards, held, arrived: BTreeMap::new() }
    }

    fn draw(&mut self) -> f64 {
        self.decisions += 1;
        unit(self.streams.key(Purpose::Custom, 7, self.decisions))
    }

    fn abort(&mut self, worker: WorkerId, decide: &mut Decisions) {
        decide.abort(worker);
        if let Some((push, _)) = self.arrived.remove(&worker) {
            self.held.iter_mut().for_each(|held| held.retain(|&other| other != push));
        }
    }
}

straggler::persist!(Chaos {
    streams: fixed,
    decisions: state,
    workers: fixed,
    shards: fixed,
    held: state,
    arrived: state
});

impl Protocol for Chaos {
    fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
        let first = (self.draw() * f64::from(self.shards)) as u32;
        if self.shards > 1 && self.draw() < 0.5 {
            decide.grant_shard(worker, ShardId(first));
        }
        decide.grant(worker);
    }

    fn on_read(&mut self, _: Read, _: &ClusterState<'_>, decide: &mut Decisions) {
        if self.draw() < 0.02 {
            let worker = WorkerId((self.draw() * f64::from(self.workers)) as u32);
            self.abort(worker, decide);
        }
    }

    fn on_push(&mut self, arrived: Arrived, _: &ClusterState<'_>, decide: &mut Decisions) {
        let parts = self.arrived.entry(arrived.worker).or_insert((arrived.push, 0));
        parts.1 += 1;
        if parts.1 == self.shards {
            self.arrived.remove(&arrived.worker);
        }
        let s = arrived.shard.index();
        self.held[s].push(arrived.push);
        let kind = self.draw();
        if kind < 0.5 {
            let take = 1 + (self.draw() * (self.held[s].len() - 1) as f64) as usize;
            let pushes: Vec<_> = self.held[s].drain(..take).collect();
            let over = (self.draw() < 0.3).then_some(3);
            decide.merge(arrived.shard, &pushes, Merge { over, rows: RowMean::Contributors });
        } else if kind < 0.6 {
            let push = self.held[s].remove(0);
            decide.discard(arrived.shard, push);
        } else if kind < 0.65 {
            let worker = WorkerId((self.draw() * f64::from(self.workers)) as u32);
            self.abort(worker, decide);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever a protocol decides, staleness is conserved, no step is lost, every worker's time
    /// adds up.
    #[test]
    fn invariants_hold_under_any_decisions(
        seed in any::<u64>(),
        workers in 1u32..12,
        shards in 1u32..5,
        latency in 0u64..2_000_000,
        service in 0u64..1_000_000,
    ) {
        let cluster = NullCluster {
            seed,
            shards,
            base: SimSpan(4_000_000),
            links: Links { latency: SimSpan(latency), ..Links::default() },
            service: ShardService { push_fixed: SimSpan(service), ..ShardService::default() },
            limits: Limits { updates: Some(300), ..Limits::default() },
            ..NullCluster::textbook(workers, StepTimeChoice::Lognormal(lognormal::Config {
                sigma: 0.5,
            }))
        };
        let chaos = Chaos::new(seed, workers, shards);
        let mut simulation = cluster.build_with(Box::new(chaos));
        let mut events = 0u64;
        while simulation.step(&mut NoObserver).unwrap() == State::Running {
            events += 1;
            if events.is_multiple_of(40) {
                simulation.check();
            }
        }
        simulation.check();
        prop_assert!(simulation.aborted() > 0 && simulation.discarded() > 0);
    }
}

/// With gradients too, and the same for any number of threads.
#[test]
fn random_decisions_are_repeatable_with_gradients() {
    let mut scenario = training::small();
    scenario.cluster.shards = 3;
    let run = |threads| with_protocol(&scenario, Box::new(Chaos::new(5, 4, 3)), threads);
    let one = run(1);
    assert!(one == run(3));
    assert!(one.iter().all(|&bits| f32::from_bits(bits).is_finite()));
}

/// A bound that no gradient keeps ends the run with a word, not never.
#[test]
fn a_protocol_that_lets_nothing_through_is_told_so() {
    #[derive(Debug)]
    struct Never;
    straggler::persist!(Never {});
    impl Protocol for Never {
        fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
            decide.grant(worker);
        }
        fn on_push(&mut self, arrived: Arrived, _: &ClusterState<'_>, decide: &mut Decisions) {
            decide.discard(arrived.shard, arrived.push);
        }
    }
    let cluster = NullCluster::textbook(3, StepTimeChoice::Constant(constant::Config {}));
    let error = cluster.build_with(Box::new(Never)).run(&mut NoObserver).unwrap_err();
    assert!(matches!(error, SimError::Fruitless { .. }), "{error}");
}

/// A part that has not arrived cannot be decided on.
#[test]
#[should_panic(expected = "before it had arrived")]
fn what_is_on_its_way_cannot_be_applied() {
    #[derive(Debug)]
    struct Hasty;
    straggler::persist!(Hasty {});
    impl Protocol for Hasty {
        fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
            decide.grant(worker);
        }
        fn on_read(&mut self, read: Read, _: &ClusterState<'_>, decide: &mut Decisions) {
            decide.apply(read.shard, &[read.push]);
        }
        fn on_push(&mut self, _: Arrived, _: &ClusterState<'_>, _: &mut Decisions) {}
    }
    let cluster = NullCluster::textbook(2, StepTimeChoice::Constant(constant::Config {}));
    let _ = cluster.build_with(Box::new(Hasty)).run(&mut NoObserver);
}
