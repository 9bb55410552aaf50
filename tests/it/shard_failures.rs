//! Shards that fail: null arms bit by bit, closed forms, failures followed by hand, and random
//! clusters under every protocol.

use straggler::base::{ShardId, SimSpan, SimTime};
use straggler::cluster::ShardFailures;
use straggler::cluster::failures::Lost;
use straggler::cluster::shard_failures::{
    Meanwhile, OfShard, Readers, Recovery, Replay, ShardCheckpoints, ShardCrash, StandIn,
};
use straggler::scenario::{Job, Scenario};
use straggler::sim::restart::{Kept, SlotsAt};
use straggler::sim::{
    Activity, NoObserver, Record, Restart, ShardFailure, Simulation, State, Stop,
};

use crate::absence::{SECOND, constant, exponential, protocol, run, run_with, seconds, timing};
use crate::shard_random::check_reports;
use crate::training::{self, Outcome, run_in_pieces, small};

/// One crash by script.
pub(crate) fn crash(shard: u32, at: u64, repair: u64) -> ShardFailures {
    let event = ShardCrash { shard, at: SimSpan(at), repair: Some(SimSpan(repair)) };
    ShardFailures { event: vec![event], ..ShardFailures::default() }
}

pub(crate) fn every(count: u64) -> ShardCheckpoints {
    ShardCheckpoints { every: Some(seconds(count)), ..ShardCheckpoints::default() }
}

/// Two shards and four workers that train.
pub(crate) fn pair(failures: ShardFailures) -> Scenario {
    let mut scenario = small();
    scenario.cluster.shards = 2;
    scenario.cluster.shard_failures = failures;
    scenario
}

/// The records without those that only tell of shards.
fn of_workers(outcome: &Outcome) -> Vec<&String> {
    outcome.records.iter().filter(|record| !record.starts_with("Shard")).collect()
}

fn reports(scenario: &Scenario) -> (Simulation, Vec<ShardFailure>) {
    let simulation = run(scenario);
    simulation.check();
    let reports = simulation.outages().reports().to_vec();
    (simulation, reports)
}

/// Failures that lose nothing and take no time change no bit: a checkpoint after every update, a
/// synchronous replica, a common checkpoint after every update aside (its workers begin anew).
#[test]
fn what_loses_nothing_changes_nothing() {
    let plain = training::run(&pair(ShardFailures::default()), 1);
    // Between two events: nobody waits for the shard.
    let at = 5 * SECOND + 12_345;
    let zero = ShardCheckpoints { every: Some(SimSpan::ZERO), ..ShardCheckpoints::default() };
    let increments = ShardCheckpoints { increments: Some(SimSpan(SECOND / 7)), ..every(3) };
    let kept = ShardFailures { checkpoint: zero, ..crash(0, at, 0) };
    let replica = ShardFailures { recovery: Recovery::Replica, ..crash(1, at, 0) };
    let goes_on = ShardFailures { meanwhile: Meanwhile::GoOn, ..kept.clone() };
    let fails = ShardFailures { meanwhile: Meanwhile::Fail, ..kept.clone() };
    // After the end: checkpoints and ways back are kept, and nobody needs them.
    let never = ShardFailures { checkpoint: increments, ..crash(0, 1 << 60, 0) };
    let lag = ShardFailures { recovery: Recovery::Replica, lag: seconds(2), ..never.clone() };
    let common = ShardFailures { recovery: Recovery::All, readers: Readers::Back, ..never.clone() };
    for failures in [kept, replica, goes_on, fails, never, lag, common] {
        let outcome = training::run(&pair(failures.clone()), 1);
        assert!(outcome.weights == plain.weights, "{failures:?}");
        assert!(of_workers(&outcome).iter().eq(plain.records.iter().collect::<Vec<_>>().iter()));
    }
}

/// A replica keeps the content though workers wait: with one worker nothing else can differ.
#[test]
fn one_worker_and_a_synchronous_replica_learn_as_if_nothing_had_happened() {
    let weights = |failures: ShardFailures| {
        let mut scenario = pair(failures);
        scenario.cluster.workers = 1;
        training::run(&scenario, 1).weights
    };
    let plain = weights(ShardFailures::default());
    let failing = ShardFailures { every: Some(seconds(9)), repair: seconds(2), ..crash(0, 1, 0) };
    let replica = ShardFailures { recovery: Recovery::Replica, ..failing.clone() };
    assert!(weights(replica.clone()) == plain);
    let zero = ShardCheckpoints { every: Some(SimSpan::ZERO), ..ShardCheckpoints::default() };
    assert!(weights(ShardFailures { checkpoint: zero, ..failing.clone() }) == plain);
    assert!(weights(ShardFailures { lag: seconds(3), ..replica }) != plain);
    assert!(weights(ShardFailures { checkpoint: every(5), ..failing }) != plain);
}

/// Nobody notices the failure of a shard that holds nothing.
#[test]
fn a_shard_that_nobody_reads_is_not_missed() {
    let outcome = |failures: ShardFailures| {
        let mut scenario = pair(failures);
        // More shards than blocks: the last shards of the dense part are empty.
        scenario.cluster.shards = 40;
        scenario.cluster.dense_shards = Some(39);
        scenario.cluster.network.latency = SimSpan(SECOND / 50);
        scenario.cluster.server.pull_fixed = SimSpan(SECOND / 90);
        training::run(&scenario, 1)
    };
    let plain = outcome(ShardFailures::default());
    for meanwhile in [Meanwhile::Block, Meanwhile::Fail, Meanwhile::GoOn] {
        let failing = ShardFailures { meanwhile, ..crash(38, 3 * SECOND, 20 * SECOND) };
        let outcome = outcome(failing);
        assert!(outcome.weights == plain.weights);
        assert!(of_workers(&outcome).iter().eq(plain.records.iter().collect::<Vec<_>>().iter()));
    }
}

/// One worker, steps of a second, crash at 10.5 s for 5 s: the request waits.
#[test]
fn a_blocked_request_can_be_followed_by_hand() {
    let mut scenario = timing(1, constant());
    scenario.train.stop.updates = Some(12);
    let half = SECOND / 2;
    scenario.cluster.shard_failures =
        ShardFailures { checkpoint: every(4), ..crash(0, 10 * SECOND + half, 5 * SECOND) };
    let mut ends = Vec::new();
    let simulation = run_with(&scenario, &mut |record: &Record<'_>| {
        if let Record::Finished(push) = record {
            ends.push((push.at.0, push.staleness));
        }
    });
    let expected: Vec<(u64, f64)> = (1..=10)
        .map(|k| (k * SECOND, 0.0))
        .chain([(15 * SECOND + half, 0.0), (16 * SECOND + half, 0.0)])
        .collect();
    assert_eq!(ends, expected);
    let report = &simulation.outages().reports()[0];
    // Saved at 8 s, before the update of that moment: 7 of 10 updates.
    assert_eq!(report.returned_to, Some(SimTime(8 * SECOND)));
    let lost = (report.version, report.updates_lost, report.examples_lost, report.behind);
    assert_eq!(lost, (10, 3, 3, Some(3)));
    assert_eq!((report.requests_waited, report.steps_lost), (1, 0));
    assert_eq!(simulation.outages().behind(simulation.versions()), [3]);
    assert_eq!(simulation.versions(), [12]);
    let spent = simulation.time_spent(&simulation.workers()[0]);
    // From 11 s, when the push meets the shard, to its return.
    assert_eq!((spent.queued, spent.network), (SimSpan(4 * SECOND + half), SimSpan::ZERO));
}

/// The same with workers that fail, go on, or begin anew.
#[test]
fn the_other_policies_can_be_followed_by_hand() {
    let half = SECOND / 2;
    let base = ShardFailures {
        checkpoint: every(4),
        noticed_after: SimSpan(SECOND),
        ..crash(0, 10 * SECOND + half, 5 * SECOND)
    };
    let ends = |failures: ShardFailures| {
        let mut scenario = timing(1, constant());
        scenario.train.stop.updates = Some(13);
        scenario.cluster.shard_failures = failures;
        let mut ends = Vec::new();
        let simulation = run_with(&scenario, &mut |record: &Record<'_>| {
            if let Record::Finished(push) = record {
                ends.push(push.at.0 as f64 / SECOND as f64);
            }
        });
        let report = simulation.outages().reports()[0].clone();
        assert_eq!(report.noticed, Some(SimTime(11 * SECOND + half)));
        (ends[10..].to_vec(), report)
    };
    // The push of 11 s waits until 11.5 s and fails then; the next step begins at 15.5 s.
    let (fails, report) = ends(ShardFailures { meanwhile: Meanwhile::Fail, ..base.clone() });
    assert_eq!(fails, [16.5, 17.5, 18.5]);
    assert_eq!((report.steps_lost, report.updates_lost), (1, 3));
    // It is lost at 11.5 s, as are the next ones; those count as updates without effect.
    let (goes_on, report) = ends(ShardFailures { meanwhile: Meanwhile::GoOn, ..base.clone() });
    assert_eq!(goes_on, [11.5, 12.5, 13.5]);
    assert_eq!((report.updates_lost, report.examples_lost, report.behind), (3, 3, None));
    let (anew, report) = ends(ShardFailures { recovery: Recovery::All, ..base });
    assert_eq!(anew, [16.5, 17.5, 18.5]);
    assert_eq!((report.steps_lost, report.updates_lost, report.all_updates_lost), (1, 3, 3));
}

/// Three pushes make an update; a crash takes the two that the shard holds, and the update is made
/// of the third.
#[test]
fn what_a_shard_holds_back_is_lost_with_it() {
    let report = |failures: ShardFailures| {
        let mut scenario = timing(1, constant());
        scenario.protocol = protocol("kind = 'k_batch_async'\nk = 3");
        scenario.train.stop.updates = Some(4);
        scenario.cluster.shard_failures = failures;
        reports(&scenario).1.remove(0)
    };
    let zero = ShardCheckpoints { every: Some(SimSpan::ZERO), ..ShardCheckpoints::default() };
    let kept = ShardFailures { checkpoint: zero, ..crash(0, 5 * SECOND + 1, 0) };
    let lost = report(kept);
    assert_eq!((lost.updates_lost, lost.examples_lost, lost.behind), (0, 2, Some(0)));
    let replica = ShardFailures { recovery: Recovery::Replica, ..crash(0, 5 * SECOND + 1, 0) };
    assert_eq!(report(replica).examples_lost, 0);
}

/// A shard is down for the share MTTR / (MTBF + MTTR) of the time, and a blocked worker waits for as
/// long.
#[test]
fn the_time_down_is_that_of_the_renewal_process() {
    let mut scenario = timing(4, exponential());
    scenario.cluster.shards = 3;
    scenario.train.stop = Stop { sim_time: Some(seconds(60_000)), ..Stop::default() };
    let own = OfShard { shard: 2, every: seconds(30), repair: Some(seconds(10)) };
    scenario.cluster.shard_failures = ShardFailures {
        every: Some(seconds(90)),
        repair: seconds(10),
        shard: vec![own],
        checkpoint: every(20),
        ..ShardFailures::default()
    };
    let (simulation, _) = reports(&scenario);
    let losses = simulation.outages().losses(simulation.now());
    for (shard, expected) in [(0, 0.1), (1, 0.1), (2, 0.25)] {
        let share = losses[shard].down.seconds() / simulation.now().seconds();
        assert!((share / expected - 1.0).abs() < 0.06, "{shard}: {share}");
    }
}

/// A failure costs half of the updates between two checkpoints, on average.
#[test]
fn half_an_interval_of_updates_is_lost() {
    let mut scenario = timing(8, exponential());
    scenario.train.stop = Stop { sim_time: Some(seconds(200_000)), ..Stop::default() };
    scenario.cluster.shard_failures = ShardFailures {
        every: Some(seconds(400)),
        repair: SimSpan(1),
        checkpoint: every(40),
        ..ShardFailures::default()
    };
    let (simulation, reports) = reports(&scenario);
    let lost: u64 = reports.iter().map(|report| report.updates_lost).sum();
    let mean = lost as f64 / reports.len() as f64;
    // 8 updates a second for 20 s.
    assert!(reports.len() > 400 && (mean / 160.0 - 1.0).abs() < 0.06, "{mean}");
    assert_eq!(simulation.outages().behind(simulation.versions()), [lost]);
}

/// Monolith's arithmetic: 1,000 servers fail with 0.01 % a day each, so one in ten days, and each
/// failure loses half a day of updates on a thousandth of the model on average.
#[test]
fn a_thousand_servers_fail_once_in_ten_days() {
    let day = 86_400;
    let mut scenario = timing(1, exponential());
    scenario.cluster.shards = 1_000;
    scenario.cluster.compute.fixed = seconds(day / 4);
    scenario.train.stop = Stop { sim_time: Some(seconds(400 * day)), ..Stop::default() };
    scenario.cluster.shard_failures = ShardFailures {
        every: Some(seconds(10_000 * day)),
        repair: seconds(600),
        checkpoint: every(day),
        ..ShardFailures::default()
    };
    let (simulation, reports) = reports(&scenario);
    let failures = reports.len() as f64;
    assert!((failures - 40.0).abs() < 3.0 * 40.0f64.sqrt(), "{failures}");
    let examples: f64 = reports.iter().map(|report| report.all_examples_lost).sum();
    let total = simulation.session().progress.examples as f64;
    // Share of all examples: failures x half a day / 400 days / 1,000 servers.
    let expected = failures * 0.5 / 400.0 / 1_000.0;
    assert!((examples / total / expected - 1.0).abs() < 0.35, "{} {expected}", examples / total);
}

/// A replica that is behind loses the updates of its lag, and a common checkpoint those of all shards.
#[test]
fn a_lag_and_a_common_checkpoint_lose_what_they_say() {
    let mut scenario = timing(4, constant());
    scenario.cluster.shards = 2;
    scenario.train.stop = Stop { sim_time: Some(seconds(100)), ..Stop::default() };
    let at = 50 * SECOND + SECOND / 4;
    let replica = ShardFailures {
        recovery: Recovery::Replica,
        lag: SimSpan(5 * SECOND / 2),
        ..crash(1, at, SECOND)
    };
    scenario.cluster.shard_failures = replica;
    let report = reports(&scenario).1.remove(0);
    // Updates of four workers at 48, 49 and 50 s.
    assert_eq!((report.updates_lost, report.all_updates_lost), (12, 12));
    assert_eq!(report.all_examples_lost, 6.0);
    scenario.cluster.shard_failures =
        ShardFailures { recovery: Recovery::All, checkpoint: every(20), ..crash(1, at, SECOND) };
    let report = reports(&scenario).1.remove(0);
    // Saved at 40 s before the updates of that moment: those of 40 to 50 s are lost.
    assert_eq!((report.updates_lost, report.all_updates_lost), (44, 88));
    assert_eq!((report.examples_lost, report.all_examples_lost), (44, 44.0));
    assert_eq!(report.steps_lost, 4);
}

/// Full and increments are as good as full ones at the same moments; faults in their order are not,
/// and are counted.
#[test]
fn increments_in_order_lose_no_more_and_faults_are_seen() {
    let outcome = |checkpoint: ShardCheckpoints| {
        let failing = ShardFailures { checkpoint, ..crash(1, 13 * SECOND + 777, SECOND) };
        let scenario = pair(failing);
        let training::Outcome { weights, .. } = training::run(&scenario, 1);
        let training::Outcome { weights: pieces, .. } = run_in_pieces(&scenario, 2, 23);
        assert!(weights == pieces);
        let prepared = Some(training::prepare(&scenario));
        let here = std::path::Path::new(".");
        let mut simulation = Simulation::new(scenario.parts(prepared, here, 1).unwrap());
        simulation.run(&mut NoObserver).unwrap();
        let report = simulation.outages().reports()[0].clone();
        (weights, report)
    };
    let often = outcome(every(2));
    let with = |replay| ShardCheckpoints { increments: Some(seconds(2)), replay, ..every(12) };
    let (weights, report) = outcome(with(Replay::InOrder));
    assert!(weights == often.0, "both were saved at 12 s");
    assert_eq!(report.returned_to, Some(SimTime(12 * SECOND)));
    let long = |replay| ShardCheckpoints { increments: Some(seconds(2)), replay, ..every(100) };
    let (weights, report) = outcome(long(Replay::InOrder));
    assert!(weights == often.0);
    assert_eq!((report.stale_rows, report.updates_lost), (0, often.1.updates_lost));
    for replay in [Replay::LastTwoSwapped, Replay::OneMissing] {
        let (weights, report) = outcome(long(replay));
        assert!(weights != often.0 && report.stale_rows > 0, "{replay:?}");
    }
    let slots = outcome(ShardCheckpoints { slots: false, ..every(2) });
    assert!(slots.0 != often.0 && slots.1.updates_lost == often.1.updates_lost);
}

/// A checkpoint belongs to the last moment that was due before the content changed, be it one for a
/// full checkpoint or for an increment.
#[test]
fn increments_between_changes_are_those_of_their_moment() {
    for crashes_at in [3, 5, 8, 13, 21] {
        let outcome = |checkpoint: ShardCheckpoints| {
            let failing =
                ShardFailures { checkpoint, ..crash(0, crashes_at * SECOND + 777, SECOND) };
            let mut scenario = pair(failing);
            // The first update comes after moments at which something was due.
            scenario.cluster.compute.fixed = SimSpan(7 * SECOND / 3);
            scenario.cluster.compute.per_example = SimSpan::ZERO;
            let prepared = Some(training::prepare(&scenario));
            let here = std::path::Path::new(".");
            let mut simulation = Simulation::new(scenario.parts(prepared, here, 1).unwrap());
            simulation.run(&mut NoObserver).unwrap();
            let report = simulation.outages().reports()[0].clone();
            (training::run(&scenario, 1).weights, report.returned_to, report.behind)
        };
        let full = outcome(every(1));
        for full_every in [3, 1000] {
            let increments = Some(seconds(1));
            let found = outcome(ShardCheckpoints { increments, ..every(full_every) });
            assert!(found == full, "{crashes_at} {full_every}: {:?} {:?}", found.1, full.1);
        }
    }
}

/// A job of these settings, as it is just before `until`.
fn job_until(scenario: &Scenario, until: u64) -> Job {
    let mut job = training::job(scenario, 1);
    let before = |job: &Job| {
        job.simulation().and_then(Simulation::next_time).is_some_and(|next| next.0 < until)
    };
    while before(&job) {
        job.step(&mut NoObserver).unwrap();
    }
    job
}

/// The weights of a job after some more updates.
fn weights_after(mut job: Job) -> Vec<u32> {
    while job.step(&mut NoObserver).unwrap() == State::Running {}
    training::weights(training::server(job.session()))
}

/// Shards that return without optimizer state are a restart that loses it.
#[test]
fn without_slots_a_return_is_a_restart_that_loses_them() {
    let at = 9 * SECOND + 4_321;
    let zero = ShardCheckpoints {
        every: Some(SimSpan::ZERO),
        slots: false,
        ..ShardCheckpoints::default()
    };
    let mut both = ShardFailures { checkpoint: zero, ..crash(0, at, 0) };
    both.event.push(ShardCrash { shard: 1, ..both.event[0] });
    let failed = training::run(&pair(both), 1).weights;
    let scenario = pair(ShardFailures::default());
    let mut job = job_until(&scenario, at);
    let restart =
        Restart { slots: SlotsAt::Zero, counters: Kept::Reset, ..Restart::nothing_lost() };
    scenario.restart(&mut job, &restart, &mut NoObserver).unwrap();
    assert!(weights_after(job) == failed);
    assert!(training::run(&scenario, 1).weights != failed);
}

/// A job whose shards all return, and whose readers go back, is the job restarted at the moment of
/// the checkpoint.
#[test]
fn a_common_return_is_a_restart_at_the_checkpoint() {
    for rule in ["kind = 'adam'", "kind = 'adam'\nscope = 'row'", "kind = 'adagrad'"] {
        let scenario = |failures, updates| {
            let mut scenario = pair(failures);
            scenario.optimizer = toml::from_str(rule).unwrap();
            scenario.cluster.workers = 1;
            scenario.holdout = None;
            scenario.train.stop.updates = Some(updates);
            scenario
        };
        let (saved, lost) = (10 * SECOND, 14 * SECOND + 5);
        let failing = ShardFailures {
            recovery: Recovery::All,
            readers: Readers::Back,
            checkpoint: ShardCheckpoints { increments: Some(seconds(5)), ..every(100) },
            ..crash(1, lost, SECOND)
        };
        let mut job = job_until(&scenario(failing.clone(), 40), 20 * SECOND);
        let report = job.simulation().unwrap().outages().reports()[0].clone();
        assert_eq!(report.returned_to, Some(SimTime(saved)));
        let contained = report.version - report.updates_lost;
        while job.step(&mut NoObserver).unwrap() == State::Running {}
        let failed = training::weights(training::server(job.session()));
        let plain = scenario(ShardFailures::default(), contained + 40 - report.version);
        let mut job = job_until(&plain, saved);
        assert_eq!(job.session().progress.updates, contained);
        plain.restart(&mut job, &Restart::default(), &mut NoObserver).unwrap();
        assert!(weights_after(job) == failed, "{rule}");
    }
}

/// A replica that is behind has the content of a checkpoint of that moment.
#[test]
fn a_lag_is_a_checkpoint_of_that_moment() {
    let (at, lag) = (11 * SECOND + 1_234, 4 * SECOND + 777);
    let weights = |failures: ShardFailures| training::run(&pair(failures), 1).weights;
    let replica =
        ShardFailures { recovery: Recovery::Replica, lag: SimSpan(lag), ..crash(1, at, 0) };
    let saved = ShardCheckpoints { every: Some(SimSpan(at - lag)), ..ShardCheckpoints::default() };
    assert!(weights(replica) == weights(ShardFailures { checkpoint: saved, ..crash(1, at, 0) }));
}

/// While a shard is down, noticed or not, there is no common checkpoint.
#[test]
fn a_common_checkpoint_needs_all_shards() {
    let mut scenario = timing(2, constant());
    scenario.cluster.shards = 2;
    scenario.train.stop.updates = Some(30);
    scenario.cluster.shard_failures = ShardFailures {
        recovery: Recovery::All,
        noticed_after: seconds(3),
        checkpoint: every(10),
        ..crash(0, 9 * SECOND + SECOND / 2, 5 * SECOND)
    };
    let report = reports(&scenario).1.remove(0);
    assert_eq!(report.returned_to, Some(SimTime::ZERO));
    // Both shards lose all updates of nine seconds, the other one those of the tenth too.
    assert_eq!((report.updates_lost, report.all_updates_lost), (18, 38));
}

/// Workers that read back train on examples again.
#[test]
fn readers_go_back_or_on() {
    let used = |readers| {
        let failing =
            ShardFailures { recovery: Recovery::All, readers, ..crash(0, 8 * SECOND, SECOND) };
        let mut scenario = pair(ShardFailures { checkpoint: every(5), ..failing });
        scenario.record.audit = true;
        let simulation = run(&scenario);
        let counts = simulation.presence().audit().unwrap().counts();
        counts.iter().filter(|(uses, _)| *uses > 1).map(|(_, examples)| examples).sum::<u64>()
    };
    assert_eq!(used(Readers::GoOn), 0);
    assert!(used(Readers::Back) > 0);
}

/// What stands in for a shard's values matters, and the same bytes come whatever the threads.
#[test]
fn workers_without_a_shard_compute_with_what_they_have() {
    let outcome = |reads| {
        let failing = ShardFailures {
            meanwhile: Meanwhile::GoOn,
            reads,
            checkpoint: every(4),
            ..crash(1, 5 * SECOND + 99, 6 * SECOND)
        };
        let scenario = pair(failing);
        let one = training::run(&scenario, 1);
        let three = training::run(&scenario, 3);
        assert!(one.weights == three.weights && one.records == three.records);
        one
    };
    let (last, zeros) = (outcome(StandIn::Last), outcome(StandIn::Zeros));
    assert!(last.weights != zeros.weights);
    // Nobody waits: all pushes come when they would have come.
    let plain = training::run(&pair(ShardFailures::default()), 1);
    let times = |outcome: &Outcome| outcome.finished.iter().map(|f| f.at).collect::<Vec<_>>();
    assert_eq!(times(&last), times(&plain));
    assert!(last.finished.iter().all(|push| push.loss.is_finite()));
}

/// Examples of steps that fail are dropped, or come back.
#[test]
fn failed_steps_follow_the_fate_of_lost_examples() {
    let unused = |lost| {
        let mut scenario = pair(ShardFailures {
            meanwhile: Meanwhile::Fail,
            checkpoint: every(4),
            ..crash(1, 5 * SECOND, 6 * SECOND)
        });
        scenario.cluster.failures.lost = lost;
        scenario.record.audit = true;
        scenario.train.stop = Stop { examples: Some(2_000), ..Stop::default() };
        let simulation = run(&scenario);
        let tally = *simulation.presence().tally();
        assert!(tally.stops > 0 && tally.lost_steps >= tally.stops, "{tally:?}");
        simulation.check();
        tally
    };
    let (dropped, requeued) = (unused(Lost::Drop), unused(Lost::Requeue));
    assert_eq!(dropped.lost_examples, requeued.lost_examples);
}

/// The estimate has room for what shards keep to return to.
#[test]
fn kept_states_are_in_the_estimate() {
    let memory = |failures: ShardFailures| {
        let scenario = pair(failures);
        let prepared = training::prepare(&scenario);
        scenario.estimate(Some(&prepared), 1).memory.0
    };
    let failing = ShardFailures { checkpoint: every(10), ..crash(0, SECOND, SECOND) };
    let plain = memory(ShardFailures::default());
    let full = memory(failing.clone());
    let server = {
        let job = training::job(&pair(ShardFailures::default()), 1);
        let server = training::server(job.session());
        let all = straggler::server::RowChoice::All;
        (0..2).map(|shard| server.excerpt(ShardId(shard), all).bytes()).sum::<u64>()
    };
    // A fifth is added to every estimate; ids of rows are not counted.
    let share = (full - plain) as f64 / server as f64;
    assert!((0.9..1.4).contains(&share), "{share}");
    let increments = ShardCheckpoints { increments: Some(seconds(1)), ..every(10) };
    assert!(memory(ShardFailures { checkpoint: increments, ..failing.clone() }) > full);
    let replica = ShardFailures { recovery: Recovery::Replica, ..crash(0, SECOND, SECOND) };
    assert_eq!(memory(replica.clone()), plain);
    assert!(memory(ShardFailures { lag: seconds(9), ..replica }) > plain);
    let goes_on = ShardFailures { meanwhile: Meanwhile::GoOn, ..failing };
    assert!(memory(goes_on) > full);
}

/// Two shards down at once, one of them unnoticed: the job waits for both.
#[test]
fn a_job_that_stopped_waits_for_all_shards() {
    let mut scenario = timing(3, constant());
    scenario.cluster.shards = 3;
    scenario.protocol = protocol("kind = 'synchronous'");
    scenario.train.stop.updates = Some(30);
    let event = |shard, at, repair| ShardCrash {
        shard,
        at: SimSpan(at * SECOND + SECOND / 2),
        repair: Some(seconds(repair)),
    };
    scenario.cluster.shard_failures = ShardFailures {
        recovery: Recovery::All,
        noticed_after: seconds(2),
        checkpoint: every(4),
        event: vec![event(0, 9, 6), event(1, 13, 10)],
        ..ShardFailures::default()
    };
    let mut ends = Vec::new();
    let simulation = run_with(&scenario, &mut |record: &Record<'_>| {
        if let Record::Finished(push) = record {
            ends.push(push.at.0 as f64 / SECOND as f64);
        }
    });
    // A round of three pushes each second until 9 s; then from 23.5 s on.
    assert_eq!((ends[26], ends[27]), (9.0, 24.5));
    let reports = simulation.outages().reports();
    let of = |report: &ShardFailure| (report.shard, report.noticed.map(|at| at.0 * 2 / SECOND));
    assert_eq!(of(&reports[0]), (ShardId(0), Some(23)));
    assert_eq!(of(&reports[1]), (ShardId(1), Some(31)));
    check_reports(&simulation);
    let waited = simulation.workers()[0].spent(Activity::Wait, simulation.now());
    assert_eq!(waited, seconds(12));
}
