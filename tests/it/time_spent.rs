//! Where a worker's time goes, against sums by hand.

use straggler::base::SimSpan;
use straggler::cluster::step_time::constant;
use straggler::cluster::{Discipline, MachineClass, ShardService, StepTimeChoice};
use straggler::protocol::{ProtocolChoice, synchronous};
use straggler::sim::{Limits, Links, NoObserver, Simulation, State, TimeSpent};

use crate::cluster::NullCluster;

const MS: u64 = 1_000_000;

fn ms(count: u64) -> SimSpan {
    SimSpan(count * MS)
}

/// `workers` equal workers that compute for 10 ms, and shards that take this long for a request.
fn cluster(workers: u32, (pull, push): (u64, u64), updates: u64) -> NullCluster {
    NullCluster {
        base: ms(10),
        service: ShardService {
            pull_fixed: ms(pull),
            push_fixed: ms(push),
            ..ShardService::default()
        },
        limits: Limits { updates: Some(updates), ..Limits::default() },
        ..NullCluster::textbook(workers, StepTimeChoice::Constant(constant::Config {}))
    }
}

fn finished(cluster: &NullCluster) -> Simulation {
    let mut simulation = cluster.build();
    while simulation.step(&mut NoObserver).unwrap() == State::Running {
        simulation.check();
    }
    simulation
}

fn times(simulation: &Simulation) -> Vec<TimeSpent> {
    simulation.workers().iter().map(|worker| simulation.time_spent(worker)).collect()
}

#[test]
fn a_worker_alone_never_queues() {
    for shards in [1, 3] {
        // Shards serve at the same time, so several take no longer than one.
        let alone = NullCluster { shards, ..cluster(1, (2, 5), 100) };
        let [spent] = times(&finished(&alone))[..] else { panic!("one worker") };
        let expected = TimeSpent { computing: ms(1000), served: ms(700), ..TimeSpent::default() };
        assert_eq!(spent, expected, "{shards} shards");
    }
}

/// Each of the four messages of a step takes the latency: the request, the values, the gradient,
/// and the word that it was taken in. The last of these follows the last update.
#[test]
fn latency_is_network() {
    let links = Links { latency: ms(3), ..Links::default() };
    let [spent] = times(&finished(&NullCluster { links, ..cluster(1, (2, 5), 100) }))[..] else {
        panic!("one worker")
    };
    let expected = TimeSpent {
        computing: ms(1000),
        served: ms(700),
        network: ms(1200 - 3),
        ..TimeSpent::default()
    };
    assert_eq!(spent, expected);
}

/// The server needs 5 ms for a push, and 4 workers come back 10 ms later: each waits for
/// 4 * 5 - 5 - 10 ms in each step but the first, in which all come at once. When the last worker ends
/// the last round, the first has waited for another 5 ms in its next step.
#[test]
fn a_saturated_server_makes_equal_workers_queue_alike() {
    let simulation = finished(&cluster(4, (0, 5), 4 * 50));
    for (number, spent) in (0..).zip(times(&simulation)) {
        assert_eq!(simulation.workers()[number as usize].finished, 50);
        let next = if number == 0 { 5 } else { 0 };
        assert_eq!(spent.queued, ms(5 * number + 49 * 5 + next), "worker {number}");
        assert_eq!(spent.served, ms(50 * 5), "worker {number}");
        assert_eq!(spent.network, SimSpan::ZERO, "worker {number}");
    }
}

/// Two workers in step on a shared processor: each service takes twice as long as alone.
#[test]
fn sharing_is_queue() {
    let mut shared = cluster(2, (0, 5), 40);
    shared.service.discipline = Discipline::ProcessorSharing;
    for spent in times(&finished(&shared)) {
        let expected = TimeSpent {
            computing: ms(200),
            queued: ms(100),
            served: ms(100),
            ..TimeSpent::default()
        };
        assert_eq!(spent, expected);
    }
}

#[test]
fn a_barrier_holds_the_fast_worker() {
    let slow = |name: &str, slowdown, worker| MachineClass {
        name: name.into(),
        share: None,
        slowdown,
        spread: 0.0,
        law: None,
        workers: vec![worker],
        own: Vec::new(),
    };
    let barrier = NullCluster {
        classes: vec![slow("fast", 1.0, 0), slow("slow", 3.0, 1)],
        protocol: ProtocolChoice::Synchronous(synchronous::Config {}),
        ..cluster(2, (0, 0), 20)
    };
    let held = |count: u64| TimeSpent { held: ms(count), ..TimeSpent::default() };
    let [fast, slow] = times(&finished(&barrier))[..] else { panic!("two workers") };
    assert_eq!(fast, TimeSpent { computing: ms(200), ..held(400) });
    assert_eq!(slow, TimeSpent { computing: ms(600), ..held(0) });
}

/// Seen in the middle of a service, its time is divided where it stands. Two workers push 1 ms after
/// one another: the second waits for 4 ms.
#[test]
fn time_is_divided_at_any_moment() {
    let mut simulation = cluster(2, (1, 5), 100).build();
    let mut seen = Vec::new();
    while simulation.step(&mut NoObserver).unwrap() == State::Running {
        let spent = simulation.time_spent(&simulation.workers()[1]);
        seen.push((simulation.now().0 / MS, spent.queued.0 / MS, spent.served.0 / MS));
        if simulation.now().0 > 20 * MS {
            break;
        }
    }
    // The pull: 1 ms in the queue, 1 ms in service. The push: from 12 ms on 4 ms and 5 ms.
    for expected in [(1, 1, 0), (2, 1, 1), (12, 1, 1), (16, 5, 1)] {
        assert!(seen.contains(&expected), "{expected:?} is not in {seen:?}");
    }
}
