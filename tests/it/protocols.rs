//! The protocol interface carries what the literature's protocols need: one protocol of each sort,
//! written here, against what is known of it in closed form; and a protocol that decides at
//! random, against the invariants.

use std::collections::BTreeMap;

use proptest::prelude::*;
use straggler::base::{ShardId, SimSpan, Streams, WorkerId, stream::unit};
use straggler::cluster::step_time::{constant, exponential, lognormal};
use straggler::cluster::{ShardService, StepTimeChoice};
use straggler::protocol::{
    Arrived, Cluster, Decisions, Merge, Protocol, ProtocolChoice, PushId, Read, RowMean,
    asynchronous, synchronous,
};
use straggler::scenario::Scenario;
use straggler::sim::{Finished, Limits, Links, Nobody, Record, Simulation, State};

use crate::cluster::{NullCluster, mean, seconds};
use crate::training;

fn exponential() -> StepTimeChoice {
    StepTimeChoice::Exponential(exponential::Config {})
}

fn run(cluster: &NullCluster, protocol: impl Protocol + 'static) -> (Simulation, Vec<Finished>) {
    let mut simulation = cluster.build_with(Box::new(protocol));
    let mut finished = Vec::new();
    simulation
        .run(&mut |record: &Record<'_>| {
            if let Record::Finished(push) = record {
                finished.push((*push).clone());
            }
        })
        .unwrap();
    (simulation, finished)
}

/// K-sync (Dutta et al. 2018): an update of the first `k` of a round, the others are broken off.
#[derive(Debug)]
struct KSync {
    k: usize,
    workers: u32,
    held: Vec<PushId>,
    /// Who has pushed in this round.
    waiting: Vec<WorkerId>,
}

impl Protocol for KSync {
    fn on_ready(&mut self, worker: WorkerId, _: &Cluster<'_>, decide: &mut Decisions) {
        if !self.waiting.contains(&worker) {
            decide.grant(worker);
        }
    }

    fn on_push(&mut self, arrived: Arrived, _: &Cluster<'_>, decide: &mut Decisions) {
        self.held.push(arrived.push);
        if self.held.len() == self.k {
            decide.apply(arrived.shard, &self.held);
            self.held.clear();
            (0..self.workers).for_each(|w| decide.abort(WorkerId(w)));
            self.waiting.drain(..).for_each(|worker| decide.grant(worker));
        } else {
            self.waiting.push(arrived.worker);
        }
    }
}

/// A worker that is broken off begins anew with a new draw, so a round lasts as long as the k-th
/// of p fresh times: for memoryless workers `(H_p - H_(p-k)) / mu`.
#[test]
fn k_sync_waits_for_the_kth_of_p() {
    let (p, k) = (8u32, 3usize);
    let cluster = NullCluster::textbook(p, exponential());
    let protocol = KSync { k, workers: p, held: Vec::new(), waiting: Vec::new() };
    let (simulation, finished) = run(&cluster, protocol);
    simulation.check();
    let updates = simulation.session().progress.updates as f64;
    let harmonic = |n: u32| (1..=n).map(|i| 1.0 / f64::from(i)).sum::<f64>();
    let expected = harmonic(p) - harmonic(p - k as u32);
    let measured = seconds(simulation.now()) / updates / (f64::from(1 << 30) * 1e-9);
    assert!((measured / expected - 1.0).abs() < 0.02, "{measured} {expected}");
    assert!(finished.iter().all(|push| push.staleness == 0.0 && push.applied));
    let broken_off = simulation.aborted() as f64 / updates;
    assert!((broken_off - f64::from(p - k as u32)).abs() < 0.01, "{broken_off}");
}

/// n-softsync (Zhang et al. 2015): an update of every `c` pushes, nobody waits.
#[derive(Debug)]
struct SoftSync {
    c: usize,
    held: Vec<Vec<PushId>>,
}

impl Protocol for SoftSync {
    fn on_ready(&mut self, worker: WorkerId, _: &Cluster<'_>, decide: &mut Decisions) {
        decide.grant(worker);
    }

    fn on_push(&mut self, arrived: Arrived, _: &Cluster<'_>, decide: &mut Decisions) {
        let held = &mut self.held[arrived.shard.index()];
        held.push(arrived.push);
        if held.len() == self.c {
            decide.apply(arrived.shard, held);
            held.clear();
        }
    }
}

#[test]
fn softsync_is_workers_minus_one_over_c_stale() {
    for (workers, c) in [(30, 1), (30, 2), (31, 30)] {
        let cluster = NullCluster {
            limits: Limits { updates: Some(4_000), ..Limits::default() },
            ..NullCluster::textbook(workers, exponential())
        };
        let (_, finished) = run(&cluster, SoftSync { c, held: vec![Vec::new()] });
        let measured = mean(finished.iter().skip(100 * c).map(|push| push.staleness));
        let expected = f64::from(workers - 1) / c as f64;
        assert!((measured / expected - 1.0).abs() < 0.02, "{workers} {c}: {measured}");
    }
}

/// Rennala (Tyurin & Richtarik 2023): an update of the first `s` gradients computed at the present
/// point, whoever sends them; those of an older point are discarded when they arrive.
#[derive(Debug)]
struct Rennala {
    s: usize,
    held: Vec<PushId>,
}

impl Protocol for Rennala {
    fn on_ready(&mut self, worker: WorkerId, _: &Cluster<'_>, decide: &mut Decisions) {
        decide.grant(worker);
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &Cluster<'_>, decide: &mut Decisions) {
        if arrived.pulled < cluster.versions[arrived.shard.index()] {
            decide.discard(arrived.shard, arrived.push);
            return;
        }
        self.held.push(arrived.push);
        if self.held.len() == self.s {
            decide.apply(arrived.shard, &self.held);
            self.held.clear();
        }
    }
}

#[test]
fn rennala_applies_no_stale_gradient() {
    let cluster = NullCluster::textbook(10, exponential());
    let (simulation, finished) = run(&cluster, Rennala { s: 4, held: Vec::new() });
    let applied: Vec<_> = finished.iter().filter(|push| push.applied).collect();
    assert_eq!(applied.len() as u64, 4 * simulation.session().progress.updates);
    assert!(applied.iter().all(|push| push.staleness == 0.0));
    // After an update the other nine hold an old gradient each: their next push is discarded,
    // unless the round is over before.
    assert!(simulation.discarded() > simulation.session().progress.updates);
}

/// Ringmaster (arXiv 2501.16168) with abort: a gradient that has become `r` updates old is broken
/// off. What is under way is known from the reads.
#[derive(Debug)]
struct Ringmaster {
    r: u64,
    read: BTreeMap<WorkerId, u64>,
}

impl Protocol for Ringmaster {
    fn on_ready(&mut self, worker: WorkerId, _: &Cluster<'_>, decide: &mut Decisions) {
        decide.grant(worker);
    }

    fn on_read(&mut self, read: Read, _: &Cluster<'_>, _: &mut Decisions) {
        self.read.insert(read.worker, read.version);
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &Cluster<'_>, decide: &mut Decisions) {
        self.read.remove(&arrived.worker);
        decide.apply(arrived.shard, &[arrived.push]);
        let version = cluster.versions[arrived.shard.index()] + 1;
        let late = |(_, read): &(&WorkerId, &u64)| version - **read >= self.r;
        for (&worker, _) in self.read.iter().filter(late) {
            decide.abort(worker);
        }
        self.read.retain(|_, read| version - *read < self.r);
    }
}

#[test]
fn ringmaster_breaks_off_what_grows_too_old() {
    let cluster = NullCluster {
        links: Links { latency: SimSpan(1 << 20), ..Links::default() },
        ..NullCluster::textbook(10, exponential())
    };
    let (simulation, finished) = run(&cluster, Ringmaster { r: 5, read: BTreeMap::new() });
    simulation.check();
    assert!(simulation.aborted() > 1_000, "{}", simulation.aborted());
    assert!(finished.iter().all(|push| push.applied && push.staleness < 5.0));
    assert_eq!(finished.iter().map(|push| push.staleness as u64).max(), Some(4));
}

#[test]
fn ringmaster_without_a_bound_is_asynchronous() {
    let cluster = NullCluster::textbook(10, exponential());
    let (bounded, pushes) = run(&cluster, Ringmaster { r: u64::MAX, read: BTreeMap::new() });
    let (plain, expected) = cluster.run();
    assert_eq!(format!("{pushes:?}"), format!("{expected:?}"));
    assert_eq!(bounded.events(), plain.events());
}

/// A hybrid (as in Persia, Lian et al. 2021): one protocol for the shards that hold the dense
/// parameters, another for those that hold rows. A worker begins when the rows may be read, and
/// waits with them for the dense parameters.
#[derive(Debug)]
struct Hybrid {
    dense_shards: u32,
    dense: Box<dyn Protocol>,
    sparse: Box<dyn Protocol>,
    shards: u32,
    scratch: Decisions,
}

impl Hybrid {
    fn new(dense: &ProtocolChoice, sparse: &ProtocolChoice, workers: u32, shards: u32) -> Hybrid {
        Hybrid {
            dense_shards: 1,
            dense: dense.build(workers, 1),
            sparse: sparse.build(workers, shards - 1),
            shards,
            scratch: Decisions::default(),
        }
    }

    fn is_dense(&self, shard: ShardId) -> bool {
        shard.0 < self.dense_shards
    }

    /// Asks one of the two, with the shards that concern it, and translates its answer.
    fn ask(
        &mut self,
        dense: bool,
        cluster: &Cluster<'_>,
        decide: &mut Decisions,
        question: impl FnOnce(&mut dyn Protocol, &Cluster<'_>, &mut Decisions),
    ) {
        let (from, to) =
            if dense { (0, self.dense_shards) } else { (self.dense_shards, self.shards) };
        let versions = &cluster.versions[from as usize..to as usize];
        let part = if dense { &mut self.dense } else { &mut self.sparse };
        question(part.as_mut(), &Cluster { versions, ..*cluster }, &mut self.scratch);
        for index in 0..self.scratch.len() {
            use straggler::protocol::Decision;
            match self.scratch.get(index) {
                Decision::Grant(worker, _) => {
                    (from..to).for_each(|s| decide.grant_shard(worker, ShardId(s)));
                }
                Decision::Apply(shard, pushes, merge) => {
                    decide.merge(ShardId(shard.0 + from), pushes, merge);
                }
                Decision::Discard(shard, push) => decide.discard(ShardId(shard.0 + from), push),
                Decision::Abort(worker) => decide.abort(worker),
            }
        }
        self.scratch.clear();
    }
}

impl Protocol for Hybrid {
    fn on_ready(&mut self, worker: WorkerId, cluster: &Cluster<'_>, decide: &mut Decisions) {
        for dense in [false, true] {
            self.ask(dense, cluster, decide, |part, cluster, decide| {
                part.on_ready(worker, cluster, decide);
            });
        }
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &Cluster<'_>, decide: &mut Decisions) {
        let dense = self.is_dense(arrived.shard);
        let from = if dense { 0 } else { self.dense_shards };
        let arrived = Arrived { shard: ShardId(arrived.shard.0 - from), ..arrived };
        self.ask(dense, cluster, decide, |part, cluster, decide| {
            part.on_push(arrived, cluster, decide);
        });
    }
}

fn by_group() -> Scenario {
    let mut scenario = training::small();
    scenario.cluster.shards = 3;
    scenario.cluster.dense_shards = Some(1);
    scenario.cluster.network.latency = SimSpan(1 << 24);
    scenario
}

fn with_protocol(scenario: &Scenario, protocol: Box<dyn Protocol>, threads: usize) -> Outcome {
    let here = std::path::Path::new(".");
    let mut parts = scenario.parts(scenario.prepare(here).unwrap(), here, threads).unwrap();
    parts.protocol = protocol;
    let mut simulation = Simulation::new(parts);
    let mut stale = [0, 0];
    simulation
        .run(&mut |record: &Record<'_>| {
            if let Record::Applied { shard, staleness, .. } = record {
                stale[usize::from(shard.0 > 0)] += staleness;
            }
        })
        .unwrap();
    let weights = training::weights(training::server(simulation.session()));
    Outcome { weights, stale, versions: simulation.versions().to_vec() }
}

struct Outcome {
    weights: Vec<u32>,
    /// Staleness in all: of the dense shard, of the others.
    stale: [u64; 2],
    versions: Vec<u64>,
}

#[test]
fn a_hybrid_is_synchronous_in_one_group_and_not_in_the_other() {
    let (barrier, free) = (
        ProtocolChoice::Synchronous(synchronous::Config {}),
        ProtocolChoice::Asynchronous(asynchronous::Config {}),
    );
    let scenario = by_group();
    let run = |dense: &ProtocolChoice, sparse: &ProtocolChoice, threads| {
        with_protocol(&scenario, Box::new(Hybrid::new(dense, sparse, 4, 3)), threads)
    };
    let hybrid = run(&barrier, &free, 1);
    assert_eq!(hybrid.stale[0], 0);
    assert!(hybrid.stale[1] > 300, "{}", hybrid.stale[1]);
    // Every row push is an update of its own, four to a round; the last ones may be on their way.
    assert!(hybrid.versions[1] > 4 * (hybrid.versions[0] - 1));
    assert_eq!(hybrid.weights, run(&barrier, &free, 2).weights);
    // Two equal protocols are the one.
    for protocol in [&barrier, &free] {
        let whole = with_protocol(&scenario, protocol.build(4, 3), 1);
        assert_eq!(run(protocol, protocol, 1).weights, whole.weights);
    }
}

/// GBA (Su et al. 2022): a token at every grant says to which update a batch belongs; each update
/// is the sum of what is not too late, divided by the full number.
#[derive(Debug)]
struct Tokens {
    size: u64,
    late: u64,
    granted: BTreeMap<PushId, u64>,
    held: Vec<(PushId, bool)>,
}

impl Protocol for Tokens {
    fn on_ready(&mut self, worker: WorkerId, _: &Cluster<'_>, decide: &mut Decisions) {
        decide.grant(worker);
    }

    fn on_read(&mut self, read: Read, _: &Cluster<'_>, _: &mut Decisions) {
        let token = self.granted.len() as u64 / self.size;
        self.granted.insert(read.push, token);
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &Cluster<'_>, decide: &mut Decisions) {
        let version = cluster.versions[0];
        let late = version.saturating_sub(self.granted[&arrived.push]) > self.late;
        self.held.push((arrived.push, late));
        if (self.held.len() as u64) < self.size {
            return;
        }
        let in_time: Vec<_> = self.held.iter().filter(|(_, late)| !late).map(|h| h.0).collect();
        for (push, _) in self.held.iter().filter(|(_, late)| *late) {
            decide.discard(arrived.shard, *push);
        }
        if !in_time.is_empty() {
            let merge = Merge { over: Some(self.size as u32), rows: RowMean::Contributors };
            decide.merge(arrived.shard, &in_time, merge);
        }
        self.held.clear();
    }
}

#[test]
fn tokens_keep_the_global_batch_and_drop_what_is_too_late() {
    let mut scenario = training::small();
    scenario.cluster.shards = 1;
    scenario.cluster.class = Vec::new();
    let protocol = Tokens { size: 4, late: 0, granted: BTreeMap::new(), held: Vec::new() };
    let tight = with_protocol(&scenario, Box::new(protocol), 1);
    let loose = Tokens { size: 4, late: 1_000, granted: BTreeMap::new(), held: Vec::new() };
    let loose = with_protocol(&scenario, Box::new(loose), 1);
    assert_ne!(tight.weights, loose.weights);
    assert!(tight.weights.iter().all(|&bits| f32::from_bits(bits).is_finite()));
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
        unit(self.streams.key(straggler::base::Purpose::Custom, 7, self.decisions))
    }

    fn abort(&mut self, worker: WorkerId, decide: &mut Decisions) {
        decide.abort(worker);
        if let Some((push, _)) = self.arrived.remove(&worker) {
            self.held.iter_mut().for_each(|held| held.retain(|&other| other != push));
        }
    }
}

impl Protocol for Chaos {
    fn on_ready(&mut self, worker: WorkerId, _: &Cluster<'_>, decide: &mut Decisions) {
        let first = (self.draw() * f64::from(self.shards)) as u32;
        if self.shards > 1 && self.draw() < 0.5 {
            decide.grant_shard(worker, ShardId(first));
        }
        decide.grant(worker);
    }

    fn on_read(&mut self, _: Read, _: &Cluster<'_>, decide: &mut Decisions) {
        if self.draw() < 0.02 {
            let worker = WorkerId((self.draw() * f64::from(self.workers)) as u32);
            self.abort(worker, decide);
        }
    }

    fn on_push(&mut self, arrived: Arrived, _: &Cluster<'_>, decide: &mut Decisions) {
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
        while simulation.step(&mut Nobody).unwrap() == State::Running {
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
    assert_eq!(one.weights, run(3).weights);
    assert!(one.weights.iter().all(|&bits| f32::from_bits(bits).is_finite()));
}

/// A part that has not arrived cannot be decided on.
#[test]
#[should_panic(expected = "before it had arrived")]
fn what_is_on_its_way_cannot_be_applied() {
    #[derive(Debug)]
    struct Hasty;
    impl Protocol for Hasty {
        fn on_ready(&mut self, worker: WorkerId, _: &Cluster<'_>, decide: &mut Decisions) {
            decide.grant(worker);
        }
        fn on_read(&mut self, read: Read, _: &Cluster<'_>, decide: &mut Decisions) {
            decide.apply(read.shard, &[read.push]);
        }
        fn on_push(&mut self, _: Arrived, _: &Cluster<'_>, _: &mut Decisions) {}
    }
    let cluster = NullCluster::textbook(2, StepTimeChoice::Constant(constant::Config {}));
    let _ = run(&cluster, Hasty);
}
