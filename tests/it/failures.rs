//! Crashes, sleeps and what they cost: closed forms, and audits that add up.

use std::collections::BTreeMap;

use straggler::base::{SimSpan, SimTime, WorkerId};
use straggler::cluster::failures::{InFlightMessages, Lost, OfClass};
use straggler::cluster::step_time::lognormal;
use straggler::cluster::{Failures, MachineClass, Membership, Routine, Scripted, StepTimeChoice};
use straggler::scenario::Scenario;
use straggler::sim::{Activity, Finished, NoObserver, Record, SimError, Simulation, Stop};

use crate::absence::{
    SECOND, build, constant, exponential, failing, protocol, run, run_with, seconds, timing,
};
use crate::training::{self, small};

/// The share of the time that a worker is there, and of the throughput, is MTBF / (MTBF + MTTR),
/// but for the halves of steps that crashes cost: a memoryless step loses nothing on average.
#[test]
fn throughput_falls_by_the_availability() {
    let mut scenario = timing(20, exponential());
    scenario.train.stop.updates = Some(60_000);
    scenario.cluster.failures = failing(40, 10);
    let simulation = run(&scenario);
    let now = simulation.now();
    let rate = 60_000.0 / (now.seconds() / SimSpan(SECOND).seconds());
    assert!((rate / (20.0 * 0.8) - 1.0).abs() < 0.02, "{rate}");
    let down: f64 =
        simulation.workers().iter().map(|w| w.spent(Activity::Down, now).seconds()).sum();
    let share = down / (20.0 * now.seconds());
    assert!((share / 0.2 - 1.0).abs() < 0.03, "{share}");
    let crashes = simulation.presence().tally().crashes as f64;
    let expected = 20.0 * now.seconds() / SimSpan(50 * SECOND).seconds();
    assert!((crashes / expected - 1.0).abs() < 0.05, "{crashes} {expected}");
}

/// Laws of failures do not matter for availability, only their means do; classes have their own.
#[test]
fn classes_crash_at_their_own_rates() {
    let class = |name: &str, share| MachineClass {
        name: name.into(),
        share: Some(share),
        slowdown: 1.0,
        spread: 0.0,
        law: None,
        workers: Vec::new(),
        own: Vec::new(),
    };
    let mut scenario = timing(16, exponential());
    scenario.train.stop.updates = Some(60_000);
    scenario.cluster.class = vec![class("own", 0.5), class("spot", 0.5)];
    let spot = OfClass { name: "spot".into(), every: seconds(30), repair: Some(seconds(30)) };
    let law = StepTimeChoice::Lognormal(lognormal::Config { sigma: 1.0 });
    scenario.cluster.failures =
        Failures { class: vec![spot], law, repair_law: constant(), ..Failures::default() };
    let simulation = run(&scenario);
    let now = simulation.now();
    let down = |class| {
        let all = simulation.workers().iter().filter(|w| w.machine.class == class);
        let (mut sum, mut count) = (0.0, 0.0);
        for worker in all {
            sum += worker.spent(Activity::Down, now).seconds() / now.seconds();
            count += 1.0;
        }
        sum / count
    };
    assert_eq!(down(0), 0.0);
    assert!((down(1) / 0.5 - 1.0).abs() < 0.03, "{}", down(1));
}

/// The only worker crashes at 10.5 s for 5 s: ten steps before, and then one each second.
#[test]
fn a_crash_of_the_only_worker_can_be_followed_by_hand() {
    let mut scenario = timing(1, constant());
    scenario.train.stop.updates = Some(15);
    let at = SimSpan(10 * SECOND + SECOND / 2);
    scenario.cluster.event =
        vec![Scripted { worker: 0, at, crash: Some(seconds(5)), ..Scripted::default() }];
    let mut ends = Vec::new();
    let mut spans = Vec::new();
    let simulation = run_with(&scenario, &mut |record: &Record<'_>| match record {
        Record::Finished(push) => ends.push(push.at.0 as f64 / SECOND as f64),
        Record::Activity { activity, from, to, .. } if *activity == Activity::Down => {
            spans.push((*from, *to));
        }
        _ => {}
    });
    let expected: Vec<f64> =
        (1..=10).map(f64::from).chain((0..5).map(|k| 16.5 + f64::from(k))).collect();
    assert_eq!(ends, expected);
    assert_eq!(spans, [(SimTime::ZERO + at, SimTime::ZERO + at + seconds(5))]);
    let tally = simulation.presence().tally();
    assert_eq!((tally.crashes, tally.joins, tally.lost_steps, tally.lost_examples), (1, 1, 1, 1));
}

/// "Worker 1 sleeps for five batches": its steps move by as much, nobody else's.
#[test]
fn a_scripted_sleep_delays_one_worker() {
    let ends = |event: Vec<Scripted>| {
        let mut scenario = timing(3, constant());
        scenario.cluster.compute.between = SimSpan(SECOND / 64);
        scenario.cluster.event = event;
        scenario.train.stop = Stop { sim_time: Some(seconds(30)), ..Stop::default() };
        let mut ends: BTreeMap<WorkerId, Vec<u64>> = BTreeMap::new();
        let mut slept = 0;
        run_with(&scenario, &mut |record: &Record<'_>| match record {
            Record::Finished(push) => ends.entry(push.worker).or_default().push(push.at.0),
            Record::Activity { activity: Activity::Sleep, from, to, .. } => {
                slept += to.since(*from).0;
            }
            _ => {}
        });
        (ends, slept)
    };
    let (plain, none) = ends(Vec::new());
    let at = SimSpan(6 * SECOND + SECOND / 3);
    let sleep = Scripted { worker: 1, at, sleep_batches: Some(5), ..Scripted::default() };
    let (sleepy, slept) = ends(vec![sleep]);
    assert_eq!((none, slept), (0, 5 * SECOND));
    assert_eq!(
        (&plain[&WorkerId(0)], &plain[&WorkerId(2)]),
        (&sleepy[&WorkerId(0)], &sleepy[&WorkerId(2)])
    );
    let moved =
        plain[&WorkerId(1)].iter().map(|&end| if end > at.0 { end + 5 * SECOND } else { end });
    let expected: Vec<u64> = moved.filter(|&end| end <= 30 * SECOND).collect();
    // Within the rounding of the stretched step.
    assert_eq!(expected.len(), sleepy[&WorkerId(1)].len());
    assert!(expected.iter().zip(&sleepy[&WorkerId(1)]).all(|(a, b)| a.abs_diff(*b) <= 1));
    let slow = Scripted {
        sleep_batches: None,
        slowdown: Some(3.0),
        lasting: Some(seconds(6)),
        at: seconds(3),
        ..sleep
    };
    let (slowed, _) = ends(vec![slow]);
    assert!(slowed[&WorkerId(1)].len() + 4 == plain[&WorkerId(1)].len());
}

/// A push on the wire: lost with its worker, or not.
#[test]
fn a_push_on_its_way_has_a_rule() {
    let mut scenario = timing(1, constant());
    scenario.cluster.network.latency = seconds(4);
    scenario.train.stop.updates = Some(2);
    // Pulled by 8, computed by 9, on the wire until 13.
    let event = Scripted { at: seconds(11), crash: Some(seconds(1)), ..Scripted::default() };
    scenario.cluster.event = vec![event];
    let ends = |on_the_way| {
        let mut scenario = scenario.clone();
        scenario.cluster.failures.on_the_way = on_the_way;
        let mut ends = Vec::new();
        let simulation = run_with(&scenario, &mut |record: &Record<'_>| {
            if let Record::Finished(push) = record {
                ends.push(push.at.0 / SECOND);
            }
        });
        (ends, simulation.presence().tally().lost_steps)
    };
    // Lost: it begins anew at 12. Otherwise when the push has arrived.
    assert_eq!(ends(InFlightMessages::Lost), (vec![12 + 13, 12 + 13 + 17], 1));
    assert_eq!(ends(InFlightMessages::Arrives), (vec![13, 13 + 13], 0));
}

/// A crash of one worker changes no crash of another, however many there are.
#[test]
fn worker_7_crashes_when_it_does() {
    let crashes = |workers| {
        let mut scenario = timing(workers, exponential());
        scenario.cluster.failures = failing(20, 5);
        scenario.train.stop = Stop { sim_time: Some(seconds(500)), ..Stop::default() };
        let mut spans = Vec::new();
        run_with(&scenario, &mut |record: &Record<'_>| {
            if let Record::Activity {
                worker: WorkerId(7),
                activity: Activity::Down,
                from,
                to,
                ..
            } = record
            {
                spans.push((*from, *to));
            }
        });
        spans
    };
    assert!(crashes(8).len() > 10);
    assert_eq!(crashes(8), crashes(31));
}

/// The audit counts the examples applied, each time, and forgets none of the window.
fn check_audit(scenario: &Scenario) -> (Simulation, Vec<(u32, u64)>) {
    let mut applied = 0;
    let simulation = run_with(scenario, &mut |record: &Record<'_>| {
        if let Record::Finished(Finished { applied: true, examples, .. }) = record {
            applied += examples;
        }
    });
    let counts = simulation.presence().audit().expect("it is counted").counts();
    let uses: u64 = counts.iter().map(|&(uses, examples)| u64::from(uses) * examples).sum();
    let progress = simulation.session().progress;
    assert_eq!((uses, applied), (progress.examples, progress.examples));
    let window: u64 = counts.iter().map(|(_, examples)| examples).sum();
    assert_eq!(Some(window), simulation.session().watch.window);
    (simulation, counts)
}

fn audited(lost: Lost) -> Scenario {
    let mut scenario = small();
    scenario.record.audit = true;
    scenario.train.stop = Stop { examples: Some(2_000), ..Stop::default() };
    scenario.cluster.failures = Failures { lost, ..failing(15, 3) };
    scenario
}

/// Dropped examples are not used in their pass; those that come back are. None is used twice.
#[test]
fn the_three_fates_of_lost_examples() {
    let unused_before = |lost| {
        let (simulation, counts) = check_audit(&audited(lost));
        let tally = *simulation.presence().tally();
        assert!(tally.crashes > 5 && tally.lost_steps > 5, "{tally:?}");
        assert_eq!(tally.lost_examples, 16 * tally.lost_steps);
        assert!(counts.iter().all(|(uses, _)| *uses < 2), "{counts:?}");
        // Every example handed out was applied, lost, or is in flight.
        let workers = simulation.workers();
        let begun: u64 = workers.iter().map(|w| w.begun).sum();
        let flying = workers.iter().filter(|w| w.flight.is_some()).count() as u64;
        let applied = simulation.session().progress.examples;
        assert_eq!(16 * begun, applied + tally.lost_examples + 16 * flying);
        let training = simulation.session().work.training().unwrap();
        (tally, training.outstanding())
    };
    let (dropped, none) = unused_before(Lost::Drop);
    let (requeued, left) = unused_before(Lost::Requeue);
    let (_, waiting) = unused_before(Lost::Repeat);
    assert_eq!(none, 0);
    // Somebody else takes them at once; their own worker after its repair.
    assert!(left <= waiting && waiting <= 16 * 4, "{left} {waiting}");
    // The times of crashes are the same in all three.
    assert!(dropped.crashes.abs_diff(requeued.crashes) <= 1);
}

/// With one worker the order of the examples is that of a run without crashes, if they are not
/// dropped: then the weights are those of the undisturbed run.
#[test]
fn one_worker_that_repeats_learns_as_if_nothing_had_happened() {
    let weights = |lost: Option<Lost>| {
        let mut scenario = small();
        scenario.cluster.workers = 1;
        if let Some(lost) = lost {
            scenario.cluster.failures = Failures { lost, ..failing(10, 3) };
        }
        training::run(&scenario, 1).weights
    };
    let undisturbed = weights(None);
    assert!(weights(Some(Lost::Repeat)) == undisturbed);
    assert!(weights(Some(Lost::Requeue)) == undisturbed);
    assert!(weights(Some(Lost::Drop)) != undisturbed);
}

/// What a worker keeps from step to step is lost with it, and it begins anew from the server.
#[test]
fn routines_begin_anew_after_a_crash() {
    let routines = [
        "local = { kind = 'elastic', learning_rate = 0.05, alpha = 0.1 }\nbatches = 2",
        "local = { kind = 'local_steps', learning_rate = 0.05 }\nbatches = 2",
        "push_every = 3\npull_every = 2",
    ];
    for text in routines {
        let routine: Routine = toml::from_str(text).unwrap();
        for on_the_way in [InFlightMessages::Lost, InFlightMessages::Arrives] {
            for choice in ["asynchronous", "synchronous", "ringmaster"] {
                let mut scenario = audited(Lost::Requeue);
                scenario.protocol = protocol(&format!("kind = '{choice}'"));
                scenario.cluster.failures.on_the_way = on_the_way;
                scenario.cluster.shards = 2;
                scenario.cluster.dense_shards = Some(1);
                scenario.cluster.network.latency = SimSpan(SECOND / 8);
                scenario.worker = routine.clone();
                let (simulation, _) = check_audit(&scenario);
                assert!(simulation.presence().tally().crashes > 3, "{text} {choice}");
                let one = training::run(&scenario, 1);
                let three = training::run(&scenario, 3);
                assert!(one.weights == three.weights && one.records == three.records);
            }
        }
    }
}

/// Gone for good, all of them: the run says so.
#[test]
fn a_job_without_workers_is_told_so() {
    let mut scenario = timing(3, constant());
    let leave = Some(seconds(10));
    scenario.cluster.membership = vec![Membership { leave, ..Membership::default() }];
    let error = build(&scenario).run(&mut NoObserver).unwrap_err();
    assert!(matches!(error, SimError::Stalled { .. }), "{error}");
    assert!(error.to_string().contains("workers that are gone: 0, 1, 2"), "{error}");
    // Machines that never run for as long as a step takes.
    scenario.cluster.membership.clear();
    scenario.cluster.failures = Failures { law: constant(), ..failing(1, 1) };
    scenario.cluster.compute.fixed = seconds(2);
    let error = build(&scenario).run(&mut NoObserver).unwrap_err();
    assert!(matches!(error, SimError::Fruitless { .. } | SimError::Stalled { .. }), "{error}");
}
