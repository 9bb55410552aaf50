//! The joiner against a plain, slow one, and what its rules say.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::base::Persist;
use crate::base::persist::{Loader, Saver};

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Positive,
    Negative,
    Unkept,
}

/// All that happened to a request. Each message has its time and its place among all messages.
#[derive(Clone, Copy, Debug, Default)]
struct Story {
    request: Request,
    features: Option<(SimTime, usize)>,
    /// An action that waits for features.
    action: Option<(SimTime, usize)>,
    on_disk: bool,
    end: Option<End>,
    had_late_action: bool,
}

impl Story {
    fn waits(&self) -> bool {
        self.features.is_some() && self.end.is_none()
    }
}

/// The rules of the joiner, with a map that is searched for everything.
struct Plain {
    join: Join,
    negatives: KeptNegatives,
    streams: Streams,
    stories: BTreeMap<u64, Story>,
    messages: usize,
    out: Vec<Emitted>,
}

impl Plain {
    fn story(&mut self, request: Request) -> &mut Story {
        self.messages += 1;
        let story = self.stories.entry(request.number).or_default();
        story.request = request;
        story
    }

    fn emit(&mut self, request: Request, emitted: SimTime, rest: (bool, f32, Origin)) {
        let (is_positive, weight, from) = rest;
        let Request { number, at } = request;
        self.out.push(Emitted { request: number, at, emitted, is_positive, weight, from });
    }

    /// Closes what closes up to `limit`, or before it.
    fn close(&mut self, limit: SimTime, included: bool) {
        loop {
            let due = |since: SimTime| {
                let at = since + self.join.window;
                (at < limit || included && at == limit)
                    .then_some(at)
                    .filter(|at| *at < SimTime::MAX)
            };
            let features = self.stories.values().filter(|story| story.waits());
            let features = features.filter_map(|story| {
                let (since, place) = story.features?;
                Some((due(since)?, 1, place, story.request.number))
            });
            let actions = self.stories.values().filter_map(|story| {
                let (since, place) = story.action?;
                Some((due(since)?, 0, place, story.request.number))
            });
            let Some((at, is_features, _, number)) = features.chain(actions).min() else { return };
            self.spill(at);
            let keeps = self.negatives.keeps(number, self.streams);
            let story = self.stories.get_mut(&number).unwrap();
            if is_features == 0 {
                story.action = None;
            } else if keeps {
                story.end = Some(End::Negative);
                let from = if story.on_disk { Origin::Disk } else { Origin::Memory };
                let request = story.request;
                self.emit(request, at, (false, 1.0, from));
            } else {
                story.end = Some(End::Unkept);
            }
        }
    }

    /// What lies on disk at `now`.
    fn spill(&mut self, now: SimTime) {
        let stays = self.join.memory_time.unwrap_or(SimSpan(u64::MAX));
        let mut in_memory: Vec<&mut Story> =
            self.stories.values_mut().filter(|story| story.waits() && !story.on_disk).collect();
        in_memory.sort_by_key(|story| story.features);
        let memory = self.join.memory.unwrap_or(u64::MAX);
        let over = (in_memory.len() as u64).saturating_sub(memory) as usize;
        for (place, story) in in_memory.into_iter().enumerate() {
            let (since, _) = story.features.unwrap();
            story.on_disk = place < over || since + stays < now;
        }
    }

    fn features(&mut self, request: Request, now: SimTime) {
        self.close(now, false);
        self.spill(now);
        let place = self.messages;
        let story = self.story(request);
        if story.features.is_some() {
            return;
        }
        story.features = Some((now, place));
        if story.action.take().is_some() {
            story.end = Some(End::Positive);
            self.emit(request, now, (true, 1.0, Origin::Memory));
        }
        self.spill(now);
    }

    fn action(&mut self, request: Request, now: SimTime) {
        self.close(now, false);
        self.spill(now);
        let (place, found) = (self.messages, now + self.join.disk);
        let story = self.story(request);
        match story.end {
            None if story.features.is_none() => {
                story.action.get_or_insert((now, place));
            }
            None => {
                story.end = Some(End::Positive);
                let (on_disk, memory) = (story.on_disk, Origin::Memory);
                let (emitted, from) = if on_disk { (found, Origin::Disk) } else { (now, memory) };
                self.emit(request, emitted, (true, 1.0, from));
            }
            Some(End::Negative | End::Unkept) if !story.had_late_action => {
                story.had_late_action = true;
                let was_emitted = story.end == Some(End::Negative);
                if self.join.late == LateAction::Correct && was_emitted {
                    self.emit(request, found, (false, -1.0, Origin::Late));
                }
                if self.join.late != LateAction::Drop {
                    self.emit(request, found, (true, 1.0, Origin::Late));
                }
            }
            Some(_) => {}
        }
    }
}

fn request(number: u64) -> Request {
    Request { number, at: SimTime(number) }
}

fn reloaded(joiner: &Joiner) -> Joiner {
    let mut saver = Saver::default();
    joiner.save(&mut saver);
    let mut other = Joiner::new(joiner.join, joiner.negatives.clone(), joiner.streams);
    let bytes = saver.into_bytes();
    let mut loader = Loader::new(&bytes);
    other.load(&mut loader).unwrap();
    loader.end().unwrap();
    other
}

fn joins() -> impl Strategy<Value = Join> {
    let window = prop_oneof![Just(0), 1u64..40, Just(u64::MAX)];
    let memory = prop_oneof![Just(None), (0u64..6).prop_map(Some)];
    let late =
        prop_oneof![Just(LateAction::Drop), Just(LateAction::Second), Just(LateAction::Correct)];
    let time = prop_oneof![Just(None), (0u64..30).prop_map(|time| Some(SimSpan(time)))];
    (window, memory, time, 0u64..5, late).prop_map(|(window, memory, time, disk, late)| Join {
        window: SimSpan(window),
        memory,
        memory_time: time,
        disk: SimSpan(disk),
        late,
    })
}

proptest! {
    /// Features and actions come in any order, several times or never; the joiner is saved and
    /// loaded in the middle.
    #[test]
    fn it_does_what_a_plain_joiner_does(
        join in joins(),
        keep in prop_oneof![Just(1.0), Just(0.0), 0.1f64..0.9],
        messages in proptest::collection::vec((0u64..8, 0u8..3, 0u64..24), 0..120),
        saved_after in 0usize..120,
    ) {
        let negatives = KeptNegatives::same(keep);
        let streams = Streams::new(3);
        let mut joiner = Joiner::new(join, negatives.clone(), streams);
        let (stories, out) = (BTreeMap::new(), Vec::new());
        let mut plain = Plain { join, negatives, streams, stories, messages: 0, out };
        let (mut now, mut out) = (SimTime::ZERO, Vec::new());
        for (place, (gap, kind, number)) in messages.into_iter().enumerate() {
            if place == saved_after {
                joiner = reloaded(&joiner);
            }
            now = now + SimSpan(gap);
            let request = request(number);
            match kind {
                0 => {
                    joiner.features(request, now, &mut out);
                    plain.features(request, now);
                }
                1 => {
                    joiner.action(request, now, &mut out);
                    plain.action(request, now);
                }
                _ => {
                    joiner.close(now, &mut out);
                    plain.close(now, true);
                    plain.spill(now);
                }
            }
            prop_assert_eq!(&out, &plain.out);
            joiner.check();
            let waiting = || plain.stories.values().filter(|story| story.waits());
            let counts = joiner.counts();
            prop_assert_eq!(counts.waiting() as usize, waiting().count());
            prop_assert_eq!(counts.on_disk as usize, waiting().filter(|story| story.on_disk).count());
            let actions = plain.stories.values().filter(|story| story.action.is_some()).count();
            prop_assert_eq!(counts.actions_waiting as usize, actions);
        }
        // In the end nothing waits, unless for ever.
        joiner.close(SimTime::MAX, &mut out);
        plain.close(SimTime::MAX, true);
        prop_assert_eq!(&out, &plain.out);
        joiner.check();
        let ended = plain.stories.values().filter(|story| story.end.is_some()).count() as u64;
        let counts = joiner.counts();
        prop_assert_eq!(counts.features, ended + counts.waiting());
        prop_assert_eq!(counts.emitted(), out.len() as u64);
        if join.window.0 < u64::MAX {
            prop_assert_eq!(counts.waiting() + counts.actions_waiting, 0);
        }
    }
}

/// A joiner with a window of 10 and look-ups of 3, and what it has emitted.
struct Bench {
    joiner: Joiner,
    out: Vec<Emitted>,
}

impl Bench {
    fn new(memory: Option<u64>, late: LateAction) -> Bench {
        let disk = SimSpan(3);
        let join = Join { window: SimSpan(10), memory, memory_time: None, disk, late };
        let joiner = Joiner::new(join, KeptNegatives::same(1.0), Streams::new(1));
        Bench { joiner, out: Vec::new() }
    }

    fn features(&mut self, number: u64, now: u64) -> &mut Bench {
        self.joiner.features(request(number), SimTime(now), &mut self.out);
        self
    }

    fn action(&mut self, number: u64, now: u64) -> &mut Bench {
        self.joiner.action(request(number), SimTime(now), &mut self.out);
        self
    }

    fn close(&mut self, now: u64) -> &mut Bench {
        self.joiner.close(SimTime(now), &mut self.out);
        self
    }

    /// Request, time, and weight, which is below zero for negatives that are taken back; labels and
    /// origins as text.
    fn emitted(&self) -> Vec<(u64, u64, String)> {
        self.joiner.check();
        let tell = |example: &Emitted| {
            let label = if example.is_positive { "positive" } else { "negative" };
            let back = if example.weight < 0.0 { ", taken back" } else { "" };
            let text = format!("{label}{back}, {:?}", example.from);
            (example.request, example.emitted.0, text)
        };
        self.out.iter().map(tell).collect()
    }
}

fn told(list: &[(u64, u64, &str)]) -> Vec<(u64, u64, String)> {
    list.iter().map(|(request, at, text)| (*request, *at, (*text).to_string())).collect()
}

#[test]
fn a_positive_is_emitted_at_once_and_a_negative_when_its_window_closes() {
    let mut bench = Bench::new(None, LateAction::Drop);
    bench.features(0, 1).features(1, 2).features(2, 2).action(1, 7).close(12);
    let expected =
        [(1, 7, "positive, Memory"), (0, 11, "negative, Memory"), (2, 12, "negative, Memory")];
    assert_eq!(bench.emitted(), told(&expected));
    assert_eq!(bench.joiner.next_time(), SimTime::MAX);
}

#[test]
fn an_action_at_the_instant_at_which_the_window_closes_is_in_time() {
    let mut bench = Bench::new(None, LateAction::Drop);
    bench.features(0, 1).features(1, 1).action(0, 11).action(1, 12);
    let expected = [(0, 11, "positive, Memory"), (1, 11, "negative, Memory")];
    assert_eq!(bench.emitted(), told(&expected));
    assert_eq!(bench.joiner.counts().actions_late, 1);
}

#[test]
fn actions_may_come_before_their_features() {
    let mut bench = Bench::new(None, LateAction::Drop);
    // The action on 1 has waited for too long: a false negative.
    bench.action(0, 1).action(1, 1).features(0, 11).features(1, 12).close(30);
    let expected = [(0, 11, "positive, Memory"), (1, 22, "negative, Memory")];
    assert_eq!(bench.emitted(), told(&expected));
    let counts = bench.joiner.counts();
    assert_eq!((counts.after_action, counts.actions_alone), (1, 1));
}

#[test]
fn messages_that_come_again_have_no_effect() {
    let mut bench = Bench::new(None, LateAction::Second);
    bench.features(0, 1).features(0, 2).action(0, 3).action(0, 4).features(0, 5);
    bench.action(1, 6).action(1, 7).features(1, 8).action(1, 9);
    bench.features(2, 10).close(20).action(2, 21).action(2, 22);
    let expected = [
        (0, 3, "positive, Memory"),
        (1, 8, "positive, Memory"),
        (2, 20, "negative, Memory"),
        (2, 24, "positive, Late"),
    ];
    assert_eq!(bench.emitted(), told(&expected));
    let counts = bench.joiner.counts();
    assert_eq!((counts.features_again, counts.actions_again, counts.second), (2, 4, 1));
}

#[test]
fn late_actions_are_dropped_or_make_a_second_example_or_take_the_first_back() {
    let late = |late| {
        let mut bench = Bench::new(None, late);
        bench.features(0, 1).action(0, 12);
        bench.emitted().split_off(1)
    };
    assert_eq!(late(LateAction::Drop), told(&[]));
    assert_eq!(late(LateAction::Second), told(&[(0, 15, "positive, Late")]));
    let pair = [(0, 15, "negative, taken back, Late"), (0, 15, "positive, Late")];
    assert_eq!(late(LateAction::Correct), told(&pair));
}

#[test]
fn a_negative_that_was_not_kept_is_not_taken_back() {
    let join = Join { window: SimSpan(10), late: LateAction::Correct, ..Join::default() };
    let negatives = KeptNegatives::same(0.0);
    let mut out = Vec::new();
    let mut joiner = Joiner::new(join, negatives, Streams::new(1));
    joiner.features(request(0), SimTime(1), &mut out);
    joiner.action(request(0), SimTime(12), &mut out);
    assert_eq!(out.len(), 1);
    assert!(out[0].is_positive && joiner.counts().negatives_unkept == 1);
    joiner.check();
}

#[test]
fn the_oldest_features_lie_on_disk_and_take_longer_to_find() {
    let mut bench = Bench::new(Some(2), LateAction::Drop);
    bench.features(0, 1).features(1, 1).features(2, 2).features(3, 2);
    assert_eq!((bench.joiner.counts().in_memory, bench.joiner.counts().on_disk), (2, 2));
    // What lies on disk stays there when there is room in memory again.
    bench.action(2, 4).action(1, 5).action(3, 5).close(11);
    let expected = [
        (2, 4, "positive, Memory"),
        (1, 8, "positive, Disk"),
        (3, 5, "positive, Memory"),
        (0, 11, "negative, Disk"),
    ];
    assert_eq!(bench.emitted(), told(&expected));
}

#[test]
fn features_go_to_disk_after_their_time_in_memory() {
    let mut bench = Bench::new(None, LateAction::Drop);
    bench.joiner.join.memory_time = Some(SimSpan(4));
    bench.features(0, 1).features(1, 1).features(2, 3).action(0, 5).action(1, 6).action(2, 6);
    let expected =
        [(0, 5, "positive, Memory"), (1, 9, "positive, Disk"), (2, 6, "positive, Memory")];
    assert_eq!(bench.emitted(), told(&expected));
}

#[test]
fn a_window_that_never_closes_emits_positives_alone() {
    let join = Join { window: SimSpan(u64::MAX), ..Join::default() };
    let mut joiner = Joiner::new(join, KeptNegatives::same(1.0), Streams::new(1));
    let mut out = Vec::new();
    for number in 0..100 {
        joiner.features(request(number), SimTime(number + 1), &mut out);
    }
    joiner.action(request(7), SimTime(1 << 60), &mut out);
    joiner.close(SimTime(u64::MAX - 1), &mut out);
    assert_eq!((out.len(), joiner.counts().waiting(), joiner.next_time()), (1, 99, SimTime::MAX));
    joiner.check();
}

#[test]
#[should_panic(expected = "comes after")]
fn time_does_not_go_backwards() {
    Bench::new(None, LateAction::Drop).features(0, 5).features(1, 4);
}
