//! Workers that come, go and die: closed forms, audits that add up, and every protocol with them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use straggler::base::{SimSpan, SimTime, WorkerId};
use straggler::cluster::failures::{Lost, OfClass, OnTheWay};
use straggler::cluster::step_time::{constant, exponential, lognormal};
use straggler::cluster::{
    Failures, MachineClass, Membership, Routine, Scripted, StartChoice, StepTimeChoice, start,
};
use straggler::protocol::ProtocolChoice;
use straggler::scenario::Scenario;
use straggler::scenario::spec::Traffic;
use straggler::sim::{
    Activity, Finished, Nobody, Observer, Record, SimError, Simulation, State, Stop,
};

use crate::training::{self, small};

const SECOND: u64 = 1 << 30;

fn seconds(count: u64) -> SimSpan {
    SimSpan(count * SECOND)
}

fn exponential() -> StepTimeChoice {
    StepTimeChoice::Exponential(exponential::Config {})
}

fn constant() -> StepTimeChoice {
    StepTimeChoice::Constant(constant::Config {})
}

/// Timing alone: `workers` workers whose steps take a second.
fn timing(workers: u32, law: StepTimeChoice) -> Scenario {
    let traffic = Traffic { rows: 10, row_dim: 1, dense: 10 };
    let mut scenario = Scenario { timing_only: Some(traffic), ..Scenario::default() };
    scenario.cluster.workers = workers;
    scenario.cluster.compute.fixed = seconds(1);
    scenario.cluster.compute.per_example = SimSpan::ZERO;
    scenario.cluster.compute.law = law;
    scenario.train.batch = 1;
    scenario.train.stop.updates = Some(2_000);
    scenario
}

fn build(scenario: &Scenario) -> Simulation {
    let here = std::path::Path::new(".");
    Simulation::new(scenario.parts(scenario.prepare(here).unwrap(), here, 1).unwrap())
}

fn run_with(scenario: &Scenario, observer: &mut dyn Observer) -> Simulation {
    let mut simulation = build(scenario);
    simulation.run(observer).unwrap();
    simulation
}

fn run(scenario: &Scenario) -> Simulation {
    run_with(scenario, &mut Nobody)
}

fn failing(every: u64, repair: u64) -> Failures {
    Failures { every: Some(seconds(every)), repair: seconds(repair), ..Failures::default() }
}

fn protocol(text: &str) -> ProtocolChoice {
    toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Every protocol, with settings that make sense for a handful of workers.
fn protocols() -> Vec<ProtocolChoice> {
    let text = |name: &str| match name {
        "k_sync" | "k_async" | "k_batch_sync" | "k_batch_async" => "k = 3",
        "stale_synchronous" | "dynamic_ssp" => "lead = 1",
        "ringmaster" | "drop_stale" => "bound = 8",
        "gba" => "batches = 3",
        "rennala" => "batch = 3",
        "softsync" => "n = 2",
        _ => "",
    };
    let choice = |name: &str| protocol(&format!("kind = '{name}'\n{}", text(name)));
    let mut all: Vec<_> = ProtocolChoice::PARTS.iter().map(|part| choice(part.name)).collect();
    all.push(protocol("kind = 'stale_synchronous'\nlead = 1\nupdates = 'by_clock'"));
    all.push(protocol("kind = 'tokens'\naggregate = 4"));
    all.push(protocol("kind = 'tokens'\naggregate = 9"));
    all.push(protocol("kind = 'backup_workers'\nbackups = 0"));
    all.push(protocol("kind = 'ringmaster'\nbound = 8\nabort = false"));
    all
}

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
        share,
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

/// With tide hours workers are there for their share of every period, from beginning to end.
#[test]
fn tides_are_followed_to_the_second() {
    let mut scenario = timing(4, constant());
    let tide = Membership {
        first: 2,
        join: Some(seconds(30)),
        leave: Some(seconds(10)),
        every: Some(seconds(40)),
        ..Membership::default()
    };
    scenario.cluster.membership = vec![Membership { abruptly: true, ..tide.clone() }];
    scenario.train.stop = Stop { sim_time: Some(seconds(400)), ..Stop::default() };
    let spent = |simulation: &Simulation, w: usize| {
        simulation.workers()[w].spent(Activity::Away, simulation.now()).0 / SECOND
    };
    let abrupt = run(&scenario);
    assert_eq!([0, 1, 2, 3].map(|w| spent(&abrupt, w)), [0, 0, 200, 200]);
    let tally = abrupt.presence().tally();
    assert_eq!((tally.at_start, tally.leaves, tally.joins, tally.crashes), (4, 20, 20, 0));
    // Gracefully nothing is lost.
    scenario.cluster.membership = vec![tide];
    scenario.cluster.compute.fixed = SimSpan(3 * SECOND / 4);
    let graceful = run(&scenario);
    assert_eq!(graceful.presence().tally().lost_steps, 0);
    assert_eq!(graceful.presence().tally().leaves, 20);
    let away = spent(&graceful, 3);
    assert!((190..200).contains(&away), "{away}");
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
    assert_eq!(ends(OnTheWay::Lost), (vec![12 + 13, 12 + 13 + 17], 1));
    assert_eq!(ends(OnTheWay::Arrives), (vec![13, 13 + 13], 0));
}

fn churning(workers: u32) -> Scenario {
    let mut scenario = timing(workers, exponential());
    scenario.cluster.failures = failing(12, 4);
    scenario.cluster.membership = vec![
        Membership {
            first: 1,
            last: Some(2),
            leave: Some(seconds(9)),
            join: Some(seconds(14)),
            every: Some(seconds(25)),
            abruptly: true,
        },
        Membership { first: 4, join: Some(seconds(8)), ..Membership::default() },
    ];
    let event = Scripted { worker: 3, at: seconds(5), ..Scripted::default() };
    scenario.cluster.event = vec![
        Scripted { crash: Some(seconds(3)), ..event },
        Scripted { sleep: Some(seconds(4)), at: seconds(20), ..event },
    ];
    scenario
}

/// Runs event by event and checks the invariants every so often.
fn check_invariants(simulation: &mut Simulation, stride: u64) {
    let mut count = 0;
    while simulation.step(&mut Nobody).unwrap() == State::Running {
        count += 1;
        if count % stride == 0 {
            simulation.check();
        }
    }
    simulation.check();
}

/// Nobody waits for ever for somebody who is gone, under any protocol, on one shard or three.
#[test]
fn no_protocol_waits_for_those_who_are_gone() {
    for choice in protocols() {
        for shards in [1, 3] {
            let mut scenario = churning(6);
            scenario.protocol = choice.clone();
            scenario.cluster.shards = shards;
            scenario.cluster.network.latency = SimSpan(SECOND / 16);
            scenario.train.stop.updates = Some(1_000);
            let mut simulation = build(&scenario);
            check_invariants(&mut simulation, 41);
            let name = choice.name();
            assert_eq!(simulation.session().progress.updates, 1_000, "{name}");
            assert!(simulation.presence().tally().crashes > 10, "{name}");
        }
    }
}

/// All but one leave for good in the middle of their steps: the last one goes on alone, as fast as
/// one can.
#[test]
fn the_last_worker_goes_on_alone() {
    for choice in protocols() {
        for (abruptly, shards) in [(true, 1), (false, 1), (true, 2)] {
            let mut scenario = timing(5, exponential());
            scenario.protocol = choice.clone();
            scenario.cluster.shards = shards;
            let leave = Some(SimSpan(20 * SECOND + 12_345));
            scenario.cluster.membership =
                vec![Membership { first: 1, leave, abruptly, ..Membership::default() }];
            scenario.train.stop = Stop { sim_time: Some(seconds(400)), ..Stop::default() };
            let simulation = run(&scenario);
            let alone = &simulation.workers()[0];
            // Tokens put into a queue of more than one worker's go to waste, the rest does not.
            let least = if choice.name() == "tokens" { 150 } else { 300 };
            assert!(alone.finished > least, "{}: {}", choice.name(), alone.finished);
            let wait = alone.spent(Activity::Wait, simulation.now()).seconds();
            assert!(wait < 30.0, "{}: waits {wait}", choice.name());
        }
    }
}

/// Workers who are not there at first are not waited for, and take part when they have joined.
#[test]
fn who_joins_takes_part() {
    for choice in protocols() {
        let mut scenario = timing(5, exponential());
        scenario.protocol = choice.clone();
        scenario.cluster.shards = 2;
        let join = Some(seconds(50));
        scenario.cluster.membership = vec![Membership { first: 2, join, ..Membership::default() }];
        scenario.train.stop = Stop { sim_time: Some(seconds(400)), ..Stop::default() };
        let mut first: BTreeMap<WorkerId, SimTime> = BTreeMap::new();
        let simulation = run_with(&scenario, &mut |record: &Record<'_>| {
            if let Record::Finished(Finished { worker, at, applied: true, .. }) = record {
                first.entry(*worker).or_insert(*at);
            }
        });
        let name = choice.name();
        assert!(first[&WorkerId(0)] < SimTime(30 * SECOND), "{name}: {first:?}");
        for w in 2..5 {
            assert!(first.contains_key(&WorkerId(w)), "{name}: {first:?}");
            assert!(simulation.workers()[w as usize].finished > 40, "{name}");
        }
    }
}

/// A barrier of three that loses one of its workers in a round goes on with two.
#[test]
fn a_barrier_shrinks_and_grows() {
    let mut scenario = timing(3, constant());
    scenario.protocol = protocol("kind = 'synchronous'");
    scenario.train.stop.updates = Some(20);
    let event = Scripted { worker: 2, at: SimSpan(5 * SECOND + SECOND / 2), ..Scripted::default() };
    scenario.cluster.event = vec![Scripted { crash: Some(seconds(4)), ..event }];
    let mut rounds: BTreeMap<u64, u32> = BTreeMap::new();
    run_with(&scenario, &mut |record: &Record<'_>| {
        if let Record::Finished(push) = record {
            *rounds.entry(push.at.0).or_default() += 1;
        }
    });
    let sizes: Vec<u32> = rounds.values().copied().collect();
    // Back at 9.5 it takes half a round, and all wait for it once.
    let expected: Vec<u32> = [vec![3; 5], vec![2; 4], vec![3; 11]].concat();
    assert_eq!(sizes, expected);
    let last = *rounds.keys().last().unwrap();
    assert_eq!(last, 20 * SECOND + SECOND / 2);
}

/// Slow starts by updates: nobody begins before there are as many.
#[test]
fn slow_starters_wait_for_their_updates() {
    let mut scenario = timing(6, constant());
    scenario.cluster.start = StartChoice::StepWaiter(start::StepWaiter { steps: 100.0 });
    scenario.train.stop.updates = Some(400);
    let mut joined = Vec::new();
    let mut updates = 0;
    run_with(&scenario, &mut |record: &Record<'_>| match record {
        Record::Updated { progress, .. } => updates = progress.updates,
        Record::Joined { worker } => joined.push((worker.0, updates)),
        _ => {}
    });
    assert_eq!(joined, [(1, 69), (2, 109), (3, 138), (4, 160), (5, 179)]);
    // Under a barrier too, which does not wait for them.
    scenario.protocol = protocol("kind = 'synchronous'");
    assert_eq!(run(&scenario).presence().tally().joins, 5);
    // And nobody waits longer than Monolith lets them.
    scenario.protocol = ProtocolChoice::default();
    let most = seconds(7);
    scenario.cluster.start = StartChoice::Monolith(start::Monolith { steps: 1e6, most });
    let mut joined = Vec::new();
    run_with(&scenario, &mut |record: &Record<'_>| match record {
        Record::Joined { worker } => joined.push(worker.0),
        Record::Activity { activity: Activity::Away, to, .. } => {
            assert_eq!(*to, SimTime::ZERO + most)
        }
        _ => {}
    });
    assert_eq!(joined, [1, 2, 3, 4, 5]);
}

/// What is not used changes nothing, to the last bit.
#[test]
fn neutral_settings_are_exact() {
    let plain = training::run(&small(), 1);
    let same = |change: &dyn Fn(&mut Scenario)| {
        let mut scenario = small();
        change(&mut scenario);
        let outcome = training::run(&scenario, 1);
        assert!(outcome.weights == plain.weights && outcome.records == plain.records);
    };
    same(&|scenario| scenario.record.audit = true);
    same(&|scenario| scenario.cluster.failures.lost = Lost::Repeat);
    // The first crash lies beyond the end; only the kinds of the lost matter then.
    same(&|scenario| {
        scenario.cluster.failures = Failures { lost: Lost::Requeue, ..failing(1 << 30, 1) };
    });
    same(&|scenario| scenario.cluster.membership = vec![Membership::default()]);
    same(&|scenario| {
        let leave = Some(seconds(1 << 30));
        scenario.cluster.membership = vec![Membership { leave, ..Membership::default() }];
    });
    same(&|scenario| {
        scenario.cluster.start = StartChoice::StepWaiter(start::StepWaiter { steps: 0.0 });
    });
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

#[test]
fn doubling_all_durations_doubles_all_times() {
    let ends = |unit: u64| {
        let mut scenario = timing(6, exponential());
        let span = |count: u64| SimSpan(count * unit);
        scenario.cluster.compute.fixed = span(1);
        scenario.cluster.failures =
            Failures { every: Some(span(15)), repair: span(3), ..Failures::default() };
        let (leave, join, every) = (Some(span(9)), Some(span(14)), Some(span(25)));
        scenario.cluster.membership =
            vec![Membership { first: 3, leave, join, every, ..Membership::default() }];
        let event = Scripted { worker: 1, at: span(5), ..Scripted::default() };
        scenario.cluster.event = vec![
            Scripted { sleep_batches: Some(3), ..event },
            Scripted { crash: Some(span(2)), ..event },
        ];
        scenario.train.stop.updates = Some(500);
        let mut ends = Vec::new();
        run_with(&scenario, &mut |record: &Record<'_>| {
            if let Record::Finished(push) = record {
                ends.push((push.worker, push.at.0));
            }
        });
        ends
    };
    let (once, twice) = (ends(1 << 40), ends(1 << 41));
    let doubled: Vec<_> = once.iter().map(|&(worker, at)| (worker, 2 * at)).collect();
    assert_eq!(doubled, twice);
}

/// Every example handed out is applied, discarded, lost, or in flight; and the audit counts those
/// applied, each time.
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
        for on_the_way in [OnTheWay::Lost, OnTheWay::Arrives] {
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
    let error = build(&scenario).run(&mut Nobody).unwrap_err();
    assert!(matches!(error, SimError::Stalled { .. }), "{error}");
    assert!(error.to_string().contains("workers that are gone: 0, 1, 2"), "{error}");
    // Machines that never run for as long as a step takes.
    scenario.cluster.membership.clear();
    scenario.cluster.failures = Failures { law: constant(), ..failing(1, 1) };
    scenario.cluster.compute.fixed = seconds(2);
    let error = build(&scenario).run(&mut Nobody).unwrap_err();
    assert!(matches!(error, SimError::Fruitless { .. } | SimError::Stalled { .. }), "{error}");
}

prop_compose! {
    fn any_churn()(
        seed in any::<u64>(),
        workers in 1u32..8,
        shards in 1u32..4,
        choice in proptest::sample::select(protocols()),
        every in 3u64..60,
        repair in 1u64..20,
        arrives in any::<bool>(),
        lost in proptest::sample::select(vec![Lost::Drop, Lost::Requeue, Lost::Repeat]),
        first in 0u32..8,
        tide in (1u64..20, 1u64..20, 5u64..40),
        abruptly in any::<bool>(),
        latency in 0u64..SECOND / 2,
        events in proptest::collection::vec((0u32..8, 0u64..60, 0u32..4, 1u64..10), 0..5),
        waits in any::<bool>(),
    ) -> Scenario {
        let mut scenario = timing(workers, exponential());
        scenario.scenario.seed = seed;
        scenario.protocol = choice;
        scenario.cluster.shards = shards;
        scenario.cluster.network.latency = SimSpan(latency);
        let on_the_way = if arrives { OnTheWay::Arrives } else { OnTheWay::Lost };
        scenario.cluster.failures = Failures { lost, on_the_way, ..failing(every, repair) };
        let (join, leave, period) = (Some(seconds(tide.0)), Some(seconds(tide.1)), tide.2);
        scenario.cluster.membership = vec![Membership {
            first, last: None, join, leave, every: Some(seconds(period)), abruptly,
        }];
        scenario.cluster.event = events.into_iter().map(|(worker, at, kind, span)| {
            let event = Scripted { worker: worker % workers, at: seconds(at), ..Scripted::default() };
            let span = seconds(span);
            match kind {
                0 => Scripted { sleep: Some(span), ..event },
                1 => Scripted { sleep_batches: Some(2), ..event },
                2 => Scripted { crash: Some(span), ..event },
                _ => Scripted { slowdown: Some(4.0), lasting: Some(span), ..event },
            }
        }).collect();
        if waits {
            let steps = start::StepWaiter { steps: 8.0 };
            scenario.cluster.start = StartChoice::StepWaiter(steps);
        }
        scenario.train.stop = Stop { sim_time: Some(seconds(300)), ..Stop::default() };
        scenario
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Whatever happens to workers, under every protocol: staleness is conserved, no step, worker
    /// or second is lost, and whoever is there gets on.
    #[test]
    fn invariants_hold_whoever_comes_and_goes(scenario in any_churn(), stride in 1u64..60) {
        let mut simulation = build(&scenario);
        check_invariants(&mut simulation, stride);
        let now = simulation.now();
        let spent = |activity| -> f64 {
            simulation.workers().iter().map(|w| w.spent(activity, now).seconds()).sum()
        };
        let there = spent(Activity::Compute) + spent(Activity::Wait);
        prop_assert!(simulation.session().progress.updates > 0 || there < 100.0);
    }
}
