//! Oracles of delayed gradient descent on a quadratic: stability, oscillation, and asynchrony as
//! momentum.

use std::f64::consts::FRAC_PI_2;

use straggler::base::Streams;
use straggler::cluster::delay::{Fixed, Geometric};
use straggler::cluster::step_time::exponential;
use straggler::cluster::{DelayChoice, StepTimeChoice};
use straggler::optimizer::Schedule;
use straggler::protocol::{ProtocolChoice, synchronous};
use straggler::sim::{
    Imposed, Limits, NoObserver, Observer, Rates, Record, Simulation, State, Training,
    TrainingSession, Watch, Work,
};

use crate::cluster::NullCluster;
use crate::toy::{descent, descent_at};

fn weights(training: Option<&Training>) -> Vec<f64> {
    let server = training.expect("gradients are computed").server();
    server.dense().iter().map(|&x| f64::from(x)).collect()
}

/// The weights after each of `updates` updates, and before the first.
fn with_delay(
    curvatures: &[f64],
    rate: f64,
    law: DelayChoice,
    seed: u64,
    updates: u64,
) -> Vec<Vec<f64>> {
    let work = Work::Training(Box::new(descent(curvatures, rate, 1)));
    let session = TrainingSession::new(work, Limits::default(), Watch::default());
    let mut run = Imposed::new(session, law, Streams::new(seed));
    let mut path = vec![weights(run.session().work.training())];
    for _ in 0..updates {
        run.step(&mut NoObserver).unwrap();
        path.push(weights(run.session().work.training()));
    }
    path
}

/// The same on a cluster of memoryless workers, for one weight.
fn on_cluster(workers: u32, step: f64, seed: u64, updates: u64) -> Vec<f64> {
    let law = StepTimeChoice::Exponential(exponential::Config {});
    let cluster = NullCluster {
        seed,
        limits: Limits { updates: Some(updates), ..Limits::default() },
        ..NullCluster::textbook(workers, law)
    };
    let training = descent(&[step], 1.0, workers);
    let mut simulation = Simulation::new(cluster.parts(Work::Training(Box::new(training))));
    let mut path = vec![1.0];
    while simulation.step(&mut NoObserver).unwrap() == State::Running {
        if simulation.session().progress.updates as usize == path.len() {
            path.push(weights(simulation.session().work.training())[0]);
        }
    }
    path
}

/// Mean over many runs and its standard error, update by update.
fn mean_path(runs: u64, run: impl Fn(u64) -> Vec<f64>) -> Vec<(f64, f64)> {
    let first = run(0);
    let (mut sums, mut squares) = (vec![0.0; first.len()], vec![0.0; first.len()]);
    for seed in 0..runs {
        for (t, x) in run(seed).into_iter().enumerate() {
            sums[t] += x;
            squares[t] += x * x;
        }
    }
    let n = runs as f64;
    let error = |sum: f64, square: f64| ((square / n - (sum / n).powi(2)).max(0.0) / n).sqrt();
    sums.iter().zip(&squares).map(|(&s, &q)| (s / n, error(s, q))).collect()
}

/// Mean dynamics of memoryless workers: heavy ball with momentum 1 - 1/n and rate eta/n, whose
/// first step is a whole one (Mitliagkas et al. 2016, with the start done right).
fn recursion(workers: u32, step: f64, updates: usize) -> Vec<f64> {
    let n = f64::from(workers);
    let mut e = vec![1.0, 1.0 - step];
    while e.len() <= updates {
        let (now, before) = (e[e.len() - 1], e[e.len() - 2]);
        e.push(now + (1.0 - 1.0 / n) * (now - before) - step / n * now);
    }
    e
}

fn fixed(updates: u64) -> DelayChoice {
    DelayChoice::Fixed(Fixed { updates })
}

fn largest(path: &[Vec<f64>], weight: usize) -> f64 {
    path.iter().map(|x| x[weight].abs()).fold(0.0, f64::max)
}

/// Stable if and only if eta h < 2 sin(pi / (2 (2 tau + 1))), one per cent to either side.
#[test]
fn r13_delayed_descent_is_stable_up_to_its_limit() {
    for tau in 0..=30u64 {
        let limit = 2.0 * (FRAC_PI_2 / (2 * tau + 1) as f64).sin();
        let rounds = 450 * (tau + 1);
        let path = with_delay(&[0.99 * limit, 1.01 * limit], 1.0, fixed(tau), 0, rounds);
        // Two periods of the slowest oscillation each.
        let window = 8 * (tau as usize + 1);
        let (early, late) = (&path[window..2 * window], &path[path.len() - window..]);
        assert!(largest(late, 0) < 0.5 * largest(early, 0), "tau {tau}: below the limit");
        assert!(largest(late, 1) > 2.0 * largest(early, 1), "tau {tau}: above the limit");
    }
}

/// No oscillation if and only if eta h <= tau^tau / (tau + 1)^(tau + 1).
#[test]
fn delayed_descent_oscillates_beyond_its_critical_rate() {
    for tau in 1..=20u64 {
        let t = tau as f64;
        let critical = t.powf(t) / (t + 1.0).powf(t + 1.0);
        let path =
            with_delay(&[0.99 * critical, 1.01 * critical], 1.0, fixed(tau), 0, 40 * (tau + 1));
        assert!(path.iter().all(|x| x[0] > 0.0), "tau {tau}: crossed zero below the critical rate");
        assert!(path.iter().any(|x| x[1] < 0.0), "tau {tau}: never crossed zero above it");
    }
}

/// Without delay, `x_t = (1 - eta h)^t` to the last bit.
#[test]
fn no_delay_is_plain_descent() {
    let path = with_delay(&[0.3], 1.0, fixed(0), 0, 50);
    let mut x = 1.0f32;
    for after in &path[1..] {
        x -= 0.3 * x;
        assert_eq!(after[0], f64::from(x));
    }
}

#[test]
fn memoryless_workers_follow_the_mean_recursion() {
    let (workers, step, updates) = (8, 0.1, 24);
    let expected = recursion(workers, step, updates);
    for (t, e) in [(8, 0.2844), (16, -0.1008), (24, -0.1838)] {
        assert!((expected[t] - e).abs() < 1e-4, "{t}");
    }
    let law = DelayChoice::Geometric(Geometric { mean: f64::from(workers) - 1.0 });
    let cluster = mean_path(3_000, |seed| on_cluster(workers, step, seed, updates as u64));
    let imposed = mean_path(3_000, |seed| {
        let path = with_delay(&[step], 1.0, law.clone(), seed, updates as u64);
        path.into_iter().map(|x| x[0]).collect()
    });
    for (name, path) in [("cluster", cluster), ("imposed geometric", imposed)] {
        assert_eq!(path.len(), updates + 1);
        for (t, ((mean, error), e)) in path.iter().zip(&expected).enumerate() {
            // The first step is the same in every run but for rounding.
            let tolerance = 4.0 * error + 1e-6;
            assert!(
                (mean - e).abs() < tolerance,
                "{name}, update {t}: {mean} is not {e} +- {error}"
            );
        }
    }
}

/// Least squares of `e_{t+1} - e_t = mu (e_t - e_{t-1}) - a e_t`; returns mu.
fn fitted_momentum(path: &[f64]) -> f64 {
    let [mut vv, mut vx, mut xx, mut yv, mut yx] = [0.0; 5];
    for e in path.windows(3) {
        let (v, x, y) = (e[1] - e[0], e[1], e[2] - e[1]);
        vv += v * v;
        vx += v * x;
        xx += x * x;
        yv += y * v;
        yx += y * x;
    }
    (yv * xx - yx * vx) / (vv * xx - vx * vx)
}

#[test]
fn r14_asynchrony_is_momentum_of_one_minus_one_over_n() {
    for workers in [2u32, 4, 8, 16] {
        let updates = u64::from(4 * workers).max(16);
        let path = mean_path(2_500, |seed| on_cluster(workers, 0.1, seed, updates));
        let path: Vec<f64> = path.into_iter().map(|(mean, _)| mean).collect();
        let (fitted, expected) = (fitted_momentum(&path), 1.0 - 1.0 / f64::from(workers));
        assert!((fitted - expected).abs() < 0.01, "{workers} workers: {fitted}");
    }
}

/// A barrier over equal gradients makes the update of one worker: their mean, and to the last bit
/// with two workers, since two halves make an exact whole.
#[test]
fn a_barrier_has_no_momentum() {
    let cluster = NullCluster {
        protocol: ProtocolChoice::Synchronous(synchronous::Config {}),
        limits: Limits { updates: Some(40), ..Limits::default() },
        ..NullCluster::textbook(2, StepTimeChoice::Exponential(exponential::Config {}))
    };
    let training = descent(&[0.3], 1.0, 2);
    let mut simulation = Simulation::new(cluster.parts(Work::Training(Box::new(training))));
    simulation.run(&mut NoObserver).unwrap();
    let alone = with_delay(&[0.3], 1.0, fixed(0), 0, 40);
    assert_eq!(weights(simulation.session().work.training()), *alone.last().unwrap());
}

/// Collects the recorded learning rates.
#[derive(Default)]
struct RecordedRates(Vec<f64>);

impl Observer for RecordedRates {
    fn observe(&mut self, record: &Record<'_>) {
        if let Record::Updated { rate, .. } = record {
            self.0.push(*rate);
        }
    }
}

/// Without delay and with curvature 1, `x` becomes `x (1 - rate)`: so the rate that an update had
/// can be told from the weights. It is the recorded one, and follows one convention on both clocks.
#[test]
fn the_recorded_rate_is_the_rate_that_the_update_had() {
    const EXAMPLES: usize = 4;
    for length in [serde_json::json!({"updates": 4}), serde_json::json!({"examples": 16})] {
        let staircase = serde_json::json!({"kind": "staircase", "factor": 0.5, "every": length});
        for (schedule, expected) in [
            (serde_json::json!({"decay": staircase}), [0.5, 0.5, 0.5, 0.5, 0.25, 0.25]),
            (serde_json::json!({"warm_up": length}), [0.125, 0.25, 0.375, 0.5, 0.5, 0.5]),
        ] {
            let schedule: Schedule = serde_json::from_value(schedule).unwrap();
            let rates = Box::new(move |before, examples| {
                let rate = schedule.rate(0.5, before, examples);
                Rates { dense: rate, sparse: rate }
            });
            let work = Work::Training(Box::new(descent_at(&[1.0], rates, 1, EXAMPLES)));
            let session = TrainingSession::new(work, Limits::default(), Watch::default());
            let none = DelayChoice::Fixed(Fixed { updates: 0 });
            let mut run = Imposed::new(session, none, Streams::new(1));
            let (mut recorded, mut before) = (RecordedRates::default(), 1.0);
            for rate in expected {
                run.step(&mut recorded).unwrap();
                let now = weights(run.session().work.training())[0];
                assert!((1.0 - now / before - rate).abs() < 1e-6, "{length}: {now} after {before}");
                before = now;
            }
            assert_eq!(recorded.0, expected, "{length}");
        }
    }
}

/// Many gradients of one version are begun over several steps, and the path is the same.
#[test]
fn thousands_of_gradients_of_one_version_are_begun_bit_by_bit() {
    let (tau, updates, (h, rate)) = (2_500, 2_600u64, (0.5, 1e-4));
    let work = Work::Training(Box::new(descent(&[h], rate, 1)));
    let session = TrainingSession::new(work, Limits::default(), Watch::default());
    let law = DelayChoice::Fixed(Fixed { updates: tau });
    let mut run = Imposed::new(session, law, Streams::new(3));
    let (mut x, mut steps) = (vec![1.0], 0);
    while run.session().progress.updates < updates {
        run.step(&mut NoObserver).unwrap();
        steps += 1;
    }
    assert!(steps > updates, "{steps} steps");
    for t in 0..updates as usize {
        x.push(x[t] - rate * h * x[t.saturating_sub(tau as usize)]);
    }
    let found = weights(run.session().work.training())[0];
    assert!((found - x[updates as usize]).abs() < 1e-4, "{found} for {}", x[updates as usize]);
}
