//! Oracles of the cluster's physics: shared links and processors, and pace over time.

use straggler::base::SimSpan;
use straggler::cluster::pace::{EpisodeScope, Episodes};
use straggler::cluster::step_time::{constant, exponential, gamma, pareto};
use straggler::cluster::{Discipline, PaceConfig, ShardService, StepTimeChoice};
use straggler::scenario::Scenario;
use straggler::scenario::spec::Traffic;
use straggler::sim::{Limits, NoObserver, Simulation};

use crate::cluster::{NullCluster, seconds};

fn exponential() -> StepTimeChoice {
    StepTimeChoice::Exponential(exponential::Config {})
}

const SECOND: SimSpan = SimSpan(1 << 30);

/// The closed queue of `contention_at_a_shard_follows_the_closed_queue`, with sharing: its throughput
/// does not depend on the law of the service times beyond their mean, as it does in order of arrival.
#[test]
fn sharing_is_insensitive_to_the_law_of_service() {
    let laws = [
        exponential(),
        StepTimeChoice::Constant(constant::Config {}),
        StepTimeChoice::Gamma(gamma::Config { variation: 2.0 }),
        StepTimeChoice::Pareto(pareto::Config { shape: 2.5 }),
    ];
    let rate = |law: &StepTimeChoice, discipline| {
        let cluster = NullCluster {
            service: ShardService {
                push_fixed: SimSpan(SECOND.0 / 5),
                discipline,
                ..ShardService::default()
            },
            service_law: Some(law.clone()),
            limits: Limits { updates: Some(100_000), ..Limits::default() },
            ..NullCluster::textbook(10, exponential())
        };
        let (simulation, pushes) = cluster.run();
        pushes.len() as f64 / (seconds(simulation.now()) / SECOND.seconds())
    };
    for law in &laws {
        let shared = rate(law, Discipline::ProcessorSharing);
        assert!((shared / 4.908_077 - 1.0).abs() < 0.015, "{}: {shared}", law.name());
    }
    let wild = rate(&laws[2], Discipline::FirstCome);
    assert!(wild < 4.8, "{wild}");
}

/// Machine repair with c repairers (M/M/c//N): throughput from the balance of births and deaths.
/// With a fraction, n broken machines are repaired at the rate min(n, c) / service.
fn machine_repair(workers: u32, cores: f64, service: f64) -> f64 {
    let busy = |n: u32| f64::from(n).min(cores);
    let (mut weight, mut all, mut rate) = (1.0, 0.0, 0.0);
    for n in 0..=workers {
        all += weight;
        rate += weight * busy(n) / service;
        weight *= f64::from(workers - n) * service / busy(n + 1);
    }
    rate / all
}

/// The number of requests at a processor of several cores does not depend on whether they share it
/// or wait, if service times are exponential; and with sharing not on their law.
#[test]
fn several_cores_serve_as_the_formula_says() {
    let rate = |cores, discipline, law: &StepTimeChoice| {
        let push_fixed = SimSpan(SECOND.0 / 4);
        let cluster = NullCluster {
            service: ShardService { push_fixed, discipline, cores, ..ShardService::default() },
            service_law: Some(law.clone()),
            limits: Limits { updates: Some(100_000), ..Limits::default() },
            ..NullCluster::textbook(16, exponential())
        };
        let (simulation, pushes) = cluster.run();
        let spent = seconds(simulation.now()) / SECOND.seconds();
        let busy = simulation.shards()[0].processor.busy(simulation.now()).seconds();
        let rate = pushes.len() as f64 / spent;
        // Little's law for the cores.
        let wanted = rate * 0.25 / cores;
        assert!((busy / simulation.now().seconds() / wanted - 1.0).abs() < 0.02);
        rate
    };
    for cores in [1.0, 1.5, 2.0, 2.75, 3.0, 20.0] {
        let wanted = machine_repair(16, cores, 0.25);
        // A fraction of a core can only be shared.
        let whole = [Discipline::FirstCome].into_iter().filter(|_| cores.fract() == 0.0);
        for discipline in whole.chain([Discipline::ProcessorSharing]) {
            let found = rate(cores, discipline, &exponential());
            assert!(
                (found / wanted - 1.0).abs() < 0.015,
                "{cores} {discipline:?}: {found} {wanted}"
            );
        }
        let law = StepTimeChoice::Gamma(gamma::Config { variation: 2.0 });
        let found = rate(cores, Discipline::ProcessorSharing, &law);
        assert!((found / wanted - 1.0).abs() < 0.02, "{cores}: {found} {wanted}");
    }
    assert!((machine_repair(10, 1.0, 0.2) - 4.908_077).abs() < 1e-6);
}

#[test]
fn a_fraction_of_a_core_can_only_be_shared() {
    let read = |cores: f64, more: &str| {
        let server = format!("[cluster.server]\ncores = {cores:?}\n{more}");
        Scenario::from_text(&format!("[timing_only]\n[train.stop]\nupdates = 20\n{server}"))
    };
    let error = read(1.5, "").unwrap_err().to_string();
    assert!(error.contains("one whole core") && error.contains("processor_sharing"), "{error}");
    assert!(read(0.5, "discipline = 'processor_sharing'").is_err());
    for (cores, more) in [(2.0, ""), (1.5, "discipline = 'processor_sharing'")] {
        assert_eq!(read(cores, more).unwrap().cluster.server.cores, cores);
    }
}

fn scenario() -> Scenario {
    let mut scenario = Scenario {
        timing_only: Some(Traffic { rows: 50, row_dim: 4, dense: 1000 }),
        ..Scenario::default()
    };
    scenario.cluster.workers = 12;
    scenario.cluster.shards = 3;
    scenario.cluster.compute.law = exponential();
    scenario.train.stop.updates = Some(3_000);
    scenario
}

fn run(scenario: &Scenario) -> Simulation {
    let parts = scenario.parts(None, std::path::Path::new("."), 1).unwrap();
    let mut simulation = Simulation::new(parts);
    simulation.run(&mut NoObserver).unwrap();
    simulation
}

/// Sharing changes when messages arrive, and neither loses nor repeats one.
#[test]
fn nothing_is_lost_on_shared_links() {
    let mut scenario = scenario();
    let network = &mut scenario.cluster.network;
    network.latency = SimSpan(200_000);
    network.worker_bandwidth = Some("100Mbit/s".parse().unwrap());
    network.shard_bandwidth = Some("50Mbit/s".parse().unwrap());
    let in_turn = run(&scenario);
    scenario.cluster.network.discipline = Discipline::ProcessorSharing;
    let shared_links = run(&scenario);
    scenario.cluster.server.push_fixed = SimSpan(300_000);
    scenario.cluster.server.discipline = Discipline::ProcessorSharing;
    scenario.cluster.server.push_weight = 2.0;
    let shared = run(&scenario);
    for simulation in [&in_turn, &shared_links, &shared] {
        simulation.check();
        assert_eq!(simulation.session().progress.updates, 3_000);
    }
    assert_ne!(in_turn.now(), shared_links.now());
    let bytes = |s: &Simulation| s.shards().iter().map(|shard| shard.bytes_in).sum::<u64>();
    assert!(bytes(&in_turn).abs_diff(bytes(&shared_links)) < bytes(&in_turn) / 50);
}

/// The throughput of a cluster falls by the long-run mean speed of its machines.
#[test]
fn episodes_cost_what_the_markov_process_says() {
    let mut scenario = scenario();
    scenario.train.stop.updates = Some(60_000);
    let steady = run(&scenario).now().seconds();
    let (every, lasting) = (SimSpan(3_000_000_000), SimSpan(1_000_000_000));
    let episodes =
        vec![Episodes { every, lasting, factor: Some(4.0), whose: EpisodeScope::Worker }];
    scenario.cluster.pace = PaceConfig { episodes, ..PaceConfig::default() };
    let slowed = run(&scenario).now().seconds();
    let (q01, q10) = (1.0 / 3.0, 1.0);
    let expected = (q10 + q01 / 4.0) / (q01 + q10);
    assert!((steady / slowed / expected - 1.0).abs() < 0.03, "{}", steady / slowed);
}

/// Episodes that never come, and factors of one, change nothing.
#[test]
fn a_neutral_pace_changes_nothing() {
    let mut scenario = scenario();
    let before = run(&scenario).now();
    let (every, lasting) = (SimSpan(3_000_000_000), SimSpan::ZERO);
    let never = Episodes { every, lasting, factor: Some(4.0), whose: EpisodeScope::Host };
    let mild = Episodes { lasting: every, factor: Some(1.0), ..never.clone() };
    scenario.cluster.pace.episodes = vec![never];
    assert_eq!(run(&scenario).now(), before);
    scenario.cluster.pace.episodes = vec![mild];
    // Stretches are added up in floating point: within a nanosecond a step.
    assert!(run(&scenario).now().0.abs_diff(before.0) < 3_000);
}
