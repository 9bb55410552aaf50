//! Scenarios in which workers come, go and die, for tests.

use straggler::base::SimSpan;
use straggler::cluster::step_time::{constant, exponential};
use straggler::cluster::{Failures, Membership, Scripted, StepTimeChoice};
use straggler::protocol::ProtocolChoice;
use straggler::scenario::Scenario;
use straggler::scenario::spec::Traffic;
use straggler::sim::{NoObserver, Observer, Simulation, State};

pub(crate) const SECOND: u64 = 1 << 30;

pub(crate) fn seconds(count: u64) -> SimSpan {
    SimSpan(count * SECOND)
}

pub(crate) fn exponential() -> StepTimeChoice {
    StepTimeChoice::Exponential(exponential::Config {})
}

pub(crate) fn constant() -> StepTimeChoice {
    StepTimeChoice::Constant(constant::Config {})
}

/// Timing alone: `workers` workers whose steps take a second.
pub(crate) fn timing(workers: u32, law: StepTimeChoice) -> Scenario {
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

pub(crate) fn build(scenario: &Scenario) -> Simulation {
    let here = std::path::Path::new(".");
    Simulation::new(scenario.parts(scenario.prepare(here).unwrap(), here, 1).unwrap())
}

pub(crate) fn run_with(scenario: &Scenario, observer: &mut dyn Observer) -> Simulation {
    let mut simulation = build(scenario);
    simulation.run(observer).unwrap();
    simulation
}

pub(crate) fn run(scenario: &Scenario) -> Simulation {
    run_with(scenario, &mut NoObserver)
}

pub(crate) fn failing(every: u64, repair: u64) -> Failures {
    Failures { every: Some(seconds(every)), repair: seconds(repair), ..Failures::default() }
}

pub(crate) fn protocol(text: &str) -> ProtocolChoice {
    toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Every protocol, with settings that make sense for a handful of workers.
pub(crate) fn protocols() -> Vec<ProtocolChoice> {
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
    all.push(protocol("kind = 'stale_synchronous'\nlead = 1\nclock = 'row'"));
    all.push(protocol("kind = 'stale_synchronous'\nlead = 2\nclock = 'row'\nupdates = 'by_clock'"));
    all.push(protocol("kind = 'tokens'\naggregate = 4"));
    all.push(protocol("kind = 'tokens'\naggregate = 9"));
    all.push(protocol("kind = 'backup_workers'\nbackups = 0"));
    all.push(protocol("kind = 'ringmaster'\nbound = 8\nabort = false"));
    all
}

pub(crate) fn churning(workers: u32) -> Scenario {
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
pub(crate) fn check_invariants(simulation: &mut Simulation, stride: u64) {
    let mut count = 0;
    while simulation.step(&mut NoObserver).unwrap() == State::Running {
        count += 1;
        if count % stride == 0 {
            simulation.check();
        }
    }
    simulation.check();
}
