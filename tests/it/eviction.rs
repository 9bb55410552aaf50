//! Rows that are evicted and return.

use std::collections::BTreeMap;

use straggler::optimizer::{Horizon, Moment};
use straggler::scenario::{Job, Scenario};
use straggler::server::eviction::{
    Capacity, LateGradients, LifeCounts, Looks, ReturnsWith, age, least_recent,
};
use straggler::server::{Eviction, EvictionRule, ParameterServer, RowsFound};
use straggler::sim::checkpoint::MissingState;
use straggler::sim::{NoObserver, Record, Restart, State};

use crate::training::{job, server, small, weights};

fn by_age(updates: u64) -> EvictionRule {
    let after = Horizon::Updates(updates);
    EvictionRule::Age(age::Config { after, ..age::Config::default() })
}

fn expiry(updates: u64) -> Eviction {
    let every = Some(Looks::Updates(10));
    Eviction { rule: by_age(updates), every, ..Eviction::default() }
}

fn with(eviction: Eviction) -> Scenario {
    Scenario { eviction: Some(eviction), ..small() }
}

/// Runs to the end, with a look at the server after every event.
fn end(scenario: &Scenario, mut look: impl FnMut(&ParameterServer)) -> Job {
    let mut job = job(scenario, 1);
    while job.step(&mut NoObserver).unwrap() == State::Running {
        look(server(job.session()));
    }
    job
}

fn counts(job: &Job) -> LifeCounts {
    server(job.session()).table(0).lives().unwrap().counts()
}

fn final_weights(scenario: &Scenario) -> Vec<u32> {
    weights(server(end(scenario, |_| {}).session()))
}

#[test]
fn what_evicts_nothing_changes_nothing() {
    let plain = final_weights(&small());
    assert!(plain == final_weights(&with(expiry(1_000_000))), "nothing is ever old enough");
    let dry = Eviction { dry_run: true, ..expiry(5) };
    let job = end(&with(dry), |_| {});
    assert!(plain == weights(server(job.session())), "a dry run");
    let would = counts(&job);
    let roomy = Eviction { at_most: Some(Capacity::Rows(u64::MAX)), ..Eviction::default() };
    assert!(plain == final_weights(&with(roomy)), "no table is ever full");
    // Moved to slower memory, everything is as it was when a row returns.
    let returns = ReturnsWith::OldWeights;
    let moved = Eviction { returns, keep_slots: true, ..expiry(5) };
    let job = end(&with(moved), |_| {});
    assert!(plain == weights(server(job.session())), "rows return as they were");
    assert!(counts(&job).returned > 0);
    assert_eq!(would, counts(&job), "a dry run counts what would happen");
    assert!(plain != final_weights(&with(expiry(5))), "rows begin anew");
}

#[test]
fn rows_that_came_are_there_or_were_evicted() {
    let full = Eviction { at_most: Some(Capacity::Rows(25)), at_least: 10, ..expiry(8) };
    let mut most = 0;
    let job = end(&with(full), |server| {
        for (table, store) in server.living_tables() {
            let lives = store.lives().unwrap();
            assert!(lives.adds_up(), "{}: {:?}", table.name, lives.counts());
            most = most.max(lives.alive());
            let known = (0..store.rows()).filter(|&id| store.is_known(id)).count() as u64;
            assert_eq!(known, lives.alive(), "a row is known if it is there");
        }
    });
    let counts = counts(&job);
    assert!(counts.evicted > 0 && counts.returned > 0, "{counts:?}");
    // The rows of one push may exceed the capacity by themselves.
    assert!((10..80).contains(&most), "{most}");
}

/// Which rows are there, by a recursion over the pushes of one worker.
#[test]
fn rows_expire_when_a_recursion_by_hand_says_so() {
    let mut scenario = with(expiry(12));
    scenario.cluster.workers = 1;
    let mut job = job(&scenario, 1);
    let (mut last, mut updates): (BTreeMap<u32, u64>, Vec<u32>) = Default::default();
    let (mut update, mut evicted) = (0, 0u64);
    let mut before: Vec<u32> = Vec::new();
    while job.step(&mut NoObserver).unwrap() == State::Running {
        let now = job.session().progress.updates;
        let store = server(job.session()).table(0);
        if before.is_empty() {
            before = vec![0; store.rows() as usize];
        }
        if now == update {
            continue;
        }
        update = now;
        updates.clear();
        updates.extend((0..store.rows()).map(|id| store.updates(id)));
        for (id, (was, is)) in (0..).zip(before.iter().zip(&updates)) {
            if is > was {
                last.insert(id, update);
            }
        }
        before.clone_from(&updates);
        if update % 10 == 0 {
            let there = last.len();
            last.retain(|_, last| update - *last < 12);
            evicted += (there - last.len()) as u64;
        }
        let lives = store.lives().unwrap();
        let found: Vec<u32> = (0..store.rows()).filter(|&id| lives.record(id).is_some()).collect();
        assert_eq!(found, last.keys().copied().collect::<Vec<u32>>(), "update {update}");
        assert_eq!(lives.counts().evicted, evicted);
    }
    assert!(evicted > 20, "{evicted}");
}

#[test]
fn late_gradients_are_lost_or_bring_the_row_back() {
    let mut late = [0; 2];
    for (count, fate) in late.iter_mut().zip([LateGradients::Apply, LateGradients::Drop]) {
        let full = Some(Capacity::Rows(20));
        let rule = EvictionRule::LeastRecent(least_recent::Config {});
        let how = Eviction { rule, at_most: full, late: fate, ..Eviction::default() };
        let job = end(&with(how), |_| {});
        let lives = server(job.session()).table(0).lives().unwrap();
        *count = lives.counts().late;
        assert!(lives.adds_up());
    }
    assert!(late[0] > 0 && late[1] > 0, "{late:?}");
    let alone = |workers| {
        let how = Eviction { at_most: Some(Capacity::Rows(20)), ..Eviction::default() };
        let mut scenario = with(how);
        scenario.cluster.workers = workers;
        server(end(&scenario, |_| {}).session()).table(0).lives().unwrap().counts().late
    };
    assert_eq!(alone(1), 0, "nobody evicts a row between one worker's pull and its push");
}

#[test]
fn lives_go_through_a_checkpoint() {
    let scenario = with(expiry(15));
    let mut first = job(&scenario, 1);
    for _ in 0..200 {
        assert_eq!(first.step(&mut NoObserver).unwrap(), State::Running);
    }
    let saved = first.checkpoint().unwrap();
    let start = |scenario: &Scenario, missing| {
        let mut job = job(scenario, 1);
        let how = (&Restart::default(), missing, RowsFound::ById);
        job.start_from(&saved, how, true, 7).map(|_| job)
    };
    let second = start(&scenario, MissingState::Error).unwrap();
    let (a, b) = (server(first.session()).table(0), server(second.session()).table(0));
    for id in 0..a.rows() {
        let (one, two) = (a.lives().unwrap(), b.lives().unwrap());
        assert_eq!(one.record(id).map(|r| r.last.updates), two.record(id).map(|r| r.last.updates));
        assert_eq!((one.evictions(id), a.is_known(id)), (two.evictions(id), b.is_known(id)));
    }
    // A checkpoint without lives: they begin at the start.
    let plain = job(&small(), 1);
    let mut tensors = plain.checkpoint().unwrap();
    tensors.elapsed = saved.elapsed.clone();
    let mut third = job(&scenario, 1);
    let how = |missing| (Restart::default(), missing);
    let (restart, missing) = how(MissingState::Error);
    let refused = third.start_from(&tensors, (&restart, missing, RowsFound::ById), true, 7);
    assert!(refused.unwrap_err().to_string().contains("/last_update"));
    let mut third = job(&scenario, 1);
    let (restart, missing) = how(MissingState::First);
    third.start_from(&tensors, (&restart, missing, RowsFound::ById), true, 7).unwrap();
    let lives = server(third.session()).table(0).lives().unwrap();
    let begun = |id| lives.record(id).map_or(Moment::default(), |record| record.last);
    assert!((0..a.rows()).all(|id| begun(id).updates == 0 || begun(id) == saved.elapsed.progress));
}

#[test]
fn the_rows_of_tables_are_told_at_every_evaluation() {
    let mut told = Vec::new();
    let mut job = job(&with(expiry(12)), 1);
    let mut note = |record: &Record<'_>| {
        if let Record::Tables { progress, tables } = record {
            told.push((progress.updates, tables[0].rows, tables[0].counts.unwrap()));
        }
    };
    job.evaluate_first(&mut note);
    while job.step(&mut note).unwrap() == State::Running {}
    job.evaluate_last(&mut note);
    assert!(told.len() >= 2 && told[0].1 == 0);
    let (_, rows, counts) = told[told.len() - 1];
    assert_eq!(counts.came, rows + counts.evicted);
}

#[test]
fn saves_find_what_a_cadence_finds() {
    let at_saves = |age| with(Eviction { every: Some(Looks::Save), ..expiry(age) });
    let saving = |scenario: &Scenario| {
        let (mut job, mut saved) = (job(scenario, 1), 0);
        loop {
            let state = job.step(&mut NoObserver).unwrap();
            let updates = job.session().progress.updates;
            if updates.is_multiple_of(10) && updates > saved {
                saved = updates;
                job.session_mut().prepare_save();
            }
            if state == State::Ended {
                return job;
            }
        }
    };
    let plain = final_weights(&small());
    let job = saving(&at_saves(1_000_000));
    assert!(plain == weights(server(job.session())), "no row is old enough at any save");
    assert!(plain == final_weights(&at_saves(5)), "nothing is saved");
    let (own, cadence) = (saving(&at_saves(5)), end(&with(expiry(5)), |_| {}));
    assert!(counts(&own).evicted > 0 && counts(&own).returned > 0);
    assert_eq!(counts(&own), counts(&cadence));
    assert!(weights(server(own.session())) == weights(server(cadence.session())));
}
