//! Prefetch: what it gains in time and costs in staleness, by closed forms; and that nothing is lost or
//! made up when workers go while they pull ahead.

use straggler::base::{Bandwidth, SimSpan};
use straggler::cluster::failures::{InFlightMessages, Lost};
use straggler::cluster::{Failures, Membership, Scripted};
use straggler::protocol::ProtocolChoice;
use straggler::scenario::document::{DocumentInput, load};
use straggler::scenario::{Scenario, rules};
use straggler::sim::feed::ExampleSharing;
use straggler::sim::{Finished, NoObserver, Record, State, Stop};

use crate::absence::{
    SECOND, build, check_invariants, churning, constant, exponential, failing, protocols, run,
    run_with, seconds, timing,
};
use crate::training::{self, run_in_pieces, small};

/// Seconds to an update of each of `workers` workers.
fn period(scenario: &Scenario) -> f64 {
    let simulation = run(scenario);
    let updates = simulation.session().progress.updates as f64;
    let workers = f64::from(scenario.cluster.workers);
    simulation.now().seconds() * workers / updates / SimSpan(SECOND).seconds()
}

fn prefetching(mut scenario: Scenario) -> Scenario {
    scenario.worker.prefetch = true;
    scenario
}

fn permissive() -> impl Iterator<Item = ProtocolChoice> {
    protocols().into_iter().filter(|choice| choice.facts().never_waits)
}

/// Compute time and pull add up without prefetch, and the longer of them counts with it: for a server
/// that takes long to answer, and for links of the workers' own.
#[test]
fn the_longer_of_computing_and_pulling_counts() {
    for quarters in [1, 2, 4, 6, 12] {
        let mut scenario = timing(1, constant());
        scenario.cluster.server.pull_fixed = SimSpan(quarters * SECOND / 4);
        let pull = quarters as f64 / 4.0;
        assert!((period(&scenario) / (1.0 + pull) - 1.0).abs() < 0.02);
        assert!((period(&prefetching(scenario)) / f64::max(1.0, pull) - 1.0).abs() < 0.02);
    }
    for bytes_a_second in [300, 150, 40] {
        let mut scenario = timing(5, constant());
        scenario.cluster.network.worker_bandwidth = Some(Bandwidth(8 * bytes_a_second));
        // 10 rows of one number and 10 dense ones: 80 bytes ask, 80 answer, 160 are pushed.
        let second = SimSpan(SECOND).seconds();
        let [ask, pull, push] =
            [80.0, 160.0, 160.0].map(|bytes| bytes / bytes_a_second as f64 / second);
        let usual = period(&scenario);
        assert!((usual / (1.0 + pull + push) - 1.0).abs() < 0.02, "{usual}");
        let ahead = period(&prefetching(scenario));
        // The push is behind the next request on the link outward.
        let expected = f64::max(f64::max(1.0, ask) + push, pull);
        assert!((ahead / expected - 1.0).abs() < 0.02, "{ahead} {expected}");
    }
}

/// A server that is busy all the time gains nothing; one that is idle all the time lets workers
/// compute all the time.
#[test]
fn a_shared_server_remains_the_bottleneck() {
    for (workers, expected) in [(2, 1.0), (4, 1.0), (12, 12.0 / 8.0), (32, 4.0)] {
        let mut scenario = prefetching(timing(workers, constant()));
        scenario.cluster.server.pull_fixed = SimSpan(SECOND / 8);
        let period = period(&scenario);
        assert!((period / expected - 1.0).abs() < 0.02, "{workers}: {period}");
    }
}

/// With two steps of every worker in flight, every update ages 2 N - 1 others.
#[test]
fn staleness_is_that_of_two_steps_in_flight() {
    for law in [constant(), exponential()] {
        let mut scenario = timing(6, law);
        scenario.train.stop.updates = Some(6_000);
        let mean = |scenario: &Scenario| {
            let (mut sum, mut count) = (0.0, 0.0);
            let simulation = run_with(scenario, &mut |record: &Record<'_>| {
                if let Record::Finished(push) = record {
                    sum += push.staleness;
                    count += 1.0;
                }
            });
            simulation.check();
            sum / count
        };
        let (usual, ahead) = (mean(&scenario), mean(&prefetching(scenario.clone())));
        assert!((usual - 5.0).abs() < 0.05, "{usual}");
        assert!((ahead - 11.0).abs() < 0.1, "{ahead}");
    }
}

/// Where messages take no time, what is gained is nothing: the updates come at the same moments.
#[test]
fn without_a_network_only_the_age_of_gradients_changes() {
    let mut scenario = timing(5, exponential());
    scenario.train.stop.updates = Some(500);
    let moments = |scenario: &Scenario| {
        let mut moments = Vec::new();
        run_with(scenario, &mut |record: &Record<'_>| {
            if let Record::Finished(push) = record {
                moments.push((push.at, push.worker));
            }
        });
        moments
    };
    assert_eq!(moments(&scenario), moments(&prefetching(scenario.clone())));
}

/// Everything that can happen to a worker happens while it pulls ahead; the books balance at any moment.
#[test]
fn nothing_is_lost_or_made_up_when_workers_come_and_go() {
    for choice in permissive() {
        for (shards, on_the_way) in [(1, InFlightMessages::Lost), (3, InFlightMessages::Arrives)] {
            let mut scenario = prefetching(churning(6));
            scenario.protocol = choice.clone();
            scenario.cluster.shards = shards;
            scenario.cluster.failures.on_the_way = on_the_way;
            scenario.cluster.network.latency = SimSpan(SECOND / 3);
            scenario.train.stop.updates = Some(1_000);
            let mut simulation = build(&scenario);
            check_invariants(&mut simulation, 7);
            let tally = *simulation.presence().tally();
            assert!(tally.lost_steps > tally.crashes, "{}: {tally:?}", choice.name());
        }
    }
}

/// Of the examples handed out, each was applied, was lost, came back, or is in flight.
#[test]
fn examples_of_steps_ahead_share_the_fate_of_the_others() {
    for lost in [Lost::Drop, Lost::Requeue, Lost::Repeat] {
        let mut scenario = prefetching(small());
        scenario.record.audit = true;
        scenario.train.stop = Stop { examples: Some(2_000), ..Stop::default() };
        scenario.cluster.failures = Failures { lost, ..failing(15, 3) };
        scenario.cluster.membership = vec![Membership {
            first: 3,
            leave: Some(seconds(8)),
            join: Some(seconds(11)),
            every: Some(seconds(30)),
            ..Membership::default()
        }];
        let mut applied = 0;
        let simulation = run_with(&scenario, &mut |record: &Record<'_>| {
            if let Record::Finished(Finished { applied: true, examples, .. }) = record {
                applied += examples;
            }
        });
        let tally = *simulation.presence().tally();
        assert!(tally.crashes > 3 && tally.leaves > 0, "{tally:?}");
        assert!(tally.lost_steps > tally.crashes + tally.leaves, "{tally:?}");
        let workers = simulation.workers();
        let begun: u64 = workers.iter().map(|w| w.begun).sum();
        let flying = workers.iter().flat_map(|w| [w.flight, w.next]).flatten().count() as u64;
        assert_eq!(16 * begun, applied + tally.lost_examples + 16 * flying);
        let counts = simulation.presence().audit().expect("it is counted").counts();
        assert!(counts.iter().all(|(uses, _)| *uses < 2), "{counts:?}");
    }
}

/// One worker alone with fixed examples: its second gradient is made of the first view, as by an
/// imposed staleness of one update.
#[test]
fn one_worker_that_prefetches_is_one_update_behind() {
    let mut scenario = prefetching(small());
    scenario.cluster.workers = 1;
    let outcome = training::run(&scenario, 1);
    let staleness: Vec<f64> = outcome.finished.iter().map(|push| push.staleness).collect();
    assert_eq!(staleness[0], 0.0);
    assert!(staleness[1..].iter().all(|staleness| *staleness == 1.0), "{staleness:?}");
}

/// Threads and saved states change nothing, whatever else the workers do.
#[test]
fn threads_and_pieces_change_nothing() {
    let routines = [
        "prefetch = true",
        "prefetch = true\nbatches = 2\nlocal = { kind = 'local_steps', learning_rate = 0.05 }",
        "prefetch = true\npull_every = 3",
    ];
    for (index, text) in routines.iter().enumerate() {
        for choice in permissive() {
            let mut scenario = small();
            scenario.worker = toml::from_str(text).unwrap();
            scenario.protocol = choice;
            scenario.cluster.shards = 3;
            scenario.cluster.dense_shards = (index == 2).then_some(1);
            scenario.cluster.network.latency = SimSpan(SECOND / 4);
            scenario.cluster.server.pull_fixed = SimSpan(SECOND / 16);
            scenario.cluster.failures = Failures { lost: Lost::Requeue, ..failing(12, 3) };
            let event = Scripted { worker: 2, at: seconds(4), ..Scripted::default() };
            scenario.cluster.event = vec![Scripted { sleep: Some(seconds(5)), ..event }];
            scenario.train.sharing = ExampleSharing::Queue;
            let one = training::run(&scenario, 1);
            let (three, pieces) = (training::run(&scenario, 3), run_in_pieces(&scenario, 2, 13));
            assert!(one.records == three.records && one.weights == three.weights, "{text}");
            assert!(one.records == pieces.records && one.weights == pieces.weights, "{text}");
        }
    }
}

/// Groups with protocols of their own grant in two parts, and both are one step ahead.
#[test]
fn two_protocols_let_a_worker_pull_ahead() {
    let mut scenario = prefetching(timing(4, exponential()));
    scenario.cluster.shards = 3;
    scenario.cluster.dense_shards = Some(1);
    scenario.protocol = toml::from_str("kind = 'softsync'\nn = 2").unwrap();
    scenario.sparse_protocol = Some(toml::from_str("kind = 'asynchronous'").unwrap());
    scenario.train.stop.updates = Some(300);
    let mut simulation = build(&scenario);
    while simulation.step(&mut NoObserver).unwrap() == State::Running {
        simulation.check();
        let ahead = simulation.workers().iter().filter(|w| w.next.is_some()).count();
        assert!(ahead <= 4);
    }
}

#[test]
fn what_cannot_be_prefetched_is_refused_with_both_places() {
    let refused = |lines: &str, words: &[&str]| {
        let text = format!(
            "timing_only = {{}}\ntrain.stop.updates = 9\nworker.prefetch = true\n{lines}\n"
        );
        let mut loaded =
            load::<Scenario>(DocumentInput::Text { name: "t.toml", text: &text }, &[]).unwrap();
        rules::check(&mut loaded);
        let problems = loaded.finish().unwrap_err().to_string();
        for word in ["t.toml:3", "E0201", "worker.prefetch"].iter().chain(words) {
            assert!(problems.contains(word), "{lines} says nothing of {word}:\n{problems}");
        }
    };
    refused("protocol.kind = \"synchronous\"", &["4 |", "synchronous", "asynchronous, softsync"]);
    refused(
        "protocol = { kind = \"ringmaster\", bound = 3, abort = true }",
        &["4 |", "without `abort`"],
    );
    refused("worker.local = { kind = \"elastic\" }", &["4 |", "replica"]);
    let rare = "worker.push_every = 2\ncluster = { shards = 2, dense_shards = 1 }";
    refused(rare, &["4 |", "adds up"]);
    let two =
        "sparse_protocol.kind = \"stale_synchronous\"\ncluster = { shards = 2, dense_shards = 1 }";
    refused(two, &["4 |", "stale_synchronous"]);
}
