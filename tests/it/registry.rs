//! Every registered part does a short run: it trains, the invariants hold at any moment, and the
//! number of threads changes nothing, nor does going on from a saved state. Then random combinations
//! of them.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Map, Value, json};
use straggler::base::registry::Part;
use straggler::base::{Bandwidth, SimSpan};
use straggler::cluster::delay::Geometric;
use straggler::cluster::{
    DelayChoice, MachineClass, Network, ShardService, StartChoice, StepTimeChoice,
};
use straggler::data::order::OrderChoice;
use straggler::data::{Hashing, SourceChoice};
use straggler::model::{ModelChoice, Normalization};
use straggler::optimizer::{Clip, OptimizerChoice, ScheduleChoice};
use straggler::protocol::ProtocolChoice;
use straggler::remedy::RemedyChoice;
use straggler::scenario::{Job, Scenario};
use straggler::server::eviction::{Capacity, Looks};
use straggler::server::{Eviction, EvictionRule};
use straggler::sim::feed::ExampleSharing;
use straggler::sim::{Finished, NoObserver, State, Stop};

use crate::training::{Outcome, job, run, run_in_pieces, small};

/// The settings with which a part is tried. Parts with defaults need none.
fn settings(name: &str) -> Value {
    match name {
        "din" => json!({"embedding_dim": 4, "attention_hidden": [6], "hidden": [8]}),
        "mlp" => json!({"embedding_dim": 4, "hidden": [8]}),
        "modulo" | "double" => json!({"rows": 40}),
        "cuckoo" => json!({"slots": 2, "start": 4}),
        "quotient_remainder" => json!({"rows": 8}),
        "shuffle_buffer" => json!({"size": 40}),
        "synthetic" => serde_json::to_value(small().data.unwrap()).unwrap(),
        "exponential_schedule" | "cosine" => json!({"to": 0.1, "over": {"updates": 30}}),
        "adagrad_decay" | "rmsprop_swap" | "adam_swap" | "ftrl_swap" => {
            json!({"period": {"updates": 7}})
        }
        "ringmaster" | "drop_stale" => json!({"bound": 4}),
        "stale_synchronous" | "dynamic_ssp" => json!({"lead": 1}),
        "k_batch_async" => json!({"k": 3}),
        "fixed" => json!({"updates": 4}),
        "geometric" => json!({"mean": 5.0}),
        "uniform" => json!({"largest": 9}),
        "empirical" => json!({"weights": [1.0, 0.0, 2.0, 1.0]}),
        "staggered" => json!({"over": "3s"}),
        "scattered" => json!({"within": "3s"}),
        _ => json!({}),
    }
}

/// Reads a registered part as a scenario file would.
fn choose<T: serde::de::DeserializeOwned>(part: &Part, settings: Value) -> T {
    let mut keys: Map<String, Value> = settings.as_object().unwrap().clone();
    keys.insert("kind".into(), part.name.into());
    let read = serde_json::from_value(Value::Object(keys));
    read.unwrap_or_else(|error| panic!("{}: {error}; give its settings in `settings`", part.name))
}

/// Runs event by event and checks the invariants every so often.
fn check_invariants(scenario: &Scenario, stride: u64) {
    let Job::Cluster(mut simulation) = job(scenario, 1) else { return };
    let mut count = 0;
    while simulation.step(&mut NoObserver).unwrap() == State::Running {
        count += 1;
        if count % stride == 0 {
            simulation.check();
        }
    }
    simulation.check();
}

/// A short run works and is the same on one thread and on three.
fn try_out(scenario: &Scenario, what: &str) -> Outcome {
    let one = run(scenario, 1);
    assert!(one.finished.iter().any(|push| push.loss.is_finite()), "{what}: nothing was computed");
    let three = run(scenario, 3);
    assert!(one.weights == three.weights, "{what}: threads change weights");
    assert!(one.records == three.records, "{what}: threads change records");
    let pieces = run_in_pieces(scenario, 2, 41);
    assert!(one.records == pieces.records, "{what}: saving and loading changes records");
    assert!(one.weights == pieces.weights, "{what}: saving and loading changes weights");
    check_invariants(scenario, 37);
    one
}

fn each<T: serde::de::DeserializeOwned>(parts: &[Part], put: impl Fn(&mut Scenario, T)) {
    assert!(!parts.is_empty());
    for part in parts {
        let mut scenario = small();
        put(&mut scenario, choose(part, settings(part.name)));
        try_out(&scenario, part.name);
    }
}

#[test]
fn every_protocol_works() {
    each::<ProtocolChoice>(ProtocolChoice::PARTS, |scenario, protocol| {
        scenario.protocol = protocol
    });
}

#[test]
fn every_remedy_works() {
    each::<RemedyChoice>(RemedyChoice::PARTS, |scenario, remedy| scenario.remedy = vec![remedy]);
}

#[test]
fn every_optimizer_works_on_both_groups() {
    let few = |scenario: &mut Scenario| scenario.train.stop.updates = Some(25);
    each::<OptimizerChoice>(OptimizerChoice::PARTS, |scenario, optimizer| {
        scenario.sparse_optimizer = Some(optimizer.clone());
        scenario.optimizer = optimizer;
        few(scenario);
    });
    // With rows that decay untouched, where a rule offers that.
    for part in OptimizerChoice::PARTS.iter().filter(|part| part.name != "sgd") {
        let keys = json!({"kind": part.name, "rows": "dense"});
        let Ok(optimizer) = serde_json::from_value::<OptimizerChoice>(keys) else { continue };
        let mut scenario = Scenario { sparse_optimizer: Some(optimizer), ..small() };
        few(&mut scenario);
        try_out(&scenario, part.name);
    }
}

#[test]
fn every_model_works() {
    each::<ModelChoice>(ModelChoice::PARTS, |scenario, model| scenario.model = model);
}

#[test]
fn every_step_time_law_works() {
    let lawful: Vec<Part> =
        StepTimeChoice::PARTS.iter().filter(|part| part.name != "trace").cloned().collect();
    each::<StepTimeChoice>(&lawful, |scenario, law| scenario.cluster.compute.law = law);
}

#[test]
fn every_order_works() {
    each::<OrderChoice>(OrderChoice::PARTS, |scenario, order| scenario.train.order = order);
}

#[test]
fn every_hashing_works() {
    each::<Hashing>(Hashing::PARTS, |scenario, hashing| scenario.tables.hashing = hashing);
}

#[test]
fn every_eviction_works() {
    each::<EvictionRule>(EvictionRule::PARTS, |scenario, rule| {
        let (every, at_most) = (Some(Looks::Updates(7)), Some(Capacity::Rows(30)));
        scenario.eviction = Some(Eviction { rule, every, at_most, ..Eviction::default() });
    });
}

#[test]
fn every_start_works() {
    each::<StartChoice>(StartChoice::PARTS, |scenario, start| scenario.cluster.start = start);
}

#[test]
fn every_imposed_delay_works() {
    each::<DelayChoice>(DelayChoice::PARTS, |scenario, law| scenario.imposed_staleness = Some(law));
}

/// Sources that read files are tried by the loaders' own tests.
#[test]
fn every_source_without_files_works() {
    let generated: Vec<Part> =
        SourceChoice::PARTS.iter().filter(|part| part.name == "synthetic").cloned().collect();
    each::<SourceChoice>(&generated, |scenario, source| scenario.data = Some(source));
}

#[test]
fn every_schedule_works() {
    for part in ScheduleChoice::PARTS {
        let mut scenario = small();
        let name = if part.name == "exponential" { "exponential_schedule" } else { part.name };
        scenario.schedule.decay = choose(part, settings(name));
        let outcome = try_out(&scenario, part.name);
        assert_eq!(outcome.of_kind("Updated").len(), 60);
    }
}

/// One of the registered parts, with the settings it is tried with.
fn any_of<T: serde::de::DeserializeOwned + std::fmt::Debug + Clone + 'static>(
    parts: &'static [Part],
) -> impl Strategy<Value = T> {
    let usable: Vec<&Part> = parts.iter().filter(|part| part.name != "trace").collect();
    proptest::sample::select(usable).prop_map(|part| choose(part, settings(part.name)))
}

prop_compose! {
    fn any_cluster()(
        workers in 2u32..=12,
        shards in 1u32..=4,
        law in any_of::<StepTimeChoice>(StepTimeChoice::PARTS),
        start in any_of::<StartChoice>(StartChoice::PARTS),
        slowdown in 1.0..6.0f64,
        network in any::<bool>(),
        latency in 0u64..400_000_000,
        rate in 1u64..20,
    ) -> straggler::scenario::spec::Cluster {
        let class = |name: &str, share, slowdown| MachineClass {
            name: name.into(), share: Some(share), slowdown, spread: 0.2, law: None, workers: Vec::new(), own: Vec::new() };
        let mut cluster = small().cluster;
        (cluster.workers, cluster.shards, cluster.start) = (workers, shards, start);
        cluster.compute.law = law;
        cluster.class = vec![class("new", 0.6, 1.0), class("old", 0.4, slowdown)];
        if network {
            let bandwidth = Some(Bandwidth(rate << 17));
            let jitter = choose(&StepTimeChoice::PARTS[1], json!({}));
            let latency = SimSpan(latency);
            cluster.network = Network {
                latency, jitter: Some(jitter), worker_bandwidth: bandwidth, shard_bandwidth: bandwidth,
                ..Network::default()
            };
            let pull_fixed = SimSpan(latency.0 / 3);
            cluster.server = ShardService { pull_fixed, push_fixed: pull_fixed, ..ShardService::default() };
        }
        cluster
    }
}

prop_compose! {
    fn any_scenario()(
        seed in any::<u64>(),
        cluster in any_cluster(),
        protocol in any_of::<ProtocolChoice>(ProtocolChoice::PARTS),
        optimizer in any_of::<OptimizerChoice>(OptimizerChoice::PARTS),
        sparse in proptest::option::of(any_of::<OptimizerChoice>(OptimizerChoice::PARTS)),
        model in any_of::<ModelChoice>(ModelChoice::PARTS),
        order in any_of::<OrderChoice>(OrderChoice::PARTS),
        fixed in any::<bool>(),
        batch in 1u32..40,
        clipped in any::<bool>(),
        imposed in proptest::option::weighted(0.15, 0.0..10.0f64),
        batches in 1u32..3,
        remedy in proptest::collection::vec(any_of::<RemedyChoice>(RemedyChoice::PARTS), 0..3),
        rhythm in proptest::option::weighted(0.3, (1u64..4, 1u64..4)),
        normalization in any_of::<Normalization>(Normalization::PARTS),
    ) -> Scenario {
        let mut scenario = Scenario {
            cluster, protocol, optimizer, sparse_optimizer: sparse, model, ..small()
        };
        scenario.scenario.seed = seed;
        match &mut scenario.model {
            ModelChoice::Mlp(config) => config.normalization = normalization,
            ModelChoice::Din(config) => config.normalization = normalization,
            ModelChoice::Logistic(_) | ModelChoice::Own(_) => {}
        }
        scenario.worker.batches = batches;
        scenario.remedy = remedy;
        let fits = !scenario.protocol.facts().discards;
        let rhythm = rhythm.filter(|_| fits);
        if let (Some((pull_every, push_every)), 2..) = (rhythm, scenario.cluster.shards) {
            scenario.cluster.dense_shards = Some(1);
            scenario.worker.pull_every = pull_every;
            scenario.worker.push_every = push_every;
        }
        let permitted = scenario.protocol.facts().never_waits && scenario.worker.push_every == 1;
        scenario.worker.prefetch = permitted && seed % 2 == 1;
        scenario.train.batch = batch;
        scenario.train.order = order;
        scenario.train.sharing = if fixed { ExampleSharing::Fixed } else { ExampleSharing::Queue };
        scenario.train.clip = clipped.then_some(Clip { value: None, norm: Some(0.5) });
        scenario.train.stop = Stop { updates: Some(30), ..Stop::default() };
        scenario.imposed_staleness = imposed.map(|mean| DelayChoice::Geometric(Geometric { mean }));
        scenario
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_121),
        ..ProptestConfig::with_cases(40)
    })]

    #[test]
    fn r04_r16_random_scenarios_keep_every_promise(scenario in any_scenario(), stride in 1u64..60) {
        let one = run(&scenario, 1);
        let three = run(&scenario, 3);
        prop_assert!(one.weights == three.weights && one.records == three.records);
        let pieces = run_in_pieces(&scenario, 2, 1 + stride as usize);
        prop_assert!(one.weights == pieces.weights && one.records == pieces.records);
        prop_assert!(one.values().iter().all(|x| x.is_finite()));
        let may_discard = scenario.protocol.facts().discards && scenario.imposed_staleness.is_none();
        let kept = |push: &Finished| push.applied || may_discard;
        prop_assert!(one.finished.iter().all(|push| push.staleness.is_finite() && kept(push)));
        check_invariants(&scenario, stride);
    }
}
