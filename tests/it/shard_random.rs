//! Random clusters whose shards fail, under all protocols and policies.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use straggler::base::SimSpan;
use straggler::cluster::ShardFailures;
use straggler::cluster::failures::Lost;
use straggler::cluster::shard_failures::{
    Meanwhile, Readers, Recovery, Replay, ShardCheckpoints, ShardCrash, StandIn,
};
use straggler::optimizer::OptimizerChoice;
use straggler::protocol::ProtocolChoice;
use straggler::remedy::RemedyChoice;
use straggler::scenario::Scenario;
use straggler::sim::{Simulation, Stop};

use crate::absence::{
    SECOND, build, check_invariants, churning, exponential, protocols, seconds, timing,
};
use crate::shard_failures::{every, pair};
use crate::training::{self, run_in_pieces};

/// What a report of any failure must obey.
pub(crate) fn check_reports(simulation: &Simulation) {
    let outages = simulation.outages();
    let losses = outages.losses(simulation.now());
    let behind = outages.behind(simulation.versions());
    for (loss, behind) in losses.iter().zip(&behind) {
        assert_eq!(loss.updates, *behind, "what is behind is what was lost");
    }
    let all: u64 = outages.reports().iter().map(|report| report.all_updates_lost).sum();
    assert_eq!(all, behind.iter().sum::<u64>());
    for report in outages.reports() {
        assert!(report.updates_lost <= report.all_updates_lost);
        assert!(report.back.is_none() || report.noticed.is_some());
        assert!(report.noticed.is_none_or(|noticed| noticed >= report.crashed));
    }
}

prop_compose! {
    fn any_failures()(
        up in 4u64..40,
        repair in 0u64..8,
        noticed in 0u64..6,
        meanwhile in prop::sample::select(vec![Meanwhile::Block, Meanwhile::Fail, Meanwhile::GoOn]),
        reads in prop::sample::select(vec![StandIn::Last, StandIn::Zeros]),
        recovery in prop::sample::select(vec![Recovery::Partial, Recovery::All, Recovery::Replica]),
        readers in prop::sample::select(vec![Readers::GoOn, Readers::Back]),
        replay in prop::sample::select(
            vec![Replay::InOrder, Replay::LastTwoSwapped, Replay::OneMissing]),
        save in prop::option::of(0u64..20),
        increments in any::<bool>(),
        slots in any::<bool>(),
        lag in 0u64..5,
        scripted in prop::option::of((0u32..3, 0u64..30)),
    ) -> ShardFailures {
        let saved = save.map(seconds);
        let increments = saved.filter(|_| increments).map(|every| SimSpan(every.0 / 3 + 1));
        let event = scripted.map(|(shard, at)| ShardCrash {
            shard, at: seconds(at), repair: None });
        ShardFailures {
            every: Some(seconds(up)),
            repair: SimSpan(repair * SECOND / 2),
            noticed_after: SimSpan(noticed * SECOND / 2),
            meanwhile, reads, recovery, readers, lag: seconds(lag),
            checkpoint: ShardCheckpoints { every: saved, increments, replay, slots },
            event: event.into_iter().collect(),
            ..ShardFailures::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_129),
        ..ProptestConfig::with_cases(120)
    })]

    /// Every protocol lives through failures of shards, with workers that come and go.
    #[test]
    fn every_protocol_outlives_its_shards(
        failures in any_failures(),
        number in 0usize..1000,
        seed in any::<u64>(),
        comes_and_goes in any::<bool>(),
        latency in 0u64..SECOND / 4,
        shared in any::<bool>(),
    ) {
        let all = protocols();
        let mut scenario = if comes_and_goes { churning(6) } else { timing(6, exponential()) };
        scenario.scenario.seed = seed;
        scenario.protocol = all[number % all.len()].clone();
        scenario.cluster.shards = 3;
        scenario.cluster.shard_failures = failures;
        scenario.cluster.network.latency = SimSpan(latency);
        scenario.cluster.server.push_fixed = SimSpan(latency / 3);
        if shared {
            scenario.cluster.server.discipline =
                straggler::cluster::Discipline::ProcessorSharing;
        }
        scenario.train.stop = Stop { sim_time: Some(seconds(300)), ..Stop::default() };
        let mut simulation = build(&scenario);
        check_invariants(&mut simulation, 13);
        check_reports(&simulation);
        prop_assert!(simulation.session().progress.updates > 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_130),
        ..ProptestConfig::with_cases(24)
    })]

    /// Threads, and going on from a saved state, change no bit of a run in which shards fail.
    #[test]
    fn saved_and_loaded_at_any_moment(
        failures in any_failures(),
        number in 0usize..1000,
        seed in any::<u64>(),
        stride in 5usize..60,
        lost in prop::sample::select(vec![Lost::Drop, Lost::Requeue, Lost::Repeat]),
    ) {
        let choices: Vec<ProtocolChoice> = protocols();
        let mut scenario = pair(failures);
        scenario.scenario.seed = seed;
        scenario.cluster.shards = 3;
        scenario.cluster.failures.lost = lost;
        scenario.protocol = choices[number % choices.len()].clone();
        scenario.train.stop = Stop {
            updates: Some(40), sim_time: Some(seconds(200)), ..Stop::default() };
        let one = training::run(&scenario, 1);
        let three = training::run(&scenario, 3);
        prop_assert!(one.weights == three.weights && one.records == three.records);
        let pieces = run_in_pieces(&scenario, 2, stride);
        prop_assert!(one.weights == pieces.weights && one.records == pieces.records);
        prop_assert!(one.values().iter().all(|x| x.is_finite()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_131),
        ..ProptestConfig::with_cases(160)
    })]

    /// After a few failures every job goes on: without a limit on time, one that stands still has no
    /// event left, and says so.
    #[test]
    fn no_job_stands_still(
        failures in any_failures(),
        crashes in prop::collection::vec((0u32..3, 0u64..40, 0u64..9), 1..6),
        number in 0usize..1000,
        seed in any::<u64>(),
        dense in prop::option::of(1u32..3),
        latency in 0u64..SECOND / 4,
        prefetch in any::<bool>(),
        comes_and_goes in any::<bool>(),
    ) {
        let all = protocols();
        let mut scenario = if comes_and_goes { churning(6) } else { timing(6, exponential()) };
        scenario.scenario.seed = seed;
        scenario.protocol = all[number % all.len()].clone();
        scenario.worker.prefetch = prefetch && scenario.protocol.facts().never_waits;
        scenario.cluster.shards = 3;
        scenario.cluster.dense_shards = dense;
        let event = |&(shard, at, repair): &(u32, u64, u64)| ShardCrash {
            shard, at: SimSpan(at * SECOND / 2), repair: Some(SimSpan(repair * SECOND / 2)) };
        scenario.cluster.shard_failures = ShardFailures {
            every: None, event: crashes.iter().map(event).collect(), ..failures };
        scenario.cluster.network.latency = SimSpan(latency);
        scenario.train.stop.updates = Some(200);
        let mut simulation = build(&scenario);
        check_invariants(&mut simulation, 29);
        check_reports(&simulation);
        prop_assert_eq!(simulation.session().progress.updates, 200);
    }
}

/// Every remedy and every update rule lives with shards that fail, and a saved state goes on.
#[test]
fn remedies_and_optimizers_outlive_their_shards() {
    let increments = ShardCheckpoints { increments: Some(seconds(1)), ..every(5) };
    let failing = ShardFailures {
        every: Some(seconds(9)),
        repair: seconds(2),
        checkpoint: increments,
        ..ShardFailures::default()
    };
    let goes_on = ShardFailures { meanwhile: Meanwhile::GoOn, ..failing.clone() };
    let replica = ShardFailures { recovery: Recovery::Replica, lag: seconds(2), ..failing.clone() };
    let check = |mut scenario: Scenario, what: &str| {
        scenario.cluster.shards = 3;
        scenario.cluster.dense_shards = Some(1);
        scenario.holdout = None;
        scenario.train.stop.updates = Some(30);
        let one = training::run(&scenario, 1);
        let pieces = run_in_pieces(&scenario, 2, 37);
        assert!(one.weights == pieces.weights && one.records == pieces.records, "{what}");
        assert!(one.values().iter().all(|x| x.is_finite()), "{what}");
        assert!(!one.of_kind("ShardDown").is_empty(), "{what}");
    };
    for part in RemedyChoice::PARTS {
        let remedy = serde_json::from_value(serde_json::json!({"kind": part.name})).unwrap();
        check(Scenario { remedy: vec![remedy], ..pair(goes_on.clone()) }, part.name);
    }
    for part in OptimizerChoice::PARTS {
        let settings = [
            serde_json::json!({"kind": part.name}),
            serde_json::json!({"kind": part.name, "rows": "dense"}),
            serde_json::json!({"kind": part.name, "period": {"updates": 7}}),
        ];
        let choices = settings.into_iter().filter_map(|keys| serde_json::from_value(keys).ok());
        for optimizer in choices {
            let optimizer: OptimizerChoice = optimizer;
            for failures in [&goes_on, &replica] {
                let mut scenario = pair(failures.clone());
                scenario.sparse_optimizer = Some(optimizer.clone());
                scenario.optimizer = optimizer.clone();
                check(scenario, part.name);
            }
        }
    }
}

/// Rows that are not admitted, a network with statistics of its own, and steps that pull and push
/// rarely.
#[test]
fn admission_statistics_and_rare_exchanges_go_back_too() {
    let failing = ShardFailures {
        every: Some(seconds(7)),
        repair: seconds(2),
        checkpoint: ShardCheckpoints { increments: Some(seconds(1)), ..every(6) },
        ..ShardFailures::default()
    };
    for meanwhile in [Meanwhile::Block, Meanwhile::Fail, Meanwhile::GoOn] {
        for recovery in [Recovery::Partial, Recovery::All, Recovery::Replica] {
            let lag = SimSpan(if recovery == Recovery::Replica { SECOND } else { 0 });
            let mut scenario = pair(ShardFailures { meanwhile, recovery, lag, ..failing.clone() });
            scenario.admission =
                Some(straggler::server::Admission { after: 2, ..Default::default() });
            scenario.cluster.dense_shards = Some(1);
            scenario.worker = toml::from_str("push_every = 3\npull_every = 2").unwrap();
            scenario.model = training::small_mlp();
            if let straggler::model::ModelChoice::Mlp(config) = &mut scenario.model {
                let kind = if recovery == Recovery::All { "local_batch" } else { "shared_batch" };
                config.normalization = toml::from_str(&format!("kind = '{kind}'")).unwrap();
            }
            let one = training::run(&scenario, 1);
            let pieces = run_in_pieces(&scenario, 3, 31);
            assert!(one.weights == pieces.weights && one.records == pieces.records);
            assert!(one.values().iter().all(|x| x.is_finite()));
            assert!(!one.of_kind("ShardBack").is_empty());
        }
    }
}
