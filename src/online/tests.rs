//! The whole stream: what must be true of any.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::base::persist::{Loader, Saver};
use crate::base::{Persist, SimSpan, SimTime, Streams};
use crate::data::{Batch, DataSource, Synthetic, synthetic};

/// A generated log of two days with 300 examples: more than are read at once for their labels.
fn log() -> Arc<dyn DataSource> {
    let text = "users = 40\nitems = 40\ndays = 2\nrows_per_day = 150";
    let config: synthetic::Config = toml::from_str(text).unwrap();
    Arc::new(Synthetic::new(&config, Streams::new(1)).unwrap())
}

fn stream(online: &Online, log: &Arc<dyn DataSource>) -> Stream {
    let requests = Arc::new(Requests::new(log.days().to_vec()));
    let log = Arc::clone(log);
    Stream::new(online, requests, log, Path::new("."), Streams::new(7)).unwrap()
}

fn bytes(stream: &Stream) -> Vec<u8> {
    let mut saver = Saver::default();
    stream.save(&mut saver);
    saver.into_bytes()
}

/// The labels of the log by request.
fn labels(log: &Arc<dyn DataSource>) -> Vec<bool> {
    let requests = Requests::new(log.days().to_vec());
    let ids: Vec<u64> = (0..requests.len()).map(|request| requests.id(request)).collect();
    let mut batch = Batch::default();
    log.read(&ids, &mut batch);
    batch.labels.iter().map(|label| *label > 0.5).collect()
}

fn settings() -> impl Strategy<Value = Online> {
    let window = prop_oneof![Just(SimSpan::ZERO), (1u64..60).prop_map(seconds)];
    let memory = prop_oneof![Just(None), (0u64..20).prop_map(Some)];
    let late = prop_oneof![Just("drop"), Just("second"), Just("correct")];
    let full = prop_oneof![Just("block"), Just("drop_oldest"), Just("drop_newest")];
    let limit = prop_oneof![Just(None), (8u64..40).prop_map(Some)];
    let share = || prop_oneof![Just(0.0), Just(1.0), 0.0f64..1.0];
    let delays = (0u64..40, 0u64..40);
    (
        (window, memory, late, full, limit),
        (share(), share(), share()),
        delays,
        prop_oneof![Just(1.0), 0.1f64..1.0],
        any::<bool>(),
    )
        .prop_map(|((window, memory, late, full, limit), shares, delays, keep, bursts)| {
            let text = format!(
                r#"
                arrivals = {{ kind = "poisson", rate = 2.0 }}
                actions.delay = {{ mean = "{}s", law.kind = "exponential" }}
                features.delay = {{ mean = "{}s", law.kind = "exponential" }}
                join = {{ disk = "500ms", late = "{late}" }}
                queue.full = "{full}"
                "#,
                delays.0, delays.1
            );
            let mut online: Online = toml::from_str(&text).unwrap();
            (online.join.window, online.join.memory, online.queue.limit) = (window, memory, limit);
            (online.actions.never, online.actions.twice, online.features.lost) = shares;
            online.negatives.keep = Keep::Share(keep);
            if bursts {
                let (every, lasting) = (seconds(5), seconds(5));
                online.pace.bursts = vec![Bursts { every, lasting, factor: 4.0 }];
            }
            online
        })
}

fn seconds(count: u64) -> SimSpan {
    SimSpan(count * 1_000_000_000)
}

/// Workers that take up to so many examples at such moments, after so many seconds each.
fn workers() -> impl Strategy<Value = Vec<(u64, usize)>> {
    proptest::collection::vec((0u64..15, 0usize..30), 1..60)
}

/// Everything up to `now` happens, one instant after the other; returns the requests that came.
fn walk(stream: &mut Stream, now: SimTime) -> Vec<u64> {
    let mut arrived = Vec::new();
    while let Some(next) = stream.next_time().filter(|next| *next <= now) {
        stream.advance(next, |came| arrived.push(came.request.number));
        stream.check();
    }
    stream.advance(now, |_| panic!("a request came at no time"));
    arrived
}

/// All that workers take, and then what is left; and the requests that came.
fn taken(stream: &mut Stream, workers: &[(u64, usize)]) -> (Vec<Emitted>, Vec<u64>) {
    let (mut taken, mut arrived, mut now) = (Vec::new(), Vec::new(), SimTime::ZERO);
    for &(gap, count) in workers {
        now = now + seconds(gap);
        arrived.extend(walk(stream, now));
        stream.take(count, now, &mut taken);
        stream.check();
    }
    while !stream.is_over() || !stream.queue().is_empty() {
        arrived.extend(walk(stream, SimTime::MAX));
        stream.take(usize::MAX, SimTime::MAX, &mut taken);
        stream.check();
    }
    (taken, arrived)
}

/// What of an example does not depend on when it was taken.
fn content(taken: &[Emitted]) -> Vec<(u64, bool, i8, Origin)> {
    taken.iter().map(|e| (e.request, e.is_positive, e.weight as i8, e.from)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_request_is_emitted_or_lost_and_counted(online in settings(), workers in workers()) {
        let log = log();
        let mut stream = stream(&online, &log);
        let (taken, arrived) = taken(&mut stream, &workers);
        prop_assert!(arrived.iter().copied().eq(0..stream.requests().len()));
        let (counts, joiner, queue) = (stream.counts(), stream.joiner().counts(), stream.queue().counts());
        let ended = joiner.positives + joiner.negatives + joiner.negatives_unkept;
        prop_assert_eq!(counts.requests, ended + counts.features_lost);
        prop_assert_eq!(joiner.emitted(), taken.len() as u64 + queue.dropped());
        prop_assert_eq!(joiner.waiting() + joiner.actions_waiting + counts.features_on_way, 0);
        // No example was ready before its request, or taken before it was ready.
        prop_assert!(taken.iter().all(|example| example.at <= example.emitted));
        if queue.dropped() == 0 {
            let first = |label: bool| {
                taken.iter().filter(|e| e.is_positive == label && e.from != Origin::Late).count() as u64
            };
            prop_assert_eq!((first(true), first(false)), (joiner.positives, joiner.negatives));
        }
        // An example of a negative request is never positive.
        let labels = labels(&log);
        prop_assert!(taken.iter().all(|e| !e.is_positive || labels[e.request as usize]));
    }

    /// It does not matter how often the stream is told the time between two takes, nor whether it is
    /// saved and loaded in the middle.
    #[test]
    fn it_does_the_same_however_often_it_is_asked(
        online in settings(),
        workers in workers(),
        steps in 2u64..6,
        saved_after in 0usize..60,
    ) {
        let log = log();
        let (mut one, mut other) = (stream(&online, &log), stream(&online, &log));
        let mut now = SimTime::ZERO;
        for (place, &(gap, count)) in workers.iter().enumerate() {
            let then = now;
            now = now + seconds(gap);
            one.advance(now, |_| ());
            for step in 1..=steps {
                other.advance(then + SimSpan(seconds(gap).0 * step / steps), |_| ());
                other.check();
            }
            if place == saved_after {
                let saved = bytes(&other);
                other = stream(&online, &log);
                let mut loader = Loader::new(&saved);
                other.load(&mut loader).unwrap();
                loader.end().unwrap();
            }
            let mut takes = (Vec::new(), Vec::new());
            one.take(count, now, &mut takes.0);
            other.take(count, now, &mut takes.1);
            prop_assert_eq!(takes.0, takes.1);
            prop_assert_eq!(one.next_time(), other.next_time());
            prop_assert_eq!(one.counts(), other.counts());
        }
        prop_assert_eq!(taken(&mut one, &[]), taken(&mut other, &[]));
    }

    /// A joiner that stands still changes when examples come, and nothing else of them.
    #[test]
    fn a_blocking_queue_loses_nothing_and_keeps_the_order(
        online in settings(),
        workers in workers(),
        limit in 8u64..40,
    ) {
        let log = log();
        let queue = QueueSettings { limit: Some(limit), full: WhenFull::Block };
        let blocking = Online { queue, ..online.clone() };
        let open = Online { queue: QueueSettings::default(), ..online };
        let of = |online: &Online| taken(&mut stream(online, &log), &workers).0;
        let (blocked, free) = (of(&blocking), of(&open));
        prop_assert_eq!(content(&blocked), content(&free));
        let is_late = |(blocked, free): (&Emitted, &Emitted)| blocked.emitted >= free.emitted;
        prop_assert!(blocked.iter().zip(&free).all(is_late));
    }
}

/// The null arm: without delays, windows and losses the stream is the log, in its order and with its
/// labels, each example at its own instant.
#[test]
fn without_delays_the_stream_is_the_log() {
    let log = log();
    let text = "arrivals = { kind = \"replay\", speed = 1.0 }\njoin.window = \"0s\"";
    let online: Online = toml::from_str(text).unwrap();
    let mut stream = stream(&online, &log);
    let (taken, _) = taken(&mut stream, &[]);
    let expected: Vec<(u64, bool, i8, Origin)> = labels(&log)
        .into_iter()
        .enumerate()
        .map(|(request, label)| (request as u64, label, 1, Origin::Memory))
        .collect();
    assert_eq!(content(&taken), expected);
    assert!(taken.iter().all(|example| example.emitted == example.at));
    assert!(taken.iter().all(|e| e.at == stream.requests().instant(e.request)));
}

#[test]
fn a_stream_at_rate_zero_is_over_at_once() {
    let online: Online = toml::from_str("arrivals = { kind = \"even\", rate = 0.0 }").unwrap();
    let mut stream = stream(&online, &log());
    assert_eq!((stream.next_time(), stream.is_over(), stream.has(1)), (None, true, false));
    stream.advance(SimTime(1 << 62), |_| panic!("a request came"));
    stream.check();
}

#[test]
fn without_windows_that_close_only_positives_come() {
    let log = log();
    let mut online = Online::default();
    online.join.window = SimSpan(u64::MAX);
    let mut stream = stream(&online, &log);
    let (taken, _) = taken(&mut stream, &[]);
    let positives = labels(&log).iter().filter(|label| **label).count();
    assert_eq!(taken.len(), positives);
    assert!(taken.iter().all(|example| example.is_positive));
    assert_eq!(stream.joiner().counts().waiting(), 300 - positives as u64);
    assert!(stream.is_over());
}

#[test]
fn a_short_step_is_given_only_at_the_end() {
    let online: Online =
        toml::from_str("arrivals = { kind = \"even\", rate = 1.0 }\njoin.window = \"0s\"").unwrap();
    let mut stream = stream(&online, &log());
    stream.advance(SimTime(0) + seconds(299), |_| ());
    assert_eq!((stream.has(299), stream.has(300), stream.is_over()), (true, false, false));
    stream.advance(SimTime(0) + seconds(300), |_| ());
    assert_eq!((stream.has(400), stream.is_over()), (true, true));
    stream.take(300, SimTime(0) + seconds(300), &mut Vec::new());
    assert!(!stream.has(1));
}

/// A request a second, and room for ten examples: the joiner does nothing until a worker takes some,
/// and then all of it at once.
#[test]
fn a_joiner_before_a_full_queue_stands_still() {
    let online: Online = toml::from_str(
        "arrivals = { kind = \"even\", rate = 1.0 }\njoin.window = \"0s\"\nqueue.limit = 10",
    )
    .unwrap();
    let mut stream = stream(&online, &log());
    let at = |count| SimTime(0) + seconds(count);
    let mut arrived = 0;
    stream.advance(at(100), |_| arrived += 1);
    // Users do not wait for it. It stands still with the first example for which there is no room.
    assert_eq!((arrived, stream.is_blocked(), stream.next_time()), (100, true, Some(at(101))));
    assert_eq!((stream.queue().len(), stream.joiner().counts().features), (10, 11));
    let mut taken = Vec::new();
    stream.take(4, at(100), &mut taken);
    assert_eq!((stream.queue().len(), stream.joiner().counts().features), (10, 15));
    stream.advance(at(200), |_| arrived += 1);
    stream.take(10, at(200), &mut taken);
    assert_eq!((arrived, stream.joiner().counts().features), (200, 25));
    stream.check();
    // From the eleventh request to the first examples taken, and from then to the next.
    assert_eq!(stream.counts().stood_still, seconds(100 - 11 + 100));
    assert_eq!(stream.queue().counts().last_wait, seconds(100));
    let emitted: Vec<(u64, SimTime)> = taken.iter().map(|e| (e.request, e.emitted)).collect();
    let on_time = (0..10).map(|request| (request, at(request + 1)));
    let late = (10..14).map(|request| (request, at(100)));
    assert_eq!(emitted, on_time.chain(late).collect::<Vec<_>>());
}
