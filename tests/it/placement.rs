//! Where embedding rows lie: what it changes (the load of each shard), and what it must not.

use straggler::base::SimSpan;
use straggler::cluster::ShardService;
use straggler::scenario::{Job, Scenario};
use straggler::server::RowPlacement;
use straggler::sim::{NoObserver, Simulation};

use crate::training::{job, run, run_in_pieces, small};

const ALL: [RowPlacement; 4] =
    [RowPlacement::Hash, RowPlacement::RoundRobin, RowPlacement::Ranges, RowPlacement::Balanced];

fn placed(placement: RowPlacement, shards: u32) -> Scenario {
    let mut scenario = small();
    scenario.cluster.row_placement = placement;
    scenario.cluster.shards = shards;
    scenario
}

fn simulated(scenario: &Scenario) -> Simulation {
    let Job::Cluster(mut simulation) = job(scenario, 1) else { panic!("a cluster was asked for") };
    simulation.run(&mut NoObserver).unwrap();
    *simulation
}

/// Rows read from each shard.
fn read(simulation: &Simulation) -> Vec<u64> {
    simulation.shards().iter().map(|shard| shard.rows_read).collect()
}

#[test]
fn with_one_shard_all_placements_are_the_same_run() {
    let usual = run(&small(), 1);
    for placement in ALL {
        let other = run(&placed(placement, 1), 2);
        assert!(usual.weights == other.weights, "{placement:?} changes weights");
        assert!(usual.records == other.records, "{placement:?} changes records");
    }
}

#[test]
fn without_service_times_placement_moves_load_and_nothing_else() {
    let outcomes = ALL.map(|placement| run(&placed(placement, 4), 1));
    let loads = ALL.map(|placement| read(&simulated(&placed(placement, 4))));
    for (outcome, load) in outcomes.iter().zip(&loads) {
        assert!(outcome.weights == outcomes[0].weights);
        assert_eq!(load.iter().sum::<u64>(), loads[0].iter().sum::<u64>());
    }
    let fullest = loads.map(|load| load.into_iter().max().unwrap());
    let [hash, round_robin, ranges, balanced] = fullest;
    assert!(balanced < hash && balanced < round_robin && balanced < ranges, "{fullest:?}");
}

#[test]
fn a_balanced_placement_serves_every_shard_the_same_within_a_few_percent() {
    let load = read(&simulated(&placed(RowPlacement::Balanced, 4)));
    let mean = load.iter().sum::<u64>() as f64 / 4.0;
    let fullest = *load.iter().max().unwrap() as f64;
    assert!(fullest < 1.1 * mean, "{load:?}");
}

#[test]
fn rows_on_shards_of_their_own_are_placed_on_those_alone() {
    for placement in ALL {
        let mut scenario = placed(placement, 4);
        scenario.cluster.dense_shards = Some(1);
        let load = read(&simulated(&scenario));
        assert_eq!(load[0], 0, "{placement:?}");
        assert!(load[1..].iter().all(|rows| *rows > 0), "{placement:?}: {load:?}");
    }
}

#[test]
fn threads_and_pieces_change_nothing_whatever_the_placement() {
    for placement in ALL {
        let mut scenario = placed(placement, 3);
        scenario.cluster.server =
            ShardService { pull_per_row: SimSpan(1 << 14), ..ShardService::default() };
        let (one, pieces) = (run(&scenario, 1), run_in_pieces(&scenario, 3, 41));
        assert!(one.records == pieces.records, "{placement:?}");
        assert!(one.weights == pieces.weights, "{placement:?}");
    }
}
