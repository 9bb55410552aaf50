//! Workers that join, leave and begin late, under every protocol.

use std::collections::BTreeMap;

use proptest::prelude::*;
use straggler::base::{SimSpan, SimTime, WorkerId};
use straggler::cluster::failures::{InFlightMessages, Lost};
use straggler::cluster::{Failures, Membership, Scripted, StartChoice, start};
use straggler::protocol::ProtocolChoice;
use straggler::scenario::Scenario;
use straggler::sim::{Activity, Finished, Record, Simulation, Stop};

use crate::absence::{
    SECOND, build, check_invariants, churning, constant, exponential, failing, protocol, protocols,
    run, run_with, seconds, timing,
};
use crate::training::{self, small};

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

/// Two protocols side by side are both told.
#[test]
fn groups_with_protocols_of_their_own_get_on() {
    for (dense, rows) in [("synchronous", "asynchronous"), ("tokens", "stale_synchronous")] {
        let mut scenario = churning(6);
        scenario.protocol = protocol(&format!("kind = '{dense}'"));
        scenario.sparse_protocol = Some(protocol(&format!("kind = '{rows}'")));
        (scenario.cluster.shards, scenario.cluster.dense_shards) = (3, Some(1));
        scenario.cluster.network.latency = SimSpan(SECOND / 16);
        scenario.train.stop.updates = Some(500);
        check_invariants(&mut build(&scenario), 41);
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
            let held = alone.spent(Activity::Held, simulation.now()).seconds();
            assert!(held < 30.0, "{}: held for {held} s", choice.name());
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
        let on_the_way = if arrives { InFlightMessages::Arrives } else { InFlightMessages::Lost };
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
        let there = spent(Activity::Compute) + spent(Activity::Wait) + spent(Activity::Held);
        prop_assert!(simulation.session().progress.updates > 0 || there < 100.0);
    }
}
