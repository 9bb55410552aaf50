//! Runs that cannot go on: they end with an error that says where and why, and never with a panic;
//! only a protocol that breaks its contract is answered with one, which names the breach.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use straggler::base::{SimSpan, SimTime, WorkerId};
use straggler::cluster::delay::Fixed;
use straggler::cluster::step_time::{constant, pareto};
use straggler::cluster::{DelayChoice, ShardService, StepTimeChoice};
use straggler::optimizer::{OptimizerChoice, sgd};
use straggler::protocol::{Arrived, ClusterState, Decisions, Protocol, PushId};
use straggler::scenario::Scenario;
use straggler::server::ParameterServer;
use straggler::sim::{
    Every, Limits, Links, NoObserver, NullWork, SimError, Simulation, Stop, Work,
};

use crate::cluster::NullCluster;
use crate::training::{finish, job, run, server, small, small_logistic, small_mlp};

fn explosive() -> Scenario {
    let learning_rate = 1e9;
    Scenario { optimizer: OptimizerChoice::Sgd(sgd::Config { learning_rate }), ..small() }
}

/// The values of a block, or of a row such as `item[17]`.
fn parameter<'a>(server: &'a ParameterServer, name: &str) -> &'a [f32] {
    if let Some(block) = server.layout().dense.iter().find(|block| block.name == name) {
        return &server.dense()[block.range()];
    }
    let (table, id) = name.strip_suffix(']').and_then(|name| name.split_once('[')).unwrap();
    let index = server.layout().tables.iter().position(|t| t.name == table).unwrap();
    server.table(index).weights(id.parse().unwrap())
}

/// Runs into a blow-up, and once more to just before it.
fn blow_up(scenario: &Scenario) -> u64 {
    let mut broken = job(scenario, 2);
    let mut records = Vec::new();
    let mut tell = |record: &straggler::sim::Record<'_>| records.push(format!("{record:?}"));
    let error = broken.run(&mut tell).unwrap_err();
    let SimError::BlowUp { update, at, parameter: name, worker, .. } = error.clone() else {
        panic!("{error}")
    };
    let values = parameter(server(broken.session()), &name);
    assert!(values.iter().any(|x| !x.is_finite()), "{name} is finite after all");

    let text = error.to_string();
    assert!(text.contains(&name) && text.contains(&format!("update {update}")), "{text}");

    let mut before = scenario.clone();
    before.train.stop = match scenario.imposed_staleness {
        Some(_) => Stop { updates: Some(update - 1), ..Stop::default() },
        None => Stop { sim_time: Some(SimSpan(at.0 - 1)), ..Stop::default() },
    };
    let before = run(&before, 1);
    assert!(before.values().iter().all(|x| x.is_finite()), "it blew up before update {update}");
    // What was recorded until then stays, and the push that did it is told as well.
    let told: Vec<&String> = records.iter().filter(|r| r.starts_with("Finished")).collect();
    assert_eq!(told[..before.finished.len()], before.of_kind("Finished"));
    if scenario.cluster.shards > 1 && scenario.imposed_staleness.is_none() {
        // The push may still have been on its way to another shard.
        return update;
    }
    let last = records.iter().rev().find(|record| record.starts_with("Finished")).unwrap();
    assert!(last.contains(&format!("{worker:?}")), "{last}");
    update
}

#[test]
fn r31_a_blow_up_names_the_update_that_made_it() {
    let mut later = 0;
    for model in [small().model, small_mlp(), small_logistic()] {
        let mut scenario = Scenario { model, ..explosive() };
        if scenario.model.name() == "logistic" {
            scenario.optimizer = OptimizerChoice::Sgd(sgd::Config { learning_rate: 1e39 });
        }
        let update = blow_up(&scenario);
        let stop = Stop { updates: Some(update - 1), ..Stop::default() };
        let mut replay = scenario.clone();
        replay.train.stop = stop;
        assert!(run(&replay, 1).values().iter().all(|x| x.is_finite()));
        later += u64::from(update > 1);
        scenario.cluster.shards = 3;
        scenario.cluster.network.latency = SimSpan(1 << 26);
        blow_up(&scenario);
        scenario.imposed_staleness = Some(DelayChoice::Fixed(Fixed { updates: 2 }));
        blow_up(&scenario);
    }
    assert!(later > 0, "every blow-up was at the first update");
}

/// Grants `grants` times, then nothing; never applies.
#[derive(Debug)]
struct Mute {
    grants: u32,
}

straggler::persist!(Mute { grants: state });

impl Protocol for Mute {
    fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
        if self.grants > 0 {
            self.grants -= 1;
            decide.grant(worker);
        }
    }

    fn on_push(&mut self, _: Arrived, _: &ClusterState<'_>, _: &mut Decisions) {}
}

fn null_parts(shards: u32) -> straggler::sim::Parts {
    let law = StepTimeChoice::Constant(constant::Config {});
    let cluster = NullCluster { shards, ..NullCluster::textbook(3, law) };
    let loads = vec![Default::default(); shards as usize];
    cluster.parts(Work::Null(NullWork { batch: 1, loads }))
}

#[test]
fn a_stall_says_who_waits_for_whom() {
    for (grants, waiting, held) in [(0, "0, 1, 2", "none"), (2, "2, 0, 1", "0, 1")] {
        let mut parts = null_parts(2);
        parts.protocol = Box::new(Mute { grants });
        let mut simulation = Simulation::new(parts);
        let error = simulation.run(&mut NoObserver).unwrap_err();
        simulation.check();
        let SimError::Stalled { at, waiting: said } = &error else { panic!("{error}") };
        assert_eq!(*at, if grants == 0 { SimTime::ZERO } else { SimTime(1 << 30) });
        let mut expected: Vec<&str> = waiting.split(", ").collect();
        expected.sort_unstable();
        let text = format!(
            "workers waiting for permission to pull: {}; workers whose pushes are held: {held}",
            expected.join(", ")
        );
        assert_eq!(*said, text);
    }
}

/// How a protocol can break its contract.
#[derive(Clone, Copy, Debug)]
enum Breach {
    TwiceInOneUpdate,
    TwiceInTwoUpdates,
    DiscardAfterApply,
    NeverSeen,
    NoPush,
    GrantUnasked,
}

#[derive(Debug)]
struct Broken(Breach);

straggler::persist!(Broken(breach: fixed));

impl Protocol for Broken {
    fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
        decide.grant(worker);
    }

    fn on_push(&mut self, arrived: Arrived, _: &ClusterState<'_>, decide: &mut Decisions) {
        let (shard, push) = (arrived.shard, arrived.push);
        match self.0 {
            Breach::TwiceInOneUpdate => decide.apply(shard, &[push, push]),
            Breach::TwiceInTwoUpdates => {
                decide.apply(shard, &[push]);
                decide.apply(shard, &[push]);
            }
            Breach::DiscardAfterApply => {
                decide.apply(shard, &[push]);
                decide.discard(shard, push);
            }
            Breach::NeverSeen => decide.apply(shard, &[PushId(99)]),
            Breach::NoPush => decide.apply(shard, &[]),
            Breach::GrantUnasked => decide.grant(arrived.worker),
        }
    }
}

#[test]
fn a_protocol_that_breaks_its_contract_is_told_how() {
    for (breach, expected) in [
        (Breach::TwiceInOneUpdate, "decided twice"),
        (Breach::TwiceInTwoUpdates, "decided twice"),
        (Breach::DiscardAfterApply, "decided twice"),
        (Breach::NeverSeen, "PushId(99), which is not in flight"),
        (Breach::NoPush, "out of no push"),
        (Breach::GrantUnasked, "which had not asked"),
    ] {
        for shards in [1, 3] {
            let mut parts = null_parts(shards);
            parts.protocol = Box::new(Broken(breach));
            let mut simulation = Simulation::new(parts);
            let run = AssertUnwindSafe(|| simulation.run(&mut NoObserver));
            let panic = catch_unwind(run).expect_err("the breach went unnoticed");
            let text = panic.downcast_ref::<String>().expect("a message");
            assert!(text.contains(expected), "{breach:?}: {text}");
        }
    }
}

#[test]
fn r33_a_clock_that_runs_out_is_an_error() {
    let law = StepTimeChoice::Constant(constant::Config {});
    let cluster = NullCluster { base: SimSpan(1 << 62), ..NullCluster::textbook(2, law) };
    let mut simulation = cluster.build();
    let error = simulation.run(&mut NoObserver).unwrap_err();
    assert_eq!(error, SimError::ClockOverflow { update: 6 });
    // A run that ends before does not care.
    let limits = Limits { time: Some(SimTime(u64::MAX - 1)), ..Limits::default() };
    assert_eq!(NullCluster { limits, ..cluster }.run().1.len(), 6);
}

/// Evaluations by simulated time are made once between two events, not every second of centuries.
#[test]
fn a_long_wait_is_evaluated_once() {
    let mut scenario = small();
    scenario.cluster.compute.fixed = SimSpan(u64::MAX);
    scenario.holdout.as_mut().unwrap().every = Every::SimTime(SimSpan(1_000_000_000));
    let outcome = finish(job(&scenario, 1));
    assert!(matches!(outcome.end, Err(SimError::ClockOverflow { .. })), "{:?}", outcome.end);
    assert!(outcome.of_kind("Evaluated").len() as u64 <= 1 + outcome.events);
}

proptest! {
    #[test]
    fn absurd_durations_never_panic(
        base in any::<u64>(),
        latency in any::<u64>(),
        fixed in any::<u64>(),
        per_kib in any::<u64>(),
        shards in 1u32..4,
        workers in 1u32..5,
    ) {
        let law = StepTimeChoice::Pareto(pareto::Config { shape: 1.5 });
        let cluster = NullCluster {
            shards,
            base: SimSpan(base >> (base % 64)),
            links: Links { latency: SimSpan(latency >> (latency % 64)), ..Links::default() },
            service: ShardService {
                pull_fixed: SimSpan(fixed >> (fixed % 64)),
                per_kib: SimSpan(per_kib >> (per_kib % 64)),
                ..ShardService::default()
            },
            limits: Limits { updates: Some(200), ..Limits::default() },
            ..NullCluster::textbook(workers, law)
        };
        let mut simulation = cluster.build();
        match simulation.run(&mut NoObserver) {
            Ok(()) | Err(SimError::ClockOverflow { .. }) => simulation.check(),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_clock_that_cannot_reach_its_limit_is_an_error() {
    let mut cluster = NullCluster::textbook(3, StepTimeChoice::default());
    cluster.base = SimSpan::ZERO;
    cluster.limits = Limits { time: Some(SimTime(1_000)), ..Limits::default() };
    let outcome = cluster.build().run(&mut NoObserver);
    assert_eq!(outcome, Err(SimError::TimeStandsStill { at: SimTime::ZERO }));
}
