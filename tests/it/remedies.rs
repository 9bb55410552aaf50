//! Remedies: each at its neutral setting is exactly nothing, each at work follows its equation on a
//! loss that can be followed by hand.

use serde_json::{Value, json};
use straggler::base::{SimSpan, Streams};
use straggler::cluster::delay::{Fixed, Uniform};
use straggler::cluster::step_time::{constant, exponential};
use straggler::cluster::{DelayChoice, Routine, StepTimeChoice};
use straggler::optimizer::{OptimizerChoice, adam, sgd};
use straggler::protocol::{ProtocolChoice, synchronous};
use straggler::remedy::{Remedies, RemedyChoice};
use straggler::scenario::Scenario;
use straggler::sim::{
    Imposed, Limits, NoObserver, Simulation, State, TrainingSession, Watch, Work,
};

use crate::cluster::NullCluster;
use crate::toy::descent;
use crate::training::{self, Outcome};

fn remedy(keys: Value) -> RemedyChoice {
    serde_json::from_value(keys.clone()).unwrap_or_else(|error| panic!("{keys}: {error}"))
}

/// The path of one weight under descent on `h x^2 / 2` with rate `eta`, every gradient `tau` updates
/// old, with these remedies.
fn path(list: &[Value], (h, eta): (f64, f64), law: DelayChoice, updates: usize) -> Vec<f64> {
    let training = descent(&[h], eta, 4);
    let layout = training.model().layout().clone();
    let build = |keys: &Value| remedy(keys.clone()).build(4, &layout);
    let remedies = Remedies::new(list.iter().map(build).collect(), 4);
    let work = Work::Training(Box::new(training.with_remedies(remedies)));
    let session = TrainingSession::new(work, Limits::default(), Watch::default());
    let mut run = Imposed::new(session, law, Streams::new(3));
    let weight = |run: &Imposed| f64::from(training::server(run.session()).dense()[0]);
    let mut path = vec![weight(&run)];
    for _ in 0..updates {
        run.step(&mut NoObserver).unwrap();
        path.push(weight(&run));
    }
    path
}

fn fixed(updates: u64) -> DelayChoice {
    DelayChoice::Fixed(Fixed { updates })
}

/// `x_(t+1) = x_t - eta step(t, g)`, where `g = h x_(t - tau)`.
fn by_hand(
    (h, eta): (f64, f64),
    tau: usize,
    updates: usize,
    mut step: impl FnMut(usize, f64, f64, f64) -> f64,
) -> Vec<f64> {
    let mut x = vec![1.0];
    for t in 0..updates {
        let stale = tau.min(t);
        let (now, seen) = (x[t], x[t - stale]);
        x.push(now - eta * step(stale, h * seen, now, seen));
    }
    x
}

#[track_caller]
fn assert_close(measured: &[f64], expected: &[f64]) {
    for (t, (a, b)) in measured.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < 2e-5 * b.abs().max(0.05), "after {t}: {a} for {b}");
    }
}

const SETTING: (f64, f64) = (0.8, 0.25);

/// A factor as a function of staleness.
type Factor = fn(f64) -> f64;

#[test]
fn damping_rules_scale_the_step() {
    let rules: [(Value, Factor); 9] = [
        (json!({"kind": "staleness_aware"}), |tau| 1.0 / tau.max(1.0)),
        (json!({"kind": "staleness_aware", "form": "plus_one"}), |tau| 1.0 / (tau + 1.0)),
        (json!({"kind": "power", "exponent": 0.7}), |tau| (1.0 + tau).powf(-0.7)),
        (json!({"kind": "exponential", "beta": 0.2}), |tau| (-0.2 * tau).exp()),
        (json!({"kind": "hinge", "from": 2.0, "slope": 3.0}), |tau| {
            1.0 / (3.0 * (tau - 2.0).max(0.0) + 1.0)
        }),
        (json!({"kind": "delay_adaptive"}), |tau| 4.0 / tau.max(4.0)),
        (json!({"kind": "delay_adaptive", "concurrency": 2, "smoothness": 0.8}), |tau| {
            if tau <= 2.0 { 1.0 } else { (1.0 / (4.0 * 0.8 * tau)).min(0.25) / 0.25 }
        }),
        (json!({"kind": "staleness_normalization", "reading": "s2"}), |tau| {
            tau.max(1.0).powf(-0.5)
        }),
        (json!({"kind": "staleness_normalization", "reading": "s4"}), |tau| {
            1.0 / (1.0 + (1.0 + tau).log2())
        }),
    ];
    for (keys, factor) in rules {
        for position in ["step", "gradient"] {
            let mut keys = keys.clone();
            keys["position"] = position.into();
            let measured = path(&[keys.clone()], SETTING, fixed(6), 40);
            let expected = by_hand(SETTING, 6, 40, |stale, g, _, _| factor(stale as f64) * g);
            assert_close(&measured, &expected);
        }
    }
    let both = [json!({"kind": "rate_scaling"}), json!({"kind": "power"})];
    let expected = by_hand(SETTING, 3, 40, |stale, g, _, _| g / 4.0 / (1.0 + stale as f64).sqrt());
    assert_close(&path(&both, SETTING, fixed(3), 40), &expected);
}

/// The running mean takes in each push before it judges it.
#[test]
fn relative_staleness_leaves_ordinary_pushes_alone() {
    let s1 = json!({"kind": "staleness_normalization"});
    let (mut count, mut mean) = (0.0, 0.0);
    let expected = by_hand(SETTING, 5, 40, |stale, g, _, _| {
        count += 1.0;
        mean += (stale as f64 - mean) / count;
        g * if stale == 0 { 1.0 } else { (mean / stale as f64).powi(2).min(1.0) }
    });
    assert_close(&path(&[s1], SETTING, fixed(5), 40), &expected);
    let average = json!({"kind": "staleness_aware", "form": "mean"});
    let (mut count, mut mean) = (0.0, 0.0f64);
    let expected = by_hand(SETTING, 5, 40, |stale, g, _, _| {
        count += 1.0;
        mean += (stale as f64 - mean) / count;
        g / mean.max(1.0)
    });
    assert_close(&path(&[average], SETTING, fixed(5), 40), &expected);
    // Nothing beyond mean + k deviations is let through.
    let sigma = json!({"kind": "staleness_normalization", "reading": "s3", "k": 1.5});
    let wild = DelayChoice::Uniform(Uniform { largest: 9 });
    assert_ne!(path(&[sigma], SETTING, wild.clone(), 60), path(&[], SETTING, wild, 60));
}

#[test]
fn delay_compensation_follows_its_equation() {
    let constant = json!({"kind": "delay_compensation", "lambda": 0.5});
    let expected = by_hand(SETTING, 4, 40, |_, g, now, seen| g + 0.5 * g * g * (now - seen));
    assert_close(&path(&[constant], SETTING, fixed(4), 40), &expected);
    let adaptive = json!({"kind": "delay_compensation", "lambda": 0.5, "adaptive": true});
    let mut m = 0.0;
    let expected = by_hand(SETTING, 4, 40, |_, g, now, seen| {
        m = 0.95 * m + 0.05 * g * g;
        g + 0.5 / (m + 1e-7f64).sqrt() * g * g * (now - seen)
    });
    assert_close(&path(&[adaptive], SETTING, fixed(4), 40), &expected);
}

#[test]
fn gap_aware_divides_by_the_gap_in_average_steps() {
    let keys = json!({"kind": "gap_aware", "memory": 0.9});
    let measured = path(&[keys], SETTING, fixed(3), 30);
    let (mut square, mut weight, mut last) = (0.0, 0.0, 1.0);
    let expected = by_hand(SETTING, 3, 30, |_, g, now, seen| {
        if now != last || weight > 0.0 {
            let step: f64 = now - last;
            square = 0.9 * square + 0.1 * step * step;
            weight = 0.9 * weight + 0.1;
        }
        last = now;
        let gap = (now - seen).abs();
        if gap > 0.0 { g / (1.0 + gap / (square / weight).sqrt()) } else { g }
    });
    assert_close(&measured, &expected);
}

/// With a constant delay of zero and one worker, DANA is Nesterov's momentum in both forms.
#[test]
fn dana_is_momentum_per_worker() {
    let slim = path(&[json!({"kind": "dana", "momentum": 0.6})], SETTING, fixed(0), 40);
    let mut v = 0.0;
    let expected = by_hand(SETTING, 0, 40, |_, g, _, _| {
        v = 0.6 * v + g;
        0.6 * v + g
    });
    assert_close(&slim, &expected);
    let zero = json!({"kind": "dana", "form": "zero", "momentum": 0.6});
    let zero = path(&[zero], SETTING, fixed(0), 40);
    let (mut x, mut v, mut expected) = (1.0, 0.0, vec![1.0]);
    for _ in 0..40 {
        v = 0.6 * v + SETTING.0 * (x - SETTING.1 * 0.6 * v);
        x -= SETTING.1 * v;
        expected.push(x);
    }
    assert_close(&zero, &expected);
}

#[test]
fn fasgd_has_three_variants() {
    for variant in ["intent", "as_typeset", "as_coded"] {
        let measured =
            path(&[json!({"kind": "fasgd", "variant": variant})], (0.8, 0.002), fixed(3), 30);
        let (mut n, mut b, mut v) = (0.0, 0.0, 0.0);
        let expected = by_hand((0.8, 0.002), 3, 30, |stale, g, _, _| {
            let tau = stale as f64;
            n = 0.9 * n + 0.1 * g * g;
            b = 0.9 * b + 0.1 * g;
            let deviation = (n - b * b + 1e-4f64).sqrt();
            let seen = match variant {
                "intent" => deviation,
                "as_typeset" => 1.0 / deviation,
                _ => g.abs(),
            };
            v = 0.9 * v + 0.1 * seen;
            if variant == "as_coded" {
                g / ((v + 1e-3) * (tau + 1.0))
            } else {
                g / (v * tau.max(1.0))
            }
        });
        assert_close(&measured, &expected);
    }
}

#[test]
fn momentum_is_lowered_by_that_of_asynchrony() {
    let workers = json!({"kind": "momentum_correction", "total": 0.9, "implicit": "workers"});
    let mut v = 0.0;
    let expected = by_hand(SETTING, 3, 40, |_, g, _, _| {
        v = (0.9 - 0.75) * v + g;
        v
    });
    assert_close(&path(&[workers], SETTING, fixed(3), 40), &expected);
    let measured = json!({"kind": "momentum_correction", "total": 0.4, "least": -0.25});
    let (mut v, mut count, mut mean) = (0.0, 0.0, 0.0);
    let expected = by_hand(SETTING, 5, 40, |stale, g, _, _| {
        count += 1.0;
        mean += (stale as f64 - mean) / count;
        let explicit: f64 = 0.4 - mean / (mean + 1.0);
        v = explicit.max(-0.25) * v + g;
        v
    });
    assert_close(&path(&[measured], SETTING, fixed(5), 40), &expected);
}

/// In the mean over runs, memoryless workers with momentum mu follow `d' = mu d - eta G` with
/// `G' = G + (h x - G) / n`, which is heavy ball of momentum mu + 1 - 1/n in the last step.
#[test]
fn corrected_momentum_follows_the_mean_recursion() {
    let (n, step, updates, runs) = (8u32, 0.1, 20usize, 3_000u64);
    let mut means = vec![(0.0, 0.0); updates + 1];
    for seed in 0..runs {
        let law = StepTimeChoice::Exponential(exponential::Config {});
        let cluster = NullCluster {
            seed,
            limits: Limits { updates: Some(updates as u64), ..Limits::default() },
            ..NullCluster::textbook(n, law)
        };
        let keys = json!({"kind": "momentum_correction", "total": 0.5, "implicit": "workers"});
        for ((sum, square), x) in means.iter_mut().zip(walk(&cluster, &[keys], (step, 1.0))) {
            *sum += x;
            *square += x * x;
        }
    }
    let (mu, share) = (0.5 - 7.0 / 8.0, 1.0 / f64::from(n));
    let (mut e, mut d, mut g) = (1.0, 0.0, step);
    for (t, (sum, square)) in means.into_iter().enumerate() {
        let mean = sum / runs as f64;
        let error = ((square / runs as f64 - mean * mean).max(0.0) / runs as f64).sqrt();
        assert!((mean - e).abs() < 4.0 * error + 1e-6, "update {t}: {mean} is not {e} +- {error}");
        g += share * (step * e - g);
        d = mu * d - g;
        e += d;
    }
}

/// The tuner and the loop of YellowFin, written down once more for a single weight.
#[test]
fn yellowfin_follows_its_algorithm() {
    for closed in [false, true] {
        let keys = json!({"kind": "yellowfin", "beta": 0.9, "window": 4, "first_rate": 0.3,
            "first_momentum": 0.2, "closed_loop": closed, "feedback": 0.05});
        let (h, eta, tau) = (0.8, 0.5, 3usize);
        let keep = 0.9;
        let ema = |from: &mut (f64, f64), value: f64| {
            *from = (keep * from.0 + 0.1 * value, keep * from.1 + 0.1);
            from.0 / from.1
        };
        let [mut least, mut most, mut norm, mut square, mut far, mut mean] = [(0.0f64, 0.0f64); 6];
        let (mut rate, mut target, mut explicit, mut v) = (0.3, 0.2, 0.2, 0.0);
        let (mut x, mut logs) = (vec![1.0f64], Vec::<f64>::new());
        let mut used: Vec<(usize, f64, f64)> = Vec::new();
        for t in 0..40usize {
            let read = t - tau.min(t);
            let g = h * x[read];
            // Clipped to what the largest of the gradients before allows.
            let bound = if most.1 > 0.0 { (most.0 / most.1).exp().sqrt() } else { f64::MAX };
            let g = g.clamp(-bound, bound);
            if closed && t >= 2 && used[t - 2].0 >= 1 {
                let (r, g, rate) = used[t - 2];
                let total = (x[r + 1] - x[r] + rate * g) / (x[r] - x[r - 1]);
                explicit += 0.05 * (target - total);
                explicit = explicit.clamp(-0.99, 0.99);
            } else if !closed {
                explicit = target;
            }
            used.push((read, g, rate * eta));
            v = explicit * v + g;
            x.push(x[t] - eta * rate * v);
            logs.push((g * g).ln());
            let recent = &logs[logs.len().saturating_sub(4)..];
            let low = ema(&mut least, recent.iter().copied().fold(f64::MAX, f64::min)).exp();
            let high = ema(&mut most, recent.iter().copied().fold(f64::MIN, f64::max)).exp();
            let second = ema(&mut square, g * g);
            let distance = ema(&mut norm, g.abs()) / second;
            let distance = ema(&mut far, distance);
            let variance = (second - ema(&mut mean, g).powi(2)).max(1e-6);
            if t > 0 {
                let p = distance * distance * low * low / 2.0 / variance;
                let (mut a, mut b) = (0.0, 1.0);
                for _ in 0..80 {
                    let c: f64 = (a + b) / 2.0;
                    if (1.0 - c).powi(3) > p * c { a = c } else { b = c }
                }
                let ratio = (high / low).sqrt();
                let momentum = f64::max(a * a, ((ratio - 1.0) / (ratio + 1.0)).powi(2));
                let slow = ((t + 1) as f64 / 40.0).min(1.0);
                target = keep * target + 0.1 * momentum;
                rate = keep * rate + 0.1 * slow * (1.0 - momentum.sqrt()).powi(2) / low;
            }
        }
        let measured = path(&[keys], (h, eta), fixed(tau as u64), 40);
        assert!(x.iter().all(|x| x.abs() < 1e3));
        for (t, (a, b)) in measured.iter().zip(&x).enumerate() {
            // Single precision in differences of neighbouring weights.
            assert!((a - b).abs() < 1e-3 * b.abs().max(0.2), "closed {closed}, {t}: {a} for {b}");
        }
    }
}

/// The path of one weight under one worker on a cluster, with these remedies.
fn path_on_cluster(list: &[Value], (h, eta): (f64, f64), updates: u64) -> Vec<f64> {
    let cluster = NullCluster {
        limits: Limits { updates: Some(updates), ..Limits::default() },
        ..NullCluster::textbook(1, StepTimeChoice::Constant(constant::Config {}))
    };
    walk(&cluster, list, (h, eta))
}

/// The path of one weight on a cluster, with these remedies.
fn walk(cluster: &NullCluster, list: &[Value], (h, eta): (f64, f64)) -> Vec<f64> {
    let n = cluster.workers;
    let training = descent(&[h], eta, n);
    let layout = training.model().layout().clone();
    let build = |keys: &Value| remedy(keys.clone()).build(n, &layout);
    let training = training.with_remedies(Remedies::new(list.iter().map(build).collect(), n));
    let mut simulation = Simulation::new(cluster.parts(Work::Training(Box::new(training))));
    let mut path = vec![1.0];
    while simulation.step(&mut NoObserver).unwrap() == State::Running {
        simulation.check();
        if simulation.session().progress.updates as usize == path.len() {
            path.push(f64::from(training::server(simulation.session()).dense()[0]));
        }
    }
    path
}

/// Where pulls are dear the worker goes on with its first parameters; where pushes are, the server
/// goes on with its first gradient. Both grow older with every update, and by one curvature it is
/// the same path.
#[test]
fn what_is_spared_is_as_old_as_it_is() {
    let setting = (0.8, 0.002);
    let keys = |pull: f64, push: f64| json!({"kind": "b_fasgd", "variant": "as_coded", "pull_cost": pull, "push_cost": push});
    let (mut t, mut v, mut x, mut expected) = (0.0, 0.0, 1.0, vec![1.0]);
    for _ in 0..20 {
        v = 0.9 * v + 0.1 * setting.0;
        x -= setting.1 * setting.0 / ((v + 1e-3) * (t + 1.0));
        t += 1.0;
        expected.push(x);
    }
    assert_close(&path_on_cluster(&[keys(1e15, 0.0)], setting, 20), &expected);
    assert_close(&path_on_cluster(&[keys(0.0, 1e15)], setting, 20), &expected);
    let plain = json!({"kind": "fasgd", "variant": "as_coded"});
    let all = path_on_cluster(&[plain], setting, 20);
    assert_eq!(all, path_on_cluster(&[keys(0.0, 0.0)], setting, 20));
    assert!(all[20] < expected[20]);
}

/// On a network B-FASGD transmits less, the dearer it is; for nothing it is FASGD to the last bit.
#[test]
fn sparing_saves_traffic_and_costs_freshness() {
    let descent = OptimizerChoice::Sgd(sgd::Config { learning_rate: 0.01 });
    let mut scenario = Scenario { optimizer: descent, model: training::small_mlp(), ..cluster() };
    scenario.cluster.dense_shards = Some(1);
    for variant in ["intent", "as_typeset", "as_coded"] {
        let keys = |kind: &str| json!({"kind": kind, "variant": variant});
        let spared = |pull: f64, push: f64| {
            let mut keys = keys("b_fasgd");
            keys["pull_cost"] = pull.into();
            keys["push_cost"] = push.into();
            keys
        };
        let fasgd = run(&scenario, vec![keys("fasgd")], 1);
        let free = run(&scenario, vec![spared(0.0, 0.0)], 1);
        assert!(free.weights == fasgd.weights && free.records == fasgd.records, "{variant}");
        let traffic = |keys: Value| {
            let scenario = Scenario { remedy: vec![remedy(keys)], ..scenario.clone() };
            let mut job = training::job(&scenario, 1);
            job.run(&mut NoObserver).unwrap();
            let shard = &job.simulation().unwrap().shards()[0];
            (shard.bytes_out, shard.bytes_in)
        };
        let all = traffic(keys("fasgd"));
        let (pulls, pushes) = (traffic(spared(1e3, 0.0)), traffic(spared(0.0, 1e3)));
        assert!(2 * pulls.0 < all.0 && 2 * pushes.1 < all.1, "{all:?} {pulls:?} {pushes:?}");
        let (one, three) =
            (run(&scenario, vec![spared(1.0, 1.0)], 1), run(&scenario, vec![spared(1.0, 1.0)], 3));
        assert!(one.weights == three.weights && one.records == three.records);
        assert!(one.weights != fasgd.weights);
    }
}

/// `w = (1 - alpha) w + alpha w_worker`, where the worker has made one step from what it had read.
#[test]
fn mixing_moves_towards_the_workers_model() {
    let keys = json!({"kind": "mixing", "alpha": 0.3});
    // What is pushed is `seen - w_worker`; here a gradient of curvature 0.2 stands for it.
    let measured = path(&[keys], (0.2, 1.0), fixed(4), 40);
    let expected = by_hand((0.2, 1.0), 4, 40, |_, g, now, seen| {
        let worker = seen - g;
        now - ((1.0 - 0.3) * now + 0.3 * worker)
    });
    assert_close(&measured, &expected);
}

#[test]
fn wild_norms_are_clipped_to_the_usual() {
    let keys = json!({"kind": "clip_to_mean", "factor": 1.0});
    let measured = path(&[keys], (0.8, 0.25), fixed(0), 10);
    // Norms fall, so the first is the largest and nothing is clipped.
    assert_eq!(measured, path(&[], (0.8, 0.25), fixed(0), 10));
    // Beyond the limit of stability they grow, and the clip keeps them from blowing up.
    let wild = path(&[], (0.8, 3.0), fixed(0), 40);
    let tame = path(&[json!({"kind": "clip_to_mean", "factor": 1.2})], (0.8, 3.0), fixed(0), 40);
    assert!(wild[40].abs() > 100.0 && tame[40].abs() < wild[40].abs() / 10.0);
}

fn run(scenario: &Scenario, list: Vec<Value>, threads: usize) -> Outcome {
    let remedy = list.into_iter().map(remedy).collect();
    training::run(&Scenario { remedy, ..scenario.clone() }, threads)
}

fn cluster() -> Scenario {
    let mut scenario = training::small();
    scenario.cluster.shards = 2;
    scenario.cluster.network.latency = SimSpan(1 << 24);
    scenario
}

/// A remedy at its neutral setting is bit-identical to none; so is every remedy where nothing is
/// stale, if it is about staleness alone.
#[test]
fn neutral_settings_change_no_bit() {
    let scenario = cluster();
    let plain = run(&scenario, Vec::new(), 1);
    for neutral in [
        json!({"kind": "power", "exponent": 0.0}),
        json!({"kind": "power", "exponent": 0.0, "rows": "own"}),
        json!({"kind": "exponential", "beta": 0.0}),
        json!({"kind": "hinge", "slope": 0.0}),
        json!({"kind": "hinge", "from": 1e9, "position": "gradient"}),
        json!({"kind": "delay_adaptive", "concurrency": 1_000_000}),
        json!({"kind": "delay_compensation", "lambda": 0.0}),
        json!({"kind": "dana", "momentum": 0.0}),
        json!({"kind": "clip_to_mean", "factor": 1e9}),
        json!({"kind": "momentum_correction", "implicit": "workers", "total": 0.75}),
    ] {
        let outcome = run(&scenario, vec![neutral.clone()], 1);
        assert!(outcome.weights == plain.weights, "{neutral} changes weights");
        assert!(outcome.pushes() == plain.pushes(), "{neutral} changes pushes");
    }
    let protocol = ProtocolChoice::Synchronous(synchronous::Config {});
    let barrier = Scenario { protocol, ..scenario };
    let fresh = run(&barrier, Vec::new(), 1);
    for idle in [
        json!({"kind": "staleness_aware"}),
        json!({"kind": "staleness_normalization"}),
        json!({"kind": "staleness_normalization", "reading": "s3"}),
        json!({"kind": "gap_aware"}),
        json!({"kind": "delay_compensation", "lambda": 2.0}),
        json!({"kind": "delay_compensation", "lambda": 2.0, "adaptive": true}),
    ] {
        let outcome = run(&barrier, vec![idle.clone()], 1);
        assert!(outcome.weights == fresh.weights, "{idle} acts where nothing is stale");
    }
}

/// Remedies change what is learned and never when: the schedule is untouched.
#[test]
fn remedies_change_weights_and_no_schedule() {
    let scenario = cluster();
    let plain = run(&scenario, Vec::new(), 1);
    let when = |outcome: &Outcome| -> Vec<String> {
        let timing = |push: &straggler::sim::Finished| {
            format!("{} {:?} {} {}", push.at, push.push, push.worker, push.staleness)
        };
        outcome.finished.iter().map(timing).collect()
    };
    for part in RemedyChoice::PARTS {
        let outcome = run(&scenario, vec![json!({"kind": part.name})], 1);
        // Full steps up to the concurrency are all that four workers ever take.
        let acts = !["delay_adaptive", "hinge", "clip_to_mean"].contains(&part.name);
        assert!(!acts || outcome.weights != plain.weights, "{} does nothing", part.name);
        assert!(when(&outcome) == when(&plain), "{} changes the schedule", part.name);
        let three = run(&scenario, vec![json!({"kind": part.name})], 3);
        assert!(outcome.weights == three.weights, "{}: threads change weights", part.name);
    }
}

/// A row that nobody else has touched is not stale, so its own factor is 1.
#[test]
fn rows_may_have_factors_of_their_own() {
    let descent = OptimizerChoice::Sgd(sgd::Config { learning_rate: 0.1 });
    let scenario = Scenario { optimizer: descent, ..cluster() };
    let with = |rows: &str, position: &str| {
        let keys = json!({"kind": "power", "exponent": 1.0, "rows": rows, "position": position});
        run(&scenario, vec![keys], 1)
    };
    let (own, push) = (with("own", "step"), with("push", "step"));
    assert!(own.weights != push.weights);
    // Under plain descent it does not matter where a factor acts, but for rounding.
    let before = with("own", "gradient");
    for (a, b) in own.values().iter().zip(before.values()) {
        assert!((a - b).abs() < 1e-3 * a.abs().max(1.0), "{a} {b}");
    }
}

/// On a gradient, an adaptive rule undoes most of a factor; on its step it does not.
#[test]
fn adaptive_rules_undo_factors_on_gradients() {
    let scenario = Scenario {
        optimizer: OptimizerChoice::Adam(adam::Config::default()),
        worker: Routine::default(),
        ..cluster()
    };
    let moved = |list: Vec<Value>| {
        let start =
            run(&Scenario { train: short(&scenario, 0), ..scenario.clone() }, Vec::new(), 1);
        let end = run(&scenario, list, 1);
        let apart =
            start.values().into_iter().zip(end.values()).map(|(a, b)| f64::from(a - b).powi(2));
        apart.sum::<f64>().sqrt()
    };
    let plain = moved(Vec::new());
    let scaled = |position: &str| {
        moved(vec![json!({"kind": "exponential", "beta": 1.0, "position": position})])
    };
    let (gradient, step) = (scaled("gradient"), scaled("step"));
    assert!(gradient > 0.5 * plain && step < 0.25 * plain, "{plain} {gradient} {step}");
}

fn short(scenario: &Scenario, updates: u64) -> straggler::scenario::spec::Train {
    let mut train = scenario.train.clone();
    train.stop.updates = Some(updates.max(1));
    train
}
