//! Increments: laid over their full checkpoint in their order, they are the checkpoint that the job
//! would have saved.

use std::collections::BTreeMap;

use serde_json::json;
use straggler::experiment::checkpoint::increments::Increments;
use straggler::experiment::checkpoint::replay::lay;
use straggler::optimizer::{Horizon, OptimizerChoice};
use straggler::results::summary::Started;
use straggler::scenario::Scenario;
use straggler::server::eviction::{Looks, age};
use straggler::server::{Admission, Eviction, EvictionRule, TensorValues, Tensors};
use straggler::sim::{NoObserver, State};

use crate::training::{job, small};

/// With rows that wait, come, go and return.
fn moving(rule: serde_json::Value) -> Scenario {
    let expiry = age::Config { after: Horizon::Updates(4), ..age::Config::default() };
    let every = Some(Looks::Updates(5));
    Scenario {
        optimizer: serde_json::from_value::<OptimizerChoice>(rule).unwrap(),
        admission: Some(Admission { after: 2, ..Admission::default() }),
        eviction: Some(Eviction { rule: EvictionRule::Age(expiry), every, ..Eviction::default() }),
        ..small()
    }
}

/// Full checkpoints of a run every 6 updates, and what the increments between them make of the
/// first; with the tombstones of each increment, by table.
fn replayed(scenario: &Scenario, tombstones: bool) -> Vec<(Tensors, Tensors, u64)> {
    let mut job = job(scenario, 1);
    let (mut increments, mut saved) = (Increments::new(1000, tombstones), 0);
    let (mut laid, mut all) = (Tensors::new(), Vec::new());
    loop {
        let state = job.step(&mut NoObserver).unwrap();
        let updates = job.session().progress.updates;
        if updates.is_multiple_of(6) && updates > saved {
            saved = updates;
            let full = job.checkpoint().unwrap().tensors;
            let own = increments.take(&full, &job.session().row_tables());
            increments.written(&format!("{updates}"), "0");
            let mut gone = 0;
            match own {
                None => laid = full.clone(),
                Some(own) => {
                    lay(&mut laid, &own).unwrap();
                    let lists = own.iter().filter(|(name, _)| name.starts_with("gone/"));
                    gone = lists.map(|(_, list)| list.shape[0] as u64).sum();
                    let listed: usize = own["rows/item"].shape[0];
                    assert!(listed <= own["item"].shape[0] && listed < full["item"].shape[0]);
                }
            }
            all.push((full, laid.clone(), gone));
        }
        if state == State::Ended {
            return all;
        }
    }
}

#[test]
fn increments_in_order_are_the_checkpoint_of_every_rule() {
    for part in OptimizerChoice::PARTS {
        let with = |mut keys: serde_json::Value| {
            keys["kind"] = part.name.into();
            keys
        };
        let period = with(json!({"period": {"updates": 7}}));
        let rule = match serde_json::from_value::<OptimizerChoice>(period.clone()) {
            Ok(_) => period,
            Err(_) => with(json!({})),
        };
        let all = replayed(&moving(rule), true);
        assert!(all.len() == 10 && all.iter().any(|(.., gone)| *gone > 0), "{}", part.name);
        assert!(all.iter().all(|(full, laid, _)| full == laid), "{}", part.name);
    }
}

#[test]
fn increments_of_dense_rules_have_every_row() {
    let mut scenario = small();
    let rule = json!({"kind": "adam", "rows": "dense"});
    scenario.optimizer = serde_json::from_value(rule).unwrap();
    let mut job = job(&scenario, 1);
    let (mut increments, mut laid) = (Increments::new(9, true), Tensors::new());
    for _ in 0..3 {
        (0..60).for_each(|_| _ = job.step(&mut NoObserver).unwrap());
        let full = job.checkpoint().unwrap().tensors;
        let own = increments.take(&full, &job.session().row_tables());
        increments.written("a", "0");
        match own {
            None => laid = full.clone(),
            Some(own) => {
                assert_eq!(own["item"].shape, full["item"].shape);
                lay(&mut laid, &own).unwrap();
            }
        }
        assert!(laid == full);
    }
}

#[test]
fn without_tombstones_the_evicted_rows_differ_and_nothing_else() {
    let all = replayed(&moving(json!({"kind": "adam"})), false);
    let mut differed = 0;
    for (full, laid, _) in &all {
        let mut rows: BTreeMap<(&str, usize), ()> = BTreeMap::new();
        for (name, tensor) in full.iter().filter(|(name, tensor)| laid[*name] != **tensor) {
            let table = name.split('/').next().unwrap();
            let (old, new) = (bits(&laid[name].values), bits(&tensor.values));
            let width = tensor.shape[1..].iter().product::<usize>();
            let apart = (0..old.len()).filter(|&at| old[at] != new[at]);
            apart.for_each(|at| _ = rows.insert((table, at / width), ()));
        }
        for (table, row) in rows.keys() {
            let of = |what: &str| bits(&full[&format!("{table}/{what}")].values)[*row];
            assert!(of("known") == 0 && of("evictions") > 0, "{table}[{row}] is there");
        }
        differed += rows.len();
        // And the other way round: what is gone and was listed before is still served.
        let served = bits(&laid["item/known"].values);
        let there = bits(&full["item/known"].values);
        assert!(served.iter().zip(&there).all(|(served, there)| served >= there));
    }
    assert!(differed > 0);
}

fn bits(values: &TensorValues) -> Vec<u64> {
    match values {
        TensorValues::F32(all) => all.iter().map(|x| u64::from(x.to_bits())).collect(),
        TensorValues::U32(all) => all.iter().map(|&x| u64::from(x)).collect(),
        TensorValues::U64(all) => all.clone(),
        TensorValues::U8(all) => all.iter().map(|&x| u64::from(x)).collect(),
    }
}

#[test]
fn a_start_says_that_rows_are_older_even_if_no_increment_was_laid() {
    let lines = |increments, fault: Option<&str>, stale_rows| -> Vec<String> {
        let fault = fault.map(str::to_string);
        Started { increments, fault, stale_rows, ..Started::default() }.rows_lines().collect()
    };
    assert_eq!(
        lines(Some(0), Some("one_missing"), 490),
        [
            "0 increments were laid with the fault `one_missing`: 490 rows have older values than in the job that \
             saved them"
        ]
    );
    assert_eq!(lines(Some(1), None, 0), ["1 increment was laid"]);
    assert!(lines(None, None, 0).is_empty());
}
