//! Rows that come and go on shards that fail.

use straggler::cluster::ShardFailures;
use straggler::cluster::shard_failures::{Recovery, Replay, ShardCheckpoints};
use straggler::server::eviction::Eviction;
use straggler::sim::NoObserver;

use crate::absence::{SECOND, seconds};
use crate::shard_failures::{crash, every, pair};
use crate::training;

fn evicting(dry_run: bool) -> Option<Eviction> {
    let rule = serde_json::json!({"kind": "least_frequent", "up_to": 3});
    let every = serde_json::json!({"updates": 5});
    let text = serde_json::json!({"rule": rule, "every": every, "dry_run": dry_run});
    Some(serde_json::from_value(text).unwrap())
}

#[test]
fn a_dry_run_of_eviction_changes_nothing_where_increments_are_missing() {
    for replay in [Replay::InOrder, Replay::LastTwoSwapped, Replay::OneMissing] {
        let checkpoint = ShardCheckpoints { increments: Some(seconds(1)), replay, ..every(100) };
        let failing = ShardFailures { checkpoint, ..crash(1, 13 * SECOND + 777, SECOND) };
        let mut scenario = pair(failing);
        let plain = training::run(&scenario, 1).weights;
        scenario.eviction = evicting(true);
        assert!(training::run(&scenario, 1).weights == plain, "{replay:?}");
    }
}

/// Rows that a returning shard brings back, or takes away, are counted: the counts fit the rows.
#[test]
fn rows_of_shards_that_go_back_stay_conserved() {
    let replica = ShardFailures {
        recovery: Recovery::Replica,
        lag: seconds(4),
        ..crash(1, 13 * SECOND + 777, SECOND)
    };
    let increments = ShardCheckpoints { increments: Some(seconds(1)), ..every(5) };
    let partial = ShardFailures { checkpoint: increments, ..crash(1, 13 * SECOND, SECOND) };
    for (failures, dry) in [(replica.clone(), false), (partial.clone(), false), (partial, true)] {
        let mut scenario = pair(failures);
        scenario.eviction = evicting(dry);
        let mut job = training::job(&scenario, 1);
        job.run(&mut NoObserver).unwrap();
        let mut evicted = 0;
        let server = training::server(job.session());
        for table in 0..server.layout().tables.len() {
            let lives = server.table(table).lives().unwrap();
            let counts = lives.counts();
            assert!(lives.adds_up() && counts.returned <= counts.evicted, "{counts:?}");
            evicted += counts.evicted;
        }
        assert!(evicted > 0);
    }
}
