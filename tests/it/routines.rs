//! What workers do in a step, against recursions computed by hand: several batches, local steps,
//! replicas, dense parameters pulled and pushed only now and then.

use straggler::base::SimSpan;
use straggler::cluster::routine::{Elastic, Local, LocalSteps};
use straggler::cluster::step_time::constant;
use straggler::cluster::{Routine, StepTimeChoice};
use straggler::optimizer::{OptimizerChoice, sgd};
use straggler::protocol::{ProtocolChoice, synchronous};
use straggler::scenario::Scenario;
use straggler::sim::{Finished, Limits, NoObserver, Parts, Record, Simulation, State, Work};

use crate::cluster::{NullCluster, mean};
use crate::toy::descent_by;
use crate::training;

fn constant() -> StepTimeChoice {
    StepTimeChoice::Constant(constant::Config {})
}

/// Runs one-weight descent of curvature `h`; returns the server's weight after every update, and
/// the simulation.
fn path(
    cluster: &NullCluster,
    routine: Routine,
    (h, server_rate): (f64, f64),
) -> (Vec<f32>, Simulation) {
    let examples = routine.batches as usize;
    let training = descent_by(&[h], server_rate, cluster.workers, examples);
    let parts = cluster.parts(Work::Training(Box::new(training)));
    let mut simulation = Simulation::new(Parts { routine, ..parts });
    let mut path = vec![1.0];
    while simulation.step(&mut NoObserver).unwrap() == State::Running {
        simulation.check();
        if simulation.session().progress.updates as usize == path.len() {
            path.push(training::server(simulation.session()).dense()[0]);
        }
    }
    (path, simulation)
}

fn few(workers: u32) -> NullCluster {
    NullCluster {
        limits: Limits { updates: Some(24), ..Limits::default() },
        ..NullCluster::textbook(workers, constant())
    }
}

fn assert_path(measured: &[f32], expected: impl Fn(usize) -> f64) {
    for (t, &x) in measured.iter().enumerate() {
        let e = expected(t);
        assert!((f64::from(x) - e).abs() < 1e-5 * e.abs().max(0.01), "after {t}: {x} for {e}");
    }
}

const PLAIN: LocalSteps = LocalSteps { learning_rate: 0.5, momentum: 0.0 };

/// Three local steps with step size 0.5 on curvature 0.2 shrink the weight by 0.9^3; a server of
/// plain descent with rate 1 takes the distance over, one worker or the mean of four under a
/// barrier.
#[test]
fn local_steps_are_taken_over() {
    let routine = Routine { batches: 3, local: Local::Steps(PLAIN), ..Routine::default() };
    let alone = few(1);
    let barrier =
        NullCluster { protocol: ProtocolChoice::Synchronous(synchronous::Config {}), ..few(4) };
    for cluster in [alone, barrier] {
        let (path, simulation) = path(&cluster, routine.clone(), (0.2, 1.0));
        assert_path(&path, |t| 0.9f64.powi(3 * t as i32));
        // Three batches take three compute times.
        let expected = 24 * 3 * (1u64 << 30);
        assert_eq!(simulation.now().0, expected);
    }
}

#[test]
fn local_momentum_is_nesterovs() {
    let rule = LocalSteps { learning_rate: 0.5, momentum: 0.6 };
    let routine = Routine { batches: 2, local: Local::Steps(rule), ..Routine::default() };
    let (path, _) = path(&few(1), routine, (0.2, 1.0));
    let mut expected = vec![1.0];
    for _ in 0..24 {
        let (mut x, mut v) = (*expected.last().unwrap(), 0.0);
        for _ in 0..2 {
            v = 0.6 * v - 0.5 * 0.2 * (x + 0.6 * v);
            x += v;
        }
        expected.push(x);
    }
    assert_path(&path, |t| expected[t]);
}

/// EASGD: the replica takes its steps, then replica and centre move towards each other.
#[test]
fn a_replica_and_the_centre_are_drawn_together() {
    let alpha = 0.3;
    let local = Local::Elastic(Elastic { learning_rate: 0.5, momentum: 0.0, alpha });
    let routine = Routine { batches: 2, local, ..Routine::default() };
    for workers in [1usize, 3] {
        let (path, simulation) = path(&few(workers as u32), routine.clone(), (0.2, 1.0));
        let (mut centre, mut replicas) = (1.0, vec![1.0; workers]);
        let mut expected = vec![centre];
        for t in 0..24 {
            // Equal workers read at the same instant, before the first of them writes.
            let read = if t % workers == 0 { centre } else { expected[t - t % workers] };
            let x = &mut replicas[t % workers];
            *x *= 0.9f64.powi(2);
            let distance = alpha * (*x - read);
            *x -= distance;
            centre += distance;
            expected.push(centre);
        }
        assert_path(&path, |t| expected[t]);
        // Two batches are computed before the pull, none after it.
        let rounds = 24 / workers as u64;
        assert_eq!(simulation.now().0, rounds * 2 * (1 << 30));
    }
}

/// With `pull_every = 3` the gradients of three steps are taken at one point.
#[test]
fn rare_pulls_keep_the_view() {
    let routine = Routine { pull_every: 3, ..Routine::default() };
    let (path, _) = path(&few(1), routine, (0.2, 1.0));
    let mut expected: Vec<f64> = vec![1.0];
    for t in 0..24 {
        let held = expected[t - t % 3];
        expected.push(expected[t] - 0.2 * held);
    }
    assert_path(&path, |t| expected[t]);
}

/// With `push_every = 2` the sum of two gradients is pushed, here both at the same point.
#[test]
fn rare_pushes_add_gradients_up() {
    let routine = Routine { push_every: 2, ..Routine::default() };
    let (path, simulation) = path(&few(1), routine, (0.2, 1.0));
    assert_path(&path, |t| 0.6f64.powi(t as i32));
    assert_eq!(simulation.now().0, 48 * (1 << 30));
    assert_eq!(simulation.session().progress.examples, 48);
}

/// A worker that pulls every third step of a shared server is older by the updates in between.
#[test]
fn a_kept_view_counts_as_old_as_it_is() {
    let stale = |pull_every| {
        let cluster =
            NullCluster { limits: Limits { updates: Some(3_000), ..Limits::default() }, ..few(5) };
        let training = descent_by(&[0.01], 0.01, 5, 1);
        let parts = cluster.parts(Work::Training(Box::new(training)));
        let routine = Routine { pull_every, ..Routine::default() };
        let mut simulation = Simulation::new(Parts { routine, ..parts });
        let mut finished: Vec<Finished> = Vec::new();
        simulation
            .run(&mut |record: &Record<'_>| {
                if let Record::Finished(push) = record {
                    finished.push((*push).clone());
                }
            })
            .unwrap();
        mean(finished.iter().skip(100).map(|push| push.staleness))
    };
    // Four others a round, and a whole round of five for each step since the pull.
    assert!((stale(1) - 4.0).abs() < 0.01);
    assert!((stale(3) - 9.0).abs() < 0.05, "{}", stale(3));
}

fn with_routine(scenario: &Scenario, worker: Routine, threads: usize) -> (Vec<f32>, u64) {
    let mut job = training::job(&Scenario { worker, ..scenario.clone() }, threads);
    job.run(&mut NoObserver).unwrap();
    let now = job.simulation().expect("a cluster is simulated").now().0;
    (
        training::weights(training::server(job.session()))
            .into_iter()
            .map(f32::from_bits)
            .collect(),
        now,
    )
}

fn descending() -> Scenario {
    let sgd = OptimizerChoice::Sgd(sgd::Config { learning_rate: 0.2 });
    Scenario {
        optimizer: sgd.clone(),
        sparse_optimizer: Some(sgd),
        model: training::small_mlp(),
        ..training::small()
    }
}

/// On a network with tables: every routine runs, learns something else, and is the same for any
/// number of threads.
#[test]
fn routines_are_repeatable_on_a_network() {
    let mut scenario = descending();
    scenario.cluster.shards = 3;
    scenario.cluster.dense_shards = Some(1);
    scenario.cluster.network.latency = SimSpan(1 << 20);
    let rule = LocalSteps { learning_rate: 0.1, momentum: 0.3 };
    let mut seen: Vec<Vec<f32>> = Vec::new();
    for routine in [
        Routine::default(),
        Routine { pull_every: 3, ..Routine::default() },
        Routine { push_every: 3, ..Routine::default() },
        Routine { pull_every: 2, push_every: 3, ..Routine::default() },
        Routine { local: Local::Steps(rule), ..Routine::default() },
        Routine { local: Local::Elastic(Elastic::default()), ..Routine::default() },
    ] {
        let (one, now) = with_routine(&scenario, routine.clone(), 1);
        assert_eq!(
            (&one, now),
            (&with_routine(&scenario, routine.clone(), 3).0, now),
            "{routine:?}"
        );
        assert!(one.iter().all(|x| x.is_finite()));
        assert!(!seen.contains(&one), "{routine:?} changes nothing");
        seen.push(one);
    }
}

/// The mean of two batches' gradients is the gradient of both together, but for rounding.
#[test]
fn several_batches_are_one_large_one() {
    let mut scenario = descending();
    scenario.cluster.workers = 1;
    let (whole, _) = with_routine(&scenario, Routine::default(), 1);
    let mut halves = scenario.clone();
    halves.train.batch = 8;
    let (parts, _) = with_routine(&halves, Routine { batches: 2, ..Routine::default() }, 1);
    for (a, b) in whole.iter().zip(&parts) {
        assert!((a - b).abs() < 1e-5 * a.abs().max(1.0), "{a} {b}");
    }
    assert_ne!(whole, parts);
}
