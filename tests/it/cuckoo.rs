//! Embedding tables whose rows a cuckoo hash table finds.

use straggler::base::{ShardId, SimSpan};
use straggler::cluster::ShardFailures;
use straggler::cluster::shard_failures::{ShardCheckpoints, ShardCrash};
use straggler::data::Hashing;
use straggler::optimizer::Horizon;
use straggler::scenario::{Job, Scenario};
use straggler::server::cuckoo::{CuckooConfig, CuckooCounts};
use straggler::server::eviction::{Capacity, Looks, age};
use straggler::server::{Admission, Eviction, EvictionRule, ParameterServer, RowsFound};
use straggler::sim::checkpoint::MissingState;
use straggler::sim::{NoObserver, Restart, State};

use crate::training::{Outcome, copy, job, run, run_in_pieces, server, small, weights};

/// Small tables, so that entries are displaced and buckets double.
fn settings() -> CuckooConfig {
    CuckooConfig { slots: 2, start: 2, longest_path: 4, grow_at: None }
}

fn cuckoo(mut scenario: Scenario) -> Scenario {
    scenario.tables.hashing = Hashing::Cuckoo(settings());
    scenario
}

fn evicting() -> Eviction {
    let rule =
        EvictionRule::Age(age::Config { after: Horizon::Updates(9), ..age::Config::default() });
    let every = Some(Looks::Updates(5));
    Eviction { rule, every, at_most: Some(Capacity::Rows(60)), ..Eviction::default() }
}

/// Every row that is there is found in the table of its shard, and no other row.
fn check(server: &ParameterServer) {
    for (t, table) in server.layout().tables.iter().enumerate() {
        let (index, store) = (server.row_index(t).expect("a hash table"), server.table(t));
        let mut there = 0;
        for id in 0..table.rows {
            let home = server.sharding().of_row(table.space, id);
            for shard in (0..server.sharding().shards()).map(ShardId) {
                let is_here = store.is_known(id) && shard == home;
                assert_eq!(index.row(shard, id), is_here.then_some(id), "{} {id}", table.name);
            }
            there += u64::from(store.is_known(id));
        }
        let (state, counts) = (index.state(), index.state().counts);
        assert_eq!(state.entries, there);
        assert!(counts.looked >= counts.finds && counts.longest <= 4, "{counts:?}");
    }
}

/// Runs to the end, with a look at the server every so often.
fn end(scenario: &Scenario) -> Job {
    let mut job = job(scenario, 1);
    let mut events = 0;
    while job.step(&mut NoObserver).unwrap() == State::Running {
        events += 1;
        if events % 40 == 0 {
            check(server(job.session()));
        }
    }
    check(server(job.session()));
    job
}

fn counts(job: &Job) -> Vec<CuckooCounts> {
    let server = server(job.session());
    let tables = 0..server.layout().tables.len();
    tables.map(|t| server.row_index(t).unwrap().state().counts).collect()
}

/// What observers are told, but for what is told of tables.
fn told(outcome: &Outcome) -> Vec<&String> {
    outcome.records.iter().filter(|record| !record.starts_with("Tables")).collect()
}

#[test]
fn weights_and_records_are_those_of_collisionless_tables() {
    let mut shards = small();
    shards.cluster.shards = 3;
    let evicts = Scenario { eviction: Some(evicting()), ..small() };
    let admits = Scenario {
        admission: Some(Admission { after: 3, ..Admission::default() }),
        eviction: Some(evicting()),
        ..shards.clone()
    };
    let dry = Eviction { dry_run: true, ..evicting() };
    let dry = Scenario { eviction: Some(dry), ..small() };
    let mut dense = small();
    let keys = serde_json::json!({"kind": "adam", "rows": "dense"});
    dense.optimizer = serde_json::from_value(keys).unwrap();
    for plain in [small(), shards, evicts, admits, dry, dense] {
        let (one, other) = (run(&plain, 1), run(&cuckoo(plain.clone()), 1));
        assert!(one.weights == other.weights && told(&one) == told(&other));
        let job = end(&cuckoo(plain));
        assert!(one.weights == weights(server(job.session())));
        let counts = counts(&job);
        assert!(counts.iter().any(|of| of.growths > 0 && of.displaced > 0), "{counts:?}");
    }
}

#[test]
fn counts_go_on_after_a_kill_and_do_not_depend_on_threads() {
    let mut scenario = cuckoo(Scenario { eviction: Some(evicting()), ..small() });
    scenario.cluster.shards = 2;
    let whole = run(&scenario, 1);
    let tables = |outcome: &Outcome| -> Vec<String> {
        outcome.of_kind("Tables").into_iter().cloned().collect()
    };
    assert!(!tables(&whole).is_empty());
    for (threads, stride) in [(1, 97), (3, 400)] {
        let pieces = run_in_pieces(&scenario, threads, stride);
        assert!(pieces.weights == whole.weights && tables(&pieces) == tables(&whole));
    }
    // The same slots too, not only the same counts.
    let mut first = job(&scenario, 1);
    (0..500).for_each(|_| assert_eq!(first.step(&mut NoObserver).unwrap(), State::Running));
    let second = copy(&scenario, 1, &mut first);
    let (one, other) = (server(first.session()), server(second.session()));
    for t in 0..one.layout().tables.len() {
        let (one, other) = (one.row_index(t).unwrap(), other.row_index(t).unwrap());
        assert!(one.shards() == other.shards());
    }
}

#[test]
fn a_start_from_a_checkpoint_fills_the_tables_in_the_order_of_the_rows() {
    let scenario = cuckoo(small());
    let mut first = job(&scenario, 1);
    (0..300).for_each(|_| assert_eq!(first.step(&mut NoObserver).unwrap(), State::Running));
    let saved = first.checkpoint().unwrap();
    let mut second = job(&scenario, 1);
    let how = (&Restart::default(), MissingState::Error, RowsFound::ById);
    second.start_from(&saved, how, true, 7).unwrap();
    let (old, new) = (server(first.session()), server(second.session()));
    check(new);
    for t in 0..new.layout().tables.len() {
        let state = new.row_index(t).unwrap().state();
        assert_eq!(state.entries, old.row_index(t).unwrap().state().entries);
        assert_eq!((state.counts.insertions, state.counts.finds), (state.entries, 0));
    }
    while second.step(&mut NoObserver).unwrap() == State::Running {}
    check(server(second.session()));
}

#[test]
fn a_shard_that_returns_fills_its_tables_anew() {
    let crash = |at| ShardCrash { shard: 1, at: SimSpan(at), repair: Some(SimSpan(2_000_000_000)) };
    let mut scenario = cuckoo(Scenario { eviction: Some(evicting()), ..small() });
    scenario.cluster.shards = 2;
    let every = Some(SimSpan(7_000_000_000));
    scenario.cluster.shard_failures = ShardFailures {
        event: vec![crash(9_000_000_000), crash(20_000_000_000)],
        checkpoint: ShardCheckpoints { every, ..ShardCheckpoints::default() },
        ..ShardFailures::default()
    };
    let job = end(&scenario);
    let plain = Scenario { tables: small().tables, ..scenario };
    assert!(run(&plain, 1).weights == weights(server(job.session())));
}
