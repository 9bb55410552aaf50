//! Oracles of the cluster's timing: identities and closed forms that need no second implementation.

use proptest::prelude::*;
use straggler::base::{Bandwidth, SimSpan};
use straggler::cluster::step_time::{
    constant, exponential, gamma, lognormal, pareto, shifted_exponential,
};
use straggler::cluster::{MachineClass, ShardService, StartChoice, StepTimeChoice, start};
use straggler::protocol::{ProtocolChoice, synchronous};
use straggler::sim::{Finished, Limits, Links};

use crate::cluster::{NullCluster, mean, seconds};

fn exponential() -> StepTimeChoice {
    StepTimeChoice::Exponential(exponential::Config {})
}

fn class(name: &str, share: f64, slowdown: f64) -> MachineClass {
    MachineClass {
        name: name.into(),
        share: Some(share),
        slowdown,
        spread: 0.0,
        law: None,
        workers: Vec::new(),
        own: Vec::new(),
    }
}

fn any_law() -> impl Strategy<Value = StepTimeChoice> {
    prop_oneof![
        Just(StepTimeChoice::Constant(constant::Config {})),
        Just(exponential()),
        (0.0..1.0f64).prop_map(|fixed_share| StepTimeChoice::ShiftedExponential(
            shifted_exponential::Config { fixed_share }
        )),
        (0.05..1.5f64).prop_map(|variation| StepTimeChoice::Gamma(gamma::Config { variation })),
        (0.05..1.5f64).prop_map(|sigma| StepTimeChoice::Lognormal(lognormal::Config { sigma })),
        (1.5..5.0f64).prop_map(|shape| StepTimeChoice::Pareto(pareto::Config { shape })),
    ]
}

prop_compose! {
    fn any_cluster()(
        seed in any::<u64>(),
        workers in 1u32..20,
        shards in 1u32..5,
        law in any_law(),
        slow in 1.0..8.0f64,
        latency in 0u64..3_000_000,
        bandwidth in proptest::option::of(1u64..10_000),
        service in 0u64..2_000_000,
        staggered in any::<bool>(),
        barrier in any::<bool>(),
    ) -> NullCluster {
        let bandwidth = bandwidth.map(|mbit| Bandwidth(mbit * 1_000_000));
        NullCluster {
            seed,
            shards,
            base: SimSpan(4_000_000),
            classes: vec![class("new", 0.7, 1.0), class("old", 0.3, slow)],
            start: if staggered {
                StartChoice::Staggered(start::Staggered { over: SimSpan(50_000_000) })
            } else {
                StartChoice::default()
            },
            links: Links {
                latency: SimSpan(latency),
                jitter: None,
                worker: bandwidth,
                shard: bandwidth,
                ..Links::default()
            },
            service: ShardService {
                pull_fixed: SimSpan(service),
                push_fixed: SimSpan(service / 2),
                ..ShardService::default()
            },
            service_law: Some(exponential()),
            protocol: if barrier {
                ProtocolChoice::Synchronous(synchronous::Config {})
            } else {
                ProtocolChoice::default()
            },
            limits: Limits { updates: Some(200), ..Limits::default() },
            ..NullCluster::textbook(workers, law)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Staleness is conserved, no step is lost, and every worker's time adds up, at every moment
    /// of any cluster.
    #[test]
    fn r12_r16_invariants_hold_in_random_clusters(cluster in any_cluster()) {
        let mut simulation = cluster.build();
        let mut count = 0;
        while simulation.step(&mut straggler::sim::NoObserver).unwrap() == straggler::sim::State::Running {
            count += 1;
            if count % 50 == 0 {
                simulation.check();
            }
        }
        simulation.check();
        prop_assert!(simulation.session().progress.updates >= 200);
    }

    #[test]
    fn r15_doubling_all_durations_doubles_all_times(
        seed in any::<u64>(),
        workers in 1u32..12,
        law in any_law(),
        slow in 1.0..8.0f64,
    ) {
        let once = NullCluster {
            seed,
            base: SimSpan(1 << 40),
            links: Links { latency: SimSpan(1 << 30), ..Links::default() },
            service: ShardService { push_fixed: SimSpan(1 << 25), ..ShardService::default() },
            classes: vec![class("new", 0.5, 1.0), class("old", 0.5, slow.round())],
            limits: Limits { updates: Some(300), ..Limits::default() },
            ..NullCluster::textbook(workers, law)
        };
        let mut twice = once.clone();
        twice.base = SimSpan(1 << 41);
        twice.links.latency = SimSpan(1 << 31);
        twice.service.push_fixed = SimSpan(1 << 26);
        let (a, b) = (once.run().1, twice.run().1);
        prop_assert_eq!(a.len(), b.len());
        for (x, y) in a.iter().zip(&b) {
            prop_assert_eq!(x.at.0 * 2, y.at.0);
            prop_assert_eq!((x.worker, x.staleness_rounded), (y.worker, y.staleness_rounded));
        }
    }
}

#[test]
fn mean_staleness_is_workers_minus_one_for_any_law() {
    let laws = [
        StepTimeChoice::Constant(constant::Config {}),
        exponential(),
        StepTimeChoice::Lognormal(lognormal::Config { sigma: 0.8 }),
        StepTimeChoice::Pareto(pareto::Config { shape: 2.2 }),
    ];
    for law in laws {
        for classes in [vec![], vec![class("new", 0.5, 1.0), class("old", 0.5, 4.0)]] {
            let cluster = NullCluster { classes, ..NullCluster::textbook(30, law.clone()) };
            let (_, pushes) = cluster.run();
            let mean = mean(pushes.iter().map(|push| push.staleness));
            // Exact but for the steps in flight at the end.
            assert!((mean - 29.0).abs() < 0.2, "{}: {mean}", law.name());
        }
    }
}

#[test]
fn equal_constant_workers_are_always_n_minus_one_stale_after_the_first_round() {
    let cluster = NullCluster::textbook(4, StepTimeChoice::Constant(constant::Config {}));
    let (_, pushes) = cluster.run();
    let first: Vec<u64> = pushes.iter().take(4).map(|push| push.staleness_rounded).collect();
    assert_eq!(first, [0, 1, 2, 3]);
    assert!(pushes.iter().skip(4).all(|push| push.staleness_rounded == 3));
}

/// P(k) = (1/n)(1 - 1/n)^k for memoryless workers.
#[test]
fn memoryless_workers_have_geometric_staleness() {
    let n = 8;
    let mut cluster = NullCluster::textbook(n, exponential());
    cluster.limits.updates = Some(200_000);
    let (_, pushes) = cluster.run();
    let total = pushes.len() as f64;
    for k in [0u64, 1, 3, 7, 15] {
        let expected = (1.0 / f64::from(n)) * (1.0 - 1.0 / f64::from(n)).powi(k as i32);
        let share = pushes.iter().filter(|push| push.staleness_rounded == k).count() as f64 / total;
        let error = (expected * (1.0 - expected) / total).sqrt();
        assert!((share - expected).abs() < 5.0 * error, "{k}: {share} {expected}");
    }
}

/// Rates 4, 2, 1, 1: a worker with share p of the updates has mean staleness (1 - p) / p.
#[test]
fn unequal_memoryless_workers_have_the_means_of_their_shares() {
    let mut cluster = NullCluster::textbook(4, exponential());
    cluster.limits.updates = Some(400_000);
    // Four classes of a quarter each: the golden-ratio sequence gives one worker to each.
    let slowdown = [1.0, 2.0, 4.0, 4.0];
    cluster.classes = slowdown.iter().map(|&s| class("c", 0.25, s)).collect();
    let (simulation, pushes) = cluster.run();
    let mut seen: Vec<usize> = simulation.workers().iter().map(|w| w.machine.class).collect();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3]);
    for (c, expected) in [(0usize, 1.0), (1, 3.0), (2, 7.0), (3, 7.0)] {
        let of = |push: &&Finished| push.class == c;
        let mean = mean(pushes.iter().filter(of).map(|push| push.staleness));
        assert!((mean / expected - 1.0).abs() < 0.03, "{c}: {mean}");
    }
}

fn barrier(workers: u32, law: StepTimeChoice, rounds: u64) -> f64 {
    let cluster = NullCluster {
        protocol: ProtocolChoice::Synchronous(synchronous::Config {}),
        limits: Limits { updates: Some(rounds), ..Limits::default() },
        ..NullCluster::textbook(workers, law)
    };
    let (simulation, pushes) = cluster.run();
    assert!(pushes.iter().all(|push| push.staleness == 0.0));
    assert_eq!(pushes.len() as u64, rounds * u64::from(workers));
    seconds(simulation.now()) / rounds as f64 / seconds(straggler::base::SimTime(1 << 30))
}

/// A barrier step takes the largest of n draws: H_n for exponential ones, d + (1 - d) H_n shifted.
#[test]
fn the_barrier_waits_for_the_slowest() {
    for (n, harmonic) in [(8, 2.717_857), (30, 3.994_987)] {
        let step = barrier(n, exponential(), 20_000);
        assert!((step / harmonic - 1.0).abs() < 0.02, "{n}: {step}");
        let fixed_share = 0.4;
        let law = StepTimeChoice::ShiftedExponential(shifted_exponential::Config { fixed_share });
        let step = barrier(n, law, 20_000);
        let expected = fixed_share + (1.0 - fixed_share) * harmonic;
        assert!((step / expected - 1.0).abs() < 0.02, "{n}: {step}");
    }
    // Erlang-2 of mean 1 is a gamma of variation 1/sqrt(2): E[max of 8] = 2.180293.
    let erlang = StepTimeChoice::Gamma(gamma::Config { variation: 0.5f64.sqrt() });
    let step = barrier(8, erlang, 20_000);
    assert!((step / 2.180_293 - 1.0).abs() < 0.02, "{step}");
}

#[test]
fn asynchronous_throughput_is_workers_over_mean_time() {
    for law in [exponential(), StepTimeChoice::Gamma(gamma::Config { variation: 0.6 })] {
        let (simulation, pushes) = NullCluster::textbook(16, law).run();
        let rate = pushes.len() as f64 / (seconds(simulation.now()) / 1.073_741_824);
        assert!((rate / 16.0 - 1.0).abs() < 0.02, "{rate}");
    }
}

/// The closed queueing network with exponential thinking and one exponential server,
/// M/M/1//n: n = 10, think 1, service 0.2: X = 4.908077.
#[test]
fn contention_at_a_shard_follows_the_closed_queue() {
    let second = SimSpan(1 << 30);
    let cluster = NullCluster {
        service: ShardService { push_fixed: SimSpan(second.0 / 5), ..ShardService::default() },
        service_law: Some(exponential()),
        limits: Limits { updates: Some(100_000), ..Limits::default() },
        ..NullCluster::textbook(10, exponential())
    };
    let (simulation, pushes) = cluster.run();
    let rate = pushes.len() as f64 / (seconds(simulation.now()) / second.seconds());
    assert!((rate / 4.908_077 - 1.0).abs() < 0.015, "{rate}");
}

#[test]
fn r17_worker_31_changes_no_step_time_of_the_others() {
    let law = StepTimeChoice::Lognormal(lognormal::Config { sigma: 0.5 });
    let ends = |workers| {
        let mut cluster = NullCluster::textbook(workers, law.clone());
        cluster.classes = vec![class("new", 0.5, 1.0), class("old", 0.5, 2.0)];
        cluster.limits =
            Limits { time: Some(straggler::base::SimTime(50 << 30)), ..Limits::default() };
        let (_, pushes) = cluster.run();
        let mut ends: Vec<(u32, u64)> =
            pushes.iter().map(|p| (p.worker.0, p.at.0)).filter(|(w, _)| *w < 30).collect();
        ends.sort_unstable();
        ends
    };
    assert_eq!(ends(30), ends(31));
}
